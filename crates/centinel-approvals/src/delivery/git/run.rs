//! One call of the binary: its environment, its limits.

use std::{
    ffi::{OsStr, OsString},
    io::{Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::{GitError, error::said};

/// Most bytes of an answer that is not a file.
pub(super) const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Most bytes of what is said on standard error.
const SAID_BYTES_MAX: u64 = 64 << 10;

/// The git binary and how it is called.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    search_path: OsString,
    limit: Duration,
}

/// Settings of every call. They come as configuration of the command, which stands above that of a
/// repository: what a clone's own `.git/config` says about hooks, helpers and signatures is not done.
const SETTINGS: [(&str, &str); 21] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.askPass", ""),
    ("core.quotePath", "false"),
    ("core.protectNTFS", "true"),
    ("core.protectHFS", "true"),
    ("credential.helper", ""),
    ("commit.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("push.followTags", "false"),
    ("push.recurseSubmodules", "no"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.detachedHead", "false"),
    ("i18n.commitEncoding", "UTF-8"),
    ("i18n.logOutputEncoding", "UTF-8"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1"),
    ("protocol.allow", "never"),
];

/// A call to be made.
#[derive(Default)]
pub(super) struct Call {
    /// The first argument, for messages.
    command: &'static str,
    arguments: Vec<OsString>,
    folder: Option<PathBuf>,
    environment: Vec<(&'static str, OsString)>,
    /// Settings besides [`SETTINGS`]; values may be secret.
    settings: Vec<(String, String)>,
    input: Vec<u8>,
    bytes_max: Option<usize>,
}

/// What a call answered.
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) output: Vec<u8>,
    pub(super) errors: Vec<u8>,
}

impl Call {
    pub(super) fn new(command: &'static str) -> Self {
        Self { command, arguments: vec![command.into()], ..Self::default() }
    }

    pub(super) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(super) fn args<T: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|one| one.as_ref().to_owned()));
        self
    }

    /// The repository in which it runs.
    pub(super) fn within(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    pub(super) fn environment(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub(super) fn settings(mut self, settings: Vec<(String, String)>) -> Self {
        self.settings.extend(settings);
        self
    }

    pub(super) fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = bytes;
        self
    }

    pub(super) fn bytes_max(mut self, bytes: usize) -> Self {
        self.bytes_max = Some(bytes);
        self
    }
}

impl Git {
    /// A binary by name or path; `search_path` is where names are looked for, as in `PATH`, and
    /// `limit` the time of each call.
    pub fn new(program: impl Into<PathBuf>, search_path: OsString, limit: Duration) -> Self {
        Self { program: program.into(), search_path, limit }
    }

    /// Runs a call; any exit code is an answer.
    pub(super) async fn run(&self, call: Call) -> Result<Ran, GitError> {
        let git = self.clone();
        let command = call.command;
        tokio::task::spawn_blocking(move || git.run_here(call))
            .await
            .unwrap_or(Err(GitError::Answer(command)))
    }

    /// Runs a call that must succeed, and gives its output.
    pub(super) async fn must(&self, call: Call) -> Result<Vec<u8>, GitError> {
        let command = call.command;
        let ran = self.run(call).await?;
        if ran.code == Some(0) {
            Ok(ran.output)
        } else {
            Err(GitError::Failed { command, said: said(&ran.errors) })
        }
    }

    /// As [`Self::must`], for one line.
    pub(super) async fn line(&self, call: Call) -> Result<String, GitError> {
        let command = call.command;
        let output = self.must(call).await?;
        let text = String::from_utf8(output).map_err(|_| GitError::Answer(command))?;
        Ok(text.trim_end().to_owned())
    }

    fn run_here(&self, call: Call) -> Result<Ran, GitError> {
        let started = Instant::now();
        let mut child = self.command(&call).spawn().map_err(|error| GitError::Start {
            program: self.program.display().to_string(),
            reason: error.to_string().to_lowercase(),
        })?;
        if let Some(mut stdin) = child.stdin.take() {
            let input = call.input;
            // A child that reads nothing closes the pipe; that is no failure of ours.
            thread::spawn(move || stdin.write_all(&input));
        }
        let bytes_max = call.bytes_max.unwrap_or(ANSWER_BYTES_MAX);
        let output = child.stdout.take().map(|pipe| read(pipe, bytes_max as u64 + 1));
        let errors = child.stderr.take().map(|pipe| read(pipe, SAID_BYTES_MAX));
        let left = || self.limit.saturating_sub(started.elapsed());
        let timeout = || GitError::Timeout { command: call.command, limit: self.limit };
        // The output first: a child whose pipe is full does not end.
        let output = output.and_then(|output| output.recv_timeout(left()).ok());
        let Some(output) = output else {
            end(&mut child);
            return Err(timeout());
        };
        if output.len() > bytes_max {
            end(&mut child);
            let what = format!("git {}", call.command);
            return Err(GitError::TooLarge { what, bytes: bytes_max });
        }
        let code = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status.code(),
                Ok(None) if left() > Duration::ZERO => thread::sleep(Duration::from_millis(2)),
                _ => {
                    end(&mut child);
                    return Err(timeout());
                }
            }
        };
        let errors = errors.and_then(|errors| errors.recv_timeout(left()).ok()).unwrap_or_default();
        Ok(Ran { code, output, errors })
    }

    fn command(&self, call: &Call) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&call.arguments).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // Nothing of our own environment reaches git: no `GIT_DIR`, no proxy, no agent of keys.
        command.env_clear().env("PATH", &self.search_path).env("LC_ALL", "C");
        command.env("HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_ATTR_NOSYSTEM", "1").env("GIT_NO_REPLACE_OBJECTS", "1");
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0");
        command.env("GIT_LITERAL_PATHSPECS", "1");
        let low_speed = [("http.lowSpeedTime".to_owned(), self.limit.as_secs().max(1).to_string())];
        let fixed = SETTINGS.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let settings: Vec<_> = fixed.iter().chain(&low_speed).chain(&call.settings).collect();
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (index, (key, value)) in settings.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{index}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        if let Some(folder) = &call.folder {
            command.current_dir(folder);
        }
        command.envs(call.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Reads a pipe on a thread of its own, up to so many bytes.
fn read(pipe: impl Read + Send + 'static, bytes_max: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.take(bytes_max).read_to_end(&mut bytes);
        // Nobody listens any more when the time was up.
        let _ = sender.send(bytes);
    });
    receiver
}

fn end(child: &mut Child) {
    // Both fail only for a child that has ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}
