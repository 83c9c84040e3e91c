//! Through a forge: webhooks, words, commits, branches and merges. A merge is the one act of somebody
//! outside that is a decision here, so what is merged, by whom, and whether it is what was asked.

mod contents;
mod mergers;

use std::os::unix::fs::symlink;

use ring::hmac;
use serde_json::json;

use super::{
    Trace::{Counted, Entry, Told},
    Way, page,
    stage::{Stage, password},
};
use crate::{
    delivery::{ROUTE, VALUES},
    forges::{
        github::{FakeGitHub, Pull},
        repository::{Repository, TOKEN, git},
    },
    page::Served,
};

const SECRET: &str = "It's a Secret to Everybody";
const BRANCH: &str = "centinel/routing/answers-p-4";

/// A repository on a forge, to which `P-4` is delivered.
struct Forge<'s> {
    stage: &'s Stage,
    repository: Repository,
    github: FakeGitHub,
}

/// The values as they are proposed.
fn proposed() -> String {
    VALUES.replace("gpt-5.1 #", "gpt-5-mini #")
}

impl<'s> Forge<'s> {
    /// The repository, with more lines in its table; nothing is proposed yet.
    fn with(stage: &'s Stage, lines: &str) -> Self {
        let folder = stage.home().with_file_name("forge");
        let repository = Repository::new(&folder, &[("values.yaml", VALUES)]);
        let github = FakeGitHub::start(&repository.bare);
        let (token, secret) = (stage.file("token", TOKEN), stage.file("secret", SECRET));
        let (url, api) = (repository.url(), github.server.base());
        stage.append(
            "centinel.toml",
            &format!(
                "\n[[repository]]\nname = \"shop\"\nurl = \"{url}\"\nforge = \"github\"\n\
                 api = \"{api}\"\ncredential = \"file:{token}\"\nwebhook_secret = \
                 \"file:{secret}\"\n{lines}\n"
            ),
        );
        Self { stage, repository, github }
    }

    /// With `P-4` proposed and its pull request open.
    fn open(stage: &'s Stage, change: &str) -> Self {
        let forge = Self::with(stage, "");
        stage.propose(change);
        forge.deliver();
        forge
    }

    fn deliver(&self) -> String {
        self.stage.run(&["--json", "deliver", "--now"]).all()
    }

    fn link(&self, name: &str) {
        let host = self.repository.server.base();
        let host = host.trim_start_matches("http://");
        self.stage.link(name, &format!("github:{name}-of-shop@{host}"));
    }

    /// A commit on a branch, whoever it is of.
    fn commit(&self, branch: &str, files: &[(&str, &str)], words: &str) {
        self.repository.commit(branch, files, words);
    }

    fn act(&self, act: impl FnOnce(&mut Pull)) {
        self.github.by_person(1, act);
    }

    /// What somebody's merge of the proposed values does, and what is made of it.
    fn merge(&self, login: &str) -> String {
        self.commit("main", &[("values.yaml", &proposed())], "Merge pull request #1");
        self.merged(login)
    }

    /// The forge says that somebody merged the pull request.
    fn merged(&self, login: &str) -> String {
        self.act(|pull| pull.merged_by = Some(login.to_owned()));
        self.deliver() + &self.deliver()
    }

    /// Somebody's own pull request from a branch, or from a fork.
    fn somebody_opens(&self, branch: &str, fork: Option<&str>) {
        let pull = Pull {
            number: 1,
            title: "Fix a typo".to_owned(),
            body: "approved by carl".to_owned(),
            branch: branch.to_owned(),
            fork: fork.map(str::to_owned),
            base: "main".to_owned(),
            ..Pull::default()
        };
        self.github.state.lock().unwrap().pulls.push(pull);
    }
}

/// Posts webhooks of a repository to the server, each with a signature by `secret`.
fn hooks(
    stage: &Stage,
    secret: Option<&str>,
    headers: &[(&str, &str)],
    bodies: &[String],
) -> String {
    let forge = Forge::open(stage, ROUTE);
    forge.link("carl");
    let served = Served::of(&stage.home());
    let mut said = String::new();
    for body in bodies {
        let tag = secret.map(|secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            let tag = hmac::sign(&key, body.as_bytes());
            format!("sha256={}", centinel_engine::facts::hex(tag.as_ref()))
        });
        let mut all = vec![("X-GitHub-Event", "pull_request")];
        all.extend(tag.as_ref().map(|tag| ("X-Hub-Signature-256", tag.as_str())));
        all.extend_from_slice(headers);
        let answer = served.send("POST /hooks/github", &all, body);
        said.extend([answer.status.to_string(), " ".to_owned(), answer.body, "\n".to_owned()]);
    }
    said + &page::metrics(&served) + &forge.deliver()
}

/// A webhook that says that Carl merged.
fn merged_by_carl(repository: &str) -> String {
    let login = json!({ "login": "carl-of-shop" });
    json!({
        "action": "closed", "repository": { "full_name": repository }, "sender": login,
        "pull_request": { "number": 1, "merged": true, "merged_by": login,
            "head": { "ref": BRANCH } },
    })
    .to_string()
}

fn of_webhooks() -> Vec<Way> {
    vec![
        Way::new(
            "forge: a webhook of somebody who has not the secret",
            |stage| hooks(stage, Some("a guess"), &[], &[merged_by_carl("org/shop")]),
            Counted("wrong_signature"),
        ),
        Way::new(
            "forge: a webhook that nobody signed",
            |stage| hooks(stage, None, &[], &[merged_by_carl("org/shop")]),
            Counted("wrong_signature"),
        ),
        Way::new(
            "forge: a webhook that a page of another site sends",
            |stage| {
                let page = [("Origin", "https://evil.example")];
                hooks(stage, Some(SECRET), &page, &[merged_by_carl("org/shop")])
            },
            Counted("foreign_page"),
        ),
        Way::new(
            "forge: a webhook, rightly signed and sent again, that says who merged",
            |stage| {
                let body = merged_by_carl("org/shop");
                hooks(stage, Some(SECRET), &[], &[body.clone(), body.clone(), body])
            },
            // It is a reason to look, and its words are not read.
            Told("202"),
        ),
        Way::new(
            "forge: a webhook of another repository",
            |stage| hooks(stage, Some(SECRET), &[], &[merged_by_carl("org/mine")]),
            Told("names no repository"),
        ),
    ]
}

fn of_words() -> Vec<Way> {
    vec![
        Way::new(
            "forge: comments, labels and a title that say approved",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                forge.link("carl");
                forge.act(|pull| {
                    for text in ["approved", "/approve P-4", "LGTM", "centinel approve P-1"] {
                        pull.comments.push(("carl-of-shop".to_owned(), text.to_owned()));
                    }
                    pull.labels.push("approved".to_owned());
                    pull.title = "APPROVED: P-4".to_owned();
                    pull.reviewers.clear();
                });
                forge.deliver()
            },
            Told("\"delivered\":[]"),
        ),
        Way::new(
            "forge: a commit of ours in Carl's name, with a trailer of approval",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                forge.link("carl");
                let words = "Approve P-4\n\nApproved-by: carl\nCentinel-Approved: P-4 v1";
                forge.commit(BRANCH, &[("approved", "by carl")], words);
                forge.deliver()
            },
            Told("\"state\":\"theirs\""),
        ),
        Way::new(
            "forge: a body with the mark of another proposal",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                let digest = stage.digest("P-1");
                let mark = json!({ "proposal": "P-1", "version": 1, "digest": digest,
                    "audit_head": "", "text": "" });
                let mark =
                    base64::Engine::encode(&base64::prelude::BASE64_STANDARD, mark.to_string());
                forge.act(|pull| pull.body = format!("<!-- centinel:v1 {mark} -->"));
                forge.deliver() + &forge.merge("mallory")
            },
            Entry("proposal.overtaken", "mallory"),
        )
        .ends(&[("P-4", "overtaken")]),
        Way::new(
            "forge: one's own account linked to somebody else, without an admin",
            |stage| {
                let forge = Forge::open(stage, ROUTE);
                let host = forge.repository.server.base();
                let account = format!("github:mallory@{}", host.trim_start_matches("http://"));
                let args = ["person", "link", "carl", &account, "--as", "dora"];
                let args = [&args[..], &["--password-stdin"]].concat();
                stage.with_input(&args, &password("dora")).all() + &forge.merge("mallory")
            },
            Entry("refused", "does not hold the role `admin`"),
        )
        .ends(&[("P-4", "overtaken")]),
    ]
}

/// Places that no proposal may write to.
fn of_places() -> Vec<Way> {
    vec![
        Way::new(
            "forge: a repository by the home's name",
            |stage| {
                let config = "[[repository]]\nname = \"home\"\npath = \"../elsewhere\"\n";
                let config = stage.file("other.toml", config);
                stage.run(&["--config", &config, "execute"]).all()
            },
            Told("its name is taken"),
        ),
        Way::new(
            "forge: edits in two places at once",
            |stage| {
                let _forge = Forge::with(stage, "");
                let two = format!(
                    "{ROUTE}\n[[edit]]\nrepository = \"home\"\nfile = \"policies/budgets.toml\"\n\
                     path = 'month.\"feature=answers\"'\nto = \"40 USD\"\n"
                );
                let file = stage.file("two.toml", &two);
                stage.run(&["propose", "change", &file]).all()
            },
            Told("several repositories"),
        ),
        Way::new(
            "forge: files outside of the repository, and git's own",
            |stage| {
                let forge = Forge::with(stage, "");
                let said = ["../values.yaml", "/etc/passwd", ".git/config", "a/../../values.yaml"]
                    .map(|file| {
                        let text = ROUTE.replace("values.yaml", file);
                        let file = stage.file("outside.toml", &text);
                        stage.run(&["propose", "change", &file]).all()
                    });
                said.concat() + &forge.deliver()
            },
            Told("must lie inside of its repository"),
        ),
        Way::new(
            "forge: a link in the place of the file",
            |stage| {
                let forge = Forge::with(stage, "");
                let clone = &forge.repository.clone;
                std::fs::remove_file(clone.join("values.yaml")).unwrap();
                symlink("/etc/passwd", clone.join("values.yaml")).unwrap();
                git(clone, &["add", "-A"]);
                git(clone, &["commit", "--quiet", "-m", "a link"]);
                git(clone, &["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
                stage.propose(ROUTE);
                forge.deliver()
            },
            Told("not a file that is edited"),
        ),
        Way::new(
            "forge: a key as the repository's credential",
            |stage| {
                let forge = Forge::with(stage, "");
                std::fs::copy(stage.home().join("audit.key"), stage.home().with_file_name("token"))
                    .unwrap();
                stage.propose(ROUTE);
                forge.deliver()
            },
            Told("credential"),
        ),
    ]
}

pub(super) fn ways() -> Vec<Way> {
    [of_webhooks(), of_words(), mergers::ways(), contents::ways(), of_places()]
        .into_iter()
        .flatten()
        .collect()
}
