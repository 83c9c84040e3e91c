//! A finding as facts: what an explanation may say.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Decomposition, Driver, Measured};
use crate::{
    facts::{Bundle, BundleBuilder, FactStatus},
    money::{Currency, Decimal, Money, Pico},
    period::{Period, start_of_day},
};

/// What an explanation is about, apart from its amounts.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Dimension values of what changed, as `feature` → `support-answers`; empty for everything.
    pub about: BTreeMap<String, String>,
    /// The days that are explained.
    pub window: Period,
    /// First and last of the days from which the baseline was scaled.
    pub baseline: Period,
    /// How many of them counted.
    pub baseline_days: usize,
    /// Days of the baseline were left out because they are known to be different.
    pub has_left_out: bool,
    /// The figure whose change is explained.
    pub measured: Measured,
    /// Of every amount.
    pub currency: Currency,
    /// What the data was known up to.
    pub as_of: Option<Timestamp>,
    /// How settled the costs of the window are.
    pub status: FactStatus,
}

/// The facts of an explained change.
///
/// Roles: `about.DIMENSION`, `window_first`, `window_last`, `baseline_days`, `cost_before`,
/// `cost_after`, `delta`, `change` (percent of the cost before, when that is positive),
/// `effect.DRIVER`, `share.DRIVER` (percent of the change), `main_driver`, and of the cell that moved
/// most in the direction of the change `where.DIMENSION` and `where_share`. Drivers whose effect is no
/// more than chance makes are named by `chance.DRIVER`, and `main_with_chance` is the main driver's effect
/// with theirs. Where the cost of an output
/// is explained, also `change_apart_from_volume` and `main_share` (percent of it): the main driver is
/// the largest of that.
pub fn bundle(decomposition: &Decomposition, finding: &Finding) -> Bundle {
    facts_of(decomposition, finding).build()
}

/// As [`bundle`], to be added to.
pub fn facts_of(decomposition: &Decomposition, finding: &Finding) -> BundleBuilder {
    let mut facts = BundleBuilder::new("explain", finding.as_of);
    facts.about(finding.about.clone(), Some(finding.window)).status(finding.status);
    for (dimension, value) in &finding.about {
        facts.entity(&format!("about.{dimension}"), value);
    }
    let (first, after_last) = finding.window.dates();
    facts.instant("window_first", start_of_day(first));
    facts.instant("window_last", start_of_day(after_last.yesterday().unwrap_or(first)));
    facts.count("baseline_days", finding.baseline_days, "days");

    let money = |amount: Pico| Money { amount, currency: finding.currency };
    let Decomposition { before, after, delta, .. } = *decomposition;
    let before_id = facts.money("cost_before", money(before));
    facts.derived("scaled_baseline", &[]);
    let after_id = facts.money("cost_after", money(after));
    let delta_id = facts.money("delta", money(delta));
    facts
        .derived("difference", &[&after_id, &before_id])
        .direction(delta.cmp(&Pico::ZERO))
        .required();
    if before > Pico::ZERO
        && let Some(change) = percent(delta, before, 1)
    {
        facts.percent("change", change);
        facts.derived("percent_change", &[&after_id, &before_id]).direction(delta.cmp(&Pico::ZERO));
    }
    let mut volume_id = String::new();
    for effect in &decomposition.effects {
        let name = effect.driver.name();
        let id = facts.money(&format!("effect.{name}"), money(effect.amount));
        facts
            .derived("shapley", &[&before_id, &after_id])
            .direction(effect.amount.cmp(&Pico::ZERO));
        if effect.driver == Driver::Volume {
            volume_id.clone_from(&id);
        }
        if let Some(share) = percent(effect.amount, delta, 1) {
            facts.percent(&format!("share.{name}"), share);
            facts.derived("share", &[&id, &delta_id]);
        }
    }
    let main = decomposition.main_driver_of(finding.measured);
    if finding.measured == Measured::CostPerOutput {
        let apart = decomposition.change_of(finding.measured);
        let id = facts.money("change_apart_from_volume", money(apart));
        facts.derived("difference", &[&delta_id, &volume_id]).direction(apart.cmp(&Pico::ZERO));
        let share = main.and_then(|driver| percent(decomposition.effect(driver), apart, 1));
        if let Some(share) = share {
            facts.percent("main_share", share);
            facts.derived("share", &[&id]);
        }
    }
    if let Some(driver) = main {
        facts.entity("main_driver", driver.label());
        facts.required();
    }
    for driver in decomposition.chance.iter().filter(|driver| Some(**driver) != main) {
        facts.entity(&format!("chance.{}", driver.name()), driver.label());
        if let Some(amount) = decomposition.cause_amount(finding.measured) {
            facts.money("main_with_chance", money(amount));
            facts.derived("sum", &[]).direction(amount.cmp(&Pico::ZERO));
        }
    }
    let sign = delta.0.signum();
    let moved = decomposition.by_cell.iter().max_by_key(|cell| cell.delta.0.saturating_mul(sign));
    if let Some(cell) = moved.filter(|_| sign != 0 && decomposition.by_cell.len() > 1) {
        for (dimension, value) in
            cell.cell.iter().filter(|(name, _)| !finding.about.contains_key(*name))
        {
            facts.entity(&format!("where.{dimension}"), value);
        }
        if let Some(share) = percent(cell.delta, delta, 1) {
            facts.percent("where_share", share);
            facts.derived("share", &[&delta_id]);
        }
    }
    facts.caveat(if finding.has_left_out {
        "The cost before is that of the same weekdays in the baseline, without holidays, planned \
         changes and known episodes, scaled to the days compared."
    } else {
        "The cost before is that of the same weekdays in the baseline, scaled to the days compared."
    });
    for note in &decomposition.notes {
        facts.caveat(note);
    }
    facts
}

/// `part` in percent of `whole` at `places` decimals, half away from zero; `None` when `whole` is
/// zero or the result does not fit.
pub fn percent(part: Pico, whole: Pico, places: u32) -> Option<Decimal> {
    let scale = 10_i128.checked_pow(places.checked_add(2)?)?;
    let doubled = part.0.checked_mul(scale)?.checked_mul(2)?;
    let half = whole.0.checked_mul(doubled.signum())?.checked_mul(whole.0.signum())?;
    // (2·part·scale ± |whole|) / (2·whole), toward zero.
    let rounded = doubled.checked_add(half)?.checked_div(whole.0.checked_mul(2)?)?;
    Decimal::new(rounded, places).ok()
}
