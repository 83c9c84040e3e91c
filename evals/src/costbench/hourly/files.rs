//! Worlds as the engine and as `centinel detect` take them.

use std::{fs, path::Path};

use centinel_engine::anomaly::{Calendar, HourlySeries, Planned, Point};
use jiff::{
    ToSpan as _,
    civil::{DateTime, Time},
};
use serde::Serialize;

use super::{
    super::{START, date_of},
    generate::{Event, LabelledSeries, MUTED_DAYS, holidays},
};

/// A row of `series.csv`.
#[derive(Debug, Serialize)]
struct Row<'a> {
    series: &'a str,
    family: &'a str,
    date: String,
    outputs: f64,
    calls: f64,
    tok_in: f64,
    tok_out: f64,
    cost: f64,
    asof_factor: f64,
}

/// A row of `calendar.csv`.
#[derive(Debug, Serialize)]
struct CalendarRow<'a> {
    series: &'a str,
    kind: &'a str,
    date: String,
    until: String,
}

/// The start of the first hour.
pub(crate) fn first_hour() -> DateTime {
    START.to_datetime(Time::midnight())
}

/// As the detector takes it; cloud spend has no calls.
pub(crate) fn to_series(series: &LabelledSeries) -> HourlySeries {
    let has_calls = !series.family.is_cloud();
    let points = series.hours.iter().map(|hour| {
        let count = |count: f64| has_calls.then_some(count);
        Point {
            visible_share: hour.visible_share,
            outputs: Some(hour.outputs),
            calls: count(hour.calls),
            tokens_in: count(hour.tokens_in),
            tokens_out: count(hour.tokens_out),
            ..Point::of_cost(hour.cost)
        }
    });
    HourlySeries { name: series.name.clone(), first_hour: first_hour(), points: points.collect() }
}

/// Holidays and planned changes.
pub(crate) fn calendar(world: &[LabelledSeries]) -> Calendar {
    let mut calendar = Calendar::default();
    for day in holidays() {
        calendar.holiday("*", date_of(day));
    }
    for series in world {
        for event in &series.planned {
            let (day, until) = planned_days(event);
            let planned = Planned { day: date_of(day), until: date_of(until) };
            calendar.planned(&series.name, planned);
        }
    }
    calendar
}

fn planned_days(event: &Event) -> (usize, usize) {
    let day = event.start / 24;
    (day, day + MUTED_DAYS)
}

/// Writes `series.csv`, `calendar.csv` and `labels.json`.
pub(crate) fn write(world: &[LabelledSeries], folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let mut rows = csv::Writer::from_path(folder.join("series.csv"))?;
    for series in world {
        let of_series = to_series(series);
        for (number, point) in of_series.points.iter().enumerate() {
            let start = of_series.first_hour.saturating_add((number as i64).hours());
            rows.serialize(Row {
                series: &series.name,
                family: series.family.name(),
                date: format!("{}T{:02}:00:00Z", start.date(), start.hour()),
                outputs: point.outputs.unwrap_or(0.0),
                calls: point.calls.unwrap_or(0.0),
                tok_in: point.tokens_in.unwrap_or(0.0),
                tok_out: point.tokens_out.unwrap_or(0.0),
                cost: point.cost,
                asof_factor: point.visible_share,
            })?;
        }
    }
    rows.flush()?;
    let mut rows = csv::Writer::from_path(folder.join("calendar.csv"))?;
    for day in holidays() {
        let date = date_of(day).to_string();
        rows.serialize(CalendarRow { series: "*", kind: "holiday", until: date.clone(), date })?;
    }
    for series in world {
        for event in &series.planned {
            let (day, until) = planned_days(event);
            rows.serialize(CalendarRow {
                series: &series.name,
                kind: "planned",
                date: date_of(day).to_string(),
                until: date_of(until).to_string(),
            })?;
        }
    }
    rows.flush()?;
    let of_event = |event: &Event| {
        serde_json::json!({
            "type": event.kind, "start_hour": event.start, "end_hour": event.end,
            "mag": event.magnitude,
        })
    };
    let labels: serde_json::Map<String, serde_json::Value> = world
        .iter()
        .map(|series| {
            let labels: Vec<_> = series.unplanned.iter().map(of_event).collect();
            let planned: Vec<_> = series.planned.iter().map(of_event).collect();
            let of_series = serde_json::json!({
                "family": series.family, "labels": labels, "planned": planned,
            });
            (series.name.clone(), of_series)
        })
        .collect();
    fs::write(folder.join("labels.json"), serde_json::to_vec_pretty(&labels)?)?;
    Ok(())
}
