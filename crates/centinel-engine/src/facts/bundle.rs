//! Bundles: the facts of one answer, with a digest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    CanonicalError, Derivation, Direction, Fact, FactKind, FactStatus, canonical_json, sha256_hex,
};
use crate::{
    money::{Decimal, Money},
    period::Period,
};

/// The facts of one answer. Immutable once built; addressed by `bundle:<hex prefix of its digest>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Which question it answers: `spend`, `explain`, `anomalies`, `commitment`, ….
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub question: String,
    /// What the data was known up to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// Version of the engine that computed it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub engine: String,
    /// The facts, in order of their ids.
    pub facts: Vec<Fact>,
    /// Ids that any wording must mention.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// What was left out, assumed or unsettled, in whole sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
}

impl Bundle {
    /// Canonical JSON.
    ///
    /// # Errors
    ///
    /// Never for a bundle made by [`BundleBuilder`]: its values are strings.
    pub fn to_canonical(&self) -> Result<String, CanonicalError> {
        canonical_json(self)
    }

    /// SHA-256 of the canonical JSON, lowercase hex.
    pub fn digest(&self) -> String {
        self.to_canonical().map(|text| sha256_hex(text.as_bytes())).unwrap_or_default()
    }

    /// The short address that people see: `bundle:` and twelve hex digits.
    pub fn address(&self) -> String {
        format!("bundle:{}", self.digest().chars().take(12).collect::<String>())
    }

    /// The first fact of a role.
    pub fn fact(&self, role: &str) -> Option<&Fact> {
        self.facts.iter().find(|fact| fact.role == role)
    }
}

/// Collects facts and numbers them.
#[derive(Debug)]
pub struct BundleBuilder {
    bundle: Bundle,
    dims: BTreeMap<String, String>,
    window: Option<Period>,
    status: FactStatus,
}

impl BundleBuilder {
    /// An empty bundle for a question.
    pub fn new(question: &str, as_of: Option<Timestamp>) -> Self {
        Self {
            bundle: Bundle {
                question: question.to_owned(),
                as_of,
                engine: env!("CARGO_PKG_VERSION").to_owned(),
                facts: Vec::new(),
                required: Vec::new(),
                caveats: Vec::new(),
            },
            dims: BTreeMap::new(),
            window: None,
            status: FactStatus::Final,
        }
    }

    /// Goes on with the facts of a finished bundle, for another question.
    pub fn extending(bundle: Bundle, question: &str) -> Self {
        Self {
            bundle: Bundle { question: question.to_owned(), ..bundle },
            dims: BTreeMap::new(),
            window: None,
            status: FactStatus::Final,
        }
    }

    /// What the facts that follow are about.
    pub fn about(&mut self, dims: BTreeMap<String, String>, window: Option<Period>) -> &mut Self {
        self.dims = dims;
        self.window = window;
        self
    }

    /// How settled the facts that follow are.
    pub fn status(&mut self, status: FactStatus) -> &mut Self {
        self.status = status;
        self
    }

    /// Adds a fact and returns its id.
    pub fn add(&mut self, role: &str, kind: FactKind, value: impl ToString) -> String {
        let id = format!("F{}", self.bundle.facts.len().saturating_add(1));
        self.bundle.facts.push(Fact {
            id: id.clone(),
            role: role.to_owned(),
            kind,
            value: value.to_string(),
            currency: None,
            unit: None,
            dims: self.dims.clone(),
            window: self.window,
            direction: None,
            derivation: None,
            status: self.status,
        });
        id
    }

    /// Adds an amount.
    pub fn money(&mut self, role: &str, money: Money) -> String {
        let id = self.add(role, FactKind::Money, money.amount);
        self.last(|fact| fact.currency = Some(money.currency));
        id
    }

    /// Adds what one of many costs: one `per` (`call`), whose cents would say too little.
    pub fn unit_cost(&mut self, role: &str, money: Money, per: &str) -> String {
        let id = self.money(role, money);
        self.last(|fact| fact.unit = Some(per.to_owned()));
        id
    }

    /// Adds an amount that recurs each month, such as a saving.
    pub fn monthly(&mut self, role: &str, money: Money) -> String {
        let id = self.money(role, money);
        self.last(|fact| fact.unit = Some("month".to_owned()));
        id
    }

    /// Adds a whole number of things.
    pub fn count(&mut self, role: &str, count: impl ToString, unit: &str) -> String {
        let id = self.add(role, FactKind::Count, count);
        self.last(|fact| fact.unit = Some(unit.to_owned()));
        id
    }

    /// Adds a share or a relative change in percent, as an exact or already rounded decimal.
    pub fn percent(&mut self, role: &str, percent: Decimal) -> String {
        self.add(role, FactKind::Percent, percent)
    }

    /// Adds a name from the data.
    pub fn entity(&mut self, role: &str, name: &str) -> String {
        self.add(role, FactKind::Entity, name)
    }

    /// Adds an instant.
    pub fn instant(&mut self, role: &str, at: Timestamp) -> String {
        self.add(role, FactKind::Date, at)
    }

    /// Says what the fact added last counts or measures.
    pub fn with_unit(&mut self, unit: &str) -> &mut Self {
        self.last(|fact| fact.unit = Some(unit.to_owned()));
        self
    }

    /// Says how the fact added last follows from others.
    pub fn derived(&mut self, op: &str, inputs: &[&str]) -> &mut Self {
        let inputs = inputs.iter().map(|&input| input.to_owned()).collect();
        self.last(|fact| fact.derivation = Some(Derivation { op: op.to_owned(), inputs }));
        self
    }

    /// Says where the fact added last points, from the sign of a change.
    pub fn direction(&mut self, sign: std::cmp::Ordering) -> &mut Self {
        let direction = match sign {
            std::cmp::Ordering::Greater => Direction::Up,
            std::cmp::Ordering::Less => Direction::Down,
            std::cmp::Ordering::Equal => Direction::Flat,
        };
        self.last(|fact| fact.direction = Some(direction));
        self
    }

    /// Marks the fact added last as one that any wording must mention.
    pub fn required(&mut self) -> &mut Self {
        if let Some(fact) = self.bundle.facts.last() {
            self.bundle.required.push(fact.id.clone());
        }
        self
    }

    /// Marks a fact as one that any wording must mention.
    pub fn require(&mut self, id: &str) -> &mut Self {
        if self.bundle.facts.iter().any(|fact| fact.id == id) {
            self.bundle.required.push(id.to_owned());
        }
        self
    }

    /// Adds a caveat: a whole sentence without figures of its own.
    pub fn caveat(&mut self, sentence: &str) -> &mut Self {
        self.bundle.caveats.push(sentence.to_owned());
        self
    }

    /// The finished bundle.
    pub fn build(self) -> Bundle {
        self.bundle
    }

    fn last(&mut self, change: impl FnOnce(&mut Fact)) {
        if let Some(fact) = self.bundle.facts.last_mut() {
            change(fact);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Currency, Pico};

    fn sample() -> Bundle {
        let mut builder = BundleBuilder::new("explain", None);
        let usd = |amount: &str| Money { amount: amount.parse().unwrap(), currency: Currency::USD };
        let before = builder.money("cost_before", usd("10"));
        let after = builder.money("cost_after", usd("12.5"));
        builder.money("delta", usd("2.5"));
        builder
            .derived("difference", &[&after, &before])
            .direction(2.5_f64.total_cmp(&0.0))
            .required();
        builder.build()
    }

    #[test]
    fn digest_depends_on_every_fact() {
        let bundle = sample();
        let mut other = bundle.clone();
        assert_eq!(bundle.digest(), sample().digest());
        other.facts[1].value = Pico::ONE.to_string();
        assert_ne!(bundle.digest(), other.digest());
        assert_eq!(bundle.required, ["F3"]);
        assert_eq!(bundle.fact("delta").unwrap().direction, Some(Direction::Up));
    }

    #[test]
    fn json_round_trips() {
        let bundle = sample();
        let text = bundle.to_canonical().unwrap();
        assert_eq!(serde_json::from_str::<Bundle>(&text).unwrap(), bundle);
    }
}
