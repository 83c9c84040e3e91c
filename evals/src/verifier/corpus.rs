//! True texts with their bundles: the standard wording, our own sentences, and paraphrases that others wrote.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use centinel_engine::{
    facts::{Bundle, Fact},
    narrative,
};
use serde::Deserialize;

use super::{simple, templates, worlds};
use crate::random::Random;

/// Where a text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The engine's standard wording.
    Standard,
    /// Sentences of ours, filled from facts.
    Own,
    /// Written by people who did not know the checker; looked at while it was made.
    Paraphrase,
    /// Written so, and not shown to whoever made it.
    HeldOut,
}

impl Origin {
    /// All, in the order of the report.
    pub(crate) const ALL: [Self; 4] = [Self::Standard, Self::Own, Self::Paraphrase, Self::HeldOut];

    /// As the report says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard wording",
            Self::Own => "own sentences",
            Self::Paraphrase => "paraphrases",
            Self::HeldOut => "paraphrases, held out",
        }
    }
}

/// A text that is true.
#[derive(Debug, Clone)]
pub(crate) struct True {
    /// Which one, for whoever looks for it.
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) bundle: Arc<Bundle>,
    pub(crate) text: String,
}

impl True {
    /// What it is bound to.
    pub(crate) fn facts(&self) -> &[Fact] {
        &self.bundle.facts
    }
}

/// How much is generated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Worlds of the engine.
    pub(crate) worlds: u64,
    /// Series of a world; three make a feature.
    pub(crate) series: usize,
    /// Bundles of the simple form.
    pub(crate) simple: usize,
    /// Of our own sentences, how many a bundle at most.
    pub(crate) sentences: usize,
}

/// Bundles of the engine and of the simple form, with the standard wording and our own sentences.
pub(crate) fn generated(seed: u64, size: Size) -> anyhow::Result<(usize, Vec<True>)> {
    let seeds: Vec<u64> = (seed..seed + size.worlds).collect();
    let mut bundles = worlds::bundles(&seeds, size.series)?;
    bundles.extend(simple::bundles(seed, size.simple)?);
    let count = bundles.len();
    let mut texts = Vec::new();
    for (number, (name, bundle)) in bundles.into_iter().enumerate() {
        let mut random = Random::new(&[seed, number as u64, 17]);
        let has_roles = bundle.question == "explain" || number % 3 != 0;
        let mut own = templates::texts(&bundle, has_roles);
        random.shuffle(&mut own);
        own.truncate(size.sentences);
        let standard = standard(&bundle);
        let bundle = Arc::new(if has_roles { bundle } else { without_roles(bundle) });
        let with = |origin, (index, text): (usize, String)| True {
            name: format!("{name}/{index}"),
            origin,
            bundle: Arc::clone(&bundle),
            text,
        };
        texts.extend(standard.into_iter().enumerate().map(|text| with(Origin::Standard, text)));
        texts.extend(own.into_iter().enumerate().map(|text| with(Origin::Own, text)));
    }
    Ok((count, texts))
}

fn standard(bundle: &Bundle) -> Option<String> {
    (bundle.question == "explain").then(|| narrative::explain(bundle))
}

/// As others send facts: without what we call their parts.
fn without_roles(mut bundle: Bundle) -> Bundle {
    for fact in &mut bundle.facts {
        fact.role.clear();
        fact.derivation = None;
    }
    bundle
}

#[derive(Debug, Deserialize)]
struct Line {
    id: String,
    bundle: String,
    text: String,
}

/// Texts of a folder: `texts.jsonl` with `{id, bundle, text}`, and `bundles/`.
pub(crate) fn written(folder: &Path, origin: Origin) -> anyhow::Result<Vec<True>> {
    let path = folder.join("texts.jsonl");
    let lines = std::fs::read_to_string(&path).with_context(|| format!("`{}`", path.display()))?;
    let read = |(number, line): (usize, &str)| -> anyhow::Result<True> {
        let of_line = || format!("line {} of `{}`", number + 1, path.display());
        let Line { id, bundle, text } = serde_json::from_str(line).with_context(of_line)?;
        let file = folder.join("bundles").join(&bundle);
        let bundle = bundle_of(&file).with_context(|| format!("`{}`", file.display()))?;
        Ok(True { name: id, origin, bundle: Arc::new(bundle), text })
    };
    lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(read).collect()
}

/// A bundle as people write it: a value may be a JSON number, whose digits it then is.
fn bundle_of(file: &Path) -> anyhow::Result<Bundle> {
    let mut bundle: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let facts = bundle.get_mut("facts").and_then(serde_json::Value::as_array_mut);
    for fact in facts.into_iter().flatten() {
        if let Some(value) = fact.get_mut("value").filter(|value| value.is_number()) {
            *value = value.to_string().into();
        }
    }
    Ok(serde_json::from_value(bundle)?)
}
