//! Scenarios in words.

use std::str::FromStr;

use jiff::civil::Date;

use super::Assumption;
use crate::money::Decimal;

/// Why a text is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssumptionError {
    /// Not of the form that is understood.
    #[error("`{0}` is not an assumption like `volume +20% from 2026-03-15 until 2026-04-01`")]
    Form(String),
    /// A change of model needs what calls of both would cost, which a table of costs does not say.
    #[error("`{0}`: what calls would cost at another model is not in a table of daily costs")]
    Model(String),
    /// Less than nothing.
    #[error("`{0}` leaves less than nothing")]
    BelowNothing(String),
}

impl FromStr for Assumption {
    type Err = AssumptionError;

    /// `volume +20%`, optionally `from DATE` and `until DATE`, the day after the last one meant.
    fn from_str(text: &str) -> Result<Self, AssumptionError> {
        let form = || AssumptionError::Form(text.to_owned());
        let mut words = text.split_whitespace();
        match words.next() {
            Some("volume") => {}
            Some("model") => return Err(AssumptionError::Model(text.to_owned())),
            _ => return Err(form()),
        }
        let change = words.next().and_then(|word| word.strip_suffix('%')).ok_or_else(form)?;
        if !change.starts_with(['+', '-']) {
            return Err(form());
        }
        let change = change.strip_prefix('+').unwrap_or(change);
        let change: Decimal = change.parse().map_err(|_| form())?;
        let factor = 1.0 + change.to_f64() / 100.0;
        if factor < 0.0 || !factor.is_finite() {
            return Err(AssumptionError::BelowNothing(text.to_owned()));
        }
        let mut found = Self { factor, from: None, until: None };
        while let Some(word) = words.next() {
            let day: Date = words.next().and_then(|day| day.parse().ok()).ok_or_else(form)?;
            let bound = match word {
                "from" => &mut found.from,
                "until" => &mut found.until,
                _ => return Err(form()),
            };
            if bound.replace(day).is_some() {
                return Err(form());
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn scenarios_are_read_or_refused() {
        assert_eq!(
            "volume +20% from 2026-03-15 until 2026-04-01".parse(),
            Ok(Assumption {
                factor: 1.2,
                from: Some(date(2026, 3, 15)),
                until: Some(date(2026, 4, 1))
            })
        );
        let less = Assumption { factor: 0.945, from: None, until: None };
        assert_eq!("volume -5.5%".parse(), Ok(less));
        assert!(matches!(
            "volume -101%".parse::<Assumption>(),
            Err(AssumptionError::BelowNothing(_))
        ));
        assert!(matches!("model a -> b".parse::<Assumption>(), Err(AssumptionError::Model(_))));
        for text in
            ["", "volume", "volume 20%", "volume +20", "volume +2% until", "volume +2% on x"]
        {
            assert!(matches!(text.parse::<Assumption>(), Err(AssumptionError::Form(_))), "{text}");
        }
    }
}
