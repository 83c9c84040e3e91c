//! Standard wording: sentences over a bundle's facts, with no figure of their own.
//!
//! Every figure, name and date is taken from a fact and, in the Markdown form, cited right after it
//! (`+$4,147.68 [F8]`), which is what the checker binds to. A contribution is called a contribution:
//! nothing here claims a cause. Whether a sentence is said depends on the facts alone: where there is
//! nothing to say, nothing is said.

mod analysis;
#[cfg(test)]
mod answer_tests;
mod around;
mod breakdown;
mod check;
mod document;
pub mod draft;
mod episodes;
mod escape;
mod explain;
#[cfg(test)]
mod explain_tests;
mod figure;
mod finding;
mod health;
mod number_format;
mod outlook;
mod progress;
mod proposal;
#[cfg(test)]
mod proposal_tests;
pub mod publish;
mod summary;
#[cfg(test)]
mod tests;

pub use analysis::analysis;
pub use check::{Mention, Status, TEXT_MAX, check, is_verified, missing};
pub use document::{Block, BlockKind, Document, Run};
pub(crate) use escape::escaped;
pub use figure::{Detail, Figure, Sign};
pub use number_format::{NumberFormat, UnknownLocale};
pub use publish::without_citations;

use crate::facts::Bundle;

/// The standard wording of a bundle, by the question that it answers; `None` for a question whose answer
/// is a table.
pub fn document(bundle: &Bundle) -> Option<Document> {
    Some(match bundle.question.as_str() {
        "analysis" => analysis::document(bundle),
        "breakdown" => breakdown::document(bundle),
        "comparison" => breakdown::comparison(bundle),
        "episodes" => episodes::document(bundle),
        "explain" => explain::document(bundle),
        "finding" => finding::document(bundle),
        "health" => health::document(bundle),
        "digest" | "scorecard" => summary::sections(bundle),
        "cfo" => summary::paragraphs(bundle),
        "proposal" => proposal::document(bundle),
        "outlook" => outlook::document(bundle),
        "queue" => progress::queue(bundle),
        "savings" => progress::savings(bundle),
        _ => return None,
    })
}

/// The same in Markdown, every mention cited.
pub fn standard(bundle: &Bundle) -> Option<String> {
    document(bundle).map(|document| document.cited())
}

/// An explained change ([`crate::explain::bundle`]) in Markdown, every mention cited.
pub fn explain(bundle: &Bundle) -> String {
    explain::document(bundle).cited()
}

/// The same in plain text without citations, for terminals.
pub fn explain_plain(bundle: &Bundle) -> String {
    explain::document(bundle).plain(&NumberFormat::CITED)
}

/// What a summary says in a few words, for a list or the subject of a message: the cost and its change.
pub fn subject(bundle: &Bundle, format: &NumberFormat) -> String {
    summary::subject(bundle).plain(format).trim_end().to_owned()
}
