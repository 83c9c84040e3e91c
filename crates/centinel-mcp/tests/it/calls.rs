//! Questions and answers, and what a model gets wrong.

use centinel_engine::money::{Decimal, Pico};
use rmcp::model::ErrorCode;
use serde_json::{Value, json};

use crate::{client::Client, fixture::Fixture, shelf::Shelf};

fn pico(value: &Value) -> Pico {
    value.as_str().unwrap_or_else(|| panic!("a decimal string: {value}")).parse().unwrap()
}

fn sum<'a>(values: impl Iterator<Item = &'a Value>) -> Pico {
    Pico::checked_sum(values.map(pico)).unwrap()
}

/// What every answer with figures carries.
fn check_basis(answer: &Value) {
    assert_eq!(answer["currency"], "USD");
    for instant in [&answer["as_of"], &answer["period"]["start"], &answer["period"]["end"]] {
        instant.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    }
    assert!(answer["evidence_id"].as_str().unwrap().starts_with("bundle:"));
    let owned: Decimal = answer["coverage"]["owned_ratio"].as_str().unwrap().parse().unwrap();
    assert!(owned <= Decimal::ONE);
    assert!(answer["coverage"]["unpriced_calls"].is_u64());
    assert!(answer["coverage"]["unpriced_tokens"].is_u64());
    assert!(answer["truncated"].is_boolean());
    check_no_floats(answer);
}

fn check_no_floats(value: &Value) {
    match value {
        Value::Number(number) => assert!(number.is_u64(), "{number}"),
        Value::Array(items) => items.iter().for_each(check_no_floats),
        Value::Object(fields) => fields.values().for_each(check_no_floats),
        _ => {}
    }
}

/// Rows and remainder add to the totals, to the last digit.
fn check_reconciles(answer: &Value) {
    let rows = answer["rows"].as_array().unwrap();
    for field in ["gross", "net"] {
        let shown = rows.iter().chain(answer.get("other")).map(|row| &row[field]);
        assert_eq!(sum(shown), pico(&answer["total"][field]), "{field} of {answer}");
    }
    let counted = |row: &Value| row["calls"].as_u64().unwrap();
    let shown: u64 = rows.iter().chain(answer.get("other")).map(counted).sum();
    assert_eq!(shown, counted(&answer["total"]));
    let elsewhere = answer.get("other").map_or(0, |other| other["rows"].as_u64().unwrap());
    assert_eq!(rows.len() as u64 + elsewhere, answer["row_count"].as_u64().unwrap());
}

#[tokio::test]
async fn the_three_questions_of_a_first_session() {
    let client = Client::new().await;
    let spend =
        client.call("spend_breakdown", json!({"period": "last_week", "group_by": "model"})).await;
    check_basis(&spend);
    check_reconciles(&spend);
    assert_eq!(spend["rows"][0]["group"], "gpt-5.1");
    assert_eq!(spend["truncated"], false);
    assert_eq!(spend["period"]["start"], "2026-10-19T00:00:00Z");

    let why = client
        .call(
            "spend_breakdown",
            json!({"period": "last_7d", "group_by": "feature", "compare_to": "previous_period"}),
        )
        .await;
    check_basis(&why);
    let total = &why["total"];
    let effects = total["effects"].as_array().unwrap().iter().map(|effect| &effect["amount"]);
    assert_eq!(sum(effects), pico(&total["delta"]), "effects add to the change");
    let deltas = why["rows"].as_array().unwrap().iter().map(|row| &row["delta"]);
    assert_eq!(sum(deltas), pico(&total["delta"]), "rows add to the change");

    let anomalies = client.call("anomalies", json!({})).await;
    check_basis(&anomalies);
    let anomaly_id = anomalies["rows"][0]["anomaly_id"].clone();
    let explained = client.call("explain_change", json!({"anomaly_id": anomaly_id})).await;
    check_basis(&explained);
    assert_eq!(explained["links"][0]["kind"], "deploy");
    let health = client.call("data_health", json!({})).await;
    check_basis(&health);
    let savings = client.call("savings", json!({})).await;
    let (rows, sums) = (&savings["rows"], savings["stages"].as_array().unwrap());
    assert_eq!(rows[0]["realised"]["amount"], "812.345678901234");
    assert_eq!(savings["row_count"], 31);
    assert!(savings["next_cursor"].is_string() && rows.as_array().unwrap().len() >= 5);
    let unknown = sums.iter().find(|sum| sum.get("currency").is_none()).unwrap();
    assert!(unknown.get("promised").is_none(), "not known is not zero: {unknown}");
    let open = client.call("savings", json!({"stage": "open"})).await;
    assert_eq!((&open["row_count"], &open["stages"]), (&json!(1), &savings["stages"]));
    assert!(open["rows"][0].get("promised").is_none());

    let budget = json!({
        "kind": "budget", "scope": {"feature": "support-answers"}, "amount": "32000",
        "per": "month", "reason": "tokens per call rose", "evidence_id": explained["evidence_id"],
    });
    let receipt = client.call("propose_change", budget.clone()).await;
    assert_eq!(receipt["status"], "pending_approval");
    assert_eq!(receipt["created"], true);
    let again = client.call("propose_change", budget).await;
    assert_eq!((&again["created"], &again["digest"]), (&json!(false), &receipt["digest"]));

    let waiting = client.call("proposals", json!({"status": "pending_approval"})).await;
    assert_eq!(waiting["rows"].as_array().unwrap().len(), 1);
    assert_eq!(waiting["rows"][0]["proposed_by"], "agent:test-client");
    let id = receipt["proposal_id"].clone();
    let one = client.call("proposals", json!({"proposal_id": id})).await;
    check_basis(&one);
    assert_eq!(one["changes"][0]["field"], "amount");
    let withdrawn = client
        .call("withdraw_proposal", json!({"proposal_id": id, "reason": "back to normal"}))
        .await;
    assert_eq!(withdrawn["status"], "withdrawn");
}

#[tokio::test]
async fn receipts_are_whole() {
    let client = Client::new().await;
    let budget = json!({"kind": "budget", "amount": "1", "per": "day", "reason": "x"});
    let receipt = client.call("propose_change", budget).await;
    let withdraw = json!({"proposal_id": receipt["proposal_id"], "reason": "x"});
    let withdrawn = client.call("withdraw_proposal", withdraw).await;
    for answer in [receipt, withdrawn] {
        for text in ["summary", "proposal_id", "status", "digest", "how_to_decide", "evidence_id"] {
            assert!(answer[text].as_str().is_some_and(|text| !text.is_empty()), "{text}: {answer}");
        }
        assert!(answer["version"].is_u64() && answer["created"].is_boolean());
        answer["expires_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_reconcile() {
    let client = Client::of(Fixture::wide(137).server(false)).await;
    for detail in ["summary", "full"] {
        let mut seen = Vec::new();
        let mut arguments = json!({"period": "last_month", "group_by": "model", "detail": detail});
        loop {
            let answer = client.call("spend_breakdown", arguments.clone()).await;
            check_reconciles(&answer);
            for row in answer["rows"].as_array().unwrap() {
                seen.push(row["group"].as_str().unwrap().to_owned());
            }
            assert_eq!(answer["truncated"], json!(answer.get("next_cursor").is_some()));
            match answer.get("next_cursor") {
                Some(cursor) => arguments["cursor"] = cursor.clone(),
                None => break,
            }
        }
        let expected: Vec<String> = (0..137).map(|n| format!("model-{n:03}")).collect();
        seen.sort();
        assert_eq!(seen, expected, "{detail}: every row once");
    }
}

#[tokio::test]
async fn a_forecast_is_bounded_and_adds_up() {
    let client = Client::of(Fixture::wide(25).server(false)).await;
    let arguments = json!({
        "group_by": "model",
        "amount": "1000",
        "assume": "volume +20%; model model-001 -> model-002",
    });
    let answer = client.call("forecast", arguments).await;
    check_basis(&answer);
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!((rows.len(), answer["row_count"].as_u64()), (10, Some(25)));
    let shown = rows.iter().chain(answer.get("other")).map(|row| &row["expected"]);
    assert_eq!(sum(shown), pico(&answer["total"]["expected"]), "rows and other are the total");
    assert_eq!(answer["probability_above"], "0.5");
    assert!(answer["total"]["low_80"].is_string() && answer["rows"][0]["high_80"].is_string());
    assert!(answer["total"]["without_assumptions"].is_string());
    let next = json!({
        "group_by": "model",
        "amount": "1000",
        "assume": "volume +20%; model model-001 -> model-002",
        "cursor": answer["next_cursor"],
    });
    let second = client.call("forecast", next).await;
    assert_ne!(second["rows"][0]["group"], rows[0]["group"]);
}

#[tokio::test]
async fn a_cursor_belongs_to_its_question() {
    let client = Client::of(Fixture::wide(30).server(false)).await;
    let first = client.call("spend_breakdown", json!({"period": "last_month"})).await;
    let cursor = &first["next_cursor"];
    let other = json!({"period": "last_week", "cursor": cursor});
    let text = client.refusal("spend_breakdown", other).await;
    assert!(text.contains("belongs to other arguments"), "{text}");
    assert!(text.ends_with(r#"with {"period":"last_week"}"#), "{text}");
    let text = client.refusal("anomalies", json!({"cursor": "c1.0.-.ffffffffff"})).await;
    assert!(text.contains("no cursor of this server"), "{text}");
}

#[tokio::test]
async fn mistakes_come_with_the_call_that_works() {
    let client = Client::new().await;
    for (tool, arguments) in [
        ("spend_breakdown", json!({"groupby": "team"})),
        ("spend_breakdown", json!({"group_by": "tag"})),
        ("spend_breakdown", json!({"group_by": "team", "tag_key": "x"})),
        ("spend_breakdown", json!({"period": "last-7d"})),
        (
            "spend_breakdown",
            json!({"period": "last_7d", "start": "2026-10-01", "end": "2026-11-01"}),
        ),
        ("spend_breakdown", json!({"start": "2026-10-01"})),
        ("spend_breakdown", json!({"start": "2026-10-02", "end": "2026-10-01"})),
        ("spend_breakdown", json!({"start": "October", "end": "November"})),
        ("spend_breakdown", json!({"group_by": "day", "compare_to": "usual"})),
        ("spend_breakdown", json!({"filter": {"tag": "no-equals-sign"}})),
        ("spend_breakdown", json!({"filter": ["team"]})),
        ("spend_breakdown", json!({"period": "October"})),
        ("spend_breakdown", json!({"period": "2026-10"})),
        ("spend_breakdown", json!({"start": "2026-10-05", "end": "2026-10-05"})),
        ("spend_breakdown", json!({"end": "2026-10-05"})),
        ("spend_breakdown", json!({"start": "2031-01-01", "end": "2031-02-01"})),
        ("spend_breakdown", json!({"group_by": ["team", "model"]})),
        ("spend_breakdown", json!({"group_by": "project"})),
        ("spend_breakdown", json!({"filter": "team=search"})),
        ("spend_breakdown", json!({"filter": {"team": ["search", "engineering"]}})),
        ("spend_breakdown", json!({"filter": {"team": "serch"}})),
        ("spend_breakdown", json!({"team": "search", "limit": 100})),
        ("spend_breakdown", json!({"detail": 3, "cursor": {"page": 2}})),
        ("explain_change", json!({"anomaly_id": 12})),
        ("anomalies", json!({"impact_min": 100, "severity": "high"})),
        ("forecast", json!({"period": "next month"})),
        ("forecast", json!({"amount": "50k"})),
        ("anomalies", json!({"impact_min": "a lot"})),
        ("anomalies", json!({"status": "opened"})),
        ("explain_change", json!({"anomaly_id": "E-12", "period": "last_7d"})),
        ("explain_change", json!({"anomaly_id": "E 12; drop"})),
        ("forecast", json!({"period": "last_month"})),
        ("forecast", json!({"period": "month", "start": "2026-11-01", "end": "2026-12-01"})),
        ("forecast", json!({"start": "2026-11-01T09:00:00Z", "end": "2026-12-01"})),
        ("forecast", json!({"amount": "a lot"})),
        ("forecast", json!({"assume": "volume +20%; twice as much"})),
        ("forecast", json!({"group_by": "day"})),
        ("data_health", json!({"source": "x"})),
        ("savings", json!({"stage": "done"})),
        ("proposals", json!({"proposal_id": "P-7", "status": "expired"})),
        ("propose_change", json!({"kind": "budget", "reason": "x"})),
        ("propose_change", json!({"kind": "budget", "amount": "1", "per": "month"})),
        (
            "propose_change",
            json!({"kind": "budget", "amount": "1,000", "per": "month", "reason": "x"}),
        ),
        (
            "propose_change",
            json!({"kind": "budget", "amount": "-1", "per": "month", "reason": "x"}),
        ),
        (
            "propose_change",
            json!({"kind": "budget", "amount": "1", "per": "month", "reason": "x", "to": "y"}),
        ),
        (
            "propose_change",
            json!({"kind": "routing", "scope": {}, "from": "a", "to": "b", "reason": "x"}),
        ),
        (
            "propose_change",
            json!({"kind": "rightsizing", "target": "a\u{202e}b", "from": "cpu=2", "to": "cpu=1", "reason": "x"}),
        ),
        (
            "propose_change",
            json!({"kind": "budget", "amount": "1", "per": "month", "reason": "x", "evidence_id": "mine"}),
        ),
        ("withdraw_proposal", json!({"proposal_id": "P-7", "reason": "\u{200b}"})),
    ] {
        let text = client.refusal(tool, arguments.clone()).await;
        let (message, hint) = text.split_once("\nhint: ").unwrap_or_else(|| panic!("{text}"));
        assert!(message.chars().count() <= 400 && !message.contains('\n'), "{text}");
        let call = format!("call `{tool}` with ");
        let corrected = hint.strip_prefix(&call).unwrap_or_else(|| panic!("{text}"));
        let corrected: Value = serde_json::from_str(corrected).unwrap();
        assert_ne!(corrected, arguments, "{text}");
        let mended = client.try_call(tool, corrected.clone()).await.unwrap();
        // What is left to mend is not the call but its object: no such proposal yet.
        let shown = crate::client::text(&mended);
        let known = mended.is_error == Some(false) || shown.starts_with("no proposal");
        assert!(known, "{tool} {corrected}: {shown}");
    }
    insta::assert_snapshot!(
        client
            .refusal("spend_breakdown", json!({"groupby": "models", "period": "last-week"}))
            .await
    );
}

#[tokio::test]
async fn what_does_not_exist_says_where_to_look() {
    let client = Client::new().await;
    for (tool, arguments, hint) in [
        ("explain_change", json!({"anomaly_id": "E-99"}), "list ids with `anomalies`"),
        ("proposals", json!({"proposal_id": "P-99"}), "list ids with `proposals`"),
        (
            "spend_breakdown",
            json!({"start": "2020-01-01", "end": "2020-02-01"}),
            "call `spend_breakdown` with {}",
        ),
    ] {
        let text = client.refusal(tool, arguments).await;
        assert!(text.ends_with(hint), "{text}");
    }
}

#[tokio::test]
async fn an_unknown_tool_is_a_protocol_error() {
    let client = Client::new().await;
    for tool in ["approve_proposal", "approve", "apply", "sql", "fetch", ""] {
        match client.try_call(tool, json!({})).await {
            Err(rmcp::ServiceError::McpError(error)) => {
                assert_eq!(error.code, ErrorCode::INVALID_PARAMS, "{tool}");
            }
            other => panic!("{tool}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn another_agent_cannot_withdraw() {
    let server = Fixture::new().server(false);
    let first = Client::of(server.clone()).await;
    let budget = json!({"kind": "budget", "amount": "1", "per": "day", "reason": "x"});
    let receipt = first.call("propose_change", budget).await;
    let (near, far) = tokio::io::duplex(64 * 1024);
    let mut config = rmcp::model::ClientConfig::default();
    config.client_info.name = "somebody-else".to_owned();
    let (_server, peer) =
        tokio::join!(rmcp::ServiceExt::serve(server, far), rmcp::ServiceExt::serve(config, near));
    let mut request = rmcp::model::CallToolRequestParams::new("withdraw_proposal");
    let arguments = json!({"proposal_id": receipt["proposal_id"], "reason": "x"});
    request.arguments = arguments.as_object().cloned();
    let refused = peer.unwrap().call_tool(request).await.unwrap();
    assert_eq!(refused.is_error, Some(true));
    assert!(crate::client::text(&refused).contains("was made by agent:test-client"));
}

#[tokio::test]
async fn parallel_calls_are_all_answered() {
    let client = Client::new().await;
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..200 {
        let peer = client.peer.peer().clone();
        calls.spawn(async move {
            let mut request = rmcp::model::CallToolRequestParams::new("spend_breakdown");
            let group_by = if n % 2 == 0 { "team" } else { "model" };
            request.arguments = json!({"group_by": group_by}).as_object().cloned();
            (group_by, peer.call_tool(request).await.unwrap())
        });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.len(), 200);
    for group_by in ["team", "model"] {
        let mut same = answers.iter().filter(|(by, _)| *by == group_by).map(|(_, answer)| answer);
        let first = same.next().unwrap();
        assert!(same.all(|answer| answer.structured_content == first.structured_content));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_ended() {
    let mut fixture = Fixture::new();
    fixture.delay = std::time::Duration::from_hours(1);
    let client = Client::of(fixture.server(false)).await;
    let text = client.refusal("spend_breakdown", json!({})).await;
    assert_eq!(text, "no answer within 30 s\nhint: narrow the period or the filter");
}

#[tokio::test]
async fn a_text_is_held_against_its_evidence() {
    let client = Client::of(
        Fixture::new().server(false).with_documents(std::sync::Arc::new(Shelf::default())),
    )
    .await;
    let evidence = "bundle:9f3c51aa02de";
    for (text, verified, mentions, refused) in [
        ("It cost $5.00 [F1] on gpt-5.1 [F2].", 2, 2, None),
        ("It cost $6.00 [F1].", 0, 1, Some(("$6.00", "contradicted"))),
        ("It cost $5.00.", 0, 1, Some(("$5.00", "unverified"))),
        ("It cost $5.00 [F1] because of a retry loop.", 1, 2, Some(("because of", "unverified"))),
        ("We will look at it again.", 0, 0, None),
    ] {
        let answer =
            client.call("verify_text", json!({"evidence_id": evidence, "text": text})).await;
        assert_eq!(
            (&answer["verified"], &answer["mentions"]),
            (&json!(verified), &json!(mentions)),
            "{text}"
        );
        assert_eq!(answer["is_verified"], json!(refused.is_none()), "{text}");
        let first = &answer["not_verified"][0];
        match refused {
            Some((mention, status)) => {
                assert_eq!(
                    (&first["mention"], &first["status"]),
                    (&json!(mention), &json!(status))
                );
            }
            None => assert!(first.is_null(), "{text}: {answer}"),
        }
    }
    let many = "$7 [F1]. ".repeat(300);
    let arguments = json!({"evidence_id": evidence, "text": many});
    let answer = client.call("verify_text", arguments).await;
    let shown = answer["not_verified"].as_array().unwrap().len() as u64;
    assert_eq!(answer["further"].as_u64().unwrap() + shown, 300, "{answer}");
    for arguments in [
        json!({"evidence_id": "bundle:000000000000", "text": "x"}),
        json!({"evidence_id": "x", "text": "x"}),
        json!({"evidence_id": evidence}),
        json!({"evidence_id": evidence, "text": "x".repeat(20_001)}),
    ] {
        client.refusal("verify_text", arguments).await;
    }
}
