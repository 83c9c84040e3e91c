//! Passwords and codes, as people type them. Never an argument and never an environment variable: an
//! agent that shares the terminal does not have them.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use centinel_approvals::{Approvals, Code, Password, Proof};

use crate::{commands::inbox::explain, failure::hinted, text::printable};

/// Where secrets are read from.
#[derive(Debug, clap::Args)]
pub(crate) struct SecretArgs {
    /// Read passwords and codes from standard input, one a line in the order of the questions, instead
    /// of the terminal.
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// Asks for secrets.
pub(crate) struct Secrets {
    from_stdin: bool,
}

impl Secrets {
    pub(crate) fn new(args: &SecretArgs) -> Self {
        Self { from_stdin: args.password_stdin }
    }

    /// A person's password, and the code of the second factor where they have one.
    pub(crate) async fn proof(
        &mut self,
        approvals: &Approvals,
        name: &str,
    ) -> anyhow::Result<Proof> {
        let password = Password::new(self.ask(&format!("password of {}: ", printable(name)))?);
        let has_second_factor = approvals.has_second_factor(name).await.map_err(explain)?;
        let code = if has_second_factor {
            Some(Code::new(&self.code("code of the authenticator app: ")?))
        } else {
            None
        };
        Ok(Proof::new(password, code))
    }

    /// A new password.
    pub(crate) fn new_password(&mut self, name: &str) -> anyhow::Result<Password> {
        Ok(Password::new(self.new_text(name)?))
    }

    /// A new password as text, typed twice where somebody types.
    pub(crate) fn new_text(&mut self, name: &str) -> anyhow::Result<String> {
        let first = self.ask(&format!("new password of {}: ", printable(name)))?;
        if !self.from_stdin && first != self.ask("again: ")? {
            return Err(hinted("the two passwords differ", "run the command again"));
        }
        Ok(first)
    }

    /// A code.
    pub(crate) fn code(&mut self, prompt: &str) -> anyhow::Result<String> {
        self.ask(prompt)
    }

    fn ask(&mut self, prompt: &str) -> anyhow::Result<String> {
        if self.from_stdin {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).context("reading standard input")?;
            return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
        }
        if !std::io::stdin().is_terminal() {
            return Err(hinted(
                "this needs a person at a terminal",
                "or `--password-stdin`, where a person types it",
            ));
        }
        rpassword::prompt_password(prompt).context("reading from the terminal")
    }
}
