//! What a column of a call log can hold.

use std::{fmt, str::FromStr};

use centinel_engine::{
    series::Dimension,
    usage::{UsageClass, UsageError},
};

use crate::bills::ChargeField;

/// A field of a call. The names are the canonical column names: `at`, `input_tokens_total`, `team`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `call_id`: the source's own id, unique for ever within one source.
    CallId,
    /// `at`: when the call started.
    At,
    /// `ended_at`: when it ended; gives the latency.
    EndedAt,
    /// `latency_ms`: how long it took, in milliseconds.
    LatencyMs,
    /// `latency_s`: how long it took, in seconds.
    LatencyS,
    /// `status`: how it ended; words, HTTP codes or a boolean for success.
    Status,
    /// `is_retry`: whether it repeats an earlier, failed one; a boolean or a number of retries.
    IsRetry,
    /// `gateway_cache`: whether a gateway's own cache answered; no provider was paid then.
    GatewayCache,
    /// `end_user`.
    EndUser,
    /// `customer`.
    Customer,
    /// `trace_id`.
    TraceId,
    /// `cost`: what the source says it cost, in `currency`.
    Cost,
    /// `cost_usd`: the same, always in US dollars.
    CostUsd,
    /// `currency` of `cost`.
    Currency,
    /// A count: `input_tokens_total`, `cache_read_tokens`, ….
    Usage(UsageClass),
    /// `input_tokens_uncached`: input tokens neither read from nor written to a cache.
    InputUncached,
    /// `cache_write_tokens`: written to a cache, all lifetimes together. What the columns with a
    /// lifetime leave over is taken as 5 minutes.
    CacheWrite,
    /// `output_tokens_visible`: output tokens without reasoning (Gemini's `candidatesTokenCount`).
    OutputVisible,
    /// A field of an invoice line: `amount`, `period_start`, ….
    Charge(ChargeField),
    /// A dimension: `provider`, `model`, `team`, `tag:KEY`, ….
    Label(Dimension),
}

/// A name that is no field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown field `{name}`; known: {known}", known = known())]
pub struct UnknownField {
    /// The name, cut at 40 characters.
    pub name: String,
}

fn known() -> String {
    let mut names: Vec<String> = Field::NAMED.iter().map(ToString::to_string).collect();
    names.extend(UsageClass::ALL.iter().map(ToString::to_string));
    names.extend(ChargeField::ALL.iter().map(ToString::to_string));
    names.extend(Dimension::NAMED.iter().map(ToString::to_string));
    names.push("tag:KEY".to_owned());
    names.join(", ")
}

impl Field {
    /// Every field but usage classes and dimensions.
    pub const NAMED: [Self; 17] = [
        Self::CallId,
        Self::At,
        Self::EndedAt,
        Self::LatencyMs,
        Self::LatencyS,
        Self::Status,
        Self::IsRetry,
        Self::GatewayCache,
        Self::EndUser,
        Self::Customer,
        Self::TraceId,
        Self::Cost,
        Self::CostUsd,
        Self::Currency,
        Self::InputUncached,
        Self::CacheWrite,
        Self::OutputVisible,
    ];

    /// Whether this counts something.
    pub fn is_count(&self) -> bool {
        matches!(
            self,
            Self::Usage(_) | Self::InputUncached | Self::CacheWrite | Self::OutputVisible
        )
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CallId => "call_id",
            Self::At => "at",
            Self::EndedAt => "ended_at",
            Self::LatencyMs => "latency_ms",
            Self::LatencyS => "latency_s",
            Self::Status => "status",
            Self::IsRetry => "is_retry",
            Self::GatewayCache => "gateway_cache",
            Self::EndUser => "end_user",
            Self::Customer => "customer",
            Self::TraceId => "trace_id",
            Self::Cost => "cost",
            Self::CostUsd => "cost_usd",
            Self::Currency => "currency",
            Self::InputUncached => "input_tokens_uncached",
            Self::CacheWrite => "cache_write_tokens",
            Self::OutputVisible => "output_tokens_visible",
            Self::Usage(class) => class.name(),
            Self::Charge(field) => return f.pad(&field.to_string()),
            Self::Label(dimension) => return f.pad(&dimension.to_string()),
        })
    }
}

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(name: &str) -> Result<Self, UnknownField> {
        if let Some(field) = Self::NAMED.iter().find(|field| field.to_string() == name) {
            return Ok(field.clone());
        }
        let class: Result<UsageClass, UsageError> = name.parse();
        if let Ok(class) = class {
            return Ok(Self::Usage(class));
        }
        if let Ok(field) = name.parse() {
            return Ok(Self::Charge(field));
        }
        name.parse()
            .map(Self::Label)
            .map_err(|_| UnknownField { name: name.chars().take(40).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        let usage = UsageClass::ALL.into_iter().map(Field::Usage);
        // `currency` is the currency of the cost here, not the dimension.
        let charges = ChargeField::ALL.into_iter().map(Field::Charge);
        let labels = Dimension::NAMED.into_iter().filter(|name| *name != Dimension::Currency);
        for field in
            Field::NAMED.into_iter().chain(usage).chain(charges).chain(labels.map(Field::Label))
        {
            assert_eq!(field.to_string().parse(), Ok(field));
        }
        assert!("tokens".parse::<Field>().unwrap_err().to_string().contains("cache_read_tokens"));
    }
}
