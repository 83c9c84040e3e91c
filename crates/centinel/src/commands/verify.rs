//! `verify`: whether a text says only what the facts of a bundle say.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use centinel_engine::{
    facts::read_facts,
    narrative::{self, Mention, Status},
};

use crate::{
    failure::{hinted, usage},
    output::{Outcome, Output},
    text::printable,
};

/// Largest file read, in bytes.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Rejected facts that are named on standard error.
const NAMED_MAX: usize = 10;

/// Check every figure, name and date of a text against the facts it cites.
///
/// A mention is bound to the fact cited right after it, as in `$4,147.68 [F1]` or
/// `support-answers [F3]`. Exit code 0 when all are verified, else 4.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Facts: `{"facts":[{"id","kind","value",…}]}`; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// Also require every fact and caveat that the bundle says any wording must have.
    #[arg(long)]
    complete: bool,
    /// Markdown; `-` is standard input.
    #[arg(value_name = "TEXT")]
    text: PathBuf,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    let is_input = |path: &Path| path.as_os_str() == "-";
    if is_input(&args.bundle) && is_input(&args.text) {
        return Err(usage("bundle and text are both `-`", "give one of them as a file"));
    }
    let bundle = read(&args.bundle)
        .and_then(|json| Ok(read_facts(&json)?))
        .with_context(|| format!("reading facts from `{}`", args.bundle.display()))?;
    let text =
        read(&args.text).with_context(|| format!("reading the text `{}`", args.text.display()))?;
    for fact in bundle.rejected.iter().take(NAMED_MAX) {
        let id = fact.id.as_deref().map(|id| format!(" `{}`", printable(id))).unwrap_or_default();
        output.note(format_args!("fact {}{id}: {}", fact.place, printable(&fact.reason)));
    }
    if !bundle.rejected.is_empty() {
        let (rejected, read) = (bundle.rejected.len(), bundle.facts.len());
        let facts = if rejected == 1 { "fact" } else { "facts" };
        output.note(format_args!("{rejected} {facts} rejected, {read} read"));
    }
    let mut mentions = narrative::check(&bundle.facts, &text);
    if args.complete {
        mentions.extend(narrative::missing(
            &bundle.facts,
            &bundle.required,
            &bundle.caveats,
            &text,
        ));
    }
    for mention in &mentions {
        if output.json {
            output.json_line(mention)?;
        } else if mention.status != Status::Verified {
            output.line(line(mention, &text))?;
        }
    }
    let verified = mentions.iter().filter(|mention| mention.status == Status::Verified).count();
    if !output.json {
        output.line(format_args!("{verified} of {} mentions verified", mentions.len()))?;
    }
    Ok(if verified < mentions.len() {
        Outcome::Refused
    } else if bundle.rejected.is_empty() {
        Outcome::Done
    } else {
        Outcome::SomeRejected
    })
}

/// `3:14 contradicted: `$5` (`F2` is 4.99 USD)`
fn line(mention: &Mention, text: &str) -> String {
    let before: Vec<char> = text.chars().take(mention.span.0).collect();
    let row = before.iter().filter(|c| **c == '\n').count() + 1;
    let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
    let status = match mention.status {
        Status::Verified => "verified",
        Status::Contradicted => "contradicted",
        Status::Unverified => "unverified",
    };
    let said = printable(&mention.mention);
    let reason = mention.reason.as_deref().map(printable).unwrap_or_default();
    format!("{row}:{column} {status}: `{said}`: {reason}")
}

fn read(path: &Path) -> anyhow::Result<String> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    centinel_ingest::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(hinted(
            format!("more than {} MiB", BYTES_MAX / 1024 / 1024),
            "give one text and the facts that it cites",
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        hinted(
            format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()),
            "save the file as UTF-8",
        )
    })
}
