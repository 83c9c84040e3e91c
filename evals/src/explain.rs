//! Explanation: the drivers of injected events, beside what the generator did.
//!
//! Events of at least 8 % effect. Against the counterfactual, the world without the event is compared
//! with the world, over the event's days; the generator says what the injected part did, so the amount
//! of its driver can be checked. A masked bloat changes two parts, volume and the size of calls; of the
//! second the own part is the mean of what it does alone and what it does after the first, from runs of
//! the generator. Against the baseline, the days are compared with the same weekdays of the 56 days
//! before, as people have to do it: holidays, days before a planned change and other events left out.
//!
//! The main driver is the one that raised the cost most: an alarm is of an increase. Against the baseline
//! it is also asked for as an alarm on cost per output asks for it, where volume is no part of the cost.

use std::collections::BTreeMap;

use centinel_engine::{
    explain::{Decomposition, Driver, LedgerRow, Measured, Scale, cells_from_ledger, decompose},
    money::{Decimal, Pico},
    usage::{Usage, UsageClass},
};

use crate::{
    costbench::{
        family,
        generate::{self, CACHED_PRICE, Day, Events, LabelledSeries},
        labels::{Event, Kind},
    },
    parallel,
    seeds::{Seeds, seeds},
    statistics::quantile,
};

/// Smallest effect of an event that counts.
const EFFECT_MIN: f64 = 0.08;
/// How far an amount may be from the generator's, as a share of it.
const AMOUNT_TOLERANCE: f64 = 0.02;
/// Of fewer calls a day the sizes are no longer the same when there are more of them.
const MANY_CALLS: f64 = 1000.0;
const BASELINE_DAYS: usize = 56;

/// What can be asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seeds to generate: `101..120`, both included, or one.
    #[arg(long, value_parser = seeds)]
    seeds: Seeds,
    /// Series of a seed.
    #[arg(long, default_value_t = 200)]
    series: usize,
    /// Print every event whose main driver or amount is wrong.
    #[arg(long)]
    verbose: bool,
}

/// What came of one event.
#[derive(Debug, Clone)]
struct Verdict {
    kind: Kind,
    what: String,
    /// Amount of the injected driver less the generator's, as a share of that: of the main driver with
    /// what chance did beside it, and of the driver alone; each by day, and of the sums.
    errors: [f64; 4],
    /// Whether the main driver is the injected one: by day, of the sums, against the baseline, and
    /// against the baseline by the metric that the event is seen in.
    right: [Option<bool>; 4],
    calls_a_day: f64,
    residuals_zero: bool,
}

/// Runs and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let verdicts =
        parallel::map(&args.seeds.0, parallel::cores(), |seed| of_seed(*seed, args.series));
    let verdicts: Vec<Verdict> =
        verdicts.into_iter().collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect();
    let mut by_kind: BTreeMap<&str, Vec<&Verdict>> = BTreeMap::new();
    for verdict in &verdicts {
        by_kind.entry(verdict.kind.name()).or_default().push(verdict);
        by_kind.entry("~all").or_default().push(verdict);
        if verdict.calls_a_day >= MANY_CALLS {
            by_kind.entry("~all, 1,000 calls a day and more").or_default().push(verdict);
        }
        let wrong = verdict.right.contains(&Some(false))
            || verdict.errors.iter().any(|error| error.abs() > AMOUNT_TOLERANCE);
        if args.verbose && wrong {
            eprintln!("{}: {:?} {:?}", verdict.what, verdict.errors, verdict.right);
        }
    }
    println!(
        "| event | events | residual 0 | amount within 2 %, by day | of the sums | error, 95 % | without chance, by day | of the sums | main driver, by day | of the sums | against the baseline | the same, by metric |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (kind, verdicts) in &by_kind {
        println!("| {} | {} |", kind.trim_start_matches('~'), row(verdicts));
    }
    Ok(())
}

fn row(verdicts: &[&Verdict]) -> String {
    let share = |count: usize, all: usize| format!("{:.1} %", 100.0 * count as f64 / all as f64);
    let within = |index: usize| {
        let good = |verdict: &&&Verdict| verdict.errors[index].abs() <= AMOUNT_TOLERANCE;
        share(verdicts.iter().filter(good).count(), verdicts.len())
    };
    let right = |index: usize| {
        let known: Vec<bool> = verdicts.iter().filter_map(|v| v.right[index]).collect();
        let count = known.iter().filter(|right| **right).count();
        format!("{count} of {} ({})", known.len(), share(count, known.len()))
    };
    let errors: Vec<f64> = verdicts.iter().map(|verdict| verdict.errors[0].abs()).collect();
    format!(
        "{} | {} | {} | {} | {:.2} % | {} | {} | {} | {} | {} | {}",
        verdicts.len(),
        verdicts.iter().filter(|verdict| verdict.residuals_zero).count(),
        within(0),
        within(1),
        100.0 * quantile(&errors, 0.95).unwrap_or(f64::NAN),
        within(2),
        within(3),
        right(0),
        right(1),
        right(2),
        right(3)
    )
}

fn of_seed(seed: u64, count: usize) -> anyhow::Result<Vec<Verdict>> {
    let with = generate::world(seed, count, Events::All, 1.0);
    let without = generate::world(seed, count, Events::PlannedOnly, 1.0);
    let mut verdicts = Vec::new();
    for (number, (with, without)) in with.series.iter().zip(&without.series).enumerate() {
        for event in &with.labels.unplanned {
            if event.kind == Kind::Drop || event.effect.is_none_or(|effect| effect < EFFECT_MIN) {
                continue;
            }
            verdicts.push(of_event(seed, number, event, with, without)?);
        }
    }
    Ok(verdicts)
}

fn of_event(
    seed: u64,
    number: usize,
    event: &Event,
    with: &LabelledSeries,
    without: &LabelledSeries,
) -> anyhow::Result<Verdict> {
    let driver = driver_of(event.kind);
    let span = event.start..=event.end;
    let (before, after) = (&without.days[span.clone()], &with.days[span.clone()]);
    let cost = |days: &[Day]| days.iter().map(|day| day.cost).sum::<f64>();
    let own = if event.kind == Kind::MaskedBloat {
        let [alone, others] = generate::call_size_apart(seed, number, 1.0);
        let alone = cost(&alone[span.clone()]) - cost(before);
        f64::midpoint(alone, cost(after) - cost(&others[span.clone()]))
    } else {
        cost(after) - cost(before)
    };
    let prices = generate::prices(seed, number);
    let rows = |days: &[Day], by_day: bool| -> anyhow::Result<Vec<LedgerRow>> {
        days.iter()
            .enumerate()
            .map(|(day, of)| ledger_row(of, prices, by_day.then_some(day)))
            .collect()
    };
    let counterfactual = |by_day: bool| -> anyhow::Result<Decomposition> {
        let before: Vec<(Scale, LedgerRow)> =
            rows(before, by_day)?.into_iter().map(|row| (Scale::ONE, row)).collect();
        explained(&before, &rows(after, by_day)?)
    };
    let (by_day, of_sums) = (counterfactual(true)?, counterfactual(false)?);
    let weighted = baseline(event, with);
    let against_baseline = match &weighted {
        Some(days) => {
            let before: Vec<(Scale, LedgerRow)> = days
                .iter()
                .map(|(scale, day)| Ok((*scale, ledger_row(&with.days[*day], prices, None)?)))
                .collect::<anyhow::Result<_>>()?;
            Some(explained(&before, &rows(after, false)?)?)
        }
        None => None,
    };
    let alone = |found: &Decomposition| found.effect(driver).to_f64() / own - 1.0;
    let error = |found: &Decomposition| match found.cause_amount(Measured::Cost) {
        Some(amount) if found.main_driver() == Some(driver) => amount.to_f64() / own - 1.0,
        _ => alone(found),
    };
    let all = [Some(&by_day), Some(&of_sums), against_baseline.as_ref()];
    let [first, second, third] = all.map(|found| found.map(|found| raised_most(found) == driver));
    let by_metric = if event.kind.is_of_volume() {
        third
    } else {
        against_baseline.as_ref().map(|found| found.main_driver_per_output() == Some(driver))
    };
    Ok(Verdict {
        kind: event.kind,
        what: format!("seed {seed} {} {} {:?}", with.name, event.kind.name(), with.labels.family),
        errors: [error(&by_day), error(&of_sums), alone(&by_day), alone(&of_sums)],
        right: [first, second, third, by_metric],
        calls_a_day: before.iter().map(|day| day.calls).sum::<f64>() / before.len() as f64,
        residuals_zero: all.into_iter().flatten().all(is_whole),
    })
}

/// The driver that an event of this kind changes.
fn driver_of(kind: Kind) -> Driver {
    match kind {
        Kind::PromptBloat | Kind::MaskedBloat => Driver::TokensPerCall,
        Kind::RetryStorm => Driver::CallsPerOutput,
        Kind::ModelSwap => Driver::Price,
        Kind::CacheLoss => Driver::Cache,
        _ => Driver::Volume,
    }
}

fn raised_most(found: &Decomposition) -> Driver {
    let most = found.effects.iter().max_by_key(|effect| effect.amount);
    most.map_or(Driver::Volume, |effect| effect.driver)
}

/// Whether effects and cells add up to the change, in pico-units.
fn is_whole(found: &Decomposition) -> bool {
    let sum =
        |amounts: &mut dyn Iterator<Item = Pico>| amounts.map(|amount| amount.0).sum::<i128>();
    found.residual == Pico::ZERO
        && sum(&mut found.effects.iter().map(|effect| effect.amount)) == found.delta.0
        && sum(&mut found.by_cell.iter().map(|cell| cell.delta)) == found.delta.0
}

fn explained(before: &[(Scale, LedgerRow)], after: &[LedgerRow]) -> anyhow::Result<Decomposition> {
    let (cells, scale) = cells_from_ledger(before, after)?;
    Ok(decompose(&cells, &[], scale)?)
}

/// A day as the ledger has it: counts, cost, and cost by class at the day's prices.
pub(crate) fn ledger_row(
    day: &Day,
    prices: (f64, f64),
    own_cell: Option<usize>,
) -> anyhow::Result<LedgerRow> {
    let dims = own_cell.map(|number| ("day".to_owned(), number.to_string()));
    let pico = |value: f64| Pico((value * 1e6).round() as i128 * 1_000_000);
    let uncached = day.tokens_in - day.tokens_cached;
    let list = [
        uncached * prices.0,
        day.tokens_cached * CACHED_PRICE * prices.0,
        day.tokens_out * prices.1,
    ];
    let whole: f64 = list.iter().sum();
    let class_costs = (whole > 0.0).then(|| {
        let [input, cached] = [list[0], list[1]].map(|part| pico(day.cost * part / whole));
        [input, cached, Pico(pico(day.cost).0 - input.0 - cached.0)]
    });
    Ok(LedgerRow {
        dims: dims.into_iter().collect(),
        outputs: Decimal::new(day.outputs as i128, 0)?,
        calls: day.calls as u64,
        usage: Usage::ZERO
            .with(UsageClass::InputTokensTotal, day.tokens_in as u64)
            .with(UsageClass::CacheReadTokens, day.tokens_cached as u64)
            .with(UsageClass::OutputTokensTotal, day.tokens_out as u64),
        cost: pico(day.cost),
        class_costs,
    })
}

/// Days before an event with what each counts for: days of its weekday compared over days of its
/// weekday summed. `None` where a weekday has none.
pub(crate) fn baseline(event: &Event, series: &LabelledSeries) -> Option<Vec<(Scale, usize)>> {
    let holidays = family::holidays();
    let labels = &series.labels;
    let level =
        labels.planned.iter().map(|planned| planned.start).filter(|day| *day <= event.start);
    let first = event.start.saturating_sub(BASELINE_DAYS).max(level.max().unwrap_or(0));
    let usual: Vec<usize> = (first..event.start)
        .filter(|day| !holidays.contains(day))
        .filter(|day| !labels.unplanned.iter().any(|e| e.start <= *day && *day <= e.end))
        .collect();
    let compared =
        |weekday: usize| (event.start..=event.end).filter(|day| day % 7 == weekday).count();
    let summed = |weekday: usize| usual.iter().filter(|day| **day % 7 == weekday).count();
    if (0..7).any(|weekday| compared(weekday) > 0 && summed(weekday) == 0) {
        return None;
    }
    let weighted = usual.iter().filter_map(|day| {
        let scale = Scale::new(compared(day % 7) as u64, summed(day % 7) as u64)?;
        Some((scale, *day))
    });
    Some(weighted.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_main_drivers_are_those_of_the_generator() {
        let verdicts = of_seed(3, 40).unwrap();
        assert!(verdicts.len() > 20);
        assert!(verdicts.iter().all(|verdict| verdict.residuals_zero));
        let right = verdicts.iter().filter(|verdict| verdict.right[0] == Some(true)).count();
        assert!(right * 10 >= verdicts.len() * 9, "{right} of {}", verdicts.len());
    }

    #[test]
    fn a_baseline_counts_each_weekday_as_often_as_it_is_compared() {
        let world = generate::world(3, 40, Events::All, 1.0);
        let mut checked = 0;
        for series in &world.series {
            for event in &series.labels.unplanned {
                let Some(days) = baseline(event, series) else { continue };
                assert!(
                    days.iter()
                        .all(|(_, day)| *day < event.start && event.start - *day <= BASELINE_DAYS)
                );
                checked += 1;
            }
        }
        assert!(checked > 20);
    }
}
