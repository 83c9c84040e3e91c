//! `commit optimize`: what to commit to.

use std::{io::Read as _, path::PathBuf};

use anyhow::Context as _;
use centinel_engine::{
    commitment::{HourlyUsage, Optimum, Plan, UsageChange, cost_at_usage, optimize, parse_offers},
    money::{Currency, Decimal},
};
use serde::Serialize;

use super::{RejectedRow, money, note_rejected, percent, table, usage_rows};
use crate::{
    failure::hinted,
    output::{Outcome, Output},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Hourly usage at on-demand prices, CSV: `timestamp,usage_on_demand_cost`, or `timestamp` and one
    /// column a SKU; `-` is standard input.
    #[arg(long, value_name = "F.csv")]
    usage: PathBuf,
    /// Offers, TOML: one `[[offer]]` each.
    #[arg(long, value_name = "O.toml")]
    offers: PathBuf,
    /// Currency of the amounts.
    #[arg(long, default_value = "USD")]
    currency: Currency,
}

/// The machine answer.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    optimum: &'a Optimum,
    currency: Currency,
    if_usage_falls: &'a UsageChange,
    rejected: &'a [RejectedRow],
}

/// Offers files are written by hand.
const OFFERS_BYTES_MAX: u64 = 1 << 20;

/// Hours in a month: a year of 8,760 by 12.
const HOURS_PER_MONTH: u64 = 730;

pub(super) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    let offers_file = args.offers.display().to_string();
    let mut text = String::new();
    centinel_ingest::open(&args.offers)?
        .take(OFFERS_BYTES_MAX)
        .read_to_string(&mut text)
        .with_context(|| format!("reading `{offers_file}`"))?;
    let offers = parse_offers(&text).map_err(|error| {
        hinted(
            format!("`{offers_file}`: {error}"),
            "an offer has `name`, `discount`, `term_hours`, `payment`, `increment` and `minimum`; \
             decimals are strings, as in `discount = \"0.28\"`",
        )
    })?;
    let usage_file = args.usage.display().to_string();
    let (usage, rejected) = usage_rows::read(centinel_ingest::open(&args.usage)?, &usage_file)?;
    let optimum = optimize(&usage, &offers)?;
    // A fall by a fifth: what a plan costs when the forecast is wrong.
    let four_fifths = Decimal::new(8, 1)?;
    let change = cost_at_usage(&usage, &offers, &optimum.plans, four_fifths)?;

    note_rejected(output, &args.usage, &rejected);
    if let Some(first) = usage.missing().first() {
        let missing = usage.missing().len();
        output.note(format!(
            "hours missing in `{usage_file}`: {missing}, the first at {first}; left out, not taken as zero"
        ));
    }
    if output.json {
        output.json_line(&Answer {
            optimum: &optimum,
            currency: args.currency,
            if_usage_falls: &change,
            rejected: &rejected,
        })?;
    } else {
        for line in describe(&usage, &optimum, &change, args.currency) {
            output.line(line)?;
        }
    }
    let whole = rejected.is_empty() && usage.missing().is_empty();
    Ok(if whole { Outcome::Done } else { Outcome::SomeRejected })
}

/// What people read.
fn describe(
    usage: &HourlyUsage,
    optimum: &Optimum,
    change: &UsageChange,
    currency: Currency,
) -> Vec<String> {
    let money = |amount| money(amount, currency);
    let hours = u64::try_from(optimum.hours).unwrap_or(u64::MAX);
    let from = usage.hours().next().map(|(start, _)| start.to_string()).unwrap_or_default();
    let mut lines = vec![format!(
        "{} of hourly usage from {from}: {} on demand{}.",
        span(hours),
        money(optimum.on_demand_cost),
        if optimum.existing.is_empty() { "" } else { " beyond existing commitments" },
    )];
    for used in &optimum.existing {
        lines.push(format!(
            "Existing `{}` covers {} for {}, already paid for; it is used to {}.",
            used.offer,
            money(used.covered_on_demand),
            money(used.commitment),
            percent(used.utilization),
        ));
    }
    lines.push(String::new());
    let on_demand =
        ["on demand".into(), "–".into(), "–".into(), money(optimum.on_demand_cost), "–".into()];
    let saving =
        |cost: Decimal| optimum.on_demand_cost.checked_sub(cost).map_or_else(|_| "–".into(), money);
    let single = optimum.single_offers.iter().map(|single| {
        [
            format!("only {}", single.offer),
            money(single.covered_on_demand_per_hour),
            money(single.commitment_per_hour),
            money(single.cost),
            saving(single.cost),
        ]
    });
    // With one plan, its offer's own row says the same.
    let together = (optimum.plans.len() > 1).then(|| {
        let sum = |amount: fn(&Plan) -> Decimal| {
            let add = |sum: Decimal, plan| sum.checked_add(amount(plan));
            optimum.plans.iter().try_fold(Decimal::ZERO, add).map_or_else(|_| "–".into(), money)
        };
        [
            "together".into(),
            sum(|plan| plan.covered_on_demand_per_hour),
            sum(|plan| plan.commitment_per_hour),
            money(optimum.cost),
            saving(optimum.cost),
        ]
    });
    let header = ["", "covers an hour", "paid an hour", "cost", "saves"];
    let rows = std::iter::once(on_demand).chain(single).chain(together);
    lines.push(table(header, rows).to_string());
    lines.push(String::new());

    if optimum.plans.is_empty() {
        lines.push(
            "Commit to nothing: at no admissible amount do these offers cost less than on demand."
                .into(),
        );
        return lines;
    }
    for plan in &optimum.plans {
        lines.push(format!(
            "Commit to {} an hour with `{}`: it covers {} of on-demand usage an hour for {}, {}, {} in all.",
            money(plan.commitment_per_hour),
            plan.offer,
            money(plan.covered_on_demand_per_hour),
            span(plan.term_hours),
            plan.payment,
            money(plan.commitment_over_term),
        ));
    }
    lines.push(format!(
        "These hours then cost {} instead of {}: effective savings rate {}, coverage {}.",
        money(optimum.cost),
        money(optimum.on_demand_cost),
        percent(optimum.effective_savings_rate),
        percent(optimum.coverage),
    ));
    lines.push(format!(
        "Risk: it pays when at least {} of it is used; these hours use {}.",
        percent(optimum.break_even_utilization),
        percent(optimum.utilization),
    ));
    lines.push(fall(change, currency));
    let longest = optimum.plans.iter().map(|plan| plan.term_hours).max().unwrap_or(0);
    if hours < longest {
        lines.push(format!(
            "The data is {}, the promise {}: this is the optimum for usage that stays as it was.",
            span(hours),
            span(longest),
        ));
    }
    lines.push(match (optimum.exact, optimum.gap.is_zero()) {
        (true, true) => "Proven: no amounts of these offers cost less.".into(),
        (true, false) => format!(
            "Proven: no admissible amounts cost less; increments and minimums cost at most {} (lower bound {}).",
            money(optimum.gap),
            money(optimum.lower_bound),
        ),
        (false, _) => format!(
            "Not proven: too many offers to search; no amounts cost less than {}, {} below this.",
            money(optimum.lower_bound),
            money(optimum.gap),
        ),
    });
    lines
}

/// What a fall of usage does.
fn fall(change: &UsageChange, currency: Currency) -> String {
    let head = format!(
        "If usage falls by 20 %, the same hours cost {} against {} on demand:",
        money(change.cost, currency),
        money(change.on_demand_cost, currency),
    );
    match change.on_demand_cost.checked_sub(change.cost) {
        Ok(saved) if saved.is_negative() => {
            let lost = saved.checked_neg().unwrap_or_default();
            format!("{head} the commitment loses {}.", money(lost, currency))
        }
        Ok(saved) => format!("{head} it still saves {}.", money(saved, currency)),
        Err(_) => head,
    }
}

/// A length of time as people say it: days below two months, else months, with one decimal.
fn span(hours: u64) -> String {
    let (unit, length) =
        if hours < 2 * HOURS_PER_MONTH { ("days", 24) } else { ("months", HOURS_PER_MONTH) };
    let whole = Decimal::from_integer(hours.into());
    match whole.quotient(Decimal::from_integer(length.into()), 1) {
        Ok(Some(one)) if one == Decimal::ONE => "1 day".into(),
        Ok(Some(count)) => format!("{count} {unit}"),
        _ => format!("{hours} hours"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(usage: &str, offers: &str) -> String {
        let (usage, _) = usage_rows::read(usage.as_bytes(), "usage.csv").unwrap();
        let offers = parse_offers(offers).unwrap();
        let optimum = optimize(&usage, &offers).unwrap();
        let ratio = "0.8".parse().unwrap();
        let change = cost_at_usage(&usage, &offers, &optimum.plans, ratio).unwrap();
        let lines = describe(&usage, &optimum, &change, Currency::USD);
        let trimmed: Vec<&str> =
            lines.iter().flat_map(|line| line.split('\n')).map(str::trim_end).collect();
        trimmed.join("\n")
    }

    fn day(amounts: impl Fn(u32) -> u32) -> String {
        let rows = (0..24).map(|hour| format!("2026-10-01T{hour:02}:00:00Z,{}\n", amounts(hour)));
        format!("timestamp,usage_on_demand_cost\n{}", rows.collect::<String>())
    }

    const OFFERS: &str = "[[offer]]\nname = \"compute-1y\"\ndiscount = \"0.28\"\nterm_hours = 8760\n\
        payment = \"no_upfront\"\nincrement = \"5\"\nminimum = \"10\"\n\
        [[offer]]\nname = \"compute-3y\"\ndiscount = \"0.1\"\nterm_hours = 26280\n\
        payment = \"all_upfront\"\nincrement = \"1\"\nminimum = \"0\"\n";

    #[test]
    fn says_what_a_finops_lead_needs() {
        let text = described(&day(|hour| 20 + hour % 12), OFFERS);
        assert_eq!(
            text,
            "\
1 day of hourly usage from 2026-10-01T00:00:00Z: $612.00 on demand.

                  covers an hour  paid an hour     cost    saves
 on demand                     –             –  $612.00        –
 only compute-1y          $25.00        $18.00  $474.00  $138.00
 only compute-3y          $21.00        $18.90  $563.60   $48.40

Commit to $18.00 an hour with `compute-1y`: it covers $25.00 of on-demand usage an hour for 12 months, \
no upfront, $157,680.00 in all.
These hours then cost $474.00 instead of $612.00: effective savings rate 22.5 %, coverage 93.1 %.
Risk: it pays when at least 72 % of it is used; these hours use 95 %.
If usage falls by 20 %, the same hours cost $432.00 against $489.60 on demand: it still saves $57.60.
The data is 1 day, the promise 12 months: this is the optimum for usage that stays as it was.
Proven: no admissible amounts cost less; increments and minimums cost at most $4.56 (lower bound $469.44)."
        );
    }

    #[test]
    fn says_when_nothing_pays() {
        let text = described(&day(|hour| if hour == 3 { 100 } else { 0 }), OFFERS);
        assert!(text.ends_with("do these offers cost less than on demand."), "{text}");
    }
}
