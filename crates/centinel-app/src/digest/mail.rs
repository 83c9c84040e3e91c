//! A digest as a message that a mailer sends: plain text, and the same as HTML.
//!
//! Headers are made of checked addresses, of our own words, and of encoded words (RFC 2047), so that no
//! name in the data can end one. Bodies are base64, so that no line of them is read as anything else.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use centinel_engine::{
    digest::SummaryKind,
    facts::sha256_hex,
    narrative::{Block, BlockKind, Document, NumberFormat, Run},
};
use jiff::Timestamp;

use super::{Digest, DigestConfig, DigestRequest, MailAddress};
use crate::{App, AppError, Wording};

/// Columns of a line of base64 (RFC 2045, 6.8).
const COLUMNS: usize = 76;
/// Bytes that fit an encoded word of 75 columns.
const WORD_BYTES: usize = 42;

/// What stands between a model's words and the standard wording.
const IN_FULL: &str = "In full";

/// A message, and the name of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Whose digest; `None` for that of all spend.
    pub owner: Option<String>,
    /// A file name without anything from the data but letters, digits and hyphens.
    pub file: String,
    /// The message (RFC 5322), lines ended by CR LF.
    pub message: String,
}

impl App {
    /// The messages of a period: of all spend, and one an owner. Who is unsubscribed, and whose spend gives
    /// nothing to say, gets none. Each begins with a model's words where they are kept for its facts, or
    /// `wording` finds some.
    ///
    /// # Errors
    ///
    /// As [`App::digest`].
    pub async fn digest_mails(
        &self,
        request: &DigestRequest,
        wording: Option<&dyn Wording>,
        now: Timestamp,
    ) -> Result<Vec<Mail>, AppError> {
        let gathered = self.gathered(request, now).await?;
        let config = &self.config.digest;
        let owners = gathered.owners();
        let mut summaries = Vec::new();
        if request.kind != SummaryKind::Scorecard {
            summaries.push(gathered.of_all());
        }
        if request.kind != SummaryKind::Monthly {
            summaries.extend(owners.iter().map(|owner| gathered.of_owner(owner)));
        }
        let mut mails = Vec::new();
        for summary in summaries {
            let Some(wanted) = config.of(summary.owner.as_deref()).wanted(summary) else {
                continue;
            };
            let digest = self.worded(&wanted, now).await?;
            // A month is reported whatever it was; a week only where it has something to say.
            if digest.is_quiet && request.kind == SummaryKind::Weekly {
                continue;
            }
            let digest = match wording {
                Some(wording) => self.narrate(digest, wording, now).await?,
                None => digest,
            };
            mails.push(self.mail(&digest, config, now));
        }
        Ok(mails)
    }

    fn mail(&self, digest: &Digest, config: &DigestConfig, now: Timestamp) -> Mail {
        let owner = digest.owner.as_deref();
        let own = config.of(owner);
        let id = digest.facts.digest();
        let name = &self.config.organisation.name;
        let organisation = if self.config.organisation.generated {
            format!("{name} (generated company)")
        } else {
            name.clone()
        };
        let from = config.from.as_ref().map(ToString::to_string);
        let domain = config.from.as_ref().map_or("centinel.invalid", MailAddress::domain);
        let whose = sha256_hex(owner.unwrap_or_default().as_bytes());
        let short = |hex: &str| hex.chars().take(12).collect::<String>();
        let mut message = String::new();
        let mut header = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = write!(message, "{name}: {value}\r\n");
        };
        header("From", &from.unwrap_or_else(|| format!("Centinel <centinel@{domain}>")));
        let to: Vec<String> = own.to.iter().map(ToString::to_string).collect();
        header(
            "To",
            &if to.is_empty() { "undisclosed-recipients:;".to_owned() } else { to.join(", ") },
        );
        header("Subject", &encoded(&format!("{organisation}: {}", digest.subject)));
        header("Date", &date(now));
        header("Message-ID", &format!("<{}.{}@{domain}>", short(&id), short(&whose)));
        header("MIME-Version", "1.0");
        header("Auto-Submitted", "auto-generated");
        header("X-Centinel-Evidence", &digest.evidence);
        let boundary = format!("=_centinel_{}", short(&id));
        header("Content-Type", &format!("multipart/alternative; boundary=\"{boundary}\""));
        message.push_str("\r\n");
        let note = note(owner, digest);
        let words = digest.by_model().map(|words| words.plain.trim_end());
        let before = words.map(|words| format!("{words}\n\n{IN_FULL}\n\n")).unwrap_or_default();
        let plain = format!("{before}{}\n-- \n{note}\n", digest.text);
        let page = page(words, &digest.document, &self.number_format(), &note);
        for (kind, body) in [("plain", &plain), ("html", &page)] {
            let _ = write!(
                message,
                "--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
                lines(&STANDARD.encode(body.replace('\n', "\r\n")))
            );
        }
        let _ = write!(message, "--{boundary}--\r\n");
        Mail { owner: digest.owner.clone(), file: mail_file_name(digest), message }
    }
}

/// Whose words they are, where the facts are, and how not to get this any more.
fn note(owner: Option<&str>, digest: &Digest) -> String {
    let evidence = &digest.evidence;
    let whose = match digest.by_model() {
        Some(words) => {
            format!("The first part is {}; the rest is the standard wording.", words.label)
        }
        None => "This is the standard wording.".to_owned(),
    };
    let table = match owner {
        Some(owner) => {
            let key = toml::Value::String(owner.chars().filter(|c| !c.is_control()).collect());
            format!("[digest.owners.{key}]")
        }
        None => "[digest.organisation]".to_owned(),
    };
    format!(
        "{whose}\nEvery figure is a fact of {evidence}: centinel show {evidence}\nTo get less of this, set \
         unsubscribed under {table} in centinel.toml."
    )
}

/// `digest-2026-10-19-search-1f3a….eml`: of the data only letters and digits, and a hash that tells owners
/// of like names apart.
pub fn mail_file_name(digest: &Digest) -> String {
    let (first, _) = digest.period.dates();
    let question = &digest.question;
    let Some(owner) = &digest.owner else { return format!("{question}-{first}-all.eml") };
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = owner.chars().map(plain).take(40).collect();
    let slug: Vec<&str> = slug.split('-').filter(|part| !part.is_empty()).collect();
    let hash: String = sha256_hex(owner.as_bytes()).chars().take(8).collect();
    let slug = if slug.is_empty() { "owner".to_owned() } else { slug.join("-") };
    format!("{question}-{first}-{slug}-{hash}.eml")
}

/// A header's text: as it is where it is short, printable ASCII and no encoded word, else in encoded words
/// on lines of their own.
fn encoded(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_plain && text.len() <= 66 && !text.contains("=?") {
        return text;
    }
    let mut words: Vec<String> = vec![String::new()];
    for c in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= WORD_BYTES => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let word = |word: String| format!("=?UTF-8?B?{}?=", STANDARD.encode(word));
    words.into_iter().map(word).collect::<Vec<_>>().join("\r\n ")
}

/// `Mon, 23 Nov 2026 07:12:58 +0000`
fn date(now: Timestamp) -> String {
    now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

fn lines(base64: &str) -> String {
    let bytes = base64.as_bytes().chunks(COLUMNS);
    let lines: Vec<&str> = bytes.filter_map(|line| std::str::from_utf8(line).ok()).collect();
    lines.join("\r\n")
}

/// A model's words, where there are any, and a document as HTML that every mail client shows: headings,
/// paragraphs and lists, nothing else.
fn page(words: Option<&str>, document: &Document, format: &NumberFormat, note: &str) -> String {
    let mut html = String::from("<!doctype html>\n<html lang=\"en\">\n<body>\n");
    if let Some(words) = words {
        let _ = writeln!(html, "<p>{}</p>\n<h2>{IN_FULL}</h2>", escaped(words));
    }
    let mut in_list = false;
    for Block { kind, runs } in &document.blocks {
        let is_item = *kind == BlockKind::Item;
        if is_item != in_list {
            html.push_str(if is_item { "<ul>\n" } else { "</ul>\n" });
            in_list = is_item;
        }
        let tag = match kind {
            BlockKind::Heading => "h3",
            BlockKind::Paragraph => "p",
            BlockKind::Item => "li",
        };
        let text: String = runs.iter().map(|run: &Run| escaped(&run.shown(format))).collect();
        let _ = writeln!(html, "<{tag}>{text}</{tag}>");
    }
    if in_list {
        html.push_str("</ul>\n");
    }
    let note = escaped(note).replace('\n', "<br>\n");
    let _ = write!(html, "<hr>\n<p><small>{note}</small></p>\n</body>\n</html>\n");
    html
}

fn escaped(text: &str) -> String {
    let mut html = String::new();
    for c in text.chars().filter(|c| !is_hidden(*c)) {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

/// Characters that make text look like other text: invisible ones, and ones that turn its direction.
fn is_hidden(c: char) -> bool {
    let is_turning =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    is_turning
        || matches!(c, '\u{feff}' | '\u{ad}' | '\u{e0000}'..='\u{e007f}')
        || (c.is_control() && c != '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_end_no_header() {
        assert_eq!(encoded("search: $9,120"), "search: $9,120");
        let hostile = encoded("x\r\nBcc: y@example.com é");
        assert!(hostile.starts_with("=?UTF-8?B?") && !hostile.contains("Bcc"), "{hostile}");
        let long = encoded(&"é".repeat(200));
        assert!(long.lines().all(|line| line.trim_start().len() <= 75), "{long}");
        let decoded: Vec<u8> = long
            .split("\r\n ")
            .flat_map(|word| {
                let word = word.strip_prefix("=?UTF-8?B?").unwrap().strip_suffix("?=").unwrap();
                STANDARD.decode(word).unwrap()
            })
            .collect();
        assert_eq!(String::from_utf8(decoded).unwrap(), "é".repeat(200));
        assert!(encoded("=?UTF-8?B?eA==?=").starts_with("=?UTF-8?B?PT9V"));
    }

    #[test]
    fn pages_do_nothing_with_names() {
        assert_eq!(escaped("<script>'\"&\u{202e}\u{200b}x"), "&lt;script&gt;&#39;&quot;&amp;x");
    }

    #[test]
    fn dates_are_those_of_mail() {
        let at = "2026-11-03T08:00:00Z".parse().unwrap();
        assert_eq!(date(at), "Tue, 03 Nov 2026 08:00:00 +0000");
    }
}
