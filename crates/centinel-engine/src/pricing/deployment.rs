//! Callers' own names for models: Azure deployments, application inference profiles, aliases of a
//! gateway.
//!
//! A deployment is named freely: Azure lets a `gpt-4o` be called `prod-chat`, Bedrock gives an
//! application inference profile an opaque id, and a gateway routes `fast` to whatever it likes.
//! Which model stands behind a name is known to whoever made it, and to no price book. So it is
//! stated once, and used wherever a price is looked up; the call itself keeps the name that it had.
//!
//! # Source
//!
//! Azure OpenAI, "Create and deploy an Azure OpenAI resource" (a deployment's name, not the
//! model's, is used to call it); Amazon Bedrock user guide, "Application inference profiles".

use std::collections::BTreeMap;

use super::{PriceQuery, book::cut, name::provider_id};

/// What callers' own names stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployments {
    /// By name, or by `provider/name` where only that provider's name is meant.
    targets: BTreeMap<String, Target>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    provider: String,
    model: String,
}

/// Why a mapping of names cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` stands for `{target}`, which is no `provider/model`")]
pub struct DeploymentError {
    /// The name, cut at 80 characters.
    pub name: String,
    /// What it was to stand for, cut at 80 characters.
    pub target: String,
}

impl Deployments {
    /// Reads a mapping of names to `provider/model`. A name may have a provider before it
    /// (`azure/prod-chat`) and then holds for that provider's calls only.
    ///
    /// # Errors
    ///
    /// [`DeploymentError`] for a target without a provider or a model.
    pub fn new<N: AsRef<str>, T: AsRef<str>>(
        names: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Self, DeploymentError> {
        let read = |(name, target): (N, T)| {
            let (name, target) = (name.as_ref().trim(), target.as_ref().trim());
            let parts = target.split_once('/').map(|(p, m)| (p.trim(), m.trim()));
            match parts.filter(|(p, m)| !name.is_empty() && !p.is_empty() && !m.is_empty()) {
                Some((provider, model)) => {
                    let target =
                        Target { provider: provider_id(provider), model: model.to_owned() };
                    Ok((name.to_owned(), target))
                }
                None => Err(DeploymentError { name: cut(name), target: cut(target) }),
            }
        };
        Ok(Self { targets: names.into_iter().map(read).collect::<Result<_, _>>()? })
    }

    /// Provider and model behind a name; `None` for a name that stands for itself.
    pub fn target(&self, provider: &str, model: &str) -> Option<(&str, &str)> {
        if self.targets.is_empty() {
            return None;
        }
        let model = model.trim();
        let spelled = self.targets.get(&format!("{}/{model}", provider.trim()));
        let target = spelled
            .or_else(|| self.targets.get(&format!("{}/{model}", provider_id(provider))))
            .or_else(|| self.targets.get(model))?;
        Some((&target.provider, &target.model))
    }

    /// The same question about the model behind the name.
    pub(super) fn translated<'q>(&'q self, query: &PriceQuery<'q>) -> PriceQuery<'q> {
        match self.target(query.provider, query.model) {
            Some((provider, model)) => PriceQuery { provider, model, ..*query },
            None => *query,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_a_model() {
        let profile = "arn:aws:bedrock:us-east-1:1:application-inference-profile/k3x";
        let deployments = Deployments::new([
            ("prod-chat", "azure/gpt-5.1"),
            ("openai/fast", "openai/gpt-5.4-mini"),
            ("fast", "groq/openai/gpt-oss-120b"),
            (profile, "aws.bedrock/us.anthropic.claude-sonnet-4-6"),
        ])
        .unwrap();
        for (provider, model, expected) in [
            ("azure", "prod-chat", Some(("azure", "gpt-5.1"))),
            ("azure.ai.openai", " prod-chat ", Some(("azure", "gpt-5.1"))),
            ("OpenAI", "fast", Some(("openai", "gpt-5.4-mini"))),
            ("litellm", "fast", Some(("groq", "openai/gpt-oss-120b"))),
            ("bedrock", profile, Some(("bedrock", "us.anthropic.claude-sonnet-4-6"))),
            ("azure", "Prod-Chat", None),
            ("azure", "gpt-5.1", None),
        ] {
            assert_eq!(deployments.target(provider, model), expected, "{provider} {model}");
        }
    }

    #[test]
    fn a_target_needs_a_provider() {
        for target in ["gpt-5.1", "/gpt-5.1", "azure/", ""] {
            let error = Deployments::new([("prod-chat", target)]).unwrap_err();
            assert!(error.to_string().starts_with("`prod-chat` stands for"), "{error}");
        }
    }
}
