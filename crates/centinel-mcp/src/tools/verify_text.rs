//! `verify_text`: whether a text that somebody wrote says only what evidence says.

use centinel_engine::narrative::{self, Status};
use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Call, Effect, ToolSpec};
use crate::{
    bounded::{self, Sent},
    imported::{Label, Sentence},
    portable::{Evidence, input_schema, output_schema},
    ports::Refusal,
    request::Detail,
    toolsets::Toolset,
};

/// Longest text taken, in characters.
const TEXT_MAX: usize = 20_000;
/// Mentions that are told of, at most.
const SHOWN_MAX: usize = 20;
/// The same in full.
const SHOWN_FULL_MAX: usize = 80;

pub(super) const SPEC: ToolSpec = ToolSpec {
    name: "verify_text",
    title: "Verify text",
    description: "Whether a text that you wrote says only what an answer's evidence says. Cite each \
                  figure, name and date by the fact right after it, `$4,147.68 [F7]`; the resource \
                  of an evidence_id lists facts with their ids. Use it before figures go to people. \
                  What no citation carries is unverified.",
    example: r#"{"evidence_id":"bundle:9f3c51a0b2c4","text":"Spend rose by $4,147.68 [F7]."}"#,
    effect: Effect::Reads,
    toolset: Toolset::Spend,
    output: || output_schema::<Sent<VerifiedText>>(),
    listed_output: &[],
    input: |_| input_schema::<Params>(),
    run: |call| Box::pin(run(call)),
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// evidence_id of an answer.
    evidence_id: String,
    /// Markdown in English, numbers as 1,234.56.
    #[schemars(length(max = 20000))]
    text: String,
    /// summary: 20 mentions; full: 80.
    #[serde(default)]
    detail: Detail,
}

/// What became of the mentions of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct VerifiedText {
    /// How many mentions were verified, of how many.
    summary: Sentence,
    /// Whether all were.
    is_verified: bool,
    /// Mentions of facts.
    mentions: u32,
    /// Those that cited facts carry.
    verified: u32,
    /// The others, in the order of the text.
    not_verified: Vec<NotVerified>,
    /// Others that are not in the list.
    further: u32,
    /// The bundle that they were compared with.
    #[schemars(with = "Evidence")]
    evidence_id: String,
}

/// A mention that no cited fact carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct NotVerified {
    /// As the text has it.
    mention: Label,
    /// Its first character.
    start: u32,
    /// The character after its last.
    end: u32,
    /// `contradicted` by the fact that is cited, or `unverified`.
    status: &'static str,
    /// The fact that it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    fact: Option<Label>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Sentence>,
}

impl bounded::Answer for VerifiedText {
    fn shed(&mut self) -> bool {
        let has_shed = self.not_verified.pop().is_some();
        self.further = self.further.saturating_add(u32::from(has_shed));
        has_shed
    }
}

async fn run(call: Call<'_>) -> Result<CallToolResult, Refusal> {
    let params: Params = call.read()?;
    let evidence_id = call.evidence(&params.evidence_id)?;
    if params.text.chars().count() > TEXT_MAX {
        return Err(call.mistaken(format!("`text` is longer than {TEXT_MAX} characters")));
    }
    let Some(documents) = call.documents else {
        return Err(Refusal::Denied { message: "this server keeps no evidence".to_owned() });
    };
    let bundle = documents.evidence(call.caller, &evidence_id).await?;
    let mentions = narrative::check(&bundle.facts, &params.text);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let verified = mentions.iter().filter(|mention| mention.status == Status::Verified).count();
    let mut refused = mentions.iter().filter(|mention| mention.status != Status::Verified);
    let shown = match params.detail {
        Detail::Summary => SHOWN_MAX,
        Detail::Full => SHOWN_FULL_MAX,
    };
    let not_verified: Vec<NotVerified> = refused
        .by_ref()
        .take(shown)
        .map(|mention| NotVerified {
            mention: Label::from(&mention.mention),
            start: count(mention.span.0),
            end: count(mention.span.1),
            status: if mention.status == Status::Contradicted {
                "contradicted"
            } else {
                "unverified"
            },
            fact: mention.fact.as_ref().map(Label::from),
            why: mention.reason.as_deref().map(Sentence::worded),
        })
        .collect();
    let mut summary = Sentence::new("")
        .figure(verified)
        .text(" of ")
        .figure(mentions.len())
        .text(" mentions verified");
    summary = if mentions.is_empty() {
        summary.text(": the text asserts nothing that a fact could carry.")
    } else if verified == mentions.len() {
        summary.text(".")
    } else {
        summary.text("; see `not_verified`.")
    };
    let answer = VerifiedText {
        summary,
        is_verified: verified == mentions.len(),
        mentions: count(mentions.len()),
        verified: count(verified),
        not_verified,
        further: count(refused.count()),
        evidence_id: bundle.address(),
    };
    bounded::whole(answer, params.detail)
}
