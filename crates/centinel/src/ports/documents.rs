//! Policies, stored evidence, and the names that complete an argument.

use centinel_app::{AppError, PolicyText, SpendGroup};
use centinel_engine::{
    facts::Bundle,
    period::{Period, date_of, start_of_day},
    series::Dimension,
};
use centinel_mcp::{Filter, PolicyDocument, PolicyFormat, Refusal, RelativePeriod, Window, quoted};
use jiff::civil::Date;

use super::{
    Ports,
    basis::question,
    refusal::{failed, refused},
};

/// Values of a dimension at most.
const VALUES_MAX: usize = 1_000;

impl Ports {
    pub(super) fn policy_documents(&self) -> Result<Vec<PolicyDocument>, Refusal> {
        let texts = self.app.policy_texts().map_err(refused)?;
        Ok(texts.into_iter().filter_map(document).collect())
    }

    pub(super) async fn stored(&self, evidence_id: &str) -> Result<Bundle, Refusal> {
        match self.app.evidence(evidence_id).await {
            Ok(bundle) => Ok(bundle),
            Err(
                AppError::NotFound { .. }
                | AppError::Store(centinel_store::StoreError::Corrupt { .. }),
            ) => Err(Refusal::mistaken(
                format!("there is no evidence {}", quoted(evidence_id)),
                "use the `evidence_id` of an answer as it is",
            )),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Values of the last 90 days, largest cost first; none while there is no data.
    pub(super) async fn values_of(&self, dimension: Dimension) -> Result<Vec<String>, Refusal> {
        let asked = self.asked(Window::Relative(RelativePeriod::Last90d), None).await?;
        let group_by = vec![SpendGroup::Dimension(dimension)];
        let question = question(asked.period, group_by, &Filter::default());
        let answer = self.app.spend(&question, asked.now).await.map_err(refused)?;
        let mut values: Vec<String> = Vec::new();
        for line in answer.rows {
            // A value has a line for each currency.
            if let Some(value) = line.group.into_values().next().flatten()
                && !values.contains(&value)
            {
                values.push(value);
            }
            if values.len() >= VALUES_MAX {
                break;
            }
        }
        Ok(values)
    }

    /// Whole days from the first to the last with data.
    pub(super) async fn data_span(&self) -> Result<Option<Period>, Refusal> {
        let span = self.app.ledger().span().await.map_err(|error| failed(&error))?;
        Ok(span.and_then(|(first, last)| {
            let after = date_of(last).tomorrow().unwrap_or(Date::MAX);
            Period::new(start_of_day(date_of(first)), start_of_day(after)).ok()
        }))
    }
}

/// A policy with a name for its address; `None` for a file whose name has other characters in it.
fn document(policy: PolicyText) -> Option<PolicyDocument> {
    let PolicyText { file, text } = policy;
    let (stem, format) = if let Some(stem) = file.strip_suffix(".toml") {
        (stem, PolicyFormat::Toml)
    } else if let Some(stem) = file.strip_suffix(".cedar") {
        (stem, PolicyFormat::Cedar)
    } else {
        (file.strip_suffix(".csv")?, PolicyFormat::Csv)
    };
    let name = stem.replace('/', ".");
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let title = match name.as_str() {
        "approvals" => "Policy: who has to approve what",
        "owners" => "Policy: who owns what",
        "budgets" => "Policy: budgets",
        "calendar" => "Policy: holidays and planned changes",
        _ => "Policy: who may see, propose and decide",
    };
    is_plain.then_some(PolicyDocument { name, title, format, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_policies_can_stand_in_an_address() {
        let name = |file: &str| {
            let policy = PolicyText { file: file.to_owned(), text: String::new() };
            document(policy).map(|document| (document.name, document.format))
        };
        for (file, expect) in [
            ("budgets.toml", Some(("budgets", PolicyFormat::Toml))),
            ("calendar.csv", Some(("calendar", PolicyFormat::Csv))),
            ("access/default.cedar", Some(("access.default", PolicyFormat::Cedar))),
            ("access/our own.cedar", None),
            ("access/keys.json", None),
        ] {
            let expect = expect.map(|(name, format)| (name.to_owned(), format));
            assert_eq!(name(file), expect, "{file}");
        }
    }
}
