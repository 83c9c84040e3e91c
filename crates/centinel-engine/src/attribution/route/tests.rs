use proptest::prelude::*;

use super::*;
use crate::attribution::Dialect;

const RULES: &str = r#"
    [[owner]]
    owner = "support-platform"
    reason = "Answers tickets"
    match = { feature = "support-*" }
    matches = [{ feature = "support-answers" }]
"#;

fn series(values: &[(&str, &str)]) -> SeriesKey {
    values.iter().map(|(name, value)| (name.parse().unwrap(), *value)).collect()
}

fn tie(feature: &str, paths: &[&str]) -> Tie {
    let matching = BTreeMap::from([("feature".to_owned(), vec![feature.to_owned()])]);
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    Tie::new(&matching, &paths).unwrap()
}

fn repository(file: &str, ties: Vec<Tie>) -> RepositoryOwners {
    let file = CodeOwners::parse(file.as_bytes(), Dialect::Github).unwrap();
    with_file(Ok(file), ties)
}

fn with_file(file: Result<CodeOwners, String>, ties: Vec<Tie>) -> RepositoryOwners {
    let handles = BTreeMap::from([("search".to_owned(), vec!["@Org/Search".to_owned()])]);
    RepositoryOwners::new("services", &handles, ties, file)
}

fn owner(values: &[(&str, &str)], repositories: &[RepositoryOwners]) -> SeriesOwner {
    let policy = OwnershipPolicy::parse(RULES).unwrap();
    owner_of(&series(values), Stating { policy: &policy, repositories })
}

const FILE: &str = "* @org/all\n/search/ @org/search @lena\n/two/ @a @b\n/free/\n";

#[test]
fn what_is_stated_is_the_owner_and_nothing_else_is() {
    let repositories = [repository(
        FILE,
        vec![
            tie("search-*", &["search/"]),
            tie("both-*", &["search/", "other/"]),
            tie("two", &["two/"]),
            tie("free", &["free/"]),
            tie("whole", &[]),
            tie("support-*", &["search/"]),
        ],
    )];
    for (values, expected) in [
        (&[("feature", "support-answers")][..], "rule:support-platform, differs search"),
        (
            &[("feature", "support-x"), ("team", "old-support")],
            "rule:support-platform, differs old-support, differs search",
        ),
        (&[("feature", "checkout"), ("team", "payments")], "team:payments"),
        (&[("feature", "search-a")], "codeowners:search"),
        (&[("feature", "search-a"), ("team", "search")], "team:search"),
        (&[("feature", "both-a")], "several: @org/all, search"),
        (&[("feature", "two")], "several: @a, @b"),
        (&[("feature", "free")], "not stated"),
        (&[("feature", "whole")], "codeowners:@org/all"),
        (&[("feature", "checkout")], "not stated"),
        (&[("model", "search-a")], "not stated"),
        (&[], "not stated"),
    ] {
        let SeriesOwner { owner, notes } = owner(values, &repositories);
        let mut told = match owner {
            Owner::Known { name, stated: Stated::Rule { rule: 1, .. } } => format!("rule:{name}"),
            Owner::Known { name, stated: Stated::Team } => format!("team:{name}"),
            Owner::Known { name, stated: Stated::CodeOwners { .. } } => {
                format!("codeowners:{name}")
            }
            Owner::Unknown { because: Unknown::Several { names } } => {
                format!("several: {}", names.join(", "))
            }
            Owner::Unknown { because: Unknown::NotStated } => "not stated".to_owned(),
            other => panic!("{values:?}: {other:?}"),
        };
        for note in notes {
            let RouteNote::Differs { name, .. } = note else { panic!("{values:?}: {note:?}") };
            told = format!("{told}, differs {name}");
        }
        assert_eq!(told, expected, "{values:?}");
    }
}

#[test]
fn evidence_names_the_line() {
    let found = owner(
        &[("feature", "search-a")],
        &[repository(FILE, vec![tie("search-*", &["/search/"])])],
    );
    let stated = Stated::CodeOwners {
        repository: "services".to_owned(),
        path: "/search/".to_owned(),
        line: 2,
        handles: vec!["@org/search".to_owned(), "@lena".to_owned()],
    };
    assert_eq!(found.owner, Owner::Known { name: "search".to_owned(), stated });
}

#[test]
fn a_repository_that_cannot_be_read_is_said_and_not_guessed_around() {
    let unread = with_file(Err("no answer".to_owned()), vec![tie("search-*", &[])]);
    let repositories = [unread];
    let found = owner(&[("feature", "search-a")], &repositories);
    assert_eq!(found.owner, Owner::Unknown { because: Unknown::NotStated });
    let note =
        RouteNote::NotRead { repository: "services".to_owned(), reason: "no answer".to_owned() };
    assert_eq!(found.notes, [note]);
    assert!(owner(&[("feature", "other")], &repositories).notes.is_empty(), "it is not tied");
}

#[test]
fn a_tie_names_spend_and_paths_of_a_repository() {
    let check = |dimension: &str, pattern: &[&str], path: &str| {
        let patterns = pattern.iter().map(|text| (*text).to_owned()).collect();
        let matching = BTreeMap::from([(dimension.to_owned(), patterns)]);
        Tie::new(&matching, &[path.to_owned()]).map(drop)
    };
    assert_eq!(check("feature", &["a"], "services/a/"), Ok(()));
    assert_eq!(check("feature", &["a"], "/"), Ok(()));
    for path in ["", "a/../b", "a//b", "./a", "a\u{7}"] {
        assert!(matches!(check("feature", &["a"], path), Err(TieError::Path(_))), "{path:?}");
    }
    for (dimension, pattern) in
        [("features", vec!["a"]), ("feature", vec![]), ("feature", vec![""])]
    {
        assert!(matches!(check(dimension, &pattern, "a"), Err(TieError::Match(_))), "{dimension}");
    }
    assert_eq!(Tie::new(&BTreeMap::new(), &[]), Err(TieError::NoMatch));
}

fn part(name: &str, amount: i128) -> (SeriesOwner, Pico) {
    let owner = match name {
        "" => Owner::Unknown { because: Unknown::NotStated },
        name => Owner::Known { name: name.to_owned(), stated: Stated::Team },
    };
    (SeriesOwner { owner, notes: Vec::new() }, Pico(amount))
}

#[track_caller]
fn check(parts: &[(&str, i128)], percent: u8, expected: Result<&str, &Unknown>) {
    let policy = EscalationPolicy::parse(&format!("main_owner_percent = {percent}")).unwrap();
    let parts: Vec<_> = parts.iter().map(|(name, amount)| part(name, *amount)).collect();
    let routed = route(&parts, &policy).unwrap();
    let found = match &routed.owner {
        Owner::Known { name, .. } => Ok(name.as_str()),
        Owner::Unknown { because } => Err(because),
    };
    assert_eq!(found, expected, "{parts:?}");
    let sum = Pico::checked_sum(routed.parts.iter().map(|part| part.amount));
    let whole = Pico::checked_sum(parts.iter().map(|(_, amount)| *amount));
    assert_eq!(sum, whole);
}

#[test]
fn a_change_is_its_main_owners_or_nobodys() {
    check(&[], 50, Err(&Unknown::NotStated));
    check(&[("a", 0)], 50, Ok("a"));
    check(&[("a", -5)], 50, Ok("a"));
    check(&[("a", 60), ("b", 40)], 50, Ok("a"));
    check(&[("a", 60), ("b", 40)], 61, Err(&Unknown::Shared));
    check(&[("a", 50), ("b", 50)], 50, Err(&Unknown::Shared));
    check(&[("a", 40), ("b", 30), ("c", 30)], 50, Err(&Unknown::Shared));
    check(&[("a", 30), ("b", 40), ("a", 30)], 50, Ok("a"));
    check(&[("", 60), ("b", 40)], 50, Err(&Unknown::NotStated));
    check(&[("", 40), ("b", 60)], 50, Ok("b"));
    // What fell is no part of what rose: of the rise, a has more than half.
    check(&[("a", 100), ("b", 90), ("c", -150)], 50, Ok("a"));
    check(&[("a", -100), ("b", -90), ("c", 150)], 50, Ok("a"));
    check(&[("a", 10), ("b", -10)], 50, Err(&Unknown::Shared));
    check(&[("a", 0), ("b", 0)], 50, Err(&Unknown::Shared));
}

#[test]
fn nobodys_goes_to_whom_the_policy_says() {
    let policy = EscalationPolicy::parse(
        "unowned = \"finops\"\n[[escalation]]\nowner = \"a\"\nreason = \"r\"\n\
         steps = [{ after_days = 3, to = \"b\" }]\nmatches = [\"a\"]\n",
    )
    .unwrap();
    let told = |parts: &[(SeriesOwner, Pico)]| -> Vec<(u16, String)> {
        let routed = route(parts, &policy).unwrap();
        routed.escalation.into_iter().map(|step| (step.after_days, step.to)).collect()
    };
    assert_eq!(told(&[part("a", 1)]), [(3, "b".to_owned())]);
    assert_eq!(told(&[part("c", 1)]), []);
    assert_eq!(told(&[part("", 1)]), [(0, "finops".to_owned())]);
    assert_eq!(told(&[part("a", 1), part("b", 1)]), [(0, "finops".to_owned())]);
}

#[test]
fn shares_are_of_what_went_the_same_way() {
    let parts = [part("a", 75), part("b", 25), part("c", -50)];
    let routed = route(&parts, &EscalationPolicy::default()).unwrap();
    let shares: Vec<_> =
        routed.parts.iter().map(|part| part.share_percent.map(|share| share.to_string())).collect();
    assert_eq!(shares, [Some("75".to_owned()), Some("25".to_owned()), None]);
    let text = serde_json::to_string(&routed).unwrap();
    assert_eq!(serde_json::from_str::<Routed>(&text).unwrap(), routed);
}

proptest! {
    /// However the parts are cut and ordered, the owner is the same, and the parts add to the whole.
    #[test]
    fn order_and_cuts_do_not_matter(
        (parts, shuffled) in prop::collection::vec((0_usize..4, -1_000_i128..1_000), 0..12)
            .prop_flat_map(|parts| (Just(parts.clone()), Just(parts).prop_shuffle())),
    ) {
        let names = ["", "a", "b", "c"];
        let of = |parts: &[(usize, i128)]| {
            let parts: Vec<_> = parts.iter().map(|(name, amount)| part(names[*name], *amount)).collect();
            route(&parts, &EscalationPolicy::default()).unwrap()
        };
        let routed = of(&parts);
        prop_assert_eq!(&of(&shuffled), &routed);
        let halves: Vec<(usize, i128)> = parts
            .iter()
            .flat_map(|(name, amount)| [(*name, amount / 2), (*name, amount - amount / 2)])
            .collect();
        prop_assert_eq!(&of(&halves), &routed);
        let sum: i128 = routed.parts.iter().map(|part| part.amount.0).sum();
        prop_assert_eq!(sum, parts.iter().map(|(_, amount)| amount).sum::<i128>());
    }
}
