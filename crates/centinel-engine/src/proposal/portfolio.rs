//! All proposals together: what is promised, what is under way, what came.
//!
//! Every proposal is in exactly one stage, so that the counts add up to all there are. Amounts stand
//! beside them with how many proposals they cover: a saving that nobody stated is in no sum, and it is
//! counted as one that is not known.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Saving, Status};
use crate::money::{Currency, Money, MoneyError};

/// How far a proposal is, as far as savings go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Waits for people, or for a new version.
    Open,
    /// Approved, and not carried out yet.
    Approved,
    /// Carried out, and not measured yet.
    Executed,
    /// Carried out and measured.
    Realised,
    /// Rejected, withdrawn, expired, abandoned, taken back, or carried out without an approval: no saving
    /// of any proposal.
    Ended,
}

impl Stage {
    /// Every stage, in the order of a proposal's life.
    pub const ALL: [Self; 5] =
        [Self::Open, Self::Approved, Self::Executed, Self::Realised, Self::Ended];

    /// The stage of a status.
    pub fn of(status: Status) -> Self {
        match status {
            Status::Pending | Status::Stale => Self::Open,
            Status::Approved | Status::Executing | Status::Unknown | Status::Failed => {
                Self::Approved
            }
            Status::Executed => Self::Executed,
            Status::Measured => Self::Realised,
            Status::Rejected
            | Status::Withdrawn
            | Status::Expired
            | Status::Abandoned
            | Status::RolledBack
            | Status::Overtaken => Self::Ended,
        }
    }

    /// As people say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Executed => "carried out, not measured",
            Self::Realised => "measured",
            Self::Ended => "ended without a saving",
        }
    }
}

/// What of a proposal the sums take.
#[derive(Debug, Clone, Copy)]
pub struct InPortfolio {
    /// How far it is.
    pub stage: Stage,
    /// What it promises a month, where it says.
    pub promised: Option<Saving>,
    /// What came a month, as measured last.
    pub realised: Option<Money>,
}

/// The proposals of one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageSum {
    /// Which.
    pub stage: Stage,
    /// How many there are.
    pub proposals: u32,
    /// How many of them promise nothing that is known.
    pub without_promise: u32,
    /// Their amounts, by currency.
    pub amounts: Vec<StageAmount>,
}

/// Amounts of one stage in one currency, a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageAmount {
    /// Of every amount.
    pub currency: Currency,
    /// How many proposals promise something in it.
    pub promised_by: u32,
    /// The sums of their lower ends, best estimates and upper ends; the ends are those of the case that
    /// all come out low, or high, together.
    pub promised: Option<Saving>,
    /// How many of the stage were measured in it.
    pub realised_by: u32,
    /// What came of these; absent where none was measured.
    pub realised: Option<Money>,
}

/// The sums by stage, every stage in its order.
///
/// # Errors
///
/// [`MoneyError`] when a sum does not fit, or a saving is of two currencies.
pub fn sums(proposals: impl IntoIterator<Item = InPortfolio>) -> Result<Vec<StageSum>, MoneyError> {
    let mut counts: BTreeMap<Stage, (u32, u32)> = BTreeMap::new();
    let mut amounts: BTreeMap<(Stage, Currency), StageAmount> = BTreeMap::new();
    for InPortfolio { stage, promised, realised } in proposals {
        let (proposals, without_promise) = counts.entry(stage).or_default();
        *proposals = proposals.saturating_add(1);
        if let Some(realised) = realised {
            let amount = amount_in(&mut amounts, stage, realised.currency);
            amount.realised_by = amount.realised_by.saturating_add(1);
            amount.realised = Some(match amount.realised {
                Some(before) => added(before, realised)?,
                None => realised,
            });
        }
        let Some(promised) = promised else {
            *without_promise = without_promise.saturating_add(1);
            continue;
        };
        let amount = amount_in(&mut amounts, stage, promised.mid.currency);
        amount.promised_by = amount.promised_by.saturating_add(1);
        amount.promised = Some(match amount.promised {
            Some(before) => Saving {
                low: added(before.low, promised.low)?,
                mid: added(before.mid, promised.mid)?,
                high: added(before.high, promised.high)?,
            },
            None => promised,
        });
    }
    let sum = |stage| {
        let (proposals, without_promise) = counts.get(&stage).copied().unwrap_or_default();
        let own = amounts.iter().filter(|((of, _), _)| *of == stage);
        let amounts = own.map(|(_, amount)| amount.clone()).collect();
        StageSum { stage, proposals, without_promise, amounts }
    };
    Ok(Stage::ALL.map(sum).into())
}

/// Realised over promised in whole percent, toward zero; `None` when nothing was promised.
pub fn share_percent(realised: Money, promised: Money) -> Option<i128> {
    if promised.amount.0 <= 0 || promised.currency != realised.currency {
        return None;
    }
    realised.amount.0.checked_mul(100)?.checked_div(promised.amount.0)
}

fn amount_in(
    amounts: &mut BTreeMap<(Stage, Currency), StageAmount>,
    stage: Stage,
    currency: Currency,
) -> &mut StageAmount {
    amounts.entry((stage, currency)).or_insert(StageAmount {
        currency,
        promised_by: 0,
        promised: None,
        realised_by: 0,
        realised: None,
    })
}

fn added(one: Money, other: Money) -> Result<Money, MoneyError> {
    if one.currency != other.currency {
        return Err(MoneyError::MixedCurrencies(one.currency, other.currency));
    }
    Ok(Money { amount: one.amount.checked_add(other.amount)?, ..one })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        let (amount, currency) = text.split_once(' ').unwrap();
        Money { amount: amount.parse().unwrap(), currency: currency.parse().unwrap() }
    }

    fn promise(text: &str) -> Saving {
        let mid = money(text);
        Saving { low: Money::zero(mid.currency), mid, high: mid }
    }

    #[test]
    fn every_proposal_is_in_one_sum_and_unknown_is_no_zero() {
        let entry = |stage, promised: Option<&str>, realised: Option<&str>| InPortfolio {
            stage,
            promised: promised.map(promise),
            realised: realised.map(money),
        };
        let entries = [
            entry(Stage::Open, Some("10 USD"), None),
            entry(Stage::Open, None, None),
            entry(Stage::Open, Some("7 EUR"), None),
            entry(Stage::Realised, Some("100 USD"), Some("60 USD")),
            entry(Stage::Realised, Some("50 USD"), Some("-10 USD")),
            entry(Stage::Realised, None, Some("5 USD")),
            entry(Stage::Ended, Some("900 USD"), None),
        ];
        let found = sums(entries).unwrap();
        assert_eq!(found.iter().map(|sum| sum.stage).collect::<Vec<_>>(), Stage::ALL);
        assert_eq!(found.iter().map(|sum| sum.proposals).sum::<u32>(), 7);
        for sum in &found {
            let stated: u32 = sum.amounts.iter().map(|of| of.promised_by).sum();
            assert_eq!(stated + sum.without_promise, sum.proposals, "{sum:?}");
        }
        let open = &found[0];
        assert_eq!((open.without_promise, open.amounts.len()), (1, 2));
        assert_eq!(open.amounts[0].currency.as_str(), "EUR");
        assert_eq!(open.amounts[1].promised.unwrap().mid, money("10 USD"));
        assert_eq!(open.amounts[1].realised, None, "not measured is not nothing");
        let realised = &found[3].amounts[0];
        assert_eq!((realised.promised_by, realised.realised_by), (2, 3));
        assert_eq!(realised.promised.unwrap().mid, money("150 USD"));
        assert_eq!(realised.realised, Some(money("55 USD")));
        assert_eq!(
            found[1],
            StageSum {
                stage: Stage::Approved,
                proposals: 0,
                without_promise: 0,
                amounts: Vec::new()
            }
        );
    }

    #[test]
    fn a_share_is_of_a_promise() {
        let check = |realised, promised, expected| {
            assert_eq!(share_percent(money(realised), money(promised)), expected, "{realised}");
        };
        check("60 USD", "100 USD", Some(60));
        check("-10 USD", "100 USD", Some(-10));
        check("1 USD", "3 USD", Some(33));
        check("1 USD", "0 USD", None);
        check("1 USD", "-3 USD", None);
        check("1 USD", "3 EUR", None);
    }
}
