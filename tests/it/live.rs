//! Live sources through the binary, against servers on this machine that speak the documented schema.

#[path = "../../crates/centinel-ingest/src/testing.rs"]
mod testing;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use testing::{Asked, Reply, Server};

use crate::product::Home;

const SECRET: &str = "sk-live-hunter2-abcdef";

/// Adds a source whose credential is in a file that only its owner reads.
fn add(home: &Home, kind: &str, base: &str, more: &[&str]) {
    let key = home.path().join("key");
    std::fs::write(&key, SECRET).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let mut arguments =
        vec!["sources", "add", kind, "--credential", "file:key", "--base-url", base];
    arguments.extend_from_slice(more);
    home.run(&arguments).ok();
}

/// So many days ago, as a date: what is synced ends now.
#[expect(clippy::disallowed_methods, reason = "a sync ends at the present")]
fn days_ago(days: i64) -> String {
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    at.strftime("%Y-%m-%d").to_string()
}

/// Rows of LiteLLM's spend log: ten calls a day, five a page, of so many days from the fourth last.
fn spend_logs(asked: &Asked, days: i64) -> Reply {
    let text = |name: &str| asked.parameter(name).unwrap().replace("%3A", ":").replace('+', "T");
    let (from, until) = (text("start_date"), text("end_date"));
    let rows: Vec<Value> = (0..days)
        .flat_map(|day| (0..10).map(move |hour| (day, hour)))
        .map(|(day, hour)| {
            json!({
                "request_id": format!("r-{day}-{hour}"), "call_type": "acompletion", "spend": 0.25,
                "startTime": format!("{}T{hour:02}:30:00", days_ago(4 - day)),
                "model": "gpt-5.1", "custom_llm_provider": "openai",
                "prompt_tokens": 100, "completion_tokens": 10, "metadata": {}, "status": "success",
            })
        })
        .filter(|row| {
            let at = row["startTime"].as_str().unwrap();
            *at >= *from && *at <= *until
        })
        .collect();
    let page: usize = asked.parameter("page").unwrap().parse().unwrap();
    let pages: Vec<&[Value]> = rows.chunks(5).collect();
    let data = pages.get(page - 1).copied().unwrap_or_default();
    Reply::ok(
        json!({"data": data, "total": rows.len(), "page": page, "total_pages": pages.len()})
            .to_string(),
    )
}

fn calls(home: &Home) -> i64 {
    let ran = home.run(&["--json", "spend", "--by", "source", "--period", "all"]);
    // A ledger without a row has no answer yet.
    if ran.code == 0 { ran.json()["total"]["calls"].as_i64().unwrap() } else { 0 }
}

fn source(home: &Home, name: &str) -> Value {
    let listed = home.run(&["--json", "sources"]).ok().json();
    let sources = listed["sources"].as_array().unwrap();
    sources.iter().find(|source| source["source"] == name).unwrap().clone()
}

#[test]
fn a_gateway_is_added_tried_out_and_synced_and_late_rows_come_once() {
    let home = Home::new();
    let days = Arc::new(AtomicUsize::new(2));
    let known = Arc::clone(&days);
    let server = Server::start(move |_, asked| {
        spend_logs(asked, i64::try_from(known.load(Ordering::SeqCst)).unwrap())
    });
    add(
        &home,
        "litellm",
        &server.base(),
        &["--name", "gateway", "--since", &days_ago(4), "--overlap", "3d"],
    );
    assert_eq!(source(&home, "gateway")["state"], "never_synced");

    let tested = home.run(&["--json", "sources", "test", "gateway"]).ok().json();
    assert_eq!(tested["passed"], true, "{tested}");
    assert_eq!(calls(&home), 0);

    let first = home.run(&["--json", "sources", "sync"]).ok().json();
    assert_eq!(first["synced"][0]["accepted"], 20, "{first}");
    assert_eq!(calls(&home), 20);
    // A day was logged late, of which the overlap tells.
    days.store(3, Ordering::SeqCst);
    let second = home.run(&["--json", "sources", "sync", "gateway"]).ok().json();
    assert_eq!(second["synced"][0]["accepted"], 10, "{second}");
    home.run(&["sources", "sync"]).ok();
    assert_eq!(calls(&home), 30);
    // All of it again changes nothing.
    home.run(&["sources", "sync", "--since", &days_ago(5)]).ok();
    assert_eq!(calls(&home), 30);
    home.run(&["ledger", "verify"]).ok();

    let state = source(&home, "gateway");
    assert_eq!((&state["state"], &state["role"]), (&json!("ok"), &json!("spend")), "{state}");
    assert_eq!(state["rows_accepted"], 30);
    for asked in server.asked() {
        assert_eq!((asked.method.as_str(), asked.body.as_str()), ("GET", ""));
        assert!(asked.headers.contains(&format!("authorization: Bearer {SECRET}")));
    }
}

#[test]
fn a_clock_that_differs_is_told() {
    let home = Home::new();
    let server = Server::start(|_, _| {
        Reply::ok(r#"{"total_pages":0,"data":[]}"#).with("date: Sun, 01 Nov 2020 00:00:00 GMT")
    });
    add(&home, "litellm", &server.base(), &[]);
    let tested = home.run(&["sources", "test", "litellm"]);
    assert_eq!(tested.code, 1);
    assert!(tested.out.contains("fails  clock: this machine's clock is"), "{}", tested.out);
    assert!(tested.out.contains("works  litellm: `http://127.0.0.1:"), "{}", tested.out);
}

#[test]
fn what_fails_is_said_kept_and_does_not_move_the_cursor() {
    let home = Home::new();
    let fails = Arc::new(AtomicUsize::new(0));
    let failing = Arc::clone(&fails);
    let server = Server::start(move |_, asked| match failing.load(Ordering::SeqCst) {
        0 => spend_logs(asked, 3),
        1 => Reply::status(401, format!(r#"{{"error":{{"message":"expired: {SECRET}"}}}}"#)),
        // The second page of a day cannot be read.
        2 if asked.parameter("page") == Some("2") => Reply::ok("{\"data\":[{"),
        2 => spend_logs(asked, 3),
        _ => Reply::ok("<html>Sign in</html>"),
    });
    add(&home, "litellm", &server.base(), &["--since", &days_ago(4)]);

    fails.store(2, Ordering::SeqCst);
    let cut = home.run(&["sources", "sync"]);
    assert_eq!(cut.code, 1);
    assert!(
        cut.err.starts_with("error: source `litellm`: the answer of `http://127.0.0.1"),
        "{}",
        cut.err
    );
    // The first page of the first day is there, and the cursor at no day yet.
    assert_eq!(calls(&home), 5);
    assert_eq!(source(&home, "litellm")["reached"], Value::Null);

    fails.store(0, Ordering::SeqCst);
    home.run(&["sources", "sync"]).ok();
    assert_eq!(calls(&home), 30);
    let reached = source(&home, "litellm")["reached"].clone();

    for (mode, expected) in [(1, "does not accept the credential (401)"), (3, "a login page")] {
        fails.store(mode, Ordering::SeqCst);
        for arguments in [&["sources", "sync"][..], &["sources", "test", "litellm"]] {
            let failed = home.run(arguments);
            assert_eq!(failed.code, 1, "{arguments:?}");
            assert!(format!("{}{}", failed.out, failed.err).contains(expected), "{}", failed.err);
            assert!(!format!("{}{}", failed.out, failed.err).contains("hunter2"));
        }
        let state = source(&home, "litellm");
        assert_eq!(state["state"], "failing");
        assert!(state["error"].as_str().unwrap().contains(expected), "{state}");
        assert_eq!(state["reached"], reached);
    }
    assert_eq!(calls(&home), 30);
    assert_eq!(files_with(&home.path(), "hunter2"), [home.path().join("key")]);
}

/// Files below a folder that hold a text.
fn files_with(folder: &std::path::Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn a_configuration_takes_no_credential_and_no_mistake() {
    let home = Home::new();
    let config = home.path().join("centinel.toml");
    let before = std::fs::read_to_string(&config).unwrap();
    for (arguments, code, expected) in [
        (&["openai", "--credential", "env:K"][..], 2, "no kind of source is called `openai`"),
        (&["litellm", "--credential", SECRET, "--base-url", "http://h"], 2, "named as `env:NAME`"),
        (&["litellm", "--credential", "env:K"], 1, "source `litellm`: it needs `base_url`"),
        (&["litellm", "--base-url", "http://h"], 1, "it needs `credential`"),
        (
            &["litellm", "--credential", "env:K", "--base-url", "http://u:hunter2@h"],
            1,
            "an address holds no user or password",
        ),
        (
            &["litellm", "--credential", "env:K", "--base-url", "http://h", "--option", "x=y"],
            1,
            "unknown option `x`",
        ),
    ] {
        let ran = home.run(&[&["sources", "add"], arguments].concat());
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(ran.err.contains(expected), "{}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        assert_eq!(std::fs::read_to_string(&config).unwrap(), before);
    }
    let good = [
        "sources",
        "add",
        "litellm",
        "--credential",
        "env:CENTINEL_TEST_NO_KEY",
        "--base-url",
        "https://h",
    ];
    home.run(&good).ok();
    let twice = home.run(&good);
    assert!(twice.err.contains("source `litellm` stands there twice"), "{}", twice.err);
    let after = std::fs::read_to_string(&config).unwrap();
    assert!(after.starts_with(&before), "{after}");
    let test = home.run(&["sources", "test", "litellm"]);
    assert_eq!(test.code, 1);
    assert!(
        test.out.contains("`env:CENTINEL_TEST_NO_KEY`: the variable is not set"),
        "{}",
        test.out
    );
    let nobody = home.run(&["sources", "sync", "nobody"]);
    assert!(nobody.err.contains("no configured source `nobody`"), "{}", nobody.err);
}

#[test]
fn two_sources_of_the_same_calls_are_a_finding() {
    let home = Home::new();
    let today = home.run(&["--json", "sources"]).ok().json();
    assert_eq!(today["findings"], json!([]));
    // The same calls, once as a file and once as events: two sources, two different ids.
    for name in ["gateway", "application"] {
        let file = home.path().join(format!("{name}.csv"));
        let row = format!("{}T00:00:00Z,openai,gpt-5.1,10,2\n", days_ago(1));
        let text = format!("at,provider,model,input_tokens,output_tokens\n{row}");
        std::fs::write(&file, text).unwrap();
        home.run(&["import", file.to_str().unwrap(), "--source", name]).ok();
    }
    let listed = home.run(&["--json", "sources"]).ok().json();
    let finding = listed["findings"][0].as_str().unwrap();
    assert!(
        finding.starts_with("`application` and `gateway` both count calls of `openai` (1 days"),
        "{finding}"
    );
}

/// OpenAI's usage of completions: for each of the last days its input tokens and calls.
fn openai_usage(asked: &Asked, days: &[(i64, u64, u64)]) -> Reply {
    let number = |name: &str| -> i64 { asked.parameter(name).unwrap().parse().unwrap() };
    let (start, end) = (number("start_time"), number("end_time"));
    let midnight = |ago: i64| -> i64 {
        format!("{}T00:00:00Z", days_ago(ago)).parse::<jiff::Timestamp>().unwrap().as_second()
    };
    let buckets: Vec<Value> = (0..40)
        .rev()
        .map(|ago| (ago, midnight(ago)))
        .filter(|(_, at)| (start..end).contains(at))
        .map(|(ago, at)| {
            let results: Vec<Value> = days
                .iter()
                .filter(|(day, ..)| *day == ago)
                .map(|(_, tokens, calls)| {
                    json!({
                        "object": "organization.usage.completions.result",
                        "input_tokens": tokens, "input_cached_tokens": 0, "output_tokens": 5,
                        "num_model_requests": calls, "project_id": "p1", "user_id": null,
                        "api_key_id": "k1", "model": "gpt-5.1", "batch": false,
                        "service_tier": "default",
                    })
                })
                .collect();
            json!({"object": "bucket", "start_time": at, "end_time": at + 86_400, "results": results})
        })
        .collect();
    // A page of two buckets at a time.
    let page: usize = asked.parameter("page").map_or(0, |page| page.parse().unwrap());
    let pages: Vec<&[Value]> = buckets.chunks(2).collect();
    let more = page + 1 < pages.len();
    let next = if more { json!((page + 1).to_string()) } else { Value::Null };
    let data = pages.get(page).copied().unwrap_or_default();
    Reply::ok(
        json!({"object": "page", "data": data, "has_more": more, "next_page": next}).to_string(),
    )
}

fn totals(home: &Home) -> (i64, i64) {
    let answer = home.run(&["--json", "spend", "--by", "model", "--period", "all"]).ok().json();
    let total = &answer["total"];
    (total["calls"].as_i64().unwrap(), total["input_tokens"].as_i64().unwrap())
}

#[test]
fn a_day_of_a_report_grows_and_is_corrected_without_being_counted_twice() {
    let home = Home::new();
    let days = Arc::new(Mutex::new(vec![(2, 1000, 10), (1, 2000, 20), (0, 300, 3)]));
    let known = Arc::clone(&days);
    let server = Server::start(move |_, asked| openai_usage(asked, &known.lock().unwrap()));
    let list = ["--option", "lists=completions", "--since", &days_ago(3)];
    add(&home, "openai-usage", &server.base(), &list);
    home.run(&["sources", "test", "openai-usage"]).ok();
    let sync = || home.run(&["--json", "sources", "sync"]).ok().json()["synced"][0].clone();

    let first = sync();
    assert_eq!((&first["accepted"], &first["rejected"]), (&json!(3), &json!(0)), "{first}");
    assert_eq!(totals(&home), (33, 3300));
    let state = source(&home, "openai-usage");
    assert_eq!(state["provisional"], json!([format!("completions {}", days_ago(0))]), "{state}");
    assert_eq!(state["role"], "spend");

    // Nothing changed: nothing is written.
    let same = sync();
    assert_eq!((&same["accepted"], &same["replaced"]), (&json!(0), &json!([])), "{same}");
    assert_eq!(totals(&home), (33, 3300));

    // Today grows, yesterday is corrected downwards; what is older than the overlap is not asked for.
    *days.lock().unwrap() = vec![(2, 1000, 10), (1, 1500, 15), (0, 900, 9)];
    let third = sync();
    let replaced = [1, 0].map(|ago| format!("completions {}", days_ago(ago)));
    assert_eq!(third["replaced"], json!(replaced), "{third}");
    assert_eq!(totals(&home), (34, 3400));

    // What was there before may come back, and a day may turn out to have been empty.
    *days.lock().unwrap() = vec![(2, 1000, 10), (1, 2000, 20)];
    sync();
    assert_eq!(totals(&home), (30, 3000));
    home.run(&["ledger", "verify"]).ok();
    let state = source(&home, "openai-usage");
    assert_eq!(state["rows_accepted"], 2, "{state}");
    assert!(server.asked().iter().all(|asked| asked.method == "GET"));
}

#[test]
fn a_sync_that_is_killed_leaves_whole_steps_and_the_next_one_finishes() {
    let home = Home::new();
    let server = Server::start(move |number, asked| {
        // The third page hangs the first time that it is asked for.
        if number == 2 {
            std::thread::sleep(std::time::Duration::from_secs(20));
        }
        spend_logs(asked, 3)
    });
    add(&home, "litellm", &server.base(), &["--since", &days_ago(4)]);
    let mut killed = std::process::Command::new(assert_cmd::cargo::cargo_bin("centinel"))
        .args(["--home", home.path().to_str().unwrap(), "sources", "sync"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..200 {
        if server.asked().len() >= 3 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(calls(&home), 10);
    let reached = source(&home, "litellm")["reached"].as_str().unwrap().to_owned();
    assert!(reached.starts_with(&days_ago(3)), "{reached}");
    home.run(&["sources", "sync"]).ok();
    assert_eq!(calls(&home), 30);
    home.run(&["ledger", "verify"]).ok();
}
