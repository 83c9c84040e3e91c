//! The ledger of savings as an agent sees it: promised, under way, realised.

use centinel_engine::money::{Currency, Decimal, Money};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    imported::{Label, Sentence},
    portable::{CurrencyText, DecimalText, Evidence, InstantText, MoneyShape},
    request::Page,
};

/// How far a proposal is, as far as savings go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SavingsStage {
    /// Waits for people.
    Open,
    /// Approved, not carried out.
    Approved,
    /// Carried out, not measured.
    Executed,
    /// Measured.
    Realised,
    /// Saves nothing any more.
    Ended,
}

/// Asks [`Answers::savings`](crate::Answers::savings).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavingsRequest {
    /// Only these; all when absent.
    pub stage: Option<SavingsStage>,
    /// Which rows; the largest expected saving first.
    pub page: Page,
}

/// Answers [`Answers::savings`](crate::Answers::savings). Every amount is a month and names its currency;
/// what nobody knows is absent, and counted as that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SavingsAnswer {
    /// What came of what was promised, and what is under way.
    pub summary: Sentence,
    /// The sums over all proposals, not only those of this page or stage.
    pub stages: Vec<SavingsSum>,
    /// How much a promise of each kind turned out to be worth.
    pub calibration: Vec<CalibrationRow>,
    /// One page.
    pub rows: Vec<SavingsRow>,
    /// Rows on all pages.
    pub row_count: u64,
    /// What was known up to then.
    #[schemars(with = "InstantText")]
    pub as_of: Timestamp,
    /// Up to when every source that counts has delivered, and so what measurements rest on; absent when one
    /// never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<InstantText>")]
    pub fresh_until: Option<Timestamp>,
}

/// One stage in one currency; without a currency, those that promise nothing that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SavingsSum {
    /// Which stage.
    pub stage: SavingsStage,
    /// How many proposals the sum covers.
    pub proposals: u32,
    /// Of the amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<CurrencyText>")]
    pub currency: Option<Currency>,
    /// Sum of the best estimates.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<MoneyShape>")]
    pub promised: Option<Money>,
    /// Sum of what came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<MoneyShape>")]
    pub realised: Option<Money>,
}

/// Promised against realised, of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CalibrationRow {
    /// What is changed.
    pub kind: Label,
    /// Proposals measured.
    pub measured: u32,
    /// Realised over promised; absent where nothing was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub ratio: Option<Decimal>,
    /// What a new promise is multiplied by to rank it.
    #[schemars(with = "DecimalText")]
    pub factor: Decimal,
}

/// One proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SavingsRow {
    /// Short and stable, such as `P-7`.
    pub proposal_id: Label,
    /// What it changes.
    pub kind: Label,
    /// The change in one sentence.
    pub title: Sentence,
    /// How far it is.
    pub stage: SavingsStage,
    /// Best estimate of its proposer's evidence; absent when it states none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<MoneyShape>")]
    pub promised: Option<Money>,
    /// The same, corrected by what became of earlier ones of its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<MoneyShape>")]
    pub expected: Option<Money>,
    /// What came, as measured last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<MoneyShape>")]
    pub realised: Option<Money>,
    /// Days after the execution at which that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured_days: Option<u32>,
    /// Why there is no measurement, or no later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_measured: Option<Sentence>,
    /// The bundle behind the promise.
    #[schemars(with = "Evidence")]
    pub evidence_id: String,
}
