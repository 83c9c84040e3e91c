//! `centinel explain`: why spend changed, to the cent.

use centinel_app::{Circumstances, ExplainRequest, Explained, Incident, When};
use centinel_engine::money::{Money, Pico};
use serde::Serialize;

use crate::{
    commands::{
        anomalies::{impact, since, what},
        spend::condition,
    },
    context::{Context, explain, now},
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
    #[serde(flatten)]
    circumstances: &'a centinel_app::Circumstances,
    evidence: &'a str,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let (incident, explained, period) = if let Some(id) = &args.id {
            let (incident, explained) = app.explain_incident(id, now()).await.map_err(explain)?;
            let period = explained.period;
            (Some(incident), explained, period)
        } else {
            let resolved = args.period.resolve(&app, When::Last7Days).await?;
            let filter =
                args.only.iter().map(|text| condition(text)).collect::<anyhow::Result<_>>()?;
            let request = ExplainRequest {
                filter,
                period: resolved.period,
                compare_to: None,
                left_out: std::collections::BTreeSet::new(),
            };
            let explained = app.explain_change(&request, now()).await.map_err(explain)?;
            (None, explained, resolved.period)
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
                circumstances: &explained.circumstances,
                evidence: &explained.evidence,
            })?;
        } else {
            print(args, incident.as_ref(), &explained, period, output)?;
        }
        Ok(Outcome::Done)
    })
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
    output.line("")?;
    output.line(printable_lines(&explained.text))?;
    Ok(())
}

/// Places that are shown.
const PLACES_SHOWN: usize = 3;

/// Where the change is, and what happened at the time.
fn print_circumstances(explained: &Explained, output: &mut Output) -> anyhow::Result<()> {
    let Circumstances { places, links } = &explained.circumstances;
    let money = |amount: Pico| Money { amount, currency: explained.currency };
    if let Some(places) = places {
        for (number, cause) in places.causes.iter().take(PLACES_SHOWN).enumerate() {
            let head = if number == 0 { "within it" } else { "" };
            let name: Vec<String> =
                cause.place.iter().map(|(name, value)| format!("{name} {value}")).collect();
            let amount = Pico::round_half_even(cause.delta)?.amount;
            output.line(format_args!(
                "{head:<9} {}: {}",
                printable(&name.join(", ")),
                money(amount)
            ))?;
        }
        if places.spread {
            output.line("within it spread evenly: no combination of values stands out")?;
        }
    }
    for (number, link) in links.iter().enumerate() {
        let head = if number == 0 { "also" } else { "" };
        let cost = match link.amount {
            Some(amount) => format!("cost {}", money(amount)),
            None => "coincided".to_owned(),
        };
        output.line(format_args!(
            "{head:<9} {} since {}: {}, {cost}",
            link.kind.label(),
            link.since,
            printable(&link.what)
        ))?;
    }
    Ok(())
}

/// Several lines, each without control characters.
fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}
