//! What an analyst found of an episode: the explained change, whose it is, what is proposed about it.

use std::fmt::Write as _;

use super::Wording;
use crate::facts::{Bundle, Fact};

/// An analysed episode in Markdown, every mention cited: an explained change, then, as far as their facts
/// are there, `owner` with `owner_stated`, `owner_part.N` with `owner_part.N.amount` and `owner_part.N.percent` of owners
/// who share it, `candidate.N` for code owners of whom none is stated to answer, `proposal.N`.
pub fn analysis(bundle: &Bundle) -> String {
    let wording = Wording { bundle, cites: true };
    let mut text = if bundle.fact("cost_after").is_some() {
        wording.explain().trim_end().to_owned()
    } else {
        "The episode is known, and its change has no explanation: there are no days to compare it with."
            .to_owned()
    };
    wording.owner(&mut text);
    let proposals = wording.all("proposal.");
    if !proposals.is_empty() {
        let _ = write!(text, " Proposed about it: {}.", proposals.join(", "));
    }
    text.push('\n');
    text
}

impl Wording<'_> {
    fn owner(&self, text: &mut String) {
        let candidates = self.all("candidate.");
        let shares: Vec<String> = (1_u32..).map_while(|number| self.share(number)).collect();
        if let Some(owner) = self.bundle.fact("owner") {
            let by = match self.bundle.fact("owner_stated").map(|fact| fact.value.as_str()) {
                Some("rule") => ", as a rule of the ownership policy states",
                Some("team") => ", as the team of its calls and charges states",
                Some("code_owners") => ", as the code owners of its repository state",
                _ => "",
            };
            let _ = write!(text, " The spend belongs to {}{by}.", self.mention(owner));
        } else if !candidates.is_empty() {
            let candidates = candidates.join(", ");
            let _ = write!(
                text,
                " Its code owners are {candidates}; which of them answers for it is stated nowhere."
            );
        } else if shares.is_empty() {
            text.push_str(" Nobody is stated as the owner of this spend.");
        }
        if !shares.is_empty() {
            let _ = write!(text, " The change is of the spend of {}.", shares.join("; "));
        }
    }

    /// `support [F4]: +$120.00 [F5], 40 % [F6]`.
    fn share(&self, number: u32) -> Option<String> {
        let role = |part: &str| self.bundle.fact(&format!("owner_part.{number}{part}"));
        let amount = role(".amount")?;
        let name = role("").map_or_else(|| "nobody stated".to_owned(), |fact| self.mention(fact));
        let percent = role(".percent").map(|fact| format!(", {}", self.mention(fact)));
        Some(format!("{name}: {}{}", self.signed(amount), percent.unwrap_or_default()))
    }

    /// Mentions of the facts whose role is the prefix and a number.
    fn all(&self, prefix: &'static str) -> Vec<String> {
        let is_number = |(rest, _): &(&str, &Fact)| rest.bytes().all(|byte| byte.is_ascii_digit());
        self.starting(prefix).filter(is_number).map(|(_, fact)| self.mention(fact)).collect()
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
                facts.money("owner_part.2.amount", usd("-2"));
            },
            "The change is of the spend of a [F1]: +$40.00 [F2], 40 % [F3]; nobody stated: −$2.00 [F4].",
        );
    }
}
