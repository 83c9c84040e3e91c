//! What is planted: incidents that should be found, and decoys that should not.

use jiff::civil::{Date, DateTime, date};

use crate::{
    calendar::{days_between, shifted},
    draw::float,
    models::{GPT_5_4, Model, SONNET},
    organisation::Feature,
};

/// The last day of the story as it is written below; another `end` moves every event by the
/// difference.
const WRITTEN_FOR: Date = date(2026, 10, 31);

/// One planted event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) is_incident: bool,
    pub(crate) title: &'static str,
    /// What carries the change; see [`crate::truth`] for the words.
    pub(crate) driver: &'static str,
    pub(crate) target: Target,
    /// First instant affected, UTC.
    pub(crate) start: DateTime,
    /// Last day affected; `None` while it goes on.
    pub(crate) last_day: Option<Date>,
    pub(crate) changes: Vec<Change>,
}

/// What an event happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// One feature's calls.
    Feature(&'static str),
    /// Every feature's calls.
    AllFeatures,
    /// The charge lines with this label.
    Charges(&'static str),
}

/// How an event changes what it happens to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// Outputs, or a charge's quantity, times a factor.
    Volume(f64),
    /// Volume compounds by a factor a day, for so many days, and stays there.
    Growth(f64, i32),
    /// Nothing before the start, then volume rises to its usual level in so many days.
    Launch(i32),
    /// Volume of the first day of each month times a factor.
    MonthStart(f64),
    /// Public holidays have less (or more) traffic, by family.
    Holidays,
    /// Input tokens of each call times a factor.
    InputTokens(f64),
    /// Share of calls that time out, billed, and are tried again.
    Timeouts(f64),
    /// Share of input read from the cache times a factor.
    Cache(f64),
    /// A model's share of calls goes to a level in a straight line of so many days.
    Share(&'static Model, f64, i32),
    /// Every call goes to one model.
    Swap(&'static Model),
    /// A node is used for so many hours a day and idle for the rest.
    UsedHours(i64),
}

/// The events that touch one feature or charge line, less the one left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Active<'a>(Vec<(&'a Event, bool)>);

/// What the active events make of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallChanges {
    pub(crate) input_factor: f64,
    pub(crate) timeouts: Option<f64>,
    pub(crate) cache_factor: f64,
    pub(crate) share: Option<(&'static Model, f64)>,
    pub(crate) swap: Option<&'static Model>,
}

/// All events, for a window that ends on `end`.
pub(crate) fn events(end: Date) -> Vec<Event> {
    use Change::{
        Cache, Growth, Holidays, InputTokens, Launch, MonthStart, Share, Swap, Timeouts, UsedHours,
        Volume,
    };
    use Target::{AllFeatures, Charges, Feature};

    let moved = days_between(WRITTEN_FOR, end);
    let on = |month, day| shifted(date(2026, month, day), moved);
    let incident = |id, kind, target, start: Date, last_day, driver, title, changes| Event {
        id,
        kind,
        is_incident: true,
        title,
        driver,
        target,
        start: start.at(0, 0, 0, 0),
        last_day,
        changes,
    };
    let decoy = |id, kind, target, start: Date, last_day, title, changes| Event {
        is_incident: false,
        ..incident(id, kind, target, start, last_day, "none", title, changes)
    };
    vec![
        Event {
            start: on(10, 14).at(9, 0, 0, 0),
            ..incident(
                "I-1",
                "masked_bloat",
                Feature("support-answers"),
                on(10, 14),
                None,
                "tokens_per_call",
                "a retrieval step sends the whole thread; volume falls, so totals hide it",
                vec![InputTokens(1.80), Volume(0.96)],
            )
        },
        incident(
            "I-2",
            "mix_shift",
            Feature("code-review"),
            on(9, 8),
            None,
            "mix",
            "the dearer model's share of calls rises from 22 % to 71 % in 35 days",
            vec![Share(&SONNET, 0.71, 35)],
        ),
        incident(
            "I-3",
            "retry_storm",
            Feature("contract-analysis"),
            on(9, 22),
            Some(on(9, 24)),
            "calls_per_output",
            "a client timeout below the model's answer time: calls are billed and tried again",
            vec![Timeouts(0.55)],
        ),
        incident(
            "I-4",
            "cache_loss",
            Feature("docs-copilot"),
            on(8, 25),
            Some(on(9, 5)),
            "cache",
            "a timestamp at the head of the prompt breaks the prompt cache",
            vec![Cache(0.08)],
        ),
        incident(
            "I-5",
            "model_swap",
            Feature("invoice-extraction"),
            on(7, 14),
            Some(on(7, 29)),
            "mix",
            "a default moves every call to a model at three times the price",
            vec![Swap(&GPT_5_4)],
        ),
        incident(
            "I-6",
            "drift",
            Feature("lead-research"),
            on(9, 28),
            None,
            "volume",
            "a scheduler adds leads day by day: 2.5 % a day for 24 days",
            vec![Growth(1.025, 24)],
        ),
        incident(
            "I-7",
            "idle_node",
            Charges("search-index-gpu"),
            on(8, 24),
            None,
            "idle",
            "the index is built in 5 hours; its GPU node stays on for the other 19",
            vec![UsedHours(5)],
        ),
        incident(
            "I-8",
            "spike",
            Charges("warehouse-egress"),
            on(9, 17),
            Some(on(9, 17)),
            "volume",
            "a backfill copies a warehouse across regions for one day",
            vec![Volume(7.0)],
        ),
        incident(
            "I-9",
            "drift",
            Charges("snapshots"),
            on(8, 20),
            None,
            "volume",
            "snapshots are no longer deleted: 1.5 % more a day for 45 days",
            vec![Growth(1.015, 45)],
        ),
        decoy(
            "D-1",
            "planned_change",
            Feature("email-drafts"),
            on(9, 1),
            None,
            "an announced campaign; in the calendar",
            vec![Volume(1.6)],
        ),
        decoy(
            "D-2",
            "holiday",
            AllFeatures,
            on(1, 1),
            None,
            "public holidays dip and rebound; in the calendar",
            vec![Holidays],
        ),
        decoy(
            "D-3",
            "month_start_job",
            Feature("ledger-categories"),
            on(1, 1),
            None,
            "the books are closed on the first of each month",
            vec![MonthStart(6.0)],
        ),
        decoy(
            "D-4",
            "drop",
            Feature("page-summaries"),
            on(8, 4),
            Some(on(8, 5)),
            "the crawler upstream is down for two days and comes back",
            vec![Volume(0.2)],
        ),
        decoy(
            "D-5",
            "launch",
            Feature("meeting-notes"),
            on(8, 10),
            None,
            "a feature is launched and grows for 40 days",
            vec![Launch(40)],
        ),
        decoy(
            "D-6",
            "moved_between_accounts",
            Charges("batch-1"),
            on(10, 5),
            None,
            "work moves from one account to another; the sum stays",
            vec![Volume(0.4)],
        ),
        decoy(
            "D-6",
            "moved_between_accounts",
            Charges("batch-2"),
            on(10, 5),
            None,
            "work moves from one account to another; the sum stays",
            vec![Volume(2.2)],
        ),
    ]
}

impl Event {
    /// Whether a call at this instant is affected.
    fn covers(&self, at: DateTime) -> bool {
        self.start <= at && self.last_day.is_none_or(|last| at.date() <= last)
    }

    /// The days affected within a window, both ends included; `None` when there are none.
    pub(crate) fn days_within(&self, first: Date, last: Date) -> Option<(Date, Date)> {
        let start = self.start.date().max(first);
        let end = self.last_day.unwrap_or(last).min(last);
        (start <= end).then_some((start, end))
    }
}

impl<'a> Active<'a> {
    /// The events that touch a feature. The event `without` is there but switched off: a launch that
    /// is switched off means that there is no feature.
    pub(crate) fn on_feature(events: &'a [Event], name: &str, without: Option<&str>) -> Self {
        Self::select(events, without, |target| match target {
            Target::Feature(other) => other == name,
            Target::AllFeatures => true,
            Target::Charges(_) => false,
        })
    }

    /// The events that touch charge lines with this label.
    pub(crate) fn on_charges(events: &'a [Event], label: &str, without: Option<&str>) -> Self {
        Self::select(events, without, |target| match target {
            Target::Charges(other) => other == label,
            Target::Feature(_) | Target::AllFeatures => false,
        })
    }

    fn select(
        events: &'a [Event],
        without: Option<&str>,
        touches: impl Fn(Target) -> bool,
    ) -> Self {
        let touched = events.iter().filter(|event| touches(event.target));
        Self(touched.map(|event| (event, Some(event.id) != without)).collect())
    }

    /// The factor on a day's volume.
    pub(crate) fn volume(&self, feature: Option<&Feature>, day: Date) -> f64 {
        let noon = day.at(12, 0, 0, 0);
        let mut factor = 1.0;
        for (event, on) in &self.0 {
            let since = days_between(event.start.date(), day);
            for change in &event.changes {
                factor *= match *change {
                    Change::Launch(_) if since < 0 || !on => 0.0,
                    _ if !on || !event.covers(noon) => 1.0,
                    Change::Launch(days) => (f64::from(since + 1) / f64::from(days)).min(1.0),
                    Change::Volume(factor) => factor,
                    Change::Growth(a_day, days) => a_day.powi((since + 1).min(days)),
                    Change::MonthStart(factor) if day.day() == 1 => factor,
                    Change::Holidays if crate::calendar::is_holiday(day) => {
                        feature.map_or(1.0, |feature| feature.family.holiday())
                    }
                    _ => 1.0,
                };
            }
        }
        factor
    }

    /// The changes to a call at an instant.
    pub(crate) fn call_changes(&self, feature: &Feature, at: DateTime) -> CallChanges {
        let mut result = CallChanges {
            input_factor: 1.0,
            timeouts: None,
            cache_factor: 1.0,
            share: None,
            swap: None,
        };
        for (event, _) in self.0.iter().filter(|(event, on)| *on && event.covers(at)) {
            for change in &event.changes {
                match *change {
                    Change::InputTokens(factor) => result.input_factor *= factor,
                    Change::Timeouts(share) => result.timeouts = Some(share),
                    Change::Cache(factor) => result.cache_factor *= factor,
                    Change::Swap(model) => result.swap = Some(model),
                    Change::Share(model, level, days) => {
                        let from = feature
                            .models
                            .iter()
                            .find_map(|(other, share)| (*other == model).then_some(*share))
                            .unwrap_or_default();
                        let since = days_between(event.start.date(), at.date()) + 1;
                        let way = (f64::from(since) / f64::from(days)).min(1.0);
                        result.share = Some((model, from + (level - from) * way));
                    }
                    _ => {}
                }
            }
        }
        result
    }

    /// Hours of a day for which a node is used; 24 unless an event says less.
    pub(crate) fn used_hours(&self, day: Date) -> i64 {
        self.0
            .iter()
            .filter(|(event, on)| *on && event.covers(day.at(12, 0, 0, 0)))
            .flat_map(|(event, _)| &event.changes)
            .find_map(|change| match change {
                Change::UsedHours(hours) => Some(*hours),
                _ => None,
            })
            .unwrap_or(24)
    }
}

impl CallChanges {
    /// The model that a draw in 0..1 chooses. A shifted share flips only the draws between the old
    /// and the new level, so that all other calls stay as they were.
    pub(crate) fn choose(&self, feature: &Feature, draw: f64) -> &'static Model {
        if let Some(model) = self.swap {
            return model;
        }
        let shifted = self.share.map(|(model, _)| model);
        let rest: f64 = feature
            .models
            .iter()
            .filter_map(|(model, share)| (Some(*model) != shifted).then_some(*share))
            .sum();
        let left = self.share.map_or(1.0, |(_, share)| 1.0 - share);
        let mut reached = 0.0;
        for (model, share) in feature.models {
            if Some(*model) == shifted {
                continue;
            }
            reached += share / rest * left;
            if draw < reached {
                return model;
            }
        }
        shifted.or(feature.models.last().map(|(model, _)| *model)).unwrap_or(&GPT_5_4)
    }
}

/// Expected calls on a usual weekday-averaged day, all features together, before scaling.
pub(crate) fn base_calls_per_day(features: &[Feature]) -> f64 {
    features
        .iter()
        .map(|feature| {
            let week = feature.family.week();
            let average = week.iter().sum::<f64>() / float(7);
            feature.outputs_per_day * feature.calls_per_output * average
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation;

    #[test]
    fn every_target_exists() {
        for event in events(WRITTEN_FOR) {
            if let Target::Feature(name) = event.target {
                assert!(organisation::feature(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn another_end_moves_the_story() {
        let events = events(date(2026, 11, 10));
        assert_eq!(events[0].start, date(2026, 10, 24).at(9, 0, 0, 0));
    }

    #[test]
    fn a_shifted_share_flips_only_the_calls_between() {
        let events = events(WRITTEN_FOR);
        let feature = organisation::feature("code-review").unwrap();
        let chosen = |without: Option<&str>, draw| {
            Active::on_feature(&events, feature.name, without)
                .call_changes(feature, date(2026, 10, 20).at(10, 0, 0, 0))
                .choose(feature, draw)
                .id
        };
        for (draw, before, after) in [
            (0.28, "claude-haiku-4-5", "claude-haiku-4-5"),
            (0.30, "claude-haiku-4-5", "claude-sonnet-4-6"),
            (0.77, "claude-haiku-4-5", "claude-sonnet-4-6"),
            (0.79, "claude-sonnet-4-6", "claude-sonnet-4-6"),
        ] {
            assert_eq!((chosen(Some("I-2"), draw), chosen(None, draw)), (before, after), "{draw}");
        }
    }
}
