//! When an endpoint that fails is left alone, and for how long: a dead server must not cost its time box
//! for every text.
//!
//! Runs in a row that end in a fault of the endpoint are counted. After the third it is left alone for a
//! minute; then one run tries it again, and each further fault doubles the time, up to an hour. A server
//! that asks to wait is given what it asks for, up to the same hour. A run that works ends it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::Fault;

/// Faults in a row after which it is left alone.
const FAULTS_MAX: u32 = 3;
/// The first time that it is left alone for.
const FIRST: Duration = Duration::from_mins(1);
/// The longest.
const LONGEST: Duration = Duration::from_hours(1);

/// The state of one endpoint, as one process sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Circuit {
    faults: u32,
    pause: Option<Pause>,
}

/// An endpoint that is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Until when.
    pub until: Timestamp,
    /// Runs in a row that ended in a fault.
    pub faults: u32,
    /// The last fault, in words of ours.
    pub reason: String,
}

impl Circuit {
    /// The pause that an instant lies in; `None` where the endpoint may be asked.
    pub fn paused(&self, now: Timestamp) -> Option<&Pause> {
        self.pause.as_ref().filter(|pause| now < pause.until)
    }

    /// Takes in how a run ended; `None` for one that the endpoint answered. Says of a pause that begins.
    /// What the endpoint has no part in (a cap, a prompt) changes nothing.
    pub fn ended(&mut self, fault: Option<&Fault>, now: Timestamp) -> Option<&Pause> {
        let Some(fault) = fault else {
            *self = Self::default();
            return None;
        };
        if !fault.is_of_endpoint() {
            return None;
        }
        self.faults = self.faults.saturating_add(1);
        let asked = match fault {
            Fault::AskedToWait { asked } => Some(*asked),
            Fault::Busy { retry_after, .. } => *retry_after,
            _ => None,
        };
        if self.faults < FAULTS_MAX && asked.is_none() {
            return None;
        }
        let doubled = 1_u32 << self.faults.saturating_sub(FAULTS_MAX).min(16);
        let own = if self.faults < FAULTS_MAX { Duration::ZERO } else { FIRST * doubled };
        let length = own.max(asked.unwrap_or_default()).min(LONGEST);
        let until = SignedDuration::try_from(length)
            .ok()
            .and_then(|length| now.checked_add(length).ok())
            .unwrap_or(Timestamp::MAX);
        self.pause = Some(Pause { until, faults: self.faults, reason: fault.to_string() });
        self.pause.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
    }

    /// Minutes that it is left alone for after each of these faults, one after the other.
    fn pauses(faults: &[Option<Fault>]) -> Vec<Option<i64>> {
        let mut circuit = Circuit::default();
        let mut now = at(0);
        let mut pauses = Vec::new();
        for fault in faults {
            assert_eq!(circuit.paused(now), None, "it is asked once the pause is over");
            let pause = circuit.ended(fault.as_ref(), now).cloned();
            let length = pause.as_ref().map(|pause| pause.until.duration_since(now).as_mins());
            if let Some(pause) = &pause {
                let before = pause.until.checked_sub(SignedDuration::from_millis(1)).unwrap();
                assert_eq!(circuit.paused(before), Some(pause));
                now = pause.until;
            }
            pauses.push(length);
        }
        pauses
    }

    #[test]
    fn a_dead_endpoint_is_left_alone_for_longer_each_time() {
        let dead = || Some(Fault::TimeUp { within: Duration::from_secs(20) });
        let all = pauses(&std::iter::repeat_with(dead).take(11).collect::<Vec<_>>());
        let minutes: Vec<i64> = all.iter().flatten().copied().collect();
        assert_eq!(&all[..2], [None, None]);
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn an_answer_ends_it_and_what_is_not_the_endpoint_s_fault_does_not_count() {
        let (cut, cap) = (Some(Fault::Cut), Some(Fault::CapReached("$5.00 a day".to_owned())));
        let mixed =
            [cut.clone(), cut.clone(), None, cut.clone(), cap.clone(), cut.clone(), cap, cut];
        assert_eq!(pauses(&mixed), [None, None, None, None, None, None, None, Some(1)]);
    }

    #[test]
    fn a_wait_that_is_asked_for_is_given() {
        let wait = |seconds| Some(Fault::AskedToWait { asked: Duration::from_secs(seconds) });
        assert_eq!(pauses(&[wait(600), None, wait(1_000_000)]), [Some(10), None, Some(60)]);
        let busy = Fault::Busy {
            status: 429,
            said: String::new(),
            retry_after: Some(Duration::from_mins(2)),
        };
        assert_eq!(pauses(&[Some(busy)]), [Some(2)]);
    }
}
