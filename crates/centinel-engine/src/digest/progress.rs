//! What proposals promised and brought, and what waits, as facts.

use jiff::Timestamp;

use super::summary::{SavingsSoFar, Waiting, add_savings, add_waiting};
use crate::{
    facts::{Bundle, BundleBuilder, FactStatus},
    money::Money,
    proposal::Stage,
};

/// Proposals at one stage that promise something, in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promised {
    /// How far they are.
    pub stage: Stage,
    /// How many.
    pub proposals: u32,
    /// What they promise together, a month. Estimate.
    pub promised: Money,
}

/// How far proposals are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Which question it answers: `queue` for what waits, `savings` for what came.
    pub question: ProgressKind,
    /// What was known up to.
    pub as_of: Option<Timestamp>,
    /// How many proposals were asked about.
    pub all: u64,
    /// What waits for a decision.
    pub waiting: Waiting,
    /// What is approved or carried out, and not measured.
    pub under_way: Vec<Promised>,
    /// What was measured.
    pub measured: Vec<SavingsSoFar>,
}

/// What of the progress is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressKind {
    /// What waits for people.
    Queue,
    /// What came of it.
    Savings,
}

impl Progress {
    /// The facts.
    ///
    /// Roles: `proposals`; `waiting`, `waiting.id.N`, `waiting.promised.N`, `waiting_without_promise`;
    /// `saving.N.…` as of a [`Summary`](super::Summary); `under_way.N.STAGE.proposals` with
    /// `under_way.N.STAGE.promised`.
    pub fn bundle(&self) -> Bundle {
        let question = match self.question {
            ProgressKind::Queue => "queue",
            ProgressKind::Savings => "savings",
        };
        let mut facts = BundleBuilder::new(question, self.as_of);
        if self.all > 0 {
            facts.count("proposals", self.all, "proposals");
        }
        add_waiting(&mut facts, &self.waiting);
        add_savings(&mut facts, &self.measured);
        for (number, of) in (1_u32..).zip(&self.under_way) {
            let stage = match of.stage {
                Stage::Open => "open",
                Stage::Approved => "approved",
                Stage::Executed => "executed",
                Stage::Realised => "realised",
                Stage::Ended => "ended",
            };
            facts.count(
                &format!("under_way.{number}.{stage}.proposals"),
                of.proposals,
                "proposals",
            );
            facts.status(FactStatus::Estimated);
            facts.monthly(&format!("under_way.{number}.{stage}.promised"), of.promised);
            facts.status(FactStatus::Final);
        }
        facts.build()
    }
}
