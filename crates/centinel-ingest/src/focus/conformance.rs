//! Where a file departs from the specification: findings, counted.

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
const CLOSED: [(&str, &[&str]); 7] = [
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

const DATES: [&str; 4] =
    ["BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"];

/// Notes what the header has too few and too many of, and the version that it reads as.
pub(super) fn note_header(columns: &Columns, names: &[String], findings: &mut Findings) {
    let found =
        columns.iter().filter(|(name, _, _, index)| index.is_some() && !name.starts_with("x_"));
    let version = found.map(|(_, _, since, _)| since).max().unwrap_or(Since::V1_0);
    let message = format!("the columns are those of {}", version.name());
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
            dates: DATES.into_iter().filter_map(|name| Some((name, columns.find(name)?))).collect(),
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
        for &(name, index) in &self.dates {
            let value = values.get(index).as_bytes();
            let is_iso = matches!(value, [_, _, _, _, b'-', _, _, b'-', _, _, b'T', .., b'Z']);
            if !is_iso && !value.is_empty() {
                note(name, "is not of the form `2026-11-01T00:00:00Z`; read as UTC");
            }
        }
    }
}

/// A value, unless it is null, in one of the ways that exports write null.
pub(super) fn null(value: &str) -> Option<&str> {
    (!crate::calls::is_null(value)).then_some(value)
}
