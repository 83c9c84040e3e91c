//! Priced calls against the rows of an invoice: the gap, split by cause, exactly.

mod meter_name;

pub use meter_name::{meter_of, meter_of_model, tier_of};
