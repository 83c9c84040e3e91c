//! Calls that two sources tell of: the same spend would be counted twice.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    period::{Grain, Period, date_of},
    series::Dimension,
};
use centinel_ledger::{Measure, SpendQuery};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::Serialize;

use crate::{App, AppError};

/// Two sources in totals that have calls of one provider on the same days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountedTwice {
    /// The provider.
    pub provider: String,
    /// The sources, by name.
    pub sources: [String; 2],
    /// Days on which both have calls of it.
    pub days: usize,
    /// The first of them.
    pub first: Date,
    /// The last of them.
    pub last: Date,
}

impl CountedTwice {
    /// One line for people.
    pub fn message(&self) -> String {
        let [a, b] = &self.sources;
        format!(
            "`{a}` and `{b}` both count calls of `{}` ({} days, {} to {}); if they are the same \
             calls, they are in totals twice: give one of them the role `invoice`",
            self.provider, self.days, self.first, self.last
        )
    }
}

/// How far back is looked.
const DAYS: i64 = 35;

impl App {
    /// Sources that may count the same calls, of the last five weeks; most days first.
    ///
    /// # Errors
    ///
    /// Ledger errors.
    pub async fn counted_twice(&self, now: Timestamp) -> Result<Vec<CountedTwice>, AppError> {
        let first = now.checked_sub(SignedDuration::from_hours(24 * DAYS)).unwrap_or(now);
        let tomorrow = date_of(now).tomorrow().unwrap_or(Date::MAX);
        let period = Period::days(date_of(first), tomorrow)?;
        let query = SpendQuery::new(period, vec![Measure::Calls])
            .by([Dimension::Provider, Dimension::Source])
            .every(Grain::Day);
        let mut days: BTreeMap<String, BTreeMap<String, BTreeSet<Date>>> = BTreeMap::new();
        for row in self.ledger.spend(&query).await?.rows {
            let group = (row.group.first(), row.group.get(1), row.at);
            let (Some(Some(provider)), Some(Some(source)), Some(at)) = group else { continue };
            if row.value(0) > 0 {
                let of = days.entry(provider.clone()).or_default();
                of.entry(source.clone()).or_default().insert(date_of(at));
            }
        }
        let mut found = Vec::new();
        for (provider, sources) in &days {
            for (index, (one, days_of_one)) in sources.iter().enumerate() {
                for (other, days_of_other) in sources.iter().skip(index + 1) {
                    let both: Vec<Date> =
                        days_of_one.intersection(days_of_other).copied().collect();
                    if let (Some(&first), Some(&last)) = (both.first(), both.last()) {
                        found.push(CountedTwice {
                            provider: provider.clone(),
                            sources: [one.clone(), other.clone()],
                            days: both.len(),
                            first,
                            last,
                        });
                    }
                }
            }
        }
        found.sort_by_key(|pair| std::cmp::Reverse(pair.days));
        Ok(found)
    }
}
