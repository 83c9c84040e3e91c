//! What people carry out themselves, said on the page.

use axum::http::StatusCode;
use centinel_engine::proposal::{Channel, Counterfactual, Edit, Occurrence, Status, UnitOf};
use serde_json::json;

use super::{
    Site,
    deciding::{check, location},
    people::{Form, edit, minutes_pass, password, saving, usd},
};

const PATH: &str = "/proposals/P-1/confirm";

async fn approved(site: &Site) {
    let mut ben = site.browser_of("ben").await;
    let done = ben.press("/proposals/P-1", "/proposals/P-1/approve", &[]).await;
    assert_eq!(location(&done), "/proposals/P-1?done=approved");
}

#[tokio::test]
async fn whoever_may_says_that_it_was_carried_out() {
    let site = Site::with_people("", "").await;
    site.proposed(|_| ()).await;
    let mut ben = site.browser_of("ben").await;
    assert!(Form::find(ben.get("/proposals/P-1").await.text(), PATH).is_none(), "not approved");
    approved(&site).await;
    check(&ben.get("/inbox").await, StatusCode::OK, "approved by ben; to be carried out by hand");
    // Who may see it, and has no role that confirms, is not asked; nor is anybody who sends it anyway let.
    let mut mel = site.browser_of("mel").await;
    assert!(Form::find(mel.get("/proposals/P-1").await.text(), PATH).is_none());
    let form = Form::of(ben.get("/proposals/P-1").await.text(), PATH);
    let csrf = Form::of(mel.get("/account").await.text(), "/sign-out");
    let mut forced = form.with("csrf", csrf.value("csrf"));
    forced.push(("reference", "PO 1"));
    check(&mel.post(PATH, &forced).await, StatusCode::FORBIDDEN, "does not let");
    // Whoever does not see it is not told that it is there, and it is kept that they tried.
    let mut olaf = site.browser_of("olaf").await;
    let csrf = Form::of(olaf.get("/account").await.text(), "/sign-out");
    let mut hidden = form.with("csrf", csrf.value("csrf"));
    hidden.push(("reference", "PO 1"));
    assert_eq!(olaf.post(PATH, &hidden).await.status, StatusCode::NOT_FOUND);
    let log = site.log().await;
    let tried = |name: &str| {
        let by = |entry: &&centinel_app::AuditEntry| {
            entry.actor == format!("person:{name}") && entry.action == "refused"
        };
        log.iter().filter(by).count()
    };
    assert_eq!((tried("mel"), tried("olaf")), (1, 1));

    minutes_pass(120);
    let mut ben = site.browser_of("ben").await;
    for (typed, status, said) in [
        (&[("reference", " ")][..], StatusCode::UNPROCESSABLE_ENTITY, "needs a reference"),
        (
            &[("reference", "PO 1"), ("carried_out_at", "tomorrow")],
            StatusCode::BAD_REQUEST,
            "cannot be read",
        ),
        (
            &[("reference", "PO 1"), ("carried_out_at", "2026-11-03T10:01")],
            StatusCode::CONFLICT,
            "has not come yet",
        ),
        (
            &[("reference", "PO 1"), ("carried_out_at", "2026-11-03T07:59:59Z")],
            StatusCode::CONFLICT,
            "it was not approved",
        ),
    ] {
        check(&ben.press("/proposals/P-1", PATH, typed).await, status, said);
    }
    let stale = ben.post(PATH, &form.with("reference", "PO 1")).await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN, "the form of a session before");
    let typed = [("reference", "PO\r\n 4711"), ("carried_out_at", "2026-11-03T09:30")];
    let again = Form::of(ben.get("/proposals/P-1").await.text(), PATH);
    let done = ben.press("/proposals/P-1", PATH, &typed).await;
    assert_eq!(location(&done), "/proposals/P-1?done=carried_out");
    let page = ben.get(location(&done)).await;
    check(&page, StatusCode::OK, "You said that it was carried out.");
    check(&page, StatusCode::OK, "carried out by hand on 3 Nov 2026, 09:30 UTC: PO 4711");
    assert!(Form::find(page.text(), PATH).is_none());
    // Pressed twice, said once.
    let mut fields = again.with("reference", "PO 4711");
    fields.push(("carried_out_at", ""));
    assert_eq!(location(&ben.post(PATH, &fields).await), "/proposals/P-1?done=carried_out");
    let view = site.view("P-1").await;
    assert_eq!(view.status, Status::Executed);
    let said: Vec<_> = view
        .events
        .iter()
        .filter_map(|event| match &event.what {
            Occurrence::Confirmed { channel, reference, .. } => {
                Some((*channel, reference.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(said, [(Channel::Web, "PO 4711")]);
    let mut cora = site.browser_of("cora").await;
    let seen = cora.get("/proposals/P-1?done=carried_out").await;
    assert!(!seen.text().contains("You said that"), "it was somebody else");
}

#[tokio::test]
async fn what_has_edits_is_nobodys_to_confirm() {
    let site = Site::with_people("", "").await;
    site.proposed(|draft| draft.edits = vec![edit("a.b", "1", "2")]).await;
    approved(&site).await;
    let mut ben = site.browser_of("ben").await;
    let page = ben.get("/proposals/P-1").await;
    assert!(Form::find(page.text(), PATH).is_none());
    let inbox = ben.get("/inbox").await;
    check(&inbox, StatusCode::OK, "approved by ben; to be carried out</p>");
    let form = Form::of(page.text(), "/proposals/P-1/reject");
    let mut fields = form.with("reference", "PO 1");
    fields.push(("carried_out_at", ""));
    check(&ben.post(PATH, &fields).await, StatusCode::CONFLICT, "by Centinel or by a merge");
    assert_eq!(site.view("P-1").await.status, Status::Approved);
    assert_eq!(Edit::HOME, site.view("P-1").await.proposal.edits[0].repository);
}

#[tokio::test]
async fn of_what_cannot_be_undone_it_is_said_with_a_proof() {
    let site = Site::with_people("", "").await;
    site.proposed(|draft| draft.reversible = false).await;
    for name in ["cora", "finn"] {
        let mut browser = site.browser_of(name).await;
        let secret = password(name);
        let typed = [("password", secret.as_str())];
        let done = browser.press("/proposals/P-1", "/proposals/P-1/approve", &typed).await;
        assert_eq!(location(&done), "/proposals/P-1?done=approved");
    }
    minutes_pass(25 * 60);
    let mut cora = site.browser_of("cora").await;
    let page = cora.get("/proposals/P-1").await;
    check(&page, StatusCode::OK, "id=\"confirm-password\"");
    for typed in [&[("reference", "PO 1")][..], &[("reference", "PO 1"), ("password", "wrong")]] {
        let answer = cora.press("/proposals/P-1", PATH, typed).await;
        check(&answer, StatusCode::FORBIDDEN, "password or code is wrong");
    }
    assert_eq!(site.view("P-1").await.status, Status::Approved);
    let secret = password("cora");
    let typed = [("reference", "PO 1"), ("password", secret.as_str())];
    let done = cora.press("/proposals/P-1", PATH, &typed).await;
    assert_eq!(location(&done), "/proposals/P-1?done=carried_out");
}

/// Whether its facts held is a question about spend that the person themselves may not see.
#[tokio::test]
async fn facts_are_of_all_spend_whoever_says_it() {
    let site = Site::with_people("", "").await;
    let mut lines = String::new();
    for day in 4..32 {
        let call = json!({
            "call_id": format!("{day}"), "at": format!("2026-10-{day:02}T09:00:00Z"),
            "provider": "openai", "model": "gpt-4o", "feature": "banners", "team": "ads",
            "input_tokens": 1_000_000, "output_tokens": 1000,
        });
        lines.extend([call.to_string(), "\n".to_owned()]);
    }
    let taken = site.post("/v1/calls", &[], lines.into_bytes()).await;
    assert_eq!(taken.status, StatusCode::OK, "{}", taken.text());
    site.proposed(|draft| {
        draft.saving = Some(saving("30", "40", "50"));
        draft.counterfactual = Some(Counterfactual {
            scope: [("feature".to_owned(), "banners".to_owned())].into(),
            per: UnitOf::Call,
            unit_cost: usd("2.51"),
        });
    })
    .await;
    approved(&site).await;
    let mut ben = site.browser_of("ben").await;
    let done = ben.press("/proposals/P-1", PATH, &[("reference", "PO 1")]).await;
    assert_eq!(location(&done), "/proposals/P-1?done=carried_out");
}
