//! A GitLab of one project, with a memory.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::{
    github::Pull,
    repository,
    server::{Answer, Asked, Server},
};

pub(crate) struct FakeGitLab {
    pub(crate) server: Server,
    pub(crate) merges: Arc<Mutex<Vec<Pull>>>,
    /// How many answers to requests that create are lost after their effect.
    pub(crate) lost: Arc<Mutex<u32>>,
}

impl FakeGitLab {
    pub(crate) fn start(bare: &Path) -> Self {
        let merges: Arc<Mutex<Vec<Pull>>> = Arc::default();
        let lost: Arc<Mutex<u32>> = Arc::default();
        let (shared, losing, bare) = (merges.clone(), lost.clone(), bare.to_owned());
        let server = Server::start(move |asked| {
            if asked.header("private-token") != Some(repository::TOKEN) {
                return Answer::json(401, &json!({ "message": "401 Unauthorized" }));
            }
            let mut answer = answer(&mut shared.lock().unwrap(), &bare, asked);
            let mut losing = losing.lock().unwrap();
            if asked.method == "POST" && *losing > 0 {
                *losing -= 1;
                answer.is_dropped = true;
            }
            answer
        });
        Self { server, merges, lost }
    }
}

fn answer(merges: &mut Vec<Pull>, bare: &Path, asked: &Asked) -> Answer {
    const ROOT: &str = "/projects/org%2Fshop/merge_requests";
    let body = asked.json();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    if asked.path == "/users" {
        let name = asked.parameter("username").unwrap();
        let users =
            if name == "stranger" { json!([]) } else { json!([{ "id": 7, "username": name }]) };
        return Answer::json(200, &users);
    }
    let Some(rest) = asked.path.strip_prefix(ROOT) else {
        return Answer::json(404, &json!({ "message": "404 Project Not Found" }));
    };
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", []) => {
            let branch = asked.parameter("source_branch").unwrap();
            let found = merges.iter().filter(|merge| merge.branch == branch);
            Answer::json(200, &found.map(|merge| shown(merge, bare)).collect())
        }
        ("POST", []) => {
            let branch = text("source_branch");
            if merges.iter().any(|merge| merge.branch == branch && !merge.is_closed) {
                let message =
                    "Another open merge request already exists for this source branch: !1";
                return Answer::json(409, &json!({ "message": [message] }));
            }
            let merge = Pull {
                number: merges.len() as u64 + 1,
                title: text("title"),
                body: text("description"),
                base: text("target_branch"),
                branch,
                ..Pull::default()
            };
            let answer = Answer::json(201, &shown(&merge, bare));
            merges.push(merge);
            answer
        }
        (method, [number, rest @ ..]) => {
            let number: u64 = number.parse().unwrap();
            let merge = merges.iter_mut().find(|merge| merge.number == number).unwrap();
            of_merge(merge, bare, asked, method, rest)
        }
        _ => Answer::json(404, &json!({})),
    }
}

fn of_merge(merge: &mut Pull, bare: &Path, asked: &Asked, method: &str, rest: &[&str]) -> Answer {
    let body = asked.json();
    match (method, rest) {
        ("GET", []) => Answer::json(200, &shown(merge, bare)),
        ("PUT", []) => {
            if let Some(title) = body["title"].as_str() {
                title.clone_into(&mut merge.title);
            }
            if let Some(text) = body["description"].as_str() {
                text.clone_into(&mut merge.body);
            }
            if let Some(labels) = body["add_labels"].as_str() {
                merge.labels.extend(labels.split(',').map(str::to_owned));
            }
            if body["reviewer_ids"] == json!([7]) {
                merge.reviewers.push("lena".to_owned());
            }
            match body["state_event"].as_str() {
                Some("close") => merge.is_closed = true,
                Some("reopen") => merge.is_closed = false,
                _ => {}
            }
            Answer::json(200, &shown(merge, bare))
        }
        ("POST", ["notes"]) => {
            merge.comments.push(("centinel".to_owned(), body["body"].as_str().unwrap().to_owned()));
            Answer::json(201, &json!({}))
        }
        ("GET", ["notes"]) => {
            let note = |(author, body): &(String, String)| json!({ "body": body, "system": false, "author": { "id": 1, "username": author } });
            Answer::json(200, &merge.comments.iter().map(note).collect())
        }
        _ => Answer::json(404, &json!({})),
    }
}

fn shown(merge: &Pull, bare: &Path) -> Value {
    let user = |login: &String| json!({ "id": 7, "username": login });
    let state = match (&merge.merged_by, merge.is_closed) {
        (Some(_), _) => "merged",
        (None, true) => "closed",
        (None, false) => "opened",
    };
    json!({
        "iid": merge.number,
        "web_url": format!("https://gitlab.example/org/shop/-/merge_requests/{}", merge.number),
        "state": state,
        "title": merge.title,
        "description": merge.body,
        "labels": merge.labels,
        "sha": repository::head(bare, &merge.branch),
        "source_branch": merge.branch,
        "target_branch": merge.base,
        "source_project_id": 3,
        "target_project_id": 3,
        "reviewers": merge.reviewers.iter().map(user).collect::<Vec<_>>(),
        "merge_user": merge.merged_by.as_ref().map(user),
        "closed_by": merge.closed_by.as_ref().map(user),
        "merge_commit_sha": merge.merged_by.as_ref().map(|_| "c0ffee"),
        "squash_commit_sha": null,
    })
}
