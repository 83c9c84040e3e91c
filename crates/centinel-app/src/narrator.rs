//! `[narrator]`: the model that words texts, as far as the product without it knows: where it is, what it
//! may spend, what it spent, and its calls in the ledger like those of any other feature.

mod memory;

use centinel_engine::{
    money::{Money, Pico},
    period::{Period, date_of},
    pricing::{PriceBook, PriceQuery, Terms},
    series::Dimension,
    usage::{Usage, UsageClass},
};
use centinel_ingest::Format;
use centinel_ledger::{Ledger, Measure, OWN_SOURCE, SpendQuery};
use jiff::{Timestamp, civil::Date};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

pub use memory::{LeftAlone, NarratorMemory};

use crate::{App, AppError, ImportRequest, Imported, live::CredentialRef};

/// Most seconds that a text may take.
const SECONDS_MAX: u64 = 120;
/// Tokens of an answer: less holds no draft, more no reader wants.
const OUTPUT_TOKENS: std::ops::RangeInclusive<u64> = 200..=20_000;

/// `[narrator]`: without it every text has its standard wording, and nobody is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NarratorConfig {
    /// The address of the API, without `/chat/completions`.
    pub base_url: String,
    /// The model, as the endpoint calls it; on Azure, the deployment.
    pub model: String,
    /// Where the key is; absent for an endpoint that asks for none.
    #[serde(default)]
    pub credential: Option<CredentialRef>,
    /// Whose prices hold; by the host where absent.
    #[serde(default)]
    pub provider: Option<String>,
    /// Azure's `api-version`: with it, requests are Azure's.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The way there is a network of one's own and need not be encrypted.
    #[serde(default)]
    pub plain_http: bool,
    /// The strictest way in which the endpoint keeps to JSON: `json_schema`, `json_object`, `text`.
    #[serde(default)]
    pub mode: NarratorMode,
    /// Seconds that one text may take, repairs and waits included.
    #[serde(default = "seconds", deserialize_with = "read_seconds")]
    pub seconds: u64,
    /// Most tokens of one answer.
    #[serde(default = "output_tokens_max", deserialize_with = "read_output_tokens")]
    pub output_tokens_max: u64,
    /// Most that one run may cost, in the organisation's currency.
    #[serde(default = "cap_per_run", deserialize_with = "read_cap")]
    pub cap_per_run: Pico,
    /// Most that one day in UTC may cost.
    #[serde(default = "cap_per_day", deserialize_with = "read_cap")]
    pub cap_per_day: Pico,
    /// The same of a model without a price, in tokens.
    #[serde(default = "tokens_per_run")]
    pub tokens_per_run: u64,
    /// The same of a day.
    #[serde(default = "tokens_per_day")]
    pub tokens_per_day: u64,
}

/// How an endpoint keeps to JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NarratorMode {
    /// By a strict schema.
    #[default]
    JsonSchema,
    /// As some JSON object.
    JsonObject,
    /// Not at all.
    Text,
}

/// What the narrator spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NarratorSpent {
    /// Of calls with a price, in the organisation's currency.
    pub cost: Pico,
    /// Tokens of all other calls.
    pub tokens: u64,
}

fn seconds() -> u64 {
    20
}

fn output_tokens_max() -> u64 {
    1_500
}

fn cap_per_run() -> Pico {
    Pico(Pico::ONE.0 / 2)
}

fn cap_per_day() -> Pico {
    Pico(Pico::ONE.0 * 5)
}

fn tokens_per_run() -> u64 {
    200_000
}

fn tokens_per_day() -> u64 {
    2_000_000
}

fn read_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let seconds = u64::deserialize(deserializer)?;
    let fits = (1..=SECONDS_MAX).contains(&seconds);
    let reason = || D::Error::custom(format!("`seconds` lies between 1 and {SECONDS_MAX}"));
    fits.then_some(seconds).ok_or_else(reason)
}

fn read_output_tokens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let tokens = u64::deserialize(deserializer)?;
    let (least, most) = (OUTPUT_TOKENS.start(), OUTPUT_TOKENS.end());
    let reason =
        || D::Error::custom(format!("`output_tokens_max` lies between {least} and {most}"));
    OUTPUT_TOKENS.contains(&tokens).then_some(tokens).ok_or_else(reason)
}

fn read_cap<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pico, D::Error> {
    let cap = Pico::deserialize(deserializer)?;
    let reason = || D::Error::custom("a cap is an amount of zero or more, as in \"0.50\"");
    (cap >= Pico::ZERO).then_some(cap).ok_or_else(reason)
}

impl App {
    /// The narrator's key; `None` where none is configured.
    ///
    /// # Errors
    ///
    /// [`AppError::Credential`].
    pub fn narrator_key(
        &self,
        variable: fn(&str) -> Option<String>,
    ) -> Result<Option<SecretString>, AppError> {
        let place = self.config.narrator.as_ref().and_then(|config| config.credential.as_ref());
        place.map(|place| place.read(&self.home, variable)).transpose()
    }

    /// What the narrator spent so far on the day of an instant. A cap is one for everybody, so this is of
    /// all spend, whoever looks; it is for the budget, and nobody is shown it.
    ///
    /// # Errors
    ///
    /// Ledger errors.
    pub async fn narrator_spent(
        &self,
        feature: &str,
        now: Timestamp,
    ) -> Result<NarratorSpent, AppError> {
        let today = date_of(now);
        let day = Period::days(today, today.tomorrow().unwrap_or(Date::MAX))?;
        let measures = vec![
            Measure::Cost,
            Measure::Usage(UsageClass::InputTokensTotal),
            Measure::Usage(UsageClass::OutputTokensTotal),
            Measure::UnpricedInputTokens,
            Measure::UnpricedOutputTokens,
        ];
        let query = SpendQuery::new(day, measures).only(Dimension::Feature, [feature]);
        let own = self.config.organisation.currency;
        let ledger = if self.ledger.is_whole() {
            self.ledger.clone()
        } else {
            Ledger::open(self.database().clone(), &self.home)?
        };
        let mut spent = NarratorSpent::default();
        for row in ledger.spend(&query).await?.rows {
            let tokens = |input, output| {
                let sum = row.value(input).saturating_add(row.value(output));
                u64::try_from(sum).unwrap_or(u64::MAX)
            };
            if row.currency.as_deref() == Some(own.as_str()) {
                spent.cost = spent.cost.checked_add(row.amount(0))?;
                spent.tokens = spent.tokens.saturating_add(tokens(3, 4));
            } else {
                spent.tokens = spent.tokens.saturating_add(tokens(1, 2));
            }
        }
        Ok(spent)
    }

    /// Books calls of our own (lines of `POST /v1/calls`) into [`OWN_SOURCE`], as those of anybody are: once,
    /// whoever sends them again.
    ///
    /// # Errors
    ///
    /// As [`App::import_bytes`].
    pub async fn book_own_calls(
        &self,
        lines: String,
        now: Timestamp,
        nonce: u64,
    ) -> Result<Imported, AppError> {
        let request =
            ImportRequest { source: Some(OWN_SOURCE.to_owned()), ..ImportRequest::default() };
        self.import_bytes(lines.into_bytes(), Format::CallEvents, request, now, nonce).await
    }
}

/// The most that one call can cost by a book; `None` where it has no price there.
pub fn highest_price(
    book: &PriceBook,
    provider: &str,
    model: &str,
    usage: &Usage,
    at: Timestamp,
) -> Option<Money> {
    let query = PriceQuery { provider, model, service_tier: None, region: None, at: Some(at) };
    let price = book.resolve(&query).ok()?;
    let cost = price.cost(usage).ok()?.to_decimal().ok()?;
    let highest = price.range(usage, &Terms::ONE_CALL).ok()?.map_or(cost, |(_, most)| most);
    Some(Money { amount: Pico::round_half_even(highest).ok()?.amount, currency: price.currency() })
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn check(lines: &str, expect: Result<(), &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("centinel.toml");
        let text =
            format!("[narrator]\nbase_url = \"http://localhost:1/v1\"\nmodel = \"m\"\n{lines}");
        std::fs::write(&path, text).unwrap();
        match (Config::load(&path), expect) {
            (Ok(config), Ok(())) => assert_eq!(config.narrator.unwrap().model, "m"),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{error}");
                assert!(!error.to_string().contains("hunter2"), "{error}");
            }
            (read, expect) => panic!("{lines}: {read:?}, not {expect:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (lines, expect) in [
            ("", Ok(())),
            ("credential = \"env:KEY\"\ncap_per_run = \"0\"\nmode = \"text\"", Ok(())),
            ("credential = \"sk-hunter2\"", Err("line 4: a credential is named")),
            ("seconds = 0", Err("line 4: `seconds` lies between 1 and 120")),
            ("output_tokens_max = 5", Err("`output_tokens_max` lies between")),
            ("cap_per_day = \"-1\"", Err("a cap is an amount")),
            ("cap_per_day = 1.5", Err("line 4: ")),
            ("mode = \"yaml\"", Err("unknown variant `yaml`")),
            ("key = \"x\"", Err("unknown field `key`")),
        ] {
            check(lines, expect);
        }
    }
}
