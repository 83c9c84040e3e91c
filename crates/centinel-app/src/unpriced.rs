//! Calls without a price: a queue, most tokens first, with what is needed to price them and a range
//! of what they may have cost. The range is in no total.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    money::{Money, Pico},
    period::{Grain, Period, date_of},
    pricing::{PlausibleCost, PriceBook, PriceQuery, Unpriced},
    series::Dimension,
    usage::{Usage, UsageClass},
};
use centinel_ledger::{Measure, SpendQuery};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::Serialize;

use crate::{App, AppError, call_price::common_reason};

/// A model without a price, or with calls that its price does not cover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnpricedModel {
    /// Who sells it, as the calls spell it.
    pub provider: String,
    /// As the calls spell it.
    pub model: String,
    /// Calls without a price.
    pub calls: i128,
    /// Their input and output tokens.
    pub tokens: i128,
    /// Why they have none, by the book in use now.
    pub reason: String,
    /// The book in use now prices them; they were imported before it did.
    pub is_priced_now: bool,
    /// First day on which they were seen, in the period.
    pub first_seen: Date,
    /// Last day on which they were seen, in the period.
    pub last_seen: Date,
    /// Sources that brought them, by name.
    pub sources: Vec<String>,
    /// What they may have cost, from prices of comparable models; `None` where nothing is
    /// comparable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plausible: Option<PlausibleCost>,
    /// Lines of the configuration that would name the model, where its name is nobody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<String>,
}

/// Classes that a range is made of.
const CLASSES: [UsageClass; 6] = [
    UsageClass::InputTokensTotal,
    UsageClass::CacheReadTokens,
    UsageClass::CacheWrite5mTokens,
    UsageClass::CacheWrite30mTokens,
    UsageClass::CacheWrite1hTokens,
    UsageClass::OutputTokensTotal,
];

#[derive(Default)]
struct Group {
    calls: i128,
    input: i128,
    output: i128,
    all_calls: i128,
    usage: Usage,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    sources: BTreeSet<String>,
    tiers: BTreeSet<(Option<String>, Option<String>)>,
}

impl App {
    /// Models without a price, most tokens first.
    ///
    /// # Errors
    ///
    /// Ledger errors; those of the configured book.
    pub async fn unpriced_models(&self, period: Period) -> Result<Vec<UnpricedModel>, AppError> {
        let counted = [
            Measure::UnpricedCalls,
            Measure::UnpricedInputTokens,
            Measure::UnpricedOutputTokens,
            Measure::Calls,
        ];
        let measures: Vec<Measure> =
            counted.into_iter().chain(CLASSES.map(Measure::Usage)).collect();
        // Most homes have no such calls at all: one cheap question says so.
        let any = SpendQuery::new(period, vec![Measure::UnpricedCalls]);
        if self.ledger.spend(&any).await?.rows.iter().all(|row| row.value(0) == 0) {
            return Ok(Vec::new());
        }
        let query = SpendQuery::new(period, measures)
            .by([
                Dimension::Provider,
                Dimension::Model,
                Dimension::ServiceTier,
                Dimension::Region,
                Dimension::Source,
            ])
            .every(Grain::Day);
        let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
        for row in self.ledger.spend(&query).await?.rows {
            if row.value(0) == 0 {
                continue;
            }
            let text = |index: usize| row.group.get(index).cloned().flatten();
            let key = (text(0).unwrap_or_default(), text(1).unwrap_or_default());
            let group = groups.entry(key).or_default();
            group.calls = group.calls.saturating_add(row.value(0));
            group.input = group.input.saturating_add(row.value(1));
            group.output = group.output.saturating_add(row.value(2));
            group.all_calls = group.all_calls.saturating_add(row.value(3));
            let mut usage = Usage::ZERO;
            for (index, class) in CLASSES.into_iter().enumerate() {
                usage.set(class, whole(row.value(counted.len().saturating_add(index))));
            }
            group.usage.add(&usage);
            group.first = group.first.into_iter().chain(row.at).min();
            group.last = group.last.into_iter().chain(row.at).max();
            group.tiers.insert((text(2), text(3)));
            group.sources.extend(text(4));
        }
        let book = self.book()?;
        let mut models: Vec<UnpricedModel> = groups
            .into_iter()
            .map(|((provider, model), group)| describe(&book, provider, model, &group))
            .collect();
        models.sort_by_key(|model| (std::cmp::Reverse(model.tokens), model.model.clone()));
        Ok(models)
    }
}

fn describe(book: &PriceBook, provider: String, model: String, group: &Group) -> UnpricedModel {
    let first = group.first.unwrap_or(Timestamp::UNIX_EPOCH);
    let last = group.last.unwrap_or(first);
    // The end of the last day: a price that started on it counts.
    let at = last.saturating_add(SignedDuration::from_hours(24)).unwrap_or(last);
    let at = at.saturating_sub(SignedDuration::from_micros(1)).unwrap_or(at);
    // Of a model that is priced elsewhere in the same day, which tokens had no price is known only
    // as totals.
    let usage = if group.calls == group.all_calls {
        group.usage
    } else {
        Usage::ZERO
            .with(UsageClass::InputTokensTotal, whole(group.input))
            .with(UsageClass::OutputTokensTotal, whole(group.output))
    };
    let reason = group.tiers.iter().find_map(|(tier, region)| {
        let query = PriceQuery {
            provider: &provider,
            model: &model,
            service_tier: tier.as_deref(),
            region: region.as_deref(),
            at: Some(at),
        };
        let priced = book.resolve(&query).and_then(|price| price.cost(&usage));
        priced.err()
    });
    let is_unknown = matches!(reason, Some(Unpriced::NoModel { .. }));
    // Calls of an early day may have none where those of the last day have one.
    let early = reason.is_none().then(|| {
        let query = PriceQuery {
            provider: &provider,
            model: &model,
            service_tier: None,
            region: None,
            at: Some(first),
        };
        book.resolve(&query).err()
    });
    let reason = reason.or(early.flatten());
    UnpricedModel {
        calls: group.calls,
        tokens: group.input.saturating_add(group.output),
        is_priced_now: reason.is_none(),
        reason: reason.as_ref().map_or_else(
            || "imported before the book had a price: `centinel prices restate`".to_owned(),
            common_reason,
        ),
        first_seen: date_of(first),
        last_seen: date_of(last),
        sources: group.sources.iter().cloned().collect(),
        plausible: book.plausible_cost(&provider, &model, &usage, at),
        mapping: (is_unknown && !model.is_empty()).then(|| mapping_line(&provider, &model)),
        provider,
        model,
    }
}

/// `"prod-chat" = "azure/MODEL"`: a line of `[models]`, quoted as TOML wants it.
fn mapping_line(provider: &str, model: &str) -> String {
    let key = toml::Value::String(model.to_owned());
    let provider = if provider.is_empty() { "PROVIDER" } else { provider };
    let target = toml::Value::String(format!("{provider}/MODEL"));
    format!("{key} = {target}")
}

/// The sum of the ranges: at least, at most, in which currency, and how many models have none.
/// `None` when no model has a range.
pub fn plausible_total(models: &[UnpricedModel]) -> Option<(Money, Money, usize)> {
    // All ranges are of one book, which has one currency.
    let currency = models.iter().find_map(|model| Some(model.plausible.as_ref()?.currency))?;
    let (mut low, mut high) = (0_i128, 0_i128);
    for cost in models.iter().filter_map(|model| model.plausible.as_ref()) {
        low = low.saturating_add(cost.low.0);
        high = high.saturating_add(cost.high.0);
    }
    let without = models.iter().filter(|model| model.plausible.is_none()).count();
    let money = |amount| Money { amount: Pico(amount), currency };
    Some((money(low), money(high), without))
}

fn whole(value: i128) -> u64 {
    u64::try_from(value.max(0)).unwrap_or(u64::MAX)
}
