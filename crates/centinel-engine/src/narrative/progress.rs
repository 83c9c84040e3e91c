//! Sentences about what waits for people, and about what came of what they decided.

use super::{
    document::{Document, Writer},
    figure::Detail,
};
use crate::facts::Bundle;

/// Stages by role, as a sentence names them.
const STAGES: [(&str, &str); 3] = [
    ("open", "waiting for a decision"),
    ("approved", "approved and yet to be carried out"),
    ("executed", "carried out and yet to be measured"),
];

/// The text of what waits.
pub(super) fn queue(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Prose);
    writer.paragraph();
    if writer.has("waiting") {
        writer.waiting();
    } else {
        writer.words("No proposal waits for a decision.");
    }
    writer.finish()
}

/// The text of what came.
pub(super) fn savings(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Prose);
    writer.paragraph();
    writer.savings();
    if writer.numbered("saving").is_empty() {
        writer.words("No saving is measured yet.");
    }
    for under_way in writer.numbered("under_way") {
        for (stage, words) in STAGES {
            writer.below(&format!("{under_way}.{stage}"));
            let one = writer.fact(".proposals").is_some_and(|count| count.value == "1");
            let verb = if one { "promises" } else { "promise" };
            writer
                .say(&format!("{{.proposals}} {words} {verb} a saving of {{.promised}} a month."));
        }
    }
    writer.finish()
}
