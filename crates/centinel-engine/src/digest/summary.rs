//! A week, a month, or a team's month as facts.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use super::{
    change::{self, Adding},
    finding::{Finding, add_finding},
    outlook::{Ahead, Limit, add_ahead, add_gaps_of_data, add_limits},
};
use crate::{
    facts::{Bundle, BundleBuilder, FactKind, FactStatus},
    money::{Currency, Decimal, Money, Pico},
    period::{Period, start_of_day},
};

/// What a summary is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryKind {
    /// A week, for whoever looks after the spend.
    Weekly,
    /// A month, for whoever answers for the money.
    Monthly,
    /// A month of one owner, measured.
    Scorecard,
}

impl SummaryKind {
    /// The question that its bundle answers.
    pub fn question(self) -> &'static str {
        match self {
            Self::Weekly => "digest",
            Self::Monthly => "cfo",
            Self::Scorecard => "scorecard",
        }
    }
}

/// A part of the spend, now and before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// What it is a part by: `owner`, `feature`, `service`, `kind`.
    pub by: &'static str,
    /// Its name; `None` for rows that state none.
    pub name: Option<String>,
    /// In the period.
    pub now: Pico,
    /// In the one before.
    pub before: Pico,
}

/// A place in an order by spend, 1 first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// The place.
    pub place: usize,
    /// Of how many.
    pub of: usize,
}

/// Business outputs of a feature, and what one of them cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputCost {
    /// The feature.
    pub feature: String,
    /// How many there were.
    pub outputs: Decimal,
    /// What one cost.
    pub each: Pico,
    /// What one cost in the period before, where there were any.
    pub each_before: Option<Pico>,
}

/// Proposals that wait for a decision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Their numbers: `P-7`.
    pub ids: Vec<String>,
    /// What those promise together that state a saving, a month, by currency.
    pub promised: Vec<Money>,
    /// How many state none.
    pub without_promise: usize,
}

/// What was measured of savings so far, a month, in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavingsSoFar {
    /// How many proposals were measured.
    pub measured: u32,
    /// What they realised.
    pub realised: Money,
    /// What the same proposals promised; `None` where one of them states nothing.
    pub promised: Option<Money>,
}

/// Invoices against the ledger, in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceGap {
    /// What the invoices ask for.
    pub invoice: Money,
    /// Invoice less ledger.
    pub gap: Pico,
    /// What of it has no explanation.
    pub unexplained: Pico,
}

/// Calls without a price.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unpriced {
    /// How many.
    pub calls: i128,
    /// Of how many models; zero where that is not counted.
    pub models: usize,
    /// What they may have cost, from comparable models; of models without a comparable one, nothing is in
    /// it.
    pub plausible: Option<(Money, Money)>,
}

/// Waiting proposals that are named.
const WAITING_MAX: usize = 6;

/// A source that is behind.
pub type Late = (String, Date);

/// What is said of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// What it is for.
    pub kind: SummaryKind,
    /// Whose spend; `None` for all.
    pub owner: Option<String>,
    /// Whose part of the whole every amount is of, where somebody asks who does not see everything.
    pub limited_to: Option<String>,
    /// The period.
    pub period: Period,
    /// The one before it, where the ledger reaches back over all of it.
    pub before: Option<Period>,
    /// Of every amount that names none.
    pub currency: Currency,
    /// What was known up to.
    pub as_of: Option<Timestamp>,
    /// Whether every source has brought all of the period.
    pub is_complete: bool,
    /// What it cost; `None` where nothing that it consists of has a price.
    pub cost: Option<Pico>,
    /// What the period before cost.
    pub cost_before: Option<Pico>,
    /// What was spent in further currencies, which are in no other amount.
    pub other_currencies: Vec<Money>,
    /// The place of an owner by spend.
    pub rank: Option<Rank>,
    /// Parts to be named, the largest change first. What they leave of the change is stated.
    pub moved: Vec<Moved>,
    /// Outputs, the largest cost first.
    pub outputs: Vec<OutputCost>,
    /// Episodes to be named, the largest first.
    pub findings: Vec<Finding>,
    /// Further episodes.
    pub findings_more: usize,
    /// Where the month that goes on ends.
    pub ahead: Option<Ahead>,
    /// Limits to be named.
    pub limits: Vec<Limit>,
    /// How many limits there are that what was spent is known against, and how many of them were kept.
    pub limits_kept: Option<(usize, usize)>,
    /// What waits.
    pub waiting: Waiting,
    /// Savings, by currency.
    pub savings: Vec<SavingsSoFar>,
    /// Invoices, by currency.
    pub gaps: Vec<InvoiceGap>,
    /// Share of the cost whose owner is known, 0 to 1.
    pub owned_ratio: Option<Decimal>,
    /// Calls without a price.
    pub unpriced: Unpriced,
    /// Sources that are behind.
    pub late: Vec<Late>,
}

impl Summary {
    /// Whether there is nothing that anybody has to hear: no episode, no limit at risk, nothing that
    /// waits, nothing without a price, no source behind, and a change below an amount or 5 % of the cost
    /// before.
    pub fn is_quiet(&self, change_min: Pico) -> bool {
        let has_news = !self.findings.is_empty()
            || self.findings_more > 0
            || !self.limits.is_empty()
            || !self.waiting.ids.is_empty()
            || self.unpriced.calls > 0
            || !self.late.is_empty();
        !has_news && !self.has_moved(change_min)
    }

    fn has_moved(&self, change_min: Pico) -> bool {
        let (Some(now), Some(before)) = (self.cost, self.cost_before) else {
            // What was nothing and is something has moved; what is not known may have.
            return self.cost != Some(Pico::ZERO);
        };
        let delta = now.0.saturating_sub(before.0).unsigned_abs();
        let is_small = delta < change_min.0.unsigned_abs();
        let is_slight = delta.saturating_mul(20) < before.0.unsigned_abs();
        !is_small && !is_slight
    }

    /// The facts.
    ///
    /// Roles: `about.owner`, `limited_to`, `window_first`, `window_last`; `cost`, `cost_before`, `delta`,
    /// `change`; `other_currency.N`; `rank` with `rank_of`; `moved.N.name` with the same four, and
    /// `moved_rest`; `output.N.feature`, `.count`, `.each`, `.each_before`, `.each_change`;
    /// `episode.N.…` ([`add_finding`]) and `episodes_more`; `ahead.…`, `budgets`, `budgets_kept`, `budget.N.…`; `waiting`,
    /// `waiting.promised.N`, `waiting_without_promise`; `saving.N.measured`, `.realised`, `.promised`,
    /// `.share`; `invoice.N.total`, `.gap`, `.unexplained`; `owned`, `unowned`; `unpriced_calls`,
    /// `unpriced_models`, `plausible_low`, `plausible_high`; `late.N.source` with `late.N.since`.
    pub fn bundle(&self) -> Bundle {
        let mut facts = BundleBuilder::new(self.kind.question(), self.as_of);
        let mut adding = Adding {
            facts: &mut facts,
            currency: self.currency,
            period: self.period,
            before: self.before,
        };
        let dims: BTreeMap<String, String> =
            self.owner.iter().map(|owner| ("owner".to_owned(), owner.clone())).collect();
        adding.about(dims.clone());
        self.add_subject(&mut adding);
        self.add_costs(&mut adding, &dims);
        self.add_outputs(&mut adding);
        for (number, finding) in (1_u32..).zip(&self.findings) {
            add_finding(adding.facts, &format!("episode.{number}."), finding);
        }
        adding.about(dims.clone());
        if self.findings_more > 0 {
            adding.facts.count("episodes_more", self.findings_more, "episodes");
        }
        if let Some(ahead) = &self.ahead {
            add_ahead(&mut adding, ahead);
        }
        if let Some((all, kept)) = self.limits_kept.filter(|(all, _)| *all > 0) {
            adding.about(dims.clone());
            adding.facts.count("budgets", all, "budgets");
            adding.facts.add("budgets_kept", FactKind::Count, kept);
        }
        add_limits(&mut adding, &self.limits);
        adding.about(dims);
        self.add_decisions(&mut adding);
        self.add_trust(&mut adding);
        facts.build()
    }

    fn add_subject(&self, adding: &mut Adding<'_>) {
        let facts = &mut *adding.facts;
        if let Some(owner) = &self.owner {
            facts.entity("about.owner", owner);
            facts.required();
        }
        if let Some(reader) = &self.limited_to {
            facts.entity("limited_to", reader);
            facts.required();
        }
        let (first, after) = self.period.dates();
        facts.instant("window_first", start_of_day(first));
        facts.instant("window_last", start_of_day(after.yesterday().unwrap_or(first)));
    }

    fn add_costs(&self, adding: &mut Adding<'_>, dims: &BTreeMap<String, String>) {
        let status = if self.is_complete { FactStatus::Final } else { FactStatus::Provisional };
        adding.facts.status(status);
        let Some(cost) = self.cost else { return };
        let (cost_id, delta_id) = adding.compared("", dims, cost, self.cost_before);
        adding.facts.require(&cost_id);
        // Against nothing, the change is the cost.
        let has_base = self.cost_before.is_some_and(|before| before != Pico::ZERO);
        if let Some(delta_id) = delta_id.as_ref().filter(|_| has_base) {
            adding.facts.require(delta_id);
        }
        for (number, money) in (1_u32..).zip(&self.other_currencies) {
            adding.facts.money(&format!("other_currency.{number}"), *money);
        }
        if let Some(Rank { place, of }) = self.rank {
            adding.facts.add("rank", FactKind::Rank, place);
            adding.facts.derived("rank", &[&cost_id]);
            adding.facts.count("rank_of", of, "owners");
        }
        let mut rest = self.cost_before.and_then(|before| cost.checked_sub(before).ok());
        for (number, moved) in (1_u32..).zip(&self.moved) {
            let mut dims = dims.clone();
            dims.extend(moved.name.iter().map(|name| (moved.by.to_owned(), name.clone())));
            adding.about(dims.clone());
            if let Some(name) = &moved.name {
                adding.facts.entity(&format!("moved.{number}.name"), name);
            }
            adding.compared(&format!("moved.{number}."), &dims, moved.now, Some(moved.before));
            rest = rest
                .and_then(|rest| rest.checked_sub(moved.now.checked_sub(moved.before).ok()?).ok());
        }
        adding.about(dims.clone());
        if let (Some(rest), Some(delta_id)) =
            (rest.filter(|rest| *rest != Pico::ZERO && !self.moved.is_empty()), &delta_id)
        {
            adding.signed("moved_rest", rest);
            adding.facts.derived("rest", &[delta_id]);
        }
        adding.facts.status(FactStatus::Final);
    }

    fn add_outputs(&self, adding: &mut Adding<'_>) {
        for (number, output) in (1_u32..).zip(&self.outputs) {
            let role = |name: &str| format!("output.{number}.{name}");
            let dims: BTreeMap<String, String> =
                [("feature".to_owned(), output.feature.clone())].into();
            adding.facts.about(dims.clone(), self.before);
            let each_before = output.each_before.map(|each| {
                (each, adding.facts.unit_cost(&role("each_before"), adding.money(each), "output"))
            });
            adding.about(dims);
            adding.facts.entity(&role("feature"), &output.feature);
            adding.facts.count(&role("count"), output.outputs, "outputs");
            let each_id =
                adding.facts.unit_cost(&role("each"), adding.money(output.each), "output");
            if let Some((before, before_id)) = each_before
                && let Some((change, sign)) =
                    change::quotient_change(output.each.to_decimal(), before.to_decimal())
            {
                adding.facts.percent(&role("each_change"), change);
                adding.facts.derived("percent_change", &[&each_id, &before_id]).direction(sign);
            }
        }
    }

    fn add_decisions(&self, adding: &mut Adding<'_>) {
        add_waiting(adding.facts, &self.waiting);
        add_savings(adding.facts, &self.savings);
    }

    fn add_trust(&self, adding: &mut Adding<'_>) {
        add_trust(adding, &self.gaps, self.owned_ratio, &self.unpriced, &self.late);
        if !self.is_complete {
            adding.facts.caveat(
                "Amounts are provisional: some sources have yet to bring all of the period.",
            );
        }
    }
}

/// `waiting` with `waiting.id.N`, `waiting.promised.N` and `waiting_without_promise`.
pub(super) fn add_waiting(facts: &mut BundleBuilder, waiting: &Waiting) {
    if waiting.ids.is_empty() {
        return;
    }
    facts.count("waiting", waiting.ids.len(), "proposals");
    facts.required();
    for (number, id) in (1_u32..).zip(waiting.ids.iter().take(WAITING_MAX)) {
        facts.entity(&format!("waiting.id.{number}"), id);
    }
    facts.status(FactStatus::Estimated);
    for (number, money) in (1_u32..).zip(&waiting.promised) {
        facts.monthly(&format!("waiting.promised.{number}"), *money);
    }
    facts.status(FactStatus::Final);
    if waiting.without_promise > 0 {
        facts.add("waiting_without_promise", FactKind::Count, waiting.without_promise);
    }
}

/// `saving.N.measured`, `.realised`, `.promised` and `.share`.
pub(super) fn add_savings(facts: &mut BundleBuilder, savings: &[SavingsSoFar]) {
    for (number, saving) in (1_u32..).zip(savings) {
        let role = |name: &str| format!("saving.{number}.{name}");
        facts.count(&role("measured"), saving.measured, "proposals");
        let realised_id = facts.monthly(&role("realised"), saving.realised);
        if let Some(promised) = saving.promised {
            let promised_id = facts.monthly(&role("promised"), promised);
            if let Some(share) = change::share(saving.realised.amount, promised.amount) {
                facts.percent(&role("share"), share);
                facts.derived("quotient", &[&realised_id, &promised_id]);
            }
        }
    }
}

/// `invoice.N.total`, `.gap` and `.unexplained`; `owned`, `unowned`; `unpriced_calls`, `unpriced_models`,
/// `plausible_low`, `plausible_high`; `late.N.source` with `late.N.since`.
pub(super) fn add_trust(
    adding: &mut Adding<'_>,
    gaps: &[InvoiceGap],
    owned_ratio: Option<Decimal>,
    unpriced: &Unpriced,
    late: &[Late],
) {
    let facts = &mut *adding.facts;
    for (number, InvoiceGap { invoice, gap, unexplained }) in (1_u32..).zip(gaps) {
        let role = |name: &str| format!("invoice.{number}.{name}");
        let money = |amount| Money { amount, ..*invoice };
        facts.money(&role("total"), *invoice);
        facts.money(&role("gap"), money(*gap));
        facts.direction(gap.cmp(&Pico::ZERO));
        facts.money(&role("unexplained"), money(*unexplained));
    }
    if let Some(owned) = owned_ratio.and_then(change::in_percent) {
        let owned_id = facts.percent("owned", owned);
        let rest = Decimal::from_integer(100).checked_sub(owned).ok();
        if let Some(unowned) = rest.filter(|rest| !rest.is_zero()) {
            facts.percent("unowned", unowned);
            facts.derived("complement", &[&owned_id]);
        }
    }
    if unpriced.calls > 0 && unpriced.models > 0 {
        facts.count("unpriced_models", unpriced.models, "models");
    }
    add_gaps_of_data(adding, unpriced.calls, late);
    let facts = &mut *adding.facts;
    if let Some((low, high)) = unpriced.plausible {
        facts.status(FactStatus::Estimated);
        facts.money("plausible_low", low);
        facts.money("plausible_high", high);
        facts.status(FactStatus::Final);
    }
}
