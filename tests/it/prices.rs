//! What calls cost, as an organisation lives with it: calls that have no price yet, a name of its own,
//! a contract, a new version of a book, and a restatement that leaves the past as it was.

use serde_json::{Value, json};

use crate::product::{Home, PASSWORD};

const BOOK: &str = r#"
format = 1
name = "ours"
currency = "USD"
recorded = "2026-11-01"
[[model]]
provider = "openai"
model = "gpt-5.4"
[[model.price]]
effective_from = "unknown"
source = "price page"
rates.standard = { input = "2", cache_read = "0.2", output = "10" }
[[model]]
provider = "openai"
model = "gpt-5.4-mini"
[[model.price]]
effective_from = "unknown"
source = "price page"
rates.standard = { input = "0.5", cache_read = "0.05", output = "4" }
[[model]]
provider = "azure"
model = "gpt-5.1"
[[model.price]]
effective_from = "unknown"
source = "price page"
rates.standard = { input = "1", output = "10" }
"#;

/// A million tokens in, 100,000 out.
fn call(id: &str, provider: &str, model: &str, day: u32) -> String {
    json!({
        "call_id": id,
        "at": format!("2026-11-{day:02}T10:00:00Z"),
        "provider": provider,
        "model": model,
        "usage": {"input_tokens_total": 1_000_000, "output_tokens_total": 100_000},
    })
    .to_string()
        + "\n"
}

fn import(home: &Home, name: &str, calls: &[String]) {
    let file = home.file(name, &calls.concat()).display().to_string();
    home.run(&["--json", "import", &file]).ok();
}

/// A home that prices by the book above, with one priced call, one of an unknown model of a known
/// family, and one under a name of the organisation's own.
fn home() -> Home {
    let home = Home::new();
    std::fs::write(home.path().join("ours.toml"), BOOK).unwrap();
    configure(&home, "[prices]\nbook = \"ours.toml\"\n");
    let calls = [
        call("a", "openai", "gpt-5.4", 3),
        call("b", "openai", "gpt-5.4-nano", 4),
        call("c", "azure", "prod-chat", 5),
        call("d", "azure", "prod-chat", 6),
    ];
    import(&home, "calls.ndjson", &calls);
    home
}

fn configure(home: &Home, text: &str) {
    std::fs::write(home.path().join("centinel.toml"), text).unwrap();
}

fn spend(home: &Home, further: &[&str]) -> Value {
    let args =
        ["--json", "spend", "--from", "2026-11-01", "--until", "2026-12-01", "--by", "model"];
    home.run(&[&args[..], further].concat()).ok().json()
}

fn cost_of(spend: &Value, model: &str) -> Value {
    let rows = spend["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["group"]["model"] == model).unwrap();
    row["cost"].clone()
}

#[test]
fn calls_without_a_price_queue_up_with_a_range() {
    let home = home();
    let queue = home.run(&["--json", "prices", "unpriced"]).ok().json();
    let models = queue["models"].as_array().unwrap();
    // Most tokens first.
    assert_eq!(models[0]["model"], "prod-chat");
    assert_eq!(models[0]["calls"], 2);
    assert_eq!(models[0]["tokens"], 2_200_000);
    assert_eq!(models[0]["mapping"], "\"prod-chat\" = \"azure/MODEL\"");
    assert_eq!(
        (&models[0]["first_seen"], &models[0]["last_seen"]),
        (&json!("2026-11-05"), &json!("2026-11-06"))
    );
    // Nothing at azure is called like it: every model of the provider, so one price.
    assert_eq!(models[0]["plausible"]["basis"], "provider");
    assert_eq!(models[0]["plausible"]["low"], "4");
    let nano = &models[1];
    assert_eq!(nano["plausible"]["basis"]["family"], "gpt-5-4");
    assert_eq!(
        (&nano["plausible"]["low"], &nano["plausible"]["high"]),
        (&json!("0.9"), &json!("3"))
    );
    assert_eq!(queue["plausible_high"], "7");
    // In no total, and shown as such in each.
    let spend = spend(&home, &[]);
    assert_eq!(spend["total"]["cost"], "3");
    assert_eq!(spend["total"]["unpriced_calls"], 3);
    assert_eq!(cost_of(&spend, "prod-chat"), Value::Null);
    let report = home.run(&["report"]).ok().out;
    assert!(report.contains("unpriced 2 models: 3 calls"), "{report}");
    assert!(report.contains("$4.90 to $7.00"), "{report}");
    let text = home.run(&["prices", "unpriced"]).ok().out;
    assert!(text.contains("[models]\n\"prod-chat\" = \"azure/MODEL\""), "{text}");
}

#[test]
fn a_name_of_ours_is_priced_once_it_is_said_what_it_stands_for() {
    let home = home();
    let before = spend(&home, &[]);
    configure(
        &home,
        "[prices]\nbook = \"ours.toml\"\n[models]\n\"prod-chat\" = \"azure/gpt-5.1\"\n",
    );
    // The past stays as it is booked, until somebody says otherwise.
    assert_eq!(spend(&home, &[])["total"], before["total"]);
    let period = ["--from", "2026-11-01", "--until", "2026-12-01", "--only-unpriced"];
    let restate = |further: &[&str], input: &str| {
        let args = [&["--json", "prices", "restate"], &period[..], further].concat();
        home.with_input(&args, input)
    };
    let shown = restate(&[], "").ok().json();
    assert_eq!((&shown["restatement"], &shown["changed"]), (&Value::Null, &json!(2)));
    assert_eq!((&shown["before"], &shown["after"]), (&json!("3"), &json!("7")));
    assert_eq!(shown["still_unpriced"], 1);
    assert_eq!(spend(&home, &[])["total"], before["total"]);
    let told = ["--yes", "--reason", "deployment named"];
    assert_eq!(restate(&["--yes"], "").code, 2);
    let wrong = restate(&[&told[..], &["--password-stdin"]].concat(), "wrong\n");
    assert_eq!(wrong.code, 1, "{}", wrong.err);
    assert_eq!(spend(&home, &[])["total"], before["total"]);

    let done = restate(&[&told[..], &["--password-stdin"]].concat(), PASSWORD).ok().json();
    assert_eq!(done["restatement"], 1);
    let after = spend(&home, &[]);
    assert_eq!(after["total"]["cost"], "7");
    assert_eq!(after["total"]["unpriced_calls"], 1);
    // The label stays as the caller spelled it.
    assert_eq!(cost_of(&after, "prod-chat"), "4");
    assert_eq!(spend(&home, &["--scan", "raw"])["total"], after["total"]);
    let verified = home.run(&["--json", "ledger", "verify"]).ok().json();
    assert_eq!(verified["problems"], json!([]));
    let audit = home.run(&["audit", "export"]).ok().out;
    let entry = audit.lines().find(|line| line.contains("prices.restated")).unwrap();
    let entry: Value = serde_json::from_str(entry).unwrap();
    assert_eq!(entry["actor"], "person:ada");
    assert_eq!(entry["payload"]["reason"], "deployment named");
    assert_eq!(
        (&entry["payload"]["before"], &entry["payload"]["after"]),
        (&json!("3"), &json!("7"))
    );
    assert_eq!(entry["payload"]["book_digest"].as_str().unwrap().len(), 64);
    home.run(&["audit", "verify"]).ok();
    // Asked as of the microsecond before, the answer is what it was.
    let at = jiff::Timestamp::from_microsecond(entry["at"].as_i64().unwrap() - 1).unwrap();
    let earlier = spend(&home, &["--as-of", &at.to_string()]);
    assert_eq!(earlier["total"], before["total"]);
    // Done is done.
    assert_eq!(restate(&[], "").ok().json()["changed"], 0);
}

#[test]
fn a_new_version_prices_what_comes_and_leaves_what_was() {
    let home = home();
    let dearer = home.file("dearer.toml", &BOOK.replace("input = \"2\"", "input = \"4\""));
    let dearer = dearer.display().to_string();
    let kept = home.run(&["--json", "prices", "import", &dearer]).ok().json();
    let name = kept["book"].as_str().unwrap().to_owned();
    assert!(name.starts_with("imported:"), "{name}");
    assert_eq!(kept["is_active"], false);
    import(&home, "second.ndjson", &[call("e", "openai", "gpt-5.4", 7)]);
    assert_eq!(cost_of(&spend(&home, &[]), "gpt-5.4"), "6");
    home.run(&["prices", "activate", &name]).ok();
    let config = std::fs::read_to_string(home.path().join("centinel.toml")).unwrap();
    assert_eq!(config, format!("[prices]\nbook = \"{name}\"\n"));
    import(&home, "third.ndjson", &[call("f", "openai", "gpt-5.4", 8)]);
    // 3 + 3 by the first book, 5 by the second.
    assert_eq!(cost_of(&spend(&home, &[]), "gpt-5.4"), "11");
    let again = home.run(&["--json", "prices", "import", &dearer]).ok().json();
    assert_eq!(again["already_known"], true);
    let versions = home.run(&["--json", "prices", "versions"]).ok().json();
    assert_eq!(versions["versions"].as_array().unwrap().len(), 1);
    assert_eq!(versions["versions"][0]["is_active"], true);
    // A version that was changed on disk prices nothing.
    let folder = home.path().join("prices").join("books");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, BOOK).unwrap();
    let refused = home.run(&["prices", "list"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("was changed after it was imported"), "{}", refused.err);
}

#[test]
fn a_contract_prices_calls_and_the_list_is_known_beside_it() {
    let home = home();
    std::fs::create_dir_all(home.path().join("prices")).unwrap();
    let contract = "format = 1\nname = \"acme\"\ncurrency = \"USD\"\nrecorded = \"2026-11-01\"\n\
                    [[term]]\nprovider = \"openai\"\nmodels = [\"gpt-5.4*\"]\n\
                    discount = \"25 %\"\nsource = \"order form 17\"\n";
    std::fs::write(home.path().join("prices").join("contract.toml"), contract).unwrap();
    configure(&home, "[prices]\nbook = \"ours.toml\"\ncontract = \"prices/contract.toml\"\n");
    import(&home, "second.ndjson", &[call("e", "openai", "gpt-5.4", 7)]);
    assert_eq!(cost_of(&spend(&home, &[]), "gpt-5.4"), "5.25");
    let shown = home.run(&["--json", "prices", "show", "gpt-5.4"]).ok().json();
    assert_eq!(shown["contracted"][0]["contract"], "acme");
    assert_eq!(shown["contracted"][0]["terms"], json!(["order form 17"]));
    assert_eq!(shown["contracted"][0]["rates"][0], json!(["input", "0.000002", "0.0000015"]));
    std::fs::write(home.path().join("prices").join("contract.toml"), "format = 1").unwrap();
    let refused = home.run(&["prices", "show", "gpt-5.4"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.starts_with("error: contract `"), "{}", refused.err);
}

#[test]
fn books_are_listed_compared_and_checked_without_a_home() {
    let home = Home::new();
    let path = |name: &str, text: &str| home.file(name, text).display().to_string();
    let ours = path("ours.toml", BOOK);
    let other = path(
        "other.toml",
        &BOOK.replace("output = \"10\"", "output = \"12\"").replace("price page", "catalogue"),
    );
    let listed =
        home.run(&["--json", "prices", "list", "--book", &ours, "--provider", "az.ai.openai"]);
    let listed = listed.ok().json();
    assert_eq!(listed["prices"].as_array().unwrap().len(), 1);
    assert_eq!(listed["prices"][0]["rates"][0]["price"], "1");
    let diff = home.run(&["--json", "prices", "diff", &ours, &other]).ok().json();
    assert_eq!(diff["same"], 1);
    let first = &diff["differing"][0];
    assert_eq!(
        (&first["left"]["source"], &first["right"]["source"]),
        (&json!("price page"), &json!("catalogue"))
    );
    assert_eq!(
        (&first["rates"][0]["left"], &first["rates"][0]["right"]),
        (&json!("10"), &json!("12"))
    );
    home.run(&["prices", "check", &ours]).ok();
    let odd = path("odd.toml", &BOOK.replace("output = \"10\"", "output = \"0.1\""));
    let checked = home.run(&["--json", "prices", "check", &odd]);
    assert_eq!(checked.code, 4);
    let finding = &checked.json()["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["model"]),
        (&json!("output_below_input"), &json!("gpt-5.4"))
    );
    assert_eq!(finding["source"], "price page");
    let lost = home.run(&["prices", "show", "gpt-9", "--book", &ours]);
    assert_eq!(lost.code, 1);
    assert!(lost.err.contains("no price of model `gpt-9`"), "{}", lost.err);
    // The built-in book holds up to its own check.
    home.run(&["prices", "check", "builtin"]).ok();
}
