//! Limits of the home against what is expected: how likely each is to be passed, and when.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    forecast::{Assumption, CalendarPeriod, Forecast},
    money::Money,
    proposal::BudgetPeriod,
    series::Dimension,
};
use centinel_ledger::Condition;
use jiff::Timestamp;

use crate::{App, AppError, ForecastPeriod, ForecastRequest, budgets};

/// Limits looked at for one question: each costs a forecast of its own.
const LIMITS_MAX: usize = 20;

/// One limit, and what is expected of the spend that it limits.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetOutlook {
    /// Dimension values whose spend it limits; empty for all.
    pub scope: BTreeMap<String, String>,
    /// How often it starts anew.
    pub period: BudgetPeriod,
    /// The limit.
    pub limit: Money,
    /// The period's total, with [`Forecast::passing`] of the limit; `None` where there is nothing to
    /// forecast from, or it is in another currency than the limit.
    pub forecast: Option<Forecast>,
}

/// Limits for one kind of period.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BudgetOutlooks {
    /// The likeliest to be passed first, those without a forecast last.
    pub limits: Vec<BudgetOutlook>,
    /// Limits that were not looked at, since there are so many.
    pub left_out: usize,
}

impl App {
    /// The limits for a kind of period: that of exactly the part asked about, or every one where all spend
    /// is asked about. Whoever sees a part only gets none: a limit is one of all spend of its scope.
    ///
    /// # Errors
    ///
    /// [`AppError::Policy`] when the file of budgets cannot be read; ledger errors.
    pub async fn budget_outlooks(
        &self,
        period: CalendarPeriod,
        filter: &[Condition],
        assumptions: &[Assumption],
        now: Timestamp,
    ) -> Result<BudgetOutlooks, AppError> {
        if self.limited_to().is_some() {
            return Ok(BudgetOutlooks::default());
        }
        let wanted = scope_of(filter);
        let per = budget_period(period);
        let mut limits = budgets::limits(&self.home, per)?;
        limits.retain(|(scope, _)| {
            wanted.as_ref().is_some_and(|wanted| wanted.is_empty() || wanted == scope)
        });
        let left_out = limits.len().saturating_sub(LIMITS_MAX);
        limits.truncate(LIMITS_MAX);
        let mut found = Vec::new();
        for (scope, limit) in limits {
            let request = ForecastRequest {
                period: ForecastPeriod::Calendar(period),
                filter: conditions(&scope)?,
                amount: Some(limit.amount.to_decimal()),
                assumptions: assumptions.to_vec(),
                ..ForecastRequest::month()
            };
            let forecast = match self.forecast(&request, now).await {
                Ok(answer) if answer.currency == limit.currency => Some(answer.total.forecast),
                Ok(_) | Err(AppError::Empty | AppError::TooLittleHistory { .. }) => None,
                Err(error) => return Err(error),
            };
            found.push(BudgetOutlook { scope, period: per, limit, forecast });
        }
        found.sort_by(|a, b| chance(b).total_cmp(&chance(a)).then_with(|| a.scope.cmp(&b.scope)));
        Ok(BudgetOutlooks { limits: found, left_out })
    }
}

fn chance(outlook: &BudgetOutlook) -> f64 {
    let passing = outlook.forecast.as_ref().and_then(|forecast| forecast.passing);
    passing.map_or(-1.0, |passing| passing.probability_above)
}

fn budget_period(period: CalendarPeriod) -> BudgetPeriod {
    match period {
        CalendarPeriod::Day => BudgetPeriod::Day,
        CalendarPeriod::Week => BudgetPeriod::Week,
        CalendarPeriod::Month => BudgetPeriod::Month,
        CalendarPeriod::Quarter => BudgetPeriod::Quarter,
    }
}

/// The scope that conditions of one value each stand for.
fn scope_of(filter: &[Condition]) -> Option<BTreeMap<String, String>> {
    let one = |condition: &Condition| {
        let mut values = condition.any_of.iter();
        let value = values.next().filter(|_| condition.any_of.len() == 1)?;
        Some((condition.dimension.to_string(), value.clone()))
    };
    filter.iter().map(one).collect()
}

/// The conditions that a scope stands for.
pub(crate) fn conditions(scope: &BTreeMap<String, String>) -> Result<Vec<Condition>, AppError> {
    let condition = |(name, value): (&String, &String)| {
        let dimension: Dimension = name.parse().map_err(|error| AppError::Policy {
            path: budgets::FILE.into(),
            reason: format!("{error}"),
        })?;
        Ok(Condition { dimension, any_of: BTreeSet::from([value.clone()]) })
    };
    scope.iter().map(condition).collect()
}
