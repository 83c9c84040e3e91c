//! Forecasts as tables for people.

use centinel_engine::{
    forecast::{Band, DayCost, Forecast, Question, TOTAL},
    money::{Decimal, Pico},
};

use crate::{output::Output, text};

/// A line a forecast.
pub(super) fn table(
    forecasts: &[&Forecast],
    question: &Question,
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut header = vec!["series".to_owned(), "method".to_owned(), "seen".to_owned()];
    header.push("forecast".to_owned());
    header.extend(question.levels.iter().map(|level| format!("{level} % band")));
    if let Some(amount) = question.amount {
        header.push(format!("above {amount}"));
        header.push("reached".to_owned());
    }
    if question.daily {
        header.push("by day".to_owned());
    }
    let mut rows = Vec::new();
    for forecast in forecasts {
        rows.push(row(forecast, question)?);
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    output.line(text::table(&header, rows, 2))?;
    Ok(())
}

fn row(forecast: &Forecast, question: &Question) -> anyhow::Result<Vec<String>> {
    let method = serde_json::to_value(forecast.method)?;
    let mut row = vec![
        forecast.series.clone(),
        method.as_str().unwrap_or_default().replace('_', " "),
        shown(forecast.seen)?,
        forecast.period_total.map(shown).transpose()?.unwrap_or_else(|| "unknown".to_owned()),
    ];
    row.extend(bands(&forecast.bands, &question.levels)?);
    if question.amount.is_some() {
        let passing = forecast.passing.filter(|_| forecast.period_total.is_some());
        row.push(passing.map_or_else(String::new, |passing| {
            format!("{:.1} %", passing.probability_above * 100.0)
        }));
        row.push(match passing {
            Some(passing) => {
                let date = passing.date_expected;
                date.map_or_else(|| "not expected".to_owned(), |date| date.to_string())
            }
            None => String::new(),
        });
    }
    if question.daily {
        let pico = |day: &DayCost| Pico::round_half_even(day.cost).map(|cost| cost.amount.0);
        let costs: Result<Vec<i128>, _> = forecast.days.iter().map(pico).collect();
        row.push(text::sparkline(&costs?));
    }
    Ok(row)
}

/// A line a day of one forecast.
pub(super) fn days(forecast: &Forecast, levels: &[u32], output: &mut Output) -> anyhow::Result<()> {
    let of = if forecast.series == TOTAL { "all series" } else { &forecast.series };
    let mut header = vec![format!("day, {of}"), String::new(), "cost".to_owned()];
    header.extend(levels.iter().map(|level| format!("{level} % band")));
    let mut rows = Vec::new();
    for day in &forecast.days {
        let seen = if day.seen { "seen" } else { "ahead" };
        let mut row = vec![day.date.to_string(), seen.to_owned(), shown(day.cost)?];
        let own = if day.seen { &[] } else { day.bands.as_slice() };
        row.extend(bands(own, levels)?);
        rows.push(row);
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    output.line("")?;
    output.line(text::table(&header, rows, 2))?;
    Ok(())
}

/// `1,204.50 to 1,300.20`, a column a level.
fn bands(bands: &[Band], levels: &[u32]) -> anyhow::Result<Vec<String>> {
    let of_level = |level: &u32| match bands.iter().find(|band| band.level == *level) {
        Some(band) => Ok(format!("{} to {}", shown(band.low)?, shown(band.high)?)),
        None => Ok(String::new()),
    };
    levels.iter().map(of_level).collect()
}

/// Two decimals, for reading.
pub(super) fn shown(amount: Decimal) -> anyhow::Result<String> {
    Ok(Pico::round_half_even(amount)?.amount.to_display(2).to_string())
}
