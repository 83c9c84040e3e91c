//! `centinel reconcile`: priced calls against invoice rows, the gap split by cause.

mod close;
mod ledger_file;
mod print;
mod sides;

use std::path::PathBuf;

use centinel_engine::{
    money::{Currency, Decimal},
    period::Period,
    pricing::PriceBook,
    reconcile::{CostBasis, Options, Statement, reconcile},
};
use jiff::civil::Date;

use self::sides::Sides;
use crate::{
    context::{self, Context},
    failure::usage,
    output::{Outcome, Output},
};

/// Compares priced calls with the rows of an invoice, and splits the gap by cause, exactly.
///
/// What the data cannot tell apart is unexplained, with the candidates named. Needs no home, server
/// or network when both sides are files.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    books: Option<close::Command>,
    /// Priced calls: JSON lines as `price` reads or prints them, any call log that `import` reads,
    /// or a home. Without it, the home.
    #[arg(long, value_name = "FILE|HOME")]
    ledger: Vec<PathBuf>,
    /// The input of `price`, for answers of `price` without it (joined by `id`).
    #[arg(long, value_name = "FILE", requires = "ledger")]
    usage: Option<PathBuf>,
    /// Bills or cost reports, in any format that `import` reads. Without it, the sources of the home
    /// that were imported with `--invoice`.
    #[arg(long, value_name = "FILE")]
    invoice: Vec<PathBuf>,
    /// The price book in force (`builtin`, `litellm:FILE`, or a native book), then others whose
    /// prices may be the other side's, such as list prices beside a contract.
    #[arg(long, value_name = "BOOK", default_value = "builtin")]
    book: Vec<String>,
    /// `2026-10` or `2026-10-05`; all of both sides without it.
    #[arg(long, value_name = "MONTH|DAY", conflicts_with_all = ["from", "until"])]
    period: Option<String>,
    /// First day counted, UTC.
    #[arg(long, value_name = "DAY", requires = "until")]
    from: Option<Date>,
    /// The day after the last one counted, UTC.
    #[arg(long, value_name = "DAY", requires = "from")]
    until: Option<Date>,
    /// Compare with `effective` (amortised) instead of `billed` costs.
    #[arg(long, value_name = "COST", default_value = "billed", value_parser = ["billed", "effective"])]
    basis: String,
    /// Currency of costs that state none.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: Currency,
    /// What one unit of the ledger's currency is in the invoice's: `USD:EUR=0.92`. Without it, the
    /// rate that the lines have in common.
    #[arg(long, value_name = "FROM:TO=RATE")]
    rate: Vec<String>,
    /// Unexplained share of the invoice, in percent, from which on there is a finding.
    #[arg(long, value_name = "PERCENT", default_value = "1")]
    threshold: Decimal,
    /// How many parts of the gap to list, the largest first; 0 lists all.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    parts: usize,
}

pub(crate) fn run(
    args: &Args,
    context: &dyn Fn() -> anyhow::Result<Context>,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    if let Some(command) = &args.books {
        return close::run(command, &context()?, output);
    }
    let period = period(args)?;
    let basis = if args.basis == "effective" { CostBasis::Effective } else { CostBasis::Billed };
    let mut books: Vec<PriceBook> = Vec::new();
    for name in &args.book {
        let opened = centinel_app::open_book(name, std::path::Path::new(""));
        books.push(opened.map_err(context::explain)?.book.holding_for_all_time());
    }
    let rates = args.rate.iter().map(|text| rate(text)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut sides = Sides::new(args.currency, basis, books.first());
    sides.read(args, context, period)?;
    let Sides { calls, rows, rejections, .. } = sides;
    let books: Vec<&PriceBook> = books.iter().collect();
    let options = Options { period, books: &books, rates: &rates };
    let statements = reconcile(&calls, &rows, &options)?;
    let share = args.threshold.checked_mul(Decimal::new(1, 2)?)?;
    if output.json {
        print::json(&statements, &rejections, share, args.parts, output)?;
    } else {
        print::tables(&statements, share, args.parts, output)?;
    }
    rejections.note(output);
    Ok(if rejections.is_empty() { Outcome::Done } else { Outcome::SomeRejected })
}

/// Whether too much of an invoice is unexplained.
fn is_finding(statement: &Statement, share: Decimal) -> bool {
    statement.unexplained_share.is_some_and(|unexplained| unexplained > share)
        || (statement.invoice.is_zero() && !statement.unexplained.is_zero())
}

fn period(args: &Args) -> anyhow::Result<Option<Period>> {
    if let (Some(from), Some(until)) = (args.from, args.until) {
        let period = Period::days(from, until);
        return period.map(Some).map_err(|error| {
            usage(error.to_string(), "`--until` is the day after the last one counted")
        });
    }
    args.period.as_deref().map(named_period).transpose()
}

/// A month or a day.
pub(super) fn named_period(text: &str) -> anyhow::Result<Period> {
    let wrong = || {
        let shown: String = text.chars().take(40).collect();
        usage(
            format!("`{shown}` is no period"),
            "write a month as `2026-10`, a day as `2026-10-05`",
        )
    };
    let (first, span) = match text.parse::<Date>() {
        Ok(day) => (day, jiff::Span::new().days(1)),
        Err(_) => {
            let first = format!("{text}-01").parse::<Date>().map_err(|_| wrong())?;
            (first, jiff::Span::new().months(1))
        }
    };
    let after = first.checked_add(span).map_err(|_| wrong())?;
    Period::days(first, after).map_err(|_| wrong())
}

fn rate(text: &str) -> anyhow::Result<(Currency, Currency, Decimal)> {
    let wrong = || {
        let shown: String = text.chars().take(40).collect();
        usage(format!("`{shown}` is no rate"), "write it as `USD:EUR=0.92`")
    };
    let (pair, rate) = text.split_once('=').ok_or_else(wrong)?;
    let (from, to) = pair.split_once(':').ok_or_else(wrong)?;
    let rate: Decimal = rate.parse().map_err(|_| wrong())?;
    if rate <= Decimal::ZERO {
        return Err(wrong());
    }
    Ok((from.parse()?, to.parse()?, rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_and_rates() {
        assert_eq!(named_period("2026-10").unwrap().to_string(), "2026-10-01 to 2026-10-31");
        assert_eq!(named_period("2026-10-05").unwrap().to_string(), "2026-10-05");
        for wrong in ["2026", "2026-13", "october", "2026-10-32"] {
            assert!(named_period(wrong).is_err(), "{wrong}");
        }
        assert_eq!(rate("USD:EUR=0.92").unwrap().2.to_string(), "0.92");
        for wrong in ["USD=0.9", "USD:EUR", "USD:EUR=0", "USD:EUR=x"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
