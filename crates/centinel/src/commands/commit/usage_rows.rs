//! Hourly usage from CSV: `timestamp`, then one amount column a SKU.

use std::io::Read;

use anyhow::Context as _;
use centinel_engine::{
    commitment::{HourlyUsage, Rejected, UsageError, UsageHour},
    money::Decimal,
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::RejectedRow;
use crate::{
    failure::hinted,
    rows::{Placed, Rows},
};

/// Reads all hours that can be used, and why the other rows cannot.
pub(super) fn read(
    input: impl Read,
    file: &str,
) -> anyhow::Result<(HourlyUsage, Vec<RejectedRow>)> {
    let mut table = Rows::open(input).with_context(|| format!("reading `{file}`"))?;
    let header = table.header().clone();
    let Some(time) = header.iter().position(|name| name.eq_ignore_ascii_case("timestamp")) else {
        return Err(hinted(
            format!("`{file}` has no `timestamp` column"),
            "the header is `timestamp,usage_on_demand_cost`, or `timestamp` and one column a SKU",
        ));
    };
    let columns = || header.iter().enumerate().filter(|(column, _)| *column != time);
    let skus: Vec<String> = columns().map(|(_, name)| name.to_owned()).collect();

    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    let mut record = csv::StringRecord::new();
    while let Some(Placed { row, read, .. }) =
        table.next_into(&mut record).with_context(|| format!("reading `{file}`"))?
    {
        // As a spreadsheet counts: the header is row 1.
        let row = row.saturating_add(1);
        match read.and_then(|()| parse(&record, time, columns())) {
            Ok((start, on_demand_cost)) => rows.push(UsageHour { row, start, on_demand_cost }),
            Err(reason) => rejected.push(RejectedRow { row, reason }),
        }
        if rows.len() > 2 * HourlyUsage::HOURS_MAX {
            break; // The engine refuses so many, and says so.
        }
    }
    let as_rejected =
        |each: Rejected| RejectedRow { row: each.row, reason: each.reason.to_string() };
    let usage = match HourlyUsage::from_rows(skus, rows) {
        Ok((usage, refused)) => {
            rejected.extend(refused.into_iter().map(as_rejected));
            usage
        }
        Err(UsageError::NoHours { rejected: refused }) => {
            rejected.extend(refused.into_iter().map(as_rejected));
            let first = rejected.iter().min();
            let first = first.map(|first| format!(": row {}: {}", first.row, first.reason));
            let first = first.unwrap_or_default();
            return Err(anyhow::anyhow!("`{file}` has no valid hour of usage{first}"));
        }
        Err(error) => return Err(error).with_context(|| format!("`{file}`")),
    };
    rejected.sort_unstable();
    Ok((usage, rejected))
}

fn parse<'a>(
    record: &csv::StringRecord,
    time: usize,
    columns: impl Iterator<Item = (usize, &'a str)>,
) -> Result<(Timestamp, Vec<Decimal>), String> {
    let text = record.get(time).unwrap_or_default();
    let start =
        instant(text).ok_or_else(|| format!("`timestamp` `{}` is not a time", cut(text)))?;
    let amounts = columns
        .map(|(column, name)| match record.get(column) {
            None | Some("") => Err(format!("`{}` is empty", cut(name))),
            Some(text) => text.parse().map_err(|error| format!("`{}`: {error}", cut(name))),
        })
        .collect::<Result<_, _>>()?;
    Ok((start, amounts))
}

/// RFC 3339, or the same without a zone, which is UTC.
fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(text: &str) -> (usize, Vec<(u64, String)>) {
        let (usage, rejected) = read(text.as_bytes(), "usage.csv").unwrap();
        (usage.hours().len(), rejected.into_iter().map(|each| (each.row, each.reason)).collect())
    }

    fn failure_of(text: &str) -> String {
        format!("{:#}", read(text.as_bytes(), "usage.csv").unwrap_err())
    }

    #[test]
    fn bad_rows_are_named_and_the_others_kept() {
        let (hours, rejected) = rows_of(
            "timestamp,usage_on_demand_cost\n\
             2026-10-01T00:00:00Z,1.25\n\
             2026-10-01 01:00:00,2\n\
             yesterday,2\n\
             2026-10-01T02:00:00Z,\"1,204.50\"\n\
             2026-10-01T02:00:00Z,\n\
             2026-10-01T02:00:00Z,-1\n\
             2026-10-01T01:00:00Z,7\n\
             2026-10-01T02:00:00+00:00,3\n",
        );
        assert_eq!(hours, 3);
        let expected = [
            (4, "`timestamp` `yesterday` is not a time"),
            (5, "`usage_on_demand_cost`: `1,204.50` is not a decimal (no thousands separators)"),
            (6, "`usage_on_demand_cost` is empty"),
            (7, "`usage_on_demand_cost` is negative: -1"),
            (8, "hour `2026-10-01T01:00:00Z` is already given in row 3"),
        ];
        assert_eq!(rejected, expected.map(|(row, reason)| (row, reason.to_owned())));
    }

    #[test]
    fn files_without_a_usable_row_fail() {
        assert_eq!(failure_of(""), "reading `usage.csv`: the input is empty");
        assert_eq!(failure_of("time\n"), "`usage.csv` has no `timestamp` column");
        assert_eq!(failure_of("timestamp\n"), "`usage.csv`: usage has no amount column");
        assert_eq!(failure_of("timestamp,cost\n"), "`usage.csv` has no valid hour of usage");
        assert_eq!(
            failure_of("timestamp,cost\n2026-10-01T00:00:00Z,-1\nnow,1\n"),
            "`usage.csv` has no valid hour of usage: row 2: `cost` is negative: -1"
        );
    }
}
