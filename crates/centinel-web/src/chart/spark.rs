//! A small row of bars without axes.

use centinel_engine::money::Pico;

use super::scaled;

/// Height of the drawing, in its own units.
const HEIGHT: i128 = 100;

/// Bars from left to right, ten units a bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spark {
    /// Width of the drawing.
    pub(crate) width: usize,
    /// Outline of all bars but the last.
    pub(crate) path: String,
    /// Outline of the last bar.
    pub(crate) last: String,
}

impl Spark {
    /// Bars of amounts, oldest first; `None` when there are fewer than two.
    pub(crate) fn new(amounts: &[Pico]) -> Option<Self> {
        let (_, earlier) = amounts.split_last().filter(|(_, earlier)| !earlier.is_empty())?;
        let highest = amounts.iter().copied().max().unwrap_or(Pico::ZERO).max(Pico(1));
        let mut bars = amounts.iter().enumerate().map(|(index, amount)| {
            // A bar of one unit says "almost nothing" where none would say "no data".
            let height = scaled(*amount, highest, HEIGHT).max(1);
            format!("M{} {HEIGHT}v-{height}h7v{height}z", index * 10)
        });
        let path = bars.by_ref().take(earlier.len()).collect();
        Some(Self { width: amounts.len() * 10 - 3, path, last: bars.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_reach_from_almost_nothing_to_the_top() {
        let amounts = [0, 50, 100].map(|whole| Pico(whole * Pico::ONE.0));
        let spark = Spark::new(&amounts).unwrap();
        assert_eq!(spark.path, "M0 100v-1h7v1zM10 100v-50h7v50z");
        assert_eq!((spark.last.as_str(), spark.width), ("M20 100v-100h7v100z", 27));
        assert_eq!(Spark::new(&amounts[..1]), None);
        assert!(Spark::new(&[Pico(i128::MAX), Pico(1)]).unwrap().path.contains("v-100"));
    }
}
