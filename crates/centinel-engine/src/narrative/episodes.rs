//! Sentences about all that left its usual range in a period.

use super::{
    document::{Document, Writer},
    figure::Detail,
};
use crate::facts::{Bundle, Direction};

/// The text of a list of episodes.
pub(super) fn document(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Exact);
    writer.paragraph();
    let is_single = writer.fact("episodes").is_some_and(|count| count.value == "1");
    let than = match writer.direction("impact") {
        Some(Direction::Up) => "more than expected",
        Some(Direction::Down) => "less than expected",
        Some(Direction::Flat) | None => "",
    };
    let dates = "from {window_first} to {window_last}";
    if !writer.has("episodes") {
        writer.say(&format!("The days {dates} were looked at."));
        writer.words(" No episode stood out.");
    } else if is_single || than.is_empty() {
        writer.say(&format!("{{episodes}} stood out {dates}."));
    } else {
        writer.say(&format!("{{episodes}} stood out {dates}."));
        writer.say(&format!("Together they cost an estimated {{impact|size}} {than}."));
    }
    writer.say("Amounts are of what {limited_to} may see.");
    for episode in writer.numbered("episode") {
        writer.item();
        writer.below(&episode);
        writer.episode();
        writer.episode_owner();
    }
    writer.paragraph();
    writer.caveats();
    writer.finish()
}
