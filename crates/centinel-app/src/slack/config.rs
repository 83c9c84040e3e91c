//! `[slack]` and `[teams]`.

use centinel_approvals::slack::Schedule;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::live::CredentialRef;

/// `[slack]`: one workspace, one channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackConfig {
    /// The workspace, `T…`: nobody of another one is listened to.
    #[serde(deserialize_with = "team")]
    pub team: String,
    /// The channel that messages go to, `C…` or `G…`.
    #[serde(deserialize_with = "channel")]
    pub channel: String,
    /// Where the bot's token (`xoxb-…`) is.
    pub bot_token: CredentialRef,
    /// Where the app-level token (`xapp-…`) is: with it, clicks come over Socket Mode.
    #[serde(default)]
    pub app_token: Option<CredentialRef>,
    /// Where the signing secret is: with it, clicks come to `POST /hooks/slack`.
    #[serde(default)]
    pub signing_secret: Option<CredentialRef>,
    /// When a summary is posted, in UTC: `daily 08:00`, `weekly mon 08:00`; absent for never.
    #[serde(default, deserialize_with = "schedule")]
    pub digest: Option<Schedule>,
    /// The address of the Web API, for `slack-gov.com` and tests.
    #[serde(default = "api")]
    pub api: String,
}

/// `[teams]`: a card with a link, by a Workflows webhook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamsConfig {
    /// Where the webhook's address is, which is a secret: whoever has it can post.
    pub webhook: CredentialRef,
}

fn api() -> String {
    centinel_approvals::slack::SLACK.to_owned()
}

fn id<'de, D: Deserializer<'de>>(
    deserializer: D,
    first: &[char],
    what: &str,
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_id = text.starts_with(first)
        && (2..=30).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if is_id { Ok(text) } else { Err(D::Error::custom(what)) }
}

fn team<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    id(deserializer, &['T'], "a workspace is named by its id, as in `T012AB3CD`")
}

fn channel<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    id(deserializer, &['C', 'G'], "a channel is named by its id, as in `C012AB3CD`")
}

fn schedule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Schedule>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &str, expect: Result<(), &str>) {
        let text = format!(
            "team = \"T1\"\nchannel = \"C1\"\nbot_token = \"env:SLACK_BOT_TOKEN\"\n{lines}"
        );
        let read: Result<SlackConfig, _> = toml::from_str(&text);
        match (read, expect) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{error}");
                assert!(!error.message().contains("hunter2"), "{error}");
            }
            (read, expect) => panic!("{lines}: {read:?}, not {expect:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (lines, expect) in [
            ("", Ok(())),
            ("app_token = \"file:secrets/slack-app\"", Ok(())),
            ("digest = \"weekly mon 08:00\"", Ok(())),
            ("app_token = \"xapp-hunter2\"", Err("never stated itself")),
            ("digest = \"sometimes\"", Err("is not `daily HH:MM`")),
            ("owner = \"T1\"", Err("unknown field")),
        ] {
            check(lines, expect);
        }
        let named: Result<SlackConfig, _> =
            toml::from_str("team = \"acme\"\nchannel = \"#finops\"\nbot_token = \"env:X\"");
        assert!(named.unwrap_err().to_string().contains("named by its id"));
    }
}
