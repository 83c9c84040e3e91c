//! Slack: a message for each proposal, decisions by people whose account is linked, and reminders.
//!
//! What comes in is read only after its sender was shown to be Slack ([`crate::signature::slack`], or
//! the connection of Socket Mode), answered at once ([`Desk::receive`]) and looked at then
//! ([`Desk::work`]). Nothing in a message is believed: a button says which version was looked at, and the
//! approval service compares it, asks who that account is here, and whether the policy lets Slack
//! decide. What goes out is made of blocks whose limits are in their types, with every imported text
//! escaped.

mod answers;
mod blocks;
mod card;
mod client;
mod desk;
mod digest;
mod finding;
mod interaction;
mod post;
mod socket;
#[cfg(test)]
mod tests;
mod value;

pub use blocks::{
    Address, Block, Blocks, Button, Confirm, Marked, Modal, Plain, TextInput, UserId,
};
pub use card::{Card, Words, card, is_approved_here};
pub use client::{Access, Patience, SLACK, SlackClient, SlackError};
pub use desk::{Desk, DeskError, Settings};
pub use digest::{Schedule, ScheduleError};
pub use finding::Finding;
pub use interaction::{Ack, Unreadable, Work};
pub use post::Told;
