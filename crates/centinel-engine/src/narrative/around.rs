//! Sentences about the circumstances of a change: where it is, and what happened at the time.

use std::fmt::Write as _;

use super::{Wording, escaped};
use crate::facts::Fact;

/// Links and places that are looked for at most.
const NUMBER_MAX: u32 = 99;

/// Kinds of links by role, as a sentence names them.
const KINDS: [(&str, &str); 11] = [
    ("new_model", "new model"),
    ("new_key", "new key"),
    ("price_change", "price of"),
    ("restatement", "calls priced anew"),
    ("book_activated", "price book in force"),
    ("book_imported", "price book imported"),
    ("deploy", "deploy"),
    ("planned", "planned change"),
    ("maintenance", "maintenance"),
    ("policy_edit", "policy edit"),
    ("error_burst", "failed calls"),
];

impl Wording<'_> {
    /// The places that hold the change, with what of it, and what is in none; false without any, where
    /// it is said that the change is spread over everything.
    pub(super) fn places(&self, text: &mut String) -> bool {
        let numbers = 1..NUMBER_MAX;
        let told: Vec<String> = numbers.map_while(|number| self.told_place(number)).collect();
        if told.is_empty() {
            let none = self.bundle.fact("places").filter(|count| count.value == "0");
            if let Some(none) = none {
                let _ = write!(
                    text,
                    " No place stands out, it is spread as the cost is: {}",
                    self.mention(none)
                );
                text.push_str(" hold more of it than chance would give them.");
            }
            return false;
        }
        let _ = write!(text, " Of it, {}", told.join("; "));
        if let Some(rest) = self.bundle.fact("place_rest") {
            let _ = write!(text, "; elsewhere: {}", self.signed(rest));
        }
        text.push('.');
        true
    }

    fn told_place(&self, number: u32) -> Option<String> {
        let delta = self.bundle.fact(&format!("place.{number}.delta"))?;
        let prefix = format!("place.{number}.");
        let facts = self.bundle.facts.iter();
        let dims: Vec<String> = facts
            .filter_map(|fact| Some((fact.role.strip_prefix(&prefix)?, fact)))
            .filter(|(name, _)| !matches!(*name, "delta" | "share"))
            .map(|(dimension, fact)| format!("{} {}", escaped(dimension), self.mention(fact)))
            .collect();
        let mut told = format!("in {}: {}", dims.join(", "), self.signed(delta));
        self.add_share(&mut told, &format!("{prefix}share"));
        Some(told)
    }

    /// What has a contribution, then what coincided.
    pub(super) fn links(&self, text: &mut String) {
        let (mut known, mut coincided) = (Vec::new(), Vec::new());
        for number in 1..NUMBER_MAX {
            let Some((told, is_known)) = self.told_link(number) else { break };
            if is_known {
                known.push(told);
            } else {
                coincided.push(told);
            }
        }
        if !known.is_empty() {
            let _ = write!(text, " Contributions of what began then: {}.", known.join("; "));
        }
        if !coincided.is_empty() {
            let _ = write!(text, " The change coincided with: {}.", coincided.join("; "));
        }
    }

    /// A link, and whether it has a contribution.
    fn told_link(&self, number: u32) -> Option<(String, bool)> {
        let fact = |name: &str| self.bundle.fact(&format!("link.{number}.{name}"));
        let (label, name) = KINDS.iter().find_map(|(role, label)| Some((label, fact(role)?)))?;
        let mut told = (*label).to_owned();
        if !name.value.is_empty() {
            let _ = write!(told, " {}", self.mention(name));
        }
        if let Some(since) = fact("since") {
            let _ = write!(told, " from {}", self.mention(since));
        }
        self.add_prices(&mut told, number);
        if let (Some(failed), Some(calls)) = (fact("failed"), fact("calls")) {
            let _ = write!(told, ", {} of {}", self.mention(failed), self.mention(calls));
        }
        if let (Some(failed), Some(calls)) = (fact("failed_before"), fact("calls_before")) {
            let (failed, calls) = (self.mention(failed), self.mention(calls));
            let _ = write!(told, ", against {failed} of {calls} on the usual days");
        }
        let cost = fact("cost");
        if let Some(cost) = cost {
            let _ = write!(told, ": {}", self.signed(cost));
            self.add_share(&mut told, &format!("link.{number}.share"));
        }
        Some((told, cost.is_some()))
    }

    /// What a million tokens cost before and after.
    fn add_prices(&self, told: &mut String, number: u32) {
        let prefix = format!("link.{number}.");
        let told_of = |fact: &Fact| {
            let name = fact.role.strip_prefix(&prefix)?.strip_suffix("_before")?;
            let after = self.bundle.fact(&format!("{prefix}{name}_after"))?;
            let (before, after) = (self.mention(fact), self.mention(after));
            Some(format!(", {} {before} to {after} a million tokens", escaped(name)))
        };
        told.extend(self.bundle.facts.iter().filter_map(told_of));
    }

    fn add_share(&self, told: &mut String, role: &str) {
        if let Some(share) = self.bundle.fact(role) {
            let _ = write!(told, ", {} of the change", self.mention(share));
        }
    }
}
