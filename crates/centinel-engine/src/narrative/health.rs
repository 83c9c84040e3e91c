//! Sentences about the data: who delivers, what is missing, what fits the invoices.

use super::{
    document::{Document, Writer},
    figure::Detail,
};
use crate::facts::Bundle;

/// The text of a look at the data.
pub(super) fn document(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Exact);
    writer.paragraph();
    let is_one = |role| writer.fact(role).is_some_and(|count| count.value == "1");
    let lag = if is_one("sources_late") { "lags" } else { "lag" };
    let all = if is_one("sources") { "{sources} delivers." } else { "All of {sources} deliver." };
    writer.say_first(&[&format!("Of {{sources}}, {{sources_late}} {lag} behind."), all]);
    for source in writer.numbered("failing") {
        writer.below(&source);
        writer.say("The last try of the source {.source} failed.");
    }
    writer.say("In all imports, {rows_rejected} were kept aside with a reason; their cost is in no amount.");
    writer.say("Amounts are of what {limited_to} may see.");
    writer.trust();
    writer.paragraph();
    writer.say("From {window_first} to {window_last}, {unowned_cost} is unowned.");
    for place in writer.numbered("unowned") {
        writer.item();
        writer.below(&place);
        writer.scope(".scope.", "All else");
        writer.say(": {.cost}.");
    }
    writer.finish()
}
