//! Where a change is, and what happened at the time: each with its own contribution where that can be
//! computed, and otherwise as what it is, something that coincided.

mod facts;
mod links;
mod places;
mod prices;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use centinel_engine::{
    explain::Decomposition,
    localize::Localization,
    money::{Decimal, Pico},
    period::Period,
};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use serde::Serialize;

use crate::{App, AppError, ExplainRequest};

/// What is known about a change beside its drivers.
#[derive(Debug, Clone, Serialize)]
pub struct Circumstances {
    /// The combinations of values that hold the change; `None` where there is nothing to tell apart.
    pub places: Option<Localization>,
    /// The one value of one dimension that holds at least half of the change, and at least twice its
    /// share of the usual cost, where the combinations hold less than half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<PlaceShare>,
    /// What is new, and what happened at the time: first what has a contribution.
    pub links: Vec<Link>,
}

/// A place of a change, with what of the change is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceShare {
    /// Values by dimension; a dimension that is not named has all of its values.
    #[serde(rename = "where")]
    pub place: BTreeMap<String, String>,
    /// What of the change is in it and in no place before it.
    pub amount: Pico,
}

/// Something that may have to do with a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What kind of thing.
    pub kind: LinkKind,
    /// Its name: a model, a key, an event's note. Text of others.
    pub what: String,
    /// Its first day within what is explained, or shortly before.
    pub since: Date,
    /// Its contribution to the change, where that can be computed; without it, it coincided. The
    /// contributions of several links may overlap: a new key may call a new model.
    pub amount: Option<Pico>,
    /// Of a price: what a million tokens cost before and after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<PriceStep>,
    /// Of failed calls: how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedCalls>,
}

/// The price of a million tokens, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceStep {
    /// `input` or `output`.
    pub tokens: &'static str,
    /// Until the change, in the book's currency.
    pub before: Decimal,
    /// From the change on.
    pub after: Decimal,
}

/// Failed calls of all calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FailedCalls {
    /// Failed on the days explained.
    pub failed: i128,
    /// Calls of these days.
    pub calls: i128,
    /// Failed on the days compared with.
    pub failed_before: i128,
    /// Calls of those days.
    pub calls_before: i128,
}

/// What kind of thing a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// A model without cost on the days compared with. Its contribution is its cost.
    NewModel,
    /// A key without cost on the days compared with. Its contribution is its cost.
    NewKey,
    /// A model's price that begins then, by the book that is in force. Its contribution is the price
    /// term of the split of the model's change.
    PriceChange,
    /// Calls of the time that were priced anew. Its contribution is what that changed, where all of it
    /// lies in what is explained.
    Restatement,
    /// Another price book became the one that prices calls.
    BookActivated,
    /// A price book that was imported; it prices nothing by itself.
    BookImported,
    /// A release.
    Deploy,
    /// A planned change.
    Planned,
    /// Maintenance.
    Maintenance,
    /// A policy that was another one when it was loaded last.
    PolicyEdit,
    /// Failed calls, several times their usual share.
    ErrorBurst,
}

impl LinkKind {
    /// As people read it.
    pub fn label(self) -> &'static str {
        match self {
            Self::NewModel => "new model",
            Self::NewKey => "new key",
            Self::PriceChange => "price change",
            Self::Restatement => "calls priced anew",
            Self::BookActivated => "price book in force",
            Self::BookImported => "price book imported",
            Self::Deploy => "deploy",
            Self::Planned => "planned change",
            Self::Maintenance => "maintenance",
            Self::PolicyEdit => "policy edit",
            Self::ErrorBurst => "failed calls",
        }
    }

    /// Its name on the wire: `price_change`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewModel => "new_model",
            Self::NewKey => "new_key",
            Self::PriceChange => "price_change",
            Self::Restatement => "restatement",
            Self::BookActivated => "book_activated",
            Self::BookImported => "book_imported",
            Self::Deploy => "deploy",
            Self::Planned => "planned",
            Self::Maintenance => "maintenance",
            Self::PolicyEdit => "policy_edit",
            Self::ErrorBurst => "error_burst",
        }
    }
}

/// Links of a kind that are told, the most expensive or the earliest first.
const LINKS_MAX: usize = 5;
/// Days before a change in which something may have begun it.
const DAYS_BEFORE: i32 = 2;

impl App {
    /// Where a change is, and what happened at the time.
    pub(crate) async fn circumstances(
        &self,
        request: &ExplainRequest,
        split: &Decomposition,
        now: Timestamp,
    ) -> Result<Circumstances, AppError> {
        let data = self.ledger.span_as_of(request.as_of).await?.ok_or(AppError::Empty)?;
        let usual = self.usual(request, data.0, now).await?;
        let sides = self.leaf_sides(request, &usual).await?;
        let mut links = links::new_values(&sides);
        links.extend(self.price_links(request, &usual, split, now).await?);
        links.extend(self.event_links(request, now).await?);
        links.extend(self.policy_links(request, now).await?);
        links.extend(self.error_burst(request, &usual).await?);
        // Stable: within both, kinds stay in their order.
        links.sort_by_key(|link| link.amount.is_none());
        let (places, largest) = places::of(&sides)?;
        Ok(Circumstances { places, largest, links })
    }
}

impl Link {
    /// Something that coincided.
    pub(crate) fn coincided(kind: LinkKind, what: String, since: Date) -> Self {
        Self { kind, what, since, amount: None, steps: Vec::new(), failed: None }
    }

    /// Its name, and of prices and failed calls the figures; text of others in it as it is.
    pub fn told(&self) -> String {
        let mut told = self.what.clone();
        for step in &self.steps {
            let PriceStep { tokens, before, after } = step;
            let _ = write!(told, ", {tokens} {before} to {after} a million tokens");
        }
        if let Some(FailedCalls { failed, calls, failed_before, calls_before }) = self.failed {
            let _ = write!(
                told,
                "{failed} of {calls} calls, {failed_before} of {calls_before} on the usual days"
            );
        }
        told
    }
}

/// First day, and the one after the last, of the time in which something may have begun a change:
/// the days that are explained, and a few before.
pub(crate) fn time_of(period: Period) -> (Date, Date) {
    let (first, after) = period.dates();
    (first.saturating_sub(DAYS_BEFORE.days()), after)
}

/// The conditions of a request, by the dimension's name.
fn scope_of(request: &ExplainRequest) -> BTreeMap<String, &BTreeSet<String>> {
    let conditions = request.filter.iter();
    conditions.map(|condition| (condition.dimension.to_string(), &condition.any_of)).collect()
}
