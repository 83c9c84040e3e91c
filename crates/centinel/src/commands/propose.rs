//! `centinel propose`: a change, put forward for people to decide.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use centinel_app::{BudgetRequest, ChangeRequest};
use centinel_approvals::{Proposed, Requester};
use centinel_engine::{
    money::{Currency, Money, Pico},
    proposal::BudgetPeriod,
    series::Dimension,
};

use crate::{
    commands::inbox::print_view,
    context::{Context, explain, now},
    failure::hinted,
    output::{Outcome, Output},
    text::printable,
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
    /// A change of any kind, from a TOML file: `title`, `[change]`, `[[edit]]`, `[scope]`, `[saves]`, `risk`,
    /// `reversible`. What it is about is measured in the ledger.
    Change {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
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
    let (scope, limit, currency, per) = match &args.command {
        Command::Change { file } => return change(file, context, output),
        Command::Budget { scope, limit, currency, per } => (scope, limit, currency, per),
    };
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
            app.propose_budget(request, &Requester::terminal(), now()).await.map_err(explain)?;
        print(&proposed, output)
    })
}

fn change(path: &Path, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let shown = printable(&path.display().to_string());
    let text = std::fs::read_to_string(path).with_context(|| format!("reading `{shown}`"))?;
    let request: ChangeRequest = toml::from_str(&text).map_err(|error| {
        let line = error
            .span()
            .map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
        hinted(
            format!("`{shown}`, line {line}: {}", printable(&error.message().replace('\n', "; "))),
            "docs/reference/proposals.md has a file of each kind",
        )
    })?;
    context.run(async |app| {
        let requester = Requester::terminal();
        let proposed = app.propose_change(request, &requester, now()).await.map_err(explain)?;
        print(&proposed, output)
    })
}

fn print(proposed: &Proposed, output: &mut Output) -> anyhow::Result<Outcome> {
    if output.json {
        output.json_line(proposed)?;
    } else {
        if !proposed.is_new {
            output.line("this change is proposed already:")?;
        }
        print_view(&proposed.view, output)?;
    }
    Ok(Outcome::Done)
}
