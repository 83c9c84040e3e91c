//! `centinel token`: service tokens of agents.

use centinel_approvals::{ListedToken, NewToken};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    commands::{inbox::explain, person::AdminArgs, secrets::Secrets},
    context::{Context, now},
    failure::usage,
    output::{Outcome, Output},
    text::{printable, table},
};

/// Service tokens of agents: what they may see and propose. No token decides anything.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token, as an admin. Its secret is shown once and not kept.
    Create {
        /// Name of the token: 1 to 64 of `a` to `z`, digits, `.`, `_`, `-`, `@`.
        name: String,
        /// What it is for: `read`, `propose`; repeat for both. Proposing needs `read` too.
        #[arg(long, value_name = "SCOPE", required = true)]
        scope: Vec<String>,
        /// The person it works for: it sees no more than they do, and what it proposes counts as theirs.
        /// Without one it sees what the access policies let agents see: by default everything.
        #[arg(long = "for", value_name = "NAME")]
        acts_for: Option<String>,
        /// Days until it ends; 0 for never.
        #[arg(long, value_name = "DAYS", default_value_t = 90)]
        days: u32,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Every token, without its secret.
    List,
    /// End a token, as an admin: it stops at once.
    Revoke {
        /// Name of the token.
        name: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let approvals = app.approvals();
        match &args.command {
            Command::Create { name, scope, acts_for, days, admin } => {
                let now = now();
                let token = NewToken {
                    name: name.clone(),
                    scopes: scope.clone(),
                    acts_for: acts_for.clone(),
                    expires_at: ends(now, *days)?,
                };
                let expires_at = token.expires_at;
                let by = admin.name(&app).await?;
                let proof = Secrets::new(&admin.secrets).proof(approvals, &by).await?;
                let secret = approvals.create_token(&by, proof, token, now).await;
                let secret = secret.map_err(explain)?;
                if output.json {
                    output.json_line(&json!({
                        "name": name, "secret": secret, "expires_at": expires_at,
                    }))?;
                } else {
                    output.line(&secret)?;
                    output.note(format_args!(
                        "shown once. {}; give it to the agent as an environment variable: \
                         `centinel mcp --token-env NAME`, or `Authorization: Bearer …`",
                        match expires_at {
                            Some(at) => format!("it ends on {}", at.strftime("%Y-%m-%d")),
                            None => "it does not end by itself".to_owned(),
                        }
                    ));
                }
                Ok(Outcome::Done)
            }
            Command::List => {
                let tokens = approvals.tokens().await.map_err(explain)?;
                if output.json {
                    for token in &tokens {
                        output.json_line(token)?;
                    }
                } else if tokens.is_empty() {
                    output.line("no tokens")?;
                } else {
                    let now = now();
                    let rows = tokens.iter().map(|listed| row(listed, now)).collect();
                    output.line(table(&["name", "scopes", "acts for", "state"], rows, 4))?;
                }
                Ok(Outcome::Done)
            }
            Command::Revoke { name, admin } => {
                let by = admin.name(&app).await?;
                let proof = Secrets::new(&admin.secrets).proof(approvals, &by).await?;
                let revoked = approvals.revoke_token(&by, proof, name, now()).await;
                if revoked.map_err(explain)? {
                    output.line(format_args!("{} is ended", printable(name)))?;
                } else {
                    output.line(format_args!("there is no token {} in force", printable(name)))?;
                }
                Ok(Outcome::Done)
            }
        }
    })
}

fn ends(now: Timestamp, days: u32) -> anyhow::Result<Option<Timestamp>> {
    if days == 0 {
        return Ok(None);
    }
    let lasts = SignedDuration::from_hours(i64::from(days).saturating_mul(24));
    let at = now
        .checked_add(lasts)
        .map_err(|_| usage(format!("`--days {days}` is beyond the calendar"), "0 is for never"))?;
    Ok(Some(at))
}

fn row(listed: &ListedToken, now: Timestamp) -> Vec<String> {
    let token = &listed.token;
    let scopes: Vec<String> = token.scopes.iter().map(ToString::to_string).collect();
    let state = match (listed.is_revoked, token.expires_at) {
        (true, _) => "revoked".to_owned(),
        (false, Some(at)) if at <= now => format!("ended {}", at.strftime("%Y-%m-%d")),
        (false, Some(at)) => format!("until {}", at.strftime("%Y-%m-%d")),
        (false, None) => "does not end".to_owned(),
    };
    vec![
        token.name.clone(),
        scopes.join(", "),
        token.acts_for.clone().unwrap_or_else(|| "nobody".to_owned()),
        state,
    ]
}
