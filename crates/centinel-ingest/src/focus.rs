//! FOCUS Cost and Usage files, versions 1.0 to 1.4 and the draft's AI keys, as CSV and Parquet.
//!
//! What the specification asks and a file does not do is a finding, not a rejection: the official
//! sample itself has a dozen such traps. A row is rejected only when its money, time or category
//! cannot be read.

mod columns;
mod conformance;
mod own;
mod row;

use self::{columns::Columns, own::OwnColumns, row::RowReader};
use crate::{
    calls::{check_header, note_open_end},
    read::{Intake, Options, ReadError},
    table::TableRows,
};

pub(crate) use self::columns::is_focus_header;

/// Reads a file.
pub(crate) fn read(
    rows: &mut dyn TableRows,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let names = rows.header()?;
    check_header(&names)?;
    let columns = Columns::of_header(&names)?;
    conformance::note_header(&columns, &names, &mut intake.findings);
    let own = OwnColumns::of_header(&names);
    let mut reader = RowReader::new(columns, options);
    let mut spans = Vec::new();
    while let Some(row) = rows.next()? {
        let read = row.values.and_then(|values| {
            let values = match &own {
                Some(own) => own.unescaped(values, &mut spans),
                None => values,
            };
            reader.read(values, own.as_ref(), row.position.row, &mut intake.findings)
        });
        match read {
            Ok(charge) => {
                let start = charge.charge_period.start;
                intake.charge(&row.position, charge)?;
                if let Some((account, period)) = reader.billing_period() {
                    intake.covers(account, period, start)?;
                }
            }
            Err(reason) => intake.reject(row.position, reason, row.raw)?,
        }
        intake.progress(rows.offset());
    }
    note_open_end(rows, intake);
    Ok(())
}
