//! Deciding on the page, over HTTP, with the binary as people run it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{
    first_steps::log,
    product::{Home, PASSWORD},
};

/// `centinel serve` on a port of its own, ended with the test.
pub(crate) struct Served {
    child: Child,
    pub(crate) host: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer, in parts.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// A hidden field of the form that is sent to an address.
    pub(crate) fn hidden(&self, action: &str, name: &str) -> String {
        let (_, form) = self.body.split_once(&format!("action=\"{action}\"")).unwrap();
        let (form, _) = form.split_once("</form>").unwrap();
        let (_, rest) = form.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }
}

impl Served {
    pub(crate) fn of(home: &Path) -> Self {
        let binary = assert_cmd::Command::cargo_bin("centinel").unwrap();
        let mut child = Command::new(binary.get_program())
            .arg("--home")
            .arg(home)
            .args(["serve", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (_, rest) = line.split_once("http://").unwrap();
        let host = rest.split_whitespace().next().unwrap().to_owned();
        Self { child, host }
    }

    /// Asks it to stop, as services are stopped, and waits until it has.
    #[cfg(unix)]
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nCookie: {cookie}\r\n"), "")
    }

    pub(crate) fn post(
        &self,
        path: &str,
        cookie: &str,
        origin: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let pairs =
            fields.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+")));
        let body = pairs.collect::<Vec<_>>().join("&");
        let head = format!(
            "POST {path} HTTP/1.1\r\nCookie: {cookie}\r\nOrigin: {origin}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            body.len()
        );
        self.ask(&head, &body)
    }

    fn ask(&self, head: &str, body: &str) -> Answer {
        self.say(&format!("{head}Host: {}\r\nConnection: close\r\n\r\n{body}", self.host))
    }

    /// A request of any kind: `POST /path`, and headers as they are given.
    pub(crate) fn send(&self, what: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut head = format!("{what} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head.extend(["Host: ", &self.host, "\r\n"]);
        }
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        self.say(&format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// A whole request, as it goes over the wire, that ends its connection.
    pub(crate) fn say(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.host.replace("localhost", "127.0.0.1")).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }
}

#[test]
fn a_proposal_is_decided_on_the_page() {
    journey(&Home::new());
}

#[test]
fn the_same_on_postgresql() {
    if let Some(home) = Home::on_postgresql("page") {
        journey(&home);
    }
}

fn journey(home: &Home) {
    let log = home.file("calls.csv", &log());
    home.run(&["import", &log.display().to_string()]).ok();
    home.run(&["propose", "budget", "--scope", "feature=answers", "--limit", "40"]).ok();
    let served = Served::of(&home.path());
    let origin = format!("http://{}", served.host);

    let away = served.get("/inbox", "");
    assert_eq!((away.status, away.header("location")), (303, Some("/sign-in?to=/inbox")));
    let form = served.get("/sign-in?to=/inbox", "");
    let cookie = form.header("set-cookie").unwrap().split_once(';').unwrap().0.to_owned();
    let token = form.hidden("/sign-in", "token");
    let typed = [("token", token.as_str()), ("name", "ada"), ("to", "/inbox")];
    let with = |password: &'static str| [&typed[..], &[("password", password)]].concat();
    assert_eq!(served.post("/sign-in", &cookie, &origin, &with("wrong")).status, 403);
    let right = with(PASSWORD.trim());
    assert_eq!(served.post("/sign-in", &cookie, "http://evil.example", &right).status, 403);
    let signed_in = served.post("/sign-in", &cookie, &origin, &right);
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/inbox")));
    let session = signed_in.header("set-cookie").unwrap();
    assert!(session.contains("HttpOnly; SameSite=Strict"), "{session}");
    let session = session.split_once(';').unwrap().0.to_owned();

    let inbox = served.get("/inbox", &session);
    assert_eq!(inbox.status, 200);
    assert!(inbox.body.contains("<h2>Waits for you</h2>"), "{}", inbox.body);
    assert!(inbox.body.contains("/proposals/P-1"));
    let page = served.get("/proposals/P-1", &session);
    let action = "/proposals/P-1/approve";
    let [csrf, version, digest] =
        ["csrf", "version", "digest"].map(|name| page.hidden(action, name));
    let ballot = |csrf: &str| {
        served.post(
            action,
            &session,
            &origin,
            &[("csrf", csrf), ("version", &version), ("digest", &digest)],
        )
    };
    assert_eq!(ballot(&"0".repeat(64)).status, 403);
    let pending = home.run(&["--json", "show", "P-1"]).ok().json();
    assert_eq!(pending["status"], "pending");
    let decided = ballot(&csrf);
    assert_eq!(decided.header("location"), Some("/proposals/P-1?done=approved"));
    assert_eq!(ballot(&csrf).header("location"), Some("/proposals/P-1?done=approved"), "once more");
    let after = served.get("/proposals/P-1?done=approved", &session);
    assert!(after.body.contains("ada approved version 1 on the page"), "{}", after.body);

    let shown = home.run(&["--json", "show", "P-1"]).ok().json();
    let events = shown["events"].as_array().unwrap();
    let votes: Vec<_> =
        events.iter().filter(|event| event["what"]["event"] == "vote_cast").collect();
    assert_eq!(votes.len(), 1);
    assert_eq!(votes[0]["what"]["vote"]["channel"], "web");
    let log = home.run(&["audit", "export"]).ok().out;
    for trace in ["the request does not come from a page of this session", "login.failed"] {
        assert!(log.contains(trace), "{trace}");
    }

    let csrf = after.hidden("/sign-out", "csrf");
    let out = served.post("/sign-out", &session, &origin, &[("csrf", &csrf)]);
    assert_eq!(out.header("location"), Some("/sign-in?done=signed_out"));
    assert_eq!(served.get("/inbox", &session).status, 303, "the cookie is worth nothing now");
    assert!(home.run(&["audit", "verify"]).ok().out.contains("every link holds"));
}
