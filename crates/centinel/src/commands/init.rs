//! `centinel init`: makes a home, and its first person.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use centinel_approvals::Password;

use crate::{
    commands::inbox,
    context::{self, Context, now},
    failure::hinted,
    output::{Outcome, Output},
    text::printable,
};

/// Makes a home: folders, configuration, policies, and the first person who may approve.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the first person: an admin, who may approve and add others.
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Read the person's password from standard input instead of the terminal.
    #[arg(long, requires = "person")]
    password_stdin: bool,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let written = centinel_app::create_home(&context.home).map_err(context::explain)?;
    for path in &written {
        output.note(format!("wrote {}", path.display()));
    }
    let person = match &args.person {
        Some(name) => Some((name.clone(), new_password(name, args.password_stdin)?)),
        None => None,
    };
    let name = context.run(async |app| {
        let Some((name, password)) = person else { return Ok(None) };
        let created = app.approvals().init_first_person(&name, password, now()).await;
        Ok(Some(created.map_err(inbox::explain)?.name))
    })?;
    if output.json {
        output.json_line(&serde_json::json!({
            "home": context.home, "written": written, "person": name,
        }))?;
        return Ok(Outcome::Done);
    }
    output.line(format!("home {}", context.home.display()))?;
    match name {
        Some(name) => output.line(format!("{} may approve", printable(&name)))?,
        None => output.line("nobody may approve yet: `centinel init --person NAME`")?,
    }
    Ok(Outcome::Done)
}

fn new_password(name: &str, from_stdin: bool) -> anyhow::Result<Password> {
    if from_stdin {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).context("reading the password")?;
        return Ok(Password::new(line.trim_end_matches(['\r', '\n'])));
    }
    if !std::io::stdin().is_terminal() {
        return Err(hinted("a password needs a terminal", "or `--password-stdin`"));
    }
    let ask = |prompt: String| rpassword::prompt_password(prompt).context("reading the password");
    let first = ask(format!("new password of {}: ", printable(name)))?;
    if first != ask("again: ".to_owned())? {
        return Err(hinted("the two passwords differ", "run the command again"));
    }
    Ok(Password::new(first))
}
