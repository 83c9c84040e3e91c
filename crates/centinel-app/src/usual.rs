//! What a change is compared with: the same weekdays of the 56 days before, as often as they are
//! compared.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    anomaly::watch::Scope,
    explain::Scale,
    period::{Period, date_of},
};
use jiff::{
    Timestamp,
    civil::{Date, Weekday},
};

use crate::{App, AppError, ExplainRequest, baseline_days};

impl App {
    /// The days that a change is compared with.
    pub(crate) async fn usual(
        &self,
        request: &ExplainRequest,
        data_from: Timestamp,
        now: Timestamp,
    ) -> Result<Usual, AppError> {
        if let Some(period) = request.compare_to {
            return Ok(Usual { period, weights: None, has_left_out: false });
        }
        let known_at = request.known_at(now);
        let mut left_out =
            self.known_days(known_at, &self.verdicts(known_at).await?).await?.of(&Scope::new());
        left_out.extend(request.left_out.iter().copied());
        let days: Vec<Date> = baseline_days(&request.period)
            .into_iter()
            .filter(|day| *day >= date_of(data_from) && !left_out.contains(day))
            .collect();
        let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else {
            return Err(AppError::NothingBefore);
        };
        let period = Period::days(*first, last.tomorrow().unwrap_or(*last))?;
        let weights = Some(Weights::new(&request.period, &days));
        Ok(Usual { period, weights, has_left_out: !left_out.is_empty() })
    }
}

/// What a change is compared with.
pub(crate) struct Usual {
    /// First to last of the days.
    pub(crate) period: Period,
    /// How often each of them counts; `None` when all of the period counts once.
    pub(crate) weights: Option<Weights>,
    /// Days known to be different are no part of it.
    pub(crate) has_left_out: bool,
}

/// How often each day of a baseline counts: days compared over days of the baseline, by weekday.
pub(crate) struct Weights {
    baseline: BTreeSet<Date>,
    compared_by_weekday: BTreeMap<i8, u64>,
    baseline_by_weekday: BTreeMap<i8, u64>,
    pub(crate) days: usize,
}

impl Weights {
    fn new(compared: &Period, baseline: &[Date]) -> Self {
        let count = |days: &mut dyn Iterator<Item = Date>| {
            let mut counts: BTreeMap<i8, u64> = BTreeMap::new();
            for day in days {
                *counts.entry(weekday(day)).or_default() += 1;
            }
            counts
        };
        let (first, after) = compared.dates();
        let mut days = std::iter::successors(Some(first), |day| day.tomorrow().ok())
            .take_while(|day| *day < after);
        Self {
            compared_by_weekday: count(&mut days),
            baseline_by_weekday: count(&mut baseline.iter().copied()),
            baseline: baseline.iter().copied().collect(),
            days: baseline.len(),
        }
    }

    /// What an amount of a baseline's day counts for, in the days compared, rounded toward zero to the
    /// last pico; `None` for a day that is no part of the baseline.
    pub(crate) fn amount(&self, day: Date, amount: i128) -> Option<i128> {
        if !self.baseline.contains(&day) {
            return None;
        }
        let compared = i128::from(*self.compared_by_weekday.get(&weekday(day))?);
        let baseline = i128::from(*self.baseline_by_weekday.get(&weekday(day))?);
        amount.checked_mul(compared)?.checked_div(baseline)
    }

    /// The weight of a day; `None` for a day that is no part of the baseline.
    pub(crate) fn of(&self, day: Date) -> Option<Scale> {
        if !self.baseline.contains(&day) {
            return None;
        }
        let compared = *self.compared_by_weekday.get(&weekday(day))?;
        let baseline = *self.baseline_by_weekday.get(&weekday(day))?;
        Scale::new(compared, baseline)
    }
}

fn weekday(day: Date) -> i8 {
    Weekday::to_monday_zero_offset(day.weekday())
}
