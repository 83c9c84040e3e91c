//! Reading an input: what to read it as, with which options, and what came of it.

use std::io::{self, Read};

use centinel_engine::{
    focus::Charge,
    money::Currency,
    usage::{Call, Outcome},
};
use jiff::Timestamp;

use crate::{
    anthropic, bedrock,
    calls::{self, Convention, Field, Mapping, MappingError},
    detect::{Format, UnknownFormat, detect_format},
    finding::{Finding, Findings},
    focus, helicone,
    input::Input,
    langfuse, litellm, openai, opencost, openrouter, otlp, outcomes,
    records::{read_documents, read_table},
    sanitize::Shown,
    sessions,
    sink::{Position, Rejected, Sink, SinkError},
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
    #[error("not a FOCUS bill: no column {missing}; found: {found}")]
    MissingColumns {
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
            Self::DuplicateColumn { .. } => {
                Some("rename one of them; which one is meant cannot be known".to_owned())
            }
            _ => None,
        }
    }
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
    let format = match input.peek(1 << 16)? {
        [] => return Err(ReadError::Empty),
        head => match detect_format(head, name) {
            Ok(format) => format,
            // Whoever states columns says that it is a call log.
            Err(unknown) => match unknown.with_mapping.filter(|_| !options.map.is_empty()) {
                Some(format) => format,
                None => return Err(unknown.into()),
            },
        },
    };
    read_input(format, input, options, sink)
}

fn read_input(
    format: Format,
    mut input: Input<impl Read>,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<Summary, ReadError> {
    let summary = Summary {
        format,
        rows: 0,
        accepted: 0,
        rejected: 0,
        findings: Vec::new(),
        mapping: None,
        digest: String::new(),
    };
    let mut intake = Intake { sink, summary, findings: Findings::default(), bytes_reported: 0 };
    let (input_ref, run) = (&mut input, &mut intake);
    match format {
        Format::FocusCsv => focus::read(input_ref, options, run)?,
        Format::CallLogCsv => calls::read_csv(input_ref, options, run)?,
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
    }
    let Intake { sink, mut summary, findings, .. } = intake;
    sink.progress(input.offset());
    summary.findings = findings.finish();
    summary.digest = input.into_digest();
    Ok(summary)
}

/// One reading: hands rows to the sink and counts them.
pub(crate) struct Intake<'s> {
    sink: &'s mut dyn Sink,
    pub(crate) summary: Summary,
    pub(crate) findings: Findings,
    bytes_reported: u64,
}

impl Intake<'_> {
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
