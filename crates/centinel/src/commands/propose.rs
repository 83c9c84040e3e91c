//! `centinel propose`: a change, put forward for people to decide.

use std::collections::BTreeMap;

use anyhow::Context as _;
use centinel_app::BudgetRequest;
use centinel_approvals::Requester;
use centinel_engine::{
    money::{Currency, Money, Pico},
    proposal::BudgetPeriod,
    series::Dimension,
};

use crate::{
    commands::inbox::print_view,
    context::{Context, explain, now},
    output::{Outcome, Output},
};

/// Puts a change forward. Nothing happens until a person approves.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// A limit on what a part of the spend may cost.
    Budget {
        /// What it covers, as in `feature=search`; repeat for more. Without one, everything.
        #[arg(long, value_name = "DIMENSION=VALUE")]
        scope: Vec<String>,
        /// The limit per period.
        #[arg(long, value_name = "AMOUNT")]
        limit: Pico,
        /// Currency of the limit.
        #[arg(long, value_name = "CODE", default_value = "USD")]
        currency: Currency,
        /// How often it starts anew.
        #[arg(long, value_enum, default_value = "month")]
        per: Per,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Per {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let Command::Budget { scope, limit, currency, per } = &args.command;
    let scope = scope
        .iter()
        .map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .with_context(|| format!("`{pair}` is not of the form DIMENSION=VALUE"))?;
            Ok((name.parse()?, value.to_owned()))
        })
        .collect::<anyhow::Result<BTreeMap<Dimension, String>>>()?;
    let request = BudgetRequest {
        scope,
        period: match per {
            Per::Day => BudgetPeriod::Day,
            Per::Week => BudgetPeriod::Week,
            Per::Month => BudgetPeriod::Month,
            Per::Quarter => BudgetPeriod::Quarter,
            Per::Year => BudgetPeriod::Year,
        },
        limit: Money { amount: *limit, currency: *currency },
    };
    context.run(async |app| {
        // A terminal without a person's credential proposes as an agent does: it can never decide.
        let proposed =
            app.propose_budget(request, &Requester::local_agent(), now()).await.map_err(explain)?;
        if output.json {
            output.json_line(&proposed)?;
        } else {
            if !proposed.is_new {
                output.line("this change is proposed already:")?;
            }
            print_view(&proposed.view, output)?;
        }
        Ok(Outcome::Done)
    })
}
