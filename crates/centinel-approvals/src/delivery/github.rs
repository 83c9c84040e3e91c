//! Pull requests of GitHub, in the cloud and Enterprise.
//!
//! # Source
//!
//! GitHub REST API, version 2022-11-28: "Pulls", "Issue comments", "Labels", "Review requests"; who
//! closed a pull request stands in the issue of the same number only ("Get an issue", `closed_by`).

use jiff::Timestamp;
use reqwest::{
    Method,
    header::{self, HeaderName, HeaderValue},
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Comment, Forge, ForgeError, Limits, NewPullRequest, PullRequest, PullState, Reply, Reviewer,
    forge::opened_all_the_same,
    http::{Client, Request, Way},
};

/// The API of github.com.
pub const GITHUB: &str = "https://api.github.com";

/// One repository on GitHub.
#[derive(Debug)]
pub struct GitHub {
    client: Client,
    owner: String,
    name: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct Team {
    slug: String,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    #[serde(default)]
    repo: Option<Repo>,
}

#[derive(Deserialize)]
struct Repo {
    full_name: String,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    html_url: String,
    state: String,
    title: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    labels: Vec<Label>,
    head: Side,
    base: Side,
    #[serde(default)]
    requested_reviewers: Option<Vec<User>>,
    #[serde(default)]
    requested_teams: Option<Vec<Team>>,
    #[serde(default)]
    merged_at: Option<String>,
    #[serde(default)]
    merged_by: Option<User>,
    #[serde(default)]
    merge_commit_sha: Option<String>,
}

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    closed_by: Option<User>,
}

#[derive(Deserialize)]
struct IssueComment {
    #[serde(default)]
    user: Option<User>,
    #[serde(default)]
    body: Option<String>,
}

impl From<Pull> for PullRequest {
    fn from(pull: Pull) -> Self {
        let state = if pull.merged_at.is_some() {
            PullState::Merged {
                by: pull.merged_by.map(|user| user.login),
                commit: pull.merge_commit_sha,
            }
        } else if pull.state == "open" {
            PullState::Open
        } else {
            PullState::Closed { by: None }
        };
        let people = pull.requested_reviewers.unwrap_or_default().into_iter();
        let teams = pull.requested_teams.unwrap_or_default().into_iter();
        Self {
            number: pull.number,
            url: pull.html_url,
            state,
            title: pull.title,
            body: pull.body.unwrap_or_default(),
            labels: pull.labels.into_iter().map(|label| label.name).collect(),
            head: pull.head.sha,
            base: pull.base.branch,
            reviewers: people.map(|user| user.login).chain(teams.map(|team| team.slug)).collect(),
        }
    }
}

impl GitHub {
    /// A repository `owner/name`, by a token. `base` is [`GITHUB`], or `https://HOST/api/v3` of an
    /// Enterprise server; `seed` spreads waits, `now` is asked where a server states no date.
    ///
    /// # Errors
    ///
    /// [`ForgeError`] when address, name or token are none.
    pub fn new(
        base: &str,
        repository: &str,
        token: SecretString,
        limits: Limits,
        seed: u64,
        now: fn() -> Timestamp,
        trusted_plain: bool,
    ) -> Result<Self, ForgeError> {
        let (owner, name) = named(repository)?;
        let way = Way {
            base: base.to_owned(),
            header: (header::AUTHORIZATION, "Bearer "),
            secret: token,
            headers: vec![
                (header::ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
                (
                    HeaderName::from_static("x-github-api-version"),
                    HeaderValue::from_static("2022-11-28"),
                ),
            ],
            trusted_plain,
        };
        let client = Client::new(way, limits, seed, now)?;
        Ok(Self { client, owner: owner.to_owned(), name: name.to_owned() })
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let mut path = vec!["repos", &self.owner, &self.name];
        path.extend(rest);
        path
    }

    async fn pull(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let number_text = number.to_string();
        let pull: Pull =
            self.client.ask(&Request::get(self.path(&["pulls", &number_text]))).await?;
        let mut pull = PullRequest::from(pull);
        if let PullState::Closed { by } = &mut pull.state {
            let issue: Issue =
                self.client.ask(&Request::get(self.path(&["issues", &number_text]))).await?;
            *by = issue.closed_by.map(|user| user.login);
        }
        Ok(pull)
    }

    async fn found(&self, branch: &str) -> Result<Option<PullRequest>, ForgeError> {
        let request = Request::get(self.path(&["pulls"]))
            .query("state", "all")
            .query("head", format!("{}:{branch}", self.owner))
            .query("sort", "created")
            .query("direction", "desc")
            .query("per_page", "100");
        let pulls: Vec<Pull> = self.client.ask(&request).await?;
        let full_name = format!("{}/{}", self.owner, self.name);
        // A fork of the same owner may have a branch of this name.
        let ours = |pull: &Pull| {
            pull.head.branch == branch
                && pull
                    .head
                    .repo
                    .as_ref()
                    .is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(&full_name))
        };
        let mut ours: Vec<Pull> = pulls.into_iter().filter(ours).collect();
        ours.sort_by_key(|pull| (pull.state != "open", std::cmp::Reverse(pull.number)));
        match ours.into_iter().next() {
            // A list says neither who merged nor who closed.
            Some(pull) => self.pull(pull.number).await.map(Some),
            None => Ok(None),
        }
    }

    async fn set(&self, number: u64, body: Value) -> Result<(), ForgeError> {
        let number = number.to_string();
        let request = Request::new(Method::PATCH, self.path(&["pulls", &number])).body(body);
        self.client.bytes(&request).await.map(drop)
    }

    async fn post(&self, rest: &[&str], body: Value) -> Result<(), ForgeError> {
        let request = Request::new(Method::POST, self.path(rest)).body(body);
        self.client.bytes(&request).await.map(drop)
    }
}

impl Forge for GitHub {
    fn find<'a>(&'a self, branch: &'a str) -> Reply<'a, Option<PullRequest>> {
        Box::pin(self.found(branch))
    }

    fn read(&self, number: u64) -> Reply<'_, PullRequest> {
        Box::pin(self.pull(number))
    }

    fn open<'a>(&'a self, new: &'a NewPullRequest) -> Reply<'a, PullRequest> {
        Box::pin(async move {
            let body = json!({
                "title": new.title,
                "body": new.body,
                "head": new.branch,
                "base": new.base,
                "maintainer_can_modify": true,
            });
            let request = Request::new(Method::POST, self.path(&["pulls"])).body(body);
            match self.client.ask::<Pull>(&request).await {
                Ok(pull) => Ok(pull.into()),
                Err(failed) => opened_all_the_same(failed, &[422], self.found(&new.branch)).await,
            }
        })
    }

    fn describe<'a>(&'a self, number: u64, title: &'a str, body: &'a str) -> Reply<'a, ()> {
        Box::pin(self.set(number, json!({ "title": title, "body": body })))
    }

    fn label<'a>(&'a self, number: u64, labels: &'a [String]) -> Reply<'a, ()> {
        Box::pin(async move {
            if labels.is_empty() {
                return Ok(());
            }
            let number = number.to_string();
            let rest = ["issues", &number, "labels"];
            // Adding a label twice is adding it once, so a lost answer is asked for again.
            match self.post(&rest, json!({ "labels": labels })).await {
                Err(ForgeError::Unknown { .. }) => {
                    self.post(&rest, json!({ "labels": labels })).await
                }
                other => other,
            }
        })
    }

    fn comment<'a>(&'a self, number: u64, body: &'a str) -> Reply<'a, ()> {
        Box::pin(async move {
            let number = number.to_string();
            self.post(&["issues", &number, "comments"], json!({ "body": body })).await
        })
    }

    fn comments(&self, number: u64) -> Reply<'_, Vec<Comment>> {
        Box::pin(async move {
            let number = number.to_string();
            let path = self.path(&["issues", &number, "comments"]);
            let comments: Vec<IssueComment> =
                self.client.list(|| Request::get(path.iter().copied())).await?;
            let comment = |comment: IssueComment| Comment {
                author: comment.user.map(|user| user.login).unwrap_or_default(),
                body: comment.body.unwrap_or_default(),
            };
            Ok(comments.into_iter().map(comment).collect())
        })
    }

    fn close(&self, number: u64) -> Reply<'_, ()> {
        Box::pin(self.set(number, json!({ "state": "closed" })))
    }

    fn reopen(&self, number: u64) -> Reply<'_, ()> {
        Box::pin(self.set(number, json!({ "state": "open" })))
    }

    fn request_reviewers<'a>(&'a self, number: u64, who: &'a [Reviewer]) -> Reply<'a, ()> {
        Box::pin(async move {
            let mut reviewers = Vec::new();
            let mut team_reviewers = Vec::new();
            for reviewer in who {
                match reviewer {
                    Reviewer::Person(login) => reviewers.push(login),
                    Reviewer::Team(slug) => team_reviewers.push(slug),
                }
            }
            if reviewers.is_empty() && team_reviewers.is_empty() {
                return Ok(());
            }
            let number = number.to_string();
            let body = json!({ "reviewers": reviewers, "team_reviewers": team_reviewers });
            let asked = self.post(&["pulls", &number, "requested_reviewers"], body).await;
            match asked {
                Err(ForgeError::Status { status: 422, said, .. }) => {
                    Err(ForgeError::Reviewers(said.trim_start_matches(": ").to_owned()))
                }
                other => other,
            }
        })
    }
}

/// `owner/name`, both as GitHub allows them.
fn named(repository: &str) -> Result<(&str, &str), ForgeError> {
    let is_name = |text: &str| {
        !matches!(text, "" | "." | "..")
            && text.len() <= 100
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    repository.split_once('/').filter(|(owner, name)| is_name(owner) && is_name(name)).ok_or_else(
        || ForgeError::Repository(super::escape::visible_line(repository).take(80).collect()),
    )
}
