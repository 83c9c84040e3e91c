//! Digests of a small company: who gets which, what they say, and that nothing of others is in them.

use std::{collections::BTreeSet, fs};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use centinel_approvals::{AccountChange, Password};
use centinel_engine::{facts::Bundle, money::Pico};
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::{
    Candidate, Format, ImportRequest, SpendGroup, SpendRequest, Viewer, Wording, create_home,
};

/// A team whose name would be markup, a header and an address, if anything took it for one.
const HOSTILE: &str = "<b>x</b>\r\nBcc: eve@example.com, [a](http://evil.example) @all";

fn now() -> Timestamp {
    // A Monday.
    "2026-11-02T08:00:00Z".parse().unwrap()
}

struct Company {
    folder: tempfile::TempDir,
    app: App,
}

impl Company {
    /// Eight weeks of four teams: `support` costs three times as much in the last week, the others the
    /// same each week; one model of `labs` has no price.
    async fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        create_home(folder.path()).unwrap();
        let path = folder.path().join("centinel.toml");
        let text = fs::read_to_string(&path).unwrap().replace("[digest]\n", "");
        fs::write(&path, format!("{text}\n{config}")).unwrap();
        let app = App::open(folder.path(), None).await.unwrap();
        let company = Self { folder, app };
        let first: Timestamp = "2026-09-07T09:00:00Z".parse().unwrap();
        let mut lines = String::new();
        for day in 0..56_i64 {
            for (team, model, tokens) in [
                ("support", "gpt-4o", if day >= 49 { 30_000_000 } else { 10_000_000 }),
                ("search", "gpt-4o", 8_000_000),
                ("labs", "a-model-of-ours", 1_000_000),
                (HOSTILE, "gpt-4o", 2_000_000),
            ] {
                let at = Timestamp::from_second(first.as_second() + day * 86_400).unwrap();
                let call = json!({
                    "call_id": format!("{team}-{day}"), "at": at.to_string(), "provider": "openai",
                    "model": model, "feature": format!("{team}-answers"), "team": team,
                    "input_tokens": tokens, "output_tokens": 1000,
                });
                lines.extend([call.to_string(), "\n".to_owned()]);
            }
        }
        company.import(lines, Format::CallEvents, 1).await;
        let mut outcomes = String::new();
        for day in 0..56_i64 {
            let at = Timestamp::from_second(first.as_second() + day * 86_400).unwrap();
            let outcome = json!({
                "outcome_id": format!("o-{day}"), "at": at.to_string(), "kind": "answer",
                "quantity": 100, "feature": "support-answers",
            });
            outcomes.extend([outcome.to_string(), "\n".to_owned()]);
        }
        company.import(outcomes, Format::Outcomes, 2).await;
        company
    }

    async fn import(&self, lines: String, format: Format, nonce: u64) {
        let request =
            ImportRequest { source: Some(format!("gateway-{nonce}")), ..ImportRequest::default() };
        self.app.import_bytes(lines.into_bytes(), format, request, now(), nonce).await.unwrap();
    }

    async fn seen_by_owner_of(&self, team: &str) -> App {
        let password = || Password::new("ada's own password".to_owned());
        let approvals = self.app.approvals();
        approvals.init_first_person("ada", password(), now()).await.unwrap();
        let change = AccountChange {
            name: "ana".to_owned(),
            linked_to: None,
            roles: [format!("owner:{team}").parse().unwrap()].into(),
            active: true,
            password: Some(Password::new("ana's own password".to_owned())),
        };
        approvals.change_account("ada", password(), change, now()).await.unwrap();
        self.app.seen_by(&Viewer::Person("ana".to_owned()), now()).await.unwrap()
    }
}

fn weekly() -> DigestRequest {
    DigestRequest::latest(SummaryKind::Weekly)
}

#[tokio::test]
async fn a_week_is_told_with_the_figures_of_the_ledger() {
    let company = Company::new("").await;
    let app = &company.app;
    let digest = app.digest(&weekly(), None, now()).await.unwrap();
    assert_eq!(digest.period.to_string(), "2026-10-26 to 2026-11-01");
    let spend = SpendRequest {
        period: digest.period,
        group_by: vec![SpendGroup::Owner],
        filter: Vec::new(),
        grain: None,
        top: None,
        as_of: None,
        scan: crate::ScanLevel::Coarsest,
    };
    let answer = app.spend(&spend, now()).await.unwrap();
    let fact = |role: &str| digest.facts.fact(role).map(|fact| fact.value.clone());
    assert_eq!(fact("cost"), Some(answer.total.cost.to_string()));
    assert_eq!(fact("moved.1.name").as_deref(), Some("support"));
    let parts = ["moved.1.delta", "moved_rest"].map(|role| fact(role).unwrap_or("0".to_owned()));
    let sum = Pico::checked_sum(parts.map(|part| part.parse().unwrap())).unwrap();
    assert_eq!(Some(sum.to_string()), fact("delta"), "parts and rest are the change");
    assert_eq!(fact("unpriced_calls").as_deref(), Some("7"));
    assert!(digest.text.contains("7 calls of 1 model are unpriced."), "{}", digest.text);
    assert!(!digest.is_quiet);
    let kept = app.evidence(&digest.evidence).await.unwrap();
    assert_eq!(kept, digest.facts);
    // All that is required is said.
    let cited: BTreeSet<&str> = digest.document.mentions().map(|of| of.fact.as_str()).collect();
    assert!(kept.required.iter().all(|id| cited.contains(id.as_str())), "{}", digest.cited);
}

#[tokio::test]
async fn a_month_and_a_scorecard_are_of_whole_months() {
    let company = Company::new("").await;
    let app = &company.app;
    let month = DigestRequest::latest(SummaryKind::Monthly);
    let month = app.digest(&month, None, now()).await.unwrap();
    assert_eq!(month.period.to_string(), "2026-10-01 to 2026-10-31");
    // September begins with its seventh day: a month is not compared with part of one.
    assert_eq!(month.facts.fact("cost_before"), None, "{}", month.text);
    let card = DigestRequest::latest(SummaryKind::Scorecard);
    let card = app.digest(&card, Some("support"), now()).await.unwrap();
    let fact = |role: &str| card.facts.fact(role).map(|fact| fact.value.clone());
    assert_eq!(fact("rank").as_deref(), Some("1"));
    assert_eq!(fact("rank_of").as_deref(), Some("3"), "what has no price has no rank");
    assert_eq!(fact("output.1.count").as_deref(), Some("3100"));
    let unknown = app.digest(&weekly(), Some("nobody"), now()).await.unwrap_err();
    assert!(matches!(unknown, AppError::NotFound { what: "owner with spend", .. }), "{unknown}");
}

#[tokio::test]
async fn who_has_nothing_to_hear_gets_no_mail() {
    let config = "[digest]\nfrom = \"Centinel <centinel@example.com>\"\n\
                  [digest.owners.support]\nto = [\"Ana <ana@example.com>\"]\n\
                  [digest.owners.labs]\nunsubscribed = [\"all\"]\n";
    let company = Company::new(config).await;
    let mails = company.app.digest_mails(&weekly(), None, now()).await.unwrap();
    let owners: Vec<Option<&str>> = mails.iter().map(|mail| mail.owner.as_deref()).collect();
    assert_eq!(owners, [None, Some("support")], "search and the other team spent as ever");
    let support = &mails[1];
    assert!(support.file.starts_with("digest-2026-10-26-support-"), "{}", support.file);
    let (headers, body) = support.message.split_once("\r\n\r\n").unwrap();
    assert!(headers.contains("\r\nTo: \"Ana\" <ana@example.com>\r\n"), "{headers}");
    assert!(headers.starts_with("From: \"Centinel\" <centinel@example.com>\r\n"), "{headers}");
    let plain = body.split("\r\n\r\n").nth(1).unwrap().split("\r\n--").next().unwrap();
    let plain = STANDARD.decode(plain.replace("\r\n", "")).unwrap();
    let plain = String::from_utf8(plain).unwrap();
    assert!(plain.contains("support spent $") && plain.contains("on the week before"), "{plain}");
    let digest = company.app.digest(&weekly(), Some("support"), now()).await.unwrap();
    assert!(plain.starts_with(&digest.text.replace('\n', "\r\n")), "{plain}");
}

#[tokio::test]
async fn names_are_neither_headers_nor_markup_nor_paths() {
    let company = Company::new("").await;
    let request = DigestRequest::latest(SummaryKind::Scorecard);
    let mails = company.app.digest_mails(&request, None, now()).await.unwrap();
    let is_hostile =
        |mail: &&Mail| mail.owner.as_deref().is_some_and(|owner| owner.contains("<b>"));
    let mail = mails.iter().find(is_hostile).unwrap();
    assert!(mail.file.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)));
    let (headers, body) = mail.message.split_once("\r\n\r\n").unwrap();
    let names: Vec<&str> = headers
        .split("\r\n")
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split_once(": ").unwrap().0)
        .collect();
    assert_eq!(
        names,
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "MIME-Version",
            "Auto-Submitted",
            "X-Centinel-Evidence",
            "Content-Type",
        ]
    );
    assert!(mail.message.is_ascii() && !headers.contains("eve@"), "{headers}");
    let html = body.split("\r\n\r\n").nth(2).unwrap().split("\r\n--").next().unwrap();
    let html = String::from_utf8(STANDARD.decode(html.replace("\r\n", "")).unwrap()).unwrap();
    assert!(html.contains("&lt;b&gt;x&lt;/b&gt;") && !html.contains("<b>"), "{html}");
    assert!(!html.contains("<a") && !html.contains("href"), "{html}");
    let owner = mail.owner.as_deref();
    let cited = company.app.digest(&request, owner, now()).await.unwrap().cited;
    assert!(cited.contains(r"\[a\](http\://evil.example) \@all"), "{cited}");
}

#[tokio::test]
async fn whoever_sees_a_part_gets_a_digest_of_that_part() {
    let company = Company::new("").await;
    let app = company.seen_by_owner_of("search").await;
    let digest = app.digest(&weekly(), None, now()).await.unwrap();
    assert!(digest.text.starts_with("What person:ana may see came to $"), "{}", digest.text);
    assert!(
        !digest.cited.contains("support") && !digest.cited.contains("labs"),
        "{}",
        digest.cited
    );
    let owners = app.owner_digests(&weekly(), now()).await.unwrap();
    let owners: Vec<_> = owners.into_iter().map(|digest| digest.owner.unwrap()).collect();
    assert_eq!(owners, ["search"]);
    let others = app.digest(&weekly(), Some("support"), now()).await.unwrap_err();
    assert!(matches!(others, AppError::NotFound { .. }), "{others}");
    drop(company.folder);
}

#[tokio::test]
async fn budgets_are_kept_or_not() {
    let company = Company::new("").await;
    let policies = company.folder.path().join("policies/budgets.toml");
    fs::write(
        policies,
        "[month]\nall = \"100000 USD\"\n\"feature=support-answers\" = \"500 USD\"\n\
         \"team=search\" = \"900 USD\"\n",
    )
    .unwrap();
    let month = DigestRequest::latest(SummaryKind::Monthly);
    let digest = company.app.digest(&month, None, now()).await.unwrap();
    let value = |role: &str| digest.facts.fact(role).map(|fact| fact.value.clone());
    assert_eq!(
        (value("budgets").as_deref(), value("budgets_kept").as_deref()),
        (Some("3"), Some("2"))
    );
    assert!(digest.text.contains("support-answers cost $"), "{}", digest.text);
    assert!(digest.text.contains("more than its monthly budget of $500"), "{}", digest.text);
    let card = DigestRequest::latest(SummaryKind::Scorecard);
    let search = company.app.digest(&card, Some("search"), now()).await.unwrap();
    assert!(search.text.contains("1 budget was kept."), "{}", search.text);
}

/// A model that says whatever it was made to of whatever it is asked; the standard wording without its first
/// heading where that is nothing.
struct Says(Result<&'static str, &'static str>);

impl Wording for Says {
    fn word<'a>(
        &'a self,
        _bundle: &'a Bundle,
        standard: &'a str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Candidate, String>> + Send + 'a>> {
        let text = match self.0 {
            Ok("") => Ok(standard.replacen("### What moved\n\n", "", 1)),
            other => other.map(str::to_owned),
        };
        let (model, prompt) = ("m".to_owned(), "p".to_owned());
        let said = text.map_err(str::to_owned);
        Box::pin(async move { Ok(Candidate { text: said?, dropped: 0, model, prompt }) })
    }
}

#[tokio::test]
async fn words_of_a_model_are_kept_for_these_facts_alone() {
    let company = Company::new("").await;
    let app = &company.app;
    let digest = || async move { app.digest(&weekly(), None, now()).await.unwrap() };
    let narrated =
        |says| async move { app.narrate(digest().await, &Says(says), now()).await.unwrap() };
    for (says, reason) in [
        (Err("the endpoint is silent"), "the endpoint is silent"),
        (Ok("Spend came to $9,999.99."), "its text is not verified"),
        // Every mention is verified, and nothing of what must be said is there.
        (Ok("All is well."), "its text is not verified"),
    ] {
        let refused = narrated(says).await;
        assert_eq!((refused.by_model(), refused.label()), (None, "standard wording"));
        let words = refused.narrative.unwrap();
        assert_eq!((words.reason.as_deref(), words.text), (Some(reason), refused.cited));
        assert_eq!(digest().await.narrative, None, "nothing of it is kept");
    }
    let first = narrated(Ok("")).await;
    let words = first.by_model().unwrap();
    assert!(words.label.starts_with("worded by a model, "), "{}", words.label);
    assert_ne!(words.text, first.cited);
    // Whoever computes the same facts later finds them; nobody is asked again.
    let later = now() + jiff::SignedDuration::from_mins(5);
    let again = app.digest(&weekly(), None, later).await.unwrap();
    assert_eq!(again.narrative, first.narrative);
    assert_eq!(narrated(Err("asked again")).await.narrative, first.narrative);
    // The message has both, and says whose words come first.
    let mails = app.digest_mails(&weekly(), None, now()).await.unwrap();
    let (_, body) = mails[0].message.split_once("\r\n\r\n").unwrap();
    let plain = body.split("\r\n\r\n").nth(1).unwrap().split("\r\n--").next().unwrap();
    let plain = String::from_utf8(STANDARD.decode(plain.replace("\r\n", "")).unwrap()).unwrap();
    let text = |text: &str| text.trim_end().replace('\n', "\r\n");
    assert!(plain.starts_with(&text(&words.plain)), "{plain}");
    assert!(plain.contains(&text(&first.text)) && plain.contains(&words.label), "{plain}");
    // Other facts, other words.
    let at = "2026-10-30T10:00:00Z";
    let call = json!({
        "call_id": "late", "at": at, "provider": "openai", "model": "gpt-4o", "feature": "x",
        "team": "search", "input_tokens": 90_000_000, "output_tokens": 1000,
    });
    company.import(format!("{call}\n"), Format::CallEvents, 3).await;
    assert_eq!(digest().await.narrative, None);
}

#[tokio::test]
async fn where_numbers_are_written_otherwise_the_standard_wording_stands() {
    let company = Company::new("").await;
    let path = company.folder.path().join("centinel.toml");
    let text = fs::read_to_string(&path).unwrap();
    let german = text.replace("[organisation]\n", "[organisation]\nlocale = \"de-DE\"\n");
    fs::write(&path, german).unwrap();
    let app = App::open(company.folder.path(), None).await.unwrap();
    let digest = app.digest(&weekly(), None, now()).await.unwrap();
    let digest = app.narrate(digest, &Says(Ok("")), now()).await.unwrap();
    assert_eq!((digest.by_model(), digest.label()), (None, "standard wording"));
    let reason = digest.narrative.unwrap().reason.unwrap();
    assert_eq!(reason, "numbers of `de-DE` are written by it alone");
}
