//! Proposals that change files of a repository, from the command to the merge.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    first_steps::log,
    product::{Home, PASSWORD},
};

/// What the repository holds.
pub(crate) const VALUES: &str =
    "# Models of the shop.\nanswers:\n  model: gpt-5.1 # the large one\n  cache: off\n";

/// Routes `answers` to a smaller model, in a file of the repository `shop`.
pub(crate) const ROUTE: &str = r#"
title = "Route answers to gpt-5-mini"
scope = { feature = "answers" }
risk = "low"
reversible = true
saves = { per = "call", low_percent = "40", mid_percent = "50", high_percent = "60" }

[change]
kind = "routing"
feature = "answers"
from_model = "gpt-5.1"
to_model = "gpt-5-mini"
share_ratio = "1"

[[edit]]
repository = "shop"
file = "values.yaml"
path = "answers.model"
from = "gpt-5.1"
to = "gpt-5-mini"
"#;

/// Git as a person uses it.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

pub(crate) fn configure(home: &Home, text: &str) {
    let path = home.path().join("centinel.toml");
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// A home with spend.
pub(crate) fn with_spend() -> Home {
    let home = Home::new();
    let calls = home.file("calls.csv", &log()).display().to_string();
    home.run(&["import", &calls]).ok();
    home
}

/// A home with spend, and a clone on this machine that proposals are delivered to.
fn with_clone() -> (Home, PathBuf) {
    let home = with_spend();
    let clone = home.path().with_file_name("shop");
    fs::create_dir_all(&clone).unwrap();
    git(&clone, &["init", "-q", "--initial-branch=main"]);
    fs::write(clone.join("values.yaml"), VALUES).unwrap();
    git(&clone, &["add", "-A"]);
    git(&clone, &["commit", "-q", "-m", "first"]);
    configure(&home, "\n[[repository]]\nname = \"shop\"\npath = \"../shop\"\n");
    (home, clone)
}

pub(crate) fn propose(home: &Home, text: &str) {
    let file = home.file("change.toml", text).display().to_string();
    home.run(&["propose", "change", &file]).ok();
}

pub(crate) fn status(home: &Home, id: &str) -> String {
    home.run(&["--json", "show", id]).ok().json()["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_clone_gets_branch_and_patch_and_a_merge_carries_the_approved_out() {
    let (home, clone) = with_clone();
    propose(&home, ROUTE);
    let done = home.run(&["--json", "deliver"]).ok().json();
    let delivered = &done["delivered"][0];
    assert_eq!(delivered["state"], "ready", "{done}");
    let branch = git(&clone, &["branch", "--format=%(refname:short)", "--list", "centinel/*"]);
    assert_eq!(branch, "centinel/routing/answers-p-1");
    let diff = git(&clone, &["diff", "--unified=0", "main", &branch]);
    let lines: Vec<&str> = diff.lines().filter(|line| line.starts_with(['+', '-'])).collect();
    assert_eq!(
        lines[2..],
        ["-  model: gpt-5.1 # the large one", "+  model: gpt-5-mini # the large one"]
    );
    let patch = delivered["url"].as_str().unwrap();
    assert!(fs::read_to_string(patch).unwrap().contains("Centinel-Proposal: P-1 v1"));
    // Again, nothing is new.
    assert_eq!(
        home.run(&["--json", "deliver"]).ok().json()["delivered"].as_array().unwrap().len(),
        0
    );
    home.with_input(&["approve", "P-1", "--password-stdin"], PASSWORD).ok();
    home.run(&["execute"]).ok();
    assert_eq!(status(&home, "P-1"), "approved", "nothing is carried out before it is merged");
    git(&clone, &["merge", "-q", "--no-ff", "-m", "merge", &branch]);
    home.run(&["--json", "deliver"]).ok();
    // A look is due every five minutes; a person who cannot wait asks for it.
    let merged = home.run(&["--json", "deliver", "--now"]).ok().json();
    assert_eq!(merged["delivered"][0]["state"], "merged", "{merged}");
    assert_eq!(status(&home, "P-1"), "executed");
    home.run(&["audit", "verify"]).ok();
}

#[test]
fn what_is_merged_without_an_approval_is_said_so_and_never_made_good() {
    let (home, clone) = with_clone();
    propose(&home, ROUTE);
    home.run(&["deliver"]).ok();
    git(&clone, &["merge", "-q", "--no-ff", "-m", "merge", "centinel/routing/answers-p-1"]);
    home.run(&["deliver", "--now"]).ok();
    assert_eq!(status(&home, "P-1"), "overtaken");
    let shown = home.run(&["show", "P-1"]).ok().out;
    assert!(shown.contains("without what approval asks for"), "{shown}");
    let late = home.with_input(&["approve", "P-1", "--password-stdin"], PASSWORD);
    assert_ne!(late.code, 0, "{}", late.out);
}

#[test]
fn what_people_changed_meanwhile_makes_it_stale_and_its_branch_goes() {
    let (home, clone) = with_clone();
    propose(&home, ROUTE);
    home.run(&["deliver"]).ok();
    home.with_input(&["approve", "P-1", "--password-stdin"], PASSWORD).ok();
    fs::write(clone.join("values.yaml"), VALUES.replace("gpt-5.1 ", "gpt-4.1 ")).unwrap();
    git(&clone, &["commit", "-q", "-a", "-m", "somebody was faster"]);
    let done = home.run(&["--json", "deliver", "--now"]).ok().json();
    assert_eq!(done["delivered"][0]["state"], "out_of_date", "{done}");
    assert_eq!(status(&home, "P-1"), "stale");
    home.run(&["deliver", "--now"]).ok();
    assert_eq!(git(&clone, &["branch", "--list", "centinel/*"]), "");
}

#[test]
fn a_rejected_one_leaves_nothing_behind_and_a_persons_commit_is_left() {
    let (home, clone) = with_clone();
    propose(&home, ROUTE);
    home.run(&["deliver"]).ok();
    git(&clone, &["checkout", "-q", "centinel/routing/answers-p-1"]);
    git(&clone, &["commit", "-q", "--allow-empty", "-m", "mine"]);
    git(&clone, &["checkout", "-q", "main"]);
    let done = home.run(&["--json", "deliver", "--now"]).ok().json();
    assert_eq!(done["delivered"][0]["state"], "theirs", "{done}");
    git(&clone, &["branch", "-q", "-D", "centinel/routing/answers-p-1"]);
    home.run(&["deliver", "--now"]).ok();
    assert_ne!(git(&clone, &["branch", "--list", "centinel/*"]), "");
    let reason = ["reject", "P-1", "--reason", "not now", "--password-stdin"];
    home.with_input(&reason, PASSWORD).ok();
    home.run(&["deliver"]).ok();
    assert_eq!(git(&clone, &["branch", "--list", "centinel/*"]), "");
    assert_eq!(fs::read_dir(home.path().join("patches")).unwrap().count(), 0);
}

#[test]
fn a_repository_that_is_not_configured_or_not_there_is_named() {
    let home = with_spend();
    let file = home.file("change.toml", ROUTE).display().to_string();
    let refused = home.run(&["propose", "change", &file]);
    assert!(refused.err.contains("repository `shop` is not configured"), "{}", refused.err);
    configure(&home, "\n[[repository]]\nname = \"shop\"\npath = \"../nowhere\"\n");
    home.run(&["propose", "change", &file]).ok();
    let done = home.run(&["--json", "deliver"]).ok().json();
    let note = done["delivered"][0]["note"].as_str().unwrap();
    assert!(note.contains("nowhere"), "{done}");
    assert_eq!(status(&home, "P-1"), "pending");
}
