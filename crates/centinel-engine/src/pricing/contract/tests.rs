use super::*;
use crate::{
    pricing::{PriceBook, native},
    usage::{Usage, UsageClass},
};

const BOOK: &str = r#"
    format = 1
    name = "list"
    currency = "USD"
    recorded = "2026-11-22"
    [[model]]
    provider = "openai"
    model = "gpt-5.6-sol"
    aliases = ["gpt-5.6"]
    [[model.price]]
    effective_from = "2026-01-01"
    source = "page"
    rates.standard = { input = "10", cache_read = "1", output = "100", web_search = "0.01" }
    rates.batch = { input = "5", output = "50" }
    [[model.price.context]]
    above = 1000000
    rates.standard = { input = "20", output = "200" }
"#;

const HEAD: &str = "format = 1\nname = \"acme\"\ncurrency = \"USD\"\nrecorded = \"2026-03-01\"\n";

fn contract(terms: &str) -> Result<Contract, ContractError> {
    Contract::read(&format!("{HEAD}{terms}"))
}

fn term(rest: &str) -> String {
    format!("[[term]]\nsource = \"form 1\"\n{rest}\n")
}

fn book(terms: &str) -> PriceBook {
    native::read(BOOK).unwrap().under(contract(terms).unwrap()).unwrap()
}

fn query<'q>(model: &'q str, tier: Option<&'q str>, at: &str) -> PriceQuery<'q> {
    PriceQuery {
        provider: "openai",
        model,
        service_tier: tier,
        region: None,
        at: Some(at.parse().unwrap()),
    }
}

/// A million tokens in, a tenth of them cached, and 100,000 out.
fn usage() -> Usage {
    Usage::ZERO
        .with(UsageClass::InputTokensTotal, 1_000_000)
        .with(UsageClass::CacheReadTokens, 100_000)
        .with(UsageClass::OutputTokensTotal, 100_000)
        .with(UsageClass::ReasoningTokens, 40_000)
}

#[test]
fn terms_apply_to_what_they_name() {
    let at = "2026-06-01T00:00:00Z";
    for (terms, tier, expected) in [
        // List: 9 + 0.1 + 10.
        (term("provider = \"anthropic\"\ndiscount = \"15 %\""), None, "19.1"),
        (term("provider = \"openai\"\ndiscount = \"15 %\""), None, "16.235"),
        (term("provider = \"*\"\ndiscount = \"0.15\""), None, "16.235"),
        (term("provider = \"openai\"\ndiscount = \"3/20\""), None, "16.235"),
        (term("provider = \"openai\"\nmodels = [\"gpt-5.6-*\"]\ndiscount = \"100 %\""), None, "0"),
        (term("provider = \"openai\"\nmodels = [\"gpt-5.6\"]\ndiscount = \"50 %\""), None, "9.55"),
        (term("provider = \"openai\"\nmodels = [\"gpt-5\"]\ndiscount = \"50 %\""), None, "19.1"),
        (
            term("provider = \"openai\"\ntoken_classes = [\"output\"]\ndiscount = \"50 %\""),
            None,
            "14.1",
        ),
        (
            term("provider = \"openai\"\nservice_tiers = [\"batch\"]\ndiscount = \"50 %\""),
            None,
            "19.1",
        ),
        // Batch: 4.5 + 0.1 (the standard rate stands in) + 5, all of it halved.
        (
            term("provider = \"openai\"\nservice_tiers = [\"batch\"]\ndiscount = \"50 %\""),
            Some("batch"),
            "4.8",
        ),
        // The first term that fits applies, alone.
        (
            term("provider = \"openai\"\ntoken_classes = [\"input\"]\ndiscount = \"10 %\"")
                + &term("provider = \"openai\"\ndiscount = \"50 %\""),
            None,
            "13.15",
        ),
        // Fixed rates replace the list's; what they leave out stays.
        (term("provider = \"openai\"\nrates.standard = { input = \"8\" }"), None, "17.3"),
    ] {
        let price = book(&terms).resolve(&query("gpt-5.6", tier, at)).unwrap();
        let cost = price.cost(&usage()).unwrap().to_decimal().unwrap();
        assert_eq!(cost.to_string(), expected, "{terms}");
    }
}

#[test]
fn list_and_contract_are_both_known() {
    let terms = term("provider = \"openai\"\ndiscount = \"15 %\"");
    let (book, query) = (book(&terms), query("gpt-5.6-sol", None, "2026-06-01T00:00:00Z"));
    let paid = book.resolve(&query).unwrap();
    let list = book.resolve_list(&query).unwrap();
    let applied = paid.identity().contract.clone().unwrap();
    assert_eq!((applied.name.as_str(), applied.terms.as_slice()), ("acme", &["form 1".into()][..]));
    assert_eq!(list.identity().contract, None);
    let cost = |price: &crate::pricing::Price| price.cost(&usage()).unwrap().to_decimal().unwrap();
    assert_eq!(
        (cost(&paid).to_string(), cost(&list).to_string()),
        ("16.235".into(), "19.1".into())
    );
    assert_ne!(book.digest(), native::read(BOOK).unwrap().digest());
}

#[test]
fn a_price_holds_no_longer_than_its_terms() {
    let book = book(&term(
        "provider = \"openai\"\neffective_from = \"2026-03-01\"\neffective_until = \"2026-04-01\"\n\
         discount = \"15 %\"",
    ));
    for (at, from, until, is_contracted) in [
        ("2026-02-28T23:59:59Z", "2026-01-01T00:00:00Z", Some("2026-03-01T00:00:00Z"), false),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", Some("2026-04-01T00:00:00Z"), true),
        ("2026-04-01T00:00:00Z", "2026-04-01T00:00:00Z", None, false),
    ] {
        let price = book.resolve(&query("gpt-5.6-sol", None, at)).unwrap();
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(price.validity().from, Some(time(from)), "{at}");
        assert_eq!(price.validity().until, until.map(time), "{at}");
        assert_eq!(price.identity().contract.is_some(), is_contracted, "{at}");
    }
}

#[test]
fn a_contracted_rate_needs_no_list_price() {
    let book = book(&term(
        "provider = \"azure\"\nmodels = [\"ours\"]\nrates.standard = { input = \"1\", output = \"2\" }",
    ));
    let asked = PriceQuery { provider: "azure", ..query("ours", None, "2026-06-01T00:00:00Z") };
    let price = book.resolve(&asked).unwrap();
    let usage = Usage::ZERO.with(UsageClass::InputTokensTotal, 3);
    assert_eq!(price.cost(&usage).unwrap().to_decimal().unwrap().to_string(), "0.000003");
    assert!(matches!(book.resolve_list(&asked), Err(Unpriced::NoModel { .. })));
}

#[test]
fn a_wrong_contract_is_refused_by_term() {
    let check = |terms: &str, expected: &str| {
        let error = contract(terms).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} lacks {expected}");
        assert!(!error.contains('\n'), "{error}");
    };
    check("", "no `[[term]]`");
    check(&term("provider = \"openai\""), "either `discount` or `rates`");
    check(&term("provider = \"openai\"\ndiscount = \"15 percent\""), "is no discount");
    check(&term("provider = \"openai\"\ndiscount = \"-1 %\""), "between nothing and all");
    check(&term("provider = \"openai\"\ndiscount = \"101 %\""), "between nothing and all");
    check(&term("provider = \"openai\"\ndiscount = \"1/0\""), "is no discount");
    check(&term("provider = \"openai\"\ndiscount = \"4/3\""), "between nothing and all");
    check(&term("provider = \"openai\"\ndiscount = 0.15"), "line 8: invalid type");
    check(&term("provider = \"openai\"\nrates.standard = { input = \"-1\" }"), "below zero");
    check(&term("provider = \"*\"\nrates.standard = { input = \"1\" }"), "one provider");
    check(&term("discount = \"15 %\""), "missing field `provider`");
    let spans = "effective_from = \"2026-02-01\"\neffective_until = \"2026-02-01\"\n";
    check(
        &term(&format!("provider = \"openai\"\n{spans}discount = \"1 %\"")),
        "not after its start",
    );
    let discount = term("provider = \"openai\"\ndiscount = \"1 %\"");
    let euros = Contract::read(&format!("{}{discount}", HEAD.replace("USD", "EUR"))).unwrap();
    let refused = native::read(BOOK).unwrap().under(euros).unwrap_err();
    assert!(matches!(refused, ContractError::Currency { .. }));
}
