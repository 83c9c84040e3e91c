//! People with accounts, their browsers, and proposals for them.

use std::{cell::Cell, collections::BTreeMap};

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use centinel_app::{App, ApprovalError, AuditEntry, Password, Requester, create_home};
use centinel_engine::{
    facts::BundleBuilder,
    money::{Currency, Money},
    proposal::{BudgetPeriod, Change, Draft, Edit, Risk, Saving},
};
use jiff::{SignedDuration, Timestamp};

use super::{Answer, Site};
use crate::{WebState, router};

thread_local! {
    /// Minutes since the start; every test has a thread of its own.
    static MINUTES: Cell<i64> = const { Cell::new(0) };
}

/// Where browsers of these tests are.
pub(super) const HOST: &str = "localhost:8787";
pub(super) const ORIGIN: &str = "http://localhost:8787";

/// The present of these tests.
pub(super) fn clock() -> Timestamp {
    super::now().checked_add(SignedDuration::from_mins(MINUTES.get())).unwrap()
}

pub(super) fn minutes_pass(minutes: i64) {
    MINUTES.set(MINUTES.get() + minutes);
}

pub(super) fn password(name: &str) -> String {
    format!("{name}'s own password")
}

impl Site {
    /// Ada (admin, FinOps), Ben (owner of search), Cora and Dora (FinOps), Finn (finance), Eve
    /// (emergencies). `config` is added to the configuration, `policy` to the approval policy.
    pub(super) async fn with_people(config: &str, policy: &str) -> Self {
        MINUTES.set(0);
        let home = tempfile::tempdir().unwrap();
        create_home(home.path()).unwrap();
        let add = |file: &str, text: &str| {
            let path = home.path().join(file);
            let before = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, format!("{before}\n{text}\n")).unwrap();
        };
        add("centinel.toml", config);
        add("policies/approvals.toml", policy);
        // Who has a second factor here, has it for a test that is about it.
        let path = home.path().join("policies/approvals.toml");
        let shipped = std::fs::read_to_string(&path).unwrap();
        let (rules, own) = shipped.split_at(shipped.len() - policy.len() - 1);
        let rules = rules.replace("second_factor = true\n", "");
        std::fs::write(&path, format!("{rules}{own}")).unwrap();
        let app = App::open(home.path(), None).await.unwrap();
        app.use_audit_key(|_| None, clock()).await.unwrap();
        let approvals = app.approvals();
        approvals.init_first_person("ada", Password::new(password("ada")), clock()).await.unwrap();
        for (name, role) in [
            ("ben", "owner:search"),
            ("cora", "finops"),
            ("dora", "finops"),
            ("finn", "finance"),
            ("eve", "emergency"),
            ("mel", "member:search"),
            ("olaf", "owner:ads"),
        ] {
            account(&app, name, &[role]).await.unwrap();
        }
        let router = router(WebState::new(app.clone(), clock, || Ok(7)));
        Self { _home: home, app, router }
    }

    /// A browser in which somebody has signed in.
    pub(super) async fn browser_of(&self, name: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let answer = browser.sign_in(name, &password(name)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        browser
    }

    pub(super) fn browser(&self) -> Browser<'_> {
        Browser { site: self, cookies: BTreeMap::new() }
    }

    /// Puts a draft forward on evidence of one fact.
    pub(super) async fn proposed(&self, draft: impl FnOnce(&mut Draft)) -> String {
        self.proposed_by(draft, &Requester::system()).await
    }

    pub(super) async fn proposed_by(
        &self,
        change: impl FnOnce(&mut Draft),
        requester: &Requester,
    ) -> String {
        let mut bundle = BundleBuilder::new("budget", None);
        bundle.money("forecast", usd("37700"));
        let bundle = bundle.build();
        self.app.keep_evidence(&bundle, clock()).await.unwrap();
        let mut draft = budget("9000", &bundle.digest());
        change(&mut draft);
        let proposed = self.app.propose(draft, requester, clock()).await.unwrap();
        proposed.view.proposal.id.to_string()
    }

    pub(super) async fn log(&self) -> Vec<AuditEntry> {
        self.app.log_about(None).await.unwrap()
    }

    pub(super) async fn view(&self, id: &str) -> centinel_app::View {
        self.app.approvals().show(id.parse().unwrap(), clock()).await.unwrap()
    }
}

/// An account with a password of its own, set by Ada.
pub(super) async fn account(app: &App, name: &str, roles: &[&str]) -> Result<(), ApprovalError> {
    let change = centinel_app::AccountChange {
        name: name.to_owned(),
        linked_to: None,
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        active: true,
        password: Some(Password::new(password(name))),
    };
    let ada = Password::new(password("ada"));
    app.approvals().change_account("ada", ada, change, clock()).await.map(|_| ())
}

pub(super) fn usd(amount: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: Currency::USD }
}

pub(super) fn saving(low: &str, mid: &str, high: &str) -> Saving {
    Saving { low: usd(low), mid: usd(mid), high: usd(high) }
}

pub(super) fn edit(path: &str, from: &str, to: &str) -> Edit {
    Edit {
        repository: Edit::HOME.to_owned(),
        file: "policies/budgets.toml".to_owned(),
        path: path.to_owned(),
        from: Some(from.to_owned()),
        to: Some(to.to_owned()),
    }
}

fn budget(limit: &str, evidence: &str) -> Draft {
    Draft {
        title: format!("budget of ${limit} for search"),
        change: Change::Budget {
            scope: BTreeMap::from([("team".to_owned(), "search".to_owned())]),
            period: BudgetPeriod::Month,
            limit: usd(limit),
            previous_limit: None,
        },
        edits: Vec::new(),
        evidence: evidence.to_owned(),
        saving: None,
        counterfactual: None,
        reverts: None,
        cost_touched: None,
        risk: Risk::Low,
        reversible: true,
        owner: "search".to_owned(),
    }
}

/// A browser: it keeps cookies, and says where a form comes from.
#[derive(Clone)]
pub(super) struct Browser<'s> {
    site: &'s Site,
    pub(super) cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    pub(super) async fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, HOST);
        let request = request.header(header::COOKIE, self.cookie_header());
        self.took(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a form from our own page.
    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [("origin", ORIGIN), ("sec-fetch-site", "same-origin")];
        self.post_with(path, fields, &headers).await
    }

    /// Sends a form with headers of one's own.
    pub(super) async fn post_with(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::post(path)
            .header(header::HOST, HOST)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if !self.cookies.is_empty() {
            request = request.header(header::COOKIE, self.cookie_header());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.took(request.body(Body::from(encoded(fields))).unwrap()).await
    }

    /// Presses the button of a form of a page, with what a person types.
    pub(super) async fn press(
        &mut self,
        page: &str,
        action: &str,
        typed: &[(&str, &str)],
    ) -> Answer {
        let shown = self.get(page).await;
        let form = Form::of(shown.text(), action);
        let mut fields: Vec<(&str, &str)> =
            form.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.extend(typed);
        self.post(action, &fields).await
    }

    pub(super) async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        self.press("/sign-in", "/sign-in", &[("name", name), ("password", password)]).await
    }

    pub(super) fn cookie_header(&self) -> String {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    async fn took(&mut self, request: Request<Body>) -> Answer {
        let answer = self.site.send(request).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// What a form of a page sends by itself.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) hidden: Vec<(String, String)>,
}

impl Form {
    /// The form of a page that is sent to an address.
    pub(super) fn of(page: &str, action: &str) -> Self {
        Self::find(page, action).unwrap_or_else(|| panic!("no form for {action} in {page}"))
    }

    pub(super) fn find(page: &str, action: &str) -> Option<Self> {
        let (_, rest) = page.split_once(&format!("<form method=\"post\" action=\"{action}\">"))?;
        let (form, _) = rest.split_once("</form>")?;
        let hidden = form.split("<input type=\"hidden\" name=\"").skip(1).map(|input| {
            let (name, rest) = input.split_once('"').unwrap();
            let (_, rest) = rest.split_once("value=\"").unwrap();
            (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
        });
        Some(Self { hidden: hidden.collect() })
    }

    pub(super) fn value(&self, name: &str) -> &str {
        &self.hidden.iter().find(|(key, _)| key == name).unwrap().1
    }

    /// Its own fields, one of them replaced.
    pub(super) fn with<'f>(&'f self, name: &'f str, value: &'f str) -> Vec<(&'f str, &'f str)> {
        let others = self.hidden.iter().filter(|(key, _)| key != name);
        let own = others.map(|(key, value)| (key.as_str(), value.as_str()));
        own.chain([(name, value)]).collect()
    }
}

pub(super) fn encoded(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        });
        bytes.collect::<String>()
    };
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}
