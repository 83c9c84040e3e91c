//! Methods that name causes: ours and two that need no model.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    localize::{Config, Dimension, Leaves, localize},
    money::Decimal,
};

use super::case::{Case, Place, name, value};

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// `centinel localize`.
    Ours,
    /// Adtributor (NSDI 2014): values of one dimension.
    Adtributor,
    /// The combinations with the largest change, as many as were planted.
    LargestChange,
}

/// A value that explains less of the change is left out.
const EXPLAINED_MIN: f64 = 0.1;
/// Values are added until they explain this much of the change.
const EXPLAINED: f64 = 0.67;
/// Most dimensions that are combined to find the largest change.
const DEPTH: usize = 3;

impl Method {
    pub(super) const ALL: [Self; 3] = [Self::Ours, Self::Adtributor, Self::LargestChange];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Ours => "centinel",
            Self::Adtributor => "Adtributor",
            Self::LargestChange => "largest change, number known",
        }
    }

    pub(super) fn run(self, case: &Case) -> anyhow::Result<BTreeSet<Place>> {
        match self {
            Self::Ours => ours(case),
            Self::Adtributor => Ok(adtributor(case)),
            Self::LargestChange => Ok(largest_change(case)),
        }
    }
}

fn ours(case: &Case) -> anyhow::Result<BTreeSet<Place>> {
    let dimensions = case
        .codes
        .iter()
        .enumerate()
        .map(|(dimension, codes)| {
            let count = codes.iter().max().map_or(0, |max| max + 1);
            let values = (0..count).map(|code| value(dimension, code)).collect();
            Dimension { name: name(dimension), values, codes: codes.clone() }
        })
        .collect();
    let micros = |value: f64| Decimal::new((value * 1e6).round() as i128, 6);
    let side = |side: fn(&(f64, f64)) -> f64| {
        case.values.iter().map(|value| micros(side(value))).collect::<Result<Vec<_>, _>>()
    };
    let leaves = Leaves::from_columns(dimensions, side(|value| value.0)?, side(|value| value.1)?)?;
    let found = localize(&leaves, usize::MAX, &Config::published())?;
    let sum =
        found.causes.iter().try_fold(found.residual, |sum, cause| sum.checked_add(cause.delta))?;
    anyhow::ensure!(sum == found.delta, "deltas and residual do not add to the change");
    Ok(found
        .causes
        .iter()
        .map(|cause| {
            cause
                .place
                .iter()
                .map(|(name, value)| {
                    let dimension = usize::from(name.as_bytes()[0] - b'a');
                    (dimension, value[1..].parse::<u32>().map_or(0, |number| number - 1))
                })
                .collect()
        })
        .collect())
}

/// Values of the dimension whose shares moved most, that explain the change (Bhagwan et al. 2014,
/// "Adtributor: Revenue Debugging in Advertising Systems", figure 3).
fn adtributor(case: &Case) -> BTreeSet<Place> {
    let (real, predict) = totals(case.values.iter());
    let mut best: Option<(f64, BTreeSet<Place>)> = None;
    for (dimension, codes) in case.codes.iter().enumerate() {
        let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
        for (code, value) in codes.iter().zip(&case.values) {
            let sum = sums.entry(*code).or_default();
            *sum = (sum.0 + value.0, sum.1 + value.1);
        }
        let mut values: Vec<(f64, f64, u32)> = sums
            .into_iter()
            .map(|(code, (own_real, own_predict))| {
                let (q, p) = (own_real / real, own_predict / predict);
                let half = |share: f64| {
                    if share > 0.0 { 0.5 * share * (2.0 * share / (p + q)).ln() } else { 0.0 }
                };
                (half(p) + half(q), (own_real - own_predict) / (real - predict), code)
            })
            .collect();
        values.sort_by(|left, right| right.0.total_cmp(&left.0));
        let (mut surprise, mut explained, mut places) = (0.0, 0.0, BTreeSet::new());
        for (own_surprise, share, code) in values {
            if share <= EXPLAINED_MIN {
                continue;
            }
            surprise += own_surprise;
            explained += share;
            places.insert(vec![(dimension, code)]);
            if explained > EXPLAINED {
                break;
            }
        }
        if explained > EXPLAINED && best.as_ref().is_none_or(|best| surprise > best.0) {
            best = Some((surprise, places));
        }
    }
    best.map(|(_, places)| places).unwrap_or_default()
}

/// The combinations of up to three dimensions with the largest change, of those that share no leaf
/// with one taken already; as many as were planted.
fn largest_change(case: &Case) -> BTreeSet<Place> {
    let count = case.codes.len();
    let mut sums: BTreeMap<Place, f64> = BTreeMap::new();
    for mask in 1_usize..1 << count {
        let dimensions: Vec<usize> = (0..count).filter(|d| mask >> d & 1 == 1).collect();
        if dimensions.len() > DEPTH {
            continue;
        }
        let sizes: Vec<usize> = dimensions
            .iter()
            .map(|d| case.codes[*d].iter().max().map_or(0, |max| *max as usize + 1))
            .collect();
        let mut cells = vec![0.0; sizes.iter().product()];
        for (leaf, value) in case.values.iter().enumerate() {
            let cell = dimensions
                .iter()
                .zip(&sizes)
                .fold(0, |cell, (d, size)| cell * size + case.codes[*d][leaf] as usize);
            cells[cell] += value.0 - value.1;
        }
        for (cell, sum) in cells.into_iter().enumerate() {
            let mut rest = cell;
            let mut place: Place = dimensions
                .iter()
                .zip(&sizes)
                .rev()
                .map(|(d, size)| {
                    let code = rest % size;
                    rest /= size;
                    (*d, code as u32)
                })
                .collect();
            place.reverse();
            sums.insert(place, sum);
        }
    }
    let mut ordered: Vec<(Place, f64)> = sums.into_iter().collect();
    ordered.sort_by(|left, right| right.1.abs().total_cmp(&left.1.abs()));
    let mut taken: Vec<Place> = Vec::new();
    for (place, _) in ordered {
        if taken.len() == case.causes.len() {
            break;
        }
        let apart = |other: &Place| {
            other.iter().any(|(d, v)| place.iter().any(|(own, value)| own == d && value != v))
        };
        if taken.iter().all(apart) {
            taken.push(place);
        }
    }
    taken.into_iter().collect()
}

fn totals<'a>(values: impl Iterator<Item = &'a (f64, f64)>) -> (f64, f64) {
    values.fold((0.0, 0.0), |sum, value| (sum.0 + value.0, sum.1 + value.1))
}
