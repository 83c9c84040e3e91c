//! What is known of days: `policies/calendar.csv`, events, and what they mean for a part of the spend.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use centinel_engine::anomaly::{
    Calendar, Planned,
    watch::{Leaf, LeafTable, Scope, Slice, name_of},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Why a calendar cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{}` row {row}: {reason}", path.display())]
pub struct CalendarError {
    path: PathBuf,
    row: usize,
    reason: String,
}

/// Occasions that are known of, and what they are about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct KnownDays {
    occasions: Vec<Occasion>,
}

/// Something that is known of some days of some of the spend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Occasion {
    pub(crate) kind: EventKind,
    pub(crate) about: About,
    pub(crate) first: Date,
    /// Last day meant, inclusive.
    pub(crate) until: Date,
}

/// What an occasion is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum About {
    /// Values by dimension; everything when empty.
    Scope(Scope),
    /// A value of whatever dimension has it, as `calendar.csv` names series.
    Value(String),
}

impl About {
    /// `*`, `search`, or `feature=search`.
    fn of_name(name: &str) -> Self {
        match name.split_once('=') {
            _ if name == "*" => Self::Scope(Scope::new()),
            Some((dimension, value)) => {
                Self::Scope([(dimension.trim().to_owned(), value.trim().to_owned())].into())
            }
            None => Self::Value(name.to_owned()),
        }
    }

    /// Whether all of a scope lies within it.
    pub(crate) fn contains(&self, scope: &Scope) -> bool {
        match self {
            Self::Scope(own) => own.iter().all(|(name, value)| scope.get(name) == Some(value)),
            Self::Value(value) => scope.values().any(|other| other == value),
        }
    }

    fn leaves(&self, table: &LeafTable) -> BTreeSet<usize> {
        match self {
            Self::Scope(scope) => table.leaves_of(scope).into_iter().collect(),
            Self::Value(value) => {
                let has =
                    |leaf: &Leaf| leaf.labels.iter().any(|label| label.as_ref() == Some(value));
                let numbered = table.leaves.iter().enumerate();
                numbered.filter(|(_, leaf)| has(leaf)).map(|(index, _)| index).collect()
            }
        }
    }
}

/// What kind of occasion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A day unlike others: no part of a usual level, and not judged as a working day.
    Holiday,
    /// A change that was announced: the level starts anew, and no alarm is raised until it ends.
    Planned,
    /// Something was released: nothing is changed by it, and episodes that begin then name it.
    Deploy,
    /// Days that are neither judged nor part of a usual level.
    Maintenance,
    /// Episodes of these days are kept and not shown.
    Mute,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Holiday, Self::Planned, Self::Deploy, Self::Maintenance, Self::Mute];

    /// Its name in files, requests and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holiday => "holiday",
            Self::Planned => "planned",
            Self::Deploy => "deploy",
            Self::Maintenance => "maintenance",
            Self::Mute => "mute",
        }
    }

    /// The kind of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    series: String,
    kind: EventKind,
    date: Date,
    until: Option<Date>,
}

/// Share of a slice's recent cost from which an occasion of a part is one of the slice.
pub(crate) const PART_SHARE_MIN: f64 = 0.2;

impl KnownDays {
    /// Reads a calendar; a missing file knows of nothing.
    pub(crate) fn load(path: &Path) -> Result<Self, CalendarError> {
        let failed = |row, reason: String| CalendarError { path: path.to_owned(), row, reason };
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(failed(0, error.to_string())),
        };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let rows = reader.deserialize::<Row>().enumerate();
        let rows = rows.map(|(index, row)| {
            let row = row.map_err(|error| failed(index + 1, reason(&error)))?;
            Ok(Occasion {
                kind: row.kind,
                about: About::of_name(&row.series),
                first: row.date,
                until: row.until.unwrap_or(row.date),
            })
        });
        Ok(Self { occasions: rows.collect::<Result<_, _>>()? })
    }

    /// Adds what else is known.
    pub(crate) fn extend(&mut self, occasions: impl IntoIterator<Item = Occasion>) {
        self.occasions.extend(occasions);
    }

    /// As the detector wants them, for slices that are named as [`name_of`] does. What a part of a
    /// slice is known for holds for the slice where the part is large enough to move it.
    pub(crate) fn calendar(&self, table: &LeafTable, slices: &[Slice]) -> Calendar {
        let mut calendar = Calendar::default();
        for occasion in &self.occasions {
            if occasion.about == About::Scope(Scope::new()) {
                occasion.add_to(&mut calendar, "*");
                continue;
            }
            let leaves = occasion.about.leaves(table);
            for slice in slices {
                if table.share(slice, &leaves) >= PART_SHARE_MIN {
                    occasion.add_to(&mut calendar, &name_of(&slice.scope));
                }
            }
        }
        calendar
    }

    /// What is known of, in no order.
    pub(crate) fn occasions(&self) -> &[Occasion] {
        &self.occasions
    }

    /// Days that are no part of a scope's usual level.
    pub(crate) fn of(&self, scope: &Scope) -> BTreeSet<Date> {
        let is_unusual = |occasion: &&Occasion| {
            !matches!(occasion.kind, EventKind::Deploy | EventKind::Mute)
                && occasion.about.contains(scope)
        };
        self.occasions.iter().filter(is_unusual).flat_map(Occasion::days).collect()
    }

    /// The mutes that hold a scope on a day.
    pub(crate) fn is_muted(&self, scope: &Scope, day: Date) -> bool {
        self.occasions.iter().any(|occasion| {
            occasion.kind == EventKind::Mute
                && occasion.about.contains(scope)
                && (occasion.first..=occasion.until).contains(&day)
        })
    }
}

impl Occasion {
    /// Tells a calendar, under the name of a series.
    pub(crate) fn add_to(&self, calendar: &mut Calendar, series: &str) {
        match self.kind {
            EventKind::Holiday | EventKind::Maintenance => {
                for day in self.days() {
                    calendar.holiday(series, day);
                }
            }
            EventKind::Planned => {
                calendar.planned(series, Planned { day: self.first, until: self.until });
            }
            EventKind::Deploy | EventKind::Mute => {}
        }
    }

    fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let last = self.until;
        std::iter::successors(Some(self.first), |day| day.tomorrow().ok())
            .take_while(move |day| *day <= last)
            .take(366)
    }
}

fn reason(error: &csv::Error) -> String {
    error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn rows_are_read_and_named_when_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calendar.csv");
        assert_eq!(KnownDays::load(&path).unwrap(), KnownDays::default());
        let good = "series,kind,date,until\n*,holiday,2026-09-07,2026-09-07\nsearch,planned,2026-09-10,2026-09-12\n";
        std::fs::write(&path, good).unwrap();
        let days = KnownDays::load(&path).unwrap();
        let scope = |value: &str| [("feature".to_owned(), value.to_owned())].into();
        assert_eq!(days.of(&scope("support")), [date(2026, 9, 7)].into());
        assert_eq!(days.of(&scope("search")).len(), 4);
        std::fs::write(
            &path,
            "series,kind,date,until\nfeature=search,mute,2026-09-10,2026-09-12\n",
        )
        .unwrap();
        let days = KnownDays::load(&path).unwrap();
        assert!(days.of(&scope("search")).is_empty());
        assert!(days.is_muted(&scope("search"), date(2026, 9, 12)));
        assert!(!days.is_muted(&scope("search"), date(2026, 9, 13)), "a mute ends");
        assert!(!days.is_muted(&scope("mail"), date(2026, 9, 12)));
        std::fs::write(&path, "series,kind,date,until\n*,party,2026-09-07,\n").unwrap();
        assert!(KnownDays::load(&path).unwrap_err().to_string().contains("row 1"));
    }
}
