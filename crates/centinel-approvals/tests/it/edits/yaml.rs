//! YAML and JSON as they are found in charts, overlays and gateways.

use super::{Draft, Format};

const ANY: [&str; 3] = ["", "'", "\""];
const PLAIN: [&str; 1] = [""];

impl Draft {
    /// `key: value` at a depth.
    fn yaml(&mut self, depth: usize, key: &str, path: &str, old: &str, new: &str, quotes: &[&str]) {
        self.gap(depth, "#");
        self.pad(depth);
        let space = self.pick(&[" ", " ", " ", "   "]);
        self.push(&format!("{key}:{space}"));
        self.value(path, old, new, quotes);
        self.is_line();
        self.end("#");
    }

    /// `key:` at a depth.
    fn key(&mut self, depth: usize, key: &str) {
        self.gap(depth, "#");
        self.pad(depth);
        self.push(&format!("{key}:"));
        self.end("#");
    }

    /// Requests and limits of a container, in lines or in braces.
    fn resources(&mut self, depth: usize, path: &str) {
        self.key(depth, "resources");
        for part in ["requests", "limits"] {
            let path = format!("{path}resources.{part}");
            if self.chance(25) {
                self.pad(depth + 1);
                self.push(&format!("{part}: {{cpu: "));
                self.value(&format!("{path}.cpu"), "500m", "250m", &ANY);
                self.push(", memory: ");
                self.value(&format!("{path}.memory"), "1Gi", "768Mi", &ANY);
                self.push("}");
                self.end("#");
            } else {
                self.key(depth + 1, part);
                self.yaml(depth + 2, "cpu", &format!("{path}.cpu"), "2", "1500m", &PLAIN);
                self.yaml(depth + 2, "memory", &format!("{path}.memory"), "4Gi", "3Gi", &ANY);
            }
            self.rooms.push(format!("{path}.ephemeral-storage"));
        }
    }
}

/// A chart's `values.yaml`.
pub(super) fn values(seed: u64) -> Draft {
    let mut draft = Draft::new(Format::Yaml, seed);
    let d = &mut draft;
    d.push("# Default values for the chart.\n# This is a YAML-formatted file.\n");
    if d.chance(20) {
        d.push("---\n");
    }
    d.yaml(0, "replicaCount", "replicaCount", "4", "2", &PLAIN);
    d.key(0, "image");
    d.yaml(
        1,
        "repository",
        "image.repository",
        "registry.example.com:5000/team/search",
        "registry.example.com:5000/team/find",
        &ANY,
    );
    d.yaml(1, "tag", "image.tag", "v1.27.3", "v1.28.0", &ANY);
    d.yaml(1, "pullPolicy", "image.pullPolicy", "IfNotPresent", "Always", &ANY);
    d.rooms.push("image.digest".into());
    if d.chance(50) {
        d.push("x-common: &common\n  team: search\nextra:\n  <<: *common\n  more: 1\n");
    }
    d.resources(0, "");
    d.key(0, "autoscaling");
    d.yaml(1, "enabled", "autoscaling.enabled", "true", "false", &PLAIN);
    d.yaml(1, "maxReplicas", "autoscaling.maxReplicas", "100", "40", &PLAIN);
    d.yaml(
        1,
        "targetCPUUtilizationPercentage",
        "autoscaling.targetCPUUtilizationPercentage",
        "80",
        "65",
        &PLAIN,
    );
    d.push("nodeSelector: {}\ntolerations: []\n");
    d.rooms.push("nodeSelector.pool".into());
    d.key(0, "env");
    let list = usize::from(d.chance(50));
    for (index, (name, old, new)) in
        [("LOG_LEVEL", "debug", "info"), ("WORKERS", "16", "8"), ("RATIO", "0.75", "0.5")]
            .iter()
            .enumerate()
    {
        d.pad(list);
        d.push(&format!("- name: {name}"));
        d.end("#");
        d.pad(list);
        d.push("  value: ");
        let quotes = if index == 0 { &ANY[..] } else { &ANY[1..] };
        d.value(&format!("env[name={name}].value"), old, new, quotes);
        d.is_line();
        d.end("#");
    }
    d.push("script: |\n  # cpu: 500m\n  exec run\nfolded: >-\n  one\n  two\n");
    let long = "x".repeat(300);
    d.push(&format!("longText: \"{long}\"\n"));
    d.yaml(0, "schedule", "schedule", "0 3 * * *", "30 4 * * 1-5", &ANY);
    draft.finish()
}

/// Several objects in one file.
pub(super) fn manifests(seed: u64) -> Draft {
    let mut draft = Draft::new(Format::Yaml, seed);
    let d = &mut draft;
    if d.chance(50) {
        d.push("# objects of the search team\n---\n");
    }
    for (number, kind) in ["Deployment", "StatefulSet"].iter().enumerate() {
        let name = ["search", "index"][number];
        d.push(&format!("apiVersion: apps/v1\nkind: {kind}\n"));
        d.key(0, "metadata");
        d.pad(1);
        d.push(&format!("name: {name}"));
        d.end("#");
        d.key(1, "annotations");
        let at = format!("{kind}/{name}: ");
        d.yaml(
            2,
            "example.com/cost.center",
            &format!("{at}metadata.annotations.\"example.com/cost.center\""),
            "1234",
            "4321",
            &ANY[1..],
        );
        // The only annotation stays.
        d.slots.last_mut().unwrap().is_line = false;
        d.rooms.push(format!("{at}metadata.annotations.\"example.com/owner\""));
        d.key(0, "spec");
        d.yaml(1, "replicas", &format!("{at}spec.replicas"), "3", "2", &PLAIN);
        d.key(1, "template");
        d.key(2, "spec");
        d.key(3, "containers");
        let list = if d.chance(50) { 3 } else { 4 };
        for container in ["app", "sidecar"] {
            d.pad(list);
            let wide = d.indent;
            d.push("-");
            d.push(&" ".repeat(wide - 1));
            d.push(&format!("name: {container}"));
            d.end("#");
            let path = format!("{at}spec.template.spec.containers[name={container}].");
            d.yaml(
                list + 1,
                "image",
                &format!("{path}image"),
                "a.example.com/b:v1",
                "a.example.com/b:v2",
                &ANY,
            );
            d.resources(list + 1, &path);
            d.rooms.push(format!("{path}workingDir"));
        }
        d.push("---\n");
    }
    d.push("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: search, labels: {app: search}}\ndata:\n  app.conf: |-\n    replicas: 3\n    kind: Deployment\n");
    if d.chance(30) {
        d.push("...\n");
    }
    draft.finish()
}

/// `kustomization.yaml`.
pub(super) fn kustomization(seed: u64) -> Draft {
    let mut draft = Draft::new(Format::Yaml, seed);
    let d = &mut draft;
    d.push("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n");
    d.yaml(0, "namespace", "namespace", "prod", "staging", &ANY);
    d.push("resources:\n- ../../base\n- ingress.yaml # public\n");
    d.key(0, "images");
    for name in ["search", "team/index"] {
        d.push(&format!("- name: {name}\n"));
        d.push("  newTag: ");
        d.value(&format!("images[name={name}].newTag"), "v1.2.3", "v1.2.4", &ANY);
        d.is_line();
        d.end("#");
        d.rooms.push(format!("images[name={name}].newName"));
    }
    d.key(0, "replicas");
    d.push("- count: ");
    d.value("replicas[name=search].count", "6", "3", &PLAIN);
    d.end("#");
    d.push("  name: search\n");
    d.push("patches:\n- target: {kind: Deployment, name: search}\n  patch: |-\n    - op: replace\n      path: /spec/replicas\n      value: 6\n");
    d.key(0, "configMapGenerator");
    d.push("- name: settings\n  literals: [A=1, \"B=2\"]\n  options: {disableNameSuffixHash: ");
    d.value("configMapGenerator[0].options.disableNameSuffixHash", "true", "false", &PLAIN);
    d.push("}\n");
    draft.finish()
}

/// A strategic merge patch.
pub(super) fn patch(seed: u64) -> Draft {
    let mut draft = Draft::new(Format::Yaml, seed);
    let d = &mut draft;
    d.push("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: search # unchanged\n");
    d.key(0, "spec");
    d.yaml(1, "replicas", "Deployment: spec.replicas", "10", "6", &PLAIN);
    d.key(1, "template");
    d.key(2, "spec");
    d.yaml(
        3,
        "terminationGracePeriodSeconds",
        "spec.template.spec.terminationGracePeriodSeconds",
        "60",
        "30",
        &PLAIN,
    );
    d.key(3, "containers");
    d.pad(4);
    d.push("- name: app\n");
    let wide = d.indent;
    d.push(&" ".repeat(4 * wide + 2));
    d.push("resources: {requests: {cpu: ");
    d.value("spec.template.spec.containers[0].resources.requests.cpu", "2", "1", &PLAIN);
    d.push(", memory: ");
    d.value("spec.template.spec.containers[0].resources.requests.memory", "8Gi", "6Gi", &ANY);
    d.push("}}");
    d.end("#");
    d.rooms.push("spec.template.spec.containers[name=app].resources.requests.storage".into());
    draft.finish()
}

/// The configuration of a LiteLLM proxy.
pub(super) fn litellm(seed: u64) -> Draft {
    let mut draft = Draft::new(Format::Yaml, seed);
    let d = &mut draft;
    d.key(0, "model_list");
    let list = usize::from(d.chance(50));
    for (name, model) in [
        ("chat-large", "openai/gpt-5"),
        ("chat-small", "anthropic/claude-haiku"),
        ("embed", "azure/embed-3"),
    ] {
        d.gap(list, "#");
        d.pad(list);
        d.push(&format!("- model_name: {name}"));
        d.end("#");
        d.pad(list);
        d.push("  litellm_params:");
        d.end("#");
        let path = format!("model_list[model_name={name}].litellm_params");
        for (key, old, new, quotes) in [
            ("model", model, "openai/gpt-5-mini", &ANY[..]),
            ("rpm", "1000", "500", &PLAIN[..]),
            ("input_cost_per_token", "0.0000025", "0.00000125", &PLAIN[..]),
            ("api_key", "os.environ/OPENAI_API_KEY", "os.environ/OTHER_KEY", &ANY[..]),
        ] {
            d.pad(list);
            d.push(&format!("    {key}: "));
            d.value(&format!("{path}.{key}"), old, new, quotes);
            d.is_line();
            d.end("#");
        }
        d.rooms.push(format!("{path}.api_base"));
    }
    d.key(0, "litellm_settings");
    d.yaml(1, "cache", "litellm_settings.cache", "false", "true", &PLAIN);
    d.yaml(1, "max_budget", "litellm_settings.max_budget", "100.50", "80.25", &PLAIN);
    d.yaml(1, "budget_duration", "litellm_settings.budget_duration", "30d", "7d", &ANY);
    d.key(0, "router_settings");
    d.push("  fallbacks: [{\"chat-large\": [\"chat-small\"]}]\n");
    d.push("  routing_strategy: ");
    d.value("router_settings.routing_strategy", "simple-shuffle", "cost-based-routing", &ANY);
    d.end("#");
    draft.finish()
}

/// JSON in one of its layouts.
pub(super) fn json(seed: u64) -> Draft {
    let mut draft = Draft::new(Format::Json, seed);
    let d = &mut draft;
    let tab = d.pick(&["\t", "  ", "    "]);
    let colon = d.pick(&[":", ": ", " : "]);
    let text = ["\""];
    d.push(&format!("{{\n{tab}\"models\"{colon}[\n"));
    for (index, name) in ["large", "small"].iter().enumerate() {
        d.push(&format!("{tab}{tab}{{ \"name\"{colon}\"{name}\", \"rpm\"{colon}"));
        d.value(&format!("models[name={name}].rpm"), "1000", "250", &PLAIN);
        d.push(&format!(", \"model\"{colon}"));
        d.value(&format!("models[name={name}].model"), "openai/gpt-5", "openai/gpt-5-mini", &text);
        d.push(if index == 0 { " },\n" } else { " }\n" });
        d.rooms.push(format!("models[{index}].region"));
    }
    d.push(&format!("{tab}],\n{tab}\"settings\"{colon}{{\n{tab}{tab}\"cache\"{colon}"));
    d.value("settings.cache", "true", "false", &PLAIN);
    d.push(&format!(",\n{tab}{tab}\"note\"{colon}\"a, b: {{c}} # d \\\"e\\\" \\u00e4\",\n{tab}{tab}\"budget\"{colon}"));
    d.value("settings.budget", "12.50", "10.25", &PLAIN);
    d.push(&format!("\n{tab}}},\n{tab}\"none\"{colon}null\n}}\n"));
    d.rooms.push("settings.more".into());
    draft.finish()
}
