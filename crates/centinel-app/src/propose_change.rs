//! A change of any kind that somebody has in mind: what it is about is measured here, in the ledger.
//!
//! Whoever asks says what shall change and by how many percent they expect it to save. Amounts are none
//! of theirs: the spend, the unit cost without the change and the saving in money are computed, and the
//! evidence says whose estimate the percentage is.

use std::collections::BTreeMap;

use centinel_approvals::{Proposed, Requester};
use centinel_engine::{
    facts::{Bundle, BundleBuilder},
    money::{Decimal, Money, Pico},
    period::{Period, start_of_day},
    proposal::{Afterwards, Change, Counterfactual, Draft, Edit, ProposalId, Risk, Saving, UnitOf},
};
use centinel_ledger::Condition;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    App, AppError,
    proposals::{UNKNOWN, nothing_spent},
};

/// A change that somebody has in mind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// One line for people.
    pub title: String,
    /// What shall change.
    pub change: Change,
    /// The same in files.
    #[serde(default, rename = "edit")]
    pub edits: Vec<Edit>,
    /// Dimension values of the spend that it is about; empty is all spend.
    #[serde(default)]
    pub scope: BTreeMap<String, String>,
    /// What its saving is expected to be.
    #[serde(default)]
    pub saves: Option<ExpectedSaving>,
    /// How likely it is to hurt.
    pub risk: Risk,
    /// Whether it can be undone.
    pub reversible: bool,
    /// The executed proposal that this one takes back.
    #[serde(default)]
    pub reverts: Option<ProposalId>,
}

/// A saving as its requester expects it, in percent of what the part of the spend costs.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedSaving {
    /// What a unit cost is of.
    pub per: UnitOf,
    /// Lower end.
    pub low_percent: Decimal,
    /// Best estimate.
    pub mid_percent: Decimal,
    /// Upper end.
    pub high_percent: Decimal,
}

/// What the part of the spend is measured at.
struct Measured {
    period: Period,
    afterwards: Afterwards,
    /// Cost a month at the pace of these days.
    monthly: Money,
    /// What one unit costs.
    unit_cost: Money,
}

impl App {
    /// Proposes a change of any kind, with what its part of the spend cost in the last 28 days as
    /// evidence.
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`] when nothing in the ledger has such a scope, or the proposal that is to be
    /// taken back was never carried out; [`AppError::Change`] when an edit is none that can be made;
    /// approval errors.
    pub async fn propose_change(
        &self,
        request: ChangeRequest,
        requester: &Requester,
        now: Timestamp,
    ) -> Result<Proposed, AppError> {
        self.check_edits(&request.edits)?;
        if let Some(id) = request.reverts {
            let undone = self.approvals.show(id, now).await?;
            if !undone.events.iter().any(|event| event.carried_out_at().is_some()) {
                return Err(AppError::NotFound { what: "executed proposal", id: id.to_string() });
            }
        }
        let (measured, owner) = self.measured(&request, now).await?;
        let saving = match &request.saves {
            Some(expected) => Some(saving_of(expected, measured.monthly).ok_or_else(|| {
                AppError::Change("a saving is stated in percent, from -100 to 100".to_owned())
            })?),
            None => None,
        };
        let bundle = evidence(&request, &measured, saving);
        centinel_store::evidence::put(self.database(), &bundle, now).await?;
        let counterfactual = request.saves.map(|expected| Counterfactual {
            scope: request.scope.clone(),
            per: expected.per,
            unit_cost: measured.unit_cost,
        });
        let draft = Draft {
            title: request.title,
            change: request.change,
            edits: request.edits,
            evidence: bundle.digest(),
            saving,
            counterfactual,
            reverts: request.reverts,
            cost_touched: Some(measured.monthly).filter(|cost| cost.amount.0 >= 0),
            risk: request.risk,
            reversible: request.reversible,
            owner: owner.unwrap_or_else(|| UNKNOWN.to_owned()),
        };
        Ok(self.approvals.propose(draft, requester, now).await?)
    }

    /// Whether every edit of the home is of a policy that proposals may change and starts from what is
    /// there, and every other one of a repository that is configured.
    fn check_edits(&self, edits: &[Edit]) -> Result<(), AppError> {
        let effects = self.home_edits();
        for edit in edits.iter().filter(|edit| edit.repository == Edit::HOME) {
            effects.check(edit).map_err(AppError::Change)?;
        }
        let elsewhere = edits.iter().find(|edit| edit.repository != Edit::HOME);
        if let Some(edit) = elsewhere {
            self.check_repository(&edit.repository).map_err(AppError::Change)?;
        }
        Ok(())
    }

    async fn measured(
        &self,
        request: &ChangeRequest,
        now: Timestamp,
    ) -> Result<(Measured, Option<String>), AppError> {
        let nothing = || nothing_spent(&request.scope);
        self.ledger.span().await?.ok_or(AppError::Empty)?;
        // The days that are looked at again before it is carried out.
        let (from, until) = self.days_before(now).await?.ok_or_else(nothing)?;
        let period = Period::new(start_of_day(from), start_of_day(until)).map_err(|_| nothing())?;
        let currency = self.config.organisation.currency;
        let mut filter = Vec::new();
        for (dimension, value) in &request.scope {
            let dimension = dimension.parse().map_err(|_| nothing())?;
            filter.push(Condition { dimension, any_of: [value.clone()].into() });
        }
        let spent = self.spent_by_owner(filter, period, currency).await?;
        let (_, owner) = spent.ok_or_else(nothing)?;
        let probe = Counterfactual {
            scope: request.scope.clone(),
            per: request.saves.map_or(UnitOf::Day, |expected| expected.per),
            unit_cost: Money::zero(currency),
        };
        let afterwards = self.afterwards(&probe, from, until).await?.ok_or_else(nothing)?;
        let monthly = scaled(afterwards.cost, 365, i128::from(afterwards.days).saturating_mul(12));
        let quantity = afterwards.quantity;
        let places = 10_i128.checked_pow(quantity.scale()).unwrap_or(1);
        let unit_cost = scaled(afterwards.cost, places, quantity.mantissa()).ok_or_else(|| {
            AppError::Change("its part of the spend has none of the units it is counted by".into())
        })?;
        let monthly = monthly.ok_or_else(nothing)?;
        Ok((Measured { period, afterwards, monthly, unit_cost }, owner))
    }
}

fn saving_of(expected: &ExpectedSaving, monthly: Money) -> Option<Saving> {
    let part = |percent: Decimal| {
        let whole = 10_i128.checked_pow(percent.scale())?.checked_mul(100)?;
        let is_share = percent.mantissa().checked_abs()? <= whole;
        scaled(monthly, percent.mantissa(), whole).filter(|_| is_share)
    };
    Some(Saving {
        low: part(expected.low_percent)?,
        mid: part(expected.mid_percent)?,
        high: part(expected.high_percent)?,
    })
}

/// An amount times a fraction, at 12 decimals toward zero; `None` when it does not fit.
fn scaled(money: Money, numerator: i128, denominator: i128) -> Option<Money> {
    let amount = money.amount.0.checked_mul(numerator)?.checked_div(denominator)?;
    Some(Money { amount: Pico(amount), ..money })
}

fn evidence(request: &ChangeRequest, measured: &Measured, saving: Option<Saving>) -> Bundle {
    let Measured { period, afterwards, monthly, unit_cost } = measured;
    let mut facts = BundleBuilder::new("change", Some(period.end));
    facts.about(request.scope.clone(), Some(*period));
    let spent = facts.money("spent", afterwards.cost);
    facts.required();
    let days = facts.count("days", afterwards.days, "days");
    let monthly_id = facts.money("monthly", *monthly);
    facts.derived("scaled_to_month", &[&spent, &days]);
    if let (Some(expected), Some(saving)) = (request.saves, saving) {
        let (unit, one) = match expected.per {
            UnitOf::Day => ("days", "day"),
            UnitOf::Call => ("calls", "call"),
            UnitOf::Output => ("outputs", "output"),
        };
        let quantity = facts.count("quantity", afterwards.quantity, unit);
        facts.unit_cost("unit_cost", *unit_cost, one);
        facts.derived("ratio", &[&spent, &quantity]);
        for (role, percent, amount) in [
            ("low", expected.low_percent, saving.low),
            ("mid", expected.mid_percent, saving.mid),
            ("high", expected.high_percent, saving.high),
        ] {
            let share = facts.percent(&format!("expected_{role}"), percent);
            facts.money(&format!("saving_{role}"), amount);
            facts.derived("product", &[&monthly_id, &share]);
        }
        facts
            .caveat("How many percent it saves is the requester's estimate; amounts are measured.");
    }
    facts.build()
}
