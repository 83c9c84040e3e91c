use serde_json::json;

use super::*;

const TODAY: Date = jiff::civil::date(2026, 11, 1);

fn refusal(arguments: &Value) -> String {
    let schema = json!({
        "properties": {
            "period": {"type": "string", "enum": ["last_7d", "last_30d", "last_week", "last_month", "month_to_date"]},
            "start": {"type": "string"},
            "end": {"type": "string"},
            "group_by": {"type": "string", "enum": ["model", "team", "feature", "sub_account", "tag", "day"]},
            "tag_key": {"type": "string"},
            "filter": {"type": "object", "properties": {
                "team": {"type": "string"}, "model": {"type": "string"}, "tag": {"type": "string"},
                "sub_account": {"type": "string"}}},
            "amount": {"type": "string"},
            "anomaly_id": {"type": "string"},
            "detail": {"type": "string", "enum": ["summary", "full"]},
        },
        "required": ["group_by"],
    });
    let arguments = without_blanks(arguments.as_object().unwrap().clone());
    let shape = Shape {
        tool: "spend",
        example: r#"{"group_by":"model"}"#,
        schema: schema.as_object().unwrap(),
        data: Some((jiff::civil::date(2026, 5, 1), TODAY)),
    };
    match read::<Value>(shape, &arguments) {
        Ok(value) => value.to_string(),
        Err(refusal) => refusal.shown(),
    }
}

#[test]
fn right_arguments_pass() {
    for (given, read) in [
        (
            json!({"group_by": "team", "period": null, "filter": {"team": null}}),
            r#"{"group_by":"team","filter":{}}"#,
        ),
        (
            json!({"group_by": "team", "start": "", "amount": "0.5"}),
            r#"{"group_by":"team","amount":"0.5"}"#,
        ),
    ] {
        assert_eq!(refusal(&given), read);
    }
}

/// What is given beside `group_by`, what is said, and the call beside `group_by` that is shown.
#[test]
fn wrong_arguments_come_back_right() {
    for (given, said, shown) in [
        (
            json!({"periods": "last_week"}),
            "there is no parameter `periods` (did you mean `period`?)",
            json!({"period": "last_week"}),
        ),
        (
            json!({"period": "last-month"}),
            "`period` cannot be `last-month` (did you mean `last_month`?)",
            json!({"period": "last_month"}),
        ),
        (
            json!({"period": "October"}),
            "`period` cannot be `October`; such days go into `start` and `end`",
            json!({"start": "2026-10-01", "end": "2026-11-01"}),
        ),
        (
            json!({"period": "2026-10"}),
            "`period` cannot be `2026-10`; such",
            json!({"start": "2026-10-01", "end": "2026-11-01"}),
        ),
        (
            json!({"period": "Q2 2026"}),
            "`period` cannot be `Q2 2026`; such",
            json!({"start": "2026-04-01", "end": "2026-07-01"}),
        ),
        (
            json!({"period": "last 14 days"}),
            "`period` cannot be `last 14 days`; such",
            json!({"start": "2026-10-18", "end": "2026-11-01"}),
        ),
        (
            json!({"period": "Oct 5, 2026"}),
            "`period` cannot be `Oct 5, 2026`; such",
            json!({"start": "2026-10-05", "end": "2026-10-06"}),
        ),
        (
            json!({"period": "2026-10-05 to 2026-10-11"}),
            "`period` cannot",
            json!({"start": "2026-10-05", "end": "2026-10-12"}),
        ),
        (
            json!({"period": {"start": "2026-10-05", "end": "2026-10-11"}}),
            "`period` is a word; days",
            json!({"start": "2026-10-05", "end": "2026-10-12"}),
        ),
        (
            json!({"period": "this month"}),
            "`period` cannot be `this month` (did you mean `month_to_date`?)",
            json!({"period": "month_to_date"}),
        ),
        (json!({"period": 7}), "`period` cannot be `7`; it can be `last_7d`,", json!({})),
        (
            json!({"period": ["last_week"]}),
            "`period` takes one value; ask once for each",
            json!({"period": "last_week"}),
        ),
        (
            json!({"start": "2026-10", "end": "2026-10"}),
            "`start` cannot be `2026-10`; it is a day",
            json!({"start": "2026-10-01", "end": "2026-11-01"}),
        ),
        (
            json!({"since": "2026-10-05", "until": "2026-10-06"}),
            "there is no parameter `since` (did you mean `start`?)",
            json!({"start": "2026-10-05", "end": "2026-10-06"}),
        ),
        (
            json!({"limit": 50}),
            "there is no parameter `limit`: an answer has 10 rows, with `detail` `full` 100",
            json!({"detail": "full"}),
        ),
        (json!({"limit": 5}), "there is no parameter `limit`: an answer", json!({})),
        (
            json!({"filter": {"teams": "search"}}),
            "`filter` has no `teams` (did you mean `team`?)",
            json!({"filter": {"team": "search"}}),
        ),
        (
            json!({"filter": {"project": "p1"}}),
            "`filter` has no `project` (did you mean `sub_account`?)",
            json!({"filter": {"sub_account": "p1"}}),
        ),
        (
            json!({"filter": {"tag:env": "prod"}}),
            "`filter` has no `tag:env`; a tag is written",
            json!({"filter": {"tag": "env=prod"}}),
        ),
        (
            json!({"filter": {"tag": "env: prod"}}),
            "`filter.tag` cannot be `env: prod`; it is written",
            json!({"filter": {"tag": "env=prod"}}),
        ),
        (
            json!({"filter": "team=search, model=gpt-5.1"}),
            "`filter` is an object, as in {\"team\":\"search\"}",
            json!({"filter": {"team": "search", "model": "gpt-5.1"}}),
        ),
        (
            json!({"filter": ["team:search"]}),
            "`filter` is an object",
            json!({"filter": {"team": "search"}}),
        ),
        (
            json!({"filter": [{"dimension": "team", "values": ["search", "x"]}]}),
            "`filter` is an object",
            json!({"filter": {"team": "search"}}),
        ),
        (
            json!({"filter": "{\"team\":\"search\"}"}),
            "`filter` is an object",
            json!({"filter": {"team": "search"}}),
        ),
        (
            json!({"filter": 3}),
            "`filter` is an object, as in {\"team\":\"search\"}; leave it out",
            json!({}),
        ),
        (
            json!({"team": "search"}),
            "there is no parameter `team`: `team` goes into `filter`",
            json!({"filter": {"team": "search"}}),
        ),
        (
            json!({"amount": 3.5}),
            "`amount` must be a string, as in \"3.5\"",
            json!({"amount": "3.5"}),
        ),
        (
            json!({"amount": "$32,000.50"}),
            "`amount` cannot be `$32,000.50`; it is a plain",
            json!({"amount": "32000.5"}),
        ),
        (
            json!({"amount": "32k"}),
            "`amount` cannot be `32k`; it is a plain",
            json!({"amount": "32000"}),
        ),
        (json!({"amount": "3,2"}), "`amount` cannot be `3,2`; it is a plain", json!({})),
        (json!({"anomaly_id": 12}), "`anomaly_id` must be a string", json!({"anomaly_id": "E-12"})),
        (
            json!({"anomaly_id": "anomaly #12"}),
            "`anomaly_id` cannot be `anomaly #12`; it is an id",
            json!({"anomaly_id": "E-12"}),
        ),
        (json!({"detail": true}), "`detail` must be of type string", json!({})),
        (
            json!({"detail": "verbose"}),
            "`detail` cannot be `verbose` (did you mean `full`?)",
            json!({"detail": "full"}),
        ),
        (json!({"sql": "select 1"}), "there is no parameter `sql`; there are `period`,", json!({})),
        (json!({"sql": 1, "x": 2, "y": 3}), "there is no parameter `sql`;", json!({})),
    ] {
        let with_group = |value: &Value| {
            let mut value = value.as_object().unwrap().clone();
            value.insert("group_by".to_owned(), json!("model"));
            value
        };
        let text = refusal(&Value::Object(with_group(&given)));
        let (message, hint) =
            text.split_once("\nhint: call `spend` with ").unwrap_or((&text, "null"));
        assert!(message.starts_with(said), "{given}: {message}");
        let hint: Value = serde_json::from_str(hint).unwrap();
        assert_eq!(hint, Value::Object(with_group(&shown)), "{given}");
    }
    for (group_by, shown) in [
        (json!("project"), json!({"group_by": "sub_account"})),
        (json!("daily"), json!({"group_by": "day"})),
        (json!("models"), json!({"group_by": "model"})),
        (json!(["team", "model"]), json!({"group_by": "team"})),
        (json!("tag:env"), json!({"group_by": "tag", "tag_key": "env"})),
        (json!("cost_center"), json!({"group_by": "tag", "tag_key": "cost-center"})),
        (json!("zodiac"), json!({"group_by": "model"})),
    ] {
        let text = refusal(&json!({ "group_by": group_by }));
        let (_, hint) = text.split_once("\nhint: call `spend` with ").unwrap();
        assert_eq!(serde_json::from_str::<Value>(hint).unwrap(), shown, "{text}");
    }
    assert_eq!(
        refusal(&json!({})),
        "`group_by` is required\nhint: call `spend` with {\"group_by\":\"model\"}"
    );
    let wrapped = refusal(&json!({"arguments": {"group_by": "team"}}));
    assert!(wrapped.ends_with("with {\"group_by\":\"team\"}"), "{wrapped}");
}

#[test]
fn months_without_a_year_are_the_nearest() {
    let allowed = ["last_7d"];
    let ahead = ["month", "quarter"];
    let data = Some((jiff::civil::date(2026, 5, 1), TODAY));
    for (text, words, days) in [
        ("december", &allowed[..], "2025-12-01 2026-01-01"),
        ("Oct", &allowed, "2026-10-01 2026-11-01"),
        ("november", &ahead, "2026-11-01 2026-12-01"),
        ("January", &ahead, "2027-01-01 2027-02-01"),
        ("q4", &ahead, "2026-10-01 2027-01-01"),
        ("q3", &allowed, "2026-07-01 2026-10-01"),
        ("2026q3", &allowed, "2026-07-01 2026-10-01"),
        ("next month", &ahead, "2026-12-01 2027-01-01"),
        ("next 30 days", &ahead, "2026-11-01 2026-12-01"),
        ("last year", &allowed, "2025-01-01 2026-01-01"),
        ("2026", &allowed, "2026-01-01 2027-01-01"),
        ("all time", &allowed, "2026-05-01 2026-11-01"),
        ("this week", &allowed, "2026-10-26 2026-11-02"),
        ("2026-10-01/2026-11-01", &allowed, "2026-10-01 2026-11-01"),
        ("5 October 2026", &allowed, "2026-10-05 2026-10-06"),
        ("10/2026", &allowed, "2026-10-01 2026-11-01"),
    ] {
        match dates::period(text, words, data) {
            Some(dates::Meant::Days((first, after))) => {
                assert_eq!(format!("{first} {after}"), days, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    for text in [
        "",
        "soon",
        "13/2026",
        "2026-13",
        "the day before the release",
        "🦀",
        "q9 2026",
        "999999999 days",
    ] {
        assert_eq!(dates::period(text, &allowed, data), None, "{text}");
    }
    // Nothing is guessed about a year that nobody knows.
    assert_eq!(dates::period("october", &allowed, None), None);
}

#[test]
fn hostile_names_are_not_echoed_raw() {
    let shown = refusal(&json!({"\u{1b}[31m`x`\n\u{202e}": "1", "group_by": "model"}));
    assert!(shown.starts_with("there is no parameter `'x'`;"), "{shown}");
}

#[test]
fn any_arguments_are_read_or_answered() {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(
            &["team=search", "October", "E-12", "model", "2026-10", "..", "-", "q", "1/2/3"][..]
        )
        .prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}|team|tag|model", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let name = prop_oneof![
        prop::sample::select(
            &[
                "period", "start", "end", "group_by", "filter", "amount", "detail", "limit",
                "team", "from"
            ][..]
        )
        .prop_map(str::to_owned),
        ".{0,8}",
    ];
    proptest!(|(given in prop::collection::btree_map(name, value, 0..5))| {
        let text = refusal(&Value::Object(given.into_iter().collect()));
        if let Some((message, hint)) = text.split_once("\nhint: ") {
            prop_assert!(message.chars().count() <= 600);
            let corrected = hint.strip_prefix("call `spend` with ").unwrap();
            let corrected: Value = serde_json::from_str(corrected).unwrap();
            // The corrected call is right, in this reading of the schema.
            let again = refusal(&corrected);
            prop_assert!(!again.contains("\nhint: "), "{corrected} {again}");
        }
    });
}
