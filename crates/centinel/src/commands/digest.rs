//! `centinel digest`: a week or a month in words.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use centinel_app::{App, Digest, DigestRequest};
use centinel_engine::{digest::SummaryKind, period::Period};
use jiff::{
    ToSpan as _,
    civil::{Date, ISOWeekDate, Weekday},
};

use crate::{
    context::{Context, explain, now},
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
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let kind = match (args.cfo, &args.scorecard) {
            (true, _) => SummaryKind::Monthly,
            (false, Some(_)) => SummaryKind::Scorecard,
            (false, None) => SummaryKind::Weekly,
        };
        let request = DigestRequest { kind, period: args.week.or(args.month) };
        if let Some(folder) = &args.write {
            return write(&app, &request, folder, output).await;
        }
        let owner = args.owner.as_deref().or(args.scorecard.as_deref());
        let digests = if args.all {
            app.owner_digests(&request, now()).await.map_err(explain)?
        } else {
            vec![app.digest(&request, owner, now()).await.map_err(explain)?]
        };
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

fn print(app: &App, digest: &Digest, args: &Args, output: &mut Output) -> anyhow::Result<()> {
    let text = if args.cited {
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
        output.line(format_args!("evidence {}", digest.evidence))?;
    }
    Ok(())
}

async fn write(
    app: &App,
    request: &DigestRequest,
    folder: &Path,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let mails = app.digest_mails(request, now()).await.map_err(explain)?;
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
