//! What a text leaves out that belongs into every wording.

use super::{Mention, Status, glyphs, names::Names, scan};
use crate::facts::Fact;

/// Required facts that a text does not cite, and caveats that it does not have, each as a mention at its
/// end that nothing verifies.
pub fn missing(
    facts: &[Fact],
    required: &[String],
    caveats: &[String],
    text: &str,
) -> Vec<Mention> {
    let known = scan::Known {
        ids: facts.iter().map(|fact| fact.id.as_str()).collect(),
        names: Names::of(&[]),
    };
    let blocks = glyphs::blocks(text);
    let mut cited: Vec<usize> = Vec::new();
    let mut seen = String::new();
    for block in &blocks {
        for item in scan::items(block, &known) {
            if let scan::Kind::Cite(ids) = item.kind {
                cited.extend(ids.into_iter().flatten());
            }
        }
        seen.extend(block.glyphs.iter().map(|glyph| glyph.c));
        seen.push(' ');
    }
    let seen = one_line(&seen);
    let end = text.chars().count();
    let lacking = |id: Option<&String>, reason: String| Mention {
        mention: String::new(),
        span: (end, end),
        status: Status::Unverified,
        fact: id.cloned(),
        reason: Some(reason),
    };
    let is_cited =
        |id: &String| cited.iter().any(|fact| facts.get(*fact).is_some_and(|fact| fact.id == *id));
    let mut missing: Vec<Mention> = required
        .iter()
        .filter(|id| !is_cited(id))
        .map(|id| lacking(Some(id), format!("the text lacks `{id}`, which any wording must have")))
        .collect();
    missing.extend(
        caveats
            .iter()
            .filter(|caveat| !seen.contains(&one_line(caveat)))
            .map(|caveat| lacking(None, format!("the text lacks the caveat `{caveat}`"))),
    );
    missing
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
