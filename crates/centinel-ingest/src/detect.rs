//! What an input is, from its first bytes and its name.

use std::fmt;

use crate::{
    bills, calls,
    csv_rows::{CsvRows, sniff_delimiter},
    focus,
    input::Input,
    json, litellm,
    open::Opened,
    parquet_rows::{ParquetRows, is_parquet},
    read::{Options, ReadError},
    table::Header,
};

/// What an input is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A FOCUS Cost and Usage file.
    FocusCsv,
    /// The same as Parquet.
    FocusParquet,
    /// AWS Cost and Usage Report, CSV or Parquet.
    AwsCur,
    /// Azure cost export, actual or amortised, CSV or Parquet.
    AzureCost,
    /// Google Cloud billing export, JSON lines, CSV or Parquet.
    GoogleBilling,
    /// Any other invoice, by a column mapping; CSV, JSON lines or Parquet.
    Invoice,
    /// A FOCUS Contract Commitment file, CSV, JSON lines or Parquet.
    ContractCommitments,
    /// A call log as CSV.
    CallLogCsv,
    /// A call log as Parquet.
    CallLogParquet,
    /// A call log as JSON objects, one a line or in one array.
    CallLogNdjson,
    /// The body of `POST /v1/calls`: as [`Format::CallLogNdjson`], but a field that is nowhere is an
    /// error of each row, not of the input. Never detected.
    CallEvents,
    /// LiteLLM spend-log rows as JSON objects, one a line or in one array.
    LiteLlmJson,
    /// LiteLLM spend-log rows as CSV.
    LiteLlmCsv,
    /// One OTLP trace payload as JSON.
    OtlpJson,
    /// OTLP trace payloads as JSON, one a line.
    OtlpNdjson,
    /// One OTLP trace payload as protobuf. Never detected; the content type says it.
    OtlpProtobuf,
    /// The body of `POST /v1/outcomes`: business outcomes as JSON objects, one a line.
    Outcomes,
    /// Pages of OpenAI's organization usage API, any of its kinds.
    OpenAiUsage,
    /// Pages of OpenAI's organization costs API.
    OpenAiCosts,
    /// Pages of Anthropic's messages usage report.
    AnthropicUsage,
    /// Pages of Anthropic's cost report.
    AnthropicCosts,
    /// OpenRouter's activity report.
    OpenRouterActivity,
    /// LiteLLM's callback payloads.
    LiteLlmCallback,
    /// Allocations of OpenCost or Kubecost.
    OpenCost,
    /// Bedrock's model-invocation log.
    BedrockLog,
    /// Vertex AI's request-response log.
    VertexLog,
    /// A session log of Claude Code.
    ClaudeCode,
    /// A session log of Codex.
    Codex,
    /// Langfuse observations as JSON.
    LangfuseJson,
    /// Langfuse observations as CSV.
    LangfuseCsv,
    /// Helicone requests as JSON.
    HeliconeJson,
    /// Helicone requests as CSV.
    HeliconeCsv,
}

impl Format {
    /// Whether it is a bill in columns of a provider's own, or beside a bill.
    pub(crate) fn is_bill(self) -> bool {
        matches!(
            self,
            Self::AwsCur
                | Self::AzureCost
                | Self::GoogleBilling
                | Self::Invoice
                | Self::ContractCommitments
        )
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::FocusCsv => "FOCUS CSV",
            Self::FocusParquet => "FOCUS Parquet",
            Self::AwsCur => "AWS Cost and Usage Report",
            Self::AzureCost => "Azure cost export",
            Self::GoogleBilling => "Google Cloud billing export",
            Self::Invoice => "invoice",
            Self::ContractCommitments => "FOCUS contract commitments",
            Self::CallLogCsv => "call log CSV",
            Self::CallLogParquet => "call log Parquet",
            Self::CallLogNdjson => "call log NDJSON",
            Self::CallEvents => "call events",
            Self::LiteLlmJson => "LiteLLM spend log JSON",
            Self::LiteLlmCsv => "LiteLLM spend log CSV",
            Self::OtlpJson => "OTLP JSON",
            Self::OtlpNdjson => "OTLP NDJSON",
            Self::OtlpProtobuf => "OTLP protobuf",
            Self::Outcomes => "outcomes NDJSON",
            Self::OpenAiUsage => "OpenAI usage report",
            Self::OpenAiCosts => "OpenAI cost report",
            Self::AnthropicUsage => "Anthropic usage report",
            Self::AnthropicCosts => "Anthropic cost report",
            Self::OpenRouterActivity => "OpenRouter activity",
            Self::LiteLlmCallback => "LiteLLM callback payload",
            Self::OpenCost => "OpenCost allocation",
            Self::BedrockLog => "Bedrock invocation log",
            Self::VertexLog => "Vertex request-response log",
            Self::ClaudeCode => "Claude Code session",
            Self::Codex => "Codex session",
            Self::LangfuseJson => "Langfuse JSON",
            Self::LangfuseCsv => "Langfuse CSV",
            Self::HeliconeJson => "Helicone JSON",
            Self::HeliconeCsv => "Helicone CSV",
        })
    }
}

/// An input that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the input {seems}; it is not read")]
pub struct UnknownFormat {
    seems: String,
    hint: Option<&'static str>,
    /// What it would be read as if its columns were stated.
    pub(crate) with_mapping: Option<Format>,
}

impl UnknownFormat {
    fn new(seems: impl Into<String>, hint: Option<&'static str>) -> Self {
        Self { seems: seems.into(), hint, with_mapping: None }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        self.hint.unwrap_or(READ).to_owned()
    }
}

const READ: &str = "read are: bills (FOCUS, AWS, Azure, Google Cloud, invoices), call logs, LiteLLM (spend logs, \
                    callbacks), OTLP traces (JSON), outcomes, reports of OpenAI, Anthropic and OpenRouter, logs \
                    of Bedrock, Vertex, Langfuse, Helicone, Claude Code and Codex, allocations of OpenCost; \
                    tables as CSV or Parquet";

/// Says what a file is; as [`detect_format`], but a Parquet file's columns are looked at, too, and a
/// stated mapping decides where nothing else does.
///
/// # Errors
///
/// [`ReadError`] when it is nothing that is read, or cannot be opened as what it is.
pub fn detect_input(
    head: &[u8],
    name: &str,
    opened: Opened,
    options: &Options,
) -> Result<Format, ReadError> {
    match opened {
        Opened::Parquet(file) => {
            let rows = ParquetRows::of_file(file, options.bytes_max)?;
            detect_columns(rows.names(), true, options)
        }
        // Compressed Parquet: what it holds is known when it is unpacked.
        Opened::Stream(stream) if is_parquet(head) => {
            let mut input = Input::new(stream, options.bytes_max);
            let limit = usize::try_from(options.bytes_max).unwrap_or(usize::MAX);
            let rows = ParquetRows::of_bytes(input.rest(limit)?.to_vec(), options.bytes_max)?;
            detect_columns(rows.names(), true, options)
        }
        Opened::Stream(_) => detect_head(head, name, options),
    }
}

/// As [`detect_format`]; a stated mapping decides where nothing else does.
pub(crate) fn detect_head(head: &[u8], name: &str, options: &Options) -> Result<Format, ReadError> {
    detect_format(head, name).or_else(|unknown| with_mapping(unknown, options))
}

/// Whoever states columns says what it is: an invoice, if one of them is a field of invoices, else a
/// call log.
fn with_mapping(unknown: UnknownFormat, options: &Options) -> Result<Format, ReadError> {
    let is_invoice =
        options.map.iter().any(|(_, field)| matches!(field, Some(calls::Field::Charge(_))));
    match unknown.with_mapping.filter(|_| !options.map.is_empty()) {
        Some(_) if is_invoice => Ok(Format::Invoice),
        Some(format) => Ok(format),
        None => Err(unknown.into()),
    }
}

/// What a table is, by its columns.
pub(crate) fn detect_columns(
    names: &[String],
    is_parquet: bool,
    options: &Options,
) -> Result<Format, ReadError> {
    let found = table_format(names).or_else(|unknown| with_mapping(unknown, options))?;
    Ok(match found {
        Format::FocusCsv if is_parquet => Format::FocusParquet,
        Format::CallLogCsv if is_parquet => Format::CallLogParquet,
        other => other,
    })
}

/// Says what an input is.
///
/// `head` are its first bytes, ideally 64 KiB, decompressed; `name` is its file name, or empty.
///
/// # Errors
///
/// [`UnknownFormat`], which says what it looks like.
pub fn detect_format(head: &[u8], name: &str) -> Result<Format, UnknownFormat> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if let Some(unknown) = binary(head) {
        return Err(unknown);
    }
    match head.trim_ascii_start().first() {
        Some(b'{' | b'[') => detect_json(head),
        Some(b'<') => Err(UnknownFormat::new("looks like HTML or XML, perhaps a login page", None)),
        Some(_) => detect_csv(head, name),
        None => Err(UnknownFormat::new("holds nothing but spaces", None)),
    }
}

/// Refuses bytes that are no text, and says what they look like.
pub(crate) fn check_is_text(head: &[u8]) -> Result<(), UnknownFormat> {
    binary(head).map_or(Ok(()), Err)
}

fn binary(head: &[u8]) -> Option<UnknownFormat> {
    let seems = |seems: &str, hint| Some(UnknownFormat::new(seems, hint));
    match head {
        [b'P', b'A', b'R', b'1', ..] => {
            seems("is Parquet, whose columns stand at its end", Some("import it from a file"))
        }
        [0x1f, 0x8b, ..] => {
            seems("is compressed with gzip", Some("name it `.gz`, so that it is read through"))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            seems("is compressed with zstd", Some("name it `.zst`, so that it is read through"))
        }
        [b'P', b'K', 3, 4, ..] => seems(
            "looks like a zip archive or an Excel workbook",
            Some("name an archive with one file `.zip`, or save the workbook as CSV"),
        ),
        [b'%', b'P', b'D', b'F', ..] => seems("looks like a PDF", None),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            seems("is UTF-16 text", Some("save it as UTF-8, as in `iconv -f UTF-16 -t UTF-8`"))
        }
        [b'S', b'Q', b'L', b'i', b't', b'e', b' ', ..] => {
            seems("looks like an SQLite database", None)
        }
        _ if head.iter().take(1024).any(|&byte| byte == 0) => {
            seems("looks like a binary file", None)
        }
        _ => None,
    }
}

fn detect_csv(head: &[u8], name: &str) -> Result<Format, UnknownFormat> {
    let mut bytes = head;
    let mut input = Input::new(&mut bytes, u64::MAX);
    let header = CsvRows::new(&mut input, sniff_delimiter(head)).header();
    let names =
        header.map_err(|error| UnknownFormat::new(format!("has no header: {error}"), None))?;
    let is_table = names.len() > 1 || name.to_ascii_lowercase().contains(".csv");
    table_format(&names).map_err(|unknown| {
        let is_text = !is_table && unknown.with_mapping.is_some();
        if is_text { UnknownFormat::new("is a text of another tool", None) } else { unknown }
    })
}

/// What a table of these columns is.
fn table_format(names: &[String]) -> Result<Format, UnknownFormat> {
    let header = Header::new(names);
    if let Some(format) = bills::detect(&header).filter(|f| *f == Format::ContractCommitments) {
        return Ok(format);
    }
    // Companions of the dataset, which have columns in common with it.
    let companions = [
        ("BillingPeriodStatus", "the FOCUS billing period dataset, which holds no charges"),
        ("InvoiceDetailGrain", "the FOCUS invoice detail dataset, which repeats the charges"),
        ("InvoiceDetailDescription", "the FOCUS invoice detail dataset, which repeats the charges"),
    ];
    if let Some((_, dataset)) = companions.into_iter().find(|(column, _)| header.has(column))
        && !header.has("ChargePeriodStart")
    {
        let hint = "import the cost and usage dataset of the same period";
        return Err(UnknownFormat::new(format!("looks like {dataset}"), Some(hint)));
    }
    if focus::is_focus_header(names) {
        return Ok(Format::FocusCsv);
    }
    if litellm::SIGNATURE.iter().all(|column| names.iter().any(|name| name == column)) {
        return Ok(Format::LiteLlmCsv);
    }
    let has_column = |name: &str| names.iter().any(|other| other == name);
    if is_langfuse(has_column) {
        return Ok(Format::LangfuseCsv);
    }
    if is_helicone(has_column) {
        return Ok(Format::HeliconeCsv);
    }
    if let Some(format) = bills::detect(&header) {
        return Ok(format);
    }
    let other = [
        ("numapirequests", "an Anthropic usage report"),
        ("nummodelrequests", "an OpenAI usage export"),
    ];
    if let Some((_, tool)) = other.into_iter().find(|(column, _)| header.has(column)) {
        return Err(UnknownFormat::new(format!("looks like {tool}"), None));
    }
    let counts = names.iter().filter_map(|name| calls::guess(name)).filter(|(f, _)| f.is_count());
    if counts.count() > 0 {
        return Ok(Format::CallLogCsv);
    }
    if bills::is_invoice_header(names) {
        return Ok(Format::Invoice);
    }
    let shown: Vec<_> =
        names.iter().take(8).map(|name| crate::sanitize::Shown(name).to_string()).collect();
    let seems = format!("is a table of another tool (columns {})", shown.join(", "));
    let hint = "say which column is which: `--map COLUMN=input_tokens_total` for a call log, \
                `--map COLUMN=amount` for an invoice";
    let unknown = UnknownFormat::new(seems, Some(hint));
    Err(UnknownFormat { with_mapping: Some(Format::CallLogCsv), ..unknown })
}

fn detect_json(head: &[u8]) -> Result<Format, UnknownFormat> {
    // The keys at the top, and those of the first row: the head may be cut, so they are looked for
    // as text.
    let text = String::from_utf8_lossy(head);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    let is_lines = first.trim_end().ends_with('}')
        && text.lines().nth(1).is_some_and(|line| line.trim_start().starts_with('{'));
    // Sessions first: what tools answered in them may hold any key.
    let is_answer = has("sessionId") && has("uuid") && has("message") && has("assistant");
    if has("parentUuid") && has("isSidechain") || has("leafUuid") && has("summary") || is_answer {
        return Ok(Format::ClaudeCode);
    }
    if has("session_meta") && has("payload") {
        return Ok(Format::Codex);
    }
    if has("resourceSpans") || has("resource_spans") {
        return Ok(if is_lines { Format::OtlpNdjson } else { Format::OtlpJson });
    }
    if litellm::SIGNATURE.iter().all(|key| has(key)) {
        return Ok(Format::LiteLlmJson);
    }
    if let Some(format) = detect_report(has, &text).or_else(|| json_bill(head)) {
        return Ok(format);
    }
    let other = [
        ("resourceMetrics", "holds OTLP metrics", Some("only traces are read")),
        ("resourceLogs", "holds OTLP logs", Some("only traces are read")),
        (
            "input_cost_per_token",
            "looks like LiteLLM's price list",
            Some("import it with `centinel prices import`"),
        ),
        ("$schema", "looks like a JSON schema", None),
    ];
    if let Some((_, seems, hint)) = other.into_iter().find(|(key, ..)| has(key)) {
        return Err(UnknownFormat::new(seems, hint));
    }
    if has("outcome_id") && has("kind") && has("quantity") {
        return Ok(Format::Outcomes);
    }
    let mut bytes = head;
    let mut input = Input::new(&mut bytes, u64::MAX);
    let mut counts = 0;
    if let Ok(mut rows) = crate::json_rows::JsonRows::new(&mut input) {
        for _ in 0..20 {
            let Ok(Some(row)) = rows.next() else { break };
            let Ok(text) = row.text else { continue };
            let _ = json::walk(text, &mut String::new(), &mut |path, _| {
                counts +=
                    usize::from(calls::guess(path).is_some_and(|(field, _)| field.is_count()));
            });
        }
    }
    if counts > 0 {
        return Ok(Format::CallLogNdjson);
    }
    let hint = "is it a call log? Say which key is which: `--map KEY=input_tokens_total`";
    let unknown = UnknownFormat::new("is JSON without token counts", Some(hint));
    Err(UnknownFormat { with_mapping: Some(Format::CallLogNdjson), ..unknown })
}

/// Observations have a trace, a start, and usage or cost by kind.
fn is_langfuse(has: impl Fn(&str) -> bool) -> bool {
    ["traceId", "trace_id"].into_iter().any(&has)
        && ["startTime", "start_time"].into_iter().any(&has)
        && ["usageDetails", "usage_details", "costDetails", "cost_details"].into_iter().any(&has)
}

fn is_helicone(has: impl Fn(&str) -> bool) -> bool {
    has("request_created_at") && has("request_id") && has("response_status")
}

/// Reports and logs of providers and tools, by keys that only they have together.
fn detect_report(has: impl Fn(&str) -> bool, text: &str) -> Option<Format> {
    let is_bucketed = has("starting_at") && has("results");
    Some(match () {
        () if has("organization.costs.result") => Format::OpenAiCosts,
        () if text.contains("\"organization.usage.") => Format::OpenAiUsage,
        // A page of empty buckets is a report of nothing, whichever it was.
        () if has("bucket") && has("start_time") && has("results") => Format::OpenAiUsage,
        () if is_bucketed && has("amount") => Format::AnthropicCosts,
        () if is_bucketed => Format::AnthropicUsage,
        () if has("model_permaslug") => Format::OpenRouterActivity,
        () if has("call_type") && has("response_cost") && has("startTime") => {
            Format::LiteLlmCallback
        }
        () if has("cpuCost") && has("ramCost") && has("window") => Format::OpenCost,
        // Also as text within a log event.
        () if text.contains("ModelInvocationLog") => Format::BedrockLog,
        () if has("full_response") && has("logging_time") => Format::VertexLog,
        () if is_langfuse(&has) => Format::LangfuseJson,
        () if is_helicone(&has) => Format::HeliconeJson,
        () => return None,
    })
}

/// The bill that JSON rows are, by the paths of the first ones.
fn json_bill(head: &[u8]) -> Option<Format> {
    let mut bytes = head;
    let mut input = Input::new(&mut bytes, u64::MAX);
    let mut names: Vec<String> = Vec::new();
    let mut rows = crate::json_rows::JsonRows::new(&mut input).ok()?;
    for _ in 0..20 {
        let Ok(Some(row)) = rows.next() else { break };
        let Ok(text) = row.text else { continue };
        let _ = json::walk(text, &mut String::new(), &mut |path, _| {
            if names.len() < 1_000 && !names.iter().any(|name| name == path) {
                names.push(path.to_owned());
            }
        });
    }
    bills::detect(&Header::new(&names))
        .filter(|format| matches!(format, Format::GoogleBilling | Format::ContractCommitments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours() {
        for (head, expected) in [
            ("BilledCost,ChargePeriodStart,ChargeCategory\n", Format::FocusCsv),
            ("identity/LineItemId,lineItem/UsageAccountId\n", Format::AwsCur),
            ("SubscriptionId,MeterCategory,Cost\n", Format::AzureCost),
            ("usage_start_time,sku_description,cost\n", Format::GoogleBilling),
            (
                "{\"usage_start_time\":\"\",\"sku\":{\"description\":\"\"},\"cost\":1}\n",
                Format::GoogleBilling,
            ),
            ("ContractCommitmentId,ContractCommitmentCost\n", Format::ContractCommitments),
            ("Date,Vendor,Amount\n", Format::Invoice),
            ("timestamp,model,prompt_tokens\n", Format::CallLogCsv),
            ("\u{feff}TIMESTAMP;ContextTokens;GeneratedTokens\r\n", Format::CallLogCsv),
            ("request_id,call_type,spend,startTime,prompt_tokens\n", Format::LiteLlmCsv),
            ("{\"timestamp\": 0, \"input_length\": 1}\n{\"time", Format::CallLogNdjson),
            ("[{\"usage\":{\"prompt_tokens\":1}}]", Format::CallLogNdjson),
            (
                "[{\"request_id\":1,\"call_type\":1,\"spend\":1,\"startTime\":1}]",
                Format::LiteLlmJson,
            ),
            ("{\n \"resourceSpans\": [", Format::OtlpJson),
            ("{\"resourceSpans\":[]}\n{\"resourceSpans\":[]}\n", Format::OtlpNdjson),
            ("{\"outcome_id\":\"1\",\"kind\":\"a\",\"quantity\":1}", Format::Outcomes),
            (
                "{\"data\":[{\"object\":\"bucket\",\"start_time\":1,\"results\":[]}]}",
                Format::OpenAiUsage,
            ),
            (
                "{\"data\":[{\"starting_at\":\"\",\"results\":[{\"amount\":\"1\"}]}]}",
                Format::AnthropicCosts,
            ),
        ] {
            assert_eq!(detect_format(head.as_bytes(), ""), Ok(expected), "{head}");
        }
    }

    #[test]
    fn those_of_other_tools_are_named() {
        for (head, expected) in [
            (&b"PAR1\0\0"[..], "Parquet"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"PK\x03\x04", "Excel"),
            (b"\xff\xfea\0", "UTF-16"),
            (b"<html>", "HTML"),
            (b"a\0b", "binary"),
            (b"{\"resourceMetrics\":[]}", "OTLP metrics"),
            (b"{\"gpt-5\":{\"input_cost_per_token\":1e-6}}", "price list"),
            (b"name,age\nx,1\n", "`name`, `age`"),
            (b"hello", "text of another tool"),
            (b"{\"a\":1}", "JSON without token counts"),
            (b"BillingPeriodStatus,InvoiceIssuerName\n", "billing period dataset"),
            (b"BilledCost,ChargeCategory,InvoiceDetailGrain\n", "invoice detail dataset"),
            (b"  \n ", "nothing but spaces"),
        ] {
            let error = detect_format(head, "").unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!error.hint().is_empty());
        }
    }
}
