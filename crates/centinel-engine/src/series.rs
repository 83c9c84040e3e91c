//! Series: the distinct sets of dimension values that calls and charges carry.
//!
//! There are thousands of series and millions of rows, so everything that depends on dimension
//! values alone (ownership, tiers, grouping, filters) is evaluated once per series. High-cardinality
//! keys (end user, customer, trace, resource) are never part of a series.

mod dimension;
mod labels;
mod sketch;

pub use dimension::{Dimension, DimensionError};
pub use labels::{Labels, SeriesKey};
pub use sketch::Sketch;
