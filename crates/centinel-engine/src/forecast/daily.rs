//! Bands of single days: how far forecasts of one day strayed, not how far sums of many did.

use jiff::civil::Date;

use super::{
    Forecast, History, Question,
    answer::{Ahead, Part, View},
    track::days_between,
};
use crate::money::Decimal;

/// Adds bands to the days of parts and total. The first day ahead has the band that it has when it is
/// the whole period; those of later days widen as their stated deviations do.
pub(super) fn add_bands(
    history: &History,
    parts: &[Part<'_>],
    question: &Question,
    (axis, from): (Date, usize),
    (answers, total): (&mut [Forecast], &mut Forecast),
) {
    let calibration = history.calibration(1);
    let position = |date: Date| days_between(axis, date);
    for (offset, day) in total.days.iter_mut().enumerate() {
        let mut aheads = Vec::new();
        let mut track = 0_usize;
        for (part, answer) in parts.iter().zip(answers.iter_mut()) {
            let Some(outlook) = &part.outlook else { continue };
            let index = track;
            track = track.saturating_add(1);
            let Some(own) = answer.days.get_mut(offset) else { continue };
            let at = position(own.date);
            let point = at.checked_sub(from).and_then(|ahead| outlook.days.get(ahead));
            let single = history.outlook(index, at, at.saturating_add(1), &calibration);
            let (false, Some(point), Some(single)) = (own.seen, point, single) else {
                own.bands = certain(question, own.cost);
                continue;
            };
            let ahead = Ahead::of_day(&single, *point);
            let view = View::of(ahead, &calibration, 0.0);
            own.bands = question.levels.iter().map(|level| view.band(*level, own.cost)).collect();
            aheads.push(ahead);
        }
        day.bands = if aheads.is_empty() {
            certain(question, day.cost)
        } else {
            let view = View::of_sum(&aheads, &calibration, 0.0, false);
            question.levels.iter().map(|level| view.band(*level, day.cost)).collect()
        };
    }
}

/// A day that was seen is what it was.
fn certain(question: &Question, cost: Decimal) -> Vec<super::Band> {
    let band = |level: &u32| super::Band { level: *level, low: cost, high: cost };
    question.levels.iter().map(band).collect()
}
