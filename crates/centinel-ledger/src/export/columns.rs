//! The columns of the dataset, by version, and what a row has in each.
//!
//! # Source
//!
//! FOCUS 1.2 and 1.4, dataset Cost and Usage; attribute Column Naming and Ordering: columns of one's
//! own start with `x_` and stand after those of FOCUS.

use std::borrow::Cow;

use centinel_engine::{
    money::{Decimal, Pico},
    period::{date_of, start_of_day},
    series::Dimension,
};
use jiff::{Timestamp, ToSpan as _};

use super::{
    FocusVersion::{self, V1_2, V1_4},
    row::Row,
};

/// What stands where a mandatory text is not known; `x_CentinelAssumed` then names the column.
const UNKNOWN: &str = "Not stated";

/// A value of a row.
pub(super) enum Cell<'a> {
    /// Null.
    Null,
    /// Text that was imported, and may be hostile.
    Imported(Cow<'a, str>),
    /// Text of our own.
    Own(Cow<'a, str>),
    /// A number, in digits.
    Number(Cow<'a, str>),
    /// An instant.
    At(Timestamp),
}

/// A column: its name, the version that alone has it, and its value.
pub(super) type Column =
    (&'static str, Option<FocusVersion>, for<'r, 'a> fn(&'r Row<'a>) -> Cell<'r>);

/// Every column but `x_CentinelEscaped`, which whoever writes the row knows.
pub(super) const COLUMNS: [Column; 58] = [
    ("BilledCost", None, |row| amount(row.billed_cost.to_decimal())),
    ("BillingAccountId", None, |row| mandatory(row, &Dimension::BillingAccount, UNKNOWN)),
    ("BillingAccountName", None, |_| Cell::Null),
    ("BillingCurrency", None, |row| Cell::Own(row.currency().into())),
    ("BillingPeriodEnd", None, |row| Cell::At(month(row).1)),
    ("BillingPeriodStart", None, |row| Cell::At(month(row).0)),
    ("ChargeCategory", None, |row| mandatory(row, &Dimension::ChargeCategory, "Usage")),
    ("ChargeClass", None, |row| own(row.is_correction.then_some("Correction"))),
    ("ChargeDescription", None, |row| imported(row.description.as_deref())),
    ("ChargePeriodEnd", None, |row| Cell::At(row.period.end)),
    ("ChargePeriodStart", None, |row| Cell::At(row.period.start)),
    ("CommitmentDiscountId", None, |row| {
        imported(row.commitment_id.as_deref().or(row.label(&Dimension::CommitmentDiscount)))
    }),
    ("CommitmentDiscountQuantity", None, |row| number(row.commitment.digits.as_deref())),
    ("CommitmentDiscountStatus", None, |row| label(row, &Dimension::CommitmentDiscountStatus)),
    ("CommitmentDiscountUnit", None, |row| imported(row.commitment.unit.as_deref())),
    // Which programs would cover a charge is nothing that the ledger knows.
    ("CommitmentProgramEligibilityDetails", Some(V1_4), |_| Cell::Null),
    ("ConsumedQuantity", None, |row| number(row.consumed.digits.as_deref())),
    ("ConsumedUnit", None, |row| imported(row.consumed.unit.as_deref())),
    ("ContractedCost", None, |row| known(row.contracted_cost.map(Pico::to_decimal))),
    ("EffectiveCost", None, |row| amount(row.effective_cost.to_decimal())),
    ("HostProviderName", Some(V1_4), provider),
    ("InvoiceId", None, |row| imported(row.invoice_id.as_deref())),
    ("InvoiceIssuerName", None, provider),
    ("ListCost", None, |row| known(row.list_cost.map(Pico::to_decimal))),
    ("PricingQuantity", None, |row| number(row.pricing.digits.as_deref())),
    ("PricingUnit", None, |row| imported(row.pricing.unit.as_deref())),
    ("ProviderName", Some(V1_2), provider),
    ("PublisherName", Some(V1_2), provider),
    ("RegionId", None, |row| label(row, &Dimension::Region)),
    ("ResourceId", None, |row| imported(row.resource_id.as_deref())),
    ("ServiceCategory", None, |row| {
        let assumed = if row.call.is_some() { "AI and Machine Learning" } else { "Other" };
        mandatory(row, &Dimension::ServiceCategory, assumed)
    }),
    ("ServiceName", None, |row| {
        let assumed = if row.call.is_some() { "Model inference" } else { UNKNOWN };
        mandatory(row, &Dimension::Service, assumed)
    }),
    ("ServiceProviderName", Some(V1_4), provider),
    ("ServiceSubcategory", None, |row| own(row.call.is_some().then_some("Generative AI"))),
    ("SkuId", None, |row| imported(row.sku.as_deref())),
    ("SkuMeter", None, |row| imported(row.sku_meter.as_deref())),
    ("SkuPriceDetails", None, |row| own(row.sku_price_details.as_deref())),
    ("SkuPriceId", None, |row| imported(row.sku_price_id.as_deref())),
    ("SubAccountId", None, |row| label(row, &Dimension::SubAccount)),
    ("Tags", None, tags),
    ("x_Agent", None, |row| label(row, &Dimension::Agent)),
    ("x_Application", None, |row| label(row, &Dimension::Application)),
    ("x_CallCount", None, |row| {
        let calls = row.call.as_ref().and_then(|call| call.calls);
        calls.map_or(Cell::Null, |calls| Cell::Number(calls.to_string().into()))
    }),
    ("x_CentinelAssumed", Some(V1_2), |row| assumed(row, "ProviderName")),
    ("x_CentinelAssumed", Some(V1_4), |row| assumed(row, "ServiceProviderName")),
    ("x_ChargeId", None, |row| own(row.charge_id.as_deref())),
    ("x_CostRemainder", None, |row| known(row.remainder())),
    ("x_CredentialId", None, |row| label(row, &Dimension::ApiKey)),
    ("x_Environment", None, |row| label(row, &Dimension::Environment)),
    ("x_Feature", None, |row| label(row, &Dimension::Feature)),
    ("x_ModelId", None, |row| label(row, &Dimension::Model)),
    ("x_PriceBook", None, |row| {
        imported(row.call.as_ref().and_then(|call| call.price.book.as_deref()))
    }),
    ("x_PriceEffectiveFrom", None, |row| {
        imported(row.call.as_ref().and_then(|call| call.price.effective_from.as_deref()))
    }),
    ("x_Process", None, |row| label(row, &Dimension::Process)),
    ("x_ServiceTier", None, |row| label(row, &Dimension::ServiceTier)),
    ("x_Source", None, |row| label(row, &Dimension::Source)),
    ("x_Team", None, |row| label(row, &Dimension::Team)),
    ("x_TokenClass", None, |row| own(row.token_class.as_deref())),
];

fn amount(value: Decimal) -> Cell<'static> {
    Cell::Number(value.to_string().into())
}

fn known(value: Option<Decimal>) -> Cell<'static> {
    value.map_or(Cell::Null, amount)
}

fn number(digits: Option<&str>) -> Cell<'_> {
    digits.map_or(Cell::Null, |digits| Cell::Number(digits.into()))
}

fn own(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Null, |text| Cell::Own(text.into()))
}

fn imported(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Null, |text| Cell::Imported(text.into()))
}

fn label<'r>(row: &'r Row<'_>, dimension: &Dimension) -> Cell<'r> {
    imported(row.label(dimension))
}

fn mandatory<'r>(row: &'r Row<'_>, dimension: &Dimension, assumed: &'static str) -> Cell<'r> {
    row.label(dimension).map_or(Cell::Own(assumed.into()), |value| Cell::Imported(value.into()))
}

/// Who sells is also taken for who hosts, publishes and invoices: the ledger knows no more.
fn provider<'r>(row: &'r Row<'_>) -> Cell<'r> {
    mandatory(row, &Dimension::Provider, UNKNOWN)
}

/// Columns that were filled in because the ledger has no value for them, by name.
fn assumed<'r>(row: &'r Row<'_>, provider: &'static str) -> Cell<'r> {
    let columns = [
        (Dimension::Provider, provider),
        (Dimension::ServiceCategory, "ServiceCategory"),
        (Dimension::Service, "ServiceName"),
        (Dimension::BillingAccount, "BillingAccountId"),
        (Dimension::ChargeCategory, "ChargeCategory"),
    ];
    let names: Vec<&str> = columns
        .into_iter()
        .filter(|(dimension, _)| row.label(dimension).is_none())
        .map(|(_, name)| name)
        .collect();
    if names.is_empty() { Cell::Null } else { Cell::Own(names.join(" ").into()) }
}

/// The calendar month, UTC, in which a row starts: the ledger keeps no billing periods.
fn month(row: &Row<'_>) -> (Timestamp, Timestamp) {
    let first = date_of(row.period.start).first_of_month();
    let next = first.saturating_add(1.month());
    (start_of_day(first), start_of_day(next))
}

/// Tags of the ledger as the JSON object of FOCUS.
fn tags<'r>(row: &'r Row<'_>) -> Cell<'r> {
    let tags: serde_json::Map<String, serde_json::Value> = row
        .labels
        .0
        .iter()
        .filter_map(|(dimension, value)| match dimension {
            Dimension::Tag(key) => Some((key.to_string(), value.as_str().into())),
            _ => None,
        })
        .collect();
    if tags.is_empty() {
        return Cell::Null;
    }
    Cell::Own(serde_json::Value::Object(tags).to_string().into())
}
