//! How much one holder of a token may ask.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

/// Most holders that are remembered. Whoever asked nothing for a minute is forgotten.
const HOLDERS_MAX: usize = 10_000;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Requests of each holder within a minute.
///
/// # Source
///
/// The generic cell rate algorithm, ITU-T I.371, with a burst of one minute's worth: for each holder, the
/// instant at which all that they sent would have been sent at the allowed pace.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Time that one request takes at the allowed pace.
    pace: SignedDuration,
    paid_until: Mutex<HashMap<String, Timestamp>>,
}

impl Limits {
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        let pace =
            i64::try_from(MINUTE.as_nanos()).unwrap_or(i64::MAX) / i64::from(per_minute.get());
        Self { pace: SignedDuration::from_nanos(pace), paid_until: Mutex::default() }
    }

    /// Counts one request of a holder.
    ///
    /// # Errors
    ///
    /// Seconds to wait, at least one.
    pub(crate) fn take(&self, holder: &str, now: Timestamp) -> Result<(), u64> {
        let mut known = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = now.saturating_add(MINUTE).unwrap_or(Timestamp::MAX);
        // What lies further ahead was counted before the clock was set back.
        let begins = known.get(holder).copied().filter(|paid| (now..=longest).contains(paid));
        let paid = begins.unwrap_or(now).saturating_add(self.pace).unwrap_or(Timestamp::MAX);
        if paid > longest {
            let over = paid.duration_since(longest).as_millis();
            return Err(u64::try_from(over / 1000).unwrap_or(0).saturating_add(1));
        }
        if known.len() >= HOLDERS_MAX && !known.contains_key(holder) {
            known.retain(|_, paid| *paid > now);
            if known.len() >= HOLDERS_MAX {
                // So many within one minute: whoever sent the least is forgotten.
                let least =
                    known.iter().min_by_key(|(_, paid)| **paid).map(|(name, _)| name.clone());
                least.and_then(|name| known.remove(&name));
            }
        }
        known.insert(holder.to_owned(), paid);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + millis).unwrap()
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_no_more() {
        let limits = Limits::new(NonZeroU32::new(60).unwrap());
        assert!((0..60).all(|_| limits.take("a", at(0)).is_ok()));
        assert_eq!(limits.take("a", at(0)), Err(2));
        assert_eq!(limits.take("a", at(999)), Err(1));
        assert!(limits.take("b", at(0)).is_ok(), "others are not held up");
        assert!(limits.take("a", at(1000)).is_ok());
        assert!(limits.take("a", at(1000)).is_err());
        assert!((0..60).all(|_| limits.take("a", at(61_000)).is_ok()), "a quiet minute later");
        // A clock that is set back holds nobody up for longer than a minute.
        assert!(limits.take("a", at(-3_600_000)).is_ok());
    }

    #[test]
    fn few_are_remembered() {
        let limits = Limits::new(NonZeroU32::new(6000).unwrap());
        for index in 0..HOLDERS_MAX + 50 {
            assert!(limits.take(&index.to_string(), at(0)).is_ok());
        }
        assert_eq!(limits.paid_until.lock().unwrap().len(), HOLDERS_MAX);
        assert!(limits.take("late", at(60_000)).is_ok());
        assert_eq!(limits.paid_until.lock().unwrap().len(), 1);
    }
}
