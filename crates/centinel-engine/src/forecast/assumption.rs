//! Scenarios in words.

use std::{fmt, str::FromStr};

use jiff::civil::Date;

use crate::money::Decimal;

/// What days ahead are multiplied by.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// Name of the one series meant; `None` is all.
    pub series: Option<String>,
    /// 1.2 is 20 % more.
    pub factor: f64,
    /// The first day meant; `None` is all.
    pub from: Option<Date>,
    /// The day after the last one meant; `None` is all.
    pub until: Option<Date>,
}

impl Factor {
    pub(super) fn is_about(&self, series: &str) -> bool {
        self.series.as_deref().is_none_or(|name| name == series)
    }
}

/// Calls of one model, made with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelChange {
    /// The model that calls are taken from, as they spell it.
    pub model: String,
    /// The model whose price they get, `MODEL` or `PROVIDER/MODEL`.
    pub instead: String,
    /// The first day meant; `None` is all.
    pub from: Option<Date>,
    /// The day after the last one meant; `None` is all.
    pub until: Option<Date>,
}

/// One assumption of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub enum Assumption {
    /// More or less of everything.
    Volume(Factor),
    /// Another model for the same calls.
    Model(ModelChange),
}

impl Assumption {
    /// What it multiplies all series by, where a table of costs says enough for that.
    ///
    /// # Errors
    ///
    /// [`AssumptionError::Model`] for a change of model.
    pub fn factor(&self) -> Result<Factor, AssumptionError> {
        match self {
            Self::Volume(factor) => Ok(factor.clone()),
            Self::Model(change) => {
                Err(AssumptionError::Model(format!("model {} -> {}", change.model, change.instead)))
            }
        }
    }
}

/// Why a text is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssumptionError {
    /// Not of the form that is understood.
    #[error(
        "`{0}` is not an assumption like `volume +20% from 2026-03-15 until 2026-04-01` or \
         `model gpt-4o -> gpt-4o-mini`"
    )]
    Form(String),
    /// A change of model needs what calls of both would cost, which a table of costs does not say.
    #[error("`{0}`: what calls would cost at another model is not in a table of daily costs")]
    Model(String),
    /// Less than nothing.
    #[error("`{0}` leaves less than nothing")]
    BelowNothing(String),
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = match self {
            Self::Volume(factor) => {
                write!(f, "volume {:+}%", ((factor.factor - 1.0) * 1e8).round() / 1e6)?;
                (factor.from, factor.until)
            }
            Self::Model(change) => {
                write!(f, "model {} -> {}", change.model, change.instead)?;
                (change.from, change.until)
            }
        };
        if let Some(from) = from {
            write!(f, " from {from}")?;
        }
        match until {
            Some(until) => write!(f, " until {until}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Assumption {
    type Err = AssumptionError;

    /// `volume +20%` or `model X -> Y`, optionally `from DATE` and `until DATE`, the day after the last
    /// one meant.
    fn from_str(text: &str) -> Result<Self, AssumptionError> {
        let form = || AssumptionError::Form(text.chars().take(120).collect());
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["volume", change, bounds @ ..] => {
                let (from, until) = days(bounds).ok_or_else(form)?;
                let change = change.strip_suffix('%').ok_or_else(form)?;
                if !change.starts_with(['+', '-']) {
                    return Err(form());
                }
                let change = change.strip_prefix('+').unwrap_or(change);
                let change: Decimal = change.parse().map_err(|_| form())?;
                let factor = 1.0 + change.to_f64() / 100.0;
                if factor < 0.0 || !factor.is_finite() {
                    return Err(AssumptionError::BelowNothing(text.to_owned()));
                }
                Ok(Self::Volume(Factor { series: None, factor, from, until }))
            }
            ["model", model, "->" | "→", instead, bounds @ ..] => {
                let (from, until) = days(bounds).ok_or_else(form)?;
                let (model, instead) = ((*model).to_owned(), (*instead).to_owned());
                Ok(Self::Model(ModelChange { model, instead, from, until }))
            }
            _ => Err(form()),
        }
    }
}

/// `from DATE` and `until DATE`, each once at most.
fn days(words: &[&str]) -> Option<(Option<Date>, Option<Date>)> {
    let (mut from, mut until) = (None, None);
    for pair in words.chunks(2) {
        let (bound, day) = match pair {
            ["from", day] => (&mut from, day),
            ["until", day] => (&mut until, day),
            _ => return None,
        };
        if bound.replace(day.parse().ok()?).is_some() {
            return None;
        }
    }
    Some((from, until))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn scenarios_are_read_or_refused() {
        let volume = |factor, from, until| {
            Ok(Assumption::Volume(Factor { series: None, factor, from, until }))
        };
        let bounds = (Some(date(2026, 3, 15)), Some(date(2026, 4, 1)));
        assert_eq!(
            "volume +20% from 2026-03-15 until 2026-04-01".parse(),
            volume(1.2, bounds.0, bounds.1)
        );
        assert_eq!("volume -5.5%".parse(), volume(0.945, None, None));
        assert!(matches!(
            "volume -101%".parse::<Assumption>(),
            Err(AssumptionError::BelowNothing(_))
        ));
        let change = ModelChange {
            model: "gpt-4o".into(),
            instead: "openai/gpt-4o-mini".into(),
            from: bounds.0,
            until: None,
        };
        let read: Assumption =
            "model gpt-4o -> openai/gpt-4o-mini from 2026-03-15".parse().unwrap();
        assert_eq!(read, Assumption::Model(change));
        assert!(matches!(read.factor(), Err(AssumptionError::Model(_))));
        for text in ["volume +20% from 2026-03-15 until 2026-04-01", "volume -5.5%", "model a -> b"]
        {
            assert_eq!(text.parse::<Assumption>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "volume",
            "volume 20%",
            "volume +20",
            "volume +2% until",
            "volume +2% on x",
            "volume +2% from 2026-03-15 from 2026-03-16",
            "model",
            "model a",
            "model a b",
            "model a -> ",
            "model a -> b until soon",
        ] {
            assert!(matches!(text.parse::<Assumption>(), Err(AssumptionError::Form(_))), "{text}");
        }
    }
}
