//! Charges as FOCUS 1.2 rows: cloud, Kubernetes and SaaS.
//!
//! Quantities are whole thousandths of a unit and list prices whole micro-dollars, so every amount is
//! exact in pico-dollars.

mod cloud;
mod commitment;
pub(crate) mod invoices;
mod kubernetes;
mod saas;

use std::collections::BTreeMap;

use centinel_engine::money::{Decimal, Pico};
use jiff::civil::Date;
use serde::Serialize;

use crate::{
    FileCategory, World,
    calendar::{days_between, shifted},
    draw::{float, whole},
    organisation::COMPANY,
    scenario::{Active, Target},
};

/// Who sends the bill.
#[derive(Debug)]
pub(crate) struct Vendor {
    provider: &'static str,
    /// Names the file and starts invoice numbers.
    slug: &'static str,
    category: FileCategory,
    account: &'static str,
    /// What is paid of the list price, in thousandths.
    contract_permille: i128,
    /// Whether the window's last month has no invoice yet.
    is_open: bool,
}

/// What is sold.
#[derive(Debug)]
struct Sku {
    vendor: &'static Vendor,
    service: &'static str,
    category: &'static str,
    subcategory: &'static str,
    id: &'static str,
    meter: &'static str,
    unit: &'static str,
    resource_type: &'static str,
    /// List price of one unit, in micro-dollars.
    micros: i128,
}

/// One resource that is charged every day.
#[derive(Debug)]
struct Line {
    sku: &'static Sku,
    /// Resource name; planted events name it.
    label: &'static str,
    sub_account: &'static str,
    /// `None` for what teams share.
    team: Option<&'static str>,
    environment: &'static str,
    region: &'static str,
    /// Units on a weekday at the end of the window.
    per_day: f64,
    /// Share of that on Saturdays and Sundays.
    weekend: f64,
    /// Growth in 30 days.
    growth: f64,
}

/// One row of a FOCUS 1.2 Cost and Usage dataset.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Row {
    billed_cost: Pico,
    billing_account_id: &'static str,
    billing_account_name: &'static str,
    billing_currency: &'static str,
    billing_period_end: String,
    billing_period_start: String,
    charge_category: &'static str,
    charge_class: Option<&'static str>,
    charge_description: String,
    charge_frequency: &'static str,
    charge_period_end: String,
    charge_period_start: String,
    commitment_discount_category: Option<&'static str>,
    commitment_discount_id: Option<&'static str>,
    commitment_discount_name: Option<&'static str>,
    commitment_discount_quantity: Option<Decimal>,
    commitment_discount_status: Option<&'static str>,
    commitment_discount_type: Option<&'static str>,
    commitment_discount_unit: Option<&'static str>,
    consumed_quantity: Option<Decimal>,
    consumed_unit: Option<&'static str>,
    contracted_cost: Pico,
    contracted_unit_price: Option<Decimal>,
    effective_cost: Pico,
    invoice_id: Option<String>,
    invoice_issuer_name: &'static str,
    list_cost: Pico,
    list_unit_price: Option<Decimal>,
    pricing_category: Option<&'static str>,
    pricing_quantity: Option<Decimal>,
    pricing_unit: Option<&'static str>,
    provider_name: &'static str,
    publisher_name: &'static str,
    region_id: Option<&'static str>,
    resource_id: Option<String>,
    resource_name: Option<&'static str>,
    resource_type: Option<&'static str>,
    service_category: &'static str,
    service_name: &'static str,
    service_subcategory: &'static str,
    sku_id: Option<&'static str>,
    sku_meter: Option<&'static str>,
    sku_price_details: Option<String>,
    sub_account_id: Option<&'static str>,
    sub_account_name: Option<&'static str>,
    tags: Option<String>,
}

impl Vendor {
    /// The name of its file, without suffixes.
    pub(crate) fn slug(&self) -> &'static str {
        self.slug
    }

    /// The part of the bill that it is.
    pub(crate) fn category(&self) -> FileCategory {
        self.category
    }

    /// As the bill names it.
    pub(crate) fn provider(&self) -> &'static str {
        self.provider
    }
}

impl Row {
    /// The amortised amount.
    pub(crate) fn effective_cost(&self) -> Pico {
        self.effective_cost
    }
}

/// Everyone who sends a bill, in the order of the files.
pub(crate) fn vendors() -> impl Iterator<Item = &'static Vendor> {
    [&cloud::AWS, &cloud::AZURE, &cloud::GOOGLE, &kubernetes::CLUSTER]
        .into_iter()
        .chain(saas::VENDORS)
}

impl World {
    /// A vendor's charges of a day, with one planted event switched off where asked.
    pub(crate) fn charges(
        &self,
        vendor: &'static Vendor,
        day: Date,
        without: Option<&str>,
    ) -> Vec<Row> {
        match vendor.category {
            FileCategory::Kubernetes => self.cluster_charges(day, without),
            FileCategory::Saas => self.subscription_charges(vendor, day),
            FileCategory::Cloud | FileCategory::Ai => self.cloud_charges(vendor, day, without),
        }
    }

    /// The effective cost on a day of every resource that an event touches.
    pub(crate) fn charged(&self, event: &str, day: Date, without: Option<&str>) -> Pico {
        let labels = self.event_labels(event);
        let rows = vendors().flat_map(|vendor| self.charges(vendor, day, without));
        Pico(
            rows.filter(|row| row.resource_name.is_some_and(|name| labels.contains(&name)))
                .map(|row| row.effective_cost.0)
                .sum(),
        )
    }

    fn event_labels(&self, event: &str) -> Vec<&'static str> {
        self.events
            .iter()
            .filter(|other| other.id == event)
            .filter_map(|other| match other.target {
                Target::Charges(label) => Some(label),
                _ => None,
            })
            .collect()
    }

    /// Units of a line on a day, in thousandths.
    fn quantity(&self, line: &Line, day: Date, without: Option<&str>) -> i128 {
        let index = u64::try_from(centinel_engine::period::index_of_date(day)).unwrap_or_default();
        let mut stream = self.seed.child(line.label, index).child(line.sku.id, 0).stream();
        let weekend = day.weekday().to_monday_zero_offset() >= 5;
        let noise = stream.log_normal(1.0, if line.weekend < 1.0 { 0.03 } else { 0.012 });
        let months = f64::from(days_between(day, self.config.end)) / 30.0;
        let active = Active::on_charges(&self.events, line.label, without);
        let units = line.per_day
            * if weekend { line.weekend } else { 1.0 }
            * (1.0 + line.growth).powf(-months)
            * noise
            * active.volume(None, day);
        i128::from(whole(units * float(1_000)))
    }

    fn usage(&self, line: &Line, day: Date, milli: i128) -> Row {
        let sku = line.sku;
        let list_nanos = sku.micros * 1_000;
        let contract_nanos = sku.micros * sku.vendor.contract_permille;
        let contracted = Pico(milli * contract_nanos);
        Row {
            billed_cost: contracted,
            charge_category: "Usage",
            charge_description: format!("{} of {}", sku.meter, sku.service),
            charge_frequency: "Usage-Based",
            consumed_quantity: Some(thousandths(milli)),
            consumed_unit: Some(sku.unit),
            contracted_cost: contracted,
            contracted_unit_price: Some(nanos(contract_nanos)),
            effective_cost: contracted,
            list_cost: Pico(milli * list_nanos),
            list_unit_price: Some(nanos(list_nanos)),
            pricing_category: Some("Standard"),
            pricing_quantity: Some(thousandths(milli)),
            pricing_unit: Some(sku.unit),
            region_id: Some(line.region),
            resource_id: Some(format!("{}/{}/{}", sku.vendor.slug, line.sub_account, line.label)),
            resource_name: Some(line.label),
            resource_type: Some(sku.resource_type),
            service_category: sku.category,
            service_name: sku.service,
            service_subcategory: sku.subcategory,
            sku_id: Some(sku.id),
            sku_meter: Some(sku.meter),
            sub_account_id: Some(line.sub_account),
            sub_account_name: Some(line.sub_account),
            tags: line.team.map(|team| tags(team, line.environment)),
            ..self.blank(sku.vendor, day, shifted(day, 1))
        }
    }

    /// A row without amounts, for the days from `start` up to `end`.
    fn blank(&self, vendor: &'static Vendor, start: Date, end: Date) -> Row {
        let month = start.first_of_month();
        let in_last_month = month == self.config.end.first_of_month();
        Row {
            billing_account_id: vendor.account,
            billing_account_name: COMPANY,
            billing_currency: "USD",
            billing_period_start: midnight(month),
            billing_period_end: midnight(shifted(start.last_of_month(), 1)),
            charge_period_start: midnight(start),
            charge_period_end: midnight(end),
            invoice_id: (!(vendor.is_open && in_last_month))
                .then(|| format!("{}-{}-{:02}", vendor.slug, month.year(), month.month())),
            invoice_issuer_name: vendor.provider,
            provider_name: vendor.provider,
            publisher_name: vendor.provider,
            ..Row::default()
        }
    }
}

/// Where a resource is, by dimension.
pub(crate) fn charge_scope(label: &str) -> Vec<(&'static str, &'static str)> {
    let lines = cloud::LINES.iter().chain(&kubernetes::LINES);
    let found = lines.filter(|line| line.label == label).take(1);
    found
        .flat_map(|line| {
            [
                ("provider", line.sku.vendor.provider),
                ("service", line.sku.service),
                ("sub_account", line.sub_account),
                ("resource", line.label),
            ]
            .into_iter()
            .chain(line.team.map(|team| ("team", team)))
        })
        .collect()
}

fn tags(team: &str, environment: &str) -> String {
    let tags = BTreeMap::from([("environment", environment), ("team", team)]);
    serde_json::json!(tags).to_string()
}

fn midnight(day: Date) -> String {
    format!("{day}T00:00:00Z")
}

/// A quantity; three decimals always fit.
fn thousandths(milli: i128) -> Decimal {
    Decimal::new(milli, 3).unwrap_or_default()
}

/// A unit price; nine decimals always fit.
fn nanos(nanos: i128) -> Decimal {
    Decimal::new(nanos, 9).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::WorldConfig;

    #[test]
    fn quantity_times_price_is_cost() {
        let world = World::generate(&WorldConfig::small());
        for vendor in vendors() {
            for row in world.charges(vendor, date(2026, 10, 26), None) {
                let (Some(quantity), Some(price)) = (row.pricing_quantity, row.list_unit_price)
                else {
                    continue;
                };
                let cost = quantity.checked_mul(price).unwrap();
                assert_eq!(Pico::try_from(cost), Ok(row.list_cost), "{row:?}");
            }
        }
    }

    #[test]
    fn a_move_between_accounts_changes_little_in_sum() {
        let world = World::generate(&WorldConfig::halden());
        let day = date(2026, 10, 20);
        let (with, without) = (
            world.charged("D-6", day, None).to_f64(),
            world.charged("D-6", day, Some("D-6")).to_f64(),
        );
        assert!((with / without - 1.0).abs() < 0.02, "{with} {without}");
    }

    #[test]
    fn an_idle_node_costs_nineteen_hours_a_day() {
        let world = World::generate(&WorldConfig::halden());
        let day = date(2026, 10, 20);
        let with = world.charged("I-7", day, None);
        let without = world.charged("I-7", day, Some("I-7"));
        assert_eq!(Pico(with.0 - without.0).to_string(), "76.57");
        // Before it began nothing was idle.
        let day = date(2026, 8, 20);
        assert_eq!(world.charged("I-7", day, None), world.charged("I-7", day, Some("I-7")));
    }
}
