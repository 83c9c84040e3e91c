//! Columns of row groups, decoded: read from a segment, or kept in memory since.
//!
//! A segment never changes, so what was read of one holds for as long as the file is the same; its
//! length and its time of change are looked at each time. What is kept is bounded in bytes: the files
//! that no question has asked for longest go first.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use centinel_engine::period::DAY_MICROS;

use crate::{
    LedgerError,
    segment::{RowGroup, SegmentReader},
};

/// Most bytes of columns that are kept.
const BYTES_MAX: usize = 192 << 20;

/// One column of one row group.
#[derive(Debug)]
pub(crate) enum Cells {
    /// It is not there: all values are zero.
    Blank,
    /// Numbers of series.
    Series(Vec<i32>),
    /// Instants, and whether no row is of an earlier day than the one before it.
    Times(Vec<i64>, bool),
    /// Whole numbers and narrow amounts.
    Narrow(Vec<i64>),
    /// Wide amounts.
    Wide(Vec<i128>),
}

impl Cells {
    fn read(reader: &SegmentReader, group: usize, name: &str) -> Result<Self, LedgerError> {
        let mut narrow = Vec::new();
        if name == SERIES {
            let mut series = Vec::new();
            let is_there = reader.read_i32(group, name, &mut series)?;
            return Ok(if is_there { Self::Series(series) } else { Self::Blank });
        }
        let is_narrow = reader.read_i64(group, name, &mut narrow)?;
        if name == TIME {
            let day = |at: &i64| at.div_euclid(DAY_MICROS);
            let by_day = narrow.is_sorted_by_key(day);
            return Ok(if is_narrow { Self::Times(narrow, by_day) } else { Self::Blank });
        }
        if is_narrow {
            return Ok(Self::Narrow(narrow));
        }
        let mut wide = Vec::new();
        let is_wide = reader.read_i128(group, name, &mut wide)?;
        Ok(if is_wide { Self::Wide(wide) } else { Self::Blank })
    }

    fn bytes(&self) -> usize {
        let held = match self {
            Self::Blank => 0,
            Self::Series(values) => values.len().saturating_mul(4),
            Self::Times(values, _) | Self::Narrow(values) => values.len().saturating_mul(8),
            Self::Wide(values) => values.len().saturating_mul(16),
        };
        // An entry of the table itself.
        held.saturating_add(64)
    }
}

/// The columns that every question needs.
pub(crate) const SERIES: &str = "series";
pub(crate) const TIME: &str = "start_at";

/// The columns of a row group that one question needs.
#[derive(Debug)]
pub(crate) struct Columns {
    /// Rows, earliest and latest instant.
    pub(crate) group: RowGroup,
    pub(crate) series: Arc<Cells>,
    pub(crate) times: Arc<Cells>,
    /// In the order in which they were asked for.
    pub(crate) values: Vec<Arc<Cells>>,
}

impl Columns {
    /// Reads them from a segment.
    pub(crate) fn read(
        reader: &SegmentReader,
        place: (usize, RowGroup),
        names: &[&'static str],
    ) -> Result<Self, LedgerError> {
        let (index, group) = place;
        let read = |name: &&'static str| Cells::read(reader, index, name).map(Arc::new);
        Ok(Self {
            group,
            series: read(&SERIES)?,
            times: read(&TIME)?,
            values: names.iter().map(read).collect::<Result<_, _>>()?,
        })
    }
}

/// What tells that a file is the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileState(u64, Option<SystemTime>);

impl FileState {
    pub(crate) fn of(path: &Path) -> Result<Self, LedgerError> {
        let found = std::fs::metadata(path);
        let found = found.map_err(|source| LedgerError::Io { path: path.to_owned(), source })?;
        Ok(Self(found.len(), found.modified().ok()))
    }
}

/// Columns in memory.
#[derive(Debug)]
pub(crate) struct Kept {
    files: Mutex<Files>,
    bytes_max: usize,
}

impl Default for Kept {
    fn default() -> Self {
        Self::with_limit(BYTES_MAX)
    }
}

#[derive(Debug, Default)]
struct Files {
    by_name: HashMap<String, KeptFile>,
    bytes: usize,
    /// Questions so far: says what was asked for last.
    clock: u64,
}

#[derive(Debug)]
struct KeptFile {
    state: FileState,
    groups: Arc<[RowGroup]>,
    columns: HashMap<(usize, &'static str), Arc<Cells>>,
    bytes: usize,
    used: u64,
}

impl Kept {
    fn with_limit(bytes_max: usize) -> Self {
        Self { files: Mutex::default(), bytes_max }
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row groups of a file, if it is known and the same.
    pub(crate) fn groups(&self, name: &str, state: FileState) -> Option<Arc<[RowGroup]>> {
        let mut files = self.files();
        files.clock = files.clock.saturating_add(1);
        let clock = files.clock;
        let file = files.by_name.get_mut(name).filter(|file| file.state == state)?;
        file.used = clock;
        Some(Arc::clone(&file.groups))
    }

    /// Makes a file known, in place of an earlier one of its name.
    pub(crate) fn know(&self, name: &str, state: FileState, groups: &Arc<[RowGroup]>) {
        let mut files = self.files();
        files.clock = files.clock.saturating_add(1);
        let bytes = name.len().saturating_add(groups.len().saturating_mul(size_of::<RowGroup>()));
        let (groups, used) = (Arc::clone(groups), files.clock);
        let file = KeptFile { state, groups, columns: HashMap::new(), bytes, used };
        let before = files.by_name.insert(name.to_owned(), file).map_or(0, |before| before.bytes);
        files.bytes = files.bytes.saturating_sub(before).saturating_add(bytes);
        files.make_room(self.bytes_max, name);
    }

    /// The columns of a row group, if all of them are kept.
    pub(crate) fn columns(
        &self,
        name: &str,
        (index, group): (usize, RowGroup),
        names: &[&'static str],
    ) -> Option<Columns> {
        let files = self.files();
        let file = files.by_name.get(name)?;
        let kept = |column: &&'static str| file.columns.get(&(index, *column)).map(Arc::clone);
        Some(Columns {
            group,
            series: kept(&SERIES)?,
            times: kept(&TIME)?,
            values: names.iter().map(kept).collect::<Option<_>>()?,
        })
    }

    /// Keeps the columns of a row group of a file that is known.
    pub(crate) fn keep(
        &self,
        name: &str,
        state: FileState,
        index: usize,
        (columns, names): (&Columns, &[&'static str]),
    ) {
        let own = [(SERIES, &columns.series), (TIME, &columns.times)];
        let all = own.into_iter().chain(names.iter().copied().zip(&columns.values));
        let mut files = self.files();
        let Some(file) = files.by_name.get_mut(name).filter(|file| file.state == state) else {
            return;
        };
        let mut added = 0_usize;
        for (column, cells) in all {
            file.columns.entry((index, column)).or_insert_with(|| {
                added = added.saturating_add(cells.bytes());
                Arc::clone(cells)
            });
        }
        file.bytes = file.bytes.saturating_add(added);
        files.bytes = files.bytes.saturating_add(added);
        files.make_room(self.bytes_max, name);
    }

    /// Bytes that are kept.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.files().bytes
    }
}

impl Files {
    /// Forgets files, the one that was asked for longest ago first, and `last` at the very end.
    fn make_room(&mut self, bytes_max: usize, last: &str) {
        while self.bytes > bytes_max {
            let oldest =
                self.by_name.iter().min_by_key(|(name, file)| (name.as_str() == last, file.used));
            let Some(name) = oldest.map(|(name, _)| name.clone()) else { return };
            let forgotten = self.by_name.remove(&name).map_or(0, |file| file.bytes);
            self.bytes = self.bytes.saturating_sub(forgotten);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{Column, Values, write_segment};

    fn state() -> FileState {
        FileState(1, None)
    }

    fn columns(rows: usize) -> Columns {
        let group = (rows, 0, 0);
        Columns {
            group,
            series: Arc::new(Cells::Series(vec![1; rows])),
            times: Arc::new(Cells::Times(vec![0; rows], true)),
            values: vec![Arc::new(Cells::Narrow(vec![7; rows]))],
        }
    }

    #[test]
    fn what_is_kept_stays_within_its_bytes_and_the_oldest_goes_first() {
        let kept = Kept::with_limit(100_000);
        let groups: Arc<[RowGroup]> = Arc::new([(1_000, 0, 0)]);
        for round in 0..50 {
            let name = format!("s{round}");
            kept.know(&name, state(), &groups);
            kept.keep(&name, state(), 0, (&columns(1_000), &["cost"]));
            assert!(kept.bytes() <= 100_000, "{}", kept.bytes());
            // The first one is asked for again and again, so it stays.
            assert!(kept.groups("s0", state()).is_some(), "{round}");
        }
        assert!(kept.groups("s49", state()).is_some());
        assert!(kept.groups("s1", state()).is_none());
        assert!(kept.columns("s0", (0, (1_000, 0, 0)), &["cost"]).is_some());
        assert!(kept.columns("s0", (0, (1_000, 0, 0)), &["calls"]).is_none());
        assert!(kept.groups("s0", FileState(2, None)).is_none(), "another file of the name");
        // What is larger than all that may be kept is not kept.
        kept.know("large", state(), &groups);
        kept.keep("large", state(), 0, (&columns(100_000), &["cost"]));
        assert!(kept.bytes() <= 100_000);
    }

    #[test]
    fn columns_are_read_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let day = DAY_MICROS;
        let written = vec![
            Column::new(SERIES, Values::Int32(vec![1, 2, 1])),
            Column::new(TIME, Values::Int64(vec![day, 5, 7])),
            Column::new("calls", Values::Int64(vec![1, 2, 3])),
        ];
        write_segment(folder.path(), "a.parquet", &written, &[3]).unwrap();
        let reader = SegmentReader::open(&folder.path().join("a.parquet")).unwrap();
        let group = reader.row_groups()[0];
        let read = Columns::read(&reader, (0, group), &["calls", "cost"]).unwrap();
        assert!(matches!(&*read.series, Cells::Series(series) if *series == [1, 2, 1]));
        assert!(matches!(&*read.times, Cells::Times(at, false) if *at == [day, 5, 7]));
        assert!(matches!(&*read.values[0], Cells::Narrow(calls) if *calls == [1, 2, 3]));
        assert!(matches!(&*read.values[1], Cells::Blank));
    }
}
