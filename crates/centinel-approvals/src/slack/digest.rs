//! A summary of what waits, what was decided and what it brought, once a day or a week.

use std::{fmt, str::FromStr};

use centinel_engine::proposal::{Occurrence, Status};
use centinel_store::{audit, chat};
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Weekday, tz::TimeZone};

use super::{
    blocks::{Address, Block, Blocks, Marked, UserId},
    card::{self, Card},
    desk::{Desk, DeskError},
};
use crate::View;

/// Most proposals that a list names.
const LISTED_MAX: usize = 12;
/// A summary that is later than this is left to the next one.
const LATE_MAX: SignedDuration = SignedDuration::from_hours(6);
/// Most people who are called for one proposal.
const CALLED_MAX: usize = 5;

/// When a summary is posted, in UTC: `daily 08:00`, `weekly mon 08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// On which day of the week; `None` for every day.
    day: Option<Weekday>,
    hour: i8,
    minute: i8,
}

/// A text that is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not `daily HH:MM` or `weekly DAY HH:MM`, with `mon` to `sun` and UTC meant")]
pub struct ScheduleError(String);

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Schedule {
    /// The last time that it was due, and the time before that.
    fn last_due(self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let step = if self.day.is_some() { 7.days() } else { 1.days() };
        for back in 0..=7 {
            let date = today.checked_sub(back.days()).ok()?;
            let due = date.at(self.hour, self.minute, 0, 0).to_zoned(TimeZone::UTC).ok()?;
            let is_day = self.day.is_none_or(|day| date.weekday() == day);
            if is_day && due.timestamp() <= now {
                let before = due.checked_sub(step).ok()?;
                return Some((due.timestamp(), before.timestamp()));
            }
        }
        None
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let wrong = || ScheduleError(text.chars().filter(|c| !c.is_control()).take(40).collect());
        let words: Vec<&str> = text.split_whitespace().collect();
        let (day, time) = match words.as_slice() {
            ["daily", time] => (None, time),
            ["weekly", name, time] => {
                let day = DAYS.iter().find(|(known, _)| known == name).ok_or_else(wrong)?;
                (Some(day.1), time)
            }
            _ => return Err(wrong()),
        };
        let (hour, minute) = time.split_once(':').ok_or_else(wrong)?;
        let number = |text: &str, max: i8| {
            let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i8>().ok().filter(|number| is_plain && *number <= max)
        };
        let (hour, minute) = (number(hour, 23), number(minute, 59));
        match (hour, minute) {
            (Some(hour), Some(minute)) => Ok(Self { day, hour, minute }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.day.and_then(|day| DAYS.iter().find(|(_, known)| *known == day));
        match name {
            Some((name, _)) => write!(f, "weekly {name} {:02}:{:02}", self.hour, self.minute),
            None => write!(f, "daily {:02}:{:02}", self.hour, self.minute),
        }
    }
}

impl Desk {
    /// The summary that is due and was not posted; `None` when there is none, or nothing to say. One that
    /// is hours late is left out: the next one says the same.
    pub(super) async fn digest(
        &self,
        views: &[View],
        now: Timestamp,
    ) -> Result<Option<(String, Card)>, DeskError> {
        let due = self.settings.digest.and_then(|schedule| schedule.last_due(now));
        let Some((due, before)) = due else { return Ok(None) };
        let key = format!("digest:{}", due.strftime("%Y-%m-%dT%H:%M"));
        let is_late = now.duration_since(due) > LATE_MAX;
        if is_late || chat::message(&self.approvals.database, &key).await?.is_some() {
            return Ok(None);
        }
        let waiting: Vec<&View> =
            views.iter().filter(|view| view.status == Status::Pending).collect();
        let decided: Vec<&View> =
            views.iter().filter(|view| is_decided(view, before, now)).collect();
        let measured: Vec<String> =
            views.iter().filter_map(|view| measured(view, before, now)).collect();
        if waiting.is_empty() && decided.is_empty() && measured.is_empty() {
            return Ok(None);
        }
        let mut blocks = Blocks::default();
        blocks.push(Block::header("Proposals: what waits, what was decided"));
        blocks.push(Block::section(self.waiting(&waiting, now).await?));
        if !decided.is_empty() {
            let mut text = Marked::new().ours(&format!("*Decided* ({})", decided.len()));
            for view in decided.iter().take(LISTED_MAX) {
                text = self.named(text, view).ours(&format!(": {}", card::status(view.status)));
            }
            blocks.push(Block::section(text));
        }
        if !measured.is_empty() {
            let lines = measured.iter().take(LISTED_MAX);
            let text = lines.fold(Marked::new().ours("*What it brought*"), |text, line| {
                text.ours("\n• ").ours(line)
            });
            blocks.push(Block::section(text));
        }
        let head = audit::published_head(&self.approvals.database).await?.to_string();
        blocks.push(Block::context(card::audit_head(&head).into_iter().collect()));
        let text = format!(
            "{} proposals wait, {} were decided, {} savings were measured",
            waiting.len(),
            decided.len(),
            measured.len()
        );
        Ok(Some((key, Card { blocks, text })))
    }

    /// What waits, and for whom: people who put a reminder off are not called.
    async fn waiting(&self, waiting: &[&View], now: Timestamp) -> Result<Marked<3_000>, DeskError> {
        let snoozed = chat::snoozed(&self.approvals.database, now).await?;
        let mut text = Marked::new().ours(&format!("*Waiting* ({})", waiting.len()));
        for view in waiting.iter().take(LISTED_MAX) {
            let id = view.proposal.id.to_string();
            let is_called = |name: &str| {
                view.standing.eligible.iter().any(|eligible| eligible == name)
                    && !snoozed.contains(&(name.to_owned(), id.clone()))
            };
            let called: Vec<UserId> = self.users(is_called).await?;
            text = self.named(text, view);
            text = text.ours(&format!(", expires {}", card::instant(view.proposal.expires_at)));
            for user in called.iter().take(CALLED_MAX) {
                text = text.ours(" ").mention(user);
            }
        }
        let more = waiting.len().saturating_sub(LISTED_MAX);
        Ok(if more == 0 { text } else { text.ours(&format!("\nand {more} more")) })
    }

    fn named(&self, text: Marked<3_000>, view: &View) -> Marked<3_000> {
        let id = view.proposal.id;
        let text = text.ours("\n• ");
        let text = match Address::new(&self.settings.page, &format!("proposals/{id}")) {
            Some(address) => text.ours(&format!("<{}|{id}>", address.as_str())),
            None => text.ours(&id.to_string()),
        };
        text.ours(" ").foreign_up_to(&view.proposal.title, 90)
    }
}

/// Whether people decided it in a time, or time did.
fn is_decided(view: &View, from: Timestamp, until: Timestamp) -> bool {
    view.events.iter().any(|event| {
        let is_end = matches!(
            event.what,
            Occurrence::Approved
                | Occurrence::Rejected { .. }
                | Occurrence::GlassBroken { .. }
                | Occurrence::Expired
        );
        is_end && from <= event.at && event.at < until
    })
}

/// What came of it, where that was measured in a time.
fn measured(view: &View, from: Timestamp, until: Timestamp) -> Option<String> {
    view.events.iter().rev().find_map(|event| match event.what {
        Occurrence::Measured { saving, days } if from <= event.at && event.at < until => {
            let promised = view.proposal.saving.map_or_else(
                || "nothing promised".to_owned(),
                |promised| format!("{} promised", promised.mid.to_estimate()),
            );
            let id = view.proposal.id;
            Some(format!("{id}: {saving} a month over {days} days, {promised}"))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_due_once() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        // 2026-11-23 is a Monday.
        for (schedule, now, due, before) in [
            ("daily 08:00", "2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z", "2026-11-22T08:00:00Z"),
            ("daily 08:00", "2026-11-23T07:59:59Z", "2026-11-22T08:00:00Z", "2026-11-21T08:00:00Z"),
            (
                "weekly mon 08:30",
                "2026-11-23T08:29:00Z",
                "2026-11-16T08:30:00Z",
                "2026-11-09T08:30:00Z",
            ),
            (
                "weekly fri 23:59",
                "2026-11-23T08:29:00Z",
                "2026-11-20T23:59:00Z",
                "2026-11-13T23:59:00Z",
            ),
        ] {
            let read: Schedule = schedule.parse().unwrap();
            assert_eq!(read.to_string(), schedule);
            assert_eq!(read.last_due(at(now)), Some((at(due), at(before))), "{schedule} {now}");
        }
        for bad in
            ["", "daily", "daily 8:00", "daily 24:00", "weekly 08:00", "weekly x 08:00", "off"]
        {
            assert!(bad.parse::<Schedule>().is_err(), "{bad}");
        }
    }
}
