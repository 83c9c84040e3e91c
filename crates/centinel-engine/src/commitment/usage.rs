//! Hourly usage at on-demand prices: what commitments would cover.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use jiff::Timestamp;

use crate::{money::Decimal, period::HOUR_MICROS};

/// On-demand cost of each hour and SKU, in time order, each hour once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourlyUsage {
    skus: Vec<String>,
    hours: Vec<(Timestamp, Vec<Decimal>)>,
    missing: Vec<Timestamp>,
}

/// One row of a usage file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageHour {
    /// Position in the input, for rejections.
    pub row: u64,
    /// Start of the hour.
    pub start: Timestamp,
    /// What the hour's usage costs on demand, one amount a SKU, in the order of the SKU names.
    pub on_demand_cost: Vec<Decimal>,
}

/// A row that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Position in the input.
    pub row: u64,
    /// Why it was left out.
    pub reason: RowRejection,
}

/// Why a usage row was left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowRejection {
    /// Usage cannot be below zero; a credit is no usage.
    #[error("`{sku}` is negative: {value}")]
    Negative {
        /// SKU column.
        sku: String,
        /// The amount.
        value: Decimal,
    },
    /// The hour stands in an earlier row.
    #[error("hour `{start}` is already given in row {first}")]
    Duplicate {
        /// The hour.
        start: Timestamp,
        /// The row that counts.
        first: u64,
    },
    /// Not a whole number of hours from the first row.
    #[error("`{start}` is not a whole number of hours from the first row's `{first}`")]
    OffGrid {
        /// The instant given.
        start: Timestamp,
        /// Start of the first row's hour.
        first: Timestamp,
    },
    /// Not one amount for each SKU.
    #[error("{found} amounts for {expected} SKU columns")]
    Columns {
        /// Amounts in the row.
        found: usize,
        /// SKU columns.
        expected: usize,
    },
}

/// Why there is no usage at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// No SKU column.
    #[error("usage has no amount column")]
    NoSkus,
    /// A SKU named twice.
    #[error("usage column `{0}` is given twice")]
    DuplicateSku(String),
    /// No row, or none that could be kept.
    #[error("usage has no valid hour")]
    NoHours {
        /// Rows rejected, and why.
        rejected: Vec<Rejected>,
    },
    /// More than [`HourlyUsage::HOURS_MAX`].
    #[error("usage has more than {max} hours", max = HourlyUsage::HOURS_MAX)]
    TooManyHours,
}

impl HourlyUsage {
    /// Most hours taken: ten years.
    pub const HOURS_MAX: usize = 87_840;

    /// Sorts rows into hours. Rows that cannot be used come back with their reason; of two rows for
    /// one hour the first counts. A missing hour is unknown, so it is left out rather than taken as
    /// zero: see [`Self::missing`].
    ///
    /// Hours may start at any minute (half-hour time zones), all at the same one.
    ///
    /// # Errors
    ///
    /// [`UsageError`] when no hour is left, or too many are.
    pub fn from_rows(
        skus: Vec<String>,
        rows: impl IntoIterator<Item = UsageHour>,
    ) -> Result<(Self, Vec<Rejected>), UsageError> {
        if skus.is_empty() {
            return Err(UsageError::NoSkus);
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = skus.iter().find(|sku| !seen.insert(sku.as_str())) {
            return Err(UsageError::DuplicateSku(twice.clone()));
        }
        let mut rejected = Vec::new();
        let mut by_hour: BTreeMap<Timestamp, (u64, Vec<Decimal>)> = BTreeMap::new();
        let mut first = None;
        for UsageHour { row, start, on_demand_cost } in rows {
            if let Some(reason) = amounts_rejection(&skus, &on_demand_cost) {
                rejected.push(Rejected { row, reason });
                continue;
            }
            let first = *first.get_or_insert(start);
            if !is_whole_hours(first, start) {
                rejected.push(Rejected { row, reason: RowRejection::OffGrid { start, first } });
                continue;
            }
            match by_hour.entry(start) {
                Entry::Vacant(free) => {
                    free.insert((row, on_demand_cost));
                }
                Entry::Occupied(taken) => {
                    let first = taken.get().0;
                    rejected
                        .push(Rejected { row, reason: RowRejection::Duplicate { start, first } });
                }
            }
            if by_hour.len() > Self::HOURS_MAX {
                return Err(UsageError::TooManyHours);
            }
        }
        if by_hour.is_empty() {
            return Err(UsageError::NoHours { rejected });
        }
        let hours: Vec<_> =
            by_hour.into_iter().map(|(start, (_, amounts))| (start, amounts)).collect();
        let missing = missing_between(&hours)?;
        Ok((Self { skus, hours, missing }, rejected))
    }

    /// SKU names, in the order of each hour's amounts.
    pub fn skus(&self) -> &[String] {
        &self.skus
    }

    /// Start and amounts of each hour, in time order.
    pub fn hours(&self) -> impl ExactSizeIterator<Item = (Timestamp, &[Decimal])> {
        self.hours.iter().map(|(start, amounts)| (*start, amounts.as_slice()))
    }

    /// Hours between the first and the last that no row gives.
    pub fn missing(&self) -> &[Timestamp] {
        &self.missing
    }
}

fn amounts_rejection(skus: &[String], amounts: &[Decimal]) -> Option<RowRejection> {
    if amounts.len() != skus.len() {
        return Some(RowRejection::Columns { found: amounts.len(), expected: skus.len() });
    }
    let (sku, value) = skus.iter().zip(amounts).find(|(_, amount)| amount.is_negative())?;
    Some(RowRejection::Negative { sku: sku.clone(), value: *value })
}

fn is_whole_hours(from: Timestamp, to: Timestamp) -> bool {
    let distance = to.as_microsecond().checked_sub(from.as_microsecond());
    distance.and_then(|distance| distance.checked_rem_euclid(HOUR_MICROS)) == Some(0)
        && to.subsec_nanosecond().checked_rem(1000) == Some(0)
}

fn missing_between(hours: &[(Timestamp, Vec<Decimal>)]) -> Result<Vec<Timestamp>, UsageError> {
    let mut missing = Vec::new();
    for ((before, _), (after, _)) in hours.iter().zip(hours.iter().skip(1)) {
        let mut next = before.as_microsecond().saturating_add(HOUR_MICROS);
        while next < after.as_microsecond() {
            // Two rows a century apart must not list a million hours.
            if missing.len() >= HourlyUsage::HOURS_MAX {
                return Err(UsageError::TooManyHours);
            }
            missing.extend(Timestamp::from_microsecond(next));
            next = next.saturating_add(HOUR_MICROS);
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(row: u64, start: &str, amounts: &[&str]) -> UsageHour {
        let on_demand_cost = amounts.iter().map(|text| text.parse().unwrap()).collect();
        UsageHour { row, start: start.parse().unwrap(), on_demand_cost }
    }

    fn build(rows: Vec<UsageHour>) -> Result<(HourlyUsage, Vec<Rejected>), UsageError> {
        HourlyUsage::from_rows(vec!["usage_on_demand_cost".into()], rows)
    }

    #[test]
    fn hours_are_sorted_and_unique() {
        let (usage, rejected) = build(vec![
            row(2, "2026-10-01T02:30:00Z", &["3"]),
            row(3, "2026-10-01T00:30:00Z", &["1"]),
            row(4, "2026-10-01T02:30:00Z", &["9"]),
            row(5, "2026-10-01T03:00:00Z", &["4"]),
            row(6, "2026-10-01T05:30:00Z", &["-1"]),
            row(7, "2026-10-01T06:30:00Z", &[]),
        ])
        .unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(
            usage
                .hours()
                .map(|(start, amounts)| (start, amounts[0].to_string()))
                .collect::<Vec<_>>(),
            [(at("2026-10-01T00:30:00Z"), "1".into()), (at("2026-10-01T02:30:00Z"), "3".into())]
        );
        assert_eq!(usage.missing(), [at("2026-10-01T01:30:00Z")]);
        let reasons: Vec<_> = rejected.iter().map(|each| (each.row, each.reason.clone())).collect();
        assert_eq!(
            reasons,
            [
                (4, RowRejection::Duplicate { start: at("2026-10-01T02:30:00Z"), first: 2 }),
                (
                    5,
                    RowRejection::OffGrid {
                        start: at("2026-10-01T03:00:00Z"),
                        first: at("2026-10-01T02:30:00Z")
                    }
                ),
                (
                    6,
                    RowRejection::Negative {
                        sku: "usage_on_demand_cost".into(),
                        value: Decimal::from_integer(-1)
                    }
                ),
                (7, RowRejection::Columns { found: 0, expected: 1 }),
            ]
        );
    }

    #[test]
    fn nothing_usable_is_an_error() {
        assert_eq!(build(vec![]), Err(UsageError::NoHours { rejected: vec![] }));
        let negative = build(vec![row(2, "2026-10-01T00:00:00Z", &["-1"])]);
        assert!(matches!(negative, Err(UsageError::NoHours { rejected }) if rejected.len() == 1));
        assert_eq!(HourlyUsage::from_rows(vec![], []), Err(UsageError::NoSkus));
        let twice = HourlyUsage::from_rows(vec!["a".into(), "a".into()], []);
        assert_eq!(twice, Err(UsageError::DuplicateSku("a".into())));
        let century = build(vec![
            row(2, "1926-10-01T00:00:00Z", &["1"]),
            row(3, "2026-10-01T00:00:00Z", &["1"]),
        ]);
        assert_eq!(century, Err(UsageError::TooManyHours));
    }
}
