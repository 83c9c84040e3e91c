//! Business outcomes as NDJSON: `outcome_id`, `at`, `kind`, `quantity`, and any of `feature`,
//! `process`, `trace_id`, `call_id`. A format of our own, so an unknown key is an error.

use std::{borrow::Cow, io::Read};

use centinel_engine::{money::Decimal, series::Dimension, usage::Outcome};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    finding::FindingStatus,
    input::Input,
    instant::Instants,
    json,
    json_rows::JsonRows,
    read::{Intake, ReadError},
    sanitize::{TEXT_CHARS_MAX, set_text},
    sink::bad_value,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    #[serde(borrow)]
    outcome_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    // A number or a text; its digits are kept.
    #[serde(borrow)]
    quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    feature: Option<Cow<'a, str>>,
    #[serde(borrow)]
    process: Option<Cow<'a, str>>,
    #[serde(borrow)]
    trace_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    call_id: Option<Cow<'a, str>>,
}

pub(crate) fn read<R: Read>(
    input: &mut Input<R>,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let mut outcome = Outcome::new(Timestamp::UNIX_EPOCH);
    let mut rows = JsonRows::new(input)?;
    while let Some(row) = rows.next()? {
        match row.text.and_then(|text| fill(text, &mut outcome)) {
            Ok(is_zone_assumed) => {
                if is_zone_assumed {
                    let message = "has no zone: read as UTC";
                    intake.findings.row("at", FindingStatus::Assumed, message, row.position.row);
                }
                intake.outcome(&row.position, &outcome)?;
            }
            Err(reason) => intake.reject(row.position, reason, row.raw)?,
        }
        intake.progress(rows.offset());
    }
    Ok(())
}

/// Fills an outcome; returns whether a zone had to be assumed.
fn fill(text: &str, outcome: &mut Outcome) -> Result<bool, String> {
    let wire: Wire<'_> = serde_json::from_str(text).map_err(|error| {
        let text = error.to_string();
        match text.rsplit_once(" at line ") {
            Some((problem, _)) if error.is_data() => problem.to_owned(),
            _ => json::reason(&error),
        }
    })?;
    outcome.outcome_id = required("outcome_id", wire.outcome_id)?;
    outcome.kind = required("kind", wire.kind)?;
    let at = wire.at.ok_or("no `at`")?;
    let instant =
        Instants::ABSOLUTE.parse(at.trim()).map_err(|problem| bad_value("at", &at, problem))?;
    outcome.at = instant.at;
    let quantity = wire.quantity.ok_or("no `quantity`")?.get().trim_matches('"');
    outcome.quantity =
        quantity.parse::<Decimal>().map_err(|error| format!("`quantity` {error}"))?;
    if outcome.quantity.is_negative() {
        return Err(bad_value("quantity", quantity, "is negative"));
    }
    outcome.labels.clear();
    outcome.labels.set(Dimension::Feature, wire.feature.as_deref().unwrap_or_default());
    outcome.labels.set(Dimension::Process, wire.process.as_deref().unwrap_or_default());
    set_text(&mut outcome.trace_id, wire.trace_id.as_deref().unwrap_or_default());
    set_text(&mut outcome.call_id, wire.call_id.as_deref().unwrap_or_default());
    Ok(instant.is_zone_assumed)
}

/// A text that must be there, and short enough to be kept whole.
fn required(name: &str, value: Option<Cow<'_, str>>) -> Result<String, String> {
    let value = value.unwrap_or_default();
    if value.chars().nth(TEXT_CHARS_MAX).is_some() {
        return Err(bad_value(name, &value, "is longer than 1000 characters"));
    }
    let mut kept = None;
    set_text(&mut kept, &value);
    kept.ok_or_else(|| format!("no `{name}`"))
}
