use proptest::prelude::*;

use super::{
    super::{UsageHour, parse_offers},
    *,
};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Hours from 2026-10-01T00:00Z, one row an hour, amounts of one hour separated by spaces.
fn hourly(skus: &[&str], hours: &[&str]) -> HourlyUsage {
    let first: Timestamp = "2026-10-01T00:00:00Z".parse().unwrap();
    let rows = hours.iter().zip(0_i32..).map(|(amounts, index)| UsageHour {
        row: u64::try_from(index).unwrap() + 2,
        start: first + jiff::SignedDuration::from_hours(index.into()),
        on_demand_cost: amounts.split(' ').map(decimal).collect(),
    });
    let skus = skus.iter().map(|&sku| sku.to_owned()).collect();
    HourlyUsage::from_rows(skus, rows).unwrap().0
}

fn offers(tables: &[&str]) -> Vec<Offer> {
    let head = "[[offer]]\nterm_hours = 8760\npayment = \"no_upfront\"\n";
    let text: Vec<String> = tables.iter().map(|table| format!("{head}{table}\n")).collect();
    parse_offers(&text.concat()).unwrap()
}

fn bought(optimum: &Optimum) -> Vec<(String, String)> {
    let covered = |plan: &Plan| plan.covered_on_demand_per_hour.to_string();
    optimum.plans.iter().map(|plan| (plan.offer.clone(), covered(plan))).collect()
}

/// Ten hours from 10 to 100 and a discount of 30 %: the third-lowest hour, by hand.
#[test]
fn the_optimum_is_the_discount_quantile() {
    let usage = hourly(
        &["usage_on_demand_cost"],
        &["70", "10", "90", "40", "30", "60", "20", "100", "80", "50"],
    );
    let optimum = optimize(&usage, &offers(&["name = \"sp\"\ndiscount = \"0.30\""])).unwrap();
    let json = serde_json::to_value(&optimum).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "plans": [{
                "offer": "sp",
                "covered_on_demand_per_hour": "30",
                "commitment_per_hour": "21",
                "term_hours": 8760,
                "commitment_over_term": "183960",
                "payment": "no_upfront",
            }],
            "cost": "490",
            "on_demand_cost": "550",
            "lower_bound": "490",
            "gap": "0",
            "break_even_utilization": "0.7",
            "utilization": "0.9",
            "coverage": "0.490909090909",
            "effective_savings_rate": "0.109090909091",
            "exact": true,
            "hours": 10,
            "hours_missing": 0,
            "single_offers": [{
                "offer": "sp",
                "covered_on_demand_per_hour": "30",
                "commitment_per_hour": "21",
                "cost": "490",
            }],
        })
    );
}

#[test]
fn increments_minimums_and_spill_over_are_kept() {
    let flat = ["10.4"; 4];
    let spiky = ["105.26", "92.6", "60", "100"];
    for (hours, terms, expected) in [
        (&flat[..], "discount = \"0.3\"\nincrement = \"1\"", &[("x", "10")][..]),
        // Paying for 11 to save on 0.4 does not pay; with 0.7 more of usage it would.
        (&["10.8"; 4][..], "discount = \"0.3\"\nincrement = \"1\"", &[("x", "11")]),
        (&flat, "discount = \"0.3\"\nincrement = \"4\"", &[("x", "8")]),
        (&flat, "discount = \"0.3\"\nincrement = \"4\"\nminimum = \"9\"", &[("x", "12")]),
        (&flat, "discount = \"0.3\"\nminimum = \"15\"", &[]),
        (&flat, "discount = \"0\"", &[]),
        (&["0", "0", "0", "50"], "discount = \"0.6\"", &[]),
        // Azure provisioned throughput, global: minimum 15, step 5. 105.26 units need 110 and 92.6
        // need 95; 100 is on the step.
        (
            &spiky,
            "discount = \"0.6\"\nincrement = 5\nminimum = 15\nspill_over = false",
            &[("x", "110")],
        ),
        (
            &spiky[1..3],
            "discount = \"0.6\"\nincrement = 5\nminimum = 15\nspill_over = false",
            &[("x", "95")],
        ),
        (
            &spiky[3..],
            "discount = \"0.6\"\nincrement = 5\nminimum = 15\nspill_over = false",
            &[("x", "100")],
        ),
        (&spiky, "discount = \"0.6\"\nincrement = 5\nminimum = 15", &[("x", "100")]),
        // AWS's example: an EC2 instance plan covers four r5.4xlarge of $1.00 at $0.60.
        (&["4.00"; 3], "discount = \"0.40\"\nincrement = \"0.001\"", &[("x", "4")]),
    ] {
        let usage = hourly(&["usage_on_demand_cost"], hours);
        let optimum = optimize(&usage, &offers(&[&format!("name = \"x\"\n{terms}")])).unwrap();
        let expected: Vec<(String, String)> =
            expected.iter().map(|&(name, amount)| (name.into(), amount.into())).collect();
        assert_eq!(bought(&optimum), expected, "{hours:?} {terms}");
        assert!(optimum.exact && !optimum.gap.is_negative());
        let none = optimum.plans.is_empty();
        assert_eq!(optimum.utilization.is_none(), none);
        assert_eq!(optimum.break_even_utilization.is_none(), none);
        assert_eq!(optimum.cost == optimum.on_demand_cost, none);
    }
}

/// AWS's example: $9.80 used of a $10.00 commitment is a utilisation of 98 %.
#[test]
fn utilization_counts_what_was_promised() {
    let usage = hourly(&["usage_on_demand_cost"], &["9.80"; 5]);
    let optimum =
        optimize(&usage, &offers(&["name = \"sp\"\ndiscount = \"0.3\"\nincrement = 10"])).unwrap();
    assert_eq!(optimum.utilization, Some(decimal("0.98")));
    assert_eq!(optimum.coverage, Some(Decimal::ONE));
    assert_eq!(optimum.break_even_utilization, Some(decimal("0.7")));
}

#[test]
fn offers_combine_where_that_is_cheaper() {
    let usage = hourly(&["usage_on_demand_cost"], &["23"; 4]);
    let coarse = "name = \"coarse\"\ndiscount = \"0.5\"\nincrement = 10";
    let fine = "name = \"fine\"\ndiscount = \"0.2\"\nincrement = 1";
    let optimum = optimize(&usage, &offers(&[coarse, fine])).unwrap();
    assert_eq!(bought(&optimum), [("coarse".into(), "20".into()), ("fine".into(), "3".into())]);
    assert_eq!(optimum.cost, decimal("49.6"));
    assert_eq!(optimum.lower_bound, decimal("46"));
    assert_eq!(optimum.break_even_utilization, Some(decimal("0.539130434783")));
    let single: Vec<_> = optimum.single_offers.iter().map(|each| each.cost.to_string()).collect();
    assert_eq!(single, ["52", "73.6"]);
    // Of two offers on the same terms, the higher discount is all there is.
    let better = "name = \"better\"\ndiscount = \"0.3\"\nincrement = 1";
    assert_eq!(
        bought(&optimize(&usage, &offers(&[fine, better])).unwrap()),
        [("better".into(), "23".into())]
    );
}

#[test]
fn offers_cover_the_columns_they_name() {
    let usage = hourly(&["ec2", "lambda", "storage"], &["8 2 5", "8 3 5", "6 4 5"]);
    let narrow = "name = \"ec2\"\ndiscount = \"0.6\"\napplies_to = [\"ec2\"]";
    let wide = "name = \"compute\"\ndiscount = \"0.5\"\napplies_to = [\"ec2\", \"lambda\"]";
    let optimum = optimize(&usage, &offers(&[wide, narrow])).unwrap();
    // Beyond 6 of EC2, the wide plan earns more: it also takes up Lambda when EC2 is low.
    assert_eq!(bought(&optimum), [("compute".into(), "4".into()), ("ec2".into(), "6".into())]);
    assert_eq!(optimum.cost, decimal("29.2"));
    assert_eq!(optimum.gap, Decimal::ZERO);
    assert_eq!(optimum.on_demand_cost, decimal("46"));

    let typo = offers(&["name = \"x\"\ndiscount = \"0.5\"\napplies_to = [\"ec3\"]"]);
    assert_eq!(
        optimize(&usage, &typo).unwrap_err().to_string(),
        "offer `x` applies to `ec3`, which is no usage column; columns: ec2, lambda, storage"
    );
}

#[test]
fn existing_commitments_come_first_and_expire() {
    let usage = hourly(&["usage_on_demand_cost"], &["10", "10", "10", "4"]);
    let terms =
        "name = \"sp\"\ndiscount = \"0.5\"\nexisting = \"6\"\nexpires = \"2026-10-01T02:00:00Z\"";
    let optimum = optimize(&usage, &offers(&[terms])).unwrap();
    // Left: 4, 4, 10, 4.
    assert_eq!(optimum.on_demand_cost, decimal("22"));
    assert_eq!(bought(&optimum), [("sp".into(), "4".into())]);
    assert_eq!(optimum.cost, decimal("14"));
    assert_eq!(
        optimum.existing,
        [ExistingUse {
            offer: "sp".into(),
            covered_on_demand: decimal("12"),
            commitment: decimal("6"),
            utilization: Some(Decimal::ONE),
        }]
    );
    let all = offers(&["name = \"sp\"\ndiscount = \"0.5\"\nexisting = \"20\""]);
    let optimum = optimize(&usage, &all).unwrap();
    assert_eq!(bought(&optimum), []);
    assert_eq!((optimum.coverage, optimum.effective_savings_rate), (None, None));
    assert_eq!(optimum.existing[0].utilization, Some(decimal("0.425")));
}

#[test]
fn plans_are_priced_at_other_usage() {
    let usage = hourly(&["usage_on_demand_cost"], &["0.25", "0.5", "0.25", "0.75"]);
    let offers = offers(&["name = \"sp\"\ndiscount = \"0.4\""]);
    let optimum = optimize(&usage, &offers).unwrap();
    let at = |ratio: &str| {
        let change = cost_at_usage(&usage, &offers, &optimum.plans, decimal(ratio)).unwrap();
        (change.cost.to_string(), change.on_demand_cost.to_string())
    };
    assert_eq!(bought(&optimum), [("sp".into(), "0.25".into())]);
    assert_eq!(at("1"), (optimum.cost.to_string(), optimum.on_demand_cost.to_string()));
    // 0.2, 0.4, 0.2, 0.6 against 0.25 an hour, paid at 0.15.
    assert_eq!(at("0.8"), ("1.1".into(), "1.4".into()));
    assert_eq!(at("0"), ("0.6".into(), "0".into()));
    let unknown = Plan { offer: "gone".into(), ..optimum.plans[0].clone() };
    assert_eq!(
        cost_at_usage(&usage, &offers, &[unknown], Decimal::ONE),
        Err(OptimizeError::UnknownOffer("gone".into()))
    );
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    let usage = hourly(&["usage_on_demand_cost"], &["1e25"]);
    let offers = offers(&["name = \"sp\"\ndiscount = \"0.123456789\"\nincrement = \"1e-9\""]);
    assert_eq!(optimize(&usage, &offers), Err(OptimizeError::Overflow));
}

/// The cheapest admissible commitment to one offer, by trying all of them in decimals.
fn brute_force(hours: &[Decimal], offer: &Offer, increment: Decimal) -> Decimal {
    let peak = hours.iter().copied().max().unwrap_or_default();
    let price = Decimal::ONE.checked_sub(offer.discount).unwrap();
    let cost = |amount: Decimal| {
        let paid = price.checked_mul(amount).unwrap().checked_mul_integer(hours.len() as i128);
        hours.iter().fold(paid.unwrap(), |sum, usage| {
            let left = usage.checked_sub(amount).unwrap().max(Decimal::ZERO);
            sum.checked_add(left).unwrap()
        })
    };
    let mut best = cost(Decimal::ZERO);
    let mut amount = increment;
    loop {
        let fits = amount >= offer.minimum && (offer.spill_over || amount >= peak);
        if fits {
            best = best.min(cost(amount));
        }
        if fits && amount >= peak {
            return best;
        }
        amount = amount.checked_add(increment).unwrap();
    }
}

prop_compose! {
    fn any_offer()(
        discount in 0_i128..=99,
        increment in 1_i128..=60,
        minimum in 0_i128..=80,
        spill_over in any::<bool>(),
    ) -> Offer {
        Offer {
            name: format!("{discount} {increment} {minimum} {spill_over}"),
            discount: Decimal::new(discount, 2).unwrap(),
            term_hours: 1,
            payment: Payment::NoUpfront,
            increment: Some(Decimal::new(increment, 1).unwrap()),
            minimum: Decimal::new(minimum, 1).unwrap(),
            spill_over,
            existing: Decimal::ZERO,
            expires: None,
            applies_to: None,
        }
    }
}

fn usage_of(tenths: &[i128]) -> (HourlyUsage, Vec<Decimal>) {
    let amounts: Vec<Decimal> = tenths.iter().map(|n| Decimal::new(*n, 1).unwrap()).collect();
    let texts: Vec<String> = amounts.iter().map(ToString::to_string).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    (hourly(&["usage_on_demand_cost"], &texts), amounts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn one_offer_equals_brute_force(
        tenths in prop::collection::vec(0_i128..=300, 1..=24),
        offer in any_offer(),
    ) {
        let (usage, amounts) = usage_of(&tenths);
        let increment = offer.increment.unwrap();
        let optimum = optimize(&usage, std::slice::from_ref(&offer)).unwrap();
        prop_assert_eq!(optimum.cost, brute_force(&amounts, &offer, increment));
        prop_assert!(optimum.exact);
        prop_assert_eq!(optimum.single_offers[0].cost, optimum.cost);
        // The same money a second way: promised plus left over.
        let again = cost_at_usage(&usage, &[offer], &optimum.plans, Decimal::ONE).unwrap();
        prop_assert_eq!(again.cost, optimum.cost);
        prop_assert_eq!(again.on_demand_cost, optimum.on_demand_cost);
    }

    #[test]
    fn any_amount_equals_the_finest_increment(
        tenths in prop::collection::vec(0_i128..=300, 1..=24),
        offer in any_offer(),
    ) {
        let (usage, amounts) = usage_of(&tenths);
        let offer = Offer { increment: None, ..offer };
        let optimum = optimize(&usage, std::slice::from_ref(&offer)).unwrap();
        let tenth = Decimal::new(1, 1).unwrap();
        prop_assert_eq!(optimum.cost, brute_force(&amounts, &offer, tenth));
    }

    #[test]
    fn several_offers_are_bounded_and_monotone(
        tenths in prop::collection::vec(0_i128..=300, 1..=24),
        all in prop::collection::vec(any_offer(), 1..=4),
    ) {
        let (usage, _) = usage_of(&tenths);
        let optimum = optimize(&usage, &all).unwrap();
        prop_assert!(optimum.exact);
        prop_assert!(optimum.lower_bound <= optimum.cost && optimum.cost <= optimum.on_demand_cost);
        prop_assert_eq!(optimum.cost.checked_sub(optimum.lower_bound).unwrap(), optimum.gap);
        for single in &optimum.single_offers {
            prop_assert!(optimum.cost <= single.cost);
        }
        // One more offer never costs more; the order of offers and hours does not matter.
        let fewer = optimize(&usage, &all[1..]).unwrap();
        prop_assert!(optimum.cost <= fewer.cost);
        let (reversed_usage, _) = usage_of(&tenths.iter().rev().copied().collect::<Vec<_>>());
        let reversed: Vec<Offer> = all.into_iter().rev().collect();
        prop_assert_eq!(optimize(&reversed_usage, &reversed).unwrap().cost, optimum.cost);
    }
}
