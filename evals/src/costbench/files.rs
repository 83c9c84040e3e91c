//! The files of a world: `series.csv`, `calendar.csv`, `labels.json`, and alarms to score.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context as _, bail};
use jiff::civil::Date;
use serde::Deserialize;

use super::{
    DAYS, START, date_of, family,
    generate::{Day, LabelledSeries, World},
    labels::LabelsBySeries,
};

/// Days with an alarm, by series.
pub(crate) type AlarmDays = BTreeMap<String, BTreeSet<usize>>;

/// Writes the three files.
pub(crate) fn write(world: &World, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making `{}`", folder.display()))?;
    let mut series = csv::Writer::from_path(folder.join("series.csv"))?;
    series.write_record([
        "series",
        "family",
        "day",
        "date",
        "outputs",
        "calls",
        "tok_in",
        "tok_cached",
        "tok_out",
        "cost",
        "asof_factor",
    ])?;
    for labelled in &world.series {
        for (day, values) in labelled.days.iter().enumerate() {
            series.write_record([
                labelled.name.clone(),
                labelled.labels.family.name().to_owned(),
                day.to_string(),
                date_of(day).to_string(),
                values.outputs.to_string(),
                values.calls.to_string(),
                values.tokens_in.to_string(),
                values.tokens_cached.to_string(),
                values.tokens_out.to_string(),
                values.cost.to_string(),
                values.visible_share.to_string(),
            ])?;
        }
    }
    series.flush()?;
    let mut calendar = csv::Writer::from_path(folder.join("calendar.csv"))?;
    calendar.write_record(["series", "kind", "day", "until"])?;
    for day in family::holidays() {
        calendar.write_record(["*", "holiday", &day.to_string(), &day.to_string()])?;
    }
    for (name, event) in world.planned() {
        let (day, until) = (event.start.to_string(), (event.start + 7).to_string());
        calendar.write_record([name, "planned", &day, &until])?;
    }
    calendar.flush()?;
    let labels: LabelsBySeries = world
        .series
        .iter()
        .map(|labelled| (labelled.name.clone(), labelled.labels.clone()))
        .collect();
    fs::write(folder.join("labels.json"), serde_json::to_string_pretty(&labels)?)?;
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Row {
    series: String,
    day: usize,
    outputs: f64,
    calls: f64,
    tok_in: f64,
    tok_cached: f64,
    tok_out: f64,
    cost: f64,
    asof_factor: f64,
}

/// Reads a world back, for example one of the reference generator.
pub(crate) fn read(folder: &Path) -> anyhow::Result<World> {
    let labels = read_labels(folder)?;
    let path = folder.join("series.csv");
    let mut days: BTreeMap<String, Vec<Day>> = BTreeMap::new();
    let reader = csv::Reader::from_path(&path);
    for row in reader.with_context(|| format!("reading `{}`", path.display()))?.deserialize() {
        let row: Row = row?;
        let of_series = days.entry(row.series).or_default();
        if row.day != of_series.len() {
            bail!("`{}`: day {} is not the next one of its series", path.display(), row.day);
        }
        of_series.push(Day {
            outputs: row.outputs,
            calls: row.calls,
            tokens_in: row.tok_in,
            tokens_cached: row.tok_cached,
            tokens_out: row.tok_out,
            cost: row.cost,
            visible_share: row.asof_factor,
        });
    }
    let series = labels.into_iter().map(|(name, labels)| {
        let days = days.remove(&name).with_context(|| format!("series `{name}` has no rows"))?;
        Ok(LabelledSeries { name, days, labels })
    });
    Ok(World { series: series.collect::<anyhow::Result<_>>()? })
}

/// Reads `labels.json`.
pub(crate) fn read_labels(folder: &Path) -> anyhow::Result<LabelsBySeries> {
    let path = folder.join("labels.json");
    let text =
        fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading `{}`", path.display()))
}

/// Reads alarms: CSV `series,day`, or JSON lines with `series` and `date`.
pub(crate) fn read_alarms(path: &Path) -> anyhow::Result<AlarmDays> {
    #[derive(Deserialize)]
    struct ByDay {
        series: String,
        day: usize,
    }
    #[derive(Deserialize)]
    struct ByDate {
        series: String,
        date: Date,
    }
    let text = fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))?;
    let mut alarms = AlarmDays::new();
    let mut add = |series: String, day: usize| -> anyhow::Result<()> {
        if day >= DAYS {
            bail!("day {day} of `{series}` is after the last one");
        }
        alarms.entry(series).or_default().insert(day);
        Ok(())
    };
    if text.starts_with('{') {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let ByDate { series, date } = serde_json::from_str(line)?;
            let days = START.until(date)?.get_days();
            add(series, usize::try_from(days).context("a date before the first day")?)?;
        }
    } else {
        for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
            let ByDay { series, day } = row?;
            add(series, day)?;
        }
    }
    Ok(alarms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costbench::generate::{Events, world};

    #[test]
    fn a_world_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let written = world(11, 12, Events::All, 1.0);
        write(&written, folder.path()).unwrap();
        let mut read = read(folder.path()).unwrap();
        for (read, written) in read.series.iter_mut().zip(&written.series) {
            // Effects are not in the files.
            for (event, known) in read.labels.unplanned.iter_mut().zip(&written.labels.unplanned) {
                assert_eq!(event.effect, None);
                event.effect = known.effect;
            }
        }
        assert_eq!(read, written);
    }
}
