//! A change of cost as people read it: one bar a driver, adding up exactly.

use centinel_engine::{
    explain::{self, Decomposition},
    money::{Currency, Money, Pico},
};

use crate::{output::Output, text::printable};

/// Cells that are named to a person.
const CELLS_SHOWN: usize = 3;
const BAR_CHARS: u128 = 20;

/// Prints cost before and after, a bar for each driver, and the cells that moved most.
pub(crate) fn print(
    found: &Decomposition,
    currency: Currency,
    output: &mut Output,
) -> anyhow::Result<()> {
    let places = places(found);
    let shown = found.rounded(places);
    let text = |amount: Pico| money(amount, places, currency);
    let signed = |amount: Pico| {
        if amount > Pico::ZERO { format!("+{}", text(amount)) } else { text(amount) }
    };
    output.line(format_args!(
        "cost  {} → {}   {}",
        text(shown.before),
        text(shown.after),
        signed(shown.delta)
    ))?;
    output.line("")?;
    let total = signed(shown.delta);
    let amounts: Vec<String> = shown.effects.iter().map(|(_, amount)| signed(*amount)).collect();
    let widest = amounts.iter().chain([&total]).map(|text| text.chars().count()).max();
    let width = widest.unwrap_or_default();
    let largest = shown.effects.iter().map(|(_, amount)| amount.0.unsigned_abs()).max();
    for ((driver, amount), text) in shown.effects.iter().zip(&amounts) {
        let bar = bar(amount.0.unsigned_abs(), largest.unwrap_or_default());
        let line = format!("  {:<16}  {text:>width$}   {bar}", driver.label());
        output.line(line.trim_end())?;
    }
    output.line(format_args!("  {:<16}  {}", "", "─".repeat(width)))?;
    output.line(format_args!("  {:<16}  {total:>width$}   adds up exactly", ""))?;
    where_it_is(found, output)?;
    for note in &found.notes {
        output.line(format_args!("note      {note}"))?;
    }
    Ok(())
}

/// The cells that moved most in the direction of the change, when there are several.
fn where_it_is(found: &Decomposition, output: &mut Output) -> anyhow::Result<()> {
    let sign = found.delta.0.signum();
    let along = |delta: Pico| delta.0.saturating_mul(sign);
    let mut cells: Vec<_> = found.by_cell.iter().filter(|cell| along(cell.delta) > 0).collect();
    if found.by_cell.len() < 2 || cells.is_empty() {
        return Ok(());
    }
    cells.sort_by_key(|cell| std::cmp::Reverse(along(cell.delta)));
    output.line("")?;
    for (index, cell) in cells.iter().take(CELLS_SHOWN).enumerate() {
        let dims: Vec<String> =
            cell.cell.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let share = explain::percent(cell.delta, found.delta, 1).unwrap_or_default();
        output.line(format_args!(
            "{:<9} {} ({share} % of it)",
            if index == 0 { "where" } else { "" },
            printable(&dims.join(", ")),
        ))?;
    }
    Ok(())
}

/// Decimals at which the largest effect has at least three digits, where money has them.
fn places(found: &Decomposition) -> u32 {
    let largest = found.effects.iter().map(|effect| effect.amount.0.unsigned_abs()).max();
    match largest.unwrap_or_default() {
        0 | 1_000_000_000_000.. => 2,
        100_000_000.. => 6,
        _ => Pico::SCALE,
    }
}

fn money(amount: Pico, places: u32, currency: Currency) -> String {
    if places == 2 {
        return Money { amount, currency }.to_string();
    }
    let sign = if amount < Pico::ZERO { "−" } else { "" };
    let digits = amount.to_display(places).to_string();
    let digits = digits.trim_start_matches('-');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number = format!("{whole}.{fraction:0<width$}", width = places as usize);
    if currency == Currency::USD {
        format!("{sign}${number}")
    } else {
        format!("{sign}{number} {currency}")
    }
}

/// A bar of eighths, `BAR_CHARS` wide for the largest amount; anything above zero shows.
fn bar(amount: u128, largest: u128) -> String {
    let eighths = amount
        .saturating_mul(BAR_CHARS * 8)
        .checked_div(largest)
        .map_or(0, |eighths| if amount > 0 { eighths.max(1) } else { 0 });
    let full = "█".repeat(usize::try_from(eighths / 8).unwrap_or_default());
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let part = usize::try_from(eighths % 8).ok().and_then(|index| part.get(index));
    format!("{full}{}", part.unwrap_or(&""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_small_amounts() {
        assert_eq!(bar(10, 10).chars().count(), 20);
        assert_eq!(bar(1, 1_000_000), "▏");
        assert_eq!(bar(0, 10), "");
        assert_eq!(bar(0, 0), "");
        assert_eq!(money("0.0042".parse().unwrap(), 6, Currency::USD), "$0.004200");
        assert_eq!(money("-1.5".parse().unwrap(), 2, Currency::EUR), "−1.50 EUR");
    }
}
