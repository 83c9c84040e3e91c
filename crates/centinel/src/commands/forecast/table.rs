//! Tables of daily costs, as `forecast` and `backtest` read them.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use centinel_engine::{
    anomaly::Calendar,
    forecast::{self, Series},
    money::Decimal,
};
use jiff::{ToSpan as _, civil::Date};

use crate::daily::{self, Rejected, each_row};

/// Which table is read instead of a home.
#[derive(Debug, clap::Args)]
pub(crate) struct Tables {
    /// Instead of a home: CSV `series,date,cost` with a header, one row a series and day, also `.gz`
    /// or `.zst`; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["by", "only"])]
    pub(super) series: Option<PathBuf>,
    /// With `--series`: CSV `series,kind,day,until` with holidays and planned changes, past and ahead;
    /// `*` is every series, and a day is a date or counts from the first date of the series file.
    #[arg(long, value_name = "FILE", requires = "series")]
    calendar: Option<PathBuf>,
}

/// What a table holds.
pub(crate) struct Table {
    pub(crate) series: Vec<Series>,
    pub(crate) calendar: Calendar,
}

impl Tables {
    /// Series by name, and the calendar; `None` where a home is asked.
    pub(crate) fn read(&self, rejected: &mut Rejected) -> anyhow::Result<Option<Table>> {
        let Some(path) = &self.series else { return Ok(None) };
        let series = centinel_ingest::open(path)
            .map_err(anyhow::Error::from)
            .and_then(|input| read_series(input, path, rejected))
            .with_context(|| format!("reading series from `{}`", path.display()))?;
        let first_day = series.iter().map(|series| series.first_day).min();
        let calendar = daily::calendar(self.calendar.as_deref(), first_day, rejected)?;
        Ok(Some(Table { series, calendar }))
    }
}

fn read_series(
    input: impl Read,
    path: &Path,
    rejected: &mut Rejected,
) -> anyhow::Result<Vec<Series>> {
    let mut by_name: BTreeMap<String, BTreeMap<Date, Decimal>> = BTreeMap::new();
    each_row(input, path, &["series", "date", "cost"], rejected, |row| {
        let date = daily::date(row.text("date"))?;
        let cost = row.decimal("cost")?.ok_or("cost is empty")?;
        if !Series::admits(cost) {
            return Err(format!("cost `{}` has too many digits", row.text("cost")));
        }
        let name = row.text("series");
        if name == forecast::TOTAL {
            return Err("series `*` is the name of the total".to_owned());
        }
        let days = by_name.entry(name.to_owned()).or_default();
        daily::near(date, days)?;
        match days.entry(date) {
            Entry::Vacant(free) => {
                free.insert(cost);
                Ok(())
            }
            Entry::Occupied(_) => Err(format!("series `{name}` has `{date}` already")),
        }
    })?;
    let series = by_name.into_iter().filter_map(|(name, days)| {
        let (first_day, last_day) = (*days.keys().next()?, *days.keys().next_back()?);
        let dates = first_day.series(1.day()).take_while(|date| *date <= last_day);
        let costs = dates.map(|date| days.get(&date).copied().unwrap_or_default()).collect();
        Some(Series { name, first_day, costs })
    });
    Ok(series.collect())
}
