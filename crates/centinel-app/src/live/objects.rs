//! A sync of objects: what is new or changed under a prefix, one object after the other.
//!
//! Each version of an object is an import of its own. Its rows take the place of those of the version
//! before, and what became of it is kept in the same transaction, so that a sync which is killed has
//! done whole objects. An object that cannot be read stays out, with its reason, and the others go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use centinel_engine::facts::hex;
use centinel_ingest::{
    Format, Options, ReadError,
    client::{FetchError, Limits},
    objects::{Access, Object, ObjectStore, Plan, Planned},
};
use centinel_ledger::{
    DeliveredObject, Delivery, ImportFile, KnownObject, LedgerError, ObjectState,
};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    Outside, SourceConfig, Synced,
    sync::{REASONS_MAX, SYNC_TIME_MAX, counted, midnight, no_way},
};
use crate::{
    App, AppError, ImportRequest,
    import::{Inspected, default_source, inspect},
};

/// Most objects of one source.
const OBJECTS_MAX: usize = 500_000;
/// Largest object, as it is stored.
const OBJECT_BYTES_MAX: u64 = 16 << 30;
/// Longest pause between two requests to a store.
const PAUSE_MAX: Duration = Duration::from_millis(10);
/// Objects in a row that may fail to be fetched; after that, it is the store that refuses.
const REFUSED_MAX: usize = 3;
/// A file in the spool this old was left by a sync that was killed: no sync lasts as long.
const SPOOL_AGE_MAX: Duration = Duration::from_hours(24);

/// What became of the objects of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ObjectCounts {
    /// All that the list has.
    pub listed: usize,
    /// Imported now.
    pub imported: usize,
    /// As they were, or with the same content.
    pub unchanged: usize,
    /// Passed over by their names: manifests, empty ones, other files.
    pub not_data: usize,
    /// Written before the first day that is asked for.
    pub before: usize,
    /// Of earlier deliveries of a period, which a later one supersedes.
    pub superseded: usize,
    /// Fetched, and not rows of this source.
    pub passed_over: usize,
    /// Fetched, and not to be read.
    pub failed: usize,
}

impl App {
    pub(super) async fn sync_objects(
        &self,
        source: &SourceConfig,
        since: Option<Date>,
        started: Timestamp,
        outside: &Outside,
    ) -> Result<Synced, AppError> {
        let failed = |error| AppError::Fetch { name: source.name.clone(), source: error };
        let store = self.object_store(source, outside)?;
        let spool = self.home.join("spool");
        sweep(&spool, started)
            .map_err(|error| AppError::Home { path: spool.clone(), source: error })?;
        self.database().ensure_source(&source.name, source.role().name()).await?;
        let (listed, pages) = store.list(OBJECTS_MAX).await.map_err(failed)?;
        let again = since.and_then(midnight);
        let first = again.or(source.since.and_then(midnight));
        let mut counts = ObjectCounts { listed: listed.len(), ..ObjectCounts::default() };
        let plan = Plan::of(listed);
        counts.superseded = plan.superseded;
        counts.not_data = plan.not_data.values().sum();
        let mut sync = ObjectSync {
            app: self,
            source,
            outside,
            store: &store,
            spool,
            known: self.database().objects(&source.name).await?,
            listed: plan.keys().into_iter().map(str::to_owned).collect(),
            counts,
            step: 0,
            refused: 0,
            bytes: 0,
            notes: BTreeMap::new(),
            synced: Synced { source: source.name.clone(), ..Synced::default() },
        };
        for (why, count) in &plan.not_data {
            let count = u64::try_from(*count).unwrap_or(u64::MAX);
            sync.notes.insert(format!("objects passed over: {}", why.words()), count);
        }
        let wanted = sync.want(plan.data, first, again.is_some(), started).await?;
        let begun = tokio::time::Instant::now();
        for planned in wanted {
            if begun.elapsed() > SYNC_TIME_MAX {
                sync.synced.is_cut = true;
                break;
            }
            sync.object(planned).await?;
        }
        let cursor = self.database().cursor(&source.name).await?;
        let cursor: Option<Timestamp> = cursor.and_then(|cursor| cursor.parse().ok());
        let mut reached = cursor;
        // What was listed and could be read is there; what could not is named with its source.
        if !sync.synced.is_cut && cursor.is_none_or(|cursor| started > cursor) {
            let at = (outside.now)().as_microsecond();
            self.database().move_cursor(&source.name, &started.to_string(), at).await?;
            reached = Some(started);
        }
        let ObjectSync { mut synced, counts, notes, bytes, .. } = sync;
        (synced.pages, synced.bytes, synced.reached) = (pages, bytes, reached);
        (synced.objects, synced.notes) = (Some(counts), counted(notes));
        Ok(synced)
    }

    /// The store of a source, with its credential.
    pub(super) fn object_store(
        &self,
        source: &SourceConfig,
        outside: &Outside,
    ) -> Result<ObjectStore, AppError> {
        let failed = |error| AppError::Fetch { name: source.name.clone(), source: error };
        let credential = source.credential.as_ref();
        let access = Access {
            user: source.user.clone(),
            credential: credential
                .map(|place| place.read(&self.home, outside.variable))
                .transpose()?,
            // The configuration has been checked.
            endpoint: source.endpoint().ok().flatten(),
            region: source.options.get("region").cloned(),
        };
        let place = source.place().ok().flatten().ok_or_else(|| no_way(source))?;
        // Stores answer thousands of requests a second; the pause is for APIs with rate limits.
        let limits = Limits { pause: outside.limits.pause.min(PAUSE_MAX), ..outside.limits };
        ObjectStore::new(place, access, limits, outside.seed, outside.now).map_err(failed)
    }
}

/// The name of an object's file in the spool. It ends as that of the object does: suffixes say how it
/// is packed.
pub(super) fn spool_name(number: u64, key: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || *c == '.';
    let end: Vec<char> = key.chars().rev().take(24).take_while(kept).collect();
    format!("object-{number:016x}-{}", end.into_iter().rev().collect::<String>())
}

/// Removes what syncs that were killed left in the spool.
fn sweep(spool: &Path, now: Timestamp) -> std::io::Result<()> {
    std::fs::create_dir_all(spool)?;
    for entry in std::fs::read_dir(spool)? {
        let entry = entry?;
        let modified = Timestamp::try_from(entry.metadata()?.modified()?).unwrap_or(now);
        let age = Duration::try_from(now.duration_since(modified)).unwrap_or_default();
        if entry.file_name().to_string_lossy().starts_with("object-") && age > SPOOL_AGE_MAX {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A sync of objects under way.
struct ObjectSync<'a> {
    app: &'a App,
    source: &'a SourceConfig,
    outside: &'a Outside,
    store: &'a ObjectStore,
    spool: PathBuf,
    known: BTreeMap<String, KnownObject>,
    /// The keys that hold rows and count.
    listed: BTreeSet<String>,
    counts: ObjectCounts,
    step: u64,
    /// Objects in a row that could not be fetched.
    refused: usize,
    bytes: u64,
    notes: BTreeMap<String, u64>,
    synced: Synced,
}

/// What an object holds that is not imported.
enum Outcome {
    /// The rows that are there already.
    Unchanged,
    /// Nothing for this source.
    PassedOver(String),
}

impl ObjectSync<'_> {
    /// What is to be fetched: new, changed, or not done yet; everything where it is asked for again.
    /// All of it is noted at once, before the first is fetched: objects that one list shows first are
    /// one delivery, even if the sync is killed between them.
    async fn want(
        &mut self,
        data: Vec<Planned>,
        first: Option<Timestamp>,
        again: bool,
        started: Timestamp,
    ) -> Result<Vec<Planned>, AppError> {
        let seen_at = started.as_microsecond();
        let (mut wanted, mut pending) = (Vec::new(), Vec::new());
        for planned in data {
            let object = &planned.object;
            if first.is_some_and(|first| object.modified < first) {
                self.counts.before += 1;
                continue;
            }
            let known = self.known.get(&object.key);
            let is_same = known.is_some_and(|known| known.version == object.version);
            let is_pending = known.is_some_and(|known| known.state == ObjectState::Pending);
            if is_same && !is_pending && !again {
                self.counts.unchanged += 1;
                if known.is_some_and(|known| known.state == ObjectState::Failed) {
                    let note = "objects that could not be read before, and did not change";
                    *self.notes.entry(note.to_owned()).or_default() += 1;
                }
                continue;
            }
            if !(is_same && is_pending) {
                let folder = object.key.rsplit_once('/').map_or("", |(folder, _)| folder);
                let delivery = known.map(|known| known.delivery.clone());
                let delivery = planned.period.clone().or(delivery);
                let now_known = KnownObject {
                    key: object.key.clone(),
                    version: object.version.clone(),
                    bytes: i64::try_from(object.bytes).unwrap_or(i64::MAX),
                    delivery: delivery.unwrap_or_else(|| format!("{folder} {started}")),
                    seen_at,
                    state: ObjectState::Pending,
                    reason: None,
                    content_digest: known.and_then(|known| known.content_digest.clone()),
                    batch: known.and_then(|known| known.batch),
                };
                pending.push(now_known);
            }
            wanted.push(planned);
        }
        self.app.database().keep_objects(&self.source.name, &pending).await?;
        self.known.extend(pending.into_iter().map(|object| (object.key.clone(), object)));
        Ok(wanted)
    }

    /// Fetches and imports one object. What is wrong with the object alone is kept with it.
    async fn object(&mut self, planned: Planned) -> Result<(), AppError> {
        let Planned { object, period } = planned;
        let Some(noted) = self.known.get(&object.key).cloned() else { return Ok(()) };
        self.step += 1;
        let read = match self.store.local_file(&object) {
            Some(path) => self.import(&object, &noted, period.as_deref(), &path).await,
            None => {
                let number = self.outside.seed.wrapping_add(self.step);
                let path = self.spool.join(spool_name(number, &object.key));
                let read = self.fetched(&object, &noted, period.as_deref(), &path).await;
                let removed = std::fs::remove_file(&path);
                match read {
                    Ok(outcome) => {
                        removed.map_err(|source| AppError::Home { path, source })?;
                        Ok(outcome)
                    }
                    Err(error) => Err(error),
                }
            }
        };
        let (state, reason) = match read {
            Ok(None) => {
                self.counts.imported += 1;
                self.refused = 0;
                return Ok(());
            }
            Ok(Some(Outcome::Unchanged)) => {
                self.counts.unchanged += 1;
                (ObjectState::Imported, None)
            }
            Ok(Some(Outcome::PassedOver(reason))) => {
                self.counts.passed_over += 1;
                *self.notes.entry(format!("objects passed over: {reason}")).or_default() += 1;
                (ObjectState::PassedOver, Some(reason))
            }
            Err(error) if is_of_the_object(&error) && self.refused < REFUSED_MAX => {
                self.counts.failed += 1;
                let reason = crate::error::in_one_line(&error);
                if self.synced.reasons.len() < REASONS_MAX {
                    self.synced.reasons.push(format!("{}: {reason}", object.key));
                }
                // What was not fetched may be had the next time, as when a right is given.
                let (is_unfetched, is_too_large) = match &error {
                    AppError::Fetch { source, .. } => {
                        (true, matches!(source, FetchError::TooLarge { .. }))
                    }
                    _ => (false, false),
                };
                self.refused = if is_unfetched { self.refused + 1 } else { 0 };
                let is_for_later = is_unfetched && !is_too_large;
                let state = if is_for_later { ObjectState::Pending } else { ObjectState::Failed };
                (state, Some(reason))
            }
            Err(error) => return Err(error),
        };
        let noted = KnownObject { state, reason, ..noted };
        let kept = std::slice::from_ref(&noted);
        self.app.database().keep_objects(&self.source.name, kept).await?;
        self.known.insert(noted.key.clone(), noted);
        Ok(())
    }

    async fn fetched(
        &mut self,
        object: &Object,
        noted: &KnownObject,
        period: Option<&str>,
        path: &Path,
    ) -> Result<Option<Outcome>, AppError> {
        let unwritten = |source| AppError::Home { path: path.to_owned(), source };
        let mut file = std::fs::File::create(path).map_err(unwritten)?;
        let fetched = self.store.fetch(object, OBJECT_BYTES_MAX, &mut file).await;
        self.bytes += fetched
            .map_err(|error| AppError::Fetch { name: self.source.name.clone(), source: error })?;
        drop(file);
        self.import(object, noted, period, path).await
    }

    /// Imports the file that an object is in; `None` when its rows are there now.
    async fn import(
        &mut self,
        object: &Object,
        noted: &KnownObject,
        period: Option<&str>,
        path: &Path,
    ) -> Result<Option<Outcome>, AppError> {
        let name = object.key.clone();
        let inspected = inspect(path.to_owned(), name.clone(), Options::default()).await;
        let Inspected { digest, bytes, format } = match inspected {
            Err(AppError::Read { source: ReadError::Format(error), .. }) => {
                return Ok(Some(Outcome::PassedOver(error.to_string())));
            }
            inspected => inspected?,
        };
        if let Some(other) = self.other_format(format) {
            return Ok(Some(Outcome::PassedOver(other)));
        }
        let is_same = noted.content_digest.as_ref() == Some(&digest);
        if is_same && noted.batch.is_some() {
            return Ok(Some(Outcome::Unchanged));
        }
        let replaces = self.replaced_by(noted, period);
        if self.has_copy(&noted.key, &digest, &replaces) {
            return Ok(Some(Outcome::PassedOver("the same content as another object".to_owned())));
        }
        let beside = self.known.values().filter(|known| known.delivery == noted.delivery);
        let beside = beside.filter_map(|known| known.batch).collect();
        // The same content may have been there, been replaced, and come again: another import.
        let mut sha = Sha256::new();
        sha.update(&name);
        for batch in &replaces {
            sha.update(batch.to_le_bytes());
        }
        sha.update([0]);
        sha.update(&digest);
        let delivered = KnownObject {
            state: ObjectState::Imported,
            content_digest: Some(digest),
            ..noted.clone()
        };
        let has_replaced = !replaces.is_empty();
        let request = ImportRequest {
            source: Some(self.source.name.clone()),
            role: Some(self.source.role()),
            on_overlap: self.source.on_overlap().ok().flatten(),
            delivery_since: Timestamp::from_microsecond(noted.seen_at).ok(),
            delivery: Some(Delivery {
                object: Some(DeliveredObject { object: delivered.clone(), replaces, beside }),
                ..Delivery::default()
            }),
            ..ImportRequest::default()
        };
        let file = ImportFile {
            source: self.source.name.clone(),
            digest: hex(&sha.finalize()),
            name: name.clone(),
            bytes,
            format: format.to_string(),
        };
        let (now, nonce) = ((self.outside.now)(), self.outside.seed.wrapping_add(self.step));
        let imported =
            Box::pin(self.app.import_object(path, file, format, request, now, nonce)).await?;
        self.synced.count(&name, &imported, &mut self.notes);
        if has_replaced {
            self.synced.replaced.push(name);
        }
        // Others may have been replaced with it.
        for batch in &imported.report.replaced {
            for known in self.known.values_mut().filter(|known| known.batch == Some(*batch)) {
                (known.batch, known.state) = (None, ObjectState::Superseded);
            }
        }
        let batch = Some(imported.report.batch.id);
        self.known.insert(noted.key.clone(), KnownObject { batch, ..delivered });
        Ok(None)
    }

    /// Why an object is none for this source, which is for one kind of file.
    fn other_format(&self, format: Format) -> Option<String> {
        let wanted = self.source.options.get("format")?;
        let other = default_source(format);
        (other != wanted).then(|| format!("of format `{other}`, not `{wanted}`"))
    }

    /// The batches whose place an object takes: that of its version before, and of a period those of
    /// earlier runs, and of parts that the latest run no longer has.
    fn replaced_by(&self, noted: &KnownObject, period: Option<&str>) -> Vec<i64> {
        let gone = self.known.values().filter(|known| {
            period == Some(known.delivery.as_str()) && !self.listed.contains(&known.key)
        });
        let mut batches: Vec<i64> =
            gone.filter_map(|known| known.batch).chain(noted.batch).collect();
        batches.sort_unstable();
        batches.dedup();
        batches
    }

    /// Whether another object has the same content, whose rows stay.
    fn has_copy(&self, key: &str, digest: &str, replaces: &[i64]) -> bool {
        self.known.values().any(|known| {
            known.key != key
                && known.content_digest.as_deref() == Some(digest)
                && known.batch.is_some_and(|batch| !replaces.contains(&batch))
        })
    }
}

/// Whether a failure is one of the object, so that others may go well.
fn is_of_the_object(error: &AppError) -> bool {
    match error {
        AppError::Open(_) | AppError::Read { .. } => true,
        AppError::Ledger(error) => matches!(
            error,
            LedgerError::KnownBill { .. }
                | LedgerError::LargerBill { .. }
                | LedgerError::TooManySeries { .. }
        ),
        AppError::Fetch { source, .. } => matches!(
            source,
            FetchError::TooLarge { .. }
                | FetchError::Status { status: 404 | 410, .. }
                | FetchError::Forbidden { .. }
                | FetchError::Address(_)
        ),
        _ => false,
    }
}
