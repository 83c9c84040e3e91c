//! Figures, days and imported text as people read them.

use centinel_engine::{
    money::{Currency, Decimal, Money, Pico},
    period::date_of,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// Most characters of imported text in one cell.
const CELL_CHARS_MAX: usize = 80;

/// Imported text without control, invisible or direction-changing characters. Markup stays: the
/// templates escape it.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|c| !is_hidden(*c)).collect()
}

/// Imported text for one cell: clean, and at most 80 characters.
pub(crate) fn cell(text: &str) -> String {
    let mut shown: String =
        text.chars().filter(|c| !is_hidden(*c)).take(CELL_CHARS_MAX + 1).collect();
    if let Some((end, _)) = shown.char_indices().nth(CELL_CHARS_MAX) {
        shown.truncate(end);
        shown.pop();
        shown.push('…');
    }
    if shown.trim().is_empty() { "(none)".to_owned() } else { shown }
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// `$1,234.50`.
pub(crate) fn money(amount: Pico, currency: Currency) -> String {
    Money { amount, currency }.to_string()
}

/// `$1,235` of an estimate; `None` where it is larger than any amount of money.
pub(crate) fn estimate(amount: Decimal, currency: Currency) -> Option<String> {
    let amount = Pico::round_half_even(amount).ok()?.amount;
    Some(Money { amount, currency }.to_estimate())
}

/// `+$1,234.50`, `−$3.00`, `$0.00`.
pub(crate) fn signed_money(amount: Pico, currency: Currency) -> String {
    let text = money(amount, currency);
    if amount > Pico::ZERO { format!("+{text}") } else { text }
}

/// `12,345`, `1.2 M`, `3.4 G`.
pub(crate) fn count(value: i128) -> String {
    let scaled = |unit: i128, suffix: &str| {
        let tenths = value / (unit / 10);
        let sign = if tenths < 0 { "−" } else { "" };
        format!("{sign}{}.{}\u{a0}{suffix}", tenths.abs() / 10, tenths.abs() % 10)
    };
    match value.unsigned_abs() {
        0..1_000_000 => grouped(value),
        1_000_000..1_000_000_000 => scaled(1_000_000, "M"),
        _ => scaled(1_000_000_000, "G"),
    }
}

/// `12,345` of any size.
pub(crate) fn grouped(value: i128) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "−" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `91.4 %` of a ratio from 0 to 1.
pub(crate) fn percent(ratio: Decimal) -> String {
    let thousandths = Pico::round_half_even(ratio)
        .ok()
        .and_then(|rounded| rounded.amount.to_display(3).mantissa_at(3))
        .unwrap_or(0);
    let sign = if thousandths < 0 { "−" } else { "" };
    format!("{sign}{}.{}\u{a0}%", thousandths.abs() / 10, thousandths.abs() % 10)
}

/// `+31.0 %`, `−4.2 %`.
pub(crate) fn signed_percent(ratio: Decimal) -> String {
    let text = percent(ratio);
    if ratio.is_negative() || ratio.is_zero() { text } else { format!("+{text}") }
}

/// `14 Oct`.
pub(crate) fn day(date: Date) -> String {
    date.strftime("%-d %b").to_string()
}

/// `14 Oct 2026`.
pub(crate) fn full_day(date: Date) -> String {
    date.strftime("%-d %b %Y").to_string()
}

/// `14 to 20 Oct 2026`, both included.
pub(crate) fn days(first: Date, last: Date) -> String {
    if first == last {
        return full_day(last);
    }
    let start = if (first.year(), first.month()) == (last.year(), last.month()) {
        first.strftime("%-d").to_string()
    } else if first.year() == last.year() {
        day(first)
    } else {
        full_day(first)
    };
    format!("{start} to {}", full_day(last))
}

/// `14 Oct 2026, 09:30 UTC`.
pub(crate) fn instant(at: Timestamp) -> String {
    let time = TimeZone::UTC.to_datetime(at);
    format!("{}, {} UTC", full_day(date_of(at)), time.strftime("%H:%M"))
}

/// `3 models`, `1 model`.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    let value = i128::try_from(count).unwrap_or(i128::MAX);
    format!("{}\u{a0}{}", grouped(value), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn hostile_text_is_harmless_and_short() {
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c\u{200b}<i>"), "a[31mbc<i>");
        assert_eq!(cell(&"x".repeat(80)).chars().count(), 80);
        let cut = cell(&"é".repeat(81));
        assert_eq!((cut.chars().count(), cut.ends_with('…')), (80, true));
        assert_eq!(cell("\u{202e} \n"), "(none)");
    }

    #[test]
    fn figures_read_well() {
        let usd = |text: &str| signed_money(text.parse().unwrap(), Currency::USD);
        assert_eq!(usd("1234.5"), "+$1,234.50");
        assert_eq!(usd("-3"), "−$3.00");
        assert_eq!(usd("0"), "$0.00");
        assert_eq!(count(-12_345), "−12,345");
        assert_eq!(count(1_250_000), "1.2\u{a0}M");
        assert_eq!(count(-1_250_000), "−1.2\u{a0}M");
        assert_eq!(percent("0.9144".parse().unwrap()), "91.4\u{a0}%");
        assert_eq!(percent("0.99999".parse().unwrap()), "100.0\u{a0}%");
        assert_eq!(signed_percent("0.31".parse().unwrap()), "+31.0\u{a0}%");
        assert_eq!(signed_percent("-0.042".parse().unwrap()), "−4.2\u{a0}%");
    }

    #[test]
    fn days_say_no_more_than_needed() {
        for (first, last, text) in [
            (date(2026, 10, 14), date(2026, 10, 20), "14 to 20 Oct 2026"),
            (date(2026, 9, 30), date(2026, 10, 2), "30 Sep to 2 Oct 2026"),
            (date(2025, 12, 31), date(2026, 1, 2), "31 Dec 2025 to 2 Jan 2026"),
            (date(2026, 10, 14), date(2026, 10, 14), "14 Oct 2026"),
        ] {
            assert_eq!(days(first, last), text);
        }
    }
}
