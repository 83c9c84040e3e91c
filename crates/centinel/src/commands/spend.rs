//! `centinel spend`: what was spent, by what, when.

use std::collections::BTreeMap;

use anyhow::Context as _;
use centinel_app::{App, AppError, SpendAnswer, SpendGroup, SpendLine, SpendRequest, When};
use centinel_engine::period::Grain;
use centinel_ledger::{Condition, ScanLevel};
use jiff::Timestamp;

use crate::{
    context::{Context, explain, now},
    failure::usage,
    output::{Outcome, Output},
    period_args::PeriodArgs,
    text::{count, money, percent, printable, sparkline, table},
};

/// Spend of a period, by dimension and time.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    period: PeriodArgs,
    /// `provider`, `model`, `team`, `feature`, `service`, `owner`, `kind`, …, or `tag:KEY`; repeat
    /// or separate by commas.
    #[arg(long, value_name = "DIMENSION", value_delimiter = ',', default_value = "kind")]
    by: Vec<String>,
    /// Only these values, as in `team=search,support`; an empty value means "none".
    #[arg(long, value_name = "DIMENSION=VALUES")]
    only: Vec<String>,
    /// Cut by time.
    #[arg(long, value_enum)]
    grain: Option<GrainArg>,
    /// How many groups are shown; the rest is one line. 0 shows all.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Only what the ledger knew then.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// Answer from raw rows instead of cells: slower, the same figures.
    #[arg(long, value_enum, default_value = "cells")]
    scan: ScanArg,
    /// Say how long the answer took and what was read.
    #[arg(long)]
    timings: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum GrainArg {
    Hour,
    Day,
    Week,
    Month,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ScanArg {
    Cells,
    Raw,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let resolved = args.period.resolve(&app, When::LastMonth).await?;
        let answer = ask(args, &app, resolved.period).await?;
        // Without data there is no spend, not one of zero.
        if app.ledger().span().await?.is_none() {
            return Err(explain(AppError::Empty));
        }
        if output.json {
            let mut json = serde_json::to_value(&answer)?;
            if let (true, Some(object)) = (args.timings, json.as_object_mut()) {
                // Milliseconds as text with three decimals: canonical JSON holds no fractions.
                let micros = answer.elapsed.as_micros();
                let elapsed = format!("{}.{:03}", micros / 1000, micros % 1000);
                object.insert("elapsed_ms".into(), elapsed.into());
                object.insert("segments_read".into(), answer.scan.segments.into());
                object.insert("rows_read".into(), answer.scan.rows.into());
            }
            output.json_line(&json)?;
        } else {
            if resolved.counts_from_data {
                output.note(format!(
                    "the data ends before today; periods count from {}",
                    resolved.today
                ));
            }
            print(args, &answer, output)?;
        }
        Ok(Outcome::Done)
    })
}

async fn ask(
    args: &Args,
    app: &App,
    period: centinel_engine::period::Period,
) -> anyhow::Result<SpendAnswer> {
    let group_by =
        args.by.iter().map(|name| name.parse()).collect::<Result<Vec<SpendGroup>, _>>()?;
    let rules = group_by.iter().filter(|group| !matches!(group, SpendGroup::Dimension(_))).count();
    if rules > 1 {
        return Err(usage("`owner` and `kind` cannot be combined", "ask for one of them"));
    }
    let filter = args.only.iter().map(|text| condition(text)).collect::<anyhow::Result<_>>()?;
    let request = SpendRequest {
        period,
        group_by,
        filter,
        grain: args.grain.map(|grain| match grain {
            GrainArg::Hour => Grain::Hour,
            GrainArg::Day => Grain::Day,
            GrainArg::Week => Grain::Week,
            GrainArg::Month => Grain::Month,
        }),
        top: (args.top > 0).then_some(args.top),
        as_of: args.as_of,
        scan: match args.scan {
            ScanArg::Cells => ScanLevel::Coarsest,
            ScanArg::Raw => ScanLevel::Raw,
        },
    };
    app.spend(&request, now()).await.map_err(explain)
}

/// `team=search,support`.
pub(crate) fn condition(text: &str) -> anyhow::Result<Condition> {
    let (name, values) = text
        .split_once('=')
        .with_context(|| format!("`{}` is not of the form DIMENSION=VALUES", printable(text)))?;
    Ok(Condition {
        dimension: name.parse()?,
        any_of: values.split(',').map(str::to_owned).collect(),
    })
}

fn print(args: &Args, answer: &SpendAnswer, output: &mut Output) -> anyhow::Result<()> {
    let names = args.by.iter().map(String::as_str).collect::<Vec<_>>();
    output.line(format!(
        "Spend {}: {}",
        answer.period,
        money(answer.total.cost, answer.currency)
    ))?;
    for (currency, sums) in &answer.other_currencies {
        output.line(format!("  and {} {currency}", sums.cost.to_display(2)))?;
    }
    output.line("")?;
    if args.grain.is_some() {
        print_over_time(&names, answer, output)?;
    } else {
        print_groups(&names, answer, output)?;
    }
    output.line("")?;
    let owned = answer.owned_ratio.map_or_else(|| "unknown".to_owned(), percent);
    output.line(format!("owned {owned}  ·  evidence {}", answer.evidence))?;
    if answer.total.unpriced_calls > 0 {
        output.line(format!(
            "{} calls have no price: what they cost is in no figure above",
            count(answer.total.unpriced_calls)
        ))?;
    }
    if args.timings {
        output.line(format!(
            "{:.1} ms · {} rows in {} segments",
            answer.elapsed.as_secs_f64() * 1000.0,
            answer.scan.rows,
            answer.scan.segments
        ))?;
    }
    Ok(())
}

fn group_text(line: &SpendLine, names: &[&str]) -> Vec<String> {
    names
        .iter()
        .map(|name| line.group.get(*name).cloned().flatten().unwrap_or_else(|| "(none)".to_owned()))
        .collect()
}

fn print_groups(names: &[&str], answer: &SpendAnswer, output: &mut Output) -> anyhow::Result<()> {
    let mut header = names.to_vec();
    header.extend(["cost", "share", "calls", "input tokens", "output tokens"]);
    let mut rows = Vec::new();
    for line in answer.rows.iter().chain(&answer.other) {
        let mut row = group_text(line, names);
        if answer.other.as_ref() == Some(line) {
            row = vec![format!("other ({})", answer.other_groups)];
            row.resize(names.len(), String::new());
        }
        let is_shared = line.currency == answer.currency && !line.sums.is_unknown();
        let share = if is_shared && answer.total.cost.0 != 0 {
            let tenths = line.sums.cost.0.saturating_mul(1000) / answer.total.cost.0;
            format!("{}.{} %", tenths / 10, (tenths % 10).abs())
        } else {
            String::new()
        };
        row.extend([
            if line.sums.is_unknown() {
                "unpriced".to_owned()
            } else {
                money(line.sums.cost, line.currency)
            },
            share,
            count(line.sums.calls),
            count(line.sums.input_tokens),
            count(line.sums.output_tokens),
        ]);
        rows.push(row);
    }
    output.line(table(&header, rows, names.len()))?;
    Ok(())
}

/// One line a group: a sparkline over the slices of time, first and last amount.
fn print_over_time(
    names: &[&str],
    answer: &SpendAnswer,
    output: &mut Output,
) -> anyhow::Result<()> {
    let slices: Vec<Timestamp> = {
        let mut slices: Vec<_> = answer.rows.iter().filter_map(|line| line.at).collect();
        slices.sort();
        slices.dedup();
        slices
    };
    let mut by_group: Vec<(
        Vec<String>,
        BTreeMap<Timestamp, i128>,
        centinel_engine::money::Currency,
    )> = Vec::new();
    for line in &answer.rows {
        let key = group_text(line, names);
        let position = by_group
            .iter()
            .position(|(known, _, currency)| *known == key && *currency == line.currency);
        let index = position.unwrap_or_else(|| {
            by_group.push((key, BTreeMap::new(), line.currency));
            by_group.len() - 1
        });
        if let (Some((_, values, _)), Some(at)) = (by_group.get_mut(index), line.at) {
            values.insert(at, line.sums.cost.0);
        }
    }
    by_group.sort_by_key(|(key, values, _)| {
        (std::cmp::Reverse(values.values().sum::<i128>()), key.clone())
    });
    let mut header = names.to_vec();
    header.extend(["cost", "over time"]);
    let rows = by_group
        .into_iter()
        .map(|(mut row, values, currency)| {
            let sum = centinel_engine::money::Pico(values.values().sum());
            let line: Vec<i128> =
                slices.iter().map(|at| values.get(at).copied().unwrap_or(0)).collect();
            row.extend([money(sum, currency), sparkline(&line)]);
            row
        })
        .collect();
    output.line(table(&header, rows, names.len()))?;
    Ok(())
}
