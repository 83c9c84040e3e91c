//! People, tokens and policies in the terminal.

use serde_json::Value;

use crate::product::{Home, PASSWORD};

/// Calls of two teams on one day, in two models.
const CALLS: &str = "\
id,at,provider,model,team,feature,input_tokens,output_tokens
1,2026-10-01T10:00:00Z,openai,gpt-4o,search,answers,1000000,1000
2,2026-10-01T10:00:00Z,openai,gpt-4o-mini,ads,banners,9000000,1000
";

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_person_is_shown_what_their_team_spends() {
    let home = Home::new();
    let file = home.file("calls.csv", CALLS);
    home.run(&["import", file.to_str().unwrap(), "--source", "gateway"]).ok();
    let made =
        ["person", "set", "ben", "--role", "owner:search", "--as", "ada", "--password-stdin"];
    let typed = format!("{PASSWORD}a password of ben\n");
    home.with_input(&made, &typed).ok();
    let asked =
        ["--json", "spend", "--by", "team,model", "--from", "2026-10-01", "--until", "2026-10-02"];
    let all = home.run(&asked).ok();
    assert!(all.out.contains("ads") && all.out.contains("search"));
    let own = home.run(&[&["--seen-by", "ben"][..], &asked].concat()).ok();
    assert!(own.err.contains("amounts are of what ben may see"), "{}", own.err);
    assert!(!own.out.contains("ads") && !own.out.contains("mini"), "{}", own.out);
    let (all, own) = (all.json(), own.json());
    assert_eq!(own["limited_to"], "person:ben");
    let of_search =
        all["rows"].as_array().unwrap().iter().find(|row| row["group"]["team"] == "search");
    assert_eq!(own["total"]["cost"], of_search.unwrap()["cost"]);
    assert_ne!(own["total"]["cost"], all["total"]["cost"]);

    assert_eq!(home.run(&["--seen-by", "nobody", "report"]).code, 1);
    assert_eq!(home.run(&["--seen-by", "ben", "import", "x"]).code, 2);

    let people = lines(&home.run(&["--json", "person", "list"]).ok().out);
    let roles: Vec<&Value> = people.iter().map(|person| &person["roles"][0]).collect();
    assert_eq!(roles, ["finops", "owner:search"].map(Value::from).iter().collect::<Vec<_>>());
    assert_eq!(people[1]["second_factor"], false);
    let removed = ["person", "remove", "ben", "--as", "ada", "--password-stdin"];
    home.with_input(&removed, PASSWORD).ok();
    assert_eq!(home.run(&[&["--seen-by", "ben"][..], &asked].concat()).code, 1);
}

#[test]
fn tokens_are_shown_once_and_hold_no_role() {
    let home = Home::new();
    let create = |name: &str, scope: &str| {
        let args = ["--json", "token", "create", name, "--scope", scope, "--password-stdin"];
        home.with_input(&args, PASSWORD)
    };
    let made = create("nightly", "read").ok().json();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("centinel_") && secret.len() == 73, "{secret}");
    for role in ["admin", "finops", "owner:search", "approve"] {
        let refused = create("forged", role);
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains("only people approve"), "{}", refused.err);
    }
    let listed = home.run(&["--json", "token", "list"]).ok();
    assert!(!listed.out.contains(secret));
    let listed = lines(&listed.out);
    assert_eq!((&listed[0]["name"], &listed[0]["is_revoked"]), (&"nightly".into(), &false.into()));
    let revoke = ["token", "revoke", "nightly", "--password-stdin"];
    assert!(home.with_input(&revoke, PASSWORD).ok().out.contains("is ended"));
    assert!(home.with_input(&revoke, PASSWORD).ok().out.contains("no token"));
    let wrong = home.with_input(&["token", "revoke", "nightly", "--password-stdin"], "wrong\n");
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("name, password or code is wrong"), "{}", wrong.err);
    let unset = home.run(&["mcp", "--token-env", "CENTINEL_NO_SUCH_VARIABLE"]);
    assert!(unset.code == 1 && unset.err.contains("holds no token"), "{}", unset.err);
}

#[test]
fn policies_are_checked_by_hand_and_at_every_start() {
    let home = Home::new();
    let checked = home.run(&["policy", "check"]).ok();
    assert_eq!(
        checked.out.lines().filter(|line| line.starts_with("ok")).count(),
        8,
        "{}",
        checked.out
    );
    let own = home.path().join("policies/access/own.cedar");
    let policy = "@id(\"own\")\n@reason(\"a test\")\n\
                  permit (principal is Agent, action == Action::\"approve\", resource);\n";
    std::fs::write(&own, policy).unwrap();
    let checked = home.run(&["--json", "policy", "check"]);
    assert_eq!(checked.code, 4);
    let fault = checked.json()["policies"][0].clone();
    let said = fault["fault"].as_str().unwrap();
    assert!(said.contains("`own.cedar` line 1: policy `own` could let an agent approve"), "{said}");
    assert!(fault["hint"].as_str().unwrap().contains("principal is Person"));
    // Nothing is opened on a wrong policy, and the words are the same.
    let refused = home.run(&["inbox"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("could let an agent approve"), "{}", refused.err);
    assert!(refused.err.contains("\nhint: write `principal is Person`"), "{}", refused.err);
    std::fs::remove_file(&own).unwrap();
    home.run(&["inbox"]).ok();
}
