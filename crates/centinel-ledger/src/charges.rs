//! A batch of charges: columns while it fills, three segments when it is full.

use centinel_engine::{
    focus::{Charge, CommitmentDiscountStatus},
    money::{Decimal, Pico},
    period::{DAY_MICROS, HOUR_MICROS},
    pricing::Meter,
};

use crate::{
    calls::{Tables, TextColumn},
    heads::{Heads, retain},
    order::Order,
    segment::{Column, Values},
};

/// The largest amount that a row may carry: 10^17 currency units. Sums of a billion such rows still
/// fit 128 bits.
const AMOUNT_MAX: i128 = 100_000_000_000_000_000_000_000_000_000;

/// The largest remainder that a row may carry, in 10^-30: a thousandth of a currency unit, which ten
/// thousand million calls cannot reach. Sums of a billion such rows still fit 128 bits.
const REMAINDER_MAX: i128 = 1_000_000_000_000_000_000_000_000_000;

/// Names of the amount columns, in the order of `ChargeBatch::amounts`.
pub(crate) const AMOUNTS: [&str; 4] =
    ["effective_cost", "billed_cost", "list_cost", "contracted_cost"];

/// Charges in columns, in the order of arrival.
#[derive(Debug, Default)]
pub(crate) struct ChargeBatch {
    heads: Heads,
    end_at: Vec<i64>,
    amounts: [Vec<Option<i128>>; AMOUNTS.len()],
    // In 10^-30. Of a row that was exported, the remainder of as many calls as it stands for.
    remainder: Vec<i128>,
    is_correction: Vec<i32>,
    // Quantities keep their digits: a bill may carry more decimals than an amount.
    consumed_quantity: TextColumn,
    consumed_unit: TextColumn,
    pricing_quantity: TextColumn,
    pricing_unit: TextColumn,
    resource_id: TextColumn,
    sku: TextColumn,
    meter: TextColumn,
    invoice_id: TextColumn,
    charge_description: TextColumn,
    commitment_discount_quantity: TextColumn,
    commitment_discount_unit: TextColumn,
    commitment_discount_id: TextColumn,
    commitment_discount_status: TextColumn,
}

/// An amount too large to be money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{column} `{amount}` is larger than any bill")]
pub struct AmountTooLarge {
    column: &'static str,
    amount: String,
}

impl ChargeBatch {
    pub(crate) fn len(&self) -> usize {
        self.heads.len()
    }

    /// Adds a charge; `key` is 0 for rows that are keyed by file and ordinal.
    ///
    /// # Errors
    ///
    /// [`AmountTooLarge`]; the batch is unchanged then.
    pub(crate) fn push(
        &mut self,
        series: u32,
        key: u128,
        charge: &Charge,
    ) -> Result<(), AmountTooLarge> {
        let book = |column: &'static str, amount: Decimal| {
            Pico::round_half_even(amount)
                .ok()
                .filter(|rounded| rounded.amount.0.abs() <= AMOUNT_MAX)
                .ok_or_else(|| AmountTooLarge { column, amount: amount.to_string() })
        };
        let effective = book("EffectiveCost", charge.effective_cost)?;
        let billed = book("BilledCost", charge.billed_cost)?;
        let list = charge.list_cost.map(|cost| book("ListCost", cost)).transpose()?;
        let contracted =
            charge.contracted_cost.map(|cost| book("ContractedCost", cost)).transpose()?;
        let remainder = remainder_of(charge, effective.remainder_quecto)?;
        let amounts = [Some(effective), Some(billed), list, contracted];
        for (column, amount) in self.amounts.iter_mut().zip(amounts) {
            column.push(amount.map(|rounded| rounded.amount.0));
        }
        self.heads.push(series, charge.charge_period.start_micros(), key);
        self.end_at.push(charge.charge_period.end_micros());
        self.remainder.push(remainder);
        self.is_correction.push(i32::from(charge.is_correction));
        let digits = |quantity: Option<Decimal>| quantity.map(|quantity| quantity.to_string());
        self.consumed_quantity.push(digits(charge.consumed_quantity).as_deref());
        self.consumed_unit.push(charge.consumed_unit.as_deref());
        self.pricing_quantity.push(digits(charge.pricing_quantity).as_deref());
        self.pricing_unit.push(charge.pricing_unit.as_deref());
        self.resource_id.push(charge.resource_id.as_deref());
        self.sku.push(charge.sku.as_deref());
        self.meter.push(charge.meter.map(Meter::name));
        self.invoice_id.push(charge.invoice_id.as_deref());
        self.charge_description.push(charge.charge_description.as_deref());
        self.commitment_discount_quantity
            .push(digits(charge.commitment_discount_quantity).as_deref());
        self.commitment_discount_unit.push(charge.commitment_discount_unit.as_deref());
        self.commitment_discount_id.push(charge.commitment_discount_id.as_deref());
        self.commitment_discount_status.push(charge.commitment_discount_status.map(|status| {
            match status {
                CommitmentDiscountStatus::Used => "Used",
                CommitmentDiscountStatus::Unused => "Unused",
            }
        }));
        Ok(())
    }

    pub(crate) fn heads(&mut self) -> &mut Heads {
        &mut self.heads
    }

    /// Drops the rows that are not to be kept (the ledger has them already).
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        self.heads.retain(keep);
        retain(&mut self.end_at, keep);
        self.amounts.iter_mut().for_each(|column| retain(column, keep));
        retain(&mut self.remainder, keep);
        retain(&mut self.is_correction, keep);
        self.texts().for_each(|column| retain(&mut column.index, keep));
    }

    /// Sorts the batch by day, series and time, and aggregates it by hour and by day.
    pub(crate) fn finish(mut self) -> Tables {
        let order = self.heads.sort();
        order.apply(&mut self.end_at);
        self.amounts.iter_mut().for_each(|column| order.apply(column));
        order.apply(&mut self.remainder);
        order.apply(&mut self.is_correction);
        self.texts().for_each(|column| order.apply(&mut column.index));

        let hour = self.cells(HOUR_MICROS);
        let day = self.cells(DAY_MICROS);
        let span = self.heads.span();
        let raw_row_groups = Order::row_groups(&self.heads.start_at);
        Tables { raw: self.into_columns(), raw_row_groups, hour, day, span }
    }

    /// A charge counts in the hour and day in which its period starts.
    fn cells(&self, unit: i64) -> Vec<Column> {
        let mut series: Vec<i32> = Vec::new();
        let mut start_at: Vec<i64> = Vec::new();
        let mut charges: Vec<i64> = Vec::new();
        let mut remainder: Vec<i128> = Vec::new();
        let mut sums: [Vec<i128>; AMOUNTS.len()] = Default::default();
        let mut unknown: [Vec<i64>; AMOUNTS.len()] = Default::default();
        for (row, (&of, &at)) in self.heads.series.iter().zip(&self.heads.start_at).enumerate() {
            let start = at - at.rem_euclid(unit);
            if series.last() != Some(&of) || start_at.last() != Some(&start) {
                series.push(of);
                start_at.push(start);
                charges.push(0);
                remainder.push(0);
                for column in &mut sums {
                    column.push(0);
                }
                for column in &mut unknown {
                    column.push(0);
                }
            }
            if let Some(count) = charges.last_mut() {
                *count += 1;
            }
            if let (Some(sum), Some(&rest)) = (remainder.last_mut(), self.remainder.get(row)) {
                *sum += rest;
            }
            for ((amounts, sums), unknown) in self.amounts.iter().zip(&mut sums).zip(&mut unknown) {
                // INVARIANT: amounts are below AMOUNT_MAX, so a batch's sum cannot overflow.
                match (amounts.get(row).copied().flatten(), sums.last_mut(), unknown.last_mut()) {
                    (Some(amount), Some(sum), _) => *sum += amount,
                    (None, _, Some(count)) => *count += 1,
                    _ => {}
                }
            }
        }
        let mut columns = vec![
            Column::new("series", Values::Int32(series)),
            Column::new("start_at", Values::Micros(start_at)),
            Column::new("charges", Values::Int64(charges)),
            Column::new("cost_remainder_quecto", Values::Wide(remainder)),
        ];
        let [_, _, unknown_list, unknown_contracted] = unknown;
        columns.extend(
            AMOUNTS.into_iter().zip(sums).map(|(name, sum)| Column::new(name, Values::Amount(sum))),
        );
        columns.push(Column::new("list_cost_unknown", Values::Int64(unknown_list)));
        columns.push(Column::new("contracted_cost_unknown", Values::Int64(unknown_contracted)));
        columns
    }

    fn texts(&mut self) -> impl Iterator<Item = &mut TextColumn> {
        [
            &mut self.consumed_quantity,
            &mut self.consumed_unit,
            &mut self.pricing_quantity,
            &mut self.pricing_unit,
            &mut self.resource_id,
            &mut self.sku,
            &mut self.meter,
            &mut self.invoice_id,
            &mut self.charge_description,
            &mut self.commitment_discount_quantity,
            &mut self.commitment_discount_unit,
            &mut self.commitment_discount_id,
            &mut self.commitment_discount_status,
        ]
        .into_iter()
    }

    fn into_columns(self) -> Vec<Column> {
        let [effective, billed, list, contracted] = self.amounts;
        vec![
            Column::new("series", Values::Int32(self.heads.series)),
            Column::new("start_at", Values::Micros(self.heads.start_at)),
            Column::new("end_at", Values::Micros(self.end_at)),
            Column::new("charge_key", Values::Key(self.heads.key)),
            Column::new("effective_cost", Values::MaybeAmount(effective)),
            Column::new("billed_cost", Values::MaybeAmount(billed)),
            Column::new("list_cost", Values::MaybeAmount(list)),
            Column::new("contracted_cost", Values::MaybeAmount(contracted)),
            Column::new("cost_remainder_quecto", remainders(self.remainder)),
            Column::new("is_correction", Values::Int32(self.is_correction)),
            Column::new("consumed_quantity", self.consumed_quantity.into_values()),
            Column::new("consumed_unit", self.consumed_unit.into_values()),
            Column::new("pricing_quantity", self.pricing_quantity.into_values()),
            Column::new("pricing_unit", self.pricing_unit.into_values()),
            Column::new("resource_id", self.resource_id.into_values()),
            Column::new("sku", self.sku.into_values()),
            Column::new("meter", self.meter.into_values()),
            Column::new("invoice_id", self.invoice_id.into_values()),
            Column::new("charge_description", self.charge_description.into_values()),
            Column::new(
                "commitment_discount_quantity",
                self.commitment_discount_quantity.into_values(),
            ),
            Column::new("commitment_discount_unit", self.commitment_discount_unit.into_values()),
            Column::new("commitment_discount_id", self.commitment_discount_id.into_values()),
            Column::new(
                "commitment_discount_status",
                self.commitment_discount_status.into_values(),
            ),
        ]
    }
}

/// What rounding took away, now and before, in 10^-30.
fn remainder_of(charge: &Charge, rounding: i64) -> Result<i128, AmountTooLarge> {
    let before = charge.cost_remainder.mantissa_at(30).filter(|rest| rest.abs() <= REMAINDER_MAX);
    before.and_then(|rest| rest.checked_add(rounding.into())).ok_or_else(|| AmountTooLarge {
        column: "x_CostRemainder",
        amount: charge.cost_remainder.to_string(),
    })
}

/// 64 bits hold the remainder of a row that was rounded once: half a pico-unit at most.
fn remainders(values: Vec<i128>) -> Values {
    let narrow: Option<Vec<i64>> = values.iter().map(|&rest| i64::try_from(rest).ok()).collect();
    narrow.map_or(Values::Wide(values), Values::Int64)
}
