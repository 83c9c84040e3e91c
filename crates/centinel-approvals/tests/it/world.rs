//! A database with people in it.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{Arc, LazyLock},
};

use centinel_approvals::access::SHIPPED;
use centinel_approvals::{
    AccessPolicy, AccountChange, ApprovalError, Approvals, Decision, NewToken, Password, Requester,
    Verdict, View,
};
use centinel_engine::{
    facts::BundleBuilder,
    money::{Currency, Money},
    proposal::{ApprovalPolicy, BudgetPeriod, Change, Channel, Draft, ProposalId, Risk},
};
use centinel_store::{
    Database,
    audit::{self, AuditKey, Signer},
    evidence,
};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AnyPool, AssertSqlSafe};

/// The policy that ships, without the second factors that its strictest rules ask for: tests that are
/// about those add them.
pub(crate) static POLICY: LazyLock<String> = LazyLock::new(|| {
    include_str!("../../../../policies/approvals.toml").replace("second_factor = true\n", "")
});

/// Services over one database, as two processes would have them, and a raw connection beside.
#[derive(Clone)]
pub(crate) struct World {
    /// The service.
    pub(crate) approvals: Approvals,
    /// The same database through another pool, where it allows one.
    pub(crate) second: Approvals,
    /// The database.
    pub(crate) database: Database,
    /// Where the database is, for a raw connection; `None` in memory.
    address: Option<String>,
    folder: Option<Arc<tempfile::TempDir>>,
}

impl Deref for World {
    type Target = Approvals;

    fn deref(&self) -> &Approvals {
        &self.approvals
    }
}

impl World {
    pub(crate) async fn in_memory() -> Self {
        let database = Database::in_memory().await.unwrap();
        with_key(&database).await;
        let approvals = service(&database, &POLICY);
        Self { second: approvals.clone(), approvals, database, address: None, folder: None }
    }

    pub(crate) async fn in_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address =
            format!("sqlite:{}?mode=rwc", folder.path().join("catalogue.sqlite").display());
        let mut world = Self::at(address).await;
        world.folder = Some(Arc::new(folder));
        world
    }

    pub(crate) async fn on_server(name: &str) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "which server to test on is the machine's")]
        let server = std::env::var("CENTINEL_TEST_POSTGRES").ok()?;
        sqlx::any::install_default_drivers();
        let pool = AnyPool::connect(&server).await.unwrap();
        for statement in ["drop schema if exists", "create schema"] {
            let tail = if statement.starts_with("drop") { " cascade" } else { "" };
            let text = format!("{statement} {name}{tail}");
            sqlx::query(AssertSqlSafe(text)).execute(&pool).await.unwrap();
        }
        pool.close().await;
        let separator = if server.contains('?') { '&' } else { '?' };
        Some(Self::at(format!("{server}{separator}options[search_path]={name}")).await)
    }

    async fn at(address: String) -> Self {
        let database = Database::connect(&address).await.unwrap();
        let other = Database::connect(&address).await.unwrap();
        other.sign_with(Some(with_key(&database).await));
        Self {
            approvals: service(&database, &POLICY),
            second: service(&other, &POLICY),
            database,
            address: Some(address),
            folder: None,
        }
    }

    /// The same database under another policy.
    pub(crate) fn under(&self, policy: &str) -> Approvals {
        service(&self.database, policy)
    }

    /// All of it under another policy.
    pub(crate) fn governed_by(self, policy: &str) -> Self {
        let approvals = self.under(policy);
        Self { approvals, ..self }
    }

    /// The same database under the shipped access policies with one more.
    pub(crate) fn under_access(&self, policy: &str) -> Approvals {
        let files = [SHIPPED[0], ("own.cedar", policy)];
        let access = Arc::new(AccessPolicy::parse(&files, None).unwrap());
        let policy = ApprovalPolicy::parse(&POLICY).unwrap();
        Approvals::new(self.database.clone(), policy, access)
    }

    /// The same database for a process of another role, which holds no key.
    pub(crate) async fn connected_at(&self, address: &str) -> Approvals {
        service(&Database::connect(address).await.unwrap(), &POLICY)
    }

    /// Where the database is.
    pub(crate) fn address(&self) -> &str {
        self.address.as_deref().unwrap()
    }

    /// Somebody with write access to the database; not in memory, where only this process has it.
    pub(crate) async fn intruder(&self) -> AnyPool {
        AnyPool::connect(self.address.as_ref().unwrap()).await.unwrap()
    }

    /// Ada (the first person), Ben (owner of search), Cora and Dora (FinOps), Finn (finance).
    pub(crate) async fn with_people(self) -> Self {
        self.init_first_person("ada", password("ada"), at(0)).await.unwrap();
        for (name, roles) in
            [("ben", "owner:search"), ("cora", "finops"), ("dora", "finops"), ("finn", "finance")]
        {
            self.change_account("ada", password("ada"), account(name, &[roles]), at(0))
                .await
                .unwrap();
        }
        self
    }

    /// A budget proposal of the system.
    pub(crate) async fn proposed(&self, limit: &str) -> View {
        let draft = self.draft(limit).await;
        self.propose(draft, &Requester::system(), at(0)).await.unwrap().view
    }

    pub(crate) async fn draft(&self, limit: &str) -> Draft {
        let usd = |amount: &str| Money { amount: amount.parse().unwrap(), currency: Currency::USD };
        let mut bundle = BundleBuilder::new("budget", None);
        bundle.money("forecast", usd("37700"));
        let evidence = evidence::put(&self.database, &bundle.build(), at(0)).await.unwrap();
        Draft {
            title: format!("budget of ${limit} for search"),
            change: Change::Budget {
                scope: BTreeMap::from([("team".to_owned(), "search".to_owned())]),
                period: BudgetPeriod::Month,
                limit: usd(limit),
                previous_limit: None,
            },
            edits: Vec::new(),
            evidence,
            saving: None,
            counterfactual: None,
            reverts: None,
            cost_touched: None,
            risk: Risk::Low,
            reversible: true,
            owner: "search".to_owned(),
        }
    }

    /// Approves what is shown, an hour after the start.
    pub(crate) async fn approve(&self, view: &View, name: &str) -> Result<View, ApprovalError> {
        self.decide(decision(view), name, password(name), at(1)).await
    }
}

/// Gives a database a key that signs what decides.
async fn with_key(database: &Database) -> Arc<Signer> {
    let (key, _) = AuditKey::generate().unwrap();
    let signer = Arc::new(Signer::new(key, None).unwrap());
    audit::announce_key(database, Arc::clone(&signer), None, at(0)).await.unwrap();
    signer
}

fn service(database: &Database, policy: &str) -> Approvals {
    let access = Arc::new(AccessPolicy::shipped().unwrap());
    Approvals::new(database.clone(), ApprovalPolicy::parse(policy).unwrap(), access)
}

/// Hours after the start of these tests.
pub(crate) fn at(hours: i64) -> Timestamp {
    let start: Timestamp = "2026-11-02T08:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_hours(hours)).unwrap()
}

pub(crate) fn password(name: &str) -> Password {
    Password::new(format!("{name}'s own password"))
}

/// A token that acts for nobody and lasts.
pub(crate) fn token(name: &str, scopes: &[&str]) -> NewToken {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    NewToken { name: name.to_owned(), scopes, acts_for: None, expires_at: None }
}

pub(crate) fn account(name: &str, roles: &[&str]) -> AccountChange {
    AccountChange {
        name: name.to_owned(),
        linked_to: None,
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        active: true,
        password: Some(password(name)),
    }
}

/// Yes to what is shown.
pub(crate) fn decision(view: &View) -> Decision {
    Decision {
        id: view.proposal.id,
        version: view.proposal.version,
        digest: view.digest[..8].to_owned(),
        verdict: Verdict::Approve,
        channel: Channel::Cli,
    }
}

pub(crate) fn rejection(view: &View, reason: &str) -> Decision {
    Decision { verdict: Verdict::Reject { reason: reason.to_owned() }, ..decision(view) }
}

pub(crate) const P1: ProposalId = ProposalId(1);
