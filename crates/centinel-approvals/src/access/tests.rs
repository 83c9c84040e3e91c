use centinel_engine::proposal::Role;
use jiff::Timestamp;

use super::*;

fn people() -> Directory {
    let mut people = Directory::default();
    for (name, roles, active) in [
        ("ada", vec!["admin"], true),
        ("ana", vec!["owner:search"], true),
        ("cora", vec!["finops"], true),
        ("eve", vec!["finops", "admin", "owner:search"], false),
        ("mel", vec!["member:search"], true),
    ] {
        let roles = roles.into_iter().map(|role| role.parse::<Role>().unwrap()).collect();
        let (human, changed_at) = (name.to_owned(), Timestamp::UNIX_EPOCH);
        people.insert(Person { name: name.to_owned(), human, roles, active, changed_at });
    }
    people
}

fn agent(acts_for: Option<&str>) -> Principal {
    Principal::Agent { token: "bot".to_owned(), acts_for: acts_for.map(str::to_owned) }
}

fn series(labels: &[(&str, &str)]) -> SeriesKey {
    labels.iter().map(|(name, value)| (name.parse().unwrap(), (*value).to_owned())).collect()
}

/// The policies that ship, with one more.
fn with(policy: &str) -> Result<AccessPolicy, AccessError> {
    AccessPolicy::parse(&[SHIPPED[0], ("own.cedar", policy)], Some(SHIPPED_TESTS))
}

/// Where the place is the validator's to choose.
const ANY: usize = 99;
const HEAD: &str = "@id(\"own\")\n@reason(\"a test\")\n";

#[test]
fn the_shipped_policies_hold_to_their_examples() {
    let access = AccessPolicy::shipped().unwrap();
    assert_eq!(access.digest().len(), 64);
    let used: Vec<String> = access.dimensions.unwrap().iter().map(ToString::to_string).collect();
    // `agent` and `source` are words of the policies' JSON or none of them; more than is used is safe.
    assert!(!used.contains(&"model".to_owned()), "{used:?}");
}

#[test]
fn what_is_built_for_policies_fits_the_schema() {
    let access = AccessPolicy::shipped().unwrap();
    let people = people();
    let scopes = [Scope::Read, Scope::Propose].into();
    let every: Vec<(Dimension, String)> = Dimension::NAMED
        .into_iter()
        .chain(["tag:cost-center".parse().unwrap()])
        .map(|dimension| (dimension, "x".to_owned()))
        .collect();
    let labels = every.iter().map(|(dimension, value)| (dimension, value.as_str()));
    let facts = ProposalFacts {
        kind: "commitment",
        owner: "search",
        amount: Some(5),
        risk: "high",
        reversible: false,
        requester: Some("ana"),
    };
    let resources = [
        access.types.spend(labels, Some("search")).unwrap(),
        access.types.proposal(&facts).unwrap(),
        access.types.home().unwrap(),
    ];
    let subjects = [Principal::person("ana"), agent(Some("ana")), agent(None), Principal::System];
    let subjects = subjects.map(|who| access.subject(&who, &scopes, &people).unwrap());
    let faces = subjects.iter().flat_map(|subject| &subject.faces);
    let entities = faces.flat_map(|face| &face.entities);
    let entities = entities.chain(resources.iter().flat_map(|resource| &resource.entities));
    for entity in entities {
        let checked = Entities::from_entities([entity.clone()], Some(&access.schema));
        assert!(checked.is_ok(), "{entity}: {}", checked.unwrap_err());
    }
}

/// Each with file, line and words; nothing of the set is taken.
#[test]
fn bad_policies_are_refused_with_their_place() {
    let own = |body: &str| format!("// a comment\n{HEAD}{body}");
    for (policy, line, message) in [
        (own("permit (principal in Role::\"boss\", action, resource);"), 4, "boss"),
        (
            own("permit (principal is Person, action == Action::\"destroy\", resource);"),
            4,
            "destroy",
        ),
        (own("permit (principal is Robot, action == Action::\"see\", resource);"), 4, "Robot"),
        (
            own(
                "forbid (principal, action, resource is Proposal)\nwhen { resource.colour == \"red\" };",
            ),
            5,
            "colour",
        ),
        (
            own("forbid (principal, action, resource is Spend)\nwhen { resource.owner == \"x\" };"),
            5,
            "owner",
        ),
        (
            own("permit (principal is Agent, action == Action::\"approve\", resource);"),
            2,
            "could let an agent approve",
        ),
        (own("permit (principal, action, resource);"), 2, "could let an agent approve"),
        (
            own("permit (principal in Scope::\"read\", action == Action::\"execute\", resource);"),
            2,
            "could let an agent execute",
        ),
        (
            own(
                "permit (principal == Agent::\"bot\", action in [Action::\"see\", Action::\"reject\"], resource);",
            ),
            2,
            "could let an agent reject",
        ),
        (own("permit (principal is System, action == Action::\"approve\", resource);"), ANY, ""),
        (own("permit (principal is Person, action, resource) when { 1 };"), 4, ""),
        (own("permit (principal is Person action, resource);"), 4, "not valid Cedar"),
        (own("permit (principal == ?principal, action, resource);"), 0, "templates"),
        (
            "permit (principal is Person, action == Action::\"see\", resource);".to_owned(),
            1,
            "no name",
        ),
        (
            "@id(\"x\")\npermit (principal is Person, action == Action::\"see\", resource);"
                .to_owned(),
            1,
            "gives no reason",
        ),
        (
            "@id(\"roles-decide\")\n@reason(\"r\")\n\
             permit (principal is Person, action == Action::\"see\", resource);"
                .to_owned(),
            1,
            "there twice, also in `default.cedar`",
        ),
    ] {
        let error = with(&policy).unwrap_err();
        assert_eq!(error.file, "own.cedar", "{policy}: {error}");
        assert!(error.line == line || line == ANY, "{policy}: {error}");
        assert!(error.message.contains(message), "{policy}: {error}");
        let shown = format!("{error}\n{}", error.hint);
        assert_eq!(shown.lines().count(), 2, "{shown}");
        assert!(!error.hint.is_empty(), "{policy}");
    }
    assert!(AccessPolicy::parse(&[], None).is_err(), "no policy at all is a mistake");
}

#[test]
fn a_set_that_contradicts_an_example_is_not_taken() {
    let blind = format!("{HEAD}forbid (principal is Person, action == Action::\"see\", resource);");
    let error = with(&blind).unwrap_err();
    assert_eq!(error.file, "tests.toml");
    assert!(error.message.contains("a team sees its own spend"), "{error}");
    let tests = |text: &str| AccessPolicy::parse(&SHIPPED, Some(text)).unwrap_err();
    let example = "[[test]]\nname = \"x\"\nwho = { person = \"ana\" }\non = { home = true }\n";
    for (text, message) in [
        (format!("{example}may = [\"fly\"]"), "there is no action `fly`"),
        (example.to_owned(), "says neither"),
        (format!("{example}may = [\"administer\"]"), "`administer` is denied"),
        (format!("{example}may_not = []\ncolour = 1"), "unknown field"),
        (example.replace("{ home = true }", "{}") + "may = [\"see\"]", "`on` is one of"),
        (example.replace("{ person = \"ana\" }", "{}") + "may = [\"see\"]", "`who` is one of"),
    ] {
        let error = tests(&text);
        assert!(error.message.contains(message), "{text}: {error}");
        assert!(error.line >= 1, "{text}");
    }
}

/// A policy set as permissive as can be written: agents and the system decide nothing under it, by
/// the schema, by the built-in rules, and by the check at each decision.
#[test]
fn no_policy_lets_an_agent_decide() {
    let all = "permit (principal is Person, action, resource);";
    let agents = "@id(\"agents\")\n@reason(\"all that can be said\")\n\
                  permit (principal is Agent, action in [Action::\"see\", Action::\"propose\", \
                  Action::\"withdraw\"], resource);";
    let text = format!("{HEAD}{all}\n{agents}");
    let access = AccessPolicy::parse(&[("own.cedar", &text)], None).unwrap();
    let people = people();
    let facts = ProposalFacts {
        kind: "budget",
        owner: "search",
        amount: None,
        risk: "low",
        reversible: true,
        requester: None,
    };
    let proposal = access.types.proposal(&facts).unwrap();
    let home = access.types.home().unwrap();
    let scopes: BTreeSet<Scope> = [Scope::Read, Scope::Propose].into();
    for (principal, deciding) in [
        (Principal::person("mel"), true),
        (agent(None), false),
        (agent(Some("ada")), false),
        (Principal::System, false),
    ] {
        let subject = access.subject(&principal, &scopes, &people).unwrap();
        for deed in [Deed::Approve, Deed::Reject] {
            let found = access.allows(&subject, Action::Do(deed), &proposal);
            assert_eq!(found, deciding, "{principal} {deed:?}");
        }
        assert_eq!(access.allows(&subject, Action::Administer, &home), deciding, "{principal}");
        let executes = access.allows(&subject, Action::Do(Deed::Execute), &proposal);
        assert!(!executes, "{principal}: only the system executes, and no policy here lets it");
    }
    // The built-in rules alone, with neither schema nor check before them.
    let built_in: Vec<Policy> = built_in().unwrap();
    let mut naked = PolicySet::new();
    for (number, policy) in built_in.into_iter().enumerate() {
        naked.add(policy.new_id(PolicyId::new(number.to_string()))).unwrap();
    }
    let all: Policy = "permit (principal, action, resource);".parse().unwrap();
    naked.add(all.new_id(PolicyId::new("all"))).unwrap();
    let bot = access.subject(&agent(None), &scopes, &people).unwrap();
    for action in Action::ALL {
        let uid = access.types.action(action).unwrap();
        let (who, what) = (bot.faces[0].uid.clone(), proposal.uid.clone());
        let request = Request::new(who, uid, what, Context::empty(), None).unwrap();
        let answer = Authorizer::new().is_authorized(&request, &naked, &Entities::empty());
        assert_eq!(answer.decision() == Decision::Deny, action.is_deciding(), "{action:?}");
    }
}

#[test]
fn agents_are_bound_to_their_person() {
    let access = AccessPolicy::shipped().unwrap();
    let people = people();
    let read: BTreeSet<Scope> = [Scope::Read].into();
    let own = series(&[("team", "search"), ("model", "gpt-5")]);
    for (principal, scopes, owner, sees) in [
        (agent(Some("ana")), &read, Some("search"), true),
        (agent(Some("ana")), &read, Some("ads"), false),
        (agent(Some("ana")), &read, None, false),
        (agent(Some("cora")), &read, None, true),
        (agent(None), &read, Some("ads"), true),
        (agent(Some("cora")), &[Scope::Propose].into(), None, false),
        (Principal::person("mel"), &BTreeSet::new(), Some("search"), true),
        (Principal::person("mel"), &BTreeSet::new(), Some("ads"), false),
    ] {
        let subject = access.subject(&principal, scopes, &people).unwrap();
        let spend = access.spend(&own, owner).unwrap();
        assert_eq!(access.allows(&subject, Action::See, &spend), sees, "{principal} {owner:?}");
    }
    for gone in [Principal::person("eve"), agent(Some("eve")), agent(Some("nobody"))] {
        assert!(access.subject(&gone, &read, &people).is_none(), "{gone}");
    }
}

#[test]
fn policies_can_look_at_labels_tags_and_amounts() {
    let policy = format!(
        "{HEAD}permit (principal is Person, action == Action::\"see\", resource is Spend)\n\
         when {{ resource.hasTag(\"cost-center\") && resource.getTag(\"cost-center\") == \"42\" &&\n\
         resource has provider && resource.provider != \"aws\" }};\n\
         @id(\"large\")\n@reason(\"large amounts are for finance\")\n\
         forbid (principal is Person, action == Action::\"approve\", resource is Proposal)\n\
         when {{ !(resource has amount && resource.amount <= 10000) }}\n\
         unless {{ principal in Role::\"finance\" }};"
    );
    let access = AccessPolicy::parse(&[SHIPPED[0], ("own.cedar", &policy)], None).unwrap();
    assert_eq!(access.dimensions, None, "a tag may be any");
    let people = people();
    let ana = access.subject(&Principal::person("ana"), &BTreeSet::new(), &people).unwrap();
    for (labels, sees) in [
        (&[("tag:cost-center", "42"), ("provider", "openai")][..], true),
        (&[("tag:cost-center", "42"), ("provider", "aws")], false),
        (&[("tag:cost-center", "42")], false),
        (&[("tag:cost-center", "43"), ("provider", "openai")], false),
        (&[("provider", "openai")], false),
    ] {
        let spend = access.spend(&series(labels), None).unwrap();
        assert_eq!(access.allows(&ana, Action::See, &spend), sees, "{labels:?}");
    }
    for (amount, may) in [(Some(10_000), true), (Some(10_001), false), (None, false)] {
        let facts = ProposalFacts {
            kind: "budget",
            owner: "search",
            amount,
            risk: "low",
            reversible: true,
            requester: None,
        };
        let proposal = access.types.proposal(&facts).unwrap();
        let found = access.allows(&ana, Action::Do(Deed::Approve), &proposal);
        assert_eq!(found, may, "{amount:?}");
        assert!(access.allows(&ana, Action::Do(Deed::Reject), &proposal), "{amount:?}");
    }
}

#[test]
fn amounts_are_rounded_up() {
    for (amount, units) in
        [("0", 0), ("10000", 10_000), ("10000.000000000001", 10_001), ("-0.5", 0), ("-1", -1)]
    {
        assert_eq!(whole_units(amount.parse().unwrap()), units, "{amount}");
    }
    assert_eq!(whole_units(Pico(i128::MAX)), i64::MAX);
}

#[test]
fn the_digest_is_of_the_meaning() {
    let (_, text) = SHIPPED[0];
    let shipped = AccessPolicy::shipped().unwrap();
    let commented = format!("// a comment\n{text}\n");
    let same = AccessPolicy::parse(&[("other.cedar", &commented)], None).unwrap();
    assert_eq!(same.digest(), shipped.digest());
    assert!(
        same.digest()
            != with(&format!("{HEAD}forbid (principal == Person::\"mallory\", action, resource);"))
                .unwrap()
                .digest()
    );
}
