//! The Kubernetes cluster: cost of its nodes by namespace, the idle part by itself.
//!
//! Its machines are leased apart from the clouds of the other files, so nothing is counted twice.

use jiff::civil::Date;

use super::{Line, Row, Sku, Vendor};
use crate::{FileCategory, World, calendar::days_between, scenario::Active};

pub(super) static CLUSTER: Vendor = Vendor {
    provider: "Kubernetes",
    slug: "kubernetes",
    category: FileCategory::Kubernetes,
    account: "halden-core",
    contract_permille: 1_000,
    is_open: false,
};

const fn sku(meter: [&'static str; 3], resource_type: &'static str, micros: i128) -> Sku {
    let [id, meter, unit] = meter;
    Sku {
        vendor: &CLUSTER,
        service: "Kubernetes",
        category: "Compute",
        subcategory: "Containers",
        id,
        meter,
        unit,
        resource_type,
        micros,
    }
}

static CPU: Sku = sku(["k8s-cpu", "CPU allocation", "Core-Hours"], "Namespace", 31_600);
static MEMORY: Sku = sku(["k8s-memory", "Memory allocation", "GB-Hours"], "Namespace", 4_200);
static GPU: Sku = sku(["k8s-gpu-l40s", "GPU node", "Hours"], "Node", 4_030_000);

const fn line(
    sku: &'static Sku,
    label: &'static str,
    team: Option<&'static str>,
    per_day: f64,
) -> Line {
    Line {
        sku,
        label,
        sub_account: "halden-core",
        team,
        environment: "production",
        region: "eu-central",
        per_day,
        weekend: 0.85,
        growth: 0.02,
    }
}

/// A namespace's cores; its memory is four times as many gigabytes.
const fn namespace(team: &'static str, cores: f64) -> Line {
    line(&CPU, team, Some(team), cores * 24.0)
}

/// Namespaces, then GPU nodes (24 hours a day, whoever uses them).
pub(super) static LINES: [Line; 12] = [
    namespace("support-platform", 26.0),
    namespace("developer-tools", 34.0),
    namespace("search", 44.0),
    namespace("growth", 16.0),
    namespace("content", 22.0),
    namespace("data-platform", 38.0),
    namespace("risk", 20.0),
    namespace("people-ops", 6.0),
    line(&CPU, "kube-system", None, 10.0 * 24.0),
    line(&GPU, "search-index-gpu", Some("search"), 24.0),
    line(&GPU, "rerank-gpu", Some("search"), 24.0),
    line(&GPU, "embedding-gpu", None, 24.0),
];

/// Nodes at the end of the window; one was added every 60 days.
const NODES: i32 = 17;
const CORES_PER_NODE: i32 = 16;
/// Gigabytes of memory to a core, on nodes and in namespaces alike.
const GIGABYTES_PER_CORE: i128 = 4;
const IDLE: &str = "__idle__";

impl World {
    pub(super) fn cluster_charges(&self, day: Date, without: Option<&str>) -> Vec<Row> {
        let mut rows = Vec::new();
        let nodes = NODES - days_between(day, self.config.end) / 60;
        let mut free = i128::from(nodes.max(1) * CORES_PER_NODE) * 24_000;
        for line in &LINES {
            if line.sku.id == GPU.id {
                self.node(line, day, without, &mut rows);
                continue;
            }
            let milli = self.quantity(line, day, without).min(free);
            free -= milli;
            self.namespace(line, day, milli, &mut rows);
        }
        let idle = Line { label: IDLE, team: None, ..line(&CPU, IDLE, None, 0.0) };
        self.namespace(&idle, day, free, &mut rows);
        rows
    }

    fn namespace(&self, line: &Line, day: Date, milli: i128, into: &mut Vec<Row>) {
        let memory = Line { sku: &MEMORY, ..*line };
        into.push(self.usage(line, day, milli));
        into.push(self.usage(&memory, day, milli * GIGABYTES_PER_CORE));
    }

    /// A node costs all day. What is switched off in the counterfactual is the idle part: there the
    /// node is released when its work is done.
    fn node(&self, line: &Line, day: Date, without: Option<&str>, into: &mut Vec<Row>) {
        let used = Active::on_charges(&self.events, line.label, None).used_hours(day);
        let believed = Active::on_charges(&self.events, line.label, without).used_hours(day);
        into.push(self.usage(line, day, i128::from(used) * 1_000));
        if used < 24 && believed == used {
            let idle = Line { team: None, ..*line };
            let row = self.usage(&idle, day, i128::from(24 - used) * 1_000);
            into.push(Row {
                charge_description: format!("Idle hours of {}", line.label),
                tags: Some(serde_json::json!({ "namespace": IDLE }).to_string()),
                ..row
            });
        }
    }
}
