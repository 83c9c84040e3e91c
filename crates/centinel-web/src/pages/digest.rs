//! The week and the month in words, and a scorecard for each owner.

use askama::Template;
use axum::response::Response;
use centinel_app::{Digest, DigestRequest};
use centinel_engine::{
    digest::SummaryKind,
    narrative::{BlockKind, NumberFormat},
};

use super::{Chrome, Source, page};
use crate::{
    asked::Asked,
    failure::Failure,
    text::{self, cell, clean},
};

#[derive(Template)]
#[template(path = "digest.html")]
struct Page {
    chrome: Chrome,
    digests: Vec<Told>,
}

/// One digest.
struct Told {
    /// Which, or whose scorecard.
    name: String,
    days: String,
    /// What a model worded, where it is kept for these facts; the parts then stand folded below it.
    words: String,
    parts: Vec<Part>,
    /// Whose words come first.
    label: String,
    source: Source,
}

/// A heading, a paragraph, or the items of a list: one of them is not empty.
#[derive(Default)]
struct Part {
    heading: String,
    paragraph: String,
    items: Vec<String>,
}

pub(crate) async fn digest(state: Asked) -> Response {
    page(&state, answer(&state).await)
}

async fn answer(state: &Asked) -> Result<Page, Failure> {
    let (app, now) = (state.app(), state.now());
    let of = async |kind| app.digest(&DigestRequest::latest(kind), None, now).await;
    let format = app.number_format();
    let week = of(SummaryKind::Weekly).await?;
    let month = of(SummaryKind::Monthly).await?;
    let scorecards = app.owner_digests(&DigestRequest::latest(SummaryKind::Scorecard), now).await?;
    let mut digests = vec![
        Told::new("The week", &week, &format),
        Told::new("The month, for finance", &month, &format),
    ];
    for card in &scorecards {
        let name = format!("Scorecard of {}", card.owner.as_deref().map(cell).unwrap_or_default());
        digests.push(Told::new(&name, card, &format));
    }
    Ok(Page { chrome: Chrome::of(state), digests })
}

impl Told {
    fn new(name: &str, digest: &Digest, format: &NumberFormat) -> Self {
        let (first, after) = digest.period.dates();
        let mut parts: Vec<Part> = Vec::new();
        for block in &digest.document.blocks {
            let text: String = block.runs.iter().map(|run| clean(&run.shown(format))).collect();
            match block.kind {
                BlockKind::Heading => parts.push(Part { heading: text, ..Part::default() }),
                BlockKind::Paragraph => parts.push(Part { paragraph: text, ..Part::default() }),
                BlockKind::Item => match parts.last_mut() {
                    Some(part) if !part.items.is_empty() => part.items.push(text),
                    _ => parts.push(Part { items: vec![text], ..Part::default() }),
                },
            }
        }
        Self {
            name: name.to_owned(),
            days: text::days(first, after.yesterday().unwrap_or(first)),
            words: digest.by_model().map(|words| clean(words.plain.trim())).unwrap_or_default(),
            parts,
            label: digest.label().to_owned(),
            source: Source::new(&digest.evidence),
        }
    }
}
