//! The ledger: a folder of segments and the catalogue that lists them.

use std::{
    fmt,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use centinel_engine::series::SeriesKey;
use centinel_store::{CatalogueState, Database};
use jiff::Timestamp;

use crate::{
    Condition, LedgerError,
    columns::Kept,
    known::{Known, Newest, SeriesList},
};

/// The source of the calls that Centinel makes itself.
pub const OWN_SOURCE: &str = "centinel";

/// First and last instants of what there is.
struct Extents {
    /// Of [`OWN_SOURCE`].
    own: Option<(Timestamp, Timestamp)>,
    others: Option<(Timestamp, Timestamp)>,
}

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

/// Says of a label set whether it is seen.
type Sees = dyn Fn(&SeriesKey) -> bool + Send + Sync;

/// What a reader may see. The same label sets are judged once.
struct Lens {
    sees: Box<Sees>,
    /// The label sets that were judged last, and those of them that are seen.
    judged: Mutex<Option<(SeriesList, Visible)>>,
}

/// Which label sets are seen, in their order, 64 to a number.
type Visible = Arc<[u64]>;

impl Lens {
    fn judge(&self, series: &SeriesList) -> Visible {
        let judged = || self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((same, visible)) = &*judged()
            && Arc::ptr_eq(same, series)
        {
            return Arc::clone(visible);
        }
        let word = |keys: &[(u32, SeriesKey)]| {
            let bits = keys.iter().enumerate().filter(|(_, (_, key))| (self.sees)(key));
            bits.fold(0_u64, |word, (bit, _)| word | (1 << bit))
        };
        let visible: Visible = series.chunks(64).map(word).collect();
        *judged() = Some((Arc::clone(series), Arc::clone(&visible)));
        visible
    }
}

/// What an answer of the ledger depends on beside the question: as long as it is the same, so is every
/// answer, whoever writes. Of somebody who does not see everything, the label sets that they see are
/// part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LedgerState {
    catalogue: CatalogueState,
    visible: Option<Visible>,
}

/// The catalogue as one reader sees it.
pub(crate) struct View {
    pub(crate) known: Arc<Known>,
    visible: Option<Visible>,
}

impl View {
    /// The label sets that are seen, with their numbers.
    pub(crate) fn series(&self) -> impl Iterator<Item = (u32, &SeriesKey)> {
        let numbered = self.known.series.iter().enumerate();
        numbered.filter(|(at, _)| self.sees(*at)).map(|(_, (id, key))| (*id, key))
    }

    fn sees(&self, at: usize) -> bool {
        let word = |visible: &Visible| visible.get(at / 64).copied();
        let has = |word: u64| (word >> (at % 64)) & 1 == 1;
        self.visible.as_ref().is_none_or(|visible| word(visible).is_some_and(has))
    }
}

/// How much of something is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// All that there is of it.
    All,
    /// Some of it.
    Part,
    /// Nothing, or there is none of it.
    Nothing,
}

fn fulfils(key: &SeriesKey, conditions: &[Condition]) -> bool {
    conditions.iter().all(|condition| condition.holds(key))
}

/// A folder of segments with its catalogue.
#[derive(Clone)]
pub struct Ledger {
    db: Database,
    folder: PathBuf,
    /// What its reader may see; all of it without one.
    lens: Option<Arc<Lens>>,
    /// The catalogue that every question is answered from; the newest one without it.
    settled: Option<Arc<View>>,
    /// The catalogue in memory; the same in every copy of this handle.
    newest: Arc<Newest>,
    /// Cells in memory; the same in every copy of this handle.
    kept: Arc<Kept>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_whole = self.lens.is_none();
        let mut shown = f.debug_struct("Ledger");
        shown.field("folder", &self.folder).field("is_whole", &is_whole).finish_non_exhaustive()
    }
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
        let (newest, kept) = (Arc::default(), Arc::default());
        Ok(Self { db, folder, lens: None, settled: None, newest, kept })
    }

    /// The same ledger for somebody who does not see all of it: every question, whatever it is, is
    /// answered from the label sets that `sees` lets through, and from no other. Writing, checking and
    /// restating are not questions.
    #[must_use]
    pub fn seen_through(&self, sees: impl Fn(&SeriesKey) -> bool + Send + Sync + 'static) -> Self {
        // A second lens shows less, never more.
        let first = self.lens.clone();
        let both = move |key: &SeriesKey| {
            first.as_ref().is_none_or(|first| (first.sees)(key)) && sees(key)
        };
        let lens = Lens { sees: Box::new(both), judged: Mutex::default() };
        Self { lens: Some(Arc::new(lens)), settled: None, ..self.clone() }
    }

    /// Whether all of it is seen.
    pub fn is_whole(&self) -> bool {
        self.lens.is_none()
    }

    /// Whether something that fulfils all conditions is not seen.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Store`].
    pub async fn hides(&self, conditions: &[Condition]) -> Result<bool, LedgerError> {
        if self.lens.is_none() {
            return Ok(false);
        }
        let view = self.view().await?;
        let mut judged = view.known.series.iter().enumerate();
        Ok(judged.any(|(at, (_, key))| fulfils(key, conditions) && !view.sees(at)))
    }

    /// How much is seen of what fulfils the conditions of each question.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Store`].
    pub async fn seen(&self, questions: &[Vec<Condition>]) -> Result<Vec<Seen>, LedgerError> {
        if self.lens.is_none() {
            return Ok(vec![Seen::All; questions.len()]);
        }
        let view = self.view().await?;
        let judged = view.known.series.iter().enumerate();
        let series: Vec<(&SeriesKey, bool)> =
            judged.map(|(at, (_, key))| (key, view.sees(at))).collect();
        let of = |conditions: &Vec<Condition>| {
            let matching = || series.iter().filter(|(key, _)| fulfils(key, conditions));
            let (any, all) = (matching().any(|(_, seen)| *seen), matching().all(|(_, seen)| *seen));
            match (any, all) {
                (true, true) => Seen::All,
                (true, false) => Seen::Part,
                (false, _) => Seen::Nothing,
            }
        };
        Ok(questions.iter().map(of).collect())
    }

    /// The catalogue as it is now, and which of its label sets are seen. Every question begins here.
    pub(crate) async fn view(&self) -> Result<Arc<View>, LedgerError> {
        if let Some(view) = &self.settled {
            return Ok(Arc::clone(view));
        }
        let known = self.newest.get(&self.db).await?;
        let visible = self.lens.as_ref().map(|lens| lens.judge(&known.series));
        Ok(Arc::new(View { known, visible }))
    }

    /// The same ledger as it is now: whatever comes in later, its questions are answered from the files
    /// that are listed now, so that the figures of one answer are of one state. For the length of an
    /// answer.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Store`].
    pub async fn settled(&self) -> Result<Self, LedgerError> {
        Ok(Self { settled: Some(self.view().await?), ..self.clone() })
    }

    /// What answers depend on now, beside the question.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Store`].
    pub async fn state(&self) -> Result<LedgerState, LedgerError> {
        let view = self.view().await?;
        Ok(LedgerState { catalogue: view.known.state, visible: view.visible.clone() })
    }

    /// The label sets that are seen, with their numbers.
    pub(crate) async fn series(&self) -> Result<Vec<(u32, SeriesKey)>, LedgerError> {
        let view = self.view().await?;
        Ok(view.series().map(|(id, key)| (id, key.clone())).collect())
    }

    /// Cells in memory.
    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
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

    /// First and last instant of which the ledger holds a call or charge; `None` when it is empty. What
    /// Centinel used itself ([`OWN_SOURCE`]) counts in a ledger of nothing else: asking about old data
    /// would move its end to today.
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
        let extents = self.extents(as_of).await?;
        Ok(extents.others.or(extents.own))
    }

    /// As [`Self::span_as_of`], with what Centinel used itself: all that there is.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Store`].
    pub async fn extent_as_of(
        &self,
        as_of: Option<Timestamp>,
    ) -> Result<Option<(Timestamp, Timestamp)>, LedgerError> {
        let Extents { own, others } = self.extents(as_of).await?;
        let spans = [own, others].into_iter().flatten();
        Ok(spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1))))
    }

    async fn extents(&self, as_of: Option<Timestamp>) -> Result<Extents, LedgerError> {
        let as_of = as_of.map(Timestamp::as_microsecond);
        let view = self.view().await?;
        let kinds = [SegmentKind::Calls, SegmentKind::Charges];
        let at = |micros| Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
        let span = |is_own| {
            let span = view.known.span(is_own, &kinds, as_of);
            span.map(|(first, last)| (at(first), at(last)))
        };
        Ok(Extents { own: span(true), others: span(false) })
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
