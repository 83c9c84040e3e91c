//! Analyses of episodes: kept once for their facts, told once to whom they belong, whatever comes between.

use std::sync::atomic::{AtomicI64, Ordering};

use centinel_app::{
    Analysed, App, Candidate, Format, Git, ImportRequest, Label, Repositories, StepOutcome, Told,
    Verdict, Which, Wording, create_home,
    live::{Limits, Outside},
    plain,
};
use centinel_engine::{attribution::Owner, facts::Bundle};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::fake_slack::{FakeSlack, Trouble};

/// What the clock says, in seconds.
static NOW: AtomicI64 = AtomicI64::new(0);

fn outside() -> Outside {
    Outside {
        variable: |name| (name == "BOT").then(|| "xoxb-1".to_owned()),
        now: || Timestamp::from_second(NOW.load(Ordering::SeqCst)).unwrap(),
        seed: 7,
        limits: Limits::default(),
    }
}

/// Calls of three features, of which prompts of some are four times as long from a day on.
fn calls(days: std::ops::Range<i64>, grown: &[&str]) -> Vec<u8> {
    let first: Timestamp = "2026-06-01T00:05:00Z".parse().unwrap();
    let mut lines = String::new();
    for day in days {
        for call in 0..40 {
            let at =
                Timestamp::from_second(first.as_second() + day * 86_400 + call * 1_800).unwrap();
            for (feature, team) in
                [("answers", Some("support")), ("drafts", None), ("mail", Some("office"))]
            {
                let size = 3_000 + (day * 7 + call * 13) % 41;
                let size = if grown.contains(&feature) && day >= 80 { size * 4 } else { size };
                let mut call = json!({
                    "call_id": format!("{feature}-{day}-{call}"), "at": at.to_string(),
                    "provider": "openai", "model": "gpt-5.1", "feature": feature,
                    "input_tokens": size, "output_tokens": 300,
                });
                if let Some(team) = team {
                    call["team"] = team.into();
                }
                lines.extend([call.to_string(), "\n".to_owned()]);
            }
        }
    }
    lines.into_bytes()
}

/// A home with an episode of each feature that grew, and a Slack.
struct World {
    folder: tempfile::TempDir,
    app: App,
    repositories: Repositories,
    slack: FakeSlack,
    now: Timestamp,
}

const ESCALATION: &str = "unowned = \"finops\"\n[[escalation]]\nowner = \"*\"\nreason = \"r\"\n\
    steps = [{ after_days = 2, to = \"leads\" }, { after_days = 4, to = \"finance\" }]\n\
    matches = [\"support\"]\n";

impl World {
    async fn new(grown: &[&str], config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        create_home(&home).unwrap();
        let slack = FakeSlack::start().await;
        let text = format!(
            "[slack]\nteam = \"T1\"\nchannel = \"C1\"\nbot_token = \"env:BOT\"\napi = \"{}/api\"\n\
             [attention]\nminimum_impact = \"0.001\"\n{config}",
            slack.base
        );
        std::fs::write(home.join("centinel.toml"), text).unwrap();
        std::fs::write(home.join("policies/escalation.toml"), ESCALATION).unwrap();
        let now = "2026-08-23T06:00:00Z".parse().unwrap();
        let app = App::open(&home, None).await.unwrap();
        let request =
            ImportRequest { source: Some("gateway".to_owned()), ..ImportRequest::default() };
        let bytes = calls(0..83, grown);
        app.import_bytes(bytes, Format::CallEvents, request, now, 1).await.unwrap();
        let git = Git::new(
            "git",
            std::env::var_os("PATH").unwrap_or_default(),
            std::time::Duration::from_mins(1),
        );
        let repositories = app.repositories(&git, &outside()).await;
        Self { folder, app, repositories, slack, now }
    }

    async fn analyse(&self, wording: Option<&dyn Wording>) -> Analysed {
        let app = &self.app;
        app.analyse(&Which::New, false, &self.repositories, wording, self.now).await.unwrap()
    }

    async fn tell(&self, after: SignedDuration) -> Vec<Told> {
        let now = self.now.checked_add(after).unwrap();
        self.app.tell_findings(now, &outside()).await.unwrap()
    }

    /// How many messages there are, and how many entries the audit log has of analyses.
    async fn counted(&self) -> (usize, usize) {
        let entries = centinel_store::audit::entries_of_action;
        let mut count = 0;
        for action in ["analysis.kept", "analysis.told", "analysis.escalated"] {
            count += entries(self.app.database(), action).await.unwrap().len();
        }
        (self.slack.told().messages.len(), count)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_episode_is_analysed_once_and_told_to_its_owner_once() {
    let world = World::new(&["answers"], "").await;
    // A dry run shows it, and leaves nothing.
    let shown = world.app.analyse(&Which::New, true, &world.repositories, None, world.now);
    let shown = shown.await.unwrap();
    assert_eq!((shown.analyses.len(), world.counted().await), (1, (0, 0)));
    assert!(world.tell(SignedDuration::ZERO).await.is_empty());

    let analysed = world.analyse(None).await;
    let [analysis] = &*analysed.analyses else { panic!("{analysed:?}") };
    assert_eq!(analysis.facts, shown.analyses[0].facts);
    assert_eq!(analysis.routed.owner.name(), Some("support"));
    assert_eq!(analysis.label, Label::STANDARD);
    let text = plain(&analysis.text);
    assert!(text.contains("The spend belongs to support, as the team of its calls"), "{text}");
    assert!(text.contains("tokens per call"), "{text}");
    let failed = |outcome: &StepOutcome| matches!(outcome, StepOutcome::Failed { .. });
    assert!(!analysis.steps.iter().any(|taken| failed(&taken.outcome)), "{:?}", analysis.steps);
    let bundle = world.app.evidence(&analysis.evidence).await.unwrap();
    assert_eq!(bundle.fact("owner").unwrap().value, "support");

    let told = world.tell(SignedDuration::ZERO).await;
    assert!(matches!(&*told, [Told::Posted { .. }]), "{told:?}");
    let message = world.slack.message(0);
    for part in [
        "*For* support",
        "support (the team of its calls and charges)",
        "standard wording",
        "feature answers",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains("action_id"), "nothing in it decides: {message}");

    // Again: the same facts are neither analysed nor told.
    let again = world.analyse(None).await;
    assert_eq!((again.analyses.len(), again.unchanged.len()), (0, 1));
    assert!(world.tell(SignedDuration::from_hours(1)).await.is_empty());
    assert_eq!(world.counted().await, (1, 2));

    // New facts edit the message that is there.
    let request = ImportRequest { source: Some("gateway".to_owned()), ..ImportRequest::default() };
    let later = world.now.checked_add(SignedDuration::from_hours(24)).unwrap();
    let bytes = calls(83..84, &["answers"]);
    world.app.import_bytes(bytes, Format::CallEvents, request, later, 2).await.unwrap();
    let which = Which::One(analysis.episode.clone());
    let more = world.app.analyse(&which, false, &world.repositories, None, later).await.unwrap();
    assert_eq!(more.analyses.len(), 1);
    assert_ne!(more.analyses[0].facts, analysis.facts);
    let told = world.tell(SignedDuration::from_hours(24)).await;
    assert!(matches!(&*told, [Told::Edited { .. }]), "{told:?}");
    assert_eq!(world.counted().await, (1, 4));
    let kept = world.app.analysis_of(&analysis.episode).await.unwrap().unwrap();
    assert_eq!(kept, more.analyses[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_at_once_keep_and_tell_one() {
    let world = World::new(&["answers"], "").await;
    let (one, two) = tokio::join!(world.analyse(None), world.analyse(None));
    let kept = one.analyses.len() + two.analyses.len();
    assert_eq!((kept, one.failed.len() + two.failed.len()), (1, 0), "{one:?} {two:?}");
    let (one, two) =
        tokio::join!(world.tell(SignedDuration::ZERO), world.tell(SignedDuration::ZERO));
    let posted = one.iter().chain(&two).filter(|told| matches!(told, Told::Posted { .. })).count();
    assert_eq!((posted, world.slack.told().messages.len()), (1, 1), "{one:?} {two:?}");
    assert!(world.tell(SignedDuration::from_mins(5)).await.is_empty());
    assert_eq!(world.counted().await, (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_owns_goes_to_whom_the_policy_says_and_nobody_is_guessed() {
    let world = World::new(&["drafts"], "").await;
    let analysed = world.analyse(None).await;
    let [analysis] = &*analysed.analyses else { panic!("{analysed:?}") };
    assert!(matches!(analysis.routed.owner, Owner::Unknown { .. }), "{:?}", analysis.routed);
    world.tell(SignedDuration::ZERO).await;
    let message = world.slack.message(0);
    assert!(message.contains("*For* finops"), "{message}");
    assert!(message.contains("unknown: nobody is stated"), "{message}");
    assert!(plain(&analysis.text).contains("Nobody is stated as the owner of this spend."));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_owners_answer_where_a_repository_is_tied() {
    let folder = tempfile::tempdir().unwrap();
    let files = [("CODEOWNERS", "* @org/all\n/drafts/ @org/writing\n"), ("drafts/a", "x")];
    let repository =
        crate::forges::repository::Repository::new(&folder.path().join("forge"), &files);
    let config = format!(
        "[[repository]]\nname = \"product\"\npath = \"{}\"\nhandles = {{ writing = [\"@org/writing\"] }}\n\
         [[repository.spend]]\nmatch = {{ feature = \"drafts\" }}\npaths = [\"drafts/\"]\n",
        repository.bare.display()
    );
    let world = World::new(&["drafts"], &config).await;
    let analysed = world.analyse(None).await;
    let [analysis] = &*analysed.analyses else { panic!("{analysed:?}") };
    assert_eq!(analysis.owner_in_words(), "writing (CODEOWNERS of product, line 2)");
    // A repository that is gone is said, and nobody is made the owner.
    let missing = World::new(&["drafts"], &config.replace("path = \"", "path = \"/nowhere")).await;
    let analysed = missing.analyse(None).await;
    assert!(analysed.analyses[0].routed.owner.name().is_none());
    let notes = analysed.analyses[0].notes_in_words();
    assert!(notes[0].starts_with("CODEOWNERS of product could not be read"), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_next_is_told_where_nobody_reacts() {
    let world = World::new(&["answers"], "").await;
    world.analyse(None).await;
    let day = |days: i64| SignedDuration::from_hours(days * 24);
    assert_eq!(world.tell(SignedDuration::ZERO).await.len(), 1);
    assert!(world.tell(day(1)).await.is_empty());
    let told = world.tell(day(2)).await;
    assert!(matches!(&*told, [Told::Posted { .. }]), "{told:?}");
    assert!(world.slack.message(1).contains("*For* leads, because nobody reacted so far"));
    assert!(world.tell(day(3)).await.is_empty());
    // Somebody says something: nobody else is called.
    let id = world.app.incidents(world.now).await.unwrap().remove(0).id;
    let at = world.now.checked_add(day(3)).unwrap();
    world.app.judge_incident(&id, Verdict::Useful, "", "ada", at).await.unwrap();
    assert!(world.tell(day(9)).await.is_empty());
    assert_eq!(world.slack.told().messages.len(), 2);
}

/// A model that says whatever it was made to.
struct Says(&'static str);

impl Wording for Says {
    fn word<'a>(
        &'a self,
        bundle: &'a Bundle,
        _standard: &'a str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Candidate, String>> + Send + 'a>> {
        let text = match self.0 {
            "" => centinel_engine::narrative::analysis(bundle),
            lie => lie.to_owned(),
        };
        let (model, prompt) = ("m".to_owned(), "p".to_owned());
        Box::pin(async move { Ok(Candidate { text, dropped: 0, model, prompt }) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_word_of_a_model_is_kept_that_was_not_verified() {
    for lie in
        ["It cost $9,999.99.", "It cost $9,999.99 [F1].", "@channel it doubled because of GPT."]
    {
        let world = World::new(&["answers"], "").await;
        let analysed = world.analyse(Some(&Says(lie))).await;
        let analysis = &analysed.analyses[0];
        let refused = matches!(analysis.label, Label::Standard { refused: true, .. });
        assert!(refused, "{lie}: {:?}", analysis.label);
        assert_eq!(analysis.label.reason(), Some("its text is not verified"));
        world.tell(SignedDuration::ZERO).await;
        for text in [&analysis.text, &world.slack.message(0)] {
            assert!(!text.contains("9,999") && !text.contains("doubled"), "{text}");
        }
        assert_eq!(analysis.model.as_deref(), Some("m"), "whose words were refused is kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn true_words_of_a_model_are_kept_with_their_label() {
    let world = World::new(&["answers"], "").await;
    let analysed = world.analyse(Some(&Says(""))).await;
    assert_eq!(analysed.analyses.len(), 1);
    for analysis in analysed.analyses {
        let Label::Model { verified, .. } = analysis.label else { panic!("{}", analysis.text) };
        assert!(verified > 10, "{}", analysis.text);
        assert!(analysis.label.in_words().starts_with("worded by a model, "));
    }
}

/// Killed at any time, twice in a row: the next run leaves one analysis and one message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_is_finished_by_the_next_one() {
    for milliseconds in [5, 60, 120, 200, 300, 450] {
        let world = World::new(&["answers"], "").await;
        for _ in 0..2 {
            let mut killed = std::process::Command::new(assert_cmd::cargo::cargo_bin("centinel"))
                .arg("--home")
                .arg(world.folder.path().join("home"))
                .args(["--quiet", "analyze"])
                .env("BOT", "xoxb-1")
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
            killed.kill().unwrap();
            killed.wait().unwrap();
        }
        finish(&world).await;
    }
    // Whether the last message arrived is not known: it is looked for, and not posted again.
    let world = World::new(&["answers"], "").await;
    world.analyse(None).await;
    world.slack.trouble("chat.postMessage", Trouble::Lost);
    let told = world.tell(SignedDuration::ZERO).await;
    assert_eq!(told.iter().filter(|told| matches!(told, Told::Failed { .. })).count(), 1);
    finish(&world).await;
}

/// A later run, whatever an earlier one left.
async fn finish(world: &World) {
    // The binary has the clock of this machine.
    let later = SignedDuration::from_hours(24 * 365 * 20);
    let app = &world.app;
    let analysed = world.analyse(None).await;
    assert!(analysed.failed.is_empty(), "{analysed:?}");
    world.tell(SignedDuration::ZERO).await;
    let at = world.now.checked_add(later).unwrap();
    // After so long, whoever is next is told as well: once each.
    app.tell_findings(at, &outside()).await.unwrap();
    let findings = centinel_store::analyses::findings(app.database()).await.unwrap();
    let firsts: Vec<_> = findings.iter().filter(|finding| finding.step == 0).collect();
    assert_eq!(firsts.len(), 1, "{findings:?}");
    assert!(findings.iter().all(|finding| finding.told == finding.facts), "{findings:?}");
    assert_eq!(world.slack.told().messages.len(), findings.len());
    let kept = centinel_store::audit::entries_of_action(app.database(), "analysis.kept").await;
    assert_eq!(kept.unwrap().len(), 1);
}
