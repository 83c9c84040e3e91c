//! `centinel audit verify`: of this home's log, or of an exported file.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use centinel_store::{
    Verification,
    audit::{self, Difference, FileCheck, Knowledge, PublishedHead},
};
use serde::Serialize;

use crate::{
    context::Context,
    failure::{hinted, usage},
    output::{Outcome, Output},
    text::printable,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A head as `audit head` printed it, signed or just `SEQUENCE:HASH`. Can be repeated.
    #[arg(long, value_name = "HEAD")]
    head: Vec<String>,
    /// A file with such heads anywhere in its text.
    #[arg(long, value_name = "FILE")]
    heads: Vec<PathBuf>,
    /// Verify an export in JSON lines instead; needs no home.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// What is printed.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    log: &'a Verification,
    /// `null` for a file, which has no tables.
    differences: Option<&'a [Difference]>,
}

pub(super) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let heads = heads(args)?;
    if let Some(path) = &args.file {
        let known = Knowledge { heads, key: None };
        return report(&of_file(path, &known)?, None, output);
    }
    context.run(async |app| {
        let signer = app.database().signer();
        let key = signer.as_ref().map(|signer| signer.key().public().id());
        let mut known = Knowledge { heads, key };
        // The home remembers what it signed, beyond the reach of whoever has only the database.
        known.heads.extend(signer.and_then(|signer| signer.last()).map(PublishedHead::Signed));
        let log = audit::verify_against(app.database(), &known).await?;
        if log.fault.is_some() {
            return report(&log, None, output);
        }
        let differences = audit::compare_projections(app.database()).await?;
        report(&log, Some(&differences), output)
    })
}

fn report(
    log: &Verification,
    differences: Option<&[Difference]>,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let is_sound = log.fault.is_none() && differences.is_none_or(<[_]>::is_empty);
    if output.json {
        output.json_line(&Report { log, differences })?;
    } else {
        match &log.fault {
            Some(fault) => output.line(fault)?,
            None => {
                output.line(format_args!(
                    "{} entries, every link holds; head {}",
                    log.entries, log.head
                ))?;
                if let Some(key) = &log.key {
                    output.line(format_args!(
                        "signed by key {key}, last at entry {}",
                        log.signed_through
                    ))?;
                }
            }
        }
        for difference in differences.unwrap_or_default() {
            output.line(printable(&difference.to_string()))?;
        }
        for limit in &log.unshown {
            output.note(format_args!("not shown: {limit}"));
        }
    }
    if differences.is_some_and(|found| !found.is_empty()) {
        output.note("hint: `centinel audit rebuild` writes these tables anew from the log");
    }
    Ok(if is_sound { Outcome::Done } else { Outcome::Refused })
}

fn heads(args: &Args) -> anyhow::Result<Vec<PublishedHead>> {
    let mut heads = Vec::new();
    for text in &args.head {
        let head = text.parse().map_err(|_| {
            usage(
                format!("`{}` is no audit head", printable(text)),
                "it is `SEQUENCE:HASH` or `SEQUENCE:HASH:KEY:SIGNATURE`, as `centinel audit head` \
                 prints it",
            )
        })?;
        heads.push(head);
    }
    for path in &args.heads {
        let text = fs::read_to_string(path).with_context(|| format!("`{}`", path.display()))?;
        let found = PublishedHead::all_in(&text);
        if found.is_empty() {
            return Err(hinted(
                format!("there is no audit head in `{}`", path.display()),
                "one is `SEQUENCE:HASH:KEY:SIGNATURE`, as `centinel audit head` prints it",
            ));
        }
        heads.extend(found);
    }
    Ok(heads)
}

fn of_file(path: &Path, known: &Knowledge) -> anyhow::Result<Verification> {
    let shown = path.display();
    let wrong = |reason: String| {
        hinted(
            format!("`{shown}`: {reason}"),
            "verify a file as `centinel audit export` wrote it, in JSON lines",
        )
    };
    let file = fs::File::open(path).with_context(|| format!("`{shown}`"))?;
    let mut check = FileCheck::new(known);
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("`{shown}`"))?;
        check.take(&line).map_err(|reason| wrong(format!("line {}: {reason}", index + 1)))?;
    }
    check.finish().map_err(wrong)
}
