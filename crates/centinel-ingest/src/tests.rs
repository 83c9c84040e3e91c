//! The connectors over files: rows, findings, mapping and errors as one text.

mod arbitrary;
mod files;
mod malformed;
mod shared;

use std::fmt::Write as _;

use centinel_engine::{
    focus::Charge,
    series::Labels,
    usage::{Call, Outcome},
};

use jiff::{Timestamp, civil::Date};

use crate::{
    ContractCommitment, Mapping, Options, Position, ReadError, Rejected, Sink, SinkError, Summary,
    read, read_detected,
};

/// A sink that writes down what it gets.
#[derive(Default)]
struct Notes {
    text: String,
    accepted: u64,
    rejected: Vec<Rejected>,
    mapping: String,
}

impl Sink for Notes {
    fn mapping(&mut self, mapping: &Mapping) -> Result<(), SinkError> {
        self.mapping = mapping.to_string();
        Ok(())
    }

    fn call(&mut self, at: &Position, call: &Call) -> Result<(), SinkError> {
        self.accepted += 1;
        let Call { call_id, at: time, labels, usage, status, is_retry, .. } = call;
        writeln!(self.text, "{at}: {time} {status:?}").unwrap();
        writeln!(self.text, "  {}", show(labels)).unwrap();
        writeln!(self.text, "  {usage:?}").unwrap();
        let texts = [
            ("id", call_id),
            ("end_user", &call.end_user),
            ("customer", &call.customer),
            ("trace", &call.trace_id),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                write!(self.text, "  {name}={text}").unwrap();
            }
        }
        if let Some(latency) = call.latency_ms {
            write!(self.text, "  {latency}ms").unwrap();
        }
        if let Some((cost, currency)) = &call.reported_cost {
            write!(self.text, "  {cost} {currency}").unwrap();
        }
        if call.calls != 1 {
            write!(self.text, "  {} calls", call.calls).unwrap();
        }
        writeln!(self.text, "{}", if *is_retry { "  retry" } else { "" }).unwrap();
        Ok(())
    }

    fn charge(&mut self, at: &Position, charge: &Charge) -> Result<(), SinkError> {
        self.accepted += 1;
        writeln!(self.text, "{at}:").unwrap();
        let mut charge = charge.clone();
        let labels = show(&std::mem::take(&mut charge.labels));
        let text = format!("{charge:?}");
        let text = text.split_once(", currency").map_or("", |(_, rest)| rest);
        let is_said = |field: &&str| !field.contains("None") && *field != "cost_remainder: 0";
        let fields = text.split(", ").filter(is_said).skip(1);
        let correction = if charge.is_correction { ", correction" } else { "" };
        let category = charge.charge_category.name();
        writeln!(self.text, "  {} {category}{correction}", charge.charge_period).unwrap();
        writeln!(self.text, "  {labels}").unwrap();
        writeln!(self.text, "  {}", fields.collect::<Vec<_>>().join(", ")).unwrap();
        Ok(())
    }

    fn outcome(&mut self, at: &Position, outcome: &Outcome) -> Result<(), SinkError> {
        self.accepted += 1;
        let Outcome { outcome_id, at: time, kind, quantity, labels, trace_id, call_id } = outcome;
        writeln!(self.text, "{at}: {outcome_id} {time} {quantity} {kind} [{}]", show(labels))
            .unwrap();
        writeln!(self.text, "  trace={trace_id:?} call={call_id:?}").unwrap();
        Ok(())
    }

    fn commitment(
        &mut self,
        at: &Position,
        commitment: &ContractCommitment,
    ) -> Result<(), SinkError> {
        self.accepted += 1;
        writeln!(self.text, "{at}: {commitment:?}").unwrap();
        Ok(())
    }

    fn covers(&mut self, account: &str, period: Timestamp, day: Date) -> Result<(), SinkError> {
        writeln!(self.text, "  covers `{account}` {period} {day}").unwrap();
        Ok(())
    }

    fn rejected(&mut self, rejected: Rejected) -> Result<(), SinkError> {
        let Rejected { position, reason, raw } = &rejected;
        writeln!(self.text, "{position}: rejected: {reason}").unwrap();
        writeln!(self.text, "  {:?}", raw.chars().take(60).collect::<String>()).unwrap();
        self.rejected.push(rejected);
        Ok(())
    }
}

fn show(labels: &Labels) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// Reads a text as a file of this name; the answer as people would see it.
fn report(name: &str, text: impl AsRef<[u8]>, options: &Options) -> String {
    let mut notes = Notes::default();
    let result = read_detected(name, text.as_ref(), options, &mut notes);
    describe(notes, result)
}

fn describe(notes: Notes, result: Result<Summary, ReadError>) -> String {
    let mut text = String::new();
    match result {
        Ok(summary) => {
            assert_eq!(summary.rows, summary.accepted + summary.rejected);
            assert_eq!(summary.accepted, notes.accepted);
            assert_eq!(summary.rejected, notes.rejected.len() as u64);
            let Summary { format, rows, accepted, rejected, findings, .. } = summary;
            writeln!(text, "{format}: {rows} rows, {accepted} accepted, {rejected} rejected")
                .unwrap();
            for finding in findings {
                writeln!(text, "{finding}").unwrap();
            }
        }
        Err(error) => {
            writeln!(text, "error: {error}").unwrap();
            if let Some(hint) = error.hint() {
                writeln!(text, "hint: {hint}").unwrap();
            }
        }
    }
    if !notes.mapping.is_empty() {
        writeln!(text, "\n{}", notes.mapping).unwrap();
    }
    format!("{text}\n{}", notes.text)
}
