//! A ledger and its invoice, and faults planted in them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::*;
use crate::{
    period::{DAY_MICROS, Period, date_of},
    pricing::{CostLine, Meter, PriceQuery, ServiceTier},
    usage::{CallStatus, Usage, UsageClass},
};

pub(super) const BOOK: &str = r#"
format = 1
name = "planted"
currency = "USD"
recorded = "2026-11-01"
[[model]]
provider = "openai"
model = "alpha"
[[model.price]]
effective_from = "unknown"
source = "generated"
regions = { eu = "1.1" }
rates.standard = { input = "1", cache_read = "0.1", output = "4" }
rates.batch = { input = "0.5", cache_read = "0.05", output = "2" }
rates.priority = { input = "1.75", cache_read = "0.175", output = "7" }
[[model.price]]
effective_from = "2026-10-08"
source = "generated"
regions = { eu = "1.1" }
rates.standard = { input = "0.8", cache_read = "0.09", output = "3.4" }
rates.batch = { input = "0.4", cache_read = "0.045", output = "1.7" }
rates.priority = { input = "1.4", cache_read = "0.1575", output = "5.95" }
[[model]]
provider = "openai"
model = "beta"
[[model.price]]
effective_from = "unknown"
source = "generated"
regions = { eu = "1.1" }
rates.standard = { input = "3", cache_read = "0.3", output = "15" }
rates.batch = { input = "1.5", cache_read = "0.15", output = "7.5" }
rates.priority = { input = "5.25", cache_read = "0.525", output = "26.25" }
[[model]]
provider = "openai"
model = "gamma"
[[model.price]]
effective_from = "unknown"
source = "generated"
regions = { eu = "1.1" }
rates.standard = { input = "0.25", cache_read = "0.025", output = "2" }
rates.batch = { input = "0.125", cache_read = "0.0125", output = "1" }
rates.priority = { input = "0.4375", cache_read = "0.04375", output = "3.5" }
"#;

const MODELS: [&str; 3] = ["alpha", "beta", "gamma"];
const KEYS: [&str; 2] = ["key-1", "key-2"];
const DAYS: i64 = 7;
/// 2026-10-05.
const FIRST_DAY: i64 = 20_731;

/// What can be planted. Each fault has two or more forms, of which the seed picks one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Bypass,
    Unbilled,
    CacheClass,
    Reasoning,
    Contract,
    Tier,
    Region,
    StaleBook,
    Aborted,
    Retry,
    PeriodEdge,
    Rounding,
    Currency,
}

impl Fault {
    pub(super) const ALL: [Self; 13] = [
        Self::Bypass,
        Self::Unbilled,
        Self::CacheClass,
        Self::Reasoning,
        Self::Contract,
        Self::Tier,
        Self::Region,
        Self::StaleBook,
        Self::Aborted,
        Self::Retry,
        Self::PeriodEdge,
        Self::Rounding,
        Self::Currency,
    ];

    pub(super) fn cause(self) -> Cause {
        match self {
            Self::Bypass => Cause::MissingCalls,
            Self::Unbilled => Cause::UnbilledCalls,
            Self::CacheClass => Cause::CacheClass,
            Self::Reasoning => Cause::ReasoningClass,
            Self::Contract => Cause::ListContracted,
            Self::Tier => Cause::Tier,
            Self::Region => Cause::Region,
            Self::StaleBook => Cause::StaleBook,
            Self::Aborted => Cause::AbortedStream,
            Self::Retry => Cause::Retry,
            Self::PeriodEdge => Cause::PeriodEdge,
            Self::Rounding => Cause::Rounding,
            Self::Currency => Cause::Currency,
        }
    }
}

/// Day, model, key, names of tier and region, and class.
type Key = (i64, &'static str, &'static str, Option<ServiceTier>, Option<&'static str>, Meter);

/// Both sides.
pub(super) struct Pair {
    pub(super) calls: Vec<LedgerCall>,
    pub(super) rows: Vec<InvoiceRow>,
}

/// A call as it was: what the ledger says of it, and what is billed for it.
#[derive(Clone)]
struct Made {
    at: Timestamp,
    model: &'static str,
    key: &'static str,
    ledger: Option<Usage>,
    billed: Option<Usage>,
    /// How often.
    bills: u64,
    status: CallStatus,
    is_retry: bool,
    /// The ledger prices it as of then.
    priced_at: Timestamp,
    tier: ServiceTier,
    region: Option<&'static str>,
    /// Whether the invoice names tier and region.
    is_named: bool,
    /// Tokens that the invoice bills as uncached although they were cached.
    uncached: u64,
    billed_day: i64,
}

pub(super) struct World<'b> {
    book: &'b PriceBook,
    state: u64,
    made: Vec<Made>,
    contract: BTreeMap<&'static str, bool>,
    is_rounded: bool,
    rate: Option<Decimal>,
    causes: BTreeMap<(i64, String, String), BTreeSet<Cause>>,
    everywhere: BTreeSet<Cause>,
    planted: Vec<String>,
}

impl<'b> World<'b> {
    pub(super) fn new(seed: u64, book: &'b PriceBook) -> Self {
        let mut world = Self {
            book,
            state: seed,
            made: Vec::new(),
            contract: BTreeMap::new(),
            is_rounded: false,
            rate: None,
            causes: BTreeMap::new(),
            everywhere: BTreeSet::new(),
            planted: Vec::new(),
        };
        for day in 0..DAYS {
            for model in MODELS {
                for key in KEYS {
                    for _ in 0..3 + world.below(4) {
                        let made = world.call(day, model, key);
                        world.made.push(made);
                    }
                }
            }
        }
        world
    }

    /// Splitmix64: a seed is a world.
    fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn call(&mut self, day: i64, model: &'static str, key: &'static str) -> Made {
        let input = 1_000 + self.below(9_000);
        let cached = 100 + self.below(input - 200);
        let output = 200 + self.below(2_000);
        let usage = Usage::ZERO
            .with(UsageClass::InputTokensTotal, input)
            .with(UsageClass::CacheReadTokens, cached)
            .with(UsageClass::OutputTokensTotal, output);
        let within = i64::try_from(self.below(20 * 3_600)).unwrap() * 1_000_000;
        let at = Timestamp::from_microsecond((FIRST_DAY + day) * DAY_MICROS + within).unwrap();
        Made {
            at,
            model,
            key,
            ledger: Some(usage),
            billed: Some(usage),
            bills: 1,
            status: CallStatus::Ok,
            is_retry: false,
            priced_at: at,
            tier: ServiceTier::Standard,
            region: None,
            is_named: false,
            uncached: 0,
            billed_day: day,
        }
    }

    /// Plants a fault; returns what it adds to the gap.
    pub(super) fn plant(&mut self, fault: Fault) -> Decimal {
        let before = self.gap();
        let form = self.below(2) == 0;
        // Not the last day, and not the first: there the edge has two sides.
        let day = 1 + i64::try_from(self.below(5)).unwrap();
        let model = MODELS[usize::try_from(self.below(3)).unwrap()];
        let key = KEYS[usize::try_from(self.below(2)).unwrap()];
        let is_there =
            |made: &Made| made.billed_day == day && made.model == model && made.key == key;
        let place: Vec<usize> =
            (0..self.made.len()).filter(|at| is_there(&self.made[*at])).collect();
        let mut of = vec![(day, model, key)];
        match fault {
            Fault::Bypass => {
                let mut extra = self.call(day, model, key);
                extra.ledger = None;
                self.made.push(extra);
            }
            Fault::Unbilled => {
                // The first of the day: the last ones could be the edge, and one from the day before
                // is it.
                let morning = Timestamp::from_microsecond((FIRST_DAY + day) * DAY_MICROS).unwrap();
                let own = place.iter().copied().filter(|at| self.made[*at].at >= morning);
                let first = own.min_by_key(|at| self.made[*at].at).unwrap();
                self.made[first].billed = None;
            }
            Fault::CacheClass => {
                for at in place {
                    self.made[at].uncached = 50;
                }
            }
            Fault::Reasoning => {
                for at in place {
                    let Made { ledger: Some(ledger), billed: Some(billed), .. } =
                        &mut self.made[at]
                    else {
                        continue;
                    };
                    let output = billed.get(UsageClass::OutputTokensTotal);
                    if form {
                        // The ledger knows of the reasoning, and did not count it in.
                        ledger.set(UsageClass::ReasoningTokens, 120);
                    }
                    billed.set(UsageClass::OutputTokensTotal, output + 120);
                }
            }
            Fault::Contract => {
                self.contract.insert(model, form);
                of = (0..DAYS).flat_map(|day| KEYS.map(|key| (day, model, key))).collect();
            }
            Fault::Tier | Fault::Region => {
                for at in place {
                    let made = &mut self.made[at];
                    made.is_named = form;
                    if fault == Fault::Tier {
                        made.tier =
                            if day % 2 == 0 { ServiceTier::Batch } else { ServiceTier::Priority };
                    } else {
                        made.region = Some("eu");
                    }
                }
            }
            Fault::StaleBook => {
                // The model's price changed on 2026-10-08; the ledger goes on with the one before.
                let old: Timestamp = "2026-10-01T00:00:00Z".parse().unwrap();
                for made in self
                    .made
                    .iter_mut()
                    .filter(|made| made.model == "alpha" && made.billed_day >= 3 && made.key == key)
                {
                    made.priced_at = old;
                }
                of = (3..DAYS).map(|day| (day, "alpha", key)).collect();
            }
            Fault::Aborted => {
                let mut extra = self.call(day, model, key);
                extra.status = CallStatus::Aborted;
                if form {
                    extra.billed = None;
                } else if let Some(billed) = &mut extra.billed {
                    let output = billed.get(UsageClass::OutputTokensTotal);
                    billed.set(UsageClass::OutputTokensTotal, output + 777);
                }
                self.made.push(extra);
            }
            Fault::Retry => {
                let mut extra = self.call(day, model, key);
                extra.is_retry = true;
                if form {
                    extra.billed = None;
                } else {
                    extra.bills = 2;
                }
                self.made.push(extra);
            }
            Fault::PeriodEdge => {
                let late = (day + FIRST_DAY + 1) * DAY_MICROS - 60_000_000;
                let mut extra = self.call(day, model, key);
                extra.at = Timestamp::from_microsecond(late).unwrap();
                extra.priced_at = extra.at;
                if form {
                    extra.billed_day = day + 1;
                    of.push((day + 1, model, key));
                } else {
                    // At the end of the period what follows is not seen.
                    let last = (DAYS + FIRST_DAY) * DAY_MICROS - 60_000_000;
                    extra.at = Timestamp::from_microsecond(last).unwrap();
                    extra.priced_at = extra.at;
                    extra.billed_day = DAYS - 1;
                    extra.billed = None;
                    of = vec![(DAYS - 1, model, key)];
                }
                self.made.push(extra);
            }
            Fault::Rounding => self.is_rounded = true,
            Fault::Currency => self.rate = Some("0.92".parse().unwrap()),
        }
        if matches!(fault, Fault::Rounding | Fault::Currency) {
            self.everywhere.insert(fault.cause());
        } else {
            for (day, model, key) in &of {
                let slot = (*day, (*model).to_owned(), (*key).to_owned());
                self.causes.entry(slot).or_default().insert(fault.cause());
            }
        }
        self.planted.push(format!("{fault:?} {form} {of:?}"));
        self.gap().checked_sub(before).unwrap()
    }

    pub(super) fn planted(&self) -> &[String] {
        &self.planted
    }

    /// What was planted where a part lies.
    pub(super) fn causes_at(&self, part: &Part) -> BTreeSet<Cause> {
        let day = part.day.as_deref().map(|day| {
            let date: jiff::civil::Date = day.parse().unwrap();
            i64::from(crate::period::index_of_date(date)) - FIRST_DAY
        });
        let mut found = self.everywhere.clone();
        for ((at, model, key), causes) in &self.causes {
            let is_there = day.is_none_or(|day| day == *at)
                && part.model.as_ref().is_none_or(|other| other == model)
                && part.api_key.as_ref().is_none_or(|other| other == key);
            if is_there {
                found.extend(causes);
            }
        }
        found
    }

    fn gap(&self) -> Decimal {
        let pair = self.pair();
        let ledger = exact::sum(pair.calls.iter().map(|call| cost(call).unwrap())).unwrap();
        let invoice = exact::sum(pair.rows.iter().map(|row| row.amount)).unwrap();
        invoice.checked_sub(ledger).unwrap()
    }

    fn lines(
        &self,
        model: &str,
        tier: ServiceTier,
        region: Option<&str>,
        at: Timestamp,
        usage: &Usage,
    ) -> Vec<CostLine> {
        let query = PriceQuery {
            provider: "openai",
            model,
            service_tier: Some(tier.name()),
            region,
            at: Some(at),
        };
        self.book.resolve(&query).unwrap().lines(usage).unwrap()
    }

    /// The two sides.
    pub(super) fn pair(&self) -> Pair {
        let mut calls = Vec::new();
        // Quantity, list cost and billed cost by day, model, key, names and class.
        let mut billed: BTreeMap<Key, (Decimal, Decimal)> = BTreeMap::new();
        for made in &self.made {
            if let Some(usage) = made.ledger {
                let lines =
                    self.lines(made.model, ServiceTier::Standard, None, made.priced_at, &usage);
                calls.push(LedgerCall {
                    at: made.at,
                    provider: "openai".to_owned(),
                    model: made.model.to_owned(),
                    service_tier: None,
                    region: None,
                    project: None,
                    api_key: Some(made.key.to_owned()),
                    calls: 1,
                    usage,
                    status: made.status,
                    is_retry: made.is_retry,
                    currency: Currency::USD,
                    cost: LedgerCost::Lines(lines),
                    is_contracted: None,
                });
            }
            let Some(mut usage) = made.billed else { continue };
            let cached = usage.get(UsageClass::CacheReadTokens);
            usage.set(UsageClass::CacheReadTokens, cached - made.uncached);
            let lines = self.lines(made.model, made.tier, made.region, made.at, &usage);
            let tier = made.is_named.then_some(made.tier);
            let region = made.region.filter(|_| made.is_named);
            for line in lines {
                let key = (made.billed_day, made.model, made.key, tier, region, line.meter);
                let slot = billed.entry(key).or_default();
                let times = i128::from(made.bills);
                let quantity = Decimal::from_integer(i128::from(line.quantity) * times);
                slot.0 = slot.0.checked_add(quantity).unwrap();
                let amount = line.amount.checked_mul_integer(times).unwrap();
                slot.1 = slot.1.checked_add(amount).unwrap();
            }
        }
        let rows = billed.into_iter().map(|((day, model, key, tier, region, meter), sums)| {
            let (quantity, list) = sums;
            let share: Decimal = "0.93".parse().unwrap();
            let contract = self.contract.get(model);
            let mut amount = match contract {
                Some(_) => list.checked_mul(share).unwrap(),
                None => list,
            };
            amount = amount.checked_mul(self.rate.unwrap_or(Decimal::ONE)).unwrap();
            if self.is_rounded {
                amount = amount.quotient(Decimal::ONE, 4).unwrap().unwrap();
            }
            let start = Timestamp::from_microsecond((FIRST_DAY + day) * DAY_MICROS).unwrap();
            let end = date_of(start).tomorrow().unwrap();
            InvoiceRow {
                period: Period::days(date_of(start), end).unwrap(),
                provider: "openai".to_owned(),
                model: Some(model.to_owned()),
                meter: Some(meter),
                service_tier: tier,
                region: region.map(str::to_owned),
                project: None,
                api_key: Some(key.to_owned()),
                quantity: Some(quantity),
                amount,
                list: contract.filter(|states_list| **states_list).map(|_| list),
                contracted: None,
                currency: if self.rate.is_some() { Currency::EUR } else { Currency::USD },
                category: ChargeCategory::Usage,
                is_covered: false,
                is_model_usage: true,
            }
        });
        Pair { rows: rows.collect(), calls }
    }
}
