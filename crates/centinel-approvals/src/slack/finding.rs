//! The message of a finding: what changed, whose it is, who is asked to look. It has no button: what is
//! decided about it is decided where the proposal is.

use centinel_engine::{facts::sha256_hex, proposal::ProposalId};
use centinel_store::chat;
use jiff::Timestamp;

use super::{
    blocks::{Address, Block, Blocks, Marked, UserId, units},
    card::Card,
    client::Patience,
    desk::{Desk, DeskError},
    post::Told,
};
use crate::escape;

/// Most units of the text.
const TEXT_MAX: usize = 2_400;
/// Most units of a name.
const NAME_MAX: usize = 200;
/// Most owners and proposals that are listed.
const LISTED_MAX: usize = 6;
/// Most people who are called.
const CALLED_MAX: usize = 5;

/// A finding that somebody is told of. Every text is foreign.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finding {
    /// `E-12`.
    pub episode: String,
    /// What it is about, in a few words.
    pub about: String,
    /// The verified wording, without citations.
    pub text: String,
    /// Whose words these are.
    pub label: String,
    /// Whose spend it is, with what states it; or why nobody is.
    pub owner: String,
    /// Where several share it: each by name, and their part, which is our own words.
    pub parts: Vec<(String, String)>,
    /// Who is asked to look; `None` for nobody in particular.
    pub recipient: Option<String>,
    /// Whether somebody else was asked before and did not react.
    pub is_escalation: bool,
    /// Proposals about it, by title.
    pub proposals: Vec<(ProposalId, String)>,
    /// Address of the facts: `bundle:…`.
    pub evidence: String,
}

impl Finding {
    /// What the chat's table knows its message by: one for each episode and recipient.
    pub fn key(&self) -> String {
        let recipient = sha256_hex(self.recipient.as_deref().unwrap_or_default().as_bytes());
        let recipient: String = recipient.chars().take(16).collect();
        let episode = self.episode.chars().filter(char::is_ascii_alphanumeric);
        format!("finding:{}:{recipient}", episode.collect::<String>())
    }
}

impl Desk {
    /// Posts the message of a finding, or edits the one that is there where it says something else: one
    /// message for each episode and recipient, however often the facts change.
    ///
    /// `Told` is `None` where the message says it already, or somebody else is about to post it; whether
    /// it is there comes with it.
    ///
    /// # Errors
    ///
    /// [`DeskError`].
    pub async fn tell(
        &self,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<(Option<Told>, bool), DeskError> {
        let key = finding.key();
        let users = match &finding.recipient {
            Some(recipient) => self.people_of(recipient).await?,
            None => Vec::new(),
        };
        let card = card(finding, &self.settings.page, &users);
        // Who is called is no part of it: people who come and go change no message.
        let shown = shown(finding, &self.settings.page);
        if let Some(message) = chat::message(&self.approvals.database, &key).await? {
            let told = self.show(&message, &card, &shown, Patience::Some).await?;
            return Ok((told, chat::message(&self.approvals.database, &key).await?.is_some()));
        }
        let told = self.post(&key, &card, &shown, now).await?;
        let is_there = told.is_some();
        Ok((told, is_there))
    }

    /// The users of this workspace who answer for a team, or have a role of that name.
    async fn people_of(&self, recipient: &str) -> Result<Vec<UserId>, DeskError> {
        let people = self.approvals.people().await?;
        self.users(|name| {
            people.get(name).is_some_and(|person| {
                person.active && person.roles.iter().any(|role| is_of(&role.to_string(), recipient))
            })
        })
        .await
    }
}

/// Whether a role is the owner of a team, or called like it.
fn is_of(role: &str, recipient: &str) -> bool {
    role == recipient || role.strip_prefix("owner:") == Some(recipient)
}

fn shown(finding: &Finding, page: &str) -> String {
    let card = card(finding, page, &[]);
    sha256_hex(serde_json::to_string(&card).unwrap_or_default().as_bytes())
}

/// The message of a finding as it is now.
fn card(finding: &Finding, page: &str, called: &[UserId]) -> Card {
    let mut blocks = Blocks::default();
    blocks.push(Block::header(&format!("{} · {}", finding.episode, finding.about)));
    let mut text = Marked::new();
    if let Some(recipient) = &finding.recipient {
        text = text.ours("*For* ").foreign_up_to(recipient, NAME_MAX);
        if finding.is_escalation {
            text = text.ours(", because nobody reacted so far");
        }
        for user in called.iter().take(CALLED_MAX) {
            text = text.ours(" ").mention(user);
        }
        text = text.ours("\n");
    }
    text = text.ours("*Owner* ").foreign_up_to(&finding.owner, 2 * NAME_MAX);
    for (name, part) in finding.parts.iter().take(LISTED_MAX) {
        text = text.ours("\n• ").foreign_up_to(name, NAME_MAX).ours(": ").ours(part);
    }
    let more = finding.parts.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        text = text.ours(&format!("\nand {more} more"));
    }
    blocks.push(Block::section(text));
    blocks.push(Block::section(Marked::new().foreign(whole_sentences(&finding.text))));
    if !finding.proposals.is_empty() {
        let mut text = Marked::new().ours("*Proposed about it*");
        for (id, title) in finding.proposals.iter().take(LISTED_MAX) {
            text = text.ours("\n• ");
            text = match Address::new(page, &format!("proposals/{id}")) {
                Some(address) => text.ours(&format!("<{}|{id}>", address.as_str())),
                None => text.ours(&id.to_string()),
            };
            text = text.ours(" ").foreign_up_to(title, NAME_MAX);
        }
        blocks.push(Block::section(text));
    }
    let is_word = |c: &char| c.is_ascii_alphanumeric() || *c == ':';
    let evidence: String = finding.evidence.chars().filter(is_word).collect();
    let mut context =
        Marked::new().foreign_up_to(&finding.label, NAME_MAX).ours(&format!(" · `{evidence}`"));
    let episode: String = finding.episode.chars().filter(|c| is_word(c) || *c == '-').collect();
    if let Some(address) = Address::new(page, &format!("episodes/{episode}")) {
        context = context.ours(" · ").link(&address, "the whole analysis");
    }
    blocks.push(Block::context(vec![context]));
    let text = format!("{}: {}", finding.episode, finding.about);
    Card { blocks, text: escape::slack::text(&text, 300) }
}

/// As many sentences as there is room for: a figure that is cut is another figure.
fn whole_sentences(text: &str) -> &str {
    let fits = |text: &str| units(&escape::slack::text(text, usize::MAX)) <= TEXT_MAX;
    let mut text = text.trim();
    while !fits(text) {
        let end = text.trim_end_matches('.').rfind(". ");
        text = end.and_then(|end| text.get(..=end)).unwrap_or("The text is on the page.");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::escape::hostile::{HOSTILE, hostile_text};

    fn finding(text: &str) -> Finding {
        Finding {
            episode: "E-12".to_owned(),
            about: text.to_owned(),
            text: text.to_owned(),
            label: "standard wording".to_owned(),
            owner: text.to_owned(),
            parts: vec![(text.to_owned(), "$40.00, 40 %".to_owned()); 9],
            recipient: Some(text.to_owned()),
            is_escalation: true,
            proposals: vec![(ProposalId(7), text.to_owned())],
            evidence: "bundle:0123456789ab".to_owned(),
        }
    }

    /// Links and mentions are ours, whatever a name holds; and there is nothing to click that decides.
    fn check(text: &str) {
        let user = UserId::new("U012AB3CD").unwrap();
        let card = card(&finding(text), "https://centinel.example", &[user]);
        let json = serde_json::to_value(&card).unwrap();
        let mut texts = Vec::new();
        collect(&json, &mut texts);
        for text in texts {
            let ours = [
                "<@U012AB3CD>",
                "<https://centinel.example/proposals/P-7|P-7>",
                "<https://centinel.example/episodes/E-12|the whole analysis>",
            ];
            let rest = ours.iter().fold(text, |rest, own| rest.replace(own, ""));
            assert!(!rest.contains(['<', '>']) && !rest.contains("://"), "{rest}");
        }
        assert!(!json.to_string().contains("action_id"), "{json}");
    }

    fn collect(value: &serde_json::Value, texts: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                let is_marked = fields.get("type").is_some_and(|kind| kind == "mrkdwn");
                for (name, field) in fields {
                    match field.as_str() {
                        Some(text) if is_marked && name == "text" => texts.push(text.to_owned()),
                        _ => collect(field, texts),
                    }
                }
            }
            serde_json::Value::Array(items) => {
                for item in items {
                    collect(item, texts);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn nothing_hostile_is_a_mark() {
        for text in HOSTILE {
            check(text);
        }
        let card =
            serde_json::to_string(&card(&finding("support"), "https://c.example", &[])).unwrap();
        for part in
            ["*For* support, because nobody reacted so far", "and 3 more", "standard wording"]
        {
            assert!(card.contains(part), "{part}: {card}");
        }
    }

    #[test]
    fn no_figure_is_cut() {
        let sentence = "It cost $1,234.56 more. ";
        let whole = sentence.repeat(200);
        let shown = whole_sentences(&whole);
        assert!(shown.len() > 2_000 && shown.ends_with("$1,234.56 more."), "{shown}");
        assert_eq!(whole_sentences(&"9".repeat(3_000)), "The text is on the page.");
        assert_eq!(whole_sentences(&format!("A. {}", "*".repeat(2_000))), "A.");
        assert_eq!(whole_sentences(sentence), sentence.trim());
    }

    #[test]
    fn each_recipient_has_a_message_of_their_own() {
        let one = finding("support");
        let other = Finding { recipient: None, ..one.clone() };
        let later = Finding { text: "more".to_owned(), ..one.clone() };
        assert_ne!(one.key(), other.key());
        assert_eq!(one.key(), later.key());
        assert_ne!(shown(&one, "https://c.example"), shown(&later, "https://c.example"));
        assert!(one.key().starts_with("finding:E12:"), "{}", one.key());
        assert!(is_of("owner:support", "support") && is_of("finops", "finops"));
        assert!(!is_of("member:support", "support") && !is_of("owner:support-x", "support"));
    }

    proptest! {
        #[test]
        fn no_text_is_a_mark(text in hostile_text()) {
            check(&text);
        }
    }
}
