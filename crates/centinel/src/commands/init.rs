//! `centinel init`: makes a home, and its first person.

use centinel_approvals::Password;

use crate::{
    commands::{
        inbox, person,
        secrets::{SecretArgs, Secrets},
    },
    context::{self, Context, now},
    failure::usage,
    output::{Outcome, Output},
    text::printable,
};

/// Makes a home: folders, configuration, policies, and the first person who may approve.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the first person: an admin, who may approve and add others.
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Leave the second factor for later: `centinel person second-factor`. Without a terminal it is left.
    #[arg(long, requires = "person")]
    no_second_factor: bool,
    #[command(flatten)]
    secrets: SecretArgs,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    if args.secrets.password_stdin && args.person.is_none() {
        return Err(usage("`--password-stdin` is of no use without a person", "`--person NAME`"));
    }
    let written = centinel_app::create_home(&context.home).map_err(context::explain)?;
    for path in &written {
        output.note(format!("wrote {}", path.display()));
    }
    let mut secrets = Secrets::new(&args.secrets);
    let person = match &args.person {
        Some(name) => Some((name.clone(), secrets.new_text(name)?)),
        None => None,
    };
    let name = context.run(async |app| {
        let Some((name, password)) = person else { return Ok(None) };
        let first = Password::new(password.as_str());
        let created = app.approvals().init_first_person(&name, first, now()).await;
        let name = created.map_err(inbox::explain)?.name;
        if !output.json && !args.secrets.password_stdin && !args.no_second_factor {
            let proof = Password::new(password).into();
            person::enrol(app.approvals(), &name, proof, &mut secrets, output).await?;
        }
        Ok(Some(name))
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
