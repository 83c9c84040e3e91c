//! What answers say beside plain sums: outputs, owners, invoices, budgets, tokens by class.

use centinel_engine::{
    forecast::CalendarPeriod,
    money::{Decimal, Pico},
    period::Grain,
    series::Dimension,
};
use centinel_mcp::{
    Answers as _, Filter, ForecastRequest, ForecastWindow, Grouping, HealthRequest, Page, Refusal,
    RelativePeriod, SpendRequest, Window,
};
use centinel_world::WorldConfig;

use super::{
    Ports,
    tests::{caller, home, page, sum, whole},
};

const LAST_MONTH: Window = Window::Relative(RelativePeriod::LastMonth);

#[tokio::test(flavor = "multi_thread")]
async fn answers_tell_what_is_beside_the_sums() {
    let config = WorldConfig { days: 90, calls_per_day: 240, ..WorldConfig::halden() };
    let (folder, ports) = home(&config).await;
    outputs_are_of_features(&ports).await;
    owners_and_kinds_add_up(&ports).await;
    health_says_who_owns_nothing_and_what_was_invoiced(&ports).await;
    budgets_are_held_against_the_forecast(&ports, folder.path()).await;
    filters_are_mended(&ports).await;
}

async fn outputs_are_of_features(ports: &Ports) {
    let answer = whole(ports, LAST_MONTH, &Grouping::By(Dimension::Feature)).await;
    assert_eq!(answer.total.outputs, None, "outputs of several features do not add");
    let with_outputs: Vec<_> =
        answer.rows.iter().filter(|row| row.spend.outputs.is_some()).collect();
    assert!(!with_outputs.is_empty(), "the world counts outputs");
    for row in &with_outputs {
        let outputs = row.spend.outputs.unwrap().to_decimal();
        let each = row.spend.net_per_output.unwrap();
        let back = each.checked_mul(outputs).unwrap();
        let off = (back.to_f64() - row.spend.net.to_f64()).abs();
        assert!(
            off <= outputs.to_f64() * 1e-12 + 1e-9,
            "{each} x {outputs} is not {}",
            row.spend.net
        );
    }
    for row in answer.rows.iter().map(|row| row.spend).chain([answer.total]) {
        let (Some(tokens), Some(input), Some(output)) =
            (row.tokens, row.input_tokens, row.output_tokens)
        else {
            assert_eq!(row.calls, None);
            continue;
        };
        assert_eq!(input + output, tokens);
        let cached = row.cached_input_tokens.unwrap();
        assert!(cached <= input);
        let ratio = row.cached_input_ratio.and_then(|ratio| ratio.mantissa_at(4));
        assert_eq!(ratio, (i128::from(cached) * 10_000).checked_div(i128::from(input)));
    }
    // One feature over time: its outputs, and the same in all.
    let feature = with_outputs[0].group.as_ref().unwrap().as_str().to_owned();
    let filter = Filter([(Dimension::Feature, feature)].into());
    let grouping = Grouping::Over(Grain::Week);
    let page = Page { offset: 0, limit: 100, as_of: None };
    let request = SpendRequest { window: LAST_MONTH, grouping, filter, page };
    let weeks = ports.spend(&caller(), request).await.unwrap();
    assert_eq!(weeks.total.outputs, with_outputs[0].spend.outputs);
    assert_eq!(
        Some(sum(weeks.rows.iter().filter_map(|row| row.spend.outputs))),
        weeks.total.outputs
    );
    let by_model = whole(ports, LAST_MONTH, &Grouping::By(Dimension::Model)).await;
    assert!(
        by_model.rows.iter().all(|row| row.spend.outputs.is_none()),
        "nothing is split by a guess"
    );
}

async fn owners_and_kinds_add_up(ports: &Ports) {
    let by_model = whole(ports, LAST_MONTH, &Grouping::By(Dimension::Model)).await;
    for grouping in [Grouping::Owner, Grouping::Kind] {
        let answer = whole(ports, LAST_MONTH, &grouping).await;
        assert_eq!(answer.total, by_model.total, "{grouping:?}");
        assert_eq!(sum(answer.rows.iter().map(|row| row.spend.net)), answer.total.net);
        assert_eq!(sum(answer.rows.iter().map(|row| row.spend.gross)), answer.total.gross);
        assert!(answer.rows.len() > 1, "{grouping:?}");
    }
}

async fn health_says_who_owns_nothing_and_what_was_invoiced(ports: &Ports) {
    let page = Page { offset: 0, limit: 100, as_of: None };
    let request = HealthRequest { window: LAST_MONTH, page };
    let health = ports.data_health(&caller(), request).await.unwrap();
    let by_owner = whole(ports, LAST_MONTH, &Grouping::Owner).await;
    let nobody = by_owner.rows.iter().find(|row| row.group.is_none());
    assert_eq!(health.unowned.net, nobody.map_or(Pico::ZERO, |row| row.spend.net));
    let places = sum(health.unowned.places.iter().map(|place| place.net));
    assert_eq!(places.checked_add(health.unowned.other), Ok(health.unowned.net));
    assert!(health.unowned.places.is_sorted_by(|a, b| a.net >= b.net));

    let of = health.reconciliation.first().expect("the world has invoices");
    assert_eq!(of.invoiced.checked_sub(of.ledger), Ok(of.gap));
    let causes =
        of.causes.iter().try_fold(Decimal::ZERO, |sum, cause| sum.checked_add(cause.amount));
    assert_eq!(causes, Ok(of.gap), "causes add up to the gap");
    assert!(of.invoiced > Decimal::ZERO);
    assert!(health.summary.as_str().contains("invoices of "), "{}", health.summary.as_str());
}

async fn budgets_are_held_against_the_forecast(ports: &Ports, folder: &std::path::Path) {
    let ask = async |filter: Filter| {
        let request = ForecastRequest {
            window: ForecastWindow::Calendar(CalendarPeriod::Month),
            group_by: None,
            filter,
            amount: None,
            assumptions: Vec::new(),
            page: page(0, None),
        };
        ports.forecast(&caller(), request).await.unwrap()
    };
    let plain = ask(Filter::default()).await;
    assert!(plain.budgets.is_empty(), "{:?}", plain.budgets);
    let features = whole(ports, LAST_MONTH, &Grouping::By(Dimension::Feature)).await;
    let feature = features.rows.iter().find_map(|row| row.group.as_ref()).unwrap();
    let feature = feature.as_str().to_owned();
    let currency = plain.basis.currency;
    let file = format!(
        "[month]\nall = \"1 {currency}\"\n\"feature={feature}\" = \"100000000 {currency}\"\n[day]\nall = \"5 {currency}\"\n"
    );
    std::fs::write(folder.join("home/policies/budgets.toml"), file).unwrap();

    let all = ask(Filter::default()).await;
    let [all_spend, part] = all.budgets.as_slice() else { panic!("{:?}", all.budgets) };
    assert!(all_spend.scope.is_empty() && all_spend.expected == plain.total.expected);
    assert!(all_spend.probability_above.unwrap() > "0.99".parse().unwrap());
    assert!(part.probability_above.unwrap() < "0.01".parse().unwrap(), "likeliest first");
    assert!(all.summary.as_str().contains("the budget of all spend, "), "{}", all.summary.as_str());
    let of_part = ask(Filter([(Dimension::Feature, feature)].into())).await;
    assert_eq!(of_part.budgets.len(), 1, "that of exactly what is asked about");
    assert_eq!(of_part.budgets[0].expected, of_part.total.expected);
    assert_eq!(of_part.budgets[0], *part);
}

async fn filters_are_mended(ports: &Ports) {
    let features = whole(ports, LAST_MONTH, &Grouping::By(Dimension::Feature)).await;
    let feature = features.rows.iter().find_map(|row| row.group.as_ref()).unwrap();
    let feature = feature.as_str().to_owned();
    let wrong = format!("{feature}x");
    let request = SpendRequest {
        window: LAST_MONTH,
        grouping: Grouping::By(Dimension::Model),
        filter: Filter([(Dimension::Feature, wrong)].into()),
        page: page(0, None),
    };
    let Err(Refusal::Amended { edits, message }) = ports.spend(&caller(), request).await else {
        panic!("answered");
    };
    assert!(message.contains(&format!("the nearest are `{feature}`")), "{message}");
    assert_eq!(edits, [centinel_mcp::Edit::set("filter.feature", feature)]);
}
