//! Free quotas: so many searches a day cost nothing, and who has used them up is not in the call.
//!
//! A price says which quotas it has; how much of one is left depends on all other calls of the
//! account. Either all of them are known, and [`QuotaLedger`] counts them, or the cost of a call
//! is a range ([`super::Price::range`]).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Meter, Price};
use crate::usage::Usage;

/// So much is free in each window, for all models together that name the quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Unique in its book.
    pub name: String,
    /// How much costs nothing in one window, in units of the meter.
    pub free: u64,
    /// After what time the count starts again.
    pub window: QuotaWindow,
    /// When days (and months) start, in minutes after midnight UTC: 480 where the provider counts
    /// in Pacific Standard Time.
    pub starts_at_minute: u32,
}

/// After what time a quota starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaWindow {
    /// Each day.
    Day,
    /// Each calendar month.
    Month,
}

impl Quota {
    /// Number of the window that an instant falls into.
    fn window_of(&self, at: Timestamp) -> i64 {
        let start = i64::from(self.starts_at_minute).saturating_mul(60_000_000);
        let micros = at.as_microsecond().saturating_sub(start);
        let shifted = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MIN);
        let date = crate::period::date_of(shifted);
        match self.window {
            QuotaWindow::Day => micros.div_euclid(crate::period::DAY_MICROS),
            QuotaWindow::Month => {
                i64::from(date.year()).saturating_mul(12).saturating_add(i64::from(date.month()))
            }
        }
    }
}

/// What has been used of free quotas, call after call.
///
/// Who gets the free part within a window follows the order of the calls; what all of them cost
/// together does not.
#[derive(Debug, Clone, Default)]
pub struct QuotaLedger {
    used: BTreeMap<(String, String, i64), u64>,
}

impl QuotaLedger {
    /// Takes a call of an account into account, and says how much of it is free, by meter: what
    /// [`super::Terms::free`] wants. The calls of an account must all be given, once each.
    pub fn take(
        &mut self,
        account: &str,
        price: &Price,
        usage: &Usage,
        at: Timestamp,
    ) -> Vec<(Meter, u64)> {
        let mut free = Vec::new();
        for (meter, quota) in price.quotas() {
            let quantity = meter.counts().map_or(0, |class| usage.get(class));
            let key = (account.to_owned(), quota.name.clone(), quota.window_of(at));
            let used = self.used.entry(key).or_default();
            let part = quota.free.saturating_sub(*used).min(quantity);
            *used = used.saturating_add(quantity);
            free.push((*meter, part));
        }
        free
    }
}
