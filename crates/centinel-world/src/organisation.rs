//! Who Halden is: eight teams and the thirty features that call models.

use crate::models::{
    AZURE_GPT_5_1, AZURE_GPT_5_4_MINI, BEDROCK_HAIKU, GEMINI_FLASH, GEMINI_PRO, GPT_5_1, GPT_5_4,
    GPT_5_MINI, HAIKU, Model, NOVA_PRO, OPUS, RERANK, SONNET, TONE_TUNE,
};

/// The company's name in every file that carries one.
pub const COMPANY: &str = "Halden (generated)";

/// The eight teams.
pub(crate) const TEAMS: [&str; 8] = [
    "support-platform",
    "developer-tools",
    "search",
    "growth",
    "content",
    "data-platform",
    "risk",
    "people-ops",
];

/// How traffic behaves over the week and the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Office hours of business customers.
    Chat,
    /// People at home: evenings and weekends.
    Consumer,
    /// Jobs at night.
    Batch,
    /// Agents: office hours, long contexts that grow from call to call.
    Agent,
    /// A few calls a day.
    Small,
}

/// Where a feature's calls are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallSource {
    /// LiteLLM spend logs.
    Gateway,
    /// The in-house SDK's call log.
    Sdk,
    /// OpenTelemetry GenAI spans.
    Telemetry,
}

/// A product feature that calls models.
#[derive(Debug)]
pub(crate) struct Feature {
    pub(crate) name: &'static str,
    pub(crate) team: &'static str,
    pub(crate) family: Family,
    pub(crate) source: CallSource,
    pub(crate) application: &'static str,
    pub(crate) process: &'static str,
    pub(crate) region: &'static str,
    /// The business output, and how many attempts at one are made on a usual day.
    pub(crate) output_kind: &'static str,
    pub(crate) outputs_per_day: f64,
    pub(crate) calls_per_output: f64,
    /// Median and sigma of the log-normal token counts of a call.
    pub(crate) input: (f64, f64),
    pub(crate) output: (f64, f64),
    /// Share of the input that is read from a prompt cache.
    pub(crate) cache: f64,
    /// Models and the share of calls that each gets; shares add to 1.
    pub(crate) models: &'static [(&'static Model, f64)],
    /// Growth of volume in 30 days.
    pub(crate) growth: f64,
    /// Share of calls that carry no feature and no team.
    pub(crate) untagged: f64,
}

impl Family {
    /// Share of a usual day's volume, Monday first.
    pub(crate) fn week(self) -> [f64; 7] {
        match self {
            Self::Chat => [1.05, 1.08, 1.05, 1.0, 0.9, 0.25, 0.22],
            Self::Consumer => [0.95, 0.95, 0.97, 1.0, 1.05, 1.2, 1.15],
            Self::Batch => [1.5, 0.95, 0.95, 0.95, 0.95, 0.85, 0.85],
            Self::Agent => [1.0, 1.08, 1.1, 1.05, 0.9, 0.3, 0.25],
            Self::Small => [1.05, 1.05, 1.0, 1.0, 0.95, 0.55, 0.5],
        }
    }

    /// Share of a usual day's volume on a public holiday.
    pub(crate) fn holiday(self) -> f64 {
        match self {
            Self::Chat => 0.4,
            Self::Consumer => 1.1,
            Self::Batch => 1.0,
            Self::Agent => 0.45,
            Self::Small => 0.6,
        }
    }

    /// Sigma of the day-to-day noise.
    pub(crate) fn noise(self) -> f64 {
        match self {
            Self::Chat | Self::Batch => 0.03,
            Self::Consumer => 0.04,
            Self::Agent => 0.05,
            Self::Small => 0.08,
        }
    }

    /// Mean and spread of the hour of the day, UTC.
    pub(crate) fn hours(self) -> (f64, f64) {
        match self {
            Self::Chat | Self::Small => (12.5, 3.2),
            Self::Agent => (13.0, 3.6),
            Self::Consumer => (17.5, 4.2),
            Self::Batch => (3.0, 1.0),
        }
    }
}

impl Feature {
    const fn new(
        team: &'static str,
        name: &'static str,
        family: Family,
        source: CallSource,
        models: &'static [(&'static Model, f64)],
    ) -> Self {
        Self {
            name,
            team,
            family,
            source,
            application: name,
            process: "operations",
            region: "eu",
            output_kind: "answer",
            outputs_per_day: 0.0,
            calls_per_output: 1.0,
            input: (1.0, 0.5),
            output: (1.0, 0.6),
            cache: 0.0,
            models,
            growth: 0.03,
            untagged: 0.07,
        }
    }

    const fn of(mut self, application: &'static str, process: &'static str) -> Self {
        self.application = application;
        self.process = process;
        self
    }

    const fn makes(mut self, kind: &'static str, per_day: f64, calls_per_output: f64) -> Self {
        self.output_kind = kind;
        self.outputs_per_day = per_day;
        self.calls_per_output = calls_per_output;
        self
    }

    const fn tokens(mut self, input: f64, output: f64, cache: f64) -> Self {
        self.input.0 = input;
        self.output.0 = output;
        self.cache = cache;
        self
    }

    const fn untagged(mut self, share: f64) -> Self {
        self.untagged = share;
        self
    }

    const fn in_us(mut self) -> Self {
        self.region = "us";
        self
    }
}

use CallSource::{Gateway, Sdk, Telemetry};
use Family::{Agent, Batch, Chat, Consumer, Small};

/// The thirty features, by team.
pub(crate) static FEATURES: [Feature; 30] = [
    Feature::new(
        "support-platform",
        "support-answers",
        Chat,
        Gateway,
        &[(&GPT_5_1, 0.85), (&GPT_5_MINI, 0.15)],
    )
    .of("support-api", "ticket-resolution")
    .makes("resolved_ticket", 260.0, 3.4)
    .tokens(88_000.0, 1_500.0, 0.2),
    Feature::new("support-platform", "ticket-triage", Small, Gateway, &[(&GPT_5_MINI, 1.0)])
        .of("support-api", "ticket-resolution")
        .makes("triaged_ticket", 100.0, 1.0)
        .tokens(1_500.0, 120.0, 0.0),
    Feature::new("support-platform", "call-summaries", Batch, Sdk, &[(&GEMINI_FLASH, 1.0)])
        .of("voice-worker", "ticket-resolution")
        .makes("summarized_call", 50.0, 1.5)
        .tokens(9_000.0, 600.0, 0.0),
    Feature::new("support-platform", "reply-tone", Small, Gateway, &[(&TONE_TUNE, 1.0)])
        .of("support-api", "ticket-resolution")
        .makes("rewritten_reply", 9.0, 1.0)
        .tokens(900.0, 250.0, 0.0),
    Feature::new(
        "developer-tools",
        "code-review",
        Agent,
        Gateway,
        &[(&HAIKU, 0.78), (&SONNET, 0.22)],
    )
    .of("review-bot", "software-delivery")
    .makes("reviewed_pull_request", 65.0, 6.5)
    .tokens(42_000.0, 2_600.0, 0.5)
    .untagged(0.14),
    Feature::new(
        "developer-tools",
        "coding-agent",
        Agent,
        Telemetry,
        &[(&SONNET, 0.45), (&OPUS, 0.55)],
    )
    .of("coding-agent", "software-delivery")
    .makes("merged_change", 27.0, 22.0)
    .tokens(112_000.0, 3_800.0, 0.72)
    .in_us(),
    Feature::new("developer-tools", "code-completion", Chat, Sdk, &[(&AZURE_GPT_5_4_MINI, 1.0)])
        .of("editor-backend", "software-delivery")
        .makes("accepted_suggestion", 130.0, 1.3)
        .tokens(3_200.0, 90.0, 0.3),
    Feature::new("developer-tools", "test-writer", Agent, Telemetry, &[(&GPT_5_4, 1.0)])
        .of("test-writer", "software-delivery")
        .makes("generated_test", 16.0, 9.0)
        .tokens(52_000.0, 6_000.0, 0.45)
        .in_us(),
    Feature::new("developer-tools", "docs-copilot", Chat, Gateway, &[(&SONNET, 1.0)])
        .of("docs-api", "software-delivery")
        .makes("answered_question", 85.0, 1.6)
        .tokens(34_000.0, 550.0, 0.75),
    Feature::new("search", "search-answers", Consumer, Gateway, &[(&GEMINI_FLASH, 1.0)])
        .of("search-api", "product-search")
        .makes("answered_search", 190.0, 1.0)
        .tokens(6_500.0, 260.0, 0.0),
    Feature::new("search", "query-rewrite", Consumer, Gateway, &[(&NOVA_PRO, 1.0)])
        .of("search-api", "product-search")
        .makes("rewritten_query", 110.0, 1.0)
        .tokens(700.0, 60.0, 0.0),
    Feature::new("search", "product-questions", Consumer, Sdk, &[(&GPT_5_MINI, 1.0)])
        .of("shop-api", "product-search")
        .makes("answered_question", 90.0, 1.4)
        .tokens(12_000.0, 350.0, 0.35),
    Feature::new("search", "result-ranking", Small, Sdk, &[(&RERANK, 1.0)])
        .of("search-api", "product-search")
        .makes("ranked_page", 22.0, 1.0)
        .tokens(2_400.0, 40.0, 0.0),
    Feature::new("growth", "email-drafts", Chat, Gateway, &[(&GPT_5_1, 1.0)])
        .of("campaign-api", "acquisition")
        .makes("accepted_draft", 90.0, 1.7)
        .tokens(5_500.0, 750.0, 0.0),
    Feature::new(
        "growth",
        "lead-research",
        Agent,
        Telemetry,
        &[(&GEMINI_PRO, 0.7), (&GPT_5_1, 0.3)],
    )
    .of("lead-agent", "acquisition")
    .makes("researched_lead", 26.0, 11.0)
    .tokens(58_000.0, 4_500.0, 0.35)
    .untagged(0.12),
    Feature::new("growth", "ad-variants", Batch, Sdk, &[(&GPT_5_MINI, 1.0)])
        .of("campaign-worker", "acquisition")
        .makes("accepted_variant", 50.0, 1.0)
        .tokens(2_200.0, 900.0, 0.0),
    Feature::new("growth", "churn-notes", Small, Sdk, &[(&GPT_5_MINI, 1.0)])
        .of("campaign-worker", "retention")
        .makes("written_note", 24.0, 1.2)
        .tokens(7_000.0, 300.0, 0.0),
    Feature::new("content", "page-summaries", Batch, Sdk, &[(&NOVA_PRO, 1.0)])
        .of("content-worker", "publishing")
        .makes("summarized_page", 210.0, 1.0)
        .tokens(9_500.0, 420.0, 0.0),
    Feature::new("content", "meeting-notes", Chat, Gateway, &[(&GPT_5_1, 0.6), (&GPT_5_MINI, 0.4)])
        .of("notes-api", "collaboration")
        .makes("summarized_meeting", 85.0, 1.4)
        .tokens(26_000.0, 1_500.0, 0.0),
    Feature::new("content", "translation", Consumer, Sdk, &[(&GEMINI_FLASH, 1.0)])
        .of("content-worker", "publishing")
        .makes("translated_page", 70.0, 1.2)
        .tokens(4_800.0, 3_900.0, 0.0),
    Feature::new("content", "video-chapters", Batch, Sdk, &[(&GEMINI_FLASH, 1.0)])
        .of("media-worker", "publishing")
        .makes("chaptered_video", 28.0, 1.5)
        .tokens(31_000.0, 700.0, 0.0),
    Feature::new("data-platform", "sql-assistant", Chat, Sdk, &[(&AZURE_GPT_5_1, 1.0)])
        .of("warehouse-api", "analytics")
        .makes("answered_question", 60.0, 2.2)
        .tokens(16_000.0, 700.0, 0.5),
    Feature::new("data-platform", "pipeline-agent", Agent, Telemetry, &[(&SONNET, 1.0)])
        .of("pipeline-agent", "analytics")
        .makes("resolved_incident", 13.0, 14.0)
        .tokens(74_000.0, 3_800.0, 0.6),
    Feature::new("data-platform", "table-docs", Small, Sdk, &[(&AZURE_GPT_5_4_MINI, 1.0)])
        .of("warehouse-api", "analytics")
        .makes("documented_table", 22.0, 1.4)
        .tokens(6_000.0, 450.0, 0.0),
    Feature::new("risk", "contract-analysis", Chat, Sdk, &[(&GEMINI_PRO, 1.0)])
        .of("contract-api", "compliance")
        .makes("analysed_contract", 62.0, 4.6)
        .tokens(88_000.0, 6_000.0, 0.1)
        .untagged(0.11),
    Feature::new("risk", "invoice-extraction", Batch, Sdk, &[(&AZURE_GPT_5_4_MINI, 1.0)])
        .of("invoice-worker", "accounts-payable")
        .makes("extracted_invoice", 190.0, 1.1)
        .tokens(5_200.0, 520.0, 0.0),
    Feature::new("risk", "ledger-categories", Batch, Gateway, &[(&NOVA_PRO, 1.0)])
        .of("ledger-worker", "accounts-payable")
        .makes("categorised_entry", 85.0, 1.0)
        .tokens(1_800.0, 140.0, 0.0),
    Feature::new("risk", "fraud-review", Agent, Telemetry, &[(&GPT_5_4, 1.0)])
        .of("fraud-agent", "compliance")
        .makes("reviewed_case", 24.0, 9.0)
        .tokens(72_000.0, 5_500.0, 0.3),
    Feature::new("people-ops", "policy-answers", Chat, Gateway, &[(&BEDROCK_HAIKU, 1.0)])
        .of("people-portal", "employee-service")
        .makes("answered_question", 26.0, 1.5)
        .tokens(11_000.0, 380.0, 0.4),
    Feature::new("people-ops", "interview-notes", Small, Sdk, &[(&GPT_5_MINI, 1.0)])
        .of("people-portal", "hiring")
        .makes("summarized_interview", 12.0, 1.3)
        .tokens(15_000.0, 800.0, 0.0),
];

/// The feature of that name.
pub(crate) fn feature(name: &str) -> Option<&'static Feature> {
    FEATURES.iter().find(|feature| feature.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_company_is_whole() {
        let names: BTreeSet<_> = FEATURES.iter().map(|feature| feature.name).collect();
        assert_eq!(names.len(), 30);
        let teams: BTreeSet<_> = FEATURES.iter().map(|feature| feature.team).collect();
        assert_eq!(teams, TEAMS.into_iter().collect());
        for feature in &FEATURES {
            let shares: f64 = feature.models.iter().map(|(_, share)| share).sum();
            assert!((shares - 1.0).abs() < 1e-9, "{}", feature.name);
            assert!(feature.outputs_per_day > 0.0 && feature.input.0 > 1.0, "{}", feature.name);
        }
        let used: BTreeSet<_> = FEATURES
            .iter()
            .flat_map(|feature| feature.models.iter().map(|(model, _)| (model.provider, model.id)))
            .collect();
        assert_eq!(used.len(), crate::models::MODELS.len());
    }
}
