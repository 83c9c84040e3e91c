//! `localize`: which combinations of dimension values a change of cost is in.

use std::{io::Read, path::PathBuf};

use anyhow::Context as _;
use centinel_engine::{
    localize::{self, Cause, Config, Leaves, Localization},
    money::{Currency, Decimal},
};
use serde::Serialize;

use crate::{
    failure::{hinted, single_line},
    output::{Outcome, Output},
    rows::{Placed, Rows},
    text::printable,
};

/// Most rows read.
const ROWS_MAX: u64 = 1_000_000;
/// Most dimensions: combinations double with each.
const DIMENSIONS_MAX: usize = 16;
/// Rejected rows that are named on standard error; all are in the JSON.
const NAMED_MAX: usize = 10;
const BAR_CHARS: usize = 20;

/// Find the combinations of dimension values that a change of cost is in.
///
/// Reads one row a leaf: dimension columns, `real` (what it cost) and `predict` (what was expected, or
/// the cost before).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// CSV with a header, also `.gz` or `.zst`; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    leaves: PathBuf,
    /// Most causes that are named; the rest is residual.
    #[arg(long, value_name = "K", default_value_t = 10)]
    top: usize,
    /// Currency of the amounts.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: Currency,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    currency: Currency,
    #[serde(flatten)]
    found: &'a Localization,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rejected: &'a [RejectedRow],
}

/// A row that was left out.
#[derive(Debug, Serialize)]
struct RejectedRow {
    /// Line of the file, the header being the first.
    line: u64,
    reason: String,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    let (leaves, rejected) = centinel_ingest::open(&args.leaves)
        .map_err(anyhow::Error::from)
        .and_then(read_leaves)
        .with_context(|| format!("reading leaves from `{}`", args.leaves.display()))?;
    let name_rejected = |output: &mut Output| {
        for row in rejected.iter().take(NAMED_MAX) {
            output.note(format_args!("line {}: {}", row.line, printable(&row.reason)));
        }
    };
    let found = match localize::localize(&leaves, args.top, &Config::published()) {
        Ok(found) => found,
        Err(error) => {
            name_rejected(output);
            return Err(hinted(
                error.to_string(),
                format!("{} rows were read, and {} more rejected", leaves.len(), rejected.len()),
            ));
        }
    };
    if output.json {
        output.json_line(&Answer {
            currency: args.currency,
            found: &found,
            rejected: &rejected,
        })?;
    } else {
        print(&found, leaves.len(), args.currency, output)?;
    }
    if rejected.is_empty() {
        return Ok(Outcome::Done);
    }
    name_rejected(output);
    output.note(format_args!("{} rows rejected", rejected.len()));
    Ok(Outcome::SomeRejected)
}

fn read_leaves(input: impl Read) -> anyhow::Result<(Leaves, Vec<RejectedRow>)> {
    let mut rows = Rows::open(input)?;
    let columns = Columns::of(rows.header())?;
    let mut leaves =
        Leaves::of_dimensions(columns.dimensions.iter().map(|(name, _)| name.as_str()))
            .map_err(|error| hinted(error.to_string(), "name every column once"))?;
    let mut rejected = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut count = 0_u64;
    while let Some(Placed { line, read, .. }) = rows.next_into(&mut record)? {
        let taken = read.and_then(|()| columns.leaf(&record, &mut leaves));
        if let Err(reason) = taken {
            rejected.push(RejectedRow { line, reason });
        }
        count = count.saturating_add(1);
        if count > ROWS_MAX {
            return Err(hinted(
                format!("more than {ROWS_MAX} rows"),
                "give one row a leaf, summed over time",
            ));
        }
    }
    Ok((leaves, rejected))
}

/// Where each column stands.
#[derive(Debug)]
struct Columns {
    dimensions: Vec<(String, usize)>,
    real: usize,
    predict: usize,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> anyhow::Result<Self> {
        let mut dimensions: Vec<(String, usize)> = Vec::new();
        let (mut real, mut predict) = (None, None);
        for (index, name) in header.iter().enumerate() {
            let name = name.trim();
            let twice = match name {
                "real" => real.replace(index).is_some(),
                "predict" => predict.replace(index).is_some(),
                _ => {
                    let known = dimensions.iter().any(|(other, _)| other == name);
                    dimensions.push((name.to_owned(), index));
                    known
                }
            };
            if twice {
                return Err(hinted(
                    format!("column `{}` is there twice", printable(name)),
                    "name every column once",
                ));
            }
        }
        let needs = |name: &str| {
            hinted(
                format!("column `{name}` is missing"),
                "the header needs `real`, `predict` and a column a dimension",
            )
        };
        let real = real.ok_or_else(|| needs("real"))?;
        let predict = predict.ok_or_else(|| needs("predict"))?;
        if dimensions.is_empty() {
            return Err(hinted(
                "no dimension in the header",
                "every column but `real` and `predict` is a dimension",
            ));
        }
        if dimensions.len() > DIMENSIONS_MAX {
            return Err(hinted(
                format!("{} dimensions where {DIMENSIONS_MAX} are the most", dimensions.len()),
                "leave out what does not tell leaves apart, or cannot be a cause",
            ));
        }
        Ok(Self { dimensions, real, predict })
    }

    /// Adds the leaf of a row, or says why there is none.
    fn leaf(&self, record: &csv::StringRecord, leaves: &mut Leaves) -> Result<(), String> {
        let field = |index: usize| record.get(index).unwrap_or_default().trim();
        let amount = |name: &str, index: usize| match field(index) {
            "" => Err(format!("{name} is empty")),
            text => text.parse::<Decimal>().map_err(|error| format!("{name}: {error}")),
        };
        let (real, predict) = (amount("real", self.real)?, amount("predict", self.predict)?);
        let values: Vec<&str> = self.dimensions.iter().map(|(_, index)| field(*index)).collect();
        leaves.push(&values, real, predict).map_err(|error| error.to_string())
    }
}

fn print(
    found: &Localization,
    leaves: usize,
    currency: Currency,
    output: &mut Output,
) -> anyhow::Result<()> {
    output.line(format_args!(
        "cost  {} → {}   {} {currency} over {leaves} leaves",
        found.predict,
        found.real,
        signed(found.delta)
    ))?;
    output.line("")?;
    if let Some(common) = found.common_change_ratio {
        let beside = if found.causes.is_empty() { "" } else { "; beside that:" };
        output.line(format_args!("everything changed by about {} %{beside}", percent(common)))?;
    }
    if found.causes.is_empty() {
        return Ok(output.line(if found.spread {
            "spread over everything: no combination of values has more of it than chance would give it"
        } else {
            "nothing changed beyond chance"
        })?);
    }
    let lines: Vec<(String, String, Option<Decimal>, String)> = found
        .causes
        .iter()
        .map(|cause| {
            let each = format!("leaves {} % each", percent(cause.change_ratio));
            (place(cause), signed(cause.delta), cause.share_explained, each)
        })
        .chain([("elsewhere".to_owned(), signed(found.residual), None, String::new())])
        .collect();
    let places = lines.iter().map(|line| line.0.chars().count()).max().unwrap_or_default();
    let amounts = lines.iter().map(|line| line.1.chars().count()).max().unwrap_or_default();
    for (place, amount, share, each) in &lines {
        let (bar, share) = match share {
            Some(share) => (bar(share.to_f64()), format!("{} % of it, ", percent(*share))),
            None => (String::new(), String::new()),
        };
        let line =
            format!("  {place:<places$}  {amount:>amounts$}   {bar:<BAR_CHARS$}  {share}{each}");
        output.line(line.trim_end())?;
    }
    output.line(format_args!("  {:places$}  {}", "", "─".repeat(amounts)))?;
    output.line(format_args!(
        "  {:places$}  {:>amounts$}   adds up exactly",
        "",
        signed(found.delta)
    ))?;
    Ok(())
}

fn place(cause: &Cause) -> String {
    let values: Vec<String> =
        cause.place.iter().map(|(name, value)| format!("{name}={value}")).collect();
    single_line(&values.join(", "))
}

fn signed(amount: Decimal) -> String {
    if amount > Decimal::ZERO { format!("+{amount}") } else { amount.to_string() }
}

/// A ratio as a signed percentage at one decimal, for reading.
fn percent(ratio: Decimal) -> String {
    format!("{:+.1}", ratio.to_f64() * 100.0)
}

/// A bar for a share; what exceeds all of it, or runs against it, is cut off.
fn bar(share: f64) -> String {
    let chars = (0..BAR_CHARS).zip(0_u32..).filter(|(_, index)| f64::from(*index) < share * 20.0);
    "█".repeat(chars.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_rows_are_kept_with_line_and_reason() {
        let (leaves, rejected) =
            read_leaves("team,real,predict\na,1,1\nb,x,1\nc,2\nd,,1\ne,-1,1e-3\n".as_bytes())
                .unwrap();
        let rejected: Vec<_> = rejected.iter().map(|row| (row.line, row.reason.as_str())).collect();
        assert_eq!(
            rejected,
            [
                (3, "real: `x` is not a decimal number"),
                (4, "2 fields where the header has 3"),
                (5, "real is empty"),
            ]
        );
        assert_eq!(leaves.len(), 2);
    }

    #[test]
    fn headers_must_be_whole_and_unique() {
        for header in
            ["", "team,real", "real,predict", "team,team,real,predict", "a,real,real,predict"]
        {
            assert!(read_leaves(format!("{header}\n").as_bytes()).is_err(), "{header}");
        }
    }

    #[test]
    fn bars_are_as_long_as_shares() {
        assert_eq!(
            ["-0.5", "0", "0.5", "1", "2"].map(|share| bar(share.parse().unwrap()).chars().count()),
            [0, 0, 10, 20, 20]
        );
    }
}
