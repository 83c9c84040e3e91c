//! `centinel execute`: what is approved is carried out, and what was carried out is measured.

use centinel_app::{App, AppError, CarriedOut, MeasuredSaving, Repositories};
use serde::Serialize;

use crate::{
    context::{Context, now, repositories},
    output::{Outcome, Output},
    text::printable,
};

/// Carries out approved changes of this home's policies, and measures savings 7 and 30 days after their
/// execution. `serve` does the same each minute.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// What was done.
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    executed: Vec<CarriedOut>,
    measured: Vec<MeasuredSaving>,
}

impl Done {
    /// One line for each, in words.
    pub(crate) fn lines(&self) -> Vec<String> {
        let executed = self.executed.iter().map(|outcome| match outcome {
            CarriedOut::Executed { id } => format!("{id}: carried out"),
            CarriedOut::Failed { id, reason } => {
                format!("{id}: not carried out: {}", printable(reason))
            }
            CarriedOut::Unknown { id, reason } => {
                format!("{id}: not known whether it was carried out: {}", printable(reason))
            }
            CarriedOut::Forgotten { id } => {
                format!("{id}: a reminder that nothing approved stands behind is removed")
            }
        });
        let measured = self.measured.iter().map(|MeasuredSaving { id, days, saving }| {
            format!("{id}: saves {saving} a month, measured over {days} days")
        });
        executed.chain(measured).collect()
    }
}

pub(crate) fn run(_args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let done = step(&app, &repositories(&app).await?).await?;
        if output.json {
            output.json_line(&done)?;
            return Ok(Outcome::Done);
        }
        let lines = done.lines();
        if lines.is_empty() {
            output.line(
                "nothing is approved that is not carried out, and nothing is to be measured",
            )?;
        }
        for line in lines {
            output.line(line)?;
        }
        Ok(Outcome::Done)
    })
}

/// Carries out what is approved now, then measures.
pub(crate) async fn step(app: &App, repositories: &Repositories) -> Result<Done, AppError> {
    let executed = app.execute_approved(repositories, now()).await?;
    let measured = app.measure_savings(now()).await?;
    Ok(Done { executed, measured })
}
