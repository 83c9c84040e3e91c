//! Three cloud providers: machines, databases, storage, network, one commitment each at two of them.

use centinel_engine::money::Pico;
use jiff::civil::Date;

use super::{
    Line, Row, Sku, Vendor,
    commitment::{Commitment, Daily},
};
use crate::{FileCategory, World, calendar::shifted};

pub(super) static AWS: Vendor = vendor("AWS", "aws", "halden-aws-payer", 970, false);
pub(super) static AZURE: Vendor = vendor("Microsoft", "azure", "halden-azure-ea", 950, false);
pub(super) static GOOGLE: Vendor =
    vendor("Google Cloud", "google-cloud", "halden-google", 1_000, true);

const fn vendor(
    provider: &'static str,
    slug: &'static str,
    account: &'static str,
    contract_permille: i128,
    is_open: bool,
) -> Vendor {
    let category = FileCategory::Cloud;
    Vendor { provider, slug, category, account, contract_permille, is_open }
}

const fn sku(
    vendor: &'static Vendor,
    service: &'static str,
    category: [&'static str; 2],
    meter: [&'static str; 3],
    resource_type: &'static str,
    micros: i128,
) -> Sku {
    let ([category, subcategory], [id, meter, unit]) = (category, meter);
    Sku { vendor, service, category, subcategory, id, meter, unit, resource_type, micros }
}

const MACHINES: [&str; 2] = ["Compute", "Virtual Machines"];
const DATABASES: [&str; 2] = ["Databases", "Relational Databases"];
const OBJECTS: [&str; 2] = ["Storage", "Object Storage"];
const BLOCKS: [&str; 2] = ["Storage", "Block Storage"];
const NETWORK: [&str; 2] = ["Networking", "Network Infrastructure"];

static EC2: Sku = sku(
    &AWS,
    "Amazon Elastic Compute Cloud",
    MACHINES,
    ["aws-m7i-2xl", "m7i.2xlarge instance", "Hours"],
    "Instance",
    403_200,
);
static RDS: Sku = sku(
    &AWS,
    "Amazon Relational Database Service",
    DATABASES,
    ["aws-r7g-2xl", "db.r7g.2xlarge instance", "Hours"],
    "Database",
    956_000,
);
static S3: Sku = sku(
    &AWS,
    "Amazon Simple Storage Service",
    OBJECTS,
    ["aws-s3-standard", "Standard storage", "GB-Mo"],
    "Bucket",
    23_000,
);
static SNAPSHOTS: Sku = sku(
    &AWS,
    "Amazon Elastic Block Store",
    BLOCKS,
    ["aws-ebs-snapshot", "Snapshot storage", "GB-Mo"],
    "Snapshot",
    50_000,
);
static EGRESS: Sku = sku(
    &AWS,
    "AWS Data Transfer",
    NETWORK,
    ["aws-egress", "Inter-region transfer", "GB"],
    "Network",
    90_000,
);
static LOGS: Sku = sku(
    &AWS,
    "Amazon CloudWatch",
    ["Management and Governance", "Observability"],
    ["aws-logs", "Log ingestion", "GB"],
    "Log Group",
    500_000,
);
static AZURE_VM: Sku = sku(
    &AZURE,
    "Virtual Machines",
    MACHINES,
    ["azure-d8s-v5", "D8s v5", "Hours"],
    "Virtual Machine",
    384_000,
);
static AZURE_SQL: Sku = sku(
    &AZURE,
    "Azure SQL Database",
    DATABASES,
    ["azure-sql-vcore", "vCore", "Hours"],
    "Database",
    252_000,
);
static AZURE_BLOB: Sku = sku(
    &AZURE,
    "Storage Accounts",
    OBJECTS,
    ["azure-blob-hot", "Hot LRS data stored", "GB-Mo"],
    "Storage Account",
    18_400,
);
static GCE: Sku = sku(
    &GOOGLE,
    "Compute Engine",
    MACHINES,
    ["gcp-n2-8", "N2 standard 8", "Hours"],
    "Instance",
    388_500,
);
static BIGQUERY: Sku = sku(
    &GOOGLE,
    "BigQuery",
    ["Analytics", "Data Warehouses"],
    ["gcp-bq-analysis", "Analysis", "TB"],
    "Project",
    6_250_000,
);
static GCS: Sku = sku(
    &GOOGLE,
    "Cloud Storage",
    OBJECTS,
    ["gcp-gcs-standard", "Standard storage", "GB-Mo"],
    "Bucket",
    20_000,
);

const fn line(
    sku: &'static Sku,
    sub_account: &'static str,
    team: &'static str,
    label: &'static str,
    per_day: f64,
) -> Line {
    Line {
        sku,
        label,
        sub_account,
        team: Some(team),
        environment: "production",
        region: "eu-central",
        per_day,
        weekend: 1.0,
        growth: 0.01,
    }
}

impl Line {
    const fn elastic(mut self, weekend: f64) -> Self {
        self.weekend = weekend;
        self
    }

    const fn staging(mut self) -> Self {
        self.environment = "staging";
        self
    }

    const fn shared(mut self) -> Self {
        self.team = None;
        self
    }
}

/// Every cloud resource. Labels are unique; planted events name them.
pub(super) static LINES: [Line; 26] = [
    line(&EC2, "halden-prod", "search", "search-api", 456.0).elastic(0.8),
    line(&EC2, "halden-prod", "support-platform", "support-api", 264.0).elastic(0.7),
    line(&EC2, "halden-prod", "risk", "risk-services", 168.0),
    line(&EC2, "halden-prod", "growth", "campaign-services", 120.0).elastic(0.75),
    line(&EC2, "halden-staging", "developer-tools", "build-runners", 210.0).elastic(0.25).staging(),
    line(&EC2, "halden-batch-1", "data-platform", "batch-1", 288.0),
    line(&EC2, "halden-batch-2", "data-platform", "batch-2", 144.0),
    line(&RDS, "halden-prod", "search", "catalogue-db", 48.0),
    line(&RDS, "halden-prod", "support-platform", "tickets-db", 48.0),
    line(&RDS, "halden-prod", "risk", "contracts-db", 24.0),
    line(&S3, "halden-data", "data-platform", "lake", 2_100.0),
    line(&S3, "halden-prod", "content", "media", 900.0),
    line(&SNAPSHOTS, "halden-prod", "support-platform", "snapshots", 420.0),
    line(&EGRESS, "halden-data", "data-platform", "warehouse-egress", 640.0),
    line(&EGRESS, "halden-prod", "search", "edge-egress", 310.0).elastic(1.15),
    line(&LOGS, "halden-shared", "developer-tools", "central-logs", 62.0).shared(),
    line(&AZURE_VM, "halden-content", "content", "render-farm", 252.0).elastic(0.55),
    line(&AZURE_VM, "halden-people", "people-ops", "people-portal", 48.0),
    line(&AZURE_SQL, "halden-content", "content", "publishing-db", 192.0),
    line(&AZURE_SQL, "halden-people", "people-ops", "people-db", 96.0),
    line(&AZURE_BLOB, "halden-content", "content", "archive", 1_600.0),
    line(&GCE, "halden-growth", "growth", "segmentation", 144.0).elastic(0.8),
    line(&GCE, "halden-growth", "growth", "experiments", 48.0).elastic(0.4).staging(),
    line(&BIGQUERY, "halden-analytics", "data-platform", "warehouse", 9.0).elastic(0.45),
    line(&BIGQUERY, "halden-growth", "growth", "attribution-queries", 3.2).elastic(0.5),
    line(&GCS, "halden-analytics", "data-platform", "exports", 520.0),
];

/// Most of the usual machines; at weekends a part of it is unused.
static SAVINGS_PLAN: Commitment = Commitment {
    vendor: &AWS,
    id: "sp-halden-compute-1",
    name: "Compute Savings Plan",
    kind: "Compute Savings Plan",
    covers: &[&EC2],
    permille: 720,
    daily: Daily::Spend(400_000_000),
};

/// Ten machines around the clock, more than the weekends need.
static RESERVATION: Commitment = Commitment {
    vendor: &AZURE,
    id: "ri-halden-d8s-1",
    name: "Reserved VM Instances D8s v5",
    kind: "Reserved VM Instances",
    covers: &[&AZURE_VM],
    permille: 620,
    daily: Daily::Hours(240),
};

impl World {
    pub(super) fn cloud_charges(
        &self,
        vendor: &'static Vendor,
        day: Date,
        without: Option<&str>,
    ) -> Vec<Row> {
        let lines = LINES.iter().filter(|line| line.sku.vendor.slug == vendor.slug);
        let mut rows: Vec<Row> =
            lines.map(|line| self.usage(line, day, self.quantity(line, day, without))).collect();
        for commitment in [&SAVINGS_PLAN, &RESERVATION] {
            if commitment.vendor.slug == vendor.slug {
                rows = self.commit(commitment, day, rows);
            }
        }
        if vendor.slug == AWS.slug && day == shifted(self.config.end, -71) {
            rows.push(self.credit(day));
        }
        rows
    }

    /// A credit for an outage, once.
    fn credit(&self, day: Date) -> Row {
        let amount = Pico(-1_200 * Pico::ONE.0);
        Row {
            billed_cost: amount,
            charge_category: "Credit",
            charge_description: "Service credit for an outage".to_owned(),
            charge_frequency: "One-Time",
            contracted_cost: amount,
            effective_cost: amount,
            list_cost: amount,
            service_category: "Compute",
            service_name: EC2.service,
            service_subcategory: "Virtual Machines",
            sub_account_id: Some("halden-prod"),
            sub_account_name: Some("halden-prod"),
            ..self.blank(&AWS, day, shifted(day, 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;
    use crate::WorldConfig;

    #[test]
    fn labels_are_unique() {
        let labels: BTreeSet<_> = LINES.iter().map(|line| line.label).collect();
        assert_eq!(labels.len(), LINES.len());
    }

    /// FOCUS: what a commitment costs is billed once and amortised once.
    #[test]
    fn used_and_unused_add_up_to_the_purchase() {
        let world = World::generate(&WorldConfig::halden());
        for (commitment, day, wasted) in [
            (&SAVINGS_PLAN, date(2026, 10, 20), false),
            (&SAVINGS_PLAN, date(2026, 10, 24), true),
            (&RESERVATION, date(2026, 10, 20), false),
            (&RESERVATION, date(2026, 10, 24), true),
        ] {
            let mut rows = world.cloud_charges(commitment.vendor, day, None);
            rows.retain(|row| row.commitment_discount_id == Some(commitment.id));
            let sum = |of: fn(&Row) -> Pico| rows.iter().map(|row| of(row).0).sum::<i128>();
            assert_eq!(sum(|row| row.effective_cost), commitment.cost().0, "{day}");
            assert_eq!(sum(|row| row.billed_cost), commitment.cost().0, "{day}");
            let unused = rows.iter().any(|row| row.commitment_discount_status == Some("Unused"));
            assert_eq!(unused, wasted, "{} {day}", commitment.name);
        }
    }
}
