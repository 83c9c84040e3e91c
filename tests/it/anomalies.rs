//! What is watched, what people say of it, and what was known when.

use std::fmt::Write as _;

use serde_json::Value;

use crate::product::Home;

/// Calls of three features over days from 2026-06-01 on, `grown` of them with three times the tokens.
fn calls(days: std::ops::Range<i64>, grown: impl Fn(&str, i64) -> bool) -> String {
    let mut text = "at,provider,model,input_tokens,output_tokens,feature,team\n".to_owned();
    let mut noise = 7_u64;
    for day in days {
        let date = jiff::civil::date(2026, 6, 1).saturating_add(jiff::Span::new().days(day));
        for (feature, team) in [("search", "shop"), ("chat", "shop"), ("mail", "office")] {
            for hour in 0..6 {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let tokens = 900_000 + (noise >> 40) % 200_000;
                let tokens = if grown(feature, day) { tokens * 3 } else { tokens };
                writeln!(
                    text,
                    "{date}T{hour:02}:00:00Z,openai,gpt-4o,{tokens},{},{feature},{team}",
                    tokens / 20
                )
                .unwrap();
            }
        }
    }
    text
}

fn list(home: &Home, args: &[&str]) -> Vec<Value> {
    let answer = home.run(&[&["anomalies", "--json"], args].concat()).ok().json();
    answer["anomalies"].as_array().unwrap().clone()
}

#[test]
fn one_cause_is_one_anomaly_and_people_have_the_last_word() {
    let home = Home::new();
    let grown = |feature: &str, day| feature == "search" && (90..94).contains(&day);
    let file = home.file("calls.csv", &calls(0..94, grown));
    home.run(&["import", file.to_str().unwrap()]).ok();

    let found = list(&home, &[]);
    assert_eq!(found.len(), 1, "{found:#?}");
    let search = &found[0];
    let id = search["id"].as_str().unwrap();
    assert_eq!(search["scope"], serde_json::json!({ "feature": "search" }));
    assert_eq!((&search["start"], &search["last"]), (&"2026-08-30".into(), &"2026-09-02".into()));
    assert_eq!((&search["state"], &search["is_open"]), (&"open".into(), &true.into()));
    let seen_in = search["seen_in"].to_string();
    assert!(seen_in.contains("team=shop") && seen_in.contains("model=gpt-4o"), "{seen_in}");

    // Why, where, and what happened at the time.
    let told = [
        "events",
        "add",
        "deploy",
        "--at",
        "2026-08-29T21:00:00Z",
        "--only",
        "feature=search",
        "--note",
        "search 2.4",
    ];
    home.run(&told).ok();
    let explained = home.run(&["explain", id]).ok().out;
    assert!(explained.contains("tokens per call"), "{explained}");
    assert!(explained.contains("deploy since 2026-08-29: search 2.4"), "{explained}");
    assert!(explained.contains("coincided"), "{explained}");

    // A mute holds it back until it ends or is taken back; it is never lost.
    let mute = [
        "events",
        "add",
        "mute",
        "--at",
        "2026-08-30",
        "--until",
        "2026-09-10",
        "--only",
        "feature=search",
        "--json",
    ];
    let event = home.run(&mute).ok().json()["id"].as_i64().unwrap();
    assert!(list(&home, &[]).is_empty());
    assert_eq!(list(&home, &["--all"])[0]["state"], "muted");
    home.run(&["events", "remove", &event.to_string()]).ok();
    assert_eq!(list(&home, &[])[0]["id"], id);
    let endless = home.run(&["events", "add", "mute"]);
    assert_eq!(endless.code, 1);
    assert!(endless.err.contains("a mute needs an end"), "{}", endless.err);

    // Said to be meant: closed with that reason, and no alarm of the new level.
    home.run(&["anomalies", "judge", id, "expected", "--note", "larger context"]).ok();
    assert!(list(&home, &[]).is_empty());
    let all = list(&home, &["--all"]);
    let expected = all.iter().find(|incident| incident["id"] == id).unwrap();
    assert_eq!(
        (&expected["state"], &expected["verdict"]),
        (&"expected".into(), &"expected".into())
    );
    let audit = home.run(&["audit", "export"]).ok().out;
    for action in ["event.added", "event.removed", "episode.feedback"] {
        assert!(audit.contains(action), "{audit}");
    }
    home.run(&["audit", "verify"]).ok();
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is known is known by the clock of the program")]
fn what_was_known_then_is_answered_as_then() {
    let home = Home::new();
    let early = |feature: &str, day| feature == "mail" && (80..83).contains(&day);
    let file = home.file("early.csv", &calls(0..90, early));
    home.run(&["import", file.to_str().unwrap()]).ok();
    let then = home.run(&["anomalies", "--json", "--all"]).ok().out;
    let explained_then = home.run(&["explain", "E-1", "--json"]).ok().out;
    let at = jiff::Timestamp::now().to_string();
    assert!(then.contains("mail"), "{then}");

    // Rows that come later, of the same days and of further ones, and what is said later.
    let late = home.file("late.csv", &calls(78..96, |feature, day| feature == "chat" || day > 90));
    home.run(&["import", "--source", "late", late.to_str().unwrap()]).ok();
    home.run(&["anomalies", "judge", "E-1", "not-useful"]).ok();
    let now = home.run(&["anomalies", "--json", "--all"]).ok().out;
    assert_ne!(now, then);
    let replayed = home.run(&["anomalies", "--json", "--all", "--as-of", &at]).ok().out;
    assert_eq!(replayed, then);
    assert_ne!(home.run(&["explain", "E-1", "--json"]).ok().out, explained_then);
    let replayed = home.run(&["explain", "E-1", "--json", "--as-of", &at]).ok().out;
    assert_eq!(replayed, explained_then);
}

#[test]
fn the_order_of_imports_changes_no_byte() {
    let grown = |feature: &str, day| feature == "search" && (80..84).contains(&day);
    let (early, late) = (calls(0..60, grown), calls(60..84, grown));
    let answers = |first: (&str, &str), second: (&str, &str)| {
        let home = Home::new();
        for (name, text) in [first, second] {
            let file = home.file(name, text);
            home.run(&["import", "--source", name, file.to_str().unwrap()]).ok();
        }
        let listed = home.run(&["anomalies", "--json", "--all"]).ok().out;
        (listed, home.run(&["explain", "E-1", "--json"]).ok().out)
    };
    let (early, late) = (("early.csv", early.as_str()), ("late.csv", late.as_str()));
    let in_order = answers(early, late);
    assert!(in_order.0.contains("search"), "{}", in_order.0);
    assert_eq!(answers(late, early), in_order);
}

#[test]
fn an_episode_of_everything_is_named_by_where_it_is() {
    let home = Home::new();
    let everything = |_: &str, day| (50..52).contains(&day);
    // Two providers, so that nothing but everything has all rows.
    let of_mail = |line: &str| {
        let is_mail = line.contains(",mail,");
        if is_mail { line.replace("openai,gpt-4o", "azure,gpt-4.1") } else { line.to_owned() }
    };
    let mut lines: Vec<String> = calls(0..52, everything).lines().map(of_mail).collect();
    // What is paid once: its feature has too few days to be judged by itself.
    lines.push(
        "2026-07-01T12:00:00Z,anthropic,claude-sonnet-4-5,60000000,10,seats,finance".to_owned(),
    );
    let text = lines.join("\n") + "\n";
    let file = home.file("calls.csv", &text);
    home.run(&["import", file.to_str().unwrap()]).ok();
    let found = list(&home, &["--all"]);
    let starting = |day: &str| {
        let incident = found.iter().find(|incident| incident["start"] == day);
        incident.unwrap_or_else(|| panic!("{found:#?}"))
    };
    let charge = starting("2026-07-01");
    assert_eq!(charge["scope"], serde_json::json!({}));
    assert_eq!(charge["within"], serde_json::json!({ "feature": "seats" }));
    let spread = starting("2026-07-21");
    assert_eq!(spread["within"], serde_json::json!({}), "{spread:#}");
    let shown = home.run(&["anomalies", "--all"]).ok().out;
    for expected in ["all spend, most of it seats", "all spend, no place stands out"] {
        assert!(shown.contains(expected), "{shown}");
    }
    // The text of its explanation names the same place.
    let id = charge["id"].as_str().unwrap();
    let explained = home.run(&["explain", id]).ok().out;
    assert!(
        explained.contains("Of the change, +$") && explained.contains(" is in feature seats"),
        "{explained}"
    );
}

/// Ten weeks of calls up to an hour, four an hour; those of `search` six times as many in the last
/// three hours if it rose.
fn by_hours(end: jiff::Timestamp, rose: bool) -> String {
    let mut text = "at,provider,model,input_tokens,output_tokens,feature,team\n".to_owned();
    let mut noise = 7_u64;
    // From a midnight on: a part of a first day would not be flat.
    let first = (end.as_second() / 86_400 - 70) * 86_400;
    for back in (1..=(end.as_second() - first) / 3600).rev() {
        let hour = end.as_second() - back * 3600;
        for (feature, team) in [("search", "shop"), ("chat", "shop"), ("mail", "office")] {
            let calls = if rose && feature == "search" && back <= 3 { 24 } else { 4 };
            for call in 0..calls {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let tokens = 900_000 + (noise >> 40) % 200_000;
                let at = jiff::Timestamp::from_second(hour + call * 60).unwrap();
                let output = tokens / 20;
                writeln!(text, "{at},openai,gpt-4o,{tokens},{output},{feature},{team}").unwrap();
            }
        }
    }
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the day that has not ended is that of the clock")]
fn a_spike_of_this_day_is_listed_with_its_hour_and_flat_hours_are_not() {
    let end =
        jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() / 3600 * 3600).unwrap();
    let flat = Home::new();
    let file = flat.file("calls.csv", &by_hours(end, false));
    flat.run(&["import", file.to_str().unwrap()]).ok();
    assert!(list(&flat, &["--all"]).is_empty());

    let home = Home::new();
    let file = home.file("calls.csv", &by_hours(end, true));
    home.run(&["import", file.to_str().unwrap()]).ok();
    let found = list(&home, &["--all"]);
    assert_eq!(found.len(), 1, "{found:#?}");
    let spike = &found[0];
    assert_eq!(spike["scope"], serde_json::json!({ "feature": "search" }));
    // The hour is that of the window in which it was noticed first, of one to three hours.
    let began_at: jiff::Timestamp = spike["began_at"].as_str().unwrap().parse().unwrap();
    let rose = end.checked_sub(jiff::Span::new().hours(3)).unwrap();
    let before = rose.duration_since(began_at).as_hours();
    assert!((0..=2).contains(&before), "{began_at}, not {rose}");
    assert_eq!(spike["is_open"], true);
    assert!(spike["seen_in"].to_string().contains("team=shop"), "{spike}");
    let hour = began_at.strftime("%Y-%m-%d %H:%M").to_string();
    let listed = home.run(&["anomalies", "--all"]).ok().out;
    assert!(listed.contains(&format!("{hour} on")), "{listed}");
    let explained = home.run(&["explain", spike["id"].as_str().unwrap()]).ok().out;
    assert!(explained.contains(&hour), "{explained}");

    // The same answer, as of a time after the import.
    let at = jiff::Timestamp::now().to_string();
    assert_eq!(list(&home, &["--all", "--as-of", &at]), found);
}

#[test]
fn tags_of_a_repository_are_deploys_once() {
    let home = Home::new();
    let repository = home.path().with_file_name("shop");
    std::fs::create_dir_all(&repository).unwrap();
    let git = |args: &[&str]| {
        let done = std::process::Command::new("git")
            .arg("-C")
            .arg(&repository)
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(args)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q"]);
    git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    git(&["tag", "v1.0"]);
    git(&["tag", "-a", "v1.1", "-m", "\u{1b}[31mred"]);
    git(&["tag", "nightly"]);
    let import = ["events", "import-git", repository.to_str().unwrap(), "--tags", "v*", "--json"];
    let first = home.run(&import).ok().json();
    assert_eq!((&first["added"], &first["known"]), (&2.into(), &0.into()));
    let again = home.run(&import).ok().json();
    assert_eq!((&again["added"], &again["known"]), (&0.into(), &2.into()));
    let listed = home.run(&["events"]).ok().out;
    assert!(listed.contains("v1.1") && !listed.contains("nightly"), "{listed}");
    let none = home.run(&["events", "import-git", "/nowhere"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("hint: name a folder"), "{}", none.err);
}
