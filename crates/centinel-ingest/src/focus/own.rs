//! What `centinel export focus` adds to a FOCUS file, read back: so that a re-import has the totals,
//! labels and remainders of the ledger that was exported.
//!
//! # Source
//!
//! `docs/reference/focus-export.md`. FOCUS 1.2 and 1.4, attribute Column Naming and Ordering: columns of
//! one's own start with `x_` and stand last.

use std::ops::Range;

use centinel_engine::{
    focus::Charge,
    money::Decimal,
    pricing::Meter,
    series::{Dimension, Labels},
};

use super::conformance::null;
use crate::{calls::normalize, csv_rows::Values, json, sanitize::credential_id};

/// Names the columns of a row that the export filled in because the ledger does not know them. Its
/// presence says that a file is an export of ours.
const ASSUMED: &str = "x_CentinelAssumed";

/// Names the columns of a row whose text starts with an apostrophe that the export put there.
const ESCAPED: &str = "x_CentinelEscaped";

/// What the rounding of the effective cost took away, exactly.
const REMAINDER: &str = "x_CostRemainder";

/// The token class that a row bills.
const TOKEN_CLASS: &str = "x_TokenClass";

const LABELS: [(Dimension, &str); 9] = [
    (Dimension::Model, "x_ModelId"),
    (Dimension::ServiceTier, "x_ServiceTier"),
    (Dimension::ApiKey, "x_CredentialId"),
    (Dimension::Feature, "x_Feature"),
    (Dimension::Team, "x_Team"),
    (Dimension::Process, "x_Process"),
    (Dimension::Environment, "x_Environment"),
    (Dimension::Agent, "x_Agent"),
    (Dimension::Application, "x_Application"),
];

/// Written for people and other tools; says nothing that a re-import needs.
const UNREAD: [&str; 4] = ["x_CallCount", "x_PriceBook", "x_PriceEffectiveFrom", "x_Source"];

/// Columns of FOCUS that the export fills in where the ledger has no value for their dimension.
const MANDATORY: [(Dimension, &[&str]); 5] = [
    (Dimension::Provider, &["ProviderName", "ServiceProviderName"]),
    (Dimension::ServiceCategory, &["ServiceCategory"]),
    (Dimension::Service, &["ServiceName"]),
    (Dimension::BillingAccount, &["BillingAccountId"]),
    (Dimension::ChargeCategory, &["ChargeCategory"]),
];

/// Where the header of an export has our own columns.
pub(super) struct OwnColumns {
    names: Vec<String>,
    assumed: usize,
    escaped: Option<usize>,
    remainder: Option<usize>,
    token_class: Option<usize>,
    labels: Vec<(Dimension, usize)>,
}

impl OwnColumns {
    /// `None` for a file that is no export of ours.
    pub(super) fn of_header(names: &[String]) -> Option<Self> {
        let names: Vec<String> = names.iter().map(|name| normalize(name)).collect();
        let find = |name: &str| {
            let name = normalize(name);
            names.iter().position(|other| *other == name)
        };
        let assumed = find(ASSUMED)?;
        let labels =
            LABELS.into_iter().filter_map(|(dimension, name)| Some((dimension, find(name)?)));
        Some(Self {
            assumed,
            escaped: find(ESCAPED),
            remainder: find(REMAINDER),
            token_class: find(TOKEN_CLASS),
            labels: labels.collect(),
            names,
        })
    }

    /// Whether a column is one of ours.
    pub(super) fn is_own(name: &str) -> bool {
        let name = normalize(name);
        let single = [ASSUMED, ESCAPED, REMAINDER, TOKEN_CLASS];
        let labels = LABELS.iter().map(|(_, name)| *name);
        single.into_iter().chain(labels).chain(UNREAD).any(|own| normalize(own) == name)
    }

    /// The row as it was before the export kept spreadsheets from taking its texts for formulas.
    pub(super) fn unescaped<'a>(
        &self,
        values: Values<'a>,
        spans: &'a mut Vec<Range<usize>>,
    ) -> Values<'a> {
        let Some(escaped) = self.escaped.and_then(|index| null(values.get(index))) else {
            return values;
        };
        let listed: Vec<String> = escaped.split(' ').map(normalize).collect();
        values.without_first_byte(spans, |index, value| {
            value.starts_with('\'')
                && self.names.get(index).is_some_and(|name| listed.contains(name))
        })
    }

    /// Reads our columns into a charge that FOCUS's own columns have filled.
    ///
    /// # Errors
    ///
    /// The reason, naming column and value.
    pub(super) fn read(&self, values: Values<'_>, charge: &mut Charge) -> Result<(), String> {
        let get = |index: Option<usize>| index.and_then(|index| null(values.get(index)));
        charge.cost_remainder = match get(self.remainder) {
            Some(text) => text.parse().map_err(|error| format!("`{REMAINDER}` {error}"))?,
            None => Decimal::ZERO,
        };
        charge.meter = match get(self.token_class) {
            Some(name) => {
                let meter: Result<Meter, _> = name.parse();
                Some(meter.map_err(|error| format!("`{TOKEN_CLASS}` {error}"))?)
            }
            None => None,
        };
        for (dimension, index) in &self.labels {
            let value = values.get(*index);
            let value = null(value).unwrap_or_default();
            if *dimension == Dimension::ApiKey {
                charge.labels.set(Dimension::ApiKey, &credential_id(value));
            } else {
                charge.labels.set(dimension.clone(), value);
            }
        }
        let assumed = values.get(self.assumed);
        for (dimension, columns) in MANDATORY {
            if assumed.split(' ').any(|name| columns.contains(&name)) {
                charge.labels.set(dimension, "");
            }
        }
        Ok(())
    }
}

/// Reads the tags of an export: each is a tag of the ledger, whatever the allow-list says; `false` when
/// the text cannot be read.
pub(super) fn read_tags(text: &str, labels: &mut Labels) -> bool {
    json::walk(text, &mut String::new(), &mut |key, leaf| {
        labels.set(Dimension::Tag(key.into()), leaf.text());
    })
    .is_ok()
}
