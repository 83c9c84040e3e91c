//! `centinel anomalies`: what left its usual range.

use centinel_app::Incident;
use centinel_engine::money::Money;

use crate::{
    context::{Context, explain, now},
    output::{Outcome, Output},
    text::table,
};

/// Lists episodes: runs of days on which a feature or service cost more than usual.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also those below the minimum impact of the configuration.
    #[arg(long)]
    all: bool,
    /// Only those that go on.
    #[arg(long)]
    open: bool,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let incidents: Vec<Incident> = app
            .incidents(now())
            .await
            .map_err(explain)?
            .into_iter()
            .filter(|incident| (args.all || !incident.is_small) && (!args.open || incident.is_open))
            .collect();
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
    let days = if incident.is_open {
        format!("{} on", incident.start)
    } else {
        format!("{} to {}", incident.start, incident.last)
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

/// `support-answers`, or `service AmazonEC2`.
pub(crate) fn what(incident: &Incident) -> String {
    let names = incident.scope.iter().map(|(dimension, value)| {
        if dimension == "feature" { value.clone() } else { format!("{dimension} {value}") }
    });
    names.collect::<Vec<_>>().join(", ")
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
