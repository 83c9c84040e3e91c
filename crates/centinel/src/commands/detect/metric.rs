//! `detect --mode metric`: how surprising each value of one metric is.

use std::{io::Read, path::Path};

use centinel_engine::anomaly::{MetricConfig, MetricDetector};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::Serialize;

use crate::{
    daily::{Rejected, Row, header},
    output::Output,
    rows::{Placed, Rows},
};

/// Rows that are shown to a person.
const ROWS_SHOWN: usize = 20;
/// Epoch numbers from here on count milliseconds: in seconds this is the year 5138.
const EPOCH_SECONDS_MAX: i64 = 100_000_000_000;

/// One value, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Judged<'a> {
    /// As the file writes it.
    timestamp: &'a str,
    score: f64,
}

/// Judges the rows in file order and prints each as it is read.
pub(super) fn run(
    input: impl Read,
    path: &Path,
    output: &mut Output,
    rejected: &mut Rejected,
) -> anyhow::Result<()> {
    let mut rows = Rows::open(input)?;
    let columns = header(&rows, &["timestamp", "value"])?;
    let mut detector = MetricDetector::new(MetricConfig::published());
    let mut record = csv::StringRecord::new();
    let mut judged = 0_u64;
    let mut highest: Vec<(f64, u64, String)> = Vec::new();
    while let Some(Placed { line, read, .. }) = rows.next_into(&mut record)? {
        let row = Row { columns: &columns, record: &record };
        let timestamp = row.text("timestamp");
        let at_and_value = read
            .and_then(|()| second_of_day(timestamp))
            .and_then(|second| Ok((second, value(row.text("value"))?)));
        match at_and_value {
            Ok((second, value)) => {
                let score = detector.judge(second, value);
                judged = judged.saturating_add(1);
                if output.json {
                    output.json_line(&Judged { timestamp, score })?;
                } else if score >= 0.5 {
                    highest.push((score, line, timestamp.to_owned()));
                    if highest.len() > ROWS_SHOWN.saturating_mul(50) {
                        keep_highest(&mut highest);
                    }
                }
            }
            Err(reason) => rejected.in_place(path, line, reason, output)?,
        }
    }
    if !output.json {
        keep_highest(&mut highest);
        output.line(format_args!(
            "{judged} values; those whose surprise is rarer than a thousandth, highest score first"
        ))?;
        for (score, line, timestamp) in &highest {
            let timestamp = crate::failure::single_line(timestamp);
            output.line(format_args!("  {score:.3}  {timestamp}  line {line}"))?;
        }
    }
    Ok(())
}

fn keep_highest(rows: &mut Vec<(f64, u64, String)>) {
    rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    rows.truncate(ROWS_SHOWN);
}

/// Reads a date with a time, with or without an offset, or an epoch number.
fn second_of_day(text: &str) -> Result<u32, String> {
    let instant = text.parse::<Timestamp>().ok().or_else(|| {
        let number: i64 = text.parse().ok()?;
        if number.abs() < EPOCH_SECONDS_MAX {
            Timestamp::from_second(number).ok()
        } else {
            Timestamp::from_millisecond(number).ok()
        }
    });
    let time = match instant {
        Some(instant) => instant.to_zoned(TimeZone::UTC).time(),
        None => text
            .parse::<DateTime>()
            .map_err(|_| {
                format!("timestamp `{}` is not written as 2026-10-31T14:05:00Z", short(text))
            })?
            .time(),
    };
    let part = |part: i8| u32::from(part.unsigned_abs());
    Ok(part(time.hour()) * 3600 + part(time.minute()) * 60 + part(time.second()))
}

fn value(text: &str) -> Result<f64, String> {
    if text.is_empty() {
        return Err("value is empty".to_owned());
    }
    let value: f64 =
        text.parse().map_err(|_| format!("value `{}` is not a number", short(text)))?;
    if !MetricDetector::can_judge(value) {
        return Err(format!("value `{}` is not a finite number", short(text)));
    }
    Ok(value)
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_as_files_write_them() {
        for (text, second) in [
            ("2014-04-01 00:05:07", 307),
            ("2014-04-01T00:05:07.250000", 307),
            ("2014-04-01T02:05:07+02:00", 307),
            ("2014-04-01T00:05:07Z", 307),
            ("2014-04-01", 0),
            ("1396310707", 307),
            ("1396310707000", 307),
        ] {
            assert_eq!(second_of_day(text), Ok(second), "{text}");
        }
        for text in ["", "yesterday", "2014-13-01 00:00:00", "12.5"] {
            assert!(second_of_day(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_finite_numbers() {
        assert_eq!(value("-1.5e3"), Ok(-1500.0));
        for text in ["", "NaN", "inf", "-infinity", "1e999", "1,5", "n/a"] {
            assert!(value(text).is_err(), "{text}");
        }
    }
}
