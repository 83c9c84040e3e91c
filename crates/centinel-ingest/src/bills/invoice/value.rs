//! Amounts, dates and kinds as invoices write them.

use centinel_engine::{
    focus::ChargeCategory,
    money::{Currency, Decimal},
};
use jiff::civil::Date;

/// A day, or a month by its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Day(Date),
    Month(Date),
}

/// An amount: `12.50`, `-3`, `(3.00)`, `$1,204.50`, `12.50 EUR`, `€12.50`; and the currency that it
/// states.
pub(super) fn parse_amount(text: &str) -> Result<(Decimal, Option<Currency>), &'static str> {
    let mut rest = text.trim();
    let mut currency = None;
    let mut is_negative = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (rest, is_negative) = (inner.trim(), true);
    }
    if let Some(positive) = rest.strip_prefix(['-', '\u{2212}']) {
        (rest, is_negative) = (positive.trim_start(), !is_negative);
    }
    for (sign, code) in [('$', None), ('€', Some("EUR")), ('£', Some("GBP"))] {
        if let Some(number) = rest.strip_prefix(sign).or_else(|| rest.strip_suffix(sign)) {
            rest = number.trim();
            // A dollar sign is that of twenty currencies.
            currency = code.and_then(|code| code.parse().ok());
        }
    }
    let ends = [rest.split_once(' '), rest.rsplit_once(' ').map(|(number, code)| (code, number))];
    for (code, number) in ends.into_iter().flatten() {
        if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            currency = Some(code.parse().map_err(|_| "states an unknown currency")?);
            rest = number.trim();
        }
    }
    if let Some(positive) = rest.strip_prefix('-') {
        (rest, is_negative) = (positive.trim_start(), !is_negative);
    }
    let grouped = without_separators(rest);
    let digits = grouped.as_deref().unwrap_or(rest);
    let amount: Decimal = digits.parse().map_err(|_| "is not an amount, as in `1204.50`")?;
    let amount = if is_negative { amount.checked_neg() } else { Ok(amount) };
    amount.map(|amount| (amount, currency)).map_err(|_| "is too large")
}

/// `1,204.50`, `1.204,50` and `12,5` as a plain number. Only where it is plain which mark is which:
/// `1,204` may be a thousand or one.
fn without_separators(text: &str) -> Option<String> {
    let point = text.rfind(['.', ','])?;
    let (whole, part) = text.split_at_checked(point)?;
    let (mark, part) = part.split_at_checked(1)?;
    let other = if mark == "." { ',' } else { '.' };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.split(other);
    let first = groups.next().filter(|first| is_digits(first))?;
    let is_grouped = whole.contains(other);
    let is_plain = if is_grouped {
        first.len() <= 3 && groups.all(|group| group.len() == 3 && is_digits(group))
    } else {
        mark == "," && part.len() != 3
    };
    (is_plain && is_digits(part)).then(|| format!("{}.{part}", whole.replace(other, "")))
}

/// A date or a month: `2026-11-03`, `2026-11`, `Nov 3, 2026`, `3 November 2026`, `November 2026`,
/// `11/30/2026`, or an instant, of which the day in UTC counts.
pub(super) fn parse_span(text: &str) -> Result<Span, &'static str> {
    const UNKNOWN: &str = "is not a date, as in `2026-11-03`";
    let text = text.trim();
    let day = |year: i16, month: i8, day: i8| {
        Date::new(year, month, day).map_err(|_| UNKNOWN).and_then(era).map(Span::Day)
    };
    let month = |year: i16, month: i8| {
        Date::new(year, month, 1).map_err(|_| UNKNOWN).and_then(era).map(Span::Month)
    };
    if let Some((year, rest)) = text.split_once('-').filter(|(year, _)| year.len() == 4)
        && rest.len() == 2
    {
        return month(number(year)?, small(rest)?);
    }
    if let [first, second, third] = text.split('/').collect::<Vec<_>>().as_slice() {
        if first.len() == 4 {
            return day(number(first)?, small(second)?, small(third)?);
        }
        let year: i16 = number(third)?;
        return match (small(first)?, small(second)?) {
            (m, d) if d > 12 => day(year, m, d),
            (d, m) if d > 12 => day(year, m, d),
            (a, b) if a == b => day(year, a, b),
            _ => Err("may be two days: day and month cannot be told apart"),
        };
    }
    let words: Vec<&str> =
        text.split([' ', ',']).map(str::trim).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [name, year] if month_named(name).is_some() => {
            month(number(year)?, month_named(name).ok_or(UNKNOWN)?)
        }
        [name, d, year] if month_named(name).is_some() => {
            day(number(year)?, month_named(name).ok_or(UNKNOWN)?, small(d)?)
        }
        [d, name, year] if month_named(name).is_some() => {
            day(number(year)?, month_named(name).ok_or(UNKNOWN)?, small(d)?)
        }
        _ => {
            let instant = crate::instant::Instants::ABSOLUTE.parse(text)?;
            Ok(Span::Day(instant.at.to_zoned(jiff::tz::TimeZone::UTC).date()))
        }
    }
}

fn era(date: Date) -> Result<Date, &'static str> {
    if (2000..2100).contains(&date.year()) {
        Ok(date)
    } else {
        Err("is outside the years 2000 to 2099")
    }
}

fn number(text: &str) -> Result<i16, &'static str> {
    text.parse().map_err(|_| "is not a date, as in `2026-11-03`")
}

fn small(text: &str) -> Result<i8, &'static str> {
    text.parse().map_err(|_| "is not a date, as in `2026-11-03`")
}

fn month_named(name: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let position = MONTHS.iter().position(|month| {
        name.len() >= 3 && (month.starts_with(&name) || name == "sept" && *month == "september")
    })?;
    i8::try_from(position + 1).ok()
}

/// What kind of charge a word names.
pub(super) fn parse_category(text: &str) -> Option<ChargeCategory> {
    let word = text.trim().to_ascii_lowercase();
    Some(match word.as_str() {
        "usage" | "metered" | "overage" | "consumption" => ChargeCategory::Usage,
        "purchase" | "subscription" | "recurring" | "license" | "licence" | "seat" | "seats"
        | "fee" | "one-time" | "prepaid" => ChargeCategory::Purchase,
        "tax" | "vat" | "gst" => ChargeCategory::Tax,
        "credit" | "discount" | "promotion" => ChargeCategory::Credit,
        "adjustment" | "refund" | "correction" | "proration" => ChargeCategory::Adjustment,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (text, expected) in [
            ("12.50", Some("12.5")),
            ("$1,204.50", Some("1204.5 none")),
            ("-$3.00", Some("-3")),
            ("$-3.00", Some("-3")),
            ("(3.00)", Some("-3")),
            ("€12.50", Some("12.5 EUR")),
            ("USD 12", Some("12 USD")),
            ("12.50 EUR", Some("12.5 EUR")),
            ("1,204", None),
            ("1.204,50", Some("1204.5")),
            ("12,5", Some("12.5")),
            ("1,204,300", None),
            ("1,20.4", None),
            ("12 34", None),
            ("free", None),
            ("NaN", None),
            ("", None),
        ] {
            let found = parse_amount(text).ok().map(|(amount, currency)| match currency {
                Some(currency) => format!("{amount} {currency}"),
                None => amount.to_string(),
            });
            let expected = expected.map(|expected| expected.trim_end_matches(" none").to_owned());
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn dates() {
        let day = |text: &str| Some(Span::Day(text.parse().unwrap()));
        let month = |text: &str| Some(Span::Month(text.parse().unwrap()));
        for (text, expected) in [
            ("2026-11-03", day("2026-11-03")),
            ("2026-11-03T23:00:00-05:00", day("2026-11-04")),
            ("2026-11", month("2026-11-01")),
            ("November 2026", month("2026-11-01")),
            ("Nov 3, 2026", day("2026-11-03")),
            ("3 Sept 2026", day("2026-09-03")),
            ("11/30/2026", day("2026-11-30")),
            ("30/11/2026", day("2026-11-30")),
            ("11/11/2026", day("2026-11-11")),
            ("2026/11/03", day("2026-11-03")),
            ("11/03/2026", None),
            ("2026-13", None),
            ("1999-01-01", None),
            ("soon", None),
        ] {
            assert_eq!(parse_span(text).ok(), expected, "{text}");
        }
    }
}
