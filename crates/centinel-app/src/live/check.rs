//! `sources test`: what of a source works, said exactly.

use centinel_engine::{
    focus::Charge,
    usage::{Call, Outcome},
};
use centinel_ingest::{
    Options, Position, Rejected, Sink, SinkError,
    live::{Fetch, Probe},
};
use jiff::Timestamp;
use serde::Serialize;

use super::{Outside, SourceConfig};
use crate::{App, AppError};

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub check: String,
    /// Whether it works.
    pub passed: bool,
    /// What was found, or what is wrong.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Check {
    pub(super) fn new(check: impl Into<String>, passed: bool, detail: impl Into<String>) -> Self {
        Self { check: check.into(), passed, detail: detail.into(), hint: None }
    }

    pub(super) fn hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

/// How far a source's clock may be from ours: past that, the open day and the overlap are not what
/// they seem.
const SKEW_SECONDS_MAX: i64 = 120;

impl App {
    /// Tries a source out; nothing is kept.
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`]. What does not work at the source is a check that did not pass.
    pub async fn test_source(&self, name: &str, outside: &Outside) -> Result<Vec<Check>, AppError> {
        let source = self.source_config(name)?;
        if source.kind.is_objects() {
            return Ok(self.test_objects(source, outside).await);
        }
        let mut checks = Vec::new();
        let connection = match self.connect(source, outside) {
            Ok(connection) => connection,
            Err(error) => {
                let check = Check::new("credential", false, crate::error::in_one_line(&error));
                return Ok(vec![check.hint(error.hint())]);
            }
        };
        if let Some(place) = &source.credential {
            checks.push(self.place(source, &place.to_string()));
        }
        let now = (outside.now)();
        let fetch = Fetch::new(source.kind, connection, source.options.clone(), now, now)
            .ok_or_else(|| super::sync::no_way(source))?;
        let probes = fetch.probe(now).await;
        let probes =
            probes.map_err(|error| AppError::Fetch { name: name.to_owned(), source: error })?;
        let mut clock = None;
        for probe in &probes {
            checks.push(read_probe(source, probe));
            clock = clock.or(probe.answer.as_ref().ok().and_then(|answer| answer.date));
        }
        if let Some(clock) = clock {
            checks.push(skew(clock, (outside.now)()));
        }
        Ok(checks)
    }

    pub(super) fn place(&self, source: &SourceConfig, place: &str) -> Check {
        let open = source.credential.as_ref().and_then(|at| at.is_open_to_others(&self.home));
        if open == Some(true) {
            let detail = format!("`{place}` can be read by others on this machine");
            let hint = "let only its owner read it: `chmod 600`".to_owned();
            return Check::new("credential", false, detail).hint(Some(hint));
        }
        Check::new("credential", true, format!("found in `{place}`"))
    }
}

/// Whether a list answers, and whether its rows can be read.
fn read_probe(source: &SourceConfig, probe: &Probe) -> Check {
    let answer = match &probe.answer {
        Ok(answer) => answer,
        Err(error) => {
            let check = Check::new(&probe.what, false, error.to_string());
            return check.hint(error.hint().map(str::to_owned));
        }
    };
    let address = &probe.address;
    if answer.body.trim_ascii().is_empty() {
        return Check::new(&probe.what, true, format!("`{address}` answers; no rows yet"));
    }
    let Some(body) = probe.body(source.kind) else {
        return Check::new(&probe.what, true, format!("`{address}` answers"));
    };
    let mut counted = Counted::default();
    let read =
        centinel_ingest::read(body.format, &body.bytes[..], &Options::default(), &mut counted);
    match (read, counted.first_reason) {
        (Err(error), _) => {
            let detail = format!("`{address}` answers, but not what is documented: {error}");
            Check::new(&probe.what, false, detail)
        }
        (Ok(summary), Some(reason)) => {
            let detail =
                format!("{} of {} rows cannot be read: {reason}", summary.rejected, summary.rows);
            Check::new(&probe.what, false, detail)
        }
        (Ok(summary), None) => Check::new(
            &probe.what,
            true,
            format!("`{address}` answers; {} rows read", summary.rows),
        ),
    }
}

pub(super) fn skew(theirs: Timestamp, ours: Timestamp) -> Check {
    let seconds = ours.as_second() - theirs.as_second();
    let detail = match seconds {
        -5..=5 => "the clocks agree".to_owned(),
        6.. => format!("this machine's clock is {seconds} s ahead of the source's"),
        _ => format!("this machine's clock is {} s behind the source's", -seconds),
    };
    let check = Check::new("clock", seconds.abs() <= SKEW_SECONDS_MAX, detail);
    let hint = "let both set their clocks by NTP: days are cut by the clock".to_owned();
    if check.passed { check } else { check.hint(Some(hint)) }
}

/// Counts rows and keeps none.
#[derive(Default)]
struct Counted {
    first_reason: Option<String>,
}

impl Sink for Counted {
    fn call(&mut self, _: &Position, _: &Call) -> Result<(), SinkError> {
        Ok(())
    }

    fn charge(&mut self, _: &Position, _: &Charge) -> Result<(), SinkError> {
        Ok(())
    }

    fn outcome(&mut self, _: &Position, _: &Outcome) -> Result<(), SinkError> {
        Ok(())
    }

    fn rejected(&mut self, rejected: Rejected) -> Result<(), SinkError> {
        self.first_reason.get_or_insert(rejected.reason);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_are_told() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        for (theirs, ours, passed, detail) in [
            (0, 3, true, "the clocks agree"),
            (0, 60, true, "60 s ahead"),
            (0, 300, false, "300 s ahead"),
            (3600, 0, false, "3600 s behind"),
        ] {
            let check = skew(at(theirs), at(ours));
            assert_eq!(check.passed, passed, "{check:?}");
            assert!(check.detail.contains(detail), "{check:?}");
            assert_eq!(check.hint.is_some(), !passed);
        }
    }
}
