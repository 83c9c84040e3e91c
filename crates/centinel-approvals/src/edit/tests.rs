//! Edits and refusals in tables, and hostile values in every format.

use proptest::prelude::*;

use super::*;
use crate::escape::hostile::{HOSTILE, hostile_text};

fn untyped(text: &str) -> Value {
    Value::Untyped(text.to_owned())
}

fn texts(items: &[&str]) -> Value {
    Value::Texts(items.iter().map(|item| (*item).to_owned()).collect())
}

/// A plan of one change of untyped values; `-` stands for nothing.
fn plan(path: &str, old: &str, new: &str) -> Vec<Planned> {
    let value = |text: &str| if text == "-" { None } else { Some(untyped(text)) };
    vec![Planned { path: path.to_owned(), old: value(old), new: value(new) }]
}

/// The edited text holds `new` where the text holds `old`, which stands there once.
#[track_caller]
fn check(format: Format, text: &str, (path, old, new): (&str, &str, &str), expected: &str) {
    match edit(text.as_bytes(), format, &plan(path, old, new)) {
        Ok(edited) => assert_eq!(edited, expected, "{path}"),
        Err(error) => panic!("{path}: {error}\n{text}"),
    }
}

const VALUES: &str = "\u{feff}# Values of search\r\nreplicaCount: 4   # peak\r\nimage: {repository: 'a/b', tag: \"1.2\"}\r\nresources:\r\n    # measured\r\n    requests:\r\n        cpu:   \"500m\"   # keep\r\n        memory: 1Gi\r\n    limits: {}\r\nargs:\r\n- --a=1\r\n- '--b'\r\nenabled: true\r\nlast: x";

#[test]
fn yaml_values_change_in_their_places() {
    for (change, from, to) in [
        (("replicaCount", "4", "2"), "replicaCount: 4", "replicaCount: 2"),
        (("image.tag", "1.2", "1.30"), "\"1.2\"", "\"1.30\""),
        (("image.repository", "a/b", "it's"), "'a/b'", "'it''s'"),
        (("resources.requests.cpu", "500m", "250m"), "\"500m\"", "\"250m\""),
        (("resources.requests.memory", "1Gi", "768Mi"), "1Gi", "768Mi"),
        (("resources.requests.memory", "1Gi", "2"), "1Gi", "\"2\""),
        (("enabled", "true", "false"), "true", "false"),
        (("last", "x", "yes"), "last: x", "last: \"yes\""),
        (("last", "x", "a: b # c"), "last: x", "last: \"a: b # c\""),
        (("args[0]", "--a=1", "--a=2"), "- --a=1", "- \"--a=2\""),
        (("args[1]", "--b", "--c"), "'--b'", "'--c'"),
        // Entries come and go.
        (("resources.requests.x", "-", "1"), "1Gi\r\n", "1Gi\r\n        x: 1\r\n"),
        (("resources.limits.cpu", "-", "1"), "{}", "{cpu: 1}"),
        (("image.pullPolicy", "-", "Always"), "\"1.2\"}", "\"1.2\", pullPolicy: Always}"),
        (("new", "-", "v"), "last: x", "last: x\r\nnew: v"),
        (("resources.requests.memory", "1Gi", "-"), "        memory: 1Gi\r\n", ""),
        (("image.repository", "a/b", "-"), "repository: 'a/b', ", ""),
        (("image.tag", "1.2", "-"), ", tag: \"1.2\"", ""),
        (("last", "x", "-"), "\r\nlast: x", ""),
    ] {
        assert_eq!(VALUES.matches(from).count(), 1, "{from}");
        check(Format::Yaml, VALUES, change, &VALUES.replace(from, to));
    }
}

const MANIFESTS: &str = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: search\n  annotations:\n    example.com/a.b: \"1\"\nspec:\n  template:\n    spec:\n      containers:\n      - name: app\n        resources:\n          limits:\n            cpu: 2\n      - resources: {limits: {cpu: 2}}\n        name: side\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: search, namespace: b}\nspec:\n  replicas: 3\n---\n# nothing here\n---\nkind: Service\nmetadata:\n  name: search\n";

#[test]
fn documents_containers_and_odd_keys_are_found() {
    for (change, from, to) in [
        (
            (
                "Deployment/search: spec.template.spec.containers[name=app].resources.limits.cpu",
                "2",
                "1500m",
            ),
            "            cpu: 2\n",
            "            cpu: 1500m\n",
        ),
        (
            (
                "Deployment/search: spec.template.spec.containers[1].resources.limits.cpu",
                "2",
                "0.5",
            ),
            "{cpu: 2}",
            "{cpu: 0.5}",
        ),
        (
            ("Deployment/search: metadata.annotations.\"example.com/a.b\"", "1", "2"),
            "a.b: \"1\"",
            "a.b: \"2\"",
        ),
        (("Deployment/b/search: spec.replicas", "3", "2"), "replicas: 3", "replicas: 2"),
        (
            ("Service: metadata.name", "search", "find"),
            "Service\nmetadata:\n  name: search",
            "Service\nmetadata:\n  name: find",
        ),
        (
            ("Deployment/search: spec.template.spec.containers[name=app].image", "-", "a:1"),
            "      - name: app\n",
            "      - name: app\n        image: a:1\n",
        ),
    ] {
        assert_eq!(MANIFESTS.matches(from).count(), 1, "{from}");
        // Two deployments are called `search`; the one without a namespace is found by what is in it.
        let text = MANIFESTS.replace("name: search, namespace: b", "name: other, namespace: b");
        let path = change.0.replace("b/search", "b/other");
        check(Format::Yaml, &text, (&path, change.1, change.2), &text.replace(from, to));
    }
}

const MODULE: &str = "# Web tier\nlocals {\n  team = \"web\" // owner\n}\n\nlocals {\n  zone = \"a\"\n}\n\nresource \"aws_instance\" \"web\" {\n  ami           = var.ami\n  instance_type = \"m5.2xlarge\" # too large\n  monitoring    = true\n\n  root_block_device {\n    volume_size = 100\n  }\n  ebs_block_device {\n    device_name = \"/dev/sdb\"\n    volume_size = 50\n  }\n  ebs_block_device {\n    device_name = \"/dev/sdc\"\n    volume_size = 60\n  }\n  tags = {\n    Name  = \"web-${var.env}\"\n    Owner = \"web\",\n    \"a.b\" : \"c\"\n  }\n  empty {}\n  zones = [\"a\", \"b\"] /* two */\n  data = <<-EOT\n    volume_size = 1\n  EOT\n  weight = -1.5\n}\n";

#[test]
fn hcl_arguments_blocks_and_objects_change_in_their_places() {
    for (change, from, to) in [
        (
            ("resource.aws_instance.web.instance_type", "m5.2xlarge", "m5.large"),
            "m5.2xlarge",
            "m5.large",
        ),
        (("resource.aws_instance.web.monitoring", "true", "false"), "= true", "= false"),
        (("resource.aws_instance.web.root_block_device.volume_size", "100", "50"), "= 100", "= 50"),
        (("resource.aws_instance.web.ebs_block_device[1].volume_size", "60", "30"), "= 60", "= 30"),
        (
            (
                "resource.aws_instance.web.ebs_block_device[device_name=/dev/sdb].volume_size",
                "50",
                "20",
            ),
            "= 50",
            "= 20",
        ),
        (
            ("resource.aws_instance.web.tags.Owner", "web", "ops"),
            "Owner = \"web\"",
            "Owner = \"ops\"",
        ),
        (
            ("resource.aws_instance.web.tags.\"a.b\"", "c", "${x} \"%{y}"),
            ": \"c\"",
            ": \"$${x} \\\"%%{y}\"",
        ),
        (("resource.aws_instance.web.weight", "-1.5", "2"), "-1.5", "2"),
        (("locals.team", "web", "ops"), "team = \"web\"", "team = \"ops\""),
        (("locals.zone", "a", "b"), "zone = \"a\"", "zone = \"b\""),
        (
            ("resource.aws_instance.web.root_block_device.type", "-", "gp3"),
            "volume_size = 100\n",
            "volume_size = 100\n    type        = \"gp3\"\n",
        ),
        (("resource.aws_instance.web.empty.x", "-", "1"), "empty {}", "empty { x = 1 }"),
        (
            ("resource.aws_instance.web.tags.New", "-", "v"),
            "\"a.b\" : \"c\"\n",
            "\"a.b\" : \"c\"\n    New: \"v\"\n",
        ),
        (("resource.aws_instance.web.monitoring", "true", "-"), "  monitoring    = true\n", ""),
        (("resource.aws_instance.web.tags.Owner", "web", "-"), "    Owner = \"web\",\n", ""),
    ] {
        assert_eq!(MODULE.matches(from).count(), 1, "{from}");
        check(Format::Hcl, MODULE, change, &MODULE.replace(from, to));
    }
    let tfvars = "# sizes\ninstance_type = \"m5.large\"\nsizes = { web = 3, batch = 5 } # two\n";
    for (change, from, to) in [
        (("instance_type", "m5.large", "m5.xlarge"), "m5.large", "m5.xlarge"),
        (("sizes.web", "3", "2"), "web = 3", "web = 2"),
        (("sizes.api", "-", "1"), "batch = 5", "batch = 5, api = 1"),
        (("sizes.batch", "5", "-"), ", batch = 5", ""),
        (("region", "-", "eu"), "# two\n", "# two\nregion = \"eu\"\n"),
    ] {
        check(Format::Hcl, tfvars, change, &tfvars.replace(from, to));
    }
}

const POLICY: &str = "# Who decides\ncurrency = \"USD\"\nhours = 72 # three days\nshare = 0.5\n\n[[rule]]\nname = 'every \"one\"'\nroles = [\"owner\", \"admin\"]\nmatches = [{ kind = \"budget\", amount = \"0\" }]\n\n[[rule]]\nname = \"above $10,000\" # amount\nabove = \"10000\"\nat = 2026-11-22\n[rule.extra]\nx = 1\n\n[a.b]\n# empty\n";

#[test]
fn toml_values_change_in_their_places() {
    for (change, from, to) in [
        (("hours", "72", "48"), "72", "48"),
        (("share", "0.5", "1"), "0.5", "1.0"),
        (("currency", "USD", "EUR"), "USD", "EUR"),
        (
            ("rule[name=above $10,000].above", "10000", "20000"),
            "above = \"10000\"",
            "above = \"20000\"",
        ),
        (("rule[1].above", "10000", "a\"b\\"), "above = \"10000\"", "above = \"a\\\"b\\\\\""),
        (("rule[0].name", "every \"one\"", "o'clock"), "'every \"one\"'", "\"o'clock\""),
        (("rule[0].matches[0].amount", "0", "5"), "\"0\"", "\"5\""),
        (("rule[1].extra.x", "1", "2"), "x = 1", "x = 2"),
        (
            ("rule[1].reason", "-", "why"),
            "at = 2026-11-22\n",
            "at = 2026-11-22\nreason = \"why\"\n",
        ),
        (
            ("rule[0].matches[0].risk", "-", "low"),
            "amount = \"0\"",
            "amount = \"0\", risk = \"low\"",
        ),
        (("a.b.c", "-", "1"), "[a.b]\n", "[a.b]\nc = 1\n"),
        (("share", "0.5", "-"), "share = 0.5\n", ""),
    ] {
        assert_eq!(POLICY.matches(from).count(), 1, "{from}");
        check(Format::Toml, POLICY, change, &POLICY.replace(from, to));
    }
}

const MODELS: &str = "{\n\t\"model_list\": [\n\t\t{\"model_name\": \"gpt-x\", \"rpm\": 100}\n\t],\n\t\"settings\": {\n\t\t\"cache\": true\n\t}\n}\n";

#[test]
fn json_values_change_in_their_places() {
    for (change, from, to) in [
        (("model_list[model_name=gpt-x].rpm", "100", "50"), "100", "50"),
        (("model_list[0].model_name", "gpt-x", "a\"b"), "gpt-x", "a\\\"b"),
        (("settings.cache", "true", "false"), "true", "false"),
        (("settings.ttl", "-", "60"), "\"cache\": true", "\"cache\": true,\n\t\t\"ttl\": 60"),
        (("model_list[0].rpm", "100", "-"), ", \"rpm\": 100", ""),
    ] {
        check(Format::Json, MODELS, change, &MODELS.replace(from, to));
    }
}

#[test]
fn lists_change_by_item_or_grow() {
    let yaml = "a:\n  b: [x, \"y\"]  # two\n  c:\n  - one\n  - 'two' # second\n";
    let hcl = "zones = [\n  \"a\",\n  \"b\",\n]\nnone = []\n";
    let toml = "roles = [\"owner\", \"admin\"] # who\n";
    for (format, text, path, old, new, from, to) in [
        (Format::Yaml, yaml, "a.b", &["x", "y"][..], &["x", "z"][..], "\"y\"", "\"z\""),
        (Format::Yaml, yaml, "a.b", &["x", "y"], &["x", "y", "q"], "\"y\"]", "\"y\", \"q\"]"),
        (Format::Yaml, yaml, "a.b", &["x", "y"], &["w"], "[x, \"y\"]", "[w]"),
        (Format::Yaml, yaml, "a.c", &["one", "two"], &["one", "2"], "'two'", "'2'"),
        (
            Format::Yaml,
            yaml,
            "a.c",
            &["one", "two"],
            &["one", "two", "no"],
            "# second",
            "# second\n  - 'no'",
        ),
        (
            Format::Hcl,
            hcl,
            "zones",
            &["a", "b"],
            &["a", "b", "c"],
            "  \"b\",",
            "  \"b\",\n  \"c\",",
        ),
        (Format::Hcl, hcl, "zones", &["a", "b"], &["a", "${c}"], "\"b\"", "\"$${c}\""),
        (Format::Hcl, hcl, "none", &[], &["x"], "[]", "[\"x\"]"),
        (
            Format::Toml,
            toml,
            "roles",
            &["owner", "admin"],
            &["owner"],
            "[\"owner\", \"admin\"]",
            "[\"owner\"]",
        ),
    ] {
        let plan = [Planned { path: path.into(), old: Some(texts(old)), new: Some(texts(new)) }];
        assert_eq!(text.matches(from).count(), 1, "{from}");
        let expected = text.replace(from, to);
        assert_eq!(
            edit(text.as_bytes(), format, &plan).as_deref(),
            Ok(expected.as_str()),
            "{path}"
        );
    }
}

/// What is refused, with a part of the message.
#[test]
fn refusals_say_what_was_found() {
    use Format::{Hcl, Json, Toml, Yaml};
    let anchors = "base: &base\n  cpu: 1\n  mem: &m 2\nuse:\n  <<: *base\n  x: *m\nfree: &free 3\n";
    let deep = format!("a: {}1{}", "[".repeat(100), "]".repeat(100));
    for (format, text, (path, old, new), part) in [
        // Compare-and-set.
        (Yaml, "a: 1\n", ("a", "2", "3"), "`a`: `2` was to be there, and the number `1` is"),
        (Yaml, "a: 1\n", ("a", "-", "3"), "`a`: nothing was to be there, and the number `1` is"),
        (Yaml, "a: 1\n", ("b.c", "1", "2"), "`b.c`: the file has no `b`"),
        (Yaml, "a: {b: 1}\n", ("a.c", "1", "2"), "the file has no `a.c`"),
        (Yaml, "a: 1\n", ("a", "1", "1"), "the planned value is the value until now"),
        // Anchors.
        (Yaml, anchors, ("base.cpu", "1", "2"), "lies in the anchor `&base`"),
        (Yaml, anchors, ("base.mem", "2", "3"), "lies in the anchor `&base`"),
        (Yaml, anchors, ("use.x", "2", "3"), "is an alias"),
        (Yaml, anchors, ("use.cpu", "1", "2"), "a merge key (`<<`) supplies"),
        (Yaml, anchors, ("use.cpu", "-", "2"), "a merge key (`<<`) supplies"),
        // Types that would change, or that readers disagree about.
        (Yaml, "a: 1\n", ("a", "1", "x"), "the number `1` would become `x`, another type"),
        (Yaml, "a: true\n", ("a", "true", "1"), "another type"),
        (Toml, "a = 1\n", ("a", "1", "1.5"), "another type"),
        (Yaml, "a: on\n", ("a", "on", "off"), "readers of YAML take for different things"),
        (Yaml, "a: 010\n", ("a", "010", "8"), "readers of YAML take for different things"),
        (Yaml, "a: 12:30\n", ("a", "12:30", "13:30"), "readers of YAML take for different things"),
        (
            Yaml,
            "a: 2026-11-22\n",
            ("a", "2026-11-22", "x"),
            "readers of YAML take for different things",
        ),
        (Yaml, "a: 1e3\n", ("a", "1e3", "1"), "readers of YAML take for different things"),
        (Yaml, "a: ~\n", ("a", "~", "1"), "is null"),
        (Yaml, "a:\n", ("a", "null", "1"), "is null"),
        (Yaml, "a: !t x\n", ("a", "x", "y"), "a value with a tag"),
        (Toml, "a = 0x10\n", ("a", "16", "1"), "another than the plain spelling"),
        (Toml, "a = 2026-11-22\n", ("a", "2026-11-22", "x"), "is a date or time"),
        // More than one value.
        (Yaml, "a: {b: 1}\n", ("a", "1", "2"), "a mapping of several values"),
        (Yaml, "a: |\n  x\n", ("a", "x", "y"), "over several lines"),
        (Yaml, "a: x\n  y\n", ("a", "x y", "y"), "over several lines"),
        (Yaml, "a: [1]\n", ("a", "1", "2"), "another type"),
        (Toml, "a = '''x'''\n", ("a", "x", "y"), "three quotes"),
        (Hcl, "a = <<E\nx\nE\n", ("a", "x", "y"), "over several lines"),
        // Expressions.
        (Yaml, "a: {{ .Values.x }}\n", ("a", "x", "y"), "line 1 holds a template expression"),
        (Yaml, "{{- if .x }}\na: 1\n{{- end }}\n", ("a", "1", "2"), "a template expression"),
        (Yaml, "a: \"{{ .x }}\"\n", ("a", "{{ .x }}", "y"), "is a template expression"),
        (Hcl, "a = var.x\n", ("a", "x", "y"), "a reference to another value"),
        (Hcl, "a = \"${var.x}-y\"\n", ("a", "x", "y"), "template expressions"),
        (Hcl, "a = upper(\"x\")\n", ("a", "X", "y"), "result of a function call"),
        (Hcl, "a = 1 + 2\n", ("a", "3", "4"), "a computed expression"),
        (
            Hcl,
            "a = merge(x, { b = 1 })\n",
            ("a.b", "1", "2"),
            "inside the result of a function call",
        ),
        // Places that are not one.
        (Yaml, "a: 1\na: 2\n", ("a", "1", "2"), "the key `a` stands there twice"),
        (
            Yaml,
            "l:\n- n: x\n  v: 1\n- n: x\n  v: 2\n",
            ("l[n=x].v", "1", "2"),
            "2 places of the file fit",
        ),
        (Yaml, "kind: A\n---\nkind: A\n", ("A: kind", "A", "B"), "2 documents of the file fit"),
        (Yaml, "a: 1\n---\na: 1\n", ("a", "1", "2"), "2 documents of the file fit"),
        (Hcl, "b {\n  x = 1\n}\nb {\n  x = 2\n}\n", ("b.x", "1", "3"), "2 places of the file fit"),
        // The file itself.
        (Yaml, "a: [\n", ("a", "1", "2"), "not readable as YAML"),
        (Yaml, "a:\n\tb: 1\n", ("a.b", "1", "2"), "not readable as YAML"),
        (Yaml, deep.as_str(), ("a", "1", "2"), "not readable as YAML"),
        (Json, "{\"a\": 1,}", ("a", "1", "2"), "a second reader"),
        (Hcl, "a = \n", ("a", "1", "2"), "not readable as HCL: line 1"),
        (Hcl, "a = 1\na = 2\n", ("a", "1", "2"), "unique attribute key"),
        (Toml, "a = 1\na = 2\n", ("a", "1", "2"), "not readable as TOML: line 2"),
        (Yaml, "a: 1\u{0}\n", ("a", "1", "2"), "line 1 holds the control character U+0000"),
        (Yaml, "a: 1\rb: 2\n", ("a", "1", "2"), "line 1 holds the control character U+000D"),
        // Values that nothing should hold.
        (
            Yaml,
            "a: x\n",
            ("a", "x", "y\nz: 1"),
            "holds line breaks, control or invisible characters",
        ),
        (
            Yaml,
            "a: x\n",
            ("a", "x", "y\u{202e}"),
            "holds line breaks, control or invisible characters",
        ),
        (Yaml, "a: x\n", ("a", "x", "{{ .y }}"), "holds a template expression"),
        (Hcl, "a = \"x\"\n", ("a", "x", "$${y}"), "an escaped template expression"),
        // Room.
        (Yaml, "a:\n  b: 1\n", ("a.b", "1", "-"), "would become null"),
        (Yaml, "a: {b: 1 # c\n  }\n", ("a.c", "-", "1"), "stands behind the last entry"),
        (Hcl, "a { b = 1 }\n", ("a.c", "-", "1"), "room for one argument"),
        (Toml, "[a.b]\nc = 1\n", ("a.d", "-", "1"), "no lines of its own"),
    ] {
        let refused = edit(text.as_bytes(), format, &plan(path, old, new));
        match refused {
            Err(error) => {
                assert!(error.to_string().contains(part), "{path} in {text:?}: {error}");
                assert!(!error.to_string().contains('\n'), "{error}");
                assert!(error.hint().is_some(), "{error}");
            }
            Ok(edited) => panic!("{path} in {text:?} was edited: {edited}"),
        }
    }
    let shared = edit(anchors.as_bytes(), Yaml, &plan("free", "3", "4"));
    assert_eq!(shared, Ok(anchors.replace("&free 3", "&free 4")), "an anchor that nothing uses");
}

#[test]
fn sizes_encodings_and_plans_are_checked() {
    let one = plan("a", "1", "2");
    let large = vec![b'#'; TEXT_BYTES_MAX + 1];
    let both = [plan("a.b", "1", "2"), plan("a", "1", "2")].concat();
    let many: Vec<Planned> =
        (0..=PLAN_MAX).flat_map(|n| plan(&format!("k{n}"), "1", "2")).collect();
    for (file, plan, part) in [
        (&large[..], &one, "more than 1048576"),
        (b"a: \xff", &one, "byte 3 is part of no character"),
        (b"a: 1", &Vec::new(), "1 to 100 changes; this one has 0"),
        (b"a: 1", &many, "this one has 101"),
        (b"a: 1", &both, "one contains the other"),
    ] {
        let error = edit(file, Format::Yaml, plan).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    for (name, format) in [
        ("a/values.yaml", Some(Format::Yaml)),
        ("X.YML", Some(Format::Yaml)),
        ("main.tf", Some(Format::Hcl)),
        ("x.auto.tfvars", Some(Format::Hcl)),
        ("main.tf.json", Some(Format::Json)),
        ("p.toml", Some(Format::Toml)),
        ("README.md", None),
        ("Makefile", None),
    ] {
        assert_eq!(Format::of_file(name), format, "{name}");
    }
}

/// References are followed by nobody, so a bomb of them is a small file.
#[test]
fn bombs_of_aliases_cost_nothing() {
    let mut text = "a0: &a0 [x, x]\n".to_owned();
    for n in 1..60 {
        let items = vec![format!("*a{}", n - 1); 9].join(", ");
        text.extend([format!("a{n}: &a{n} [{items}]\n")]);
    }
    text.push_str("b: 1\n");
    let edited = edit(text.as_bytes(), Format::Yaml, &plan("b", "1", "2"));
    assert_eq!(edited, Ok(text.replace("b: 1", "b: 2")));
}

#[test]
fn stated_types_may_change() {
    let plan = [Planned {
        path: "a".into(),
        old: Some(Value::Number("2".parse().unwrap())),
        new: Some(Value::Text("2".into())),
    }];
    assert_eq!(edit(b"a: 2 # x\n", Format::Yaml, &plan).as_deref(), Ok("a: \"2\" # x\n"));
    let wrong = [Planned { old: Some(Value::Text("2".into())), ..plan[0].clone() }];
    let wrong = [Planned { new: Some(Value::Text("3".into())), ..wrong[0].clone() }];
    let error = edit(b"a: 2\n", Format::Yaml, &wrong).unwrap_err();
    assert_eq!(error.to_string(), "`a`: the text `2` was to be there, and the number `2` is");
}

/// The guard by itself: it refuses what an editor with a fault would hand it.
#[test]
fn the_guard_refuses_what_is_not_the_plan() {
    use Format::{Hcl, Json, Toml, Yaml};
    for (format, before, after) in [
        (Yaml, "a: 1\nb: 2\n", "a: 3\nb: 4\n"),
        (Yaml, "a: 1\nb: 2\n", "a: 2\n"),
        (Yaml, "a: 1\nb: 2\n", "b: 2\na: 2\n"),
        (Yaml, "a: 1\nb: 2\n", "a: \"2\"\nb: 2\n"),
        (Yaml, "a: 1\nb: 2\n", "a: 3\nb: 2\n"),
        (Yaml, "a: 1\nb: 2\n", "a: 2\nb: \"2\"\n"),
        (Yaml, "a: 1\nb: &x 2\n", "a: 2\nb: 2\n"),
        (Yaml, "a: 1\n", "a: 2\n---\nb: 1\n"),
        (Yaml, "a: 1\n", "a: 2\na: 1\n"),
        (Yaml, "a: 1\n", "a: [2\n"),
        (Json, "{\"a\": 1, \"b\": 0.1}", "{\"a\": 2, \"b\": 0.10000000000000000001}"),
        (Json, "{\"a\": 1}", "{\"a\": 2, \"a\": 1}"),
        (Hcl, "a = 1\nb = x\n", "a = 2\nb = y\n"),
        (Hcl, "a = 1\nc \"x\" {}\n", "a = 2\nc \"y\" {}\n"),
        (Hcl, "a = 1\n", "a = 2\nb = 1\n"),
        (Hcl, "a = 1\nb = \"${x}\"\n", "a = 2\nb = \"$${x}\"\n"),
        (Toml, "a = 1\n[b]\nc = 1\n", "a = 2\n[b]\nc = 2\n"),
        (Toml, "a = 1\n[[b]]\nc = 1\n", "a = 2\n[[b]]\nc = 1\n[[b]]\n"),
        (Toml, "a = 1\nb = 1\n", "a = 2\nb = \"1\"\n"),
    ] {
        let plan = plan("a", "1", "2");
        let paths = checked(&plan).unwrap();
        let refused = guard::check(before, after, format, &plan, &paths);
        assert!(
            matches!(refused, Err(EditError::Guard(_))),
            "{before:?} to {after:?}: {refused:?}"
        );
    }
}

/// Whether a value that was written reads back; the guard has compared everything else already.
fn check_hostile(value: &str) {
    let all = [
        (Format::Yaml, "a: x # c\nb: y\n", "a"),
        (Format::Yaml, "a: 'x' # c\nb: y\n", "a"),
        (Format::Yaml, "a: \"x\"\nb: y\n", "a"),
        (Format::Yaml, "l: {a: x, b: 'y'}\n", "l.a"),
        (Format::Yaml, "l: [x, y]\n", "l[0]"),
        (Format::Yaml, "l:\n- x\n- y", "l[0]"),
        (Format::Json, "{\"a\": \"x\", \"b\": 1}", "a"),
        (Format::Hcl, "a = \"x\" # c\nb = \"y\"\n", "a"),
        (Format::Hcl, "l = { a = \"x\", b = \"y\" }\n", "l.a"),
        (Format::Toml, "a = \"x\" # c\nb = \"y\"\n", "a"),
        (Format::Toml, "a = 'x'\nb = \"y\"\n", "a"),
        (Format::Toml, "l = { a = \"x\", b = 1 }\n", "l.a"),
    ];
    for (format, text, path) in all {
        let old = Some(Value::Text("x".into()));
        let new = Some(Value::Text(value.to_owned()));
        let there = [Planned { path: path.into(), old: old.clone(), new: new.clone() }];
        match edit(text.as_bytes(), format, &there) {
            Ok(edited) => {
                assert_eq!(edited.lines().count(), text.lines().count(), "{value:?}: {edited}");
                // What was written is found again as that text, and the way back ends at the start,
                // where the quotes could stay.
                let back = [Planned { path: path.into(), old: new.clone(), new: old }];
                let back = edit(edited.as_bytes(), format, &back);
                assert!(back.is_ok(), "{value:?}: {edited}: {back:?}");
            }
            Err(EditError::Value { .. } | EditError::NoChange(_)) => {}
            Err(error) => panic!("{value:?} in {text:?}: {error}"),
        }
        // The same value as a key and a value that come new.
        let path = Path { document: None, steps: vec![path::Step::Key(value.to_owned())] };
        let path = match path::Path::parse(path.to_string().as_str()) {
            Ok(path) => path.to_string(),
            Err(_) => continue,
        };
        let added = [Planned { path: path.clone(), old: None, new }];
        match edit(text.as_bytes(), format, &added) {
            Ok(edited) => assert!(edited.len() > text.len()),
            Err(EditError::Guard(why)) => panic!("{value:?} as a key of {text:?}: {why}"),
            Err(_) => {}
        }
    }
}

#[test]
fn nothing_hostile_leaves_its_scalar() {
    for value in HOSTILE {
        check_hostile(value);
    }
}

proptest! {
    #[test]
    fn no_text_leaves_its_scalar(value in hostile_text()) {
        check_hostile(&value);
    }
}
