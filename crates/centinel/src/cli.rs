//! Arguments, and which command runs.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    commands,
    context::Context,
    failure,
    output::{Outcome, Output},
};

/// The cent sentinel: agentic FinOps for AI-token and cloud spend.
#[derive(Debug, Parser)]
#[command(name = "centinel", version, max_term_width = 100)]
struct Cli {
    /// Data directory.
    #[arg(long, global = true, env = "CENTINEL_HOME", value_name = "DIR")]
    home: Option<PathBuf>,
    /// Configuration file; default: `centinel.toml` in the data directory.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Machine output: one JSON object, or JSON lines where the command says so.
    #[arg(long, global = true)]
    json: bool,
    /// Answer as this person would be answered, from what the access policies let them see. For whoever
    /// holds the home; it proves nothing.
    #[arg(long, global = true, value_name = "NAME")]
    seen_by: Option<String>,
    /// No notes and no progress on standard error.
    #[arg(long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show Centinel on a generated company: first screen, page and MCP.
    Demo(commands::demo::Args),
    /// Price calls exactly: usage records in, cost and its lines out.
    Price(commands::price::Args),
    /// Token usage from provider response bodies: records that `price` takes.
    Usage(commands::usage::Args),
    /// Price books: list, compare, import and check them; calls without a price; restatement.
    Prices(commands::prices::Args),
    /// Split a change of cost into its drivers, exactly.
    Decompose(commands::decompose::Args),
    /// Find the combinations of dimension values that a change of cost is in.
    Localize(commands::localize::Args),
    /// Find the days on which a daily series cost more than usual, and by which driver.
    Detect(commands::detect::Args),
    /// What a period will cost, by series and in total, with bands.
    Forecast(commands::forecast::Args),
    /// Forecasts as they would have been, against what came.
    Backtest(commands::backtest::Args),
    /// Priced calls against an invoice: the gap, split by cause, exactly.
    Reconcile(commands::reconcile::Args),
    /// Check every figure, name and date of a text against the facts it cites.
    Verify(commands::verify::Args),
    /// Commitment discounts: the optimal purchase, and what the existing ones are worth.
    Commit(commands::commit::Args),
    /// What contracts commit to, from imported contract commitment files.
    Commitments(commands::commitments::Args),
    /// Make a home: folders, configuration, policies, the first person.
    Init(commands::init::Args),
    /// Look whether everything is in place, and say what to do where it is not.
    Doctor(commands::doctor::Args),
    /// Import bills, call logs, LiteLLM spend logs, OTLP traces and outcomes.
    Import(commands::import::Args),
    /// Sources: what delivers, how it stands; add, try out and sync live ones.
    Sources(commands::sources::Args),
    /// Spend of a period, by dimension and time.
    Spend(commands::spend::Args),
    /// The first screen: what was spent, what is known about it, what to look at.
    Report(commands::report::Args),
    /// Analyse episodes: what is known, whose it is, who is told.
    Analyze(commands::analyze::Args),
    /// A week or a month in words: for an owner, for finance, as a scorecard, as mail.
    Digest(commands::digest::Args),
    /// What left its usual range, as episodes.
    Anomalies(commands::anomalies::Args),
    /// Events: planned changes, deploys, maintenance, holidays, mutes.
    Events(commands::events::Args),
    /// Why spend changed, to the cent.
    Explain(commands::explain::Args),
    /// Answer a question, or several in a conversation, from the ledger's facts.
    Ask(commands::ask::Args),
    /// Put a change forward for people to decide.
    Propose(commands::propose::Args),
    /// What waits for a person.
    Inbox(commands::inbox::InboxArgs),
    /// A proposal (`P-7`), or the facts behind an answer (`bundle:…`).
    Show(commands::inbox::ShowArgs),
    /// Approve a proposal, as a person.
    Approve(commands::inbox::ApproveArgs),
    /// Reject a proposal, for good.
    Reject(commands::inbox::RejectArgs),
    /// Take a proposal forward alone, in an emergency.
    Emergency(commands::inbox::EmergencyArgs),
    /// Close an emergency that somebody else began.
    Review(commands::inbox::ReviewArgs),
    /// Say that what was approved was carried out by hand.
    Confirm(commands::confirm::Args),
    /// What proposals promised, and what became of it.
    Savings(commands::savings::Args),
    /// Open and follow the pull requests of proposals.
    Deliver(commands::deliver::Args),
    /// Carry out what is approved, and measure what became of earlier savings.
    Execute(commands::execute::Args),
    /// Take back what this terminal proposed.
    Withdraw(commands::inbox::WithdrawArgs),
    /// The log of everything that was proposed and decided.
    Audit(commands::audit::Args),
    /// People: accounts, roles, passwords, second factors.
    Person(commands::person::Args),
    /// Service tokens of agents: what they may see and propose.
    Token(commands::token::Args),
    /// The policies of the home: `policy check`.
    Policy(commands::policy::Args),
    /// The database of a team: rights of a role that cannot decide.
    Database(commands::database::Args),
    /// Serve page, API, OTLP and MCP on this machine.
    Serve(commands::serve::Args),
    /// The ledger in a format that other tools read: FOCUS.
    Export(commands::export::Args),
    /// The ledger itself: `ledger verify`.
    Ledger(commands::ledger::Args),
    /// MCP over standard input and output, for chat clients and coding agents.
    Mcp(commands::mcp::Args),
}

impl Command {
    /// Whether it answers from the home and changes nothing in it.
    fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::Spend(_)
                | Self::Report(_)
                | Self::Anomalies(_)
                | Self::Explain(_)
                | Self::Ask(_)
                | Self::Forecast(_)
                | Self::Inbox(_)
                | Self::Show(_)
                | Self::Savings(_)
                | Self::Digest(_)
        )
    }
}

/// Parses the arguments and runs the command.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are no errors; bad usage exits with 2.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let mut output = Output::new(cli.json, cli.quiet);
    let result = dispatch(&cli, &mut output).and_then(|outcome| {
        output.flush()?;
        Ok(outcome)
    });
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) if failure::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = output.flush();
            failure::print(&error);
            if failure::is_usage(&error) { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn dispatch(cli: &Cli, output: &mut Output) -> anyhow::Result<Outcome> {
    // Engine commands need no home.
    let context = || Context::new(cli.home.as_deref(), cli.config.as_deref());
    let context = || context().map(|context| context.seen_by(cli.seen_by.clone()));
    if cli.seen_by.is_some() && !cli.command.is_answer() {
        return Err(failure::usage(
            "`--seen-by` is for commands that answer from the home",
            "spend, report, anomalies, explain, ask, forecast, inbox, show, savings, digest",
        ));
    }
    match &cli.command {
        Command::Demo(args) => commands::demo::run(args, &context()?, output),
        Command::Price(args) => commands::price::run(args, output),
        Command::Usage(args) => commands::usage::run(args, output),
        Command::Prices(args) => commands::prices::run(args, &context()?, output),
        Command::Decompose(args) => commands::decompose::run(args, output),
        Command::Verify(args) => commands::verify::run(args, output),
        Command::Localize(args) => commands::localize::run(args, output),
        Command::Detect(args) => commands::detect::run(args, output),
        Command::Forecast(args) => commands::forecast::run(args, &context, output),
        Command::Backtest(args) => commands::backtest::run(args, &context, output),
        Command::Reconcile(args) => commands::reconcile::run(args, &context, output),
        Command::Commit(args) => commands::commit::run(args, output),
        Command::Commitments(args) => commands::commitments::run(args, &context()?, output),
        Command::Doctor(args) => commands::doctor::run(args, &context()?, output),
        Command::Init(args) => commands::init::run(args, &context()?, output),
        Command::Import(args) => commands::import::run(args, &context()?, output),
        Command::Sources(args) => commands::sources::run(args, &context()?, output),
        Command::Spend(args) => commands::spend::run(args, &context()?, output),
        Command::Report(args) => commands::report::run(args, &context()?, output),
        Command::Digest(args) => commands::digest::run(args, &context()?, output),
        Command::Events(args) => commands::events::run(args, &context()?, output),
        Command::Analyze(args) => commands::analyze::run(args, &context()?, output),
        Command::Anomalies(args) => commands::anomalies::run(args, &context()?, output),
        Command::Explain(args) => commands::explain::run(args, &context()?, output),
        Command::Ask(args) => commands::ask::run(args, &context()?, output),
        Command::Propose(args) => commands::propose::run(args, &context()?, output),
        Command::Inbox(args) => commands::inbox::inbox(args, &context()?, output),
        Command::Show(args) => commands::inbox::show(args, &context()?, output),
        Command::Approve(args) => commands::inbox::approve(args, &context()?, output),
        Command::Reject(args) => commands::inbox::reject(args, &context()?, output),
        Command::Emergency(args) => commands::inbox::emergency(args, &context()?, output),
        Command::Review(args) => commands::inbox::review(args, &context()?, output),
        Command::Confirm(args) => commands::confirm::run(args, &context()?, output),
        Command::Savings(args) => commands::savings::run(args, &context()?, output),
        Command::Deliver(args) => commands::deliver::run(args, &context()?, output),
        Command::Execute(args) => commands::execute::run(args, &context()?, output),
        Command::Withdraw(args) => commands::inbox::withdraw(args, &context()?, output),
        Command::Audit(args) => commands::audit::run(args, &context()?, output),
        Command::Person(args) => commands::person::run(args, &context()?, output),
        Command::Token(args) => commands::token::run(args, &context()?, output),
        Command::Policy(args) => commands::policy::run(args, &context()?, output),
        Command::Database(args) => commands::database::run(args, output),
        Command::Serve(args) => commands::serve::run(args, &context()?, output),
        Command::Export(args) => commands::export::run(args, &context()?, output),
        Command::Ledger(args) => commands::ledger::run(args, &context()?, output),
        Command::Mcp(args) => commands::mcp::run(args, &context()?, output),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Two arguments of one name in a command show only when it is called.
    #[test]
    fn every_command_is_well_formed() {
        Cli::command().debug_assert();
    }
}
