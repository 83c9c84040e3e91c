//! Business outputs beside spend: how many there were, for what can be said exactly.

use std::collections::BTreeMap;

use centinel_engine::{
    money::{Decimal, Pico},
    series::Dimension,
};
use centinel_ledger::{Measure, SpendQuery};
use jiff::Timestamp;

use crate::{App, AppError, SpendGroup, SpendRequest};

/// Business outputs by the lines of a question. Exact, with twelve decimals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outputs {
    /// Of the one feature that is asked about; `None` where it is several, whose outputs do not add.
    pub total: Option<Pico>,
    /// By start of the slice of time and value of the one dimension, as the question has them.
    pub lines: BTreeMap<(Option<Timestamp>, Option<String>), Pico>,
}

impl App {
    /// Business outputs, of features: by feature, or of one feature over time. Empty for any other question,
    /// since an outcome knows its feature and little else: nothing is split by a guess.
    ///
    /// # Errors
    ///
    /// Ledger errors.
    pub async fn outputs(&self, request: &SpendRequest) -> Result<Outputs, AppError> {
        let is_feature = |dimension: &Dimension| *dimension == Dimension::Feature;
        let of_features = request.filter.iter().all(|condition| is_feature(&condition.dimension));
        let of_one = request.filter.iter().any(|condition| condition.any_of.len() == 1);
        let by_feature = match request.group_by.as_slice() {
            [] => false,
            [SpendGroup::Dimension(dimension)] if is_feature(dimension) => true,
            _ => return Ok(Outputs::default()),
        };
        if !of_features || !(by_feature || of_one) {
            return Ok(Outputs::default());
        }
        let by = by_feature.then_some(Dimension::Feature);
        let mut query = SpendQuery::new(request.period, vec![Measure::Outcomes]).by(by);
        query.filter.clone_from(&request.filter);
        query.grain = request.grain;
        query.as_of = request.as_of;
        let mut outputs = Outputs::default();
        let mut sum = 0_i128;
        for row in self.ledger.spend(&query).await?.rows {
            let amount = row.value(0);
            let value = row.group.first().cloned().flatten();
            if amount == 0 || (by_feature && value.is_none()) {
                continue;
            }
            sum = sum.saturating_add(amount);
            let line = outputs.lines.entry((row.at, value)).or_default();
            line.0 = line.0.saturating_add(amount);
        }
        outputs.total = (of_one && sum != 0).then_some(Pico(sum));
        Ok(outputs)
    }
}

/// Cost of one output, at twelve decimals; `None` without outputs.
pub fn cost_per_output(cost: Pico, outputs: Pico) -> Option<Decimal> {
    cost.to_decimal().quotient(outputs.to_decimal(), 12).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_costs_its_part() {
        let pico = |text: &str| text.parse::<Pico>().unwrap();
        for (cost, outputs, each) in
            [("10", "4", Some("2.5")), ("1", "3", Some("0.333333333333")), ("1", "0", None)]
        {
            let found = cost_per_output(pico(cost), pico(outputs));
            assert_eq!(found, each.map(|each| each.parse().unwrap()), "{cost} / {outputs}");
        }
    }
}
