//! Writing a world: three threads write the calls, day by day; the caller's thread writes the rest.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    thread,
};

use centinel_engine::{money::Pico, usage::CallStatus};
use jiff::{
    Timestamp,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use serde::Serialize;

use crate::{
    COMPANY, FileCategory, FileEntry, FileFormat, FileRole, InvoiceTruth, Manifest, MonthTotal,
    Totals, Truth, UnownedCalls, World, WorldError,
    calendar::{self, days_between},
    charges::{
        self,
        invoices::{Logged, LoggedTokens},
    },
    files::{call_log, litellm, otlp, sink::Sink},
    models::MODELS,
    organisation::{CallSource, FEATURES, Feature},
    scenario::{Change, Target},
    traffic::Call,
    truth,
};

const MANIFEST: &str = "manifest.json";
const GATEWAY_FILE: &str = "litellm-spend-logs.ndjson.gz";
const SDK_FILE: &str = "sdk-calls.csv.gz";
const TELEMETRY_FILE: &str = "agent-traces.otlp.ndjson.gz";
const INVOICES_FILE: &str = "focus/model-invoices.csv";
const OUTCOMES_FILE: &str = "outcomes.ndjson.gz";

/// What the calls of one file add up to.
#[derive(Debug, Default)]
struct CallSums {
    rows: u64,
    totals: Totals,
    unowned: BTreeMap<&'static str, (u64, i128)>,
    /// Calls of the last month by feature: the key by which shared services are split.
    last_month: BTreeMap<&'static str, u64>,
    logged: LoggedTokens,
}

impl World {
    /// Writes every file, `truth.json` and `manifest.json` into a folder, which is made if need be.
    ///
    /// # Errors
    ///
    /// [`WorldError::Write`] with the file that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<Manifest, WorldError> {
        fs::create_dir_all(folder.join("focus")).map_err(at(folder))?;
        let (gateway, sdk, telemetry, mut files, charges) = thread::scope(|scope| {
            let gateway = scope.spawn(|| self.write_gateway(&folder.join(GATEWAY_FILE)));
            let sdk = scope.spawn(|| self.write_sdk(&folder.join(SDK_FILE)));
            let telemetry = scope.spawn(|| self.write_telemetry(&folder.join(TELEMETRY_FILE)));
            let mut files = Vec::new();
            let charges = self.write_charges(folder, &mut files)?;
            files.push(self.write_outcomes(folder)?);
            files.push(self.write_calendar(folder)?);
            files.push(self.write_deploys(folder)?);
            let ended = |name| move |_| WorldError::Interrupted(name);
            let gateway = gateway.join().map_err(ended(GATEWAY_FILE))??;
            let sdk = sdk.join().map_err(ended(SDK_FILE))??;
            let telemetry = telemetry.join().map_err(ended(TELEMETRY_FILE))??;
            Ok::<_, WorldError>((gateway, sdk, telemetry, files, charges))
        })?;
        files.splice(0..0, call_entries(&gateway, &sdk, &telemetry));
        let mut sums = CallSums::default();
        for part in [gateway, sdk, telemetry] {
            sums.merge(part);
        }
        files.push(write_shared_usage(folder, &sums)?);
        let (entry, invoices) = self.write_invoices(folder, &sums.logged)?;
        files.push(entry);
        files.push(self.write_truth(folder, sums, charges, invoices)?);
        let manifest = Manifest {
            company: COMPANY.to_owned(),
            generated: true,
            seed: self.config.seed,
            first_day: self.first_day,
            last_day: self.config.end,
            currency: "USD".to_owned(),
            files,
        };
        write_json(&folder.join(MANIFEST), &manifest)?;
        Ok(manifest)
    }

    fn write_gateway(&self, path: &Path) -> Result<CallSums, WorldError> {
        let keys: BTreeMap<&str, litellm::Key> =
            FEATURES.iter().map(|feature| (feature.name, litellm::Key::of(feature))).collect();
        let mut sink = Sink::create(path).map_err(at(path))?;
        let mut sums = CallSums::default();
        self.each_call(CallSource::Gateway, &mut sums, |call| match keys.get(call.feature.name) {
            Some(key) => litellm::write(&mut sink, call, key),
            None => Ok(()),
        })
        .map_err(at(path))?;
        sums.rows = sink.rows;
        sink.finish().map_err(at(path))?;
        Ok(sums)
    }

    fn write_sdk(&self, path: &Path) -> Result<CallSums, WorldError> {
        let mut out = csv_writer(path)?;
        let mut sums = CallSums::default();
        self.each_call(CallSource::Sdk, &mut sums, |call| call_log::write(&mut out, call))
            .map_err(at(path))?;
        sums.rows = sums.totals.calls;
        finish_csv(out, path)?;
        Ok(sums)
    }

    fn write_telemetry(&self, path: &Path) -> Result<CallSums, WorldError> {
        let mut sink = Sink::create(path).map_err(at(path))?;
        let mut sums = CallSums::default();
        for day in calendar::days(self.first_day, self.config.end) {
            let calls = self.calls_of(CallSource::Telemetry, day);
            for call in &calls {
                sums.add(call, day, self.config.end);
            }
            let mut traces: Vec<&[Call]> =
                calls.chunk_by(|one, next| one.trace == next.trace).collect();
            traces.sort_by_key(|trace| trace.first().map(|call| (call.at, call.id)));
            for trace in traces {
                otlp::write(&mut sink, trace).map_err(at(path))?;
            }
        }
        sums.rows = sink.rows;
        sink.finish().map_err(at(path))?;
        Ok(sums)
    }

    /// Every call of a source in order of time.
    fn each_call(
        &self,
        source: CallSource,
        sums: &mut CallSums,
        mut write: impl FnMut(&Call) -> io::Result<()>,
    ) -> io::Result<()> {
        for day in calendar::days(self.first_day, self.config.end) {
            let mut calls = self.calls_of(source, day);
            calls.sort_unstable_by_key(|call| (call.at, call.id));
            for call in &calls {
                sums.add(call, day, self.config.end);
                write(call)?;
            }
        }
        Ok(())
    }

    fn calls_of(&self, source: CallSource, day: Date) -> Vec<Call> {
        FEATURES
            .iter()
            .filter(|feature| feature.source == source)
            .flat_map(|feature| self.feature_day(feature, day, None).calls)
            .collect()
    }

    fn write_charges(
        &self,
        folder: &Path,
        files: &mut Vec<FileEntry>,
    ) -> Result<BTreeMap<String, BTreeMap<String, Pico>>, WorldError> {
        let mut sums: BTreeMap<String, BTreeMap<String, Pico>> = BTreeMap::new();
        for vendor in charges::vendors() {
            let file = format!("focus/{}.csv", vendor.slug());
            let path = folder.join(&file);
            let mut out = csv_writer(&path)?;
            let mut rows = 0;
            let months = sums.entry(category_name(vendor.category()).to_owned()).or_default();
            for day in calendar::days(self.first_day, self.config.end) {
                let month = months.entry(month_of(day)).or_default();
                for row in self.charges(vendor, day, None) {
                    out.serialize(&row).map_err(io::Error::from).map_err(at(&path))?;
                    month.0 += row.effective_cost().0;
                    rows += 1;
                }
            }
            finish_csv(out, &path)?;
            files.push(FileEntry {
                category: Some(vendor.category()),
                ..entry(
                    file,
                    FileFormat::FocusCsv,
                    FileRole::Charges,
                    rows,
                    &format!("Daily charges of {}", vendor.provider()),
                )
            });
        }
        Ok(sums)
    }

    fn write_outcomes(&self, folder: &Path) -> Result<FileEntry, WorldError> {
        let path = folder.join(OUTCOMES_FILE);
        let mut sink = Sink::create(&path).map_err(at(&path))?;
        for day in calendar::days(self.first_day, self.config.end) {
            let mut hours: BTreeMap<(Timestamp, &str), (u64, &Feature)> = BTreeMap::new();
            for feature in &FEATURES {
                for output in self.feature_day(feature, day, None).outputs {
                    let key = (hour_of(output.at), feature.name);
                    hours.entry(key).or_insert((0, output.feature)).0 += 1;
                }
            }
            for ((at_hour, name), (quantity, feature)) in hours {
                sink.json_line(&Outcome {
                    id: format!("{name}-{at_hour}"),
                    at: at_hour,
                    kind: feature.output_kind,
                    quantity,
                    feature: name,
                    process: feature.process,
                })
                .map_err(at(&path))?;
            }
        }
        let rows = sink.rows;
        sink.finish().map_err(at(&path))?;
        let description = "Business outputs by feature and hour";
        Ok(entry(
            OUTCOMES_FILE.to_owned(),
            FileFormat::OutcomesNdjson,
            FileRole::Outcomes,
            rows,
            description,
        ))
    }

    fn write_calendar(&self, folder: &Path) -> Result<FileEntry, WorldError> {
        let path = folder.join("calendar.csv");
        let mut out = csv_writer(&path)?;
        let mut rows = 0;
        let mut write = |series: &str, kind, date: Date, until: Date| {
            rows += 1;
            out.serialize(Holiday { series, kind, date, until }).map_err(io::Error::from)
        };
        for day in calendar::holidays(self.first_day, self.config.end) {
            write("*", "holiday", day, day).map_err(at(&path))?;
        }
        for event in self.events.iter().filter(|event| event.kind == "planned_change") {
            let Target::Feature(name) = event.target else { continue };
            let start = event.start.date();
            if (self.first_day..=self.config.end).contains(&start) {
                write(name, "planned", start, calendar::shifted(start, 7)).map_err(at(&path))?;
            }
        }
        finish_csv(out, &path)?;
        let description = "Public holidays and planned changes";
        Ok(entry(
            "calendar.csv".to_owned(),
            FileFormat::CalendarCsv,
            FileRole::Calendar,
            rows,
            description,
        ))
    }

    /// A deployment of each application every second week, and those behind planted events.
    fn write_deploys(&self, folder: &Path) -> Result<FileEntry, WorldError> {
        let path = folder.join("deploys.ndjson");
        let mut sink = Sink::create(&path).map_err(at(&path))?;
        let mut deploys = Vec::new();
        let mut applications: Vec<&str> =
            FEATURES.iter().map(|feature| feature.application).collect();
        applications.sort_unstable();
        applications.dedup();
        for (index, application) in applications.into_iter().enumerate() {
            let mut stream = self.seed.child("deploys", 0).child(application, 0).stream();
            for day in calendar::days(self.first_day, self.config.end) {
                let weeks = i32::try_from(index).unwrap_or_default()
                    + days_between(day, self.config.end) / 7;
                let minute = i8::try_from(stream.bits() % 60).unwrap_or_default();
                let weekday = if index % 3 == 0 { Weekday::Thursday } else { Weekday::Tuesday };
                if weeks % 2 == 0
                    && day.weekday() == weekday
                    && !self.is_caused_on(application, day)
                {
                    deploys.push((day.at(10, minute, 0, 0), application, calendar::release(day)));
                }
            }
        }
        for event in &self.events {
            if let Some((application, minutes)) = cause(event) {
                let start = event.start.saturating_sub(jiff::Span::new().minutes(minutes));
                if (self.first_day..=self.config.end).contains(&start.date()) {
                    deploys.push((start, application, calendar::release(start.date())));
                }
            }
        }
        deploys.sort_unstable();
        for (start, service, version) in deploys {
            let at_start =
                start.to_zoned(TimeZone::UTC).map_or(Timestamp::MIN, |start| start.timestamp());
            sink.json_line(&Deploy { at: at_start, service, version }).map_err(at(&path))?;
        }
        let rows = sink.rows;
        sink.finish().map_err(at(&path))?;
        let description = "Deployments; some come just before a planted event, most before nothing";
        Ok(entry(
            "deploys.ndjson".to_owned(),
            FileFormat::DeploysNdjson,
            FileRole::Deploys,
            rows,
            description,
        ))
    }

    /// Whether a planted event brings its own deployment of this application in the same week.
    fn is_caused_on(&self, application: &str, day: Date) -> bool {
        self.events.iter().any(|event| {
            cause(event).is_some_and(|(other, _)| other == application)
                && days_between(event.start.date(), day).abs() < 7
        })
    }

    fn write_invoices(
        &self,
        folder: &Path,
        logged: &LoggedTokens,
    ) -> Result<(FileEntry, InvoiceTruth), WorldError> {
        let path = folder.join(INVOICES_FILE);
        let (rows, truth) = self.invoices(logged);
        let mut out = csv_writer(&path)?;
        for row in &rows {
            out.serialize(row).map_err(io::Error::from).map_err(at(&path))?;
        }
        finish_csv(out, &path)?;
        let count = u64::try_from(rows.len()).unwrap_or_default();
        let description = "What the model providers bill for the calls, by month and token class";
        let written = entry(
            INVOICES_FILE.to_owned(),
            FileFormat::FocusCsv,
            FileRole::Invoice,
            count,
            description,
        );
        Ok((FileEntry { category: Some(FileCategory::Ai), ..written }, truth))
    }

    fn write_truth(
        &self,
        folder: &Path,
        sums: CallSums,
        charges: BTreeMap<String, BTreeMap<String, Pico>>,
        invoices: InvoiceTruth,
    ) -> Result<FileEntry, WorldError> {
        let (incidents, decoys) = self.planted();
        let unowned = sums.unowned.into_iter().map(|(feature, (calls, cost))| UnownedCalls {
            feature: feature.to_owned(),
            calls,
            cost: Pico(cost),
        });
        let unpriced = MODELS.iter().filter(|model| model.price.is_none());
        let truth = Truth {
            company: COMPANY.to_owned(),
            generated: true,
            seed: self.config.seed,
            first_day: self.first_day,
            last_day: self.config.end,
            currency: "USD".to_owned(),
            incidents,
            decoys,
            features: truth::feature_truth(),
            unowned: unowned.collect(),
            unpriced_models: unpriced.map(|model| model.id.to_owned()).collect(),
            totals: Totals { charges, ..sums.totals },
            invoices,
        };
        write_json(&folder.join("truth.json"), &truth)?;
        let description = "What was planted and what it cost; for evaluation only";
        Ok(entry("truth.json".to_owned(), FileFormat::TruthJson, FileRole::Truth, 1, description))
    }
}

fn write_shared_usage(folder: &Path, sums: &CallSums) -> Result<FileEntry, WorldError> {
    let path = folder.join("shared-usage.csv");
    let mut out = csv_writer(&path)?;
    let mut rows = 0;
    for (consumer, calls) in &sums.last_month {
        let Some(feature) = FEATURES.iter().find(|feature| feature.name == *consumer) else {
            continue;
        };
        let gateway = (feature.source == CallSource::Gateway).then_some(("LLM gateway", *calls));
        // Features that answer from documents read a few vectors with each call.
        let reads = (feature.input.0 >= 10_000.0).then_some(("Vector store", calls * 4));
        for (line, units) in [gateway, reads].into_iter().flatten() {
            let row = SharedUsage { consumer, line, units };
            out.serialize(row).map_err(io::Error::from).map_err(at(&path))?;
            rows += 1;
        }
    }
    finish_csv(out, &path)?;
    let description = "Use of the shared services in the last month, by feature";
    Ok(entry(
        "shared-usage.csv".to_owned(),
        FileFormat::SharedUsageCsv,
        FileRole::SharedUsage,
        rows,
        description,
    ))
}

#[derive(Serialize)]
struct Outcome<'a> {
    #[serde(rename = "outcome_id")]
    id: String,
    at: Timestamp,
    kind: &'static str,
    quantity: u64,
    feature: &'a str,
    process: &'static str,
}

#[derive(Serialize)]
struct Holiday<'a> {
    series: &'a str,
    kind: &'static str,
    date: Date,
    until: Date,
}

#[derive(Serialize)]
struct Deploy<'a> {
    at: Timestamp,
    service: &'a str,
    version: String,
}

#[derive(Serialize)]
struct SharedUsage<'a> {
    consumer: &'a str,
    line: &'static str,
    units: u64,
}

impl CallSums {
    fn add(&mut self, call: &Call, day: Date, end: Date) {
        let name = call.feature.name;
        let cost = call.cost();
        let amount = cost.map_or(0, |cost| cost.0);
        let totals = &mut self.totals;
        totals.calls += 1;
        totals.cost.0 += amount;
        if cost.is_none() {
            totals.unpriced_calls += 1;
            totals.unpriced_tokens += call.input + call.output;
        }
        let month = totals.months.entry(month_of(day)).or_default();
        *month = MonthTotal { calls: month.calls + 1, cost: Pico(month.cost.0 + amount) };
        totals.features.entry(name.to_owned()).or_default().0 += amount;
        if call.status != CallStatus::GatewayCache {
            let key = (day.first_of_month(), call.model.provider, call.model.id);
            let logged =
                self.logged.entry(key).or_insert(Logged { model: call.model, tokens: [0; 4] });
            let uncached = call.input - call.cache_read - call.cache_write;
            let tokens = [uncached, call.cache_read, call.cache_write, call.output];
            for (sum, tokens) in logged.tokens.iter_mut().zip(tokens) {
                *sum += tokens;
            }
        }
        if !call.is_tagged {
            totals.unowned_cost.0 += amount;
            let unowned = self.unowned.entry(name).or_default();
            *unowned = (unowned.0 + 1, unowned.1 + amount);
        }
        if day.first_of_month() == end.first_of_month() {
            *self.last_month.entry(name).or_default() += 1;
        }
    }

    fn merge(&mut self, other: Self) {
        let (ours, theirs) = (&mut self.totals, other.totals);
        ours.calls += theirs.calls;
        ours.unpriced_calls += theirs.unpriced_calls;
        ours.unpriced_tokens += theirs.unpriced_tokens;
        ours.cost.0 += theirs.cost.0;
        ours.unowned_cost.0 += theirs.unowned_cost.0;
        for (month, total) in theirs.months {
            let sum = ours.months.entry(month).or_default();
            sum.calls += total.calls;
            sum.cost.0 += total.cost.0;
        }
        // A feature has one source, so these never meet.
        ours.features.extend(theirs.features);
        self.unowned.extend(other.unowned);
        self.last_month.extend(other.last_month);
        for (key, logged) in other.logged {
            let sum = self.logged.entry(key).or_insert(Logged { tokens: [0; 4], ..logged });
            for (sum, tokens) in sum.tokens.iter_mut().zip(logged.tokens) {
                *sum += tokens;
            }
        }
    }
}

/// The application whose deployment brought an event, and how many minutes before it.
fn cause(event: &crate::scenario::Event) -> Option<(&'static str, i64)> {
    let Target::Feature(name) = event.target else { return None };
    let shipped = event.changes.iter().any(|change| {
        matches!(
            change,
            Change::InputTokens(_) | Change::Timeouts(_) | Change::Cache(_) | Change::Swap(_)
        )
    });
    let feature = crate::organisation::feature(name).filter(|_| event.is_incident && shipped)?;
    Some((feature.application, 8))
}

fn call_entries(gateway: &CallSums, sdk: &CallSums, telemetry: &CallSums) -> [FileEntry; 3] {
    let calls = |file: &str, format, sums: &CallSums, description| FileEntry {
        category: Some(FileCategory::Ai),
        calls: (sums.rows != sums.totals.calls).then_some(sums.totals.calls),
        ..entry(file.to_owned(), format, FileRole::Calls, sums.rows, description)
    };
    [
        calls(
            GATEWAY_FILE,
            FileFormat::LitellmSpendLogs,
            gateway,
            "Calls through the LiteLLM gateway",
        ),
        calls(SDK_FILE, FileFormat::CallLogCsv, sdk, "Calls that the in-house SDK logged"),
        calls(
            TELEMETRY_FILE,
            FileFormat::OtlpJsonLines,
            telemetry,
            "Traces of agents, one a line; the agent's own span repeats the tokens of its calls",
        ),
    ]
}

fn entry(
    file: String,
    format: FileFormat,
    role: FileRole,
    rows: u64,
    description: &str,
) -> FileEntry {
    FileEntry {
        file,
        format,
        role,
        category: None,
        rows,
        calls: None,
        description: description.to_owned(),
    }
}

fn category_name(category: FileCategory) -> &'static str {
    match category {
        FileCategory::Ai => "ai",
        FileCategory::Cloud => "cloud",
        FileCategory::Kubernetes => "kubernetes",
        FileCategory::Saas => "saas",
    }
}

fn month_of(day: Date) -> String {
    format!("{}-{:02}", day.year(), day.month())
}

fn hour_of(at: Timestamp) -> Timestamp {
    let hour = at.as_second().div_euclid(3_600) * 3_600;
    Timestamp::from_second(hour).unwrap_or(at)
}

fn csv_writer(path: &Path) -> Result<csv::Writer<Sink>, WorldError> {
    Ok(csv::Writer::from_writer(Sink::create(path).map_err(at(path))?))
}

fn finish_csv(out: csv::Writer<Sink>, path: &Path) -> Result<(), WorldError> {
    let sink = out.into_inner().map_err(|error| io::Error::other(error.to_string()));
    sink.and_then(Sink::finish).map_err(at(path))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), WorldError> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from).map_err(at(path))?;
    fs::write(path, text + "\n").map_err(at(path))
}

fn at(path: &Path) -> impl Fn(io::Error) -> WorldError {
    let path: PathBuf = path.to_owned();
    move |source| WorldError::Write { path: path.clone(), source }
}
