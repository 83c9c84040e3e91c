//! A world on disk: the same bytes from the same seed, files that read back, a truth that adds up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    path::Path,
};

use crate::{COMPANY, FileFormat, FileRole, Manifest, Truth, World, WorldConfig, WorldError};
use centinel_engine::money::{Decimal, Pico};
use jiff::civil::date;
use serde_json::Value;

fn written(config: &WorldConfig) -> (tempfile::TempDir, Manifest) {
    let folder = tempfile::tempdir().unwrap();
    let manifest = World::generate(config).write(folder.path()).unwrap();
    (folder, manifest)
}

fn open(path: &Path) -> Box<dyn Read> {
    let file = File::open(path).unwrap();
    if path.extension().is_some_and(|suffix| suffix == "gz") {
        Box::new(flate2::read::GzDecoder::new(file))
    } else {
        Box::new(file)
    }
}

fn lines(path: &Path) -> Vec<Value> {
    BufReader::new(open(path))
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect()
}

fn records(path: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(open(path)).deserialize().map(Result::unwrap).collect()
}

fn file(manifest: &Manifest, format: FileFormat) -> &str {
    &manifest.files.iter().find(|entry| entry.format == format).unwrap().file
}

fn truth(folder: &Path) -> Truth {
    serde_json::from_slice(&fs::read(folder.join("truth.json")).unwrap()).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let config = WorldConfig::small();
    let (one, manifest) = written(&config);
    let (two, _) = written(&config);
    let (other, _) = written(&WorldConfig { seed: 8, ..config });
    let mut names: Vec<&str> = manifest.files.iter().map(|entry| entry.file.as_str()).collect();
    names.push("manifest.json");
    for name in names {
        let bytes = |folder: &tempfile::TempDir| fs::read(folder.path().join(name)).unwrap();
        assert!(bytes(&one) == bytes(&two), "{name}");
        let is_drawn = !["calendar.csv", "focus/seats.csv"].contains(&name);
        assert_eq!(bytes(&one) != bytes(&other), is_drawn, "{name}");
    }
}

#[test]
fn the_manifest_is_true_and_marks_the_company() {
    let (folder, manifest) = written(&WorldConfig::small());
    let read: Manifest =
        serde_json::from_slice(&fs::read(folder.path().join("manifest.json")).unwrap()).unwrap();
    assert_eq!(read, manifest);
    assert!(manifest.generated && manifest.company == COMPANY);
    for entry in &manifest.files {
        let path = folder.path().join(&entry.file);
        let rows = match entry.format {
            FileFormat::CallLogCsv
            | FileFormat::FocusCsv
            | FileFormat::CalendarCsv
            | FileFormat::SharedUsageCsv => records(&path).len(),
            FileFormat::TruthJson => 1,
            FileFormat::LitellmSpendLogs
            | FileFormat::OtlpJsonLines
            | FileFormat::OutcomesNdjson
            | FileFormat::DeploysNdjson => lines(&path).len(),
        };
        assert_eq!(u64::try_from(rows).unwrap(), entry.rows, "{}", entry.file);
        if entry.role == FileRole::Charges {
            for row in records(&path) {
                assert_eq!(row["BillingAccountName"], COMPANY, "{}", entry.file);
            }
        }
    }
}

#[test]
fn call_ids_are_unique_and_counts_are_those_of_the_truth() {
    let (folder, manifest) = written(&WorldConfig::small());
    let mut ids = BTreeSet::new();
    let mut calls = 0;
    for line in lines(&folder.path().join(file(&manifest, FileFormat::LitellmSpendLogs))) {
        ids.insert(line["request_id"].as_str().unwrap().to_owned());
        calls += 1;
    }
    for row in records(&folder.path().join(file(&manifest, FileFormat::CallLogCsv))) {
        ids.insert(row["request_id"].clone());
        calls += 1;
    }
    for line in lines(&folder.path().join(file(&manifest, FileFormat::OtlpJsonLines))) {
        for span in spans(&line).iter().filter(|span| attribute(span, OPERATION) == "chat") {
            ids.insert(attribute(span, "gen_ai.response.id").as_str().unwrap().to_owned());
            calls += 1;
        }
    }
    assert_eq!(ids.len(), calls);
    let totals = truth(folder.path()).totals;
    assert_eq!(totals.calls, u64::try_from(calls).unwrap());
    assert_eq!(totals.months.values().map(|month| month.calls).sum::<u64>(), totals.calls);
    assert_eq!(sum(totals.months.values().map(|month| month.cost)), totals.cost);
    assert_eq!(sum(totals.features.values().copied()), totals.cost);
}

#[test]
fn the_gateway_reports_the_exact_cost_as_a_float() {
    let (folder, manifest) = written(&WorldConfig::small());
    let mut by_feature: BTreeMap<String, i128> = BTreeMap::new();
    for line in lines(&folder.path().join(file(&manifest, FileFormat::LitellmSpendLogs))) {
        let spend: Pico = line["spend"].to_string().parse().unwrap();
        let alias = line["metadata"]["user_api_key_alias"].as_str().unwrap().to_owned();
        *by_feature.entry(alias).or_default() += spend.0;
        let usage = &line["metadata"]["usage_object"];
        let parts = number(&usage["cache_read_input_tokens"])
            + number(&usage["cache_creation_input_tokens"]);
        assert!(parts <= number(&line["prompt_tokens"]));
        if line["model"] == "ft:halden-tone-v3" {
            assert_eq!(spend, Pico::ZERO);
        }
    }
    let truth = truth(folder.path());
    for feature in truth.features.iter().filter(|feature| feature.source == "gateway") {
        let alias = feature.recoverable_by.as_ref().unwrap();
        let cost = truth.totals.features.get(&feature.feature).copied().unwrap_or_default();
        assert_eq!(by_feature.get(alias).copied().unwrap_or_default(), cost.0, "{alias}");
    }
}

const OPERATION: &str = "gen_ai.operation.name";

fn spans(line: &Value) -> &Vec<Value> {
    line["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap()
}

fn attribute(span: &Value, key: &str) -> Value {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    found.map_or(Value::Null, |found| {
        found["value"].as_object().unwrap().values().next().unwrap().clone()
    })
}

#[test]
fn an_agent_span_repeats_the_tokens_of_its_calls() {
    let (folder, manifest) = written(&WorldConfig::small());
    let traces = lines(&folder.path().join(file(&manifest, FileFormat::OtlpJsonLines)));
    assert!(!traces.is_empty());
    for trace in traces {
        let spans = spans(&trace);
        let (parents, calls): (Vec<_>, Vec<_>) =
            spans.iter().partition(|span| attribute(span, OPERATION) == "invoke_agent");
        assert_eq!(parents.len(), 1);
        for key in ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"] {
            let sum: u64 = calls.iter().map(|call| number(&attribute(call, key))).sum();
            assert_eq!(number(&attribute(parents[0], key)), sum);
        }
        for call in calls {
            assert_eq!(call["parentSpanId"], parents[0]["spanId"]);
            assert_eq!(call["traceId"].as_str().unwrap().len(), 32);
        }
    }
}

#[test]
fn charges_are_decimals_and_add_up_to_the_truth() {
    let (folder, manifest) = written(&WorldConfig::small());
    let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
    for entry in manifest.files.iter().filter(|entry| entry.role == FileRole::Charges) {
        let category = match entry.category.unwrap() {
            crate::FileCategory::Ai => "ai",
            crate::FileCategory::Cloud => "cloud",
            crate::FileCategory::Kubernetes => "kubernetes",
            crate::FileCategory::Saas => "saas",
        };
        for row in records(&folder.path().join(&entry.file)) {
            for column in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"] {
                row[column].parse::<Decimal>().unwrap();
            }
            *sums.entry(category).or_default() += row["EffectiveCost"].parse::<Pico>().unwrap().0;
            assert!(row["ChargePeriodStart"] < row["ChargePeriodEnd"]);
            if !row["Tags"].is_empty() {
                serde_json::from_str::<BTreeMap<String, String>>(&row["Tags"]).unwrap();
            }
        }
    }
    let charges = truth(folder.path()).totals.charges;
    assert_eq!(charges.len(), 3);
    for (category, months) in charges {
        assert_eq!(sum(months.values().copied()).0, sums[category.as_str()], "{category}");
    }
}

#[test]
fn invoices_differ_from_the_calls_by_known_causes() {
    let (folder, manifest) = written(&WorldConfig { days: 40, ..WorldConfig::small() });
    let entry = manifest.files.iter().find(|entry| entry.role == FileRole::Invoice).unwrap();
    let rows = records(&folder.path().join(&entry.file));
    let billed = rows.iter().map(|row| row["BilledCost"].parse::<Pico>().unwrap());
    let truth = truth(folder.path());
    let causes = truth.invoices;
    assert_eq!(sum(billed), causes.invoiced);
    assert_eq!(causes.logged_at_list_price, truth.totals.cost);
    let explained = [
        causes.logged_at_list_price,
        causes.unlogged_usage,
        causes.contract_discount,
        causes.unpriced_model,
        causes.rounding,
    ];
    assert_eq!(sum(explained.into_iter()), causes.invoiced);
    assert!(causes.contract_discount < Pico::ZERO && causes.unlogged_usage > Pico::ZERO);
    let open = rows.iter().filter(|row| row["InvoiceId"].is_empty()).count();
    assert!(open > 0 && open < rows.len());
}

/// The whole story, computed without writing the files.
#[test]
fn the_planted_events_are_what_they_say() {
    let world = World::generate(&WorldConfig::halden());
    let (incidents, decoys) = world.planted();
    let ids = |list: &[crate::Planted]| -> Vec<String> {
        list.iter().map(|planted| planted.id.clone()).collect()
    };
    assert_eq!(ids(&incidents), (1..=9).map(|n| format!("I-{n}")).collect::<Vec<_>>());
    assert_eq!(ids(&decoys), (1..=6).map(|n| format!("D-{n}")).collect::<Vec<_>>());
    for planted in incidents.iter().chain(&decoys) {
        assert_eq!(planted.impact.0, planted.actual.cost.0 - planted.counterfactual.cost.0);
    }
    for planted in &incidents {
        assert!(planted.impact > Pico::ZERO, "{}", planted.id);
    }
    let sides = |id: &str| {
        let planted = incidents.iter().find(|planted| planted.id == id).unwrap();
        (planted.actual.traffic.unwrap(), planted.counterfactual.traffic.unwrap())
    };
    let ratio = |one: u64, other: u64| {
        Decimal::from_integer(one.into()).to_f64() / Decimal::from_integer(other.into()).to_f64()
    };
    let per_call = |traffic: crate::Traffic| {
        ratio(traffic.input_tokens + traffic.output_tokens, traffic.calls)
    };
    let (with, without) = sides("I-1");
    let bloat = per_call(with) / per_call(without);
    assert!((1.62..1.72).contains(&bloat), "tokens per call {bloat}");
    let volume = ratio(with.outputs, without.outputs);
    assert!((0.94..0.98).contains(&volume), "volume {volume}");
    let (with, without) = sides("I-3");
    assert!(ratio(with.calls, without.calls) > 1.6);
    assert_eq!(with.outputs, without.outputs);
    let (with, without) = sides("I-4");
    assert!(with.cached_tokens * 8 < without.cached_tokens);
    assert_eq!(with.input_tokens, without.input_tokens);
    for id in ["I-2", "I-5"] {
        let (with, without) = sides(id);
        assert_eq!(with, without, "{id} changes models only");
    }
}

#[test]
fn the_headline_has_a_deployment_just_before_it() {
    let config = WorldConfig { days: 20, calls_per_day: 60, ..WorldConfig::halden() };
    let (folder, manifest) = written(&config);
    let deploys = lines(&folder.path().join(file(&manifest, FileFormat::DeploysNdjson)));
    let headline: Vec<_> = deploys
        .iter()
        .filter(|deploy| deploy["service"] == "support-api" && deploy["version"] == "2026.41")
        .collect();
    assert_eq!(headline.len(), 1);
    assert_eq!(headline[0]["at"], "2026-10-14T08:52:00Z");
}

#[test]
fn windows_end_where_they_are_told() {
    let config = WorldConfig { days: 1, end: date(2026, 12, 31), ..WorldConfig::small() };
    let world = World::generate(&config);
    assert_eq!(world.window(), (date(2026, 12, 31), date(2026, 12, 31)));
    let empty = World::generate(&WorldConfig { days: 0, ..WorldConfig::small() });
    let folder = tempfile::tempdir().unwrap();
    let manifest = empty.write(folder.path()).unwrap();
    assert!(
        manifest
            .files
            .iter()
            .filter(|entry| entry.role == FileRole::Calls)
            .all(|entry| entry.rows == 0)
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let result = World::generate(&WorldConfig::small()).write(&file.path().join("world"));
    assert!(matches!(result, Err(WorldError::Write { .. })), "{result:?}");
}

fn sum(amounts: impl Iterator<Item = Pico>) -> Pico {
    Pico::checked_sum(amounts).unwrap()
}
