//! Ten thousand tamperings with a log, through the check that `audit verify` uses.
//!
//! `cargo test -p centinel-store tampering -- --nocapture` prints what was found of each kind: knowing
//! nothing from outside, knowing the home's key, and knowing a head that was published.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde_json::{Value, json};

use super::{
    AuditKey, Head, Knowledge, LogCheck, PublishedHead, RawEntry, RawSignature,
    check::{KEY_ANNOUNCED, is_due},
    key::Announcement,
};

const ROUNDS: usize = 10_000;
const LENGTH: i64 = 131;
/// The entry that announces the second key.
const ROTATED: i64 = 70;

/// A log with its signatures, in somebody's hands.
#[derive(Clone, PartialEq)]
struct Log {
    entries: Vec<RawEntry>,
    signatures: Vec<RawSignature>,
}

/// Keys of a home, first and second.
struct Keys([AuditKey; 2]);

impl Keys {
    fn new() -> Self {
        Self([0, 1].map(|_| AuditKey::generate().unwrap().0))
    }

    fn at(&self, sequence: i64) -> &AuditKey {
        &self.0[usize::from(sequence >= ROTATED)]
    }

    /// What an entry at this place announces, if it announces a key.
    fn announcement(&self, sequence: i64, previous: &str) -> Option<Announcement> {
        match sequence {
            1 => Some(self.0[0].announcement(None, previous)),
            ROTATED => Some(self.0[1].announcement(Some(&self.0[0]), previous)),
            _ => None,
        }
    }
}

const ACTIONS: [&str; 8] = [
    "policies.loaded",
    "person.set",
    "credential.set",
    "proposal.proposed",
    "proposal.vote_cast",
    "refused",
    "login.failed",
    "proposal.withdrawn",
];

fn log(keys: &Keys, name: &str, random: &mut Pcg64) -> Log {
    let mut log = Log { entries: Vec::new(), signatures: Vec::new() };
    for sequence in 1..=LENGTH {
        // The last ten decide nothing, so that nothing in them is signed at once.
        let choice = if sequence > LENGTH - 10 { 0 } else { random.random_range(0..ACTIONS.len()) };
        let previous = Head::empty().hash;
        let previous = log.entries.last().map_or(previous, |last: &RawEntry| last.hash.clone());
        let announced = keys.announcement(sequence, &previous);
        let action = if announced.is_some() { KEY_ANNOUNCED } else { ACTIONS[choice] };
        let payload = match announced {
            Some(announced) => serde_json::to_value(announced).unwrap(),
            None => json!({ "log": name, "number": sequence, "text": "Ω \"quoted\" \n" }),
        };
        log.entries.push(RawEntry {
            sequence,
            at: 1_800_000_000_000_000 + sequence,
            actor: ["system", "person:ana", "agent:mcp"][random.random_range(0..3)].to_owned(),
            action: action.to_owned(),
            subject: format!("P-{}", random.random_range(1..5)),
            payload: centinel_engine::facts::canonical_json(&payload).unwrap(),
            previous,
            hash: String::new(),
        });
        let last = log.entries.last_mut().unwrap();
        last.hash = last.rehashed();
    }
    sign(&mut log, keys);
    log
}

/// Signs all that is due, as the holder of these keys would.
fn sign(log: &mut Log, keys: &Keys) {
    log.signatures.clear();
    for entry in log.entries.iter().filter(|entry| is_due(entry.sequence, &entry.action)) {
        let head = Head { sequence: entry.sequence, hash: entry.hash.clone() };
        log.signatures.push((&keys.at(entry.sequence).sign(&head)).into());
    }
}

/// Hashes anew from an index on; where keys are given, announcements are made anew too.
fn rehash(log: &mut Log, from: usize, keys: Option<&Keys>) {
    for index in from..log.entries.len() {
        let previous = match index {
            0 => Head::empty().hash,
            _ => log.entries[index - 1].hash.clone(),
        };
        let entry = &mut log.entries[index];
        entry.sequence = i64::try_from(index).unwrap() + 1;
        let announced = keys.and_then(|keys| keys.announcement(entry.sequence, &previous));
        if let Some(announced) = announced {
            entry.payload = centinel_engine::facts::canonical_json(&announced).unwrap();
        }
        entry.previous = previous;
        entry.hash = entry.rehashed();
    }
}

fn edit(entry: &mut RawEntry, column: usize) {
    let flipped = |hash: &str| {
        let other = if hash.starts_with('0') { "1" } else { "0" };
        format!("{other}{}", &hash[1..])
    };
    match column {
        0 => entry.at += 1,
        1 => entry.actor.push('x'),
        2 => entry.action.push('x'),
        3 => entry.subject.push('1'),
        4 => entry.payload = entry.payload.replacen('{', "{\"forged\":1,", 1),
        5 => entry.payload.push(' '),
        6 => entry.previous = flipped(&entry.previous),
        7 => entry.hash = flipped(&entry.hash),
        _ => entry.sequence += 1,
    }
}

/// A tampering: what it is called, and what it does at a random place.
type Kind = (&'static str, fn(&mut Log, &Hands, &mut Pcg64));

/// What an intruder has.
struct Hands {
    /// Another log of the same length by the same home.
    other: Log,
    /// Keys of their own.
    keys: Keys,
}

/// An index that is not the first entry's.
fn place(log: &Log, random: &mut Pcg64) -> usize {
    random.random_range(1..log.entries.len() - 1)
}

/// The index of an entry that announces nothing.
fn plain_place(log: &Log, random: &mut Pcg64) -> usize {
    loop {
        let index = place(log, random);
        if log.entries[index].action != KEY_ANNOUNCED {
            return index;
        }
    }
}

fn drop_signatures(log: &mut Log, from: usize) {
    let from = i64::try_from(from).unwrap() + 1;
    log.signatures.retain(|signature| signature.sequence < from);
}

const KINDS: [Kind; 26] = [
    ("edit a column", |log, _, random| {
        let (index, column) =
            (random.random_range(0..log.entries.len()), random.random_range(0..9));
        edit(&mut log.entries[index], column);
    }),
    ("delete an entry", |log, _, random| {
        let index = place(log, random);
        log.entries.remove(index);
    }),
    ("delete several, close the gap", |log, _, random| {
        let index = place(log, random);
        let end = (index + random.random_range(1..6)).min(log.entries.len() - 1);
        let gap = i64::try_from(end - index).unwrap();
        log.entries.drain(index..end);
        log.entries.iter_mut().skip(index).for_each(|entry| entry.sequence -= gap);
    }),
    ("insert an entry, rightly chained", |log, _, random| {
        let index = place(log, random);
        let mut entry = log.entries[index].clone();
        entry.payload = json!({ "forged": random.random_range(0..1_000_000) }).to_string();
        entry.hash = entry.rehashed();
        log.entries.iter_mut().skip(index).for_each(|entry| entry.sequence += 1);
        log.entries.insert(index, entry);
    }),
    ("repeat an entry", |log, _, random| {
        let index = place(log, random);
        log.entries.insert(index, log.entries[index].clone());
    }),
    ("swap two entries", |log, _, random| {
        let (one, two) = (place(log, random), place(log, random));
        log.entries.swap(one, two);
    }),
    ("swap two entries with their numbers", |log, _, random| {
        let (one, two) = (place(log, random), place(log, random));
        log.entries.swap(one, two);
        log.entries[one].sequence = i64::try_from(one).unwrap() + 1;
        log.entries[two].sequence = i64::try_from(two).unwrap() + 1;
    }),
    ("move an entry, number all anew", |log, _, random| {
        let entry = { log.entries.remove(place(log, random)) };
        let to = place(log, random);
        log.entries.insert(to, entry);
        for (index, entry) in log.entries.iter_mut().enumerate() {
            entry.sequence = i64::try_from(index).unwrap() + 1;
        }
    }),
    ("splice a piece of another log", |log, hands, random| {
        let index = place(log, random);
        let end = (index + random.random_range(1..20)).min(log.entries.len());
        log.entries[index..end].clone_from_slice(&hands.other.entries[index..end]);
    }),
    ("splice the end of another log", |log, hands, random| {
        let index = place(log, random);
        log.entries[index..].clone_from_slice(&hands.other.entries[index..]);
        drop_signatures(log, index);
        let from = i64::try_from(index).unwrap();
        log.signatures.extend(hands.other.signatures.iter().filter(|s| s.sequence > from).cloned());
    }),
    ("cut the end, leave its signatures", |log, _, random| {
        let index = random.random_range(1..110);
        log.entries.truncate(index);
    }),
    ("cut the end with its signatures", |log, _, random| {
        let index = place(log, random);
        log.entries.truncate(index);
        drop_signatures(log, index);
    }),
    ("edit, hash anew to the end", |log, _, random| {
        let index = plain_place(log, random);
        edit(&mut log.entries[index], random.random_range(0..4));
        rehash(log, index, None);
    }),
    ("the same, without signatures from there", |log, _, random| {
        let index = plain_place(log, random);
        edit(&mut log.entries[index], random.random_range(0..4));
        rehash(log, index, None);
        drop_signatures(log, index);
    }),
    ("the same, among the last, unsigned entries", |log, _, random| {
        let index = log.entries.len() - random.random_range(1..10);
        edit(&mut log.entries[index], random.random_range(0..4));
        rehash(log, index, None);
    }),
    ("the same, with signatures of another key", |log, hands, random| {
        let index = plain_place(log, random);
        edit(&mut log.entries[index], random.random_range(0..4));
        rehash(log, index, None);
        let before = log.signatures.clone();
        sign(log, &hands.keys);
        let from = i64::try_from(index).unwrap();
        log.signatures.retain(|signature| signature.sequence > from);
        log.signatures.splice(0..0, before.into_iter().filter(|s| s.sequence <= from));
    }),
    ("delete, hash anew to the end", |log, _, random| {
        let index = plain_place(log, random);
        log.entries.remove(index);
        rehash(log, index, None);
        drop_signatures(log, index);
    }),
    ("append a decision, rightly chained", |log, _, random| {
        let mut entry = log.entries[random.random_range(0..log.entries.len())].clone();
        entry.action = "proposal.approved".to_owned();
        let index = log.entries.len() - random.random_range(1..4);
        log.entries.insert(index, entry);
        rehash(log, index, None);
    }),
    ("announce a key of one's own", |log, hands, random| {
        let index = plain_place(log, random);
        let previous = log.entries[index - 1].hash.clone();
        let old = random.random_bool(0.5).then_some(&hands.keys.0[1]);
        let said = hands.keys.0[0].announcement(old, &previous);
        log.entries[index].action = KEY_ANNOUNCED.to_owned();
        log.entries[index].payload = centinel_engine::facts::canonical_json(&said).unwrap();
        rehash(log, index, None);
        drop_signatures(log, index);
    }),
    ("write all anew under a key of one's own", |log, hands, random| {
        let index = plain_place(log, random);
        edit(&mut log.entries[index], random.random_range(0..4));
        rehash(log, 0, Some(&hands.keys));
        sign(log, &hands.keys);
    }),
    ("forge a signature", |log, hands, random| {
        let index = random.random_range(0..log.signatures.len());
        let signature = &mut log.signatures[index];
        let head = Head { sequence: signature.sequence, hash: signature.hash.clone() };
        let forged = RawSignature::from(&hands.keys.at(head.sequence).sign(&head));
        match random.random_range(0..4) {
            0 => *signature = forged,
            1 => signature.signature = forged.signature,
            2 => signature.hash = forged.hash.chars().rev().collect(),
            _ => signature.key = forged.key,
        }
    }),
    ("delete a signature", |log, _, random| {
        log.signatures.remove(random.random_range(0..log.signatures.len()));
    }),
    ("delete the last signatures", |log, _, random| {
        let left = log.signatures.len() - random.random_range(1..5);
        log.signatures.truncate(left);
    }),
    ("delete all signatures", |log, _, _| log.signatures.clear()),
    ("swap two signatures", |log, _, random| {
        let count = log.signatures.len();
        let (one, two) = (random.random_range(0..count), random.random_range(0..count));
        let text = log.signatures[one].signature.clone();
        log.signatures[one].signature = log.signatures[two].signature.clone();
        log.signatures[two].signature = text;
    }),
    ("sign what nobody signed", |log, hands, random| {
        let unsigned = |log: &Log, sequence: i64| {
            let entry = log.entries.iter().find(|entry| entry.sequence == sequence);
            entry.is_none_or(|entry| !is_due(sequence, &entry.action))
        };
        let sequence = loop {
            let sequence = random.random_range(1..LENGTH + 5);
            if unsigned(log, sequence) {
                break sequence;
            }
        };
        let hash = log.entries.last().unwrap().hash.clone();
        log.signatures.push((&hands.keys.0[0].sign(&Head { sequence, hash })).into());
    }),
];

fn is_found(log: &Log, known: &Knowledge) -> bool {
    let mut check = LogCheck::new(known);
    for entry in &log.entries {
        if !check.take(entry) {
            break;
        }
    }
    check.finish(&log.signatures).fault.is_some()
}

#[test]
fn ten_thousand_tamperings_are_found() {
    let mut random = Pcg64::seed_from_u64(20_261_122);
    let keys = Keys::new();
    let intact = log(&keys, "a", &mut random);
    let other = log(&keys, "b", &mut random);
    let hands = Hands { other, keys: Keys::new() };
    let last = intact.entries.last().unwrap();
    let head = Head { sequence: last.sequence, hash: last.hash.clone() };
    let key = Some(keys.0[1].public().id());
    let signed = PublishedHead::Signed(keys.0[1].sign(&head));
    let knowledge = [
        ("nothing", Knowledge::default()),
        ("the home's key", Knowledge { key: key.clone(), ..Knowledge::default() }),
        ("a plain head", Knowledge { heads: vec![PublishedHead::Plain(head)], key: None }),
        ("a signed head", Knowledge { heads: vec![signed], key: None }),
    ];
    for (name, known) in &knowledge {
        assert!(!is_found(&intact, known), "the intact log, knowing {name}");
    }
    let mut counts = vec![[0_usize; 5]; KINDS.len()];
    for round in 0..ROUNDS {
        let kind = round % KINDS.len();
        let mut tampered = intact.clone();
        while tampered == intact {
            KINDS[kind].1(&mut tampered, &hands, &mut random);
        }
        counts[kind][4] += 1;
        // Knowing more only adds checks: what is found knowing nothing is found knowing the key, too.
        let by_itself = is_found(&tampered, &knowledge[0].1);
        for (which, (_, known)) in knowledge.iter().enumerate() {
            let is_the_head = which == 3;
            let found = if by_itself && !is_the_head { true } else { is_found(&tampered, known) };
            counts[kind][which] += usize::from(found);
        }
    }
    println!("| tampering | done | {} |", knowledge.each_ref().map(|(name, _)| *name).join(" | "));
    println!("|---|---:|---:|---:|---:|---:|");
    let mut total = [0; 5];
    for ((name, _), found) in KINDS.iter().zip(&counts) {
        let [nothing, key, plain, signed, done] = found;
        println!("| {name} | {done} | {nothing} | {key} | {plain} | {signed} |");
        total.iter_mut().zip(found).for_each(|(total, found)| *total += found);
        assert_eq!(signed, done, "{name}");
    }
    let [nothing, key, plain, signed, done] = total;
    println!("| all | {done} | {nothing} | {key} | {plain} | {signed} |");
    assert_eq!((done, signed), (ROUNDS, ROUNDS));
    let partly = |which: usize| -> Vec<&str> {
        let kinds = KINDS.iter().zip(&counts);
        kinds.filter(|(_, found)| found[which] < found[4]).map(|((name, _), _)| *name).collect()
    };
    // Exactly these can go unnoticed without a head from outside: ends that were cut off, and ends
    // written anew behind the last entry that decides something. All of it written anew shows against
    // the key that the home holds.
    let ends = [
        "cut the end with its signatures",
        "edit, hash anew to the end",
        "the same, without signatures from there",
        "the same, among the last, unsigned entries",
        "the same, with signatures of another key",
        "delete, hash anew to the end",
    ];
    assert_eq!(partly(0), [&ends[..], &["write all anew under a key of one's own"]].concat());
    assert_eq!((partly(1), partly(2)), (ends.to_vec(), Vec::new()));
}

#[test]
fn the_rule_of_the_hash_is_the_published_one() {
    let mut random = Pcg64::seed_from_u64(1);
    let log = log(&Keys::new(), "a", &mut random);
    for entry in log.entries {
        let content: Value = json!({
            "sequence": entry.sequence, "at": entry.at, "actor": entry.actor,
            "action": entry.action, "subject": entry.subject,
            "payload": serde_json::from_str::<Value>(&entry.payload).unwrap(),
        });
        let text = centinel_engine::facts::canonical_json(&content).unwrap();
        let hash =
            centinel_engine::facts::sha256_hex(format!("{}{text}", entry.previous).as_bytes());
        assert_eq!(hash, entry.hash);
    }
}
