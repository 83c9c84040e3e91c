//! What the ports answer: figures from one bundle, and what they stand on.
//!
//! Amounts are decimal strings in the answer's one `currency`; times are RFC 3339, UTC; ratios are
//! decimals from 0 to 1. A figure that is not known is absent, never zero. Every string that came
//! with the data is a [`Label`].
//!
//! A list answer holds one page of its rows, the totals over **all** of them, and how many there
//! are. The server adds `other` (totals less the rows shown, so that they reconcile to the last
//! digit), `truncated` and `next_cursor`.

use std::collections::BTreeMap;

use centinel_engine::{
    money::{Currency, Decimal, Pico},
    period::Period,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    imported::{Label, Sentence},
    portable::{CurrencyText, DecimalText, Evidence, InstantText, PeriodShape, Word},
};

/// Dimension values that something is about: `feature` → `support-answers`.
pub type Scope = BTreeMap<Label, Label>;

/// What an answer stands on; part of every answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Basis {
    /// Currency of every amount in the answer.
    #[schemars(with = "CurrencyText")]
    pub currency: Currency,
    /// Time counted.
    #[schemars(with = "PeriodShape")]
    pub period: Period,
    /// What was known up to then.
    #[schemars(with = "InstantText")]
    pub as_of: Timestamp,
    /// Up to when every source that counts has delivered; absent when one never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<InstantText>")]
    pub fresh_until: Option<Timestamp>,
    /// How much of the period's spend is priced and owned.
    pub coverage: Coverage,
    /// Address of the stored bundle: `bundle:` and hex digits.
    #[schemars(with = "Evidence")]
    pub evidence_id: String,
    /// What was left out, assumed or is unsettled: whole sentences, most important first. The
    /// first eight are sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Sentence>,
}

/// How much of the spend that an answer is about is priced and owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Coverage {
    /// Share of net cost with an owner; absent when there is no cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub owned_ratio: Option<Decimal>,
    /// Calls without a price: their cost is in no amount.
    pub unpriced_calls: u64,
    /// Tokens of those calls, every class.
    pub unpriced_tokens: u64,
}

/// What is spent on something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Spend {
    /// Before credits and discounts: list cost.
    #[schemars(with = "DecimalText")]
    pub gross: Pico,
    /// After credits and discounts, commitments amortised: effective cost.
    #[schemars(with = "DecimalText")]
    pub net: Pico,
    /// Model calls; absent where the spend is not of calls, or they are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Tokens, every class; absent likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Those that went in, cached ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Those of the input that were read from a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input_tokens: Option<u64>,
    /// Those that came out, reasoning included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Share of the input that was read from a cache, rounded down at four decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub cached_input_ratio: Option<Decimal>,
    /// Business outputs; absent where none is counted, or those counted are not of one feature.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub outputs: Option<Pico>,
    /// Net cost of one of them, at twelve decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub net_per_output: Option<Decimal>,
}

/// Answers [`Answers::spend`](crate::Answers::spend).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SpendAnswer {
    /// Total, period and largest row, so that whoever reads only this is not misled.
    pub summary: Sentence,
    /// Over all rows, not only those of this page.
    pub total: Spend,
    /// One page.
    pub rows: Vec<SpendRow>,
    /// Rows on all pages.
    pub row_count: u64,
    /// What it stands on.
    #[serde(flatten)]
    pub basis: Basis,
}

/// One group of a breakdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SpendRow {
    /// The value, or the first day of the time step; absent where rows do not carry the dimension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Label>,
    /// What was spent on it.
    #[serde(flatten)]
    pub spend: Spend,
    /// Share of the total's net cost; absent when that is zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub share_ratio: Option<Decimal>,
}

/// Net cost on two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// Net cost of the baseline, scaled to the same length where the baseline is the usual level.
    #[schemars(with = "DecimalText")]
    pub before: Pico,
    /// Net cost of the period.
    #[schemars(with = "DecimalText")]
    pub after: Pico,
    /// `after` less `before`.
    #[schemars(with = "DecimalText")]
    pub delta: Pico,
}

/// What moves cost. See the command `decompose` for the exact conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// More or fewer business outputs, or calls where no output is counted.
    Volume,
    /// Calls for each output.
    CallsPerOutput,
    /// Tokens for each call.
    TokensPerCall,
    /// Share of input read from a cache.
    Cache,
    /// Price of a token or unit.
    Price,
    /// Share of each model in the calls.
    Mix,
}

/// What one driver did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Effect {
    /// The driver.
    pub driver: Driver,
    /// Its part of the change; negative when it lowered cost.
    #[schemars(with = "DecimalText")]
    pub amount: Pico,
}

/// A change of net cost, split exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Decomposition {
    /// The change.
    #[serde(flatten)]
    pub change: Change,
    /// Drivers by size of effect, either way; they add to `delta` exactly.
    pub effects: Vec<Effect>,
}

/// What both sides of a change were before credits and discounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GrossSides {
    /// List cost of the baseline; absent where it is the usual level, which is one of net cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub before: Option<Pico>,
    /// List cost of the period.
    #[schemars(with = "DecimalText")]
    pub after: Pico,
}

/// Answers [`Answers::compare`](crate::Answers::compare).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ComparisonAnswer {
    /// Both totals, the direction, the largest driver.
    pub summary: Sentence,
    /// Over all rows.
    pub total: Decomposition,
    /// The same before credits and discounts.
    pub gross: GrossSides,
    /// One page, largest change first.
    pub rows: Vec<ComparisonRow>,
    /// Rows on all pages.
    pub row_count: u64,
    /// The period compared with; for the usual level, the span that it was learned from.
    #[schemars(with = "PeriodShape")]
    pub baseline: Period,
    /// What it stands on.
    #[serde(flatten)]
    pub basis: Basis,
}

/// One group of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ComparisonRow {
    /// The value; absent where rows do not carry the dimension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Label>,
    /// Its change.
    #[serde(flatten)]
    pub change: Change,
    /// What moved it most; absent when nothing changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_driver: Option<Driver>,
}

/// Answers [`Answers::anomalies`](crate::Answers::anomalies).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnomaliesAnswer {
    /// How many, their impact together, the largest.
    pub summary: Sentence,
    /// Cost over the usual, of all rows together; overlapping anomalies counted once each.
    #[schemars(with = "DecimalText")]
    pub total_impact: Pico,
    /// One page, largest impact first.
    pub rows: Vec<AnomalyRow>,
    /// Rows on all pages.
    pub row_count: u64,
    /// What it stands on.
    #[serde(flatten)]
    pub basis: Basis,
}

/// The figure that left its usual range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Net cost of the days judged.
    Total,
    /// Net cost for each business output.
    CostPerOutput,
    /// Tokens for each call.
    TokensPerCall,
    /// Net cost of a token.
    PricePerToken,
    /// Calls for each business output.
    CallsPerOutput,
    /// Share of input tokens that were not read from a cache.
    CacheMissShare,
    /// Share of calls that failed or repeat a failed one.
    FailedCallShare,
}

/// One anomaly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnomalyRow {
    /// Short and stable, such as `E-12`; `explain_change` takes it.
    pub anomaly_id: Label,
    /// Whether it goes on.
    pub open: bool,
    /// What it is about; empty for all spend.
    pub scope: Scope,
    /// Of one of all spend: where at least half of its change is; empty where nothing stands out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Scope>,
    /// What left its range.
    pub metric: Metric,
    /// First moment outside the range.
    #[schemars(with = "InstantText")]
    pub started_at: Timestamp,
    /// First moment back in it; absent while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<InstantText>")]
    pub ended_at: Option<Timestamp>,
    /// The metric's value over the latest window judged, in the metric's unit; absent where a day of
    /// the window does not state what it is made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub observed: Option<Decimal>,
    /// Its usual value for the same days; absent likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub expected: Option<Decimal>,
    /// Cost over the usual since it started; negative when it costs less.
    #[schemars(with = "DecimalText")]
    pub impact: Pico,
    /// Who answers for it; absent when nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Label>,
    /// The open proposal about it, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal_id: Option<Label>,
}

/// Answers [`Answers::explain`](crate::Answers::explain).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExplanationAnswer {
    /// The change and its largest driver.
    pub summary: Sentence,
    /// The anomaly explained, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anomaly_id: Option<Label>,
    /// What changed.
    pub scope: Scope,
    /// The change of net cost, split exactly.
    #[serde(flatten)]
    pub decomposition: Decomposition,
    /// The same before credits and discounts.
    pub gross: GrossSides,
    /// Half the width of the usual range for these days, as a share of `before`; absent when too
    /// few days are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub usual_range_ratio: Option<Decimal>,
    /// Where most of it is, best first.
    #[serde(rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// When it began; absent when no moment stands out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<InstantText>")]
    pub started_at: Option<Timestamp>,
    /// What began near the beginning, what has a contribution first. Without one it is a coincidence
    /// in time, not proof.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// What was checked and did not cause it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ruled_out: Vec<Sentence>,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Label>,
    /// The open proposal about it, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal_id: Option<Label>,
    /// The period compared with.
    #[schemars(with = "PeriodShape")]
    pub baseline: Period,
    /// What it stands on.
    #[serde(flatten)]
    pub basis: Basis,
}

/// A part of the ledger that holds part of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Place {
    /// Its dimension values.
    pub scope: Scope,
    /// Its part of the change.
    #[schemars(with = "DecimalText")]
    pub delta: Pico,
    /// That part as a share of the whole change; absent when the whole is zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub share_ratio: Option<Decimal>,
}

/// Something that began near the beginning of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Link {
    /// Its first day.
    #[schemars(with = "InstantText")]
    pub at: Timestamp,
    /// `new_model`, `new_key`, `price_change`, `deploy`, `policy_edit`, …: words of our own.
    #[schemars(with = "Word")]
    pub kind: &'static str,
    /// Its name in the data.
    pub name: Label,
    /// Its part of the change, where that can be computed; parts of several links may overlap. Absent
    /// where it merely coincided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub contribution: Option<Pico>,
    /// That part as a share of the whole change; absent when the whole is zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub share_ratio: Option<Decimal>,
}

/// Answers [`Answers::data_health`](crate::Answers::data_health).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HealthAnswer {
    /// The worst of it first: late or failing sources, unpriced, unowned, unreconciled.
    pub summary: Sentence,
    /// One page of sources, worst first.
    pub rows: Vec<SourceRow>,
    /// Sources on all pages.
    pub row_count: u64,
    /// Largest unpriced models, most tokens first; at most five are sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<UnpricedModel>,
    /// What nobody owns.
    pub unowned: Unowned,
    /// Against invoices, by currency; absent when there are none for the period.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reconciliation: Vec<Reconciliation>,
    /// What it stands on.
    #[serde(flatten)]
    pub basis: Basis,
}

/// How a source does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// The last try failed.
    Failing,
    /// Nothing new for longer than is usual for it.
    Late,
    /// Delivers as usual.
    Ok,
}

/// One source of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceRow {
    /// Its name.
    pub source: Label,
    /// How it does.
    pub state: SourceState,
    /// Newest charge or call that it delivered; absent when it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<InstantText>")]
    pub fresh_until: Option<Timestamp>,
    /// Rows accepted in the period.
    pub accepted_rows: u64,
    /// Rows kept aside with a reason, in the period: their cost is in no amount.
    pub rejected_rows: u64,
}

/// A model whose calls have no price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnpricedModel {
    /// As the provider spells it.
    pub model: Label,
    /// Its calls.
    pub calls: u64,
    /// Their tokens, every class.
    pub tokens: u64,
    /// What they may have cost, from prices of comparable models; in no amount, and absent where
    /// nothing is comparable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_have_cost: Option<PlausibleRange>,
}

/// At least and at most, as far as prices of comparable models say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlausibleRange {
    /// At the prices of the cheapest comparable model.
    #[schemars(with = "DecimalText")]
    pub low: Pico,
    /// At the prices of the dearest comparable model.
    #[schemars(with = "DecimalText")]
    pub high: Pico,
    /// Of both.
    #[schemars(with = "CurrencyText")]
    pub currency: Currency,
}

/// Net cost of the period without an owner, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Unowned {
    /// All of it.
    #[schemars(with = "DecimalText")]
    pub net: Pico,
    /// Where most of it is, largest first; at most five are sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<UnownedPlace>,
    /// What is in no place that is sent, so that both make `net`.
    #[schemars(with = "DecimalText")]
    pub other: Pico,
}

/// A part of the spend that nobody owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnownedPlace {
    /// Its dimension values; a rule of the ownership policy can match them.
    pub scope: Scope,
    /// Its net cost.
    #[schemars(with = "DecimalText")]
    pub net: Pico,
}

/// The ledger's calls against invoices, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reconciliation {
    /// Of every amount here.
    #[schemars(with = "CurrencyText")]
    pub currency: Currency,
    /// Invoiced, of the invoices that have arrived.
    #[schemars(with = "DecimalText")]
    pub invoiced: Decimal,
    /// What the ledger says for the same providers and days.
    #[schemars(with = "DecimalText")]
    pub ledger: Decimal,
    /// Invoiced less ledger.
    #[schemars(with = "DecimalText")]
    pub gap: Decimal,
    /// Why, with `unexplained` as one of them; they add to `gap` exactly.
    pub causes: Vec<GapCause>,
    /// The parts of the gap without a cause, up and down added as sizes, over `invoiced`; absent where
    /// nothing is invoiced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub unexplained_ratio: Option<Decimal>,
    /// Providers with calls in the period whose invoice has not come: in neither sum.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_invoiced: Vec<Label>,
}

/// Part of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GapCause {
    /// `missing_calls`, `rounding`, `unexplained`, …: words of ours.
    #[schemars(with = "Word")]
    pub cause: &'static str,
    /// Its part, negative where the ledger has more.
    #[schemars(with = "DecimalText")]
    pub amount: Decimal,
}
