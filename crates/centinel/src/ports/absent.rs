//! What a filter names and the data does not have: said with the values that are nearest.

use centinel_app::AppError;
use centinel_engine::{
    period::{Period, date_of},
    series::Dimension,
};
use centinel_ledger::{Measure, SpendQuery};
use centinel_mcp::{Edit, Filter, Refusal, nearest_values, quoted};
use jiff::civil::Date;

use super::{Ports, basis::Asked, refusal::failed};

/// Values named at most.
const NAMED_MAX: usize = 5;

impl Ports {
    /// Refuses a condition on a value that no row has; `Ok` where every value is one of the data.
    pub(super) async fn known_values(&self, asked: &Asked, filter: &Filter) -> Result<(), Refusal> {
        let (first, last) = asked.data;
        let after = date_of(last).tomorrow().unwrap_or(Date::MAX);
        let all = Period::days(date_of(first), after).map_err(|error| failed(&error))?;
        for (dimension, value) in &filter.0 {
            let query = SpendQuery::new(all, vec![Measure::Cost]).by([dimension.clone()]);
            let table = self.app.ledger().spend(&query).await.map_err(|error| failed(&error))?;
            let known = table.rows.iter().filter_map(|row| row.group.first()?.as_deref());
            let known: Vec<&str> = known.collect();
            if !known.contains(&value.as_str()) {
                return Err(unknown_value(dimension, value, &known));
            }
        }
        Ok(())
    }

    /// Why a question about a part of the spend has nothing to say.
    pub(super) async fn nothing_found(&self, asked: &Asked, filter: &Filter) -> Refusal {
        if let Err(refusal) = self.known_values(asked, filter).await {
            return refusal;
        }
        let message = format!("nothing was spent in {} with this filter", asked.period);
        let mut dimensions = filter.0.keys();
        let edits = if dimensions.next().is_none() || dimensions.next().is_none() {
            // The value is in the data, at another time.
            let after = date_of(asked.data.1).tomorrow().unwrap_or(Date::MAX);
            vec![
                Edit::without("period"),
                Edit::set("start", date_of(asked.data.0).to_string()),
                Edit::set("end", after.to_string()),
            ]
        } else {
            filter.0.keys().skip(1).map(|dimension| Edit::without(argument(dimension))).collect()
        };
        Refusal::amended(message, edits)
    }

    /// What is wrong with the filter, where that is why a use case has no answer; else its own refusal.
    pub(super) async fn or_unknown(
        &self,
        asked: &Asked,
        filter: &Filter,
        error: AppError,
    ) -> Refusal {
        match self.known_values(asked, filter).await {
            Err(refusal @ Refusal::Amended { .. }) => refusal,
            _ => super::refusal::refused(error),
        }
    }
}

fn unknown_value(dimension: &Dimension, value: &str, known: &[&str]) -> Refusal {
    let near = nearest_values(value, known, NAMED_MAX);
    let named: Vec<String> = near.iter().map(|name| quoted(name)).collect();
    let message = match named.as_slice() {
        [] => format!("no row has a {}", quoted(&dimension.to_string())),
        named => format!(
            "no row has {} {}; the nearest are {}",
            quoted(&dimension.to_string()),
            quoted(value),
            named.join(", ")
        ),
    };
    let argument = argument(dimension);
    let edit = match near.first().filter(|name| is_plain(name)) {
        Some(name) => Edit::set(argument, written(dimension, name)),
        None => Edit::without(argument),
    };
    Refusal::amended(message, vec![edit])
}

/// Whether a value of the data may stand in a call that is shown: a name, and no more than that.
fn is_plain(value: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    value.len() <= 64 && value.chars().all(is_name) && !value.contains("://")
}

fn argument(dimension: &Dimension) -> String {
    match dimension {
        Dimension::Tag(_) => "filter.tag".to_owned(),
        named => format!("filter.{named}"),
    }
}

fn written(dimension: &Dimension, value: &str) -> String {
    match dimension {
        Dimension::Tag(key) => format!("{key}={value}"),
        _ => value.to_owned(),
    }
}
