//! Sentences about a proposal: what it asks for, what it promises, what came of it.

use super::{
    document::{Document, Writer},
    figure::Detail,
};
use crate::facts::Bundle;

/// The text of a proposal.
pub(super) fn document(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Prose);
    writer.paragraph();
    writer.asked();
    writer.words(".");
    writer.promised();
    writer.came();
    writer.say("The risk is stated as {risk}; the owner is {owner}.");
    writer.caveats();
    writer.say("Undecided, it lapses on {expires_on}.");
    writer.finish()
}

impl Writer<'_> {
    /// The change itself, by its kind.
    fn asked(&mut self) {
        if self.asked_in_one() {
            return;
        }
        for every in ["daily", "weekly", "monthly", "quarterly", "yearly"] {
            if self.has(&format!("budget.limit.{every}")) {
                self.say(&format!("{{id}} sets the {every} budget of "));
                self.scope("budget.scope.", "all spend");
                self.say(&format!(" to {{budget.limit.{every}}}"));
                self.say(", from {budget.previous}");
                return;
            }
        }
        if self.has("tag.name") && self.say("{id} labels spend of ") {
            let matches = self.starting("tag.matches.");
            self.named(&matches);
            self.say(" as {tag.name} {tag.value}");
            self.say(", in place of {tag.previous}");
        } else if self.say("{id} removes {cleanup.count}") {
            for (index, (_, fact)) in self.starting("cleanup.resource.").iter().enumerate() {
                self.words(if index == 0 { ", among them " } else { ", " });
                self.mention(fact);
            }
        } else {
            self.say("{id} asks for a change");
        }
    }

    /// Kinds that a single sentence says.
    fn asked_in_one(&mut self) -> bool {
        self.say_first(&[
            "{id} sends {routing.share} of the calls of {routing.feature} from {routing.from_model} to \
             {routing.to_model}",
            "{id} keeps prompts of {caching.feature} on {caching.model} in the cache for {caching.ttl}, in \
             place of {caching.previous_ttl}",
            "{id} keeps prompts of {caching.feature} on {caching.model} in the cache for {caching.ttl}",
            "{id} stops caching prompts of {caching.feature} on {caching.model}",
            "{id} buys {commitment.offer} of {commitment.provider} at {commitment.per_hour} an hour for \
             {commitment.term}, paid {commitment.payment}",
            "{id} lets {rightsize.container} in {rightsize.workload} ask for {rightsize.cpu_to} and \
             {rightsize.memory_to}, in place of {rightsize.cpu_from} and {rightsize.memory_from}",
            "{id} starts {schedule.resource} at {schedule.start} and stops it at {schedule.stop}, times of \
             {schedule.time_zone}",
        ])
    }

    fn promised(&mut self) {
        let promises = if self.has("executed_on") { "It promised" } else { "It promises" };
        let saving = format!("{promises} a saving of {{saving.mid}} a month");
        self.say_first(&[
            &format!("{saving}, between {{saving.low}} and {{saving.high}}."),
            &format!("{saving}."),
            "It states no saving.",
        ]);
        if self.fact("saving.expected").map(|fact| &fact.value)
            != self.fact("saving.mid").map(|fact| &fact.value)
        {
            self.say("By what earlier proposals of its kind brought, {saving.expected} a month is expected.");
        }
    }

    fn came(&mut self) {
        self.say("It was carried out on {executed_on}.");
        self.say_first(&[
            "In {realised_days} it brought a saving of {realised} a month, {realised_share} of the promise.",
            "In {realised_days} it brought a saving of {realised} a month.",
        ]);
    }
}
