//! What a period will cost.

use centinel_app::{
    ForecastLine, ForecastPeriod, ForecastRequest as AppRequest, SpendForecast, SpendGroup,
};
use centinel_engine::{
    money::{Currency, Decimal, Money, Pico},
    period::Period,
    proposal,
};
use centinel_mcp::{
    BudgetOutlook, BudgetPeriod, Expected, ForecastAnswer, ForecastRequest, ForecastRow,
    ForecastWindow, Label, ModelAssumed, Refusal, RelativePeriod, Sentence, Window,
};
use jiff::ToSpan as _;

use super::{
    Ports,
    basis::{conditions, count, net_only, other_currencies, paged, shown_scope, told},
    refusal::{failed, refused},
};
use crate::text::percent;

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
        let found = match self.app.forecast(&question, self.now()).await {
            Ok(found) => found,
            Err(error) => {
                let asked = self.asked(Window::Relative(RelativePeriod::Last30d), None).await?;
                return Err(self.or_unknown(&asked, &request.filter, error).await);
            }
        };
        let seen = Period::days(found.as_of.saturating_sub(28.days()), found.as_of);
        let seen = self.asked_ahead(seen.map_err(|error| failed(&error))?, request.page.as_of);
        let seen = seen.await?;
        let by_owner = self.by_owner(&seen, &request.filter).await?;
        let coverage = self.coverage(&by_owner, &request.filter, None).await?;
        let mut notes = other_currencies(&by_owner, found.currency);
        if by_owner.rows.is_empty() && !request.filter.0.is_empty() {
            self.known_values(&seen, &request.filter).await?;
        }
        let (budgets, more) = self.budgets(&request.window, &question, found.currency).await?;
        notes.extend(remarks(&found));
        notes.push(net_only());
        notes.extend(more);
        let asked = self.asked_ahead(found.period, request.page.as_of).await?;
        let evidence = found.evidence.clone();
        let basis = self.basis(&asked, found.currency, coverage, evidence, notes).await?;
        let rows: Vec<ForecastRow> = found.lines.iter().map(row).collect::<Result<_, _>>()?;
        let passing = found.total.forecast.passing;
        Ok(ForecastAnswer {
            summary: told(
                with_budget(summary(&found, question.amount)?, &budgets, found.currency),
                &seen,
                &coverage,
            ),
            total: expected(&found.total)?,
            first_day_ahead: found.as_of,
            probability_above: passing.and_then(|passing| probability(passing.probability_above)),
            reached_on: passing.and_then(|passing| passing.date_expected),
            models_assumed: found.models_assumed.iter().map(assumed).collect::<Result<_, _>>()?,
            budgets,
            row_count: count(i128::try_from(rows.len()).unwrap_or(i128::MAX)),
            rows: paged(rows, request.page),
            basis,
        })
    }
}

impl Ports {
    /// Limits of the home for the kind of period, and what is not said about them.
    async fn budgets(
        &self,
        window: &ForecastWindow,
        question: &AppRequest,
        currency: Currency,
    ) -> Result<(Vec<BudgetOutlook>, Vec<Sentence>), Refusal> {
        let ForecastWindow::Calendar(period) = *window else { return Ok((Vec::new(), Vec::new())) };
        let assumed = &question.assumptions;
        let outlooks =
            self.app.budget_outlooks(period, &question.filter, assumed, self.now()).await;
        let outlooks = outlooks.map_err(refused)?;
        let mut notes = Vec::new();
        if outlooks.left_out > 0 {
            let more = Sentence::new("").figure(outlooks.left_out);
            notes.push(more.text(" more budgets are not shown; ask with their `filter`."));
        }
        let (own, other): (Vec<_>, Vec<_>) =
            outlooks.limits.into_iter().partition(|outlook| outlook.limit.currency == currency);
        if !other.is_empty() {
            let more = Sentence::new("").figure(other.len());
            notes.push(more.text(" budgets are in another currency, and compared with nothing."));
        }
        let budgets = own.iter().map(outlook).collect::<Result<_, _>>()?;
        Ok((budgets, notes))
    }
}

fn outlook(found: &centinel_app::BudgetOutlook) -> Result<BudgetOutlook, Refusal> {
    let forecast = found.forecast.as_ref();
    let passing = forecast.and_then(|forecast| forecast.passing);
    Ok(BudgetOutlook {
        scope: shown_scope(&found.scope),
        per: match found.period {
            proposal::BudgetPeriod::Day => BudgetPeriod::Day,
            proposal::BudgetPeriod::Week => BudgetPeriod::Week,
            proposal::BudgetPeriod::Month => BudgetPeriod::Month,
            proposal::BudgetPeriod::Quarter => BudgetPeriod::Quarter,
            proposal::BudgetPeriod::Year => BudgetPeriod::Year,
        },
        limit: found.limit.amount,
        seen: forecast.map(|forecast| pico(forecast.seen)).transpose()?,
        expected: forecast.and_then(|forecast| forecast.period_total).map(pico).transpose()?,
        probability_above: passing.and_then(|passing| probability(passing.probability_above)),
        reached_on: passing.and_then(|passing| passing.date_expected),
    })
}

/// Names the limit that is likeliest to be passed.
fn with_budget(summary: Sentence, budgets: &[BudgetOutlook], currency: Currency) -> Sentence {
    let Some((first, chance)) =
        budgets.first().and_then(|first| Some((first, first.probability_above?)))
    else {
        return summary;
    };
    let mut sentence = summary.text("; the budget of ");
    if first.scope.is_empty() {
        sentence = sentence.text("all spend");
    }
    for (index, (name, value)) in first.scope.iter().enumerate() {
        sentence = sentence.text(if index == 0 { "" } else { ", " });
        sentence = sentence.name(name.as_str()).text(" ").name(value.as_str());
    }
    sentence
        .text(", ")
        .figure(Money { amount: first.limit, currency })
        .text(", is passed with a probability of ")
        .figure(percent(chance))
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
    let band = |level| line.forecast.bands.iter().find(|band| band.level == level);
    let low = |level| band(level).map(|band| pico(band.low)).transpose();
    let high = |level| band(level).map(|band| pico(band.high)).transpose();
    Ok(Expected {
        seen: pico(line.forecast.seen)?,
        expected: line.forecast.period_total.map(pico).transpose()?,
        low_80: low(80)?,
        high_80: high(80)?,
        low_95: low(95)?,
        high_95: high(95)?,
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
    Ok(sentence)
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
