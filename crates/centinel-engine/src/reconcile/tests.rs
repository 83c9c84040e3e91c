//! Planted differences: one at a time each has its cause, together nothing is lost.

mod plant;

use proptest::prelude::*;

use self::plant::{Fault, Pair, World};
use super::*;
use crate::pricing::native;

fn statement(pair: &Pair, book: &PriceBook) -> Statement {
    let books = [book];
    let options = Options { period: None, books: &books, rates: &[] };
    let mut statements = reconcile(&pair.calls, &pair.rows, &options).unwrap();
    assert_eq!(statements.len(), 1, "one currency of invoices");
    statements.remove(0)
}

fn check_sums(pair: &Pair, statement: &Statement) {
    let exact = |amounts: Vec<Decimal>| exact::sum(amounts).unwrap();
    let ledger = exact(pair.calls.iter().map(|call| cost(call).unwrap()).collect());
    let invoice = exact(pair.rows.iter().map(|row| row.amount).collect());
    assert_eq!(statement.ledger, ledger);
    assert_eq!(statement.invoice, invoice);
    let gap = invoice.checked_sub(ledger).unwrap();
    assert_eq!(statement.gap, gap);
    assert_eq!(exact(statement.parts.iter().map(|part| part.amount).collect()), gap);
    assert_eq!(exact(statement.causes.iter().map(|cause| cause.amount).collect()), gap);
    assert!(statement.parts.iter().all(|part| part.evidence != "lost in this comparison"));
}

/// The cause that a fault must be attributed to, and nothing else but rounding where the invoice
/// rounds.
#[track_caller]
fn check_single(fault: Fault, seed: u64, book: &PriceBook) {
    let mut world = World::new(seed, book);
    let planted = world.plant(fault);
    let pair = world.pair();
    let statement = statement(&pair, book);
    check_sums(&pair, &statement);
    let shown = || {
        let parts: Vec<_> = statement.parts.iter().take(6).collect();
        format!("{fault:?} seed {seed}: {:#?}\n{parts:#?}", statement.causes)
    };
    for total in &statement.causes {
        let is_right = total.cause == fault.cause()
            || (total.cause == Cause::Rounding && fault == Fault::Rounding);
        assert!(is_right, "{}", shown());
    }
    let found = statement.causes.iter().find(|total| total.cause == fault.cause());
    let found = found.map(|total| total.amount).unwrap_or_default();
    assert_eq!(found, planted, "{}", shown());
}

#[test]
fn nothing_planted_is_no_gap() {
    let book = native::read(plant::BOOK).unwrap();
    let pair = World::new(1, &book).pair();
    let statement = statement(&pair, &book);
    assert!(statement.gap.is_zero());
    assert_eq!(statement.parts, []);
    assert_eq!(statement.notes, [] as [String; 0]);
}

#[test]
fn each_fault_alone_has_its_cause() {
    let book = native::read(plant::BOOK).unwrap();
    for fault in Fault::ALL {
        for seed in 0..25 {
            check_single(fault, seed, &book);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]
    #[test]
    fn together_they_add_up_exactly(
        seed in any::<u64>(),
        chosen in prop::collection::vec(0..Fault::ALL.len(), 0..8),
    ) {
        let book = native::read(plant::BOOK).unwrap();
        let mut world = World::new(seed, &book);
        for index in chosen {
            world.plant(Fault::ALL[index]);
        }
        let pair = world.pair();
        check_sums(&pair, &statement(&pair, &book));
    }
}

/// Of many faults at once, a part names a cause that was planted where it lies, or is unexplained and
/// has one of those among its candidates.
#[test]
fn together_no_part_has_a_cause_that_was_not_planted_there() {
    let book = native::read(plant::BOOK).unwrap();
    let (mut parts, mut wrong) = (0, Vec::new());
    for seed in 0..400_u64 {
        let mut world = World::new(seed, &book);
        for step in 0..seed % 7 {
            let index = usize::try_from((seed / 7 + step * 5) % 13).unwrap();
            world.plant(Fault::ALL[index]);
        }
        let pair = world.pair();
        for part in statement(&pair, &book).parts {
            let truth = world.causes_at(&part);
            let is_right = match part.cause {
                Cause::Rounding => true,
                Cause::Unexplained => part.candidates.iter().any(|cause| truth.contains(cause)),
                cause => truth.contains(&cause),
            };
            parts += 1;
            if !is_right {
                wrong.push(format!("seed {seed}: {part:?} where {truth:?}: {:?}", world.planted()));
            }
        }
    }
    assert!(parts > 5_000, "{parts}");
    // A coincidence of two faults in one cell can look exactly like a third one.
    assert!(wrong.len() * 200 < parts, "{} of {parts}\n{}", wrong.len(), wrong.join("\n"));
}
