//! The ledger: a folder of segments and the catalogue that lists them.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use centinel_store::Database;
use jiff::Timestamp;

use crate::LedgerError;

/// What a segment holds. The name is also the start of its file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SegmentKind {
    /// Calls as they came.
    Calls,
    /// Calls by series and hour.
    CallsByHour,
    /// Calls by series and day.
    CallsByDay,
    /// Charges as they came.
    Charges,
    /// Charges by series and hour.
    ChargesByHour,
    /// Charges by series and day.
    ChargesByDay,
    /// Business outcomes as they came.
    Outcomes,
    /// Business outcomes by series and hour.
    OutcomesByHour,
    /// Business outcomes by series and day.
    OutcomesByDay,
}

impl SegmentKind {
    /// Raw, hourly and daily segments of calls.
    pub const CALLS: [Self; 3] = [Self::Calls, Self::CallsByHour, Self::CallsByDay];
    /// Raw, hourly and daily segments of charges.
    pub const CHARGES: [Self; 3] = [Self::Charges, Self::ChargesByHour, Self::ChargesByDay];
    /// Raw, hourly and daily segments of outcomes.
    pub const OUTCOMES: [Self; 3] = [Self::Outcomes, Self::OutcomesByHour, Self::OutcomesByDay];

    /// The name in the catalogue.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::CallsByHour => "calls_hour",
            Self::CallsByDay => "calls_day",
            Self::Charges => "charges",
            Self::ChargesByHour => "charges_hour",
            Self::ChargesByDay => "charges_day",
            Self::Outcomes => "outcomes",
            Self::OutcomesByHour => "outcomes_hour",
            Self::OutcomesByDay => "outcomes_day",
        }
    }
}

/// A folder of segments with its catalogue.
#[derive(Debug, Clone)]
pub struct Ledger {
    db: Database,
    folder: PathBuf,
}

impl Ledger {
    /// Opens the ledger of a home; its folders are made when absent.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Io`].
    pub fn open(db: Database, home: &Path) -> Result<Self, LedgerError> {
        let folder = home.join("segments");
        for folder in [&folder, &home.join("rejected")] {
            std::fs::create_dir_all(folder)
                .map_err(|source| LedgerError::Io { path: folder.clone(), source })?;
        }
        Ok(Self { db, folder })
    }

    /// The catalogue.
    pub fn database(&self) -> &Database {
        &self.db
    }

    /// The folder of the segments.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the rejected rows.
    pub(crate) fn rejected_folder(&self) -> PathBuf {
        self.folder.with_file_name("rejected")
    }

    /// First and last instant of which the ledger holds a call or charge; `None` when it is empty.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Store`].
    pub async fn span(&self) -> Result<Option<(Timestamp, Timestamp)>, LedgerError> {
        self.span_as_of(None).await
    }

    /// As [`Self::span`], of what the ledger knew at an instant; of all that it knows without one.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Store`].
    pub async fn span_as_of(
        &self,
        as_of: Option<Timestamp>,
    ) -> Result<Option<(Timestamp, Timestamp)>, LedgerError> {
        let as_of = as_of.map(Timestamp::as_microsecond);
        let mut span: Option<(i64, i64)> = None;
        for kind in [SegmentKind::Calls, SegmentKind::Charges] {
            for segment in self.db.segments(kind.name(), None, as_of).await? {
                let (first, last) = span.unwrap_or((segment.start_at, segment.last_at));
                span = Some((first.min(segment.start_at), last.max(segment.last_at)));
            }
        }
        let at = |micros| Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(span.map(|(first, last)| (at(first), at(last))))
    }

    /// Holds off [`Self::sweep`] while files are being written that the catalogue does not list yet.
    /// Released when dropped, and by the system when the process dies.
    pub(crate) async fn writing(&self) -> Result<File, LedgerError> {
        let (file, path) = self.lock_file(".writing")?;
        wait_for(|| file.try_lock_shared(), path).await?;
        Ok(file)
    }

    /// Removes files that a crash left behind; returns how many. Does nothing while an import runs,
    /// here or in another process.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub async fn sweep(&self) -> Result<usize, LedgerError> {
        let (lock, _) = self.lock_file(".writing")?;
        if lock.try_lock().is_err() {
            return Ok(0);
        }
        let listed: std::collections::BTreeSet<String> =
            self.db.segment_names().await?.into_iter().collect();
        let failed = |source| LedgerError::Io { path: self.folder.clone(), source };
        let mut removed = 0;
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_ours = name.ends_with(".parquet") || name.ends_with(".parquet.tmp");
            if is_ours && !listed.contains(&name) {
                std::fs::remove_file(entry.path()).map_err(failed)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Lets one import at a time into a source, across processes: whether a row is known already is
    /// then decided by one of them.
    pub(crate) async fn enter_source(&self, source: &str) -> Result<File, LedgerError> {
        let name = centinel_engine::facts::sha256_hex(source.as_bytes());
        let name: String = name.chars().take(16).collect();
        let (file, path) = self.lock_file(&format!(".source-{name}"))?;
        wait_for(|| file.try_lock(), path).await?;
        Ok(file)
    }

    fn lock_file(&self, name: &str) -> Result<(File, PathBuf), LedgerError> {
        let path = self.folder.join(name);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| LedgerError::Io { path: path.clone(), source })?;
        Ok((file, path))
    }
}

/// Waits for a lock without holding up the thread: whoever has it may need that thread to go on.
async fn wait_for(
    mut take: impl FnMut() -> Result<(), TryLockError>,
    path: PathBuf,
) -> Result<(), LedgerError> {
    loop {
        match take() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(3)).await,
            Err(TryLockError::Error(source)) => return Err(LedgerError::Io { path, source }),
        }
    }
}
