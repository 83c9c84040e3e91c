//! `centinel person`: accounts, roles, passwords, second factors.

use anyhow::Context as _;
use centinel_app::App;
use centinel_approvals::{AccountChange, Approvals, Code, Link, OutsideAccount, Proof};
use centinel_engine::proposal::{Person, Role};
use serde_json::json;

use crate::{
    commands::{
        inbox::{explain, only_person},
        secrets::{SecretArgs, Secrets},
    },
    context::{Context, now},
    failure::hinted,
    output::{Outcome, Output},
    text::{printable, table},
};

/// People: accounts, roles, passwords, second factors.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Everybody, with roles.
    List,
    /// Create an account, or change its roles. Roles are `owner:TEAM`, `member:TEAM`, `finops`,
    /// `finance` and `admin`.
    Set {
        /// Account name.
        name: String,
        /// A role; repeat for more. The account then has these and no others.
        #[arg(long, value_name = "ROLE")]
        role: Vec<Role>,
        /// Another account of the same human: both together have one vote.
        #[arg(long, value_name = "NAME")]
        linked_to: Option<String>,
        /// Give the account a new password; a new account gets one anyway.
        #[arg(long)]
        new_password: bool,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// End an account: it decides, signs in and sees no more, and its votes and tokens count no more.
    Remove {
        /// Account name.
        name: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Change one's own password.
    Password {
        /// Account name; not needed where there is only one person.
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        secrets: SecretArgs,
    },
    /// Set up one's own second factor: a code of an authenticator app, asked for from then on.
    SecondFactor {
        /// Account name; not needed where there is only one person.
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        secrets: SecretArgs,
    },
    /// Link an account outside to a person: finish with a code that `/centinel link` gave, as oneself; or,
    /// as an admin, name person and account.
    Link(LinkArgs),
    /// Take the link of an account outside away, one's own or, as an admin, anybody's.
    Unlink {
        /// `github:LOGIN[@HOST]`, `gitlab:LOGIN[@HOST]`, `slack:USER@WORKSPACE`.
        account: OutsideAccount,
        /// Account name; not needed where there is only one person.
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        secrets: SecretArgs,
    },
    /// Every account outside that is linked to somebody.
    Links,
    /// Take away the second factor of somebody who lost it, as an admin.
    ResetSecondFactor {
        /// Account name.
        name: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

/// Which account is linked, and to whom.
#[derive(Debug, clap::Args)]
struct LinkArgs {
    /// The code; or, with an account after it, the name of a person.
    #[arg(value_name = "CODE|NAME")]
    code_or_name: String,
    /// `github:LOGIN[@HOST]`, `gitlab:LOGIN[@HOST]`, `slack:USER@WORKSPACE`.
    account: Option<OutsideAccount>,
    /// Who links it; not needed where there is only one person.
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    secrets: SecretArgs,
}

/// Which admin does it.
#[derive(Debug, clap::Args)]
pub(crate) struct AdminArgs {
    /// The admin's account name; not needed where there is only one person.
    #[arg(long = "as", value_name = "NAME")]
    admin: Option<String>,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
}

impl AdminArgs {
    /// The admin's name.
    pub(crate) async fn name(&self, app: &App) -> anyhow::Result<String> {
        named(self.admin.as_ref(), app).await
    }
}

async fn named(name: Option<&String>, app: &App) -> anyhow::Result<String> {
    match name {
        Some(name) => Ok(name.clone()),
        None => only_person(app).await,
    }
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let approvals = app.approvals();
        match &args.command {
            Command::List => list(&app, output).await?,
            Command::Set { name, role, linked_to, new_password, admin } => {
                let is_new = approvals.people().await.map_err(explain)?.get(name).is_none();
                let mut secrets = Secrets::new(&admin.secrets);
                let by = admin.name(&app).await?;
                let proof = secrets.proof(approvals, &by).await?;
                let password =
                    if is_new || *new_password { Some(secrets.new_password(name)?) } else { None };
                let change = AccountChange {
                    name: name.clone(),
                    linked_to: linked_to.clone(),
                    roles: role.iter().cloned().collect(),
                    active: true,
                    password,
                };
                let person = approvals.change_account(&by, proof, change, now()).await;
                show(&person.map_err(explain)?, output)?;
            }
            Command::Remove { name, admin } => {
                let people = approvals.people().await.map_err(explain)?;
                let person = people.get(name).ok_or_else(|| {
                    let shown = printable(name);
                    hinted(format!("there is no account `{shown}`"), "`centinel person list`")
                })?;
                let change = AccountChange {
                    name: name.clone(),
                    linked_to: None,
                    roles: person.roles.clone(),
                    active: false,
                    password: None,
                };
                let by = admin.name(&app).await?;
                let proof = Secrets::new(&admin.secrets).proof(approvals, &by).await?;
                let person = approvals.change_account(&by, proof, change, now()).await;
                show(&person.map_err(explain)?, output)?;
            }
            Command::Password { name, secrets } => {
                let name = named(name.as_ref(), &app).await?;
                let mut secrets = Secrets::new(secrets);
                let proof = secrets.proof(approvals, &name).await?;
                let new = secrets.new_password(&name)?;
                approvals.change_password(&name, proof, new, now()).await.map_err(explain)?;
                output.line("the password is changed; open sessions have ended")?;
            }
            Command::SecondFactor { name, secrets } => {
                let name = named(name.as_ref(), &app).await?;
                let mut secrets = Secrets::new(secrets);
                let proof = secrets.proof(approvals, &name).await?;
                enrol(approvals, &name, proof, &mut secrets, output).await?;
            }
            Command::Link(args) => link(args, &app, output).await?,
            Command::Unlink { account, name, secrets } => {
                let by = named(name.as_ref(), &app).await?;
                let proof = Secrets::new(secrets).proof(approvals, &by).await?;
                let unlinked = approvals.unlink(&by, proof, account, now()).await;
                output.line(if unlinked.map_err(explain)? {
                    format!("{account} is linked to nobody now")
                } else {
                    format!("{account} was linked to nobody")
                })?;
            }
            Command::Links => links(approvals, output).await?,
            Command::ResetSecondFactor { name, admin } => {
                let by = admin.name(&app).await?;
                let proof = Secrets::new(&admin.secrets).proof(approvals, &by).await?;
                let reset = approvals.reset_second_factor(&by, proof, name, now()).await;
                reset.map_err(explain)?;
                output.line(format_args!(
                    "{} signs in with the password alone, until `centinel person second-factor`",
                    printable(name)
                ))?;
            }
        }
        Ok(Outcome::Done)
    })
}

/// Shows which account it is before anybody proves themselves: a code may come from somebody else.
async fn link(args: &LinkArgs, app: &App, output: &mut Output) -> anyhow::Result<()> {
    let LinkArgs { code_or_name, account, name, secrets } = args;
    let approvals = app.approvals();
    let by = named(name.as_ref(), app).await?;
    let person = if account.is_some() { code_or_name } else { &by };
    let shown = match account {
        Some(account) => account.clone(),
        None => approvals.account_of_code(code_or_name, now()).await.map_err(explain)?,
    };
    if !output.json {
        let person = printable(person);
        output.line(format_args!("{shown} will decide as {person}; go on only if you know it"))?;
        output.flush()?;
    }
    let proof = Secrets::new(secrets).proof(approvals, &by).await?;
    let link = match account {
        Some(account) => approvals.link_as_admin(&by, proof, person, account, now()).await,
        None => approvals.finish_link(code_or_name, &by, proof, now()).await,
    };
    let link = link.map_err(explain)?;
    if output.json {
        return Ok(output.json_line(&link)?);
    }
    Ok(output.line(format_args!("{} is linked to {}", link.account, printable(&link.person)))?)
}

async fn links(approvals: &Approvals, output: &mut Output) -> anyhow::Result<()> {
    let links = approvals.links().await.map_err(explain)?;
    if output.json {
        for link in &links {
            output.json_line(link)?;
        }
        return Ok(());
    }
    if links.is_empty() {
        return Ok(output.line("no account outside is linked: `/centinel link` in Slack")?);
    }
    let row = |link: &Link| {
        let by = format!("by {} at {}", link.linked_by, link.linked_at);
        vec![link.account.to_string(), link.person.clone(), by]
    };
    Ok(output.line(table(&["account", "person", "linked"], links.iter().map(row).collect(), 3))?)
}

async fn list(app: &App, output: &mut Output) -> anyhow::Result<()> {
    let people = app.approvals().people().await.map_err(explain)?;
    let mut rows = Vec::new();
    for person in people.iter() {
        let has_second_factor = app.approvals().has_second_factor(&person.name).await;
        let has_second_factor = has_second_factor.map_err(explain)?;
        if output.json {
            output.json_line(&json!({
                "name": person.name, "human": person.human, "roles": person.roles,
                "active": person.active, "second_factor": has_second_factor,
                "changed_at": person.changed_at,
            }))?;
            continue;
        }
        let linked = (person.human != person.name).then(|| format!("as {}", person.human));
        rows.push(vec![
            person.name.clone(),
            roles(person),
            if has_second_factor { "code".to_owned() } else { "password only".to_owned() },
            match (person.active, linked) {
                (false, _) => "ended".to_owned(),
                (true, linked) => linked.unwrap_or_default(),
            },
        ]);
    }
    if output.json {
        return Ok(());
    }
    if rows.is_empty() {
        output.line("nobody yet: `centinel init --person NAME`")?;
    } else {
        output.line(table(&["name", "roles", "signs in with", ""], rows, 4))?;
    }
    Ok(())
}

fn show(person: &Person, output: &mut Output) -> anyhow::Result<()> {
    if output.json {
        return Ok(output.json_line(person)?);
    }
    let state = if person.active { roles(person) } else { "ended".to_owned() };
    Ok(output.line(format_args!("{}: {}", printable(&person.name), printable(&state)))?)
}

fn roles(person: &Person) -> String {
    let roles: Vec<String> = person.roles.iter().map(ToString::to_string).collect();
    if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") }
}

/// Shows a key, asks for the code that the app makes of it, and shows the recovery codes, once.
pub(crate) async fn enrol(
    approvals: &Approvals,
    name: &str,
    proof: Proof,
    secrets: &mut Secrets,
    output: &mut Output,
) -> anyhow::Result<()> {
    let enrolment = approvals.begin_second_factor(name).map_err(explain)?;
    if output.json {
        output.json_line(&json!({ "uri": enrolment.uri, "secret": enrolment.secret }))?;
    } else {
        output.line("scan this with an authenticator app, or type the key into it:")?;
        output.line("")?;
        output.line(picture(&enrolment.uri)?)?;
        output.line(format_args!("  key  {}", enrolment.secret))?;
        output.line(format_args!("  uri  {}", enrolment.uri))?;
    }
    output.flush()?;
    let first = secrets.code("the code that the app shows now: ")?;
    let first = Code::new(&first);
    let codes = approvals.confirm_second_factor(name, proof, &enrolment, &first, now()).await;
    let codes = codes.map_err(explain)?;
    if output.json {
        output.json_line(&json!({ "name": name, "recovery_codes": codes }))?;
        return Ok(());
    }
    output.line("")?;
    output.line("from now on signing in and approving ask for a code.")?;
    output.line("keep these where the phone is not: each stands in for a code, once.")?;
    for code in codes {
        output.line(format_args!("  {code}"))?;
    }
    Ok(())
}

/// A text as a picture that phones read, two rows a line.
fn picture(text: &str) -> anyhow::Result<String> {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::L)
        .context("drawing the key")?;
    let width = code.width();
    let colors = code.to_colors();
    let is_dark = |x: usize, y: usize| {
        let index = y.checked_mul(width).and_then(|start| start.checked_add(x));
        let color = index.filter(|_| x < width && y < width).and_then(|index| colors.get(index));
        color.is_some_and(|color| *color == qrcode::Color::Dark)
    };
    let mut picture = String::new();
    // A quiet margin of two on each side; light is drawn, for terminals are dark.
    for y in (0..width + 4).step_by(2) {
        for x in 0..width + 4 {
            let at = |y: usize| match (x.checked_sub(2), y.checked_sub(2)) {
                (Some(x), Some(y)) => is_dark(x, y),
                _ => false,
            };
            picture.push(match (at(y), at(y + 1)) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            });
        }
        picture.push('\n');
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_drawn_with_a_margin() {
        let drawn =
            picture("otpauth://totp/Centinel:ana?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        let lines: Vec<&str> = drawn.lines().collect();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width));
        assert_eq!(lines.len(), width.div_ceil(2));
        assert!(lines[0].chars().all(|c| c == '█'), "a margin");
        // The corner of every such picture: a dark square of seven.
        assert!(lines[1].starts_with("██ ▄▄▄▄▄ "), "{drawn}");
        assert!(drawn.contains(' ') && drawn.contains('▀') && drawn.contains('▄'));
    }
}
