//! What a token is good for: scopes, people, programs; and that none is good for a decision.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use centinel_app::{ApprovalError, Decided, Decision};
use centinel_engine::proposal::{Channel, Principal, Status};
use serde_json::{Value, json};

use super::{
    ANA, CONFIG, LOCAL, PROGRAM, RESOURCE, STRANGER, Site, Stage, asks, budget, clock, list,
    password, posted, spend, tool,
};

const BOTH: &str = "centinel:read centinel:propose";
const METADATA: &str = "https://finops.example.com/.well-known/oauth-protected-resource/mcp";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_token_learns_where_to_get_one() {
    let mut stage = Stage::new().await;
    let without = stage.message(&[], &list()).await;
    assert_eq!(without.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        without.challenge(),
        format!(
            "Bearer realm=\"centinel\", scope=\"centinel:read\", resource_metadata=\"{METADATA}\""
        )
    );
    let wrong = stage.with_token("wrong", &list()).await;
    assert!(wrong.challenge().contains("error=\"invalid_token\""), "{}", wrong.challenge());
    let document = json!({
        "resource": RESOURCE, "authorization_servers": [stage.fake.issuer()],
        "scopes_supported": ["centinel:read", "centinel:propose"],
        "bearer_methods_supported": ["header"], "resource_name": "Centinel",
    });
    let root = "/.well-known/oauth-protected-resource";
    for path in [root.to_owned(), format!("{root}/mcp")] {
        let shown = stage.get(&path).await;
        assert_eq!(shown.status, StatusCode::OK, "{path}");
        assert_eq!(shown.headers["content-type"], "application/json");
        assert_eq!(shown.json(), document, "{path}");
    }
    // A program that looks for what is not here gets no page for people.
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        assert_eq!(stage.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    stage.restart(true);
    let scopes = stage.get(root).await.json()["scopes_supported"].clone();
    assert_eq!(scopes, json!(["centinel:read"]), "a server that only reads asks for no more");

    let elsewhere = "resource = \"https://tools.example.com/finops/mcp\"\n\
                     read_scope = \"spend.read\"\npropose_scope = \"spend.propose\"\n\
                     scope_prefix = \"api://centinel/\"\n\
                     documentation = \"https://docs.example.com/centinel\"\n";
    let site = Site::new("bravo", "gpt-4o-mini", 3_000_000).await;
    let stage = Stage::of(site, "sign_in = true", elsewhere).await;
    let own = format!("{root}/finops/mcp");
    let shown = stage.get(&own).await.json();
    assert_eq!(shown["resource"], "https://tools.example.com/finops/mcp");
    assert_eq!(shown["resource_documentation"], "https://docs.example.com/centinel");
    assert_eq!(shown["scopes_supported"][1], "api://centinel/spend.propose");
    let without = stage.message(&[], &list()).await;
    let expected = format!(
        "scope=\"api://centinel/spend.read\", resource_metadata=\"https://tools.example.com{own}\""
    );
    assert!(without.challenge().contains(&expected), "{}", without.challenge());
    let missing = stage.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND, "not even where everybody signs in");
}

/// A token that may read is told what it lacks when it calls a tool that writes: by the body, whatever
/// headers say.
#[tokio::test(flavor = "multi_thread")]
async fn proposing_takes_its_own_scope() {
    let stage = Stage::new().await;
    let reads = format!("Bearer {}", stage.token(ANA, "openid centinel:read profile"));
    let own = ("authorization", reads.as_str());
    for message in [list(), spend(), tool("proposals", &json!({})), asks("ping", &json!({}))] {
        let answer = stage.message(&[own], &message).await;
        assert_eq!(answer.status, StatusCode::OK, "{message}: {}", answer.body);
    }
    let needed = "error=\"insufficient_scope\", error_description=\"the access token lacks the \
                  scope `centinel:propose`\", scope=\"centinel:read centinel:propose\"";
    let withdraw = tool("withdraw_proposal", &json!({ "proposal_id": "P-1", "reason": "x" }));
    for (what, headers, message) in [
        ("proposing", &[][..], budget("5")),
        ("withdrawing", &[], withdraw),
        (
            "proposing without arguments",
            &[],
            asks("tools/call", &json!({ "name": "propose_change" })),
        ),
        ("a header that says otherwise", &[("mcp-name", "spend_breakdown")], budget("5")),
        ("another method's header", &[("mcp-method", "tools/list")], budget("5")),
        ("a header with scopes", &[("x-scope", BOTH), ("scope", BOTH)], budget("5")),
        ("writing turned on", &[("x-centinel-read-only", "0")], budget("5")),
        ("a batch", &[], json!([list(), budget("5")])),
    ] {
        let answer = stage.message(&[headers, &[own]].concat(), &message).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}: {}", answer.body);
        assert!(answer.challenge().contains(needed), "{what}: {}", answer.challenge());
        assert!(answer.challenge().contains(METADATA), "{what}");
    }
    // The newest revision, with all that it wants.
    let mut modern = budget("5");
    modern["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "raw", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let headers = [
        own,
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "propose_change"),
    ];
    assert_eq!(stage.message(&headers, &modern).await.status, StatusCode::FORBIDDEN);
    // A name that is written twice is not read as one of the two by somebody else.
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"propose_change","name":"spend_breakdown","arguments":{"kind":"budget","amount":"5","per":"week","reason":"x"}}}"#;
    let answer = stage.send(posted(&[own], twice.to_owned(), None)).await;
    assert!(!answer.body.contains("pending_approval"), "{}", answer.body);
    let long = format!("{}{}", budget("5"), " ".repeat(1 << 20));
    let answer = stage.send(posted(&[own], long, None)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(stage.counted("missing_scope").await >= 9);
    assert_eq!(stage.site.app.approvals().all(clock()).await.unwrap().len(), 4, "nothing new");

    for scopes in ["", "centinel:propose", "centinel:readx", "CENTINEL:READ", "centinel:read,x"] {
        let token = stage.token(ANA, scopes);
        let answer = stage.with_token(&token, &list()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "`{scopes}`: {}", answer.body);
        assert!(answer.challenge().contains("scope=\"centinel:read\""), "{}", answer.challenge());
    }
}

/// Of two people, one's program proposes; that is never the person, and never somebody who may approve it.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_proposes_for_its_person_who_then_cannot_approve() {
    let stage = Stage::new().await;
    let approvals = stage.site.app.approvals();
    let bea = format!("oidc:bea-1@{}", stage.fake.issuer()).parse().unwrap();
    approvals.link_as_admin("ada", password("ada"), "bea", &bea, clock()).await.unwrap();
    let (of_ana, of_bea) = (stage.token(ANA, BOTH), stage.token("bea-1", BOTH));
    let receipt = stage.with_token(&of_ana, &budget("5")).await.json();
    let receipt = receipt["result"]["structuredContent"].clone();
    assert_eq!(receipt["status"], "pending_approval", "{receipt}");
    let id = receipt["proposal_id"].as_str().unwrap().parse().unwrap();
    let view = approvals.show(id, clock()).await.unwrap();
    let requester =
        Principal::Agent { token: "oauth:ana".to_owned(), acts_for: Some("ana".to_owned()) };
    assert_eq!(view.proposal.requester, requester);
    let decision = || Decision {
        id,
        version: view.proposal.version,
        digest: view.digest.clone(),
        verdict: Decided::Approve,
        channel: Channel::Web,
    };
    // Ana owns the team, and asked for it through her program.
    let own = approvals.decide(decision(), "ana", password("ana"), clock()).await;
    assert!(matches!(own, Err(ApprovalError::Refused(_))), "{own:?}");
    let take_back = tool("withdraw_proposal", &json!({ "proposal_id": id, "reason": "no" }));
    let of_other = stage.with_token(&of_bea, &take_back).await;
    assert!(of_other.body.contains("\"isError\":true"), "{}", of_other.body);
    let still = approvals.show(id, clock()).await.unwrap();
    assert_eq!(still.status, Status::Pending);
    let back = stage.with_token(&of_ana, &take_back).await.json();
    assert_eq!(back["result"]["structuredContent"]["status"], "withdrawn", "{back}");
    let again = stage.with_token(&of_ana, &budget("6")).await.json();
    let id = again["result"]["structuredContent"]["proposal_id"].as_str().unwrap().parse().unwrap();
    let view = approvals.show(id, clock()).await.unwrap();
    let decision = Decision {
        id,
        version: view.proposal.version,
        digest: view.digest,
        verdict: Decided::Approve,
        channel: Channel::Web,
    };
    let decided = approvals.decide(decision, "ada", password("ada"), clock()).await.unwrap();
    assert_eq!(decided.status, Status::Approved, "somebody else may");
}

/// Whom nobody knows sees nothing, and whoever is known no more stops at the next call.
#[tokio::test(flavor = "multi_thread")]
async fn people_and_programs_are_looked_up_at_each_call() {
    let stage = Stage::new().await;
    let approvals = stage.site.app.approvals();
    let stranger = stage.with_token(&stage.token(STRANGER, BOTH), &list()).await;
    assert_eq!(stranger.status, StatusCode::FORBIDDEN);
    let account = format!("oidc:{STRANGER}@{}", stage.fake.issuer());
    let line = format!(
        "nobody here is linked to `{account}`: an admin links you: `centinel person link NAME \
         '{account}'`\n"
    );
    assert_eq!(stranger.body, line);
    assert!(stranger.challenge().is_empty(), "no other scope would help");
    for subject in ["ci-bot2", "CI-BOT", "ana", "ada", "bot", "x y", "\u{202e}ana"] {
        let answer = stage.with_token(&stage.token(subject, BOTH), &list()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{subject}: {}", answer.body);
    }
    assert!(stage.counted("not_linked").await >= 8);

    // A program of nobody has the rights of the service token that `[mcp]` names, and no more than its scopes.
    let program = stage.token(PROGRAM, BOTH);
    let seen = stage.with_token(&program, &spend()).await;
    assert!(seen.body.contains("alpha") && !seen.body.contains("bravo"), "{}", seen.body);
    let proposed = stage.with_token(&program, &budget("7")).await.json();
    let id = proposed["result"]["structuredContent"]["proposal_id"].as_str().unwrap();
    let view = approvals.show(id.parse().unwrap(), clock()).await.unwrap();
    assert_eq!(view.proposal.requester.to_string(), "agent:bot");
    let reads = stage.token(PROGRAM, "centinel:read");
    assert_eq!(stage.with_token(&reads, &spend()).await.status, StatusCode::OK);
    assert_eq!(stage.with_token(&reads, &budget("8")).await.status, StatusCode::FORBIDDEN);
    let service = stage.site.token.clone();
    assert_eq!(stage.with_token(&service, &list()).await.status, StatusCode::OK);
    assert!(approvals.revoke_token("ada", password("ada"), "bot", clock()).await.unwrap());
    assert_eq!(stage.with_token(&service, &list()).await.status, StatusCode::UNAUTHORIZED);
    let over = stage.with_token(&program, &list()).await;
    assert_eq!(over.status, StatusCode::FORBIDDEN);
    assert!(over.body.contains("`bot`") && over.body.contains("revoked"), "{}", over.body);

    // A subject that is both is neither.
    let both = format!("oidc:{PROGRAM}@{}", stage.fake.issuer()).parse().unwrap();
    approvals.link_as_admin("ada", password("ada"), "bea", &both, clock()).await.unwrap();
    let answer = stage.with_token(&program, &list()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);

    let ana = stage.token(ANA, BOTH);
    assert_eq!(stage.with_token(&ana, &spend()).await.status, StatusCode::OK);
    let link = format!("oidc:{ANA}@{}", stage.fake.issuer()).parse().unwrap();
    assert!(approvals.unlink("ada", password("ada"), &link, clock()).await.unwrap());
    assert_eq!(stage.with_token(&ana, &spend()).await.status, StatusCode::FORBIDDEN);
    approvals.link_as_admin("ada", password("ada"), "ana", &link, clock()).await.unwrap();
    assert_eq!(stage.with_token(&ana, &spend()).await.status, StatusCode::OK);
    let ended = centinel_app::AccountChange {
        name: "ana".to_owned(),
        linked_to: None,
        roles: [].into(),
        active: false,
        password: None,
    };
    approvals.change_account("ada", password("ada"), ended, clock()).await.unwrap();
    assert_eq!(stage.with_token(&ana, &spend()).await.status, StatusCode::FORBIDDEN);
}

/// Nothing that opens `/mcp` decides, on any route.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_reaches_a_decision() {
    let stage = Stage::new().await;
    let approvals = stage.site.app.approvals();
    let view = approvals.show("P-1".parse().unwrap(), clock()).await.unwrap();
    let before = approvals.all(clock()).await.unwrap();
    let form = format!("version=1&digest={}&reason=x&ticket=y&note=z", view.digest);
    for token in [stage.token(ANA, BOTH), LOCAL.to_owned(), stage.site.token.clone()] {
        for deed in ["approve", "reject", "withdraw", "emergency", "review", "confirm"] {
            let request = Request::post(format!("/proposals/P-1/{deed}"))
                .header("host", "localhost:8787")
                .header("origin", "http://localhost:8787")
                .header("content-type", "application/x-www-form-urlencoded")
                .header("authorization", format!("Bearer {token}"));
            let answer = stage.send(request.body(Body::from(form.clone())).unwrap()).await;
            assert!(answer.status.is_client_error(), "{deed}: {} {}", answer.status, answer.body);
        }
        for name in ["approve", "decide", "reject_proposal", "execute", "confirm"] {
            let answer = stage.with_token(&token, &tool(name, &json!({ "id": "P-1" }))).await;
            let is_refused = answer.status.is_client_error() || answer.json()["error"].is_object();
            assert!(is_refused, "{name}: {}", answer.body);
        }
    }
    assert_eq!(approvals.all(clock()).await.unwrap(), before);
    // A token of the provider opens `/mcp` alone.
    let ana = format!("Bearer {}", stage.token(ANA, BOTH));
    for path in ["/api/report", "/api/inbox", "/metrics", "/account"] {
        let request = Request::get(path).header("host", "localhost").header("authorization", &ana);
        let answer = stage.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_who_asks_without_end_waits_and_others_do_not() {
    let site = Site::new("bravo", "gpt-4o-mini", 3_000_000).await;
    let stage = Stage::of(site, "", &format!("requests_per_minute = 5\n{CONFIG}")).await;
    let ana = stage.token(ANA, BOTH);
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(stage.with_token(&ana, &list()).await.status);
    }
    assert!(statuses[..5].iter().all(|status| *status == StatusCode::OK), "{statuses:?}");
    // Another token of the same person is the same holder.
    let other = stage.changed(|_, claims: &mut Value| claims["client_id"] = "other".into());
    let late = stage.with_token(&other, &list()).await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(late.headers["retry-after"], "13", "{}", late.body);
    assert_eq!(stage.counted("too_many").await, 3);
    let service = stage.site.token.clone();
    assert_eq!(stage.with_token(&service, &list()).await.status, StatusCode::OK);
    for _ in 0..20 {
        assert_eq!(stage.with_token(LOCAL, &list()).await.status, StatusCode::OK, "the home");
    }
}
