//! One row of the dataset, before it has columns.

use std::borrow::Cow;

use centinel_engine::{
    money::{Decimal, Pico},
    period::Period,
    series::{Dimension, SeriesKey},
};

/// One row of the dataset.
pub(super) struct Row<'a> {
    pub(super) labels: &'a SeriesKey,
    pub(super) period: Period,
    pub(super) is_correction: bool,
    pub(super) effective_cost: Pico,
    pub(super) billed_cost: Pico,
    pub(super) list_cost: Option<Pico>,
    pub(super) contracted_cost: Option<Pico>,
    /// What rounding took away from the effective cost, in 10^-30.
    pub(super) remainder: i128,
    /// Quantities in digits, with their units.
    pub(super) consumed: Quantity<'a>,
    pub(super) pricing: Quantity<'a>,
    pub(super) resource_id: Option<Cow<'a, str>>,
    pub(super) sku: Option<Cow<'a, str>>,
    pub(super) sku_price_id: Option<Cow<'a, str>>,
    pub(super) sku_meter: Option<Cow<'a, str>>,
    /// JSON.
    pub(super) sku_price_details: Option<String>,
    pub(super) token_class: Option<Cow<'a, str>>,
    pub(super) invoice_id: Option<Cow<'a, str>>,
    pub(super) description: Option<Cow<'a, str>>,
    pub(super) commitment_id: Option<Cow<'a, str>>,
    pub(super) commitment: Quantity<'a>,
    pub(super) charge_id: Option<String>,
    /// Of calls.
    pub(super) call: Option<CallPart<'a>>,
}

/// A quantity in digits, and its unit.
#[derive(Default)]
pub(super) struct Quantity<'a> {
    pub(super) digits: Option<Cow<'a, str>>,
    pub(super) unit: Option<Cow<'a, str>>,
}

/// What a row of calls says beside a charge.
pub(super) struct CallPart<'a> {
    /// Calls that the row stands for; on one row of a cell, so that they can be added up.
    pub(super) calls: Option<u64>,
    pub(super) price: &'a PriceName,
}

/// Which price was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PriceName {
    pub(super) book: Option<String>,
    pub(super) effective_from: Option<String>,
}

impl PriceName {
    /// From a price's identity, as the catalogue keeps it.
    pub(super) fn of_identity(identity: Option<&String>) -> Self {
        use serde_json::Value;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match identity.and_then(|identity| serde_json::from_str(identity).ok()) {
            Some(Value::String(reason)) => Self { book: Some(reason), effective_from: None },
            Some(Value::Object(members)) => Self {
                book: members.get("book").and_then(text),
                effective_from: members.get("effective_from").and_then(text),
            },
            _ => Self::default(),
        }
    }
}

impl<'a> Row<'a> {
    /// A charge of nothing, to be filled.
    pub(super) fn new(labels: &'a SeriesKey, period: Period) -> Self {
        Self {
            labels,
            period,
            is_correction: false,
            effective_cost: Pico::ZERO,
            billed_cost: Pico::ZERO,
            list_cost: None,
            contracted_cost: None,
            remainder: 0,
            consumed: Quantity::default(),
            pricing: Quantity::default(),
            resource_id: None,
            sku: None,
            sku_price_id: None,
            sku_meter: None,
            sku_price_details: None,
            token_class: None,
            invoice_id: None,
            description: None,
            commitment_id: None,
            commitment: Quantity::default(),
            charge_id: None,
            call: None,
        }
    }

    /// ISO code of the amounts; `XXX`, ISO 4217's "no currency", for a series that states none.
    pub(super) fn currency(&self) -> &'a str {
        self.labels.get(&Dimension::Currency).unwrap_or("XXX")
    }

    pub(super) fn label(&self, dimension: &Dimension) -> Option<&'a str> {
        self.labels.get(dimension)
    }

    /// What rounding took away, as a decimal; `None` when it took nothing.
    pub(super) fn remainder(&self) -> Option<Decimal> {
        Some(self.remainder).filter(|&rest| rest != 0).and_then(|rest| Decimal::new(rest, 30).ok())
    }
}
