//! What is decided and written without asking anybody.

use std::collections::BTreeSet;

use centinel_engine::{
    money::Decimal,
    proposal::{ExpectedSaving, ProposalId},
};
use jiff::{SignedDuration, ToSpan as _};

use super::super::{
    Action, Ending, Head, Known, Marker, Note, OpenMax, Ownership, Place, PullRequest, PullState,
    Seen, Text, UPDATE_AFTER, Wish, Words, admitted, body, branch_name, compare, decide, labels,
    testing::world::{edit_of, now, proposal, usd},
    title,
};

fn pull(state: PullState) -> PullRequest {
    PullRequest {
        number: 3,
        url: String::new(),
        state,
        title: String::new(),
        body: String::new(),
        labels: Vec::new(),
        head: String::new(),
        base: String::new(),
        reviewers: Vec::new(),
    }
}

/// Every combination of what can be seen and wished: nothing of theirs is ever pushed, closed or
/// deleted, and what people did is always reported.
#[test]
fn every_case_is_decided_with_care() {
    let states = [
        None,
        Some(PullState::Open),
        Some(PullState::Closed { by: Some("omar".to_owned()) }),
        Some(PullState::Merged { by: None, commit: None }),
    ];
    let ours = [false, true].map(|is_this_version| {
        [false, true].map(|is_base_moved| Head::Ours { is_this_version, is_base_moved })
    });
    let heads: Vec<Head> = ours.into_iter().flatten().chain([Head::Absent, Head::Theirs]).collect();
    let wishes = [Wish::Open, Wish::Close(Ending::Obsolete), Wish::Close(Ending::Rejected)];
    let mut seen_actions = BTreeSet::new();
    let mut cases = 0;
    for state in &states {
        for head in &heads {
            for wish in wishes {
                for bits in 0..16_u8 {
                    let bit = |number: u8| bits & (1 << number) != 0;
                    let known = Known {
                        is_closed_by_us: bit(0),
                        updated_at: bit(1).then_some(now()),
                        is_labelled: bit(2),
                        are_reviewers_asked: bit(2),
                        ..Known::default()
                    };
                    let pull = state.clone().map(pull);
                    let seen = Seen {
                        pull: pull.as_ref(),
                        head: *head,
                        text: if bit(3) { Text::Current } else { Text::Reworded },
                    };
                    for has_room in [false, true] {
                        let later = now().checked_add(1.hour()).unwrap();
                        let action = decide(wish, &known, &seen, has_room, later, UPDATE_AFTER);
                        let case =
                            format!("{state:?} {head:?} {wish:?} {known:?} {has_room}: {action:?}");
                        cases += 1;
                        seen_actions.insert(
                            format!("{action:?}").split(['(', ' ']).next().unwrap().to_owned(),
                        );
                        let pushes = matches!(
                            action,
                            Action::Open
                                | Action::Update { .. }
                                | Action::Reopen
                                | Action::DeleteBranch
                        );
                        assert!(!(pushes && *head == Head::Theirs), "{case}");
                        assert!(
                            *head != Head::Theirs || !matches!(action, Action::Close(_)),
                            "{case}"
                        );
                        if matches!(state, Some(PullState::Merged { .. })) {
                            assert!(matches!(action, Action::MergedBy { .. }), "{case}");
                        }
                        let is_closed = matches!(state, Some(PullState::Closed { .. }));
                        if is_closed && wish == Wish::Open && !known.is_closed_by_us {
                            assert_eq!(action, Action::ClosedBy(Some("omar".to_owned())), "{case}");
                        }
                        if wish != Wish::Open {
                            let opens = matches!(
                                action,
                                Action::Open
                                    | Action::Update { .. }
                                    | Action::Reopen
                                    | Action::Finish
                            );
                            assert!(!opens, "{case}");
                        }
                        let is_new = matches!(action, Action::Open | Action::Reopen);
                        assert!(has_room || !is_new, "{case}");
                        if let Action::Update { pushes: false } = action {
                            assert!(known.updated_at.is_none(), "{case}");
                        }
                    }
                }
            }
        }
    }
    assert_eq!(cases, 4 * 6 * 3 * 16 * 2);
    assert_eq!(seen_actions.len(), 12, "{seen_actions:?}");
}

#[test]
fn news_go_out_at_once_and_the_rest_after_a_day() {
    let open = pull(PullState::Open);
    let known = Known {
        updated_at: Some(now()),
        is_labelled: true,
        are_reviewers_asked: true,
        ..Known::default()
    };
    for (is_this_version, is_base_moved, text, hours, expected) in [
        (true, false, Text::Current, 1, Action::Nothing),
        (false, false, Text::Outdated, 1, Action::Update { pushes: true }),
        (true, true, Text::Current, 23, Action::Later(now().checked_add(24.hours()).unwrap())),
        (true, true, Text::Current, 24, Action::Update { pushes: true }),
        (true, false, Text::Reworded, 1, Action::Later(now().checked_add(24.hours()).unwrap())),
        (true, false, Text::Reworded, 25, Action::Update { pushes: false }),
        // The branch is of this version, but a crash kept its text from following.
        (true, false, Text::Outdated, 1, Action::Update { pushes: false }),
    ] {
        let head = Head::Ours { is_this_version, is_base_moved };
        let seen = Seen { pull: Some(&open), head, text };
        let at = now().checked_add(SignedDuration::from_hours(hours)).unwrap();
        assert_eq!(decide(Wish::Open, &known, &seen, true, at, UPDATE_AFTER), expected);
    }
    let seen = Seen { pull: None, head: Head::Theirs, text: Text::Current };
    let action = decide(Wish::Open, &known, &seen, true, now(), UPDATE_AFTER);
    assert_eq!(action, Action::StandBack(Note::StandBack));
}

#[test]
fn the_largest_expected_saving_goes_first() {
    let place = |number, repository: &str, owner: &str, expected: Option<&str>| Place {
        proposal: ProposalId(number),
        repository: repository.to_owned(),
        owner: owner.to_owned(),
        // Each promised the same; what earlier ones of its kind came to makes the difference.
        expected: expected.map(|amount| ExpectedSaving {
            amount: usd(amount),
            promised: usd("9000"),
            factor: Decimal::from_integer(1),
            measured: 0,
        }),
    };
    let max = OpenMax::default();
    assert_eq!((max.per_repository, max.per_owner), (5, 3));
    let open = [place(1, "shop", "ads", Some("1")), place(2, "shop", "ads", None)];
    let waiting = [
        place(3, "shop", "ads", Some("10")),
        place(4, "shop", "ads", Some("900")),
        place(5, "shop", "search", None),
        place(6, "shop", "search", Some("5")),
        place(7, "shop", "search", Some("5")),
        place(8, "infra", "ads", Some("5000")),
        place(9, "infra", "web", Some("-1")),
    ];
    let names = |max| -> Vec<u32> {
        admitted(&open, &waiting, max).into_iter().map(|(id, _)| id.0).collect()
    };
    // `ads` has two open and room for one, the largest; `shop` has room for three.
    assert_eq!(names(max), [8, 6, 7, 9, 5]);
    assert_eq!(names(OpenMax { per_repository: 3, per_owner: 9 }), [8, 4, 9]);
    assert!(names(OpenMax { per_repository: 0, per_owner: 0 }).is_empty());
}

fn words() -> Words {
    Words {
        why: "First.\n\nSecond @everyone.".to_owned(),
        window: Some("2026-10".to_owned()),
        audit_head: "entry 41, 9f3c51".to_owned(),
        page: Some("https://centinel.example/proposals/P-7".to_owned()),
    }
}

#[test]
fn a_body_says_what_a_reviewer_asks() {
    let text = body(&proposal(), &"ef".repeat(32), "shop", &words(), &Ownership::Agrees, &[]);
    let (readable, marker) = text.rsplit_once("\n<!--").unwrap();
    assert!(marker.ends_with("-->\n"));
    let expected = format!(
        "**right-size search-api CPU 2 → 600m**, for search: saves about $412 a month, $380 to $440.

| | |
|---|---|
| Where | `charts/values.yaml` `cpu` |
| Current | `2` |
| Proposed | `600m` |
| Window of the evidence | 2026-10 |
| Saving a month (low – best – high) | $380.50 – $412.25 – $440.00 |
| Risk | low |
| Reversible | yes |
| Owner | search |
| Expires | 2026-12-04 08:00 UTC |

### Why

First.

Second &#64;&#8203;everyone.

### How to reproduce

```sh
centinel show bundle:{evidence}
centinel show P-7
```

### How to roll back

Revert the one commit of this pull request; it changes the values above and nothing else.

---

To decline, close this pull request: nobody will be asked again for this proposal.

[Proposal](<https://centinel.example/proposals/P-7>)

P-7 v1 · digest `{digest}`

Audit head `entry 41, 9f3c51`
",
        evidence = "ab".repeat(32),
        digest = "ef".repeat(32),
    );
    assert_eq!(readable, expected);
}

#[test]
fn foreign_text_stays_text() {
    let hostile = "x --> | </table> [a](http://e.x) @octocat #1 `b` ![i](j) <img src=x> /close ~~~";
    let mut given = proposal();
    hostile.clone_into(&mut given.title);
    hostile.clone_into(&mut given.owner);
    given.edits = (0..30).map(|_| edit_of(hostile, hostile, hostile)).collect();
    given.evidence = format!("{hostile}\n```");
    let words = Words {
        why: format!("```\n# {hostile}\n---"),
        window: Some(hostile.to_owned()),
        audit_head: hostile.to_owned(),
        page: Some(format!("javascript:{hostile}")),
    };
    let owners = vec![hostile.to_owned()];
    let text = body(&given, hostile, "shop", &words, &Ownership::Differs, &owners);
    assert_eq!(text.matches("<!--").count(), 1, "{text}");
    assert_eq!(text.matches("\n```").count(), 2, "{text}");
    assert!(text.contains("and 10 more: see the diff"));
    let marker = Marker::read(&text).unwrap();
    assert_eq!(marker.audit_head, hostile);
    // Outside of code, nothing of it is left that a renderer acts on.
    let mut is_fenced = false;
    for line in text.lines().filter(|line| !line.starts_with("<!--")) {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
            continue;
        }
        if is_fenced {
            continue;
        }
        let prose = without_references(&without_code(line));
        for active in ["@", "](http", "<", "#", "!", "[a", "://"] {
            // The only marks of our own: a heading, and the list of what is not shown.
            let prose = prose.trim_start_matches("### ");
            assert!(!prose.contains(active), "{active}: {line}");
        }
        assert!(!prose.starts_with('/') && !prose.starts_with('~'), "{line}");
    }
    let shown = title(&given);
    assert!(shown.chars().count() <= 200 && !shown.contains(['@', '#', '`', '\n']), "{shown}");
}

/// A line without its character references, which no renderer takes for structure.
fn without_references(line: &str) -> String {
    let mut parts = line.split("&#");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(';').unwrap();
        number.parse::<u32>().unwrap();
        out.push('\u{1}');
        out.push_str(rest);
    }
    out
}

/// A line without its code spans.
fn without_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        out.push_str(&rest[..at]);
        let fence = rest[at..].chars().take_while(|c| *c == '`').count();
        let inside = &rest[at + fence..];
        let mut from = 0;
        let end = loop {
            let found = inside[from..].find('`').unwrap() + from;
            let run = inside[found..].chars().take_while(|c| *c == '`').count();
            if run == fence {
                break found;
            }
            from = found + run;
        };
        rest = &inside[end + fence..];
    }
    out + rest
}

#[test]
fn a_body_is_current_until_we_would_write_another() {
    let given = proposal();
    let digest = "ef".repeat(32);
    let made = |words: &Words| body(&given, &digest, "shop", words, &Ownership::Nobody, &[]);
    let ours = made(&words());
    let there = format!("Added by a person\r\n{}", ours.replace('\n', "\r\n"));
    let other_digest = body(&given, &"aa".repeat(32), "shop", &words(), &Ownership::Nobody, &[]);
    for (there, ours, expected) in [
        (there.as_str(), ours.clone(), Text::Current),
        (&there, made(&Words { audit_head: "entry 50".to_owned(), ..words() }), Text::Current),
        (&there, made(&Words { why: "Other.".to_owned(), ..words() }), Text::Reworded),
        (&there, other_digest, Text::Outdated),
        ("", ours.clone(), Text::Reworded),
        ("<!-- centinel:v1 !!! -->", ours, Text::Reworded),
    ] {
        assert_eq!(compare(there, &ours), expected, "{there}");
    }
}

#[test]
fn names_and_labels() {
    let mut given = proposal();
    assert_eq!(branch_name(&given), "centinel/rightsize/search-api-p-7");
    assert_eq!(labels(&given), ["finops", "risk:low", "saving:100+"]);
    given.saving = None;
    assert_eq!(labels(&given), ["finops", "risk:low"]);
    assert_eq!(title(&given), "finops(search): right-size search-api CPU 2 → 600m");
    given.change = centinel_engine::proposal::Change::VirtualTag {
        name: "--force /../".to_owned(),
        value: "日本.lock".to_owned(),
        matches: std::collections::BTreeMap::new(),
        previous_value: None,
    };
    assert_eq!(branch_name(&given), "centinel/virtual-tag/force-lock-p-7");
}
