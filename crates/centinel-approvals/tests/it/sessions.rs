//! Second factors and sessions.

use centinel_approvals::{
    AccountChange, ApprovalError, Approvals, Code, Decision, Password, Proof, Requester,
};
use centinel_engine::proposal::{Channel, Status};
use jiff::{SignedDuration, Timestamp};
use ring::hmac;

use crate::{
    access::{enrolled, minutes},
    world::{P1, World, account, at, decision, password},
};

/// The code of a base 32 key, computed a second time.
pub(crate) fn code(secret: &str, now: Timestamp) -> String {
    let digits = secret.chars().flat_map(|c| {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap();
        (0..5).rev().map(move |bit| u8::from(value & (1 << bit) != 0))
    });
    let digits: Vec<u8> = digits.collect();
    let byte = |bits: &[u8]| bits.iter().fold(0_u8, |byte, bit| (byte << 1) | bit);
    let key: Vec<u8> = digits.chunks_exact(8).map(byte).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &(now.as_second() / 30).to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let number = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

fn both(name: &str, code: &str) -> Proof {
    Proof::new(password(name), Some(Code::new(code)))
}

fn seconds(seconds: i64) -> Timestamp {
    at(1).checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

/// With a second factor, a password alone opens nothing; a code counts once; recovery codes too.
pub(crate) async fn second_factors_count_once(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("9000").await;
    assert!(!world.has_second_factor("ben").await.unwrap());
    let enrolment = world.begin_second_factor("ben").unwrap();
    let wrong = Code::new("000000");
    let refused =
        world.confirm_second_factor("ben", password("ben"), &enrolment, &wrong, at(0)).await;
    assert!(matches!(refused, Err(ApprovalError::WrongCode)));
    assert!(!world.has_second_factor("ben").await.unwrap(), "nothing is kept without a first code");

    let (secret, codes) = enrolled(&world, "ben", at(0)).await;
    assert!(world.has_second_factor("ben").await.unwrap());
    let reused = world.authenticate("ben", both("ben", &code(&secret, at(0))), at(0)).await;
    assert!(matches!(reused, Err(ApprovalError::WrongCredential)), "what set it up counts no more");
    let alone = world.decide(decision(&view), "ben", password("ben"), seconds(0)).await;
    assert!(matches!(alone, Err(ApprovalError::CodeNeeded)));
    let guess = world.decide(decision(&view), "ben", both("ben", "123456"), seconds(0)).await;
    assert!(matches!(guess, Err(ApprovalError::WrongCredential)));
    let proof = Proof::new(Password::new("not the password"), Some(Code::new(&codes[0])));
    assert!(world.authenticate("ben", proof, seconds(0)).await.is_err());
    let now = code(&secret, seconds(0));
    world.authenticate("ben", both("ben", &now), seconds(0)).await.unwrap();
    let again = world.decide(decision(&view), "ben", both("ben", &now), seconds(1)).await;
    assert!(matches!(again, Err(ApprovalError::WrongCredential)), "a code counts once");
    let next = code(&secret, seconds(60));
    let approved = world.decide(decision(&view), "ben", both("ben", &next), seconds(60)).await;
    assert_eq!(approved.unwrap().status, Status::Approved);

    world.authenticate("ben", both("ben", &codes[3]), seconds(90)).await.unwrap();
    let spent = world.authenticate("ben", both("ben", &codes[3]), seconds(91)).await;
    assert!(matches!(spent, Err(ApprovalError::WrongCredential)));
    world.authenticate("ben", both("ben", &codes[4].to_lowercase()), seconds(92)).await.unwrap();
    // Of codes that are sent at once, one counts.
    let now = code(&secret, seconds(200));
    let (one, two) = tokio::join!(
        world.authenticate("ben", both("ben", &now), seconds(200)),
        world.second.authenticate("ben", both("ben", &now), seconds(200)),
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);

    // A lost one is taken away by an admin, who proves it with their own; nobody else can.
    let cora = world.reset_second_factor("cora", password("cora"), "ben", seconds(300)).await;
    assert!(matches!(cora, Err(ApprovalError::NotAnAdmin(_))));
    world.reset_second_factor("ada", password("ada"), "ben", seconds(300)).await.unwrap();
    world.authenticate("ben", password("ben"), seconds(301)).await.unwrap();
}

/// A rule that asks for a second factor is not met by a password.
pub(crate) async fn policies_can_demand_a_second_factor(world: World) {
    let world = world.with_people().await;
    let strict =
        crate::world::POLICY.replacen("approvers = 1", "approvers = 1\nsecond_factor = true", 1);
    let strict = world.under(&strict);
    let draft = world.draft("9000").await;
    let view = strict.propose(draft, &Requester::system(), at(0)).await.unwrap().view;
    assert!(view.standing.requirement.second_factor);
    let refused = strict.decide(decision(&view), "ben", password("ben"), at(1)).await;
    assert!(matches!(&refused, Err(ApprovalError::SecondFactorNeeded(P1))), "{refused:?}");
    assert!(refused.unwrap_err().is_refusal());
    let no = crate::world::rejection(&view, "no");
    let (secret, _) = enrolled(&strict, "ben", at(1)).await;
    let proof = both("ben", &code(&secret, at(2)));
    let approved = strict.decide(decision(&view), "ben", proof, at(2)).await.unwrap();
    assert_eq!(approved.status, Status::Approved);
    let rejected = strict.decide(no, "cora", password("cora"), at(3)).await.unwrap();
    assert_eq!(rejected.status, Status::Rejected, "saying no takes a password only");
}

fn on_the_page(decision: Decision) -> Decision {
    Decision { channel: Channel::Web, ..decision }
}

/// A session decides as its person, with the text that only our own page knows.
pub(crate) async fn sessions_decide_as_their_person(world: World) {
    let world = world.with_people().await;
    let view = world.proposed("9000").await;
    let wrong = world.sign_in("ben", Password::new("not the password"), at(0)).await;
    assert!(matches!(wrong, Err(ApprovalError::WrongCredential)));
    let signed_in = world.sign_in("ben", password("ben"), at(0)).await.unwrap();
    assert!(!format!("{signed_in:?}").contains(&signed_in.secret));
    let other = world.sign_in("ben", password("ben"), at(0)).await.unwrap();
    assert_ne!(signed_in.secret, other.secret);
    let (secret, csrf) = (&signed_in.secret, &signed_in.csrf_token);
    let decide = async |secret: &str, csrf: &str, minute: i64| {
        let decision = on_the_page(decision(&view));
        world.decide_in_session(decision, secret, csrf, minutes(minute)).await
    };
    for forged in ["", secret.as_str(), other.csrf_token.as_str()] {
        let refused = decide(secret, forged, 1).await;
        assert!(matches!(refused, Err(ApprovalError::WrongCsrfToken)), "{forged}");
        let requester = world.requester_in_session(secret, forged, minutes(1)).await;
        assert!(matches!(requester, Err(ApprovalError::WrongCsrfToken)));
        assert!(world.sign_out(secret, forged, minutes(1)).await.is_err());
    }
    let unknown = decide("0", &Approvals::csrf_token("0"), 1).await;
    assert!(matches!(unknown, Err(ApprovalError::NoSession)));
    assert_eq!(decide(secret, csrf, 1).await.unwrap().status, Status::Approved);
    let requester = world.requester_in_session(secret, csrf, minutes(2)).await.unwrap();
    assert_eq!(requester.principal().to_string(), "person:ben");

    // Signing out ends this one and no other.
    world.sign_out(secret, csrf, minutes(3)).await.unwrap();
    world.sign_out(secret, csrf, minutes(3)).await.unwrap();
    assert!(world.session(secret, minutes(3)).await.unwrap().is_none());
    assert!(world.session(&other.secret, minutes(3)).await.unwrap().is_some());
    assert!(matches!(decide(secret, csrf, 4).await, Err(ApprovalError::NoSession)));
}

/// Idle for an hour, half a day after it began, or when the account changes: over.
pub(crate) async fn sessions_end(world: World) {
    let world = world.with_people().await;
    let begin = async |name: &str| world.sign_in(name, password(name), at(0)).await.unwrap().secret;
    let holds = async |secret: &str, minute: i64| {
        world.session(secret, minutes(minute)).await.unwrap().is_some()
    };
    let idle = begin("ben").await;
    assert!(holds(&idle, 59).await);
    assert!(holds(&idle, 118).await, "it was used at minute 59");
    assert!(!holds(&idle, 178).await);
    let long = begin("ben").await;
    for minute in (0..720).step_by(30) {
        assert!(holds(&long, minute).await, "{minute}");
    }
    assert!(!holds(&long, 720).await);
    assert!(!holds(&begin("ben").await, -1).await, "a clock that was set back");

    let (mine, role, off, kept) =
        (begin("ben").await, begin("cora").await, begin("dora").await, begin("finn").await);
    let new = Password::new("another password of ben");
    world.change_password("ben", password("ben"), new, minutes(1)).await.unwrap();
    let change = AccountChange { password: None, ..account("cora", &["owner:ads"]) };
    world.change_account("ada", password("ada"), change, minutes(1)).await.unwrap();
    let change = AccountChange { active: false, password: None, ..account("dora", &["finops"]) };
    world.change_account("ada", password("ada"), change, minutes(1)).await.unwrap();
    for (secret, expected) in [(&mine, false), (&role, false), (&off, false), (&kept, true)] {
        assert_eq!(holds(secret, 2).await, expected);
    }
    enrolled(&world, "finn", minutes(3)).await;
    assert!(!holds(&kept, 4).await, "a new second factor ends what began without it");
}

/// What cannot be undone is approved within five minutes of a proof; all else as long as it lasts.
pub(crate) async fn irreversible_changes_need_a_fresh_proof(world: World) {
    let world = world.with_people().await;
    let mut draft = world.draft("900").await;
    draft.reversible = false;
    let view = world.propose(draft, &Requester::system(), at(0)).await.unwrap().view;
    let signed_in = world.sign_in("finn", password("finn"), at(0)).await.unwrap();
    let (secret, csrf) = (&signed_in.secret, &signed_in.csrf_token);
    let decide = async |minute| {
        let decision = on_the_page(decision(&view));
        world.decide_in_session(decision, secret, csrf, minutes(minute)).await
    };
    let stale = decide(6).await;
    assert!(matches!(&stale, Err(ApprovalError::ProveAgain(P1))), "{stale:?}");
    let wrong = Password::new("not the password");
    assert!(world.confirm_session(secret, csrf, wrong, minutes(6)).await.is_err());
    assert!(decide(6).await.is_err());
    let forged = world.confirm_session(secret, "forged", password("finn"), minutes(7)).await;
    assert!(matches!(forged, Err(ApprovalError::WrongCsrfToken)));
    world.confirm_session(secret, csrf, password("finn"), minutes(7)).await.unwrap();
    let voted = decide(12).await.unwrap();
    assert_eq!(
        (voted.status, voted.standing.approved_by),
        (Status::Pending, vec!["finn".to_owned()])
    );
}
