//! Offers: the commitments that can be bought, as a TOML file states them.

use std::{collections::BTreeSet, fmt};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{money::Decimal, period::start_of_day};

/// A commitment that can be bought: a share off the on-demand price for a promised amount of usage.
///
/// Amounts of usage are on-demand cost per hour; what is paid for them is `1 - discount` times that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Unique in its file.
    pub name: String,
    /// Share off the on-demand price, 0 to below 1.
    pub discount: Decimal,
    /// Length of the promise in hours.
    pub term_hours: u64,
    /// When it is paid.
    pub payment: Payment,
    /// Only multiples of this can be bought; `None`: any amount.
    pub increment: Option<Decimal>,
    /// Least amount that can be bought; the least admissible one is the next multiple of `increment`.
    pub minimum: Decimal,
    /// Whether usage beyond the commitment is served at on-demand prices. Where it is refused
    /// instead (provisioned capacity without spill-over), a commitment must cover the peak hour.
    pub spill_over: bool,
    /// Amount already committed under this offer: applied before anything is bought, already paid.
    pub existing: Decimal,
    /// End of the existing commitment; `None`: it outlasts the data.
    pub expires: Option<Timestamp>,
    /// SKUs that the offer covers; `None`: all.
    pub applies_to: Option<BTreeSet<String>>,
}

/// When a commitment is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// In instalments over the term.
    NoUpfront,
    /// Part at the purchase, the rest in instalments.
    PartialUpfront,
    /// All at the purchase.
    AllUpfront,
}

impl fmt::Display for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NoUpfront => "no upfront",
            Self::PartialUpfront => "partial upfront",
            Self::AllUpfront => "all upfront",
        })
    }
}

/// What is wrong with an offers file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Not TOML, or a key that is unknown, missing or of the wrong kind.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line in the file, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// No `[[offer]]`.
    #[error("there is no `[[offer]]`")]
    NoOffers,
    /// More than [`Offer::OFFERS_MAX`].
    #[error("more than {max} offers", max = Offer::OFFERS_MAX)]
    TooManyOffers,
    /// A name that is empty or too long.
    #[error(
        "offer {position} has a name that is empty, longer than 100 characters or not printable"
    )]
    Name {
        /// Position in the file, from 1.
        position: usize,
    },
    /// Two offers of one name.
    #[error("offer `{0}` is given twice")]
    DuplicateName(String),
    /// A value outside its range, or not of its form.
    #[error("offer `{offer}`: `{key}` is `{value}`; expected {expected}")]
    Value {
        /// Offer.
        offer: String,
        /// Key.
        key: &'static str,
        /// As given, cut at 40 characters.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
}

impl Offer {
    /// Most offers in one file.
    pub const OFFERS_MAX: usize = 32;
}

/// An offers file, as written. Amounts are read in [`parse_offers`], where the offer can be named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OffersFile {
    #[serde(default)]
    offer: Vec<OfferTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferTable {
    name: String,
    discount: toml::Value,
    term_hours: u64,
    payment: Payment,
    increment: Option<toml::Value>,
    minimum: Option<toml::Value>,
    spill_over: Option<bool>,
    existing: Option<toml::Value>,
    expires: Option<toml::Value>,
    applies_to: Option<BTreeSet<String>>,
}

/// Reads an offers file.
///
/// Decimals are strings or whole numbers; a TOML float has lost its digits and is refused. Without
/// `increment` (or with `"0"`) any amount can be bought; `minimum` and `existing` default to zero,
/// `spill_over` to true.
///
/// # Errors
///
/// [`OfferError`], with the line or the offer and key at fault.
pub fn parse_offers(text: &str) -> Result<Vec<Offer>, OfferError> {
    let file: OffersFile = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        OfferError::Syntax { line, message: error.message().replace('\n', ", ") }
    })?;
    if file.offer.is_empty() {
        return Err(OfferError::NoOffers);
    }
    if file.offer.len() > Offer::OFFERS_MAX {
        return Err(OfferError::TooManyOffers);
    }
    let mut names = BTreeSet::new();
    let mut offers = Vec::new();
    for (index, table) in file.offer.into_iter().enumerate() {
        let name_is_fine = !table.name.trim().is_empty()
            && table.name.chars().count() <= 100
            && !table.name.chars().any(char::is_control);
        if !name_is_fine {
            return Err(OfferError::Name { position: index.saturating_add(1) });
        }
        if !names.insert(table.name.clone()) {
            return Err(OfferError::DuplicateName(table.name));
        }
        offers.push(table.check()?);
    }
    Ok(offers)
}

impl OfferTable {
    fn check(self) -> Result<Offer, OfferError> {
        const AMOUNT: &str = "a decimal string of at least 0, such as \"12.50\"";
        let fail = |key, value: &dyn fmt::Display, expected| OfferError::Value {
            offer: self.name.clone(),
            key,
            value: value.to_string().chars().take(40).collect(),
            expected,
        };
        let amount = |key, value: &Option<toml::Value>| match value {
            None => Ok(Decimal::ZERO),
            Some(value) => decimal(value)
                .filter(|amount| !amount.is_negative())
                .ok_or_else(|| fail(key, &plain(value), AMOUNT)),
        };
        let discount = decimal(&self.discount)
            .filter(|discount| !discount.is_negative() && *discount < Decimal::ONE)
            .ok_or_else(|| {
                let expected = "a decimal string from 0 to below 1, such as \"0.28\"";
                fail("discount", &plain(&self.discount), expected)
            })?;
        if self.term_hours == 0 {
            return Err(fail("term_hours", &0, "at least 1"));
        }
        let expires = self.expires.as_ref().map(|value| {
            let expected = "an RFC 3339 time or a date";
            instant(&plain(value)).ok_or_else(|| fail("expires", &plain(value), expected))
        });
        if self.applies_to.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err(fail("applies_to", &"[]", "at least one SKU column, or no such key"));
        }
        Ok(Offer {
            discount,
            term_hours: self.term_hours,
            payment: self.payment,
            increment: Some(amount("increment", &self.increment)?).filter(|step| !step.is_zero()),
            minimum: amount("minimum", &self.minimum)?,
            spill_over: self.spill_over.unwrap_or(true),
            existing: amount("existing", &self.existing)?,
            expires: expires.transpose()?,
            applies_to: self.applies_to.clone(),
            name: self.name,
        })
    }
}

fn decimal(value: &toml::Value) -> Option<Decimal> {
    match value {
        toml::Value::String(text) => text.parse().ok(),
        toml::Value::Integer(whole) => Some(Decimal::from_integer(i128::from(*whole))),
        _ => None,
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| text.parse::<Date>().ok().map(start_of_day))
}

/// A value without the quotes that TOML puts around text.
fn plain(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
        [[offer]]
        name = "compute 1y"
        discount = "0.28"
        term_hours = 8760
        payment = "no_upfront"
        increment = "0.001"
        minimum = 1
        spill_over = false
        existing = "12.5"
        expires = 2027-01-01
        applies_to = ["ec2", "fargate"]

        [[offer]]
        name = "compute 3y"
        discount = "0.45"
        term_hours = 26280
        payment = "all_upfront"
    "#;

    #[test]
    fn reads_every_key_and_its_default() {
        let decimal = |text: &str| text.parse::<Decimal>().unwrap();
        let offers = parse_offers(FULL).unwrap();
        assert_eq!(
            offers,
            [
                Offer {
                    name: "compute 1y".into(),
                    discount: decimal("0.28"),
                    term_hours: 8760,
                    payment: Payment::NoUpfront,
                    increment: Some(decimal("0.001")),
                    minimum: Decimal::ONE,
                    spill_over: false,
                    existing: decimal("12.5"),
                    expires: Some("2027-01-01T00:00:00Z".parse().unwrap()),
                    applies_to: Some(["ec2".into(), "fargate".into()].into()),
                },
                Offer {
                    name: "compute 3y".into(),
                    discount: decimal("0.45"),
                    term_hours: 26280,
                    payment: Payment::AllUpfront,
                    increment: None,
                    minimum: Decimal::ZERO,
                    spill_over: true,
                    existing: Decimal::ZERO,
                    expires: None,
                    applies_to: None,
                },
            ]
        );
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let changed = |from: &str, to: &str| {
            assert!(FULL.contains(from), "{from}");
            parse_offers(&FULL.replacen(from, to, 1)).unwrap_err().to_string()
        };
        for (from, to, expected) in [
            (
                "\"0.28\"",
                "0.28",
                "offer `compute 1y`: `discount` is `0.28`; expected a decimal string",
            ),
            (
                "\"0.28\"",
                "\"1\"",
                "offer `compute 1y`: `discount` is `1`; expected a decimal string",
            ),
            ("\"0.28\"", "\"28 %\"", "offer `compute 1y`: `discount` is `28 %`; expected"),
            ("minimum = 1", "minimum = -1", "offer `compute 1y`: `minimum` is `-1`; expected"),
            ("8760", "0", "offer `compute 1y`: `term_hours` is `0`; expected at least 1"),
            ("2027-01-01", "\"soon\"", "offer `compute 1y`: `expires` is `soon`; expected"),
            ("[\"ec2\", \"fargate\"]", "[]", "offer `compute 1y`: `applies_to` is `[]`; expected"),
            ("compute 3y", "compute 1y", "offer `compute 1y` is given twice"),
            ("compute 3y", " ", "offer 2 has a name that is empty"),
            ("minimum = 1", "minimun = 1", "line 8: unknown field `minimun`"),
            ("no_upfront", "later", "line 6: unknown variant `later`"),
        ] {
            let message = changed(from, to);
            assert!(message.starts_with(expected), "{to}: {message}");
        }
        assert_eq!(parse_offers(""), Err(OfferError::NoOffers));
        let many = "[[offer]]\nname = \"a\"\ndiscount = \"0.1\"\nterm_hours = 1\npayment = \"no_upfront\"\n";
        assert_eq!(parse_offers(&many.repeat(33)), Err(OfferError::TooManyOffers));
    }
}
