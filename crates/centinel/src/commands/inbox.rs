//! `centinel inbox`, `show`, `approve`, `reject`, `emergency`, `review`, `withdraw`: proposals in the
//! terminal.

use centinel_app::{App, AppError, Delivered, OpenReview, SavingsLine, whom_to_alert};
use centinel_approvals::{ApprovalError, Decision, Requester, Verdict, View};
use centinel_engine::{
    facts::Fact,
    proposal::{Channel, ExpectedSaving, ProposalId},
};
use serde::Serialize;

use crate::{
    commands::{
        follow_up::{alert_line, by_hand_line, print_savings, review_line},
        in_words::InWords,
        secrets::{SecretArgs, Secrets},
    },
    context::{self, Context, now},
    failure::hinted,
    output::{Outcome, Output},
    text::{printable, table},
};

/// Lists what waits for a person.
#[derive(Debug, clap::Args)]
pub(crate) struct InboxArgs {}

/// Shows a proposal, an episode in words, or the facts of a bundle.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// `P-7`, `E-12`, or `bundle:9f3c51…`.
    id: String,
}

/// Approves a proposal, as a person with a password.
#[derive(Debug, clap::Args)]
pub(crate) struct ApproveArgs {
    /// `P-7`.
    id: ProposalId,
    #[command(flatten)]
    person: PersonArgs,
}

/// Rejects a proposal, for good.
#[derive(Debug, clap::Args)]
pub(crate) struct RejectArgs {
    /// `P-7`.
    id: ProposalId,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    person: PersonArgs,
}

/// Takes a proposal forward alone, in an emergency: with the role `emergency`, for a short time, and never
/// for what cannot be undone. Somebody else has to look at it afterwards.
#[derive(Debug, clap::Args)]
pub(crate) struct EmergencyArgs {
    /// `P-7`.
    id: ProposalId,
    /// Why.
    #[arg(long)]
    reason: String,
    /// The incident that it belongs to.
    #[arg(long)]
    ticket: String,
    #[command(flatten)]
    person: PersonArgs,
}

/// Closes an emergency that somebody else began.
#[derive(Debug, clap::Args)]
pub(crate) struct ReviewArgs {
    /// `P-7`.
    id: ProposalId,
    /// What was found.
    #[arg(long)]
    note: String,
    #[command(flatten)]
    person: PersonArgs,
}

/// Takes back what this terminal proposed.
#[derive(Debug, clap::Args)]
pub(crate) struct WithdrawArgs {
    /// `P-7`.
    id: ProposalId,
}

/// Who decides. The password is never an argument or an environment variable: an agent that shares
/// the terminal does not have it.
#[derive(Debug, clap::Args)]
pub(crate) struct PersonArgs {
    /// Account name; not needed where there is only one person.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The version decided on; the current one by default.
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u32>,
    /// First digits of the digest decided on; the current one by default.
    #[arg(long, value_name = "HEX")]
    pub(crate) digest: Option<String>,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
}

#[derive(Serialize)]
struct Inbox<'a> {
    /// Emergencies that somebody else has to look at.
    reviews: &'a [OpenReview],
    proposals: Vec<Waiting<'a>>,
}

#[derive(Serialize)]
struct Waiting<'a> {
    id: ProposalId,
    expected_saving: Option<ExpectedSaving>,
    #[serde(flatten)]
    view: &'a View,
}

impl<'a> Waiting<'a> {
    fn of((view, expected_saving): &'a (View, Option<ExpectedSaving>)) -> Self {
        Self { id: view.proposal.id, expected_saving: *expected_saving, view }
    }
}

/// A proposal as `show` has it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    view: &'a View,
    reviews: &'a [OpenReview],
    savings: &'a SavingsLine,
    deliveries: &'a [Delivered],
    in_words: &'a InWords,
}

pub(crate) fn inbox(
    _args: &InboxArgs,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let now = now();
        let open = app.ranked_inbox(now).await.map_err(context::explain)?;
        let reviews = app.open_reviews(now).await.map_err(context::explain)?;
        if output.json {
            let proposals = open.iter().map(Waiting::of).collect();
            output.json_line(&Inbox { reviews: &reviews, proposals })?;
            return Ok(Outcome::Done);
        }
        for review in &reviews {
            output.line(review_line(review))?;
        }
        if open.is_empty() {
            output.line("nothing waits for a decision")?;
            return Ok(Outcome::Done);
        }
        let rows = open
            .iter()
            .map(|(view, expected)| {
                vec![
                    view.proposal.id.to_string(),
                    view.proposal.title.clone(),
                    view.proposal.owner.clone(),
                    needs(view),
                    view.proposal.expires_at.strftime("%Y-%m-%d %H:%M").to_string(),
                    expected.map_or("unknown".to_owned(), |expected| expected.amount.to_string()),
                ]
            })
            .collect();
        let header = ["id", "what", "owner", "needs", "expires", "should save a month"];
        output.line(table(&header, rows, 5))?;
        output.line("")?;
        output.line("look: `centinel show P-1` · decide: `centinel approve P-1`")?;
        Ok(Outcome::Done)
    })
}

pub(crate) fn show(
    args: &ShowArgs,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        if let Some(prefix) = args.id.strip_prefix("bundle:") {
            let bundle = app.evidence(prefix).await.map_err(|error| match error {
                AppError::NotFound { .. } => {
                    let shown = printable(prefix);
                    hinted(format!("no evidence `bundle:{shown}`"), "answers name theirs")
                }
                error => context::explain(error),
            })?;
            if output.json {
                output.json_line(&bundle)?;
            } else {
                output.line(format_args!(
                    "{} · question {} · engine {}",
                    bundle.address(),
                    bundle.question,
                    bundle.engine
                ))?;
                let rows = bundle.facts.iter().map(fact_row).collect();
                output.line(table(&["id", "role", "about", "value"], rows, 3))?;
                for caveat in &bundle.caveats {
                    output.line(printable(caveat))?;
                }
            }
            return Ok(Outcome::Done);
        }
        if args.id.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("E-")) {
            let finding = app.finding(&args.id, now()).await.map_err(context::explain)?;
            return InWords::of(&app, &finding).answer(output);
        }
        let id: ProposalId = args.id.parse().map_err(|error: String| anyhow::anyhow!(error))?;
        let view = app.approvals().show(id, now()).await.map_err(explain)?;
        let now = now();
        let words = app.proposal_wording(id, now).await.map_err(context::explain)?;
        let words = InWords::of(&app, &words);
        let deliveries = app.deliveries_of(id).await.map_err(context::explain)?;
        let savings = app.savings_of(&view, now).await.map_err(context::explain)?;
        let people = app.approvals().people().await.map_err(explain)?;
        let reviews = OpenReview::all_of(&view, &people, now);
        if output.json {
            output.json_line(&Shown {
                view: &view,
                reviews: &reviews,
                savings: &savings,
                deliveries: &deliveries,
                in_words: &words,
            })?;
        } else {
            for review in &reviews {
                output.line(review_line(review))?;
            }
            words.print_text(output)?;
            output.line("")?;
            print_view(&view, output)?;
            for delivered in &deliveries {
                output.line(super::deliver::line(delivered))?;
            }
            print_savings(&savings, output)?;
            if let Some(next) = by_hand_line(&view) {
                output.line(next)?;
            }
        }
        Ok(Outcome::Done)
    })
}

pub(crate) fn approve(
    args: &ApproveArgs,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    decide(args.id, &args.person, Verdict::Approve, context, output)
}

pub(crate) fn reject(
    args: &RejectArgs,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let verdict = Verdict::Reject { reason: args.reason.clone() };
    decide(args.id, &args.person, verdict, context, output)
}

pub(crate) fn emergency(
    args: &EmergencyArgs,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let verdict = Verdict::BreakGlass { reason: args.reason.clone(), ticket: args.ticket.clone() };
    decide(args.id, &args.person, verdict, context, output)
}

pub(crate) fn review(
    args: &ReviewArgs,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    decide(args.id, &args.person, Verdict::Review { note: args.note.clone() }, context, output)
}

fn decide(
    id: ProposalId,
    person: &PersonArgs,
    verdict: Verdict,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let view = app.approvals().show(id, now()).await.map_err(explain)?;
        if !output.json {
            print_view(&view, output)?;
            output.flush()?;
        }
        let is_emergency = matches!(verdict, Verdict::BreakGlass { .. });
        let decision = Decision {
            id,
            version: person.version.unwrap_or(view.proposal.version),
            digest: person.digest.clone().unwrap_or_else(|| view.digest.clone()),
            verdict,
            channel: Channel::Cli,
        };
        let name = match &person.name {
            Some(name) => name.clone(),
            None => only_person(&app).await?,
        };
        let proof = Secrets::new(&person.secrets).proof(app.approvals(), &name).await?;
        match app.approvals().decide(decision, &name, proof, now()).await {
            Ok(view) => {
                if output.json {
                    output.json_line(&view)?;
                    return Ok(Outcome::Done);
                }
                let (id, status) = (view.proposal.id, view.status.as_str());
                output.line(format_args!("{id} is {status} now"))?;
                if let Some(next) = by_hand_line(&view) {
                    output.line(next)?;
                }
                if is_emergency {
                    let people = app.approvals().people().await.map_err(explain)?;
                    output.line(alert_line(&whom_to_alert(&view, &people)))?;
                }
                Ok(Outcome::Done)
            }
            Err(error) if error.is_refusal() => {
                crate::failure::print(&explain(error));
                Ok(Outcome::Refused)
            }
            Err(error) => Err(explain(error)),
        }
    })
}

pub(crate) fn withdraw(
    args: &WithdrawArgs,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let (approvals, now) = (app.approvals(), now());
        let proposal = approvals.show(args.id, now).await.map_err(explain)?.proposal;
        // Whoever holds the home also takes back what programs of this machine proposed.
        let local = Requester::local_agent();
        let is_local = &proposal.requester == local.principal();
        let requester = if is_local { local } else { Requester::terminal() };
        let view = approvals.withdraw(args.id, &requester, now).await.map_err(explain)?;
        if output.json {
            output.json_line(&view)?;
        } else {
            output.line(format_args!("{} is {} now", view.proposal.id, view.status.as_str()))?;
        }
        Ok(Outcome::Done)
    })
}

/// The only active account, where there is only one.
pub(crate) async fn only_person(app: &App) -> anyhow::Result<String> {
    let people = app.approvals().people().await.map_err(explain)?;
    let mut active = people.iter().filter(|person| person.active);
    match (active.next(), active.next()) {
        (Some(person), None) => Ok(person.name.clone()),
        (None, _) => Err(hinted(
            "nobody may decide yet",
            "make the first person: `centinel init --person NAME`",
        )),
        (Some(_), Some(_)) => {
            Err(hinted("several people may decide", "say who you are: `--as NAME`"))
        }
    }
}

/// An approval error with its hint.
pub(crate) fn explain(error: ApprovalError) -> anyhow::Error {
    match error.hint() {
        Some(hint) => hinted(error.to_string(), hint),
        None => error.into(),
    }
}

/// Prints a proposal as a person decides on it.
pub(crate) fn print_view(view: &View, output: &mut Output) -> anyhow::Result<()> {
    let proposal = &view.proposal;
    output.line(format_args!(
        "{} v{} · {} · {}",
        proposal.id,
        proposal.version,
        view.status.as_str(),
        printable(&proposal.title)
    ))?;
    let change = serde_json::to_value(&proposal.change)?;
    for (name, value) in change.as_object().into_iter().flatten() {
        output.line(format_args!("  {name:<16} {}", printable(&plain(value))))?;
    }
    for edit in &proposal.edits {
        let value =
            |value: &Option<String>| value.as_deref().map_or("nothing".to_owned(), printable);
        output.line(format_args!(
            "  {:<16} {}: {}: {} → {}",
            printable(&edit.repository),
            printable(&edit.file),
            printable(&edit.path),
            value(&edit.from),
            value(&edit.to)
        ))?;
    }
    if let Some(saving) = proposal.saving {
        output.line(format_args!(
            "  {:<16} {} a month ({} to {})",
            "saves about", saving.mid, saving.low, saving.high
        ))?;
    }
    if let Some(reverts) = proposal.reverts {
        output.line(format_args!("  {:<16} {reverts}", "takes back"))?;
    }
    if let Some(amount) = proposal.amount_at_stake {
        output.line(format_args!("  {:<16} {amount}", "at stake"))?;
    }
    output.line(format_args!("  {:<16} {}", "owner", printable(&proposal.owner)))?;
    output.line(format_args!(
        "  {:<16} {}",
        "requested by",
        printable(&proposal.requester.to_string())
    ))?;
    output.line(format_args!("  {:<16} {}", "needs", needs(view)))?;
    if !view.standing.satisfied {
        let eligible: Vec<String> =
            view.standing.eligible.iter().map(|name| printable(name)).collect();
        let eligible =
            if eligible.is_empty() { "nobody yet".to_owned() } else { eligible.join(", ") };
        output.line(format_args!("  {:<16} {eligible}", "eligible"))?;
    }
    output.line(format_args!("  {:<16} {}", "expires", proposal.expires_at))?;
    let short = |hex: &str| hex.chars().take(12).collect::<String>();
    output.line(format_args!(
        "  {:<16} {} · evidence bundle:{}",
        "digest",
        short(&view.digest),
        short(&proposal.evidence)
    ))?;
    Ok(())
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name} {}", plain(value)))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}

fn needs(view: &View) -> String {
    let standing = &view.standing;
    if standing.satisfied {
        return "nothing more".to_owned();
    }
    let people = match standing.missing {
        1 => "1 approval".to_owned(),
        count => format!("{count} approvals"),
    };
    let people = if standing.requirement.second_factor {
        format!("{people} with a second factor")
    } else {
        people
    };
    if standing.missing_roles.is_empty() {
        return people;
    }
    let roles = standing.missing_roles.iter().map(|role| role.describe(&view.proposal.owner));
    format!("{people}, of them {}", printable(&roles.collect::<Vec<_>>().join(" and ")))
}

fn fact_row(fact: &Fact) -> Vec<String> {
    let about = fact.dims.iter().map(|(name, value)| format!("{name}={value}"));
    // Of an amount, what it is the cost of one of.
    let unit = match (fact.currency, &fact.unit) {
        (Some(currency), Some(of)) => Some(format!("{currency} a {of}")),
        (Some(currency), None) => Some(currency.to_string()),
        (None, unit) => unit.clone(),
    };
    vec![
        fact.id.clone(),
        fact.role.clone(),
        about.collect::<Vec<_>>().join(", "),
        match unit {
            Some(unit) => format!("{} {unit}", fact.value),
            None => fact.value.clone(),
        },
    ]
}
