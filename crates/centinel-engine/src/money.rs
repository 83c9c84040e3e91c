//! Exact money: amounts in pico-units, prices as finite decimals, one named rounding at the edge.
//!
//! Three types, in the order in which a call meets them:
//!
//! 1. [`Decimal`]: a price, a multiplier, a quantity: exactly what was written, never rounded.
//! 2. [`Rounded`]: what becomes of an exact cost when it is booked: [`Pico`] and what was cut off.
//! 3. [`Money`]: an amount with its [`Currency`]; two currencies are never added.
//!
//! Source of the scale: prices per token go below a nano-dollar (a cached token at $0.0125 per
//! million is 12.5 nano-dollars); every list price in use is exact in pico-dollars, and their
//! products with batch, cache and regional multipliers are exact in [`Decimal`].

mod currency;
mod decimal;
mod pico;
mod quotient;

pub use currency::{Currency, CurrencyError};
pub(crate) use decimal::power_of_ten;
pub use decimal::{Decimal, DecimalError};
pub use pico::{Money, Pico, Rounded};

/// What can go wrong with amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// A sum or product does not fit 128 bits (about 1.7e26 currency units).
    #[error("amount does not fit 128 bits of pico-units")]
    Overflow,
    /// Two currencies met in one sum.
    #[error("cannot add {1} to {0}")]
    MixedCurrencies(Currency, Currency),
}
