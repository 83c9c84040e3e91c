//! Prices that changed at the time: in the book in force, by another book, or by pricing anew.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    explain::{Decomposition, Driver},
    money::{Currency, Pico},
    period::{Period, date_of},
    pricing::{Meter, PriceChange, PriceQuery},
    series::Dimension,
};
use centinel_ledger::{Measure, SpendQuery};
use centinel_store::{RESTATED, audit};
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;

use super::{LINKS_MAX, Link, LinkKind, PriceStep, time_of};
use crate::{
    App, AppError, BookVersion, ExplainRequest,
    book_versions::{ACTIVATED, IMPORTED},
    usual::Usual,
};

/// What a price depends on beside the time.
const PRICED_BY: [Dimension; 4] =
    [Dimension::Provider, Dimension::Model, Dimension::ServiceTier, Dimension::Region];

/// Calls that have one price at a time, by the values of [`PRICED_BY`].
type Priced = BTreeSet<[Option<String>; 4]>;

/// What the audit log keeps of an activated book.
#[derive(Debug, Deserialize)]
struct Activated {
    book: String,
}

/// What the audit log keeps of calls that were priced anew.
#[derive(Debug, Deserialize)]
struct Restated {
    period: Period,
    book: String,
    currency: Currency,
    before: Pico,
    after: Pico,
}

impl App {
    /// Prices of the calls that changed at the time; nothing where there are no calls.
    pub(super) async fn price_links(
        &self,
        request: &ExplainRequest,
        usual: &Usual,
        split: &Decomposition,
        now: Timestamp,
    ) -> Result<Vec<Link>, AppError> {
        let priced = self.priced(request, usual).await?;
        if priced.is_empty() {
            return Ok(Vec::new());
        }
        let mut links = self.price_changes(request, &priced, split);
        links.extend(self.restated_links(request, now).await?);
        links.extend(self.book_links(request, now).await?);
        Ok(links)
    }

    /// What the calls of both sides are priced by.
    async fn priced(&self, request: &ExplainRequest, usual: &Usual) -> Result<Priced, AppError> {
        let mut priced = Priced::new();
        for period in [request.period, usual.period] {
            let mut query = SpendQuery::new(period, vec![Measure::Calls]).by(PRICED_BY);
            query.filter.clone_from(&request.filter);
            query.as_of = request.as_of;
            let called = self.ledger.spend(&query).await?.rows;
            let called = called.iter().filter(|row| row.value(0) > 0);
            priced.extend(called.filter_map(|row| row.group.to_vec().try_into().ok()));
        }
        Ok(priced)
    }

    /// Models whose price began then, with the price term of their change.
    fn price_changes(
        &self,
        request: &ExplainRequest,
        priced: &Priced,
        split: &Decomposition,
    ) -> Vec<Link> {
        // A book that cannot be read says nothing of when prices changed.
        let Ok(book) = self.book() else { return Vec::new() };
        if book.currency() != self.config.organisation.currency {
            return Vec::new();
        }
        let (from, after) = time_of(request.period);
        let Ok(period) = Period::days(from, after) else { return Vec::new() };
        let mut by_model: BTreeMap<&str, Vec<(&str, Option<PriceChange>)>> = BTreeMap::new();
        for [provider, model, tier, region] in priced {
            let (Some(provider), Some(model)) = (provider, model) else { continue };
            let query = PriceQuery {
                provider,
                model,
                service_tier: tier.as_deref(),
                region: region.as_deref(),
                at: None,
            };
            let change = book.changes(&query, period).into_iter().next();
            by_model.entry(model).or_default().push((provider, change));
        }
        let links =
            by_model.into_iter().filter_map(|(model, found)| price_link(model, found, split));
        let mut links: Vec<Link> = links.collect();
        links.sort_by_key(|link| {
            std::cmp::Reverse(link.amount.map(|amount| amount.0.unsigned_abs()))
        });
        links.truncate(LINKS_MAX);
        links
    }

    /// Calls of the days explained that were priced anew since. What that changed is a contribution
    /// where all of them are in what is explained.
    async fn restated_links(
        &self,
        request: &ExplainRequest,
        now: Timestamp,
    ) -> Result<Vec<Link>, AppError> {
        let known_at = request.known_at(now).as_microsecond();
        let own = request.period;
        let currency = self.config.organisation.currency;
        let entries = audit::entries_of_action(self.database(), RESTATED).await?;
        let restated =
            entries.into_iter().filter(|entry| entry.at <= known_at).filter_map(|entry| {
                let Restated { period, book, currency: own_currency, before, after } =
                    serde_json::from_value(entry.payload).ok()?;
                if period.start >= own.end || period.end <= own.start {
                    return None;
                }
                // What was restated is told of all calls, so it is an amount for those who see all.
                let is_all = request.filter.is_empty()
                    && self.limited_to().is_none()
                    && own_currency == currency
                    && own.start <= period.start
                    && period.end <= own.end;
                let amount = is_all.then(|| Pico(after.0.saturating_sub(before.0)));
                let since = date_of(period.start).max(date_of(own.start));
                let what = format!("by {book}");
                Some(Link { amount, ..Link::coincided(LinkKind::Restatement, what, since) })
            });
        Ok(restated.take(LINKS_MAX).collect())
    }

    /// Books that were put in force or imported then.
    async fn book_links(
        &self,
        request: &ExplainRequest,
        now: Timestamp,
    ) -> Result<Vec<Link>, AppError> {
        let known_at = request.known_at(now).as_microsecond();
        let (from, after) = time_of(request.period);
        let mut links = Vec::new();
        for (action, kind) in
            [(ACTIVATED, LinkKind::BookActivated), (IMPORTED, LinkKind::BookImported)]
        {
            let entries = audit::entries_of_action(self.database(), action).await?;
            let told =
                entries.into_iter().filter(|entry| entry.at <= known_at).filter_map(|entry| {
                    let day = Timestamp::from_microsecond(entry.at).map(date_of).ok()?;
                    let what = match kind {
                        LinkKind::BookActivated => {
                            serde_json::from_value::<Activated>(entry.payload).ok()?.book
                        }
                        _ => {
                            let book: BookVersion = serde_json::from_value(entry.payload).ok()?;
                            format!("{} ({})", book.name, book.file)
                        }
                    };
                    (from <= day && day < after).then(|| Link::coincided(kind, what, day))
                });
            links.extend(told.take(LINKS_MAX));
        }
        Ok(links)
    }
}

/// A model whose price began then. The price term of its change is the contribution where all of its
/// calls have such a price: where some have not, the term is theirs as well.
fn price_link(
    model: &str,
    found: Vec<(&str, Option<PriceChange>)>,
    split: &Decomposition,
) -> Option<Link> {
    let is_all = found.iter().all(|(_, change)| change.is_some());
    let changed: Vec<(&str, PriceChange)> =
        found.into_iter().filter_map(|(provider, change)| Some((provider, change?))).collect();
    let (_, first) = changed.iter().min_by_key(|(_, change)| change.at)?;
    let providers: BTreeSet<&str> = changed.iter().map(|(provider, _)| *provider).collect();
    let providers: Vec<&str> = providers.into_iter().collect();
    let cells = split
        .by_cell
        .iter()
        .filter(|cell| cell.cell.get("model").is_some_and(|value| value == model));
    let terms =
        cells.flat_map(|cell| &cell.effects).filter(|effect| effect.driver == Driver::Price);
    let term = terms.fold(0_i128, |sum, effect| sum.saturating_add(effect.amount.0));
    let since: Date = date_of(first.at);
    let what = format!("{model} at {}", providers.join(", "));
    Some(Link {
        amount: is_all.then_some(Pico(term)),
        steps: steps(&changed),
        ..Link::coincided(LinkKind::PriceChange, what, since)
    })
}

/// Prices before and after, where all that changed have the same.
fn steps(changed: &[(&str, PriceChange)]) -> Vec<PriceStep> {
    let Some((_, first)) = changed.first() else { return Vec::new() };
    if changed.iter().any(|(_, other)| other.steps != first.steps) {
        return Vec::new();
    }
    let steps = first.steps.iter().filter_map(|step| {
        let tokens = match step.meter {
            Meter::Input => "input",
            Meter::Output => "output",
            _ => return None,
        };
        Some(PriceStep { tokens, before: step.before, after: step.after })
    });
    steps.collect()
}
