//! The tools without a client: for a program of ours that calls them in its own process.
//!
//! What is called is what a client calls, arguments, mistakes and bounds included; what is left out is the
//! protocol around it.

use centinel_engine::period::Period;
use jiff::{Span, ToSpan as _, civil::Date};
use rmcp::model::CallToolRequestParams;
use serde_json::{Map, Value};

use crate::{
    arguments,
    imported::quoted,
    ports::{Principal, Refusal},
    server::Server,
    window::{RelativePeriod, previous_period},
};

/// A tool, as whoever chooses among them sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    /// Its name.
    pub name: &'static str,
    /// What it answers, and when to use it.
    pub description: &'static str,
    /// JSON schema of its arguments.
    pub arguments: Value,
    /// Whether it changes anything.
    pub writes: bool,
}

impl Server {
    /// The tools of this server, in their order.
    pub fn offered(&self) -> Vec<Offered> {
        let offered = self.known().map(|known| Offered {
            name: known.spec.name,
            description: known.spec.description,
            arguments: Value::Object(known.tool.input_schema.as_ref().clone()),
            writes: known.spec.writes(),
        });
        offered.collect()
    }

    /// Calls a tool, as a client would: the answer's fields, or why there is none.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; never [`Refusal::Amended`], whose edits are in the correction that is shown.
    pub async fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        caller: &Principal,
    ) -> Result<Value, Refusal> {
        let Some(known) = self.known().find(|known| known.spec.name == name) else {
            let names: Vec<_> =
                self.known().map(|known| format!("`{}`", known.spec.name)).collect();
            return Err(Refusal::mistaken(
                format!("there is no tool {}", quoted(name)),
                format!("call one of {}", names.join(", ")),
            ));
        };
        tracing::info!(tool = name, %caller, "called in process");
        let request = CallToolRequestParams::new(known.spec.name).with_arguments(arguments);
        let result = self.answer(known, request, caller).await;
        if let Err(Refusal::Failed { detail }) = &result {
            tracing::error!(error = %detail, "tool failed");
        }
        Ok(result?.structured_content.unwrap_or_default())
    }
}

impl Refusal {
    /// The arguments of the corrected call that a refusal shows; `None` where it shows another step.
    pub fn corrected(&self) -> Option<Map<String, Value>> {
        let Self::Mistaken { correction, .. } = self else { return None };
        arguments::called(correction)
    }
}

/// The arguments that say a period which stands in words: `last week`, `October`, `2026-10-01 to 2026-10-14`.
/// `None` where the words are no period. `data` are the first day of the data and the day that relative
/// periods count from.
pub fn period_arguments(
    words: &str,
    is_ahead: bool,
    data: Option<(Date, Date)>,
) -> Option<Map<String, Value>> {
    arguments::period_in(words, is_ahead, data)
}

/// The arguments that say the time just before that of others: the `unit` of the calendar before it (`week`,
/// `month`, …), or as much time where it has that length or no unit is said; of a year, the same days one
/// year before. `None` where the arguments say no time.
pub fn period_before(
    arguments: &Map<String, Value>,
    unit: Option<&str>,
    data: Option<(Date, Date)>,
) -> Option<Map<String, Value>> {
    let period = stated(arguments, data)?;
    let (first, after) = period.dates();
    let days = first.until(after).ok()?.get_days();
    let (from, to) = match unit {
        Some("year") => (first.checked_sub(1.year()).ok()?, after.checked_sub(1.year()).ok()?),
        Some("day") if days != 1 => (first.yesterday().ok()?, first),
        Some("week") if days != 7 => {
            let back = i32::from(first.weekday().to_monday_zero_offset());
            let monday = first.checked_sub(back.days()).ok()?;
            (monday.checked_sub(1.week()).ok()?, monday)
        }
        Some("month") if !(28..=31).contains(&days) => {
            let month = first.first_of_month();
            (month.checked_sub(1.month()).ok()?, month)
        }
        Some("quarter") if !(90..=92).contains(&days) => {
            let month = first.first_of_month();
            let back = i32::from(month.month().checked_sub(1)?.rem_euclid(3));
            let quarter = month.checked_sub(Span::new().months(back)).ok()?;
            (quarter.checked_sub(3.months()).ok()?, quarter)
        }
        _ => previous_period(period)?.dates(),
    };
    let mut said = Map::new();
    said.insert("start".to_owned(), Value::from(from.to_string()));
    said.insert("end".to_owned(), Value::from(to.to_string()));
    Some(said)
}

/// The period that arguments state.
fn stated(arguments: &Map<String, Value>, data: Option<(Date, Date)>) -> Option<Period> {
    if let Some(word) = arguments.get("period") {
        let (_, today) = data?;
        let relative: RelativePeriod = serde_json::from_value(word.clone()).ok()?;
        return relative.resolve(today).ok();
    }
    let day = |name: &str| arguments.get(name)?.as_str()?.parse::<Date>().ok();
    Period::days(day("start")?, day("end")?).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    #[test]
    fn periods_in_words_are_arguments() {
        let data = Some((date(2026, 1, 1), date(2026, 11, 5)));
        for (words, is_ahead, arguments) in [
            ("last week", false, json!({"period": "last_week"})),
            ("last 7 days", false, json!({"period": "last_7d"})),
            ("this month", true, json!({"period": "month"})),
            ("October", false, json!({"start": "2026-10-01", "end": "2026-11-01"})),
            ("last 14 days", false, json!({"start": "2026-10-22", "end": "2026-11-05"})),
            (
                "2026-10-01 to 2026-10-14",
                false,
                json!({"start": "2026-10-01", "end": "2026-10-15"}),
            ),
        ] {
            let found = period_arguments(words, is_ahead, data).map(Value::Object);
            assert_eq!(found, Some(arguments), "{words}");
        }
        // Near a word is not the word: this reads sentences.
        for words in ["last wek", "lost week", "why", ""] {
            assert_eq!(period_arguments(words, false, data), None, "{words}");
        }
    }

    #[test]
    fn the_time_before_is_found() {
        let data = Some((date(2026, 1, 1), date(2026, 11, 5)));
        for (arguments, unit, before) in [
            (json!({"period": "last_month"}), Some("month"), "2026-09-01 to 2026-10-01"),
            (json!({"period": "last_week"}), Some("week"), "2026-10-19 to 2026-10-26"),
            (json!({"period": "last_week"}), Some("month"), "2026-09-01 to 2026-10-01"),
            (json!({"period": "last_7d"}), Some("week"), "2026-10-22 to 2026-10-29"),
            (json!({"period": "last_30d"}), Some("week"), "2026-09-28 to 2026-10-05"),
            (json!({"period": "yesterday"}), Some("day"), "2026-11-03 to 2026-11-04"),
            (
                json!({"start": "2026-07-01", "end": "2026-10-01"}),
                Some("quarter"),
                "2026-04-01 to 2026-07-01",
            ),
            (
                json!({"start": "2026-10-01", "end": "2026-11-01"}),
                Some("year"),
                "2025-10-01 to 2025-11-01",
            ),
            (json!({"start": "2026-10-05", "end": "2026-10-15"}), None, "2026-09-25 to 2026-10-05"),
        ] {
            let found = period_before(arguments.as_object().unwrap(), unit, data).unwrap();
            let text = |name: &str| found[name].as_str().unwrap().to_owned();
            assert_eq!(
                format!("{} to {}", text("start"), text("end")),
                before,
                "{arguments} {unit:?}"
            );
        }
        assert_eq!(period_before(&Map::new(), None, data), None);
        let month = json!({"period": "month"});
        assert_eq!(period_before(month.as_object().unwrap(), Some("month"), data), None);
    }

    #[test]
    fn a_corrected_call_is_read_back() {
        let refusal = Refusal::mistaken("no", r#"call `forecast` with {"period":"month"}"#);
        assert_eq!(refusal.corrected().map(Value::Object), Some(json!({"period": "month"})));
        assert_eq!(Refusal::mistaken("no", "ask again").corrected(), None);
    }
}
