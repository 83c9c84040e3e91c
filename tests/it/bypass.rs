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
//! without asking anybody, and whoever holds the home's key and its database is the home. So is whoever
//! takes `audit.head` out of a home's folder and starts it with a configuration that names a key and a
//! database of their own, in which their own people approved: nothing of the home is left to compare
//! these with, and whoever may do that may as well write the budgets. While the head is there, such a
//! database is refused.

mod confirm;
mod files;
mod forge;
mod mcp;
mod page;
mod people;
mod policies;
mod rows;
mod slack;
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

use crate::page::Served;
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
    /// The proposal on which a person who may decide did decide in the course of it, in full right.
    votes_on: Option<&'static str>,
}

/// What an attempt leaves behind.
#[derive(Debug, Clone, Copy)]
enum Trace {
    /// An entry in the audit log, by the beginning of its action and something in it.
    Entry(&'static str, &'static str),
    /// `audit verify` finds it.
    Found,
    /// Nobody could be recognised: it is counted in `/metrics`, by this reason.
    Counted(&'static str),
    /// Nobody could be recognised, and nothing was changed: the product said no, in these words. Where
    /// it was a forge or a chat that was written to, it stands there.
    Told(&'static str),
}

impl Way {
    const fn new(name: &'static str, attempt: fn(&Stage) -> String, trace: Trace) -> Self {
        Self { name, attempt, trace, ends: &[], votes_on: None }
    }

    const fn ends(self, ends: &'static [(&'static str, &'static str)]) -> Self {
        Self { ends, ..self }
    }

    const fn voted(self) -> Self {
        self.voted_on("P-1")
    }

    const fn voted_on(self, id: &'static str) -> Self {
        Self { votes_on: Some(id), ..self }
    }

    /// Tries it on a home of its own; what went wrong, in words.
    fn problem(&self, template: &Template) -> Option<String> {
        let stage = template.stage();
        let before = stage.entries().len();
        let said = (self.attempt)(&stage);
        let told = |what: String| Some(format!("{}: {what}\n  it said: {said}", self.name));
        // Whatever counts as approved now is carried out.
        if !stage.run(&["execute"]).out.contains("nothing is approved") {
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
        for (id, usual) in [
            ("P-1", Some("pending")),
            ("P-2", Some("executed")),
            ("P-3", Some("pending")),
            // What was proposed on the way, if anything was.
            ("P-4", None),
        ] {
            if usual.is_none() && !stage.entries().iter().any(|entry| entry.subject == id) {
                continue;
            }
            let ends = self.ends.iter().find(|(of, _)| *of == id);
            let expected = ends.map(|(_, end)| *end).or(usual);
            let shown = stage.run(&["--json", "show", id]);
            if shown.code != 0 {
                // A log that somebody wrote into is not shown at all, and `audit verify` says why.
                let is_there = expected.is_some();
                if is_there && !is_found && !matches!(self.trace, Trace::Told(_)) {
                    return told(format!("{id} cannot be shown: {}", shown.err));
                }
                continue;
            }
            let shown = shown.json();
            let events = shown["events"].as_array().cloned().unwrap_or_default();
            let count =
                |name: &str| events.iter().filter(|event| event["what"]["event"] == name).count();
            let status = shown["status"].as_str().unwrap_or_default();
            let is_as_expected = match expected {
                Some(expected) => status == expected,
                None => ["pending", "stale", "withdrawn", "rejected"].contains(&status),
            };
            if !is_as_expected {
                return told(format!("{id} is {status}, not {}", expected.unwrap_or("pending")));
            }
            let executions = usize::from(id == "P-2");
            let effects = ["executed", "execution_begun", "confirmed"].map(count);
            if effects.iter().any(|count| *count > executions) {
                return told(format!("{id} was carried out {effects:?} times"));
            }
            let is_for_votes = matches!(id, "P-1" | "P-4") && self.votes_on != Some(id);
            if is_for_votes && count("vote_cast") + count("approved") > 0 {
                return told(format!("{id} has a vote"));
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
            Trace::Counted(reason) => counted(&said, reason),
            Trace::Told(words) => said.contains(words),
        };
        (!is_traced).then(|| told(format!("no trace {:?}", self.trace))).flatten()
    }
}

/// Whether `/metrics`, which is part of what was said, counts refusals for a reason.
fn counted(said: &str, reason: &str) -> bool {
    let sample = format!("centinel_refused_requests_total{{reason=\"{reason}\"}} ");
    let counts = said.lines().filter_map(|line| line.strip_prefix(&sample)?.parse::<u64>().ok());
    counts.max().is_some_and(|count| count > 0)
}

/// The ways of every surface.
fn ways() -> Vec<Way> {
    [
        mcp::ways(),
        terminal::ways(),
        people::ways(),
        rows::ways(),
        files::ways(),
        policies::ways(),
        time::ways(),
        confirm::ways(),
        page::ways(),
        slack::ways(),
        forge::ways(),
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
    let served: fn(&Stage) -> String = |stage| page::metrics(&Served::of(&stage.home()));
    let uncounted = problem(Way::new("nothing", served, Trace::Counted("no_session")));
    assert!(uncounted.unwrap().contains("no trace"));
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
    assert!(ended.unwrap().contains("P-1 is rejected"));
}
