//! Reads a tool's arguments, and answers what a model gets wrong with the call that is right.
//!
//! Arguments are checked against the schema that the client was shown. Every mistake is named, and
//! repaired where one repair is plain: the refusal shows the whole call without it. What cannot be
//! repaired is left out of that call where it is optional, so that the call is answered either way.

mod dates;
mod pairs;
mod words;

pub(crate) use dates::instant;

use jiff::civil::Date;
use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{imported::quoted, ports::Refusal};

/// Bytes of a corrected call at most; a longer one is replaced by the tool's example.
const CORRECTED_BYTES_MAX: usize = 600;
/// Mistakes named at most: the corrected call shows the rest.
const MISTAKES_MAX: usize = 2;

/// Words of `period` of the tools that look back, and of the one that looks ahead.
const BACK: [&str; 11] = [
    "today",
    "yesterday",
    "last_7d",
    "last_30d",
    "last_90d",
    "last_week",
    "month_to_date",
    "last_month",
    "quarter_to_date",
    "last_quarter",
    "year_to_date",
];
const AHEAD: [&str; 4] = ["day", "week", "month", "quarter"];

/// First day of the data, and the day that relative periods count from: what a month without a year, or
/// an end without a start, is completed by.
pub(crate) type DataDays = (Date, Date);

/// What a tool is: as much as a correction needs.
#[derive(Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) tool: &'static str,
    /// Arguments that work, as JSON.
    pub(crate) example: &'static str,
    /// What the client was shown.
    pub(crate) schema: &'a JsonObject,
    /// `None` where nothing has asked for them.
    pub(crate) data: Option<DataDays>,
}

/// Reads arguments against the schema.
///
/// `null` and the empty text count as not given.
pub(crate) fn read<T: DeserializeOwned>(
    shape: Shape<'_>,
    arguments: &JsonObject,
) -> Result<T, Refusal> {
    let mut check = Check::of(shape);
    let corrected = check.arguments(arguments);
    if check.mistakes.is_empty() {
        return serde_json::from_value(Value::Object(arguments.clone())).map_err(|error| {
            let words = quoted(&error.to_string());
            Refusal::mistaken(
                format!("these arguments cannot be read: {words}"),
                shape.by_example(),
            )
        });
    }
    let shown = if check.lacks_required { shape.by_example() } else { shape.corrected(&corrected) };
    check.mistakes.truncate(MISTAKES_MAX);
    Err(Refusal::mistaken(check.mistakes.join("; "), shown))
}

/// Whether a correction of these arguments may need to know the days of the data.
pub(crate) fn may_need_days(schema: &JsonObject, arguments: &JsonObject) -> bool {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return false;
    };
    if !properties.contains_key("start") {
        return false;
    }
    let is_date = |name: &str| {
        let text = arguments.get(name).and_then(Value::as_str);
        text.is_some_and(|text| dates::instant(text).is_some())
    };
    let given = |name: &str| arguments.contains_key(name);
    let known_period = arguments.get("period").is_none_or(|period| {
        let allowed = properties.get("period").and_then(|schema| schema.get("enum"));
        allowed.and_then(Value::as_array).is_some_and(|allowed| allowed.contains(period))
    });
    let ends = ["start", "end"].map(given);
    !known_period
        || (ends.contains(&true) && !(is_date("start") && is_date("end")))
        || arguments.keys().any(|name| !properties.contains_key(name))
}

/// `` call `tool` with {…} ``
pub(crate) fn call(tool: &str, arguments: &str) -> String {
    format!("call `{tool}` with {arguments}")
}

/// The arguments of such a call.
pub(crate) fn called(text: &str) -> Option<JsonObject> {
    let (_, arguments) = text.strip_prefix("call `")?.split_once("` with ")?;
    serde_json::from_str(arguments).ok()
}

/// The arguments for a period in words.
pub(crate) fn period_in(text: &str, is_ahead: bool, data: Option<DataDays>) -> Option<JsonObject> {
    let mut arguments = JsonObject::new();
    let words: &[&str] = if is_ahead { &AHEAD } else { &BACK };
    match dates::named(text, words, data)? {
        dates::Meant::Word(word) => {
            arguments.insert("period".to_owned(), Value::from(word));
        }
        dates::Meant::Days(days) => put_days(&mut arguments, days),
    }
    Some(arguments)
}

impl Shape<'_> {
    /// The call that shows the tool's example.
    pub(crate) fn by_example(self) -> String {
        call(self.tool, self.example)
    }

    /// The call with these arguments; the example's where they are too long to show.
    pub(crate) fn corrected(self, arguments: &JsonObject) -> String {
        match serde_json::to_string(arguments) {
            Ok(text) if text.len() <= CORRECTED_BYTES_MAX => call(self.tool, &text),
            _ => self.by_example(),
        }
    }
}

/// Removes what models send for "not given": `null`, here and one level down, and the empty text.
pub(crate) fn without_blanks(arguments: JsonObject) -> JsonObject {
    let is_blank = |value: &Value| value.is_null() || value.as_str().is_some_and(str::is_empty);
    arguments
        .into_iter()
        .filter(|(_, value)| !is_blank(value))
        .map(|(name, value)| match value {
            Value::Object(inner) => {
                let inner = inner.into_iter().filter(|(_, value)| !value.is_null()).collect();
                (name, Value::Object(inner))
            }
            other => (name, other),
        })
        .collect()
}

/// Sets an argument, or takes it away: `name`, or `filter.team`.
pub(crate) fn set(arguments: &mut JsonObject, path: &str, value: Option<Value>) {
    let (object, name) = match path.split_once('.') {
        Some((parent, name)) => {
            let parent = arguments.entry(parent).or_insert_with(|| json!({}));
            let Some(inner) = parent.as_object_mut() else { return };
            (inner, name)
        }
        None => (arguments, path),
    };
    match value {
        Some(value) => {
            object.insert(name.to_owned(), value);
        }
        // Not `remove`, which may put the last one in its place.
        None => object.retain(|key, _| key != name),
    }
}

/// Collects mistakes while it rebuilds the arguments without them.
struct Check<'a> {
    shape: Shape<'a>,
    mistakes: Vec<String>,
    /// Whether something is missing that only the caller can know.
    lacks_required: bool,
}

impl<'a> Check<'a> {
    fn of(shape: Shape<'a>) -> Self {
        Self { shape, mistakes: Vec::new(), lacks_required: false }
    }

    /// The arguments without their mistakes.
    fn arguments(&mut self, given: &JsonObject) -> JsonObject {
        let Some(properties) = properties(self.shape.schema) else { return given.clone() };
        if let Some((wrapper, inner)) = wrapped(properties, given) {
            self.mistakes
                .push(format!("arguments stand by themselves, not in {}", quoted(wrapper)));
            return self.arguments(&without_blanks(inner.clone()));
        }
        let mut corrected = JsonObject::new();
        for (name, value) in given {
            if let Some(schema) = properties.get(name) {
                if let Some(value) = self.value(schema, name, value, None, &mut corrected) {
                    corrected.entry(name.as_str()).or_insert(value);
                }
            } else {
                self.unknown(properties, given, (name, value), &mut corrected);
            }
        }
        dates::put_in_order(&mut corrected);
        let required = self.shape.schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !corrected.contains_key(name) {
                if !given.contains_key(name) {
                    self.mistakes.push(format!("`{name}` is required"));
                }
                self.lacks_required = true;
            }
        }
        corrected
    }

    /// An argument that there is none of: what was probably meant by it.
    fn unknown(
        &mut self,
        properties: &JsonObject,
        given: &JsonObject,
        (name, value): (&str, &Value),
        corrected: &mut JsonObject,
    ) {
        let what = format!("there is no parameter {}", quoted(name));
        if words::asks_for_rows(name) && properties.contains_key("detail") {
            self.mistakes.push(format!("{what}: an answer has 10 rows, with `detail` `full` 100"));
            if value.as_u64().is_none_or(|rows| rows > 10) && !given.contains_key("detail") {
                corrected.insert("detail".to_owned(), json!("full"));
            }
            return;
        }
        if let Some((parent, schema)) =
            ["filter", "scope"].iter().find_map(|parent| Some((*parent, properties.get(*parent)?)))
            && let Some(dimension) = schema
                .get("properties")
                .and_then(Value::as_object)
                .and_then(|inner| words::dimension(name, &names(inner)))
            && !given.contains_key(parent)
        {
            self.mistakes.push(format!("{what}: `{dimension}` goes into `{parent}`"));
            let inner = corrected.entry(parent).or_insert_with(|| json!({}));
            if let (Some(inner), Some(text)) = (inner.as_object_mut(), one_text(value)) {
                inner.insert(dimension.to_owned(), Value::from(text));
            }
            return;
        }
        let known = names(properties);
        let meant = words::parameter(name, &known).or_else(|| nearest(name, &known));
        self.mistakes.push(match meant {
            Some(meant) => format!("{what} (did you mean `{meant}`?)"),
            None => format!("{what}; there are {}", listed(&known)),
        });
        let Some(meant) = meant.filter(|meant| !given.contains_key(*meant)) else { return };
        let Some(schema) = properties.get(meant) else { return };
        if let Some(value) = self.value(schema, meant, value, None, corrected) {
            corrected.entry(meant).or_insert(value);
        }
    }

    /// The value, repaired where it can be; `None` where it is better left out. What it says beside its own
    /// argument goes to `beside`.
    fn value(
        &mut self,
        schema: &Value,
        name: &str,
        value: &Value,
        parent: Option<&str>,
        beside: &mut JsonObject,
    ) -> Option<Value> {
        let path = shown_path(parent, name);
        let expected = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        match (expected, value) {
            ("object", Value::Object(inner)) if pairs::as_entry(inner).is_none() => {
                Some(Value::Object(self.object(schema, inner, name)))
            }
            ("object", other) => {
                let found = pairs::pairs(other);
                self.mistakes.push(format!(
                    "{path} is an object, as in {{\"team\":\"search\"}}{}",
                    if found.is_none() { "; leave it out for everything" } else { "" }
                ));
                let schema_of = schema.as_object()?;
                let inner = found?;
                let mut silent = Check::of(Shape { schema: schema_of, ..self.shape });
                Some(Value::Object(silent.object(schema, &inner, name)))
            }
            ("string", Value::String(text)) => {
                self.text(schema, &path, (name, parent), text, beside)
            }
            // A bare number where a text is wanted has one plain repair.
            ("string", Value::Number(number)) => {
                let text = number.to_string();
                if schema.get("enum").is_none() {
                    self.mistakes.push(format!("{path} must be a string, as in \"{text}\""));
                    let mut silent = Check::of(self.shape);
                    silent.text(schema, &path, (name, parent), &text, beside)
                } else {
                    self.text(schema, &path, (name, parent), &text, beside)
                }
            }
            ("string", Value::Array(values)) => {
                let first = values.first().filter(|value| value.is_string() || value.is_number());
                self.mistakes.push(format!("{path} takes one value; ask once for each"));
                let mut silent = Check::of(self.shape);
                silent.value(schema, name, first?, parent, beside)
            }
            ("string", Value::Object(inner)) if name == "period" => {
                self.mistakes.push(format!("{path} is a word; days go into `start` and `end`"));
                let bound =
                    |names: [&str; 4]| names.iter().find_map(|name| inner.get(*name)?.as_str());
                let start = bound(["start", "from", "start_date", "since"])?;
                let end = bound(["end", "to", "end_date", "until"])?;
                let days = dates::range(start, end)?;
                put_days(beside, days);
                None
            }
            _ => {
                self.mistakes.push(format!("{path} must be of type {expected}"));
                None
            }
        }
    }

    /// The object in argument `parent`, without its mistakes.
    fn object(&mut self, schema: &Value, given: &JsonObject, parent: &str) -> JsonObject {
        let Some(properties) = schema.as_object().and_then(properties) else {
            return given.clone();
        };
        let known = names(properties);
        let mut corrected = JsonObject::new();
        for (name, value) in given {
            let mut beside = JsonObject::new();
            if let Some(schema) = properties.get(name) {
                if let Some(value) = self.value(schema, name, value, Some(parent), &mut beside) {
                    corrected.insert(name.clone(), value);
                }
                continue;
            }
            let what = format!("`{parent}` has no {}", quoted(name));
            if let Some(key) = pairs::tag_key(name).filter(|_| known.contains(&"tag"))
                && let Some(text) = one_text(value)
            {
                self.mistakes.push(format!("{what}; a tag is written `\"tag\":\"KEY=VALUE\"`"));
                corrected.insert("tag".to_owned(), Value::from(format!("{key}={text}")));
                continue;
            }
            let meant = words::dimension(name, &known).or_else(|| nearest(name, &known));
            self.mistakes.push(match meant {
                Some(meant) => format!("{what} (did you mean `{meant}`?)"),
                None => format!("{what}; there are {}", listed(&known)),
            });
            let Some(meant) = meant.filter(|meant| !given.contains_key(*meant)) else { continue };
            let mut silent = Check::of(self.shape);
            if let Some(schema) = properties.get(meant)
                && let Some(value) = silent.value(schema, meant, value, Some(parent), &mut beside)
            {
                corrected.insert(meant.to_owned(), value);
            }
        }
        corrected
    }

    fn text(
        &mut self,
        schema: &Value,
        path: &str,
        (name, parent): (&str, Option<&str>),
        text: &str,
        beside: &mut JsonObject,
    ) -> Option<Value> {
        let allowed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        let allowed: Vec<&str> = allowed.filter_map(Value::as_str).collect();
        if !allowed.is_empty() {
            return self.choice(&allowed, path, name, text, beside);
        }
        let wrong = |expected: &str| format!("{path} cannot be {}{expected}", quoted(text));
        let (repaired, words) = match (name, parent) {
            ("tag", Some(_)) if !text.contains('=') => {
                (pairs::with_equals(text), "; it is written `KEY=VALUE`, as in `cost-center=4711`")
            }
            (_, Some(_)) if !(1..=256).contains(&text.chars().count()) => {
                (None, "; it needs 1 to 256 characters")
            }
            ("amount" | "impact_min", None) => match words::amount(text) {
                Some(plain) if plain == text => return Some(Value::from(text)),
                found => (found, "; it is a plain decimal, as in `32000` or `0.5`"),
            },
            ("currency", None) => match words::currency(text) {
                Some(code) if code == text => return Some(Value::from(text)),
                found => (found.map(str::to_owned), "; it is an ISO code, as in `USD`"),
            },
            ("anomaly_id", None) => match words::id(text, 'E') {
                Some(id) if id == text => return Some(Value::from(text)),
                found => (found, "; it is an id such as `E-12`, as `anomalies` lists them"),
            },
            ("proposal_id", None) => match words::id(text, 'P') {
                Some(id) if id == text => return Some(Value::from(text)),
                found => (found, "; it is an id such as `P-7`, as `proposals` lists them"),
            },
            ("start" | "end", None) if dates::instant(text).is_none() => {
                if let Some((first, after)) = dates::days(text, self.shape.data) {
                    let day = if name == "start" { first } else { after };
                    (Some(day.to_string()), "; it is a day as `2026-10-01`, or a UTC time")
                } else {
                    (None, "; it is a day as `2026-10-01`, or a UTC time")
                }
            }
            _ => return Some(Value::from(text)),
        };
        self.mistakes.push(wrong(words));
        repaired.map(Value::from)
    }

    /// One of several words.
    fn choice(
        &mut self,
        allowed: &[&str],
        path: &str,
        name: &str,
        text: &str,
        beside: &mut JsonObject,
    ) -> Option<Value> {
        if allowed.contains(&text) {
            return Some(Value::from(text));
        }
        let wrong = format!("{path} cannot be {}", quoted(text));
        if name == "period" {
            return match dates::period(text, allowed, self.shape.data) {
                Some(dates::Meant::Word(word)) => {
                    self.mistakes.push(format!("{wrong} (did you mean `{word}`?)"));
                    Some(Value::from(word))
                }
                Some(dates::Meant::Days(days)) => {
                    self.mistakes.push(format!("{wrong}; such days go into `start` and `end`"));
                    put_days(beside, days);
                    None
                }
                None => {
                    self.mistakes.push(format!(
                        "{wrong}; it can be {}, or give `start` and `end`",
                        listed(allowed)
                    ));
                    None
                }
            };
        }
        let key = pairs::tag_key(text).filter(|_| name == "group_by" && allowed.contains(&"tag"));
        if let Some(key) = key.filter(|_| self.has("tag_key")) {
            self.mistakes.push(format!("{wrong}; a tag is `group_by` `tag` with `tag_key`"));
            beside.insert("tag_key".to_owned(), Value::from(key));
            return Some(json!("tag"));
        }
        let meant = words::dimension(text, allowed)
            .or_else(|| words::choice(text, allowed))
            .or_else(|| nearest(text, allowed));
        self.mistakes.push(match meant {
            Some(meant) => format!("{wrong} (did you mean `{meant}`?)"),
            None => format!("{wrong}; it can be {}", listed(allowed)),
        });
        meant.map(Value::from)
    }

    fn has(&self, name: &str) -> bool {
        properties(self.shape.schema).is_some_and(|properties| properties.contains_key(name))
    }
}

fn properties(schema: &JsonObject) -> Option<&JsonObject> {
    schema.get("properties").and_then(Value::as_object)
}

fn names(properties: &JsonObject) -> Vec<&str> {
    properties.keys().map(String::as_str).collect()
}

/// All arguments in one of the words that calls themselves have for them.
fn wrapped<'v>(
    properties: &JsonObject,
    given: &'v JsonObject,
) -> Option<(&'v str, &'v JsonObject)> {
    let mut entries = given.iter();
    let (Some((name, Value::Object(inner))), None) = (entries.next(), entries.next()) else {
        return None;
    };
    let is_word =
        ["arguments", "args", "params", "parameters", "input", "query", "request", "body"];
    (is_word.contains(&name.as_str()) && !properties.contains_key(name))
        .then_some((name.as_str(), inner))
}

fn put_days(beside: &mut JsonObject, (first, after): (Date, Date)) {
    beside.insert("start".to_owned(), Value::from(first.to_string()));
    beside.insert("end".to_owned(), Value::from(after.to_string()));
}

/// A text or number, or the first of a list of them.
fn one_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(values) => one_text(values.first()?),
        _ => None,
    }
}

fn shown_path(parent: Option<&str>, name: &str) -> String {
    parent.map_or_else(|| format!("`{name}`"), |parent| format!("`{parent}.{name}`"))
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The name that was probably meant: by far the nearest in spelling, or one that contains the other.
pub(crate) fn nearest<'n>(given: &str, names: &[&'n str]) -> Option<&'n str> {
    let given: String = given.chars().take(64).collect::<String>().to_lowercase();
    let given = given.replace([' ', '-'], "_");
    let similar = |name: &&'n str| {
        let within = given.len() >= 4 && (name.contains(given.as_str()) || given.contains(*name));
        let score = strsim::jaro_winkler(&given, name) + if within { 0.2 } else { 0.0 };
        (*name, score)
    };
    names
        .iter()
        .map(similar)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .filter(|&(_, score)| score >= 0.85)
        .map(|(name, _)| name)
}

/// The values nearest to a given one, the nearest first; of them, the first is likely to be meant.
pub fn nearest_values<'n>(given: &str, values: &[&'n str], values_max: usize) -> Vec<&'n str> {
    let given = given.to_lowercase();
    let mut scored: Vec<(f64, &str)> = values
        .iter()
        .map(|value| (strsim::jaro_winkler(&given, &value.to_lowercase()), *value))
        .collect();
    scored.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.cmp(other)));
    scored.into_iter().take(values_max).map(|(_, value)| value).collect()
}

#[cfg(test)]
mod tests;
