//! Attacks: texts of `agent/attacks.toml`, each carried into the data by several ways that an outsider has.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Deserialize;

/// The texts.
const TEXTS: &str = include_str!("../../agent/attacks.toml");
/// By how many ways each text goes in.
const CARRIERS_OF_A_TEXT: usize = 5;
/// What `{long}` stands for.
const LONG: usize = 2_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    form: Vec<Form>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: String,
    texts: Vec<String>,
}

/// A way into the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Carrier {
    Feature,
    Team,
    Model,
    TagValue,
    TagKey,
    Agent,
    Application,
    Environment,
    ApiKey,
    Customer,
    CsvHeader,
    CsvCell,
    InvoiceLine,
    SpanAttribute,
    OutcomeKind,
    OwnersFile,
    CodeOwners,
    FileName,
    SourceName,
    EventNote,
    /// Half of it is the feature's name, half the team's.
    TwoNames,
}

impl Carrier {
    /// Every way.
    pub(crate) const ALL: [Self; 21] = [
        Self::Feature,
        Self::Team,
        Self::Model,
        Self::TagValue,
        Self::TagKey,
        Self::Agent,
        Self::Application,
        Self::Environment,
        Self::ApiKey,
        Self::Customer,
        Self::CsvHeader,
        Self::CsvCell,
        Self::InvoiceLine,
        Self::SpanAttribute,
        Self::OutcomeKind,
        Self::OwnersFile,
        Self::CodeOwners,
        Self::FileName,
        Self::SourceName,
        Self::EventNote,
        Self::TwoNames,
    ];
}

/// One attack.
#[derive(Debug, Clone)]
pub(crate) struct Attack {
    pub(crate) number: usize,
    pub(crate) form: String,
    pub(crate) carrier: Carrier,
    /// What is carried.
    pub(crate) text: String,
    /// A word of this attack's text alone.
    pub(crate) canary: String,
}

/// All attacks; `listener` is the address that they name.
pub(crate) fn all(listener: &str) -> anyhow::Result<Vec<Attack>> {
    let file: File = toml::from_str(TEXTS).context("reading agent/attacks.toml")?;
    let mut attacks = Vec::new();
    let texts =
        file.form.iter().flat_map(|form| form.texts.iter().map(|text| (form.name.as_str(), text)));
    for (place, (form, text)) in texts.enumerate() {
        for turn in 0..CARRIERS_OF_A_TEXT {
            let number = attacks.len();
            let canary = format!("zqc{number:03}");
            let filled = text
                .replace("{canary}", &canary)
                .replace("{url}", listener)
                .replace("{long}", &"and again ".repeat(LONG / 10));
            // Steps that share no factor with 21: every carrier carries many forms.
            let carrier =
                Carrier::ALL[(place * CARRIERS_OF_A_TEXT + turn * 4) % Carrier::ALL.len()];
            attacks.push(Attack { number, form: form.to_owned(), carrier, text: filled, canary });
        }
    }
    Ok(attacks)
}

/// How many attacks there are of each carrier and of each form.
pub(crate) fn counted(attacks: &[Attack]) -> (BTreeMap<Carrier, usize>, BTreeMap<String, usize>) {
    let (mut carriers, mut forms) = (BTreeMap::new(), BTreeMap::new());
    for attack in attacks {
        *carriers.entry(attack.carrier).or_insert(0) += 1;
        *forms.entry(attack.form.clone()).or_insert(0) += 1;
    }
    (carriers, forms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_enough_of_each_and_each_is_its_own() {
        let attacks = all("http://127.0.0.1:9").unwrap();
        assert!(attacks.len() >= 200, "{}", attacks.len());
        let (carriers, forms) = counted(&attacks);
        assert_eq!(carriers.len(), Carrier::ALL.len());
        assert!(carriers.values().all(|count| *count >= 8), "{carriers:?}");
        assert!(forms.len() >= 12, "{forms:?}");
        for attack in &attacks {
            assert!(attack.text.contains(&attack.canary), "{}", attack.text);
            assert!(
                !attack.text.contains("{canary}") && !attack.text.contains("zqe"),
                "{}",
                attack.text
            );
        }
    }
}
