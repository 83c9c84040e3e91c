//! `centinel ask`: a question in words, answered from the ledger's facts; without one, a conversation.

mod desk;
mod facts;
mod noted;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use centinel_agent::{Answer, Conversation, Label, Made, Narrator, PromptId};
use centinel_app::App;
use centinel_engine::{
    narrative::{check, is_verified, without_citations},
    usage::UsageClass,
};
use serde::Serialize;
use serde_json::{Map, Value};

use self::desk::Desk;
use crate::{
    context::{Context, explain, nonce, now},
    failure::usage,
    narrator,
    output::{Outcome, Output},
    text::printable,
};

/// Longest line of a conversation, in bytes.
const LINE_BYTES_MAX: u64 = 16 << 10;

/// Answers a question from the facts of the home, by the tools that chat clients have.
///
/// With `[narrator]`, its model chooses what is looked up and words it, every figure checked; without one,
/// the question is read by rule. Without a question it reads one a line, up to the end of the input.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The question; without one, a conversation.
    question: Option<String>,
    /// Let the model write proposals, which wait for a person. It can decide nothing.
    #[arg(long)]
    propose: bool,
    /// Read the question by rule, whatever `[narrator]` says.
    #[arg(long, conflicts_with = "propose")]
    no_model: bool,
}

/// One turn, for programs.
#[derive(Debug, Serialize)]
struct Turn<'a> {
    question: &'a str,
    text: &'a str,
    plain: &'a str,
    label: String,
    worded: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    verified: usize,
    dropped: usize,
    calls: Vec<Called<'a>>,
    turns: u32,
    prompt: Option<&'a PromptId>,
    model: Option<&'a str>,
    usage: Used,
    /// The bundle that the text cites first, then those of the calls.
    evidence: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Called<'a> {
    tool: &'a str,
    arguments: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

/// What the model used.
#[derive(Debug, Default, Serialize)]
struct Used {
    calls: usize,
    input_tokens: u64,
    output_tokens: u64,
    /// Calls whose usage nobody stated: counted at its most.
    worst_case: usize,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    if args.question.as_ref().is_some_and(|question| question.trim().is_empty()) {
        return Err(usage("the question is empty", "`centinel ask` without one is a conversation"));
    }
    context.run(async |app| {
        let (narrator, closed) = if args.no_model {
            (None, None)
        } else {
            match narrator::open(&app).await {
                Ok(narrator) => (narrator, None),
                Err(error) => (None, Some(format!("{error:#}"))),
            }
        };
        let desk = Desk::of(app.clone(), args.propose, now).await;
        let mut asker =
            Asker { app, narrator, closed, desk, conversation: Conversation::default() };
        if let Some(question) = &args.question {
            asker.turn(question, output).await?;
        } else {
            asker.converse(output).await?;
        }
        Ok(Outcome::Done)
    })
}

/// Who asks, and what was said.
struct Asker {
    app: App,
    narrator: Option<Narrator>,
    /// Why there is no narrator, where one is configured.
    closed: Option<String>,
    desk: Desk,
    conversation: Conversation,
}

impl Asker {
    /// Questions from standard input, one a line, up to its end.
    async fn converse(&mut self, output: &mut Output) -> anyhow::Result<()> {
        let is_terminal = io::stdin().is_terminal() && !output.json;
        loop {
            if is_terminal {
                output.note("");
                let _ = write!(io::stderr(), "ask> ");
                let _ = io::stderr().flush();
            }
            let mut line = Vec::new();
            let mut input = io::Read::take(io::stdin().lock(), LINE_BYTES_MAX);
            if input.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let question = String::from_utf8_lossy(&line);
            if question.trim().is_empty() {
                continue;
            }
            self.turn(&question, output).await?;
            output.flush()?;
        }
    }

    async fn turn(&mut self, question: &str, output: &mut Output) -> anyhow::Result<()> {
        let run = match &self.narrator {
            Some(narrator) => Some((narrator, narrator.begin_run(nonce()?))),
            None => None,
        };
        let narrator = run.as_ref().map(|(narrator, run)| (*narrator, run));
        let mut answer = self.conversation.ask(question, &self.desk, narrator).await;
        // Words are no reason to answer nothing; that money went unbooked is told beside them.
        let unbooked = narrator::book(&self.app, &answer.metered).await.err();
        let unbooked = unbooked.map(|error| format!("what it used is not booked: {error:#}"));
        Self::checked(&mut answer);
        if let Label::Standard { reason } = &mut answer.label {
            *reason = reason.take().or_else(|| self.closed.clone());
        }
        let evidence = self.evidence(&answer).await?;
        let plain = match &answer.bundle {
            Some(bundle) => without_citations(&bundle.facts, &answer.text),
            None => answer.text.clone(),
        };
        let reason = match &answer.label {
            Label::Standard { reason } => unbooked.as_deref().or(reason.as_deref()),
            Label::ByModel { .. } => unbooked.as_deref(),
        };
        if output.json {
            output.json_line(&turn(question, &answer, &plain, reason, evidence))?;
        } else {
            print(&answer, &plain, reason, &evidence, output)?;
        }
        Ok(())
    }

    /// Checks once more what a model worded: whatever worded it is not believed.
    fn checked(answer: &mut Answer) {
        let facts = answer.bundle.as_ref().map_or(&[][..], |bundle| &bundle.facts);
        if matches!(answer.label, Label::ByModel { .. })
            && !is_verified(&check(facts, &answer.text))
        {
            tracing::warn!("an answer that a model worded is not verified");
            answer.text = std::mem::take(&mut answer.standard);
            answer.label = Label::Standard { reason: Some("its text is not verified".to_owned()) };
        }
    }

    /// Keeps the facts that the text cites; their address, then those of the calls.
    async fn evidence(&self, answer: &Answer) -> anyhow::Result<Vec<String>> {
        let mut all: Vec<String> = Vec::new();
        if let Some(bundle) = answer.bundle.as_ref().filter(|bundle| !bundle.facts.is_empty()) {
            all.push(self.app.keep_evidence(bundle, now()).await.map_err(explain)?);
        }
        for id in answer.calls.iter().filter_map(|made| made.evidence_id.as_ref()) {
            if !all.contains(id) {
                all.push(id.clone());
            }
        }
        Ok(all)
    }
}

fn turn<'a>(
    question: &'a str,
    answer: &'a Answer,
    plain: &'a str,
    reason: Option<&'a str>,
    evidence: Vec<String>,
) -> Turn<'a> {
    let (worded, dropped) = match answer.label {
        Label::ByModel { dropped, .. } => ("by_model", dropped),
        Label::Standard { .. } => ("standard", 0),
    };
    let called = |made: &'a Made| Called {
        tool: &made.tool,
        arguments: &made.arguments,
        evidence_id: made.evidence_id.as_deref(),
        refused: made.refused.as_deref(),
        notes: &made.notes,
    };
    Turn {
        question: question.trim(),
        text: &answer.text,
        plain,
        label: answer.label.to_string(),
        worded,
        reason,
        verified: answer.verified,
        dropped,
        calls: answer.calls.iter().map(called).collect(),
        turns: answer.turns,
        prompt: answer.prompt.as_ref(),
        model: answer.model.as_deref(),
        usage: used(answer),
        evidence,
    }
}

fn used(answer: &Answer) -> Used {
    let mut used = Used { calls: answer.metered.len(), ..Used::default() };
    for call in &answer.metered {
        let of = |class| call.usage.get(class);
        used.input_tokens = used.input_tokens.saturating_add(of(UsageClass::InputTokensTotal));
        used.output_tokens = used.output_tokens.saturating_add(of(UsageClass::OutputTokensTotal));
        used.worst_case = used.worst_case.saturating_add(usize::from(call.is_worst_case));
    }
    used
}

/// The answer, who worded it, what it rests on, what was looked up.
fn print(
    answer: &Answer,
    plain: &str,
    reason: Option<&str>,
    evidence: &[String],
    output: &mut Output,
) -> anyhow::Result<()> {
    for line in plain.trim_end().lines() {
        output.line(printable(line))?;
    }
    output.line("")?;
    match reason {
        Some(reason) => output.line(format_args!("{}: {}", answer.label, printable(reason)))?,
        None => output.line(&answer.label)?,
    }
    if let (Some(cited), Some(bundle)) = (evidence.first(), &answer.bundle) {
        output.line(format_args!(
            "evidence {cited} · {} facts · `centinel show {cited}`",
            bundle.facts.len()
        ))?;
    }
    for made in &answer.calls {
        let arguments = serde_json::to_string(&made.arguments)?;
        let became = match (&made.refused, &made.evidence_id) {
            (Some(refused), _) => format!(" · refused: {refused}"),
            (None, Some(evidence)) => format!(" · {evidence}"),
            (None, None) => String::new(),
        };
        let line = format!("  {} {arguments}{became}", made.tool);
        output.line(printable(&line))?;
        for note in &made.notes {
            output.line(format_args!("    {}", printable(note)))?;
        }
    }
    Ok(())
}
