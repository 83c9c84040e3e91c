//! Fetches from servers that speak the documented schema, and from those that do not.

use std::{fmt::Write as _, time::Duration};

use super::*;
use crate::{
    client::Limits,
    testing::{Asked, Reply, Server},
};

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn limits() -> Limits {
    Limits {
        download: Duration::from_secs(5),
        tries: 3,
        request: Duration::from_secs(5),
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_secs(1),
        pause: Duration::ZERO,
        body_bytes: 1 << 20,
        pages: 20,
    }
}

fn fetch(kind: Kind, server: &Server, from: &str, until: &str) -> Fetch {
    let auth = auth_of(kind, Some("pk-1"), Some("sk-test-hunter2".into()));
    let client = Client::new(auth, limits(), 1, || instant("2026-11-22T12:00:00Z")).unwrap();
    let base = Address::parse(&server.base(), false).unwrap();
    Fetch::new(
        kind,
        Connection::Http { client, base },
        BTreeMap::new(),
        instant(from),
        instant(until),
    )
    .unwrap()
}

/// Every delivery on a line: name, whether it is open, how many entries, how far it reaches.
async fn deliveries(fetch: &mut Fetch) -> Result<Vec<String>, FetchError> {
    let mut lines = Vec::new();
    while let Some(delivery) = fetch.next().await? {
        let mut line = delivery.body.map_or_else(String::new, |body| body.name);
        if let Some(window) = delivery.window {
            assert_eq!(line, window.key);
            let _ = write!(line, " {}", window.entries);
            if window.is_open {
                line.push_str(" open");
            }
        }
        if let Some(reached) = delivery.reached {
            let _ = write!(line, " → {reached}");
        }
        lines.push(line);
    }
    Ok(lines)
}

/// A page of LiteLLM's with so many rows.
fn litellm_page(asked: &Asked, total: u32, rows: u32) -> Reply {
    let page: u32 = asked.parameter("page").unwrap().parse().unwrap();
    let rows: Vec<String> = (0..rows)
        .map(|row| {
            format!(
                r#"{{"request_id":"r{page}-{row}","call_type":"acompletion","spend":0.1,
                "startTime":"2026-11-20T10:00:00","model":"gpt-5.1","prompt_tokens":1}}"#
            )
        })
        .collect();
    Reply::ok(format!(r#"{{"data":[{}],"total_pages":{total}}}"#, rows.join(",")))
}

#[tokio::test]
async fn a_log_is_read_page_by_page_and_day_by_day() {
    let server = Server::start(|_, asked| litellm_page(asked, 2, 3));
    let mut fetch = fetch(Kind::LiteLlm, &server, "2026-11-20T06:00:00Z", "2026-11-21T12:00:00Z");
    assert_eq!(
        deliveries(&mut fetch).await.unwrap(),
        [
            "litellm 2026-11-20T06:00:00Z",
            "litellm 2026-11-20T06:00:00Z → 2026-11-21T06:00:00Z",
            "litellm 2026-11-21T06:00:00Z",
            "litellm 2026-11-21T06:00:00Z → 2026-11-21T12:00:00Z",
        ]
    );
    let asked = server.asked();
    assert_eq!(asked[1].parameter("start_date"), Some("2026-11-20+06%3A00%3A00"));
    assert_eq!(asked[1].parameter("end_date"), Some("2026-11-21+06%3A00%3A00"));
    assert_eq!(asked[1].parameter("page"), Some("2"));
    assert!(asked.iter().all(|asked| asked.method == "GET"), "{asked:?}");
    assert_eq!(fetch.statistics().pages, 4);
}

#[tokio::test]
async fn a_list_that_repeats_itself_ends() {
    // The server does not know `page`, and says that a million follow.
    let same = r#"{"data":[{"request_id":"r"}],"total_pages":1000000}"#;
    let server = Server::start(move |_, _| Reply::ok(same));
    let mut litellm = fetch(Kind::LiteLlm, &server, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    let error = deliveries(&mut litellm).await.unwrap_err();
    assert!(
        error.to_string().contains("repeats its pages: reading stopped after page 4"),
        "{error}"
    );

    // Pages that differ, without end.
    let server = Server::start(|number, _| {
        Reply::ok(format!(r#"{{"data":[{{"id":"{number}"}}],"meta":{{"cursor":"c{number}"}}}}"#))
    });
    let mut langfuse =
        fetch(Kind::Langfuse, &server, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    let error = deliveries(&mut langfuse).await.unwrap_err();
    assert!(error.to_string().contains("after page 21"), "{error}");

    // A token that leads back.
    let server = Server::start(|number, _| {
        let next = ["a", "b", "a"][number];
        Reply::ok(format!(r#"{{"data":[],"has_more":true,"next_page":"{next}","n":{number}}}"#))
    });
    let mut openai =
        fetch(Kind::OpenAiCosts, &server, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    let error = deliveries(&mut openai).await.unwrap_err();
    assert!(matches!(error, FetchError::Repeats { pages: 3, .. }), "{error}");
}

#[tokio::test]
async fn a_page_that_comes_twice_is_read_once() {
    let server = Server::start(|number, asked| {
        let mut asked = asked.clone();
        if number == 1 {
            asked.target = asked.target.replace("page=2", "page=1");
        }
        litellm_page(&asked, 3, 2)
    });
    let mut once = fetch(Kind::LiteLlm, &server, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    let name = "litellm 2026-11-20T00:00:00Z";
    let last = format!("{name} → 2026-11-21T00:00:00Z");
    assert_eq!(deliveries(&mut once).await.unwrap(), [name, &last]);
    assert_eq!(once.statistics().repeated_pages, 1);
}

/// OpenAI's buckets of the days asked for, two results each, two days a page.
fn openai_page(asked: &Asked) -> Reply {
    let number = |name: &str| -> i64 { asked.parameter(name).unwrap().parse().unwrap() };
    let first =
        asked.parameter("page").map_or_else(|| number("start_time"), |page| page.parse().unwrap());
    let day = 86_400;
    let buckets: Vec<String> = (0..2)
        .map(|index| first + index * day)
        .filter(|start| *start < number("end_time"))
        .map(|start| {
            format!(
                "{{\"object\":\"bucket\",\"start_time\":{start},\"end_time\":{},\n \"results\":\
                 [{{\"model\":\"a\"}},{{\"model\":\"b\"}}]}}",
                start + day
            )
        })
        .collect();
    let next = first + 2 * day;
    let more = next < number("end_time");
    let next = if more { format!("\"{next}\"") } else { "null".to_owned() };
    Reply::ok(format!(
        "{{\"object\":\"page\",\"data\":[{}],\"has_more\":{more},\"next_page\":{next}}}",
        buckets.join(",\n")
    ))
}

#[tokio::test]
async fn a_report_is_delivered_by_whole_days_and_the_open_day_is_marked() {
    let server = Server::start(|_, asked| openai_page(asked));
    let mut fetch =
        fetch(Kind::OpenAiCosts, &server, "2026-11-18T15:00:00Z", "2026-11-20T12:00:00Z");
    let mut first = fetch.next().await.unwrap().unwrap();
    let body = first.body.take().unwrap();
    assert!(!body.bytes.contains(&b'\n'));
    let read: serde_json::Value = serde_json::from_slice(&body.bytes).unwrap();
    assert_eq!(read["data"][0]["results"].as_array().unwrap().len(), 2);
    assert_eq!(
        deliveries(&mut fetch).await.unwrap(),
        ["costs 2026-11-19 2", "costs 2026-11-20 2 open", " → 2026-11-20T00:00:00Z"]
    );
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    let start = instant("2026-11-18T00:00:00Z").as_second().to_string();
    assert_eq!(asked[0].parameter("start_time"), Some(start.as_str()));
    assert_eq!(asked[0].parameter("limit"), Some("3"));
    assert!(asked[0].target.contains("group_by=project_id&group_by=line_item"), "{asked:?}");
}

#[tokio::test]
async fn a_long_report_is_asked_for_a_month_at_a_time() {
    let server = Server::start(|_, asked| openai_page(asked));
    let mut fetch =
        fetch(Kind::OpenAiUsage, &server, "2026-09-01T00:00:00Z", "2026-10-05T00:00:00Z");
    fetch.options.insert("lists".to_owned(), "completions, embeddings".to_owned());
    let lines = deliveries(&mut fetch).await.unwrap();
    let reached: Vec<_> = lines.iter().filter(|line| line.contains('→')).collect();
    assert_eq!(reached, [" → 2026-10-02T00:00:00Z", " → 2026-10-05T00:00:00Z"]);
    assert_eq!(lines.len(), 2 * 34 + 2);
    assert!(lines.contains(&"embeddings 2026-10-04 2".to_owned()));
    let paths: Vec<_> = server.asked().iter().map(|asked| asked.target.clone()).collect();
    assert!(paths.iter().any(|path| path.starts_with("/v1/organization/usage/completions?")));
}

#[tokio::test]
async fn each_provider_is_asked_in_its_own_words() {
    let anthropic = r#"{"data":[{"starting_at":"2026-11-20T00:00:00Z",
        "ending_at":"2026-11-21T00:00:00Z","results":[]}],"has_more":false,"next_page":null}"#;
    let router = r#"{"data":[{"date":"2026-11-20","requests":5},{"date":"2026-11-20","requests":1},
        {"date":"2026-10-25","requests":5}]}"#;
    let opencost = r#"{"code":200,"data":[{"web":{"cpuCost":1.5},"__idle__":{"cpuCost":0.1}}]}"#;
    for (kind, body, target, header, expected) in [
        (
            Kind::AnthropicUsage,
            anthropic,
            "/v1/organizations/usage_report/messages?starting_at=2026-11-20T00%3A00%3A00Z&\
             ending_at=2026-11-21T00%3A00%3A00Z&bucket_width=1d&limit=1&group_by%5B%5D=api_key_id",
            "anthropic-version: 2023-06-01",
            "usage 2026-11-20 0",
        ),
        (
            Kind::AnthropicCosts,
            anthropic,
            "/v1/organizations/cost_report?starting_at=2026-11-20",
            "x-api-key: sk-test-hunter2",
            "costs 2026-11-20 0",
        ),
        (
            Kind::OpenRouter,
            router,
            "/api/v1/activity",
            "authorization: Bearer sk-test-hunter2",
            "activity 2026-11-20 2",
        ),
        (
            Kind::OpenCost,
            opencost,
            "/allocation/compute?window=2026-11-20T00%3A00%3A00Z%2C2026-11-21T00%3A00%3A00Z&step=1d&\
             aggregate=namespace%2Ccontroller&includeIdle=true",
            "accept: application/json",
            "allocation 2026-11-20 2",
        ),
    ] {
        let server = Server::start(move |_, _| Reply::ok(body));
        let mut fetch = fetch(kind, &server, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
        let expected = [expected, " → 2026-11-21T00:00:00Z"];
        assert_eq!(deliveries(&mut fetch).await.unwrap(), expected, "{kind}");
        let asked = &server.asked()[0];
        assert!(asked.target.starts_with(target), "{kind}: {}", asked.target);
        assert!(asked.headers.iter().any(|line| line == header), "{kind}: {:?}", asked.headers);
        assert_eq!((server.asked().len(), asked.method.as_str()), (1, "GET"));
    }
}

#[tokio::test]
async fn helicone_and_langfuse_page_in_their_own_ways() {
    let server = Server::start(|number, asked| {
        assert_eq!(asked.method, "POST");
        let asked: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
        let rows = ["{\"n\":1},{\"n\":2}", "{\"n\":3}", ""];
        let page = [0, 2, 3].into_iter().position(|offset| asked["offset"] == offset).unwrap();
        assert_eq!(page, number);
        Reply::ok(format!(r#"{{"data":[{}],"error":null}}"#, rows[page]))
    });
    let mut helicone =
        fetch(Kind::Helicone, &server, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    let name = "helicone 2026-11-20T00:00:00Z";
    let last = " → 2026-11-21T00:00:00Z";
    assert_eq!(deliveries(&mut helicone).await.unwrap(), [name, name, last]);

    let server = Server::start(|number, asked| {
        assert_eq!(asked.parameter("cursor"), [None, Some("c1")][number]);
        let meta = if number == 0 { r#"{"cursor":"c1"}"# } else { "{}" };
        Reply::ok(format!(r#"{{"data":[{{"id":"{number}"}}],"meta":{meta}}}"#))
    });
    let mut langfuse =
        fetch(Kind::Langfuse, &server, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    let name = "langfuse 2026-11-20T00:00:00Z";
    let last = format!("{name} → 2026-11-21T00:00:00Z");
    assert_eq!(deliveries(&mut langfuse).await.unwrap(), [name, &last]);
    let basic = "authorization: Basic cGstMTpzay10ZXN0LWh1bnRlcjI=";
    assert!(server.asked()[0].headers.iter().any(|line| line == basic));
}

#[tokio::test]
async fn answers_that_are_not_as_documented_are_named() {
    for (kind, body, expected) in [
        (Kind::LiteLlm, "<html>Sign in</html>", "HTML or XML, perhaps a login page"),
        (Kind::LiteLlm, "", "it is empty"),
        (Kind::LiteLlm, "{\"data\":[", "EOF while parsing"),
        (Kind::LiteLlm, "{\"data\":[]}", "no `total_pages`"),
        (Kind::LiteLlm, "{\"data\":{}}", "expected a sequence"),
        (Kind::LiteLlm, "{\"error\":\"x\"}", "missing field `data`"),
        (Kind::OpenAiCosts, "{\"data\":[{\"results\":[]}]}", "an entry says no day"),
        (Kind::OpenAiCosts, "{\"data\":[{\"start_time\":\"x\"}]}", "invalid type: string"),
        (Kind::OpenAiCosts, "{\"data\":[],\"has_more\":true}", "`has_more` without `next_page`"),
        (Kind::OpenRouter, "{\"data\":[{\"date\":\"20-11\"}]}", "an entry says no day"),
        (Kind::OpenCost, "{\"code\":500,\"data\":null}", "invalid type: null"),
    ] {
        let server = Server::start(move |_, _| Reply::ok(body));
        let mut fetch = fetch(kind, &server, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
        let error = deliveries(&mut fetch).await.unwrap_err();
        assert!(matches!(error, FetchError::Payload { .. }), "{kind} {body}: {error}");
        assert!(error.to_string().contains(expected), "{kind} {body}: {error}");
    }
}

#[tokio::test]
async fn a_fetch_that_fails_keeps_what_was_delivered() {
    let server = Server::start(|number, asked| match number {
        0 => litellm_page(asked, 3, 2),
        _ => Reply::status(401, "{\"error\":{\"message\":\"expired\"}}"),
    });
    let mut fetch = fetch(Kind::LiteLlm, &server, "2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z");
    let first = fetch.next().await.unwrap().unwrap();
    assert!(first.body.is_some() && first.reached.is_none());
    assert!(matches!(fetch.next().await, Err(FetchError::Unauthorized { .. })));
}

#[test]
fn kinds_have_names_of_their_own() {
    for kind in Kind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
        assert!(!kind.summary().is_empty());
    }
    let error = "opnai".parse::<Kind>().unwrap_err();
    assert!(error.hint().contains("`litellm-database`"), "{}", error.hint());
}
