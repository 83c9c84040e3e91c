//! What is read of an episode: always the same steps in the same order, fixed before any data is seen.

use centinel_engine::facts::{canonical_json, sha256_hex};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// One thing that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// What moved the figure.
    Explain,
    /// Where the change is.
    Places,
    /// What began with it.
    Links,
    /// What an output cost, and costs.
    CostPerOutput,
    /// Limits of its spend, and what is expected of the month.
    Outlook,
    /// Proposals about its spend.
    Proposals,
    /// Whose spend it is.
    Owner,
}

/// The steps, in order.
pub const PLAN: [Step; 7] = [
    Step::Explain,
    Step::Places,
    Step::Links,
    Step::CostPerOutput,
    Step::Outlook,
    Step::Proposals,
    Step::Owner,
];

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum StepOutcome {
    /// It found facts: their ids in the evidence of the analysis.
    Found {
        /// In order.
        facts: Vec<String>,
    },
    /// There is nothing of that kind.
    Nothing,
    /// It could not be read; the other steps went on.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A step, taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTaken {
    /// Which.
    pub step: Step,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: StepOutcome,
}

impl Step {
    /// What is asked, in words.
    pub fn asks(self) -> &'static str {
        match self {
            Self::Explain => "what moved the figure, against the same weekdays before",
            Self::Places => "which part of the spend the change is in",
            Self::Links => {
                "prices, deploys, policies, new models and keys, failed calls of the time"
            }
            Self::CostPerOutput => "what a business output cost before, and costs",
            Self::Outlook => "limits of this spend, and how likely the month passes them",
            Self::Proposals => "which proposals about this spend there are",
            Self::Owner => "whose spend it is by what is stated, and who is next",
        }
    }

    /// Whether the same facts are the same analysis: what is expected of the month is another one with
    /// each day of data, while the episode stays what it is.
    pub(super) fn is_of_the_episode(self) -> bool {
        self != Self::Outlook
    }
}

/// SHA-256 of the plan, hex: kept with each analysis, so that it is seen which plan it followed.
pub fn plan_digest() -> String {
    let steps: Vec<_> =
        PLAN.iter().map(|step| json!({ "step": step, "asks": step.asks() })).collect();
    canonical_json(&steps).map(|text| sha256_hex(text.as_bytes())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_every_step_once() {
        let mut steps = PLAN.to_vec();
        steps.sort();
        steps.dedup();
        assert_eq!(steps, PLAN, "in the order of the enum, each once");
        assert_eq!(plan_digest().len(), 64);
    }
}
