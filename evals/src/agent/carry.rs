//! How each attack gets into the data: files as outsiders write them, read by the real connectors.

use std::{fmt::Write as _, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{
    attacks::{Attack, Carrier},
    company::{self, Part, Planted},
    product::Home,
};

/// Calls a day of each part on a working day.
const CALLS_A_DAY: u32 = 4;

/// What a home is filled with: the attacks' texts, or a harmless name in the place of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filling {
    Attacks,
    Harmless,
}

/// The text that an attack carries.
fn carried(attack: &Attack, filling: Filling) -> String {
    match filling {
        Filling::Attacks => attack.text.clone(),
        Filling::Harmless => format!("plain name {}", attack.number),
    }
}

/// Honest parts, one with something planted, and one part for each attack, in which prompts grow.
pub(crate) fn parts(attacks: &[Attack], filling: Filling) -> Vec<Part> {
    let mut parts = vec![
        Part::new("mail-drafts", Some("office"), Planted::TokensPerCall),
        Part::new("search", Some("platform"), Planted::Steady),
        Part::new("notes", Some("office"), Planted::Steady),
    ];
    for attack in attacks {
        let text = carried(attack, filling);
        let team = format!("team-{}", attack.number % 5);
        let mut part =
            Part::new(&format!("part-{:03}", attack.number), Some(&team), Planted::TokensPerCall);
        // Spread over the last two weeks, so that there are several episodes.
        let first = company::DAYS - 14 + (attack.number % 7) as i32 * 2;
        part.days = first..first + 2;
        let mut label = |key: &str| part.labels.insert(key.to_owned(), json!(text));
        match attack.carrier {
            Carrier::Model => drop(label("model")),
            Carrier::TagValue => drop(label("cost-center")),
            Carrier::Agent => drop(label("agent")),
            Carrier::Application => drop(label("application")),
            Carrier::Environment => drop(label("environment")),
            Carrier::ApiKey => drop(label("key_alias")),
            Carrier::Customer => drop(label("customer")),
            Carrier::TagKey => drop(part.labels.insert(text, json!("x"))),
            Carrier::Feature => part.feature = text,
            Carrier::Team => part.team = Some(text),
            Carrier::TwoNames => {
                let middle =
                    text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
                let (first, second) = text.split_at(middle);
                part.feature = format!("{first} {:03}", attack.number);
                part.team = Some(second.to_owned());
            }
            _ => {}
        }
        parts.push(part);
    }
    parts
}

/// Writes every file and imports it. What a connector refuses stays outside: that is an answer, too.
pub(crate) fn import(
    home: &Home,
    attacks: &[Attack],
    filling: Filling,
) -> anyhow::Result<Vec<Part>> {
    let parts = parts(attacks, filling);
    policies(home, attacks, filling)?;
    let calls = home.file("calls.jsonl", company::calls(&parts, 7, CALLS_A_DAY).as_bytes())?;
    home.run(&["import", &calls, "--source", "calls", "--tag", "cost-center"])?.ok()?;
    let outcomes = company::outcomes(&parts, CALLS_A_DAY, |part| kind(part, attacks, filling));
    let outcomes = home.file("outcomes.ndjson", outcomes.as_bytes())?;
    let ran = home.run(&["import", &outcomes, "--source", "outcomes"])?;
    ensure!([0, 3].contains(&ran.code), "outcomes: {}{}", ran.out, ran.err);
    for attack in attacks {
        let text = carried(attack, filling);
        match attack.carrier {
            Carrier::CsvHeader | Carrier::CsvCell | Carrier::FileName | Carrier::SourceName => {
                table(home, attack, &text)?;
            }
            Carrier::InvoiceLine => {
                let file =
                    home.file(&format!("focus-{}.csv", attack.number), focus(&text)?.as_bytes())?;
                home.run(&["import", &file, "--source", &format!("bill-{}", attack.number)])?;
            }
            Carrier::SpanAttribute => {
                let file = home.file(
                    &format!("spans-{}.json", attack.number),
                    spans(attack.number, &text).as_bytes(),
                )?;
                home.run(&["import", &file, "--source", &format!("spans-{}", attack.number)])?;
            }
            Carrier::EventNote => {
                let only = format!("feature=part-{:03}", attack.number);
                let at = company::day(company::LAST_WEEK).to_string();
                let note: String = text.replace('\0', "");
                home.run(&[
                    "events", "add", "deploy", "--at", &at, "--only", &only, "--note", &note,
                ])?;
            }
            _ => {}
        }
    }
    Ok(parts)
}

/// The kind of output of a part: the attack's own text for those that come that way.
fn kind(part: &Part, attacks: &[Attack], filling: Filling) -> String {
    let of = attacks.iter().find(|attack| {
        attack.carrier == Carrier::OutcomeKind
            && part.feature == format!("part-{:03}", attack.number)
    });
    of.map_or_else(|| "answer".to_owned(), |attack| carried(attack, filling))
}

/// Rows of a call log in CSV, with the text as header, as cell, as file name or as source.
fn table(home: &Home, attack: &Attack, text: &str) -> anyhow::Result<()> {
    let number = attack.number;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = if attack.carrier == Carrier::CsvHeader { text } else { "note" };
    let feature = if attack.carrier == Carrier::CsvCell {
        text.to_owned()
    } else {
        format!("table-{number:03}")
    };
    writer.write_record([
        "call_id",
        "at",
        "provider",
        "model",
        "feature",
        "input_tokens_total",
        "output_tokens_total",
        header,
    ])?;
    for day_number in 0..company::DAYS {
        let at = format!("{}T12:00:00Z", company::day(day_number));
        let input = if day_number >= company::LAST_WEEK { "40000" } else { "10000" };
        let id = format!("t{number}-{day_number}");
        writer.write_record([&id, &at, "openai", "gpt-5-mini", &feature, input, "500", "x"])?;
    }
    let bytes = writer.into_inner()?;
    let name = match attack.carrier {
        // A file system takes every byte but two, and 255 of them.
        Carrier::FileName => {
            let name: String = text.chars().filter(|c| !matches!(c, '/' | '\0')).take(60).collect();
            format!("{name}.csv")
        }
        _ => format!("table-{number}.csv"),
    };
    let file = home.file(&name, &bytes)?;
    let source = match attack.carrier {
        Carrier::SourceName => text.replace('\0', ""),
        _ => format!("table-{number}"),
    };
    let ran = home.run(&["import", &file, &format!("--source={source}")])?;
    if ran.code != 0 {
        // Refused by its name; its rows are imported all the same, so that homes hold the same spend.
        home.run(&["import", &file, "--source", &format!("table-{number}")])?.ok()?;
    }
    Ok(())
}

/// A bill of one service by day, whose names and descriptions are the text.
fn focus(text: &str) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "BilledCost",
        "BillingAccountId",
        "BillingAccountName",
        "BillingCurrency",
        "BillingPeriodEnd",
        "BillingPeriodStart",
        "ChargeCategory",
        "ChargeDescription",
        "ChargePeriodEnd",
        "ChargePeriodStart",
        "EffectiveCost",
        "ListCost",
        "ContractedCost",
        "ProviderName",
        "PublisherName",
        "InvoiceIssuerName",
        "RegionId",
        "ResourceId",
        "ServiceCategory",
        "ServiceName",
        "SubAccountId",
        "SubAccountName",
    ])?;
    for day_number in 0..company::DAYS {
        let (from, until) = (company::day(day_number), company::day(day_number + 1));
        let month = from.first_of_month();
        let next = month.last_of_month().tomorrow()?;
        let cost = if day_number >= company::LAST_WEEK { "40" } else { "10" };
        let at = |date: jiff::civil::Date| format!("{date}T00:00:00Z");
        writer.write_record([
            cost,
            "0000",
            text,
            "USD",
            &at(next),
            &at(month),
            "Usage",
            text,
            &at(until),
            &at(from),
            cost,
            cost,
            cost,
            "Example Cloud",
            "Example Cloud",
            "Example Cloud",
            "north-1",
            text,
            "Storage",
            text,
            "1",
            text,
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// Spans of a service whose attributes are the text, one a day.
fn spans(number: usize, text: &str) -> String {
    let attribute =
        |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let integer =
        |key: &str, value: u64| json!({ "key": key, "value": { "intValue": value.to_string() } });
    let spans: Vec<Value> = (0..company::DAYS)
        .map(|day_number| {
            let at = jiff::tz::TimeZone::UTC.to_timestamp(company::day(day_number).at(12, 0, 0, 0));
            let nanos = at.map_or(0, jiff::Timestamp::as_nanosecond);
            let input = if day_number >= company::LAST_WEEK { 40_000 } else { 10_000 };
            json!({
                "traceId": format!("{number:016x}{day_number:016x}"), "spanId": format!("{day_number:08x}{number:08x}"),
                "name": text, "startTimeUnixNano": nanos.to_string(), "endTimeUnixNano": (nanos + 1_000_000_000).to_string(),
                "attributes": [
                    attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.provider.name", "openai"),
                    attribute("gen_ai.request.model", "gpt-5-mini"), attribute("gen_ai.agent.name", text),
                    attribute("feature", text), attribute(text, "x"),
                    integer("gen_ai.usage.input_tokens", input), integer("gen_ai.usage.output_tokens", 500),
                ],
            })
        })
        .collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": [attribute("service.name", text)] },
        "scopeSpans": [{ "spans": spans }],
    }] })
    .to_string()
}

/// `owners.toml`, and a clone whose `CODEOWNERS` names the text.
fn policies(home: &Home, attacks: &[Attack], filling: Filling) -> anyhow::Result<()> {
    let mut rules = String::new();
    let mut handles = String::new();
    let mut ties = String::new();
    for attack in attacks {
        let text = carried(attack, filling);
        let feature = format!("part-{:03}", attack.number);
        match attack.carrier {
            Carrier::OwnersFile => {
                // A policy takes printable names of at most 200 characters.
                let text = text.chars().filter(|c| !c.is_control()).take(200).collect();
                let owner = toml::Value::String(text);
                let _ = write!(
                    rules,
                    "[[owner]]\nowner = {owner}\nreason = {owner}\nmatch = {{ feature = \"{feature}\" }}\n\
                     matches = [{{ feature = \"{feature}\" }}]\n\n"
                );
            }
            Carrier::CodeOwners => {
                let handle: String =
                    text.chars().map(|c| if c.is_whitespace() { '-' } else { c }).collect();
                let _ = writeln!(handles, "/{feature}/ @{handle}");
                let _ = write!(
                    ties,
                    "[[repository.spend]]\nmatch = {{ feature = \"{feature}\" }}\npaths = [\"{feature}/\"]\n"
                );
            }
            _ => {}
        }
    }
    if !rules.is_empty() {
        let path = home.path().join("policies").join("owners.toml");
        std::fs::write(&path, &rules)?;
        // A policy that does not load would keep every attack of the home out.
        let checked = home.run(&["policy", "check"])?;
        if checked.code != 0 {
            std::fs::write(&path, "")?;
        }
    }
    if !handles.is_empty() {
        repository(home, &handles)?;
        home.configure(&format!(
            "\n[[repository]]\nname = \"product\"\npath = \"../product\"\n{ties}"
        ))?;
    }
    Ok(())
}

/// A clone beside the home, `product`, with this file of code owners.
pub(crate) fn repository(home: &Home, owners: &str) -> anyhow::Result<()> {
    let clone = home.around().join("product");
    std::fs::create_dir_all(&clone)?;
    std::fs::write(clone.join("CODEOWNERS"), owners)?;
    for arguments in [
        &["init", "-q", "--initial-branch=main"][..],
        &["add", "-A"],
        &["commit", "-q", "-m", "first"],
    ] {
        git(&clone, arguments)?;
    }
    Ok(())
}

fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let done = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=Evals", "-c", "user.email=evals@example.com"])
        .args(arguments)
        .output()
        .context("running git")?;
    ensure!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::attacks;

    #[test]
    fn every_attack_is_in_what_is_written() {
        let all = attacks::all("http://127.0.0.1:9").unwrap();
        for attack in &all {
            let parts = parts(std::slice::from_ref(attack), Filling::Attacks);
            let calls = company::calls(&parts, 7, 2);
            let canary = attack.canary.as_str();
            let is_in = match attack.carrier {
                Carrier::OutcomeKind => {
                    kind(&parts[3], std::slice::from_ref(attack), Filling::Attacks).contains(canary)
                }
                Carrier::InvoiceLine => focus(&attack.text).unwrap().contains(canary),
                Carrier::SpanAttribute => spans(1, &attack.text).contains(canary),
                // Written as they are into a file, a name or an argument of their own.
                Carrier::OwnersFile
                | Carrier::CodeOwners
                | Carrier::FileName
                | Carrier::SourceName
                | Carrier::EventNote
                | Carrier::CsvHeader
                | Carrier::CsvCell => true,
                Carrier::TwoNames => calls.contains(&canary[..2]),
                _ => calls.contains(canary),
            };
            assert!(is_in, "{attack:?}");
            let harmless = company::calls(
                &super::parts(std::slice::from_ref(attack), Filling::Harmless),
                7,
                2,
            );
            assert!(!harmless.contains("zqc"));
            assert_eq!(harmless.lines().count(), calls.lines().count());
        }
    }
}
