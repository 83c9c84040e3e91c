//! A GitHub of one repository, with a memory; every request is compared with the API's description.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::{
    openapi, repository,
    server::{Answer, Asked, Server},
};

/// What goes wrong with a request that fits.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) method: &'static str,
    /// How its path ends.
    pub(crate) end: &'static str,
    pub(crate) what: Wrong,
}

#[derive(Debug, Clone)]
pub(crate) enum Wrong {
    /// Answered so, and nothing done.
    Answer(u16, Value, Vec<(&'static str, &'static str)>),
    /// Done, and the connection ended.
    LostAfter,
    /// Done, and answered so.
    FailedAfter(u16),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) branch: String,
    /// Another repository of the same organisation that it comes from.
    pub(crate) fork: Option<String>,
    pub(crate) base: String,
    pub(crate) is_closed: bool,
    pub(crate) closed_by: Option<String>,
    pub(crate) merged_by: Option<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) reviewers: Vec<String>,
    pub(crate) teams: Vec<String>,
    pub(crate) comments: Vec<(String, String)>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) pulls: Vec<Pull>,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) wrong_requests: Vec<String>,
    pub(crate) not_modified: u32,
}

pub(crate) struct FakeGitHub {
    pub(crate) server: Server,
    pub(crate) state: Arc<Mutex<State>>,
}

impl FakeGitHub {
    pub(crate) fn start(bare: &Path) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let (shared, bare) = (state.clone(), bare.to_owned());
        let server = Server::start(move |asked| {
            let mut state = shared.lock().unwrap();
            if let Err(why) = openapi::check(asked) {
                state.wrong_requests.push(why);
            }
            if asked.header("authorization") != Some("Bearer ghp_hunter2hunter2hunter2") {
                return Answer::json(401, &json!({ "message": "Bad credentials" }));
            }
            let fits =
                |fault: &Fault| asked.method == fault.method && asked.path.ends_with(fault.end);
            let fault = state.faults.front().filter(|fault| fits(fault)).cloned();
            if fault.is_some() {
                state.faults.pop_front();
            }
            match fault.map(|fault| fault.what) {
                Some(Wrong::Answer(status, body, headers)) => headers
                    .into_iter()
                    .fold(Answer::json(status, &body), |answer, (name, value)| {
                        answer.with(name, value)
                    }),
                Some(Wrong::LostAfter) => {
                    Answer { is_dropped: true, ..answer(&mut state, &bare, asked) }
                }
                Some(Wrong::FailedAfter(status)) => {
                    answer(&mut state, &bare, asked);
                    Answer::new(status, "")
                }
                None => answer(&mut state, &bare, asked),
            }
        });
        Self { server, state }
    }

    pub(crate) fn fail(&self, method: &'static str, end: &'static str, what: Wrong) {
        self.state.lock().unwrap().faults.push_back(Fault { method, end, what });
    }

    pub(crate) fn pulls(&self) -> Vec<Pull> {
        let state = self.state.lock().unwrap();
        assert!(state.wrong_requests.is_empty(), "{:?}", state.wrong_requests);
        state.pulls.clone()
    }

    /// A person does something to a pull request.
    pub(crate) fn by_person(&self, number: u64, act: impl FnOnce(&mut Pull)) {
        let mut state = self.state.lock().unwrap();
        act(state.pulls.iter_mut().find(|pull| pull.number == number).unwrap());
    }
}

fn answer(state: &mut State, bare: &Path, asked: &Asked) -> Answer {
    let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').skip(3).collect();
    let body = asked.json();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["pulls"]) => {
            let head = asked.parameter("head").unwrap_or_default();
            let branch = head.strip_prefix("org:").unwrap_or("?");
            let found: Vec<Value> = state
                .pulls
                .iter()
                .filter(|pull| pull.branch == branch)
                .map(|pull| {
                    let mut shown = shown(pull, bare);
                    // A list is of the simple form.
                    for absent in ["merged_by", "merged"] {
                        shown.as_object_mut().unwrap().remove(absent);
                    }
                    shown
                })
                .rev()
                .collect();
            Answer::json(200, &Value::from(found))
        }
        ("POST", ["pulls"]) => {
            let branch = text("head").unwrap();
            if repository::head(bare, &branch).is_none() {
                let errors = json!([{ "field": "head", "code": "invalid" }]);
                return Answer::json(
                    422,
                    &json!({ "message": "Validation Failed", "errors": errors }),
                );
            }
            if state.pulls.iter().any(|pull| pull.branch == branch && !pull.is_closed) {
                let message = format!("A pull request already exists for org:{branch}.");
                let errors = json!([{ "resource": "PullRequest", "message": message }]);
                return Answer::json(
                    422,
                    &json!({ "message": "Validation Failed", "errors": errors }),
                );
            }
            let pull = Pull {
                number: state.pulls.len() as u64 + 1,
                title: text("title").unwrap(),
                body: text("body").unwrap(),
                base: text("base").unwrap(),
                branch,
                ..Pull::default()
            };
            let answer = Answer::json(201, &shown(&pull, bare));
            state.pulls.push(pull);
            answer
        }
        (method, [_, number, rest @ ..]) => {
            let number: u64 = number.parse().unwrap();
            let Some(pull) = state.pulls.iter_mut().find(|pull| pull.number == number) else {
                return Answer::json(404, &json!({ "message": "Not Found" }));
            };
            let (answer, is_kept) = of_pull(pull, bare, asked, method, rest);
            if is_kept {
                state.not_modified += 1;
            }
            answer
        }
        _ => Answer::json(404, &json!({ "message": "Not Found" })),
    }
}

fn of_pull(
    pull: &mut Pull,
    bare: &Path,
    asked: &Asked,
    method: &str,
    rest: &[&str],
) -> (Answer, bool) {
    let body = asked.json();
    let texts = |name: &str| -> Vec<String> {
        let items = body[name].as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let answer = match (method, rest) {
        ("GET", []) if asked.path.contains("/issues/") => {
            let by = pull.closed_by.clone().map(|login| json!({ "login": login }));
            Answer::json(200, &json!({ "number": pull.number, "closed_by": by }))
        }
        ("GET", []) => {
            let shown = shown(pull, bare).to_string();
            let etag = format!("\"{}\"", centinel_engine::facts::sha256_hex(shown.as_bytes()));
            if asked.header("if-none-match") == Some(&etag) {
                return (Answer::new(304, ""), true);
            }
            Answer::new(200, shown).with("etag", &etag)
        }
        ("PATCH", []) => {
            if let Some(title) = body["title"].as_str() {
                title.clone_into(&mut pull.title);
            }
            if let Some(text) = body["body"].as_str() {
                text.clone_into(&mut pull.body);
            }
            match body["state"].as_str() {
                Some("closed") => {
                    pull.is_closed = true;
                    pull.closed_by = Some("centinel[bot]".to_owned());
                }
                Some(_) => {
                    pull.is_closed = false;
                    pull.closed_by = None;
                }
                None => {}
            }
            Answer::json(200, &shown(pull, bare))
        }
        ("POST", ["labels"]) => {
            for label in texts("labels") {
                if !pull.labels.contains(&label) {
                    pull.labels.push(label);
                }
            }
            Answer::json(200, &json!([]))
        }
        ("POST", ["comments"]) => {
            let text = body["body"].as_str().unwrap().to_owned();
            pull.comments.push(("centinel[bot]".to_owned(), text));
            Answer::json(201, &json!({}))
        }
        ("GET", ["comments"]) => {
            let number = |name: &str| asked.parameter(name).unwrap().parse::<usize>().unwrap();
            let (page, per_page) = (number("page"), number("per_page"));
            let part = pull.comments.iter().skip((page - 1) * per_page).take(per_page);
            let shown =
                part.map(|(author, body)| json!({ "user": { "login": author }, "body": body }));
            Answer::json(200, &shown.collect())
        }
        ("POST", ["requested_reviewers"]) => {
            let asked: Vec<String> = texts("reviewers");
            if asked.contains(&"stranger".to_owned()) {
                let message = "Reviews may only be requested from collaborators.";
                return (Answer::json(422, &json!({ "message": message })), false);
            }
            pull.reviewers.extend(asked);
            pull.teams.extend(texts("team_reviewers"));
            Answer::json(201, &shown(pull, bare))
        }
        _ => Answer::json(404, &json!({ "message": "Not Found" })),
    };
    (answer, false)
}

fn shown(pull: &Pull, bare: &Path) -> Value {
    let user = |login: &String| json!({ "login": login });
    let is_merged = pull.merged_by.is_some();
    json!({
        "number": pull.number,
        "html_url": format!("https://github.example/org/shop/pull/{}", pull.number),
        "state": if pull.is_closed || is_merged { "closed" } else { "open" },
        "title": pull.title,
        // GitHub gives line ends as browsers send them.
        "body": pull.body.replace('\n', "\r\n"),
        "labels": pull.labels.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "head": {
            "ref": pull.branch,
            "sha": repository::head(bare, &pull.branch).unwrap_or_default(),
            "repo": { "full_name": pull.fork.as_deref().unwrap_or("Org/Shop") },
        },
        "base": { "ref": pull.base, "sha": "", "repo": null },
        "requested_reviewers": pull.reviewers.iter().map(user).collect::<Vec<_>>(),
        "requested_teams": pull.teams.iter().map(|slug| json!({ "slug": slug })).collect::<Vec<_>>(),
        "merged_at": is_merged.then_some("2026-11-22T12:00:00Z"),
        "merged": is_merged,
        "merged_by": pull.merged_by.as_ref().map(user),
        "merge_commit_sha": is_merged.then_some("c0ffee"),
    })
}
