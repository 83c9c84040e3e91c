//! The product as it is shipped: the binary, a home of its own, what a command printed.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// Longest time that one command may take.
const COMMAND_TIME: Duration = Duration::from_mins(5);

/// The binary that is measured: `CENTINEL_BIN`, else the one beside this program.
///
/// # Errors
///
/// Where there is none: a suite that measured nothing would look like one that found nothing.
#[expect(clippy::disallowed_methods, reason = "which binary to measure is the caller's choice")]
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    if let Ok(path) = std::env::var("CENTINEL_BIN") {
        let path = PathBuf::from(path);
        ensure!(path.is_file(), "`CENTINEL_BIN` is `{}`, which is no file", path.display());
        return Ok(path);
    }
    let own = std::env::current_exe().context("finding this program")?;
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join("centinel"));
    beside.into_iter().find(|path| path.is_file()).context(
        "the agent suites run the product: `cargo build -p centinel`, or set `CENTINEL_BIN`",
    )
}

/// What a command left behind.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

impl Ran {
    /// Standard output as JSON: the last line that is an object.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        let lines = self.out.lines().rev();
        let object = lines
            .filter(|line| line.starts_with(['{', '[']))
            .find_map(|line| serde_json::from_str(line).ok());
        object
            .with_context(|| format!("no JSON (exit code {}): {}{}", self.code, self.out, self.err))
    }
}

/// A home of the product in a folder that goes with it.
#[derive(Debug)]
pub(crate) struct Home {
    binary: PathBuf,
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Home {
    /// A new home with one person, and `config` as its configuration.
    pub(crate) fn new(config: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let home = folder.path().join("home");
        let home = Self { binary: binary()?, folder, path: home };
        // A configuration that is there is kept by `init`.
        std::fs::create_dir_all(&home.path)?;
        home.configure(config)?;
        home.input(&["init", "--person", "ada", "--password-stdin"], PASSWORD)?.ok()?;
        Ok(home)
    }

    /// Adds lines to the configuration.
    pub(crate) fn configure(&self, lines: &str) -> anyhow::Result<()> {
        let path = self.path.join("centinel.toml");
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, format!("{known}\n{lines}")).context("writing the configuration")
    }

    /// The home's folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder around it, where a file of a case may lie.
    pub(crate) fn around(&self) -> &Path {
        self.folder.path()
    }

    /// A file beside the home.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> anyhow::Result<String> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).with_context(|| format!("writing `{}`", path.display()))?;
        Ok(path.display().to_string())
    }

    /// Runs a command.
    pub(crate) fn run(&self, args: &[&str]) -> anyhow::Result<Ran> {
        self.input(args, "")
    }

    /// Runs a command that must end well, and reads its JSON.
    pub(crate) fn json(&self, args: &[&str]) -> anyhow::Result<Value> {
        let mut all = vec!["--json"];
        all.extend_from_slice(args);
        self.run(&all)?.ok()?.json()
    }

    /// Runs a command with something on its standard input.
    pub(crate) fn input(&self, args: &[&str], input: &str) -> anyhow::Result<Ran> {
        let began = Instant::now();
        let mut child =
            self.command(args).stdin(Stdio::piped()).spawn().context("starting the product")?;
        if let Some(mut pipe) = child.stdin.take() {
            // A command that reads nothing has closed its end.
            let _ = pipe.write_all(input.as_bytes());
        }
        let output = child.wait_with_output()?;
        let took = began.elapsed();
        ensure!(took < COMMAND_TIME, "`{}` took {took:?}", args.join(" "));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Ok(Ran { code, out: text(output.stdout), err: text(output.stderr), took })
    }

    /// A command of the product on this home, without anything of the caller's own homes.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("--home")
            .arg(&self.path)
            .args(args)
            .env_remove("CENTINEL_HOME")
            .env("CENTINEL_EVAL_BOT", "xoxb-eval-0000")
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Ran {
    /// Exit code 0, or 3: done, with some rows rejected.
    pub(crate) fn ok(self) -> anyhow::Result<Self> {
        if self.code != 0 {
            bail!("exit code {}: {}{}", self.code, self.out, self.err);
        }
        Ok(self)
    }
}

/// The password of the only person of a home.
pub(crate) const PASSWORD: &str = "correct horse battery staple\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_object_of_the_output_is_the_answer() {
        let ran = |out: &str| Ran {
            code: 0,
            out: out.to_owned(),
            err: String::new(),
            took: Duration::ZERO,
        };
        assert_eq!(ran("note\n{\"a\":1}\n{\"a\":2}\n").json().unwrap()["a"], 2);
        assert!(ran("nothing").json().is_err());
    }
}
