//! Restating: what calls of a period would cost by another book, and, on request, booking it.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    money::{Currency, Pico},
    period::Period,
    pricing::PriceBook,
    series::Dimension,
    usage::BookedCost,
};
use centinel_ledger::{BookedCall, LedgerError, Repricer};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    App, AppError,
    call_price::{AskedCall, CallPricer, NotBooked, Numbers},
    open_book,
};

/// What is to be restated.
#[derive(Debug, Clone)]
pub struct RestateRequest {
    /// Calls of this time, in whole hours.
    pub period: Period,
    /// By which book; the configured one where none is named.
    pub book: Option<String>,
    /// Only calls that have no price so far.
    pub only_unpriced: bool,
    /// Why; goes into the audit log.
    pub reason: String,
}

/// What a restatement changes, or would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restated {
    /// Its number; `None` while nothing is written.
    pub restatement: Option<i64>,
    /// Calls of this time.
    pub period: Period,
    /// Name of the book.
    pub book: String,
    /// Digest of the book, with its contract.
    pub book_digest: String,
    /// Books that the changed calls were priced by, as `name@version`.
    pub books_before: BTreeSet<String>,
    /// Of every amount.
    pub currency: Currency,
    /// Calls looked at.
    pub calls: u64,
    /// Calls with another cost.
    pub changed: u64,
    /// Calls that had no price and have one now; part of `changed`.
    pub newly_priced: u64,
    /// Calls that have a price and keep it.
    pub unchanged: u64,
    /// Of them, calls that the book has no price for.
    pub kept_without_price: u64,
    /// Calls that have no price and get none.
    pub still_unpriced: u64,
    /// Calls in another currency than the book's, left alone.
    pub other_currency: u64,
    /// Cost of the period's calls as booked.
    pub before: Pico,
    /// Cost of the period's calls as restated.
    pub after: Pico,
    /// Models with changes, largest change first.
    pub by_model: Vec<RestatedModel>,
}

/// What changes for one model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RestatedModel {
    /// As the calls spell it.
    pub provider: String,
    /// As the calls spell it.
    pub model: String,
    /// Calls with another cost.
    pub calls: u64,
    /// Of them, calls that had no price.
    pub newly_priced: u64,
    /// Their cost as booked.
    pub before: Pico,
    /// Their cost as restated.
    pub after: Pico,
}

impl App {
    /// Computes what a restatement changes, and books it when an `actor` is given: new segments in
    /// place of the old ones and an audit entry, in one transaction. Questions as of an earlier
    /// instant are answered as before.
    ///
    /// # Errors
    ///
    /// Those of the book; [`AppError::Ledger`], also for a period that is not of whole hours.
    pub async fn restate(
        &self,
        request: &RestateRequest,
        actor: Option<&str>,
        now: Timestamp,
        nonce: u64,
    ) -> Result<Restated, AppError> {
        let book = match &request.book {
            Some(name) => {
                let book = open_book(name, &self.home)?.book;
                let is_undated = self.config.prices.undated;
                let book = if is_undated { book.holding_for_all_time() } else { book };
                std::sync::Arc::new(self.on_our_terms(book)?)
            }
            None => self.book()?,
        };
        let sources = self.database().sources().await?.into_iter();
        let aside = sources.filter(|(_, role)| role != "spend").map(|(name, _)| name).collect();
        let runtime = tokio::runtime::Handle::current();
        let (ledger, db) = (self.ledger.clone(), self.database().clone());
        let (period, only_unpriced) = (request.period, request.only_unpriced);
        let token = actor.map(|_| format!("restated-{nonce:016x}"));
        let work = tokio::task::spawn_blocking(move || {
            let numbers = token.as_ref().map(|_| Numbers::new(db, runtime.clone()));
            let mut tally = Tally::new(&book, numbers, only_unpriced, period, aside);
            let restating = ledger.restate(&runtime, period, &mut tally, token.as_deref())?;
            Ok::<_, LedgerError>((restating, tally.answer, tally.prices_before))
        });
        let (restating, mut answer, numbers) = work.await.map_err(|_| AppError::Interrupted)??;
        answer.books_before = self.books_of(&numbers).await?;
        answer.finish();
        if let Some(actor) = actor
            && answer.changed > 0
        {
            let mut payload = serde_json::to_value(&answer).unwrap_or_default();
            if let Some(payload) = payload.as_object_mut() {
                payload.remove("restatement");
                payload.insert("reason".to_owned(), request.reason.clone().into());
                payload.insert("only_unpriced".to_owned(), only_unpriced.into());
            }
            let number = self.ledger.commit_restatement(restating, now, actor, &payload).await?;
            answer.restatement = Some(number);
        }
        Ok(answer)
    }

    /// Names and versions of the books behind numbers of prices.
    async fn books_of(&self, numbers: &BTreeSet<u32>) -> Result<BTreeSet<String>, AppError> {
        let prices = self.database().prices().await?;
        let name = |identity: &String| {
            let identity: serde_json::Value = serde_json::from_str(identity).ok()?;
            let book = identity.get("book")?.as_str()?.to_owned();
            Some(match identity.get("book_version").and_then(serde_json::Value::as_str) {
                Some(version) => format!("{book}@{version}"),
                None => book,
            })
        };
        Ok(numbers.iter().filter_map(|number| name(prices.get(number)?)).collect())
    }
}

impl Restated {
    fn finish(&mut self) {
        let size = |model: &RestatedModel| model.after.0.saturating_sub(model.before.0).abs();
        self.by_model.sort_by_key(|model| {
            (std::cmp::Reverse(size(model)), model.provider.clone(), model.model.clone())
        });
    }
}

/// Prices calls, and adds up what becomes of them.
struct Tally<'b> {
    pricer: CallPricer<'b, i32>,
    only_unpriced: bool,
    currency: Currency,
    /// Sources that are in no total, so that restating them would change none.
    aside: BTreeSet<String>,
    answer: Restated,
    models: BTreeMap<(String, String), usize>,
    prices_before: BTreeSet<u32>,
}

impl<'b> Tally<'b> {
    fn new(
        book: &'b PriceBook,
        numbers: Option<Numbers>,
        only_unpriced: bool,
        period: Period,
        aside: BTreeSet<String>,
    ) -> Self {
        Self {
            pricer: CallPricer::new(book, numbers),
            only_unpriced,
            currency: book.currency(),
            aside,
            answer: Restated {
                restatement: None,
                period,
                book: book.name().to_owned(),
                book_digest: book.digest().to_owned(),
                books_before: BTreeSet::new(),
                currency: book.currency(),
                calls: 0,
                changed: 0,
                newly_priced: 0,
                unchanged: 0,
                kept_without_price: 0,
                still_unpriced: 0,
                other_currency: 0,
                before: Pico::ZERO,
                after: Pico::ZERO,
                by_model: Vec::new(),
            },
            models: BTreeMap::new(),
            prices_before: BTreeSet::new(),
        }
    }

    fn is_ours(&self, call: &BookedCall<'_>) -> bool {
        call.labels.get(&Dimension::Currency) == Some(self.currency.as_str())
            && !self.is_aside(call)
    }

    fn is_aside(&self, call: &BookedCall<'_>) -> bool {
        let source = call.labels.get(&Dimension::Source).unwrap_or_default();
        self.aside.contains(source)
    }
}

impl Repricer for Tally<'_> {
    fn price(&mut self, call: &BookedCall<'_>) -> Result<Option<BookedCost>, LedgerError> {
        if !self.is_ours(call) || (self.only_unpriced && call.cost.is_some()) {
            return Ok(None);
        }
        if call.is_gateway_cache {
            return Ok(Some(self.pricer.gateway_cache()?));
        }
        let labels = |dimension: &Dimension| call.labels.get(dimension);
        let asked =
            AskedCall { labels: &labels, at: call.at, usage: call.usage, calls: call.calls };
        match self.pricer.book(call.series, &asked) {
            Ok(booked) => Ok(Some(booked)),
            Err(NotBooked::Unpriced(_)) => {
                if call.cost.is_some() {
                    let kept = &mut self.answer.kept_without_price;
                    *kept = kept.saturating_add(call.calls);
                }
                Ok(None)
            }
            Err(NotBooked::Failed(error)) => Err(error.into()),
        }
    }

    fn settled(&mut self, call: &BookedCall<'_>, new: Option<&BookedCost>) {
        if self.is_aside(call) {
            return;
        }
        let answer = &mut self.answer;
        let add = |sum: &mut u64| *sum = sum.saturating_add(call.calls);
        add(&mut answer.calls);
        let is_ours = call.labels.get(&Dimension::Currency) == Some(self.currency.as_str());
        if !is_ours {
            add(&mut answer.other_currency);
            return;
        }
        let before = call.cost.unwrap_or(Pico::ZERO);
        let after = new.map_or(before, |new| new.amount);
        answer.before.0 = answer.before.0.saturating_add(before.0);
        answer.after.0 = answer.after.0.saturating_add(after.0);
        let is_new = call.cost.is_none();
        match new {
            None if is_new => return add(&mut answer.still_unpriced),
            None => return add(&mut answer.unchanged),
            Some(_) if !is_new && before == after => return add(&mut answer.unchanged),
            Some(_) => {}
        }
        add(&mut answer.changed);
        if is_new {
            add(&mut answer.newly_priced);
        } else {
            self.prices_before.insert(call.price);
        }
        let label = |dimension| call.labels.get(&dimension).unwrap_or_default().to_owned();
        let key = (label(Dimension::Provider), label(Dimension::Model));
        let by_model = &mut answer.by_model;
        let index = *self.models.entry(key).or_insert_with_key(|(provider, model)| {
            let (provider, model) = (provider.clone(), model.clone());
            by_model.push(RestatedModel { provider, model, ..RestatedModel::default() });
            by_model.len().saturating_sub(1)
        });
        if let Some(model) = by_model.get_mut(index) {
            add(&mut model.calls);
            if is_new {
                add(&mut model.newly_priced);
            }
            model.before.0 = model.before.0.saturating_add(before.0);
            model.after.0 = model.after.0.saturating_add(after.0);
        }
    }
}
