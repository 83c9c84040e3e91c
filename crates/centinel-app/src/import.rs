//! Importing: a connector fills chunks on one thread, the ledger writes them on another.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use centinel_engine::{
    facts::hex,
    focus::Charge,
    pricing::PriceBook,
    series::{Dimension, Labels},
    usage::{BookedCost, Call, CallStatus, Outcome},
};
use centinel_ingest::{
    ContractCommitment, Finding, FindingStatus, Format, Mapping, Opened, Options, Position,
    ReadError, Rejected, Sink, SinkError, Summary,
};
use centinel_ledger::{
    Chunk, Delivery, Import, ImportFile, ImportReport, LocalSeries, OnOverlap, RejectedRow,
    RowBuffer,
};
use centinel_store::{BillPart, CommitmentRow};
use jiff::{Timestamp, civil::Date};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::{
    App, AppError, Role,
    call_price::{AskedCall, CallPricer, NotBooked, Numbers, common_reason},
    role::usual_role,
};

/// What is to be imported, and how.
#[derive(Debug, Clone, Default)]
pub struct ImportRequest {
    /// Source that the rows belong to; by the format where none is stated.
    pub source: Option<String>,
    /// The rows are an invoice to reconcile with: kept, but in no total.
    pub is_invoice: bool,
    /// What the rows are for; by the format where nothing is stated.
    pub role: Option<Role>,
    /// What to do with a bill that the source has already; by the format where none is stated.
    pub on_overlap: Option<OnOverlap>,
    /// Files imported since this instant are parts of the same delivery of a bill; without one, each
    /// is its own.
    pub delivery_since: Option<Timestamp>,
    /// How the connector reads.
    pub options: Options,
    /// Price calls with this book instead of the configured one.
    pub book: Option<Arc<PriceBook>>,
    /// What a live source says with the rows: committed together with them.
    pub delivery: Option<Delivery>,
}

/// Progress of an import, for whoever draws it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes read, decompressed.
    pub bytes: AtomicU64,
    /// Rows read.
    pub rows: AtomicU64,
}

/// What an import did.
#[derive(Debug, Clone)]
pub struct Imported {
    /// What the ledger did.
    pub report: ImportReport,
    /// What the file was read as.
    pub format: String,
    /// What else is worth knowing about the file.
    pub findings: Vec<Finding>,
    /// How the columns of a call log were read.
    pub mapping: Option<Mapping>,
    /// Reasons for calls without a price, most calls first.
    pub unpriced: Vec<(String, u64)>,
}

impl App {
    /// Imports a file: all of it or nothing, once.
    ///
    /// A file that was imported into the source before changes nothing. `nonce` is random.
    ///
    /// # Errors
    ///
    /// [`AppError`]; nothing is visible then.
    pub async fn import_file(
        &self,
        path: &Path,
        request: ImportRequest,
        progress: Arc<Progress>,
        now: Timestamp,
        nonce: u64,
    ) -> Result<Imported, AppError> {
        if path.as_os_str() == "-" {
            return self.import_standard_input(request, progress, now, nonce).await;
        }
        let name =
            path.file_name().map_or_else(|| "-".into(), |name| name.to_string_lossy().into_owned());
        let path = path.to_owned();
        let Inspected { digest, bytes, format } =
            inspect(path.clone(), name.clone(), request.options.clone()).await?;
        let source = request.source_of(format);
        if let Some(batch) = self.database().find_batch(&source, &digest).await? {
            return self.known(batch, format).await;
        }
        let file = ImportFile { source, digest, name, bytes, format: format.to_string() };
        let open = move || centinel_ingest::open_input(&path).map_err(AppError::from);
        self.run_import(file, format, request, open, progress, now, nonce).await
    }

    /// Imports standard input. It is kept in the spool until it is imported: a file is looked at
    /// before it is read, to know whether it was imported before.
    async fn import_standard_input(
        &self,
        request: ImportRequest,
        progress: Arc<Progress>,
        now: Timestamp,
        nonce: u64,
    ) -> Result<Imported, AppError> {
        let spool = self.home.join("spool");
        let path = spool.join(format!("standard-input-{nonce:016x}"));
        let failed = |source| AppError::Home { path: path.clone(), source };
        let copied = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || {
                std::fs::create_dir_all(&spool)?;
                std::io::copy(&mut std::io::stdin().lock(), &mut std::fs::File::create(path)?)
            })
            .await
            .map_err(|_| AppError::Interrupted)?
        };
        copied.map_err(failed)?;
        let imported = Box::pin(self.import_file(&path, request, progress, now, nonce)).await;
        std::fs::remove_file(&path).map_err(failed)?;
        imported
    }

    /// Imports bytes that arrived over the network, as a file of their own.
    ///
    /// # Errors
    ///
    /// [`AppError`]; nothing is visible then.
    pub async fn import_bytes(
        &self,
        bytes: Vec<u8>,
        format: Format,
        request: ImportRequest,
        now: Timestamp,
        nonce: u64,
    ) -> Result<Imported, AppError> {
        let source = request.source_of(format);
        let digest = hex(&Sha256::digest(&bytes));
        if let Some(batch) = self.database().find_batch(&source, &digest).await? {
            let mut known = self.known(batch, format).await?;
            // Whoever sends a body again did not get the answer: the reasons are told again.
            if known.report.batch.rows_rejected > 0 {
                known.report.first_rejected =
                    rejected_again(bytes, format, request.options).await?;
            }
            return Ok(known);
        }
        let file = ImportFile {
            source,
            digest,
            name: format!("{format} body"),
            bytes: bytes.len() as u64,
            format: format.to_string(),
        };
        let open = move || Ok(Opened::Stream(Box::new(std::io::Cursor::new(bytes))));
        self.run_import(file, format, request, open, Arc::default(), now, nonce).await
    }

    /// Imports what a live source delivered, as a file of its own with the digest stated.
    ///
    /// # Errors
    ///
    /// [`AppError`]; nothing is visible then, and its cursor stays where it was.
    pub(crate) async fn import_delivered(
        &self,
        body: centinel_ingest::live::Body,
        digest: String,
        request: ImportRequest,
        progress: Arc<Progress>,
        now: Timestamp,
        nonce: u64,
    ) -> Result<Imported, AppError> {
        let centinel_ingest::live::Body { format, bytes, name } = body;
        let file = ImportFile {
            source: request.source_of(format),
            digest,
            name,
            bytes: bytes.len() as u64,
            format: format.to_string(),
        };
        let open = move || Ok(Opened::Stream(Box::new(std::io::Cursor::new(bytes))));
        self.run_import(file, format, request, open, progress, now, nonce).await
    }

    /// Imports an object of a live source from the file that holds it, with the digest stated.
    ///
    /// # Errors
    ///
    /// [`AppError`]; nothing is visible then.
    pub(crate) async fn import_object(
        &self,
        path: &Path,
        file: ImportFile,
        format: Format,
        request: ImportRequest,
        now: Timestamp,
        nonce: u64,
    ) -> Result<Imported, AppError> {
        let path = path.to_owned();
        let open = move || centinel_ingest::open_input(&path).map_err(AppError::from);
        self.run_import(file, format, request, open, Arc::default(), now, nonce).await
    }

    #[expect(clippy::too_many_arguments, reason = "the public ways in share all of it")]
    async fn run_import(
        &self,
        file: ImportFile,
        format: Format,
        request: ImportRequest,
        open: impl FnOnce() -> Result<Opened, AppError> + Send + 'static,
        progress: Arc<Progress>,
        now: Timestamp,
        nonce: u64,
    ) -> Result<Imported, AppError> {
        let name = file.name.clone();
        let (role, is_usual) = self.import_role(&file.source, format, &request).await?;
        let mut import = Import::begin(&self.ledger, file.clone(), role.name(), nonce).await?;
        let cursor = request.delivery.as_ref().and_then(|delivery| delivery.cursor.clone());
        let on_overlap = request.on_overlap.unwrap_or_else(|| default_on_overlap(format));
        let since = request.delivery_since.unwrap_or(now);
        import.set_overlap(on_overlap, since.as_microsecond());
        // Another process may have committed the file while we waited for our turn.
        if let Some(batch) = self.database().find_batch(&file.source, &file.digest).await? {
            if let Some(cursor) = cursor {
                let at = now.as_microsecond();
                self.database().move_cursor(&file.source, &cursor, at).await?;
            }
            return self.known(batch, format).await;
        }
        if let Some(delivery) = request.delivery {
            import.deliver(delivery).await?;
        }
        let book = match &request.book {
            Some(book) => Arc::new(self.on_our_terms((**book).clone())?),
            None => self.book()?,
        };
        let (chunks, mut received) = mpsc::channel::<Chunk>(1);
        let reader = {
            let (db, runtime) = (self.database().clone(), tokio::runtime::Handle::current());
            let (source, options) = (file.source.clone(), request.options);
            tokio::task::spawn_blocking(move || {
                let numbers = Numbers::new(db, runtime);
                let mut filler = Filler::new(&source, &book, chunks, &progress, numbers);
                let read = centinel_ingest::read_opened(format, open()?, &options, &mut filler);
                let summary = read.map_err(|source| read_failed(&name, source))?;
                filler.hand_over().map_err(|_| AppError::Interrupted)?;
                Ok::<_, AppError>((summary, filler.unpriced, filler.bill))
            })
        };
        while let Some(chunk) = received.recv().await {
            import.write(chunk).await?;
        }
        let (summary, unpriced, bill) = reader.await.map_err(|_| AppError::Interrupted)??;
        let Summary { rows, mut findings, mapping, .. } = summary;
        if is_usual && role != Role::Spend {
            findings.push(in_no_total(role));
        }
        import.set_bill(bill.parts(), bill.commitments.into_values().collect());
        let report = import.commit(rows, now.as_microsecond()).await?;
        findings.extend(delivery_findings(&report));
        let mut unpriced: Vec<_> = unpriced.into_iter().collect();
        unpriced.sort_by_key(|(reason, calls)| (std::cmp::Reverse(*calls), reason.clone()));
        Ok(Imported { report, format: format.to_string(), findings, mapping, unpriced })
    }
}

impl ImportRequest {
    /// The source that the rows go to. Rows that are only compared are kept apart from spend.
    fn source_of(&self, format: Format) -> String {
        let default = || {
            let name = default_source(format);
            let is_invoice = self.is_invoice || self.role == Some(Role::Invoice);
            let is_unusual = is_invoice && usual_role(format) == Role::Spend;
            if is_unusual { format!("{name}-invoice") } else { name.to_owned() }
        };
        self.source.clone().unwrap_or_else(default)
    }
}

impl App {
    /// A file that was imported before. Where a later delivery took its place, that is said.
    async fn known(
        &self,
        batch: centinel_store::ImportBatch,
        format: Format,
    ) -> Result<Imported, AppError> {
        let by = self.database().superseded_by(batch.id).await?;
        let mut imported = Imported::known(batch, format);
        imported.findings.extend(by.map(|by| {
            note(format!("batch {by} took the place of this file since; import a later delivery"))
        }));
        Ok(imported)
    }
}

fn note(message: String) -> Finding {
    Finding {
        column: String::new(),
        status: FindingStatus::Note,
        message,
        count: 1,
        first_row: None,
    }
}

/// What a bill did to the batches that were there.
fn delivery_findings(report: &ImportReport) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !report.replaced.is_empty() {
        let batches: Vec<String> = report.replaced.iter().map(ToString::to_string).collect();
        findings.push(note(format!(
            "took the place of batch {}: an earlier delivery of the same bill",
            batches.join(", ")
        )));
    }
    if let Some(first) = report.overlaps.first() {
        let message = format!(
            "the source has charges of the same days of account {} already, from {} (batch {}): taken \
             as another part of the bill; if this is a later delivery, import it with `--overlap replace`",
            first.part.account, first.file_name, first.batch
        );
        findings.push(Finding { status: FindingStatus::Assumed, ..note(message) });
    }
    findings
}

/// What to do with a bill that is there already. Exports of the three clouds are delivered anew,
/// whole, until the month is closed. FOCUS files of one account may be parts as well.
fn default_on_overlap(format: Format) -> OnOverlap {
    match format {
        Format::AwsCur | Format::AzureCost | Format::GoogleBilling => OnOverlap::Refuse,
        _ => OnOverlap::Add,
    }
}

impl Imported {
    fn known(batch: centinel_store::ImportBatch, format: Format) -> Self {
        Self {
            report: ImportReport {
                batch,
                already_known: true,
                first_rejected: Vec::new(),
                rejected_file: None,
                raw_bytes: 0,
                cell_bytes: 0,
                overlaps: Vec::new(),
                replaced: Vec::new(),
            },
            format: format.to_string(),
            findings: Vec::new(),
            mapping: None,
            unpriced: Vec::new(),
        }
    }
}

/// That rows of such a format are not counted, unless somebody says so.
fn in_no_total(role: Role) -> Finding {
    Finding {
        column: String::new(),
        status: FindingStatus::Note,
        message: format!(
            "kept as {role}, in no total: its money is that of other sources; where it is the only \
             record, count it with `--role spend`"
        ),
        count: 1,
        first_row: None,
    }
}

/// The first rejected rows of a body that was imported before.
async fn rejected_again(
    bytes: Vec<u8>,
    format: Format,
    options: Options,
) -> Result<Vec<RejectedRow>, AppError> {
    tokio::task::spawn_blocking(move || {
        let mut reasons = Reasons::default();
        centinel_ingest::read(format, &bytes[..], &options, &mut reasons)
            .map_err(|source| read_failed(&format!("{format} body"), source))?;
        Ok(reasons.0)
    })
    .await
    .map_err(|_| AppError::Interrupted)?
}

/// Keeps the first rejected rows and nothing else.
#[derive(Default)]
struct Reasons(Vec<RejectedRow>);

impl Sink for Reasons {
    fn call(&mut self, _: &Position, _: &Call) -> Result<(), SinkError> {
        Ok(())
    }

    fn charge(&mut self, _: &Position, _: &Charge) -> Result<(), SinkError> {
        Ok(())
    }

    fn outcome(&mut self, _: &Position, _: &Outcome) -> Result<(), SinkError> {
        Ok(())
    }

    fn rejected(&mut self, rejected: Rejected) -> Result<(), SinkError> {
        let Rejected { position, reason, raw } = rejected;
        if self.0.len() < 20 {
            self.0.push(RejectedRow { row: position.row, reason, raw });
        }
        Ok(())
    }
}

fn read_failed(name: &str, source: ReadError) -> AppError {
    AppError::Read { name: name.to_owned(), source }
}

/// The source of files that state none: one a format, so that an id is looked for where it can be.
pub(crate) fn default_source(format: Format) -> &'static str {
    match format {
        Format::FocusCsv | Format::FocusParquet => "focus",
        Format::AwsCur => "aws",
        Format::AzureCost => "azure",
        Format::GoogleBilling => "google",
        Format::Invoice => "invoices",
        Format::ContractCommitments => "contracts",
        Format::CallLogCsv
        | Format::CallLogParquet
        | Format::CallLogNdjson
        | Format::CallEvents => "calls",
        Format::LiteLlmJson | Format::LiteLlmCsv | Format::LiteLlmCallback => "litellm",
        Format::OpenCost => "opencost",
        Format::OtlpJson | Format::OtlpNdjson | Format::OtlpProtobuf => "otlp",
        Format::Outcomes => "outcomes",
        Format::OpenAiUsage => "openai-usage",
        Format::OpenAiCosts => "openai-costs",
        Format::AnthropicUsage => "anthropic-usage",
        Format::AnthropicCosts => "anthropic-costs",
        Format::OpenRouterActivity => "openrouter",
        Format::BedrockLog => "bedrock",
        Format::VertexLog => "vertex",
        Format::ClaudeCode => "claude-code",
        Format::Codex => "codex",
        Format::LangfuseJson | Format::LangfuseCsv => "langfuse",
        Format::HeliconeJson | Format::HeliconeCsv => "helicone",
    }
}

/// What a file is, before it is read.
pub(crate) struct Inspected {
    /// SHA-256 of its (decompressed) content, hex.
    pub(crate) digest: String,
    /// Length of that.
    pub(crate) bytes: u64,
    /// What it is read as.
    pub(crate) format: Format,
}

/// Looks at a file.
///
/// # Errors
///
/// [`AppError::Open`], [`AppError::Read`] when it is nothing that is read.
pub(crate) async fn inspect(
    path: PathBuf,
    name: String,
    options: Options,
) -> Result<Inspected, AppError> {
    let look = move || {
        let Fingerprint { head, bytes, digest } = fingerprint(&path)?;
        let opened = centinel_ingest::open_input(&path)?;
        let format = centinel_ingest::detect_input(&head, &name, opened, &options)
            .map_err(|error| read_failed(&name, error))?;
        Ok(Inspected { digest, bytes, format })
    };
    tokio::task::spawn_blocking(look).await.map_err(|_| AppError::Interrupted)?
}

/// First bytes, length and digest of a file's (decompressed) content.
struct Fingerprint {
    head: Vec<u8>,
    bytes: u64,
    digest: String,
}

fn fingerprint(path: &Path) -> Result<Fingerprint, AppError> {
    let failed = |source| AppError::Home { path: path.to_owned(), source };
    let mut input = centinel_ingest::open(path)?;
    let (mut head, mut sha, mut bytes) = (Vec::new(), Sha256::new(), 0_u64);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            // A compressed file that is cut: its digest is that of what can be read, and reading it
            // says what is wrong.
            Err(_) if bytes > 0 => break,
            Err(error) => return Err(failed(error)),
        };
        let part = buffer.get(..length).unwrap_or_default();
        if head.len() < 1 << 16 {
            head.extend_from_slice(part);
        }
        sha.update(part);
        bytes += length as u64;
    }
    Ok(Fingerprint { head, bytes, digest: hex(&sha.finalize()) })
}

/// Takes rows from a connector, prices calls, and hands full chunks over.
struct Filler<'a> {
    source: &'a str,
    book: &'a PriceBook,
    chunks: mpsc::Sender<Chunk>,
    progress: &'a Progress,
    pricer: CallPricer<'a, LocalSeries>,
    buffer: RowBuffer,
    labels: Labels,
    unpriced: HashMap<String, u64>,
    bill: Bill,
}

/// What an input says of bills beside their rows.
#[derive(Default)]
struct Bill {
    // By account and billing period: a bit for each day of the month.
    days: BTreeMap<(String, i64), i64>,
    commitments: BTreeMap<String, CommitmentRow>,
}

impl Bill {
    fn parts(&self) -> Vec<BillPart> {
        let parts = self.days.iter();
        parts
            .map(|((account, period), &days)| BillPart {
                account: account.clone(),
                period: *period,
                days,
            })
            .collect()
    }
}

impl<'a> Filler<'a> {
    fn new(
        source: &'a str,
        book: &'a PriceBook,
        chunks: mpsc::Sender<Chunk>,
        progress: &'a Progress,
        numbers: Numbers,
    ) -> Self {
        Self {
            source,
            book,
            chunks,
            progress,
            pricer: CallPricer::new(book, Some(numbers)),
            buffer: RowBuffer::default(),
            labels: Labels::default(),
            unpriced: HashMap::new(),
            bill: Bill::default(),
        }
    }

    fn hand_over(&mut self) -> Result<(), SinkError> {
        let chunk = self.buffer.take();
        self.chunks.blocking_send(chunk).map_err(|_| SinkError::new("the ledger stopped writing"))
    }

    fn after_row(&mut self) -> Result<(), SinkError> {
        self.progress.rows.fetch_add(1, Ordering::Relaxed);
        if self.buffer.is_full() { self.hand_over() } else { Ok(()) }
    }

    fn labelled(&mut self, labels: &Labels, currency: &str) -> LocalSeries {
        self.labels.clone_from(labels);
        self.labels.set(Dimension::Source, self.source);
        self.labels.set(Dimension::Currency, currency);
        self.buffer.series(&self.labels).0
    }

    /// The cost of a call, or `None` and a counted reason.
    fn cost(&mut self, series: LocalSeries, call: &Call) -> Result<Option<BookedCost>, SinkError> {
        if call.status == CallStatus::GatewayCache {
            return self.pricer.gateway_cache().map(Some).map_err(SinkError::new);
        }
        let labels = |dimension: &Dimension| call.labels.get(dimension);
        let asked =
            AskedCall { labels: &labels, at: call.at, usage: &call.usage, calls: call.calls };
        match self.pricer.book(series, &asked) {
            Ok(booked) => Ok(Some(booked)),
            Err(NotBooked::Unpriced(reason)) => {
                *self.unpriced.entry(common_reason(&reason)).or_default() += 1;
                Ok(None)
            }
            Err(NotBooked::Failed(error)) => Err(SinkError::new(error)),
        }
    }

    fn reject(&mut self, at: &Position, reason: String, raw: String) {
        self.buffer.push_rejected(RejectedRow { row: at.row, reason, raw });
    }
}

impl Sink for Filler<'_> {
    fn call(&mut self, _at: &Position, call: &Call) -> Result<(), SinkError> {
        let currency = self.book.currency();
        let series = self.labelled(&call.labels, currency.as_str());
        let cost = self.cost(series, call)?;
        self.buffer.push_call(series, call, cost.as_ref());
        self.after_row()
    }

    fn charge(&mut self, at: &Position, charge: &Charge) -> Result<(), SinkError> {
        let series = self.labelled(&charge.labels, charge.currency.as_str());
        if let Err(error) = self.buffer.push_charge(series, charge) {
            self.reject(at, error.to_string(), String::new());
        }
        self.after_row()
    }

    fn outcome(&mut self, at: &Position, outcome: &Outcome) -> Result<(), SinkError> {
        let mut labels = outcome.labels.clone();
        labels.set(Dimension::Tag("outcome".into()), &outcome.kind);
        let series = self.labelled(&labels, "");
        if let Err(quantity) = self.buffer.push_outcome(series, outcome) {
            self.reject(
                at,
                format!("quantity `{quantity}` has more than 12 decimals"),
                String::new(),
            );
        }
        self.after_row()
    }

    fn commitment(
        &mut self,
        _at: &Position,
        commitment: &ContractCommitment,
    ) -> Result<(), SinkError> {
        let body = serde_json::to_string(commitment).map_err(SinkError::new)?;
        let row = CommitmentRow { id: commitment.id.clone(), body };
        self.bill.commitments.insert(row.id.clone(), row);
        self.after_row()
    }

    fn covers(&mut self, account: &str, period: Timestamp, day: Date) -> Result<(), SinkError> {
        let key = (account.to_owned(), period.as_microsecond());
        *self.bill.days.entry(key).or_default() |= 1_i64 << day.day();
        Ok(())
    }

    fn rejected(&mut self, rejected: Rejected) -> Result<(), SinkError> {
        let Rejected { position, reason, raw } = rejected;
        self.reject(&position, reason, raw);
        self.after_row()
    }

    fn progress(&mut self, bytes: u64) {
        self.progress.bytes.store(bytes, Ordering::Relaxed);
    }
}
