use super::*;
use crate::{
    money::{Currency, Decimal},
    pricing::{Price, PriceQuery, QuotaLedger, Terms, Unpriced, Validity},
    usage::Usage,
};

const HEAD: &str = "format = 1\nname = \"test\"\ncurrency = \"EUR\"\nrecorded = \"2026-11-22\"\n";

fn book(body: &str) -> Result<PriceBook, BookError> {
    read(&format!("{HEAD}[[model]]\nprovider = \"OpenAI\"\nmodel = \"m\"\n{body}"))
}

fn price(from: &str, rest: &str) -> String {
    format!("[[model.price]]\neffective_from = \"{from}\"\nsource = \"contract\"\n{rest}\n")
}

fn cost(body: &str, at: &str, region: Option<&str>, usage: &str) -> Result<String, Unpriced> {
    let query = PriceQuery {
        provider: "openai",
        model: "m",
        service_tier: None,
        region,
        at: Some(at.parse().unwrap()),
    };
    let price = book(body).unwrap().resolve(&query)?;
    assert_eq!(price.currency(), Currency::EUR);
    let usage: Usage = serde_json::from_str(usage).unwrap();
    Ok(price.cost(&usage)?.to_decimal()?.to_string())
}

const MILLION: &str = r#"{"input_tokens_total":1000000}"#;

#[test]
fn each_price_ends_where_the_next_one_starts() {
    let body = price("2026-07-30", "rates.standard = { input = \"2\" }")
        + &price("unknown", "rates.standard = { input = \"1\" }")
        + &price(
            "2026-09-01T12:00:00Z",
            "effective_until = \"2026-10-01\"\nrates.standard = { input = \"3\" }",
        );
    for (at, expected) in [
        ("1999-01-01T00:00:00Z", "1"),
        ("2026-07-29T23:59:59.999999Z", "1"),
        ("2026-07-30T00:00:00Z", "2"),
        ("2026-09-01T11:59:59Z", "2"),
        ("2026-09-01T12:00:00Z", "3"),
    ] {
        assert_eq!(cost(&body, at, None, MILLION).as_deref(), Ok(expected), "{at}");
    }
    let after = cost(&body, "2026-10-01T00:00:00Z", None, MILLION);
    assert!(matches!(after, Err(Unpriced::PriceEnded { .. })));
    let body = price("2026-07-30", "rates.standard = { input = \"2\" }");
    let before = cost(&body, "2026-07-29T00:00:00Z", None, MILLION);
    assert!(matches!(before, Err(Unpriced::BeforeFirstPrice { .. })));
}

#[test]
fn contexts_regions_and_units() {
    let body = price(
        "unknown",
        "regions = { eu = \"1.1\", \"*\" = \"1.2\" }\n\
         rates.standard = { input = \"1\", web_search = \"0.01\", media_millisecond = \"0.5\", \
         call = \"0.001\" }\n\
         [[model.price.context]]\nfrom = 200000\nrates.standard = { input = \"2\" }",
    );
    let at = "2026-01-01T00:00:00Z";
    for (region, usage, expected) in [
        (None, r#"{"input_tokens_total":199999}"#, "0.200999"),
        (None, r#"{"input_tokens_total":200000}"#, "0.401"),
        (Some("EU"), r#"{"input_tokens_total":100000}"#, "0.111"),
        (Some("us-east5"), r#"{"input_tokens_total":100000}"#, "0.121"),
        (Some("global"), r#"{"input_tokens_total":100000}"#, "0.101"),
        (Some("eu"), r#"{"web_search_requests":2,"output_media_milliseconds":2500}"#, "1.271"),
    ] {
        assert_eq!(cost(&body, at, region, usage).as_deref(), Ok(expected), "{usage}");
    }
}

#[test]
fn a_wrong_book_is_refused_by_name() {
    let check = |body: &str, expected: &str| {
        let error = book(body).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} lacks {expected}");
        assert!(!error.contains('\n'), "{error}");
    };
    check("", "missing field `price`");
    check(&price("unknown", ""), "missing field `rates`");
    check(&price("unknown", "rates.standard = { inputs = \"1\" }"), "`inputs` is not a priced");
    check(&price("unknown", "rates.slow = { input = \"1\" }"), "service tier `slow`");
    check(&price("unknown", "rates.standard = { input = 1.5 }"), "line 11: invalid type");
    check(&price("unknown", "rates.standard = { input = \"-1\" }"), "below zero");
    check(&price("July", "rates.standard = { input = \"1\" }"), "`July` is neither");
    check(
        &price("unknown", "regions = { eu = \"0\" }\nrates.standard = { input = \"1\" }"),
        "not above zero",
    );
    check(&price("unknown", "extra = 1\nrates.standard = { input = \"1\" }"), "unknown field");
    check(
        &price("2026-01-02", "effective_until = \"2026-01-02\"\nrates.standard = {input=\"1\"}"),
        "not after its start",
    );
    let early =
        price("2026-01-01", "effective_until = \"2026-03-01\"\nrates.batch = {input=\"1\"}");
    let late = price("2026-02-01", "rates.standard = {input=\"1\"}");
    check(&(early + &late), "overlaps");
    let one = price("unknown", "rates.standard = {input=\"1\"}");
    check(&(one.clone() + &one), "not after its start");
    check(&format!("aliases = [\"m\"]\n{one}"), "listed twice");
    assert!(matches!(read(HEAD), Err(BookError::Empty)));
    assert!(matches!(read("format = 2"), Err(BookError::Toml(_))));
}

const HEAD_USD: &str = "format = 1\nname = \"test\"\ncurrency = \"USD\"\nrecorded = \"2026-11-22\"\n\
    [[model]]\nprovider = \"p\"\nmodel = \"m\"\n";

fn resolve(body: &str, tier: &str, region: &str, at: Option<&str>) -> Result<Price, Unpriced> {
    let query = PriceQuery {
        provider: "p",
        model: "m",
        service_tier: Some(tier),
        region: Some(region),
        at: at.map(|at| at.parse().unwrap()),
    };
    read(&format!("{HEAD_USD}{body}")).unwrap().resolve(&query)
}

/// The cost, the fraction where it is one, and whether it is certain; lines must add up.
fn shown(price: &Price, usage: &str, terms: &Terms<'_>) -> String {
    let usage: Usage = serde_json::from_str(usage).unwrap();
    let cost = match price.cost_of(&usage, terms) {
        Ok(cost) => cost,
        Err(unpriced) => return unpriced.to_string(),
    };
    let lines = price.lines_of(&usage, terms).unwrap();
    let sum = lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount));
    assert_eq!(sum.unwrap(), cost.to_decimal().unwrap(), "lines add to the cost");
    let amount = cost
        .fraction()
        .map_or(cost.to_decimal().unwrap().to_string(), |fraction| fraction.to_string());
    let mark = if cost.is_certain() { "" } else { " uncertain" };
    let range = price.range(&usage, terms).unwrap();
    let range = range.map_or_else(String::new, |(low, high)| format!(" {low}..{high}"));
    format!("{amount}{mark}{range}")
}

#[test]
fn factors_and_prices_may_be_fractions() {
    let body = price(
        "unknown",
        "regions = { eu = \"11/10\", third = \"1/3\" }\n\
         tier_factors = { batch = \"1/2\", fast = \"1/7\" }\n\
         rates.standard = { input = \"3\", output = \"2/3\", web_search = \"0.01\" }\n\
         rates.flex = { input = \"1\" }",
    );
    for (tier, region, usage, expected) in [
        ("", "eu", r#"{"input_tokens_total":1000}"#, "0.0033"),
        ("batch", "", r#"{"input_tokens_total":1000}"#, "0.0015"),
        ("", "third", r#"{"input_tokens_total":1000}"#, "0.001"),
        ("", "", r#"{"output_tokens_total":1}"#, "1/1500000"),
        ("", "", r#"{"output_tokens_total":3}"#, "0.000002"),
        ("fast", "third", r#"{"input_tokens_total":1}"#, "1/7000000"),
        ("fast", "", r#"{"input_tokens_total":7,"output_tokens_total":21}"#, "0.000005"),
        // The factor is on tokens; a search is a search.
        ("batch", "third", r#"{"input_tokens_total":2,"web_search_requests":1}"#, "0.010001"),
        ("flex", "", r#"{"input_tokens_total":1,"output_tokens_total":3}"#, "0.000003 uncertain"),
    ] {
        let price = resolve(&body, tier, region, None).unwrap();
        assert_eq!(shown(&price, usage, &Terms::ONE_CALL), expected, "{tier} {region} {usage}");
    }
    // Booked once, with the remainder: two thirds of a millionth of a dollar.
    let price = resolve(&body, "", "", None).unwrap();
    let usage: Usage = serde_json::from_str(r#"{"output_tokens_total":1}"#).unwrap();
    let booked = price.book(&usage, 1).unwrap();
    assert_eq!(booked.amount.to_string(), "0.000000666667");
    assert_eq!(booked.remainder_quecto, -333_333_333_333_333_333);
    let line = &price.lines(&usage).unwrap()[0];
    assert_eq!(line.amount.to_string(), "0.000000666666666666666666666667");
    let exact = line.exact.as_ref().unwrap();
    assert_eq!(
        (exact.unit_price.to_string(), exact.amount.to_string()),
        ("1/1500000".into(), "1/1500000".into())
    );
}

#[test]
fn some_hours_have_a_price_of_their_own() {
    let always = price("2026-01-01", "rates.standard = { input = \"2\" }")
        + &price("2026-06-01", "rates.standard = { input = \"4\" }");
    let night = price(
        "2026-03-01",
        "effective_until = \"2026-07-01\"\nhours_utc = [\"16:30-00:30\"]\n\
         rates.standard = { input = \"1\" }",
    );
    let body = always + &night;
    for (at, expected) in [
        ("2026-02-28T17:00:00Z", "2"),
        ("2026-03-01T16:29:59Z", "2"),
        ("2026-03-01T16:30:00Z", "1"),
        ("2026-05-31T23:59:59Z", "1"),
        ("2026-06-01T00:29:59Z", "1"),
        ("2026-06-01T00:30:00Z", "4"),
        ("2026-06-30T17:00:00Z", "1"),
        ("2026-07-01T17:00:00Z", "4"),
    ] {
        let price = resolve(&body, "", "", Some(at)).unwrap();
        assert_eq!(shown(&price, MILLION, &Terms::ONE_CALL), expected, "{at}");
        assert!(price.validity().contains(at.parse().unwrap()), "{at}");
    }
    // What is kept for one hour or day is not used in another.
    let at = |at: &str| resolve(&body, "", "", Some(at)).unwrap().validity().clone();
    let contains = |validity: &Validity, at: &str| validity.contains(at.parse().unwrap());
    let day = at("2026-03-02T12:00:00Z");
    assert!(contains(&day, "2026-05-03T12:00:00Z"));
    assert!(!contains(&day, "2026-03-02T17:00:00Z") && !contains(&day, "2026-06-01T12:00:00Z"));
    let before = at("2026-02-01T17:00:00Z");
    assert!(!contains(&before, "2026-03-01T17:00:00Z"));
    // Only some hours have a price, and the others none.
    let only = price("unknown", "hours_utc = \"00:00-12:00\"\nrates.standard = { input = \"1\" }");
    let noon = resolve(&only, "", "", Some("2026-03-02T12:00:00Z"));
    assert!(matches!(noon, Err(Unpriced::PriceEnded { .. })), "{noon:?}");
    // Without an hour the dearer one, and between what it lies.
    let hours = price("unknown", "rates.standard = { input = \"2\" }")
        + &price("unknown", "hours_utc = \"16:30-00:30\"\nrates.standard = { input = \"1\" }");
    let price = resolve(&hours, "", "", None).unwrap();
    assert_eq!(shown(&price, MILLION, &Terms::ONE_CALL), "2 uncertain 1..2");
}

#[test]
fn parts_of_a_long_request_have_their_own_price() {
    let body = price(
        "unknown",
        "context_applies = \"part\"\n\
         rates.standard = { input = \"1\", cache_read = \"0.5\", output = \"10\", call = \"1\" }\n\
         [[model.price.context]]\nabove = 1000\n\
         rates.standard = { input = \"2\", cache_read = \"1\", output = \"20\" }\n\
         [[model.price.context]]\nabove = 3000\nrates.standard = { input = \"4\" }",
    );
    let price = resolve(&body, "", "", None).unwrap();
    for (usage, expected) in [
        (r#"{"input_tokens_total":1000}"#, "1.001"),
        (r#"{"input_tokens_total":1001}"#, "1.001002"),
        (r#"{"input_tokens_total":4000}"#, "1.009"),
        // What the cache held comes first: 800 at 0.5, then 200 at 1 and 500 at 2.
        (r#"{"input_tokens_total":1500,"cache_read_tokens":800}"#, "1.0016"),
        (r#"{"input_tokens_total":1500,"output_tokens_total":1500}"#, "1.022"),
        // Above 3000 the output has no price of its own: that of the band below stands in.
        (r#"{"output_tokens_total":3001}"#, "1.05002 uncertain"),
    ] {
        assert_eq!(shown(&price, usage, &Terms::ONE_CALL), expected, "{usage}");
    }
}

#[test]
fn a_row_of_several_calls_does_not_say_how_long_each_was() {
    let body = price(
        "unknown",
        "rates.standard = { input = \"1\", output = \"10\", call = \"0.5\" }\n\
         [[model.price.context]]\nabove = 1000\nrates.standard = { input = \"2\" }",
    );
    let price = resolve(&body, "", "", None).unwrap();
    for (calls, usage, expected) in [
        (1, r#"{"input_tokens_total":2000}"#, "0.504"),
        (4, r#"{"input_tokens_total":1000}"#, "2.001"),
        (4, r#"{"input_tokens_total":2000}"#, "2.002 uncertain 2.002..2.004"),
        (2, r#"{"input_tokens_total":4000}"#, "1.008 uncertain 1.004..1.008"),
    ] {
        let terms = Terms { calls, free: None };
        assert_eq!(shown(&price, usage, &terms), expected, "{calls} {usage}");
    }
}

#[test]
fn free_searches_are_counted_or_a_range() {
    let body = "[[quota]]\nname = \"searches\"\nfree = 5\nper = \"day\"\nstarts_at = \"08:00\"\n"
        .to_owned();
    let models: String = ["a", "b"]
        .map(|model| {
            format!("[[model]]\nprovider = \"p\"\nmodel = \"{model}\"\n")
                + &price(
                    "unknown",
                    "free = { web_search = \"searches\" }\n\
                     rates.standard = { input = \"1\", web_search = \"0.01\" }",
                )
        })
        .concat();
    let book = read(&format!("{HEAD}{body}{models}")).unwrap();
    let query =
        |model| PriceQuery { provider: "p", model, service_tier: None, region: None, at: None };
    let searches = |count: u64| format!(r#"{{"web_search_requests":{count}}}"#);
    let price = book.resolve(&query("a")).unwrap();
    assert_eq!(shown(&price, &searches(3), &Terms::ONE_CALL), "0.03 uncertain 0..0.03");
    assert_eq!(shown(&price, &searches(0), &Terms::ONE_CALL), "0");
    let mut ledger = QuotaLedger::default();
    for (account, model, at, count, expected) in [
        ("x", "a", "2026-11-21T08:00:00Z", 3, "0"),
        ("x", "b", "2026-11-22T07:59:59Z", 4, "0.02"),
        ("x", "a", "2026-11-22T07:59:59Z", 1, "0.01"),
        ("y", "a", "2026-11-22T07:59:59Z", 1, "0"),
        ("x", "a", "2026-11-22T08:00:00Z", 6, "0.01"),
    ] {
        let price = book.resolve(&query(model)).unwrap();
        let usage: Usage = serde_json::from_str(&searches(count)).unwrap();
        let free = ledger.take(account, &price, &usage, at.parse().unwrap());
        let terms = Terms { calls: 1, free: Some(&free) };
        assert_eq!(shown(&price, &searches(count), &terms), expected, "{account} {model} {at}");
    }
}

#[test]
fn every_meter_and_tier_can_be_written() {
    for meter in Meter::ALL {
        let body = price("unknown", &format!("rates.standard = {{ {} = \"6\" }}", meter.name()));
        let book = read(&format!("{HEAD_USD}{body}")).unwrap();
        let entry = book.price_entries().next().unwrap();
        let [rate] = entry.rates.as_slice() else { panic!("{entry:?}") };
        assert_eq!((rate.token_class, rate.price.to_string()), (meter, "6".into()));
    }
    for tier in ServiceTier::ALL {
        let body = price("unknown", &format!("rates.{} = {{ input = \"6\" }}", tier.name()));
        let price = resolve(&body, tier.name(), "", None).unwrap();
        assert_eq!(shown(&price, MILLION, &Terms::ONE_CALL), "6", "{tier}");
    }
    let standard = price("unknown", "rates.standard = { input = \"6\" }");
    for tier in ["scale", "provisioned", "PTU"] {
        let price = resolve(&standard, tier, "", None).unwrap();
        assert_eq!(shown(&price, MILLION, &Terms::ONE_CALL), "0", "{tier}");
        // Capacity pays for tokens, not for searches.
        let searched = shown(&price, r#"{"web_search_requests":1}"#, &Terms::ONE_CALL);
        assert_eq!(searched, "1 of `web_search` used, which has no price for model `m`");
    }
}

#[test]
fn names_may_be_given_by_rule() {
    let body = "match = { regex = \"^m-\\\\d{4}$\" }\n".to_owned()
        + &price("unknown", "rates.standard = { input = \"6\" }");
    let book = read(&format!("{HEAD_USD}{body}")).unwrap();
    for (model, is_known) in
        [("m", true), ("M-2026", true), ("m-26", false), ("ft:m-2026:x", false)]
    {
        let query = PriceQuery { provider: "p", model, service_tier: None, region: None, at: None };
        assert_eq!(book.resolve(&query).is_ok(), is_known, "{model}");
    }
}
