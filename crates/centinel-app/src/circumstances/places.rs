//! In which combinations of values a change is.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use centinel_engine::{
    explain::percent,
    localize::{self, Leaves, Localization},
    money::{Decimal, Pico},
    period::{Grain, date_of},
    series::Dimension,
};
use centinel_ledger::{Measure, SpendQuery};
use jiff::{Timestamp, civil::Date};

use super::PlaceShare;
use crate::{App, AppError, ExplainRequest, explain::UNNAMED, usual::Usual};

/// The dimensions in which a change is looked for.
pub(super) const DIMENSIONS: [Dimension; 8] = [
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
/// A leaf on both sides.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Sides {
    pub(super) real: i128,
    pub(super) predict: i128,
    pub(super) first: Option<Date>,
}

impl Sides {
    fn delta(&self) -> Pico {
        Pico(self.real.saturating_sub(self.predict))
    }
}

/// A value of a dimension, where a row has one.
type Label = Option<String>;

/// Leaves by their values, in the order of [`DIMENSIONS`].
pub(super) type LeafSides = BTreeMap<Vec<String>, Sides>;

impl App {
    /// The place that at least half of a change is in; empty where nothing stands out like that.
    pub(crate) async fn main_place(
        &self,
        request: &ExplainRequest,
        now: Timestamp,
    ) -> Result<BTreeMap<String, String>, AppError> {
        let data = self.ledger.span_as_of(request.as_of).await?.ok_or(AppError::Empty)?;
        let usual = match self.usual(request, data.0, now).await {
            Err(AppError::NothingBefore) => return Ok(BTreeMap::new()),
            usual => usual?,
        };
        let (places, largest) = of(&self.leaf_sides(request, &usual).await?)?;
        let named =
            largest.map(|largest| largest.place).or_else(|| places.as_ref().and_then(naming));
        Ok(named.unwrap_or_default())
    }

    /// Each leaf's cost on the days compared, and what the usual days would make it.
    pub(super) async fn leaf_sides(
        &self,
        request: &ExplainRequest,
        usual: &Usual,
    ) -> Result<LeafSides, AppError> {
        let currency = self.config.organisation.currency;
        let mut sides = LeafSides::new();
        for (period, is_after) in [(request.period, true), (usual.period, false)] {
            let mut query =
                SpendQuery::new(period, vec![Measure::Cost]).by(DIMENSIONS).every(Grain::Day);
            query.filter.clone_from(&request.filter);
            query.as_of = request.as_of;
            // Rows of one group follow each other.
            let mut last: Option<(&Arc<[Label]>, Vec<String>)> = None;
            let table = self.ledger.spend(&query).await?;
            for row in &table.rows {
                if row.currency.as_deref() != Some(currency.as_str()) {
                    continue;
                }
                let day = row.at.map_or_else(|| date_of(period.start), date_of);
                let labels = match last.take() {
                    Some((group, labels)) if Arc::ptr_eq(group, &row.group) => labels,
                    _ => {
                        let named =
                            |label: &Label| label.clone().unwrap_or_else(|| UNNAMED.to_owned());
                        row.group.iter().map(named).collect()
                    }
                };
                if !sides.contains_key(&labels) {
                    sides.insert(labels.clone(), Sides::default());
                }
                let Some(side) = sides.get_mut(&labels) else { continue };
                last = Some((&row.group, labels));
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
}

/// The combinations that hold a change, `None` where there is nothing to tell apart; and, where they
/// hold less than half of it, the one value that does.
pub(super) fn of(
    sides: &LeafSides,
) -> Result<(Option<Localization>, Option<PlaceShare>), AppError> {
    // What has one value has nothing to tell apart.
    let differs = |position: usize| {
        let values: BTreeSet<&String> =
            sides.keys().filter_map(|labels| labels.get(position)).collect();
        values.len() > 1
    };
    let told: Vec<usize> = (0..DIMENSIONS.len()).filter(|position| differs(*position)).collect();
    if told.is_empty() {
        return Ok((None, None));
    }
    let names: Vec<String> =
        told.iter().filter_map(|at| DIMENSIONS.get(*at)).map(ToString::to_string).collect();
    let mut leaves = Leaves::of_dimensions(names.iter().map(String::as_str))?.nameless(UNNAMED);
    for (labels, side) in sides {
        let values: Vec<&str> =
            told.iter().filter_map(|at| labels.get(*at)).map(String::as_str).collect();
        leaves.push(&values, Pico(side.real).to_decimal(), Pico(side.predict).to_decimal())?;
    }
    let mut found = localize::localize(&leaves, PLACES_MAX, &localize::Config::published())?;
    for cause in &mut found.causes {
        cause.place = telling(sides, std::mem::take(&mut cause.place));
    }
    let causes = found.causes.iter().filter_map(PlaceShare::of);
    let within = causes.fold(0_i128, |sum, cause| sum.saturating_add(cause.amount.0));
    let whole = sum_of(sides.values());
    let largest = if is_half(Pico(within), whole) { None } else { largest(sides, &told, whole) };
    Ok((Some(found), largest))
}

/// The same leaves by the one value that says most to people, where one has just these: a feature before
/// a team, a team before a key.
fn telling(sides: &LeafSides, place: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let fixed: Vec<(usize, &String)> = DIMENSIONS
        .iter()
        .enumerate()
        .filter_map(|(position, dimension)| Some((position, place.get(&dimension.to_string())?)))
        .collect();
    let is_in = |labels: &&Vec<String>| {
        fixed.iter().all(|(position, value)| labels.get(*position) == Some(*value))
    };
    let members: Vec<&Vec<String>> = sides.keys().filter(is_in).collect();
    for (position, dimension) in DIMENSIONS.iter().enumerate() {
        let value = members.first().and_then(|labels| labels.get(position));
        let Some(value) = value.filter(|value| *value != UNNAMED) else { continue };
        let has = |labels: &&Vec<String>| labels.get(position) == Some(value);
        if members.iter().all(has) && sides.keys().filter(has).count() == members.len() {
            return [(dimension.to_string(), value.clone())].into();
        }
    }
    place
}

/// Both sides together.
fn sum_of<'s>(sides: impl Iterator<Item = &'s Sides>) -> Sides {
    sides.fold(Sides::default(), |mut sum, side| {
        sum.real = sum.real.saturating_add(side.real);
        sum.predict = sum.predict.saturating_add(side.predict);
        sum
    })
}

/// Whether an amount is at least half of a change.
fn is_half(amount: Pico, whole: Sides) -> bool {
    percent(amount, whole.delta(), 1).is_some_and(|share| share >= Decimal::from_integer(50))
}

/// The value of a dimension that holds at least half of a change, and at least twice its share of what
/// was predicted; of several the one whose shares differ most.
fn largest(sides: &LeafSides, told: &[usize], whole: Sides) -> Option<PlaceShare> {
    let mut best: Option<(Decimal, PlaceShare)> = None;
    for (position, dimension) in told.iter().filter_map(|at| Some((*at, DIMENSIONS.get(*at)?))) {
        let mut by_value: BTreeMap<&str, Vec<&Sides>> = BTreeMap::new();
        for (labels, side) in sides {
            let value = labels.get(position).filter(|value| *value != UNNAMED);
            if let Some(value) = value {
                by_value.entry(value).or_default().push(side);
            }
        }
        for (value, own) in by_value {
            let own = sum_of(own.into_iter());
            let amount = own.delta();
            let Some(lift) = lift(own, whole).filter(|_| is_half(amount, whole)) else { continue };
            if best.as_ref().is_none_or(|(least, _)| lift > *least) {
                let place = [(dimension.to_string(), value.to_owned())].into();
                best = Some((lift, PlaceShare { place, amount }));
            }
        }
    }
    best.map(|(_, place)| place)
}

/// Share of the change less share of what was predicted, in percent, where the former is at least twice
/// the latter.
fn lift(own: Sides, whole: Sides) -> Option<Decimal> {
    let of_change = percent(own.delta(), whole.delta(), 1)?;
    let of_usual = match whole.predict {
        0 => Decimal::ZERO,
        all => percent(Pico(own.predict), Pico(all), 1)?,
    };
    let twice = of_usual.checked_mul_integer(2).ok()?;
    (of_change >= twice).then(|| of_change.checked_sub(of_usual).ok())?
}

/// The values of the first place, where it holds at least half of the change.
fn naming(places: &Localization) -> Option<BTreeMap<String, String>> {
    let first = places.causes.first()?;
    let least = Decimal::new(5, 1).ok()?;
    (first.share_explained? >= least).then(|| first.place.clone())
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::civil::date;

    use super::*;

    pub(in crate::circumstances) fn sides(rows: &[(&str, &str, i128, i128)]) -> LeafSides {
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
        let (found, largest) = of(&sides(&rows)).unwrap();
        let found = found.unwrap();
        assert_eq!(largest, None, "the combinations say it");
        assert_eq!(found.causes[0].place, [("feature".to_owned(), "f3".to_owned())].into());
        let causes = found.causes.iter().map(|cause| cause.delta);
        let sum = causes.fold(found.residual, |sum, delta| sum.checked_add(delta).unwrap());
        assert_eq!(sum, found.delta);
        assert_eq!(naming(&found), Some([("feature".to_owned(), "f3".to_owned())].into()));
        assert!(of(&sides(&rows[..1])).unwrap().0.is_none(), "one leaf has no place");
    }

    #[test]
    fn of_the_same_leaves_the_most_telling_value_names_them() {
        let sides = sides(&[("seats", "only", 9, 0), ("chat", "m", 5, 5), ("mail", "m", 5, 5)]);
        let named = |dimension: &str, value: &str| {
            telling(&sides, [(dimension.to_owned(), value.to_owned())].into())
        };
        assert_eq!(named("model", "only"), [("feature".to_owned(), "seats".to_owned())].into());
        assert_eq!(named("model", "m"), [("model".to_owned(), "m".to_owned())].into());
    }

    #[test]
    fn what_changed_everywhere_has_no_name() {
        let one = Pico::ONE.0;
        let names: Vec<String> = (0..12).map(|number| format!("f{number}")).collect();
        let rows: Vec<_> =
            names.iter().map(|name| (name.as_str(), "m", 150 * one, 100 * one)).collect();
        let (found, largest) = of(&sides(&rows)).unwrap();
        let found = found.unwrap();
        assert_eq!((naming(&found), largest), (None, None), "{found:?}");
    }

    #[test]
    fn a_charge_of_one_day_is_found_beside_what_has_no_name() {
        let one = Pico::ONE.0;
        let mut rows =
            vec![("seats", UNNAMED, 3_000 * one, 0), ("other", UNNAMED, 10 * one, 9 * one)];
        let names: Vec<String> = (0..12).map(|number| format!("f{number}")).collect();
        rows.extend(names.iter().map(|name| (name.as_str(), "m", 101 * one, 100 * one)));
        let (found, largest) = of(&sides(&rows)).unwrap();
        let named = largest.map(|largest| largest.place);
        let named = named.or_else(|| naming(&found.unwrap())).unwrap();
        assert_eq!(named, [("feature".to_owned(), "seats".to_owned())].into());
    }
}
