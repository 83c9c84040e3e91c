//! A sync: what a source has that the ledger has not, step by step.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use centinel_engine::facts::hex;
use centinel_ingest::{
    FindingStatus, Options,
    client::Client,
    live::{Body, Connection, Fetch, PostgresSource, Window, auth_of},
};
use centinel_ledger::{DeliveredWindow, Delivery};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{ObjectCounts, Outside, SourceConfig};
use crate::{App, AppError, ImportRequest, Imported};

/// Longest sync of one source; what is left is for the next one.
pub(super) const SYNC_TIME_MAX: Duration = Duration::from_mins(30);

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Synced {
    /// Which source.
    pub source: String,
    /// From when it was asked.
    pub from: Option<Timestamp>,
    /// Everything before has been delivered.
    pub reached: Option<Timestamp>,
    /// New rows.
    pub accepted: i64,
    /// Rows that the ledger had already.
    pub duplicate: i64,
    /// Rows kept aside, with their reasons.
    pub rejected: i64,
    /// The first reasons, with what they are about.
    pub reasons: Vec<String>,
    /// Days of a report whose earlier figures were replaced.
    pub replaced: Vec<String>,
    /// Days of a report that are as they were.
    pub unchanged: usize,
    /// Pages read.
    pub pages: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// What became of the objects, of a source that lists some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectCounts>,
    /// It was stopped by its time limit; the next sync goes on from `reached`.
    pub is_cut: bool,
}

impl App {
    /// Syncs a configured source, from its cursor less the overlap, or from `since`.
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`], [`AppError::Credential`], [`AppError::Fetch`], or what an import can
    /// fail with. Whole steps that were committed before stay.
    pub async fn sync_source(
        &self,
        name: &str,
        since: Option<Date>,
        outside: &Outside,
    ) -> Result<Synced, AppError> {
        let source = self.source_config(name)?.clone();
        let started = (outside.now)();
        let synced = Box::pin(self.sync(&source, since, started, outside)).await;
        let error = synced.as_ref().err().map(crate::error::in_one_line);
        let finished = (outside.now)().as_microsecond();
        let started = started.as_microsecond();
        self.database().record_sync(name, started, finished, error.as_deref()).await?;
        synced
    }

    /// A source of the configuration.
    pub(crate) fn source_config(&self, name: &str) -> Result<&SourceConfig, AppError> {
        self.config.sources.iter().find(|source| source.name == name).ok_or_else(|| {
            AppError::NotFound { what: "configured source", id: name.chars().take(40).collect() }
        })
    }

    async fn sync(
        &self,
        source: &SourceConfig,
        since: Option<Date>,
        until: Timestamp,
        outside: &Outside,
    ) -> Result<Synced, AppError> {
        if source.kind.is_objects() {
            return self.sync_objects(source, since, until, outside).await;
        }
        let connection = self.connect(source, outside)?;
        self.database().ensure_source(&source.name, source.role().name()).await?;
        let cursor = self.database().cursor(&source.name).await?;
        let cursor: Option<Timestamp> = cursor.and_then(|cursor| cursor.parse().ok());
        let from = first_instant(source, since, cursor, until);
        let options = source.options.clone();
        let mut fetch = Fetch::new(source.kind, connection, options, from, until)
            .ok_or_else(|| no_way(source))?;
        let mut sync = Steps {
            app: self,
            source,
            outside,
            cursor,
            windows: self.database().windows(&source.name).await?,
            step: 0,
            notes: BTreeMap::new(),
            synced: Synced {
                source: source.name.clone(),
                from: Some(from),
                reached: cursor,
                ..Synced::default()
            },
        };
        let begun = tokio::time::Instant::now();
        let failed = |error| AppError::Fetch { name: source.name.clone(), source: error };
        while let Some(delivery) = fetch.next().await.map_err(failed)? {
            sync.step(delivery).await?;
            if begun.elapsed() > SYNC_TIME_MAX {
                sync.synced.is_cut = true;
                break;
            }
        }
        let statistics = fetch.statistics();
        let mut synced = sync.synced;
        (synced.pages, synced.bytes) = (statistics.pages, statistics.bytes);
        if statistics.repeated_pages > 0 {
            let message = "pages came twice and were read once";
            sync.notes.insert(message.to_owned(), statistics.repeated_pages);
        }
        synced.notes = counted(sync.notes);
        Ok(synced)
    }

    /// Everything that is needed to ask a source.
    pub(crate) fn connect(
        &self,
        source: &SourceConfig,
        outside: &Outside,
    ) -> Result<Connection, AppError> {
        let failed = |error| AppError::Fetch { name: source.name.clone(), source: error };
        let secret = source.credential.as_ref();
        let secret = secret.map(|place| place.read(&self.home, outside.variable)).transpose()?;
        if source.kind.is_database() {
            let address = secret.unwrap_or_default();
            return Ok(Connection::Postgres(PostgresSource::new(address).map_err(failed)?));
        }
        let auth = auth_of(source.kind, source.user.as_deref(), secret);
        let client =
            Client::new(auth, outside.limits, outside.seed, outside.now).map_err(failed)?;
        // The configuration has been checked: a kind over HTTP has an address.
        let base = source.address().ok().flatten();
        let base = base.ok_or_else(|| no_way(source))?;
        Ok(Connection::Http { client, base })
    }
}

/// Notes with how often each was made.
pub(super) fn counted(notes: BTreeMap<String, u64>) -> Vec<String> {
    notes.into_iter().map(|(message, count)| format!("{message} ({count})")).collect()
}

/// A source without an address; the configuration has been checked for it.
pub(super) fn no_way(source: &SourceConfig) -> AppError {
    AppError::NotFound { what: "address of source", id: source.name.clone() }
}

pub(super) fn midnight(date: Date) -> Option<Timestamp> {
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Where a sync begins: at `since`; else at the cursor less the overlap; else at the configured
/// start, or the kind's.
fn first_instant(
    source: &SourceConfig,
    since: Option<Date>,
    cursor: Option<Timestamp>,
    now: Timestamp,
) -> Timestamp {
    if let Some(since) = since.and_then(midnight) {
        return since;
    }
    if let Some(cursor) = cursor {
        let overlap = SignedDuration::try_from(source.overlap()).unwrap_or_default();
        return cursor.checked_sub(overlap).unwrap_or(cursor);
    }
    let days = SignedDuration::from_hours(24 * source.kind.default_since_days());
    source.since.and_then(midnight).unwrap_or(now.checked_sub(days).unwrap_or(now))
}

/// A sync under way.
struct Steps<'a> {
    app: &'a App,
    source: &'a SourceConfig,
    outside: &'a Outside,
    cursor: Option<Timestamp>,
    windows: BTreeMap<String, centinel_ledger::KnownWindow>,
    step: u64,
    notes: BTreeMap<String, u64>,
    synced: Synced,
}

/// How many reasons of rejected rows are repeated.
pub(super) const REASONS_MAX: usize = 5;

impl Steps<'_> {
    async fn step(&mut self, delivery: centinel_ingest::live::Delivery) -> Result<(), AppError> {
        let now = (self.outside.now)();
        // A sync of the past does not move the cursor back.
        let moved = delivery.reached.filter(|reached| self.cursor.is_none_or(|at| *reached > at));
        let cursor = moved.map(|reached| reached.to_string());
        let is_committed = match (delivery.body, delivery.window) {
            (Some(body), Some(window)) => self.window(body, &window, cursor.clone(), now).await?,
            (Some(body), None) => {
                let digest = hex(&Sha256::digest(&body.bytes));
                let delivery = Delivery { cursor: cursor.clone(), window: None, object: None };
                self.import(body, digest, delivery, now).await?;
                true
            }
            (None, _) => false,
        };
        if let (Some(cursor), false) = (&cursor, is_committed) {
            let at = now.as_microsecond();
            self.app.database().move_cursor(&self.source.name, cursor, at).await?;
        }
        if moved.is_some() {
            self.cursor = moved;
            self.synced.reached = moved;
        }
        Ok(())
    }

    /// A day of a report: nothing if it is as it was, else in place of what there was. Says whether
    /// there was something to commit.
    async fn window(
        &mut self,
        body: Body,
        window: &Window,
        cursor: Option<String>,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let content_digest = hex(&Sha256::digest(&body.bytes));
        let known = self.windows.get(&window.key);
        if known.is_some_and(|known| known.window.content_digest == content_digest) {
            let (name, at) = (&self.source.name, now.as_microsecond());
            self.app.database().confirm_window(name, &window.key, window.is_open, at).await?;
            self.synced.unchanged += 1;
            return Ok(false);
        }
        if known.is_none() && window.entries == 0 {
            return Ok(false);
        }
        // What was there once may be there again: the file is another one each time.
        let before = known.map_or(0, |known| known.batch);
        let digest = Sha256::new()
            .chain_update(&window.key)
            .chain_update([0])
            .chain_update(before.to_le_bytes())
            .chain_update(&content_digest)
            .finalize();
        let delivered = DeliveredWindow {
            key: window.key.clone(),
            start_at: window.start.as_microsecond(),
            end_at: window.end.as_microsecond(),
            content_digest,
            is_open: window.is_open,
        };
        let is_replaced = known.is_some();
        let delivery = Delivery { cursor, window: Some(delivered), object: None };
        self.import(body, hex(&digest), delivery, now).await?;
        if is_replaced {
            self.synced.replaced.push(window.key.clone());
        }
        Ok(true)
    }

    async fn import(
        &mut self,
        body: Body,
        digest: String,
        delivery: Delivery,
        now: Timestamp,
    ) -> Result<(), AppError> {
        self.step += 1;
        let request = ImportRequest {
            source: Some(self.source.name.clone()),
            is_invoice: false,
            role: Some(self.source.role()),
            on_overlap: None,
            delivery_since: None,
            options: Options::default(),
            book: None,
            delivery: Some(delivery),
        };
        let nonce = self.outside.seed.wrapping_add(self.step);
        let name = body.name.clone();
        let imported =
            self.app.import_delivered(body, digest, request, Arc::default(), now, nonce).await?;
        self.synced.count(&name, &imported, &mut self.notes);
        Ok(())
    }
}

impl Synced {
    /// Adds what an import did.
    pub(super) fn count(
        &mut self,
        name: &str,
        imported: &Imported,
        notes: &mut BTreeMap<String, u64>,
    ) {
        let batch = &imported.report.batch;
        if imported.report.already_known {
            self.duplicate += batch.rows_accepted + batch.rows_duplicate;
        } else {
            self.accepted += batch.rows_accepted;
            self.duplicate += batch.rows_duplicate;
            self.rejected += batch.rows_rejected;
        }
        for row in &imported.report.first_rejected {
            if self.reasons.len() < REASONS_MAX {
                self.reasons.push(format!("{name}, row {}: {}", row.row, row.reason));
            }
        }
        for finding in &imported.findings {
            // What is not read is stated with the format, not with every page.
            if finding.status != FindingStatus::Ignored {
                let message = if finding.column.is_empty() {
                    finding.message.clone()
                } else {
                    format!("`{}` {}", finding.column, finding.message)
                };
                *notes.entry(message).or_default() += finding.count;
            }
        }
        for (reason, calls) in &imported.unpriced {
            *notes.entry(format!("unpriced calls: {reason}")).or_default() += calls;
        }
    }
}
