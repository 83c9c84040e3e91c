//! Commitment discounts over a day's usage rows.
//!
//! Source: FOCUS 1.2, appendix Commitment Discounts: the purchase is billed and has no effective cost;
//! used and unused rows have the effective cost and are not billed.

use centinel_engine::money::{Decimal, Pico};
use jiff::civil::Date;

use super::{Row, Sku, Vendor, midnight, thousandths};
use crate::{World, calendar::shifted};

/// A commitment, paid by the day.
pub(super) struct Commitment {
    pub(super) vendor: &'static Vendor,
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) covers: &'static [&'static Sku],
    /// What covered usage costs of its list price, in thousandths.
    pub(super) permille: i128,
    pub(super) daily: Daily,
}

/// What is committed a day.
pub(super) enum Daily {
    /// An amount, in whole micro-dollars.
    Spend(i128),
    /// Hours of the one covered SKU.
    Hours(i128),
}

impl Commitment {
    /// What a day costs, used or not.
    pub(super) fn cost(&self) -> Pico {
        Pico(match self.daily {
            Daily::Spend(micros) => micros * 1_000_000,
            Daily::Hours(hours) => hours * 1_000 * self.rate(),
        })
    }

    /// Pico-dollars for a thousandth of a unit of the covered SKU.
    fn rate(&self) -> i128 {
        self.covers.first().map_or(0, |sku| sku.micros * self.permille)
    }

    fn quantity(&self, cost: Pico) -> Decimal {
        match self.daily {
            Daily::Spend(_) => cost.to_decimal(),
            Daily::Hours(_) => thousandths(cost.0 / self.rate().max(1)),
        }
    }

    fn mark(&self, status: &'static str, cost: Pico, row: Row) -> Row {
        let (category, unit) = match self.daily {
            Daily::Spend(_) => ("Spend", "USD"),
            Daily::Hours(_) => ("Usage", "Hours"),
        };
        Row {
            commitment_discount_category: Some(category),
            commitment_discount_id: Some(self.id),
            commitment_discount_name: Some(self.name),
            commitment_discount_quantity: Some(self.quantity(cost)),
            commitment_discount_status: (!status.is_empty()).then_some(status),
            commitment_discount_type: Some(self.kind),
            commitment_discount_unit: Some(unit),
            pricing_category: Some("Committed"),
            ..row
        }
    }

    fn used(&self, row: Row, milli: i128, cost: Pico) -> Row {
        let row = part(row, milli);
        self.mark("Used", cost, Row { billed_cost: Pico::ZERO, effective_cost: cost, ..row })
    }
}

/// The same row for another quantity, in thousandths.
fn part(row: Row, milli: i128) -> Row {
    let price =
        |price: Option<Decimal>| price.and_then(|price| price.mantissa_at(9)).unwrap_or_default();
    let contracted = Pico(milli * price(row.contracted_unit_price));
    Row {
        billed_cost: contracted,
        effective_cost: contracted,
        contracted_cost: contracted,
        list_cost: Pico(milli * price(row.list_unit_price)),
        consumed_quantity: Some(thousandths(milli)),
        pricing_quantity: Some(thousandths(milli)),
        ..row
    }
}

impl World {
    /// Covers a day's rows in their order, as far as the commitment goes, and adds what is left of it
    /// and its purchase.
    pub(super) fn commit(&self, commitment: &Commitment, day: Date, rows: Vec<Row>) -> Vec<Row> {
        let mut left = commitment.cost();
        let mut result = Vec::with_capacity(rows.len() + 4);
        for row in rows {
            let sku = commitment.covers.iter().find(|sku| Some(sku.id) == row.sku_id);
            let milli = row.consumed_quantity.and_then(|quantity| quantity.mantissa_at(3));
            let (Some(sku), Some(milli)) = (sku, milli) else {
                result.push(row);
                continue;
            };
            let rate = sku.micros * commitment.permille;
            let covered = milli.min(left.0 / rate);
            if covered > 0 {
                // The row that exhausts the commitment takes its last fractions of a unit too.
                let cost = if covered < milli { left } else { Pico(covered * rate) };
                left.0 -= cost.0;
                result.push(commitment.used(row.clone(), covered, cost));
            }
            if covered < milli {
                result.push(part(row, milli - covered));
            }
        }
        let service = commitment.covers.first().map_or("", |sku| sku.service);
        let blank = Row {
            charge_frequency: "Recurring",
            charge_period_start: midnight(day),
            service_category: "Compute",
            service_name: service,
            service_subcategory: "Virtual Machines",
            ..self.blank(commitment.vendor, day, shifted(day, 1))
        };
        if left > Pico::ZERO {
            let unused = Row {
                charge_category: "Usage",
                charge_description: format!("Unused part of {}", commitment.name),
                effective_cost: left,
                ..blank.clone()
            };
            result.push(commitment.mark("Unused", left, unused));
        }
        let cost = commitment.cost();
        let purchase = Row {
            charge_category: "Purchase",
            charge_description: format!("{}, no upfront, one day", commitment.name),
            billed_cost: cost,
            contracted_cost: cost,
            list_cost: cost,
            ..blank
        };
        result.push(commitment.mark("", cost, purchase));
        result
    }
}
