//! An import: chunks become segments, and one transaction at the end makes all of them visible.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{BufWriter, Write as _},
    path::PathBuf,
};

use centinel_engine::series::Dimension;
use centinel_store::{
    BillPart, CommitmentRow, Committed, Delivery, HeldPart, ImportBatch, SegmentRow,
};

use crate::{
    Chunk, LedgerError, OnOverlap, RejectedRow,
    bill::BillDelivery,
    calls::Tables,
    ledger::{Ledger, SegmentKind},
    segment::{Column, SegmentReader, Values, write_segment},
};

/// Most label sets that one import may bring (DESIGN: a cap against unbounded dimensions).
pub const SERIES_MAX: usize = 50_000;

/// Which file is being imported, and as what.
#[derive(Debug, Clone)]
pub struct ImportFile {
    /// Source that the rows belong to.
    pub source: String,
    /// SHA-256 of the file, hex.
    pub digest: String,
    /// Its name, for people.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The format that it is read as.
    pub format: String,
}

/// What an import did, or had done when the file was known already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// The batch as it is in the catalogue.
    pub batch: ImportBatch,
    /// The file was imported before: nothing changed.
    pub already_known: bool,
    /// The first rejected rows, for people. All of them are in the file of rejected rows.
    pub first_rejected: Vec<RejectedRow>,
    /// File of rejected rows below `rejected/`, if there are any.
    pub rejected_file: Option<String>,
    /// Bytes of raw segments written.
    pub raw_bytes: u64,
    /// Bytes of hourly and daily segments written.
    pub cell_bytes: u64,
    /// Parts of the bill that other batches of the source hold as well.
    pub overlaps: Vec<HeldPart>,
    /// Batches whose place it took.
    pub replaced: Vec<i64>,
}

/// Sums over the accepted rows of an import, by currency where they are money.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct ImportSums {
    /// Calls.
    pub calls: i64,
    /// Calls without a price.
    pub unpriced_calls: i64,
    /// Charges.
    pub charges: i64,
    /// Outcomes.
    pub outcomes: i64,
    /// Contract commitments.
    #[serde(default)]
    pub commitments: i64,
    /// Cost of calls and effective cost of charges.
    pub cost: BTreeMap<String, centinel_engine::money::Pico>,
}

/// An import that is under way. Dropped without [`Import::commit`], it leaves nothing visible.
#[derive(Debug)]
pub struct Import {
    ledger: Ledger,
    file: ImportFile,
    token: String,
    // Catalogue number of each label set, by its number in this import.
    numbers: Vec<i32>,
    currencies: Vec<String>,
    seen: HashSet<u128>,
    segments: Vec<SegmentRow>,
    sums: ImportSums,
    duplicates: i64,
    rejected: Option<RejectedFile>,
    first_rejected: Vec<RejectedRow>,
    delivery: Delivery,
    bill: BillDelivery,
    // The batches whose window or object these rows replace: their rows are not known ones.
    replaced: Vec<i64>,
    // Held so that nobody sweeps our unlisted files, or imports into the same source.
    _locks: [File; 2],
}

#[derive(Debug)]
struct RejectedFile {
    out: BufWriter<File>,
    temporary: PathBuf,
    name: String,
    rows: i64,
}

impl Import {
    /// Starts an import. `nonce` tells apart two processes that import the same file at once.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub async fn begin(
        ledger: &Ledger,
        file: ImportFile,
        role: &str,
        nonce: u64,
    ) -> Result<Self, LedgerError> {
        ledger.database().ensure_source(&file.source, role).await?;
        let token = format!("{}-{nonce:016x}", file.digest.chars().take(12).collect::<String>());
        Ok(Self {
            ledger: ledger.clone(),
            token,
            numbers: Vec::new(),
            currencies: Vec::new(),
            seen: HashSet::new(),
            segments: Vec::new(),
            sums: ImportSums::default(),
            duplicates: 0,
            rejected: None,
            first_rejected: Vec::new(),
            delivery: Delivery::default(),
            bill: BillDelivery::default(),
            replaced: Vec::new(),
            _locks: [ledger.enter_source(&file.source).await?, ledger.writing().await?],
            file,
        })
    }

    /// States what to do where the source has the bill already. Before the first row.
    pub fn set_overlap(&mut self, on_overlap: OnOverlap, since: i64) {
        self.bill = BillDelivery { on_overlap, since, ..BillDelivery::default() };
    }

    /// States which parts of bills the rows are, and which contract commitments came with them.
    pub fn set_bill(&mut self, parts: Vec<BillPart>, commitments: Vec<CommitmentRow>) {
        self.sums.commitments = whole(commitments.len());
        self.bill.parts = parts;
        self.bill.commitments = commitments;
    }

    /// Says what the rows are of a live source: its cursor and window are committed with them. To be
    /// called before the first row is written, since rows that are replaced are no known rows.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Store`].
    pub async fn deliver(&mut self, delivery: Delivery) -> Result<(), LedgerError> {
        if let Some(window) = &delivery.window {
            let known = self.ledger.database().windows(&self.file.source).await?;
            self.replaced.extend(known.get(&window.key).map(|known| known.batch));
        }
        if let Some(object) = &delivery.object {
            self.replaced.extend(&object.replaces);
        }
        self.delivery = delivery;
        Ok(())
    }

    /// Writes a chunk's rows as segments; nothing is visible yet.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub async fn write(&mut self, chunk: Chunk) -> Result<(), LedgerError> {
        let Chunk { new_series, mut calls, mut charges, mut outcomes, rejected } = chunk;
        self.number(&new_series).await?;
        self.keep_rejected(&rejected)?;

        if let Some(keep) = self.unknown(SegmentKind::Calls, "call_key", &calls.heads().key).await?
        {
            calls.retain(&keep);
        }
        if calls.len() > 0 {
            calls.heads().renumber(|local| self.catalogue_number(local));
            self.sums.calls += whole(calls.len());
            let tables = calls.finish();
            self.add_costs(&tables.raw, "cost");
            self.write_tables(SegmentKind::CALLS, &tables)?;
        }
        let keys = &charges.heads().key;
        if let Some(keep) = self.unknown(SegmentKind::Charges, "charge_key", keys).await? {
            charges.retain(&keep);
        }
        if charges.len() > 0 {
            charges.heads().renumber(|local| self.catalogue_number(local));
            self.sums.charges += whole(charges.len());
            let tables = charges.finish();
            self.add_costs(&tables.raw, "effective_cost");
            self.write_tables(SegmentKind::CHARGES, &tables)?;
        }
        let keys = &outcomes.heads().key;
        if let Some(keep) = self.unknown(SegmentKind::Outcomes, "outcome_key", keys).await? {
            outcomes.retain(&keep);
        }
        if outcomes.len() > 0 {
            outcomes.heads().renumber(|local| self.catalogue_number(local));
            self.sums.outcomes += whole(outcomes.len());
            self.write_tables(SegmentKind::OUTCOMES, &outcomes.finish())?;
        }
        Ok(())
    }

    /// Makes everything visible at once, or finds that the file is known and leaves nothing.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]; nothing is visible then.
    pub async fn commit(
        mut self,
        rows_read: u64,
        known_at: i64,
    ) -> Result<ImportReport, LedgerError> {
        for segment in &mut self.segments {
            segment.known_at = known_at;
        }
        let held = self.ledger.database().bill_parts(&self.file.source).await?;
        let bill = std::mem::take(&mut self.bill);
        let (mut facts, overlaps) = match &self.delivery.object {
            None => bill.settle(&self.file.source, held)?,
            Some(object) => {
                let others = held.into_iter().filter(|held| {
                    !object.replaces.contains(&held.batch) && !object.beside.contains(&held.batch)
                });
                bill.settle(&self.file.source, others.collect())?
            }
        };
        facts.replaces.extend(self.delivery.object.iter().flat_map(|object| &object.replaces));
        let replaced = facts.replaces.clone();
        let (rejected_rows, rejected_file) = self.finish_rejected()?;
        let accepted =
            self.sums.calls + self.sums.charges + self.sums.outcomes + self.sums.commitments;
        let batch = ImportBatch {
            id: 0,
            source: self.file.source.clone(),
            file_digest: self.file.digest.clone(),
            file_name: self.file.name.clone(),
            file_bytes: i64::try_from(self.file.bytes).unwrap_or(i64::MAX),
            format: self.file.format.clone(),
            known_at,
            rows_read: i64::try_from(rows_read).unwrap_or(i64::MAX),
            rows_accepted: accepted,
            rows_duplicate: self.duplicates,
            rows_rejected: rejected_rows,
            sums: serde_json::to_string(&self.sums).unwrap_or_default(),
        };
        let database = self.ledger.database();
        // An overlap of which every row was known is no event: the cursor moves, and that is all.
        let is_nothing = accepted == 0 && rejected_rows == 0 && self.delivery.window.is_none();
        let committed = match &self.delivery.cursor {
            Some(_) if is_nothing => Committed::AlreadyKnown(batch.clone()),
            _ => database.commit_delivery(&batch, &self.segments, &self.delivery, &facts).await?,
        };
        if let (Committed::AlreadyKnown(_), Some(cursor)) = (&committed, &self.delivery.cursor) {
            database.move_cursor(&batch.source, cursor, known_at).await?;
        }
        let bytes = |raw: bool| {
            let kinds = [SegmentKind::Calls, SegmentKind::Charges, SegmentKind::Outcomes];
            let is_raw =
                |segment: &&SegmentRow| kinds.iter().any(|kind| kind.name() == segment.kind);
            let sizes = self.segments.iter().filter(|s| is_raw(s) == raw).map(|s| s.byte_count);
            sizes.sum::<i64>().cast_unsigned()
        };
        let (raw_bytes, cell_bytes) = (bytes(true), bytes(false));
        Ok(match committed {
            Committed::New(id) => ImportReport {
                batch: ImportBatch { id, ..batch },
                already_known: false,
                first_rejected: self.first_rejected,
                rejected_file,
                raw_bytes,
                cell_bytes,
                overlaps,
                replaced,
            },
            Committed::AlreadyKnown(batch) => {
                for segment in &self.segments {
                    let path = self.ledger.folder().join(&segment.name);
                    std::fs::remove_file(&path)
                        .map_err(|source| LedgerError::Io { path, source })?;
                }
                ImportReport {
                    batch,
                    already_known: true,
                    first_rejected: self.first_rejected,
                    rejected_file,
                    raw_bytes: 0,
                    cell_bytes: 0,
                    overlaps: Vec::new(),
                    replaced: Vec::new(),
                }
            }
        })
    }

    async fn number(
        &mut self,
        new_series: &[(String, centinel_engine::series::SeriesKey)],
    ) -> Result<(), LedgerError> {
        if new_series.is_empty() {
            return Ok(());
        }
        if self.numbers.len() + new_series.len() > SERIES_MAX {
            return Err(LedgerError::TooManySeries {
                source_name: self.file.source.clone(),
                limit: SERIES_MAX,
            });
        }
        let ids = self.ledger.database().intern_series(new_series).await?;
        self.numbers.extend(ids.into_iter().map(u32::cast_signed));
        self.currencies.extend(
            new_series
                .iter()
                .map(|(_, key)| key.get(&Dimension::Currency).unwrap_or("").to_owned()),
        );
        Ok(())
    }

    fn catalogue_number(&self, local: i32) -> i32 {
        usize::try_from(local).ok().and_then(|local| self.numbers.get(local)).copied().unwrap_or(0)
    }

    /// Which rows the ledger has not seen, by their keys; `None` when all are new. Looks at the rows
    /// of this import and at every live segment of the source.
    async fn unknown(
        &mut self,
        kind: SegmentKind,
        column: &str,
        keys: &[u128],
    ) -> Result<Option<Vec<bool>>, LedgerError> {
        if keys.iter().all(|&key| key == 0) {
            return Ok(None);
        }
        let mut keep: Vec<bool> =
            keys.iter().map(|&key| key == 0 || self.seen.insert(key)).collect();
        let candidates: HashSet<u128> = keys.iter().copied().filter(|&key| key != 0).collect();
        let mut known: HashSet<u128> = HashSet::new();
        let mut stored = Vec::new();
        // A later delivery of a bill repeats rows of the one whose place it takes.
        let segments = if kind == SegmentKind::Charges && self.bill.is_replacing() {
            Vec::new()
        } else {
            let (source, without) = (&self.file.source, &self.replaced);
            self.ledger.database().segments_of_source(source, kind.name(), without).await?
        };
        for segment in segments {
            let reader = SegmentReader::open(&self.ledger.folder().join(&segment))?;
            for group in 0..reader.row_groups().len() {
                if reader.read_keys(group, column, &mut stored)? {
                    known.extend(stored.iter().filter(|key| candidates.contains(key)));
                }
            }
        }
        for (keep, key) in keep.iter_mut().zip(keys) {
            *keep = *keep && !known.contains(key);
        }
        let dropped = keep.iter().filter(|&&keep| !keep).count();
        self.duplicates += whole(dropped);
        Ok((dropped > 0).then_some(keep))
    }

    fn write_tables(
        &mut self,
        kinds: [SegmentKind; 3],
        tables: &Tables,
    ) -> Result<(), LedgerError> {
        let first = self.segments.len();
        let written = write_tables(self.ledger.folder(), &self.token, first, kinds, tables)?;
        self.segments.extend(written);
        Ok(())
    }

    fn add_costs(&mut self, raw: &[Column], column: &str) {
        let find = |name: &str| raw.iter().find(|column| column.name == name).map(|c| &c.values);
        let (Some(Values::Int32(series)), Some(Values::MaybeAmount(costs))) =
            (find("series"), find(column))
        else {
            return;
        };
        let currency_of: BTreeMap<i32, &String> =
            self.numbers.iter().copied().zip(&self.currencies).collect();
        for (series, cost) in series.iter().zip(costs) {
            match cost {
                Some(cost) => {
                    let currency = currency_of.get(series).copied().cloned().unwrap_or_default();
                    let sum = self.sums.cost.entry(currency).or_default();
                    sum.0 = sum.0.saturating_add(*cost);
                }
                None => self.sums.unpriced_calls += 1,
            }
        }
    }

    fn keep_rejected(&mut self, rows: &[RejectedRow]) -> Result<(), LedgerError> {
        if rows.is_empty() {
            return Ok(());
        }
        let folder = self.ledger.rejected_folder();
        let file = match &mut self.rejected {
            Some(file) => file,
            none => {
                let name = format!("{}.ndjson", self.token);
                let temporary = folder.join(format!(".{name}.tmp"));
                let out = File::create(&temporary)
                    .map_err(|source| LedgerError::Io { path: temporary.clone(), source })?;
                none.insert(RejectedFile { out: BufWriter::new(out), temporary, name, rows: 0 })
            }
        };
        for row in rows {
            let line = serde_json::to_string(row).unwrap_or_default();
            writeln!(file.out, "{line}")
                .map_err(|source| LedgerError::Io { path: file.temporary.clone(), source })?;
            file.rows += 1;
            if self.first_rejected.len() < 20 {
                self.first_rejected.push(row.clone());
            }
        }
        Ok(())
    }

    fn finish_rejected(&mut self) -> Result<(i64, Option<String>), LedgerError> {
        let Some(file) = self.rejected.take() else { return Ok((0, None)) };
        let path = self.ledger.rejected_folder().join(&file.name);
        let failed = |source| LedgerError::Io { path: path.clone(), source };
        let out = file.out.into_inner().map_err(|error| failed(error.into_error()))?;
        out.sync_all().map_err(failed)?;
        std::fs::rename(&file.temporary, &path).map_err(failed)?;
        Ok((file.rows, Some(file.name)))
    }
}

/// Writes a batch's raw, hourly and daily segments, numbered from `first`: the raw segment of a
/// number has its hours and days in the two that follow.
pub(crate) fn write_tables(
    folder: &std::path::Path,
    token: &str,
    first: usize,
    kinds: [SegmentKind; 3],
    tables: &Tables,
) -> Result<Vec<SegmentRow>, LedgerError> {
    let [raw, hour, day] = kinds;
    let rows = |columns: &[Column]| columns.first().map_or(0, |column| column.values.len());
    let mut segments = Vec::new();
    for (kind, columns, groups) in [
        (raw, &tables.raw, tables.raw_row_groups.clone()),
        (hour, &tables.hour, even_groups(rows(&tables.hour))),
        (day, &tables.day, even_groups(rows(&tables.day))),
    ] {
        let name = format!("{}-{token}-{}.parquet", kind.name(), first + segments.len());
        let written = write_segment(folder, &name, columns, &groups)?;
        let (start_at, last_at) = tables.span;
        let unit = match kind {
            SegmentKind::CallsByHour | SegmentKind::ChargesByHour | SegmentKind::OutcomesByHour => {
                centinel_engine::period::HOUR_MICROS
            }
            SegmentKind::CallsByDay | SegmentKind::ChargesByDay | SegmentKind::OutcomesByDay => {
                centinel_engine::period::DAY_MICROS
            }
            _ => 1,
        };
        segments.push(SegmentRow {
            name,
            batch: 0,
            kind: kind.name().to_owned(),
            row_count: whole(rows(columns)),
            byte_count: i64::try_from(written.bytes).unwrap_or(i64::MAX),
            start_at: start_at - start_at.rem_euclid(unit),
            last_at: last_at - last_at.rem_euclid(unit),
            known_at: 0,
            sha256: written.sha256,
        });
    }
    Ok(segments)
}

/// Row groups of 64 Ki rows.
fn even_groups(rows: usize) -> Vec<usize> {
    const ROWS: usize = 65_536;
    let mut groups = vec![ROWS; rows / ROWS];
    if !rows.is_multiple_of(ROWS) {
        groups.push(rows % ROWS);
    }
    groups
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
