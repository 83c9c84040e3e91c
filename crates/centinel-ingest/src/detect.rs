//! What an input is, from its first bytes and its name.

use std::fmt;

use crate::{
    calls,
    csv_rows::{CsvRows, sniff_delimiter},
    focus,
    input::Input,
    json, litellm,
};

/// What an input is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A FOCUS Cost and Usage file.
    FocusCsv,
    /// A call log as CSV.
    CallLogCsv,
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

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::FocusCsv => "FOCUS CSV",
            Self::CallLogCsv => "call log CSV",
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

const READ: &str = "read are: FOCUS CSV, call logs (CSV, NDJSON, JSON array), LiteLLM (spend logs, callbacks), \
                    OTLP traces (JSON), outcomes (NDJSON), reports of OpenAI, Anthropic and OpenRouter, logs of \
                    Bedrock, Vertex, Langfuse, Helicone, Claude Code and Codex, allocations of OpenCost";
const AS_FOCUS: Option<&str> = Some("export it in the FOCUS format, which is read");

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

fn binary(head: &[u8]) -> Option<UnknownFormat> {
    let seems = |seems: &str, hint| Some(UnknownFormat::new(seems, hint));
    match head {
        [b'P', b'A', b'R', b'1', ..] => seems("looks like Parquet", Some("export it as CSV")),
        [0x1f, 0x8b, ..] => {
            seems("is compressed with gzip", Some("name it `.gz`, so that it is read through"))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            seems("is compressed with zstd", Some("name it `.zst`, so that it is read through"))
        }
        [b'P', b'K', 3, 4, ..] => seems(
            "looks like a zip archive or an Excel workbook",
            Some("unpack it, or save it as CSV"),
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
    let normal: Vec<String> = names.iter().map(|name| calls::normalize(name)).collect();
    let has = |name: &str| normal.iter().any(|other| other == name);
    if focus::is_focus_header(&names) {
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
    let other = [
        ("lineitemusageaccountid", "an AWS Cost and Usage Report", AS_FOCUS),
        ("lineitemunblendedcost", "an AWS Cost and Usage Report", AS_FOCUS),
        ("metercategory", "an Azure cost export (actual or amortised)", AS_FOCUS),
        ("costinbillingcurrency", "an Azure cost export (actual or amortised)", AS_FOCUS),
        ("creditsamount", "a Google Cloud billing export", AS_FOCUS),
        ("usagestarttime", "a Google Cloud billing export", AS_FOCUS),
        ("numapirequests", "an Anthropic usage report", None),
        ("nummodelrequests", "an OpenAI usage export", None),
        ("invoicelineitemid", "an invoice", None),
    ];
    if let Some((_, tool, hint)) = other.into_iter().find(|(column, ..)| has(column)) {
        return Err(UnknownFormat::new(format!("looks like {tool}"), hint));
    }
    let counts = names.iter().filter_map(|name| calls::guess(name)).filter(|(f, _)| f.is_count());
    if counts.count() > 0 {
        return Ok(Format::CallLogCsv);
    }
    let is_table = names.len() > 1 || name.to_ascii_lowercase().contains(".csv");
    let seems = if is_table {
        let shown: Vec<_> =
            names.iter().take(8).map(|name| crate::sanitize::Shown(name).to_string()).collect();
        format!("is a table of another tool (columns {})", shown.join(", "))
    } else {
        "is a text of another tool".to_owned()
    };
    let hint = "is it a call log? Say which column is which: `--map COLUMN=input_tokens_total`";
    let with_mapping = is_table.then_some(Format::CallLogCsv);
    Err(UnknownFormat { with_mapping, ..UnknownFormat::new(seems, is_table.then_some(hint)) })
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
    if has("parentUuid") && has("isSidechain") || has("leafUuid") && has("summary") {
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
    if let Some(format) = detect_report(has, &text) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours() {
        for (head, expected) in [
            ("BilledCost,ChargePeriodStart,ChargeCategory\n", Format::FocusCsv),
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
            (b"identity/LineItemId,lineItem/UsageAccountId\n", "AWS Cost and Usage Report"),
            (b"SubscriptionId,MeterCategory,Cost\n", "Azure"),
            (b"{\"resourceMetrics\":[]}", "OTLP metrics"),
            (b"{\"gpt-5\":{\"input_cost_per_token\":1e-6}}", "price list"),
            (b"name,age\nx,1\n", "`name`, `age`"),
            (b"hello", "text of another tool"),
            (b"{\"a\":1}", "JSON without token counts"),
            (b"  \n ", "nothing but spaces"),
        ] {
            let error = detect_format(head, "").unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!error.hint().is_empty());
        }
    }
}
