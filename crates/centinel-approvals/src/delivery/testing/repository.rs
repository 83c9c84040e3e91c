//! A bare repository behind git's own HTTP backend.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::server::{Answer, Asked, Server};

pub(crate) const TOKEN: &str = "ghp_hunter2hunter2hunter2";

/// Runs git as a person of the test, in a folder.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.com")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

type Before = Box<dyn FnOnce() + Send>;

/// The repository, a clone of a person, and the server.
pub(crate) struct Repository {
    pub(crate) bare: PathBuf,
    pub(crate) clone: PathBuf,
    pub(crate) server: Server,
    /// Runs once, when a push arrives and before it is taken.
    before_push: Arc<Mutex<Option<Before>>>,
    /// How many answers to pushes are lost after their effect.
    lost: Arc<Mutex<u32>>,
}

impl Repository {
    /// A repository with these files on `main`.
    pub(crate) fn new(folder: &Path, files: &[(&str, &str)]) -> Self {
        let bare = folder.join("org/shop.git");
        fs::create_dir_all(&bare).unwrap();
        git(&bare, &["init", "--quiet", "--bare", "--initial-branch=main"]);
        git(&bare, &["config", "http.receivepack", "true"]);
        let clone = folder.join("clone");
        fs::create_dir_all(&clone).unwrap();
        git(&clone, &["init", "--quiet", "--initial-branch=main"]);
        git(&clone, &["remote", "add", "origin", bare.to_str().unwrap()]);
        let before_push: Arc<Mutex<Option<Before>>> = Arc::default();
        let lost: Arc<Mutex<u32>> = Arc::default();
        let (root, before, losing) = (folder.to_owned(), before_push.clone(), lost.clone());
        let server = Server::start(move |asked| {
            let is_push = asked.method == "POST" && asked.path.ends_with("git-receive-pack");
            if is_push && let Some(before) = before.lock().unwrap().take() {
                before();
            }
            let mut answer = backend(&root, asked);
            let mut losing = losing.lock().unwrap();
            if is_push && *losing > 0 {
                *losing -= 1;
                answer.is_dropped = true;
            }
            answer
        });
        let repository = Self { bare, clone, server, before_push, lost };
        repository.commit("main", files, "first");
        repository
    }

    /// Where git reaches it.
    pub(crate) fn url(&self) -> String {
        format!("{}/org/shop.git", self.server.base())
    }

    /// A person's commit on a branch, pushed; gives its id.
    pub(crate) fn commit(&self, branch: &str, files: &[(&str, &str)], subject: &str) -> String {
        push_as_person(&self.clone, branch, files, subject)
    }

    pub(crate) fn before_push(&self, act: impl FnOnce() + Send + 'static) {
        *self.before_push.lock().unwrap() = Some(Box::new(act));
    }

    pub(crate) fn lose_answers(&self, count: u32) {
        *self.lost.lock().unwrap() = count;
    }

    /// Where a branch stands on the server.
    pub(crate) fn head(&self, branch: &str) -> Option<String> {
        head(&self.bare, branch)
    }

    pub(crate) fn branches(&self) -> Vec<String> {
        let all = git(&self.bare, &["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
        all.lines().map(str::to_owned).collect()
    }

    /// A hook of the server that refuses every push of `centinel/…`.
    pub(crate) fn protect(&self) {
        use std::os::unix::fs::PermissionsExt as _;

        let hook = self.bare.join("hooks/pre-receive");
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        fs::write(&hook, "#!/bin/sh\necho 'branch is protected: ask \u{1b}[31mops'\nexit 1\n")
            .unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn unprotect(&self) {
        fs::remove_file(self.bare.join("hooks/pre-receive")).unwrap();
    }
}

pub(crate) fn head(bare: &Path, branch: &str) -> Option<String> {
    let name = format!("refs/heads/{branch}");
    let found = git(bare, &["for-each-ref", "--format=%(objectname)", &name]);
    (!found.is_empty()).then_some(found)
}

/// A commit in a clone, on top of what the server has of the branch, pushed.
pub(crate) fn push_as_person(
    clone: &Path,
    branch: &str,
    files: &[(&str, &str)],
    subject: &str,
) -> String {
    git(clone, &["fetch", "--quiet", "--prune", "origin"]);
    let remote = format!("refs/remotes/origin/{branch}");
    let exists = !git(clone, &["for-each-ref", &remote]).is_empty();
    let has_commit = !git(clone, &["for-each-ref", "refs/heads"]).is_empty();
    if exists {
        git(clone, &["checkout", "--quiet", "-B", branch, &remote]);
    } else if has_commit {
        git(clone, &["checkout", "--quiet", "-B", branch]);
    }
    for (file, text) in files {
        let path = clone.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(clone, &["add", "-A"]);
    git(clone, &["commit", "--quiet", "--allow-empty", "-m", subject]);
    git(clone, &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
    git(clone, &["rev-parse", "HEAD"])
}

/// One request as a CGI call of `git http-backend`.
fn backend(root: &Path, asked: &Asked) -> Answer {
    let pair = BASE64_STANDARD.encode(format!("x-access-token:{TOKEN}"));
    if asked.header("authorization") != Some(&format!("Basic {pair}")) {
        return Answer::new(401, "who are you?").with("www-authenticate", "Basic realm=\"git\"");
    }
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .env("REQUEST_METHOD", &asked.method)
        .env("PATH_INFO", &asked.path)
        .env("QUERY_STRING", &asked.query)
        .env("REMOTE_USER", "x-access-token")
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("CONTENT_LENGTH", asked.body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    for (header, name) in [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ] {
        if let Some(value) = asked.header(header) {
            command.env(name, value);
        }
    }
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = asked.body.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap().stdout;
    let _ = writer.join();
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(output[..end].to_vec()).unwrap();
    let mut answer = Answer::new(200, &output[end + 4..]);
    for line in head.lines() {
        let (name, value) = line.split_once(':').unwrap();
        if name == "Status" {
            answer.status = value.split_whitespace().next().unwrap().parse().unwrap();
        } else {
            answer = answer.with(name, value.trim());
        }
    }
    answer
}
