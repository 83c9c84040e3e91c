//! What a fact looks like in a sentence.

use jiff::civil::Date;

use super::number_format::NumberFormat;
use crate::{
    facts::{Fact, FactKind},
    money::{Currency, Decimal},
    period::date_of,
};

/// How much of a figure is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Cents, and every digit of a count: tables and explanations.
    Exact,
    /// As people say amounts: `$43.2k`, `$4,148`, `$350`. Always at least two significant digits.
    Prose,
}

/// What stands before a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A minus where it is negative.
    AsIs,
    /// A plus where it is positive, too.
    Always,
    /// Nothing: a word beside it says the direction.
    Size,
}

/// One mention of a fact: its value, and how it is shown. What is shown is always a correct rounding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// The fact's id.
    pub fact: String,
    /// What kind of figure it is.
    pub kind: FactKind,
    shown: Shown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    Name(String),
    Date(Date),
    Number { value: Decimal, unit: Unit, detail: Detail, sign: Sign },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Unit {
    Money(Currency),
    /// What one of many costs.
    OneOf(Currency),
    Percent,
    Points,
    /// Things, by their plural.
    Of(String),
    None,
}

/// The unit of an amount that recurs each month.
const MONTH: &str = "month";

/// Units by their plural, with the word for one of them.
const SINGULAR: [(&str, &str); 12] = [
    ("budgets", "budget"),
    ("calls", "call"),
    ("days", "day"),
    ("episodes", "episode"),
    ("features", "feature"),
    ("models", "model"),
    ("outputs", "output"),
    ("owners", "owner"),
    ("places", "place"),
    ("proposals", "proposal"),
    ("sources", "source"),
    ("tokens", "token"),
];

impl Figure {
    /// A fact as it is said; `None` when its value is not what its kind promises.
    pub fn of(fact: &Fact, detail: Detail, sign: Sign) -> Option<Self> {
        let number = |unit| {
            let value: Decimal = fact.value.parse().ok()?;
            Some(Shown::Number { value, unit, detail, sign })
        };
        let currency = fact.currency.unwrap_or(Currency::USD);
        let shown = match fact.kind {
            FactKind::Entity => {
                Shown::Name(fact.value.chars().filter(|c| !c.is_control()).collect())
            }
            FactKind::Date => Shown::Date(day(&fact.value)?),
            // Of what recurs each month, cents say as little as of any other amount.
            FactKind::Money if fact.unit.as_deref().is_some_and(|unit| unit != MONTH) => {
                number(Unit::OneOf(currency))?
            }
            FactKind::Money => number(Unit::Money(currency))?,
            FactKind::Percent => number(Unit::Percent)?,
            FactKind::Points => number(Unit::Points)?,
            FactKind::Count | FactKind::Ratio | FactKind::Duration => {
                number(fact.unit.clone().map_or(Unit::None, Unit::Of))?
            }
            FactKind::Rank => number(Unit::None)?,
        };
        Some(Self { fact: fact.id.clone(), kind: fact.kind, shown })
    }

    /// As a place writes it.
    pub fn shown(&self, format: &NumberFormat) -> String {
        match &self.shown {
            Shown::Name(name) => name.clone(),
            Shown::Date(date) => format.date(*date),
            Shown::Number { value, unit, detail, sign } => {
                number(*value, unit, *detail, *sign, format)
            }
        }
    }

    /// The value that [`Self::shown`] states, where it is an amount: for sums of what is shown.
    pub fn shown_amount(&self, format: &NumberFormat) -> Option<Decimal> {
        let Shown::Number { value, unit: Unit::Money(_), detail, .. } = &self.shown else {
            return None;
        };
        let size = magnitude(*value)?;
        let Rounded { digits, thousands, .. } = Rounded::money(size, *detail, format)?;
        let whole =
            (0..thousands).try_fold(digits, |value, _| value.checked_mul_integer(1000).ok());
        whole.and_then(
            |whole| if value.is_negative() { whole.checked_neg().ok() } else { Some(whole) },
        )
    }
}

/// The day of an instant or a date.
fn day(text: &str) -> Option<Date> {
    let instant = text.parse::<jiff::Timestamp>().ok().map(date_of);
    instant.or_else(|| text.parse().ok())
}

/// Digits, how many decimals are shown of them at least, and how often they were divided by a thousand.
struct Rounded {
    digits: Decimal,
    places: u32,
    thousands: u32,
}

fn number(
    value: Decimal,
    unit: &Unit,
    detail: Detail,
    sign: Sign,
    format: &NumberFormat,
) -> String {
    let before = match sign {
        Sign::Size => "",
        _ if value.is_negative() => "−",
        Sign::Always if !value.is_zero() => "+",
        Sign::Always | Sign::AsIs => "",
    };
    // A value without an opposite does not come from a sum; it is shown digit by digit.
    let size = magnitude(value).unwrap_or(value);
    let rounded = match unit {
        Unit::Money(_) => Rounded::money(size, detail, format),
        Unit::OneOf(_) => Rounded::unit_cost(size),
        Unit::Percent | Unit::Points => Rounded::percent(size),
        Unit::Of(_) | Unit::None => Rounded::count(size, detail, format),
    };
    let Rounded { digits, places, thousands } =
        rounded.unwrap_or(Rounded { digits: size, places: 0, thousands: 0 });
    let suffix = match thousands {
        0 => "",
        1 => "k",
        _ => "M",
    };
    let digits = format.digits(digits, usize::try_from(places).unwrap_or(0));
    let text = format!("{digits}{suffix}");
    match unit {
        Unit::Money(currency) | Unit::OneOf(currency) => format.amount(before, &text, *currency),
        Unit::Percent => format!("{before}{text}{}%", format.percent_space()),
        Unit::Points => format!("{before}{text} points"),
        Unit::Of(unit) => {
            let one = SINGULAR.iter().find(|(plural, _)| plural == unit);
            let unit = match one {
                Some((_, one)) if value == Decimal::ONE => one,
                _ => unit.as_str(),
            };
            format!("{before}{text} {unit}")
        }
        Unit::None => format!("{before}{text}"),
    }
}

impl Rounded {
    fn at(value: Decimal, places: u32) -> Option<Self> {
        let digits = value.quotient(Decimal::ONE, places).ok()??;
        Some(Self { digits, places, thousands: 0 })
    }

    fn money(size: Decimal, detail: Detail, format: &NumberFormat) -> Option<Self> {
        let whole = size.quotient(Decimal::ONE, 0).ok()??;
        let least = |count: i128| whole >= Decimal::from_integer(count);
        match detail {
            Detail::Prose if format.abbreviates() && least(10_000) => Self::thousands(size),
            Detail::Prose if least(100) => Self::at(size, 0),
            Detail::Prose | Detail::Exact => Self::cents(size),
        }
    }

    /// One decimal of thousands, or of millions where these are a thousand or more.
    fn thousands(size: Decimal) -> Option<Self> {
        let thousand = Decimal::from_integer(1_000);
        let digits = size.quotient(thousand, 1).ok()??;
        if digits < thousand {
            return Some(Self { digits, places: 1, thousands: 1 });
        }
        let digits = size.quotient(Decimal::from_integer(1_000_000), 1).ok()??;
        Some(Self { digits, places: 1, thousands: 2 })
    }

    /// Two decimals; below ten cents as many as show three digits.
    fn cents(size: Decimal) -> Option<Self> {
        let is_small = size.checked_mul_integer(10).ok()? < Decimal::ONE;
        let places = if is_small { significant_places(size, 3).max(2) } else { 2 };
        Self::at(size, places).map(|rounded| rounded.with_two_digits(size))
    }

    /// At least three significant digits, and from one unit on at least two decimals; whole units from a
    /// thousand on.
    fn unit_cost(size: Decimal) -> Option<Self> {
        if size >= Decimal::from_integer(1_000) {
            return Self::at(size, 0);
        }
        let rounded = Self::at(size, significant_places(size, 3).max(2));
        rounded.map(|rounded| rounded.with_two_digits(size))
    }

    /// With at least two decimals, and where it is a rounding with at least two significant digits:
    /// `0.030` for 0.02998, which one digit would not tell from 0.025.
    fn with_two_digits(self, size: Decimal) -> Self {
        let least = if self.digits == size { 0 } else { significant_places(self.digits, 2) };
        Self { places: least.max(2), ..self }
    }

    /// One decimal, none above 100 %, and where one would say too little two digits. A whole number stays
    /// one.
    fn percent(size: Decimal) -> Option<Self> {
        if size > Decimal::from_integer(100) || size.scale() == 0 {
            return Self::at(size, 0);
        }
        let rounded = Self::at(size, significant_places(size, 2).max(1))?;
        Some(Self { places: rounded.places.min(size.scale()), ..rounded })
    }

    /// A count stays whole; from a million on, and in prose only, in millions.
    fn count(size: Decimal, detail: Detail, format: &NumberFormat) -> Option<Self> {
        let million = Decimal::from_integer(1_000_000);
        if detail == Detail::Prose && format.abbreviates() && size >= million {
            let digits = size.quotient(million, 1).ok()??;
            return Some(Self { digits, places: 1, thousands: 2 });
        }
        match size.scale() {
            0 => Self::at(size, 0),
            scale => {
                let mut rounded = Self::at(size, significant_places(size, 3).min(scale))?;
                rounded.places = 0;
                Some(rounded)
            }
        }
    }
}

/// Decimals that show so many significant digits.
fn significant_places(size: Decimal, digits: u32) -> u32 {
    let mantissa = size.mantissa().unsigned_abs();
    if mantissa == 0 {
        return 0;
    }
    // 0.0123 is 123 × 10^-4: its first digit stands at the second decimal.
    let length = mantissa.ilog10().saturating_add(1);
    digits.saturating_add(size.scale()).saturating_sub(length)
}

/// The value without its sign.
fn magnitude(value: Decimal) -> Option<Decimal> {
    if value.is_negative() { value.checked_neg().ok() } else { Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::BundleBuilder, money::Money};

    fn shown(fact: &Fact, detail: Detail, sign: Sign, locale: &str) -> String {
        let format = locale.parse().unwrap_or(NumberFormat::CITED);
        Figure::of(fact, detail, sign).unwrap().shown(&format)
    }

    #[test]
    fn amounts_are_said_as_people_say_them() {
        let check = |amount: &str, exact: &str, prose: &str, german: &str| {
            let mut facts = BundleBuilder::new("test", None);
            let currency = Currency::USD;
            facts.money("amount", Money { amount: amount.parse().unwrap(), currency });
            let bundle = facts.build();
            let fact = &bundle.facts[0];
            assert_eq!(shown(fact, Detail::Exact, Sign::AsIs, ""), exact, "{amount}");
            assert_eq!(shown(fact, Detail::Prose, Sign::AsIs, ""), prose, "{amount}");
            let found = shown(fact, Detail::Prose, Sign::Always, "de-DE").replace('\u{a0}', " ");
            assert_eq!(found, german, "{amount}");
        };
        check("0", "$0.00", "$0.00", "0,00 $");
        check("0.012345", "$0.0123", "$0.0123", "+0,0123 $");
        check("-0.000000012345", "−$0.0000000123", "−$0.0000000123", "−0,0000000123 $");
        check("0.029983310241", "$0.030", "$0.030", "+0,030 $");
        check("0.03", "$0.03", "$0.03", "+0,03 $");
        check("0.000000000001", "$0.000000000001", "$0.000000000001", "+0,000000000001 $");
        check("0.1", "$0.10", "$0.10", "+0,10 $");
        check("99.4", "$99.40", "$99.40", "+99,40 $");
        check("99.994", "$99.99", "$100", "+100 $");
        check("350", "$350.00", "$350", "+350 $");
        check("4147.68", "$4,147.68", "$4,148", "+4.148 $");
        check("9999.4", "$9,999.40", "$9,999", "+9.999 $");
        check("9999.6", "$9,999.60", "$10.0k", "+10.000 $");
        check("-43240.5", "−$43,240.50", "−$43.2k", "−43.240 $");
        check("999949", "$999,949.00", "$999.9k", "+999.949 $");
        check("999950", "$999,950.00", "$1.0M", "+999.950 $");
        check("1234567890", "$1,234,567,890.00", "$1,234.6M", "+1.234.567.890 $");
    }

    #[test]
    fn what_one_costs_keeps_three_digits() {
        let check = |amount: &str, expected: &str| {
            let mut facts = BundleBuilder::new("test", None);
            let currency = Currency::EUR;
            let money = Money { amount: amount.parse().unwrap(), currency };
            facts.unit_cost("each", money, "output");
            let found = shown(&facts.build().facts[0], Detail::Prose, Sign::AsIs, "");
            assert_eq!(found, expected, "{amount}");
        };
        check("0.41234", "0.412 EUR");
        check("0.00555", "0.00555 EUR");
        check("1.2345", "1.23 EUR");
        check("0.5", "0.50 EUR");
        check("0.0099996", "0.010 EUR");
        check("12.3456", "12.35 EUR");
        check("1234.5", "1,234 EUR");
    }

    #[test]
    fn percentages_keep_two_digits_and_whole_ones_none() {
        let check = |percent: &str, expected: &str| {
            let mut facts = BundleBuilder::new("test", None);
            facts.percent("share", percent.parse().unwrap());
            let found = shown(&facts.build().facts[0], Detail::Prose, Sign::AsIs, "");
            assert_eq!(found, expected, "{percent}");
        };
        check("43.2099", "43.2 %");
        check("-8.1044", "−8.1 %");
        check("4.98", "5.0 %");
        check("4.2", "4.2 %");
        check("80", "80 %");
        check("100", "100 %");
        check("100.4", "100 %");
        check("114.3", "114 %");
        check("0.4123", "0.41 %");
        check("0.4", "0.4 %");
        check("0.0312", "0.031 %");
        check("0", "0 %");
    }

    #[test]
    fn counts_agree_with_their_noun() {
        let check = |count: u64, unit: &str, expected: &str| {
            let mut facts = BundleBuilder::new("test", None);
            facts.count("count", count, unit);
            let found = shown(&facts.build().facts[0], Detail::Prose, Sign::AsIs, "");
            assert_eq!(found, expected);
        };
        check(1, "proposals", "1 proposal");
        check(2, "proposals", "2 proposals");
        check(1, "failed", "1 failed");
        check(1_204, "calls", "1,204 calls");
        check(1_234_567, "tokens", "1.2M tokens");
    }

    #[test]
    fn dates_and_names() {
        let mut facts = BundleBuilder::new("test", None);
        facts.instant("at", "2026-10-14T09:00:00Z".parse().unwrap());
        facts.entity("name", "a\u{7}b");
        let bundle = facts.build();
        assert_eq!(shown(&bundle.facts[0], Detail::Prose, Sign::AsIs, ""), "2026-10-14");
        assert_eq!(shown(&bundle.facts[0], Detail::Prose, Sign::AsIs, "en-US"), "Oct 14, 2026");
        assert_eq!(shown(&bundle.facts[1], Detail::Prose, Sign::AsIs, "en-US"), "ab");
    }
}
