//! Sentences about what a period will cost, against its limits.

use super::{
    document::{Document, Writer},
    figure::Detail,
    summary::span_word,
};
use crate::facts::Bundle;

/// Limits by role, as a sentence names them.
const EVERY: [&str; 5] = ["daily", "weekly", "monthly", "quarterly", "yearly"];

/// The text of an outlook.
pub(super) fn document(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Prose);
    writer.paragraph();
    writer.supposed();
    writer.ahead();
    if writer.fact("ahead.seen").is_some_and(|seen| seen.value != "0") {
        writer.say("So far, {ahead.seen} was spent.");
    }
    writer.of_part();
    writer.say("Amounts are of what {limited_to} may see.");
    writer.section("By part", |writer| {
        for part in writer.numbered("part") {
            writer.item();
            writer.below(&part);
            if !writer.say("{.name}: {.expected} expected.") {
                writer.words("Unattributed spend");
                writer.say(": {.expected} expected.");
            }
        }
    });
    writer.section("Against budgets", Writer::budgets);
    writer.section("How far to trust it", |writer| {
        writer.paragraph();
        writer.unpriced();
        writer.late();
        writer.caveats();
    });
    writer.finish()
}

impl Writer<'_> {
    /// The amount that was asked about, and what a scenario changes.
    fn supposed(&mut self) {
        let word = self.fact("ahead.total").map_or("period", span_word);
        self.say(&format!(
            "The probability of passing {{asked.amount}} in the {word} to {{ahead.last}} is {{asked.probability}}."
        ));
        self.say("At the expected pace, that is reached on {asked.reached_on}.");
        self.say(
            "The scenario changes the expected cost by {ahead.scenario_adds}; without it, \
             {ahead.without_scenario} is expected.",
        );
    }

    /// The part of the spend that every amount is of.
    fn of_part(&mut self) {
        for (index, (_, fact)) in self.starting("about.").iter().enumerate() {
            self.words(if index == 0 { " Amounts are of " } else { ", " });
            self.mention(fact);
        }
        if !self.starting("about.").is_empty() {
            self.words(" alone.");
        }
    }

    /// Where the period ends that goes on.
    pub(super) fn ahead(&mut self) {
        let word = self.fact("ahead.total").map_or("period", span_word);
        let expected = format!("The {word} to {{ahead.last}} is expected to cost {{ahead.total}}");
        let band =
            ", between {ahead.low} and {ahead.high} with a probability of {ahead.probability}";
        self.say_first(&[&format!("{expected}{band}."), &format!("{expected}.")]);
    }

    /// Each limit in an item.
    pub(super) fn budgets(&mut self) {
        for budget in self.numbered("budget") {
            self.item();
            self.below(&budget);
            self.budget();
        }
    }

    /// What the period of the limit below the prefix is expected to cost.
    fn budget_ahead(&mut self) {
        let word = self.fact(".expected").map_or("period", span_word);
        self.say(&format!("For the {word} that goes on, {{.expected}} is expected."));
    }

    /// The limit below the prefix.
    pub(super) fn budget(&mut self) {
        let every = EVERY.into_iter().find(|every| self.has(&format!(".limit.{every}")));
        let Some(every) = every else { return };
        let is_first = self.is_empty_block();
        if !is_first {
            self.words(" ");
        }
        self.scope(".scope.", "All spend");
        let limit = format!("its {every} budget of {{.limit.{every}}}");
        let was_spent = self.say_first(&[
            &format!(" cost {{.spent}}, {{.spent_over|size}} more than {limit}"),
            &format!(" cost {{.spent}} of {limit}"),
        ]);
        if was_spent {
            // What was spent is said against the limit; what lies ahead, in a sentence of its own.
            self.words(".");
            self.budget_ahead();
            return;
        }
        let is_passed = self.say(&format!(" has passed {limit}: it stands at {{.passed}}."));
        if is_passed {
            self.budget_ahead();
            return;
        }
        let is_forecast = self.say_first(&[
            &format!(" is expected to cost {{.expected}}, {{.over|size}} more than {limit}."),
            &format!(" is expected to cost {{.expected}}, {{.under|size}} less than {limit}."),
        ]);
        if !is_forecast {
            self.say(&format!(
                " has a {every} budget of {{.limit.{every}}}, and too short a history to forecast."
            ));
            return;
        }
        self.say("The probability of passing it is {.probability}.");
        self.say("At the expected pace it is reached on {.reached_on}.");
    }
}
