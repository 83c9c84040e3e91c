//! The narrator in analyses, digests and the server: whatever a model's endpoint does, people get a text of
//! which every figure is verified, in time, and what it used is spend of ours.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    model::{Model, Says},
    page::Served,
    product::Home,
};

/// Longest time of a text, in seconds.
const SECONDS: u64 = 3;

/// A home with days of one feature, of seventy that end yesterday; calls are twice as long in the last ten.
fn home(model: &Model, days: std::ops::Range<i64>) -> Home {
    let home = Home::new();
    import(&home, days, "calls");
    let config = home.path().join("centinel.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let narrator = format!(
        "[narrator]\nbase_url = \"{}\"\nmodel = \"gpt-4o-mini\"\nprovider = \"openai\"\nseconds = {SECONDS}\n",
        model.base
    );
    std::fs::write(&config, format!("{text}\n{narrator}")).unwrap();
    home
}

/// Calls of days, counted from seventy days ago.
#[expect(clippy::disallowed_methods, reason = "the binary has the clock of this machine")]
fn import(home: &Home, days: std::ops::Range<i64>, name: &str) {
    let now = jiff::Timestamp::now().as_second();
    let first = now - now.rem_euclid(86_400) - 70 * 86_400;
    let mut lines = String::new();
    for day in days {
        for call in 0..20 {
            let at = jiff::Timestamp::from_second(first + day * 86_400 + call * 3_600).unwrap();
            let size = 3_000_000 + (day * 7 + call * 13) % 41 * 1_000;
            let size = if day >= 60 { size * 2 } else { size };
            let call = json!({
                "call_id": format!("{day}-{call}"), "at": at.to_string(), "provider": "openai",
                "model": "gpt-4o-mini", "feature": "answers", "team": "support",
                "input_tokens_total": size, "output_tokens_total": 300,
            });
            lines.extend([call.to_string(), "\n".to_owned()]);
        }
    }
    let file = home.file(&format!("{name}.jsonl"), &lines);
    home.run(&["import", &file.display().to_string(), "--source", "calls"]).ok();
}

/// Calls of the narrator in the ledger.
fn booked(home: &Home) -> u64 {
    let args = ["--json", "spend", "--by", "feature", "--only", "feature=centinel-narrator"];
    let spend = home.run(&[&args[..], &["--period", "all"]].concat()).ok().json();
    let rows = spend["rows"].as_array().unwrap().clone();
    rows.iter().map(|row| row["calls"].as_u64().unwrap()).sum()
}

/// Questions that may be billed: a server that asks to come back bills nothing.
fn billable(asked: &[(Says, usize)]) -> u64 {
    asked.iter().filter(|(says, _)| *says != Says::Busy).map(|(_, count)| *count as u64).sum()
}

/// Each way of a model, with how its texts are labelled and why.
const WAYS: [(Says, &str, &str); 6] = [
    (Says::Wrong, "standard wording", "no draft was without fault"),
    (Says::Garbage, "standard wording", "no draft in JSON"),
    (Says::Silence, "standard wording", "no usable answer within 3 s"),
    (Says::Busy, "standard wording", "asks to wait 3600 s"),
    (Says::Cut, "standard wording", "cut off"),
    (Says::Good, "worded by a model, ", ""),
];

#[test]
fn whatever_a_model_does_an_analysis_is_true_and_in_time() {
    let model = Model::start();
    let home = home(&model, 0..70);
    let standard = home.run(&["--json", "analyze", "--dry-run", "--standard"]).ok().json();
    assert_eq!(standard["analyses"].as_array().unwrap().len(), 1, "{standard}");
    let standard = &standard["analyses"][0];
    assert_eq!((model.asked().len(), standard["label"].get("reason")), (0, None));
    let mut asked = Vec::new();
    for (says, label, reason) in WAYS {
        model.says(says);
        let (before, began) = (model.asked().len(), Instant::now());
        let analysed = home.run(&["--json", "analyze", "--dry-run"]).ok().json();
        // The text's own time, and that of the rest of the command.
        assert!(began.elapsed() < Duration::from_secs(SECONDS + 20), "{says:?}");
        asked.push((says, model.asked().len() - before));
        let analysis = &analysed["analyses"][0];
        if says == Says::Good {
            assert_eq!(analysis["label"]["wording"], "model", "{analysis}");
            assert_ne!(analysis["text"], standard["text"]);
            continue;
        }
        assert_eq!(analysis["text"], standard["text"], "{says:?}");
        let said = analysis["label"]["reason"].as_str().unwrap();
        assert!(said.contains(reason), "{says:?}: {said}");
        let shown = home.run(&["analyze", "--dry-run"]).ok();
        asked.push((says, model.asked().len() - before - asked.last().unwrap().1));
        assert!(shown.out.contains(&format!("· {label}: ")), "{}", shown.out);
        assert!(!shown.out.contains("9,999"), "{}", shown.out);
    }
    assert!(asked.iter().all(|(_, count)| *count > 0), "{asked:?}");
    assert_eq!(booked(&home), billable(&asked), "{asked:?}");

    // It is kept once for its facts, with whose words it is, and shown without asking.
    let kept = home.run(&["--json", "analyze"]).ok().json();
    assert_eq!(kept["analyses"][0]["label"]["wording"], "model");
    assert_eq!(kept["analyses"][0]["model"], "gpt-4o-mini");
    assert_eq!(kept["analyses"][0]["prompt"].as_str().unwrap().len(), 64);
    let before = model.asked().len();
    assert_eq!(home.run(&["--json", "analyze"]).ok().json()["unchanged"], json!(["E-1"]));
    assert_eq!(model.asked().len(), before);
    // The text is what the public checker says it is.
    let text = kept["analyses"][0]["text"].as_str().unwrap();
    let evidence = kept["analyses"][0]["evidence"].as_str().unwrap();
    verified(&home, text, evidence);
}

/// What `centinel verify` says of a text.
fn verified(home: &Home, text: &str, evidence: &str) {
    let bundle = home.run(&["--json", "show", evidence]).ok().out;
    let (text, bundle) = (home.file("text.md", text), home.file("bundle.json", &bundle));
    let (text, bundle) = (text.display().to_string(), bundle.display().to_string());
    home.run(&["verify", &text, "--bundle", &bundle]).ok();
}

#[test]
fn a_digest_is_worded_once_and_kept_words_are_shown_by_everything() {
    let model = Model::start();
    let home = home(&model, 0..70);
    let standard = home.run(&["--json", "digest"]).ok().json();
    assert_eq!(standard.get("narrative"), None, "{standard}");
    let mut asked = Vec::new();
    for (says, label, reason) in WAYS {
        model.says(says);
        let before = model.asked().len();
        let digest = home.run(&["--json", "digest", "--narrate"]).ok().json();
        asked.push((says, model.asked().len() - before));
        let words = &digest["narrative"];
        assert!(words["label"].as_str().unwrap().starts_with(label), "{says:?}: {words}");
        if says == Says::Good {
            assert_ne!(words["text"], digest["cited"]);
            verified(&home, words["text"].as_str().unwrap(), digest["evidence"].as_str().unwrap());
        } else {
            assert!(words["reason"].as_str().unwrap().contains(reason), "{says:?}: {words}");
            assert_eq!(words["text"], digest["cited"]);
            assert_eq!(words.get("created_at"), None, "what no model worded is not kept");
        }
        assert_eq!(digest["text"], standard["text"]);
    }
    assert!(asked.iter().all(|(_, count)| *count > 0), "{asked:?}");
    assert_eq!(booked(&home), billable(&asked), "{asked:?}");

    // The ledger has our own calls of today only, so last week is as it was: nobody is asked again.
    let before = model.asked().len();
    let shown = home.run(&["digest"]).ok().out;
    assert!(
        shown.starts_with("Spend came to ") && shown.contains("worded by a model, "),
        "{shown}"
    );
    assert!(!shown.contains("What moved"), "{shown}");
    let full = home.run(&["digest", "--standard"]).ok().out;
    assert!(full.contains("\nstandard wording\n"), "{full}");
    let folder = home.file("mails", "").with_extension("d");
    home.run(&["digest", "--write", &folder.display().to_string()]).ok();
    let served = Served::of(&home.path());
    let page = served.get("/digest", "").body;
    assert!(page.contains("worded by a model, ") && page.contains("In full"), "{page}");
    assert_eq!(
        model.asked().len(),
        before,
        "neither a command without `--narrate` nor a page asks a model"
    );
}

/// Looks until something is there, for as long as a slow machine takes.
fn until(what: &str, mut is_there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_there() {
        assert!(began.elapsed() < Duration::from_mins(2), "never: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[cfg(unix)]
#[test]
fn the_server_words_what_is_new_and_books_what_it_gives_up() {
    let model = Model::start();
    let home = home(&model, 0..69);
    let served = Served::of(&home.path());
    for path in ["/episodes/E-1", "/digest"] {
        until(path, || served.get(path, "").body.contains("worded by a model, "));
    }
    served.stop();
    let calm = model.asked().len();
    assert_eq!(booked(&home), calm as u64);

    // Asked to stop while a model is silent: what it may be billed for is booked.
    model.says(Says::Silence);
    import(&home, 69..70, "more");
    let served = Served::of(&home.path());
    until("a question", || model.asked().len() > calm);
    let began = Instant::now();
    served.stop();
    assert!(began.elapsed() < Duration::from_secs(SECONDS * 2), "it waits for no model");
    assert_eq!(booked(&home), model.asked().len() as u64);

    // A dead model is left alone after three texts, and nobody waits for it.
    let before = model.asked().len();
    let served = Served::of(&home.path());
    let doctor = || home.run(&["doctor", "--no-probe"]).ok().out;
    until("a pause", || doctor().contains("left alone until "));
    let began = Instant::now();
    assert!(served.get("/digest", "").body.contains("standard wording"));
    assert!(began.elapsed() < Duration::from_secs(20));
    // Two texts may be under way at once: an analysis, and a digest.
    assert!((3..=4).contains(&(model.asked().len() - before)), "{}", model.asked().len() - before);
    served.stop();
    assert_eq!(booked(&home), model.asked().len() as u64);
}
