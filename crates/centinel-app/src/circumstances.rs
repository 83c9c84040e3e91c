//! Where a change is, and what happened at the time: what is new with what it cost, and what merely
//! coincided.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    facts::BundleBuilder,
    localize::{self, Leaves, Localization},
    money::{Currency, Money, Pico},
    period::{Grain, date_of},
    series::Dimension,
};
use centinel_ledger::{Measure, SpendQuery};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use serde::Serialize;

use crate::{
    App, AppError, Event, EventKind, ExplainRequest,
    explain::{UNNAMED, Usual},
};

/// What is known about a change beside its drivers.
#[derive(Debug, Clone, Serialize)]
pub struct Circumstances {
    /// The combinations of values that hold the change; `None` where there is nothing to tell apart.
    pub places: Option<Localization>,
    /// What is new, and what happened at the time.
    pub links: Vec<Link>,
}

/// Something that may have to do with a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What kind of thing.
    pub kind: LinkKind,
    /// Its name: a model, a key, an event's note.
    pub what: String,
    /// Its first day within what is explained.
    pub since: Date,
    /// What it cost, where that is known; without it, it coincided.
    pub amount: Option<Pico>,
}

/// What kind of thing a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// A model without cost on the days compared with.
    NewModel,
    /// A key without cost on the days compared with.
    NewKey,
    /// A release.
    Deploy,
    /// A planned change.
    Planned,
    /// Maintenance.
    Maintenance,
    /// Failed calls, several times their usual share.
    ErrorBurst,
}

impl LinkKind {
    /// As people read it.
    pub fn label(self) -> &'static str {
        match self {
            Self::NewModel => "new model",
            Self::NewKey => "new key",
            Self::Deploy => "deploy",
            Self::Planned => "planned change",
            Self::Maintenance => "maintenance",
            Self::ErrorBurst => "failed calls",
        }
    }
}

/// The dimensions in which a change is looked for.
const DIMENSIONS: [Dimension; 8] = [
    Dimension::Feature,
    Dimension::Team,
    Dimension::Agent,
    Dimension::Service,
    Dimension::Model,
    Dimension::Region,
    Dimension::SubAccount,
    Dimension::ApiKey,
];
/// Places that are told.
const PLACES_MAX: usize = 5;
/// Links of a kind that are told, the most expensive or the earliest first.
const LINKS_MAX: usize = 5;
/// Days before a change in which an event may have begun it.
const EVENT_DAYS: i32 = 2;
/// Failed calls are a burst from this share of all calls on, and from this multiple of their usual one.
const ERROR_PERCENT_MIN: i128 = 2;
const ERROR_MULTIPLE_MIN: i128 = 2;

/// A leaf on both sides.
#[derive(Debug, Default, Clone, Copy)]
struct Sides {
    real: i128,
    predict: i128,
    first: Option<Date>,
}

impl App {
    /// Where a change is, and what happened at the time.
    pub(crate) async fn circumstances(
        &self,
        request: &ExplainRequest,
        now: Timestamp,
    ) -> Result<Circumstances, AppError> {
        let data = self.ledger.span().await?.ok_or(AppError::Empty)?;
        let usual = self.usual(request, data.0, now).await?;
        let sides = self.leaf_sides(request, &usual).await?;
        let places = place(&sides)?;
        let mut links = new_values(&sides, &Dimension::Model, LinkKind::NewModel);
        links.extend(new_values(&sides, &Dimension::ApiKey, LinkKind::NewKey));
        links.extend(self.error_burst(request, &usual).await?);
        let scope: BTreeMap<String, &BTreeSet<String>> = request
            .filter
            .iter()
            .map(|condition| (condition.dimension.to_string(), &condition.any_of))
            .collect();
        let (first, after) = request.period.dates();
        let from = first.saturating_sub(EVENT_DAYS.days());
        let events = self.events(now).await?;
        let told = events.iter().filter(|event| {
            let day = date_of(event.start);
            from <= day && day < after && touches(event, &scope)
        });
        links.extend(told.filter_map(link_of).take(LINKS_MAX));
        Ok(Circumstances { places, links })
    }

    /// Each leaf's cost on the days compared, and what the usual days would make it.
    async fn leaf_sides(
        &self,
        request: &ExplainRequest,
        usual: &Usual,
    ) -> Result<BTreeMap<Vec<String>, Sides>, AppError> {
        let currency = self.config.organisation.currency;
        let mut sides: BTreeMap<Vec<String>, Sides> = BTreeMap::new();
        for (period, is_after) in [(request.period, true), (usual.period, false)] {
            let mut query =
                SpendQuery::new(period, vec![Measure::Cost]).by(DIMENSIONS).every(Grain::Day);
            query.filter.clone_from(&request.filter);
            for row in &self.ledger.spend(&query).await?.rows {
                if row.currency.as_deref() != Some(currency.as_str()) {
                    continue;
                }
                let day = row.at.map_or_else(|| date_of(period.start), date_of);
                let labels = row.group.iter();
                let labels =
                    labels.map(|label| label.clone().unwrap_or_else(|| UNNAMED.to_owned()));
                let side = sides.entry(labels.collect()).or_default();
                let cost = row.value(0);
                if is_after {
                    side.real = side.real.saturating_add(cost);
                    if cost != 0 {
                        side.first = Some(side.first.map_or(day, |first| first.min(day)));
                    }
                } else {
                    let counted = match &usual.weights {
                        Some(weights) => weights.amount(day, cost),
                        None => Some(cost),
                    };
                    side.predict = side.predict.saturating_add(counted.unwrap_or(0));
                }
            }
        }
        Ok(sides)
    }

    /// Whether calls failed far more often than usual.
    async fn error_burst(
        &self,
        request: &ExplainRequest,
        usual: &Usual,
    ) -> Result<Option<Link>, AppError> {
        let mut counted = Vec::new();
        for period in [request.period, usual.period] {
            let mut query = SpendQuery::new(period, vec![Measure::Calls, Measure::Errors]);
            query.filter.clone_from(&request.filter);
            let rows = self.ledger.spend(&query).await?.rows;
            let sum = |index| rows.iter().map(|row| row.value(index)).sum::<i128>();
            counted.push((sum(0), sum(1)));
        }
        let [(calls, errors), (calls_before, errors_before)] = counted.as_slice() else {
            return Ok(None);
        };
        let is_many = errors.saturating_mul(100) >= calls.saturating_mul(ERROR_PERCENT_MIN);
        // Shares compared without division.
        let is_burst = errors.saturating_mul(*calls_before)
            >= errors_before.saturating_mul(*calls).saturating_mul(ERROR_MULTIPLE_MIN);
        if *calls == 0 || *errors == 0 || !is_many || !is_burst {
            return Ok(None);
        }
        Ok(Some(Link {
            kind: LinkKind::ErrorBurst,
            what: format!(
                "{errors} of {calls} calls failed, {errors_before} of {calls_before} on the usual days"
            ),
            since: request.period.dates().0,
            amount: None,
        }))
    }
}

/// The combinations that hold a change.
fn place(sides: &BTreeMap<Vec<String>, Sides>) -> Result<Option<Localization>, AppError> {
    // What has one value has nothing to tell apart.
    let differs = |position: usize| {
        let values: BTreeSet<&String> =
            sides.keys().filter_map(|labels| labels.get(position)).collect();
        values.len() > 1
    };
    let told: Vec<usize> = (0..DIMENSIONS.len()).filter(|position| differs(*position)).collect();
    if told.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> =
        told.iter().filter_map(|at| DIMENSIONS.get(*at)).map(ToString::to_string).collect();
    let mut leaves = Leaves::of_dimensions(names.iter().map(String::as_str))?;
    for (labels, side) in sides {
        let values: Vec<&str> =
            told.iter().filter_map(|at| labels.get(*at)).map(String::as_str).collect();
        leaves.push(&values, Pico(side.real).to_decimal(), Pico(side.predict).to_decimal())?;
    }
    Ok(Some(localize::localize(&leaves, PLACES_MAX, &localize::Config::published())?))
}

/// Values of a dimension that cost something and usually do not, with what they cost.
fn new_values(
    sides: &BTreeMap<Vec<String>, Sides>,
    dimension: &Dimension,
    kind: LinkKind,
) -> Vec<Link> {
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
            let (what, since) = (value.to_owned(), sum.first?);
            Some(Link { kind, what, since, amount: Some(Pico(sum.real)) })
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
    Some(Link { kind, what, since: date_of(event.start), amount: None })
}

impl Circumstances {
    /// Adds them to the facts of an explanation: `place.N.DIMENSION`, `place.N.delta`, `link.N`,
    /// `link.N.cost`; a link without a cost coincided.
    pub(crate) fn add_to(&self, facts: &mut BundleBuilder, currency: Currency) {
        let causes = self.places.iter().flat_map(|places| &places.causes);
        for (number, cause) in (1..).zip(causes) {
            for (dimension, value) in &cause.place {
                facts.entity(&format!("place.{number}.{dimension}"), value);
            }
            if let Ok(amount) = Pico::round_half_even(cause.delta) {
                let amount = Money { amount: amount.amount, currency };
                facts.money(&format!("place.{number}.delta"), amount);
            }
        }
        for (number, link) in (1_u32..).zip(&self.links) {
            facts.entity(
                &format!("link.{number}.{}", link.kind.label().replace(' ', "_")),
                &link.what,
            );
            if let Some(amount) = link.amount {
                facts.money(&format!("link.{number}.cost"), Money { amount, currency });
            }
        }
    }

    /// Nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty() && self.places.as_ref().is_none_or(|places| places.causes.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn sides(rows: &[(&str, &str, i128, i128)]) -> BTreeMap<Vec<String>, Sides> {
        let leaf = |(feature, model, real, predict): &(&str, &str, i128, i128)| {
            let mut labels = vec![UNNAMED.to_owned(); DIMENSIONS.len()];
            labels[0] = (*feature).to_owned();
            labels[4] = (*model).to_owned();
            let first = (*real != 0).then(|| date(2026, 10, 3));
            (labels, Sides { real: *real, predict: *predict, first })
        };
        rows.iter().map(leaf).collect()
    }

    #[test]
    fn a_model_that_was_not_there_is_named_with_its_cost() {
        let sides = sides(&[("a", "old", 5, 6), ("a", "new", 7, 0), ("b", "new", 2, 0)]);
        let links = new_values(&sides, &Dimension::Model, LinkKind::NewModel);
        assert_eq!(links.len(), 1);
        assert_eq!((links[0].what.as_str(), links[0].amount), ("new", Some(Pico(9))));
        assert!(new_values(&sides, &Dimension::ApiKey, LinkKind::NewKey).is_empty());
    }

    #[test]
    fn a_change_is_placed_to_the_last_pico() {
        let one = Pico::ONE.0;
        let mut rows = Vec::new();
        let names: Vec<String> = (0..12).map(|number| format!("f{number}")).collect();
        for name in &names {
            for (model, cost) in [("m", 100), ("n", 60)] {
                let real = if name == "f3" { 3 * cost * one } else { cost * one + 1 };
                rows.push((name.as_str(), model, real, cost * one));
            }
        }
        let found = place(&sides(&rows)).unwrap().unwrap();
        assert_eq!(found.causes[0].place, [("feature".to_owned(), "f3".to_owned())].into());
        let causes = found.causes.iter().map(|cause| cause.delta);
        let sum = causes.fold(found.residual, |sum, delta| sum.checked_add(delta).unwrap());
        assert_eq!(sum, found.delta);
        assert!(place(&sides(&rows[..1])).unwrap().is_none(), "one leaf has no place");
    }
}
