//! Two periods side by side, group by group.

use std::collections::BTreeMap;

use centinel_engine::{
    explain::{self, CellEffects, Driver, Effect, Measured},
    money::Pico,
    series::Dimension,
};
use jiff::Timestamp;

use crate::{
    App, AppError, ExplainRequest, Explained,
    explain::{UNNAMED, mixed},
    memo::Weigh,
};

/// A comparison: the change as a whole, explained, and by group.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The whole change.
    pub explained: Explained,
    /// A line for every group with cost on either side, largest change first, ties by name.
    pub groups: Vec<GroupChange>,
}

/// The change of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupChange {
    /// The dimension's value; `None` where rows have none.
    pub group: Option<String>,
    /// Cost before, scaled to the days compared.
    pub before: Pico,
    /// Cost after.
    pub after: Pico,
    /// The change.
    pub delta: Pico,
    /// What moved it most; `None` when nothing changed.
    pub main_driver: Option<Driver>,
}

impl App {
    /// Compares two periods by a dimension.
    ///
    /// Drivers of features and models are those of the explanation. Other dimensions have no business
    /// outputs: there, calls take their place.
    ///
    /// # Errors
    ///
    /// As [`App::explain_change`].
    pub async fn compare(
        &self,
        request: &ExplainRequest,
        by: &Dimension,
        now: Timestamp,
    ) -> Result<Compared, AppError> {
        let settled = self.settled().await?;
        let key = settled.explained_by(request, now).await?;
        let explained = settled.explained(&key, now).await?.0.clone();
        let groups = match by {
            Dimension::Feature | Dimension::Model => {
                grouped(&explained.decomposition.by_cell, &by.to_string(), request.measured)
            }
            _ => {
                let compare = || {
                    let (app, request, by) = (settled.clone(), request.clone(), by.clone());
                    async move { app.groups(&request, &by, now).await }
                };
                let kept = &self.kept.compared;
                kept.get(&(key, by.clone()), compare).await?.0.clone()
            }
        };
        Ok(Compared { explained, groups })
    }

    /// The groups of a comparison by a dimension that has no business outputs.
    async fn groups(
        &self,
        request: &ExplainRequest,
        by: &Dimension,
        now: Timestamp,
    ) -> Result<Groups, AppError> {
        let sides = self.sides(request, Some(by), now).await?;
        let split = explain::decompose(&sides.cells, &mixed(&sides.cells), sides.scale)?;
        Ok(Groups(grouped(&split.by_cell, &by.to_string(), request.measured)))
    }
}

/// The groups of a comparison.
#[derive(Debug)]
pub(crate) struct Groups(Vec<GroupChange>);

impl Weigh for Groups {
    fn weight(&self) -> usize {
        let of_group = |change: &GroupChange| change.group.as_ref().map_or(0, String::len) + 128;
        self.0.iter().map(of_group).sum()
    }
}

/// What the cells of a group add up to.
#[derive(Default)]
struct Sums {
    before: Pico,
    after: Pico,
    effects: BTreeMap<Driver, i128>,
}

/// Adds cells up by one dimension.
fn grouped(cells: &[CellEffects], name: &str, measured: Measured) -> Vec<GroupChange> {
    let mut groups: BTreeMap<Option<&str>, Sums> = BTreeMap::new();
    for cell in cells {
        let value = cell.cell.get(name).map(String::as_str).filter(|value| *value != UNNAMED);
        let Sums { before, after, effects } = groups.entry(value).or_default();
        // No overflow: the engine has added the same amounts up.
        before.0 = before.0.saturating_add(cell.before.0);
        after.0 = after.0.saturating_add(cell.after.0);
        for effect in &cell.effects {
            let sum = effects.entry(effect.driver).or_default();
            *sum = sum.saturating_add(effect.amount.0);
        }
    }
    let mut changes: Vec<GroupChange> = groups
        .into_iter()
        .filter(|(_, sums)| (sums.before, sums.after) != (Pico::ZERO, Pico::ZERO))
        .map(|(group, Sums { before, after, effects })| {
            let delta = Pico(after.0.saturating_sub(before.0));
            let effects: Vec<Effect> = effects
                .into_iter()
                .map(|(driver, amount)| Effect { driver, amount: Pico(amount), parts: Vec::new() })
                .collect();
            GroupChange {
                group: group.map(str::to_owned),
                before,
                after,
                delta,
                main_driver: explain::main_driver(delta, &effects, measured),
            }
        })
        .collect();
    changes.sort_by_key(|change| {
        (std::cmp::Reverse(change.delta.0.unsigned_abs()), change.group.clone())
    });
    changes
}
