//! `centinel digest`: a week or a month in words.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use centinel_app::{App, AppError, Digest, DigestRequest, Revision, Wording};
use centinel_engine::{digest::SummaryKind, period::Period};
use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Date, ISOWeekDate, Weekday},
};

use crate::{
    context::{Context, explain, now},
    narrator::{Narration, or_interrupted},
    output::{Outcome, Output},
    text::printable,
};

/// A week in words: what it cost, what moved, what waits, and how far to trust it. Without arguments, the
/// last whole week of all spend.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Of one owner's spend.
    #[arg(long, value_name = "OWNER", conflicts_with_all = ["all", "cfo", "scorecard"])]
    owner: Option<String>,
    /// Of every owner, by name.
    #[arg(long, conflicts_with_all = ["cfo", "scorecard"])]
    all: bool,
    /// The last whole month in paragraphs, for finance.
    #[arg(long, conflicts_with = "scorecard")]
    cfo: bool,
    /// The last whole month of one owner, measured: rank, cost per output, decisions, savings.
    #[arg(long, value_name = "OWNER")]
    scorecard: Option<String>,
    /// An ISO week, such as `2026-W43`.
    #[arg(long, value_name = "WEEK", value_parser = week, conflicts_with = "month")]
    week: Option<Period>,
    /// A month, such as `2026-10`.
    #[arg(long, value_name = "MONTH", value_parser = month)]
    month: Option<Period>,
    /// As Markdown, numbers as the organisation's place writes them.
    #[arg(long, conflicts_with = "cited")]
    markdown: bool,
    /// As Markdown with the id of its fact after every mention, as `centinel verify` checks it.
    #[arg(long)]
    cited: bool,
    /// Write a message (`.eml`) for each digest that has something to say into a folder, for a mailer to
    /// send.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["owner", "markdown", "cited"])]
    write: Option<PathBuf>,
    /// Let the narrator of `[narrator]` choose the words; figures, names and dates stay those of the
    /// facts, each checked. Costs what its model costs, once for the same facts.
    #[arg(long)]
    narrate: bool,
    /// The standard wording, also where a model's words are kept for these facts.
    #[arg(long, conflicts_with_all = ["narrate", "write"])]
    standard: bool,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let kind = match (args.cfo, &args.scorecard) {
            (true, _) => SummaryKind::Monthly,
            (false, Some(_)) => SummaryKind::Scorecard,
            (false, None) => SummaryKind::Weekly,
        };
        let request = DigestRequest { kind, period: args.week.or(args.month) };
        let narration = Narration::of(&app).filter(|_| args.narrate);
        if let Some(folder) = &args.write {
            return write(&app, &request, folder, narration.as_ref(), output).await;
        }
        let owner = args.owner.as_deref().or(args.scorecard.as_deref());
        let mut digests = if args.all {
            app.owner_digests(&request, now()).await.map_err(explain)?
        } else {
            vec![app.digest(&request, owner, now()).await.map_err(explain)?]
        };
        if let Some(narration) = &narration {
            let narrating = narrated(&app, digests, args.all, narration);
            digests = or_interrupted(Some(narration), narrating).await?.map_err(explain)?;
        }
        if args.standard {
            for digest in &mut digests {
                digest.narrative = None;
            }
        }
        note_unbooked(narration.as_ref(), output);
        for (index, digest) in digests.iter().enumerate() {
            if output.json {
                output.json_line(digest)?;
                continue;
            }
            if index > 0 {
                output.line("")?;
            }
            if digest.is_quiet && args.all {
                output.line(format_args!("{} · nothing to say", printable(&digest.subject)))?;
                continue;
            }
            print(&app, digest, args, output)?;
        }
        Ok(Outcome::Done)
    })
}

/// Digests in a model's words; those that have nothing to say only where they are shown.
async fn narrated(
    app: &App,
    digests: Vec<Digest>,
    leaves_out_quiet: bool,
    wording: &dyn Wording,
) -> Result<Vec<Digest>, AppError> {
    let mut narrated = Vec::new();
    for digest in digests {
        let is_silent = digest.is_quiet && leaves_out_quiet;
        narrated.push(if is_silent { digest } else { app.narrate(digest, wording, now()).await? });
    }
    Ok(narrated)
}

fn note_unbooked(narration: Option<&Narration>, output: &Output) {
    if let Some(reason) = narration.and_then(Narration::unbooked) {
        output.note(printable(&reason));
    }
}

fn print(app: &App, digest: &Digest, args: &Args, output: &mut Output) -> anyhow::Result<()> {
    let text = if let Some(words) = digest.by_model() {
        if args.cited { words.text.clone() } else { words.plain.clone() }
    } else if args.cited {
        digest.cited.clone()
    } else if args.markdown {
        digest.document.to_markdown(&app.number_format())
    } else {
        digest.text.clone()
    };
    // Each line by itself: names in it move no cursor.
    for line in text.lines() {
        output.line(printable(line))?;
    }
    if !args.cited && !args.markdown {
        output.line("")?;
        let reason = digest.narrative.as_ref().and_then(|words| words.reason.as_deref());
        match reason {
            Some(reason) => {
                output.line(format_args!("{}: {}", digest.label(), printable(reason)))?;
            }
            None => output.line(digest.label())?,
        }
        output.line(format_args!("evidence {}", digest.evidence))?;
    }
    Ok(())
}

async fn write(
    app: &App,
    request: &DigestRequest,
    folder: &Path,
    narration: Option<&Narration>,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let wording = narration.map(|narration| narration as &dyn Wording);
    let making = Box::pin(app.digest_mails(request, wording, now()));
    let mails = or_interrupted(narration, making).await?.map_err(explain)?;
    note_unbooked(narration, output);
    std::fs::create_dir_all(folder).with_context(|| format!("making `{}`", folder.display()))?;
    for mail in &mails {
        let path = folder.join(&mail.file);
        std::fs::write(&path, &mail.message)
            .with_context(|| format!("writing `{}`", path.display()))?;
        if output.json {
            let line = serde_json::json!({ "owner": mail.owner, "file": path });
            output.json_line(&line)?;
        } else {
            output.line(printable(&path.display().to_string()))?;
        }
    }
    if mails.is_empty() {
        output.note("nobody has to hear anything");
    }
    Ok(Outcome::Done)
}

/// Time between two rounds of wording: facts of the month ahead change with every delivery, and each round
/// costs what its model costs.
const ROUND: SignedDuration = SignedDuration::from_hours(6);
/// Time until a round is tried again that the endpoint ended.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// What the server remembers of its last round of digests.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    /// Not before then.
    next: Option<Timestamp>,
    worded: Option<Revision>,
}

impl Schedule {
    /// Words the digests that the page shows and mails are made of, where anything changed since the last
    /// round: of all spend and of each owner, the last whole week and month. What there is to say, for the
    /// log.
    pub(crate) async fn step(
        &mut self,
        app: &App,
        narration: &Narration,
    ) -> Result<Vec<String>, AppError> {
        let begun = now();
        if self.next.is_some_and(|next| begun < next) || narration.pause().is_some() {
            return Ok(Vec::new());
        }
        let revision = app.revision(begun).await?;
        if self.worded.as_ref() == Some(&revision) {
            return Ok(Vec::new());
        }
        self.next = begun.checked_add(AGAIN).ok();
        let mut said = Vec::new();
        for kind in [SummaryKind::Weekly, SummaryKind::Monthly, SummaryKind::Scorecard] {
            let request = DigestRequest::latest(kind);
            let digests = match due(app, &request).await {
                // Without data there is nothing to say yet, and a schedule goes on.
                Err(AppError::Empty) => return Ok(said),
                digests => digests?,
            };
            for digest in digests.into_iter().filter(|digest| digest.by_model().is_none()) {
                let digest = app.narrate(digest, narration, now()).await?;
                let reason = digest.narrative.and_then(|words| words.reason);
                let whose = digest.owner.as_deref().unwrap_or("all spend");
                let told = reason.map_or_else(
                    || "worded by a model".to_owned(),
                    |reason| format!("standard wording: {reason}"),
                );
                said.push(printable(&format!("{} of {whose}: {told}", digest.question)));
                if narration.pause().is_some() {
                    return Ok(said);
                }
            }
        }
        (self.next, self.worded) = (begun.checked_add(ROUND).ok(), Some(revision));
        Ok(said)
    }
}

/// What there is to word: nobody reads words of a week in which nothing happened.
async fn due(app: &App, request: &DigestRequest) -> Result<Vec<Digest>, AppError> {
    let mut digests = Vec::new();
    if request.kind != SummaryKind::Scorecard {
        digests.push(app.digest(request, None, now()).await?);
    }
    if request.kind != SummaryKind::Monthly {
        let owners = app.owner_digests(request, now()).await?;
        let is_due = |digest: &Digest| !digest.is_quiet || request.kind != SummaryKind::Weekly;
        digests.extend(owners.into_iter().filter(is_due));
    }
    Ok(digests)
}

/// `2026-W43`, Monday to Sunday.
fn week(text: &str) -> Result<Period, String> {
    let wrong = || "a week is written as `2026-W43`".to_owned();
    let (year, week) = text.split_once("-W").ok_or_else(wrong)?;
    let (year, week) = (year.parse().map_err(|_| wrong())?, week.parse().map_err(|_| wrong())?);
    let monday = ISOWeekDate::new(year, week, Weekday::Monday).map_err(|_| wrong())?.date();
    Period::days(monday, monday.saturating_add(7.days())).map_err(|_| wrong())
}

/// `2026-10`
fn month(text: &str) -> Result<Period, String> {
    let wrong = || "a month is written as `2026-10`".to_owned();
    let (year, month) = text.split_once('-').ok_or_else(wrong)?;
    let is_plain = year.len() == 4 && month.len() == 2;
    let (year, month) = (year.parse().map_err(|_| wrong())?, month.parse().map_err(|_| wrong())?);
    let first = Date::new(year, month, 1).ok().filter(|_| is_plain).ok_or_else(wrong)?;
    Period::days(first, first.saturating_add(1.month())).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_and_months_are_read() {
        let check = |read: Result<Period, String>, expected: &str| {
            let found = read.map_or_else(|error| error, |period| period.to_string());
            assert_eq!(found, expected);
        };
        check(week("2026-W43"), "2026-10-19 to 2026-10-25");
        check(week("2026-W53"), "2026-12-28 to 2027-01-03");
        check(week("2025-W53"), "a week is written as `2026-W43`");
        check(week("2026-43"), "a week is written as `2026-W43`");
        check(month("2026-02"), "2026-02-01 to 2026-02-28");
        check(month("2026-13"), "a month is written as `2026-10`");
        check(month("26-1"), "a month is written as `2026-10`");
    }
}
