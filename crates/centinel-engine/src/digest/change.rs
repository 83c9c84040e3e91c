//! An amount against the one before it.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::{
    explain::percent,
    facts::BundleBuilder,
    money::{Currency, Decimal, Money, Pico},
    period::Period,
};

/// Decimals of a percentage among the facts; what is shown of it is rounded once, by whoever shows it.
const PERCENT_PLACES: u32 = 4;
/// The smallest amount, in units of its currency, whose change is stated in percent.
const BASE_MIN: i128 = 10;
/// The largest change that is: beyond eleven times the amount before, a percentage says nothing.
const CHANGE_MAX_PERCENT: i128 = 1_000;

/// Adds facts of one summary.
#[derive(Debug)]
pub(super) struct Adding<'a> {
    pub(super) facts: &'a mut BundleBuilder,
    pub(super) currency: Currency,
    pub(super) period: Period,
    pub(super) before: Option<Period>,
}

impl Adding<'_> {
    pub(super) fn money(&self, amount: Pico) -> Money {
        Money { amount, currency: self.currency }
    }

    /// What follows is about a part of the period's spend.
    pub(super) fn about(&mut self, dims: BTreeMap<String, String>) {
        self.facts.about(dims, Some(self.period));
    }

    /// `PREFIXcost`, and against an amount before it `PREFIXcost_before`, `PREFIXdelta` and, where a
    /// percentage says something, `PREFIXchange`. The ids of the cost and of the change.
    pub(super) fn compared(
        &mut self,
        prefix: &str,
        dims: &BTreeMap<String, String>,
        now: Pico,
        before: Option<Pico>,
    ) -> (String, Option<String>) {
        let before = before.and_then(|before| {
            self.facts.about(dims.clone(), self.before);
            let id = self.facts.money(&format!("{prefix}cost_before"), self.money(before));
            Some((before, id, now.checked_sub(before).ok()?))
        });
        self.about(dims.clone());
        let now_id = self.facts.money(&format!("{prefix}cost"), self.money(now));
        let Some((before, before_id, delta)) = before else { return (now_id, None) };
        let sign = delta.cmp(&Pico::ZERO);
        let delta_id = self.facts.money(&format!("{prefix}delta"), self.money(delta));
        self.facts.derived("difference", &[&now_id, &before_id]).direction(sign);
        if let Some(change) = percent_change(delta, before) {
            self.facts.percent(&format!("{prefix}change"), change);
            self.facts.derived("percent_change", &[&now_id, &before_id]).direction(sign);
        }
        (now_id, Some(delta_id))
    }

    /// Which way an estimate or a remainder points.
    pub(super) fn signed(&mut self, role: &str, amount: Pico) -> String {
        let id = self.facts.money(role, self.money(amount));
        self.facts.direction(amount.cmp(&Pico::ZERO));
        id
    }
}

/// A change in percent of the amount before; `None` where that carries none, where nothing changed, and
/// where a percentage would be one of thousands.
pub(super) fn percent_change(delta: Pico, before: Pico) -> Option<Decimal> {
    let smallest = Pico::ONE.0.checked_mul(BASE_MIN)?;
    if before.0 < smallest || delta == Pico::ZERO {
        return None;
    }
    let change = percent(delta, before, PERCENT_PLACES)?;
    let largest = Decimal::from_integer(CHANGE_MAX_PERCENT);
    // Of a change that is nothing at four decimals, only the amount says anything.
    (!change.is_zero() && change <= largest).then_some(change)
}

/// A share of a positive whole in percent.
pub(super) fn share(part: Pico, whole: Pico) -> Option<Decimal> {
    (whole > Pico::ZERO).then(|| percent(part, whole, PERCENT_PLACES)).flatten()
}

/// A ratio from 0 to 1 as percent.
pub(super) fn in_percent(ratio: Decimal) -> Option<Decimal> {
    ratio.checked_mul_integer(100).ok()
}

/// A probability of four digits as percent.
pub(super) fn probability(probability: f64) -> Option<Decimal> {
    format!("{:.2}", probability * 100.0).parse().ok()
}

/// The relative change of a quotient, in percent; `None` where it was nothing.
pub(super) fn quotient_change(now: Decimal, before: Decimal) -> Option<(Decimal, Ordering)> {
    if before <= Decimal::ZERO {
        return None;
    }
    let delta = now.checked_sub(before).ok()?;
    let change = delta.checked_mul_integer(100).ok()?.quotient(before, PERCENT_PLACES).ok()??;
    let is_said = !change.is_zero() && change <= Decimal::from_integer(CHANGE_MAX_PERCENT);
    is_said.then(|| (change, change.cmp(&Decimal::ZERO)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_a_base() {
        let check = |delta: &str, before: &str, expected: Option<&str>| {
            let found = percent_change(delta.parse().unwrap(), before.parse().unwrap());
            assert_eq!(found, expected.map(|text| text.parse().unwrap()), "{delta} of {before}");
        };
        check("50", "100", Some("50"));
        check("-1", "30", Some("-3.3333"));
        check("5", "9.99", None);
        check("5", "0", None);
        check("5", "-100", None);
        check("0", "100", None);
        check("0.00001", "100", None);
        check("1000", "100", Some("1000"));
        check("1001", "100", None);
        check("-100", "100", Some("-100"));
    }

    #[test]
    fn quotients_change_by_their_own_base() {
        let check = |now: &str, before: &str, expected: Option<&str>| {
            let found = quotient_change(now.parse().unwrap(), before.parse().unwrap());
            assert_eq!(found.map(|(change, _)| change), expected.map(|text| text.parse().unwrap()));
        };
        check("0.412", "0.4", Some("3"));
        check("0.1", "0", None);
        check("0.3", "0.3", None);
    }
}
