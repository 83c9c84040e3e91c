//! Title and body of a pull request, from typed fields; every imported text is escaped.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use centinel_engine::{
    facts::sha256_hex,
    proposal::{Edit, Proposal, Risk},
};
use serde::{Deserialize, Serialize};

use super::{Ownership, Text, escape};

/// Most edits that are shown; the rest are counted.
const EDITS_SHOWN: usize = 20;
/// Longest explanation, in characters; a body may have 65,536.
const WHY_MAX: usize = 12_000;
/// Longest title, in characters.
const TITLE_MAX: usize = 200;
/// Begins the comment that a program reads.
const MARKER: &str = "<!-- centinel:v1 ";
/// Begins the line of the footer that changes with every entry of the log.
const HEAD_LINE: &str = "Audit head";

/// Texts of a body that are not in the proposal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Why, in the standard wording, a paragraph a line.
    pub why: String,
    /// The window that the evidence covers, as `2026-10-01 to 2026-10-31 (UTC)`.
    pub window: Option<String>,
    /// The audit log's head: an entry and its hash.
    pub audit_head: String,
    /// The page of the proposal, an address of ours.
    pub page: Option<String>,
}

/// What a program finds at the end of a body. Anybody can write one: it says where to look, and
/// proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// `P-7`.
    pub proposal: String,
    /// The version described.
    pub version: u32,
    /// Its digest.
    pub digest: String,
    /// The audit log's head at that time.
    pub audit_head: String,
    /// Digest of title and body without what changes with the log: whether we would write it anew.
    pub text: String,
}

impl Marker {
    /// The last marker of a body.
    pub fn read(body: &str) -> Option<Self> {
        let (_, rest) = body.rsplit_once(MARKER)?;
        let (encoded, _) = rest.split_once(" -->")?;
        serde_json::from_slice(&BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()
    }
}

/// `finops(search): right-size search-api (saves about $412 a month)`.
pub fn title(proposal: &Proposal) -> String {
    let saving = proposal
        .saving
        .filter(|saving| saving.mid.amount.0 > 0)
        .map(|saving| format!(" (saves about {} a month)", saving.mid.to_estimate()))
        .unwrap_or_default();
    let line = |text: &str| escape::visible_line(text).collect::<String>();
    let start = format!("finops({}): {}", line(&proposal.owner), line(&proposal.title));
    let room = TITLE_MAX.saturating_sub(saving.chars().count());
    let start: String = if start.chars().count() > room {
        start.chars().take(room.saturating_sub(1)).chain(['…']).collect()
    } else {
        start
    };
    // A title is no Markdown, but forges make references and people of `#1` and `@name` in it.
    let start = start.replace('@', "＠").replace('#', "＃").replace('`', "'");
    format!("{start}{saving}")
}

/// The body of a pull request.
pub fn body(
    proposal: &Proposal,
    digest: &str,
    repository: &str,
    words: &Words,
    ownership: &Ownership,
    owners: &[String],
) -> String {
    let mut text = format!("{}\n\n", summary(proposal));
    text.push_str(&table(proposal, repository, words));
    if let Some(note) = ownership_note(proposal, ownership, owners) {
        let _ = write!(text, "\n> {note}\n");
    }
    text.push_str("\n### Why\n\n");
    text.push_str(&paragraphs(&words.why));
    text.push_str("\n### How to reproduce\n\n");
    let _ = write!(text, "```sh\ncentinel show bundle:{}\n", plain_word(&proposal.evidence));
    let _ = write!(text, "centinel show {}\n```\n", proposal.id);
    text.push_str("\n### How to roll back\n\n");
    text.push_str(if proposal.reversible {
        "Revert the one commit of this pull request; it changes the values above and nothing else.\n"
    } else {
        "This cannot be undone: reverting the commit does not bring back what was bought or deleted.\n"
    });
    if !proposal.reversible {
        text.push_str("\n> **Not reversible.** Look twice before you merge.\n");
    }
    text.push_str(
        "\n---\n\nTo decline, close this pull request: nobody will be asked again for this proposal.\n",
    );
    if let Some(page) = &words.page {
        let _ = write!(text, "\n{}\n", link("Proposal", page));
    }
    let footer =
        format!("\n{} v{} · digest `{}`\n", proposal.id, proposal.version, plain_word(digest));
    text.push_str(&footer);
    let marker = Marker {
        proposal: proposal.id.to_string(),
        version: proposal.version,
        digest: digest.to_owned(),
        audit_head: words.audit_head.clone(),
        text: sha256_hex(format!("{}\n{text}", title(proposal)).as_bytes()),
    };
    let _ = write!(text, "\n{HEAD_LINE} {}\n", escape::code(&words.audit_head));
    // A marker of texts and a number always has a JSON form.
    let json = serde_json::to_vec(&marker).unwrap_or_default();
    let _ = write!(text, "\n{MARKER}{} -->\n", BASE64_STANDARD.encode(json));
    text
}

/// Compares a body that a forge holds with the one that we would write: what people added to it stays,
/// and a grown audit log is no reason to write it again.
pub fn compare(there: &str, ours: &str) -> Text {
    match (Marker::read(there), Marker::read(ours)) {
        (Some(there), Some(ours)) if there.text == ours.text => Text::Current,
        (Some(there), Some(ours)) if there.digest != ours.digest => Text::Outdated,
        // Without a marker, a person wrote it anew.
        _ => Text::Reworded,
    }
}

fn summary(proposal: &Proposal) -> String {
    let title = escape::text(&proposal.title);
    let owner = escape::text(&proposal.owner);
    match proposal.saving {
        Some(saving) => format!(
            "**{title}**, for {owner}: saves about {} a month, {} to {}.",
            saving.mid.to_estimate(),
            saving.low.to_estimate(),
            saving.high.to_estimate()
        ),
        None => format!("**{title}**, for {owner}."),
    }
}

fn table(proposal: &Proposal, repository: &str, words: &Words) -> String {
    let mut rows: Vec<(String, String)> = Vec::new();
    let edits: Vec<&Edit> =
        proposal.edits.iter().filter(|edit| edit.repository == repository).collect();
    let value = |value: &Option<String>| match value {
        Some(value) => escape::code_cell(value),
        None => "(absent)".to_owned(),
    };
    if let [edit] = edits.as_slice() {
        rows.push(("Where".to_owned(), place(edit)));
        rows.push(("Current".to_owned(), value(&edit.from)));
        rows.push(("Proposed".to_owned(), value(&edit.to)));
    }
    let window = words.window.as_deref().map_or_else(|| "not stated".to_owned(), escape::text);
    rows.push(("Window of the evidence".to_owned(), window));
    rows.push((
        "Saving a month (low – best – high)".to_owned(),
        proposal.saving.map_or_else(
            || "not estimated".to_owned(),
            |saving| format!("{} – {} – {}", saving.low, saving.mid, saving.high),
        ),
    ));
    rows.push(("Risk".to_owned(), risk(proposal.risk).to_owned()));
    let reversible = if proposal.reversible { "yes" } else { "**no**" };
    rows.push(("Reversible".to_owned(), reversible.to_owned()));
    rows.push(("Owner".to_owned(), escape::text(&proposal.owner)));
    let expires = proposal.expires_at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    rows.push(("Expires".to_owned(), expires));
    let mut text = String::from("| | |\n|---|---|\n");
    for (name, value) in rows {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    if edits.len() > 1 {
        text.push_str("\n| Where | Current | Proposed |\n|---|---|---|\n");
        for edit in edits.iter().take(EDITS_SHOWN) {
            let (from, to) = (value(&edit.from), value(&edit.to));
            let _ = writeln!(text, "| {} | {from} | {to} |", place(edit));
        }
        if let Some(more) = edits.len().checked_sub(EDITS_SHOWN).filter(|more| *more > 0) {
            let _ = writeln!(text, "| and {more} more: see the diff | | |");
        }
    }
    text
}

fn place(edit: &Edit) -> String {
    format!("{} {}", escape::code_cell(&edit.file), escape::code_cell(&edit.path))
}

/// The word for a risk.
pub(super) fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
    }
}

fn ownership_note(proposal: &Proposal, ownership: &Ownership, owners: &[String]) -> Option<String> {
    let owner = escape::text(&proposal.owner);
    let names: Vec<String> = owners.iter().take(10).map(|name| escape::text(name)).collect();
    let names = names.join(", ");
    match ownership {
        Ownership::Agrees | Ownership::Nobody => None,
        Ownership::Differs => Some(format!(
            "**Owners differ.** CODEOWNERS gives these files to {names}; the spend belongs to {owner}."
        )),
        Ownership::Unreadable => Some(format!(
            "CODEOWNERS cannot be read, so it was not compared with {owner}, whose spend this is."
        )),
        Ownership::NotKnown => Some(format!(
            "CODEOWNERS gives these files to {names}; which of them {owner} is, is not configured."
        )),
    }
}

/// Foreign text as paragraphs, a line each.
fn paragraphs(text: &str) -> String {
    let mut out = String::new();
    let mut left = WHY_MAX;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let kept: String = line.chars().take(left).collect();
        left = left.saturating_sub(kept.chars().count());
        if !kept.is_empty() {
            let _ = write!(out, "{}\n\n", escape::text(&kept));
        }
    }
    if out.is_empty() {
        out.push_str("See the evidence.\n\n");
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// A digest or name that stands in code: letters and digits only.
fn plain_word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
}

fn link(name: &str, address: &str) -> String {
    let is_safe = (address.starts_with("https://") || address.starts_with("http://"))
        && address.chars().all(|c| c.is_ascii_graphic() && !"<>()[]\"'`\\|".contains(c));
    if is_safe {
        format!("[{name}](<{address}>)")
    } else {
        format!("{name}: {}", escape::code(address))
    }
}
