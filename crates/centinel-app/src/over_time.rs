//! Spend by day in layers that add to the total: the largest groups, and the rest in one.

use std::collections::BTreeMap;

use centinel_engine::{
    facts::BundleBuilder,
    money::{Currency, Money, Pico},
    period::{Grain, Period, date_of, index_of_date},
    series::Dimension,
};
use centinel_ledger::{Measure, SpendQuery};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use crate::{App, AppError};

/// Spend of a dimension's values by day.
///
/// INVARIANT: on each day the layers and `other` add to `by_day`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpendOverTime {
    /// The days.
    pub period: Period,
    /// Of every amount; rows in others are left out.
    pub currency: Currency,
    /// First day.
    pub first_day: Date,
    /// The values with the largest cost, largest first.
    pub layers: Vec<Layer>,
    /// All further values together.
    pub other: Option<Layer>,
    /// How many these are.
    pub other_values: usize,
    /// Cost by day, of every row that has a value.
    pub by_day: Vec<Pico>,
    /// Sum of the days.
    pub total: Pico,
    /// Address of the facts.
    pub evidence: String,
}

/// One value's cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// The value, as it was imported.
    pub name: String,
    /// By day.
    pub by_day: Vec<Pico>,
    /// Over all days.
    pub total: Pico,
}

impl App {
    /// Spend of the `top` largest values of a dimension by day, and of the rest. Rows without a value
    /// are left out.
    ///
    /// # Errors
    ///
    /// Ledger errors.
    pub async fn spend_over_time(
        &self,
        dimension: &Dimension,
        period: Period,
        top: usize,
        now: Timestamp,
    ) -> Result<SpendOverTime, AppError> {
        let query =
            SpendQuery::new(period, vec![Measure::Cost]).by([dimension.clone()]).every(Grain::Day);
        let currency = self.config.organisation.currency;
        let (first_day, after) = period.dates();
        let offset = |day: Date| index_of_date(day).saturating_sub(index_of_date(first_day));
        let days = usize::try_from(offset(after)).unwrap_or(0);
        let mut by_value: BTreeMap<String, Vec<Pico>> = BTreeMap::new();
        for row in self.ledger.spend(&query).await?.rows {
            let (Some(Some(value)), Some(at)) = (row.group.first(), row.at) else { continue };
            if row.currency.as_deref() != Some(currency.as_str()) {
                continue;
            }
            let amounts = by_value.entry(value.clone()).or_insert_with(|| vec![Pico::ZERO; days]);
            let day = usize::try_from(offset(date_of(at))).ok();
            if let Some(amount) = day.and_then(|day| amounts.get_mut(day)) {
                amount.0 = amount.0.saturating_add(row.value(0));
            }
        }
        let mut layers: Vec<Layer> = by_value
            .into_iter()
            .map(|(name, by_day)| Layer { name, total: sum(&by_day), by_day })
            .filter(|layer| layer.total != Pico::ZERO)
            .collect();
        layers.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
        let rest = layers.split_off(top.min(layers.len()));
        let other = (!rest.is_empty()).then(|| {
            let by_day = add_up(&rest, days);
            Layer { name: "other".to_owned(), total: sum(&by_day), by_day }
        });
        let by_day = add_up(layers.iter().chain(&other), days);
        let mut answer = SpendOverTime {
            period,
            currency,
            first_day,
            layers,
            other,
            other_values: rest.len(),
            total: sum(&by_day),
            by_day,
            evidence: String::new(),
        };
        answer.evidence = self.keep_evidence(&facts(dimension, &answer), now).await?;
        Ok(answer)
    }
}

fn add_up<'a>(layers: impl IntoIterator<Item = &'a Layer>, days: usize) -> Vec<Pico> {
    let mut sums = vec![Pico::ZERO; days];
    for layer in layers {
        for (sum, amount) in sums.iter_mut().zip(&layer.by_day) {
            sum.0 = sum.0.saturating_add(amount.0);
        }
    }
    sums
}

fn sum(amounts: &[Pico]) -> Pico {
    Pico(amounts.iter().fold(0, |sum: i128, amount| sum.saturating_add(amount.0)))
}

/// The total, each layer over all days, and each day over all layers.
fn facts(dimension: &Dimension, answer: &SpendOverTime) -> centinel_engine::facts::Bundle {
    let money = |amount| Money { amount, currency: answer.currency };
    let mut builder = BundleBuilder::new("spend_over_time", None);
    builder.about(BTreeMap::new(), Some(answer.period));
    builder.money("total", money(answer.total));
    builder.required();
    for layer in answer.layers.iter().chain(&answer.other) {
        let dims = [(dimension.to_string(), layer.name.clone())].into();
        builder.about(dims, Some(answer.period));
        builder.money("cost", money(layer.total));
    }
    let mut day = answer.first_day;
    for amount in &answer.by_day {
        builder.about([("day".to_owned(), day.to_string())].into(), Some(answer.period));
        builder.money("cost_of_day", money(*amount));
        day = day.tomorrow().unwrap_or(day);
    }
    builder.caveat("Spend without a value of the dimension is in none of these amounts.");
    builder.build()
}
