//! FOCUS: one charge row, in the words of the specification.

mod charge;

pub use charge::{Charge, ChargeCategory, CommitmentDiscountStatus, UnknownValue};
