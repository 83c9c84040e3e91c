//! Where a proposal was delivered to: its pull request, as it was seen last.

use centinel_app::{App, Delivered};

use crate::text::{cell, clean};

/// One repository as a row.
pub(super) struct DeliveryRow {
    pub(super) repository: String,
    /// What it looks like there.
    pub(super) state: String,
    /// Its page on the forge, where the address is one of the repository's own host.
    pub(super) link: Option<String>,
    /// What people should know of it.
    pub(super) note: Option<String>,
}

impl DeliveryRow {
    pub(super) fn new(delivered: &Delivered, app: &App) -> Self {
        let seen = &delivered.seen;
        Self {
            repository: cell(&delivered.repository),
            state: in_words(&seen.state),
            link: app.link_of(delivered).map(str::to_owned),
            note: seen.note.as_deref().map(clean).filter(|note| !note.is_empty()),
        }
    }
}

/// The state of a delivery, as people say it.
fn in_words(state: &str) -> String {
    match state {
        "new" => "not looked at yet".to_owned(),
        "waiting" => "waits to be opened".to_owned(),
        "ready" => "a branch, with a patch".to_owned(),
        "theirs" => "left to people".to_owned(),
        "gone" => "closed".to_owned(),
        "declined" => "closed by somebody".to_owned(),
        state => cell(&state.replace('_', " ")),
    }
}
