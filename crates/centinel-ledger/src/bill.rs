//! Deliveries of one bill: a month is delivered again and again until it is closed.
//!
//! A bill's rows have no ids that hold from one delivery to the next, so a later delivery cannot be
//! compared row by row: it takes the place of the earlier one, as a whole, or it is a part beside it.
//! The files of one command are parts of one delivery.

use std::collections::{BTreeMap, BTreeSet};

use centinel_store::{BillFacts, BillPart, CommitmentRow, HeldPart};
use jiff::Timestamp;

use crate::LedgerError;

/// What to do with a bill that the source holds already, in whole or in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnOverlap {
    /// It is another part: keep both.
    #[default]
    Add,
    /// It would count twice: import nothing.
    Refuse,
    /// It is a later delivery: it takes the place of the earlier one.
    Replace,
}

/// A bill that is being imported.
#[derive(Debug, Default)]
pub(crate) struct BillDelivery {
    pub(crate) on_overlap: OnOverlap,
    /// Batches committed at or after this instant (microseconds) belong to the same delivery.
    pub(crate) since: i64,
    pub(crate) parts: Vec<BillPart>,
    pub(crate) commitments: Vec<CommitmentRow>,
}

impl BillDelivery {
    pub(crate) fn is_replacing(&self) -> bool {
        self.on_overlap == OnOverlap::Replace
    }

    /// What to commit, and the parts that other batches hold as well.
    ///
    /// # Errors
    ///
    /// [`LedgerError::KnownBill`] where both may not be kept, [`LedgerError::LargerBill`] where the
    /// earlier batch has a billing period that the later one lacks: it would be lost.
    pub(crate) fn settle(
        self,
        source_name: &str,
        held: Vec<HeldPart>,
    ) -> Result<(BillFacts, Vec<HeldPart>), LedgerError> {
        let Self { on_overlap, since, parts, commitments } = self;
        let days: BTreeMap<(&str, i64), i64> =
            parts.iter().map(|part| ((part.account.as_str(), part.period), part.days)).collect();
        let find =
            |held: &HeldPart| days.get(&(held.part.account.as_str(), held.part.period)).copied();
        let earlier: Vec<HeldPart> =
            held.into_iter().filter(|held| held.known_at < since).collect();
        let overlaps: Vec<HeldPart> = earlier
            .iter()
            .filter(|held| find(held).is_some_and(|days| days & held.part.days != 0))
            .cloned()
            .collect();
        let mut replaces = Vec::new();
        match (on_overlap, overlaps.first()) {
            (OnOverlap::Refuse, Some(first)) => {
                return Err(LedgerError::KnownBill {
                    source_name: source_name.to_owned(),
                    account: first.part.account.clone(),
                    period: month(first.part.period),
                    file_name: first.file_name.clone(),
                    batch: first.batch,
                });
            }
            (OnOverlap::Replace, Some(_)) => {
                let batches: BTreeSet<i64> = overlaps.iter().map(|held| held.batch).collect();
                let lost = earlier
                    .iter()
                    .find(|held| batches.contains(&held.batch) && find(held).is_none());
                if let Some(held) = lost {
                    return Err(LedgerError::LargerBill {
                        batch: held.batch,
                        file_name: held.file_name.clone(),
                        account: held.part.account.clone(),
                        period: month(held.part.period),
                    });
                }
                replaces.extend(batches);
            }
            _ => {}
        }
        let overlaps = if replaces.is_empty() { overlaps } else { Vec::new() };
        Ok((BillFacts { parts, replaces, commitments }, overlaps))
    }
}

/// A billing period as `2026-11`.
fn month(period: i64) -> String {
    match Timestamp::from_microsecond(period) {
        Ok(at) => at.strftime("%Y-%m").to_string(),
        Err(_) => period.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOVEMBER: i64 = 1_793_491_200_000_000;

    fn part(account: &str, period: i64, days: i64) -> BillPart {
        BillPart { account: account.into(), period, days }
    }

    /// A batch of the first days of November, and one of October, are held.
    fn settle(on_overlap: OnOverlap, parts: Vec<BillPart>) -> Result<Vec<i64>, String> {
        let held =
            |batch, part| HeldPart { batch, file_name: format!("{batch}.csv"), known_at: 5, part };
        let held = vec![
            held(1, part("a", NOVEMBER, 0b0110)),
            held(2, part("a", NOVEMBER - 1, 0b0010)),
            held(3, part("a", NOVEMBER, 0b1000)),
            held(3, part("b", NOVEMBER, 0b1000)),
        ];
        let delivery = BillDelivery { on_overlap, since: 6, parts, commitments: Vec::new() };
        match delivery.settle("aws", held) {
            Ok((facts, overlaps)) => {
                let held = overlaps.iter().map(|held| held.batch);
                Ok(facts.replaces.iter().map(|batch| -batch).chain(held).collect())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn deliveries() {
        use OnOverlap::{Add, Refuse, Replace};
        let later = || vec![part("a", NOVEMBER, 0b0111)];
        assert_eq!(settle(Add, later()), Ok(vec![1]));
        assert_eq!(settle(Replace, later()), Ok(vec![-1]));
        let refused = settle(Refuse, later()).unwrap_err();
        assert_eq!(
            refused,
            "source `aws` has charges of 2026-11 of account `a` already, from `1.csv` (batch 1)"
        );
        // Other days, and other accounts, are other parts.
        assert_eq!(settle(Refuse, vec![part("a", NOVEMBER, 0b1_0000)]), Ok(vec![]));
        assert_eq!(settle(Refuse, vec![part("c", NOVEMBER, 0b0111)]), Ok(vec![]));
        // Batch 3 has another account's bill, which would be lost.
        let lost = settle(Replace, vec![part("a", NOVEMBER, 0b1000)]).unwrap_err();
        assert!(lost.contains("batch 3 (`3.csv`) cannot be replaced"), "{lost}");
        let both = vec![part("a", NOVEMBER, 0b1000), part("b", NOVEMBER, 0b1)];
        assert_eq!(settle(Replace, both), Ok(vec![-3]));
    }

    /// Files of one command are one delivery.
    #[test]
    fn parts_of_one_delivery() {
        let held = HeldPart {
            batch: 1,
            file_name: "1.csv".into(),
            known_at: 6,
            part: part("a", NOVEMBER, 1),
        };
        let delivery = BillDelivery {
            on_overlap: OnOverlap::Refuse,
            since: 6,
            parts: vec![part("a", NOVEMBER, 1)],
            commitments: Vec::new(),
        };
        assert!(delivery.settle("aws", vec![held]).unwrap().1.is_empty());
    }
}
