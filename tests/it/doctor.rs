//! `centinel doctor`: what it says of a home that works, and of one that does not.

use serde_json::Value;

use crate::product::Home;

fn state<'a>(answer: &'a Value, check: &str) -> &'a str {
    let checks = answer["checks"].as_array().unwrap();
    let found = checks.iter().find(|one| one["check"] == check);
    found.unwrap_or_else(|| panic!("no `{check}` in {answer}"))["state"].as_str().unwrap()
}

#[test]
fn a_new_home_works_without_a_model() {
    let home = Home::new();
    let answer = home.run(&["--json", "doctor"]).ok().json();
    assert_eq!(answer["ok"], true);
    for check in ["home", "configuration", "policies", "database", "narrator"] {
        assert_eq!(state(&answer, check), "ok", "{answer}");
    }
    assert_eq!(state(&answer, "data"), "note", "an empty ledger is worth a word");
    assert_eq!(answer["narrator"], Value::Null);
    let shown = home.run(&["doctor"]).ok().out;
    assert!(shown.contains("standard wording, nothing goes out"), "{shown}");
}

#[test]
fn what_does_not_work_is_named_with_a_hint() {
    for (file, text, check, said) in [
        (
            "centinel.toml",
            "[narrator]\nmodel = \"m\"\n",
            "configuration",
            "missing field `base_url`",
        ),
        (
            "centinel.toml",
            "[narrator]\nbase_url = \"http://127.0.0.1:9/v1\"\nmodel = \"m\"\n",
            "narrator",
            "`http://127.0.0.1:9/v1` cannot be reached",
        ),
        (
            "centinel.toml",
            "[narrator]\nbase_url = \"http://10.0.0.7/v1\"\nmodel = \"m\"\n",
            "narrator",
            "is not encrypted",
        ),
        (
            "centinel.toml",
            "[narrator]\nbase_url = \"https://a.example/v1\"\nmodel = \"m\"\n\
             credential = \"file:missing\"\n",
            "narrator",
            "credential `file:missing`",
        ),
        ("centinel.toml", "[prices]\nbook = \"nowhere.toml\"\n", "prices", "nowhere.toml"),
        ("policies/owners.toml", "[[rule]]\nx = 1\n", "policies", "owners.toml"),
    ] {
        let home = Home::new();
        std::fs::write(home.path().join(file), text).unwrap();
        let ran = home.run(&["--json", "doctor"]);
        assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
        let answer = ran.json();
        assert_eq!(answer["ok"], false);
        assert_eq!(state(&answer, check), "failed", "{answer}");
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
        assert!(
            ran.err.contains("does not work") || ran.err.contains("do not work"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn without_a_probe_nothing_is_asked() {
    let home = Home::new();
    let text = "[narrator]\nbase_url = \"http://127.0.0.1:9/v1\"\nmodel = \"m\"\n";
    std::fs::write(home.path().join("centinel.toml"), text).unwrap();
    let answer = home.run(&["--json", "doctor", "--no-probe"]).ok().json();
    assert_eq!(state(&answer, "narrator"), "ok");
}
