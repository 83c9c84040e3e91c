//! Through the page, as browsers, programs and other sites' pages reach it.

mod links;
mod other_pages;
mod people;
mod requests;
mod sessions;

use super::{
    Way,
    stage::{Stage, password},
};
use crate::page::{Answer, Served};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// The page, and what a form of `P-1` sends.
struct Page<'s> {
    stage: &'s Stage,
    served: Served,
    origin: String,
    digest: String,
}

/// What `/metrics` says to whoever asks from this machine.
pub(super) fn metrics(served: &Served) -> String {
    served.get("/metrics", "").body
}

fn said(answer: &Answer) -> String {
    format!("{}\n{}\n", answer.status, answer.body)
}

/// Tries something at the page, and says what was counted as well.
fn at_page(stage: &Stage, attempt: impl FnOnce(&Page<'_>) -> String) -> String {
    let digest = stage.digest("P-1");
    let served = Served::of(&stage.home());
    let origin = format!("http://{}", served.host);
    let page = Page { stage, served, origin, digest };
    attempt(&page) + &metrics(&page.served)
}

impl Page<'_> {
    /// The cookie of a form that nobody filled in yet, and its token.
    fn form(&self) -> (String, String) {
        let form = self.served.get("/sign-in", "");
        let cookie = form.header("set-cookie").unwrap().split_once(';').unwrap().0.to_owned();
        (cookie, form.hidden("/sign-in", "token"))
    }

    fn try_to_sign_in(&self, name: &str, typed: &str) -> Answer {
        let (cookie, token) = self.form();
        let typed = [("token", token.as_str()), ("name", name), ("password", typed.trim())];
        self.served.post("/sign-in", &cookie, &self.origin, &typed)
    }

    /// The cookie of somebody's session.
    fn sign_in(&self, name: &str) -> String {
        let signed_in = self.try_to_sign_in(name, &password(name));
        assert_eq!(signed_in.status, 303, "{}", signed_in.body);
        signed_in.header("set-cookie").unwrap().split_once(';').unwrap().0.to_owned()
    }

    /// What only a page of this session knows.
    fn token(&self, session: &str) -> String {
        self.served.get("/inbox", session).hidden("/sign-out", "csrf")
    }

    /// What the form that approves `P-1` sends.
    fn ballot(&self, csrf: &str) -> String {
        format!("csrf={csrf}&version=1&digest={}", self.digest)
    }

    /// Sends a body to the form that approves `P-1`, from our own page but for `headers`.
    fn approve(&self, cookie: &str, headers: &[(&str, &str)], body: &str) -> String {
        self.post("/proposals/P-1/approve", cookie, headers, body)
    }

    fn post(&self, path: &str, cookie: &str, headers: &[(&str, &str)], body: &str) -> String {
        self.send(&format!("POST {path}"), cookie, headers, body)
    }

    fn send(&self, what: &str, cookie: &str, headers: &[(&str, &str)], body: &str) -> String {
        let usual = [("Cookie", cookie), ("Origin", self.origin.as_str()), FORM];
        let is_given = |name: &str| headers.iter().any(|(given, _)| *given == name);
        let mut all: Vec<_> = usual.into_iter().filter(|(name, _)| !is_given(name)).collect();
        // An empty value takes a header away.
        all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
        said(&self.served.send(what, &all, body))
    }

    /// A rightly filled form of somebody, with other headers.
    fn approve_as(&self, name: &str, headers: &[(&str, &str)]) -> String {
        let session = self.sign_in(name);
        let body = self.ballot(&self.token(&session));
        self.approve(&session, headers, &body)
    }

    /// A form of `P-1` that somebody sends to another address, with more in it.
    fn sent_as(&self, name: &str, path: &str, more: &str) -> String {
        let session = self.sign_in(name);
        let body = self.ballot(&self.token(&session)) + more;
        self.post(path, &session, &[], &body)
    }
}

pub(super) fn ways() -> Vec<Way> {
    [other_pages::ways(), sessions::ways(), requests::ways(), people::ways(), links::ways()]
        .into_iter()
        .flatten()
        .collect()
}
