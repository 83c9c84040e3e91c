//! A home with proposals, made once and copied for each way.

use std::{
    fmt::Display,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
};

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{AnyPool, AssertSqlSafe, Row as _};

use crate::{
    first_steps::log,
    product::{Home, PASSWORD, Ran, copy},
};

/// What each proposal writes into the budgets once it is carried out.
pub(super) const EFFECT_OF_P1: &str = r#""feature=answers""#;
pub(super) const EFFECT_OF_P2: &str = r#""team=support" = "30 USD""#;
pub(super) const EFFECT_OF_P3: &str = r#""model=gpt-5.1""#;

/// A change that two people have to approve.
const OF_TWO: &str = r#"
title = "Half of the answers by a smaller model"
risk = "high"
reversible = true

[change]
kind = "routing"
feature = "answers"
from_model = "gpt-5.1"
to_model = "gpt-5-mini"
share_ratio = "0.5"

[scope]
feature = "answers"

[[edit]]
repository = "home"
file = "policies/budgets.toml"
path = 'month."model=gpt-5.1"'
to = "20 USD"
"#;

/// The present, as the product sees it.
#[expect(clippy::disallowed_methods, reason = "the binary under test reads the same clock")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// Everybody's password, one line.
pub(super) fn password(name: &str) -> String {
    if name == "ada" { PASSWORD.to_owned() } else { format!("a password of {name}\n") }
}

/// The home that every way begins with.
pub(super) struct Template {
    home: Home,
    secrets: Vec<(String, String)>,
}

/// A copy of it, for one way.
pub(super) struct Stage {
    folder: tempfile::TempDir,
    secrets: Vec<(String, String)>,
}

/// An entry of the audit log, as the table has it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) subject: String,
    pub(super) payload: String,
}

impl Ran {
    /// Both outputs.
    pub(super) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

impl Template {
    /// Ada (`admin`, `finops`) and her second account, Ben who owns `support`, Carl (`finops`), Dora who
    /// only looks; an agent, one that only reads, and one that works for Ben.
    pub(super) fn new() -> Self {
        let home = Home::new();
        for (name, more) in [
            ("ben", &["--role", "owner:support"][..]),
            ("carl", &["--role", "finops"]),
            ("dora", &["--role", "member:support"]),
            ("ada2", &["--role", "finops", "--linked-to", "ada"]),
        ] {
            let args = [&["person", "set", name, "--as", "ada", "--password-stdin"], more].concat();
            home.with_input(&args, &format!("{PASSWORD}{}", password(name))).ok();
        }
        let mut secrets = Vec::new();
        for (name, more) in [
            ("bot", &["--scope", "propose"][..]),
            ("reader", &[]),
            ("for-ben", &["--scope", "propose", "--for", "ben"]),
        ] {
            let args = [
                &["--json", "token", "create", name, "--scope", "read", "--as", "ada"][..],
                &["--password-stdin"],
                more,
            ];
            let made = home.with_input(&args.concat(), PASSWORD).ok().json();
            secrets.push((name.to_owned(), made["secret"].as_str().unwrap().to_owned()));
        }
        let log = home.file("calls.csv", &log()).display().to_string();
        home.run(&["import", &log]).ok();
        home.run(&["propose", "budget", "--scope", "feature=answers", "--limit", "40"]).ok();
        home.run(&["propose", "budget", "--scope", "team=support", "--limit", "30"]).ok();
        let approve = ["approve", "P-2", "--as", "carl", "--password-stdin"];
        home.with_input(&approve, &password("carl")).ok();
        home.run(&["execute"]).ok();
        let of_two = home.file("two.toml", OF_TWO).display().to_string();
        home.run(&["propose", "change", &of_two]).ok();
        Self { home, secrets }
    }

    pub(super) fn stage(&self) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        copy(&self.home.path(), &folder.path().join("home"));
        Stage { folder, secrets: self.secrets.clone() }
    }
}

impl Stage {
    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A file beside the home.
    pub(super) fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// A file of the home, changed.
    pub(super) fn edit(&self, file: &str, change: impl Fn(String) -> String) {
        let path = self.home().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed, "nothing was changed in {file}");
        fs::write(path, changed).unwrap();
    }

    /// A file of the home, with more at its end.
    pub(super) fn append(&self, file: &str, text: &str) {
        let path = self.home().join(file);
        let before = fs::read_to_string(&path).unwrap();
        fs::write(path, before + text).unwrap();
    }

    /// A change that somebody proposes from a file: `P-4`.
    pub(super) fn propose(&self, text: &str) {
        let file = self.file("change.toml", text);
        self.run(&["propose", "change", &file]).ok();
    }

    /// The digest of a proposal, as everybody can read it.
    pub(super) fn digest(&self, id: &str) -> String {
        self.run(&["--json", "show", id]).ok().json()["digest"].as_str().unwrap().to_owned()
    }

    /// An account outside that an admin links to a person.
    pub(super) fn link(&self, name: &str, account: &str) {
        let args = ["person", "link", name, account, "--as", "ada", "--password-stdin"];
        self.with_input(&args, PASSWORD).ok();
    }

    /// A proposal of the agent that works for Ben: `P-4`.
    pub(super) fn propose_for_ben(&self) -> String {
        let arguments = json!({ "kind": "budget", "amount": "99", "per": "month",
            "scope": { "team": "support" }, "reason": "mine" });
        let calls = [Self::tool("propose_change", &arguments)];
        let said = self.mcp(&[], Some(self.token("for-ben")), &calls);
        assert!(said.contains("P-4"), "{said}");
        said
    }

    pub(super) fn budgets(&self) -> String {
        fs::read_to_string(self.home().join("policies/budgets.toml")).unwrap_or_default()
    }

    /// The secret of a service token.
    pub(super) fn token(&self, name: &str) -> &str {
        let found = self.secrets.iter().find(|(of, _)| of == name);
        &found.unwrap().1
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        self.with_input(args, "")
    }

    pub(super) fn with_input(&self, args: &[&str], input: &str) -> Ran {
        self.with_all(args, input, &[])
    }

    /// Decides as somebody, with their own password.
    pub(super) fn decide(&self, verb: &str, id: &str, name: &str) -> Ran {
        self.with_input(&[verb, id, "--as", name, "--password-stdin"], &password(name))
    }

    pub(super) fn with_all(&self, args: &[&str], input: &str, variables: &[(&str, &str)]) -> Ran {
        let mut child = self.command(args, variables).spawn().unwrap();
        // Whoever does not read has closed its end; that is no failure of the test.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    fn command(&self, args: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("centinel"));
        command
            .arg("--home")
            .arg(self.home())
            .args(args)
            .envs(variables.iter().copied())
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// An MCP client over standard input and output: calls one after the other, and what was answered.
    pub(super) fn mcp(
        &self,
        args: &[&str],
        token: Option<&str>,
        calls: &[(&str, Value)],
    ) -> String {
        let mut all = vec!["mcp"];
        all.extend_from_slice(args);
        let mut variables = Vec::new();
        if let Some(token) = token {
            all.extend(["--token-env", "TOKEN_OF_THE_TEST"]);
            variables.push(("TOKEN_OF_THE_TEST", token));
        }
        let mut child = self.command(&all, &variables).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let begin = json!({ "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" } });
        let mut said = String::new();
        let begins = [("initialize", begin)];
        for (id, (method, params)) in begins.iter().chain(calls).enumerate() {
            let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
            let notice = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            let lines =
                if id == 0 { format!("{request}\n{notice}\n") } else { format!("{request}\n") };
            if input.write_all(lines.as_bytes()).is_err() {
                break;
            }
            let answer = format!("\"id\":{id}");
            loop {
                let mut line = String::new();
                if output.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
                said.push_str(&line);
                if line.contains(&answer) {
                    break;
                }
            }
        }
        drop(input);
        drop(output);
        let rest = child.wait_with_output().unwrap();
        said.push_str(&String::from_utf8_lossy(&rest.stderr));
        said
    }

    /// Calls of tools, as [`Self::mcp`] takes them.
    pub(super) fn tool(name: &str, arguments: &Value) -> (&'static str, Value) {
        ("tools/call", json!({ "name": name, "arguments": arguments }))
    }

    /// Statements of somebody who can write to the database. Triggers stand in nobody's way who may.
    pub(super) fn write(&self, statements: &[impl Display]) -> String {
        self.in_database(async |pool| {
            for row in sqlx::query("select name from sqlite_master where type = 'trigger'")
                .fetch_all(&pool)
                .await
                .unwrap()
            {
                let text = format!("drop trigger {}", row.get::<String, _>(0));
                sqlx::query(AssertSqlSafe(text)).execute(&pool).await.unwrap();
            }
            for statement in statements {
                let text = statement.to_string();
                let done = sqlx::query(AssertSqlSafe(text.clone())).execute(&pool).await;
                let rows = done.unwrap_or_else(|error| panic!("{text}: {error}")).rows_affected();
                assert_ne!(rows, 0, "nothing was changed by {text}");
            }
            String::new()
        })
    }

    /// The audit log, as the table has it.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.in_database(async |pool| {
            let rows = sqlx::query(
                "select actor, action, subject, payload from audit_entry order by sequence",
            )
            .fetch_all(&pool)
            .await
            .unwrap();
            let entry = |row: &sqlx::any::AnyRow| Entry {
                actor: row.get(0),
                action: row.get(1),
                subject: row.get(2),
                payload: row.get(3),
            };
            rows.iter().map(entry).collect()
        })
    }

    pub(super) fn in_database<T>(&self, work: impl AsyncFnOnce(AnyPool) -> T) -> T {
        let address = format!("sqlite:{}", self.home().join("catalogue.sqlite").display());
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(
            async {
                sqlx::any::install_default_drivers();
                let pool = AnyPool::connect(&address).await.unwrap();
                let done = work(pool.clone()).await;
                pool.close().await;
                done
            },
        )
    }
}
