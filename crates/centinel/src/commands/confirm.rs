//! `centinel confirm`: what was approved was carried out by hand.

use centinel_app::{AppError, Confirmation};
use centinel_engine::proposal::{Channel, ProposalId};
use jiff::Timestamp;

use crate::{
    commands::{
        inbox::{PersonArgs, only_person, print_view},
        secrets::Secrets,
    },
    context::{self, Context, now},
    output::{Outcome, Output},
};

/// Says that an approved change was carried out by hand: a purchase, a clean-up. Only for changes that
/// Centinel does not make itself, and only where they were made after the approval.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `P-7`.
    id: ProposalId,
    /// Under which it is known outside: an order number, a ticket.
    #[arg(long, value_name = "TEXT")]
    reference: String,
    /// When it was carried out, as `2026-11-03T10:00:00Z`; now by default.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    person: PersonArgs,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let view = app.approvals().show(args.id, now()).await;
        let view = view.map_err(|error| context::explain(error.into()))?;
        if !output.json {
            print_view(&view, output)?;
            output.flush()?;
        }
        let (name, secrets) = match &args.person.name {
            Some(name) => (name.clone(), &args.person.secrets),
            None => (only_person(&app).await?, &args.person.secrets),
        };
        let proof = Secrets::new(secrets).proof(app.approvals(), &name).await?;
        let now = now();
        let confirmation = Confirmation {
            id: args.id,
            version: args.person.version.unwrap_or(view.proposal.version),
            digest: args.person.digest.clone().unwrap_or_else(|| view.digest.clone()),
            reference: args.reference.clone(),
            carried_out_at: args.at.unwrap_or(now),
            channel: Channel::Cli,
        };
        match app.confirm(confirmation, &name, proof, now).await {
            Ok(view) if output.json => output.json_line(&view)?,
            Ok(view) => {
                let (id, status) = (view.proposal.id, view.status.as_str());
                output.line(format_args!("{id} is {status} now"))?;
            }
            Err(AppError::Approval(error)) if error.is_refusal() => {
                crate::failure::print(&context::explain(error.into()));
                return Ok(Outcome::Refused);
            }
            Err(error) => return Err(context::explain(error)),
        }
        Ok(Outcome::Done)
    })
}
