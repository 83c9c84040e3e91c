//! The prompts: files of the repository, embedded, rendered strictly, known by digest.
//!
//! Each task has a folder in `prompts/`: `system.md.jinja` and `user.md.jinja`, the JSON schema of what
//! they are rendered from, and that of what is to come back. A variable that is not there is an error.

use std::{collections::BTreeMap, fmt};

use centinel_engine::facts::sha256_hex;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::{Fault, Sheet, client::Message};

/// The rules that hold for every task.
const RULES: &str = include_str!("../../../prompts/narrator-rules.md.jinja");
/// How facts are listed.
const FACTS: &str = include_str!("../../../prompts/narrator-facts.md.jinja");

/// How what is looked up for a question is chosen.
const CHOOSING: &str = include_str!("../../../prompts/ask/choose.md.jinja");

/// What is to be worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A change of cost.
    Explain,
    /// What is known of an episode.
    Analysis,
    /// An owner's week.
    Digest,
    /// A paragraph for a finance report.
    Cfo,
    /// A team's scorecard.
    Scorecard,
    /// A recommendation.
    Recommendation,
    /// An answer to a question.
    Ask,
}

struct Files {
    version: u32,
    system: &'static str,
    user: &'static str,
    input: &'static str,
    output: &'static str,
}

macro_rules! files {
    ($name:literal, $version:literal) => {
        Files {
            version: $version,
            system: include_str!(concat!("../../../prompts/", $name, "/system.md.jinja")),
            user: include_str!(concat!("../../../prompts/", $name, "/user.md.jinja")),
            input: include_str!(concat!("../../../prompts/", $name, "/input.schema.json")),
            output: include_str!(concat!("../../../prompts/", $name, "/output.schema.json")),
        }
    };
}

/// Which prompt worded a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptId {
    /// The task.
    pub task: Task,
    /// Its version: raised with every change of its words.
    pub version: u32,
    /// SHA-256 over all of its files, lowercase hex.
    pub digest: String,
}

impl fmt::Display for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest: String = self.digest.chars().take(12).collect();
        write!(f, "{} v{} ({digest})", self.task.name(), self.version)
    }
}

impl Task {
    /// Every task.
    pub const ALL: [Self; 7] = [
        Self::Explain,
        Self::Analysis,
        Self::Digest,
        Self::Cfo,
        Self::Scorecard,
        Self::Recommendation,
        Self::Ask,
    ];

    /// Its name, also of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Explain => "explain",
            Self::Analysis => "analysis",
            Self::Digest => "digest",
            Self::Cfo => "cfo",
            Self::Scorecard => "scorecard",
            Self::Recommendation => "recommendation",
            Self::Ask => "ask",
        }
    }

    fn files(self) -> Files {
        match self {
            Self::Explain => files!("explain", 1),
            Self::Analysis => files!("analysis", 1),
            Self::Digest => files!("digest", 1),
            Self::Cfo => files!("cfo", 1),
            Self::Scorecard => files!("scorecard", 1),
            Self::Recommendation => files!("recommendation", 1),
            Self::Ask => files!("ask", 1),
        }
    }

    /// JSON Schema of what the prompt is rendered from.
    pub fn input_schema(self) -> &'static str {
        self.files().input
    }

    /// JSON Schema of a draft.
    pub fn output_schema(self) -> &'static str {
        self.files().output
    }

    /// Which prompt it is.
    pub fn id(self) -> PromptId {
        let Files { version, system, user, input, output } = self.files();
        let mut all = [RULES, FACTS, system, user, input, output].map(sha256_hex_of).concat();
        if self == Self::Ask {
            all.push_str(&sha256_hex_of(CHOOSING));
        }
        PromptId { task: self, version, digest: sha256_hex_of(&all) }
    }

    /// The conversation that asks for a draft. `standard` is the number of sentences of the standard
    /// wording, as a measure.
    ///
    /// # Errors
    ///
    /// [`Fault::Prompt`] for a template that wants what is not there.
    pub fn render(self, sheet: &Sheet, standard: usize) -> Result<Vec<Message>, Fault> {
        self.rendered(sheet, standard, None)
    }

    /// The same with the question that is answered, as the person put it.
    ///
    /// # Errors
    ///
    /// As [`Self::render`].
    pub fn render_asked(
        self,
        sheet: &Sheet,
        standard: usize,
        question: &str,
    ) -> Result<Vec<Message>, Fault> {
        self.rendered(sheet, standard, Some(question))
    }

    /// The rules for whoever chooses what is looked up for a question.
    ///
    /// # Errors
    ///
    /// [`Fault::Prompt`] for a template that wants what is not there.
    pub fn choosing() -> Result<String, Fault> {
        let failed = |error: minijinja::Error| Fault::Prompt {
            task: Self::Ask.name(),
            reason: error.to_string(),
        };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_template("choose", CHOOSING).map_err(failed)?;
        let input = BTreeMap::from([("calls_max", crate::ask::CALLS_MAX)]);
        environment.get_template("choose").and_then(|rules| rules.render(input)).map_err(failed)
    }

    fn rendered(
        self,
        sheet: &Sheet,
        standard: usize,
        question: Option<&str>,
    ) -> Result<Vec<Message>, Fault> {
        #[derive(Serialize)]
        struct Input<'a> {
            #[serde(flatten)]
            sheet: &'a Sheet,
            standard: usize,
            #[serde(skip_serializing_if = "Option::is_none")]
            question: Option<&'a str>,
        }
        let failed = |error: minijinja::Error| Fault::Prompt {
            task: self.name(),
            reason: error.to_string(),
        };
        let Files { system, user, .. } = self.files();
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, text) in [("rules", RULES), ("facts", FACTS), ("system", system), ("user", user)]
        {
            environment.add_template(name, text).map_err(failed)?;
        }
        let input = Input { sheet, standard, question };
        let render = |name: &str| environment.get_template(name)?.render(&input);
        let system = render("system").map_err(failed)?;
        let user = render("user").map_err(failed)?;
        Ok(vec![Message::System(system), Message::User(user)])
    }
}

fn sha256_hex_of(text: &str) -> String {
    sha256_hex(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sheet::tests::sheet;

    const QUESTION: &str = "why did N1 rise last week?";

    fn rendered(task: Task) -> String {
        let messages = match task {
            Task::Ask => task.render_asked(&sheet(), 4, QUESTION).unwrap(),
            _ => task.render(&sheet(), 4).unwrap(),
        };
        let text: Vec<&str> = messages.iter().map(Message::text).collect();
        text.join("\n\n=====\n\n")
    }

    #[test]
    fn each_prompt_reads_as_it_should() {
        for task in Task::ALL {
            insta::assert_snapshot!(task.name(), rendered(task));
        }
    }

    #[test]
    fn the_rules_of_choosing_read_as_they_should() {
        insta::assert_snapshot!("ask_choose", Task::choosing().unwrap());
        assert!(Task::Ask.render(&sheet(), 4).is_err(), "there is no answer without a question");
    }

    /// A changed prompt is another version: answers are kept with it.
    #[test]
    fn versions_are_those_of_their_words() {
        let ids: Vec<String> = Task::ALL.into_iter().map(|task| task.id().to_string()).collect();
        insta::assert_snapshot!(ids.join("\n"));
    }

    #[test]
    fn what_is_rendered_is_what_the_schema_says() {
        for task in Task::ALL {
            let schema: Value = serde_json::from_str(task.input_schema()).unwrap();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let mut input = serde_json::to_value(sheet()).unwrap();
            input["standard"] = json!(4);
            if task == Task::Ask {
                input["question"] = json!(QUESTION);
            }
            let problems: Vec<String> =
                validator.iter_errors(&input).map(|error| error.to_string()).collect();
            assert!(problems.is_empty(), "{}: {problems:?}", task.name());
            input["secret"] = json!(1);
            assert!(!validator.is_valid(&input), "{} takes anything", task.name());
        }
    }

    #[test]
    fn drafts_are_what_the_schema_says() {
        for task in Task::ALL {
            let schema: Value = serde_json::from_str(task.output_schema()).unwrap();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let draft = |kind: &str| json!({ "sentences": [{ "kind": kind, "text": "It {{F4}}.", "cites": ["F4"] }] });
            assert!(validator.is_valid(&draft("observe")));
            assert!(!validator.is_valid(&draft("forecast")));
            assert!(!validator.is_valid(&json!({ "sentences": [] })));
        }
    }
}
