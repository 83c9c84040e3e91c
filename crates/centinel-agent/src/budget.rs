//! What the narrator may spend, by run and by day, checked before each question with the worst that it
//! can cost.
//!
//! INVARIANT: nothing unknown is zero. A question whose cost is not told is charged as if it had used all
//! that it might; one whose model has no price is held to a cap in tokens.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use centinel_engine::{
    money::{Currency, Money, Pico},
    usage::Usage,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::Fault;

/// What one question of this usage costs; `None` where there is no price.
pub type PriceOf = Arc<dyn Fn(&Usage) -> Option<Money> + Send + Sync>;

/// The most that may be spent in one stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// In the budget's currency, of questions that have a price.
    pub money: Pico,
    /// In tokens, in and out together, of questions that have none.
    pub tokens: u64,
}

/// The caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Of one run: an analysis, a digest, a question.
    pub run: Allowance,
    /// Of one day in UTC.
    pub day: Allowance,
}

impl Default for Caps {
    fn default() -> Self {
        let cents = |cents: i128| Pico(Pico::ONE.0.saturating_mul(cents) / 100);
        Self {
            run: Allowance { money: cents(50), tokens: 200_000 },
            day: Allowance { money: cents(500), tokens: 2_000_000 },
        }
    }
}

/// What was spent, or is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Of questions with a price.
    pub money: Pico,
    /// Of questions without.
    pub tokens: u64,
}

impl Spent {
    fn plus(self, other: Self) -> Self {
        Self {
            money: Pico(self.money.0.saturating_add(other.money.0)),
            tokens: self.tokens.saturating_add(other.tokens),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            money: Pico(self.money.0.saturating_sub(other.money.0)),
            tokens: self.tokens.saturating_sub(other.tokens),
        }
    }

    fn is_within(self, allowance: Allowance) -> bool {
        self.money <= allowance.money && self.tokens <= allowance.tokens
    }
}

/// The money of a day, shared by all runs.
pub struct Budget {
    caps: Caps,
    currency: Currency,
    price: PriceOf,
    day: Mutex<(Date, Spent)>,
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("caps", &self.caps)
            .field("day", &self.day)
            .finish_non_exhaustive()
    }
}

impl Budget {
    /// A budget of which so much is spent at this time, on its day in UTC.
    pub fn new(
        caps: Caps,
        currency: Currency,
        price: PriceOf,
        now: Timestamp,
        spent_today: Spent,
    ) -> Self {
        Self { caps, currency, price, day: Mutex::new((date(now), spent_today)) }
    }

    /// Takes in what others booked meanwhile: the day has at least this spent. A new day begins with it.
    ///
    /// What is set aside here is in no ledger yet, and what others set aside is not known here, so
    /// processes that run at once may pass the day's cap by the cap of a run each, and no more.
    pub fn catch_up(&self, now: Timestamp, booked_today: Spent) {
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        if day.0 < date(now) {
            *day = (date(now), booked_today);
        } else if day.0 == date(now) {
            day.1.money = day.1.money.max(booked_today.money);
            day.1.tokens = day.1.tokens.max(booked_today.tokens);
        }
    }

    /// What is spent or set aside on the day that was looked at last.
    pub fn today(&self) -> Spent {
        self.day.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// What a usage is charged as: in money where it has a price in the budget's currency, else in
    /// tokens.
    fn charge(&self, usage: &Usage) -> Spent {
        match (self.price)(usage).filter(|price| price.currency == self.currency) {
            Some(price) => Spent { money: price.amount, tokens: 0 },
            None => Spent { money: Pico::ZERO, tokens: usage.tokens_total() },
        }
    }
}

/// The money of one run.
#[derive(Debug)]
pub struct RunBudget {
    budget: Arc<Budget>,
    spent: Mutex<Spent>,
}

/// What is set aside for a question that is under way. Dropped without being settled, it stays charged.
#[derive(Debug)]
#[must_use = "what is set aside stays charged until it is settled"]
pub struct SetAside(Spent);

impl RunBudget {
    /// A run on a budget.
    pub fn new(budget: Arc<Budget>) -> Self {
        Self { budget, spent: Mutex::default() }
    }

    /// What the run spent or set aside.
    pub fn spent(&self) -> Spent {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets aside the most that a question can use.
    ///
    /// # Errors
    ///
    /// [`Fault::CapReached`] when the run's or the day's cap would be passed; nothing is set aside then.
    pub fn set_aside(&self, worst: &Usage, now: Timestamp) -> Result<SetAside, Fault> {
        let charge = self.budget.charge(worst);
        let mut run = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut day = self.budget.day.lock().unwrap_or_else(PoisonError::into_inner);
        if day.0 < date(now) {
            *day = (date(now), Spent::default());
        }
        for (name, spent, cap) in
            [("run", *run, self.budget.caps.run), ("day", day.1, self.budget.caps.day)]
        {
            if !spent.plus(charge).is_within(cap) {
                let cap = if charge.tokens > 0 {
                    format!("{} tokens a {name}", cap.tokens)
                } else {
                    let amount = cap.money;
                    format!("{} a {name}", Money { amount, currency: self.budget.currency })
                };
                return Err(Fault::CapReached(cap));
            }
        }
        *run = run.plus(charge);
        day.1 = day.1.plus(charge);
        Ok(SetAside(charge))
    }

    /// Charges what was used instead of what was set aside; `None` where nothing was.
    pub fn settle(&self, aside: SetAside, used: Option<&Usage>) {
        let charge = used.map(|used| self.budget.charge(used)).unwrap_or_default();
        let mut run = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut day = self.budget.day.lock().unwrap_or_else(PoisonError::into_inner);
        *run = run.minus(aside.0).plus(charge);
        day.1 = day.1.minus(aside.0).plus(charge);
    }
}

fn date(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use centinel_engine::usage::UsageClass;

    use super::*;

    fn usage(tokens: u64) -> Usage {
        Usage::ZERO.with(UsageClass::InputTokensTotal, tokens)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A dollar a thousand tokens, or no price.
    fn budget(has_price: bool, spent_today: Spent) -> Arc<Budget> {
        let price = move |usage: &Usage| {
            let amount = Pico(Pico::ONE.0 * i128::from(usage.tokens_total()) / 1000);
            has_price.then_some(Money { amount, currency: Currency::USD })
        };
        let caps = Caps {
            run: Allowance { money: "2".parse().unwrap(), tokens: 2000 },
            day: Allowance { money: "3".parse().unwrap(), tokens: 3000 },
        };
        let now = at("2026-11-22T12:00:00Z");
        Arc::new(Budget::new(caps, Currency::USD, Arc::new(price), now, spent_today))
    }

    #[test]
    fn the_worst_is_set_aside_and_what_was_used_is_charged() {
        for has_price in [true, false] {
            let budget = budget(has_price, Spent::default());
            let run = RunBudget::new(budget.clone());
            let now = at("2026-11-22T12:00:00Z");
            let aside = run.set_aside(&usage(2000), now).unwrap();
            assert!(run.set_aside(&usage(1), now).is_err(), "all is set aside");
            run.settle(aside, Some(&usage(500)));
            let aside = run.set_aside(&usage(1500), now).unwrap();
            run.settle(aside, None);
            let expected = if has_price {
                Spent { money: "0.5".parse().unwrap(), tokens: 0 }
            } else {
                Spent { money: Pico::ZERO, tokens: 500 }
            };
            assert_eq!((run.spent(), budget.today()), (expected, expected));
        }
    }

    #[test]
    fn what_is_never_settled_stays_charged() {
        let run = RunBudget::new(budget(true, Spent::default()));
        let now = at("2026-11-22T12:00:00Z");
        drop(run.set_aside(&usage(1500), now).unwrap());
        let fault = run.set_aside(&usage(501), now).unwrap_err();
        assert_eq!(fault, Fault::CapReached("$2.00 a run".to_owned()));
    }

    #[test]
    fn runs_share_a_day_and_a_day_ends() {
        let spent = Spent { money: "2.5".parse().unwrap(), tokens: 0 };
        let budget = budget(true, spent);
        let run = RunBudget::new(budget.clone());
        let fault = run.set_aside(&usage(600), at("2026-11-22T23:59:59Z")).unwrap_err();
        assert_eq!(fault, Fault::CapReached("$3.00 a day".to_owned()));
        assert_eq!(run.spent(), Spent::default(), "a refused question sets nothing aside");
        let aside = run.set_aside(&usage(600), at("2026-11-23T00:00:00Z")).unwrap();
        run.settle(aside, Some(&usage(600)));
        assert_eq!(budget.today().money, "0.6".parse().unwrap());
    }

    #[test]
    fn what_others_booked_counts_on_its_day() {
        let money = |amount: &str| Spent { money: amount.parse().unwrap(), tokens: 0 };
        let budget = budget(true, money("1"));
        let noon = at("2026-11-22T12:00:00Z");
        for (now, booked, expected) in [
            (noon, "2.5", "2.5"),
            // What is set aside here is in no ledger yet.
            (noon, "0.5", "2.5"),
            (at("2026-11-23T00:00:00Z"), "0.25", "0.25"),
            // A look at yesterday that came late.
            (noon, "3", "0.25"),
        ] {
            budget.catch_up(now, money(booked));
            assert_eq!(budget.today(), money(expected), "{now} {booked}");
        }
        let run = RunBudget::new(budget.clone());
        budget.catch_up(at("2026-11-23T01:00:00Z"), money("2.9"));
        let fault = run.set_aside(&usage(200), at("2026-11-23T01:00:00Z")).unwrap_err();
        assert_eq!(fault, Fault::CapReached("$3.00 a day".to_owned()));
    }

    #[test]
    fn a_price_in_another_currency_is_none() {
        let price = |_: &Usage| {
            let currency = "EUR".parse().unwrap();
            Some(Money { amount: Pico::ONE, currency })
        };
        let now = at("2026-11-22T12:00:00Z");
        let caps = Caps::default();
        let budget = Budget::new(caps, Currency::USD, Arc::new(price), now, Spent::default());
        assert_eq!(budget.charge(&usage(7)), Spent { money: Pico::ZERO, tokens: 7 });
    }
}
