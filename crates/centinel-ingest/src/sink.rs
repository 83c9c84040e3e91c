//! Where rows go: the interface between a connector and whoever keeps what it reads.

use std::fmt;

use centinel_engine::{
    focus::Charge,
    usage::{Call, Outcome},
};

use jiff::{Timestamp, civil::Date};

use crate::{
    bills::ContractCommitment,
    calls::Mapping,
    sanitize::{Shown, is_hidden},
};

/// Where a row stands in its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Data row, from 1: header and blank lines do not count. Of OTLP, the span.
    pub row: u64,
    /// Line, from 1: where the row starts.
    pub line: u64,
    /// Byte offset of the row in the (decompressed) input.
    pub offset: u64,
}

/// A row that became nothing: kept with its reason, never dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Where it stands.
    pub position: Position,
    /// One line that names column and value.
    pub reason: String,
    /// The row's text, at most [`Rejected::RAW_BYTES_MAX`] of it; bytes that are no UTF-8 are
    /// replaced.
    pub raw: String,
}

impl Rejected {
    /// How much of a row's text is kept.
    pub const RAW_BYTES_MAX: usize = 4096;

    pub(crate) fn new(position: Position, reason: String, raw: &[u8]) -> Self {
        let raw = raw.get(..Self::RAW_BYTES_MAX).unwrap_or(raw);
        let mut raw = String::from_utf8_lossy(raw).trim_end_matches(['\r', '\n']).to_owned();
        // A replacement is longer than the byte that it stands for.
        while raw.len() > Self::RAW_BYTES_MAX {
            raw.pop();
        }
        let reason = reason.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
        Self { position, reason, raw }
    }
}

/// A failure of the sink: it ends the reading.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SinkError(Box<dyn std::error::Error + Send + Sync>);

impl SinkError {
    /// Wraps what went wrong.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// Takes the rows of one input, in their order.
///
/// Rows are lent: a connector fills one and re-uses it. A sink implements the kinds that it expects;
/// a row of another kind is an error, never silence.
pub trait Sink {
    /// How the columns of a call log will be read; called once, before the first row. An error stops
    /// the reading there.
    fn mapping(&mut self, _mapping: &Mapping) -> Result<(), SinkError> {
        Ok(())
    }

    /// A model call.
    fn call(&mut self, _at: &Position, _call: &Call) -> Result<(), SinkError> {
        Err(unexpected("model calls"))
    }

    /// A charge of a bill.
    fn charge(&mut self, _at: &Position, _charge: &Charge) -> Result<(), SinkError> {
        Err(unexpected("charges of a bill"))
    }

    /// A business outcome.
    fn outcome(&mut self, _at: &Position, _outcome: &Outcome) -> Result<(), SinkError> {
        Err(unexpected("business outcomes"))
    }

    /// What a contract commits to: a fact beside the bill, in no total.
    fn commitment(
        &mut self,
        _at: &Position,
        _commitment: &ContractCommitment,
    ) -> Result<(), SinkError> {
        Err(unexpected("contract commitments"))
    }

    /// A part of a bill that the input holds: charges of an account that start on a day, within a
    /// billing period that starts at `period`. Called once for each.
    fn covers(&mut self, _account: &str, _period: Timestamp, _day: Date) -> Result<(), SinkError> {
        Ok(())
    }

    /// A row that is none of these, and why.
    fn rejected(&mut self, rejected: Rejected) -> Result<(), SinkError>;

    /// Bytes read so far, decompressed; called now and then.
    fn progress(&mut self, _bytes: u64) {}
}

fn unexpected(what: &str) -> SinkError {
    SinkError::new(format!("the input holds {what}, which are not read here"))
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} (line {})", self.row, self.line)
    }
}

/// `{column} {value} {problem}`: how every rejection of a value reads.
pub(crate) fn bad_value(column: &str, value: &str, problem: &str) -> String {
    format!("{} {} {problem}", Shown(column), Shown(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_text_is_capped_on_a_character() {
        let raw = [b"\xff".repeat(4_000), b"x".repeat(4_000)].concat();
        let rejected = Rejected::new(Position::default(), "a\nb".into(), &raw);
        assert!(rejected.raw.len() <= Rejected::RAW_BYTES_MAX);
        assert_eq!(rejected.reason, "a b");
    }
}
