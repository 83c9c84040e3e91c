//! Priced calls from JSON lines: the answers of `price`, their input, or both in one object.

use std::{collections::BTreeMap, io::BufRead};

use centinel_engine::{
    money::{Currency, Decimal},
    pricing::{CostLine, Meter, PriceBook, PriceQuery},
    reconcile::{LedgerCall, LedgerCost},
    usage::{CallStatus, Usage, UsageClass},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// One object's members, unread.
pub(super) type Members = BTreeMap<String, Box<RawValue>>;

/// Reads a line into its members; `None` for a blank one.
pub(super) fn members(line: &[u8]) -> Result<Option<Members>, String> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(line).map(Some).map_err(|error| error.to_string())
}

/// The lines of a file that are objects, by their `id`, or by their number where they have none.
pub(super) fn by_id(input: &mut dyn BufRead) -> anyhow::Result<BTreeMap<String, Members>> {
    let mut found = BTreeMap::new();
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        number += 1;
        if let Ok(Some(members)) = members(&line) {
            let id = text(&members, &["id"]).unwrap_or_else(|| number.to_string());
            found.insert(id, members);
        }
    }
}

/// A priced call, from the members of a line.
///
/// # Errors
///
/// The reason, naming key and value.
pub(super) fn call(
    members: &Members,
    currency: Currency,
    book: Option<&PriceBook>,
) -> Result<LedgerCall, String> {
    let price = object(members, "price");
    let text_of = |keys: &[&str]| {
        text(members, keys).or_else(|| price.as_ref().and_then(|price| text(price, keys)))
    };
    let state = text(members, &["status"]).map(|state| state.to_ascii_lowercase());
    if state.as_deref() == Some("rejected") {
        let reason = text(members, &["reason"]).unwrap_or_default();
        return Err(format!("the line was rejected: {reason}"));
    }
    let provider = text_of(&["provider", "custom_llm_provider", "provider_name"])
        .ok_or("`provider` is missing")?;
    let model = text(members, &["model", "response_model", "model_id"])
        .or_else(|| price.as_ref().and_then(|price| text(price, &["model"])))
        .ok_or("`model` is missing")?;
    let at = text(members, &["at", "timestamp", "time", "start_time", "startTime", "created_at"])
        .ok_or("`at` is missing, so the call belongs to no day")?;
    let at = instant(&at)?;
    let usage = usage(members)?;
    let currency = match text(members, &["currency"]) {
        Some(code) => code.to_ascii_uppercase().parse().map_err(|error| format!("{error}"))?,
        None => currency,
    };
    let service_tier = text_of(&["service_tier", "tier"]);
    let region = text(members, &["region", "aws_region", "location"])
        .or_else(|| price.as_ref().and_then(|price| text(price, &["region"])));
    let (status, is_retry) = ending(members, state.as_deref())?;
    let mut call = LedgerCall {
        at,
        provider,
        model,
        service_tier,
        region,
        project: text(members, &["project", "project_id", "sub_account", "workspace_id"]),
        api_key: text(members, &["api_key", "api_key_id", "key", "key_id", "credential_id"]),
        calls: number(members, &["calls"])?.unwrap_or(1),
        usage,
        status,
        is_retry,
        currency,
        cost: LedgerCost::Unpriced,
        is_contracted: price.as_ref().and_then(is_contracted),
    };
    call.cost = cost(members, state.as_deref(), &call, book)?;
    Ok(call)
}

/// What the line says that the call costs; where it says nothing, what the book says.
fn cost(
    members: &Members,
    state: Option<&str>,
    call: &LedgerCall,
    book: Option<&PriceBook>,
) -> Result<LedgerCost, String> {
    if state == Some("unpriced") {
        return Ok(LedgerCost::Unpriced);
    }
    let total = decimal(members, &["cost", "amount", "total_cost", "spend", "reported_cost"])?;
    if let Some(raw) = members.get("lines").filter(|raw| raw.get() != "null") {
        return adding_up(lines(raw)?, total).map(LedgerCost::Lines);
    }
    if let Some(total) = total {
        return Ok(LedgerCost::Total(total));
    }
    Ok(by_book(call, book).map_or(LedgerCost::Unpriced, LedgerCost::Lines))
}

/// A call that states no cost, with that of the book.
pub(super) fn priced(mut call: LedgerCall, book: Option<&PriceBook>) -> LedgerCall {
    if call.cost == LedgerCost::Unpriced
        && let Some(lines) = by_book(&call, book)
    {
        call.cost = LedgerCost::Lines(lines);
    }
    call
}

fn by_book(call: &LedgerCall, book: Option<&PriceBook>) -> Option<Vec<CostLine>> {
    let query = PriceQuery {
        provider: &call.provider,
        model: &call.model,
        service_tier: call.service_tier.as_deref(),
        region: call.region.as_deref(),
        at: Some(call.at),
    };
    book?.resolve(&query).ok()?.lines(&call.usage).ok()
}

/// Adds what the input of `price` says of the same call and its answer does not.
pub(super) fn join(members: &mut Members, usage: &BTreeMap<String, Members>, number: u64) {
    let id = text(members, &["id"]).unwrap_or_else(|| number.to_string());
    for (key, value) in usage.get(&id).into_iter().flatten() {
        members.entry(key.clone()).or_insert_with(|| value.clone());
    }
}

/// Lines that add up to the cost. Of prices that are no finite decimals, `price` prints lines and
/// cost rounded: the last line then takes what that leaves.
fn adding_up(mut lines: Vec<CostLine>, total: Option<Decimal>) -> Result<Vec<CostLine>, String> {
    let inexact = |error: centinel_engine::money::DecimalError| error.to_string();
    let mut sum = Decimal::ZERO;
    for line in &lines {
        sum = sum.checked_add(line.amount).map_err(inexact)?;
    }
    let Some(total) = total.filter(|total| *total != sum) else { return Ok(lines) };
    let rest = total.checked_sub(sum).map_err(inexact)?;
    let size = if rest.is_negative() { rest.checked_neg().map_err(inexact)? } else { rest };
    match lines.last_mut() {
        Some(last) if size <= Decimal::new(1, 12).map_err(inexact)? => {
            last.amount = last.amount.checked_add(rest).map_err(inexact)?;
            Ok(lines)
        }
        _ => Err(format!("`lines` add up to {sum}, and `cost` is {total}")),
    }
}

#[derive(Deserialize)]
struct Line<'l> {
    token_class: std::borrow::Cow<'l, str>,
    quantity: u64,
    #[serde(borrow)]
    unit_price: Option<&'l RawValue>,
    #[serde(borrow)]
    amount: &'l RawValue,
}

fn lines(raw: &RawValue) -> Result<Vec<CostLine>, String> {
    let lines: Vec<Line<'_>> =
        serde_json::from_str(raw.get()).map_err(|error| format!("`lines`: {error}"))?;
    let mut found = Vec::new();
    for line in lines {
        let meter: Meter = line.token_class.parse().map_err(|error| format!("{error}"))?;
        let amount = digits("amount", line.amount)?;
        let stated = line.unit_price.map(|raw| digits("unit_price", raw)).transpose()?;
        let quantity = Decimal::from_integer(line.quantity.into());
        let unit_price = match stated {
            Some(unit_price) => unit_price,
            None => amount
                .quotient(quantity, 15)
                .map_err(|error| error.to_string())?
                .unwrap_or(Decimal::ZERO),
        };
        found.push(CostLine { meter, quantity: line.quantity, unit_price, amount, exact: None });
    }
    Ok(found)
}

/// How the call ended, from the words that people use for it.
fn ending(members: &Members, state: Option<&str>) -> Result<(CallStatus, bool), String> {
    let word = text(members, &["call_status", "outcome", "ended", "finish", "finish_reason"])
        .map(|word| word.to_ascii_lowercase());
    let is_word = |words: &[&str]| {
        word.as_deref().is_some_and(|word| words.contains(&word))
            || state.is_some_and(|state| words.contains(&state))
    };
    let mut is_retry = is_word(&["retry", "retried"]);
    for key in ["is_retry", "retry"] {
        is_retry |= flag(members, key)?;
    }
    is_retry |= text(members, &["retry_of"]).is_some();
    is_retry |= number(members, &["attempt"])?.is_some_and(|attempt| attempt > 1);
    let mut is_aborted = is_word(&["aborted", "cancelled", "canceled", "abort"]);
    for key in ["aborted", "stream_aborted", "is_aborted", "cancelled"] {
        is_aborted |= flag(members, key)?;
    }
    let is_cached = is_word(&["gateway_cache", "cache_hit"]) || flag(members, "cache_hit")?;
    let status = match () {
        () if is_aborted => CallStatus::Aborted,
        () if is_cached => CallStatus::GatewayCache,
        () if is_word(&["error", "failed", "failure", "timeout"]) => CallStatus::Error,
        () => CallStatus::Ok,
    };
    Ok((status, is_retry))
}

/// The usage record, or the same keys beside it.
fn usage(members: &Members) -> Result<Usage, String> {
    if let Some(raw) = members.get("usage").filter(|raw| raw.get() != "null") {
        return serde_json::from_str(raw.get()).map_err(|error| format!("`usage`: {error}"));
    }
    let mut usage = Usage::ZERO;
    let mut has_any = false;
    for class in UsageClass::ALL {
        if let Some(count) = number(members, &[class.name()])? {
            usage.set(class, count);
            has_any = true;
        }
    }
    if !has_any {
        return Err("`usage` is missing".to_owned());
    }
    usage.check().map_err(|error| error.to_string())?;
    Ok(usage)
}

fn is_contracted(price: &Members) -> Option<bool> {
    if let Some(raw) = price.get("contracted") {
        return serde_json::from_str(raw.get()).ok();
    }
    let kind = text(price, &["kind", "price_kind"])?;
    match kind.to_ascii_lowercase().as_str() {
        "contracted" | "contract" | "negotiated" => Some(true),
        "list" => Some(false),
        _ => None,
    }
}

fn object(members: &Members, key: &str) -> Option<Members> {
    serde_json::from_str(members.get(key)?.get()).ok()
}

/// Text, or the digits of a number; null and absent are nothing.
fn text(members: &Members, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| {
        let raw = members.get(*key)?.get();
        let text = match raw.as_bytes().first()? {
            b'"' => serde_json::from_str::<String>(raw).ok()?,
            b'0'..=b'9' | b'-' => raw.to_owned(),
            _ => return None,
        };
        let text = text.trim().to_owned();
        (!text.is_empty()).then_some(text)
    })
}

fn flag(members: &Members, key: &str) -> Result<bool, String> {
    let Some(raw) = members.get(key) else { return Ok(false) };
    match raw.get() {
        "true" | "1" | "\"true\"" => Ok(true),
        "false" | "0" | "null" | "\"false\"" | "\"\"" => Ok(false),
        other => {
            let shown: String = other.chars().take(40).collect();
            Err(format!("`{key}` is `{shown}`, which is neither true nor false"))
        }
    }
}

fn number(members: &Members, keys: &[&str]) -> Result<Option<u64>, String> {
    for key in keys {
        if let Some(raw) = members.get(*key).filter(|raw| raw.get() != "null") {
            let shown: String = raw.get().chars().take(40).collect();
            return raw
                .get()
                .parse()
                .map(Some)
                .map_err(|_| format!("`{key}` is `{shown}`, which is no count"));
        }
    }
    Ok(None)
}

/// An amount by its digits, as text or number, never through a float.
fn decimal(members: &Members, keys: &[&str]) -> Result<Option<Decimal>, String> {
    for key in keys {
        if let Some(raw) = members.get(*key).filter(|raw| raw.get() != "null") {
            return digits(key, raw).map(Some);
        }
    }
    Ok(None)
}

fn digits(key: &str, raw: &RawValue) -> Result<Decimal, String> {
    let text = match raw.get().strip_prefix('"') {
        Some(_) => serde_json::from_str::<String>(raw.get()).map_err(|error| error.to_string())?,
        None => raw.get().to_owned(),
    };
    text.parse().map_err(|error| format!("`{key}` {error}"))
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let shown: String = text.chars().take(40).collect();
    text.parse().map_err(|_| format!("`at` is `{shown}`, which is no RFC 3339 time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<LedgerCall, String> {
        call(&members(line.as_bytes())?.unwrap(), Currency::USD, None)
    }

    #[test]
    fn lines_that_people_have() {
        let usage = r#""usage":{"input_tokens_total":10,"output_tokens_total":2}"#;
        let head = r#""provider":"openai","model":"gpt-5.1","at":"2026-10-05T10:00:00Z""#;
        for (extra, is_retry, status) in [
            ("", false, CallStatus::Ok),
            (r#","is_retry":true"#, true, CallStatus::Ok),
            (r#","attempt":2"#, true, CallStatus::Ok),
            (r#","retry_of":"a""#, true, CallStatus::Ok),
            (r#","aborted":true"#, false, CallStatus::Aborted),
            (r#","status":"aborted""#, false, CallStatus::Aborted),
            (r#","call_status":"error""#, false, CallStatus::Error),
        ] {
            let call = read(&format!("{{{head},{usage},\"cost\":1.5e-6{extra}}}")).unwrap();
            assert_eq!((call.is_retry, call.status), (is_retry, status), "{extra}");
            assert_eq!(call.cost, LedgerCost::Total("0.0000015".parse().unwrap()));
        }
    }

    #[test]
    fn bad_lines_have_a_reason() {
        let head = r#""provider":"openai","model":"gpt-5.1","usage":{"input_tokens_total":1}"#;
        for (line, expected) in [
            ("[1]".to_owned(), "invalid type"),
            (format!("{{{head}}}"), "`at` is missing"),
            (format!("{{{head},\"at\":\"yesterday\"}}"), "no RFC 3339 time"),
            (
                format!("{{{head},\"at\":\"2026-10-05T10:00:00Z\",\"cost\":\"x\"}}"),
                "not a decimal number",
            ),
            (
                format!("{{{head},\"at\":\"2026-10-05T10:00:00Z\",\"retry\":\"maybe\"}}"),
                "neither true nor false",
            ),
            (
                format!(
                    "{{{head},\"at\":\"2026-10-05T10:00:00Z\",\"cost\":\"2\",\"lines\":\
                     [{{\"token_class\":\"input\",\"quantity\":1,\"amount\":\"1\"}}]}}"
                ),
                "add up to 1",
            ),
            (r#"{"status":"rejected","reason":"bad"}"#.to_owned(), "rejected: bad"),
        ] {
            let reason = read(&line).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        }
    }
}
