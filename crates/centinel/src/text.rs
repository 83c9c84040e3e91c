//! How figures and tables look in a terminal.

use centinel_engine::money::{Currency, Decimal, Money, Pico};
use comfy_table::{CellAlignment, Table, presets};

/// A table with a light frame: names left, figures right.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>, left: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.to_vec());
    for row in rows {
        table.add_row(row.into_iter().map(|text| printable(&text)));
    }
    for index in left..header.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Imported text without control characters, bidirectional marks and zero-width characters.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !c.is_control()
                && !matches!(*c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
        })
        .collect()
}

/// `$1,234.50`, or four significant decimals below one cent.
pub(crate) fn money(amount: Pico, currency: Currency) -> String {
    Money { amount, currency }.to_string()
}

/// `12,345`, `1.2 M`, `3.4 G`.
pub(crate) fn count(value: i128) -> String {
    let scaled = |unit: i128, suffix: &str| {
        let tenths = value / (unit / 10);
        format!("{}.{} {suffix}", tenths / 10, (tenths % 10).abs())
    };
    match value.unsigned_abs() {
        0..1_000_000 => {
            let digits = value.unsigned_abs().to_string();
            let mut text = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index).is_multiple_of(3) {
                    text.push(',');
                }
                text.push(digit);
            }
            if value < 0 { format!("−{text}") } else { text }
        }
        1_000_000..1_000_000_000 => scaled(1_000_000, "M"),
        _ => scaled(1_000_000_000, "G"),
    }
}

/// `91.4 %` of a ratio from 0 to 1.
pub(crate) fn percent(ratio: Decimal) -> String {
    let rounded = Pico::round_half_even(ratio).ok();
    let tenths = rounded.and_then(|rounded| rounded.amount.to_display(3).mantissa_at(3));
    let tenths = tenths.unwrap_or(0);
    let sign = if tenths < 0 { "−" } else { "" };
    format!("{sign}{}.{} %", tenths.abs() / 10, tenths.abs() % 10)
}

/// One character a value, from lowest to highest.
pub(crate) fn sparkline(values: &[i128]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = values.iter().copied().max().unwrap_or(0).max(1);
    values
        .iter()
        .map(|&value| {
            let step = usize::try_from(value.max(0).saturating_mul(7) / highest).unwrap_or(0);
            BARS.get(step).copied().unwrap_or('█')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(count(-12_345), "−12,345");
        assert_eq!(count(1_250_000), "1.2 M");
        assert_eq!(percent("0.91451".parse().unwrap()), "91.5 %");
        assert_eq!(percent("0.9144".parse().unwrap()), "91.4 %");
        assert_eq!(sparkline(&[0, 50, 100]), "▁▄█");
        assert_eq!(printable("a\u{1b}[31mb\u{202e}c"), "a[31mbc");
    }
}
