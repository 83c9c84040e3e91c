//! `commit`: what to commit to, and what existing commitments are worth.

mod focus_rows;
mod optimize;
mod report;
mod usage_rows;

use std::path::Path;

use centinel_engine::money::{Currency, Decimal, Money, Pico};
use clap::Subcommand;
use comfy_table::{CellAlignment, Table, presets::NOTHING};
use serde::Serialize;

use crate::output::{Outcome, Output};

/// Commitment discounts: savings plans, reservations, provisioned throughput.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The cheapest commitments for hours of usage, exactly, with a lower bound and the risk.
    Optimize(optimize::Args),
    /// Use, waste, coverage and savings of each commitment in a FOCUS file.
    Report(report::Args),
}

pub(crate) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Optimize(args) => optimize::run(args, output),
        Command::Report(args) => report::run(args, output),
    }
}

/// An input row that was left out. Rows are counted as a spreadsheet shows them: the header is row 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct RejectedRow {
    row: u64,
    reason: String,
}

/// Says on standard error which rows were left out.
fn note_rejected(output: &mut Output, file: &Path, rejected: &[RejectedRow]) {
    const SHOWN: usize = 10;
    if rejected.is_empty() {
        return;
    }
    output.note(format!("{} rows of `{}` rejected:", rejected.len(), file.display()));
    for RejectedRow { row, reason } in rejected.iter().take(SHOWN) {
        output.note(format!("  row {row}: {}", printable(reason)));
    }
    if rejected.len() > SHOWN {
        output.note(format!("  and {} more (all of them with --json)", rejected.len() - SHOWN));
    }
}

/// A table without borders: the first column is text, the others are numbers.
fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// `$1,234.50`; an amount that has no whole cents keeps its digits, so that a small price per hour
/// is not shown as nothing.
fn money(amount: Decimal, currency: Currency) -> String {
    let rounded = Pico::round_half_even(amount).map(|rounded| rounded.amount);
    match rounded {
        Ok(rounded)
            if amount.is_zero() || rounded >= Pico::ONE || rounded <= Pico(-Pico::ONE.0) =>
        {
            Money { amount: rounded, currency }.to_string()
        }
        _ => format!("{amount} {currency}"),
    }
}

/// A ratio in percent with one decimal; `–` when it is not known.
fn percent(ratio: Option<Decimal>) -> String {
    ratio
        .and_then(|ratio| {
            let hundredfold = ratio.checked_mul(Decimal::from_integer(100)).ok()?;
            hundredfold.quotient(Decimal::ONE, 1).ok()?
        })
        .map_or_else(|| "–".into(), |percent| format!("{percent} %"))
}

/// Imported text without the characters that steer a terminal.
fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_amounts_keep_their_digits() {
        let shown = |text: &str| money(text.parse().unwrap(), Currency::USD);
        assert_eq!(shown("1234.505"), "$1,234.50");
        assert_eq!(shown("0"), "$0.00");
        assert_eq!(shown("0.0035"), "0.0035 USD");
        assert_eq!(shown("-12"), "−$12.00");
        assert_eq!(percent(Some("0.109090909091".parse().unwrap())), "10.9 %");
        assert_eq!(percent(None), "–");
    }

    #[test]
    fn imported_text_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c"), "a [2Jb c");
    }
}
