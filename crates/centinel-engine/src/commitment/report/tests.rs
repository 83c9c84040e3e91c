use proptest::prelude::*;

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

const PLAN: &str = "savings-plan-1";

fn row(category: ChargeCategory, status: Option<CommitmentDiscountStatus>) -> CommitmentRow {
    CommitmentRow {
        row: 2,
        charge_category: category,
        commitment_discount_id: Some(PLAN.into()),
        commitment_discount_status: status,
        commitment_discount_quantity: None,
        commitment_discount_unit: None,
        pricing_category: Some("Committed".into()),
        service: ServiceKey {
            provider: "AWS".into(),
            category: "Compute".into(),
            name: "Amazon Elastic Compute Cloud".into(),
        },
        currency: Currency::USD,
        billed_cost: Decimal::ZERO,
        effective_cost: Decimal::ZERO,
        list_cost: None,
    }
}

fn hour(
    status: CommitmentDiscountStatus,
    quantity: &str,
    unit: &str,
    cost: &str,
    list: &str,
) -> CommitmentRow {
    CommitmentRow {
        commitment_discount_quantity: Some(decimal(quantity)),
        commitment_discount_unit: Some(unit.into()),
        effective_cost: decimal(cost),
        list_cost: Some(decimal(list)),
        ..row(ChargeCategory::Usage, Some(status))
    }
}

fn on_demand(cost: &str) -> CommitmentRow {
    CommitmentRow {
        commitment_discount_id: None,
        pricing_category: Some("Standard".into()),
        billed_cost: decimal(cost),
        effective_cost: decimal(cost),
        list_cost: Some(decimal(cost)),
        ..row(ChargeCategory::Usage, None)
    }
}

/// A day of an all-upfront savings plan in the shape of the FOCUS scenario files: the purchase of the
/// year, an hour a row, and on-demand hours beside it. Unused rows carry a list cost, as there.
fn savings_plan(
    used: usize,
    hourly: &str,
    list: &str,
    upfront: &str,
    beside: &[&str],
) -> Vec<CommitmentRow> {
    use CommitmentDiscountStatus::{Unused, Used};
    let purchase = CommitmentRow {
        billed_cost: decimal(upfront),
        list_cost: Some(decimal(upfront)),
        pricing_category: Some("Standard".into()),
        ..row(ChargeCategory::Purchase, None)
    };
    std::iter::once(purchase)
        .chain((0..24).map(|index| {
            let status = if index < used { Used } else { Unused };
            hour(status, hourly, "USD", hourly, list)
        }))
        .chain(beside.iter().map(|cost| on_demand(cost)))
        .collect()
}

fn report(rows: Vec<CommitmentRow>) -> CommitmentReport {
    commitment_report(rows).unwrap()
}

/// FOCUS specification, data/commitment_discount_scenarios: savings plan, all upfront, 75 %.
#[test]
fn savings_plan_at_75_percent() {
    let found = report(savings_plan(18, "52.40", "78.60", "459024.00", &["3.84"; 3]));
    assert_eq!(
        serde_json::to_value(&found).unwrap(),
        serde_json::json!({
            "commitments": [{
                "commitment_discount_id": "savings-plan-1",
                "currency": "USD",
                "used": "943.2",
                "unused": "314.4",
                "unit": "USD",
                "utilization": "0.75",
                "utilization_basis": "quantity",
                // 18 × 78.60 = 1,414.80 of that and 3 × 3.84.
                "coverage": "0.991923271075",
                "used_cost": "943.2",
                "waste": "314.4",
                "on_demand_equivalent": "1414.8",
                "effective_savings_rate": "0.111111111111",
                "purchase_billed_cost": "459024",
                "purchase_effective_cost": "0",
                "other_effective_cost": "0",
                "rows": 25,
            }],
            "totals": [{
                "currency": "USD",
                "commitments": 1,
                "effective_cost": "1257.6",
                "waste": "314.4",
                "commitments_without_cost": 0,
                "coverage": "0.991923271075",
                "effective_savings_rate": "0.110213696786",
            }],
            "eligible": ELIGIBLE,
        })
    );
    // FOCUS: the amortised cost of a term equals what was billed for it.
    let year = decimal("52.40").checked_mul_integer(8760).unwrap();
    assert_eq!(found.commitments[0].purchase_billed_cost, year);
}

/// The other savings plan scenarios: 0, 50 and 100 %, and overage.
#[test]
fn savings_plan_scenarios() {
    for (scenario, used, beside, expected) in [
        ("0 %", 0, &["3.84"; 3][..], [Some("0"), Some("1257.6"), Some("0"), None]),
        (
            "50 %",
            12,
            &["3.84"; 3],
            [Some("0.5"), Some("628.8"), Some("0.987933634992"), Some("-0.333333333333")],
        ),
        ("100 %", 24, &[], [Some("1"), Some("0"), Some("1"), Some("0.333333333333")]),
        // 24 committed hours and 12 more at the on-demand price.
        (
            "overage",
            24,
            &["78.60"; 12],
            [Some("1"), Some("0"), Some("0.666666666667"), Some("0.333333333333")],
        ),
    ] {
        let found = report(savings_plan(used, "52.40", "78.60", "459024.00", beside));
        let plan = &found.commitments[0];
        let figures = [plan.utilization, plan.waste, plan.coverage, plan.effective_savings_rate];
        assert_eq!(figures, expected.map(|text| text.map(decimal)), "{scenario}");
        let reason = plan.unknown.get("effective_savings_rate");
        assert_eq!(reason, (used == 0).then_some(&Unknown::ZeroWhole), "{scenario}");
    }
}

/// FOCUS appendix, a spend commitment of $1.00 an hour; AWS: $9.80 of $10.00 is 98 %.
#[test]
fn one_hour_scenarios() {
    use CommitmentDiscountStatus::{Unused, Used};
    for (used, unused, expected) in
        [("1.00", "0", "1"), ("0", "1.00", "0"), ("0.75", "0.25", "0.75"), ("9.80", "0.20", "0.98")]
    {
        let rows =
            vec![hour(Used, used, "USD", used, used), hour(Unused, unused, "USD", unused, "0")];
        let found = report(rows);
        assert_eq!(found.commitments[0].utilization, Some(decimal(expected)), "{used}");
    }
}

/// A reservation with partial upfront: hours as quantity, a one-time and a recurring purchase.
#[test]
fn reservation_in_hours() {
    use CommitmentDiscountStatus::{Unused, Used};
    let purchase = |billed: &str| CommitmentRow {
        billed_cost: decimal(billed),
        ..row(ChargeCategory::Purchase, None)
    };
    let mut rows = vec![purchase("119166.66"), purchase("9930.56")];
    rows.extend((0..24).map(|index| {
        hour(if index < 21 { Used } else { Unused }, "1.00", "Hours", "50.23", "75.35")
    }));
    let plan = report(rows).commitments.remove(0);
    assert_eq!(plan.used, Some(decimal("21")));
    assert_eq!(plan.unused, Some(decimal("3")));
    assert_eq!(plan.unit.as_deref(), Some("Hours"));
    assert_eq!(plan.utilization, Some(decimal("0.875")));
    assert_eq!(plan.waste, Some(decimal("150.69")));
    assert_eq!(plan.purchase_billed_cost, decimal("129097.22"));
    // 24 × 50.23 against 21 × 75.35.
    assert_eq!(plan.effective_savings_rate, Some(decimal("0.23814579581")));
}

/// FinOps Foundation's example: $78K where on demand would be $100K is 22 %.
#[test]
fn effective_savings_rate_example() {
    let rows = vec![hour(CommitmentDiscountStatus::Used, "78", "USD", "78000", "100000")];
    assert_eq!(report(rows).commitments[0].effective_savings_rate, Some(decimal("0.22")));
}

#[test]
fn what_is_not_known_is_not_zero() {
    use CommitmentDiscountStatus::{Unused, Used};
    let plan = |rows: Vec<CommitmentRow>| report(rows).commitments.remove(0);
    let usage = || hour(Used, "1", "Hours", "2", "3");

    let mixed = plan(vec![usage(), hour(Unused, "1", "USD", "2", "3")]);
    assert_eq!((mixed.used, mixed.utilization), (None, None));
    assert_eq!(mixed.waste, Some(decimal("2")));
    assert_eq!(mixed.unknown["utilization"], Unknown::MixedUnits("Hours, USD".into()));

    let some = CommitmentRow { commitment_discount_quantity: None, ..usage() };
    let partly = plan(vec![usage(), some.clone()]);
    assert_eq!(partly.unknown["used"], Unknown::QuantityMissing { missing: 1, rows: 2 });
    assert_eq!(partly.utilization_basis, Some("effective_cost"));

    let early = plan(vec![some]);
    assert_eq!((early.used, early.utilization), (None, Some(Decimal::ONE)));
    assert_eq!(early.unknown["used"], Unknown::NoQuantity);

    let bought = plan(vec![row(ChargeCategory::Purchase, None)]);
    assert_eq!(bought.unknown["utilization"], Unknown::NoUsage);
    assert_eq!((bought.waste, bought.coverage), (None, None));

    let free = plan(vec![hour(Used, "1", "Hours", "0", "3")]);
    assert_eq!(free.unknown["effective_savings_rate"], Unknown::NotAmortized);
    assert_eq!(free.utilization, Some(Decimal::ONE));

    let unlisted = plan(vec![CommitmentRow { list_cost: None, ..usage() }]);
    assert_eq!(unlisted.unknown["coverage"], Unknown::NoListCost(1));
    assert_eq!(unlisted.unknown["effective_savings_rate"], Unknown::NoListCost(1));

    let unclear = CommitmentRow { pricing_category: None, ..on_demand("5") };
    let beside = plan(vec![usage(), unclear]);
    assert_eq!(beside.unknown["coverage"], Unknown::NoPricingCategory(1));
}

#[test]
fn currencies_and_services_stay_apart() {
    let euro = CommitmentRow {
        currency: Currency::EUR,
        ..hour(CommitmentDiscountStatus::Used, "1", "Hours", "2", "4")
    };
    let elsewhere = CommitmentRow {
        service: ServiceKey {
            name: "Amazon Simple Storage Service".into(),
            ..euro.service.clone()
        },
        ..on_demand("99")
    };
    let spot = CommitmentRow { pricing_category: Some("Dynamic".into()), ..on_demand("50") };
    let found = report(vec![
        hour(CommitmentDiscountStatus::Used, "1", "Hours", "2", "3"),
        euro,
        elsewhere,
        spot,
        on_demand("1"),
    ]);
    let rates: Vec<_> = found
        .commitments
        .iter()
        .map(|each| (each.currency, each.coverage.unwrap().to_string()))
        .collect();
    assert_eq!(rates, [(Currency::EUR, "1".into()), (Currency::USD, "0.75".into())]);
    assert_eq!(found.totals.len(), 2);
}

#[test]
fn a_usage_row_without_status_is_rejected() {
    let found = report(vec![row(ChargeCategory::Usage, None)]);
    assert_eq!(found.rejected, [(2, RowError::NoStatus)]);
    assert_eq!(found.commitments, []);
}

fn any_row() -> impl Strategy<Value = CommitmentRow> {
    (0_u8..3, 0_u8..5, any::<bool>(), 0_i128..1000, 0_i128..1000, prop::option::of(0_i128..1000))
        .prop_map(|(id, kind, used, quantity, cost, list)| {
            let cents = |amount| Decimal::new(amount, 2).unwrap();
            let status = if used {
                CommitmentDiscountStatus::Used
            } else {
                CommitmentDiscountStatus::Unused
            };
            let base = match kind {
                0 => row(ChargeCategory::Purchase, None),
                1 => on_demand("1.5"),
                2 => row(ChargeCategory::Tax, None),
                _ => row(ChargeCategory::Usage, Some(status)),
            };
            CommitmentRow {
                commitment_discount_id: base
                    .commitment_discount_id
                    .as_ref()
                    .map(|_| format!("plan-{id}")),
                commitment_discount_quantity: Some(cents(quantity)),
                commitment_discount_unit: Some("USD".into()),
                effective_cost: cents(cost),
                list_cost: list.map(cents),
                ..base
            }
        })
}

proptest! {
    #[test]
    fn order_does_not_matter_and_ratios_are_shares(
        (rows, shuffled) in prop::collection::vec(any_row(), 0..40)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        let found = report(rows);
        prop_assert_eq!(&report(shuffled), &found);
        for plan in &found.commitments {
            for share in [plan.utilization, plan.coverage].into_iter().flatten() {
                prop_assert!(Decimal::ZERO <= share && share <= Decimal::ONE);
            }
        }
    }

    /// Purchases restate what usage draws down: no ratio may notice them.
    #[test]
    fn purchases_are_counted_in_no_ratio(rows in prop::collection::vec(any_row(), 1..30), billed in 0_i128..10_000) {
        let before = report(rows.clone());
        let purchase = CommitmentRow {
            commitment_discount_id: Some("plan-0".into()),
            billed_cost: Decimal::from_integer(billed),
            ..row(ChargeCategory::Purchase, None)
        };
        let after = report([rows, vec![purchase]].concat());
        for plan in &before.commitments {
            let same = after.commitments.iter().find(|each| each.commitment_discount_id == plan.commitment_discount_id);
            let same = same.unwrap();
            prop_assert_eq!(same.utilization, plan.utilization);
            prop_assert_eq!(same.coverage, plan.coverage);
            prop_assert_eq!(same.effective_savings_rate, plan.effective_savings_rate);
            prop_assert_eq!(same.waste, plan.waste);
        }
    }
}
