//! What a period will cost.

use std::collections::BTreeMap;

use centinel_app::{
    ForecastLine, ForecastPeriod, ForecastRequest as AppRequest, SpendForecast, SpendGroup,
};
use centinel_engine::{
    money::{Decimal, Money, Pico},
    period::Period,
};
use centinel_mcp::{
    Expected, ForecastAnswer, ForecastRequest, ForecastRow, ForecastWindow, Label, ModelAssumed,
    Refusal, Sentence,
};
use jiff::ToSpan as _;

use super::{
    Ports,
    basis::{conditions, count, other_currencies, paged},
    refusal::{failed, refused},
};

/// Probabilities of the bands, in percent.
const LEVELS: [u32; 2] = [80, 95];

impl Ports {
    pub(super) async fn forecast_answer(
        &self,
        request: ForecastRequest,
    ) -> Result<ForecastAnswer, Refusal> {
        self.unchanged_since(request.page.as_of).await?;
        let question = AppRequest {
            period: match request.window {
                ForecastWindow::Calendar(period) => ForecastPeriod::Calendar(period),
                ForecastWindow::Exact(period) => {
                    let (first, after) = period.dates();
                    ForecastPeriod::Days(Some(first), Some(after))
                }
            },
            by: request.group_by.map_or(SpendGroup::Kind, SpendGroup::Dimension),
            filter: conditions(&request.filter),
            as_of: None,
            levels: LEVELS.to_vec(),
            daily: false,
            amount: request.amount,
            assumptions: request.assumptions,
        };
        let found = self.app.forecast(&question, self.now()).await.map_err(refused)?;
        let seen = Period::days(found.as_of.saturating_sub(28.days()), found.as_of);
        let seen = self.asked_ahead(seen.map_err(|error| failed(&error))?, request.page.as_of);
        let seen = seen.await?;
        let by_owner = self.by_owner(&seen, &request.filter).await?;
        let coverage = self.coverage(&by_owner, &request.filter, None).await?;
        let mut notes = other_currencies(&by_owner, found.currency);
        notes.extend(remarks(&found));
        let asked = self.asked_ahead(found.period, request.page.as_of).await?;
        let evidence = found.evidence.clone();
        let basis = self.basis(&asked, found.currency, coverage, evidence, notes).await?;
        let rows: Vec<ForecastRow> = found.lines.iter().map(row).collect::<Result<_, _>>()?;
        let passing = found.total.forecast.passing;
        Ok(ForecastAnswer {
            summary: summary(&found, question.amount)?,
            total: expected(&found.total)?,
            first_day_ahead: found.as_of,
            probability_above: passing.and_then(|passing| probability(passing.probability_above)),
            reached_on: passing.and_then(|passing| passing.date_expected),
            models_assumed: found.models_assumed.iter().map(assumed).collect::<Result<_, _>>()?,
            row_count: count(i128::try_from(rows.len()).unwrap_or(i128::MAX)),
            rows: paged(rows, request.page),
            basis,
        })
    }
}

fn row(line: &ForecastLine) -> Result<ForecastRow, Refusal> {
    Ok(ForecastRow {
        group: Label::from(&line.forecast.series),
        expected: expected(line)?,
        method: line.forecast.method,
        unpriced_calls: count(line.unpriced_calls),
    })
}

fn expected(line: &ForecastLine) -> Result<Expected, Refusal> {
    let mut bands = BTreeMap::new();
    for band in &line.forecast.bands {
        bands.insert(format!("low_{}", band.level), pico(band.low)?);
        bands.insert(format!("high_{}", band.level), pico(band.high)?);
    }
    Ok(Expected {
        seen: pico(line.forecast.seen)?,
        expected: line.forecast.period_total.map(pico).transpose()?,
        bands,
        without_assumptions: line.without_assumptions.map(pico).transpose()?,
    })
}

fn assumed(model: &centinel_app::ModelAssumed) -> Result<ModelAssumed, Refusal> {
    Ok(ModelAssumed {
        model: Label::from(&model.model),
        instead: Label::from(&model.instead),
        calls: count(model.calls),
        cost: pico(model.cost)?,
        cost_instead: pico(model.cost_instead)?,
    })
}

/// An estimate has twelve decimals; more come of sums of calls only.
fn pico(amount: Decimal) -> Result<Pico, Refusal> {
    Ok(Pico::round_half_even(amount).map_err(Refusal::failed)?.amount)
}

/// Four decimals.
fn probability(share: f64) -> Option<Decimal> {
    format!("{share:.4}").parse().ok()
}

fn summary(found: &SpendForecast, amount: Option<Decimal>) -> Result<Sentence, Refusal> {
    let estimate = |amount: Decimal| -> Result<String, Refusal> {
        Ok(Money { amount: pico(amount)?, currency: found.currency }.to_estimate())
    };
    let total = &found.total.forecast;
    let mut sentence = Sentence::new("").figure(found.period);
    sentence = match total.period_total {
        Some(expected) => sentence.text(" is expected to cost ").figure(estimate(expected)?),
        None => sentence.text(" cannot be forecast: there is no history"),
    };
    if let Some(band) = total.bands.first() {
        let (low, high) = (estimate(band.low)?, estimate(band.high)?);
        sentence = sentence.text(" (").figure(band.level).text(" %: ").figure(low).text(" to ");
        sentence = sentence.figure(high).text(")");
    }
    let (first, _) = found.period.dates();
    if found.as_of > first {
        sentence = sentence
            .text(", of which ")
            .figure(Money { amount: pico(total.seen)?, currency: found.currency })
            .text(" was seen before ")
            .figure(found.as_of);
    }
    if let Some(before) = found.total.without_assumptions {
        sentence = sentence.text("; without the assumptions, ").figure(estimate(before)?);
    }
    if let (Some(amount), Some(passing)) = (amount, total.passing) {
        sentence = sentence
            .text("; it passes ")
            .figure(estimate(amount)?)
            .text(" with a probability of ")
            .figure(format!("{:.1} %", passing.probability_above * 100.0));
    }
    if found.total.unpriced_calls > 0 {
        sentence = sentence.text("; what calls without a price cost is not in it");
    }
    Ok(sentence.text("."))
}

/// What is assumed, and what is in no figure.
fn remarks(found: &SpendForecast) -> Vec<Sentence> {
    let mut notes = vec![Sentence::new(
        "Days ahead are estimates; bands speak of days in which nothing new begins, and those of \
             rows do not add up to that of the total.",
    )];
    for late in found.late_sources.iter().take(2) {
        notes.push(
            Sentence::new("Nothing came from ")
                .name(&late.source)
                .text(" since ")
                .figure(late.last_day)
                .text(": what it would bring is in no figure."),
        );
    }
    if !found.models_assumed.is_empty() {
        notes.push(Sentence::new(
            "A change of model keeps the tokens as they were; another model may need more or fewer.",
        ));
    }
    notes
}
