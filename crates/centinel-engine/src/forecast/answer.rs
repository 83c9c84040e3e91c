//! From what strays to an answer: exact sums, bands, the chance of passing an amount, the total.

use jiff::{ToSpan as _, civil::Date};

use super::{
    Band, DayCost, Forecast, ForecastError, Method, Passing, Question, Series, TOTAL,
    calibration::Calibration,
    outlook::{Outlook, Spread, State},
    statistics::Distribution,
    track::days_between,
};
use crate::{
    anomaly::estimate,
    money::{Decimal, DecimalError},
};

/// One series between the statistics and its answer.
pub(super) struct Part<'a> {
    pub(super) series: &'a Series,
    pub(super) outlook: Option<Outlook>,
}

impl Part<'_> {
    pub(super) fn answer(
        &self,
        question: &Question,
        axis: Date,
        from: usize,
        calibration: &Calibration,
    ) -> Result<Forecast, ForecastError> {
        let overflow = |_: DecimalError| ForecastError::Overflow(self.series.name.clone());
        let Some(outlook) = &self.outlook else {
            return Ok(Forecast {
                series: self.series.name.clone(),
                period_total: None,
                seen: Decimal::ZERO,
                bands: Vec::new(),
                method: Method::NoHistory,
                days: Vec::new(),
                passing: question
                    .amount
                    .map(|_| Passing { probability_above: 0.0, date_expected: None }),
            });
        };
        let mut days = Vec::new();
        let (mut seen, mut total) = (Decimal::ZERO, Decimal::ZERO);
        for date in question.from.series(1.day()).take_while(|date| *date < question.until) {
            let ahead = days_between(axis, date).checked_sub(from).filter(|_| date >= axis);
            let ahead = ahead.and_then(|index| outlook.days.get(index));
            let cost = ahead.map_or_else(|| self.series.cost(date), |cost| estimate(*cost));
            if ahead.is_none() {
                seen = seen.checked_add(cost).map_err(overflow)?;
            }
            total = total.checked_add(cost).map_err(overflow)?;
            days.push(DayCost { date, cost, seen: ahead.is_none(), bands: Vec::new() });
        }
        let mut view = View::of(Ahead::of(outlook), calibration, seen.to_f64());
        view.is_certain = outlook.days.is_empty();
        let bands = question.levels.iter().map(|level| view.band(*level, total)).collect();
        Ok(Forecast {
            series: self.series.name.clone(),
            period_total: Some(total),
            seen,
            bands,
            method: if outlook.days.is_empty() { Method::Seen } else { outlook.state.method() },
            passing: question.amount.map(|amount| view.passing(amount, total, &days)),
            days,
        })
    }
}

impl State {
    fn method(self) -> Method {
        match self {
            Self::Usual => Method::Course,
            Self::Event => Method::CourseAndEvent,
            Self::Young => Method::Young,
            Self::Sparse => Method::Means,
            Self::Monthly => Method::Monthly,
            Self::Stopped => Method::Stopped,
        }
    }
}

/// What lies ahead of one series: its cost, and how far that strays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    state: State,
    cost: f64,
    spread: Spread,
    is_positive: bool,
}

impl Ahead {
    fn of(outlook: &Outlook) -> Self {
        Self {
            state: outlook.state,
            cost: outlook.days.iter().sum(),
            spread: outlook.spread,
            is_positive: outlook.is_positive,
        }
    }

    /// Of one day, whose cost is known to be another under a scenario.
    pub(super) fn of_day(outlook: &Outlook, cost: f64) -> Self {
        let own = Self::of(outlook);
        let spread = match own.spread {
            Spread::Absolute(deviation) if own.cost.abs() > 0.0 => {
                Spread::Absolute(deviation * (cost / own.cost).abs())
            }
            spread => spread,
        };
        Self { cost, spread, ..own }
    }
}

/// The distribution of a period's cost.
pub(super) struct View<'a> {
    seen: f64,
    ahead: f64,
    spread: Spread,
    errors: &'a Distribution,
    /// The error, in deviations, at which the point stands.
    middle: f64,
    is_positive: bool,
    /// Whether no day is ahead.
    is_certain: bool,
}

impl<'a> View<'a> {
    pub(super) fn of(ahead: Ahead, calibration: &'a Calibration, seen: f64) -> Self {
        let (errors, middle) = calibration.distribution(ahead.state);
        Self {
            seen,
            ahead: ahead.cost,
            spread: ahead.spread,
            errors,
            middle,
            is_positive: ahead.is_positive,
            is_certain: false,
        }
    }

    /// Of several series together: their deviations add up as independent ones do, times how far sums
    /// strayed beyond that.
    pub(super) fn of_sum(
        aheads: &[Ahead],
        calibration: &'a Calibration,
        seen: f64,
        is_certain: bool,
    ) -> Self {
        let (mut ahead, mut usual, mut event) = (0.0, 0.0, 0.0);
        let mut is_positive = true;
        for part in aheads {
            let variance = match part.spread {
                Spread::Relative(deviation) => (part.cost * deviation).powi(2),
                Spread::Absolute(deviation) => deviation.powi(2),
            };
            *(if part.state == State::Event { &mut event } else { &mut usual }) += variance;
            ahead += part.cost;
            is_positive &= part.is_positive;
        }
        let together = if aheads.len() > 1 { calibration.together } else { 1.0 };
        let deviation = (usual * together.powi(2) + event).sqrt();
        let relative = if ahead > 0.0 { deviation / ahead } else { 0.0 };
        Self {
            seen,
            ahead,
            spread: if is_positive && relative > 0.0 {
                Spread::Relative(relative)
            } else {
                Spread::Absolute(deviation)
            },
            errors: &calibration.usual,
            middle: calibration.usual.quantile(0.5),
            is_positive,
            is_certain,
        }
    }

    fn quantile(&self, probability: f64) -> f64 {
        let error = self.errors.quantile(probability) - self.middle;
        let ahead = match self.spread {
            Spread::Relative(deviation) => self.ahead * (error * deviation).exp(),
            Spread::Absolute(deviation) => self.ahead + error * deviation,
        };
        self.seen + if self.is_positive { ahead.max(0.0) } else { ahead }
    }

    pub(super) fn band(&self, level: u32, total: Decimal) -> Band {
        if self.is_certain {
            return Band { level, low: total, high: total };
        }
        let outside = (1.0 - f64::from(level) / 100.0) / 2.0;
        Band {
            level,
            low: estimate(self.quantile(outside)).min(total),
            high: estimate(self.quantile(1.0 - outside)).max(total),
        }
    }

    fn passing(&self, amount: Decimal, total: Decimal, days: &[DayCost]) -> Passing {
        let beyond = amount.to_f64() - self.seen;
        let deviation = match self.spread {
            Spread::Relative(deviation) | Spread::Absolute(deviation) => deviation,
        };
        let probability = if self.is_certain || deviation <= 0.0 {
            if total > amount { 1.0 } else { 0.0 }
        } else if self.is_positive && beyond < 0.0 {
            1.0
        } else {
            let error = match self.spread {
                Spread::Relative(deviation) => (beyond / self.ahead).ln() / deviation,
                Spread::Absolute(deviation) => (beyond - self.ahead) / deviation,
            };
            self.errors.probability_above(error + self.middle)
        };
        let mut sum = Decimal::ZERO;
        let date_expected = days.iter().find_map(|day| {
            sum = sum.checked_add(day.cost).unwrap_or(sum);
            (sum >= amount).then_some(day.date)
        });
        Passing { probability_above: (probability * 1e4).round() / 1e4, date_expected }
    }
}

/// The days of all parts, added up exactly.
pub(super) fn days_added_up(answers: &[Forecast]) -> Result<Vec<DayCost>, ForecastError> {
    let overflow = |_: DecimalError| ForecastError::Overflow(TOTAL.to_owned());
    let mut days: Vec<DayCost> = Vec::new();
    for answer in answers.iter().filter(|answer| answer.period_total.is_some()) {
        if days.is_empty() {
            days.clone_from(&answer.days);
        } else {
            for (day, part) in days.iter_mut().zip(&answer.days) {
                day.cost = day.cost.checked_add(part.cost).map_err(overflow)?;
            }
        }
    }
    Ok(days)
}

/// Adds the parts up.
pub(super) fn total(
    parts: &[Part<'_>],
    answers: &[Forecast],
    question: &Question,
    calibration: &Calibration,
) -> Result<Forecast, ForecastError> {
    let overflow = |_: DecimalError| ForecastError::Overflow(TOTAL.to_owned());
    let days = days_added_up(answers)?;
    let (mut seen, mut sum) = (Decimal::ZERO, Decimal::ZERO);
    for answer in answers.iter().filter(|answer| answer.period_total.is_some()) {
        seen = seen.checked_add(answer.seen).map_err(overflow)?;
        sum = sum.checked_add(answer.period_total.unwrap_or_default()).map_err(overflow)?;
    }
    let aheads: Vec<Ahead> =
        parts.iter().filter_map(|part| part.outlook.as_ref()).map(Ahead::of).collect();
    let is_certain = days.iter().all(|day| day.seen);
    let view = View::of_sum(&aheads, calibration, seen.to_f64(), is_certain);
    let has_history = answers.iter().any(|answer| answer.period_total.is_some());
    let bands = question.levels.iter().map(|level| view.band(*level, sum));
    Ok(Forecast {
        series: TOTAL.to_owned(),
        period_total: has_history.then_some(sum),
        seen,
        bands: if has_history { bands.collect() } else { Vec::new() },
        method: if has_history { Method::Sum } else { Method::NoHistory },
        passing: question.amount.map(|amount| view.passing(amount, sum, &days)),
        days,
    })
}
