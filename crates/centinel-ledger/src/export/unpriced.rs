//! Calls without a price, as a call log that `centinel import` reads back: the same calls, still without
//! a price, or with one as soon as a book has it.

use std::io::Write;

use centinel_engine::{
    money::Pico,
    series::{Dimension, SeriesKey},
    usage::{CallStatus, Usage},
};
use jiff::Timestamp;
use parquet::data_type::ByteArray;
use serde_json::{Map, Value};

use super::{calls::CallHead, unwritable};
use crate::{LedgerError, segment::SegmentReader};

/// The columns of a row group that only calls without a price need; read when the first one comes.
#[derive(Default)]
pub(super) struct UnpricedLog(Option<Columns>);

struct Columns {
    keys: Vec<u128>,
    status: Vec<i32>,
    is_retry: Vec<i32>,
    latency_ms: Vec<Option<i128>>,
    reported_cost: Vec<Option<i128>>,
    texts: [(&'static str, Vec<Option<ByteArray>>); 3],
}

impl UnpricedLog {
    /// Writes one call.
    #[expect(clippy::too_many_arguments, reason = "where the row stands, and what is known of it")]
    pub(super) fn write(
        &mut self,
        segment: &SegmentReader,
        group: usize,
        row: usize,
        labels: &SeriesKey,
        call: &CallHead,
        usage: &Usage,
        out: &mut dyn Write,
    ) -> Result<(), LedgerError> {
        let columns = match &mut self.0 {
            Some(columns) => columns,
            none => none.insert(Columns::read(segment, group)?),
        };
        let line = Value::Object(columns.members(row, labels, call, usage));
        writeln!(out, "{line}").map_err(unwritable)
    }
}

impl Columns {
    fn read(segment: &SegmentReader, group: usize) -> Result<Self, LedgerError> {
        let (mut keys, mut status, mut is_retry) = (Vec::new(), Vec::new(), Vec::new());
        let (mut latency_ms, mut reported_cost) = (Vec::new(), Vec::new());
        segment.read_keys(group, "call_key", &mut keys)?;
        segment.read_i32(group, "status", &mut status)?;
        segment.read_i32(group, "is_retry", &mut is_retry)?;
        segment.read_amounts(group, "latency_ms", &mut latency_ms)?;
        segment.read_amounts(group, "reported_cost", &mut reported_cost)?;
        let text = |name| Ok::<_, LedgerError>((name, segment.read_texts(group, name)?));
        let texts = [text("end_user")?, text("customer")?, text("trace_id")?];
        Ok(Self { keys, status, is_retry, latency_ms, reported_cost, texts })
    }

    fn members(
        &self,
        row: usize,
        labels: &SeriesKey,
        call: &CallHead,
        usage: &Usage,
    ) -> Map<String, Value> {
        let mut members = Map::new();
        let mut set = |name: &str, value: Value| {
            members.insert(name.to_owned(), value);
        };
        let source = labels.get(&Dimension::Source).unwrap_or_default();
        if let Some(key) = self.keys.get(row).filter(|&&key| key != 0) {
            set("call_id", format!("{source}/{key:032x}").into());
        }
        let at = Timestamp::from_microsecond(call.at).unwrap_or(Timestamp::UNIX_EPOCH);
        set("at", at.to_string().into());
        if call.calls > 1 {
            set("calls", call.calls.into());
        }
        for (dimension, value) in &labels.0 {
            // The import says the source, and the book the currency.
            if !matches!(dimension, Dimension::Source | Dimension::Currency) {
                set(&dimension.to_string(), value.as_str().into());
            }
        }
        for (class, count) in usage.iter().filter(|(_, count)| *count > 0) {
            set(class.name(), count.into());
        }
        let status = match self.status.get(row) {
            Some(&code) if code == CallStatus::Error as i32 => "error",
            Some(&code) if code == CallStatus::Aborted as i32 => "aborted",
            _ => "ok",
        };
        set("status", status.into());
        if self.is_retry.get(row).is_some_and(|&flag| flag != 0) {
            set("is_retry", true.into());
        }
        if let Some(latency) = self.latency_ms.get(row).copied().flatten() {
            set("latency_ms", latency.to_string().into());
        }
        if let Some(cost) = self.reported_cost.get(row).copied().flatten() {
            set("cost", Pico(cost).to_string().into());
        }
        for (name, column) in &self.texts {
            if let Some(text) = column.get(row).and_then(Option::as_ref) {
                set(name, String::from_utf8_lossy(text.data()).into());
            }
        }
        members
    }
}
