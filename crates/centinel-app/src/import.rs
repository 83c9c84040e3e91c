//! Importing: a connector fills chunks on one thread, the ledger writes them on another.

use std::{
    collections::HashMap,
    io::Read as _,
    path::Path,
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
    Finding, FindingStatus, Format, Mapping, Options, Position, ReadError, Rejected, Sink,
    SinkError, Summary,
};
use centinel_ledger::{
    Chunk, Delivery, Import, ImportFile, ImportReport, LocalSeries, RejectedRow, RowBuffer,
};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::{
    App, AppError, Role,
    call_price::{AskedCall, CallPricer, NotBooked, Numbers, common_reason},
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
        let first = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || fingerprint(&path))
                .await
                .map_err(|_| AppError::Interrupted)??
        };
        let format = centinel_ingest::detect_format(&first.head, &name)
            .map_err(|error| read_failed(&name, error.into()))?;
        let source = request.source.clone().unwrap_or_else(|| default_source(format).to_owned());
        if let Some(batch) = self.database().find_batch(&source, &first.digest).await? {
            return Ok(Imported::known(batch, format));
        }
        let file = ImportFile {
            source,
            digest: first.digest,
            name: name.clone(),
            bytes: first.bytes,
            format: format.to_string(),
        };
        let open = move || centinel_ingest::open(&path).map_err(AppError::from);
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
        let source = request.source.clone().unwrap_or_else(|| default_source(format).to_owned());
        let digest = hex(&Sha256::digest(&bytes));
        if let Some(batch) = self.database().find_batch(&source, &digest).await? {
            let mut known = Imported::known(batch, format);
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
        let open = move || Ok::<_, AppError>(Box::new(std::io::Cursor::new(bytes)) as Box<_>);
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
            source: request.source.clone().unwrap_or_else(|| default_source(format).to_owned()),
            digest,
            name,
            bytes: bytes.len() as u64,
            format: format.to_string(),
        };
        let open = move || Ok::<_, AppError>(Box::new(std::io::Cursor::new(bytes)) as Box<_>);
        self.run_import(file, format, request, open, progress, now, nonce).await
    }

    #[expect(clippy::too_many_arguments, reason = "the public ways in share all of it")]
    async fn run_import(
        &self,
        file: ImportFile,
        format: Format,
        request: ImportRequest,
        open: impl FnOnce() -> Result<Box<dyn std::io::BufRead + Send>, AppError> + Send + 'static,
        progress: Arc<Progress>,
        now: Timestamp,
        nonce: u64,
    ) -> Result<Imported, AppError> {
        let name = file.name.clone();
        let (role, is_usual) = self.import_role(&file.source, format, &request).await?;
        let mut import = Import::begin(&self.ledger, file.clone(), role.name(), nonce).await?;
        let cursor = request.delivery.as_ref().and_then(|delivery| delivery.cursor.clone());
        // Another process may have committed the file while we waited for our turn.
        if let Some(batch) = self.database().find_batch(&file.source, &file.digest).await? {
            if let Some(cursor) = cursor {
                let at = now.as_microsecond();
                self.database().move_cursor(&file.source, &cursor, at).await?;
            }
            return Ok(Imported::known(batch, format));
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
                let read = centinel_ingest::read(format, open()?, &options, &mut filler);
                let summary = read.map_err(|source| read_failed(&name, source))?;
                filler.hand_over().map_err(|_| AppError::Interrupted)?;
                Ok::<_, AppError>((summary, filler.unpriced))
            })
        };
        while let Some(chunk) = received.recv().await {
            import.write(chunk).await?;
        }
        let (summary, unpriced) = reader.await.map_err(|_| AppError::Interrupted)??;
        let Summary { rows, mut findings, mapping, .. } = summary;
        if is_usual && role != Role::Spend {
            findings.push(in_no_total(role));
        }
        let report = import.commit(rows, now.as_microsecond()).await?;
        let mut unpriced: Vec<_> = unpriced.into_iter().collect();
        unpriced.sort_by_key(|(reason, calls)| (std::cmp::Reverse(*calls), reason.clone()));
        Ok(Imported { report, format: format.to_string(), findings, mapping, unpriced })
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
fn default_source(format: Format) -> &'static str {
    match format {
        Format::FocusCsv => "focus",
        Format::CallLogCsv | Format::CallLogNdjson | Format::CallEvents => "calls",
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

    fn rejected(&mut self, rejected: Rejected) -> Result<(), SinkError> {
        let Rejected { position, reason, raw } = rejected;
        self.reject(&position, reason, raw);
        self.after_row()
    }

    fn progress(&mut self, bytes: u64) {
        self.progress.bytes.store(bytes, Ordering::Relaxed);
    }
}
