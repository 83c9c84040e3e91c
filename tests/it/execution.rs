//! What is approved is carried out once, also when the process is killed in the middle of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use crate::{
    first_steps::log,
    product::{Home, PASSWORD, copy},
};

/// System calls that change something outside of the process.
const WRITES: &str =
    "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,openat";
/// How long a killed process keeps others from its work, and some.
const LEASE: Duration = Duration::from_secs(32);
/// Most calls that an execution is expected to make.
const CALLS_MAX: usize = 4_000;

/// A home with one budget that its person approved.
fn approved() -> Home {
    let home = Home::new();
    let log = home.file("calls.csv", &log()).display().to_string();
    home.run(&["import", &log]).ok();
    home.run(&["propose", "budget", "--scope", "feature=answers", "--limit", "40"]).ok();
    home.with_input(&["approve", "P-1", "--password-stdin"], PASSWORD).ok();
    home
}

fn budgets(home: &Path) -> String {
    fs::read_to_string(home.join("policies/budgets.toml")).unwrap()
}

#[test]
fn an_approved_budget_is_written_once_and_nothing_else_changes() {
    let home = approved();
    let before = budgets(&home.path());
    let done = home.run(&["--json", "execute"]).ok().json();
    assert_eq!(done["executed"][0]["outcome"], "executed", "{done}");
    let after = budgets(&home.path());
    let added: Vec<&str> =
        after.lines().filter(|line| !before.lines().any(|l| l == *line)).collect();
    assert_eq!(added, [r#""feature=answers" = "40 USD""#]);
    assert_eq!(after.lines().count(), before.lines().count() + 1);
    let again = home.run(&["--json", "execute"]).ok().json();
    assert_eq!(again["executed"].as_array().map(Vec::len), Some(0));
    assert_eq!(budgets(&home.path()), after);
    let shown = home.run(&["--json", "show", "P-1"]).ok().json();
    assert_eq!(shown["status"], "executed");
    // The next one starts from what is there now.
    home.run(&["propose", "budget", "--scope", "feature=answers", "--limit", "50"]).ok();
    let second = home.run(&["--json", "show", "P-2"]).ok().json();
    assert_eq!(second["proposal"]["edits"][0]["from"], "40 USD");
    // Somebody edits the file before it is approved: the proposal is out of date.
    fs::write(home.path().join("policies/budgets.toml"), after.replace("40 USD", "41 USD"))
        .unwrap();
    home.with_input(&["approve", "P-2", "--password-stdin"], PASSWORD).ok();
    home.run(&["execute"]).ok();
    let second = home.run(&["--json", "show", "P-2"]).ok().json();
    assert_eq!(second["status"], "stale", "{second}");
    assert!(budgets(&home.path()).contains("41 USD"));
}

/// From a file to a measured saving: the change is decided, carried out, and held against later spend.
#[test]
fn a_routing_change_is_decided_carried_out_and_measured() {
    let home = Home::new();
    let log = home.file("calls.csv", &log()).display().to_string();
    home.run(&["import", &log]).ok();
    let change = home.file("change.toml", CHANGE).display().to_string();
    let proposed = home.run(&["--json", "propose", "change", &change]).ok().json();
    let proposal = &proposed["view"]["proposal"];
    assert_eq!(proposal["owner"], "support");
    assert_eq!(proposal["counterfactual"]["per"], "call");
    let amount = |value: &serde_json::Value| value["amount"].as_str().unwrap().to_owned();
    let (low, mid) = (amount(&proposal["saving"]["low"]), amount(&proposal["saving"]["mid"]));
    assert_ne!(low, mid);
    // A high risk takes two: the only person there is decides nothing alone.
    let shown = home.run(&["show", "P-1"]).ok().out;
    assert!(shown.contains("2 approvals"), "{shown}");
    // What the policy does not open is not even proposed.
    for (from, to, why) in [
        (
            "policies/budgets.toml",
            "policies/approvals.toml",
            "is not a policy that proposals change",
        ),
        ("risk = \"high\"", "risk = \"none\"", "line "),
        ("mid_percent = \"30\"", "mid_percent = \"300\"", "from -100 to 100"),
        (
            "[scope]\nfeature = \"answers\"",
            "[scope]\nfeature = \"gone\"",
            "spend in the last 28 days",
        ),
    ] {
        let bad = home.file("bad.toml", &CHANGE.replace(from, to));
        let refused = home.run(&["propose", "change", &bad.display().to_string()]);
        assert_eq!(refused.code, 1, "{to}");
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    let low_risk = CHANGE.replace("risk = \"high\"", "risk = \"low\"");
    let low_risk = home.file("low.toml", &low_risk.replace("Half", "Most")).display().to_string();
    home.run(&["withdraw", "P-1"]).ok();
    home.run(&["propose", "change", &low_risk]).ok();
    home.with_input(&["approve", "P-2", "--password-stdin"], PASSWORD).ok();
    let done = home.run(&["--json", "execute"]).ok().json();
    assert_eq!(done["executed"][0]["outcome"], "executed", "{done}");
    assert!(budgets(&home.path()).contains(r#""model=gpt-5.1" = "20 USD""#));
    assert!(home.run(&["audit", "verify"]).ok().out.contains("every link holds"));
}

/// What has no edits is carried out by people: one says so, and it stands in the ledger of savings.
#[test]
fn a_change_by_hand_is_confirmed_and_stands_in_the_ledger_of_savings() {
    let home = Home::new();
    let log = home.file("calls.csv", &log()).display().to_string();
    home.run(&["import", &log]).ok();
    assert_eq!(home.run(&["savings"]).ok().out.trim(), "Nothing was proposed yet.");
    let by_hand = CHANGE.split("[[edit]]").next().unwrap().replace("\"high\"", "\"low\"");
    let change = home.file("change.toml", &by_hand).display().to_string();
    home.run(&["propose", "change", &change]).ok();
    home.run(&["propose", "budget", "--scope", "feature=answers", "--limit", "40"]).ok();
    let inbox = home.run(&["--json", "inbox"]).ok().json();
    assert_eq!(inbox["proposals"][0]["id"], "P-1", "the largest expected saving is first");
    assert_eq!(inbox["proposals"][0]["expected_saving"]["factor"], "1");
    assert!(inbox["proposals"][1]["expected_saving"].is_null(), "not known is not zero");
    assert_eq!(inbox["reviews"].as_array().map(Vec::len), Some(0));

    let confirm = ["confirm", "P-1", "--reference", "CHG-7", "--password-stdin"];
    let early = home.with_input(&confirm, PASSWORD);
    assert_eq!(early.code, 4, "{}", early.err);
    assert!(early.err.contains("is waiting for approval"), "{}", early.err);
    home.with_input(&["approve", "P-1", "--password-stdin"], PASSWORD).ok();
    let done = home.run(&["--json", "execute"]).ok().json();
    assert_eq!(done["executed"].as_array().map(Vec::len), Some(0), "nothing here carries it out");
    assert!(home.run(&["show", "P-1"]).ok().out.contains("centinel confirm P-1"));
    let before = [&confirm[..], &["--at", "2026-01-01T00:00:00Z"]].concat();
    let before = home.with_input(&before, PASSWORD);
    assert_eq!(before.code, 4);
    assert!(before.err.contains("it was not approved"), "{}", before.err);
    let confirmed = home.with_input(&[&["--json"], &confirm[..]].concat(), PASSWORD).ok().json();
    assert_eq!(confirmed["status"], "executed");

    let savings = home.run(&["--json", "savings"]).ok().json();
    let line = &savings["lines"][0];
    assert_eq!((&line["id"], &line["stage"]), (&"P-1".into(), &"executed".into()));
    assert_eq!(
        (&line["reference"], &line["not_measured"]["why"]),
        (&"CHG-7".into(), &"too_early".into())
    );
    assert_eq!(line["audit_entry"], confirmed["audit_entry"]);
    let text = home.run(&["savings"]).ok().out;
    let first = text.lines().next().unwrap();
    assert!(first.contains("a month is carried out and not measured yet"), "{text}");
    assert!(first.ends_with("1 proposal states no saving."), "{text}");
    let entry = home.run(&["audit", "export"]).ok().out;
    let entry = entry.lines().find(|line| line.contains("proposal.confirmed")).unwrap();
    assert!(entry.contains("CHG-7"), "{entry}");
    assert!(home.run(&["audit", "verify"]).ok().out.contains("every link holds"));
}

/// A change as a person writes it down.
const CHANGE: &str = r#"
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

[saves]
per = "call"
low_percent = "20"
mid_percent = "30"
high_percent = "40"

[[edit]]
repository = "home"
file = "policies/budgets.toml"
path = 'month."model=gpt-5.1"'
to = "20 USD"
"#;

#[test]
fn a_process_killed_at_any_step_leaves_one_effect() {
    let home = approved();
    let folder = tempfile::tempdir().unwrap();
    let expected = {
        let sound = folder.path().join("sound");
        copy(&home.path(), &sound);
        assert!(centinel(&sound, &["execute"]).status().unwrap().success());
        budgets(&sound)
    };
    assert_ne!(expected, budgets(&home.path()));

    // Killed at its first call, its second, …, until it comes to its end alive.
    let next = AtomicUsize::new(1);
    let ended = AtomicUsize::new(usize::MAX);
    let mut homes: Vec<PathBuf> = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut killed = Vec::new();
                    loop {
                        let call = next.fetch_add(1, Ordering::SeqCst);
                        if call > ended.load(Ordering::SeqCst).min(CALLS_MAX) {
                            return killed;
                        }
                        let copied = folder.path().join(call.to_string());
                        copy(&home.path(), &copied);
                        if killed_at(&copied, call) {
                            killed.push(copied);
                        } else {
                            ended.fetch_min(call, Ordering::SeqCst);
                        }
                    }
                })
            })
            .collect();
        homes = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    });
    assert!(ended.load(Ordering::SeqCst) < CALLS_MAX, "it never came to its end");
    assert!(homes.len() > 30, "only {} steps were found", homes.len());

    thread::sleep(LEASE);
    for home in &homes {
        let name = home.file_name().unwrap().to_string_lossy().into_owned();
        let text = budgets(home);
        let before = text == expected || !text.contains("40 USD");
        assert!(before, "killed at call {name}, the file is neither old nor new: {text}");
        let recovered = centinel(home, &["--json", "execute"]).output().unwrap();
        let said = String::from_utf8_lossy(&recovered.stderr).into_owned();
        assert!(recovered.status.success(), "killed at call {name}: {said}");
        assert_eq!(budgets(home), expected, "killed at call {name}");
        let shown = centinel(home, &["--json", "show", "P-1"]).output().unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        assert_eq!(shown["status"], "executed", "killed at call {name}: {shown}");
        let events = shown["events"].as_array().unwrap();
        let executed = events.iter().filter(|event| event["what"]["event"] == "executed");
        assert_eq!(executed.count(), 1, "killed at call {name}");
        assert!(centinel(home, &["audit", "verify"]).output().unwrap().status.success());
    }
    println!("{} steps, killed at each", homes.len());
}

/// Runs an execution that is killed at its n-th call; false when it ended before.
fn killed_at(home: &Path, call: usize) -> bool {
    let inject = format!("inject={WRITES}:signal=KILL:when={call}");
    let binary = assert_cmd::cargo::cargo_bin("centinel");
    let ran = Command::new("strace")
        .args(["-f", "-qqq", "-o", "/dev/null", "-e", &format!("trace={WRITES}"), "-e", &inject])
        .arg(binary)
        .arg("--home")
        .arg(home)
        .arg("execute")
        .output()
        .expect("strace is installed by scripts/setup-tests");
    assert!(
        !String::from_utf8_lossy(&ran.stderr).contains("strace:"),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    !ran.status.success()
}

fn centinel(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("centinel"));
    command.arg("--home").arg(home).args(args);
    command
}
