//! Random drafts through both gates and the ladder: whatever comes out is read again by a reader of its
//! own, and nothing in it may be without a fact.

use std::sync::Arc;

use centinel_engine::{
    facts::Bundle,
    narrative::{
        self,
        draft::{Draft, fact_lines, judge},
        publish::{self, Step, WordedBy},
    },
};

use super::{corpus::True, drafts, reread};
use crate::{parallel, random::Random};

/// Drafts of one part of the run.
const PART: u64 = 500;
/// What the ladder adds where figures are not settled.
const PROVISIONAL: &str = "Figures are provisional: data may still arrive.";

/// What became of the drafts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// Drafts made.
    pub(crate) drafts: usize,
    /// Sentences made, and those that passed both gates.
    pub(crate) sentences: [usize; 2],
    /// Texts worded by the draft as it is, without some sentences, and in the standard wording.
    pub(crate) published: [usize; 3],
    /// Drafts for which nothing could be published.
    pub(crate) nothing: usize,
    /// Texts of noise that were checked, and those taken as they are.
    pub(crate) noise: [usize; 2],
    /// Texts with what in them no fact carries.
    pub(crate) faults: Vec<String>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.drafts += other.drafts;
        self.nothing += other.nothing;
        for (own, other) in self.sentences.iter_mut().zip(other.sentences) {
            *own += other;
        }
        for (own, other) in self.published.iter_mut().zip(other.published) {
            *own += other;
        }
        for (own, other) in self.noise.iter_mut().zip(other.noise) {
            *own += other;
        }
        self.faults.extend(other.faults);
    }

    /// One paragraph.
    pub(crate) fn sentence(&self) -> String {
        let [made, passed] = self.sentences;
        let [whole, part, standard] = self.published;
        format!(
            "{} random drafts with {made} sentences, of which {passed} passed both gates. Published: \
             {whole} as drafted, {part} without some sentences, {standard} in the standard wording, {} not \
             at all. {} texts of random pieces were checked without a panic, {} of them taken as they are. Figures, \
             names, dates, links or markup in what passed or was published that a reader of its own cannot trace to a cited fact: \
             {}.\n",
            self.drafts,
            self.nothing,
            self.noise[0],
            self.noise[1],
            self.faults.len()
        )
    }
}

/// So many drafts over the bundles of some texts.
pub(crate) fn run(texts: &[True], seed: u64, drafts: u64) -> Outcome {
    let mut bundles: Vec<Arc<Bundle>> = Vec::new();
    for text in texts {
        if bundles.last().is_none_or(|last| !Arc::ptr_eq(last, &text.bundle)) {
            bundles.push(Arc::clone(&text.bundle));
        }
    }
    let parts: Vec<u64> = (0..drafts.div_ceil(PART)).collect();
    let outcomes = parallel::map(&parts, parallel::cores(), |part| {
        let mut outcome = Outcome::default();
        for number in part * PART..drafts.min((part + 1) * PART) {
            let mut random = Random::new(&[seed, number, 29]);
            let bundle = hostile(&mut random, &bundles);
            one(&mut random, &bundle, &mut outcome);
        }
        outcome
    });
    let mut all = Outcome::default();
    for outcome in outcomes {
        all.add(outcome);
    }
    all
}

/// One of the bundles; sometimes with units and names of an attacker, and not settled.
fn hostile(random: &mut Random, bundles: &[Arc<Bundle>]) -> Bundle {
    const UNITS: [&str; 8] = [
        "calls](http:evil)",
        "<b>calls</b>",
        "calls because of fraud",
        "calls [F",
        "`calls`",
        "calls\nand more",
        "per call",
        "tokens",
    ];
    let mut bundle = Bundle::clone(random.one_of::<Arc<Bundle>>(bundles).as_ref());
    // A few facts do; drafts over many would rarely have all that must be said.
    bundle.facts.truncate(*random.one_of(&[4, 8, 16, 200]));
    let ids: Vec<String> = bundle.facts.iter().map(|fact| fact.id.clone()).collect();
    bundle.required.retain(|id| ids.contains(id) && random.unit() < 0.5);
    if random.unit() < 0.2 {
        for fact in &mut bundle.facts {
            if fact.unit.is_some() && random.unit() < 0.5 {
                fact.unit = Some((*random.one_of(&UNITS)).to_owned());
            }
        }
    }
    bundle
}

fn one(random: &mut Random, bundle: &Bundle, outcome: &mut Outcome) {
    let formats: Vec<Vec<String>> = fact_lines(bundle)
        .iter()
        .map(|line| {
            let name = |format| serde_json::to_value(format).ok()?.as_str().map(str::to_owned);
            line.formats.iter().filter_map(name).collect()
        })
        .collect();
    outcome.drafts += 1;
    let Ok(draft) = serde_json::from_value::<Draft>(drafts::draft(random, bundle, &formats)) else {
        outcome.faults.push("a draft of the schema's form is not read".to_owned());
        return;
    };
    let judged = judge(bundle, &draft);
    outcome.sentences[0] += draft.sentences.len();
    outcome.sentences[1] += judged.passed.len();
    for (_, text) in &judged.passed {
        reread(text, bundle, outcome);
    }
    if let Step::Publish(published) = publish::step(bundle, &draft) {
        reread(&published.text, bundle, outcome);
    }
    let standard =
        if bundle.question == "explain" { narrative::explain(bundle) } else { String::new() };
    match publish::settle(bundle, &standard, Some(&draft)) {
        Ok(published) => {
            reread(&published.text, bundle, outcome);
            let place = match published.worded_by {
                WordedBy::Model { dropped: 0 } => 0,
                WordedBy::Model { .. } => 1,
                WordedBy::Standard => 2,
            };
            outcome.published[place] += 1;
        }
        Err(_) => outcome.nothing += 1,
    }
    let noise = drafts::noise(random, bundle);
    outcome.noise[0] += 1;
    if narrative::is_verified(&narrative::check(&bundle.facts, &noise)) {
        outcome.noise[1] += 1;
    }
}

fn reread(text: &str, bundle: &Bundle, outcome: &mut Outcome) {
    let mut said = bundle.caveats.clone();
    said.push(PROVISIONAL.to_owned());
    let faults = reread::faults(text, &bundle.facts, &said);
    if !faults.is_empty() {
        outcome.faults.push(format!("{faults:?} in {text:?} of {:?}", bundle.facts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::corpus::{self, Size};

    #[test]
    fn nothing_without_a_fact_is_published() {
        let size = Size { worlds: 1, series: 6, simple: 24, sentences: 1 };
        let (_, texts) = corpus::generated(4, size).unwrap();
        let outcome = run(&texts, 4, 600);
        assert!(outcome.faults.is_empty(), "{:#?}", &outcome.faults[..outcome.faults.len().min(5)]);
        // A run in which nothing gets through would show nothing.
        assert!(outcome.sentences[1] > 30 && outcome.published[0] > 5, "{}", outcome.sentence());
    }
}
