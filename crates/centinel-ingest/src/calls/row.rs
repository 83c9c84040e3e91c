//! One row of a call log into a call.

use centinel_engine::{
    money::{Currency, Decimal},
    series::{Dimension, Labels},
    usage::{Call, CallStatus, Usage, UsageClass},
};
use jiff::Timestamp;

use super::{Convention, Field, Mapping, dialect};
use crate::{
    csv_rows::Values,
    finding::{FindingStatus, Findings},
    instant::{Instants, RelativeUnit, is_number, is_relative},
    number::{parse_bool, parse_count},
    read::{Options, ReadError},
    sanitize::{TEXT_CHARS_MAX, credential_id, set_text},
    sink::bad_value,
};

/// Reads rows into one call that is re-used.
pub(crate) struct RowReader {
    sources: Vec<Source>,
    // By column: its name, and whether it is one that counts cache tokens beside input tokens.
    columns: Vec<Column>,
    instants: Instants,
    convention: Option<Convention>,
    currency: Currency,
    call: Call,
}

struct Source {
    field: Field,
    columns: Vec<usize>,
    constant: Option<String>,
}

struct Column {
    name: String,
    is_disjoint_input: bool,
    is_disjoint_cache: bool,
}

/// The counts of a row before totals and parts are brought together.
#[derive(Default)]
struct Counts {
    usage: Usage,
    has_any: bool,
    input: Option<u64>,
    output: Option<u64>,
    input_uncached: Option<u64>,
    cache_write: Option<u64>,
    output_visible: Option<u64>,
    is_disjoint_input: bool,
    is_disjoint_cache: bool,
}

impl RowReader {
    /// A reader for a mapping; `sample` are values of the time column.
    ///
    /// # Errors
    ///
    /// [`ReadError::RelativeTime`] when they count from a start that is not stated.
    pub(crate) fn new(
        mapping: &mut Mapping,
        options: &Options,
        sample: &[String],
    ) -> Result<Self, ReadError> {
        let time_column = mapping.columns_of(&Field::At).first().copied();
        let time_name = time_column
            .and_then(|index| mapping.columns().get(index))
            .map(|column| column.name.clone())
            .unwrap_or_default();
        let instants = judge_times(&time_name, sample, options)?;
        if let Some(note) = time_note(&instants, sample) {
            mapping.set_time_note(note);
        }
        let mut reader = Self {
            sources: Vec::new(),
            columns: Vec::new(),
            instants,
            convention: options.convention,
            currency: options.currency,
            call: Call::new(Timestamp::UNIX_EPOCH),
        };
        reader.follow(mapping);
        Ok(reader)
    }

    /// Takes in columns that the mapping learned since.
    pub(crate) fn follow(&mut self, mapping: &Mapping) {
        let constant = |field: &Field| {
            let found = mapping.constants().iter().find(|(constant, _)| constant == field);
            found.map(|(_, value)| value.clone())
        };
        self.sources = mapping
            .fields()
            .into_iter()
            .map(|field| Source {
                columns: mapping.columns_of(&field),
                constant: constant(&field),
                field,
            })
            .collect();
        self.columns = mapping
            .columns()
            .iter()
            .map(|column| Column {
                name: column.name.clone(),
                is_disjoint_input: dialect::is_disjoint_input_name(&column.name),
                is_disjoint_cache: dialect::is_disjoint_cache_name(&column.name),
            })
            .collect();
    }

    /// Reads a row.
    ///
    /// Only what money depends on rejects a row: time, provider, model, counts, cost, identity. A
    /// latency or status that cannot be read is a finding.
    ///
    /// # Errors
    ///
    /// The reason, naming column and value.
    pub(crate) fn read(
        &mut self,
        values: Values<'_>,
        row: u64,
        findings: &mut Findings,
    ) -> Result<&Call, String> {
        let Self { sources, columns, instants, call, .. } = self;
        begin(call);
        let mut counts = Counts::default();
        let mut at = None;
        let mut ended = None;
        let mut cost = None;
        let mut currency = None;
        let mut is_gateway_cache = false;
        for Source { field, columns: candidates, constant } in sources.iter() {
            let found = candidates
                .iter()
                .map(|&index| (columns.get(index), values.get(index)))
                .find(|(_, value)| !is_null(value));
            let (column, value) = match (constant, found) {
                (Some(constant), _) => (None, constant.as_str()),
                (None, Some(found)) => found,
                (None, None) => continue,
            };
            let name = column.map_or("", |column| column.name.as_str());
            let bad = |problem: &str| bad_value(name, value, problem);
            match field {
                Field::At => {
                    let instant = instants.parse(value).map_err(bad)?;
                    if instant.is_zone_assumed {
                        let message = "has no zone: read as UTC";
                        findings.row(name, FindingStatus::Assumed, message, row);
                    }
                    at = Some(instant.at);
                }
                Field::EndedAt => match instants.parse(value) {
                    Ok(instant) => ended = Some(instant.at),
                    Err(_) => unread(findings, name, "no instant", row),
                },
                Field::LatencyMs | Field::LatencyS => {
                    let digits = if *field == Field::LatencyS { 3 } else { 0 };
                    call.latency_ms = milliseconds(value, digits);
                    if call.latency_ms.is_none() {
                        unread(findings, name, "no duration", row);
                    }
                }
                Field::Status => match parse_status(value) {
                    Some(status) => call.status = status,
                    None => unread(findings, name, "no known status: taken as answered", row),
                },
                Field::IsRetry => {
                    match parse_bool(value).or_else(|| Some(parse_count(value).ok()? > 0)) {
                        Some(is_retry) => call.is_retry = is_retry,
                        None => unread(findings, name, "neither yes nor no", row),
                    }
                }
                Field::GatewayCache => match parse_bool(value) {
                    Some(hit) => is_gateway_cache = hit,
                    None => unread(findings, name, "neither yes nor no", row),
                },
                Field::CallId => {
                    if value.chars().nth(TEXT_CHARS_MAX).is_some() {
                        return Err(bad("is longer than 1000 characters"));
                    }
                    set_text(&mut call.call_id, value);
                }
                Field::EndUser => set_text(&mut call.end_user, value),
                Field::Customer => set_text(&mut call.customer, value),
                Field::TraceId => set_text(&mut call.trace_id, value),
                Field::Cost | Field::CostUsd => {
                    let amount: Decimal =
                        value.parse().map_err(|error| format!("`{name}` {error}"))?;
                    let currency = (*field == Field::CostUsd).then_some(Currency::USD);
                    cost = cost.or(Some((amount, currency)));
                }
                Field::Currency => {
                    currency = Some(value.parse().map_err(|error| format!("`{name}` {error}"))?);
                }
                Field::Label(Dimension::ApiKey) => {
                    call.labels.set(Dimension::ApiKey, &credential_id(value));
                }
                Field::Charge(_) => {
                    unread(findings, name, "a field of invoices, not of calls", row);
                }
                Field::Label(dimension) => call.labels.set(dimension.clone(), value),
                Field::Usage(_)
                | Field::InputUncached
                | Field::CacheWrite
                | Field::OutputVisible => {
                    counts.take(field, column, parse_count(value).map_err(bad)?);
                }
            }
        }
        call.at = at.ok_or("no time")?;
        call.reported_cost =
            cost.map(|(amount, stated)| (amount, stated.or(currency).unwrap_or(self.currency)));
        if call.latency_ms.is_none()
            && let Some(ended) = ended
        {
            let micros = ended.as_microsecond() - call.at.as_microsecond();
            call.latency_ms = u64::try_from(micros / 1_000).ok();
        }
        if is_gateway_cache {
            call.status = CallStatus::GatewayCache;
        }
        require(&call.labels, &Dimension::Provider, "no provider")?;
        require(&call.labels, &Dimension::Model, "no model")?;
        if !counts.has_any && call.status == CallStatus::Ok {
            return Err("no token counts".to_owned());
        }
        let is_disjoint = match self.convention {
            Some(convention) => convention == Convention::Disjoint,
            None => {
                let label = |dimension| call.labels.get(&dimension).unwrap_or_default();
                counts.is_disjoint_input
                    && counts.is_disjoint_cache
                    && dialect::is_disjoint_provider(
                        label(Dimension::Provider),
                        label(Dimension::Model),
                    )
            }
        };
        call.usage = counts.finish(is_disjoint, row, findings)?;
        end(call);
        Ok(call)
    }
}

impl Counts {
    fn take(&mut self, field: &Field, column: Option<&Column>, count: u64) {
        self.has_any = true;
        match field {
            Field::InputUncached => self.input_uncached = Some(count),
            Field::CacheWrite => self.cache_write = Some(count),
            Field::OutputVisible => self.output_visible = Some(count),
            Field::Usage(UsageClass::InputTokensTotal) => {
                self.input = Some(count);
                self.is_disjoint_input = column.is_some_and(|c| c.is_disjoint_input);
            }
            Field::Usage(UsageClass::OutputTokensTotal) => self.output = Some(count),
            Field::Usage(class) => self.usage.set(*class, count),
            _ => {}
        }
        self.is_disjoint_cache |= count > 0 && column.is_some_and(|c| c.is_disjoint_cache);
    }

    /// Brings the parts into their totals.
    fn finish(
        mut self,
        is_disjoint: bool,
        row: u64,
        findings: &mut Findings,
    ) -> Result<Usage, String> {
        let usage = &mut self.usage;
        if let Some(all) = self.cache_write {
            let stated = usage.cache_write_tokens();
            let rest = all.checked_sub(stated).ok_or_else(|| {
                format!("cache writes ({all}) are less than those with a lifetime ({stated})")
            })?;
            if rest > 0 {
                let five = usage.get(UsageClass::CacheWrite5mTokens);
                usage.set(UsageClass::CacheWrite5mTokens, five.saturating_add(rest));
                let message = "cache writes without a lifetime: taken as 5 minutes";
                findings.row("", FindingStatus::Assumed, message, row);
            }
        }
        let cached =
            usage.get(UsageClass::CacheReadTokens).saturating_add(usage.cache_write_tokens());
        let input = match (self.input, self.input_uncached) {
            (Some(input), _) if is_disjoint => input.saturating_add(cached),
            (Some(input), _) => input,
            (None, Some(uncached)) => uncached.saturating_add(cached),
            (None, None) => 0,
        };
        let output = self.output.or_else(|| {
            Some(self.output_visible?.saturating_add(usage.get(UsageClass::ReasoningTokens)))
        });
        // An embedding has no output; but somebody should know.
        for (is_unknown, message) in [
            (
                self.input.or(self.input_uncached).is_none(),
                "no count of input tokens: taken as none",
            ),
            (output.is_none(), "no count of output tokens: taken as none"),
        ] {
            if is_unknown && self.has_any {
                findings.row("", FindingStatus::Assumed, message, row);
            }
        }
        usage.set(UsageClass::InputTokensTotal, input);
        usage.set(UsageClass::OutputTokensTotal, output.unwrap_or(0));
        usage.check().map_err(|error| error.to_string())?;
        Ok(self.usage)
    }
}

/// Empties the call for the next row. Texts keep their buffers, so that a full row allocates nothing;
/// the destructuring makes a new field an error here.
fn begin(call: &mut Call) {
    let Call {
        call_id,
        at: _,
        labels,
        calls,
        usage: _,
        status,
        is_retry,
        latency_ms,
        end_user,
        customer,
        trace_id,
        reported_cost,
    } = call;
    labels.clear();
    *calls = 1;
    *status = CallStatus::Ok;
    *is_retry = false;
    *latency_ms = None;
    *reported_cost = None;
    for text in [call_id, end_user, customer, trace_id].into_iter().flatten() {
        text.clear();
    }
}

/// Makes the texts that the row did not set no value.
fn end(call: &mut Call) {
    let Call { call_id, end_user, customer, trace_id, .. } = call;
    for text in [call_id, end_user, customer, trace_id] {
        if text.as_ref().is_some_and(String::is_empty) {
            *text = None;
        }
    }
}

fn require(labels: &Labels, dimension: &Dimension, problem: &str) -> Result<(), String> {
    labels.get(dimension).map(|_| ()).ok_or_else(|| problem.to_owned())
}

fn unread(findings: &mut Findings, column: &str, what: &str, row: u64) {
    findings.row(column, FindingStatus::Nonconforming, &format!("holds {what}"), row);
}

/// How nothing is written.
pub(crate) fn is_null(value: &str) -> bool {
    matches!(value, "" | "NULL" | "null" | "None" | "\\N")
}

/// A duration of `value × 10^digits` milliseconds, what lies below cut off.
fn milliseconds(value: &str, digits: u32) -> Option<u64> {
    let value: Decimal = value.parse().ok()?;
    let scaled = value.checked_mul(Decimal::from_integer(10_i128.pow(digits))).ok()?;
    let whole = scaled.mantissa() / 10_i128.checked_pow(scaled.scale())?;
    u64::try_from(whole).ok()
}

/// How a call ended, from words, an HTTP code or whether it succeeded.
pub(crate) fn parse_status(value: &str) -> Option<CallStatus> {
    if let Some(ok) = parse_bool(value) {
        return Some(if ok { CallStatus::Ok } else { CallStatus::Error });
    }
    if let Ok(code) = value.parse::<u16>() {
        return match code {
            200..=399 => Some(CallStatus::Ok),
            499 => Some(CallStatus::Aborted),
            400..=599 => Some(CallStatus::Error),
            _ => None,
        };
    }
    let mut word = value.to_owned();
    word.make_ascii_lowercase();
    match word.as_str() {
        "ok" | "success" | "successful" | "succeeded" | "completed" | "complete" | "done"
        | "answered" | "stop" => Some(CallStatus::Ok),
        "error" | "failure" | "failed" | "fail" | "exception" | "rate_limited" => {
            Some(CallStatus::Error)
        }
        "aborted" | "cancelled" | "canceled" | "interrupted" | "timeout" | "timed_out"
        | "client_disconnect" => Some(CallStatus::Aborted),
        "cached" | "cache" | "cache_hit" | "gateway_cache" => Some(CallStatus::GatewayCache),
        _ => None,
    }
}

/// Whether the numbers of the time column count from a start, and in what.
fn judge_times(column: &str, sample: &[String], options: &Options) -> Result<Instants, ReadError> {
    let numbers: Vec<Decimal> = sample
        .iter()
        .filter(|value| is_number(value))
        .filter_map(|value| value.parse().ok())
        .collect();
    let Some(start) = options.start else {
        let is_counting = !numbers.is_empty()
            && numbers.len() == sample.len()
            && numbers.iter().all(|number| is_relative(*number));
        if is_counting {
            let value = sample.first().cloned().unwrap_or_default();
            return Err(ReadError::RelativeTime { column: column.to_owned(), value });
        }
        return Ok(Instants::ABSOLUTE);
    };
    let name = dialect::normalize(column);
    let is_seconds = if name.ends_with("ms") {
        false
    } else {
        name.ends_with("seconds")
            || name.ends_with("sec")
            || numbers.iter().any(|number| number.scale() > 0)
    };
    let unit = if is_seconds { RelativeUnit::Seconds } else { RelativeUnit::Milliseconds };
    Ok(Instants { start: Some(start), unit })
}

fn time_note(instants: &Instants, sample: &[String]) -> Option<String> {
    if let Some(start) = instants.start.filter(|_| sample.iter().any(|value| is_number(value))) {
        let unit = match instants.unit {
            RelativeUnit::Milliseconds => "milliseconds",
            RelativeUnit::Seconds => "seconds",
        };
        return Some(format!("{unit} after {start}"));
    }
    let first = sample.first()?;
    let instant = instants.parse(first).ok()?;
    instant.is_zone_assumed.then(|| "no zone, read as UTC".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        for (value, expected) in [
            ("success", Some(CallStatus::Ok)),
            ("200", Some(CallStatus::Ok)),
            ("true", Some(CallStatus::Ok)),
            ("false", Some(CallStatus::Error)),
            ("429", Some(CallStatus::Error)),
            ("499", Some(CallStatus::Aborted)),
            ("Cancelled", Some(CallStatus::Aborted)),
            ("failure", Some(CallStatus::Error)),
            ("whatever", None),
        ] {
            assert_eq!(parse_status(value), expected, "{value}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(milliseconds("812.9", 0), Some(812));
        assert_eq!(milliseconds("1.5", 3), Some(1500));
        assert_eq!(milliseconds("-1", 0), None);
        assert_eq!(milliseconds("x", 0), None);
    }
}
