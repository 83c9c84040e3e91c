//! What calls without a price may have cost: a range from the prices of comparable models, stated
//! as a range and as such. It is in no total.

use jiff::Timestamp;
use serde::Serialize;

use super::{Meter, PriceBook, PriceEntry, Ratio, ServiceTier, name::provider_id};
use crate::{
    money::{Currency, Decimal, Pico},
    usage::{Usage, UsageClass},
};

/// What calls may have cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlausibleCost {
    /// Of both amounts.
    pub currency: Currency,
    /// At the prices of the cheapest comparable model.
    pub low: Pico,
    /// At the prices of the dearest comparable model.
    pub high: Pico,
    /// What was compared with.
    pub basis: Basis,
    /// How many models.
    pub models: usize,
    /// The cheapest of them, as `provider/model`.
    pub cheapest: String,
    /// The dearest of them, as `provider/model`.
    pub dearest: String,
}

/// Which models are compared with, the closest that there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Models of the same family at the same provider; the words that their names share.
    Family(String),
    /// Models of the same family at other providers; the words that their names share.
    FamilyElsewhere(String),
    /// Every model of the provider: no name is similar.
    Provider,
}

impl PriceBook {
    /// What the tokens of a model without a price may have cost at an instant. Counts may be sums
    /// over many calls, so the prices of long requests are left out.
    ///
    /// `None` when nothing is comparable: no tokens, or no model of the provider or the family in
    /// the book.
    pub fn plausible_cost(
        &self,
        provider: &str,
        model: &str,
        usage: &Usage,
        at: Timestamp,
    ) -> Option<PlausibleCost> {
        if usage.tokens_total() == 0 {
            return None;
        }
        let provider = provider_id(provider);
        let words = words_of(model);
        let costs: Vec<Candidate<'_>> = self
            .entries_at(at)
            .filter_map(|entry| {
                let cost = cost_of(&entry, usage)?;
                let shared = shared_words(&words, &words_of(entry.model));
                Some(Candidate { provider: entry.provider, model: entry.model, shared, cost })
            })
            .collect();
        let here = || costs.iter().filter(|candidate| provider_id(candidate.provider) == provider);
        let closest = |shared: Option<usize>| shared.filter(|shared| *shared > 0);
        let family = closest(here().map(|candidate| candidate.shared).max());
        let elsewhere = closest(costs.iter().map(|candidate| candidate.shared).max());
        let named = |shared: usize| words.get(..shared).unwrap_or_default().join("-");
        let (basis, compared): (Basis, Vec<&Candidate<'_>>) = if let Some(shared) = family {
            (Basis::Family(named(shared)), here().filter(|c| c.shared == shared).collect())
        } else if here().next().is_some() {
            (Basis::Provider, here().collect())
        } else {
            let shared = elsewhere?;
            let compared = costs.iter().filter(|c| c.shared == shared).collect();
            (Basis::FamilyElsewhere(named(shared)), compared)
        };
        let cheapest = compared.iter().min_by_key(|candidate| candidate.cost)?;
        let dearest = compared.iter().max_by_key(|candidate| candidate.cost)?;
        let name =
            |candidate: &Candidate<'_>| format!("{}/{}", candidate.provider, candidate.model);
        Some(PlausibleCost {
            currency: self.currency(),
            low: cheapest.cost,
            high: dearest.cost,
            basis,
            models: compared.len(),
            cheapest: name(cheapest),
            dearest: name(dearest),
        })
    }
}

struct Candidate<'b> {
    provider: &'b str,
    model: &'b str,
    shared: usize,
    cost: Pico,
}

/// Tokens at a model's standard prices; `None` where it has none for what was used, such as the
/// output of an embedding model.
fn cost_of(entry: &PriceEntry<'_>, usage: &Usage) -> Option<Pico> {
    let unit = |meter| {
        entry.rate(ServiceTier::Standard, 0, meter).map(|rate: &super::ListedRate| rate.unit_price)
    };
    let input = unit(Meter::Input)?;
    let uncached = usage.uncached_input_tokens()?;
    let mut sum = Decimal::ZERO;
    for (count, rate) in [
        (uncached, Some(input)),
        // Without a price of its own a cache saves nothing: the high end of what is plausible.
        (usage.get(UsageClass::CacheReadTokens), unit(Meter::CacheRead).or(Some(input))),
        (usage.cache_write_tokens(), unit(Meter::CacheWrite5m).or(Some(input))),
        (usage.get(UsageClass::OutputTokensTotal), unit(Meter::Output)),
    ] {
        if count > 0 {
            let count = Decimal::from_integer(count.into());
            let amount = rate?.checked_mul(Ratio::from(count)).ok()?.rounded().ok()?;
            sum = sum.checked_add(amount).ok()?;
        }
    }
    Pico::round_half_even(sum).ok().map(|rounded| rounded.amount)
}

/// The words of a model's name, without what says where it is served and by whom: `gpt-5.6-luna` is
/// `gpt`, `5`, `6`, `luna`; `us.anthropic.claude-sonnet-4-5` is `claude`, `sonnet`, `4`, `5`.
fn words_of(model: &str) -> Vec<String> {
    let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let mut name = name.as_str();
    while let Some((place, rest)) = name.split_once('.')
        && !place.is_empty()
        && !rest.is_empty()
        && place.chars().all(|c| c.is_ascii_alphabetic())
    {
        name = rest;
    }
    let mut words: Vec<String> = Vec::new();
    let mut before = None;
    for c in name.chars() {
        // `qwen3` is `qwen` and `3`.
        let kind = c.is_ascii_alphanumeric().then(|| c.is_ascii_digit());
        match words.last_mut().filter(|_| kind.is_some() && kind == before) {
            Some(word) => word.push(c),
            None if kind.is_some() => words.push(c.to_string()),
            None => {}
        }
        before = kind;
    }
    words
}

fn shared_words(a: &[String], b: &[String]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::native;

    fn book() -> PriceBook {
        let mut text =
            "format = 1\nname = \"b\"\ncurrency = \"USD\"\nrecorded = \"2026-11-22\"\n".to_owned();
        for (provider, model, rates) in [
            ("openai", "gpt-5.4", "input = \"2.5\", output = \"15\""),
            ("openai", "gpt-5.4-mini", "input = \"0.75\", output = \"4.5\""),
            ("openai", "gpt-4o", "input = \"2.5\", cache_read = \"1.25\", output = \"10\""),
            ("openai", "o3", "input = \"2\", output = \"8\""),
            ("openai", "text-embedding-3-small", "input = \"0.02\""),
            ("bedrock", "us.anthropic.claude-sonnet-4-6", "input = \"3.3\", output = \"16.5\""),
        ] {
            let _ = std::fmt::Write::write_fmt(
                &mut text,
                format_args!(
                    "[[model]]\nprovider = \"{provider}\"\nmodel = \"{model}\"\n[[model.price]]\n\
                 effective_from = \"unknown\"\nsource = \"page\"\nrates.standard = {{ {rates} }}\n"
                ),
            );
        }
        native::read(&text).unwrap()
    }

    #[test]
    fn the_closest_models_give_the_range() {
        let family = |words: &str| Basis::Family(words.to_owned());
        let elsewhere = |words: &str| Basis::FamilyElsewhere(words.to_owned());
        for (provider, model, input, output, expected) in [
            ("openai", "gpt-5.4-nano", 1_000_000, 0, Some(("0.75", "2.5", family("gpt-5-4"), 2))),
            ("openai", "gpt-5.9", 1_000_000, 100_000, Some(("1.2", "4", family("gpt-5"), 2))),
            ("openai", "gpt-6", 1_000_000, 0, Some(("0.75", "2.5", family("gpt"), 3))),
            // Only an embedding model prices input without output.
            ("openai", "zebra-1", 1_000_000, 0, Some(("0.02", "2.5", Basis::Provider, 5))),
            ("openai", "zebra-1", 0, 1_000_000, Some(("4.5", "15", Basis::Provider, 4))),
            (
                "gateway",
                "gpt-5.4-nano",
                1_000_000,
                0,
                Some(("0.75", "2.5", elsewhere("gpt-5-4"), 2)),
            ),
            (
                "bedrock",
                "eu.anthropic.claude-sonnet-9",
                1_000_000,
                0,
                Some(("3.3", "3.3", family("claude-sonnet"), 1)),
            ),
            ("gateway", "prod-chat", 1_000_000, 0, None),
            ("openai", "gpt-5.4-nano", 0, 0, None),
        ] {
            let usage = Usage::ZERO
                .with(UsageClass::InputTokensTotal, input)
                .with(UsageClass::OutputTokensTotal, output);
            let at = "2026-11-22T00:00:00Z".parse().unwrap();
            let found = book().plausible_cost(provider, model, &usage, at);
            let found = found
                .map(|cost| (cost.low.to_string(), cost.high.to_string(), cost.basis, cost.models));
            let expected = expected
                .map(|(low, high, basis, models)| (low.to_owned(), high.to_owned(), basis, models));
            assert_eq!(found, expected, "{provider} {model}");
        }
    }

    #[test]
    fn names_fall_into_words() {
        for (name, words) in [
            ("gpt-5.6-luna", "gpt 5 6 luna"),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude sonnet 4 5 20250929 v 1 0"),
            ("Qwen/Qwen3-235B", "qwen 3 235 b"),
            ("deepseek-v4-pro", "deepseek v 4 pro"),
            ("mistral-7b", "mistral 7 b"),
            ("openai/gpt-oss-120b", "gpt oss 120 b"),
        ] {
            assert_eq!(words_of(name).join(" "), words, "{name}");
        }
    }
}
