//! `decompose`: a change of cost, split over its drivers to the last decimal.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::Context as _;
use centinel_engine::{
    explain::{self, Cell, Decomposition, Scale, Side, UnitPrices},
    money::{Currency, Decimal},
};
use serde::Serialize;

use crate::{
    failure::hinted,
    output::{Outcome, Output},
    rows::{Placed, Rows},
    text::printable,
    waterfall,
};

/// Most rows read; past this a file is not a table of cells.
const ROWS_MAX: u64 = 1_000_000;
/// Rejected rows that are named on standard error; all are in the JSON.
const NAMED_MAX: usize = 10;

/// Split a change of cost into its drivers, exactly.
///
/// Reads one row a cell and side: dimension columns, `side` (`before` or `after`), `outputs`,
/// `calls`, `tok_in` (cached ones included), `tok_cached`, `tok_out`, `cost`, and where known
/// `tok_reasoning`, `unit_price_in`, `unit_price_cached`, `unit_price_out` (each per token).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// CSV with a header, also `.gz` or `.zst`; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    cells: PathBuf,
    /// Dimensions between whose values calls may move; the others make the groups [default: model].
    #[arg(long, value_name = "DIMENSION", value_delimiter = ',')]
    mix: Vec<String>,
    /// Currency of the costs.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: Currency,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    currency: Currency,
    #[serde(flatten)]
    decomposition: &'a Decomposition,
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
    let mut table = centinel_ingest::open(&args.cells)
        .map_err(anyhow::Error::from)
        .and_then(read_table)
        .with_context(|| format!("reading cells from `{}`", args.cells.display()))?;
    let mix = if args.mix.is_empty() && table.dimensions.contains("model") {
        vec!["model".to_owned()]
    } else {
        args.mix.clone()
    };
    if let Some(unknown) = mix.iter().find(|name| !table.dimensions.contains(*name)) {
        let known: Vec<_> = table.dimensions.iter().map(|name| format!("`{name}`")).collect();
        return Err(hinted(
            format!("`--mix {unknown}` is not a dimension of the cells"),
            format!("the dimensions are {}", known.join(", ")),
        ));
    }
    let decomposition = match explain::decompose(&table.cells, &mix, Scale::ONE) {
        Ok(decomposition) => decomposition,
        Err(error) => {
            for row in table.rejected.iter().take(NAMED_MAX) {
                output.note(format_args!("line {}: {}", row.line, printable(&row.reason)));
            }
            return Err(hinted(
                error.to_string(),
                format!("{} of {} rows were rejected", table.rejected.len(), table.rows),
            ));
        }
    };
    for cell in &decomposition.rejected {
        let line = table.lines.get(cell.index).copied().unwrap_or_default();
        table.rejected.push(RejectedRow { line, reason: cell.reason.to_string() });
    }
    table.rejected.sort_by_key(|row| row.line);
    if output.json {
        output.json_line(&Answer {
            currency: args.currency,
            decomposition: &decomposition,
            rejected: &table.rejected,
        })?;
    } else {
        waterfall::print(&decomposition, args.currency, output)?;
    }
    if table.rejected.is_empty() {
        return Ok(Outcome::Done);
    }
    for row in table.rejected.iter().take(NAMED_MAX) {
        output.note(format_args!("line {}: {}", row.line, printable(&row.reason)));
    }
    output.note(format_args!("{} of {} rows rejected", table.rejected.len(), table.rows));
    Ok(Outcome::SomeRejected)
}

/// The rows of a file, good and bad.
#[derive(Debug, Default)]
struct Table {
    dimensions: BTreeSet<String>,
    cells: Vec<Cell>,
    /// Line of each cell.
    lines: Vec<u64>,
    rejected: Vec<RejectedRow>,
    rows: u64,
}

fn read_table(input: impl std::io::Read) -> anyhow::Result<Table> {
    let mut rows = Rows::open(input)?;
    let columns = Columns::of(rows.header())?;
    let mut table =
        Table { dimensions: columns.dimensions.keys().cloned().collect(), ..Table::default() };
    let mut record = csv::StringRecord::new();
    while let Some(Placed { line, read, .. }) = rows.next_into(&mut record)? {
        match read.and_then(|()| columns.cell(&record)) {
            Ok(cell) => {
                table.cells.push(cell);
                table.lines.push(line);
            }
            Err(reason) => table.rejected.push(RejectedRow { line, reason }),
        }
        table.rows = table.rows.saturating_add(1);
        if table.rows > ROWS_MAX {
            return Err(hinted(
                format!("more than {ROWS_MAX} rows"),
                "give one row a cell and side, summed over time",
            ));
        }
    }
    Ok(table)
}

/// Where each column stands.
#[derive(Debug)]
struct Columns {
    dimensions: BTreeMap<String, usize>,
    side: usize,
    measures: BTreeMap<&'static str, usize>,
}

/// Columns that every file has. `outputs` may be missing where nothing counts them.
const REQUIRED: [&str; 5] = ["calls", "tok_in", "tok_cached", "tok_out", "cost"];
const OPTIONAL: [&str; 5] =
    ["outputs", "tok_reasoning", "unit_price_in", "unit_price_cached", "unit_price_out"];

impl Columns {
    fn of(header: &csv::StringRecord) -> anyhow::Result<Self> {
        let mut dimensions = BTreeMap::new();
        let mut measures = BTreeMap::new();
        let mut side = None;
        for (index, name) in header.iter().enumerate() {
            let name = name.trim();
            let measure = REQUIRED.into_iter().chain(OPTIONAL).find(|known| *known == name);
            let earlier = match measure {
                Some(measure) => measures.insert(measure, index),
                None if name == "side" => side.replace(index),
                None => dimensions.insert(name.to_owned(), index),
            };
            if earlier.is_some() {
                return Err(hinted(
                    format!("column `{}` is there twice", printable(name)),
                    "name every column once",
                ));
            }
        }
        let needs = |name: &str| {
            hinted(
                format!("column `{name}` is missing"),
                format!(
                    "the header needs `side`, {}",
                    REQUIRED.map(|c| format!("`{c}`")).join(", ")
                ),
            )
        };
        if let Some(missing) = REQUIRED.into_iter().find(|name| !measures.contains_key(name)) {
            return Err(needs(missing));
        }
        let side = side.ok_or_else(|| needs("side"))?;
        Ok(Self { dimensions, side, measures })
    }

    /// The cell of a row, or why there is none.
    fn cell(&self, record: &csv::StringRecord) -> Result<Cell, String> {
        let field = |index: usize| record.get(index).unwrap_or_default().trim();
        let side = match field(self.side) {
            "before" => Side::Before,
            "after" => Side::After,
            other => return Err(format!("side `{}` is neither `before` nor `after`", cut(other))),
        };
        let optional = |name: &str| -> Result<Option<Decimal>, String> {
            match self.measures.get(name).map(|index| field(*index)) {
                None | Some("") => Ok(None),
                Some(text) => text.parse().map(Some).map_err(|error| format!("{name}: {error}")),
            }
        };
        let required = |name: &str| optional(name)?.ok_or_else(|| format!("{name} is empty"));
        let calls = required("calls")?;
        Ok(Cell {
            dims: self
                .dimensions
                .iter()
                .map(|(name, index)| (name.clone(), field(*index).to_owned()))
                .collect(),
            side,
            // A file that counts no outputs has calls in their place.
            outputs: if self.measures.contains_key("outputs") {
                required("outputs")?
            } else {
                calls
            },
            calls,
            tokens_in: required("tok_in")?,
            tokens_cached: required("tok_cached")?,
            tokens_out: required("tok_out")?,
            tokens_reasoning: optional("tok_reasoning")?,
            cost: required("cost")?,
            unit_prices: UnitPrices {
                input: optional("unit_price_in")?,
                cached: optional("unit_price_cached")?,
                output: optional("unit_price_out")?,
            },
        })
    }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> anyhow::Result<Table> {
        read_table(text.as_bytes())
    }

    #[test]
    fn bad_rows_are_kept_with_line_column_and_value() {
        let table = table(
            "model,side,calls,tok_in,tok_cached,tok_out,cost\n\
             m,before,1,2,0,1,0.5\n\
             m,after,1,two,0,1,0.5\n\
             m,later,1,2,0,1,0.5\n\
             m,after,1\n\
             m,after,1,2,0,1,\n\
             m,after,1,2,0,1,1e-3\n",
        )
        .unwrap();
        let rejected: Vec<_> =
            table.rejected.iter().map(|row| (row.line, row.reason.as_str())).collect();
        assert_eq!(
            rejected,
            [
                (3, "tok_in: `two` is not a decimal number"),
                (4, "side `later` is neither `before` nor `after`"),
                (5, "3 fields where the header has 7"),
                (6, "cost is empty"),
            ]
        );
        assert_eq!((table.cells.len(), table.lines, table.rows), (2, vec![2, 7], 6));
        assert_eq!(table.cells[1].cost.to_string(), "0.001");
    }

    #[test]
    fn headers_must_be_whole_and_unique() {
        for header in ["", "side,calls", "side,side,calls,tok_in,tok_cached,tok_out,cost"] {
            assert!(table(&format!("{header}\n")).is_err(), "{header}");
        }
    }
}
