//! Days that are known to be different.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

/// A change that somebody announced: the level starts anew, and no alarm is raised for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planned {
    /// The first day of the new level.
    pub day: Date,
    /// The last day without alarms.
    pub until: Date,
}

/// Holidays and planned changes, of one series or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Of every series.
    all: Days,
    by_series: BTreeMap<String, Days>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Days {
    holidays: BTreeSet<Date>,
    planned: BTreeSet<Planned>,
}

impl Calendar {
    /// Adds a holiday: not judged against working days, and no part of a baseline. `series` is a
    /// name, or `*` for all.
    pub fn holiday(&mut self, series: &str, day: Date) {
        self.days(series).holidays.insert(day);
    }

    /// Adds a planned change. `series` is a name, or `*` for all.
    pub fn planned(&mut self, series: &str, planned: Planned) {
        self.days(series).planned.insert(planned);
    }

    pub(crate) fn is_holiday(&self, series: &str, day: Date) -> bool {
        self.of(series).any(|days| days.holidays.contains(&day))
    }

    pub(crate) fn planned_of(&self, series: &str) -> impl Iterator<Item = &Planned> {
        self.of(series).flat_map(|days| &days.planned)
    }

    fn days(&mut self, series: &str) -> &mut Days {
        if series == "*" {
            &mut self.all
        } else {
            self.by_series.entry(series.to_owned()).or_default()
        }
    }

    fn of(&self, series: &str) -> impl Iterator<Item = &Days> {
        std::iter::once(&self.all).chain(self.by_series.get(series))
    }
}
