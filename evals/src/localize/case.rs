//! Leaves with planted causes.

use std::path::Path;

use crate::random::Random;

/// Dimension and value of each that a cause names, by dimension.
pub(crate) type Place = Vec<(usize, u32)>;

/// Kinds of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Suite {
    /// 10 x 12 x 10 x 8 x 4 leaves, one to three causes of one to three dimensions, effects of 40 to
    /// 120 % (of 40 to 100 % down), noise of 5 %.
    Issue,
    /// RiskLoc's synthetic S: 10 x 12 x 10 x 8 x 5 leaves, noise of 0 to 25 %, one to three anomalies
    /// of one to three combinations of one to five dimensions.
    RiskLoc,
    /// Effects of 15 to 40 %.
    Small,
    /// Noise of 15 %.
    Noisy,
    /// Noise with the tails of Student's t with four degrees of freedom.
    HeavyTails,
    /// Two leaves in a hundred are new, two vanished.
    Churn,
    /// Small counts, as of calls.
    Counts,
    /// Every value of every dimension strays by 3 % of its own.
    Restless,
    /// Everything changed by 30 to 80 %, and the causes beside that.
    Everything,
    /// No cause.
    None,
    /// No cause, heavy tails.
    NoneHeavyTails,
    /// No cause, leaves come and go.
    NoneChurn,
    /// No cause, small counts.
    NoneCounts,
    /// No cause, every value strays.
    NoneRestless,
    /// No cause, everything changed.
    NoneEverything,
}

impl Suite {
    pub(crate) const ALL: [Self; 15] = [
        Self::Issue,
        Self::RiskLoc,
        Self::Small,
        Self::Noisy,
        Self::HeavyTails,
        Self::Churn,
        Self::Counts,
        Self::Restless,
        Self::Everything,
        Self::None,
        Self::NoneHeavyTails,
        Self::NoneChurn,
        Self::NoneCounts,
        Self::NoneRestless,
        Self::NoneEverything,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Issue => "as specified: effects 40 to 120 %, noise 5 %",
            Self::RiskLoc => "RiskLoc's S: noise 0 to 25 %, down to single leaves",
            Self::Small => "effects 15 to 40 %",
            Self::Noisy => "noise 15 %",
            Self::HeavyTails => "heavy-tailed noise",
            Self::Churn => "4 % of leaves come or go",
            Self::Counts => "small counts",
            Self::Restless => "every value strays by 3 %",
            Self::Everything => "everything changed, too",
            Self::None => "no cause",
            Self::NoneHeavyTails => "no cause, heavy-tailed noise",
            Self::NoneChurn => "no cause, 4 % of leaves come or go",
            Self::NoneCounts => "no cause, small counts",
            Self::NoneRestless => "no cause, every value strays by 3 %",
            Self::NoneEverything => "no cause, everything changed",
        }
    }

    fn has_causes(self) -> bool {
        !matches!(
            self,
            Self::None
                | Self::NoneHeavyTails
                | Self::NoneChurn
                | Self::NoneCounts
                | Self::NoneRestless
                | Self::NoneEverything
        )
    }
}

/// How often an anomaly of RiskLoc's is drawn again before it is left out.
const TRIES: usize = 1000;

/// Leaves and what was planted.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// A list a dimension, with a code a leaf.
    pub(crate) codes: Vec<Vec<u32>>,
    /// Real and predicted.
    pub(crate) values: Vec<(f64, f64)>,
    pub(crate) causes: Vec<Place>,
}

/// The case of a seed; `effect` is the size of every effect, in place of the suite's own (not of
/// RiskLoc's).
pub(crate) fn generate(suite: Suite, seed: u64, effect: Option<f64>) -> Case {
    if suite == Suite::RiskLoc { riskloc(seed) } else { specified(suite, seed, effect) }
}

fn specified(suite: Suite, seed: u64, given: Option<f64>) -> Case {
    const SIZES: [usize; 5] = [10, 12, 10, 8, 4];
    let mut random = Random::new(&[seed, suite as u64]);
    let mut case = Case::grid(&SIZES);
    let noise = if suite == Suite::Noisy { 0.15 } else { 0.05 };
    let shape = random.whole(0, 3);
    let zeros = random.uniform(0.0, 0.3);
    let heavy = matches!(suite, Suite::HeavyTails | Suite::NoneHeavyTails);
    for value in &mut case.values {
        let size = match shape {
            0 => random.uniform(20.0, 200.0),
            1 => random.lognormal(4.0, 1.2),
            _ => 100.0 * (-(1.0 - random.unit()).ln()).powi(2),
        };
        let size = if random.unit() < zeros { 0.0 } else { size };
        let mut strays = random.normal(0.0, 1.0);
        if heavy {
            let squares: f64 = (0..4).map(|_| random.normal(0.0, 1.0).powi(2)).sum();
            strays /= (squares / 4.0).sqrt();
        }
        *value = ((size * (1.0 + noise * strays)).max(0.0), size);
    }
    let count = if suite.has_causes() { random.whole(1, 4) } else { 0 };
    while case.causes.len() < count {
        let place = place(&mut random, &SIZES, 3);
        // One cause inside another is no second cause.
        let within = |inner: &Place, outer: &Place| outer.iter().all(|value| inner.contains(value));
        if case.causes.iter().any(|other| within(&place, other) || within(other, &place)) {
            continue;
        }
        let effect = match suite {
            Suite::Small if random.unit() < 0.4 => -random.uniform(0.15, 0.4),
            Suite::Small => random.uniform(0.15, 0.4),
            _ if random.unit() < 0.35 => -random.uniform(0.4, 1.0),
            _ => random.uniform(0.4, 1.2),
        };
        let effect = given.map_or(effect, |size| size.copysign(effect).max(-1.0));
        case.scale(&place, 1.0 + effect);
        case.causes.push(place);
    }
    match suite {
        Suite::Everything | Suite::NoneEverything => {
            let all = 1.0 + random.uniform(0.3, 0.8);
            case.scale(&Place::new(), all);
        }
        Suite::Restless | Suite::NoneRestless => {
            for (dimension, size) in SIZES.iter().enumerate() {
                for value in 0..*size {
                    let strays = random.lognormal(0.0, 0.03);
                    case.scale(&vec![(dimension, value as u32)], strays);
                }
            }
        }
        Suite::Churn | Suite::NoneChurn => {
            for value in &mut case.values {
                match random.unit() {
                    draw if draw < 0.02 => value.0 = 0.0,
                    draw if draw < 0.04 => value.1 = 0.0,
                    _ => {}
                }
            }
        }
        Suite::Counts | Suite::NoneCounts => {
            for value in &mut case.values {
                *value = (count_of(value.0 / 10.0, &mut random), value.1 / 10.0);
            }
        }
        _ => {}
    }
    case
}

/// A Poisson count, above 30 by its normal approximation.
fn count_of(mean: f64, random: &mut Random) -> f64 {
    if mean >= 30.0 {
        return random.normal(mean, mean.sqrt()).round().max(0.0);
    }
    let (limit, mut product, mut count) = ((-mean).exp(), random.unit(), 0.0);
    while product > limit {
        product *= random.unit();
        count += 1.0;
    }
    count
}

/// One to `most` dimensions, each with a value.
fn place(random: &mut Random, sizes: &[usize], most: usize) -> Place {
    let depth = random.whole(1, most + 1);
    some_dimensions(random, sizes.len(), depth)
        .into_iter()
        .map(|dimension| (dimension, random.whole(0, sizes[dimension]) as u32))
        .collect()
}

fn some_dimensions(random: &mut Random, all: usize, count: usize) -> Vec<usize> {
    let mut dimensions: Vec<usize> = (0..all).collect();
    random.shuffle(&mut dimensions);
    dimensions.truncate(count);
    dimensions.sort_unstable();
    dimensions
}

/// After `generate_dataset.py` of shaido987/riskloc (MIT), parameters of the data set S: Weibull values,
/// noise on one of the two sides, anomalies without noise of their own, all in one direction.
fn riskloc(seed: u64) -> Case {
    const SIZES: [usize; 5] = [10, 12, 10, 8, 5];
    let mut random = Random::new(&[seed, 1000]);
    let mut case = Case::grid(&SIZES);
    let (zeros, noise) = (random.uniform(0.0, 0.25), random.uniform(0.0, 0.25));
    let anomalies: Vec<(usize, usize, f64, f64)> = (0..random.whole(1, 4))
        .map(|_| {
            let (level, elements) = (random.whole(1, 6), random.whole(1, 4));
            (level, elements, random.uniform(0.2, 1.0) + noise, random.uniform(0.0, 0.1))
        })
        .collect();
    let shape = random.uniform(0.5, 1.0);
    for value in &mut case.values {
        let size = 100.0 * (-(1.0 - random.unit()).ln()).powf(1.0 / shape);
        let size = if random.unit() > zeros { size } else { 0.0 };
        let other = size + size * random.normal(0.0, noise);
        let (real, predict) = if random.unit() < 0.5 { (size, other) } else { (other, size) };
        *value = (real, predict.max(0.0));
    }
    let mut planted: Vec<(Vec<usize>, Vec<Place>)> = Vec::new();
    for (level, elements, ..) in &anomalies {
        // Where earlier anomalies took every value of a dimension, there is no place for another.
        let found = (0..TRIES)
            .find_map(|_| elements_of(&mut random, &case, &SIZES, &planted, *level, *elements));
        let Some(found) = found else { break };
        planted.push(found);
    }
    let sum = |side: fn(&(f64, f64)) -> f64| case.values.iter().map(side).sum::<f64>();
    let up = sum(|value| value.0) > sum(|value| value.1);
    for ((_, places), (.., severity, deviation)) in planted.iter().zip(&anomalies) {
        for leaf in 0..case.values.len() {
            if places.iter().any(|place| case.is_inside(leaf, place)) {
                let left = (1.0 - random.normal(*severity, *deviation)).max(0.0);
                let (real, predict) = case.values[leaf];
                case.values[leaf] =
                    if up { (real, real * left) } else { (predict * left, predict) };
            }
        }
    }
    case.causes = planted.into_iter().flat_map(|(_, places)| places).collect();
    case
}

/// Distinct combinations of the same dimensions; `None` where the draw must be repeated: dimensions
/// that an anomaly has already, no value left that no anomaly has, the same combination twice, or a
/// leaf without cost.
fn elements_of(
    random: &mut Random,
    case: &Case,
    sizes: &[usize],
    planted: &[(Vec<usize>, Vec<Place>)],
    level: usize,
    elements: usize,
) -> Option<(Vec<usize>, Vec<Place>)> {
    let dimensions = some_dimensions(random, sizes.len(), level);
    let is_leaf = level == sizes.len();
    if !is_leaf && planted.iter().any(|(other, _)| *other == dimensions) {
        return None;
    }
    let mut places = vec![Place::new(); elements];
    for dimension in &dimensions {
        let taken = |value: u32| {
            planted.iter().flat_map(|(_, places)| places).any(|p| p.contains(&(*dimension, value)))
        };
        let free: Vec<u32> = (0..sizes[*dimension] as u32).filter(|value| !taken(*value)).collect();
        if free.is_empty() {
            return None;
        }
        for place in &mut places {
            place.push((*dimension, *random.one_of(&free)));
        }
    }
    let distinct = (1..places.len()).all(|index| !places[..index].contains(&places[index]));
    let is_zero = |place: &Place| {
        let leaf = (0..case.values.len()).find(|leaf| case.is_inside(*leaf, place));
        leaf.is_none_or(|leaf| case.values[leaf].0 == 0.0)
    };
    (distinct && !(is_leaf && places.iter().any(is_zero))).then_some((dimensions, places))
}

impl Case {
    /// All combinations, without values.
    fn grid(sizes: &[usize]) -> Self {
        let count = sizes.iter().product();
        let mut codes = vec![Vec::with_capacity(count); sizes.len()];
        for leaf in 0..count {
            let mut rest = leaf;
            for (codes, size) in codes.iter_mut().zip(sizes).rev() {
                codes.push((rest % size) as u32);
                rest /= size;
            }
        }
        Self { codes, values: vec![(0.0, 0.0); count], causes: Vec::new() }
    }

    pub(crate) fn is_inside(&self, leaf: usize, place: &Place) -> bool {
        place.iter().all(|(dimension, value)| self.codes[*dimension][leaf] == *value)
    }

    fn scale(&mut self, place: &Place, factor: f64) {
        for leaf in 0..self.values.len() {
            if self.is_inside(leaf, place) {
                self.values[leaf].0 *= factor;
            }
        }
    }

    /// As `centinel localize` reads it.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut file = csv::Writer::from_path(path)?;
        let names = (0..self.codes.len()).map(name);
        file.write_record(names.chain(["real".into(), "predict".into()]))?;
        for (leaf, (real, predict)) in self.values.iter().enumerate() {
            let places = self.codes.iter().enumerate().map(|(d, codes)| value(d, codes[leaf]));
            file.write_record(places.chain([real, predict].map(|value| format!("{value:.6}"))))?;
        }
        Ok(file.flush()?)
    }
}

/// `a`, `b`, …
pub(crate) fn name(dimension: usize) -> String {
    char::from(b'a' + dimension as u8).to_string()
}

/// `a1`, `a2`, …
pub(crate) fn value(dimension: usize, code: u32) -> String {
    format!("{}{}", name(dimension), code + 1)
}

/// `a=a1, c=c4`.
pub(crate) fn text(place: &Place) -> String {
    let values = place.iter().map(|(d, code)| format!("{}={}", name(*d), value(*d, *code)));
    values.collect::<Vec<_>>().join(", ")
}
