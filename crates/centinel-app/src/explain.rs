//! Why spend changed: the compared days against the same weekdays of the 56 days before.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use centinel_engine::{
    explain::{
        self, Cell, Decomposition, Driver, Finding, LedgerRow, Measured, Scale, cells_from_ledger,
    },
    facts::{Bundle, FactStatus},
    money::{Currency, Decimal, Pico},
    narrative,
    period::{Grain, Period, date_of},
    series::Dimension,
    usage::{CostClass, Usage, UsageClass},
};
use centinel_ledger::{Condition, GroupBy, LedgerState, Measure, SpendQuery, SpendTable};
use centinel_store::audit;
use jiff::{Timestamp, civil::Date};

use crate::{App, AppError, Circumstances, Event, calendar::KnownDays, memo::Weigh, usual::Usual};

/// A change to explain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExplainRequest {
    /// Which part of the spend; everything without a condition.
    pub filter: Vec<Condition>,
    /// The days that are explained.
    pub period: Period,
    /// Compare with these days instead of the usual baseline.
    pub compare_to: Option<Period>,
    /// Days of the baseline that are left out: holidays, planned changes, known episodes.
    pub left_out: BTreeSet<Date>,
    /// The figure whose change is explained: the main driver is the largest of its drivers.
    pub measured: Measured,
    /// From the rows, events and verdicts that were known then; without it, from all that are known.
    pub as_of: Option<Timestamp>,
}

impl ExplainRequest {
    /// The instant of whose knowledge it is answered.
    pub(crate) fn known_at(&self, now: Timestamp) -> Timestamp {
        self.as_of.map_or(now, |as_of| as_of.min(now))
    }
}

/// A change, explained exactly.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The split of the change over its drivers.
    pub decomposition: Decomposition,
    /// The figure whose change is explained.
    pub measured: Measured,
    /// What moved that figure most; `None` when nothing changed.
    pub main_driver: Option<Driver>,
    /// The days that are explained.
    pub period: Period,
    /// The days that were compared with, first to last.
    pub baseline: Period,
    /// How many of them counted.
    pub baseline_days: usize,
    /// Of every amount.
    pub currency: Currency,
    /// The facts.
    pub bundle: Bundle,
    /// Where the facts are kept.
    pub evidence: String,
    /// The standard wording, without citations.
    pub text: String,
    /// Where the change is, and what happened at the time.
    pub circumstances: Circumstances,
}

/// All that the explanation of a change depends on. Prices, ownership and configuration are read once,
/// when the home is opened, and what is kept goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ExplainedBy {
    ledger: LedgerState,
    /// Who may open its facts again, where somebody sees a part.
    reader: Option<String>,
    request: ExplainRequest,
    known: KnownDays,
    events: Vec<Event>,
    /// The newest entry of the audit log, and whether it counts: restatements, books and policies are
    /// read from the log.
    log: (Option<(i64, String)>, bool),
}

/// An explanation that is kept.
#[derive(Debug)]
pub(crate) struct KeptExplained(pub(crate) Explained);

impl Weigh for KeptExplained {
    fn weight(&self) -> usize {
        let Explained { decomposition, bundle, text, circumstances, .. } = &self.0;
        let cells = decomposition.by_cell.len() * 1_024 + decomposition.rejected.len() * 1_024;
        let told = (bundle.facts.len() + circumstances.links.len()) * 512;
        cells + told + text.len() + 4_096
    }
}

/// Both sides of a comparison.
pub(crate) struct Sides {
    pub(crate) cells: Vec<Cell>,
    pub(crate) scale: Scale,
    pub(crate) baseline: Period,
    pub(crate) baseline_days: usize,
    pub(crate) data_until: Timestamp,
    /// Days known to be different are no part of the baseline.
    pub(crate) has_left_out: bool,
    pub(crate) currency: Currency,
}

/// Stands in a cell for a feature or service that a row does not state.
pub const UNNAMED: &str = "(none)";

const MEASURES: [Measure; 11] = [
    Measure::Cost,
    Measure::Calls,
    Measure::Usage(UsageClass::InputTokensTotal),
    Measure::Usage(UsageClass::CacheReadTokens),
    Measure::Usage(UsageClass::OutputTokensTotal),
    Measure::Usage(UsageClass::ReasoningTokens),
    Measure::ClassCost(CostClass::Input),
    Measure::ClassCost(CostClass::CacheWrite),
    Measure::ClassCost(CostClass::CacheRead),
    Measure::ClassCost(CostClass::Output),
    Measure::CallCost,
];

impl App {
    /// Explains a change of spend.
    ///
    /// # Errors
    ///
    /// [`AppError::NothingBefore`], [`AppError::Explain`]; ledger errors.
    pub async fn explain_change(
        &self,
        request: &ExplainRequest,
        now: Timestamp,
    ) -> Result<Explained, AppError> {
        let settled = self.settled().await?;
        let key = settled.explained_by(request, now).await?;
        Ok(settled.explained(&key, now).await?.0.clone())
    }

    /// All that the explanation of a change depends on.
    pub(crate) async fn explained_by(
        &self,
        request: &ExplainRequest,
        now: Timestamp,
    ) -> Result<ExplainedBy, AppError> {
        let known_at = request.known_at(now);
        let newest = audit::newest(self.database()).await?;
        let is_known = newest.as_ref().is_none_or(|(_, at, _)| *at <= known_at.as_microsecond());
        Ok(ExplainedBy {
            ledger: self.ledger.state().await?,
            reader: self.limited_to().map(str::to_owned),
            request: request.clone(),
            known: self.known_days(known_at, &self.verdicts(known_at).await?).await?,
            events: self.events(known_at).await?,
            log: (newest.map(|(sequence, _, hash)| (sequence, hash)), is_known),
        })
    }

    /// Computed once, and kept as long as nothing that it depends on is another.
    pub(crate) async fn explained(
        &self,
        key: &ExplainedBy,
        now: Timestamp,
    ) -> Result<Arc<KeptExplained>, AppError> {
        let explain = || {
            let (app, request) = (self.clone(), key.request.clone());
            async move { app.explain(&request, now).await.map(KeptExplained) }
        };
        self.kept.explained.get(key, explain).await
    }

    async fn explain(
        &self,
        request: &ExplainRequest,
        now: Timestamp,
    ) -> Result<Explained, AppError> {
        let Sides {
            cells,
            scale,
            baseline: baseline_period,
            baseline_days,
            data_until,
            currency,
            has_left_out,
        } = self.sides(request, None, now).await?;
        let decomposition = explain::decompose(&cells, &mixed(&cells), scale)?;

        let finding = Finding {
            about: request
                .filter
                .iter()
                .filter_map(|condition| {
                    let mut values = condition.any_of.iter();
                    let value = values.next().filter(|_| values.next().is_none())?;
                    Some((condition.dimension.to_string(), value.clone()))
                })
                .collect(),
            window: request.period,
            baseline: baseline_period,
            baseline_days,
            has_left_out,
            measured: request.measured,
            currency,
            as_of: Some(data_until),
            status: FactStatus::Final,
        };
        let mut facts = explain::facts_of(&decomposition, &finding);
        let circumstances = self.circumstances(request, &decomposition, now).await?;
        circumstances.add_to(&mut facts, decomposition.delta, currency);
        let bundle = facts.build();
        let evidence = self.keep_evidence(&bundle, now).await?;
        let text = narrative::explain_plain(&bundle);
        Ok(Explained {
            main_driver: decomposition.main_driver_of(request.measured),
            measured: request.measured,
            decomposition,
            period: request.period,
            baseline: baseline_period,
            baseline_days,
            currency,
            bundle,
            evidence,
            text,
            circumstances,
        })
    }

    /// Both sides of a comparison as cells: by feature (or service) and model, or by the dimension
    /// stated and model, then without business outputs.
    pub(crate) async fn sides(
        &self,
        request: &ExplainRequest,
        by: Option<&Dimension>,
        now: Timestamp,
    ) -> Result<Sides, AppError> {
        let data = self.ledger.span_as_of(request.as_of).await?.ok_or(AppError::Empty)?;
        let Usual { period: baseline_period, weights, has_left_out } =
            self.usual(request, data.0, now).await?;
        let currency = self.config.organisation.currency;
        let after = self.rows(request, request.period, currency, by).await?;
        let before = self.rows(request, baseline_period, currency, by).await?;
        let baseline: Vec<(Scale, LedgerRow)> = before
            .into_iter()
            .filter_map(|(day, row)| {
                let scale = match &weights {
                    Some(weights) => weights.of(day)?,
                    None => Scale::ONE,
                };
                Some((scale, row))
            })
            .collect();
        let compared: Vec<LedgerRow> = after.into_iter().map(|(_, row)| row).collect();
        let (cells, scale) = cells_from_ledger(&baseline, &compared)?;
        let baseline_days = weights.map_or_else(
            || {
                let (first, after) = baseline_period.dates();
                first.until(after).map_or(0, |span| usize::try_from(span.get_days()).unwrap_or(0))
            },
            |weights| weights.days,
        );
        Ok(Sides {
            cells,
            scale,
            baseline: baseline_period,
            baseline_days,
            data_until: data.1,
            currency,
            has_left_out,
        })
    }

    /// Sums by day, feature (or service) and model, or by day, dimension and model, of one currency.
    async fn rows(
        &self,
        request: &ExplainRequest,
        period: Period,
        currency: Currency,
        by: Option<&Dimension>,
    ) -> Result<Vec<(Date, LedgerRow)>, AppError> {
        let mut query = SpendQuery::new(period, MEASURES.to_vec()).every(Grain::Day);
        let dimensions = match by {
            Some(dimension) => vec![dimension.clone(), Dimension::Model],
            None => vec![Dimension::Feature, Dimension::Service, Dimension::Model],
        };
        query.group_by = dimensions.into_iter().map(GroupBy::Dimension).collect();
        query.filter.clone_from(&request.filter);
        query.as_of = request.as_of;
        let table = self.ledger.spend(&query).await?;
        let mut rows = Vec::new();
        for row in &table.rows {
            // Outcomes have no currency; they come by their own question below.
            if row.currency.as_deref() != Some(currency.as_str()) {
                continue;
            }
            let dims = match (&*row.group, by) {
                ([value, model], Some(dimension)) => {
                    let value = value.clone().map(|value| (dimension.to_string(), value));
                    let model = model.clone().map(|model| ("model".to_owned(), model));
                    value.into_iter().chain(model).collect()
                }
                ([feature, service, model], _) => {
                    named_dims(feature.as_ref(), service.as_ref(), model.as_ref())
                }
                _ => continue,
            };
            let count = |index: usize| u64::try_from(row.value(index)).unwrap_or(0);
            let usage = Usage::ZERO
                .with(UsageClass::InputTokensTotal, count(2))
                .with(UsageClass::CacheReadTokens, count(3))
                .with(UsageClass::OutputTokensTotal, count(4))
                .with(UsageClass::ReasoningTokens, count(5));
            let fresh = Pico(row.value(6).saturating_add(row.value(7)));
            let class_costs = (count(1) > 0).then_some([fresh, row.amount(8), row.amount(9)]);
            let at = row.at.map_or_else(|| date_of(period.start), date_of);
            rows.push((
                at,
                LedgerRow {
                    dims,
                    outputs: Decimal::ZERO,
                    calls: count(1),
                    usage,
                    cost: row.amount(0),
                    class_costs,
                },
            ));
        }
        if by.is_none() {
            self.add_outputs(request, period, &mut rows).await?;
        }
        Ok(rows)
    }

    /// Gives each feature's business outputs of a day to its largest cell of that day: within a
    /// group only their sum counts.
    async fn add_outputs(
        &self,
        request: &ExplainRequest,
        period: Period,
        rows: &mut [(Date, LedgerRow)],
    ) -> Result<(), AppError> {
        let mut query = SpendQuery::new(period, vec![Measure::Outcomes])
            .by([Dimension::Feature])
            .every(Grain::Day);
        // Outcomes know their feature and little else: other conditions do not apply to them.
        query.as_of = request.as_of;
        query.filter = request
            .filter
            .iter()
            .filter(|condition| condition.dimension == Dimension::Feature)
            .cloned()
            .collect();
        let outcomes: SpendTable = self.ledger.spend(&query).await?;
        // Of equal ones the last counts.
        let mut largest: BTreeMap<(Date, &str), (u64, usize)> = BTreeMap::new();
        for (position, (day, row)) in rows.iter().enumerate().filter(|(_, (_, row))| row.calls > 0)
        {
            let Some(feature) = row.dims.get("feature") else { continue };
            let best = largest.entry((*day, feature.as_str())).or_insert((row.calls, position));
            if row.calls >= best.0 {
                *best = (row.calls, position);
            }
        }
        let mut found = Vec::new();
        for outcome in &outcomes.rows {
            if let (Some(Some(feature)), Some(at)) = (outcome.group.first(), outcome.at)
                && let Some((_, position)) = largest.get(&(date_of(at), feature.as_str()))
            {
                found.push((*position, outcome.amount(0).to_decimal()));
            }
        }
        for (position, outputs) in found {
            if let Some((_, row)) = rows.get_mut(position) {
                row.outputs = outputs;
            }
        }
        Ok(())
    }
}

/// Calls by feature and model, charges by feature, or else by service.
fn named_dims(
    feature: Option<&String>,
    service: Option<&String>,
    model: Option<&String>,
) -> BTreeMap<String, String> {
    let named = |value: Option<&String>| value.cloned().unwrap_or_else(|| UNNAMED.to_owned());
    match (feature, model) {
        (feature, Some(model)) => {
            [("feature".to_owned(), named(feature)), ("model".to_owned(), model.clone())].into()
        }
        (Some(feature), None) => [("feature".to_owned(), feature.clone())].into(),
        (None, None) => [("service".to_owned(), named(service))].into(),
    }
}

/// The dimension within which calls move between cells, where there is one.
pub(crate) fn mixed(cells: &[Cell]) -> Vec<String> {
    let has_models = cells.iter().any(|cell| cell.dims.contains_key("model"));
    has_models.then(|| "model".to_owned()).into_iter().collect()
}
