//! `centinel anomalies`: what left its usual range.

use std::collections::BTreeMap;

use centinel_app::{Incident, IncidentState, Verdict};
use centinel_engine::money::Money;
use jiff::Timestamp;

use crate::{
    context::{Context, explain, now},
    output::{Outcome, Output},
    text::table,
};

/// Lists episodes: runs of days on which a part of the spend cost more than usual, one a cause.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Also those below the minimum impact of the configuration, muted, or said to be meant.
    #[arg(long)]
    all: bool,
    /// Only those that go on.
    #[arg(long)]
    open: bool,
    /// As they were known at that instant (RFC 3339): rows, events and verdicts that came later count
    /// for nothing.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what an episode was: `expected` makes its level the usual one, `not-useful` makes its part
    /// of the spend alarm later for 90 days, `useful` changes nothing.
    Judge {
        /// The episode, such as `E-12`.
        id: String,
        /// `expected`, `not-useful` or `useful`.
        #[arg(value_parser = verdict)]
        verdict: Verdict,
        /// Why.
        #[arg(long, default_value = "")]
        note: String,
    },
}

fn verdict(text: &str) -> Result<Verdict, String> {
    match text {
        "expected" => Ok(Verdict::Expected),
        "not-useful" | "not_useful" => Ok(Verdict::NotUseful),
        "useful" => Ok(Verdict::Useful),
        _ => Err("known verdicts: expected, not-useful, useful".to_owned()),
    }
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        if let Some(Command::Judge { id, verdict, note }) = &args.command {
            let judged = app.judge_incident(id, *verdict, note, "terminal", now()).await;
            let judged = judged.map_err(explain)?;
            if output.json {
                output.json_line(&judged)?;
            } else {
                output.line(format!("{} is {}", judged.id, verdict.name().replace('_', " ")))?;
            }
            return Ok(Outcome::Done);
        }
        let found = match args.as_of {
            Some(as_of) => app.incidents_as_of(as_of, now()).await,
            None => app.incidents(now()).await,
        };
        let is_listed = |incident: &Incident| {
            (args.all || (!incident.is_small && incident.is_shown()))
                && (!args.open || incident.is_open)
        };
        let incidents: Vec<Incident> =
            found.map_err(explain)?.into_iter().filter(is_listed).collect();
        if output.json {
            output.json_line(&serde_json::json!({ "anomalies": incidents }))?;
            return Ok(Outcome::Done);
        }
        if incidents.is_empty() {
            output.line("nothing left its usual range")?;
            return Ok(Outcome::Done);
        }
        let header = ["id", "what", "days", "metrics", "owner", "impact"];
        let rows = incidents.iter().map(row).collect();
        output.line(table(&header, rows, 5))?;
        output.line("")?;
        output.line("explain one: `centinel explain E-1`")?;
        Ok(Outcome::Done)
    })
}

fn row(incident: &Incident) -> Vec<String> {
    let days = if let Some(hours) = hours(incident) {
        hours
    } else if incident.is_open {
        format!("{} on", since(incident))
    } else {
        let said = said(incident.state);
        format!("{} to {}{said}", incident.start, incident.last)
    };
    vec![
        incident.id.clone(),
        what(incident),
        days,
        effects(incident),
        incident.owner.clone().unwrap_or_else(|| "nobody known".to_owned()),
        format!("+{}", impact(incident)),
    ]
}

/// `2026-11-22 09:00 on`, or to when, of what hours alone show.
fn hours(incident: &Incident) -> Option<String> {
    let (began_at, last) = (incident.began_at?, incident.last_hour?);
    if incident.is_open {
        return Some(format!("{} on", hour(began_at)));
    }
    let end = last.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap_or(last);
    let said = said(incident.state);
    Some(format!("{} to {}{said}", hour(began_at), hour(end)))
}

/// The first unusual hour where it is known, else the first day.
pub(crate) fn since(incident: &Incident) -> String {
    incident.began_at.map_or_else(|| incident.start.to_string(), hour)
}

/// `2026-11-22 09:00`, UTC.
fn hour(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

fn said(state: IncidentState) -> &'static str {
    match state {
        IncidentState::Expected => ", expected",
        IncidentState::Muted => ", muted",
        IncidentState::Open | IncidentState::Ended => "",
    }
}

/// `support-answers`, or `service AmazonEC2`; of an episode of everything, where its change is.
pub(crate) fn what(incident: &Incident) -> String {
    let named = |scope: &BTreeMap<String, String>| {
        let names = scope.iter().map(|(dimension, value)| {
            if dimension == "feature" { value.clone() } else { format!("{dimension} {value}") }
        });
        names.collect::<Vec<_>>().join(", ")
    };
    match &incident.within {
        _ if !incident.scope.is_empty() => named(&incident.scope),
        Some(place) if !place.is_empty() => format!("all spend, most of it {}", named(place)),
        Some(_) => "all spend, no place stands out".to_owned(),
        None => "all spend".to_owned(),
    }
}

/// `tokens per call +68 %`, largest first.
pub(crate) fn effects(incident: &Incident) -> String {
    let mut effects: Vec<(i64, String)> = incident
        .effects
        .iter()
        .filter_map(|(metric, ratio)| {
            let percent = ratio.parse::<f64>().ok().map(|ratio| (ratio * 100.0).round())?;
            // A share in percent; far inside the range of whole floats.
            #[expect(clippy::cast_possible_truncation, reason = "a percentage")]
            let percent = percent as i64;
            Some((percent, format!("{} +{percent} %", metric.replace('_', " "))))
        })
        .collect();
    effects.sort_by(|a, b| b.cmp(a));
    effects.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", ")
}

/// The impact as money.
pub(crate) fn impact(incident: &Incident) -> Money {
    Money { amount: incident.impact, currency: incident.currency }
}
