//! Carrying out what people approved, and measuring what came of it.

use centinel_approvals::{CarriedOut, Effects, Found, HomeEdits, View};
use centinel_engine::{
    money::{Decimal, Money, Pico},
    period::{Period, date_of, start_of_day},
    proposal::{
        Afterwards, Command, Counterfactual, Event, Facts, MEASURED_AFTER_DAYS, Occurrence,
        Proposal, ProposalId, Status, UnitOf,
    },
};
use centinel_ledger::{Condition, Measure, SpendQuery};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use serde::Serialize;

use crate::{
    App, AppError, Repositories, When, app::DEFAULT_POLICIES, budgets, repositories::AllEffects,
};

/// The part of a promised saving that may be gone before the facts count as changed: a fifth.
const SAVING_LOST_MAX: i128 = 5;

/// What became of a proposal's saving.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasuredSaving {
    /// The proposal.
    pub id: ProposalId,
    /// Days after the execution.
    pub days: u32,
    /// Realised saving a month.
    pub saving: Money,
}

impl App {
    /// Carries out every approved proposal that changes policies of this home, and what a process that
    /// is gone had begun. A proposal whose facts do not hold any more is left, and its votes are void.
    ///
    /// # Errors
    ///
    /// Ledger and approval errors; what one proposal cannot is an outcome, and the others go on.
    pub async fn execute_approved(
        &self,
        repositories: &Repositories,
        now: Timestamp,
    ) -> Result<Vec<CarriedOut>, AppError> {
        let effects = AllEffects { home: self.home_edits(), repositories };
        // What was begun before comes first.
        let mut outcomes = self.approvals.carry_out(&effects, now).await?;
        for view in self.approvals.inbox(now).await? {
            let is_due = matches!(view.status, Status::Approved | Status::Failed);
            if !is_due || !HomeEdits::is_about(&view.proposal) {
                continue;
            }
            let id = view.proposal.id;
            let facts = self.facts_behind(&view.proposal, &effects, now).await?;
            // What no longer holds is noticed first: votes that are void, facts that changed.
            let view = self.approvals.execute(id, &Command::Refresh, &facts, now).await?;
            let is_due = matches!(view.status, Status::Approved | Status::Failed);
            if !is_due || facts != Facts::Hold {
                continue;
            }
            match self.approvals.begin(id, &facts, now).await {
                Ok(_) => outcomes.extend(self.approvals.carry_out(&effects, now).await?),
                // In a freeze or a cool-down, say: it is tried again later.
                Err(error) if error.is_refusal() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(outcomes)
    }

    /// The facts behind a proposal, computed again: the values that it starts from, and the spend that
    /// its saving comes from.
    ///
    /// # Errors
    ///
    /// Ledger errors.
    pub async fn facts_behind(
        &self,
        proposal: &Proposal,
        effects: &impl Effects,
        now: Timestamp,
    ) -> Result<Facts, AppError> {
        // Without edits there is nothing here to look at: people carry it out.
        let found = if proposal.edits.is_empty() {
            Ok(Found::NotDone)
        } else {
            effects.find(proposal).await
        };
        match found {
            Ok(Found::NotDone) => {}
            Ok(Found::Done) => return Ok(Facts::Changed("the change is there already".to_owned())),
            Ok(Found::Changed(what)) | Err(what) => return Ok(Facts::Changed(what)),
        }
        self.saving_holds(proposal, now).await
    }

    /// Whether the spend that a saving comes from is as it was, or nearly so.
    pub(crate) async fn saving_holds(
        &self,
        proposal: &Proposal,
        now: Timestamp,
    ) -> Result<Facts, AppError> {
        let (Some(saving), Some(counterfactual)) = (proposal.saving, &proposal.counterfactual)
        else {
            return Ok(Facts::Hold);
        };
        let Some((start, end)) = self.days_before(now).await? else {
            return Ok(Facts::Changed("there is no spend to look at".to_owned()));
        };
        let Some(before) = self.afterwards(counterfactual, start, end).await? else {
            return Ok(Facts::Changed("what the saving comes from costs nothing now".to_owned()));
        };
        // What the same days would have cost at the stated unit cost, less what they did cost: a saving
        // that is there already without the change.
        let gone = counterfactual.realised(&before).ok().map(|money| money.amount.0);
        let limit = saving.mid.amount.0.checked_div(SAVING_LOST_MAX).unwrap_or(0);
        match gone {
            Some(gone) if gone <= limit => Ok(Facts::Hold),
            Some(_) => Ok(Facts::Changed(
                "less than four fifths of the saving are left at today's unit cost".to_owned(),
            )),
            None => Ok(Facts::Changed("the unit cost cannot be compared any more".to_owned())),
        }
    }

    /// The last whole days before an instant that spend is measured over, from the first to the day after
    /// the last: at most 28, those that the ledger has. `None` where it has none.
    pub(crate) async fn days_before(
        &self,
        now: Timestamp,
    ) -> Result<Option<(Date, Date)>, AppError> {
        let Some(data) = self.ledger.span().await? else { return Ok(None) };
        let Ok(whole) = When::Last28Days.resolve(now, Some(data)) else { return Ok(None) };
        let (from, until) = whole.period.dates();
        let from = from.max(date_of(data.0));
        Ok(Some((from, until)).filter(|(from, until)| from < until))
    }

    /// Measures the saving of every executed proposal that states what the spend would be without it, 7
    /// and 30 whole days after the execution, once the ledger has these days.
    ///
    /// # Errors
    ///
    /// Ledger and approval errors.
    pub async fn measure_savings(&self, now: Timestamp) -> Result<Vec<MeasuredSaving>, AppError> {
        self.note_taken_back(now).await?;
        let Some((_, known_until)) = self.ledger.span().await? else { return Ok(Vec::new()) };
        let mut measured = Vec::new();
        for view in self.approvals.all(now).await? {
            let is_executed = matches!(view.status, Status::Executed | Status::Measured);
            let (Some(counterfactual), true) = (&view.proposal.counterfactual, is_executed) else {
                continue;
            };
            let Some(executed_at) = executed_at(&view) else { continue };
            let first = date_of(executed_at).saturating_add(1.day());
            let last_measured = view.events.iter().rev().find_map(|event| match event.what {
                Occurrence::Measured { days, .. } => Some(days),
                _ => None,
            });
            for days in MEASURED_AFTER_DAYS {
                let after = first.saturating_add(i64::from(days).days());
                let is_known = start_of_day(after) <= known_until.min(now);
                if !is_known || last_measured.is_some_and(|last| last >= days) {
                    continue;
                }
                let Some(afterwards) = self.afterwards(counterfactual, first, after).await? else {
                    continue;
                };
                let Ok(saving) = counterfactual.realised(&afterwards) else { continue };
                let (id, command) = (view.proposal.id, Command::Measure { saving, days });
                self.approvals.execute(id, &command, &Facts::Unchecked, now).await?;
                measured.push(MeasuredSaving { id, days, saving });
            }
        }
        Ok(measured)
    }

    /// Notes of every proposal that another one took back, by the effect of that one, that it was: it
    /// saves nothing any more and is measured no more.
    async fn note_taken_back(&self, now: Timestamp) -> Result<(), AppError> {
        let views = self.approvals.all(now).await?;
        let has_effect = |view: &View| matches!(view.status, Status::Executed | Status::Measured);
        for by in views.iter().filter(|view| has_effect(view)) {
            let undone = |view: &&View| Some(view.proposal.id) == by.proposal.reverts;
            let Some(undone) = views.iter().find(undone).filter(|view| has_effect(view)) else {
                continue;
            };
            let command = Command::RollBack { by: by.proposal.id };
            let id = undone.proposal.id;
            self.approvals.execute(id, &command, &Facts::Unchecked, now).await?;
        }
        Ok(())
    }

    pub(crate) fn home_edits(&self) -> HomeEdits {
        let templates = DEFAULT_POLICIES
            .iter()
            .filter(|(name, _)| *name == budgets::FILE)
            .map(|(name, text)| (format!("policies/{name}"), (*text).to_owned()));
        HomeEdits::new(&self.home, templates)
    }

    /// Units and cost of a part of the spend from one day to before another; `None` where there is
    /// neither.
    pub(crate) async fn afterwards(
        &self,
        counterfactual: &Counterfactual,
        from: Date,
        until: Date,
    ) -> Result<Option<Afterwards>, AppError> {
        let days = from.until(until).map_or(0, |span| span.get_days());
        let Some(days) = u32::try_from(days).ok().filter(|days| *days > 0) else { return Ok(None) };
        let Ok(period) = Period::new(start_of_day(from), start_of_day(until)) else {
            return Ok(None);
        };
        let measures = vec![Measure::Cost, Measure::Calls, Measure::Outcomes];
        let mut query = SpendQuery::new(period, measures);
        for (dimension, value) in &counterfactual.scope {
            // A proposal's scope was checked when it was made; one that no longer reads has no rows.
            let Ok(dimension) = dimension.parse() else { return Ok(None) };
            query.filter.push(Condition { dimension, any_of: [value.clone()].into() });
        }
        let table = self.ledger.spend(&query).await?;
        let currency = counterfactual.unit_cost.currency;
        let (mut cost, mut calls, mut outputs, mut is_known) = (0_i128, 0_i128, 0_i128, false);
        for row in &table.rows {
            if row.currency.as_deref() == Some(currency.as_str()) {
                is_known = true;
                cost = cost.saturating_add(row.amount(0).0);
            }
            calls = calls.saturating_add(row.value(1));
            outputs = outputs.saturating_add(row.value(2));
        }
        let quantity = match counterfactual.per {
            UnitOf::Day => Decimal::from_integer(days.into()),
            UnitOf::Call => Decimal::from_integer(calls),
            UnitOf::Output => Decimal::new(outputs, Pico::SCALE).unwrap_or_default(),
        };
        let cost = Money { amount: Pico(cost), currency };
        Ok(is_known.then_some(Afterwards { days, quantity, cost }))
    }
}

pub(crate) fn executed_at(view: &View) -> Option<Timestamp> {
    view.events.iter().rev().find_map(Event::carried_out_at)
}
