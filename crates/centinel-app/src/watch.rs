//! The ledger as leaves: every label set that is watched, day by day.

use std::{collections::BTreeMap, sync::Arc};

use centinel_engine::{
    anomaly::watch::{Leaf, LeafDay, LeafTable},
    money::Currency,
    period::{DAY_MICROS, Grain, Period, date_of, index_of_date},
    series::Dimension,
    usage::UsageClass,
};
use centinel_ledger::{Measure, SpendQuery, SpendRow};
use jiff::{Timestamp, civil::Date};

use crate::{App, AppError};

/// The dimensions that tell leaves apart.
pub(crate) const DIMENSIONS: [Dimension; 10] = [
    Dimension::Feature,
    Dimension::Team,
    Dimension::Agent,
    Dimension::Application,
    Dimension::Service,
    Dimension::Model,
    Dimension::Provider,
    Dimension::SubAccount,
    Dimension::ApiKey,
    Dimension::Region,
];

/// What is watched, in the order in which a name is preferred for the same leaves.
pub(crate) const SHAPES: [&[&str]; 18] = [
    &["feature"],
    &["team"],
    &["agent"],
    &["application"],
    &["service"],
    &["model"],
    &["provider"],
    &["sub_account"],
    &["api_key"],
    &["feature", "model"],
    &["team", "model"],
    &["agent", "model"],
    &["team", "service"],
    &["sub_account", "service"],
    &["sub_account", "model"],
    &["provider", "region"],
    &["service", "region"],
    &[],
];

/// What is read of each label set, in the order in which [`LeafSums`] takes it.
pub(crate) const MEASURES: [Measure; 9] = [
    Measure::Cost,
    Measure::CallCost,
    Measure::Calls,
    Measure::Usage(UsageClass::InputTokensTotal),
    Measure::Usage(UsageClass::CacheReadTokens),
    Measure::Usage(UsageClass::OutputTokensTotal),
    Measure::Outcomes,
    Measure::Errors,
    Measure::Retries,
];

/// Leaves with who is accountable for each.
pub(crate) struct Watched {
    pub(crate) table: LeafTable,
    /// By position of the leaf.
    pub(crate) owners: Vec<Option<String>>,
}

impl App {
    /// Every leaf over whole days, in one currency, as the ledger knew it at an instant.
    pub(crate) async fn leaves(
        &self,
        days: Period,
        currency: Currency,
        as_of: Option<Timestamp>,
    ) -> Result<Watched, AppError> {
        let app = self.clone();
        let mut query = SpendQuery::new(days, MEASURES.to_vec())
            .by(DIMENSIONS)
            .by_class(move |key| app.owner_of(key).owner().map(str::to_owned))
            .every(Grain::Day);
        query.as_of = as_of;
        let answer = self.ledger.spend(&query).await?;
        let (first_day, _) = days.dates();
        let length =
            usize::try_from((days.end_micros() - days.start_micros()) / DAY_MICROS).unwrap_or(0);
        let day_of = |at: Timestamp| {
            let offset = index_of_date(date_of(at)).saturating_sub(index_of_date(first_day));
            usize::try_from(offset).ok().filter(|day| *day < length)
        };
        let mut sums = LeafSums::new(length, currency);
        for row in &answer.rows {
            if let Some(day) = row.at.and_then(day_of) {
                sums.add(row, day);
            }
        }
        let (mut owners, mut kept) = (Vec::new(), Vec::new());
        for (mut labels, days) in sums.finish() {
            owners.push(labels.pop().flatten());
            kept.push(Leaf { labels, days });
        }
        let dimensions = dimension_names();
        Ok(Watched { table: LeafTable { dimensions, first_day, leaves: kept }, owners })
    }
}

/// The names of [`DIMENSIONS`].
pub(crate) fn dimension_names() -> Vec<String> {
    DIMENSIONS.iter().map(ToString::to_string).collect()
}

/// Rows of an answer, by label set and place in time.
pub(crate) struct LeafSums {
    length: usize,
    currency: Currency,
    leaves: BTreeMap<Arc<[Option<String>]>, Vec<LeafDay>>,
    outputs: BTreeMap<(String, usize), f64>,
}

impl LeafSums {
    /// Sums of one currency over so many days or hours.
    pub(crate) fn new(length: usize, currency: Currency) -> Self {
        Self { length, currency, leaves: BTreeMap::new(), outputs: BTreeMap::new() }
    }

    /// Adds a row, whose values are those of [`MEASURES`], to a day or hour.
    pub(crate) fn add(&mut self, row: &SpendRow, place: usize) {
        if place >= self.length {
            return;
        }
        if row.currency.is_none() {
            // Outcomes have no currency, know their feature and little else.
            if let (Some(Some(feature)), true) = (row.group.first(), row.value(6) > 0) {
                *self.outputs.entry((feature.clone(), place)).or_default() +=
                    row.amount(6).to_f64();
            }
            return;
        }
        if row.currency.as_deref() != Some(self.currency.as_str()) {
            return;
        }
        let length = self.length;
        let leaf = self.leaves.entry(Arc::clone(&row.group));
        let leaf = leaf.or_insert_with(|| vec![LeafDay::default(); length]);
        let Some(sum) = leaf.get_mut(place) else { return };
        let (cost, of_calls) = (row.amount(0).to_f64(), row.amount(1).to_f64());
        sum.call_cost += of_calls;
        sum.charge_cost += cost - of_calls;
        sum.calls += float(row.value(2));
        sum.tokens_in += float(row.value(3));
        sum.tokens_cached += float(row.value(4));
        sum.tokens_out += float(row.value(5));
        sum.failed_calls += float(row.value(7).saturating_add(row.value(8)));
    }

    /// The label sets, with the business outputs of their features shared out.
    pub(crate) fn finish(self) -> BTreeMap<Vec<Option<String>>, Vec<LeafDay>> {
        let leaves = self.leaves.into_iter();
        let mut leaves = leaves.map(|(labels, days)| (labels.to_vec(), days)).collect();
        share_out(&mut leaves, &self.outputs);
        leaves
    }
}

/// Gives a feature's business outputs of a day to its leaves by their calls, as `POST /v1/outcomes`
/// promises.
fn share_out(
    leaves: &mut BTreeMap<Vec<Option<String>>, Vec<LeafDay>>,
    outputs: &BTreeMap<(String, usize), f64>,
) {
    let mut calls: BTreeMap<(String, usize), f64> = BTreeMap::new();
    for (labels, days) in &*leaves {
        let Some(Some(feature)) = labels.first() else { continue };
        for (day, sum) in days.iter().enumerate().filter(|(_, sum)| sum.calls > 0.0) {
            *calls.entry((feature.clone(), day)).or_default() += sum.calls;
        }
    }
    for (labels, days) in leaves {
        let Some(Some(feature)) = labels.first().cloned() else { continue };
        for (day, sum) in days.iter_mut().enumerate().filter(|(_, sum)| sum.calls > 0.0) {
            let key = (feature.clone(), day);
            if let (Some(outputs), Some(all)) = (outputs.get(&key), calls.get(&key)) {
                sum.outputs = Some(outputs * (sum.calls / all));
            }
        }
    }
}

/// Who owns at least `percent` (50 or more) of a slice's recent cost; `None` where nobody does, or most of
/// it is nobody's.
pub(crate) fn owner_of(
    watched: &Watched,
    leaves: &[usize],
    from: Date,
    percent: u8,
) -> Option<String> {
    let skipped =
        usize::try_from(index_of_date(from).saturating_sub(index_of_date(watched.table.first_day)));
    let mut by_owner: BTreeMap<Option<&str>, f64> = BTreeMap::new();
    for index in leaves {
        let Some(leaf) = watched.table.leaves.get(*index) else { continue };
        let cost: f64 = leaf.days.iter().skip(skipped.unwrap_or(0)).map(LeafDay::cost).sum();
        let owner = watched.owners.get(*index).and_then(Option::as_deref);
        *by_owner.entry(owner).or_default() += cost;
    }
    if by_owner.len() == 1 {
        return by_owner.into_keys().next().flatten().map(str::to_owned);
    }
    let whole: f64 = by_owner.values().sum();
    let is_main = |cost: f64| whole > 0.0 && cost * 100.0 >= whole * f64::from(percent);
    let mut main = by_owner.into_iter().filter(|(_, cost)| is_main(*cost));
    match (main.next(), main.next()) {
        (Some((owner, _)), None) => owner.map(str::to_owned),
        _ => None,
    }
}

/// A sum as a statistic.
#[expect(
    clippy::cast_precision_loss,
    reason = "statistics; amounts are exact where they are booked"
)]
fn float(value: i128) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[track_caller]
    fn check(costs: &[(Option<&str>, f64)], percent: u8, expected: Option<&str>) {
        let day = |cost: f64| LeafDay { call_cost: cost, ..LeafDay::default() };
        let leaf =
            |(_, cost): &(Option<&str>, f64)| Leaf { labels: Vec::new(), days: vec![day(*cost)] };
        let first_day = date(2026, 10, 1);
        let leaves = costs.iter().map(leaf).collect();
        let watched = Watched {
            table: LeafTable { dimensions: Vec::new(), first_day, leaves },
            owners: costs.iter().map(|(owner, _)| owner.map(str::to_owned)).collect(),
        };
        let all: Vec<usize> = (0..costs.len()).collect();
        let found = owner_of(&watched, &all, first_day, percent);
        assert_eq!(found.as_deref(), expected, "{costs:?}");
    }

    #[test]
    fn whoever_has_less_than_the_stated_part_is_not_the_owner() {
        check(&[(Some("a"), 1.0)], 50, Some("a"));
        check(&[(Some("a"), 0.0)], 50, Some("a"));
        check(&[(Some("a"), 2.0), (Some("b"), 1.0), (Some("a"), 1.0)], 75, Some("a"));
        check(&[(Some("a"), 2.0), (Some("b"), 1.0), (Some("a"), 1.0)], 76, None);
        check(&[(Some("a"), 40.0), (Some("b"), 30.0), (Some("c"), 30.0)], 50, None);
        check(&[(Some("a"), 1.0), (Some("b"), 1.0)], 50, None);
        check(&[(None, 2.0), (Some("b"), 1.0)], 50, None);
    }
}
