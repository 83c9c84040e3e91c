//! Pull requests of the whole product, against git's own HTTP server and a forge with a memory: who merges,
//! who closes, and what that is worth here.

use std::fmt::Write as _;

use centinel_app::{
    App, DeliverySeen, Git, Requester,
    live::{Limits, Outside},
};
use centinel_engine::proposal::Draft;
use jiff::SignedDuration;
use serde_json::Value;

use crate::{
    delivery::{ROUTE, VALUES, configure, propose, status, with_spend},
    forges::{
        github::{FakeGitHub, Pull, Wrong},
        repository::{Repository, TOKEN},
    },
    product::{Home, PASSWORD},
};

/// A home whose proposals go to a repository on a forge.
struct World {
    home: Home,
    repository: Repository,
    github: FakeGitHub,
}

impl World {
    fn new() -> Self {
        Self::with("")
    }

    /// With further lines for the repository's table.
    fn with(lines: &str) -> Self {
        let home = with_spend();
        let folder = home.path().with_file_name("forge");
        let owners = "* @ada-of-shop\n";
        let files = [("values.yaml", VALUES), (".github/CODEOWNERS", owners)];
        let repository = Repository::new(&folder, &files);
        let github = FakeGitHub::start(&repository.bare);
        let (url, api) = (repository.url(), github.server.base());
        let token = home.file("token", TOKEN).display().to_string();
        configure(
            &home,
            &format!(
                "\n[[repository]]\nname = \"shop\"\nurl = \"{url}\"\nforge = \"github\"\n\
                 api = \"{api}\"\ncredential = \"file:{token}\"\n{lines}\n\
                 [access]\naddress = \"https://centinel.example.com\"\n"
            ),
        );
        Self { home, repository, github }
    }

    /// Links a login of the forge to the only person.
    fn link(&self, login: &str) {
        let host = self.repository.server.base();
        let host = host.trim_start_matches("http://");
        let account = format!("github:{login}@{host}");
        let link = ["person", "link", "ada", &account, "--as", "ada", "--password-stdin"];
        self.home.with_input(&link, PASSWORD).ok();
    }

    fn deliver(&self) -> Value {
        self.home.run(&["--json", "deliver", "--now"]).ok().json()
    }

    /// The only pull request.
    fn pull(&self) -> Pull {
        let mut pulls = self.github.pulls();
        assert_eq!(pulls.len(), 1);
        pulls.remove(0)
    }

    /// What a person's merge does to branch and pull request.
    fn merge(&self, login: &str) {
        let merged = VALUES.replace("gpt-5.1 #", "gpt-5-mini #");
        self.repository.commit("main", &[("values.yaml", &merged)], "Merge pull request #1");
        self.github.by_person(1, |pull| pull.merged_by = Some(login.to_owned()));
    }

    fn shown(&self) -> Value {
        self.home.run(&["--json", "show", "P-1"]).ok().json()
    }
}

/// What happened to a proposal, by kind of event.
fn events(shown: &Value) -> Vec<String> {
    let events = shown["events"].as_array().unwrap();
    let kind = |event: &Value| event["what"]["event"].as_str().unwrap_or_default().to_owned();
    events.iter().map(kind).collect()
}

#[test]
fn a_merge_by_a_linked_person_approves_and_carries_out() {
    let world = World::new();
    world.link("Ada-of-Shop");
    propose(&world.home, ROUTE);
    let opened = world.deliver();
    assert_eq!(opened["delivered"][0]["state"], "open", "{opened}");
    let pull = world.pull();
    assert_eq!(pull.branch, "centinel/routing/answers-p-1");
    assert_eq!(pull.reviewers, ["ada-of-shop"]);
    assert!(pull.labels.contains(&"finops".to_owned()), "{:?}", pull.labels);
    let digest = world.shown()["digest"].as_str().unwrap().to_owned();
    for expected in [&digest[..], "Audit head", "https://centinel.example.com/proposals/P-1"] {
        assert!(pull.body.contains(expected), "{}", pull.body);
    }
    assert_eq!(status(&world.home, "P-1"), "pending");
    world.merge("ada-of-shop");
    let merged = world.deliver();
    assert_eq!(merged["delivered"][0]["state"], "merged", "{merged}");
    let shown = world.shown();
    assert_eq!(shown["status"], "executed", "{shown:#}");
    assert_eq!(
        events(&shown),
        ["proposed", "vote_cast", "approved", "execution_begun", "executed"],
        "{shown:#}"
    );
    assert_eq!(shown["events"][1]["what"]["vote"]["channel"], "pull_request");
    assert_eq!(shown["events"][1]["actor"]["name"], "ada");
    world.home.run(&["audit", "verify"]).ok();
    // Nothing is done twice, however often anybody looks.
    assert_eq!(world.deliver()["delivered"], serde_json::json!([]));
    assert_eq!(world.shown()["events"].as_array().unwrap().len(), 5);
}

#[test]
fn a_merge_by_somebody_unknown_approves_nothing_and_is_told() {
    let world = World::new();
    propose(&world.home, ROUTE);
    world.deliver();
    world.merge("mallory");
    let merged = world.deliver();
    let note = merged["delivered"][0]["note"].as_str().unwrap();
    assert!(note.contains("mallory") && note.contains("linked to no active person"), "{note}");
    let shown = world.shown();
    assert_eq!(shown["status"], "overtaken");
    assert!(!events(&shown).contains(&"executed".to_owned()), "{shown:#}");
    world.home.run(&["audit", "verify"]).ok();
}

#[test]
fn a_merge_is_no_approval_where_the_policy_has_no_such_channel() {
    let world = World::new();
    world.link("ada-of-shop");
    let policy = world.home.path().join("policies/approvals.toml");
    let text = std::fs::read_to_string(&policy).unwrap();
    let rule = "name = \"everything\"\n";
    assert!(text.contains(rule));
    let text = text.replacen(rule, &format!("{rule}channels = [\"cli\", \"web\"]\n"), 1);
    std::fs::write(&policy, text).unwrap();
    propose(&world.home, ROUTE);
    world.deliver();
    world.merge("ada-of-shop");
    world.deliver();
    assert_eq!(status(&world.home, "P-1"), "overtaken");
}

#[test]
fn what_was_approved_elsewhere_is_carried_out_by_anybodys_merge() {
    let world = World::with("after_approval = true");
    propose(&world.home, ROUTE);
    assert_eq!(world.deliver()["delivered"][0]["state"], "waiting");
    assert_eq!(world.github.pulls().len(), 0, "nothing is opened before it is approved");
    world.home.with_input(&["approve", "P-1", "--password-stdin"], PASSWORD).ok();
    assert_eq!(world.deliver()["delivered"][0]["state"], "open");
    world.merge("release-bot-owner");
    world.deliver();
    assert_eq!(status(&world.home, "P-1"), "executed");
}

#[test]
fn another_value_that_is_merged_is_no_execution() {
    let world = World::new();
    world.link("ada-of-shop");
    propose(&world.home, ROUTE);
    world.deliver();
    world.home.with_input(&["approve", "P-1", "--password-stdin"], PASSWORD).ok();
    let other = VALUES.replace("gpt-5.1 #", "gpt-5-nano #");
    world.repository.commit("main", &[("values.yaml", &other)], "Merge pull request #1");
    world.github.by_person(1, |pull| pull.merged_by = Some("ada-of-shop".to_owned()));
    world.deliver();
    let shown = world.shown();
    assert_eq!(shown["status"], "stale", "{shown:#}");
    assert!(!events(&shown).contains(&"executed".to_owned()));
}

#[test]
fn a_close_rejects_for_a_linked_person_and_is_only_noted_for_others() {
    for (login, expected) in [("ada-of-shop", "rejected"), ("mallory", "pending")] {
        let world = World::new();
        world.link("ada-of-shop");
        propose(&world.home, ROUTE);
        world.deliver();
        world.github.by_person(1, |pull| {
            pull.is_closed = true;
            pull.closed_by = Some(login.to_owned());
        });
        let closed = world.deliver();
        assert_eq!(closed["delivered"][0]["state"], "declined", "{closed}");
        assert_eq!(status(&world.home, "P-1"), expected);
        // It is not opened again.
        world.deliver();
        assert_eq!(world.github.pulls().len(), 1);
        assert!(world.pull().is_closed);
    }
}

#[test]
fn what_ends_here_is_closed_there_with_its_reason() {
    let world = World::new();
    propose(&world.home, ROUTE);
    world.deliver();
    let reject = ["reject", "P-1", "--reason", "not now", "--password-stdin"];
    world.home.with_input(&reject, PASSWORD).ok();
    // Something new is looked at in the next round, however lately it was.
    let ended = world.home.run(&["--json", "deliver"]).ok().json();
    assert_eq!(ended["delivered"][0]["state"], "gone", "{ended}");
    let pull = world.pull();
    assert!(pull.is_closed);
    assert!(pull.comments[0].1.contains("rejected"), "{:?}", pull.comments);
    assert_eq!(world.repository.branches(), ["main"]);
}

#[test]
fn a_forge_that_refuses_is_named_and_asked_again() {
    let world = World::new();
    let token = world.home.path().with_file_name("token");
    std::fs::write(&token, "ghp_expired").unwrap();
    propose(&world.home, ROUTE);
    let refused = world.deliver();
    let note = refused["delivered"][0]["note"].as_str().unwrap();
    assert!(note.contains("does not accept the credential"), "{note}");
    assert!(!refused.to_string().contains("ghp_expired"), "{refused}");
    std::fs::write(&token, TOKEN).unwrap();
    assert_eq!(world.deliver()["delivered"][0]["state"], "open");
}

/// What a test does inside of the product, at times of its own.
impl World {
    async fn app(&self) -> App {
        let app = App::open(&self.home.path(), None).await.unwrap();
        app.use_audit_key(|_| None, jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        app
    }

    /// A second version of `P-1` with the same edits, which its pull request does not show yet.
    async fn supersede(&self, app: &App) {
        let now = self.happened_at(0).checked_add(SignedDuration::from_secs(1)).unwrap();
        let id = "P-1".parse().unwrap();
        let proposal = app.approvals().show(id, now).await.unwrap().proposal;
        let draft = Draft {
            title: format!("{}, for good", proposal.title),
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
        };
        app.approvals().supersede(id, draft, &Requester::terminal(), now).await.unwrap();
    }

    /// When an event of `P-1` happened.
    fn happened_at(&self, event: usize) -> jiff::Timestamp {
        self.shown()["events"][event]["at"].as_str().unwrap().parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_decides_on_the_version_that_its_pull_request_showed() {
    for (is_merged, expected) in [(true, "overtaken"), (false, "pending")] {
        let world = World::new();
        world.link("ada-of-shop");
        propose(&world.home, ROUTE);
        world.deliver();
        let app = world.app().await;
        world.supersede(&app).await;
        if is_merged {
            world.merge("ada-of-shop");
        } else {
            world.github.by_person(1, |pull| {
                pull.is_closed = true;
                pull.closed_by = Some("ada-of-shop".to_owned());
            });
        }
        let done = world.deliver();
        let note = done["delivered"][0]["note"].as_str().unwrap();
        let words =
            if is_merged { "not the commit that was delivered" } else { "now at version 2" };
        assert!(note.contains(words), "{note}");
        let shown = world.shown();
        assert_eq!(shown["status"], expected, "{shown:#}");
        let decided = |event: &String| ["vote_cast", "rejected"].contains(&event.as_str());
        assert!(!events(&shown).iter().any(decided), "{shown:#}");
        let log = app.log_about(None).await.unwrap();
        let tried = |entry: &centinel_app::AuditEntry| {
            entry.action == "refused" && entry.actor == "person:ada" && entry.subject == "P-1"
        };
        let is_kept = is_merged || log.iter().any(tried);
        assert!(is_kept, "it is kept that she tried");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_delivery_cannot_keeps_no_other_and_is_tried_again() {
    let world = World::new();
    let token = world.home.path().with_file_name("token");
    std::fs::write(&token, "ghp_expired").unwrap();
    propose(&world.home, ROUTE);
    let app = world.app().await;
    let now = world.happened_at(0);
    // Somebody writes a reminder for what the log does not know.
    let nothing = "P-99".parse().unwrap();
    let database = app.database();
    let lease = SignedDuration::ZERO;
    database.claim_delivery(nothing, "shop", "main", now, lease).await.unwrap().unwrap();
    // A delivery that was over when its proposal came back, and the forge refuses just then.
    let id = "P-1".parse().unwrap();
    let branch = "centinel/routing/answers-p-1";
    let row = database.claim_delivery(id, "shop", branch, now, lease).await.unwrap().unwrap();
    let over = DeliverySeen {
        state: "gone".to_owned(),
        wanted: "close v1".to_owned(),
        is_over: true,
        ..row.seen
    };
    database.settle_delivery(id, "shop", &over, now).await.unwrap();
    let refused = world.deliver();
    let note = refused["delivered"][0]["note"].as_str().unwrap();
    assert!(note.contains("does not accept the credential"), "{note}");
    let unknown = &app.deliveries_of(nothing).await.unwrap()[0].seen;
    assert!(unknown.is_over, "{unknown:?}");
    std::fs::write(&token, TOKEN).unwrap();
    assert_eq!(world.deliver()["delivered"][0]["state"], "open");
}

/// A call an hour for a month after a day, of the smaller model.
fn later(after: jiff::Timestamp) -> String {
    let mut text = String::from(
        "request_id,timestamp,provider,model,input_tokens,cached_tokens,output_tokens,feature,team\n",
    );
    let start = after.as_second() / 86_400 * 86_400;
    for hour in 24..24 * 34 {
        let at = jiff::Timestamp::from_second(start + hour * 3600 + 600).unwrap();
        let _ = writeln!(text, "l{hour},{at},openai,gpt-5-mini,2000,0,300,answers,support");
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_pull_request_is_told_what_it_saves_once_after_7_and_30_days() {
    let world = World::new();
    world.link("ada-of-shop");
    propose(&world.home, ROUTE);
    world.deliver();
    world.merge("ada-of-shop");
    world.deliver();
    assert_eq!(status(&world.home, "P-1"), "executed");
    let merged = world.happened_at(4);
    let calls = world.home.file("later.csv", &later(merged)).display().to_string();
    world.home.run(&["import", &calls]).ok();
    let app = world.app().await;
    let outside = Outside {
        variable: |_| None,
        now: || jiff::Timestamp::UNIX_EPOCH,
        seed: 1,
        limits: Limits::default(),
    };
    let search_path = "/usr/local/bin:/usr/bin:/bin";
    let git = Git::new("git", search_path.into(), std::time::Duration::from_secs(30));
    let repositories = app.repositories(&git, &outside).await;
    let told = || {
        let comments = world.pull().comments;
        let marked = |days: u32| {
            let mark = format!("realised-{days} -->");
            comments.iter().filter(|(_, text)| text.contains(&mark)).count()
        };
        (marked(7), marked(30))
    };
    let day = |days: i64| merged.checked_add(SignedDuration::from_hours(24 * days)).unwrap();
    let step = async |at| {
        let measured = app.measure_savings(at).await.unwrap();
        app.tell_savings(&repositories, at).await.unwrap();
        measured.len()
    };
    assert_eq!((step(day(6)).await, told()), (0, (0, 0)));
    // The forge takes the comment, and nobody hears of it.
    world.github.fail("POST", "/comments", Wrong::LostAfter);
    assert_eq!((step(day(9)).await, told()), (1, (1, 0)));
    let comment = world.pull().comments.last().unwrap().1.clone();
    assert!(comment.contains("P-1 saves $") && comment.contains("over 7 days"), "{comment}");
    assert!(comment.contains("was promised"), "{comment}");
    assert_eq!((step(day(10)).await, told()), (0, (1, 0)));
    // A process that died between its comment and its note.
    world.github.by_person(1, |pull| {
        let text = "P-1 saves …\n\n<!-- centinel:note P-1 realised-30 -->".to_owned();
        pull.comments.push(("centinel-bot".to_owned(), text));
    });
    assert_eq!((step(day(32)).await, told()), (1, (1, 1)));
    assert_eq!((step(day(40)).await, told()), (0, (1, 1)));
    world.home.run(&["audit", "verify"]).ok();
}
