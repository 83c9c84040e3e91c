//! The catalogue in memory: label sets, sources and files, as long as the database says that nothing
//! changed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use centinel_engine::series::SeriesKey;
use centinel_store::{CatalogueState, Database};
use tokio::sync::Mutex;

use crate::{
    LedgerError,
    ledger::{OWN_SOURCE, SegmentKind},
};

/// Label sets with their numbers.
pub(crate) type SeriesList = Arc<[(u32, SeriesKey)]>;

/// The catalogue in one state.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) state: CatalogueState,
    pub(crate) series: SeriesList,
    /// Role by source.
    pub(crate) roles: BTreeMap<String, String>,
    /// By kind, oldest first; those that were replaced are among them.
    segments: HashMap<String, Vec<Listed>>,
}

/// A file that is listed.
#[derive(Debug)]
struct Listed {
    name: String,
    /// Of [`OWN_SOURCE`].
    is_own: bool,
    start_at: i64,
    last_at: i64,
    known_at: i64,
    /// `i64::MAX` while it counts.
    retired_at: i64,
}

impl Known {
    /// First and last instant of the files of these kinds that counted at `as_of`, or count now: of those
    /// of [`OWN_SOURCE`], or of all others.
    pub(crate) fn span(
        &self,
        is_own: bool,
        kinds: &[SegmentKind],
        as_of: Option<i64>,
    ) -> Option<(i64, i64)> {
        let files = kinds.iter().flat_map(|kind| self.live(*kind, as_of));
        files.filter(|file| file.is_own == is_own).fold(None, |span: Option<(i64, i64)>, file| {
            let (first, last) = span.unwrap_or((file.start_at, file.last_at));
            Some((first.min(file.start_at), last.max(file.last_at)))
        })
    }

    /// Names of the files of a kind that hold rows in `[start, end)` and that counted at `as_of`, or
    /// that count now; oldest first.
    pub(crate) fn files(
        &self,
        kind: SegmentKind,
        (start, end): (i64, i64),
        as_of: Option<i64>,
    ) -> impl Iterator<Item = &str> {
        let within = move |file: &&Listed| file.last_at >= start && file.start_at < end;
        self.live(kind, as_of).filter(within).map(|file| file.name.as_str())
    }

    fn live(&self, kind: SegmentKind, as_of: Option<i64>) -> impl Iterator<Item = &Listed> {
        let as_of = as_of.unwrap_or(i64::MAX);
        let counts = move |file: &&Listed| {
            file.known_at <= as_of && (file.retired_at == i64::MAX || file.retired_at > as_of)
        };
        self.segments.get(kind.name()).into_iter().flatten().filter(counts)
    }

    async fn load(
        database: &Database,
        state: CatalogueState,
        before: Option<&Self>,
    ) -> Result<Self, LedgerError> {
        // Files first: a label set is known before a file has rows of it, so none is missing.
        let mut segments: HashMap<String, Vec<Listed>> = HashMap::new();
        let own = database.batches_of(OWN_SOURCE).await?;
        for (row, retired_at) in database.every_segment().await? {
            segments.entry(row.kind).or_default().push(Listed {
                name: row.name,
                is_own: own.contains(&row.batch),
                start_at: row.start_at,
                last_at: row.last_at,
                known_at: row.known_at,
                retired_at: retired_at.unwrap_or(i64::MAX),
            });
        }
        let roles = database.sources().await?;
        let same = before.filter(|before| before.state.has_series_of(&state));
        let series = match same {
            Some(before) => Arc::clone(&before.series),
            None => {
                let series = database.series().await?.into_iter();
                series.map(|(id, _, key)| (id, key)).collect()
            }
        };
        Ok(Self { state, series, roles, segments })
    }
}

/// The newest state of the catalogue that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Newest {
    known: RwLock<Option<Arc<Known>>>,
    /// Held by whoever reads a new state, so that it is read once.
    reading: Mutex<()>,
}

impl Newest {
    /// The catalogue as it is now, whoever changed it.
    pub(crate) async fn get(&self, database: &Database) -> Result<Arc<Known>, LedgerError> {
        let state = database.catalogue_state().await?;
        if let Some(known) = self.of(state) {
            return Ok(known);
        }
        let _reading = self.reading.lock().await;
        // It may have moved on while others read it.
        let state = database.catalogue_state().await?;
        if let Some(known) = self.of(state) {
            return Ok(known);
        }
        let before = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        let known = Arc::new(Known::load(database, state, before.as_deref()).await?);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        Ok(known)
    }

    fn of(&self, state: CatalogueState) -> Option<Arc<Known>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|known| known.state == state).map(Arc::clone)
    }
}
