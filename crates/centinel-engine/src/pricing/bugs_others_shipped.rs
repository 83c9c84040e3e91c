//! Bugs that others shipped, with the figures of their threads: each must come out as billed here.
//!
//! Threads are public issues and pull requests; rates and counts are theirs, in dollars per million
//! tokens. What was shown instead stands beside the bill, and must not come out.

use super::*;
use crate::{money::Decimal, pricing::native, usage::Usage};

struct Thread {
    /// Repository and number.
    name: &'static str,
    rates: &'static str,
    tier: &'static str,
    usage: &'static str,
    billed: &'static str,
    shown: &'static str,
}

fn book(models: &str) -> PriceBook {
    let head = "format = 1\nname = \"thread\"\ncurrency = \"USD\"\nrecorded = \"2026-11-22\"\n";
    native::read(&format!("{head}{models}")).unwrap()
}

fn model(name: &str, price: &str) -> String {
    format!(
        "[[model]]\nprovider = \"p\"\nmodel = \"{name}\"\n[[model.price]]\n\
         effective_from = \"unknown\"\nsource = \"thread\"\n{price}\n"
    )
}

fn query<'q>(model: &'q str, tier: &'q str) -> PriceQuery<'q> {
    PriceQuery { provider: "p", model, service_tier: Some(tier), region: None, at: None }
}

fn check(thread: &Thread) {
    let price = book(&model("m", thread.rates)).resolve(&query("m", thread.tier)).unwrap();
    let usage: Usage = serde_json::from_str(thread.usage).unwrap();
    let cost = price.cost(&usage).unwrap();
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    assert_eq!(cost.to_decimal().unwrap(), decimal(thread.billed), "{}", thread.name);
    assert!(cost.is_certain(), "{}", thread.name);
    assert_ne!(decimal(thread.shown), decimal(thread.billed), "{}", thread.name);
    let tokens: u64 = price
        .lines(&usage)
        .unwrap()
        .iter()
        .filter(|line| line.meter.is_token())
        .map(|line| line.quantity)
        .sum();
    assert_eq!(tokens, usage.tokens_total(), "{}: each token is billed once", thread.name);
}

#[test]
fn cached_tokens_are_billed_once_and_at_their_price() {
    for thread in [
        Thread {
            name: "BerriAI/litellm#31714: cache reads at the full rate",
            rates: "rates.standard = { input = \"1.4\", cache_read = \"0.26\", output = \"4.4\" }",
            tier: "",
            usage: r#"{"input_tokens_total":27147,"cache_read_tokens":27146,"output_tokens_total":351}"#,
            billed: "0.00860376",
            shown: "0.0395502",
        },
        Thread {
            name: "BerriAI/litellm#14874: cached tokens charged twice",
            rates: "rates.standard = { input = \"0.0001\", cache_read = \"3000\", output = \"0.00001\" }",
            tier: "",
            usage: r#"{"input_tokens_total":2739,"cache_read_tokens":2634,"output_tokens_total":5}"#,
            billed: "7.90200001055",
            shown: "7.902",
        },
        Thread {
            name: "BerriAI/litellm#26807: a custom price bills the cached prompt as fresh, 67 % more",
            rates: "rates.standard = { input = \"2.5\", cache_read = \"0.25\", output = \"15\" }",
            tier: "",
            usage: r#"{"input_tokens_total":6074,"cache_read_tokens":3456,"output_tokens_total":285}"#,
            billed: "0.011684",
            shown: "0.01946",
        },
        Thread {
            name: "BerriAI/litellm#35127: cache reads and writes lost between two APIs",
            rates: "rates.standard = { input = \"5\", cache_read = \"0.5\", cache_write_5m = \"6.25\", output = \"30\" }",
            tier: "",
            usage: r#"{"input_tokens_total":172000,"cache_read_tokens":155000,"cache_write_5m_tokens":3000}"#,
            billed: "0.16625",
            shown: "0.86",
        },
        Thread {
            name: "BerriAI/litellm#33772 (counts of laravel/ai#846): cache writes dropped",
            rates: "rates.standard = { input = \"1\", cache_read = \"0.1\", cache_write_30m = \"1.25\", output = \"6\" }",
            tier: "",
            usage: r#"{"input_tokens_total":18014,"cache_write_30m_tokens":18011}"#,
            billed: "0.02251675",
            shown: "0.018014",
        },
        Thread {
            name: "BerriAI/litellm#11364: cache tokens of Anthropic not considered",
            rates: "rates.standard = { input = \"5.5\", cache_read = \"0.55\", cache_write_5m = \"6.875\", output = \"27.5\" }",
            tier: "",
            usage: r#"{"input_tokens_total":98805,"cache_read_tokens":66360,"cache_write_5m_tokens":32435,"output_tokens_total":5120,"reasoning_tokens":1710}"#,
            billed: "0.400343625",
            shown: "0.04708",
        },
        Thread {
            name: "langfuse/langfuse#10592: 17,903 tokens in, 17,817 of them cached, shown as 35,720",
            rates: "rates.standard = { input = \"1\", cache_read = \"0.1\", output = \"6\" }",
            tier: "",
            usage: r#"{"input_tokens_total":17903,"cache_read_tokens":17817}"#,
            billed: "0.0018677",
            shown: "0.0196847",
        },
    ] {
        check(&thread);
    }
}

#[test]
fn reasoning_is_part_of_the_output() {
    for thread in [
        Thread {
            name: "anomalyco/opencode#17566: reasoning counted twice, 1.04 for 0.79",
            rates: "rates.standard = { input = \"30\", output = \"180\" }",
            tier: "",
            usage: r#"{"input_tokens_total":14746,"output_tokens_total":1944,"reasoning_tokens":1360}"#,
            billed: "0.7923",
            shown: "1.0371",
        },
        Thread {
            name: "BerriAI/litellm#18599: only reasoning billed, 21 % less",
            rates: "rates.standard = { input = \"0.05\", output = \"0.4\" }",
            tier: "",
            usage: r#"{"output_tokens_total":977,"reasoning_tokens":768}"#,
            billed: "0.0003908",
            shown: "0.0003072",
        },
    ] {
        check(&thread);
    }
}

#[test]
fn tier_and_length_choose_the_price() {
    const MINI: &str = "rates.standard = { input = \"0.25\", cache_read = \"0.025\", output = \"2\" }\n\
         rates.flex = { input = \"0.125\", cache_read = \"0.0125\", output = \"1\" }";
    const LONG: &str = "rates.standard = { input = \"2.5\", output = \"15\" }\n\
         rates.batch = { input = \"1.25\", output = \"7.5\" }\n\
         [[model.price.context]]\nabove = 272000\n\
         rates.standard = { input = \"5\", output = \"22.5\" }\n\
         rates.batch = { input = \"2.5\", output = \"11.25\" }";
    for thread in [
        Thread {
            name: "BerriAI/litellm#13810 (counts of defog-ai/defog#303): flex at double",
            rates: MINI,
            tier: "flex",
            usage: r#"{"input_tokens_total":2000,"cache_read_tokens":1000,"output_tokens_total":500}"#,
            billed: "0.0006375",
            shown: "0.001275",
        },
        Thread {
            name: "defog-ai/defog#303: what was asked for is not what was served",
            rates: MINI,
            tier: "default",
            usage: r#"{"input_tokens_total":2000,"cache_read_tokens":1000,"output_tokens_total":500}"#,
            billed: "0.001275",
            shown: "0.0006375",
        },
        Thread {
            name: "BerriAI/litellm#39861: long batches half the input, two thirds of the output",
            rates: LONG,
            tier: "batch",
            usage: r#"{"input_tokens_total":300000,"output_tokens_total":1000}"#,
            billed: "0.76125",
            shown: "0.3825",
        },
    ] {
        check(&thread);
    }
}

#[test]
fn the_unknown_is_never_zero_and_never_another_models_price() {
    let models = model("grok-4-fast", "rates.standard = { input = \"0.2\", output = \"0.5\" }")
        + &model("zero", "rates.standard = { input = \"0\", output = \"0\" }");
    let book = book(&models);
    let arn = "arn:aws:bedrock:us-east-1:1:application-inference-profile/a1b2c3";
    for (thread, name) in [
        ("BerriAI/litellm#35913: $1.16 shown, about $185 true", "no-such-model"),
        ("BerriAI/litellm#37923: 1.47 USD shown, 830 EUR billed", "claude-opus-5@20260701"),
        ("Helicone/helicone#4893: priced at the fast variant", "grok-4"),
        (
            "BerriAI/litellm#38730: a slug that points elsewhere, off by up to 5.4 times",
            "grok-4-latest",
        ),
        ("langfuse/langfuse#13325: an application inference profile costs zero", arn),
    ] {
        let unpriced = book.resolve(&query(name, "")).unwrap_err();
        assert!(matches!(unpriced, Unpriced::NoModel { .. }), "{thread}: {unpriced}");
    }
    assert!(matches!(book.resolve(&query("zero", "")), Err(Unpriced::ZeroOnly(_))));
    // The profile has a price as soon as somebody says what it stands for.
    let named = book.clone().with_name("p", arn, "grok-4-fast").unwrap();
    assert!(named.resolve(&query(arn, "")).is_ok());
    // headroomlabs-ai/headroom#3032: 1,681 models without a cache price billed at the full rate.
    let price = book.resolve(&query("grok-4-fast", "")).unwrap();
    let usage: Usage =
        serde_json::from_str(r#"{"input_tokens_total":10,"cache_read_tokens":9}"#).unwrap();
    let unpriced = price.cost(&usage).unwrap_err();
    assert!(matches!(unpriced, Unpriced::NoRate { meter: Meter::CacheRead, quantity: 9, .. }));
}

/// VasiHemanth/tokentelemetry#307, anomalyco/models.dev#5218, ccusage/ccusage#1636: hours with
/// another price, and a new price that must not touch the past.
#[test]
fn history_keeps_its_price() {
    let price = |from: &str, more: &str, input: &str| {
        format!(
            "[[model.price]]\neffective_from = \"{from}\"\nsource = \"thread\"\n{more}\
             rates.standard = {{ input = \"{input}\" }}\n"
        )
    };
    let peak = "hours_utc = [\"01:00-04:00\", \"06:00-10:00\"]\n\
                weekdays = [\"Mon\", \"Tue\", \"Wed\", \"Thu\", \"Fri\"]\n";
    let models = "[[model]]\nprovider = \"p\"\nmodel = \"flash\"\n".to_owned()
        + &price("unknown", "", "0.14")
        + &price("2026-08-16T16:00:00Z", "", "0.22")
        + &price("2026-08-16T16:00:00Z", peak, "0.44");
    let book = book(&models);
    let mut pricer = Pricer::new(&book);
    let usage: Usage = serde_json::from_str(r#"{"input_tokens_total":1000000}"#).unwrap();
    for _ in 0..2 {
        for (at, expected) in [
            ("2026-08-14T08:00:00Z", "0.14"), // a Friday before the change
            ("2026-08-16T15:59:59Z", "0.14"),
            ("2026-08-16T16:00:00Z", "0.22"),
            ("2026-08-17T01:00:00Z", "0.44"), // Monday
            ("2026-08-17T04:00:00Z", "0.22"),
            ("2026-08-17T09:59:59Z", "0.44"),
            ("2026-08-22T08:00:00Z", "0.22"), // Saturday
        ] {
            let at = Some(at.parse().unwrap());
            let price = pricer.price(&PriceQuery { at, ..query("flash", "") }).unwrap();
            let cost = price.cost(&usage).unwrap().to_decimal().unwrap();
            assert_eq!(cost.to_string(), expected, "{at:?}");
        }
    }
}
