//! `centinel explain`: why spend changed, to the cent.

use std::collections::BTreeMap;

use centinel_agent::Task;
use centinel_app::{ExplainRequest, Explained, Incident, PlaceShare, When};
use centinel_engine::{
    explain,
    money::{Currency, Money, Pico},
    narrative,
};
use centinel_ledger::Condition;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    commands::{
        anomalies::{impact, since, what},
        spend::condition,
    },
    context::{Context, explain as hinted, now},
    narrator::{self, Narrated},
    output::{Outcome, Output},
    period_args::PeriodArgs,
    text::printable,
    waterfall,
};

/// Explains an episode, or the change of any part of the spend against its usual days.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An episode, such as `E-12`; without one, all spend of the period.
    #[arg(conflicts_with_all = ["period", "from", "until"])]
    id: Option<String>,
    #[command(flatten)]
    period: PeriodArgs,
    /// Only these values, as in `feature=search`.
    #[arg(long, value_name = "DIMENSION=VALUES", conflicts_with = "id")]
    only: Vec<String>,
    /// As it would have been answered at that instant (RFC 3339): rows, events and verdicts that came
    /// later count for nothing.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// Let the narrator of `[narrator]` choose the words; figures, names and dates stay those of the
    /// facts, each checked. Costs what its model costs.
    #[arg(long)]
    narrate: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    episode: Option<&'a Incident>,
    period: centinel_engine::period::Period,
    baseline: centinel_engine::period::Period,
    baseline_days: usize,
    currency: centinel_engine::money::Currency,
    #[serde(flatten)]
    decomposition: &'a centinel_engine::explain::Decomposition,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    narrative: Option<&'a Narrated>,
    #[serde(flatten)]
    circumstances: &'a centinel_app::Circumstances,
    evidence: &'a str,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let (incident, explained, period) = if let Some(id) = &args.id {
            let explained = app.explain_incident(id, args.as_of, now()).await;
            let (incident, explained) = explained.map_err(hinted)?;
            let period = explained.period;
            (Some(incident), explained, period)
        } else {
            let resolved = args.period.resolve_as_of(&app, When::Last7Days, args.as_of).await?;
            let filter: Vec<Condition> =
                args.only.iter().map(|text| condition(text)).collect::<anyhow::Result<_>>()?;
            let left_out = app.unusual_days_as_of(&scope(&filter), args.as_of, now()).await;
            let request = ExplainRequest {
                filter,
                period: resolved.period,
                compare_to: None,
                left_out: left_out.map_err(hinted)?,
                measured: explain::Measured::Cost,
                as_of: args.as_of,
            };
            let explained = app.explain_change(&request, now()).await.map_err(hinted)?;
            (None, explained, resolved.period)
        };
        let narrated = if args.narrate {
            let standard = narrative::explain(&explained.bundle);
            Some(narrator::word(&app, Task::Explain, &explained.bundle, &standard).await?)
        } else {
            None
        };
        if output.json {
            output.json_line(&Answer {
                episode: incident.as_ref(),
                period,
                baseline: explained.baseline,
                baseline_days: explained.baseline_days,
                currency: explained.currency,
                decomposition: &explained.decomposition,
                text: &explained.text,
                narrative: narrated.as_ref(),
                circumstances: &explained.circumstances,
                evidence: &explained.evidence,
            })?;
        } else {
            print(args, incident.as_ref(), &explained, period, output)?;
            print_text(&explained, narrated.as_ref(), output)?;
        }
        Ok(Outcome::Done)
    })
}

/// What the conditions are about; several values are no part that is watched.
fn scope(filter: &[Condition]) -> BTreeMap<String, String> {
    let values = |condition: &Condition| {
        condition.any_of.iter().map(String::as_str).collect::<Vec<_>>().join(",")
    };
    filter.iter().map(|condition| (condition.dimension.to_string(), values(condition))).collect()
}

fn print(
    args: &Args,
    incident: Option<&Incident>,
    explained: &Explained,
    period: centinel_engine::period::Period,
    output: &mut Output,
) -> anyhow::Result<()> {
    let about = match incident {
        Some(incident) => what(incident),
        None if args.only.is_empty() => "all spend".to_owned(),
        None => args.only.join(", "),
    };
    output.line(format_args!(
        "{} · {period} against {} days of {} · weekday shape removed",
        printable(&about),
        explained.baseline_days,
        explained.baseline
    ))?;
    waterfall::print(&explained.decomposition, explained.currency, output)?;
    output.line("")?;
    print_circumstances(explained, output)?;
    if let Some(incident) = incident {
        let goes_on = if incident.is_open { "goes on" } else { "over" };
        output.line(format_args!(
            "when      since {}, {goes_on}; beyond the usual so far about {}",
            since(incident),
            impact(incident)
        ))?;
        let owner = incident.owner.as_deref().unwrap_or("nobody known");
        output.line(format_args!("owner     {}", printable(owner)))?;
    }
    output.line(format_args!(
        "evidence  {} · {} facts · `centinel show {}`",
        explained.evidence,
        explained.bundle.facts.len(),
        explained.evidence
    ))?;
    Ok(())
}

fn print_text(
    explained: &Explained,
    narrated: Option<&Narrated>,
    output: &mut Output,
) -> anyhow::Result<()> {
    output.line("")?;
    let Some(Narrated { plain, label, reason, .. }) = narrated else {
        output.line(printable_lines(&explained.text))?;
        return Ok(());
    };
    output.line(printable_lines(plain))?;
    match reason {
        Some(reason) => output.line(format_args!("{label}: {}", printable(reason)))?,
        None => output.line(label)?,
    }
    Ok(())
}

/// Where the change is, and what happened at the time.
fn print_circumstances(explained: &Explained, output: &mut Output) -> anyhow::Result<()> {
    let Explained { circumstances, decomposition, currency, .. } = explained;
    let figure = |amount: Pico| contribution(amount, decomposition.delta, *currency);
    for (number, PlaceShare { place, amount }) in circumstances.place_shares().iter().enumerate() {
        let head = if number == 0 { "within it" } else { "" };
        let name: Vec<String> =
            place.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let name = printable(&name.join(", "));
        output.line(format_args!("{head:<9} {name}: {}", figure(*amount)))?;
    }
    if let Some(rest) = circumstances.elsewhere(decomposition.delta) {
        output.line(format_args!("{:<9} elsewhere: {}", "", figure(rest)))?;
    }
    if circumstances.is_spread() {
        output.line(
            "within it spread over everything: no place holds more of it than chance would give it",
        )?;
    }
    for (number, link) in circumstances.links.iter().enumerate() {
        let head = if number == 0 { "also" } else { "" };
        let cost = link.amount.map_or_else(|| "coincided".to_owned(), figure);
        output.line(format_args!(
            "{head:<9} {} since {}: {}: {cost}",
            link.kind.label(),
            link.since,
            printable(&link.told())
        ))?;
    }
    Ok(())
}

/// `+$12.00, 31.5 % of the change`.
fn contribution(amount: Pico, delta: Pico, currency: Currency) -> String {
    let plus = if amount > Pico::ZERO { "+" } else { "" };
    let amount_text = Money { amount, currency };
    let share = explain::percent(amount, delta, 1);
    let share = share.map_or_else(String::new, |share| {
        format!(", {share} % of the change").replacen('-', "−", 1)
    });
    format!("{plus}{amount_text}{share}")
}

/// Several lines, each without control characters.
fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}
