//! Sentences about what a period cost, by part, and about what each part did.

use super::{
    document::{Document, Writer},
    figure::Detail,
};
use crate::facts::Bundle;

/// The text of a breakdown: the whole, its parts, how far to trust it.
pub(super) fn document(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Exact);
    writer.paragraph();
    if writer.has("total") {
        writer.subject();
        writer.say_first(&[
            " cost {total} from {window_first} to {window_last}, with {calls} and {tokens}.",
            " cost {total} from {window_first} to {window_last}, with {calls}.",
            " cost {total} from {window_first} to {window_last}.",
        ]);
    } else {
        writer.say("All that was used from {window_first} to {window_last} is unpriced.");
    }
    writer.say("Amounts are of what {limited_to} may see.");
    for part in writer.numbered("part") {
        writer.item();
        writer.below(&part).part();
    }
    writer.item();
    writer.say("Besides, {parts_more} cost {rest}.");
    writer.paragraph();
    writer.unpriced();
    writer.caveats();
    writer.finish()
}

/// The text of a comparison: the change, what each part of it did, its circumstances.
pub(super) fn comparison(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Exact);
    writer.paragraph();
    writer.change();
    for moved in writer.numbered("moved") {
        writer.item();
        writer.below(&moved);
        writer.moved();
        writer.words(".");
    }
    writer.paragraph();
    writer.circumstances();
    writer.caveats();
    writer.finish()
}

impl Writer<'_> {
    /// What a figure is of: the values that it is limited to, or all spend.
    fn subject(&mut self) {
        let about = self.starting("about.");
        if about.is_empty() {
            self.words("All spend");
        }
        for (index, (_, fact)) in about.iter().enumerate() {
            self.words(if index == 0 { "" } else { ", " });
            self.mention(fact);
        }
    }

    /// The part below the prefix.
    fn part(&mut self) {
        if self.has(".first") {
            self.say_first(&["{.first}: {.cost}, {.share} of it.", "{.first}: {.cost}."]);
            return;
        }
        match self.fact(".name") {
            Some(name) => self.mention(name),
            None => self.words("Unattributed spend"),
        }
        if !self.say_first(&[" cost {.cost}, {.share} of it.", " cost {.cost}."]) {
            self.words(" is unpriced.");
        }
    }
}
