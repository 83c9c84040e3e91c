//! What an analyst found of an episode: the explained change, whose it is, what is proposed about it.

use super::{
    document::{Document, Writer},
    explain::is_worth_a_word,
    figure::Detail,
};
use crate::facts::{Bundle, Fact};

/// Owners of a change that are named with their part; the list of all stands beside the text.
const PARTS_MAX: usize = 4;

/// An analysed episode in Markdown, every mention cited: an explained change, then, as far as their facts
/// are there, `owner` with `owner_stated`, `owner_part.N` with `owner_part.N.amount` and
/// `owner_part.N.percent` of owners who share the change, or `owner_cost.N` of the cost, `candidate.N` for code owners of whom none is stated to
/// answer, `proposal.N`.
pub fn analysis(bundle: &Bundle) -> String {
    document(bundle).cited()
}

/// The same in parts.
pub(super) fn document(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Exact);
    writer.paragraph();
    if writer.has("cost_after") {
        writer.change();
        writer.circumstances();
    } else {
        writer.say("The episode is known, and its change has no explanation:");
        writer.words(" there are no days to compare it with.");
    }
    writer.paragraph();
    writer.owner();
    let proposals = writer.plainly_numbered("proposal.");
    if !proposals.is_empty() {
        writer.say("Proposed about it: ");
        writer.listed(&proposals);
        writer.words(".");
    }
    writer.paragraph();
    writer.caveats();
    writer.finish()
}

impl Writer<'_> {
    fn owner(&mut self) {
        let candidates = self.plainly_numbered("candidate.");
        let is_shared =
            ["owner_part.1.amount", "owner_cost.1.amount"].iter().any(|role| self.has(role));
        let stated = self.fact("owner_stated").map_or("", |fact| fact.value.as_str());
        let said = self.say(match stated {
            "rule" => "The spend belongs to {owner}, as a rule of the ownership policy states.",
            "team" => "The spend belongs to {owner}, as the team of its calls and charges states.",
            "code_owners" => {
                "The spend belongs to {owner}, as the code owners of its repository state."
            }
            _ => "The spend belongs to {owner}.",
        });
        if !said && !candidates.is_empty() {
            self.say("Its code owners are ");
            self.listed(&candidates);
            self.words("; which of them answers for it is stated nowhere.");
        } else if !said && !is_shared {
            self.say("Nobody is stated as the owner of this spend.");
        }
        self.parts("owner_part", "By owner the change is ", " {.amount|plus}", "delta");
        self.parts("owner_cost", "By owner the cost is ", " {.amount}", "cost_after");
    }

    /// The largest parts of what owners share: `ROLE.N` with amount and share. `whole` is what they add to.
    /// Shares are of what went the same way, so they are left out where something did not.
    fn parts(&mut self, role: &str, opening: &str, amount_is: &str, whole: &str) {
        let all = self.numbered(role);
        let is_told = |part: &&String| {
            let (amount, whole) = (self.fact(&format!("{part}.amount")), self.fact(whole));
            amount.zip(whole).is_none_or(|(amount, whole)| is_worth_a_word(amount, whole))
        };
        let told: Vec<&String> = all.iter().filter(is_told).take(PARTS_MAX).collect();
        if told.is_empty() {
            return;
        }
        let has_shares = told.iter().all(|part| self.has(&format!("{part}.percent")));
        self.say(opening);
        for (index, part) in told.iter().enumerate() {
            self.words(if index == 0 { "" } else { "; " });
            self.below(part);
            match self.fact(part) {
                Some(name) => self.mention(name),
                None => self.words("without a stated owner"),
            }
            self.say(amount_is);
            if has_shares {
                self.say(" ({.percent})");
            }
        }
        self.words(if told.len() < all.len() { "; the rest is elsewhere." } else { "." });
    }

    /// Facts whose role is the prefix and a number.
    fn plainly_numbered(&self, prefix: &str) -> Vec<Fact> {
        let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit());
        let facts = self.starting(prefix).into_iter();
        facts.filter(|(rest, _)| is_number(rest)).map(|(_, fact)| fact.clone()).collect()
    }

    fn listed(&mut self, facts: &[Fact]) {
        for (index, fact) in facts.iter().enumerate() {
            self.words(if index == 0 { "" } else { ", " });
            self.mention(fact);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::BundleBuilder,
        money::{Currency, Money},
        narrative::{check as check_text, is_verified},
    };

    fn check(add: impl FnOnce(&mut BundleBuilder), expected: &str) {
        let mut facts = BundleBuilder::new("analysis", None);
        add(&mut facts);
        let bundle = facts.build();
        let text = analysis(&bundle);
        let mentions = check_text(&bundle.facts, &text);
        assert!(is_verified(&mentions), "{text}: {mentions:?}");
        let (_, rest) = text.split_once("compare it with.").unwrap();
        assert_eq!(rest.trim(), expected);
    }

    #[test]
    fn an_owner_is_named_with_what_states_it() {
        check(|_| (), "Nobody is stated as the owner of this spend.");
        check(
            |facts| {
                facts.entity("owner", "support_x [F9]");
                facts.entity("owner_stated", "rule");
                facts.entity("proposal.1", "P-7");
                facts.entity("proposal.2", "P-9");
            },
            r"The spend belongs to support_x \[F9\] [F1], as a rule of the ownership policy states. Proposed about it: P-7 [F3], P-9 [F4].",
        );
        check(
            |facts| {
                facts.entity("candidate.1", "@a");
                facts.entity("candidate.2", "@b");
            },
            r"Its code owners are \@a [F1], \@b [F2]; which of them answers for it is stated nowhere.",
        );
    }

    #[test]
    fn owners_who_share_are_named_with_their_part() {
        let usd = |amount: &str| Money { amount: amount.parse().unwrap(), currency: Currency::USD };
        check(
            |facts| {
                facts.entity("owner_part.1", "a");
                facts.money("owner_part.1.amount", usd("40"));
                facts.percent("owner_part.1.percent", "40".parse().unwrap());
                facts.money("owner_part.2.amount", usd("60"));
                facts.percent("owner_part.2.percent", "60".parse().unwrap());
            },
            "By owner the change is a [F1] +$40.00 [F2] (40 % [F3]); without a stated owner +$60.00 [F4] (60 % [F5]).",
        );
        // Of what rose it is all, of the change it is more: no share says both.
        check(
            |facts| {
                facts.entity("owner_part.1", "a");
                facts.money("owner_part.1.amount", usd("40"));
                facts.percent("owner_part.1.percent", "100".parse().unwrap());
                facts.money("owner_part.2.amount", usd("-2"));
            },
            "By owner the change is a [F1] +$40.00 [F2]; without a stated owner −$2.00 [F4].",
        );
        // What is less than a hundredth is left to the list, wherever it stands in it.
        check(
            |facts| {
                facts.money("delta", usd("40"));
                for (number, amount) in [(1, "41"), (2, "0.30"), (3, "-1.3")] {
                    facts.entity(&format!("owner_part.{number}"), &format!("team-{number}"));
                    facts.money(&format!("owner_part.{number}.amount"), usd(amount));
                }
            },
            "By owner the change is team-1 [F2] +$41.00 [F3]; team-3 [F6] −$1.30 [F7]; the rest is elsewhere.",
        );
        check(
            |facts| {
                facts.entity("owner_cost.1", "a");
                facts.money("owner_cost.1.amount", usd("40"));
            },
            "By owner the cost is a [F1] $40.00 [F2].",
        );
    }
}
