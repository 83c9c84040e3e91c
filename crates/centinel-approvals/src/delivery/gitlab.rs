//! Merge requests of GitLab.
//!
//! # Source
//!
//! GitLab REST API v4: "Merge requests", "Notes", "Users". A project is named by its path, encoded as
//! one part of the address.

use jiff::Timestamp;
use reqwest::{Method, header::HeaderName};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Comment, Forge, ForgeError, Limits, NewPullRequest, PullRequest, PullState, Reply, Reviewer,
    forge::opened_all_the_same,
    http::{Client, Request, Way},
};

/// The API of gitlab.com.
pub const GITLAB: &str = "https://gitlab.com/api/v4";

/// One project on GitLab.
#[derive(Debug)]
pub struct GitLab {
    client: Client,
    project: String,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
}

#[derive(Deserialize)]
struct Merge {
    iid: u64,
    web_url: String,
    state: String,
    title: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    sha: Option<String>,
    source_branch: String,
    target_branch: String,
    #[serde(default)]
    source_project_id: Option<u64>,
    #[serde(default)]
    target_project_id: Option<u64>,
    #[serde(default)]
    reviewers: Vec<User>,
    #[serde(default, rename = "merge_user")]
    taken_by: Option<User>,
    #[serde(default)]
    merged_by: Option<User>,
    #[serde(default)]
    closed_by: Option<User>,
    #[serde(default, rename = "merge_commit_sha")]
    commit_sha: Option<String>,
    #[serde(default)]
    squash_commit_sha: Option<String>,
}

#[derive(Deserialize)]
struct Note {
    body: String,
    author: User,
    #[serde(default)]
    system: bool,
}

impl From<Merge> for PullRequest {
    fn from(merge: Merge) -> Self {
        let state = match merge.state.as_str() {
            "merged" => PullState::Merged {
                by: merge.taken_by.or(merge.merged_by).map(|user| user.username),
                commit: merge.commit_sha.or(merge.squash_commit_sha).or(merge.sha.clone()),
            },
            "closed" => PullState::Closed { by: merge.closed_by.map(|user| user.username) },
            // `locked` is the moment in which it is merged.
            _ => PullState::Open,
        };
        Self {
            number: merge.iid,
            url: merge.web_url,
            state,
            title: merge.title,
            body: merge.description.unwrap_or_default(),
            labels: merge.labels,
            head: merge.sha.unwrap_or_default(),
            base: merge.target_branch,
            reviewers: merge.reviewers.into_iter().map(|user| user.username).collect(),
        }
    }
}

impl GitLab {
    /// A project `group/name`, by a token. `base` is [`GITLAB`], or `https://HOST/api/v4`; the rest as
    /// for [`super::GitHub::new`].
    ///
    /// # Errors
    ///
    /// [`ForgeError`] when address, name or token are none.
    pub fn new(
        base: &str,
        project: &str,
        token: SecretString,
        limits: Limits,
        seed: u64,
        now: fn() -> Timestamp,
        trusted_plain: bool,
    ) -> Result<Self, ForgeError> {
        let is_part = |part: &str| !matches!(part, "" | "." | "..");
        if !project.contains('/')
            || project.contains(char::is_control)
            || !project.split('/').all(is_part)
        {
            let shown = super::escape::visible_line(project).take(80).collect();
            return Err(ForgeError::Repository(shown));
        }
        let way = Way {
            base: base.to_owned(),
            header: (HeaderName::from_static("private-token"), ""),
            secret: token,
            headers: Vec::new(),
            trusted_plain,
        };
        let client = Client::new(way, limits, seed, now)?;
        Ok(Self { client, project: project.to_owned() })
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let mut path = vec!["projects", &self.project, "merge_requests"];
        path.extend(rest);
        path
    }

    async fn merge(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let number = number.to_string();
        let merge: Merge = self.client.ask(&Request::get(self.path(&[&number]))).await?;
        Ok(merge.into())
    }

    async fn found(&self, branch: &str) -> Result<Option<PullRequest>, ForgeError> {
        let request = Request::get(self.path(&[]))
            .query("source_branch", branch)
            .query("state", "all")
            .query("order_by", "created_at")
            .query("sort", "desc")
            .query("per_page", "100");
        let merges: Vec<Merge> = self.client.ask(&request).await?;
        let ours = |merge: &Merge| {
            merge.source_branch == branch && merge.source_project_id == merge.target_project_id
        };
        let mut ours: Vec<Merge> = merges.into_iter().filter(ours).collect();
        ours.sort_by_key(|merge| (merge.state != "opened", std::cmp::Reverse(merge.iid)));
        match ours.into_iter().next() {
            // A list may lag behind what the single one says.
            Some(merge) => self.merge(merge.iid).await.map(Some),
            None => Ok(None),
        }
    }

    async fn set(&self, number: u64, body: Value) -> Result<(), ForgeError> {
        let number = number.to_string();
        let request = Request::new(Method::PUT, self.path(&[&number])).body(body);
        self.client.bytes(&request).await.map(drop)
    }
}

impl Forge for GitLab {
    fn find<'a>(&'a self, branch: &'a str) -> Reply<'a, Option<PullRequest>> {
        Box::pin(self.found(branch))
    }

    fn read(&self, number: u64) -> Reply<'_, PullRequest> {
        Box::pin(self.merge(number))
    }

    fn open<'a>(&'a self, new: &'a NewPullRequest) -> Reply<'a, PullRequest> {
        Box::pin(async move {
            let body = json!({
                "source_branch": new.branch,
                "target_branch": new.base,
                "title": new.title,
                "description": new.body,
                "remove_source_branch": true,
            });
            let request = Request::new(Method::POST, self.path(&[])).body(body);
            match self.client.ask::<Merge>(&request).await {
                Ok(merge) => Ok(merge.into()),
                Err(failed) => {
                    opened_all_the_same(failed, &[409, 422], self.found(&new.branch)).await
                }
            }
        })
    }

    fn describe<'a>(&'a self, number: u64, title: &'a str, body: &'a str) -> Reply<'a, ()> {
        Box::pin(self.set(number, json!({ "title": title, "description": body })))
    }

    fn label<'a>(&'a self, number: u64, labels: &'a [String]) -> Reply<'a, ()> {
        Box::pin(async move {
            if labels.is_empty() {
                return Ok(());
            }
            // Labels go in one text, by commas: a comma in one would make two.
            let labels: Vec<String> = labels.iter().map(|label| label.replace(',', " ")).collect();
            self.set(number, json!({ "add_labels": labels.join(",") })).await
        })
    }

    fn comment<'a>(&'a self, number: u64, body: &'a str) -> Reply<'a, ()> {
        Box::pin(async move {
            let number = number.to_string();
            let path = self.path(&[&number, "notes"]);
            let request = Request::new(Method::POST, path).body(json!({ "body": body }));
            self.client.bytes(&request).await.map(drop)
        })
    }

    fn comments(&self, number: u64) -> Reply<'_, Vec<Comment>> {
        Box::pin(async move {
            let number = number.to_string();
            let path = self.path(&[&number, "notes"]);
            let notes: Vec<Note> = self.client.list(|| Request::get(path.iter().copied())).await?;
            let people = notes.into_iter().filter(|note| !note.system);
            Ok(people
                .map(|note| Comment { author: note.author.username, body: note.body })
                .collect())
        })
    }

    fn close(&self, number: u64) -> Reply<'_, ()> {
        Box::pin(self.set(number, json!({ "state_event": "close" })))
    }

    fn reopen(&self, number: u64) -> Reply<'_, ()> {
        Box::pin(self.set(number, json!({ "state_event": "reopen" })))
    }

    fn request_reviewers<'a>(&'a self, number: u64, who: &'a [Reviewer]) -> Reply<'a, ()> {
        Box::pin(async move {
            let mut ids = Vec::new();
            let mut missing = Vec::new();
            for reviewer in who {
                let Reviewer::Person(login) = reviewer else {
                    // GitLab asks people; groups are asked by its own approval rules.
                    continue;
                };
                let request = Request::get(["users"]).query("username", login.clone());
                let users: Vec<User> = self.client.ask(&request).await?;
                match users.into_iter().find(|user| user.username.eq_ignore_ascii_case(login)) {
                    Some(user) => ids.push(user.id),
                    None => missing.push(login.clone()),
                }
            }
            if !ids.is_empty() {
                self.set(number, json!({ "reviewer_ids": ids })).await?;
            }
            if missing.is_empty() {
                Ok(())
            } else {
                Err(ForgeError::Reviewers(format!("unknown: {}", missing.join(", "))))
            }
        })
    }
}
