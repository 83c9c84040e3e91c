//! Proposals from the product's own figures. Whatever a caller says about amounts is checked against
//! the ledger; evidence is computed here.

use std::collections::BTreeMap;

use centinel_approvals::{Approvals, Proposed, Requester};
use centinel_engine::{
    facts::{Bundle, BundleBuilder},
    money::{Currency, Money, Pico},
    period::{DAY_MICROS, Period},
    proposal::{BudgetPeriod, Change, Draft, Risk},
    series::Dimension,
};
use centinel_ledger::{Condition, Measure, SpendQuery};
use jiff::Timestamp;

use crate::{App, AppError, When};

/// A budget that somebody wants.
#[derive(Debug, Clone)]
pub struct BudgetRequest {
    /// What it covers, by dimension; empty covers everything.
    pub scope: BTreeMap<Dimension, String>,
    /// How often it starts anew.
    pub period: BudgetPeriod,
    /// The limit per period.
    pub limit: Money,
}

impl App {
    /// The service of proposals and decisions, under the policy of the home.
    pub fn approvals(&self) -> &Approvals {
        &self.approvals
    }

    /// Proposes a budget, with what the scope cost in the last 28 days as evidence.
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`] when nothing in the ledger has such a scope; approval errors.
    pub async fn propose_budget(
        &self,
        request: BudgetRequest,
        requester: &Requester,
        now: Timestamp,
    ) -> Result<Proposed, AppError> {
        let data = self.ledger.span().await?;
        let period = When::Last28Days.resolve(now, data)?.period;
        let scoped: Vec<Condition> = request
            .scope
            .iter()
            .map(|(dimension, value)| Condition {
                dimension: dimension.clone(),
                any_of: [value.clone()].into(),
            })
            .collect();
        if self.ledger.hides(&scoped).await? {
            // The budget would cover what its evidence leaves out.
            return Err(AppError::NotAllSeen);
        }
        let spent = self.spent_by_owner(scoped, period, request.limit.currency).await?;
        let scope: BTreeMap<String, String> = request
            .scope
            .iter()
            .map(|(dimension, value)| (dimension.to_string(), value.clone()))
            .collect();
        let (spent, owner) = spent.ok_or_else(|| nothing_spent(&scope))?;
        let (edit, previous_limit) = self.budget_edit(&scope, request.period, request.limit)?;
        let bundle = budget_evidence(&scope, period, spent, &request);
        self.keep_evidence(&bundle, now).await?;
        let draft = Draft {
            title: title(&scope, &request),
            change: Change::Budget {
                scope,
                period: request.period,
                limit: request.limit,
                previous_limit,
            },
            edits: vec![edit],
            evidence: bundle.digest(),
            saving: None,
            counterfactual: None,
            reverts: None,
            cost_touched: None,
            risk: Risk::Low,
            reversible: true,
            owner: owner.unwrap_or_else(|| UNKNOWN.to_owned()),
        };
        Ok(self.approvals.propose(draft, requester, now).await?)
    }

    /// What a part of the spend cost in one currency, and who is accountable for most of it; `None` where
    /// there is no such spend.
    pub(crate) async fn spent_by_owner(
        &self,
        filter: Vec<Condition>,
        period: Period,
        currency: Currency,
    ) -> Result<Option<(Money, Option<String>)>, AppError> {
        let app = self.clone();
        let mut query = SpendQuery::new(period, vec![Measure::Cost])
            .by_class(move |key| app.owner_of(key).owner().map(str::to_owned));
        query.filter = filter;
        let table = self.ledger.spend(&query).await?;
        let mut spent: Option<Pico> = None;
        let mut largest: (i128, Option<String>) = (i128::MIN, None);
        for row in &table.rows {
            if row.currency.as_deref() != Some(currency.as_str()) {
                continue;
            }
            let before = spent.unwrap_or(Pico::ZERO);
            spent = Some(before.checked_add(row.amount(0)).unwrap_or(before));
            if row.value(0) > largest.0 {
                largest = (row.value(0), row.group.first().cloned().flatten());
            }
        }
        Ok(spent.map(|amount| (Money { amount, currency }, largest.1)))
    }

    /// Puts any draft forward whose evidence is stored already.
    ///
    /// # Errors
    ///
    /// Approval errors.
    pub async fn propose(
        &self,
        draft: Draft,
        requester: &Requester,
        now: Timestamp,
    ) -> Result<Proposed, AppError> {
        Ok(self.approvals.propose(draft, requester, now).await?)
    }
}

/// Owner of what nobody is accountable for.
pub(crate) const UNKNOWN: &str = "unknown";

/// There is nothing that a change could be about.
pub(crate) fn nothing_spent(scope: &BTreeMap<String, String>) -> AppError {
    let id = scope.iter().map(|(name, value)| format!("{name}={value}"));
    AppError::NotFound {
        what: "spend in the last 28 days with",
        id: id.collect::<Vec<_>>().join(", ").chars().take(80).collect(),
    }
}

fn title(scope: &BTreeMap<String, String>, request: &BudgetRequest) -> String {
    let about = if scope.is_empty() {
        "all spend".to_owned()
    } else {
        scope.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    };
    let title = format!("Budget of {} {} for {about}", request.limit, per(request.period));
    title.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn per(period: BudgetPeriod) -> &'static str {
    match period {
        BudgetPeriod::Day => "a day",
        BudgetPeriod::Week => "a week",
        BudgetPeriod::Month => "a month",
        BudgetPeriod::Quarter => "a quarter",
        BudgetPeriod::Year => "a year",
    }
}

/// What the scope cost, and what that is at the pace of the budget's period.
fn budget_evidence(
    scope: &BTreeMap<String, String>,
    period: Period,
    spent: Money,
    request: &BudgetRequest,
) -> Bundle {
    let mut builder = BundleBuilder::new("budget", Some(period.end));
    builder.about(scope.clone(), Some(period));
    let spent_id = builder.money("spent", spent);
    builder.required();
    let days = (period.end_micros() - period.start_micros()) / DAY_MICROS;
    let days_id = builder.count("days", days, "days");
    let length = match request.period {
        BudgetPeriod::Day => 1,
        BudgetPeriod::Week => 7,
        BudgetPeriod::Month => 30,
        BudgetPeriod::Quarter => 91,
        BudgetPeriod::Year => 365,
    };
    let pace = spent.amount.0.saturating_mul(length) / i128::from(days.max(1));
    let pace_id = builder.money("pace", Money { amount: Pico(pace), currency: spent.currency });
    builder.derived("scaled_to_period", &[&spent_id, &days_id]);
    let limit_id = builder.money("limit", request.limit);
    builder.required();
    let room = Money {
        amount: Pico(request.limit.amount.0.saturating_sub(pace)),
        currency: spent.currency,
    };
    builder.money("room", room);
    builder.derived("difference", &[&limit_id, &pace_id]).direction(room.amount.0.cmp(&0));
    builder.caveat("The pace is the spend of the last 28 days scaled to the budget's period.");
    builder.build()
}
