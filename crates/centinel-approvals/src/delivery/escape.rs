//! The escapes that deliveries use, by one name.

pub(super) use crate::escape::{
    branch::slug,
    commit::message,
    markdown::{code, code_cell, text},
    visible_line,
};
