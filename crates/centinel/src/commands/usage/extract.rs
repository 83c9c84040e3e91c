//! `usage extract`: one response body in, one usage record out, in order.

use std::path::PathBuf;

use anyhow::Context as _;
use centinel_engine::usage::{
    Usage,
    extract::{Assembler, Extracted, Extraction, Extractor, OtherModel, Rejection, UnknownFlavor},
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::bodies::{Bodies, Piece};
use crate::{
    failure::usage,
    output::{Outcome, Output},
    text::printable,
};

/// Rejected bodies and unread numbers that are named on standard error; the rest is counted.
const NAMED_MAX: usize = 10;

/// Usage records from response bodies, exactly as providers sent them.
///
/// Writes JSON lines that `price --usage` takes as they are. A body may lie in a line of a batch's
/// output, in an invocation log's record, or under `body` or `response`; the events of a stream
/// become one record.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Whose bodies they are: openai, azure, anthropic, aws, google, mistral, x-ai, ….
    #[arg(long, value_name = "PROVIDER")]
    provider: String,
    /// Flavor of the provider's API: default, chat, responses, anthropic, embeddings, images,
    /// realtime, tokens, converse, invoke, gemini [default: found from each body].
    #[arg(long, value_name = "FLAVOR")]
    api: Option<String>,
    /// The model of bodies that name none.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Write what another model used within a call (an advisor, say) as a record of its own.
    #[arg(long)]
    each_model: bool,
    /// JSON lines, a JSON array, pretty-printed JSON or server-sent events, also `.gz` or `.zst`;
    /// `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Record<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    provider: &'a str,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    usage: Usage,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    other_models: &'a [OtherModel],
}

#[derive(Serialize)]
struct RejectedBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    status: &'static str,
    /// Line of the file in which the body ends.
    line: u64,
    reason: &'a str,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    let extractor = Extractor::new(&args.provider, args.api.as_deref(), args.model.as_deref())
        .map_err(|error| {
            usage(error.to_string(), format!("one of {}", UnknownFlavor::KNOWN.join(", ")))
        })?;
    let input = centinel_ingest::open(&args.file)?;
    let mut bodies = Bodies::new(input);
    let mut assembler = Assembler::new(extractor);
    let mut writer =
        Writer { args, output, line: 0, bodies: 0, rejected: 0, reasons: Vec::new(), others: 0 };
    let unreadable = || format!("cannot read `{}`", args.file.display());
    while let Some(piece) = bodies.next().with_context(unreadable)? {
        writer.line = piece.line;
        let mut emit = |extracted: Extracted<'_>| writer.write(extracted);
        match piece.body {
            Piece::Body(text) => assembler.push(text, &mut emit)?,
            Piece::Chunk(text) => assembler.push_chunk(text, &mut emit)?,
            Piece::Events(text) => assembler.push_events(text, &mut emit)?,
            Piece::Bad(reason) => {
                assembler.finish(&mut emit)?;
                writer.write(Err(Rejection { id: None, reason }))?;
            }
        }
    }
    assembler.finish(&mut |extracted| writer.write(extracted))?;
    Ok(writer.notes(assembler.extractor()))
}

struct Writer<'a> {
    args: &'a Args,
    output: &'a mut Output,
    line: u64,
    bodies: u64,
    rejected: u64,
    reasons: Vec<String>,
    others: u64,
}

impl Writer<'_> {
    fn write(&mut self, extracted: Extracted<'_>) -> anyhow::Result<()> {
        self.bodies = self.bodies.saturating_add(1);
        match extracted {
            Ok(extraction) => self.record(&extraction),
            Err(Rejection { id, reason }) => {
                self.rejected = self.rejected.saturating_add(1);
                if self.reasons.len() < NAMED_MAX {
                    self.reasons.push(format!("line {}: {reason}", self.line));
                }
                let (id, reason) = (id.as_deref(), reason.as_str());
                let line = self.line;
                self.output.json_line(&RejectedBody { id, status: "rejected", line, reason })?;
                Ok(())
            }
        }
    }

    fn record(&mut self, extraction: &Extraction<'_>) -> anyhow::Result<()> {
        let id = extraction.id.as_deref();
        let others = extraction.other_models.as_slice();
        let is_split = self.args.each_model && others.iter().all(|other| other.model.is_some());
        self.output.json_line(&Record {
            id,
            provider: &self.args.provider,
            model: &extraction.model,
            service_tier: extraction.service_tier.as_deref(),
            region: extraction.region.as_deref(),
            usage: extraction.usage,
            other_models: if is_split { &[] } else { others },
        })?;
        if !is_split {
            self.others = self.others.saturating_add(u64::from(!others.is_empty()));
            return Ok(());
        }
        for other in others {
            self.output.json_line(&Record {
                id,
                provider: &self.args.provider,
                model: other.model.as_deref().unwrap_or_default(),
                service_tier: extraction.service_tier.as_deref(),
                region: extraction.region.as_deref(),
                usage: other.usage,
                other_models: &[],
            })?;
        }
        Ok(())
    }

    /// What a reader of the records should know, on standard error.
    fn notes(&self, extractor: &Extractor) -> Outcome {
        let Self { output, bodies, rejected, .. } = self;
        for reason in &self.reasons {
            output.note(printable(reason));
        }
        if *rejected > 0 {
            output.note(format_args!("{rejected} of {bodies} bodies rejected"));
        }
        if self.others > 0 {
            output.note(format_args!(
                "{} of {bodies} bodies also report what another model used, under `other_models`: \
                 --each-model writes it as records of its own",
                self.others
            ));
        }
        let mut unread: Vec<_> = extractor.unread().iter().collect();
        unread.sort_by(|left, right| right.1.cmp(left.1).then_with(|| left.0.cmp(right.0)));
        for (path, count) in unread.iter().take(NAMED_MAX) {
            let text = format!("not read: `{path}`, not zero in {count} of {bodies} bodies");
            output.note(printable(&text));
        }
        if unread.len() > NAMED_MAX {
            output.note(format_args!("not read: {} more", unread.len() - NAMED_MAX));
        }
        if *rejected > 0 { Outcome::SomeRejected } else { Outcome::Done }
    }
}
