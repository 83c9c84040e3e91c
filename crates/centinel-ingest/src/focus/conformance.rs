//! Where a file departs from the specification: findings, counted.

use centinel_engine::money::Decimal;
use serde::de::IgnoredAny;

use super::{
    columns::{Columns, Need, Since},
    own::OwnColumns,
};
use crate::{
    calls::normalize,
    csv_rows::Values,
    finding::{FindingStatus, Findings},
};

/// Columns with a closed list of values.
///
/// # Source
///
/// FOCUS 1.2, allowed values of each column.
const CLOSED: [(&str, &[&str]); 8] = [
    ("CapacityReservationStatus", &["Used", "Unused"]),
    ("ChargeCategory", &["Usage", "Purchase", "Tax", "Credit", "Adjustment"]),
    ("ChargeClass", &["Correction"]),
    ("ChargeFrequency", &["One-Time", "Recurring", "Usage-Based"]),
    ("CommitmentDiscountCategory", &["Spend", "Usage"]),
    ("CommitmentDiscountStatus", &["Used", "Unused"]),
    ("PricingCategory", &["Standard", "Dynamic", "Committed", "Other"]),
    (
        "ServiceCategory",
        &[
            "AI and Machine Learning",
            "Analytics",
            "Business Applications",
            "Compute",
            "Databases",
            "Developer Tools",
            "Multicloud",
            "Identity",
            "Integration",
            "Internet of Things",
            "Management and Governance",
            "Media",
            "Migration",
            "Mobile",
            "Networking",
            "Security",
            "Storage",
            "Web",
            "Other",
        ],
    ),
];

/// Columns of numbers that no cost depends on here.
const NUMBERS: [&str; 5] = [
    "ContractedUnitPrice",
    "ListUnitPrice",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
];

/// Columns of JSON objects.
const OBJECTS: [&str; 8] = [
    "AllocatedMethodDetails",
    "AllocatedTags",
    "CommitmentProgramEligibilityDetails",
    "ContractApplied",
    "CredentialDetails",
    "RequesterDetails",
    "SkuPriceDetails",
    "Tags",
];

/// Columns that are null where, and only where, another one is.
const PAIRS: [(&str, &str); 6] = [
    ("ConsumedQuantity", "ConsumedUnit"),
    ("PricingQuantity", "PricingUnit"),
    ("CommitmentDiscountQuantity", "CommitmentDiscountUnit"),
    ("CommitmentDiscountId", "CommitmentDiscountType"),
    ("CommitmentDiscountId", "CommitmentDiscountCategory"),
    ("CapacityReservationId", "CapacityReservationStatus"),
];

const DATES: [&str; 4] =
    ["BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"];

/// Notes what the header has too few and too many of, and the version that it reads as.
pub(super) fn note_header(columns: &Columns, names: &[String], findings: &mut Findings) {
    let found =
        columns.iter().filter(|(name, _, _, index)| index.is_some() && !name.starts_with("x_"));
    let version = found.map(|(_, _, since, _)| since).max().unwrap_or(Since::V1_0);
    // The columns that say so, where the version is not the first.
    let proof: Vec<String> = columns
        .iter()
        .filter(|(_, _, since, index)| {
            *since == version && version > Since::V1_0 && index.is_some()
        })
        .take(3)
        .map(|(name, ..)| format!("`{name}`"))
        .collect();
    let proof = if proof.is_empty() { String::new() } else { format!(" ({})", proof.join(", ")) };
    let message = format!("the columns are those of {}{proof}", version.name());
    findings.note("", FindingStatus::Note, &message);
    for (name, need, since, index) in columns.iter() {
        if index.is_none() && need != Need::No && since <= version {
            findings.note(name, FindingStatus::Nonconforming, "is mandatory and missing");
        }
    }
    let needed = if version >= Since::V1_3 {
        ["ServiceProviderName", "HostProviderName"]
    } else {
        ["ProviderName", "PublisherName"]
    };
    for name in needed {
        if columns.find(name).is_none() {
            findings.note(name, FindingStatus::Nonconforming, "is mandatory and missing");
        }
    }
    let known = |index: usize| columns.iter().any(|(_, _, _, found)| found == Some(index));
    let is_export = OwnColumns::of_header(names).is_some();
    for (index, name) in names.iter().enumerate() {
        let is_ours = is_export && OwnColumns::is_own(name);
        if known(index) || is_ours || normalize(name).is_empty() {
            continue;
        }
        if name.starts_with("x_") || name.starts_with("X_") {
            findings.note(name, FindingStatus::Ignored, "is an extension that is not read");
        } else {
            let message = "is no column of FOCUS (extensions start with `x_`); not read";
            findings.note(name, FindingStatus::Nonconforming, message);
        }
    }
}

/// Checks the rows of a file.
pub(super) struct RowCheck {
    not_null: Vec<(&'static str, usize)>,
    closed: Vec<(&'static str, usize, &'static [&'static str])>,
    dates: Vec<(&'static str, usize)>,
    numbers: Vec<(&'static str, usize)>,
    objects: Vec<(&'static str, usize)>,
    pairs: Vec<(&'static str, usize, &'static str, usize)>,
    category: Option<usize>,
    commitment: [Option<usize>; 3],
}

impl RowCheck {
    pub(super) fn new(columns: &Columns) -> Self {
        let not_null = columns.iter().filter(|(_, need, ..)| *need == Need::Value);
        Self {
            not_null: not_null.filter_map(|(name, _, _, index)| Some((name, index?))).collect(),
            closed: CLOSED
                .into_iter()
                .filter_map(|(name, allowed)| Some((name, columns.find(name)?, allowed)))
                .collect(),
            dates: found(columns, &DATES),
            numbers: found(columns, &NUMBERS),
            objects: found(columns, &OBJECTS),
            pairs: PAIRS
                .into_iter()
                .filter_map(|(one, other)| {
                    Some((one, columns.find(one)?, other, columns.find(other)?))
                })
                .collect(),
            category: columns.find("ChargeCategory"),
            commitment: [
                columns.find("CommitmentDiscountId"),
                columns.find("CommitmentDiscountStatus"),
                columns.find("EffectiveCost"),
            ],
        }
    }

    /// Notes where an accepted row departs from the specification.
    pub(super) fn note(&self, values: Values<'_>, row: u64, findings: &mut Findings) {
        let mut note = |column, message: &str| {
            findings.row(column, FindingStatus::Nonconforming, message, row);
        };
        for &(name, index) in &self.not_null {
            if null(values.get(index)).is_none() {
                note(name, "is null where a value is mandatory");
            }
        }
        for &(name, index, allowed) in &self.closed {
            let Some(value) = null(values.get(index)) else { continue };
            if allowed.contains(&value) {
                continue;
            }
            if allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(value)) {
                note(name, "is written in another case than the specification's");
            } else {
                note(name, "is not one of the specification's values");
            }
        }
        for &(name, index) in &self.numbers {
            let is_number = |value: &str| value.parse::<Decimal>().is_ok();
            if null(values.get(index)).is_some_and(|value| !is_number(value)) {
                note(name, "is not a number");
            }
        }
        for &(name, index) in &self.objects {
            // The tags' own reader says more, and reads what is only nearly JSON.
            let is_json = |value: &str| serde_json::from_str::<IgnoredAny>(value).is_ok();
            if name != "Tags" && null(values.get(index)).is_some_and(|value| !is_json(value)) {
                note(name, "is not JSON");
            }
        }
        for &(one, first, other, second) in &self.pairs {
            match (null(values.get(first)), null(values.get(second))) {
                (Some(_), None) => note(other, &format!("is null where `{one}` has a value")),
                (None, Some(_)) => note(other, &format!("has a value where `{one}` is null")),
                _ => {}
            }
        }
        self.note_commitment(values, &mut note);
        for &(name, index) in &self.dates {
            let value = values.get(index).as_bytes();
            let is_iso = matches!(value, [_, _, _, _, b'-', _, _, b'-', _, _, b'T', .., b'Z']);
            if !is_iso && !value.is_empty() {
                note(name, "is not of the form `2026-11-01T00:00:00Z`; read as UTC");
            }
        }
    }
}

impl RowCheck {
    /// A commitment is paid once: by its purchase in the billed cost, by what it covers, or leaves
    /// unused, in the effective cost.
    fn note_commitment(&self, values: Values<'_>, note: &mut impl FnMut(&'static str, &str)) {
        let value = |index: Option<usize>| index.and_then(|index| null(values.get(index)));
        let [id, status, effective] = self.commitment;
        let category = value(self.category).unwrap_or_default();
        let (has_id, has_status) = (value(id).is_some(), value(status).is_some());
        if category.eq_ignore_ascii_case("Usage") && has_id && status.is_some() && !has_status {
            note("CommitmentDiscountStatus", "is null for usage of a commitment");
        }
        if has_status && !has_id {
            note("CommitmentDiscountStatus", "has a value without a `CommitmentDiscountId`");
        }
        let is_paid_twice =
            |value: &str| value.parse::<Decimal>().is_ok_and(|cost| !cost.is_zero());
        if category.eq_ignore_ascii_case("Purchase")
            && has_id
            && value(effective).is_some_and(is_paid_twice)
        {
            let message =
                "is not 0 for the purchase of a commitment: what it covers may count twice";
            note("EffectiveCost", message);
        }
    }
}

fn found(columns: &Columns, names: &[&'static str]) -> Vec<(&'static str, usize)> {
    names.iter().filter_map(|name| Some((*name, columns.find(name)?))).collect()
}

/// A value, unless it is null, in one of the ways that exports write null.
pub(super) fn null(value: &str) -> Option<&str> {
    (!crate::calls::is_null(value)).then_some(value)
}
