//! Foreign text on its way out: one escaping for each place that it can go to.
//!
//! Titles, names and reasons come from bills, tags and models' callers. Each function takes any text and
//! returns one that its sink shows as that text, and as nothing else: no link, mention, command, formula
//! or second line. What nobody sees (control, zero-width, direction-changing characters) becomes `�`, so
//! that nothing hides and nothing is silently shorter. HTML is escaped by the page's templates, terminal
//! text by the command line.

pub mod branch;
pub mod commit;
pub mod csv;
#[cfg(test)]
pub(crate) mod hostile;
pub mod markdown;
pub mod slack;

use crate::edit::is_hidden;

/// A text on one line of visible characters; white space of every kind is a space.
pub(crate) fn visible_line(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().map(|c| match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' | '\u{85}' => ' ',
        c if is_hidden(c) => '\u{fffd}',
        c => c,
    })
}
