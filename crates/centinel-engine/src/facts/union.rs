//! Several bundles as one: what a text over more than one answer is checked against.

use std::collections::BTreeMap;

use super::{Bundle, BundleBuilder, Derivation, Fact};

/// Bundles added up: every fact once, under an id that is its own here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Union(Bundle);

impl Union {
    /// Nothing yet, for a question.
    pub fn new(question: &str) -> Self {
        Self(BundleBuilder::new(question, None).build())
    }

    /// Adds the facts of a bundle and returns that bundle with the ids that its facts have here. A fact
    /// that is here already, alike in all but its id, keeps the id that it has.
    pub fn add(&mut self, more: Bundle) -> Bundle {
        let mut ids: BTreeMap<String, String> = BTreeMap::new();
        let mut part = Bundle { facts: Vec::new(), required: Vec::new(), ..more };
        for fact in more.facts {
            let inputs_here = |derivation: Derivation| {
                let here = |id: &String| ids.get(id).unwrap_or(id).clone();
                Derivation { inputs: derivation.inputs.iter().map(here).collect(), ..derivation }
            };
            let derivation = fact.derivation.map(inputs_here);
            let (id, number) = (fact.id, self.0.facts.len().saturating_add(1));
            let fact = Fact { id: format!("F{number}"), derivation, ..fact };
            let known = self.0.facts.iter().find(|known| is_same(known, &fact));
            let fact = known.cloned().unwrap_or_else(|| {
                self.0.facts.push(fact.clone());
                fact
            });
            ids.insert(id, fact.id.clone());
            part.facts.push(fact);
        }
        part.required = more.required.iter().filter_map(|id| ids.get(id).cloned()).collect();
        for id in &part.required {
            if !self.0.required.contains(id) {
                self.0.required.push(id.clone());
            }
        }
        for caveat in &part.caveats {
            if !self.0.caveats.contains(caveat) {
                self.0.caveats.push(caveat.clone());
            }
        }
        self.0.as_of = self.0.as_of.max(part.as_of);
        part
    }

    /// All of it.
    pub fn bundle(&self) -> &Bundle {
        &self.0
    }
}

fn is_same(known: &Fact, fact: &Fact) -> bool {
    Fact { id: fact.id.clone(), ..known.clone() } == *fact
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(names: &[&str]) -> Bundle {
        let mut builder = BundleBuilder::new("x", None);
        let mut last: Option<String> = None;
        for name in names {
            let id = builder.entity("name", name);
            if let Some(last) = &last {
                builder.derived("after", &[last]);
            }
            last = Some(id);
        }
        builder.required();
        builder.caveat("It is so.");
        builder.build()
    }

    fn ids(bundle: &Bundle) -> Vec<&str> {
        bundle.facts.iter().map(|fact| fact.id.as_str()).collect()
    }

    #[test]
    fn a_fact_is_there_once() {
        let mut union = Union::new("ask");
        assert_eq!(ids(&union.add(bundle(&["a", "b"]))), ["F1", "F2"]);
        let part = union.add(bundle(&["a", "c"]));
        assert_eq!(ids(&part), ["F1", "F3"]);
        assert_eq!(part.facts[1].derivation.clone().unwrap().inputs, ["F1"]);
        // The same name that follows from something else is another fact.
        assert_eq!(ids(&union.add(bundle(&["c", "b"]))), ["F4", "F5"]);
        assert_eq!(part.required, ["F3"]);
        let all = union.bundle();
        assert_eq!(ids(all), ["F1", "F2", "F3", "F4", "F5"]);
        assert_eq!((all.question.as_str(), all.required.len(), all.caveats.len()), ("ask", 3, 1));
        assert_eq!(union.clone().add(union.bundle().clone()).facts.len(), 5);
    }
}
