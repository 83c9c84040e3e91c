//! `centinel report`: the first screen.

use centinel_app::{App, Headline, Report, plausible_total};
use centinel_engine::{
    explain::Measured,
    money::{Currency, Decimal, Money, Pico},
};

use crate::{
    commands::anomalies::{effects, impact, since, what},
    context::{Context, explain, now},
    output::{Outcome, Output},
    text::{count, money, percent, printable, sparkline},
};

/// The first screen: what was spent, what is known about it, what to look at.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let report = app.report(now()).await.map_err(explain)?;
        if output.json {
            output.json_line(&report)?;
        } else {
            print(&app, &report, output)?;
        }
        Ok(Outcome::Done)
    })
}

/// Prints the first screen.
pub(crate) fn print(app: &App, report: &Report, output: &mut Output) -> anyhow::Result<()> {
    let generated = if report.generated { "generated company " } else { "" };
    let (first, _) = report.period.dates();
    output.line(format_args!(
        "Centinel · {generated}\"{}\" · data {} to {} · all times UTC",
        printable(&report.organisation),
        centinel_engine::period::date_of(report.data_from),
        centinel_engine::period::date_of(report.data_until),
    ))?;
    output.line("")?;
    let month = first.strftime("%B").to_string();
    output.line(line(&format!("Spend, {month}"), report.total, report.currency, ""))?;
    for kind in &report.kinds {
        let weeks: Vec<i128> = kind.by_week.iter().map(|week| week.0).collect();
        let change = kind.change_ratio.filter(|_| report.is_whole_month);
        let change = change.map_or_else(String::new, |ratio| {
            let sign = if ratio.is_negative() { "" } else { "+" };
            format!("   {sign}{} on the month before", percent(ratio))
        });
        let extra = format!("{}{change}", sparkline(&weeks));
        output.line(line(&format!("  {}", kind.kind), kind.cost, report.currency, &extra))?;
    }
    output.line(forecast_line(report)?)?;
    output.line(footline(report))?;
    output.line("")?;
    print_headlines(report, output)?;
    for gap in &report.unexplained_gaps {
        let share = gap.share.map_or_else(|| "part".to_owned(), percent);
        output.line(format_args!(
            "{share} of the month's {} invoices has no explanation: `centinel reconcile`",
            gap.currency
        ))?;
    }
    if report.waiting > 0 {
        output.line(format_args!(
            "{} waiting for a person: `centinel inbox`",
            plural(report.waiting, "proposal")
        ))?;
    }
    output.line(format_args!(
        "evidence {} · `centinel serve` opens http://localhost:8787 · home {}",
        report.evidence,
        app.home().display()
    ))?;
    Ok(())
}

fn line(name: &str, amount: Pico, currency: Currency, extra: &str) -> String {
    let amount = Money { amount, currency }.to_string();
    format!("{name:<16}{amount:>16}   {extra}").trim_end().to_owned()
}

/// `Forecast, Nov         $71,612   80 %: $70,513 to $72,711`.
fn forecast_line(report: &Report) -> anyhow::Result<String> {
    let Some(forecast) = &report.forecast else {
        let reason = report.no_forecast.as_deref().unwrap_or("none");
        return Ok(format!("No forecast: {reason}"));
    };
    let estimate = |amount: Decimal| -> anyhow::Result<String> {
        let amount = Pico::round_half_even(amount)?.amount;
        Ok(Money { amount, currency: forecast.currency }.to_estimate())
    };
    let (first, _) = forecast.period.dates();
    let total = &forecast.total.forecast;
    let amount = total.period_total.map(estimate).transpose()?;
    let name = format!("Forecast, {}", first.strftime("%b"));
    let amount = amount.unwrap_or_else(|| "unknown".to_owned());
    let mut remarks = Vec::new();
    for band in &total.bands {
        let (low, high) = (estimate(band.low)?, estimate(band.high)?);
        remarks.push(format!("{} %: {low} to {high}", band.level));
    }
    if forecast.as_of > first {
        let last = forecast.as_of.yesterday().unwrap_or(first);
        remarks.push(format!("seen to {}", last.strftime("%-d %B")));
    }
    if forecast.total.unpriced_calls > 0 {
        remarks.push("calls without a price are not in it".to_owned());
    }
    if let Some(late) = forecast.late_sources.first() {
        remarks.push(format!("nothing from `{}` since {}", printable(&late.source), late.last_day));
    }
    Ok(format!("{name:<16}{amount:>16}   {}", remarks.join("; ")).trim_end().to_owned())
}

/// `Owned 91.4 %  ·  unpriced 1 model, 12,000 tokens`.
fn footline(report: &Report) -> String {
    let owned = report.owned_ratio.map_or_else(|| "unknown".to_owned(), percent);
    let unpriced = if report.unpriced.is_empty() {
        "every call has a price".to_owned()
    } else {
        let tokens = report.unpriced.iter().map(|model| model.tokens).sum();
        let calls = report.unpriced.iter().map(|model| model.calls).sum();
        format!(
            "unpriced {}: {} calls, {} tokens, in no figure{}",
            plural(report.unpriced.len(), "model"),
            count(calls),
            count(tokens),
            plausible(report)
        )
    };
    format!("Owned {owned}  ·  {unpriced}")
}

/// What the calls without a price may have cost, where prices are comparable.
fn plausible(report: &Report) -> String {
    let Some((low, high, without)) = plausible_total(&report.unpriced) else {
        return String::new();
    };
    let rest =
        if without > 0 { format!(", without {}", plural(without, "model")) } else { String::new() };
    format!("; they may have cost {low} to {high}{rest}")
}

fn print_headlines(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    if report.headlines.is_empty() {
        output.line("nothing left its usual range this month")?;
        return Ok(());
    }
    output.line(format!("{} to look at", plural(report.headlines.len(), "thing")))?;
    for headline in &report.headlines {
        let Headline { incident, .. } = headline;
        let left = format!("  {:<5} {} since {}", incident.id, what(incident), since(incident));
        output.line(format!(
            "{:<72} {:>14}",
            printable(&left),
            format!("+{}", impact(incident))
        ))?;
        output.line(format!("        {}", printable(&effects(incident))))?;
        if let (Some(driver), Some(effect), Some(change)) =
            (headline.main_driver, headline.main_effect, headline.main_of)
        {
            output.line(format!(
                "        most of it: {driver}, {} of a change of {}{}",
                money(effect, report.currency),
                money(change, report.currency),
                headline.measured.map_or("", Measured::qualifier)
            ))?;
        }
        let owner = incident.owner.as_deref().unwrap_or("nobody known");
        let proposals = if headline.proposals.is_empty() {
            String::new()
        } else {
            format!(" · proposal {} waits for approval", headline.proposals.join(", "))
        };
        output.line(format!("        owner {}{proposals}", printable(owner)))?;
    }
    if report.further_incidents > 0 {
        output.line(format!(
            "  and {} more: `centinel anomalies`",
            plural(report.further_incidents, "episode")
        ))?;
    }
    output.line("")?;
    Ok(())
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
