//! Google Cloud billing export: rows of the BigQuery tables, standard and detailed, as JSON lines, CSV
//! or Parquet.
//!
//! A row costs `cost` plus its credits, which are negative: the invoice asks for the sum, so it is
//! both the billed and the effective cost. Commitment fees are rows of their own and their discounts
//! are credits of the usage, so nothing is counted twice. `cost_at_list` is the list cost.
//!
//! | `cost_type` | category |
//! |---|---|
//! | `regular` | Usage, or Purchase for a commitment's fee |
//! | `tax` | Tax |
//! | `adjustment` | Adjustment; a correction where it has an adjustment's id |
//! | `rounding_error` | Adjustment |
//!
//! # Source
//!
//! Cloud Billing documentation, "Structure of Standard data export" and "Structure of Detailed data
//! export"; "Cloud Billing export query examples": what an invoice sums.

use centinel_engine::{
    focus::{Charge, ChargeCategory},
    money::{Currency, Decimal},
    period::Period,
    pricing::Meter,
    reconcile::meter_of,
    series::Dimension,
};
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BillReader, assumed, blank, charge::label, missing, month_of, reset, service_tier};
use crate::{
    csv_rows::Values,
    finding::{FindingStatus, Findings},
    instant::Instants,
    read::{Options, ReadError},
    sanitize::set_text,
    sink::bad_value,
    table::{Column, Header},
    tags::TagReader,
};

/// Paths that are read, also where the first rows do not have them.
pub(super) const KEYS: [&str; 26] = [
    "billing_account_id",
    "service.id",
    "service.description",
    "sku.id",
    "sku.description",
    "usage_start_time",
    "usage_end_time",
    "project.id",
    "labels",
    "location.region",
    "location.location",
    "resource.name",
    "resource.global_name",
    "cost",
    "currency",
    "currency_conversion_rate",
    "usage.amount",
    "usage.unit",
    "usage.amount_in_pricing_units",
    "usage.pricing_unit",
    "credits",
    "invoice.month",
    "cost_type",
    "adjustment_info.id",
    "cost_at_list",
    "tags",
];

/// Whether a header is that of an export.
pub(super) fn is_header(header: &Header) -> bool {
    let has_start = header.has("usage_start_time");
    let has_sku = header.has("sku.description") || header.has("sku.id") || header.has("sku");
    (has_start && header.has("cost") && (has_sku || header.has("service.description")))
        || (has_sku && header.has("cost") && header.has("invoice.month"))
        || header.has("credits.amount")
}

pub(super) struct Reader {
    account: Column,
    service: Column,
    service_id: Column,
    sku: Column,
    sku_id: Column,
    start: Column,
    end: Column,
    project: Column,
    labels: Column,
    tags: Column,
    region: [Column; 2],
    resource: [Column; 2],
    cost: Column,
    currency: Column,
    currency_default: Currency,
    list: Column,
    amount: Column,
    unit: Column,
    pricing_amount: Column,
    pricing_unit: Column,
    credits: Column,
    credits_amount: Column,
    month: Column,
    cost_type: Column,
    adjustment: Column,
    owners: TagReader,
    charge: Charge,
    period: Option<Timestamp>,
    account_read: String,
}

/// One credit of a row.
#[derive(Deserialize)]
struct Credit<'a> {
    #[serde(borrow, default)]
    amount: Option<&'a RawValue>,
}

impl Reader {
    pub(super) fn new(header: &Header, options: &Options) -> Result<Self, ReadError> {
        let column = |names: &[&str]| header.column(names);
        let reader = Self {
            account: column(&["billing_account_id"]),
            service: column(&["service.description", "service"]),
            service_id: column(&["service.id"]),
            sku: column(&["sku.description", "sku"]),
            sku_id: column(&["sku.id"]),
            start: column(&["usage_start_time"]),
            end: column(&["usage_end_time"]),
            project: column(&["project.id", "project"]),
            labels: column(&["labels"]),
            tags: column(&["tags"]),
            region: [column(&["location.region"]), column(&["location.location"])],
            resource: [column(&["resource.global_name"]), column(&["resource.name"])],
            cost: column(&["cost"]),
            currency: column(&["currency"]),
            currency_default: options.currency,
            list: column(&["cost_at_list"]),
            amount: column(&["usage.amount"]),
            unit: column(&["usage.unit"]),
            pricing_amount: column(&["usage.amount_in_pricing_units"]),
            pricing_unit: column(&["usage.pricing_unit"]),
            credits: column(&["credits"]),
            credits_amount: column(&["credits.amount", "credits_total", "total_credits", "credit"]),
            month: column(&["invoice.month"]),
            cost_type: column(&["cost_type"]),
            adjustment: column(&["adjustment_info.id"]),
            owners: TagReader::new(&options.tags),
            charge: blank(),
            period: None,
            account_read: String::new(),
        };
        let absent: Vec<&str> = [&reader.cost, &reader.start]
            .into_iter()
            .filter(|column| !column.exists())
            .map(Column::name)
            .collect();
        if absent.is_empty() {
            Ok(reader)
        } else {
            Err(missing(header, "a Google Cloud billing export", &absent))
        }
    }

    /// The sum of a row's credits.
    fn credits(&self, values: Values<'_>) -> Result<Decimal, String> {
        if let Some(amount) = self.credits_amount.amount(values)? {
            return Ok(amount);
        }
        let Some(text) = self.credits.get(values) else { return Ok(Decimal::ZERO) };
        if !text.starts_with('[') {
            // A flattened extract keeps their sum under the same name.
            return text.parse().map_err(|error| format!("`{}` {error}", self.credits.name()));
        }
        let bad = |problem: &str| bad_value(self.credits.name(), text, problem);
        let credits: Vec<Credit<'_>> =
            serde_json::from_str(text).map_err(|_| bad("is not a list of credits"))?;
        let mut sum = Decimal::ZERO;
        for credit in credits {
            let amount = credit.amount.map(RawValue::get).filter(|amount| *amount != "null");
            let amount: Decimal = amount
                .ok_or_else(|| bad("has a credit without an amount"))?
                .trim_matches('"')
                .parse()
                .map_err(|_| bad("has a credit whose amount is not a number"))?;
            sum = sum.checked_add(amount).map_err(|error| bad(&error.to_string()))?;
        }
        Ok(sum)
    }

    fn labels(&mut self, values: Values<'_>, row: u64, findings: &mut Findings) {
        let charge = &mut self.charge;
        let service = self.service.get(values).or_else(|| self.service_id.get(values));
        let service = service.unwrap_or_default();
        let sku = self.sku.get(values).unwrap_or_default();
        let labels = &mut charge.labels;
        labels.set(Dimension::Provider, "Google Cloud");
        labels.set(Dimension::Service, service);
        labels.set(Dimension::ServiceCategory, service_category(service));
        for (dimension, column) in
            [(Dimension::BillingAccount, &self.account), (Dimension::SubAccount, &self.project)]
        {
            labels.set(dimension, column.get(values).unwrap_or_default());
        }
        let region = self.region.iter().find_map(|column| column.get(values));
        labels.set(Dimension::Region, region.unwrap_or_default());
        if is_model_service(service) {
            charge.meter = meter_of(sku);
            if let Some(tier) = service_tier(sku) {
                labels.set(Dimension::ServiceTier, tier);
            }
            if let Some(model) = model_of(sku) {
                labels.set(Dimension::Model, &model);
            }
        }
        for column in [&self.tags, &self.labels] {
            if let Some(text) = column.get(values)
                && !self.owners.read(text, labels)
            {
                let message = "is neither a JSON object nor a list of keys and values; not read";
                findings.row(column.name(), FindingStatus::Nonconforming, message, row);
            }
        }
    }
}

impl BillReader for Reader {
    fn read(
        &mut self,
        values: Values<'_>,
        row: u64,
        findings: &mut Findings,
    ) -> Result<&Charge, String> {
        reset(&mut self.charge);
        let start = instant(&self.start, values)?;
        let end = match self.end.get(values) {
            Some(_) => instant(&self.end, values)?,
            None => start,
        };
        // Taxes and roundings carry one instant.
        let end = if end > start { end } else { start + jiff::SignedDuration::from_hours(1) };
        let cost =
            self.cost.amount(values)?.ok_or_else(|| format!("`{}` is null", self.cost.name()))?;
        let credits = self.credits(values)?;
        let paid =
            cost.checked_add(credits).map_err(|error| format!("cost and credits {error}"))?;
        let cost_type = self.cost_type.get(values).unwrap_or("regular");
        let sku = self.sku.get(values).unwrap_or_default();
        let has_adjustment = self.adjustment.get(values).is_some();
        let charge = &mut self.charge;
        charge.charge_period = Period::new(start, end).map_err(|error| format!("usage {error}"))?;
        charge.charge_category = match cost_type.to_ascii_lowercase().as_str() {
            "regular" if is_commitment_fee(sku) => ChargeCategory::Purchase,
            "regular" => ChargeCategory::Usage,
            "tax" => ChargeCategory::Tax,
            "adjustment" | "rounding_error" => ChargeCategory::Adjustment,
            _ => {
                assumed(findings, self.cost_type.name(), "is not known: an adjustment", row);
                ChargeCategory::Adjustment
            }
        };
        charge.is_correction = has_adjustment;
        charge.currency = match self.currency.get(values) {
            Some(code) => {
                code.parse().map_err(|error| format!("`{}` {error}", self.currency.name()))?
            }
            None => self.currency_default,
        };
        charge.billed_cost = paid;
        charge.effective_cost = paid;
        charge.contracted_cost = Some(cost);
        charge.list_cost = self.list.amount(values)?;
        charge.consumed_quantity = self.amount.amount(values)?;
        charge.pricing_quantity = self.pricing_amount.amount(values)?;
        for (slot, value) in [
            (&mut charge.consumed_unit, self.unit.get(values)),
            (&mut charge.pricing_unit, self.pricing_unit.get(values)),
            (&mut charge.resource_id, self.resource.iter().find_map(|column| column.get(values))),
            (&mut charge.charge_description, Some(sku)),
            (&mut charge.sku, self.sku_id.get(values).or(Some(sku))),
        ] {
            set_text(slot, value.unwrap_or_default());
        }
        self.labels(values, row, findings);
        // Model services count tokens, whatever they call them.
        if self.charge.meter.is_some_and(Meter::is_token)
            && self.charge.consumed_unit.as_deref() == Some("count")
        {
            set_text(&mut self.charge.consumed_unit, "Tokens");
        }
        label(&mut self.charge);
        self.period = match self.month.get(values) {
            Some(month) => match invoice_month(month) {
                Some(start) => {
                    set_text(&mut self.charge.invoice_id, month);
                    Some(start)
                }
                None => {
                    let message = "is not of the form `202611`";
                    findings.row(self.month.name(), FindingStatus::Nonconforming, message, row);
                    month_of(start)
                }
            },
            None => month_of(start),
        };
        self.account_read.clear();
        self.account_read.push_str(self.account.get(values).unwrap_or_default());
        Ok(&self.charge)
    }

    fn billing_period(&self) -> Option<(&str, Timestamp)> {
        self.period.map(|start| (self.account_read.as_str(), start))
    }
}

fn instant(column: &Column, values: Values<'_>) -> Result<Timestamp, String> {
    let value = column.required(values)?;
    Instants::ABSOLUTE
        .parse(value)
        .map(|instant| instant.at)
        .map_err(|problem| bad_value(column.name(), value, problem))
}

/// The first instant of a month written `202611`.
fn invoice_month(month: &str) -> Option<Timestamp> {
    let (year, month) = month.split_at_checked(4).filter(|_| month.len() == 6)?;
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
    jiff::tz::Offset::UTC.to_timestamp(date.into()).ok()
}

/// The fee of a commitment: its discounts are credits of other rows.
fn is_commitment_fee(sku: &str) -> bool {
    let sku = sku.to_ascii_lowercase();
    sku.starts_with("commitment ")
        || sku.starts_with("commitment -")
        || sku.contains("committed use discount fee")
        || sku.contains("commitment fee")
}

fn is_model_service(service: &str) -> bool {
    let service = service.to_ascii_lowercase();
    ["vertex ai", "gemini", "generative language", "agent platform", "claude", "mistral", "llama"]
        .iter()
        .any(|known| service.contains(known))
}

fn service_category(service: &str) -> &'static str {
    let name = service.to_ascii_lowercase();
    let has = |known: &[&str]| known.iter().any(|known| name.contains(known));
    if is_model_service(service) || has(&["speech", "vision ai", "translat", "dialogflow"]) {
        "AI and Machine Learning"
    } else if has(&["compute engine", "kubernetes", "cloud run", "app engine", "functions"]) {
        "Compute"
    } else if has(&["bigquery", "dataflow", "dataproc", "pub/sub", "looker"]) {
        "Analytics"
    } else if has(&["cloud sql", "spanner", "firestore", "bigtable", "memorystore", "alloydb"]) {
        "Databases"
    } else if has(&["cloud storage", "filestore", "artifact registry"]) {
        "Storage"
    } else if has(&["networking", "cloud cdn", "cloud dns", "load balanc"]) {
        "Networking"
    } else if has(&["logging", "monitoring"]) {
        "Management and Governance"
    } else {
        ""
    }
}

/// The model that an SKU starts with: `Gemini 2.5 Flash GA` of `Gemini 2.5 Flash GA Text Input -
/// Predictions`.
pub(super) fn model_of(sku: &str) -> Option<String> {
    const BILLED: [&str; 25] = [
        "text",
        "image",
        "audio",
        "video",
        "input",
        "output",
        "thinking",
        "non-thinking",
        "cached",
        "caching",
        "cache",
        "batch",
        "flex",
        "priority",
        "prompt",
        "tokens",
        "token",
        "-",
        "generate",
        "grounding",
        "provisioned",
        "long",
        "short",
        "live",
        "embedding",
    ];
    const FAMILIES: [&str; 10] = [
        "gemini",
        "claude",
        "llama",
        "mistral",
        "imagen",
        "veo",
        "deepseek",
        "qwen",
        "gemma",
        "codestral",
    ];
    let words: Vec<&str> = sku
        .split_whitespace()
        .take_while(|word| !BILLED.contains(&word.to_ascii_lowercase().as_str()))
        .collect();
    let first = words.first()?.to_ascii_lowercase();
    let model = words.join(" ");
    let is_model = FAMILIES.iter().any(|family| first.starts_with(family));
    (is_model && words.len() > 1).then(|| model.trim_end_matches(':').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_months_and_fees() {
        for (sku, expected) in [
            ("Gemini 2.5 Flash GA Text Input - Predictions", Some("Gemini 2.5 Flash GA")),
            ("Gemini 2.5 Pro Thinking Text Output - Predictions", Some("Gemini 2.5 Pro")),
            ("Claude Sonnet 4.6 Input Tokens", Some("Claude Sonnet 4.6")),
            ("N2 Instance Core running in Americas", None),
            ("Gemini", None),
        ] {
            assert_eq!(model_of(sku).as_deref(), expected, "{sku}");
        }
        let month = invoice_month("202611").map(|at| at.to_string());
        assert_eq!(month.as_deref(), Some("2026-11-01T00:00:00Z"));
        assert_eq!(invoice_month("2026-11"), None);
        assert!(is_commitment_fee("Commitment v1: N2 Cpu in Americas for 1 Year"));
        assert!(!is_commitment_fee("N2 Instance Core running in Americas"));
    }
}
