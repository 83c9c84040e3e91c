//! What is new, what people and pipelines told of, and calls that failed.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    money::Pico,
    period::{Grain, date_of},
    series::Dimension,
};
use centinel_ledger::{Measure, SpendQuery, SpendTable};
use jiff::{Timestamp, civil::Date};

use super::{
    FailedCalls, LINKS_MAX, Link, LinkKind,
    places::{DIMENSIONS, LeafSides, Sides},
    scope_of, time_of,
};
use crate::{App, AppError, Event, EventKind, ExplainRequest, explain::UNNAMED, usual::Usual};

/// Failed calls are a burst from this share of all calls on, from this multiple of their usual one, from this
/// number, and from so many standard deviations above what the usual share makes of as many calls
/// (Poisson). Of fewer, chance is the likelier reason.
const ERROR_PERCENT_MIN: i128 = 2;
const ERROR_MULTIPLE_MIN: i128 = 2;
const ERRORS_MIN: i128 = 5;
const ERROR_SIGMAS_MIN: i128 = 3;

impl App {
    /// What people and pipelines told of these days.
    pub(super) async fn event_links(
        &self,
        request: &ExplainRequest,
        now: Timestamp,
    ) -> Result<Vec<Link>, AppError> {
        let scope = scope_of(request);
        let (from, after) = time_of(request.period);
        let events = self.events(request.known_at(now)).await?;
        let told = events.iter().filter(|event| {
            let day = date_of(event.start);
            from <= day && day < after && touches(event, &scope)
        });
        Ok(told.filter_map(link_of).take(LINKS_MAX).collect())
    }

    /// Whether calls failed far more often than usual. What a failed call cost is not kept apart, so
    /// this has no contribution of its own; calls that were tried again are in calls per output.
    pub(super) async fn error_burst(
        &self,
        request: &ExplainRequest,
        usual: &Usual,
    ) -> Result<Option<Link>, AppError> {
        let mut tables = Vec::new();
        for period in [request.period, usual.period] {
            let mut query =
                SpendQuery::new(period, vec![Measure::Calls, Measure::Errors]).every(Grain::Day);
            query.filter.clone_from(&request.filter);
            query.as_of = request.as_of;
            tables.push(self.ledger.spend(&query).await?);
        }
        let [after, before] = tables.as_slice() else { return Ok(None) };
        let ((calls, failed), (calls_before, failed_before)) = (counted(after), counted(before));
        let counts = FailedCalls { failed, calls, failed_before, calls_before };
        if failed < ERRORS_MIN || !is_burst(counts) {
            return Ok(None);
        }
        let first_day = request.period.dates().0;
        let since = first_burst(after, counts).unwrap_or(first_day);
        let link = Link::coincided(LinkKind::ErrorBurst, String::new(), since);
        Ok(Some(Link { failed: Some(counts), ..link }))
    }
}

fn counted(table: &SpendTable) -> (i128, i128) {
    let sum = |index| table.rows.iter().map(|row| row.value(index)).sum::<i128>();
    (sum(0), sum(1))
}

/// Whether calls failed far more often than on the days before, and more than chance makes of so few.
/// Compared without division: what is expected is `failed_before · calls / calls_before`.
fn is_burst(counts: FailedCalls) -> bool {
    let FailedCalls { failed, calls, failed_before, calls_before } = counts;
    let is_many = failed.saturating_mul(100) >= calls.saturating_mul(ERROR_PERCENT_MIN);
    let is_more = failed.saturating_mul(calls_before)
        >= failed_before.saturating_mul(calls).saturating_mul(ERROR_MULTIPLE_MIN);
    let expected = failed_before.saturating_mul(calls);
    let above = failed.saturating_mul(calls_before).saturating_sub(expected);
    let sigma_squared = expected.saturating_mul(calls_before);
    let least = sigma_squared.saturating_mul(ERROR_SIGMAS_MIN.saturating_mul(ERROR_SIGMAS_MIN));
    let is_beyond_chance = !above.is_negative() && above.saturating_mul(above) >= least;
    calls > 0 && is_many && is_more && is_beyond_chance
}

/// The first day that is a burst by itself, of however few calls.
fn first_burst(table: &SpendTable, all: FailedCalls) -> Option<Date> {
    let mut by_day: BTreeMap<Date, (i128, i128)> = BTreeMap::new();
    for row in &table.rows {
        let day = by_day.entry(date_of(row.at?)).or_default();
        day.0 = day.0.saturating_add(row.value(0));
        day.1 = day.1.saturating_add(row.value(1));
    }
    let is_one = |(_, (calls, failed)): &(&Date, &(i128, i128))| {
        is_burst(FailedCalls { failed: *failed, calls: *calls, ..all })
    };
    by_day.iter().find(is_one).map(|(day, _)| *day)
}

/// Models and keys that cost something and usually do not, with what they cost.
pub(super) fn new_values(sides: &LeafSides) -> Vec<Link> {
    let models = new_values_of(sides, &Dimension::Model, LinkKind::NewModel);
    let keys = new_values_of(sides, &Dimension::ApiKey, LinkKind::NewKey);
    models.into_iter().chain(keys).collect()
}

fn new_values_of(sides: &LeafSides, dimension: &Dimension, kind: LinkKind) -> Vec<Link> {
    let Some(position) = DIMENSIONS.iter().position(|other| other == dimension) else {
        return Vec::new();
    };
    let mut by_value: BTreeMap<&str, Sides> = BTreeMap::new();
    for (labels, side) in sides {
        let Some(value) = labels.get(position).filter(|value| *value != UNNAMED) else { continue };
        let sum = by_value.entry(value).or_default();
        sum.real = sum.real.saturating_add(side.real);
        sum.predict = sum.predict.saturating_add(side.predict);
        sum.first = [sum.first, side.first].into_iter().flatten().min();
    }
    let mut found: Vec<Link> = by_value
        .into_iter()
        .filter(|(_, sum)| sum.predict == 0 && sum.real > 0)
        .filter_map(|(value, sum)| {
            let link = Link::coincided(kind, value.to_owned(), sum.first?);
            Some(Link { amount: Some(Pico(sum.real)), ..link })
        })
        .collect();
    found.sort_by(|a, b| b.amount.cmp(&a.amount).then_with(|| a.what.cmp(&b.what)));
    found.truncate(LINKS_MAX);
    found
}

/// Whether an event may concern a part of the spend: it says nothing that contradicts it.
fn touches(event: &Event, scope: &BTreeMap<String, &BTreeSet<String>>) -> bool {
    event.scope.iter().all(|(name, value)| scope.get(name).is_none_or(|any| any.contains(value)))
}

fn link_of(event: &Event) -> Option<Link> {
    let kind = match event.kind {
        EventKind::Deploy => LinkKind::Deploy,
        EventKind::Planned => LinkKind::Planned,
        EventKind::Maintenance => LinkKind::Maintenance,
        EventKind::Holiday | EventKind::Mute => return None,
    };
    let about: Vec<String> =
        event.scope.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let what = match (event.note.as_str(), about.is_empty()) {
        ("", true) => "everything".to_owned(),
        ("", false) => about.join(", "),
        (note, true) => note.to_owned(),
        (note, false) => format!("{note} ({})", about.join(", ")),
    };
    Some(Link::coincided(kind, what, date_of(event.start)))
}

#[cfg(test)]
mod tests {
    use super::{super::places::tests::sides, *};

    #[test]
    fn a_model_that_was_not_there_is_named_with_its_cost() {
        let sides = sides(&[("a", "old", 5, 6), ("a", "new", 7, 0), ("b", "new", 2, 0)]);
        let links = new_values(&sides);
        assert_eq!(links.len(), 1);
        assert_eq!(links[0].kind, LinkKind::NewModel);
        assert_eq!((links[0].what.as_str(), links[0].amount), ("new", Some(Pico(9))));
    }

    #[test]
    fn a_burst_is_many_and_more_than_usual() {
        let burst = |failed, calls, failed_before, calls_before| {
            is_burst(FailedCalls { failed, calls, failed_before, calls_before })
        };
        assert!(burst(5, 100, 10, 1_000));
        assert!(burst(5, 100, 0, 0), "nothing before is no reason to be silent");
        assert!(!burst(1, 100, 0, 1_000), "one in a hundred is not many");
        assert!(!burst(5, 100, 40, 1_000), "as usual");
        assert!(!burst(1, 11, 7, 507), "one failed call is chance");
        assert!(burst(4, 10, 1, 560), "a day of few calls may be the first");
        assert!(!burst(5, 100, 20, 1_000), "two are expected, and five are not rare");
        assert!(burst(719, 2_331, 273, 25_338));
        assert!(burst(i128::from(u64::MAX) / 2, i128::from(u64::MAX), 0, i128::from(u64::MAX)));
        assert!(!burst(0, 0, 0, 0));
    }
}
