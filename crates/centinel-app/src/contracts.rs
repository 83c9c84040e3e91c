//! What contracts commit to.

use centinel_ingest::ContractCommitment;
use serde::Serialize;

use crate::{App, AppError};

/// A contract commitment, and the source that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldCommitment {
    /// The source.
    pub source: String,
    /// What it says.
    #[serde(flatten)]
    pub commitment: ContractCommitment,
}

impl App {
    /// Every contract commitment that was imported, the latest of each, by source and id.
    ///
    /// # Errors
    ///
    /// [`AppError`].
    pub async fn contract_commitments(&self) -> Result<Vec<HeldCommitment>, AppError> {
        let rows = self.database().contract_commitments().await?;
        rows.into_iter()
            .map(|(source, row)| {
                let commitment = serde_json::from_str(&row.body).map_err(|error| {
                    AppError::Store(centinel_store::StoreError::Corrupt {
                        what: "contract commitment",
                        id: row.id,
                        reason: error.to_string(),
                    })
                })?;
                Ok(HeldCommitment { source, commitment })
            })
            .collect()
    }
}
