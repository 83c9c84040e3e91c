//! Bad input: what, where, how to fix; the rest is kept; nothing is lost.

use crate::product::Home;

const HEADER: &str = "request_id,timestamp,provider,model,input_tokens,output_tokens\n";
const GOOD: &str = "a,2026-10-01T00:00:00Z,openai,gpt-5.1,100,10\n";

struct Case {
    name: &'static str,
    file: &'static str,
    text: String,
    code: i32,
    accepted: i64,
    /// What standard error must say.
    says: &'static [&'static str],
}

#[test]
fn each_bad_file_says_what_is_wrong_and_keeps_the_rest() {
    let cases = [
        Case {
            name: "cut in the middle of a row",
            file: "cut.csv",
            text: format!("{HEADER}{GOOD}b,2026-10-01T00:00:01Z,openai,gpt-5"),
            code: 3,
            accepted: 1,
            says: &["rejected: 1 rows", "row 2"],
        },
        Case {
            name: "a wrong header",
            file: "header.csv",
            text: "request_id,timestamp,provider,model,colour\na,2026-10-01T00:00:00Z,openai,gpt-5.1,3\n"
                .to_owned(),
            code: 1,
            accepted: 0,
            says: &["error: ", "colour", "hint: "],
        },
        Case {
            name: "a negative token count",
            file: "negative.csv",
            text: format!("{HEADER}{GOOD}b,2026-10-01T00:00:01Z,openai,gpt-5.1,-5,10\n"),
            code: 3,
            accepted: 1,
            says: &["row 2", "`input_tokens`", "`-5`"],
        },
        Case {
            name: "a model without a price is a result, not a failure",
            file: "unpriced.csv",
            text: format!("{HEADER}{GOOD}b,2026-10-01T00:00:01Z,openai,no-such-model,5,10\n"),
            code: 0,
            accepted: 2,
            says: &["unpriced: 1 calls: no price for model `no-such-model`"],
        },
        Case {
            name: "a file of another tool",
            file: "bank.csv",
            text: "Buchungstag;Betrag;Verwendungszweck\n01.10.2026;-12,50;Miete\n".to_owned(),
            code: 1,
            accepted: 0,
            says: &["error: ", "hint: "],
        },
        Case {
            name: "an empty file",
            file: "empty.csv",
            text: String::new(),
            code: 1,
            accepted: 0,
            says: &["error: "],
        },
    ];
    for case in cases {
        let home = Home::new();
        let path = home.file(case.file, &case.text).display().to_string();
        let ran = home.run(&["import", &path]);
        assert_eq!(ran.code, case.code, "{}: {}{}", case.name, ran.out, ran.err);
        for word in case.says {
            assert!(ran.err.contains(word), "{}: no `{word}` in {}", case.name, ran.err);
        }
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        if case.accepted > 0 {
            let spend =
                home.run(&["--json", "spend", "--by", "model", "--period", "all"]).ok().json();
            assert_eq!(spend["total"]["calls"], case.accepted, "{}", case.name);
        }
        // Rejected rows are kept with their reasons.
        if case.code == 3 {
            let kept = std::fs::read_dir(home.path().join("rejected")).unwrap().count();
            assert_eq!(kept, 1, "{}", case.name);
        }
        assert_eq!(home.run(&["ledger", "verify"]).code, 0, "{}", case.name);
    }
}

#[test]
fn an_unpriced_model_is_never_zero() {
    let home = Home::new();
    let text = format!("{HEADER}a,2026-10-01T00:00:01Z,openai,no-such-model,5,10\n");
    let path = home.file("calls.csv", &text).display().to_string();
    home.run(&["import", &path]).ok();
    let json = home.run(&["--json", "spend", "--by", "model", "--period", "all"]).ok().json();
    assert_eq!(json["rows"][0]["cost"], serde_json::Value::Null);
    assert_eq!(json["rows"][0]["unpriced_calls"], 1);
    let shown = home.run(&["spend", "--by", "model", "--period", "all"]).ok();
    assert!(shown.out.contains("unpriced") && shown.out.contains("1 calls have no price"));
}

#[test]
fn a_missing_home_and_wrong_arguments_are_plain() {
    let home = Home::new();
    let nowhere = home.run(&["--home", "/nonexistent/place", "report"]);
    assert_eq!(nowhere.code, 2, "the flag was given twice");
    assert_eq!(home.run(&["spend", "--by", "colour"]).code, 2);
    assert_eq!(home.run(&["spend", "--period", "yesteryear"]).code, 2);
    let missing = home.run(&["withdraw", "P-9"]);
    assert!(missing.code == 1 && missing.err.contains("P-9"), "{}", missing.err);
    assert_eq!(home.run(&["audit", "verify"]).code, 0);
    assert_eq!(home.run(&["no-such-command"]).code, 2);
    assert_eq!(home.run(&["explain", "E-99"]).code, 1);
    let empty = home.run(&["report"]);
    assert_eq!(empty.code, 1);
    assert!(empty.err.contains("hint: import something"), "{}", empty.err);
}
