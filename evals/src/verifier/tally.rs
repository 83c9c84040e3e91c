//! Counts of what was caught and what was refused in error.

use std::collections::BTreeMap;

use centinel_engine::narrative;

use super::{
    checkers, cited,
    corpus::{Origin, True},
    operators::{self, Case, Made},
};
use crate::random::Random;

/// Counts of one operator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Mutants that were dropped because they may be true.
    pub(crate) equivalent: usize,
    /// By checker: mutants of texts that it takes.
    pub(crate) made: [usize; checkers::ALL.len()],
    /// By checker: of these, how many it refuses.
    pub(crate) caught: [usize; checkers::ALL.len()],
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.equivalent += other.equivalent;
        for checker in 0..checkers::ALL.len() {
            self.made[checker] += other.made[checker];
            self.caught[checker] += other.caught[checker];
        }
    }
}

/// A mutant that the checker took, or a true text that it refused.
#[derive(Debug, Clone)]
pub(crate) struct Miss {
    /// The operator; none of a true text.
    pub(crate) operator: Option<&'static str>,
    pub(crate) origin: Origin,
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) mutant: String,
    pub(crate) reason: String,
    /// Facts that the mutant cites, as JSON.
    pub(crate) facts: String,
}

/// All that was counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// By operator and by whether the text was held out.
    pub(crate) operators: BTreeMap<(&'static str, bool), Counts>,
    /// By origin: texts, and how many each checker refuses.
    pub(crate) texts: BTreeMap<Origin, (usize, [usize; checkers::ALL.len()])>,
    pub(crate) misses: Vec<Miss>,
}

impl Tally {
    /// Adds another.
    pub(crate) fn add(&mut self, other: Self) {
        for (key, counts) in other.operators {
            self.operators.entry(key).or_default().add(&counts);
        }
        for (origin, (texts, refused)) in other.texts {
            let own = self.texts.entry(origin).or_default();
            own.0 += texts;
            for (own, refused) in own.1.iter_mut().zip(refused) {
                *own += refused;
            }
        }
        self.misses.extend(other.misses);
    }

    /// Of one operator, over own and held-out texts together.
    pub(crate) fn of(&self, operator: &'static str) -> Counts {
        let mut counts = Counts::default();
        for held_out in [false, true] {
            counts.add(&self.operators.get(&(operator, held_out)).copied().unwrap_or_default());
        }
        counts
    }
}

/// Every operator on one text, each by a few seeded choices.
pub(crate) fn tally(case: &True, seed: u64, number: u64, tries: usize) -> Tally {
    let facts = case.facts();
    let cited = cited::read(&case.text, facts);
    let accepted = checkers::ALL.map(|(_, checker)| checker(facts, &case.text));
    let mut tally = Tally::default();
    let refused = accepted.clone().map(|accepted| usize::from(accepted.is_err()));
    tally.texts.insert(case.origin, (1, refused));
    if let Err(reason) = &accepted[0] {
        tally.misses.push(miss(case, None, &case.text, reason));
    }
    for (place, operator) in operators::ALL.iter().enumerate() {
        let mut random = Random::new(&[seed, number, place as u64, 23]);
        let mut seen: Vec<String> = Vec::new();
        let mut counts = Counts::default();
        for _ in 0..tries {
            let of = Case { text: &case.text, facts, cited: &cited };
            let mutant = match (operator.make)(&of, &mut random) {
                Made::Mutant(mutant) => mutant,
                Made::Equivalent => {
                    counts.equivalent += 1;
                    continue;
                }
                Made::Nothing => break,
            };
            if mutant == case.text || seen.contains(&mutant) {
                continue;
            }
            for (checker, (_, check)) in checkers::ALL.iter().enumerate() {
                if accepted[checker].is_ok() {
                    let is_caught = check(facts, &mutant).is_err();
                    counts.made[checker] += 1;
                    counts.caught[checker] += usize::from(is_caught);
                    if checker == 0 && !is_caught {
                        tally.misses.push(miss(case, Some(operator.name), &mutant, ""));
                    }
                }
            }
            seen.push(mutant);
        }
        tally.operators.insert((operator.name, case.origin == Origin::HeldOut), counts);
    }
    omissions(case, &mut tally);
    tally
}

/// What has to be said, left out: each caveat, and every sentence with a fact that is required.
fn omissions(case: &True, tally: &mut Tally) {
    let bundle = &case.bundle;
    let missing =
        |text: &str| narrative::missing(&bundle.facts, &bundle.required, &bundle.caveats, text);
    if !missing(&case.text).is_empty() {
        return;
    }
    let without_fact = |id: &String| {
        let cite = format!("[{id}]");
        let mut start = 0;
        let mut text = String::new();
        for end in cited::ends_of_sentences(&case.text) {
            let sentence = &case.text[start..end];
            if !sentence.contains(&cite) {
                text.push_str(sentence);
            }
            start = end;
        }
        text
    };
    let facts = bundle.required.iter().map(|id| (operators::OMISSIONS[0].0, without_fact(id)));
    let caveats = bundle
        .caveats
        .iter()
        .map(|caveat| (operators::OMISSIONS[1].0, case.text.replace(caveat, "")));
    for (name, mutant) in facts.chain(caveats) {
        let is_caught = !missing(&mutant).is_empty();
        let held_out = case.origin == Origin::HeldOut;
        let counts = tally.operators.entry((name, held_out)).or_default();
        counts.made[0] += 1;
        counts.caught[0] += usize::from(is_caught);
        if !is_caught {
            tally.misses.push(miss(case, Some(name), &mutant, ""));
        }
    }
}

fn miss(case: &True, operator: Option<&'static str>, mutant: &str, reason: &str) -> Miss {
    let cited = cited::read(mutant, case.facts());
    let facts: Vec<_> = cited.iter().map(|cited| &case.facts()[cited.fact]).collect();
    Miss {
        operator,
        origin: case.origin,
        name: case.name.clone(),
        text: case.text.clone(),
        mutant: mutant.to_owned(),
        reason: reason.to_owned(),
        facts: serde_json::to_string(&facts).unwrap_or_default(),
    }
}
