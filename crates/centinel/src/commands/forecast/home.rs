//! The forecast of a home.

use centinel_app::{
    ForecastLine, ForecastPeriod, ForecastRequest, ModelAssumed, SpendForecast, SpendGroup,
    plausible_total,
};
use centinel_engine::{
    forecast::{CalendarPeriod, Forecast, Question},
    money::{Currency, Decimal, Money, Pico},
};
use serde_json::Value;

use super::{Args, print};
use crate::{
    commands::{in_words::InWords, spend::condition},
    context::{Context, explain, now},
    failure::usage,
    output::{Outcome, Output},
    text::{count, printable},
};

pub(super) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    if args.words {
        return context.run(async |app| {
            let period = args.period.unwrap_or(CalendarPeriod::Month);
            let outlook = app.outlook(period, now()).await.map_err(explain)?;
            InWords::of(&app, &outlook).answer(output)
        });
    }
    let by: SpendGroup = args.by.parse()?;
    let only = args.only.iter().map(|text| condition(text));
    let request = ForecastRequest {
        period: match args.period {
            Some(period) => ForecastPeriod::Calendar(period),
            None => ForecastPeriod::Days(args.from, args.until),
        },
        by,
        filter: only.collect::<anyhow::Result<_>>()?,
        as_of: args.as_of,
        levels: args.levels(),
        daily: args.daily,
        amount: args.amount,
        assumptions: args.assume.clone(),
    };
    context.run(async |app| {
        let found = app.forecast(&request, now()).await.map_err(|error| match error {
            centinel_app::AppError::Forecast(error) => super::wrong(&error),
            error @ centinel_app::AppError::Scenario { .. } => {
                let hint = error.hint().unwrap_or_default();
                usage(error.to_string(), hint)
            }
            error => explain(error),
        })?;
        if output.json {
            output.json_line(&json(args, &found)?)?;
        } else {
            print(args, &found, output)?;
        }
        Ok(Outcome::Done)
    })
}

/// The answer, with the days of each line where they were asked for.
fn json(args: &Args, found: &SpendForecast) -> anyhow::Result<Value> {
    let mut answer = serde_json::to_value(found)?;
    if !args.daily {
        return Ok(answer);
    }
    let mut add = |pointer: String, line: &ForecastLine| -> anyhow::Result<()> {
        if let Some(object) = answer.pointer_mut(&pointer).and_then(Value::as_object_mut) {
            object.insert("days".to_owned(), serde_json::to_value(&line.forecast.days)?);
        }
        Ok(())
    };
    add("/total".to_owned(), &found.total)?;
    for (index, line) in found.lines.iter().enumerate() {
        add(format!("/lines/{index}"), line)?;
    }
    Ok(answer)
}

fn print(args: &Args, found: &SpendForecast, output: &mut Output) -> anyhow::Result<()> {
    let (first, after) = found.period.dates();
    output.line(format_args!(
        "Forecast {}, in {}; data seen from {} to {}",
        found.period,
        found.currency,
        found.history_from,
        found.as_of.yesterday().unwrap_or(found.as_of)
    ))?;
    let question = Question {
        as_of: found.as_of,
        from: first,
        until: after,
        levels: args.levels(),
        assumptions: Vec::new(),
        amount: args.amount,
        daily: args.daily,
    };
    let shown: Vec<&Forecast> =
        found.lines.iter().chain([&found.total]).map(|line| &line.forecast).collect();
    print::table(&shown, &question, output)?;
    print_scenario(args, found, output)?;
    print_unknown(found, output)?;
    if args.daily {
        print::days(&found.total.forecast, &question.levels, output)?;
    }
    output.line(format_args!("evidence {}", found.evidence))?;
    Ok(())
}

fn print_scenario(args: &Args, found: &SpendForecast, output: &mut Output) -> anyhow::Result<()> {
    let (Some(without), Some(difference)) =
        (found.total.without_assumptions, found.total.difference)
    else {
        return Ok(());
    };
    output.line("")?;
    let amount = |amount| estimate(amount, found.currency);
    output.line(format_args!(
        "assumed {}: {} against {} without, {}",
        args.assume_text(),
        found.total.forecast.period_total.map(amount).transpose()?.unwrap_or_default(),
        amount(without)?,
        signed(difference, found.currency)?
    ))?;
    for line in &found.lines {
        if let Some(difference) = line.difference.filter(|difference| !difference.is_zero()) {
            let by = signed(difference, found.currency)?;
            output.line(format_args!("  {}  {by}", printable(&line.forecast.series)))?;
        }
    }
    for model in &found.models_assumed {
        print_model(model, found.currency, output)?;
    }
    Ok(())
}

fn print_model(
    model: &ModelAssumed,
    currency: Currency,
    output: &mut Output,
) -> anyhow::Result<()> {
    let exact = |amount: Decimal| -> anyhow::Result<String> {
        Ok(Money { amount: Pico::round_half_even(amount)?.amount, currency }.to_string())
    };
    output.line(format_args!(
        "{} calls of {} in the last 28 days seen: {}; the same tokens at {}: {}{}",
        count(model.calls),
        printable(&model.model),
        exact(model.cost)?,
        printable(&model.instead),
        exact(model.cost_instead)?,
        match model.price_ratio {
            Some(ratio) => format!(" ({:.4} of it)", ratio.to_f64()),
            None => String::new(),
        }
    ))?;
    for class in &model.token_classes {
        let before = match (class.quantity, class.amount) {
            (Some(quantity), Some(amount)) => {
                format!("{} for {}", count(i128::from(quantity)), exact(amount)?)
            }
            _ => "price not in the book".to_owned(),
        };
        output.line(format_args!(
            "  {:<28} {before}, then {} for {}",
            class.token_class.name(),
            count(i128::from(class.quantity_instead)),
            exact(class.amount_instead)?
        ))?;
    }
    output.line("  another model may need more or fewer tokens for the same text")?;
    if model.unpriced_calls > 0 {
        let calls = count(model.unpriced_calls);
        output.line(format_args!("  {calls} of its calls have no price and are in no figure"))?;
    }
    Ok(())
}

/// What is in no figure.
fn print_unknown(found: &SpendForecast, output: &mut Output) -> anyhow::Result<()> {
    if found.total.unpriced_calls > 0 {
        let range = plausible_total(&found.unpriced);
        let range = range.map_or_else(String::new, |(low, high, without)| {
            let rest = if without > 0 { ", without those of some models" } else { "" };
            format!("; they may have cost {low} to {high}{rest}")
        });
        output.line(format_args!(
            "{} calls of the last 28 days seen have no price: what such calls cost is in no figure{range}",
            count(found.total.unpriced_calls)
        ))?;
    }
    for late in &found.late_sources {
        output.line(format_args!(
            "`{}` has brought nothing since {}: what it would bring is in no figure",
            printable(&late.source),
            late.last_day
        ))?;
    }
    if !found.other_currencies.is_empty() {
        let codes = found.other_currencies.join(", ");
        output.line(format_args!("spend in {codes} is in no figure"))?;
    }
    Ok(())
}

/// An estimate, to whole units.
fn estimate(amount: Decimal, currency: Currency) -> anyhow::Result<String> {
    Ok(Money { amount: Pico::round_half_even(amount)?.amount, currency }.to_estimate())
}

fn signed(amount: Decimal, currency: Currency) -> anyhow::Result<String> {
    let sign = if amount.is_negative() { "" } else { "+" };
    Ok(format!("{sign}{}", estimate(amount, currency)?))
}
