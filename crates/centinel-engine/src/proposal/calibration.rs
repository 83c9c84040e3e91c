//! What proposals of a kind promised against what came of it, and what that makes of a new promise.
//!
//! ```text
//! ratio of a kind     R = Σ realised ÷ Σ promised        over its n measured proposals
//! factor of a kind    c = (k + n × R) ÷ (k + n)           with k = 4, and R held between 0 and 2
//! expected saving     best estimate × c
//! ```
//!
//! The factor is the ratio shrunk towards 1: as if four proposals had saved exactly what they promised
//! before any was measured. A kind that nobody measured counts as promised; one measurement moves it by a
//! fifth of the way, twelve by three quarters. Two kinds whose past differs by chance are not told apart by
//! one lucky proposal.

use std::{cmp::Ordering, collections::BTreeMap};

use serde::Serialize;

use super::{Kind, Proposal, ProposalId, Saving};
use crate::money::{Currency, Decimal, Money, MoneyError, Pico};

/// The weight of "as promised", in proposals.
pub const PRIOR_PROPOSALS: u32 = 4;
/// Ratios are kept in ten-thousandths.
const UNIT: i128 = 10_000;
/// Their decimals.
const PLACES: u32 = 4;
/// The most that a kind's past can make of a promise.
const RATIO_MAX: i128 = 20_000;
/// Of more measurements than this, the interval takes the last: 2^n has to fit.
const INTERVAL_OF_MAX: usize = 100;
/// One in this many medians may lie on either side outside of the interval.
const ONE_IN: u128 = 40;

/// What proposals of one kind promised, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Calibration {
    /// Which kind.
    pub kind: Kind,
    /// Of every amount.
    pub currency: Currency,
    /// Measured proposals that promised more than nothing.
    pub measured: u32,
    /// Sum of their best estimates, a month.
    pub promised: Money,
    /// Sum of their realised savings, a month.
    pub realised: Money,
    /// How many came out within their interval.
    pub within_interval: u32,
    /// Realised over promised, four decimals toward zero; absent when nothing was measured.
    pub ratio: Option<Decimal>,
    /// Where the ratio of a single proposal of this kind lies in the middle; absent below six
    /// measurements.
    pub median_ratio: Option<MedianRatio>,
    /// What a new promise of this kind is multiplied by.
    pub factor: Decimal,
    /// Measured proposals that promised nothing or a cost: part of no ratio.
    pub without_promise: u32,
}

/// An interval for the median of realised over promised, by order statistics: whatever the distribution,
/// it holds the median with at least 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MedianRatio {
    /// Lower end, four decimals toward zero.
    pub low: Decimal,
    /// Upper end.
    pub high: Decimal,
    /// How many proposals it rests on.
    pub of: u32,
}

/// A promise, seen through what became of earlier ones of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExpectedSaving {
    /// A month: the promise times the factor.
    pub amount: Money,
    /// The best estimate, a month.
    pub promised: Money,
    /// What it is multiplied by; 1 where nothing of its kind was measured.
    pub factor: Decimal,
    /// How many measured proposals the factor rests on.
    pub measured: u32,
}

/// The sums of a kind while they are added up.
#[derive(Debug)]
struct Sums {
    promised: Pico,
    realised: Pico,
    within_interval: u32,
    ratios: Vec<i128>,
    without_promise: u32,
}

/// Calibration by kind and currency, in the order of both, from what each measured proposal promised
/// and what was realised, oldest first. A saving in another currency than its promise is no measurement of
/// it.
///
/// # Errors
///
/// [`MoneyError::Overflow`] when a sum does not fit.
pub fn calibrate(
    measured: impl IntoIterator<Item = (Kind, Saving, Money)>,
) -> Result<Vec<Calibration>, MoneyError> {
    let mut by_kind: BTreeMap<(Kind, Currency), Sums> = BTreeMap::new();
    for (kind, Saving { low, mid, high }, realised) in measured {
        if realised.currency != mid.currency {
            continue;
        }
        let sums = by_kind.entry((kind, mid.currency)).or_insert_with(|| Sums {
            promised: Pico::ZERO,
            realised: Pico::ZERO,
            within_interval: 0,
            ratios: Vec::new(),
            without_promise: 0,
        });
        let Some(ratio) = ratio(realised.amount, mid.amount)? else {
            sums.without_promise = sums.without_promise.saturating_add(1);
            continue;
        };
        sums.promised = sums.promised.checked_add(mid.amount)?;
        sums.realised = sums.realised.checked_add(realised.amount)?;
        let is_within = low.amount <= realised.amount && realised.amount <= high.amount;
        sums.within_interval = sums.within_interval.saturating_add(u32::from(is_within));
        sums.ratios.push(ratio);
    }
    by_kind.into_iter().map(|((kind, currency), sums)| sums.calibration(kind, currency)).collect()
}

impl Sums {
    fn calibration(self, kind: Kind, currency: Currency) -> Result<Calibration, MoneyError> {
        let Self { promised, realised, within_interval, ratios, without_promise } = self;
        let measured = u32::try_from(ratios.len()).unwrap_or(u32::MAX);
        let ratio = ratio(realised, promised)?;
        let money = |amount| Money { amount, currency };
        Ok(Calibration {
            kind,
            currency,
            measured,
            promised: money(promised),
            realised: money(realised),
            within_interval,
            ratio: ratio.map(decimal),
            median_ratio: median_ratio(&ratios),
            factor: decimal(factor(ratio, measured)),
            without_promise,
        })
    }
}

/// What a version is expected to save a month; `None` when it promises nothing that is known. A cost is
/// expected as stated.
pub fn expected_saving(
    proposal: &Proposal,
    calibrations: &[Calibration],
) -> Option<ExpectedSaving> {
    let promised = proposal.saving?.mid;
    let own = calibrations
        .iter()
        .find(|of| of.kind == proposal.kind() && of.currency == promised.currency)
        .filter(|_| promised.amount.0 > 0);
    let factor = own.map_or(UNIT, |own| own.factor.mantissa_at(PLACES).unwrap_or(UNIT));
    let amount = promised.amount.0.checked_mul(factor)?.checked_div(UNIT)?;
    Some(ExpectedSaving {
        amount: Money { amount: Pico(amount), ..promised },
        promised,
        factor: decimal(factor),
        measured: own.map_or(0, |own| own.measured),
    })
}

/// The largest expected saving first; what states none comes last, since it is not known to be small.
/// Amounts of several currencies are not compared: one after the other, by code. What is equal stands in
/// the order of its numbers.
pub fn by_expected_saving(
    (id, expected): (ProposalId, Option<ExpectedSaving>),
    (other_id, other): (ProposalId, Option<ExpectedSaving>),
) -> Ordering {
    let order = match (expected, other) {
        (Some(one), Some(other)) => one
            .amount
            .currency
            .cmp(&other.amount.currency)
            .then(other.amount.amount.cmp(&one.amount.amount)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    order.then(id.cmp(&other_id))
}

/// Realised over promised in ten-thousandths, toward zero; `None` when nothing was promised: a ratio from
/// nothing is none.
fn ratio(realised: Pico, promised: Pico) -> Result<Option<i128>, MoneyError> {
    if promised.0 <= 0 {
        return Ok(None);
    }
    let scaled = realised.0.checked_mul(UNIT).ok_or(MoneyError::Overflow)?;
    Ok(scaled.checked_div(promised.0))
}

fn factor(ratio: Option<i128>, measured: u32) -> i128 {
    let ratio = ratio.unwrap_or(UNIT).clamp(0, RATIO_MAX);
    let (prior, measured) = (i128::from(PRIOR_PROPOSALS), i128::from(measured));
    let weighed = prior.saturating_mul(UNIT).saturating_add(measured.saturating_mul(ratio));
    weighed.checked_div(prior.saturating_add(measured)).unwrap_or(UNIT)
}

/// The order statistics `k` and `n + 1 − k` for the largest `k` with P(Bin(n, ½) < k) ≤ 1/40.
fn median_ratio(ratios: &[i128]) -> Option<MedianRatio> {
    let latest = ratios.get(ratios.len().saturating_sub(INTERVAL_OF_MAX)..)?;
    let mut sorted = latest.to_vec();
    sorted.sort_unstable();
    let n = u128::try_from(sorted.len()).ok()?;
    let all = 1_u128.checked_shl(u32::try_from(n).ok()?)?;
    let (mut below, mut choose, mut k) = (0_u128, 1_u128, 0_usize);
    for chosen in 0..n {
        below = below.checked_add(choose)?;
        if below.checked_mul(ONE_IN)? > all {
            break;
        }
        k = k.saturating_add(1);
        choose = choose.checked_mul(n.checked_sub(chosen)?)?.checked_div(chosen.checked_add(1)?)?;
    }
    let low = sorted.get(k.checked_sub(1)?)?;
    let high = sorted.get(sorted.len().checked_sub(k)?)?;
    let of = u32::try_from(sorted.len()).ok()?;
    Some(MedianRatio { low: decimal(*low), high: decimal(*high), of })
}

fn decimal(ten_thousandths: i128) -> Decimal {
    Decimal::new(ten_thousandths, PLACES).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proposal::{
        ApprovalPolicy, Principal, scenarios,
        scenarios::{POLICY, START},
    };

    fn usd(amount: &str) -> Money {
        Money { amount: amount.parse().unwrap(), currency: Currency::USD }
    }

    fn promise(low: &str, mid: &str, high: &str) -> Saving {
        Saving { low: usd(low), mid: usd(mid), high: usd(high) }
    }

    fn hundreds(realised: &[&str]) -> Calibration {
        let made = |realised: &&str| (Kind::Routing, promise("80", "100", "120"), usd(realised));
        calibrate(realised.iter().map(made)).unwrap().remove(0)
    }

    #[test]
    fn promises_are_held_against_what_came() {
        let found = calibrate([
            (Kind::Routing, promise("80", "100", "120"), usd("90")),
            (Kind::Routing, promise("80", "100", "120"), usd("-10")),
            (Kind::Rightsize, promise("1", "2", "3"), usd("2")),
            (Kind::Rightsize, promise("-3", "-2", "-1"), usd("-2")),
            (Kind::Budget, promise("0", "0", "0"), usd("5")),
            (Kind::Budget, promise("1", "2", "3"), Money { currency: Currency::EUR, ..usd("5") }),
        ])
        .unwrap();
        let of = |kind| found.iter().find(|of| of.kind == kind).unwrap();
        let routing = of(Kind::Routing);
        assert_eq!((routing.measured, routing.within_interval), (2, 1));
        assert_eq!(routing.ratio, Some("0.4".parse().unwrap()));
        let rightsize = of(Kind::Rightsize);
        assert_eq!((rightsize.measured, rightsize.without_promise), (1, 1));
        // Nothing was promised, so nothing is said; and another currency is no measurement at all.
        let budget = of(Kind::Budget);
        assert_eq!((budget.measured, budget.without_promise), (0, 1));
        assert_eq!((budget.ratio, budget.factor), (None, Decimal::from_integer(1)));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn factors_begin_at_one_and_follow_the_measurements() {
        let check = |realised: &[&str], factor: &str| {
            assert_eq!(hundreds(realised).factor, factor.parse().unwrap(), "{realised:?}");
        };
        check(&["100"], "1");
        check(&["50"], "0.9");
        check(&["50"; 4], "0.75");
        check(&["50"; 12], "0.625");
        // One that went wrong moves it by a fifth, and never below nothing; one that saved the
        // hundredfold counts as twice.
        check(&["-900"], "0.8");
        check(&["10000"], "1.2");
    }

    #[test]
    fn an_interval_takes_six_measurements() {
        assert_eq!(hundreds(&["10", "20", "30", "40", "50"]).median_ratio, None);
        let check = |realised: &[&str], low: &str, high: &str| {
            let found = hundreds(realised).median_ratio.unwrap();
            let expected = (low.parse().unwrap(), high.parse().unwrap());
            assert_eq!((found.low, found.high), expected, "{realised:?}");
        };
        // P(Bin(6, ½) < 1) = 1/64, P(Bin(8, ½) < 1) = 1/256 and < 2 = 9/256, P(Bin(9, ½) < 2) = 10/512.
        check(&["60", "10", "50", "20", "40", "30"], "0.1", "0.6");
        check(&["10", "20", "30", "40", "50", "60", "70", "80"], "0.1", "0.8");
        check(&["10", "20", "30", "40", "50", "60", "70", "80", "90"], "0.2", "0.8");
        let many = hundreds(&["100"; 140]);
        assert_eq!((many.measured, many.median_ratio.unwrap().of), (140, 100));
    }

    #[test]
    fn the_largest_expected_saving_is_first_and_unknown_is_last() {
        let policy = ApprovalPolicy::parse(POLICY).unwrap();
        let calibrations = calibrate(
            [("40", 4), ("100", 1)].into_iter().zip([Kind::Budget, Kind::Routing]).flat_map(
                |((realised, times), kind)| {
                    vec![(kind, promise("80", "100", "120"), usd(realised)); times]
                },
            ),
        )
        .unwrap();
        let made = |id: u32, saving: Option<Saving>| {
            let start = START.parse().unwrap();
            let made = scenarios::proposal(1, "5", &Principal::System, &policy, start);
            Proposal { id: ProposalId(id), saving, ..made }
        };
        let euros = |saving: Saving| {
            let euro = |money: Money| Money { currency: Currency::EUR, ..money };
            Saving { low: euro(saving.low), mid: euro(saving.mid), high: euro(saving.high) }
        };
        let proposals = [
            made(1, None),
            made(2, Some(promise("1", "10", "20"))),
            made(3, Some(promise("100", "1000", "2000"))),
            made(4, Some(promise("100", "1000", "2000"))),
            made(5, Some(promise("-9", "-5", "-1"))),
            made(6, Some(euros(promise("1", "2", "3")))),
        ];
        let mut ranked: Vec<_> = proposals
            .iter()
            .map(|proposal| (proposal.id, expected_saving(proposal, &calibrations)))
            .collect();
        ranked.sort_by(|one, other| by_expected_saving(*one, *other));
        let order: Vec<u32> = ranked.iter().map(|(id, _)| id.0).collect();
        assert_eq!(order, [6, 3, 4, 2, 5, 1]);
        let of = |id| ranked.iter().find(|(one, _)| one.0 == id).unwrap().1.unwrap();
        // Four budgets saved 40 % of what they promised: (4 + 4 × 0.4) ÷ 8.
        assert_eq!((of(3).amount, of(3).measured), (usd("700"), 4));
        assert_eq!(of(5).amount, usd("-5"), "a cost is expected as stated");
        assert_eq!((of(6).factor, of(6).measured), (Decimal::from_integer(1), 0));
    }
}
