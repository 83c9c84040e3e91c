//! Spend that nobody owns: how much, and where a rule would find most of it.

use std::collections::BTreeMap;

use centinel_engine::{
    attribution::Ownership,
    money::{Currency, Pico},
    period::Period,
    series::Dimension,
};
use centinel_ledger::{Measure, SpendQuery};

use crate::{App, AppError};

/// What a place is told by: dimensions that most rows carry and rules can match.
const PLACE: [Dimension; 4] =
    [Dimension::Provider, Dimension::Service, Dimension::Model, Dimension::SubAccount];

/// Cost without an owner, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnownedSpend {
    /// All of it: the sum of the places.
    pub cost: Pico,
    /// Dimension values and cost, the largest cost first, ties by name.
    pub places: Vec<(BTreeMap<String, String>, Pico)>,
}

impl App {
    /// Effective cost of a period that neither a rule nor a team of its own gives an owner.
    ///
    /// # Errors
    ///
    /// Ledger errors.
    pub async fn unowned(
        &self,
        period: Period,
        currency: Currency,
    ) -> Result<UnownedSpend, AppError> {
        let app = self.clone();
        let is_unowned =
            move |key: &_| (app.owner_of(key) == Ownership::Unknown).then(|| "unowned".to_owned());
        let query = SpendQuery::new(period, vec![Measure::Cost]).by(PLACE).by_class(is_unowned);
        let home = self.config.organisation.currency;
        let mut places: BTreeMap<BTreeMap<String, String>, Pico> = BTreeMap::new();
        for row in self.ledger.spend(&query).await?.rows {
            let stated = row.currency.as_deref().and_then(|code| code.parse().ok());
            let is_owned = row.group.get(PLACE.len()).is_none_or(Option::is_none);
            if is_owned || stated.unwrap_or(home) != currency || row.value(0) == 0 {
                continue;
            }
            let named = PLACE.iter().zip(row.group.iter());
            let place = named.filter_map(|(name, value)| Some((name.to_string(), value.clone()?)));
            let cost = places.entry(place.collect()).or_default();
            *cost = cost.checked_add(row.amount(0))?;
        }
        let cost = Pico::checked_sum(places.values().copied())?;
        let mut places: Vec<_> = places.into_iter().collect();
        places.sort_by(|(a, one), (b, other)| other.cmp(one).then_with(|| a.cmp(b)));
        Ok(UnownedSpend { cost, places })
    }
}
