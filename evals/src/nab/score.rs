//! NAB's scoring rules, standard profile and the two others.
//!
//! A detection inside a labelled window earns a sigmoid of its position, near 1 at the left edge and 0
//! at the right; of several, the best counts. One outside costs up to the profile's weight, less shortly
//! after a window; a window without any costs the profile's weight. The first rows of a file do not
//! count. One threshold holds for all files and is the one with the highest sum; the sum is normalised
//! so that detecting nothing is 0 and the left edge of every window alone is 100.
//!
//! Source: Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly
//! Benchmark", 2015; numenta/NAB `nab/sweeper.py`, `config/profiles.json`.

/// Share of a file that does not count, and the rows it is taken of at most.
const PROBATION_RATIO: f64 = 0.15;
const PROBATION_ROWS: f64 = 5000.0;

/// Weights of a profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Profile {
    /// Its name.
    pub(crate) name: &'static str,
    /// Of a window that was found.
    pub(crate) found: f64,
    /// Of a detection outside.
    pub(crate) false_alarm: f64,
    /// Of a window that was missed.
    pub(crate) missed: f64,
}

/// The published profiles.
pub(crate) const PROFILES: [Profile; 3] = [
    Profile { name: "standard", found: 1.0, false_alarm: 0.11, missed: 1.0 },
    Profile { name: "reward low FP rate", found: 1.0, false_alarm: 0.22, missed: 1.0 },
    Profile { name: "reward low FN rate", found: 1.0, false_alarm: 0.11, missed: 2.0 },
];

/// One file's scores with its labelled windows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scored {
    /// Path below `data/`.
    pub(crate) file: String,
    /// One a row.
    pub(crate) scores: Vec<f64>,
    /// First and last row, in order.
    pub(crate) windows: Vec<(usize, usize)>,
}

/// What a detection at a row is worth.
struct Row {
    score: f64,
    /// Number of the window over all files.
    window: Option<usize>,
    worth: f64,
}

/// The best threshold of several files and its normalised score; nothing to find is worth 0.
pub(crate) fn best(files: &[&Scored], profile: Profile) -> (f64, f64) {
    let mut rows = Vec::new();
    let mut windows = 0;
    for file in files {
        rows.extend(worths(file, windows, profile));
        windows += file.windows.len();
    }
    rows.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut of_window = vec![-profile.missed; windows];
    let mut sum = -profile.missed * windows as f64;
    let mut best = (1.1, sum);
    for equal in rows.chunk_by(|a, b| a.score.total_cmp(&b.score).is_eq()) {
        sum += equal.iter().map(|row| detection(row, &mut of_window)).sum::<f64>();
        if sum > best.1 {
            best = (equal[0].score, sum);
        }
    }
    (best.0, normalised(best.1, windows, profile))
}

/// The raw score of one file at a threshold, with the windows found and the rows outside.
pub(crate) fn at(file: &Scored, threshold: f64, profile: Profile) -> (f64, usize, usize) {
    let mut of_window = vec![-profile.missed; file.windows.len()];
    let mut sum = -profile.missed * of_window.len() as f64;
    let mut outside = 0;
    for row in worths(file, 0, profile).filter(|row| row.score >= threshold) {
        outside += usize::from(row.window.is_none());
        sum += detection(&row, &mut of_window);
    }
    let found = of_window.iter().filter(|worth| **worth > -profile.missed).count();
    (sum, found, outside)
}

/// From the score of detecting nothing to that of detecting everything at once, in percent.
pub(crate) fn normalised(sum: f64, windows: usize, profile: Profile) -> f64 {
    let nothing = -profile.missed * windows as f64;
    100.0 * (sum - nothing) / (profile.found * windows as f64 - nothing)
}

/// What a detection adds.
fn detection(row: &Row, of_window: &mut [f64]) -> f64 {
    let Some(window) = row.window else { return row.worth };
    let gain = (row.worth - of_window[window]).max(0.0);
    of_window[window] += gain;
    gain
}

/// The rows that count; `windows_before` are those of earlier files.
fn worths(
    file: &Scored,
    windows_before: usize,
    profile: Profile,
) -> impl Iterator<Item = Row> + use<'_> {
    let rows = file.scores.len() as f64;
    let probation = (PROBATION_RATIO * rows).floor().min(PROBATION_RATIO * PROBATION_ROWS);
    let left_edge = sigmoid(-1.0);
    file.scores.iter().enumerate().filter(move |(row, _)| *row as f64 >= probation).map(
        move |(row, score)| {
            let window =
                file.windows.iter().position(|(first, last)| (*first..=*last).contains(&row));
            let worth = if let Some((first, last)) = window.map(|window| file.windows[window]) {
                let position = -((last - row + 1) as f64) / (last - first + 1) as f64;
                profile.found * sigmoid(position) / left_edge
            } else {
                let before = file.windows.iter().rfind(|(_, last)| *last < row);
                let position = before.map_or(f64::INFINITY, |(first, last)| {
                    (row - last) as f64 / (last - first) as f64
                });
                profile.false_alarm * sigmoid(position)
            };
            Row { score: *score, window: window.map(|window| windows_before + window), worth }
        },
    )
}

/// The scaled sigmoid of a position: -1 is the left edge of a window, 0 its right edge.
fn sigmoid(position: f64) -> f64 {
    if position >= 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * position).exp()) - 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(rows: usize, windows: &[(usize, usize)], detections: &[usize]) -> Scored {
        let mut scores = vec![0.0; rows];
        for row in detections {
            scores[*row] = 1.0;
        }
        Scored { file: "a".into(), scores, windows: windows.to_vec() }
    }

    const STANDARD: Profile = PROFILES[0];

    /// The values that `nab/sweeper.py` states in its description of the sigmoid.
    #[test]
    fn the_sigmoid_has_its_published_values() {
        for (position, value) in [(-1.0, 0.98661), (-0.5, 0.84828), (0.0, 0.0), (1.0, -0.98661)] {
            assert!((sigmoid(position) - value).abs() < 1e-5, "{position}");
        }
        assert!((sigmoid(3.0) + 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_first_detection_of_a_window_counts_and_nothing_and_everything_are_0_and_100() {
        let windows = [(400, 499), (800, 899)];
        assert!((best(&[&scored(1000, &windows, &[400, 800])], STANDARD).1 - 100.0).abs() < 1e-9);
        let (sum, found, outside) = at(&scored(1000, &windows, &[]), 0.5, STANDARD);
        assert_eq!((found, outside), (0, 0));
        assert!(normalised(sum, 2, STANDARD).abs() < 1e-9);
        let once = at(&scored(1000, &windows, &[450]), 0.5, STANDARD);
        let again = at(&scored(1000, &windows, &[450, 470, 499]), 0.5, STANDARD);
        assert_eq!(once, again);
        let half = 2.0 / (1.0 + (-2.5_f64).exp()) - 1.0;
        assert!((once.0 - (half / sigmoid(-1.0) - 1.0)).abs() < 1e-9);
    }

    #[test]
    fn a_false_detection_costs_its_weight_and_less_shortly_after_a_window() {
        let windows = [(400, 499)];
        let cost = |row: usize| at(&scored(1000, &windows, &[row]), 0.5, STANDARD).0 + 1.0;
        assert!((cost(399) + 0.11).abs() < 1e-9);
        assert!((cost(900) + 0.11).abs() < 1e-9);
        assert!(cost(505) > -0.11 && cost(505) < 0.0);
        // The first 150 rows of 1000 do not count.
        assert!(cost(149).abs() < 1e-9 && cost(150) < 0.0);
    }

    #[test]
    fn one_threshold_holds_for_all_files() {
        let mut low = scored(1000, &[(400, 499)], &[]);
        low.scores[400] = 0.3;
        let mut high = scored(1000, &[(400, 499)], &[]);
        high.scores[400] = 0.9;
        for row in (600..1000).step_by(10) {
            high.scores[row] = 0.5;
        }
        // At 0.9 one window is found; at 0.3 both are, but 40 false detections cost more.
        let (threshold, score) = best(&[&low, &high], STANDARD);
        assert!((threshold - 0.9).abs() < 1e-12);
        assert!((score - 50.0).abs() < 1e-9);
    }
}
