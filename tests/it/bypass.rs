//! Ways around a person's decision, by surface: none leads to an approval or an effect, and each leaves
//! a trace.
//!
//! Every way is tried on a home of its own, which holds one proposal that waits (`P-1`), one that was
//! approved and carried out (`P-2`), and one that takes two people (`P-3`). Whoever tries has what an
//! agent can have: this machine's files and database, service tokens, the whole command line, and in
//! some ways the password of somebody who may not decide what they want decided. Afterwards the product
//! carries out whatever it believes to be approved, twice, and it is looked at what that was.
//!
//! What nobody can stand against is not here: whoever may write to the home's files can edit a policy
//! without asking anybody, and whoever holds the home's key and its database is the home.

mod files;
mod mcp;
mod people;
mod policies;
mod rows;
mod stage;
mod terminal;
mod time;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use stage::{Stage, Template};

/// A way around a decision.
struct Way {
    /// What is tried.
    name: &'static str,
    /// Tries it; returns all that the product said meanwhile.
    attempt: fn(&Stage) -> String,
    /// What is left of the attempt, at least.
    trace: Trace,
    /// What became of the proposals where that is not what they were: an end that is none of an approval.
    ends: &'static [(&'static str, &'static str)],
    /// Whether a person who may decide did decide on `P-1` in the course of it, in full right.
    has_vote: bool,
}

/// What an attempt leaves behind.
#[derive(Debug, Clone, Copy)]
enum Trace {
    /// An entry in the audit log, by the beginning of its action and something in it.
    Entry(&'static str, &'static str),
    /// `audit verify` finds it.
    Found,
    /// Nobody could be recognised, and nothing was changed: the product said no, in these words.
    Told(&'static str),
}

impl Way {
    const fn new(name: &'static str, attempt: fn(&Stage) -> String, trace: Trace) -> Self {
        Self { name, attempt, trace, ends: &[], has_vote: false }
    }

    const fn ends(self, ends: &'static [(&'static str, &'static str)]) -> Self {
        Self { ends, ..self }
    }

    const fn voted(self) -> Self {
        Self { has_vote: true, ..self }
    }

    /// Tries it on a home of its own; what went wrong, in words.
    fn problem(&self, template: &Template) -> Option<String> {
        let stage = template.stage();
        let before = stage.entries().len();
        let said = (self.attempt)(&stage);
        let told = |what: String| Some(format!("{}: {what}\n  it said: {said}", self.name));
        // Whatever counts as approved now is carried out.
        for _ in 0..2 {
            stage.run(&["execute"]);
        }
        let budgets = stage.budgets();
        for (id, effect) in [("P-1", stage::EFFECT_OF_P1), ("P-3", stage::EFFECT_OF_P3)] {
            if budgets.contains(effect) {
                return told(format!("{id} was carried out"));
            }
        }
        if budgets.matches(stage::EFFECT_OF_P2).count() > 1 {
            return told("P-2 was carried out twice".to_owned());
        }
        let is_found = stage.run(&["audit", "verify"]).code == 4;
        for (id, usual) in [("P-1", "pending"), ("P-2", "executed"), ("P-3", "pending")] {
            let ends = self.ends.iter().find(|(of, _)| *of == id);
            let expected = ends.map_or(usual, |(_, end)| *end);
            let shown = stage.run(&["--json", "show", id]);
            if shown.code != 0 {
                // A log that somebody wrote into is not shown at all, and `audit verify` says why.
                if !is_found && !matches!(self.trace, Trace::Told(_)) {
                    return told(format!("{id} cannot be shown: {}", shown.err));
                }
                continue;
            }
            let shown = shown.json();
            let events = shown["events"].as_array().cloned().unwrap_or_default();
            let count =
                |name: &str| events.iter().filter(|event| event["what"]["event"] == name).count();
            if shown["status"] != expected {
                return told(format!("{id} is {}, not {expected}", shown["status"]));
            }
            let executions = usize::from(id == "P-2");
            if count("executed") > executions || count("execution_begun") > executions {
                return told(format!("{id} was carried out {} times", count("executed")));
            }
            if id == "P-1" && !self.has_vote && count("vote_cast") + count("approved") > 0 {
                return told("P-1 has a vote".to_owned());
            }
        }
        let is_traced = match self.trace {
            Trace::Entry(action, part) => stage.entries().iter().skip(before).any(|entry| {
                entry.action.starts_with(action)
                    && [&entry.actor, &entry.subject, &entry.payload]
                        .iter()
                        .any(|t| t.contains(part))
            }),
            Trace::Found => is_found,
            Trace::Told(words) => said.contains(words),
        };
        (!is_traced).then(|| told(format!("no trace {:?}", self.trace))).flatten()
    }
}

/// The ways of every surface. Those of the page, of Slack, of webhooks and of pull requests belong here
/// as modules of their own.
fn ways() -> Vec<Way> {
    [
        mcp::ways(),
        terminal::ways(),
        people::ways(),
        rows::ways(),
        files::ways(),
        policies::ways(),
        time::ways(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn no_way_leads_around_a_person() {
    let ways = ways();
    let template = Template::new();
    let next = AtomicUsize::new(0);
    let problems = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(way) = ways.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // What cannot even be tried is told with the others.
                    let tried = catch_unwind(AssertUnwindSafe(|| way.problem(&template)));
                    let cannot = |_| Some(format!("{}: could not be tried", way.name));
                    problems.lock().unwrap().extend(tried.unwrap_or_else(cannot));
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    println!("{} ways, {} of them led somewhere or left no trace", ways.len(), problems.len());
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    assert!(ways.len() >= 40, "only {}", ways.len());
}

/// The check itself: an approval in full right is seen, and a way that leaves nothing fails.
#[test]
fn the_check_sees_what_happens() {
    let template = Template::new();
    let approves: fn(&Stage) -> String = |stage| stage.decide("approve", "P-1", "carl").all();
    let problem = |way: Way| way.problem(&template);
    let seen = problem(Way::new("approves", approves, Trace::Entry("proposal.", "carl")));
    assert!(seen.unwrap().contains("P-1 was carried out"));
    let nothing = problem(Way::new("nothing", |_| String::new(), Trace::Told("no")));
    assert!(nothing.unwrap().contains("no trace"));
    let no_entry = problem(Way::new("nothing", |_| String::new(), Trace::Entry("refused", "")));
    assert!(no_entry.unwrap().contains("no trace"));
    let not_found = problem(Way::new("nothing", |_| String::new(), Trace::Found));
    assert!(not_found.unwrap().contains("no trace"));
    let rejects: fn(&Stage) -> String = |stage| {
        stage
            .with_input(
                &["reject", "P-1", "--reason", "no", "--as", "carl", "--password-stdin"],
                &stage::password("carl"),
            )
            .all()
    };
    let ended = problem(Way::new("rejects", rejects, Trace::Entry("proposal.", "")));
    assert!(ended.unwrap().contains("P-1 is \"rejected\""));
}
