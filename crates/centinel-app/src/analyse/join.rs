//! One bundle of what every step found.

use std::collections::BTreeMap;

use centinel_engine::facts::{Bundle, Derivation, Fact};

/// Adds the facts of a bundle behind those of another, under ids of their own there; returns these.
pub(super) fn append(bundle: &mut Bundle, more: Bundle) -> Vec<String> {
    let first = bundle.facts.len();
    let renamed: BTreeMap<String, String> = (1_usize..)
        .zip(&more.facts)
        .map(|(number, fact)| (fact.id.clone(), format!("F{}", first.saturating_add(number))))
        .collect();
    let new_id = |id: &String| renamed.get(id).cloned().unwrap_or_else(|| id.clone());
    for fact in more.facts {
        let derivation = fact.derivation.map(|Derivation { op, inputs }| {
            let inputs = inputs.iter().map(new_id).collect();
            Derivation { op, inputs }
        });
        bundle.facts.push(Fact { id: new_id(&fact.id), derivation, ..fact });
    }
    bundle.required.extend(more.required.iter().map(new_id));
    for caveat in more.caveats {
        if !bundle.caveats.contains(&caveat) {
            bundle.caveats.push(caveat);
        }
    }
    bundle.facts.iter().skip(first).map(|fact| fact.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use centinel_engine::facts::BundleBuilder;

    use super::*;

    #[test]
    fn facts_get_ids_of_their_own() {
        let bundle = |names: &[&str]| {
            let mut builder = BundleBuilder::new("x", None);
            for name in names {
                builder.entity("name", name);
                builder.derived("first", &["F1"]).required();
            }
            builder.caveat("It is so.");
            builder.build()
        };
        let mut joined = bundle(&["a", "b"]);
        let ids = append(&mut joined, bundle(&["c", "d"]));
        assert_eq!(ids, ["F3", "F4"]);
        let all: Vec<&str> = joined.facts.iter().map(|fact| fact.id.as_str()).collect();
        assert_eq!(all, ["F1", "F2", "F3", "F4"]);
        let inputs = |index: usize| joined.facts[index].derivation.clone().unwrap().inputs;
        assert_eq!((inputs(1), inputs(3)), (vec!["F1".to_owned()], vec!["F3".to_owned()]));
        assert_eq!(joined.required, ["F1", "F2", "F3", "F4"]);
        assert_eq!(joined.caveats, ["It is so."]);
    }
}
