//! OpenRouter's activity report: one row a UTC day, model and endpoint.
//!
//! `usage` is what OpenRouter charges. What calls on keys of one's own cost at their provider is
//! outside it, in `byok_usage_inference`; both were spent, so both are the row's reported cost, and the
//! row says that it has the one or the other.
//!
//! # Source
//!
//! openrouter.ai API reference, "Get user activity grouped by endpoint", `ActivityItem`.

use centinel_engine::{
    money::{Currency, Decimal},
    series::Dimension,
    usage::{
        Call, Usage,
        UsageClass::{InputTokensTotal, OutputTokensTotal, ReasoningTokens},
    },
};

use crate::{
    finding::{FindingStatus, Findings},
    openai::note_sum,
    records::{Output, PageIds, Piece, Record, Records, data_or_self, natural_id},
};

/// Reads activity.
#[derive(Default)]
pub(crate) struct Activity {
    ids: PageIds,
}

impl Records for Activity {
    fn split<'d>(&mut self, document: &'d str, _: &mut Findings) -> Result<Vec<Piece<'d>>, String> {
        self.ids.clear();
        data_or_self(document)
    }

    fn read(&mut self, record: Record<'_>) -> Result<(), String> {
        let Record { fields, row, findings, out, .. } = record;
        let date = fields.get("date").ok_or("no `date`")?;
        // The day is UTC by the report's definition, so that no zone is assumed.
        let mut day = Findings::default();
        let at = fields.instant(&["date"], row, &mut day)?.ok_or("no `date`")?;
        let mut call = Call::new(at);
        let model = fields.text(&["model", "model_permaslug"]).ok_or("no `model`")?;
        let slug = fields.get("model_permaslug").unwrap_or_default();
        let provider = fields.get("provider_name").unwrap_or_default();
        let endpoint = fields.get("endpoint_id").unwrap_or_default();
        call.labels.set(Dimension::Provider, "openrouter");
        call.labels.set(Dimension::Model, model);
        call.labels.set(Dimension::Service, provider);
        call.call_id =
            Some(self.ids.unique(natural_id("activity", &[date, model, slug, provider, endpoint])));
        call.calls = fields.count(&["requests"])?.ok_or("no `requests`")?;
        let count = |path| fields.count(&[path])?.ok_or_else(|| format!("no `{path}`"));
        call.usage = Usage::ZERO
            .with(InputTokensTotal, count("prompt_tokens")?)
            .with(OutputTokensTotal, count("completion_tokens")?)
            .with(ReasoningTokens, fields.count(&["reasoning_tokens"])?.unwrap_or(0));
        call.usage.check().map_err(|error| error.to_string())?;
        let usage = fields.decimal(&["usage"])?.ok_or("no `usage`")?;
        let own = fields.decimal(&["byok_usage_inference"])?.unwrap_or(Decimal::ZERO);
        let cost = usage.checked_add(own).map_err(|error| format!("`usage` {error}"))?;
        call.reported_cost = Some((cost, Currency::USD));
        if !own.is_zero() {
            call.labels.set(Dimension::Tag("byok".into()), "true");
            let message = "was spent on keys of your own and is billed by their provider, not by \
                           OpenRouter: part of the reported cost";
            findings.row("byok_usage_inference", FindingStatus::Note, message, row);
        }
        fields.decimal(&["byok_requests"])?;
        note_sum(call.calls, row, findings);
        fields.note_unread("", row, findings);
        out.push(Output::Call(call));
        Ok(())
    }
}
