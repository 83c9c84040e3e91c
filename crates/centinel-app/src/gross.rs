//! List cost: what the same spend would be before credits and discounts.

use std::collections::BTreeMap;

use centinel_engine::{
    money::{Currency, Pico},
    series::Dimension,
};
use centinel_ledger::{Measure, SpendQuery};
use jiff::Timestamp;

use crate::{App, AppError, SpendGroup, SpendRequest, spend::kind_of};

/// List cost by the lines of a question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gross {
    /// Over all lines.
    pub total: Pico,
    /// By start of the slice of time and value of the one thing, as the question has them.
    pub lines: BTreeMap<(Option<Timestamp>, Option<String>), Pico>,
    /// The part of `total` that is effective cost, because no list cost is stated.
    pub assumed: Pico,
}

impl App {
    /// List cost where it is stated (calls: their price), effective cost where it is not.
    ///
    /// Takes a question by at most one thing. Charges are told apart by source and service: where
    /// some of one service state a list cost and others do not, the larger of the stated sum and the
    /// effective cost counts, and all of it is in [`Gross::assumed`].
    ///
    /// # Errors
    ///
    /// Ledger errors; among them a period that does not begin and end on the hour.
    pub async fn gross(
        &self,
        request: &SpendRequest,
        currency: Currency,
    ) -> Result<Gross, AppError> {
        let measures =
            vec![Measure::Cost, Measure::ListCost, Measure::ListCostUnknown, Measure::Charges];
        let mut query = SpendQuery::new(request.period, measures);
        // What the lines are by comes first, so that it is the first value of each row.
        query = match request.group_by.first() {
            None => query,
            Some(SpendGroup::Dimension(dimension)) => query.by([dimension.clone()]),
            Some(SpendGroup::Owner) => {
                let app = self.clone();
                query.by_class(move |key| app.owner_of(key).owner().map(str::to_owned))
            }
            Some(SpendGroup::Kind) => query.by_class(|key| Some(kind_of(key).to_owned())),
        };
        query = query.by([Dimension::Source, Dimension::Service]);
        let has_group = !request.group_by.is_empty();
        query.filter.clone_from(&request.filter);
        query.grain = request.grain;
        query.as_of = request.as_of;
        let home = self.config.organisation.currency;
        let mut gross = Gross::default();
        for row in self.ledger.spend(&query).await?.rows {
            let stated = row.currency.as_deref().and_then(|code| code.parse().ok());
            if stated.unwrap_or(home) != currency {
                continue;
            }
            let (cost, list, unknown) = (row.value(0), row.value(1), row.value(2));
            let amount = match unknown {
                0 => list,
                all if all == row.value(3) => cost,
                _ => list.max(cost),
            };
            if unknown > 0 {
                gross.assumed.0 = gross.assumed.0.saturating_add(amount);
            }
            let value = row.group.first().filter(|_| has_group).cloned().flatten();
            let line = gross.lines.entry((row.at, value)).or_default();
            line.0 = line.0.saturating_add(amount);
            gross.total.0 = gross.total.0.saturating_add(amount);
        }
        Ok(gross)
    }
}
