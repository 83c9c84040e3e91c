//! `centinel analyze`: what is known of an episode, whose it is, who is told.

use centinel_app::{
    Analysed, Analysis, App, AppError, Label, Repositories, Revision, StepOutcome, Told, Which,
    Wording, plain,
};
use serde::Serialize;

use crate::{
    context::{Context, explain, now, outside, repositories},
    narrator::{Narration, or_interrupted},
    output::{Outcome, Output},
    text::printable,
};

/// Analyses episodes under a fixed plan, words each as `[narrator]` says, keeps it with its facts, and tells
/// the owner. `serve` does the same when something is new.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this episode, such as `E-12`, whatever was said of it.
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    episode: Option<String>,
    /// Small and old ones too; of old ones nobody is told. Without it, those of the last 14 days.
    #[arg(long)]
    all: bool,
    /// Show what would be kept: no analysis is kept and nobody is told.
    #[arg(long)]
    dry_run: bool,
    /// Ask no model, whatever `[narrator]` says: every text has its standard wording.
    #[arg(long)]
    standard: bool,
}

/// What was done.
#[derive(Debug, Serialize)]
struct Done<'a> {
    #[serde(flatten)]
    analysed: &'a Analysed,
    dry_run: bool,
    told: &'a [Told],
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let which = match &args.episode {
            Some(id) => Which::One(id.clone()),
            None if args.all => Which::All,
            None => Which::New,
        };
        let opened = repositories(&app).await?;
        let narration = Narration::of(&app).filter(|_| !args.standard);
        let wording = narration.as_ref().map(|narration| narration as &dyn Wording);
        let analysing = Box::pin(app.analyse(&which, args.dry_run, &opened, wording, now()));
        let analysed = or_interrupted(narration.as_ref(), analysing).await?.map_err(explain)?;
        if let Some(reason) = narration.as_ref().and_then(Narration::unbooked) {
            output.note(printable(&reason));
        }
        let told = if args.dry_run {
            Vec::new()
        } else {
            app.tell_findings(now(), &outside()?).await.map_err(explain)?
        };
        if output.json {
            let dry_run = args.dry_run;
            output.json_line(&Done { analysed: &analysed, dry_run, told: &told })?;
        } else {
            print(&app, &analysed, args.dry_run, output)?;
            for told in &told {
                output.line(told_line(told))?;
            }
        }
        Ok(Outcome::Done)
    })
}

fn print(
    app: &App,
    analysed: &Analysed,
    is_dry_run: bool,
    output: &mut Output,
) -> anyhow::Result<()> {
    for analysis in &analysed.analyses {
        print_analysis(app, analysis, output)?;
    }
    for (id, reason) in &analysed.failed {
        output.note(format_args!("{id} could not be analysed: {}", printable(reason)));
    }
    let count = analysed.analyses.len();
    let kept = if is_dry_run { "would be kept" } else { "kept" };
    output.line(format_args!(
        "{count} {} {kept}, {} unchanged, {} failed",
        if count == 1 { "analysis" } else { "analyses" },
        analysed.unchanged.len(),
        analysed.failed.len()
    ))?;
    Ok(())
}

/// An analysis, for people.
fn print_analysis(app: &App, analysis: &Analysis, output: &mut Output) -> anyhow::Result<()> {
    let label = label_line(&analysis.label);
    output.line(format_args!("{} · {label}", analysis.episode))?;
    for line in plain(&analysis.text).lines() {
        output.line(format_args!("  {}", printable(line)))?;
    }
    output.line(format_args!("owner     {}", printable(&analysis.owner_in_words())))?;
    for (name, part) in analysis.parts(app.config().organisation.currency) {
        output.line(format_args!("          {}: {part}", printable(&name)))?;
    }
    for note in analysis.notes_in_words() {
        output.line(format_args!("but       {}", printable(&note)))?;
    }
    for step in &analysis.routed.escalation {
        let when = match step.after_days {
            0 => "at once".to_owned(),
            1 => "after 1 day".to_owned(),
            days => format!("after {days} days"),
        };
        output.line(format_args!("next      {when}: {}", printable(&step.to)))?;
    }
    for about in &analysis.proposals {
        output.line(format_args!("proposed  {}: {}", about.id, printable(&about.title)))?;
    }
    for taken in &analysis.steps {
        if let StepOutcome::Failed { reason } = &taken.outcome {
            let asks = taken.step.asks();
            output.line(format_args!("missing   {asks}: {}", printable(reason)))?;
        }
    }
    output.line(format_args!("evidence  {}", analysis.evidence))?;
    output.line("")?;
    Ok(())
}

/// Whose words a text is, and why they are not a model's where one was to be asked.
pub(crate) fn label_line(label: &Label) -> String {
    match label.reason() {
        Some(reason) => format!("{}: {}", label.in_words(), printable(reason)),
        None => label.in_words(),
    }
}

fn told_line(told: &Told) -> String {
    match told {
        Told::Posted { key } => format!("posted {}", printable(key)),
        Told::Edited { key } => format!("edited {}", printable(key)),
        Told::Failed { key, reason } => printable(&format!("{key}: {reason}")),
    }
}

/// What the server remembers of its last run.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    analysed: Option<Revision>,
}

impl Schedule {
    /// Analyses what is new where anything changed since the last time, worded by `wording`, and tells
    /// whoever is to be told. What there is to say, for the log.
    pub(crate) async fn step(
        &mut self,
        app: &App,
        repositories: &Repositories,
        wording: Option<&dyn Wording>,
    ) -> Result<Vec<String>, AppError> {
        let revision = app.revision(now()).await?;
        let mut said = Vec::new();
        if self.analysed.as_ref() != Some(&revision) {
            let analysed = app.analyse(&Which::New, false, repositories, wording, now()).await?;
            self.analysed = Some(revision);
            for analysis in &analysed.analyses {
                let owner = printable(&analysis.owner_in_words());
                let label = label_line(&analysis.label);
                said.push(format!("{} analysed, owner {owner}, {label}", analysis.episode));
            }
            for (id, reason) in &analysed.failed {
                said.push(format!("{id} could not be analysed: {}", printable(reason)));
            }
        }
        let outside = match outside() {
            Ok(outside) => outside,
            Err(error) => {
                said.push(format!("nobody is told of findings: {error}"));
                return Ok(said);
            }
        };
        let told = app.tell_findings(now(), &outside).await?;
        let failed = told.iter().filter(|told| matches!(told, Told::Failed { .. }));
        said.extend(failed.map(told_line));
        Ok(said)
    }
}
