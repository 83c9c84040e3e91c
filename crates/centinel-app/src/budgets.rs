//! Limits of spend as the home keeps them: `policies/budgets.toml`.

use std::collections::BTreeMap;

use centinel_engine::{
    money::Money,
    proposal::{BudgetPeriod, Edit},
};

use crate::{App, AppError, policy_files::read_policy};

/// The file among the policies.
pub(crate) const FILE: &str = "budgets.toml";

impl App {
    /// The edit that sets a limit, and the limit that is there now.
    ///
    /// # Errors
    ///
    /// [`AppError::Policy`] when the file cannot be read as budgets.
    pub(crate) fn budget_edit(
        &self,
        scope: &BTreeMap<String, String>,
        period: BudgetPeriod,
        limit: Money,
    ) -> Result<(Edit, Option<Money>), AppError> {
        let (path, text) = read_policy(&self.home, FILE)?;
        let refused = |reason: String| AppError::Policy { path: path.clone(), reason };
        let budgets: BTreeMap<String, BTreeMap<String, String>> =
            toml::from_str(text.as_deref().unwrap_or_default()).map_err(|error| {
                refused(error.message().lines().next().unwrap_or_default().to_owned())
            })?;
        let key = key_of(scope);
        let current = budgets.get(table_of(period)).and_then(|limits| limits.get(&key));
        let previous = current.map(|text| read_limit(text).map_err(refused)).transpose()?;
        let edit = Edit {
            repository: Edit::HOME.to_owned(),
            file: format!("policies/{FILE}"),
            path: format!("{}.{}", table_of(period), quoted(&key)),
            from: current.cloned(),
            to: Some(format!("{} {}", limit.amount.to_decimal(), limit.currency)),
        };
        Ok((edit, previous))
    }
}

/// `all`, or `feature=support-answers,team=support` in the order of the dimensions' names.
fn key_of(scope: &BTreeMap<String, String>) -> String {
    if scope.is_empty() {
        return "all".to_owned();
    }
    let parts: Vec<String> = scope.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join(",")
}

/// A key of a path in quotes: it may hold dots and brackets.
fn quoted(key: &str) -> String {
    format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
}

fn table_of(period: BudgetPeriod) -> &'static str {
    match period {
        BudgetPeriod::Day => "day",
        BudgetPeriod::Week => "week",
        BudgetPeriod::Month => "month",
        BudgetPeriod::Quarter => "quarter",
        BudgetPeriod::Year => "year",
    }
}

/// `32000 USD`.
fn read_limit(text: &str) -> Result<Money, String> {
    let read = || {
        let (amount, currency) = text.trim().split_once(' ')?;
        Some(Money { amount: amount.parse().ok()?, currency: currency.trim().parse().ok()? })
    };
    let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    read().ok_or_else(|| format!("limit `{shown}` is not an amount such as `32000 USD`"))
}
