//! Limits of spend as the home keeps them: `policies/budgets.toml`.

use std::{collections::BTreeMap, path::Path};

use centinel_engine::{
    money::Money,
    proposal::{BudgetPeriod, Edit},
    series::Dimension,
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
        let budgets = load(&self.home)?;
        let key = key_of(scope);
        let current = budgets.get(table_of(period)).and_then(|limits| limits.get(&key));
        let previous = current.and_then(|text| read_limit(text).ok());
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

/// Texts of limits, by scope, by period.
type Budgets = BTreeMap<String, BTreeMap<String, String>>;

/// The budgets of a home; none where there is no file.
///
/// # Errors
///
/// [`AppError::Policy`] when the file is no TOML, names a period that there is none of, or holds what is
/// no amount.
pub(crate) fn load(home: &Path) -> Result<Budgets, AppError> {
    let (path, text) = read_policy(home, FILE)?;
    let refused = |reason: String| AppError::Policy { path: path.clone(), reason };
    let text = text.unwrap_or_default();
    let budgets: Budgets = toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        refused(format!("line {line}: {}", error.message().replace('\n', "; ")))
    })?;
    for (period, limits) in &budgets {
        if !PERIODS.iter().any(|known| table_of(*known) == period) {
            let known: Vec<&str> = PERIODS.iter().map(|period| table_of(*period)).collect();
            return Err(refused(format!("there is no period `{period}`: {}", known.join(", "))));
        }
        for (scope, limit) in limits {
            read_limit(limit)
                .map_err(|why| refused(format!("`{scope}` in `[{period}]`: {why}")))?;
        }
    }
    Ok(budgets)
}

/// Dimension values, and the limit of their spend.
pub(crate) type ScopedLimit = (BTreeMap<String, String>, Money);

/// The limits for a kind of period, by scope.
///
/// # Errors
///
/// As [`load`].
pub(crate) fn limits(home: &Path, period: BudgetPeriod) -> Result<Vec<ScopedLimit>, AppError> {
    let budgets = load(home)?;
    let of_period = budgets.get(table_of(period)).into_iter().flatten();
    // What is no limit was refused as the file was read.
    Ok(of_period.filter_map(|(key, text)| Some((scope_of(key), read_limit(text).ok()?))).collect())
}

/// The scope that [`key_of`] made a key of. A part that names no dimension belongs to the value before it,
/// which has a comma.
fn scope_of(key: &str) -> BTreeMap<String, String> {
    let mut scope: Vec<(String, String)> = Vec::new();
    if key == "all" {
        return BTreeMap::new();
    }
    for part in key.split(',') {
        let named =
            part.split_once('=').filter(|(name, _)| name.trim().parse::<Dimension>().is_ok());
        match (named, scope.last_mut()) {
            (Some((name, value)), _) => {
                scope.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            (None, Some((_, value))) => {
                value.push(',');
                value.push_str(part);
            }
            (None, None) => scope.push((part.to_owned(), String::new())),
        }
    }
    scope.into_iter().collect()
}

const PERIODS: [BudgetPeriod; 5] = [
    BudgetPeriod::Day,
    BudgetPeriod::Week,
    BudgetPeriod::Month,
    BudgetPeriod::Quarter,
    BudgetPeriod::Year,
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_scopes_go_both_ways() {
        for scope in [
            &[][..],
            &[("feature", "support-answers")],
            &[("feature", "a,b=c"), ("team", "x, y")],
            &[("tag:cost-center", "47=11"), ("team", "t")],
        ] {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let scope: BTreeMap<String, String> = scope.iter().map(own).collect();
            assert_eq!(scope_of(&key_of(&scope)), scope);
        }
    }

    #[test]
    fn what_is_no_budget_is_said_with_its_place() {
        let check = |text: &str, expected: &str| {
            let home = tempfile::tempdir().unwrap();
            std::fs::create_dir(home.path().join("policies")).unwrap();
            std::fs::write(home.path().join("policies").join(FILE), text).unwrap();
            let found = load(home.path()).map_or_else(|error| error.to_string(), |_| String::new());
            assert!(found.ends_with(expected), "{text}: {found}");
            assert_eq!(found.is_empty(), expected.is_empty(), "{text}: {found}");
        };
        check(include_str!("../../../policies/budgets.toml"), "");
        check("[month]\n\"feature=a.b\" = \"32000.50 EUR\"\n", "");
        check("[fortnight]\n", "no period `fortnight`: day, week, month, quarter, year");
        check("[day]\nall = \"much\"\n", "`much` is not an amount such as `32000 USD`");
        check("[day]\nall = 5\n", "line 2: invalid type: integer `5`, expected a string");
    }
}
