//! Deciding on the page: what a person does there, and what is refused.

use axum::http::{StatusCode, header};
use centinel_app::{NewToken, Password};
use centinel_engine::proposal::{Channel, Occurrence, Status};

use super::{
    Answer, Site,
    people::{Form, ORIGIN, minutes_pass, password, saving},
};

pub(super) const EMERGENCY: &str =
    "[break_glass]\nexpires_after_hours = 4\nreview_within_hours = 72";

pub(super) fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    answer.headers[header::LOCATION].to_str().unwrap()
}

#[track_caller]
pub(super) fn check(answer: &Answer, status: StatusCode, said: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(answer.text().contains(said), "{said}: {}", answer.text());
}

#[tokio::test]
async fn whoever_may_approves_what_waits_for_them() {
    let site = Site::with_people("", "").await;
    site.proposed(|draft| draft.saving = Some(saving("540", "570.40", "610"))).await;
    let mut ben = site.browser_of("ben").await;
    let inbox = ben.get("/inbox").await;
    for expected in [
        "1\u{a0}proposal waits for your decision.",
        "<h2>Waits for you</h2>",
        "budget of $9000 for search",
        "$570 <span class=\"quiet\">a month, $540 to $610</span>",
        "title=\"waiting for your decision\">1</span>",
        "P-1 · budget · owner search · expires in 3\u{a0}days, 6 Nov 2026, 08:00 UTC",
    ] {
        assert!(inbox.text().contains(expected), "{expected}: {}", inbox.text());
    }
    let page = ben.get("/proposals/P-1").await;
    for expected in ["Approve version 1", "With yours, it has every approval", "Reject version 1"] {
        assert!(page.text().contains(expected), "{expected}: {}", page.text());
    }
    assert!(!page.text().contains("type=\"password\""), "what can be undone asks for none");
    let done = ben.press("/proposals/P-1", "/proposals/P-1/approve", &[]).await;
    assert_eq!(location(&done), "/proposals/P-1?done=approved");
    let after = ben.get(location(&done)).await;
    check(&after, StatusCode::OK, "You approved version 1. It has the approvals that it needs.");
    assert!(after.text().contains("ben approved version 1 on the page"), "{}", after.text());
    assert!(Form::find(after.text(), "/proposals/P-1/approve").is_none());
    let view = site.view("P-1").await;
    assert_eq!(view.status, Status::Approved);
    let vote = view.events.iter().find_map(|event| match &event.what {
        Occurrence::VoteCast { vote, .. } => Some(vote.clone()),
        _ => None,
    });
    assert_eq!(vote.unwrap().channel, Channel::Web);
    let inbox = ben.get("/inbox").await;
    check(&inbox, StatusCode::OK, "Nothing waits for you.");
    assert!(inbox.text().contains("<h2>Approved, under way</h2>"), "{}", inbox.text());
    assert!(inbox.text().contains("approved by ben; to be carried out by hand"));

    // The notice says what the log says, and to nobody else.
    let mut cora = site.browser_of("cora").await;
    let seen = cora.get("/proposals/P-1?done=approved").await;
    assert!(!seen.text().contains("You approved"), "{}", seen.text());
    let invented = cora.get("/proposals/P-1?done=%3Cb%3Eall%20is%20well").await;
    assert!(!invented.text().contains("all is well"));
    // Whoever approved may still reject, and so may others, until it is carried out.
    let reason = [("reason", "not in\r\nthis quarter")];
    let done = cora.press("/proposals/P-1", "/proposals/P-1/reject", &reason).await;
    let after = cora.get(location(&done)).await;
    check(&after, StatusCode::OK, "You rejected it. Nothing is changed.");
    assert!(after.text().contains("cora rejected it on the page: not in this quarter"));
    check(&ben.get("/inbox").await, StatusCode::OK, "<h2>Decided lately");
}

#[tokio::test]
async fn pressing_twice_decides_once() {
    let site = Site::with_people("", "").await;
    site.proposed(|draft| draft.change = budget_of("20000")).await;
    let mut cora = site.browser_of("cora").await;
    let form = Form::of(cora.get("/proposals/P-1").await.text(), "/proposals/P-1/approve");
    let fields: Vec<(&str, &str)> =
        form.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for _ in 0..3 {
        let answer = cora.post("/proposals/P-1/approve", &fields).await;
        assert_eq!(location(&answer), "/proposals/P-1?done=approved");
    }
    let (mut one, mut two) = (cora.clone(), cora.clone());
    let (one, two) = tokio::join!(
        one.post("/proposals/P-1/approve", &fields),
        two.post("/proposals/P-1/approve", &fields)
    );
    assert_eq!((one.status, two.status), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER));
    let view = site.view("P-1").await;
    assert_eq!(view.standing.approved_by, ["cora"]);
    let votes = view.events.iter().filter(|event| event.what.as_str() == "vote_cast").count();
    assert_eq!((votes, view.status), (1, Status::Pending));
    let after = cora.get("/proposals/P-1?done=approved").await;
    check(&after, StatusCode::OK, "You approved version 1. It needs others as well.");
    check(&after, StatusCode::OK, "You approved this version. Others have to as well.");
    // One more is missing, and not from just anybody: what a yes leads to is played, not guessed.
    site.proposed(|draft| draft.reversible = false).await;
    let mut dora = site.browser_of("dora").await;
    let mut finn = site.browser_of("finn").await;
    let secret = password("cora");
    cora.press("/proposals/P-2", "/proposals/P-2/approve", &[("password", &secret)]).await;
    for (browser, said) in [
        (&mut dora, "Others have to approve it as well."),
        (&mut finn, "With yours, it has every approval that it needs to be carried out."),
    ] {
        check(&browser.get("/proposals/P-2").await, StatusCode::OK, said);
    }
    let inbox = cora.get("/inbox").await;
    check(&inbox, StatusCode::OK, "<h2>Waits for others</h2>");
    check(&inbox, StatusCode::OK, "you approved it");
}

fn budget_of(limit: &str) -> centinel_engine::proposal::Change {
    centinel_engine::proposal::Change::Budget {
        scope: [("team".to_owned(), "search".to_owned())].into(),
        period: centinel_engine::proposal::BudgetPeriod::Month,
        limit: super::people::usd(limit),
        previous_limit: None,
    }
}

/// Everything that is no form of this person's own page changes nothing, and leaves a trace: in the log
/// where somebody was recognised, in a count where nobody was.
#[tokio::test]
async fn what_is_no_form_of_ones_own_page_decides_nothing() {
    let site = Site::with_people("", "").await;
    site.proposed(|_| ()).await;
    let token = NewToken {
        name: "bot".to_owned(),
        scopes: ["read".to_owned(), "propose".to_owned()].into(),
        acts_for: Some("ben".to_owned()),
        expires_at: None,
    };
    let ada = Password::new(password("ada"));
    let approvals = site.app.approvals();
    let bearer = approvals.create_token("ada", ada, token, super::people::clock()).await.unwrap();
    let bearer = format!("Bearer {bearer}");
    let mut ben = site.browser_of("ben").await;
    let mut cora = site.browser_of("cora").await;
    let form = Form::of(ben.get("/proposals/P-1").await.text(), "/proposals/P-1/approve");
    let own: Vec<(&str, &str)> =
        form.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let of_cora = Form::of(cora.get("/proposals/P-1").await.text(), "/proposals/P-1/approve");
    let origin = ("origin", ORIGIN);
    let twice = format!("{}; centinel_session=00", ben.cookie_header());
    let mut nobody = site.browser();
    let mut made_up = site.browser();
    made_up.cookies.insert("centinel_session".to_owned(), "0".repeat(64));
    let csrf_of_made_up = centinel_app::Approvals::csrf_token(&"0".repeat(64));
    let mut doubled = site.browser();
    doubled.cookies.insert(
        "centinel_session".to_owned(),
        twice.trim_start_matches("centinel_session=").to_owned(),
    );

    for action in ["approve", "reject", "withdraw", "emergency", "review", "confirm"] {
        let path = format!("/proposals/P-1/{action}");
        let words = [("reason", "r"), ("ticket", "t"), ("note", "n"), ("password", "p")];
        let filled = |fields: &[(&'static str, String)]| {
            let mut all: Vec<(String, String)> = own
                .iter()
                .filter(|(name, _)| fields.iter().all(|(other, _)| other != name))
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            all.extend(words.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
            all.extend(fields.iter().map(|(n, v)| ((*n).to_owned(), v.clone())));
            all
        };
        let send = async |browser: &mut super::people::Browser<'_>,
                          fields: Vec<(String, String)>,
                          headers: &[(&str, &str)]| {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            browser.post_with(&path, &fields, headers).await
        };
        let csrf = |text: &str| filled(&[("csrf", text.to_owned())]);
        // Ben is recognised in each of these: the log says so.
        for (what, fields, headers) in [
            ("no token", csrf(""), &[origin][..]),
            ("a wrong token", csrf(&"0".repeat(64)), &[origin]),
            ("another's token", csrf(of_cora.value("csrf")), &[origin]),
            ("his own secret", csrf(&ben.cookies["centinel_session"]), &[origin]),
            ("no origin", filled(&[]), &[]),
            ("another site", filled(&[]), &[("origin", "null")]),
            ("another port", filled(&[]), &[("origin", "http://localhost:3000")]),
            ("a sandbox", filled(&[]), &[origin, ("sec-fetch-site", "cross-site")]),
            ("another port of this site", filled(&[]), &[origin, ("sec-fetch-site", "same-site")]),
            ("a token of an agent", filled(&[]), &[origin, ("authorization", &bearer)]),
        ] {
            let before = site.log().await.len();
            let refused_before = refused(&site).await;
            let answer = send(&mut ben, fields, headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{action} with {what}");
            let log = site.log().await;
            let traces = log.iter().skip(before).filter(|entry| entry.action == "refused");
            let actors: Vec<&str> = traces.map(|entry| entry.actor.as_str()).collect();
            // The gate lets no page of another site reach anything, so nobody is recognised there.
            let is_at_the_gate = what == "another site";
            let expected: &[&str] = match what {
                _ if is_at_the_gate => &[],
                "a token of an agent" => &["agent:bot"],
                _ => &["person:ben"],
            };
            assert_eq!(actors, expected, "{action} with {what}");
            assert!(refused(&site).await > refused_before, "{action} with {what}");
        }
        // Nobody is recognised in these: they are counted.
        for (what, browser, fields, status) in [
            ("no cookie", &mut nobody, filled(&[]), StatusCode::UNAUTHORIZED),
            ("a made-up cookie", &mut made_up, csrf(&csrf_of_made_up), StatusCode::UNAUTHORIZED),
            ("two cookies", &mut doubled, filled(&[]), StatusCode::UNAUTHORIZED),
        ] {
            let before = (site.log().await.len(), refused(&site).await);
            let answer = send(browser, fields, &[origin]).await;
            assert_eq!(answer.status, status, "{action} with {what}");
            assert_eq!(site.log().await.len(), before.0, "{action} with {what}");
            assert!(refused(&site).await > before.1, "{action} with {what}");
        }
        let with_cookie_of_cora = send(&mut cora, filled(&[]), &[origin]).await;
        assert_eq!(with_cookie_of_cora.status, StatusCode::FORBIDDEN, "{action} with Ben's form");
    }
    assert_eq!(site.view("P-1").await.events.len(), 1, "only the proposal itself");
    assert_eq!(ben.post("/proposals/P-1/approve", &own).await.status, StatusCode::SEE_OTHER);
}

/// How many requests were refused without asking anybody.
async fn refused(site: &Site) -> u64 {
    let metrics = site.get("/metrics").await;
    let lines =
        metrics.text().lines().filter(|line| line.starts_with("centinel_refused_requests_t"));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[tokio::test]
async fn a_session_that_is_over_decides_nothing() {
    let site = Site::with_people("", "").await;
    site.proposed(|_| ()).await;
    let path = "/proposals/P-1/approve";
    let form = async |name: &str| {
        let mut browser = site.browser_of(name).await;
        let form = Form::of(browser.get("/proposals/P-1").await.text(), path);
        (browser, form)
    };
    let (mut out, of_out) = form("ben").await;
    let late = out.clone();
    out.press("/inbox", "/sign-out", &[]).await;
    let (mut changed, of_changed) = form("cora").await;
    let typed = [
        ("old", password("cora")),
        ("new", "another password of cora".to_owned()),
        ("again", "another password of cora".to_owned()),
    ];
    let typed: Vec<(&str, &str)> = typed.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let before = changed.clone();
    let answer = changed.press("/account", "/account/password", &typed).await;
    assert_eq!(location(&answer), "/sign-in?done=password_changed");
    check(
        &changed.get("/sign-in?done=password_changed").await,
        StatusCode::OK,
        "every session is over",
    );
    let (idle, of_idle) = form("dora").await;
    for (what, mut browser, form) in
        [("signed out", late, &of_out), ("a new password", before, &of_changed)]
    {
        let fields = form.with("x", "");
        let answer = browser.post(path, &fields).await;
        check(&answer, StatusCode::UNAUTHORIZED, "the session is over");
        assert_eq!(site.view("P-1").await.events.len(), 1, "{what}");
    }
    minutes_pass(61);
    let mut idle = idle;
    let answer = idle.post(path, &of_idle.with("x", "")).await;
    check(&answer, StatusCode::UNAUTHORIZED, "the session is over");
    assert_eq!(location(&idle.get("/inbox").await), "/sign-in?to=/inbox");
    assert_eq!(site.view("P-1").await.events.len(), 1);
    let again = site.browser().sign_in("cora", "another password of cora").await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_of_what_is_no_more_is_refused_in_one_line() {
    let site = Site::with_people("", EMERGENCY).await;
    let system = centinel_app::Requester::system();
    for _ in 0..2 {
        site.proposed(|draft| draft.title = "x".to_owned()).await;
    }
    let path = "/proposals/P-1/approve";
    let mut ben = site.browser_of("ben").await;
    let form = Form::of(ben.get("/proposals/P-1").await.text(), path);
    let send = async |fields: &[(&str, &str)]| ben.clone().post(path, fields).await;
    check(&send(&form.with("version", "2")).await, StatusCode::CONFLICT, "is now at version 1");
    check(&send(&form.with("version", "-1")).await, StatusCode::BAD_REQUEST, "not complete");
    let other = "0".repeat(64);
    check(
        &send(&form.with("digest", &other)).await,
        StatusCode::CONFLICT,
        "is not that of proposal",
    );
    check(&send(&form.with("digest", "")).await, StatusCode::CONFLICT, "Look at it as it is now");
    // A new version while the form lay open.
    let old = site.view("P-1").await;
    let mut draft = draft_of(&old);
    draft.title = "another title".to_owned();
    let now = super::people::clock();
    site.app.approvals().supersede(old.proposal.id, draft, &system, now).await.unwrap();
    check(
        &send(&form.with("x", "")).await,
        StatusCode::CONFLICT,
        "version 1 can no longer be decided",
    );
    let form = Form::of(ben.get("/proposals/P-1").await.text(), path);
    assert_eq!(form.value("version"), "2");
    // Who may not, and what is not there for somebody.
    for (name, status, said) in [
        ("finn", StatusCode::FORBIDDEN, "needs the role"),
        ("mel", StatusCode::FORBIDDEN, "needs the role"),
        ("olaf", StatusCode::NOT_FOUND, "There is no proposal P-1."),
    ] {
        let mut browser = site.browser_of(name).await;
        let shown = browser.get("/proposals/P-1").await;
        assert!(Form::find(shown.text(), path).is_none(), "{name} is shown no form");
        let csrf = Form::of(browser.get("/account").await.text(), "/sign-out");
        let mut fields = form.with("csrf", csrf.value("csrf"));
        fields.push(("reason", "because"));
        for action in ["approve", "reject"] {
            let before = site.log().await.len();
            let answer = browser.post(&format!("/proposals/P-1/{action}"), &fields).await;
            check(&answer, status, said);
            let log = site.log().await;
            let kept = log.iter().skip(before).any(|entry| {
                entry.action == "refused"
                    && entry.subject == "P-1"
                    && entry.actor == format!("person:{name}")
            });
            assert!(kept, "{name} {action}");
        }
    }
    // A reason that is none.
    for reason in ["", "  \r\n ", "a\u{202e}b", &"x".repeat(1001)] {
        let mut fields = form.with("reason", reason);
        fields.push(("x", ""));
        let answer = ben.clone().post("/proposals/P-1/reject", &fields).await;
        check(&answer, StatusCode::UNPROCESSABLE_ENTITY, "needs a reason");
    }
    // Its time ran out while the form lay open.
    minutes_pass(50);
    ben.get("/inbox").await;
    for _ in 0..90 {
        minutes_pass(50);
        if ben.get("/inbox").await.status != StatusCode::OK {
            ben = site.browser_of("ben").await;
        }
    }
    let csrf = Form::of(ben.get("/account").await.text(), "/sign-out");
    let fields = form.with("csrf", csrf.value("csrf"));
    let late = ben.clone().post(path, &fields).await;
    check(&late, StatusCode::CONFLICT, "expired at");
    check(&ben.get("/proposals/P-1").await, StatusCode::OK, "· expired</p>");
    assert!(Form::find(ben.get("/proposals/P-1").await.text(), path).is_none());
    let unknown = ben.post("/proposals/P-99/approve", &fields).await;
    check(&unknown, StatusCode::NOT_FOUND, "There is no proposal P-99.");
    assert_eq!(ben.post("/proposals/%3Cb%3E/approve", &fields).await.status, StatusCode::NOT_FOUND);
}

fn draft_of(view: &centinel_app::View) -> centinel_engine::proposal::Draft {
    let proposal = view.proposal.clone();
    centinel_engine::proposal::Draft {
        title: proposal.title,
        change: proposal.change,
        edits: proposal.edits,
        evidence: proposal.evidence,
        saving: proposal.saving,
        counterfactual: proposal.counterfactual,
        reverts: proposal.reverts,
        cost_touched: None,
        risk: proposal.risk,
        reversible: proposal.reversible,
        owner: proposal.owner,
    }
}

#[tokio::test]
async fn what_cannot_be_undone_asks_who_it_is_in_the_same_form() {
    let site = Site::with_people("", "").await;
    site.proposed(|draft| draft.reversible = false).await;
    let path = "/proposals/P-1/approve";
    let mut finn = site.browser_of("finn").await;
    let page = finn.get("/proposals/P-1").await;
    check(&page, StatusCode::OK, "It cannot be undone");
    check(&page, StatusCode::OK, "id=\"approve-password\" name=\"password\"");
    assert!(!page.text().contains("name=\"code\""), "Finn has no second factor");
    // Signed in a moment ago, and asked all the same.
    for typed in [&[][..], &[("password", "")], &[("password", "not the password")]] {
        let answer = finn.press("/proposals/P-1", path, typed).await;
        check(&answer, StatusCode::FORBIDDEN, "password or code is wrong");
    }
    assert!(site.view("P-1").await.standing.approved_by.is_empty());
    minutes_pass(20);
    let secret = password("finn");
    let done = finn.press("/proposals/P-1", path, &[("password", &secret)]).await;
    assert_eq!(location(&done), "/proposals/P-1?done=approved");
    assert_eq!(site.view("P-1").await.standing.approved_by, ["finn"]);
    // Saying no takes no proof.
    let mut dora = site.browser_of("dora").await;
    minutes_pass(20);
    let done = dora.press("/proposals/P-1", "/proposals/P-1/reject", &[("reason", "no")]).await;
    assert_eq!(location(&done), "/proposals/P-1?done=rejected");
}

#[tokio::test]
async fn an_emergency_is_begun_and_closed_by_two() {
    let site = Site::with_people("", EMERGENCY).await;
    site.proposed(|_| ()).await;
    let path = "/proposals/P-1/emergency";
    let mut ben = site.browser_of("ben").await;
    assert!(Form::find(ben.get("/proposals/P-1").await.text(), path).is_none(), "not his role");
    let mut eve = site.browser_of("eve").await;
    let secret = password("eve");
    let typed = [("reason", "the bill doubles by the hour"), ("ticket", "INC-7")];
    let without = eve.press("/proposals/P-1", path, &typed).await;
    check(&without, StatusCode::FORBIDDEN, "password or code is wrong");
    let proved = [&typed[..], &[("password", secret.as_str())]].concat();
    let done = eve.press("/proposals/P-1", path, &proved).await;
    let after = eve.get(location(&done)).await;
    check(&after, StatusCode::OK, "You took it forward in an emergency.");
    assert!(Form::find(after.text(), "/proposals/P-1/review").is_none(), "somebody else looks");
    let inbox = ben.get("/inbox").await;
    check(&inbox, StatusCode::OK, "1\u{a0}emergency waits for your review.");
    check(&inbox, StatusCode::OK, "eve took it forward alone; to be looked at by 6 Nov 2026");
    let path = "/proposals/P-1/review";
    let done = ben.press("/proposals/P-1", path, &[("note", "it was right")]).await;
    check(&ben.get(location(&done)).await, StatusCode::OK, "You closed the emergency.");
    assert!(ben.get("/inbox").await.text().contains("Nothing waits for you."));
}

#[tokio::test]
async fn one_s_own_proposal_is_taken_back_and_not_approved() {
    let site = Site::with_people("", "").await;
    let cora = Password::new(password("cora"));
    let requester =
        site.app.approvals().authenticate("cora", cora, super::people::clock()).await.unwrap();
    site.proposed_by(|_| (), &requester).await;
    let mut cora = site.browser_of("cora").await;
    let page = cora.get("/proposals/P-1").await;
    assert!(Form::find(page.text(), "/proposals/P-1/approve").is_none());
    check(&page, StatusCode::OK, "and its requester cannot be one.");
    check(&cora.get("/inbox").await, StatusCode::OK, "you asked for it");
    let form = Form::of(page.text(), "/proposals/P-1/withdraw");
    let forced = cora.post("/proposals/P-1/approve", &form.with("x", "")).await;
    check(&forced, StatusCode::FORBIDDEN, "its requester cannot be one");
    let old = cora.post("/proposals/P-1/withdraw", &form.with("version", "7")).await;
    check(&old, StatusCode::CONFLICT, "version 7 can no longer be decided");
    let mut ben = site.browser_of("ben").await;
    let csrf = Form::of(ben.get("/account").await.text(), "/sign-out");
    let fields = form.with("csrf", csrf.value("csrf"));
    let not_his = ben.post("/proposals/P-1/withdraw", &fields).await;
    check(&not_his, StatusCode::FORBIDDEN, "who alone can withdraw");
    let done = cora.press("/proposals/P-1", "/proposals/P-1/withdraw", &[]).await;
    check(&cora.get(location(&done)).await, StatusCode::OK, "You took it back.");
    let again = cora.post("/proposals/P-1/withdraw", &form.with("x", "")).await;
    assert_eq!(location(&again), location(&done), "pressed twice");
    assert_eq!(site.view("P-1").await.status, Status::Withdrawn);
}

#[tokio::test]
async fn rules_that_hold_buttons_back_are_said() {
    let frozen = "[[freeze]]\nstart = \"2026-11-01T00:00:00Z\"\nend = \"2026-12-01T00:00:00Z\"\n\
                  reason = \"the books are being closed\"";
    let site = Site::with_people("", frozen).await;
    site.proposed(|_| ()).await;
    let mut ben = site.browser_of("ben").await;
    let page = ben.get("/proposals/P-1").await;
    check(&page, StatusCode::OK, "until 1 Dec 2026, 00:00 UTC: the books are being closed.");
    assert!(Form::find(page.text(), "/proposals/P-1/approve").is_none());
    let form = Form::of(page.text(), "/proposals/P-1/reject");
    let forced = ben.post("/proposals/P-1/approve", &form.with("x", "")).await;
    check(&forced, StatusCode::CONFLICT, "the books are being closed");

    let strict = "[[rule]]\nname = \"strict\"\nreason = \"r\"\napprovers = 1\nsecond_factor = true\n\
                  channels = [\"cli\", \"web\"]";
    let site = Site::with_people("", strict).await;
    site.proposed(|_| ()).await;
    let mut ben = site.browser_of("ben").await;
    let page = ben.get("/proposals/P-1").await;
    check(&page, StatusCode::OK, "takes a second factor, which your session does not have");
    let form = Form::of(page.text(), "/proposals/P-1/reject");
    let forced = ben.post("/proposals/P-1/approve", &form.with("x", "")).await;
    check(&forced, StatusCode::FORBIDDEN, "with a second factor only");

    let terminal =
        "[[rule]]\nname = \"terminal\"\nreason = \"r\"\napprovers = 1\nchannels = [\"cli\"]";
    let site = Site::with_people("", terminal).await;
    site.proposed(|_| ()).await;
    let mut ben = site.browser_of("ben").await;
    let page = ben.get("/proposals/P-1").await;
    check(&page, StatusCode::OK, "Approve it in the terminal: centinel approve P-1.");
    let form = Form::of(page.text(), "/proposals/P-1/reject");
    let forced = ben.post("/proposals/P-1/approve", &form.with("x", "")).await;
    check(&forced, StatusCode::FORBIDDEN, "cannot be approved through");
}
