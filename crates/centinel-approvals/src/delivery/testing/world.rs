//! A shop with a repository, a forge and a proposal.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Mutex, time::Duration};

use centinel_engine::{
    money::{Currency, Money},
    proposal::{Change, Edit, Principal, Proposal, ProposalId, ResourceUse, Risk, Saving},
};
use jiff::Timestamp;
use tempfile::TempDir;

use super::{
    github::FakeGitHub,
    repository::{Repository, TOKEN},
};
use crate::delivery::{
    Delivery, DeliveryError, Forge, Git, GitHub, Journal, Known, Limits, Mirror, Order, Outcome,
    Remote, Settings, Signature, Step, Wish, Words, branch_name,
};

/// Git as the product calls it.
pub(crate) fn product_git() -> Git {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Git::new("git", path, Duration::from_mins(1))
}

/// The repository as the product reaches it.
pub(crate) fn remote(repository: &Repository) -> Remote {
    let credential = ("x-access-token".to_owned(), TOKEN.into());
    Remote::new(&repository.url(), Some(credential), false).unwrap()
}

pub(crate) const VALUES: &str = "# what it asks for\ncpu: 2\nmemory: 4Gi # enough\n";
pub(crate) const OWNERS: &str = "* @lena\n/charts/ @org/search @lena\n";

pub(crate) fn usd(amount: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: Currency::USD }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn now() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}

pub(crate) fn edit_of(path: &str, from: &str, to: &str) -> Edit {
    Edit {
        repository: "shop".to_owned(),
        file: "charts/values.yaml".to_owned(),
        path: path.to_owned(),
        from: Some(from.to_owned()),
        to: Some(to.to_owned()),
    }
}

pub(crate) fn proposal() -> Proposal {
    let use_of = |cpu: &str| ResourceUse { cpu_cores: cpu.parse().unwrap(), memory_bytes: 1 << 32 };
    Proposal {
        id: ProposalId(7),
        version: 1,
        title: "right-size search-api CPU 2 → 600m".to_owned(),
        change: Change::Rightsize {
            workload: "search-api".to_owned(),
            container: "search-api".to_owned(),
            from: use_of("2"),
            to: use_of("0.6"),
        },
        edits: vec![edit_of("cpu", "2", "600m")],
        evidence: "ab".repeat(32),
        saving: Some(Saving { low: usd("380.5"), mid: usd("412.25"), high: usd("440") }),
        counterfactual: None,
        reverts: None,
        amount_at_stake: None,
        risk: Risk::Low,
        reversible: true,
        owner: "search".to_owned(),
        requester: Principal::System,
        created_at: at("2026-11-20T08:00:00Z"),
        expires_at: at("2026-12-04T08:00:00Z"),
        policy_version: "cd".repeat(32),
    }
}

/// Edits lines `path: value`; refuses where the old value is not there.
pub(crate) fn edit_lines(file: &str, bytes: &[u8], edits: &[&Edit]) -> Result<String, String> {
    let mut text = String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())?;
    for edit in edits {
        let line = |value: &Option<String>| format!("{}: {}", edit.path, value.clone().unwrap());
        let (old, new) = (line(&edit.from), line(&edit.to));
        if !text.lines().any(|line| line == old) {
            return Err(format!("{file} has no `{old}`"));
        }
        text = text.replace(&old, &new);
    }
    Ok(text)
}

/// Keeps steps as the product's outbox does, until it is told to fail.
#[derive(Default)]
pub(crate) struct Steps {
    pub(crate) known: Mutex<Known>,
    pub(crate) kept: Mutex<Vec<Step>>,
    /// The call that is lost, counted from 0: what was done before it is not remembered.
    pub(crate) lost: Mutex<Option<usize>>,
    pub(crate) count: Mutex<usize>,
    on_commit: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    pub(crate) time: Mutex<Option<Timestamp>>,
}

impl Steps {
    /// Runs once, between the commit and its push.
    pub(crate) fn on_commit(&self, act: impl FnOnce() + Send + 'static) {
        *self.on_commit.lock().unwrap() = Some(Box::new(act));
    }
}

impl Journal for Steps {
    fn note<'a>(
        &'a self,
        step: &'a Step,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let number = {
                let mut count = self.count.lock().unwrap();
                *count += 1;
                *count - 1
            };
            if *self.lost.lock().unwrap() == Some(number) {
                return Err("killed".to_owned());
            }
            self.known.lock().unwrap().apply(step, self.time.lock().unwrap().unwrap_or(now()));
            self.kept.lock().unwrap().push(step.clone());
            if matches!(step, Step::Committed { .. })
                && let Some(act) = self.on_commit.lock().unwrap().take()
            {
                act();
            }
            Ok(())
        })
    }
}

pub(crate) fn quick() -> Limits {
    Limits {
        tries: 3,
        request: Duration::from_secs(10),
        first_wait: Duration::from_millis(2),
        longest_wait: Duration::from_secs(2),
        body_bytes: 1 << 20,
        pages: 5,
    }
}

pub(crate) fn github(base: &str) -> GitHub {
    GitHub::new(base, "org/shop", TOKEN.into(), quick(), 1, now, false).unwrap()
}

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) repository: Repository,
    pub(crate) fake: FakeGitHub,
    pub(crate) mirror: Mirror,
    pub(crate) settings: Settings,
    pub(crate) words: Words,
    pub(crate) proposal: Proposal,
    pub(crate) steps: Steps,
    pub(crate) has_room: bool,
    pub(crate) now: Timestamp,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = [("charts/values.yaml", VALUES), ("CODEOWNERS", OWNERS)];
        let repository = Repository::new(folder.path(), &files);
        let fake = FakeGitHub::start(&repository.bare);
        let mirror =
            Mirror::open(product_git(), folder.path().join("mirrors/shop"), remote(&repository))
                .await
                .unwrap();
        let mut settings = Settings::new(Signature {
            name: "Centinel".to_owned(),
            email: "centinel@shop.example".to_owned(),
        });
        settings.handles = BTreeMap::from([("search".to_owned(), vec!["@org/search".to_owned()])]);
        let words = Words {
            why: "It uses 0.4 cores at most.".to_owned(),
            window: Some("2026-10-01 to 2026-10-31 (UTC)".to_owned()),
            audit_head: "entry 41, 9f3c51".to_owned(),
            page: None,
        };
        Self {
            folder,
            repository,
            fake,
            mirror,
            settings,
            words,
            proposal: proposal(),
            steps: Steps::default(),
            has_room: true,
            now: now(),
        }
    }

    pub(crate) fn branch(&self) -> String {
        branch_name(&self.proposal)
    }

    pub(crate) async fn run(&self, wish: Wish) -> Result<Outcome, DeliveryError> {
        let forge = github(&self.fake.server.base());
        self.run_on(&forge, wish).await
    }

    pub(crate) async fn run_on(
        &self,
        forge: &dyn Forge,
        wish: Wish,
    ) -> Result<Outcome, DeliveryError> {
        let known = self.steps.known.lock().unwrap().clone();
        *self.steps.time.lock().unwrap() = Some(self.now);
        let digest = self.proposal.digest().unwrap();
        let order = Order {
            proposal: &self.proposal,
            digest: &digest,
            repository: "shop",
            branch: None,
            wish,
            words: &self.words,
            known: &known,
            has_room: self.has_room,
            now: self.now,
        };
        let delivery = Delivery {
            mirror: &self.mirror,
            forge,
            edit: &edit_lines,
            settings: &self.settings,
            journal: &self.steps,
        };
        delivery.run(&order).await
    }

    /// Runs to an open pull request.
    pub(crate) async fn opened(&self) -> u64 {
        match self.run(Wish::Open).await.unwrap() {
            Outcome::Open { pull, .. } => pull.number,
            other => panic!("{other:?}"),
        }
    }

    /// The next version, with another value.
    pub(crate) fn next_version(&mut self, to: &str) {
        self.proposal.version += 1;
        self.proposal.created_at = self.now;
        self.proposal.edits = vec![edit_of("cpu", "2", to)];
    }

    /// Somebody's commit on our branch.
    pub(crate) fn person_commits(&self) -> String {
        let values = VALUES.replace("cpu: 2", "cpu: 700m");
        self.repository.commit(&self.branch(), &[("charts/values.yaml", &values)], "700m rather")
    }
}
