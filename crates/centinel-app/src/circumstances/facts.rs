//! Circumstances as facts, which the standard wording and every page say.

use centinel_engine::{
    explain::percent,
    facts::BundleBuilder,
    localize::Cause,
    money::{Currency, Money, Pico},
    period::start_of_day,
};

use super::{Circumstances, Link, PlaceShare};

/// Tokens that the prices of a step are prices of.
const PRICED_TOKENS: u32 = 1_000_000;

impl Circumstances {
    /// Adds them to the facts of an explanation.
    ///
    /// Roles: `place.N.DIMENSION`, `place.N.delta`, `place.N.share` (percent of the change), and
    /// `place_rest` for what is in none of them; `places`, which is 0, where the change is spread over
    /// everything; `link.N.KIND` (its name), `link.N.since`, and
    /// `link.N.cost` with `link.N.share` where a link has a contribution: one without coincided. Of a
    /// price also `link.N.TOKENS_before` and `link.N.TOKENS_after` for `link.N.per_tokens`, of failed calls `link.N.failed`,
    /// `link.N.calls` and the same of the days compared with.
    pub(crate) fn add_to(&self, facts: &mut BundleBuilder, delta: Pico, currency: Currency) {
        self.add_places(facts, delta, currency);
        for (number, link) in (1_u32..).zip(&self.links) {
            link.add_to(facts, number, delta, currency);
        }
    }

    fn add_places(&self, facts: &mut BundleBuilder, delta: Pico, currency: Currency) {
        if self.is_spread() {
            facts.count("places", 0, "places");
        }
        for (number, PlaceShare { place, amount }) in (1_u32..).zip(self.place_shares()) {
            for (dimension, value) in &place {
                facts.entity(&format!("place.{number}.{dimension}"), value);
            }
            contribution(facts, &format!("place.{number}.delta"), amount, currency);
            share(facts, &format!("place.{number}.share"), amount, delta);
        }
        if let Some(rest) = self.elsewhere(delta) {
            contribution(facts, "place_rest", rest, currency);
        }
    }

    /// The places that hold the change, the largest first.
    pub fn place_shares(&self) -> Vec<PlaceShare> {
        let causes = self.places.as_ref().map_or(&[][..], |places| &places.causes);
        match &self.largest {
            Some(largest) => vec![largest.clone()],
            None => causes.iter().filter_map(PlaceShare::of).collect(),
        }
    }

    /// What of a change is in none of the places, to the last pico; `None` without places.
    pub fn elsewhere(&self, delta: Pico) -> Option<Pico> {
        let shares = self.place_shares();
        let within = shares.iter().fold(0_i128, |sum, share| sum.saturating_add(share.amount.0));
        (!shares.is_empty()).then(|| Pico(delta.0.saturating_sub(within)))
    }

    /// Whether places were looked for, and no part changed more than the others.
    pub fn is_spread(&self) -> bool {
        self.largest.is_none() && self.places.as_ref().is_some_and(|places| places.spread)
    }
}

impl PlaceShare {
    pub(super) fn of(cause: &Cause) -> Option<Self> {
        let amount = Pico::round_half_even(cause.delta).ok()?.amount;
        Some(Self { place: cause.place.clone(), amount })
    }
}

impl Link {
    fn add_to(&self, facts: &mut BundleBuilder, number: u32, delta: Pico, currency: Currency) {
        let role = |name: &str| format!("link.{number}.{name}");
        facts.entity(&role(self.kind.name()), &self.what);
        facts.instant(&role("since"), start_of_day(self.since));
        if let Some(amount) = self.amount {
            contribution(facts, &role("cost"), amount, currency);
            share(facts, &role("share"), amount, delta);
        }
        for step in &self.steps {
            for (side, price) in [("before", step.before), ("after", step.after)] {
                if let Ok(price) = Pico::round_half_even(price) {
                    let money = Money { amount: price.amount, currency };
                    facts.money(&role(&format!("{}_{side}", step.tokens)), money);
                }
            }
        }
        if !self.steps.is_empty() {
            facts.count(&role("per_tokens"), PRICED_TOKENS, "tokens");
        }
        if let Some(counts) = &self.failed {
            for (name, count, unit) in [
                ("failed", counts.failed, "failed"),
                ("calls", counts.calls, "calls"),
                ("failed_before", counts.failed_before, "failed"),
                ("calls_before", counts.calls_before, "calls"),
            ] {
                facts.count(&role(name), count, unit);
            }
        }
    }
}

fn contribution(facts: &mut BundleBuilder, role: &str, amount: Pico, currency: Currency) {
    facts.money(role, Money { amount, currency });
    facts.direction(amount.cmp(&Pico::ZERO));
}

fn share(facts: &mut BundleBuilder, role: &str, amount: Pico, delta: Pico) {
    if let Some(share) = percent(amount, delta, 1) {
        facts.percent(role, share);
    }
}
