//! Sentences about an episode: what left its usual range, since when, by how much.

use super::{
    document::{Document, Writer},
    figure::Detail,
};
use crate::facts::Bundle;

/// Metrics by role, as a sentence says that each is high. The total needs no words of its own: what it is
/// beyond the expected has been said.
const METRICS: [(&str, &str); 6] = [
    ("cost_per_output", "Cost per output is "),
    ("tokens_per_call", "Tokens per call are "),
    ("price_per_token", "The price of a token is "),
    ("calls_per_output", "Calls per output are "),
    ("cache_miss_share", "The share of input that is read afresh is "),
    ("failed_call_share", "The share of calls that fail or are repeated is "),
];

/// The text of a finding: the episode, then its explanation.
pub(super) fn document(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Exact);
    writer.paragraph();
    writer.below("episode");
    writer.episode();
    writer.episode_owner();
    if writer.has("delta") {
        writer.paragraph();
        writer.change();
        writer.circumstances();
    }
    writer.caveats();
    writer.finish()
}

impl Writer<'_> {
    /// The episode below the prefix, as a sentence or two.
    pub(super) fn episode(&mut self) {
        self.say("{.id}: ");
        self.scope(".scope.", "all spend");
        let within = self.starting(".within.");
        if !within.is_empty() {
            self.words(", chiefly ");
            self.named(&within);
            self.words(",");
        }
        self.say_first(&[
            " cost an estimated {.impact|size} more than expected from {.since} to {.until}.",
            " has cost an estimated {.impact|size} more than expected since {.since}.",
        ]);
        for (metric, words) in METRICS {
            let role = format!(".excess.{metric}");
            if self.has(&role) {
                self.say(&format!("{words}{{{role}|size}} above the usual."));
            }
        }
    }

    /// Who is accountable, and what is proposed.
    pub(super) fn episode_owner(&mut self) {
        if !self.say("Its owner is {.owner}.") {
            self.say("Its owner is unknown.");
        }
        self.episode_proposals();
    }

    /// Proposals about it.
    pub(super) fn episode_proposals(&mut self) {
        let proposals = self.starting(".proposal.");
        for (index, (_, fact)) in proposals.iter().enumerate() {
            self.words(if index == 0 { " Proposed about it: " } else { ", " });
            self.mention(fact);
        }
        if !proposals.is_empty() {
            self.words(".");
        }
    }

    /// A part of the spend: the bare name of a feature, else dimensions with their values.
    pub(super) fn scope(&mut self, prefix: &str, all: &str) {
        let dims = self.starting(prefix);
        match dims.as_slice() {
            [] => self.words(all),
            [(dimension, fact)] if dimension == "feature" => self.mention(fact),
            dims => self.named(dims),
        }
    }
}
