//! What an answer stands on: its period, its coverage, and what must be said beside the figures.

use std::collections::BTreeMap;

use centinel_app::{SpendAnswer, SpendGroup, SpendRequest, When};
use centinel_engine::{
    money::{Currency, Money, Pico},
    period::{DAY_MICROS, HOUR_MICROS, Period, date_of, start_of_day},
};
use centinel_ledger::{Condition, Measure, ScanLevel, SpendQuery};
use centinel_mcp::{
    Basis, Coverage, Edit, Filter, GrossSides, Label, Refusal, RelativePeriod, Scope, Sentence,
    Window,
};
use jiff::{Timestamp, civil::Date};

use super::{
    Ports,
    refusal::{failed, refused},
};

/// A question's time, resolved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// The present.
    pub(super) now: Timestamp,
    /// Time counted.
    pub(super) period: Period,
    /// First and last instant of the data.
    pub(super) data: (Timestamp, Timestamp),
    /// The day that relative words counted from, where that is not the present.
    counts_from: Option<Date>,
    /// What was known up to then.
    as_of: Timestamp,
}

impl Ports {
    /// Resolves a window against the span of the data.
    pub(super) async fn asked(
        &self,
        window: Window,
        as_of: Option<Timestamp>,
    ) -> Result<Asked, Refusal> {
        let now = self.now();
        let data = self.app.ledger().span().await.map_err(|error| failed(&error))?;
        let data = data.ok_or_else(|| refused(centinel_app::AppError::Empty))?;
        let resolved = When::All.resolve(now, Some(data)).map_err(|error| failed(&error))?;
        let (period, counts_from) = match window {
            Window::Exact(period) => (period, None),
            Window::Relative(relative) => {
                // A period "to date" of old data ends with the data, not on the empty day after it.
                let today = if resolved.counts_from_data && is_to_date(relative) {
                    date_of(data.1)
                } else {
                    resolved.today
                };
                let period = relative.resolve(today).map_err(|error| failed(&error))?;
                (period, resolved.counts_from_data.then_some(resolved.today))
            }
        };
        if !period.is_aligned(HOUR_MICROS) {
            let (first, last) = period.dates();
            let after = if start_of_day(last) < period.end { last.tomorrow() } else { Ok(last) };
            return Err(Refusal::amended(
                "the ledger answers whole hours",
                vec![
                    Edit::set("start", first.to_string()),
                    Edit::set("end", after.unwrap_or(Date::MAX).to_string()),
                ],
            ));
        }
        if period.end <= data.0 || period.start > data.1 {
            let ahead = if period.start > data.1 { "; days ahead are for `forecast`" } else { "" };
            return Err(Refusal::amended(
                format!(
                    "there is no data in {period}: it covers {} to {}{ahead}",
                    date_of(data.0),
                    date_of(data.1)
                ),
                vec![Edit::without("start"), Edit::without("end"), Edit::set("period", "last_30d")],
            ));
        }
        Ok(Asked { now, period, data, counts_from, as_of: as_of.unwrap_or(now) })
    }

    /// First day of the data, and the day that relative periods count from.
    pub(super) async fn data_days(&self) -> Result<Option<(Date, Date)>, Refusal> {
        let span = self.app.ledger().span().await.map_err(|error| failed(&error))?;
        let Some(data) = span else { return Ok(None) };
        let resolved = When::All.resolve(self.now(), Some(data)).map_err(|error| failed(&error))?;
        Ok(Some((date_of(data.0), resolved.today)))
    }

    /// What both sides of a change were before credits and discounts.
    pub(super) async fn gross_sides(
        &self,
        period: Period,
        before: Option<Period>,
        filter: &Filter,
        currency: Currency,
    ) -> Result<GrossSides, Refusal> {
        let gross = async |period: Period| -> Result<Pico, Refusal> {
            let question = question(period, Vec::new(), filter);
            Ok(self.app.gross(&question, currency).await.map_err(refused)?.total)
        };
        let before = match before {
            Some(before) => Some(gross(before).await?),
            None => None,
        };
        Ok(GrossSides { before, after: gross(period).await? })
    }

    /// A period that may lie ahead of the data.
    pub(super) async fn asked_ahead(
        &self,
        period: Period,
        as_of: Option<Timestamp>,
    ) -> Result<Asked, Refusal> {
        let now = self.now();
        let data = self.app.ledger().span().await.map_err(|error| failed(&error))?;
        let data = data.ok_or_else(|| refused(centinel_app::AppError::Empty))?;
        Ok(Asked { now, period, data, counts_from: None, as_of: as_of.unwrap_or(now) })
    }

    /// Refuses a further page when rows came in or were restated since the first: its figures would
    /// not fit.
    pub(super) async fn unchanged_since(&self, as_of: Option<Timestamp>) -> Result<(), Refusal> {
        let Some(as_of) = as_of else { return Ok(()) };
        let batches = self.app.database().batches().await.map_err(|error| failed(&error))?;
        let restated = self.app.database().restated_sums().await;
        let restated = restated.map_err(|error| failed(&error))?;
        let mut known = batches
            .iter()
            .map(|batch| batch.known_at)
            .chain(restated.iter().map(|restated| restated.known_at));
        if known.any(|known_at| known_at > as_of.as_microsecond()) {
            return Err(Refusal::mistaken(
                "data arrived since the first page",
                "ask again without `cursor`",
            ));
        }
        Ok(())
    }

    /// Spend of a scope by owner: coverage, and who answers for most of it.
    pub(super) async fn by_owner(
        &self,
        asked: &Asked,
        filter: &Filter,
    ) -> Result<SpendAnswer, Refusal> {
        let question = question(asked.period, vec![SpendGroup::Owner], filter);
        self.app.spend(&question, asked.now).await.map_err(refused)
    }

    /// How much of an answer's spend is priced and owned.
    pub(super) async fn coverage(
        &self,
        answer: &SpendAnswer,
        filter: &Filter,
        as_of: Option<Timestamp>,
    ) -> Result<Coverage, Refusal> {
        let unpriced_calls = count(answer.total.unpriced_calls);
        let mut unpriced_tokens = 0;
        if unpriced_calls > 0 {
            let measures = vec![Measure::UnpricedInputTokens, Measure::UnpricedOutputTokens];
            let mut query = SpendQuery::new(answer.period, measures);
            query.filter = conditions(filter);
            query.as_of = as_of;
            let table = self.app.ledger().spend(&query).await.map_err(|error| failed(&error))?;
            let tokens = |index| table.rows.iter().map(|row| row.value(index)).sum::<i128>();
            unpriced_tokens = count(tokens(0).saturating_add(tokens(1)));
        }
        Ok(Coverage { owned_ratio: answer.owned_ratio, unpriced_calls, unpriced_tokens })
    }

    /// The basis of an answer; `notes` come first, then what holds of every answer.
    pub(super) async fn basis(
        &self,
        asked: &Asked,
        currency: Currency,
        coverage: Coverage,
        evidence_id: String,
        mut notes: Vec<Sentence>,
    ) -> Result<Basis, Refusal> {
        if self.app.limited_to().is_some() {
            notes.push(Sentence::new(
                "Amounts, counts and shares are of what you may see; there is spend beyond it.",
            ));
        }
        if coverage.unpriced_calls > 0 {
            notes.push(
                Sentence::new("")
                    .figure(coverage.unpriced_calls)
                    .text(" calls have no price: what they cost is in no amount."),
            );
        }
        let after_data = date_of(asked.data.1).tomorrow().unwrap_or(Date::MAX);
        if asked.period.end > start_of_day(after_data) {
            notes.push(
                Sentence::new("The data ends with ")
                    .figure(date_of(asked.data.1))
                    .text(", before the period does."),
            );
        }
        if asked.period.start < start_of_day(date_of(asked.data.0)) {
            notes.push(
                Sentence::new("The data begins with ")
                    .figure(date_of(asked.data.0))
                    .text(", after the period does."),
            );
        }
        if let Some(day) = asked.counts_from {
            notes.push(
                Sentence::new("The data is not of today: relative periods count from ")
                    .figure(day)
                    .text(", the day after its end."),
            );
        }
        Ok(Basis {
            currency,
            period: asked.period,
            as_of: asked.as_of,
            fresh_until: self.fresh_until(asked.data.1).await?,
            coverage,
            evidence_id,
            notes,
        })
    }

    /// Up to when every source that counts has delivered; `None` when one never did.
    ///
    /// A source that comes by the month has delivered up to its next step, and never beyond the
    /// newest row of all.
    pub(super) async fn fresh_until(
        &self,
        newest: Timestamp,
    ) -> Result<Option<Timestamp>, Refusal> {
        let database = self.app.database();
        let sources = database.sources().await.map_err(|error| failed(&error))?;
        let until = database.data_until_by_source().await.map_err(|error| failed(&error))?;
        let steps = self.app.usual_steps().await.map_err(refused)?;
        let delivered = |name: &String| {
            let further = i64::from(steps.get(name).copied().unwrap_or(1)) - 1;
            let micros = until.get(name)?.saturating_add(further.saturating_mul(DAY_MICROS));
            Timestamp::from_microsecond(micros).ok().map(|at| at.min(newest))
        };
        let counted = sources.iter().filter(|(_, role)| *role == "spend");
        let delivered: Option<Vec<_>> = counted.map(|(name, _)| delivered(name)).collect();
        Ok(delivered.and_then(|delivered| delivered.into_iter().min()))
    }

    /// The same, of an answer that is about no period; `None` without data, too.
    pub(super) async fn newest_delivery(&self) -> Result<Option<Timestamp>, Refusal> {
        match self.app.ledger().span().await.map_err(|error| failed(&error))? {
            Some((_, newest)) => self.fresh_until(newest).await,
            None => Ok(None),
        }
    }

    /// The open proposal about a scope, if any.
    pub(super) async fn proposals_by_scope(
        &self,
        now: Timestamp,
    ) -> Result<BTreeMap<BTreeMap<String, String>, Label>, Refusal> {
        let open = self.app.approvals().inbox(now).await.map_err(super::refusal::undecided)?;
        let scoped = open.into_iter().filter_map(|view| match view.proposal.change {
            centinel_engine::proposal::Change::Budget { scope, .. } => {
                Some((scope, Label::from(view.proposal.id.to_string())))
            }
            _ => None,
        });
        Ok(scoped.collect())
    }
}

/// The end of a summary: what whoever reads only that must know, and the final period.
pub(super) fn told(summary: Sentence, asked: &Asked, coverage: &Coverage) -> Sentence {
    let mut ending = Sentence::new("");
    if coverage.unpriced_calls > 0 {
        ending = ending
            .text("; ")
            .figure(coverage.unpriced_calls)
            .text(" calls have no price, their cost is in no amount");
    }
    summary.ending(&data_end(ending, asked))
}

/// The same of an answer whose summary counts calls without a price itself.
pub(super) fn ended(summary: Sentence, asked: &Asked) -> Sentence {
    summary.ending(&data_end(Sentence::new(""), asked))
}

fn data_end(mut ending: Sentence, asked: &Asked) -> Sentence {
    let after_data = date_of(asked.data.1).tomorrow().unwrap_or(Date::MAX);
    if asked.counts_from.is_some() || asked.period.end > start_of_day(after_data) {
        ending = ending.text("; the data ends with ").figure(date_of(asked.data.1));
    }
    ending.text(".")
}

/// Says which cost the amounts are, where they are of one kind only.
pub(super) fn net_only() -> Sentence {
    Sentence::new("Amounts are net: after credits and discounts, commitments amortised.")
}

fn is_to_date(relative: RelativePeriod) -> bool {
    matches!(
        relative,
        RelativePeriod::Today
            | RelativePeriod::MonthToDate
            | RelativePeriod::QuarterToDate
            | RelativePeriod::YearToDate
    )
}

/// A question about all groups of a period.
pub(super) fn question(period: Period, group_by: Vec<SpendGroup>, filter: &Filter) -> SpendRequest {
    SpendRequest {
        period,
        group_by,
        filter: conditions(filter),
        grain: None,
        top: None,
        as_of: None,
        scan: ScanLevel::Coarsest,
    }
}

pub(super) fn conditions(filter: &Filter) -> Vec<Condition> {
    filter
        .0
        .iter()
        .map(|(dimension, value)| Condition {
            dimension: dimension.clone(),
            any_of: [value.clone()].into(),
        })
        .collect()
}

/// Dimension values by name, as the product has scopes.
pub(super) fn scope_of(filter: &Filter) -> BTreeMap<String, String> {
    filter.0.iter().map(|(dimension, value)| (dimension.to_string(), value.clone())).collect()
}

/// A scope as the port shows it.
pub(super) fn shown_scope(scope: &BTreeMap<String, String>) -> Scope {
    scope.iter().map(|(name, value)| (Label::from(name), Label::from(value))).collect()
}

/// The owner of most of the cost, where there is one.
pub(super) fn main_owner(by_owner: &SpendAnswer) -> Option<Label> {
    let largest = by_owner.rows.iter().find(|line| line.currency == by_owner.currency)?;
    largest.group.get("owner").cloned().flatten().map(Label::from)
}

/// Says which other currencies are in no amount.
pub(super) fn other_currencies(answer: &SpendAnswer, currency: Currency) -> Vec<Sentence> {
    let codes = answer.other_currencies.keys().cloned();
    let own = (answer.currency != currency).then(|| answer.currency.to_string());
    codes
        .chain(own)
        .filter(|code| code != currency.as_str())
        .map(|code| {
            Sentence::new("There is spend in ")
                .name(&code)
                .text(" too; it is in no amount: currencies are never added.")
        })
        .collect()
}

/// An amount as a sentence shows it.
pub(super) fn money(amount: Pico, currency: Currency) -> Money {
    Money { amount, currency }
}

/// A count of the ledger, which is never negative.
pub(super) fn count(value: i128) -> u64 {
    u64::try_from(value.max(0)).unwrap_or(u64::MAX)
}

/// One page of a list.
pub(super) fn paged<T>(rows: Vec<T>, page: centinel_mcp::Page) -> Vec<T> {
    let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    rows.into_iter().skip(offset).take(limit).collect()
}
