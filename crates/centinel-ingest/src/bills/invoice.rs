//! Invoices and subscription bills of anyone, as a table with a column mapping.
//!
//! Which column is which is guessed from the header, shown, and can be stated (`--map COLUMN=amount`),
//! as for call logs.

mod field;
mod value;

use centinel_engine::{
    focus::{Charge, ChargeCategory},
    money::Currency,
    period::Period,
    series::Dimension,
};
use jiff::{Timestamp, ToSpan as _};

pub use self::field::ChargeField;
use self::{
    field::guess,
    value::{Span, parse_amount, parse_category, parse_span},
};
use super::{BillReader, blank, charge::label, reset};
use crate::{
    calls::{Field, Mapping, is_null},
    csv_rows::Values,
    finding::{FindingStatus, Findings},
    read::{Options, ReadError},
    sanitize::{credential_id, set_text},
    sink::bad_value,
};

/// Whether a header has what an invoice has: an amount, and a date or period.
pub(super) fn is_header(names: &[String]) -> bool {
    let has = |wanted: ChargeField| {
        names
            .iter()
            .any(|name| matches!(guess(name), Some((Field::Charge(field), _)) if field == wanted))
    };
    has(ChargeField::Amount) && has(ChargeField::PeriodStart)
}

pub(super) struct Reader {
    mapping: Mapping,
    // Fields with their columns, best first, or the value that holds for all rows.
    sources: Vec<(Field, Vec<usize>, Option<String>)>,
    currency: Currency,
    charge: Charge,
    has_noted_tax: bool,
}

impl Reader {
    /// # Errors
    ///
    /// [`ReadError::MissingFields`] without an amount, a date or a provider.
    pub(super) fn new(names: &[String], options: &Options) -> Result<Self, ReadError> {
        let mapping = Mapping::of_bill(names, options, guess)?;
        let fields = mapping.fields();
        let missing: Vec<Field> = [
            Field::Charge(ChargeField::Amount),
            Field::Charge(ChargeField::PeriodStart),
            Field::Label(Dimension::Provider),
        ]
        .into_iter()
        .filter(|field| !fields.contains(field))
        .collect();
        if !missing.is_empty() {
            return Err(ReadError::MissingFields { missing, found: mapping.found() });
        }
        let constant = |field: &Field| {
            let constant = mapping.constants().iter().find(|(other, _)| other == field);
            constant.map(|(_, value)| value.clone())
        };
        let sources = fields
            .into_iter()
            .map(|field| (field.clone(), mapping.columns_of(&field), constant(&field)))
            .collect();
        Ok(Self {
            mapping,
            sources,
            currency: options.currency,
            charge: blank(),
            has_noted_tax: false,
        })
    }

    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Says once that a tax column stands beside the amount.
    fn note_tax(&mut self, findings: &mut Findings) {
        if std::mem::replace(&mut self.has_noted_tax, true) {
            return;
        }
        for column in self.mapping.columns().iter().filter(|column| column.field.is_none()) {
            let name = crate::calls::normalize(&column.name);
            if ["tax", "taxamount", "vat", "vatamount", "salestax", "gst"].contains(&name.as_str())
            {
                let message = "is a tax beside the amount, and not added: map the column that the \
                               invoice asks for";
                findings.note(&column.name, FindingStatus::Ignored, message);
            }
        }
    }
}

impl BillReader for Reader {
    fn read(
        &mut self,
        values: Values<'_>,
        row: u64,
        findings: &mut Findings,
    ) -> Result<&Charge, String> {
        self.note_tax(findings);
        let Self { mapping, sources, currency, charge, .. } = self;
        reset(charge);
        let mut amount = None;
        let mut stated_currency = None;
        let (mut start, mut end): (Option<Span>, Option<Span>) = (None, None);
        let mut category = None;
        let mut has_seats = false;
        for (field, columns, constant) in sources.iter() {
            let found = columns
                .iter()
                .map(|&index| (index, values.get(index)))
                .find(|(_, value)| !is_null(value));
            let (name, value) = match (constant, found) {
                (Some(constant), _) => ("", constant.as_str()),
                (None, Some((index, value))) => {
                    (mapping.columns().get(index).map_or("", |c| c.name.as_str()), value)
                }
                (None, None) => continue,
            };
            let bad = |problem: &str| bad_value(name, value, problem);
            match field {
                Field::Charge(field) => match field {
                    ChargeField::Amount => {
                        let (read, sign) = parse_amount(value).map_err(bad)?;
                        amount = Some((read, name));
                        stated_currency = stated_currency.or(sign);
                    }
                    ChargeField::PeriodStart => start = Some(parse_span(value).map_err(bad)?),
                    ChargeField::PeriodEnd => end = Some(parse_span(value).map_err(bad)?),
                    ChargeField::Category => {
                        category = parse_category(value);
                        if category.is_none() {
                            let message = "is no known kind of charge: not read";
                            findings.row(name, FindingStatus::Nonconforming, message, row);
                        }
                    }
                    ChargeField::ListAmount => {
                        charge.list_cost = Some(parse_amount(value).map_err(bad)?.0);
                    }
                    ChargeField::Quantity | ChargeField::Seats => {
                        let quantity = Some(parse_amount(value).map_err(bad)?.0);
                        charge.consumed_quantity = quantity;
                        charge.pricing_quantity = quantity;
                        if *field == ChargeField::Seats {
                            has_seats = true;
                            set_text(&mut charge.consumed_unit, "Seats");
                            set_text(&mut charge.pricing_unit, "Seats");
                        }
                    }
                    ChargeField::Unit => {
                        set_text(&mut charge.consumed_unit, value);
                        set_text(&mut charge.pricing_unit, value);
                    }
                    ChargeField::Description => set_text(&mut charge.charge_description, value),
                    ChargeField::InvoiceId => set_text(&mut charge.invoice_id, value),
                    ChargeField::LineId => set_text(&mut charge.charge_id, value),
                    ChargeField::Sku => set_text(&mut charge.sku, value),
                    ChargeField::ResourceId => set_text(&mut charge.resource_id, value),
                },
                Field::Currency => {
                    stated_currency =
                        Some(value.parse().map_err(|error| format!("`{name}` {error}"))?);
                }
                Field::Label(Dimension::ApiKey) => {
                    charge.labels.set(Dimension::ApiKey, &credential_id(value));
                }
                Field::Label(dimension) => charge.labels.set(dimension.clone(), value),
                _ => {}
            }
        }
        let (amount, amount_name) = amount.ok_or("no amount")?;
        let start = start.ok_or("no date")?;
        if charge.labels.get(&Dimension::Provider).is_none() {
            return Err("no provider".to_owned());
        }
        charge.charge_period = period(start, end, findings, row)?;
        charge.billed_cost = amount;
        charge.effective_cost = amount;
        charge.currency = stated_currency.unwrap_or(*currency);
        if stated_currency.is_none() {
            let message = format!("states no currency: taken as {currency}");
            findings.row(amount_name, FindingStatus::Assumed, &message, row);
        }
        let description = charge.charge_description.as_deref().unwrap_or_default();
        charge.charge_category = category.unwrap_or_else(|| {
            let is_tax = description
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| ["tax", "vat", "gst"].contains(&word.to_ascii_lowercase().as_str()));
            if is_tax {
                ChargeCategory::Tax
            } else if amount.is_negative() {
                ChargeCategory::Credit
            } else if has_seats {
                ChargeCategory::Purchase
            } else {
                ChargeCategory::Usage
            }
        });
        label(charge);
        Ok(&self.charge)
    }

    fn billing_period(&self) -> Option<(&str, Timestamp)> {
        // An invoice is known by its file: several of one vendor in one month are usual.
        None
    }
}

/// The period of a line. An end that is a date is the last day meant; a month alone is all of it.
fn period(
    start: Span,
    end: Option<Span>,
    findings: &mut Findings,
    row: u64,
) -> Result<Period, String> {
    let failed = |error: jiff::Error| error.to_string();
    let (from, until) = match (start, end) {
        (Span::Month(month), None) => (month, month.checked_add(1.month()).map_err(failed)?),
        (Span::Day(day), None) => {
            let message = "no end of the period: taken as one day";
            findings.row("", FindingStatus::Assumed, message, row);
            (day, day.checked_add(1.day()).map_err(failed)?)
        }
        (Span::Month(from) | Span::Day(from), Some(Span::Day(last))) => {
            (from, last.checked_add(1.day()).map_err(failed)?)
        }
        (Span::Month(from) | Span::Day(from), Some(Span::Month(month))) => {
            (from, month.checked_add(1.month()).map_err(failed)?)
        }
    };
    Period::days(from, until).map_err(|error| format!("invoice {error}"))
}
