//! Reading an input: what to read it as, with which options, and what came of it.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read, Seek as _},
};

use centinel_engine::{
    focus::Charge,
    money::Currency,
    usage::{Call, Outcome},
};
use jiff::{Timestamp, civil::Date};

use crate::{
    anthropic, bedrock,
    bills::{self, ContractCommitment},
    calls::{self, Convention, Field, Mapping, MappingError},
    detect::{Format, UnknownFormat, detect_columns, detect_head},
    finding::{Finding, Findings},
    focus, helicone,
    input::Input,
    langfuse, litellm,
    open::Opened,
    openai, opencost, openrouter, otlp, outcomes,
    parquet_rows::{ParquetRows, is_parquet},
    records::{read_documents, read_table},
    sanitize::Shown,
    sessions,
    sink::{Position, Rejected, Sink, SinkError},
    table::{TableRows as _, with_table},
    vertex,
};

/// How to read an input. The default guesses what it can.
#[derive(Debug, Clone)]
pub struct Options {
    /// Columns stated by the user: name, and its field or `None` for "do not read".
    pub map: Vec<(String, Option<Field>)>,
    /// Values that hold for every row of a call log.
    pub set: Vec<(Field, String)>,
    /// Keys of tags that may become dimensions (`tag:KEY`); case and punctuation are ignored.
    pub tags: Vec<String>,
    /// Whether input tokens include cache tokens; by provider and column names where not stated.
    pub convention: Option<Convention>,
    /// What numbers in the time column count from.
    pub start: Option<Timestamp>,
    /// Currency of amounts that state none.
    pub currency: Currency,
    /// Largest input read, in bytes after decompression.
    pub bytes_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            map: Vec::new(),
            set: Vec::new(),
            tags: vec!["cost-center".to_owned(), "business-unit".to_owned()],
            convention: None,
            start: None,
            currency: Currency::USD,
            bytes_max: 64 << 30,
        }
    }
}

impl Options {
    /// States a column: `COLUMN=FIELD`, or `COLUMN=-` for a column that is not to be read.
    pub fn state_column(&mut self, pair: &str) -> Result<(), MappingError> {
        let (column, field) = split(pair, "COLUMN=FIELD")?;
        let field = if field == "-" { None } else { Some(field.parse()?) };
        self.map.push((column.to_owned(), field));
        Ok(())
    }

    /// States a value for every row: `FIELD=VALUE`, as in `provider=openai`.
    pub fn set_constant(&mut self, pair: &str) -> Result<(), MappingError> {
        let (field, value) = split(pair, "FIELD=VALUE")?;
        let field: Field = field.parse()?;
        if !matches!(field, Field::Label(_) | Field::Currency | Field::Customer) {
            return Err(MappingError::NotConstant(field));
        }
        self.set.push((field, value.to_owned()));
        Ok(())
    }
}

fn split<'a>(pair: &'a str, form: &'static str) -> Result<(&'a str, &'a str), MappingError> {
    pair.rsplit_once('=')
        .map(|(left, right)| (left.trim(), right.trim()))
        .filter(|(left, right)| !left.is_empty() && !right.is_empty())
        .ok_or_else(|| MappingError::Form(pair.chars().take(40).collect(), form))
}

/// What came of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What it was read as.
    pub format: Format,
    /// Data rows; always `accepted + rejected`. Of OTLP, spans of model calls.
    pub rows: u64,
    /// Rows handed to the sink as calls, charges or outcomes.
    pub accepted: u64,
    /// Rows handed to the sink with a reason.
    pub rejected: u64,
    /// What else is worth knowing.
    pub findings: Vec<Finding>,
    /// How the columns of a call log were read.
    pub mapping: Option<Mapping>,
    /// SHA-256 of the (decompressed) input, in hexadecimal: the same file is the same digest.
    pub digest: String,
}

/// Why an input cannot be read at all, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The input failed, as a cut compressed file does.
    #[error("cannot read on after byte {offset}")]
    Io {
        /// Bytes read until then, decompressed.
        offset: u64,
        /// The failure.
        source: io::Error,
    },
    /// Nothing in it.
    #[error("the input is empty")]
    Empty,
    /// A file of another tool.
    #[error(transparent)]
    Format(#[from] UnknownFormat),
    /// A header that is no text, or never ends.
    #[error("the header cannot be read: {reason}")]
    Header {
        /// Why.
        reason: String,
    },
    /// A header that names a column twice.
    #[error("column {} stands twice in the header: as number {first} and {second}", Shown(column))]
    DuplicateColumn {
        /// Its name.
        column: String,
        /// Position of the first, from 1.
        first: usize,
        /// Position of the second.
        second: usize,
    },
    /// Fields that every call needs, and no column holds.
    #[error("no column for {}; found: {found}", fields(missing))]
    MissingFields {
        /// The fields.
        missing: Vec<Field>,
        /// The columns.
        found: String,
    },
    /// Columns without which a bill cannot be read.
    #[error("not {bill}: no column {missing}; found: {found}")]
    MissingColumns {
        /// What the bill is read as.
        bill: &'static str,
        /// The columns, in words.
        missing: String,
        /// What there is.
        found: String,
    },
    /// Times that count from a start that is not stated.
    #[error(
        "column {} counts from a start that is not stated (first value {})",
        Shown(column),
        Shown(value)
    )]
    RelativeTime {
        /// The column.
        column: String,
        /// Its first value.
        value: String,
    },
    /// A mapping that does not fit the input.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// More bytes than are read.
    #[error("the input has more than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// Quotes that are opened and not closed, over and over.
    #[error("too many quotes are opened and not closed (at line {line})")]
    Quotes {
        /// Where reading stopped.
        line: u64,
    },
    /// A payload that is not what its format says.
    #[error("not a valid {format} payload: {reason}")]
    Payload {
        /// The format.
        format: Format,
        /// Why.
        reason: String,
    },
    /// A Parquet file that is damaged, or written with what is not read.
    #[error("the Parquet file cannot be read{}: {}", at_row(*row), Shown(reason))]
    Parquet {
        /// The row at which it fails, from 1; 0 where it is the file as a whole.
        row: u64,
        /// Why.
        reason: String,
    },
    /// The sink failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl ReadError {
    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Format(error) => Some(error.hint()),
            Self::MissingFields { missing, .. } => {
                let first = missing.first()?;
                let constants: Vec<String> = missing
                    .iter()
                    .filter(|field| matches!(field, Field::Label(_)))
                    .map(|field| format!("`--set {field}=VALUE`"))
                    .collect();
                let constants = match constants.join(" ").as_str() {
                    "" => String::new(),
                    constants => format!(", or what holds for all rows: {constants}"),
                };
                Some(format!("say which column it is: `--map COLUMN={first}`{constants}"))
            }
            Self::RelativeTime { .. } => {
                Some("state the start: `--start 2026-11-01T00:00:00Z`".to_owned())
            }
            Self::Parquet { .. } => Some(
                "is the file whole? Read are flat and nested columns, uncompressed or with snappy, \
                 gzip, lz4 or zstd"
                    .to_owned(),
            ),
            Self::DuplicateColumn { .. } => {
                Some("rename one of them; which one is meant cannot be known".to_owned())
            }
            _ => None,
        }
    }
}

fn at_row(row: u64) -> String {
    if row == 0 { String::new() } else { format!(" at row {row}") }
}

fn fields(fields: &[Field]) -> String {
    fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
}

/// Reads an input in a known format into a sink.
///
/// # Errors
///
/// [`ReadError`] when the input as a whole cannot be read; rows in error go to the sink.
pub fn read(
    format: Format,
    input: impl Read,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<Summary, ReadError> {
    read_input(format, Input::new(input, options.bytes_max), options, sink)
}

/// Reads an input whose format is seen from its first bytes and its name.
///
/// # Errors
///
/// [`ReadError::Format`] for a file of another tool; else as [`read`].
pub fn read_detected(
    name: &str,
    input: impl Read,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<Summary, ReadError> {
    let mut input = Input::new(input, options.bytes_max);
    if is_parquet(input.peek(1 << 16)?) {
        let rows = parquet_in_memory(&mut input, options)?;
        let format = detect_columns(rows.names(), true, options)?;
        return read_parquet(format, rows, input.into_digest(), options, sink);
    }
    let format = match input.peek(1 << 16)? {
        [] => return Err(ReadError::Empty),
        head => detect_head(head, name, options)?,
    };
    read_input(format, input, options, sink)
}

/// Reads an opened input in a known format into a sink. A Parquet file is read where it lies, one
/// page a column at a time; from a stream it is held in memory.
///
/// # Errors
///
/// As [`read`].
pub fn read_opened(
    format: Format,
    opened: Opened,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<Summary, ReadError> {
    match opened {
        Opened::Stream(stream) => read(format, stream, options, sink),
        Opened::Parquet(mut file) => {
            let digest = digest(&mut file)?;
            let rows = ParquetRows::of_file(file, options.bytes_max)?;
            read_parquet(format, rows, digest, options, sink)
        }
    }
}

/// SHA-256 of a file, which is then at its start again.
fn digest(file: &mut File) -> Result<String, ReadError> {
    let mut input = Input::new(&mut *file, u64::MAX);
    while input.skip_all()? {}
    let digest = input.into_digest();
    file.rewind().map_err(|source| ReadError::Io { offset: 0, source })?;
    Ok(digest)
}

fn parquet_in_memory(
    input: &mut Input<impl Read>,
    options: &Options,
) -> Result<ParquetRows, ReadError> {
    let limit = usize::try_from(options.bytes_max).unwrap_or(usize::MAX);
    let bytes = input.rest(limit)?.to_vec();
    ParquetRows::of_bytes(bytes, options.bytes_max)
}

fn read_parquet(
    format: Format,
    mut rows: ParquetRows,
    digest: String,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<Summary, ReadError> {
    let mut intake = Intake::new(format, sink);
    match format {
        Format::FocusCsv | Format::FocusParquet => focus::read(&mut rows, options, &mut intake)?,
        Format::CallLogCsv | Format::CallLogParquet => {
            calls::read_parquet(&mut rows, options, &mut intake)?;
        }
        bill if bill.is_bill() => bills::read(bill, &mut rows, options, &mut intake)?,
        other => {
            let reason = format!("it is Parquet, which is not read as {other}");
            return Err(ReadError::Payload { format, reason });
        }
    }
    Ok(intake.finish(rows.offset(), digest))
}

fn read_input(
    format: Format,
    mut input: Input<impl Read>,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<Summary, ReadError> {
    if is_parquet(input.peek(4)?) {
        let rows = parquet_in_memory(&mut input, options)?;
        return read_parquet(format, rows, input.into_digest(), options, sink);
    }
    let mut intake = Intake::new(format, sink);
    let (input_ref, run) = (&mut input, &mut intake);
    match format {
        Format::FocusCsv | Format::FocusParquet => {
            with_table(input_ref, options.bytes_max, &[], |rows| focus::read(rows, options, run))?;
        }
        Format::CallLogCsv | Format::CallLogParquet => calls::read_csv(input_ref, options, run)?,
        Format::CallLogNdjson => calls::read_ndjson(input_ref, options, false, run)?,
        Format::CallEvents => calls::read_ndjson(input_ref, options, true, run)?,
        Format::LiteLlmJson => litellm::read_json(input_ref, options, run)?,
        Format::LiteLlmCsv => litellm::read_csv(input_ref, options, run)?,
        Format::OtlpJson => otlp::read_json(input_ref, options, run)?,
        Format::OtlpNdjson => otlp::read_ndjson(input_ref, options, run)?,
        Format::OtlpProtobuf => otlp::read_protobuf(input_ref, options, run)?,
        Format::Outcomes => outcomes::read(input_ref, run)?,
        Format::OpenAiUsage => {
            read_documents(input_ref, options, &mut openai::Usages::default(), run)?;
        }
        Format::OpenAiCosts => {
            read_documents(input_ref, options, &mut openai::Costs::default(), run)?;
        }
        Format::AnthropicUsage => {
            read_documents(input_ref, options, &mut anthropic::Usages::default(), run)?;
        }
        Format::AnthropicCosts => {
            read_documents(input_ref, options, &mut anthropic::Costs::default(), run)?;
        }
        Format::OpenRouterActivity => {
            read_documents(input_ref, options, &mut openrouter::Activity::default(), run)?;
        }
        Format::LiteLlmCallback => {
            read_documents(input_ref, options, &mut litellm::Callbacks, run)?;
        }
        Format::OpenCost => {
            read_documents(input_ref, options, &mut opencost::Allocations::default(), run)?;
        }
        Format::BedrockLog => read_documents(input_ref, options, &mut bedrock::Invocations, run)?,
        Format::VertexLog => read_documents(input_ref, options, &mut vertex::Logs, run)?,
        Format::ClaudeCode => {
            read_documents(input_ref, options, &mut sessions::ClaudeCode::default(), run)?;
        }
        Format::Codex => {
            read_documents(input_ref, options, &mut sessions::Codex::default(), run)?;
        }
        Format::LangfuseJson => {
            read_documents(input_ref, options, &mut langfuse::Observations, run)?;
        }
        Format::LangfuseCsv => read_table(input_ref, options, &mut langfuse::Observations, run)?,
        Format::HeliconeJson => read_documents(input_ref, options, &mut helicone::Requests, run)?,
        Format::HeliconeCsv => read_table(input_ref, options, &mut helicone::Requests, run)?,
        Format::AwsCur
        | Format::AzureCost
        | Format::GoogleBilling
        | Format::Invoice
        | Format::ContractCommitments => {
            let keys = bills::keys(format);
            with_table(input_ref, options.bytes_max, keys, |rows| {
                bills::read(format, rows, options, run)
            })?;
        }
    }
    let offset = input.offset();
    Ok(intake.finish(offset, input.into_digest()))
}

/// One reading: hands rows to the sink and counts them.
pub(crate) struct Intake<'s> {
    sink: &'s mut dyn Sink,
    pub(crate) summary: Summary,
    pub(crate) findings: Findings,
    bytes_reported: u64,
    // Parts of a bill that the sink knows of, by account, billing period and day.
    covered: HashSet<(String, Timestamp, Date)>,
}

/// Most parts of a bill that are told apart: accounts times days.
const COVERED_MAX: usize = 100_000;

impl<'s> Intake<'s> {
    fn new(format: Format, sink: &'s mut dyn Sink) -> Self {
        let summary = Summary {
            format,
            rows: 0,
            accepted: 0,
            rejected: 0,
            findings: Vec::new(),
            mapping: None,
            digest: String::new(),
        };
        let (findings, covered) = (Findings::default(), HashSet::new());
        Self { sink, summary, findings, bytes_reported: 0, covered }
    }

    /// The summary of what was read.
    fn finish(self, offset: u64, digest: String) -> Summary {
        let Self { sink, mut summary, findings, .. } = self;
        sink.progress(offset);
        summary.findings = findings.finish();
        summary.digest = digest;
        summary
    }
}

impl Intake<'_> {
    /// Tells the sink about the part of a bill to which a charge belongs, once for each part.
    pub(crate) fn covers(
        &mut self,
        account: &str,
        period: Timestamp,
        at: Timestamp,
    ) -> Result<(), ReadError> {
        let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        // Rows of one part follow each other, mostly.
        let key = (account.to_owned(), period, day);
        if self.covered.len() < COVERED_MAX && !self.covered.contains(&key) {
            self.covered.insert(key);
            self.sink.covers(account, period, day)?;
        }
        Ok(())
    }

    pub(crate) fn commitment(
        &mut self,
        at: &Position,
        commitment: &ContractCommitment,
    ) -> Result<(), ReadError> {
        self.sink.commitment(at, commitment)?;
        self.accepted();
        Ok(())
    }

    pub(crate) fn mapping(&mut self, mapping: &Mapping) -> Result<(), ReadError> {
        Ok(self.sink.mapping(mapping)?)
    }

    pub(crate) fn call(&mut self, at: &Position, call: &Call) -> Result<(), ReadError> {
        self.sink.call(at, call)?;
        self.accepted();
        Ok(())
    }

    pub(crate) fn charge(&mut self, at: &Position, charge: &Charge) -> Result<(), ReadError> {
        self.sink.charge(at, charge)?;
        self.accepted();
        Ok(())
    }

    pub(crate) fn outcome(&mut self, at: &Position, outcome: &Outcome) -> Result<(), ReadError> {
        self.sink.outcome(at, outcome)?;
        self.accepted();
        Ok(())
    }

    fn accepted(&mut self) {
        self.summary.rows += 1;
        self.summary.accepted += 1;
    }

    pub(crate) fn reject(
        &mut self,
        position: Position,
        reason: String,
        raw: &[u8],
    ) -> Result<(), ReadError> {
        self.sink.rejected(Rejected::new(position, reason, raw))?;
        self.summary.rows += 1;
        self.summary.rejected += 1;
        Ok(())
    }

    /// Tells the sink about every megabyte.
    pub(crate) fn progress(&mut self, bytes: u64) {
        if bytes - self.bytes_reported >= 1 << 20 {
            self.bytes_reported = bytes;
            self.sink.progress(bytes);
        }
    }
}
