//! Episodes of a period as facts.

use jiff::Timestamp;

use super::{
    breakdown::add_subject,
    change,
    finding::{Finding, add_finding},
};
use crate::{
    facts::{Bundle, BundleBuilder, FactStatus},
    money::{Decimal, Money, Pico},
    period::Period,
};

/// Episodes that any wording must mention.
const REQUIRED_MAX: usize = 3;

/// What left its usual range.
#[derive(Debug, Clone, PartialEq)]
pub struct Episodes {
    /// The period that was looked at.
    pub period: Period,
    /// What was known up to.
    pub as_of: Option<Timestamp>,
    /// Those that are named, the largest first.
    pub findings: Vec<Finding>,
    /// How many there are.
    pub all: u64,
    /// Cost of all of them beyond the expected. Estimate.
    pub impact: Money,
    /// Whose part of the whole every amount is of.
    pub limited_to: Option<String>,
}

impl Episodes {
    /// The facts.
    ///
    /// Roles: `window_first`, `window_last`, `limited_to`, `episodes`, `impact`, `episode.N.…`
    /// ([`add_finding`]).
    pub fn bundle(&self) -> Bundle {
        let mut facts = BundleBuilder::new("episodes", self.as_of);
        facts.about(std::collections::BTreeMap::new(), Some(self.period));
        let nothing = std::collections::BTreeMap::new();
        add_subject(&mut facts, &nothing, self.limited_to.as_deref(), self.period);
        if self.all > 0 {
            facts.count("episodes", self.all, "episodes");
            facts.required();
            facts.status(FactStatus::Estimated);
            facts.money("impact", self.impact);
            facts.direction(self.impact.amount.cmp(&Pico::ZERO));
            facts.status(FactStatus::Final);
        }
        for (number, finding) in (1_u32..).zip(&self.findings) {
            add_finding(&mut facts, &format!("episode.{number}."), finding);
        }
        let mut bundle = facts.build();
        let of_whole = 1_usize.saturating_add(usize::from(self.limited_to.is_some()));
        bundle.required.truncate(of_whole.saturating_add(REQUIRED_MAX));
        bundle
    }
}

/// By how much a metric exceeds its usual value, in percent; `None` where that says nothing.
pub fn excess(observed: Decimal, usual: Decimal) -> Option<Decimal> {
    change::quotient_change(observed, usual).map(|(excess, _)| excess)
}
