//! Stacked bars by day.

use std::fmt::Write as _;

use centinel_app::{Layer, SpendOverTime};
use centinel_engine::money::{Currency, Pico};
use jiff::civil::Date;

use super::scaled;
use crate::text::{cell, full_day, money};

/// Units of a day's width; a bar takes eight of them.
const DAY: usize = 10;
/// Units of the highest amount; the drawing is stretched to its place.
const HEIGHT: i128 = 1000;

/// Stacked bars by day, and the same figures as a table.
#[derive(Debug)]
pub(crate) struct Stacked {
    /// Width of the drawing.
    pub(crate) width: usize,
    /// From the bottom up.
    pub(crate) layers: Vec<Shape>,
    /// Lines across, lowest first.
    pub(crate) ticks: Vec<Tick>,
    /// Marks below.
    pub(crate) marks: Vec<Mark>,
    /// The days, oldest first.
    pub(crate) days: Vec<Day>,
    /// Total of all layers.
    pub(crate) total: String,
}

/// One layer.
#[derive(Debug)]
pub(crate) struct Shape {
    /// `c1` to `c8` by size, `c0` for the rest.
    pub(crate) class: String,
    /// What it is.
    pub(crate) name: String,
    /// Its total.
    pub(crate) total: String,
    /// Outline of its bars.
    pub(crate) path: String,
}

/// A line across the drawing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    /// Percent of the height, from the top, with one decimal.
    pub(crate) y: String,
    /// The amount there.
    pub(crate) label: String,
}

/// A mark on the time axis.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Percent of the width, with one decimal.
    pub(crate) x: String,
    /// The day there.
    pub(crate) label: String,
}

/// One day.
#[derive(Debug)]
pub(crate) struct Day {
    /// Left edge.
    pub(crate) x: usize,
    /// `14 Oct 2026`.
    pub(crate) date: String,
    /// Its amounts, layer by layer.
    pub(crate) amounts: Vec<String>,
    /// Their sum.
    pub(crate) total: String,
    /// All of that, line by line.
    pub(crate) title: String,
}

impl Stacked {
    /// The chart of an answer; `None` when nothing was spent.
    pub(crate) fn new(answer: &SpendOverTime) -> Option<Self> {
        let highest =
            answer.by_day.iter().copied().max().filter(|highest| *highest > Pico::ZERO)?;
        let step = tick_step(highest);
        let shown: Vec<&Layer> = answer.layers.iter().chain(&answer.other).collect();
        let dates = || std::iter::successors(Some(answer.first_day), |day| day.tomorrow().ok());
        let mut heights = vec![Pico::ZERO; answer.by_day.len()];
        let layers = shown.iter().enumerate().map(|(index, layer)| {
            let is_other = index == answer.layers.len();
            Shape {
                class: if is_other { "c0".to_owned() } else { format!("c{}", index + 1) },
                name: if is_other {
                    format!("{} others", answer.other_values)
                } else {
                    cell(&layer.name)
                },
                total: money(layer.total, answer.currency),
                path: outline(layer, &mut heights, highest),
            }
        });
        let layers: Vec<Shape> = layers.collect();
        let days = dates()
            .zip(&answer.by_day)
            .enumerate()
            .map(|(index, (date, total))| {
                let amounts: Vec<String> = shown
                    .iter()
                    .map(|layer| layer.by_day.get(index).copied().unwrap_or(Pico::ZERO))
                    .map(|amount| money(amount, answer.currency))
                    .collect();
                let (date, total) = (full_day(date), money(*total, answer.currency));
                let lines = layers.iter().zip(&amounts);
                let lines = lines.map(|(layer, amount)| format!("\n{}  {amount}", layer.name));
                let title = std::iter::once(format!("{date}  {total}")).chain(lines).collect();
                Day { x: index * DAY, date, amounts, total, title }
            })
            .collect();
        Some(Self {
            width: answer.by_day.len() * DAY,
            layers,
            ticks: ticks(step, highest, answer.currency),
            marks: marks(&dates().take(answer.by_day.len()).collect::<Vec<_>>()),
            days,
            total: money(answer.total, answer.currency),
        })
    }
}

/// Outlines of a layer's bars on top of `heights`, which then include them. `top` fills the drawing.
fn outline(layer: &Layer, heights: &mut [Pico], top: Pico) -> String {
    let mut path = String::new();
    for (index, (amount, height)) in layer.by_day.iter().zip(heights).enumerate() {
        let from = scaled(*height, top, HEIGHT);
        height.0 = height.0.saturating_add(amount.0.max(0));
        let to = scaled(*height, top, HEIGHT);
        if to > from {
            let (x, y, up) = (index * DAY + 1, HEIGHT - from, to - from);
            // Writing to a `String` does not fail.
            let _ = write!(path, "M{x} {y}v-{up}h8v{up}z");
        }
    }
    path
}

/// The smallest of 1, 2 or 5 times a power of ten that reaches the highest amount in four steps.
fn tick_step(highest: Pico) -> Pico {
    let mut power: i128 = 1;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if step.saturating_mul(4) >= highest.0 {
                return Pico(step);
            }
        }
        power = power.saturating_mul(10);
    }
}

fn ticks(step: Pico, highest: Pico, currency: Currency) -> Vec<Tick> {
    let tick = |index: i128| {
        let amount = Pico(step.0.saturating_mul(index));
        let tenths = HEIGHT - scaled(amount, highest, HEIGHT);
        Tick {
            y: format!("{}.{}", tenths / 10, tenths % 10),
            // Round amounts need no cents.
            label: money(amount, currency).replacen(".00", "", 1),
        }
    };
    (0..=highest.0 / step.0).map(tick).collect()
}

/// The 1st and 15th of months; of a short window every seventh day.
fn marks(days: &[Date]) -> Vec<Mark> {
    let count = days.len().max(1);
    let is_short = count < 35;
    days.iter()
        .enumerate()
        .filter(|(index, day)| {
            if is_short {
                *index % 7 == 0
            } else {
                matches!(day.day(), 1 | 15) && index + 4 < count
            }
        })
        .map(|(index, day)| {
            let tenths = index * 1000 / count;
            Mark { x: format!("{}.{}", tenths / 10, tenths % 10), label: crate::text::day(*day) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use centinel_engine::period::Period;
    use jiff::civil::date;

    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        for (highest, step) in
            [("4", "1"), ("4.01", "2"), ("1830.11", "500"), ("0.0031", "0.001"), ("2001", "1000")]
        {
            assert_eq!(tick_step(highest.parse().unwrap()), step.parse().unwrap(), "{highest}");
        }
        assert!(tick_step(Pico(i128::MAX)) > Pico::ZERO);
    }

    #[test]
    fn layers_stand_on_each_other() {
        let whole = |amounts: [i128; 2]| amounts.map(|a| Pico(a * Pico::ONE.0)).to_vec();
        let layer = |name: &str, amounts: [i128; 2]| Layer {
            name: name.to_owned(),
            by_day: whole(amounts),
            total: Pico((amounts[0] + amounts[1]) * Pico::ONE.0),
        };
        let first_day = date(2026, 10, 30);
        let answer = SpendOverTime {
            period: Period::days(first_day, date(2026, 11, 1)).unwrap(),
            currency: Currency::USD,
            first_day,
            layers: vec![layer("a", [3, 1])],
            other: Some(layer("other", [1, 0])),
            other_values: 4,
            by_day: whole([4, 1]),
            total: Pico(5 * Pico::ONE.0),
            evidence: String::new(),
        };
        let chart = Stacked::new(&answer).unwrap();
        assert_eq!(chart.layers[0].path, "M1 1000v-750h8v750zM11 1000v-250h8v250z");
        assert_eq!(chart.layers[1].path, "M1 250v-250h8v250z");
        assert_eq!(
            (chart.layers[1].class.as_str(), chart.layers[1].name.as_str()),
            ("c0", "4 others")
        );
        assert_eq!(chart.ticks[4], Tick { y: "0.0".to_owned(), label: "$4".to_owned() });
        assert_eq!(
            (chart.days[0].total.as_str(), chart.days[1].date.as_str()),
            ("$4.00", "31 Oct 2026")
        );
    }
}
