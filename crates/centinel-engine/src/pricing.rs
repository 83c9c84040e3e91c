//! What a call costs: price books, the price in force, and the exact product.
//!
//! Three steps, of which only the last is done per call:
//!
//! 1. [`PriceBook`]: prices with their source and the time they hold, read from Centinel's own
//!    format ([`native`]), from LiteLLM's price map ([`litellm`]), from genai-prices' data
//!    ([`genai_prices`]), from OpenRouter's list ([`openrouter`]), or built in ([`builtin()`]).
//! 2. [`PriceBook::resolve`]: the one [`Price`] in force for a provider, model, service tier and
//!    region at a time, with the time it stays in force, so that it can be kept per series.
//! 3. [`Price::cost`]: a few integer multiplications; [`Price::lines`] says the same line by line.
//!
//! INVARIANT: what has no price is [`Unpriced`] with its reason; nothing unknown is zero, and no
//! price is taken from another model.

mod book;
mod booking;
#[cfg(test)]
mod bugs_others_shipped;
pub mod builtin;
mod change;
mod compile;
mod contract;
mod cost;
mod deployment;
mod diff;
mod doubts;
pub mod genai_prices;
mod hours;
mod listed;
mod listing;
pub mod litellm;
mod meter;
mod name;
pub mod native;
pub mod openrouter;
mod plausible;
mod price;
mod pricer;
mod quota;
mod rates;
mod ratio;
mod rule;
mod tier;

pub use book::{BookError, Import, PriceBook, PriceQuery};
pub use builtin::builtin;
pub use change::{PriceChange, PriceStep};
pub use contract::{AppliedContract, Contract, ContractError};
pub use cost::{CostLine, ExactCost, ExactLine};
pub use deployment::{DeploymentError, Deployments};
pub use diff::{BookDiff, ModelDiff, RateDiff};
pub use doubts::{Doubt, DoubtKind};
pub use hours::Hours;
pub use listed::{EffectiveFrom, Validity};
pub use listing::{ListedRate, PriceEntry};
pub use meter::Meter;
pub use name::provider_id;
pub use plausible::{Basis, PlausibleCost};
pub use price::{Price, PriceIdentity, Terms};
pub use pricer::Pricer;
pub use quota::{Quota, QuotaLedger, QuotaWindow};
pub use ratio::Ratio;
pub use tier::ServiceTier;

use jiff::Timestamp;

use crate::usage::UsageError;

/// Why a call has no price. A result, not a failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpriced {
    /// The book does not know the model at this provider.
    #[error("no price for model `{model}` at provider `{provider}`")]
    NoModel {
        /// As the call spells it, cut at 80 characters.
        provider: String,
        /// As the call spells it, cut at 80 characters.
        model: String,
    },
    /// The call names a service tier that is none.
    #[error("service tier `{0}` is not known")]
    UnknownTier(String),
    /// The model has no price for this service tier.
    #[error("model `{model}` has no price for service tier `{tier}`")]
    NoTier {
        /// As the book spells it.
        model: String,
        /// The tier asked for.
        tier: ServiceTier,
    },
    /// The first known price starts later.
    #[error("no price for model `{model}` at {at}; the first one known holds from {first}")]
    BeforeFirstPrice {
        /// As the book spells it.
        model: String,
        /// When the call was made.
        at: Timestamp,
        /// Start of the first price.
        first: Timestamp,
    },
    /// The time falls after or between the prices known.
    #[error("no price for model `{model}` at {at}; the one before it ended")]
    PriceEnded {
        /// As the book spells it.
        model: String,
        /// When the call was made.
        at: Timestamp,
    },
    /// The book has no history and was not said to hold for all time.
    #[error("the book has no price history, so a call with a time has no certain price")]
    BookWithoutHistory,
    /// The book knows the model, and has no price of it that can be read.
    #[error("the book lists model `{0}` without a price that can be read")]
    NoPrice(String),
    /// The book lists the model with zeros only: free, or a placeholder; the book does not say.
    #[error("the book lists model `{0}` with zero prices only, which says free or unknown")]
    ZeroOnly(String),
    /// Something was used that the price does not cover.
    #[error("{quantity} of `{meter}` used, which has no price for model `{model}`")]
    NoRate {
        /// As the book spells it.
        model: String,
        /// What has no price.
        meter: Meter,
        /// How much of it was used.
        quantity: u64,
    },
    /// Parts that are priced apart exceed what is left of their total, so they overlap, and how
    /// far is not known.
    #[error("parts of `{total}` overlap (cached audio, say), so what each costs is not known")]
    PartsOverlap {
        /// The total that they are parts of.
        total: &'static str,
    },
    /// The usage record contradicts itself.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The exact product does not fit.
    #[error("the exact cost does not fit 128 bits")]
    Overflow,
}
