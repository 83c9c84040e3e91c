//! What is kept gives the answers that a home opened anew gives, whatever happened in between, by whom
//! and in which process.

use std::{collections::BTreeMap, path::Path};

use centinel_approvals::{AccountChange, NewToken, Password};
use centinel_engine::{
    explain::Measured,
    forecast::CalendarPeriod,
    period::{Grain, Period, date_of},
    series::Dimension,
};
use centinel_ingest::Format;
use centinel_ledger::{Condition, ScanLevel};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json as object;

use crate::{
    App, EventKind, EventRequest, ExplainRequest, ForecastPeriod, ForecastRequest, ImportRequest,
    RestateRequest, SpendGroup, SpendRequest, Verdict, Viewer, create_home,
};

/// A book that prices twice what calls cost at first.
const DOUBLE: &str = r#"
format = 1
name = "double"
currency = "USD"
recorded = "2026-10-01"
[[model]]
provider = "openai"
model = "gpt-4o"
[[model.price]]
effective_from = "unknown"
source = "price page"
rates.standard = { input = "5", cache_read = "2.5", output = "20" }
"#;

/// Numbers that look random and are the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % limit
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn password(name: &str) -> Password {
    Password::new(format!("{name}'s own password"))
}

/// Calls of a team, one every eight hours, from a day on.
fn calls(team: &str, first: &str, days: i64, tokens: i64, name: u64) -> Vec<u8> {
    let first = at(first).as_second();
    let mut lines = String::new();
    for call in 0..days * 3 {
        let at = Timestamp::from_second(first + call * 8 * 3_600 + 600).unwrap();
        let call = object!({
            "call_id": format!("{team}-{name}-{call}"), "at": at.to_string(),
            "provider": "openai", "model": if call % 5 == 0 { "gpt-4o-mini" } else { "gpt-4o" },
            "feature": format!("{team}-answers"), "team": team, "application": team,
            "api_key": format!("key-{team}"), "output_tokens": 2_000 + call % 7,
            "input_tokens": tokens + (call % 21) * 900,
        });
        lines.extend([call.to_string(), "\n".to_owned()]);
    }
    lines.into_bytes()
}

async fn import(app: &App, source: &str, calls: Vec<u8>, now: Timestamp, nonce: u64) {
    let request = ImportRequest { source: Some(source.to_owned()), ..ImportRequest::default() };
    app.import_bytes(calls, Format::CallEvents, request, now, nonce).await.unwrap();
}

/// A home of two teams, seventy days of calls with a jump at the end, a person who sees one of the
/// teams and a token that works for them.
async fn home(now: Timestamp) -> (tempfile::TempDir, App) {
    let home = tempfile::tempdir().unwrap();
    create_home(home.path()).unwrap();
    std::fs::write(home.path().join("double.toml"), DOUBLE).unwrap();
    let app = App::open(home.path(), None).await.unwrap();
    for (nonce, team) in (0..).zip(["alpha", "bravo"]) {
        let source = format!("gateway-{team}");
        import(&app, &source, calls(team, "2026-08-20T00:00:00Z", 68, 900_000, 0), now, nonce)
            .await;
        let jump = calls(team, "2026-10-27T00:00:00Z", 6, 5_000_000, 1);
        import(&app, &source, jump, now, 10 + nonce).await;
    }
    let approvals = app.approvals();
    approvals.init_first_person("ada", password("ada"), now).await.unwrap();
    let ana = AccountChange {
        name: "ana".to_owned(),
        linked_to: None,
        roles: ["owner:alpha".parse().unwrap()].into(),
        active: true,
        password: Some(password("ana")),
    };
    approvals.change_account("ada", password("ada"), ana, now).await.unwrap();
    let token = NewToken {
        name: "bot".to_owned(),
        scopes: vec!["read".to_owned()],
        acts_for: Some("ana".to_owned()),
        expires_at: None,
    };
    approvals.create_token("ada", password("ada"), token, now).await.unwrap();
    (home, app)
}

fn json<T: Serialize, E: std::fmt::Display>(answer: Result<T, E>) -> String {
    match answer {
        Ok(answer) => serde_json::to_string(&answer).unwrap(),
        Err(error) => format!("error: {error}"),
    }
}

/// What is asked of both.
struct Asked {
    period: Period,
    filter: Vec<Condition>,
    by: SpendGroup,
    grain: Option<Grain>,
    as_of: Option<Timestamp>,
    calendar: CalendarPeriod,
}

impl Asked {
    fn draw(draw: &mut Draw, now: Timestamp) -> Self {
        let day = |days: u64| now - SignedDuration::from_hours(24 * i64::try_from(days).unwrap());
        let (last, length) = (draw.below(20), 1 + draw.below(12));
        let dimensions = [Dimension::Team, Dimension::Model, Dimension::Feature];
        let filter = Condition {
            dimension: Dimension::Team,
            any_of: [["alpha", "bravo"][usize::try_from(draw.below(2)).unwrap()].to_owned()].into(),
        };
        Self {
            period: Period::days(date_of(day(last + length)), date_of(day(last))).unwrap(),
            filter: if draw.below(2) == 0 { vec![filter] } else { Vec::new() },
            by: match draw.below(5) {
                0 => SpendGroup::Kind,
                1 => SpendGroup::Owner,
                other => {
                    let other = usize::try_from(other - 2).unwrap();
                    SpendGroup::Dimension(dimensions[other].clone())
                }
            },
            grain: (draw.below(2) == 0).then_some(Grain::Day),
            as_of: (draw.below(3) == 0).then(|| day(draw.below(4))),
            calendar: [CalendarPeriod::Week, CalendarPeriod::Month, CalendarPeriod::Quarter]
                [usize::try_from(draw.below(3)).unwrap()],
        }
    }

    /// Every answer, as text: values and errors alike.
    async fn answers(&self, app: &App, now: Timestamp) -> BTreeMap<&'static str, String> {
        let spend = SpendRequest {
            period: self.period,
            group_by: vec![self.by.clone()],
            filter: self.filter.clone(),
            grain: self.grain,
            top: None,
            as_of: self.as_of,
            scan: ScanLevel::Coarsest,
        };
        let raw = SpendRequest { scan: ScanLevel::Raw, ..spend.clone() };
        let forecast = ForecastRequest {
            period: ForecastPeriod::Calendar(self.calendar),
            by: self.by.clone(),
            filter: self.filter.clone(),
            levels: vec![80, 95],
            amount: Some("5000".parse().unwrap()),
            daily: self.grain.is_some(),
            ..ForecastRequest::month()
        };
        let explain = ExplainRequest {
            filter: self.filter.clone(),
            period: self.period,
            compare_to: None,
            left_out: app.unusual_days(&BTreeMap::new(), now).await.unwrap_or_default(),
            measured: Measured::Cost,
            as_of: self.as_of,
        };
        let known = match self.as_of {
            Some(as_of) => app.incidents_as_of(as_of, now).await,
            None => app.incidents(now).await,
        };
        let explained = app.explain_change(&explain, now).await;
        let explained = explained.map(|told| (told.evidence, told.text, told.circumstances));
        [
            ("incidents", json(known)),
            ("spend", json(app.spend(&spend, now).await)),
            ("spend of raw rows", json(app.spend(&raw, now).await)),
            ("forecast", json(app.forecast(&forecast, now).await)),
            ("explanation", json(explained)),
            ("sources", json(app.sources().await)),
            ("steps", json(app.usual_steps().await)),
            ("span", json(app.ledger().span().await)),
        ]
        .into()
    }
}

/// Something happens: rows come in or are priced anew, people say something, time goes on; in this
/// process or in another one.
async fn something(draw: &mut Draw, apps: &[&App; 2], home: &Path, now: &mut Timestamp, step: u64) {
    let app = apps[usize::try_from(draw.below(2)).unwrap()];
    let team = ["alpha", "bravo"][usize::try_from(draw.below(2)).unwrap()];
    let event = |kind, scope: &[(&str, &str)]| EventRequest {
        kind,
        scope: scope
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        start: *now - SignedDuration::from_hours(24 * 9),
        end: Some(*now - SignedDuration::from_hours(24 * 2)),
        note: String::new(),
        origin: "person".to_owned(),
        external_id: Some(format!("{step}")),
        actor: "person:ada".to_owned(),
    };
    match draw.below(9) {
        0 => {
            let tokens = 1_000_000 * i64::try_from(1 + draw.below(6)).unwrap();
            let day = now.to_string().chars().take(10).collect::<String>() + "T00:00:00Z";
            let source = format!("gateway-{team}");
            import(app, &source, calls(team, &day, 1, tokens, 100 + step), *now, 100 + step).await;
        }
        1 => {
            let source = format!("new-{step}");
            let late = calls("carol", "2026-10-01T00:00:00Z", 20, 700_000, 100 + step);
            import(app, &source, late, *now, 100 + step).await;
        }
        2 => {
            let planned = event(EventKind::Planned, &[("team", team)]);
            app.add_event(&planned, *now).await.unwrap();
        }
        3 => {
            app.add_event(&event(EventKind::Mute, &[]), *now).await.unwrap();
        }
        4 => {
            if let Some(last) = app.events(*now).await.unwrap().last() {
                app.remove_event(last.id, "person:ada", *now).await.unwrap();
            }
        }
        5 => {
            let rows =
                format!("series,kind,date,until\nteam={team},holiday,2026-10-29,2026-10-30\n");
            std::fs::write(home.join("policies").join("calendar.csv"), rows).unwrap();
        }
        6 => {
            let found = app.incidents(*now).await.unwrap();
            if let Some(first) = found.first() {
                let verdict = [Verdict::Expected, Verdict::NotUseful, Verdict::Useful]
                    [usize::try_from(draw.below(3)).unwrap()];
                app.judge_incident(&first.id, verdict, "", "person:ada", *now).await.unwrap();
            }
        }
        7 => {
            let (from, until) = (at("2026-10-25T00:00:00Z"), at("2026-10-29T00:00:00Z"));
            let request = RestateRequest {
                period: Period::new(from, until).unwrap(),
                book: step
                    .is_multiple_of(2)
                    .then(|| home.join("double.toml").display().to_string()),
                only_unpriced: false,
                reason: "test".to_owned(),
            };
            app.restate(&request, Some("person:ada"), *now, step).await.unwrap();
        }
        _ => *now += SignedDuration::from_hours(i64::try_from(1 + draw.below(30)).unwrap()),
    }
    // What comes next is known later.
    *now += SignedDuration::from_secs(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_those_of_a_home_opened_anew() {
    let mut now = at("2026-11-01T12:00:00Z");
    let (folder, app) = home(now).await;
    let mut draw = Draw(7);
    let viewers = [Viewer::Home, Viewer::Person("ana".to_owned()), Viewer::Token("bot".to_owned())];
    for step in 0..24 {
        let other = App::open(folder.path(), None).await.unwrap();
        something(&mut draw, &[&app, &other], folder.path(), &mut now, step).await;
        let fresh = App::open(folder.path(), None).await.unwrap();
        let viewer = &viewers[usize::try_from(draw.below(3)).unwrap()];
        let asked = Asked::draw(&mut draw, now);
        let mine = app.seen_by(viewer, now).await.unwrap();
        let kept = asked.answers(&mine, now).await;
        let anew = asked.answers(&fresh.seen_by(viewer, now).await.unwrap(), now).await;
        for (question, answer) in &anew {
            assert_eq!(kept.get(question), Some(answer), "{question} at step {step}, {viewer:?}");
        }
        assert_eq!(asked.answers(&mine, now).await, kept, "the same again at step {step}");
        other.database().close().await;
        fresh.database().close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_is_never_answered_from_the_whole() {
    let now = at("2026-11-01T12:00:00Z");
    let (_folder, app) = home(now).await;
    app.warm(now).await.unwrap();
    let asked = Asked::draw(&mut Draw(1), now);
    let asked = Asked { filter: Vec::new(), by: SpendGroup::Dimension(Dimension::Team), ..asked };
    let ana = Viewer::Person("ana".to_owned());
    let whole = asked.answers(&app, now).await;
    assert!(whole.values().any(|answer| answer.contains("bravo")));
    for _ in 0..2 {
        let part = asked.answers(&app.seen_by(&ana, now).await.unwrap(), now).await;
        for (question, answer) in part {
            assert!(!answer.contains("bravo"), "{question}: {answer}");
        }
    }
    // Rights that change count at once.
    let bea = AccountChange {
        name: "ana".to_owned(),
        linked_to: None,
        roles: ["owner:bravo".parse().unwrap()].into(),
        active: true,
        password: None,
    };
    app.approvals().change_account("ada", password("ada"), bea, now).await.unwrap();
    let part = asked.answers(&app.seen_by(&ana, now).await.unwrap(), now).await;
    assert!(part["spend"].contains("bravo") && !part["spend"].contains("alpha"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_get_one_answer_and_those_who_leave_take_nothing_away() {
    let now = at("2026-11-01T12:00:00Z");
    let (_folder, app) = home(now).await;
    #[expect(clippy::disallowed_methods, reason = "callers that leave are tasks that are ended")]
    let ask = || {
        let app = app.clone();
        tokio::spawn(async move { app.incidents_known_at(now, None).await.unwrap() })
    };
    let mut asked: Vec<_> = (0..100).map(|_| ask()).collect();
    for leaving in asked.drain(..30) {
        leaving.abort();
    }
    let mut found = Vec::new();
    for one in asked {
        found.push(one.await.unwrap());
    }
    // One computed: all hold the same list, not equal ones.
    assert!(found.iter().all(|one| std::sync::Arc::ptr_eq(one, &found[0])));
    assert!(!found[0].0.is_empty());
}
