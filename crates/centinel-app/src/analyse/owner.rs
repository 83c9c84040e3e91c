//! Whose a change is: what of it is of each owner's spend, and what the policies make of that.

use std::{collections::BTreeMap, sync::Arc};

use centinel_engine::{
    attribution::{
        Owner, PartsOf, RepositoryOwners, Routed, SeriesOwner, Stated, Stating, Unknown, owner_of,
        route,
    },
    facts::{Bundle, BundleBuilder},
    money::{Money, Pico},
    period::{Grain, Period, date_of},
};
use centinel_ledger::{Measure, SpendQuery};
use jiff::Timestamp;

use crate::{App, AppError, ExplainRequest, usual::Usual};

/// Owners that are named of those who share a change.
const NAMED_MAX: usize = 8;

/// Amounts by owner.
type Sums = BTreeMap<SeriesOwner, Pico>;

impl App {
    /// Whose a change is. Of a figure that rose while its cost did not, the spend itself says so.
    pub(super) async fn route_change(
        &self,
        request: &ExplainRequest,
        repositories: &Arc<Vec<RepositoryOwners>>,
        now: Timestamp,
    ) -> Result<Routed, AppError> {
        let Some(data) = self.ledger.span().await? else { return Err(AppError::Empty) };
        let after = self.by_owner(request, request.period, None, repositories).await?;
        let mut changed = after.clone();
        match self.usual(request, data.0, now).await {
            Ok(usual) => {
                let before =
                    self.by_owner(request, usual.period, Some(&usual), repositories).await?;
                for (owner, amount) in before {
                    let sum = changed.entry(owner).or_default();
                    *sum = sum.checked_sub(amount)?;
                }
            }
            Err(AppError::NothingBefore) => {}
            Err(error) => return Err(error),
        }
        let rose = Pico::checked_sum(changed.values().copied())? > Pico::ZERO;
        let (parts, parts_of) =
            if rose { (changed, PartsOf::Change) } else { (after, PartsOf::Cost) };
        let parts: Vec<(SeriesOwner, Pico)> = parts.into_iter().collect();
        Ok(Routed { parts_of, ..route(&parts, &self.escalation)? })
    }

    /// Cost of a period by owner, in the organisation's currency; weighed as the usual days are.
    async fn by_owner(
        &self,
        request: &ExplainRequest,
        period: Period,
        usual: Option<&Usual>,
        repositories: &Arc<Vec<RepositoryOwners>>,
    ) -> Result<Sums, AppError> {
        let (policy, repositories) = (Arc::clone(&self.owners), Arc::clone(repositories));
        let owner = move |key: &_| {
            let stating = Stating { policy: &policy, repositories: &repositories };
            serde_json::to_string(&owner_of(key, stating)).ok()
        };
        let mut query =
            SpendQuery::new(period, vec![Measure::Cost]).by_class(owner).every(Grain::Day);
        query.filter.clone_from(&request.filter);
        query.as_of = request.as_of;
        let currency = self.config.organisation.currency;
        let mut sums = Sums::new();
        for row in &self.ledger.spend(&query).await?.rows {
            if row.currency.as_deref() != Some(currency.as_str()) {
                continue;
            }
            let class = row.group.first().and_then(Option::as_deref).unwrap_or_default();
            let owner = serde_json::from_str(class).unwrap_or_else(|_| nobody());
            let day = row.at.map_or_else(|| date_of(period.start), date_of);
            let cost = row.value(0);
            let weights = usual.and_then(|usual| usual.weights.as_ref());
            let cost = match weights {
                Some(weights) => weights.amount(day, cost).unwrap_or(0),
                None => cost,
            };
            let sum = sums.entry(owner).or_default();
            *sum = sum.checked_add(Pico(cost))?;
        }
        Ok(sums)
    }

    /// The owner as facts: `owner` with `owner_stated`, or `candidate.N`; where several share it
    /// `owner_part.N` with its amount and share of the change, or `owner_cost.N` with those of the cost.
    pub(super) fn owner_facts(&self, routed: &Routed, about: &BTreeMap<String, String>) -> Bundle {
        let mut facts = BundleBuilder::new("owner", None);
        facts.about(about.clone(), None);
        match &routed.owner {
            Owner::Known { name, stated } => {
                facts.entity("owner", name);
                facts.required();
                facts.entity("owner_stated", stated_name(stated));
            }
            Owner::Unknown { because: Unknown::Several { names } } => {
                for (number, name) in (1_u32..).zip(names.iter().take(NAMED_MAX)) {
                    facts.entity(&format!("candidate.{number}"), name);
                }
            }
            Owner::Unknown { .. } => {}
        }
        let currency = self.config.organisation.currency;
        let is_shared = routed.parts.len() > 1;
        let shared = routed.parts.iter().filter(|_| is_shared).take(NAMED_MAX);
        let role = match routed.parts_of {
            PartsOf::Change => "owner_part",
            PartsOf::Cost => "owner_cost",
        };
        for (number, part) in (1_u32..).zip(shared) {
            if let Some(name) = part.owner.name() {
                facts.entity(&format!("{role}.{number}"), name);
            }
            let amount = Money { amount: part.amount, currency };
            facts.money(&format!("{role}.{number}.amount"), amount);
            if routed.parts_of == PartsOf::Change {
                facts.direction(part.amount.cmp(&Pico::ZERO));
            }
            if let Some(share) = part.share_percent {
                facts.percent(&format!("{role}.{number}.percent"), share);
            }
        }
        facts.build()
    }
}

fn nobody() -> SeriesOwner {
    let owner = Owner::Unknown { because: Unknown::NotStated };
    SeriesOwner { owner, notes: Vec::new() }
}

fn stated_name(stated: &Stated) -> &'static str {
    match stated {
        Stated::Rule { .. } => "rule",
        Stated::Team => "team",
        Stated::CodeOwners { .. } => "code_owners",
    }
}
