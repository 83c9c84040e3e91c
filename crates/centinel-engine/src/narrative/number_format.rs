//! How a place writes numbers, amounts and dates.
//!
//! The cited Markdown is always in [`NumberFormat::CITED`], since that is what is checked. Text that
//! people read is written as their place writes it. Source: Unicode CLDR 45 (decimal mark, group mark,
//! currency pattern, percent pattern, medium date of the English locales, short date of the others). The
//! words stay English.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::money::{Currency, Decimal};

/// Space that does not break.
const NO_BREAK: &str = "\u{a0}";
/// The same, narrow.
const NARROW: &str = "\u{202f}";

/// Where the mark of a currency stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// `$1`, `CHF 1`: symbols touch the number, codes do not.
    Before,
    /// `CHF 1`, `$ 1`: always with a space.
    BeforeApart,
    /// `1 €`.
    After,
}

/// How digits before the decimal mark are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Groups {
    Thousands,
    /// Three, then two each: `12,34,567`.
    Indian,
}

/// How a date is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dates {
    /// `2026-10-31`
    Iso,
    /// `Oct 31, 2026`
    MonthFirst,
    /// `31 Oct 2026`
    DayFirst,
    /// `31.10.2026`
    Dotted,
    /// `31/10/2026`
    Slashed,
}

/// How a place writes numbers, amounts and dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberFormat {
    locale: &'static str,
    decimal: char,
    group: &'static str,
    groups: Groups,
    mark: Mark,
    /// How the dollar of the United States is told from others there.
    dollar: &'static str,
    /// Between a number and its percent sign.
    percent: &'static str,
    /// Whether `k` and `M` are understood.
    abbreviates: bool,
    dates: Dates,
    /// Codes of three letters stand after the number, as in the cited form.
    codes_alone: bool,
}

/// A locale whose number format is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("locale `{0}` is not known; known: {known}", known = NumberFormat::known().join(", "))]
pub struct UnknownLocale(pub String);

const EN_US: NumberFormat = NumberFormat {
    locale: "en-US",
    decimal: '.',
    group: ",",
    groups: Groups::Thousands,
    mark: Mark::Before,
    dollar: "$",
    percent: "",
    abbreviates: true,
    dates: Dates::MonthFirst,
    codes_alone: false,
};

const FORMATS: [NumberFormat; 6] = [
    EN_US,
    NumberFormat { locale: "en-GB", dollar: "US$", dates: Dates::DayFirst, ..EN_US },
    NumberFormat {
        locale: "en-IN",
        groups: Groups::Indian,
        abbreviates: false,
        dates: Dates::DayFirst,
        ..EN_US
    },
    NumberFormat {
        locale: "de-DE",
        decimal: ',',
        group: ".",
        mark: Mark::After,
        percent: NO_BREAK,
        abbreviates: false,
        dates: Dates::Dotted,
        ..EN_US
    },
    NumberFormat {
        locale: "de-CH",
        group: "’",
        mark: Mark::BeforeApart,
        abbreviates: false,
        dates: Dates::Dotted,
        ..EN_US
    },
    NumberFormat {
        locale: "fr-FR",
        decimal: ',',
        group: NARROW,
        mark: Mark::After,
        dollar: "$US",
        percent: NARROW,
        abbreviates: false,
        dates: Dates::Slashed,
        ..EN_US
    },
];

impl NumberFormat {
    /// The form that is checked: English numbers, ISO dates, currencies other than the dollar by code.
    pub const CITED: Self =
        Self { locale: "", percent: " ", dates: Dates::Iso, codes_alone: true, ..EN_US };

    /// The locales that are known.
    pub fn known() -> Vec<&'static str> {
        FORMATS.iter().map(|format| format.locale).collect()
    }

    /// `en-US`; empty for the form that is checked.
    pub fn locale(&self) -> &'static str {
        self.locale
    }

    /// Whether figures in the cited form read there as they are meant: the same marks and groups.
    pub fn reads_as_cited(&self) -> bool {
        let Self { decimal, group, groups, .. } = Self::CITED;
        (self.decimal, self.group, self.groups) == (decimal, group, groups)
    }

    /// Whether `k` and `M` are understood; where not, whole units stand in their place.
    pub(super) fn abbreviates(&self) -> bool {
        self.abbreviates
    }

    /// Between a number and its percent sign.
    pub(super) fn percent_space(&self) -> &'static str {
        self.percent
    }

    /// A number of zero or more with exactly `places` decimals, or those that it has if these are more.
    pub(super) fn digits(&self, value: Decimal, places: usize) -> String {
        let plain = value.to_string();
        let (whole, fraction) = plain.split_once('.').unwrap_or((plain.as_str(), ""));
        let mut text = String::new();
        let length = whole.len();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && self.groups.begin_at(length.saturating_sub(index)) {
                text.push_str(self.group);
            }
            text.push(digit);
        }
        if places > 0 || !fraction.is_empty() {
            text.push(self.decimal);
            text.push_str(fraction);
            text.extend(std::iter::repeat_n('0', places.saturating_sub(fraction.len())));
        }
        text
    }

    /// An amount: sign, digits and suffix with the mark of the currency.
    pub(super) fn amount(&self, sign: &str, digits: &str, currency: Currency) -> String {
        let symbol = self.symbol(currency);
        let code = currency.as_str();
        match (self.mark, symbol) {
            (Mark::Before, Some(symbol)) => format!("{sign}{symbol}{digits}"),
            (Mark::Before, None) if self.codes_alone => format!("{sign}{digits} {code}"),
            (Mark::Before, None) => format!("{sign}{code}{NO_BREAK}{digits}"),
            (Mark::BeforeApart, symbol) => {
                format!("{sign}{}{NO_BREAK}{digits}", symbol.unwrap_or(code))
            }
            (Mark::After, symbol) => format!("{sign}{digits}{NO_BREAK}{}", symbol.unwrap_or(code)),
        }
    }

    fn symbol(&self, currency: Currency) -> Option<&'static str> {
        match currency.as_str() {
            "USD" => Some(self.dollar),
            _ if self.codes_alone => None,
            "EUR" => Some("€"),
            "GBP" if self.locale != "fr-FR" => Some("£"),
            "INR" => Some("₹"),
            _ => None,
        }
    }

    /// A date.
    pub fn date(&self, date: Date) -> String {
        let pattern = match self.dates {
            Dates::Iso => "%Y-%m-%d",
            Dates::MonthFirst => "%b %-d, %Y",
            Dates::DayFirst => "%-d %b %Y",
            Dates::Dotted => "%d.%m.%Y",
            Dates::Slashed => "%d/%m/%Y",
        };
        date.strftime(pattern).to_string()
    }
}

impl Groups {
    /// Whether a group begins where so many digits are left.
    fn begin_at(self, left: usize) -> bool {
        let is_multiple = |count: usize, of: usize| count.checked_rem(of) == Some(0);
        match self {
            Self::Thousands => is_multiple(left, 3),
            Self::Indian => left == 3 || (left > 3 && is_multiple(left.saturating_sub(3), 2)),
        }
    }
}

impl Default for NumberFormat {
    /// `en-US`
    fn default() -> Self {
        EN_US
    }
}

impl FromStr for NumberFormat {
    type Err = UnknownLocale;

    fn from_str(text: &str) -> Result<Self, UnknownLocale> {
        let named = text.trim().replace('_', "-");
        let found = FORMATS.iter().find(|format| format.locale.eq_ignore_ascii_case(&named));
        let told = || text.chars().filter(|c| !c.is_control()).take(20).collect();
        found.copied().ok_or_else(|| UnknownLocale(told()))
    }
}

impl fmt::Display for NumberFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.locale)
    }
}

impl<'de> Deserialize<'de> for NumberFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn each_place_writes_as_it_does() {
        let check = |locale: &str, code: &str, amount: &str, number: &str, day: &str| {
            let format: NumberFormat = locale.parse().unwrap();
            let digits = format.digits("1234567.5".parse().unwrap(), 2);
            let written = format.amount("−", &digits, code.parse().unwrap());
            assert_eq!(written.replace(['\u{a0}', '\u{202f}'], "_"), amount, "{locale}");
            let small = format.digits("4321".parse().unwrap(), 0);
            assert_eq!(small.replace('\u{202f}', "_"), number, "{locale}");
            assert_eq!(format.date(date(2026, 10, 3)), day, "{locale}");
        };
        check("en-US", "USD", "−$1,234,567.50", "4,321", "Oct 3, 2026");
        check("en-US", "CHF", "−CHF_1,234,567.50", "4,321", "Oct 3, 2026");
        check("en_gb", "USD", "−US$1,234,567.50", "4,321", "3 Oct 2026");
        check("en-GB", "GBP", "−£1,234,567.50", "4,321", "3 Oct 2026");
        check("en-IN", "INR", "−₹12,34,567.50", "4,321", "3 Oct 2026");
        check("de-DE", "EUR", "−1.234.567,50_€", "4.321", "03.10.2026");
        check("de-CH", "CHF", "−CHF_1’234’567.50", "4’321", "03.10.2026");
        check("fr-FR", "USD", "−1_234_567,50_$US", "4_321", "03/10/2026");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let refused = "xx\u{1b}-YY".parse::<NumberFormat>().unwrap_err().to_string();
        assert_eq!(
            refused,
            "locale `xx-YY` is not known; known: en-US, en-GB, en-IN, de-DE, de-CH, fr-FR"
        );
    }
}
