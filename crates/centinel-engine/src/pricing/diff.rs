//! Two books side by side: where they disagree, both are shown, with both sources, and nothing is
//! averaged.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{EffectiveFrom, Meter, PriceBook, PriceEntry, Ratio, ServiceTier};

/// Two books compared at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookDiff {
    /// The instant at which prices are in force.
    pub at: Timestamp,
    /// Models whose every rate is the same in both.
    pub same: usize,
    /// Models that both books price, differently; by provider and model.
    pub differing: Vec<ModelDiff>,
    /// Models that only the first book prices then, as `(provider, model)`.
    pub only_left: Vec<(String, String)>,
    /// Models that only the second book prices then, as `(provider, model)`.
    pub only_right: Vec<(String, String)>,
}

/// A model that two books price differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelDiff {
    /// Who sells it.
    pub provider: String,
    /// As the first book spells it.
    pub model: String,
    /// The first book's price.
    pub left: Side,
    /// The second book's price.
    pub right: Side,
    /// Rates that differ, in the order of tier, context and class.
    pub rates: Vec<RateDiff>,
    /// Rates that are the same.
    pub same_rates: usize,
}

/// Where one side of a comparison is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// The model, as this book spells it.
    pub model: String,
    /// Where the book has the price from.
    pub source: String,
    /// Since when it holds.
    pub effective_from: EffectiveFrom,
    /// When it was taken from its source.
    pub recorded: Option<Date>,
}

/// A rate that differs. A side without it is `None`: not stated, which is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RateDiff {
    /// For which service tier.
    pub service_tier: ServiceTier,
    /// For requests with more input tokens than this.
    pub above: u64,
    /// For what.
    pub token_class: Meter,
    /// What both prices are for.
    pub per: &'static str,
    /// In the first book.
    pub left: Option<Ratio>,
    /// In the second book.
    pub right: Option<Ratio>,
}

impl PriceBook {
    /// Compares this book with another one, at an instant.
    ///
    /// Models are matched as calls find them: by name, alias, or a provider's own prefix.
    pub fn compare(&self, other: &Self, at: Timestamp) -> BookDiff {
        let mut diff = BookDiff {
            at,
            same: 0,
            differing: Vec::new(),
            only_left: Vec::new(),
            only_right: Vec::new(),
        };
        let mut met: BTreeSet<(String, String)> = BTreeSet::new();
        for left in self.entries_at(at) {
            let Some(right) = other.entry(left.provider, left.model, at).or_else(|| {
                left.aliases.iter().find_map(|alias| other.entry(left.provider, alias, at))
            }) else {
                diff.only_left.push(name_of(&left));
                continue;
            };
            met.insert(name_of(&right));
            match differing(&left, &right) {
                Some(model) => diff.differing.push(model),
                None => diff.same = diff.same.saturating_add(1),
            }
        }
        diff.only_right = other
            .entries_at(at)
            .filter(|entry| !met.contains(&name_of(entry)))
            .filter(|entry| self.entry(entry.provider, entry.model, at).is_none())
            .map(|entry| name_of(&entry))
            .collect();
        diff.only_left.sort();
        diff.only_right.sort();
        let key = |model: &ModelDiff| (model.provider.clone(), model.model.clone());
        diff.differing.sort_by_key(key);
        diff
    }
}

fn name_of(entry: &PriceEntry<'_>) -> (String, String) {
    (entry.provider.to_owned(), entry.model.to_owned())
}

fn differing(left: &PriceEntry<'_>, right: &PriceEntry<'_>) -> Option<ModelDiff> {
    let keys: BTreeSet<_> = left
        .rates
        .iter()
        .chain(&right.rates)
        .map(|rate| (rate.service_tier, rate.above, rate.token_class))
        .collect();
    let of = |entry: &PriceEntry<'_>, (tier, above, meter)| {
        entry.rate(tier, above, meter).map(|rate| rate.price)
    };
    let (mut rates, mut same_rates) = (Vec::new(), 0_usize);
    for key in keys {
        let (a, b) = (of(left, key), of(right, key));
        if a == b {
            same_rates = same_rates.saturating_add(1);
            continue;
        }
        let (service_tier, above, token_class) = key;
        let per = token_class.listed_per();
        rates.push(RateDiff { service_tier, above, token_class, per, left: a, right: b });
    }
    let side = |entry: &PriceEntry<'_>| Side {
        model: entry.model.to_owned(),
        source: entry.source.to_owned(),
        effective_from: entry.effective_from,
        recorded: entry.recorded,
    };
    (!rates.is_empty()).then(|| ModelDiff {
        provider: left.provider.to_owned(),
        model: left.model.to_owned(),
        left: side(left),
        right: side(right),
        rates,
        same_rates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::native;

    fn book(source: &str, models: &[(&str, &str, &str)]) -> PriceBook {
        let mut text =
            "format = 1\nname = \"b\"\ncurrency = \"USD\"\nrecorded = \"2026-11-22\"\n".to_owned();
        for (model, aliases, rates) in models {
            let _ = std::fmt::Write::write_fmt(
                &mut text,
                format_args!(
                    "[[model]]\nprovider = \"openai\"\nmodel = \"{model}\"\naliases = [{aliases}]\n\
                 [[model.price]]\neffective_from = \"2026-01-01\"\nsource = \"{source}\"\n\
                 rates.standard = {{ {rates} }}\n"
                ),
            );
        }
        native::read(&text).unwrap()
    }

    #[test]
    fn both_sides_are_shown_and_nothing_is_averaged() {
        let left = book(
            "page",
            &[
                ("a", "\"a-1\"", "input = \"1\", output = \"4\""),
                ("b", "", "input = \"1.0\""),
                ("c", "", "input = \"1\""),
            ],
        );
        let right = book(
            "catalogue",
            &[
                ("a-1", "", "input = \"2\", output = \"4\", cache_read = \"0.1\""),
                ("b", "", "input = \"1\""),
                ("d", "", "input = \"1\""),
            ],
        );
        let diff = left.compare(&right, "2026-06-01T00:00:00Z".parse().unwrap());
        assert_eq!(diff.same, 1);
        assert_eq!(diff.only_left, [("openai".to_owned(), "c".to_owned())]);
        assert_eq!(diff.only_right, [("openai".to_owned(), "d".to_owned())]);
        let [model] = diff.differing.as_slice() else { panic!("{:?}", diff.differing) };
        assert_eq!(
            (model.left.source.as_str(), model.right.source.as_str()),
            ("page", "catalogue")
        );
        let shown: Vec<_> = model
            .rates
            .iter()
            .map(|rate| {
                let side = |price: Option<Ratio>| price.map_or("-".into(), |p| p.to_string());
                format!("{} {} {}", rate.token_class, side(rate.left), side(rate.right))
            })
            .collect();
        assert_eq!(shown, ["input 1 2", "cache_read - 0.1"]);
        assert_eq!(model.same_rates, 1);
        let before = left.compare(&right, "2025-06-01T00:00:00Z".parse().unwrap());
        assert_eq!((before.same, before.differing.len(), before.only_left.len()), (0, 0, 0));
    }
}
