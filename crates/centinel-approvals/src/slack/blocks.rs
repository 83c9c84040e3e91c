//! Block Kit, as far as it is used, with Slack's limits in the types: what cannot be sent cannot be made.
//!
//! # Source
//!
//! Slack, Block Kit reference: 50 blocks a message; header 150, section 3,000, ten fields of 2,000,
//! context of ten elements, 25 elements of actions; button 75, its value 2,000, its address 3,000;
//! confirmation 100, 300, 30, 30; modal title and buttons 24, its metadata 3,000.

use serde::Serialize;

use crate::escape::slack as escape;

/// Most blocks of a message or modal.
const BLOCKS_MAX: usize = 50;
/// Most fields of a section.
const FIELDS_MAX: usize = 10;
/// Most elements of a context block.
const CONTEXT_MAX: usize = 10;
/// Most buttons of a row.
const BUTTONS_MAX: usize = 25;
/// Most characters of a button's value.
const VALUE_MAX: usize = 2_000;
/// Most characters of an address.
const ADDRESS_MAX: usize = 3_000;
/// What stands where there is no text: Slack refuses empty ones.
const NOTHING: &str = "–";

/// Plain text of at most `MAX` UTF-16 units: any text, shown as it is, without emoji and formatting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plain<const MAX: usize> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: String,
    emoji: bool,
}

impl<const MAX: usize> Plain<MAX> {
    /// Any text, cut with `…`.
    pub fn new(text: &str) -> Self {
        let text = escape::plain(text, MAX);
        let text = if text.trim().is_empty() { NOTHING.to_owned() } else { text };
        Self { kind: "plain_text", text, emoji: false }
    }

    /// The text as Slack gets it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Formatted text of at most `MAX` UTF-16 units, put together of our own words and foreign texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Marked<const MAX: usize> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: String,
    /// Slack makes no links of what only looks like one.
    verbatim: bool,
    #[serde(skip)]
    left: usize,
}

impl<const MAX: usize> Marked<MAX> {
    /// No text yet.
    pub fn new() -> Self {
        Self { kind: "mrkdwn", text: String::new(), verbatim: true, left: MAX }
    }

    /// Our own words, with formatting; left out as a whole where they do not fit. Amounts, dates and
    /// ids of ours are our own words; nothing imported is.
    #[must_use]
    pub fn ours(mut self, words: &str) -> Self {
        self.push(words);
        self
    }

    /// Any text, escaped, cut where no room is left.
    #[must_use]
    pub fn foreign(self, text: &str) -> Self {
        self.foreign_up_to(text, MAX)
    }

    /// As [`Self::foreign`], of at most `max` units.
    #[must_use]
    pub fn foreign_up_to(mut self, text: &str, max: usize) -> Self {
        let room = max.min(self.left);
        self.push(&escape::text(text, room));
        self
    }

    /// A link to a page of ours.
    #[must_use]
    pub fn link(self, address: &Address, label: &'static str) -> Self {
        self.ours(&format!("<{}|{label}>", address.0))
    }

    /// Calls a user.
    #[must_use]
    pub fn mention(self, user: &UserId) -> Self {
        self.ours(&format!("<@{}>", user.0))
    }

    /// Foreign lines in a block of code, up to `lines_max` of them and as far as there is room. The
    /// number of lines that are left out comes back with the text.
    #[must_use]
    pub fn code(mut self, lines: &[String], lines_max: usize) -> (Self, usize) {
        const FENCES: usize = 8;
        /// Room for the words that follow a block of code.
        const AFTER: usize = 400;
        let mut room = self.left.saturating_sub(FENCES + AFTER);
        let mut shown = Vec::new();
        for line in lines.iter().take(lines_max) {
            let line = escape::text(line, room.min(300));
            let length = units(&line).saturating_add(1);
            if line.is_empty() || length > room {
                break;
            }
            room = room.saturating_sub(length);
            shown.push(line);
        }
        let left_out = lines.len().saturating_sub(shown.len());
        if !shown.is_empty() {
            self.push(&format!("```\n{}\n```", shown.join("\n")));
        }
        (self, left_out)
    }

    /// The text as Slack gets it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn push(&mut self, text: &str) {
        let length = units(text);
        if length <= self.left {
            self.left -= length;
            self.text.push_str(text);
        }
    }

    fn filled(mut self) -> Self {
        if self.text.trim().is_empty() {
            self.push(NOTHING);
        }
        self
    }
}

impl<const MAX: usize> Default for Marked<MAX> {
    fn default() -> Self {
        Self::new()
    }
}

/// A page of ours that a button or a link opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// A path below the address of our page; `None` where the two make no plain web address.
    pub fn new(base: &str, path: &str) -> Option<Self> {
        let address = format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'));
        let host = address.strip_prefix("https://").or(address.strip_prefix("http://"))?;
        let is_plain = address.chars().all(|c| c.is_ascii_graphic() && !"<>|\"'`\\*~".contains(c));
        (is_plain && !host.starts_with('/') && address.len() <= ADDRESS_MAX)
            .then_some(Self(address))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A user of Slack who is called by a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserId(String);

impl UserId {
    /// An id; `None` for what cannot be one.
    pub fn new(id: &str) -> Option<Self> {
        let is_id = id.starts_with(['U', 'W'])
            && (2..=30).contains(&id.len())
            && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        is_id.then(|| Self(id.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A block of a message or modal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// One line in large letters.
    Header {
        /// The line.
        text: Plain<150>,
    },
    /// A text.
    Section {
        /// The text.
        text: Marked<3_000>,
    },
    /// Texts in two columns.
    #[serde(rename = "section")]
    Columns {
        /// The texts.
        fields: Vec<Marked<2_000>>,
    },
    /// Small print.
    Context {
        /// Its parts.
        elements: Vec<Marked<2_000>>,
    },
    /// Buttons.
    Actions {
        /// The buttons.
        elements: Vec<Button>,
    },
    /// A question of a modal.
    Input {
        /// Its name in the answer.
        block_id: &'static str,
        /// The question.
        label: Plain<2_000>,
        /// Where it is answered.
        element: TextInput,
    },
}

impl Block {
    /// One line in large letters.
    pub fn header(text: &str) -> Self {
        Self::Header { text: Plain::new(text) }
    }

    /// A text.
    pub fn section(text: Marked<3_000>) -> Self {
        Self::Section { text: text.filled() }
    }

    /// The first ten of some texts, in two columns.
    pub fn columns(fields: Vec<Marked<2_000>>) -> Self {
        Self::Columns { fields: fields.into_iter().take(FIELDS_MAX).map(Marked::filled).collect() }
    }

    /// The first ten of some texts, in small print.
    pub fn context(elements: Vec<Marked<2_000>>) -> Self {
        let elements = elements.into_iter().take(CONTEXT_MAX).map(Marked::filled).collect();
        Self::Context { elements }
    }

    /// The first 25 of some buttons.
    pub fn actions(elements: Vec<Button>) -> Self {
        Self::Actions { elements: elements.into_iter().take(BUTTONS_MAX).collect() }
    }
}

/// The blocks of a message: at most fifty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Blocks(Vec<Block>);

impl Blocks {
    /// Adds a block; the fifty-first and further ones are left out.
    pub fn push(&mut self, block: Block) {
        if self.0.len() < BLOCKS_MAX {
            self.0.push(block);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Button {
    #[serde(rename = "type")]
    kind: &'static str,
    text: Plain<75>,
    action_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    style: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<Box<Confirm>>,
}

impl Button {
    /// A button that sends a value back; `None` for a value that is longer than Slack takes.
    pub fn sends(action_id: &'static str, label: &str, value: String) -> Option<Self> {
        let is_short = units(&value) <= VALUE_MAX;
        is_short.then(|| Self { value: Some(value), ..Self::plain(action_id, label) })
    }

    /// A button that opens a page.
    pub fn opens(action_id: &'static str, label: &str, url: Address) -> Self {
        Self { url: Some(url), ..Self::plain(action_id, label) }
    }

    /// In the colour of what one came for.
    #[must_use]
    pub fn primary(self) -> Self {
        Self { style: Some("primary"), ..self }
    }

    /// In the colour of a warning.
    #[must_use]
    pub fn danger(self) -> Self {
        Self { style: Some("danger"), ..self }
    }

    /// Asks before it sends.
    #[must_use]
    pub fn confirmed(self, confirm: Confirm) -> Self {
        Self { confirm: Some(Box::new(confirm)), ..self }
    }

    fn plain(action_id: &'static str, label: &str) -> Self {
        Self {
            kind: "button",
            text: Plain::new(label),
            action_id,
            value: None,
            url: None,
            style: None,
            confirm: None,
        }
    }
}

/// What is asked before a button sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirm {
    /// In one line.
    pub title: Plain<100>,
    /// What it means.
    pub text: Plain<300>,
    /// Yes.
    pub confirm: Plain<30>,
    /// No.
    pub deny: Plain<30>,
}

/// Where a question is answered, on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextInput {
    #[serde(rename = "type")]
    kind: &'static str,
    action_id: &'static str,
    multiline: bool,
    min_length: u32,
    max_length: u32,
}

impl TextInput {
    /// For an answer of up to `max_length` characters.
    pub fn new(action_id: &'static str, max_length: u32) -> Self {
        Self { kind: "plain_text_input", action_id, multiline: false, min_length: 1, max_length }
    }
}

/// A window over the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Modal {
    #[serde(rename = "type")]
    kind: &'static str,
    callback_id: &'static str,
    private_metadata: String,
    title: Plain<24>,
    submit: Plain<24>,
    close: Plain<24>,
    blocks: Blocks,
}

impl Modal {
    /// A window that sends `value` back with the answers; `None` for one that is longer than Slack
    /// takes.
    pub fn new(
        callback_id: &'static str,
        value: String,
        title: &str,
        submit: &str,
        blocks: Blocks,
    ) -> Option<Self> {
        (units(&value) <= VALUE_MAX).then(|| Self {
            kind: "modal",
            callback_id,
            private_metadata: value,
            title: Plain::new(title),
            submit: Plain::new(submit),
            close: Plain::new("Cancel"),
            blocks,
        })
    }
}

pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}
