//! Call logs: one model call a row, in whatever columns somebody's gateway or trace writes.
//!
//! Which column is which field is guessed from the header, shown ([`Mapping`]'s `Display`) and can be
//! stated. The canonical names ([`Field`]) are those of `POST /v1/calls`.

mod csv;
mod dialect;
mod field;
mod mapping;
mod ndjson;
mod row;

pub(crate) use self::{
    csv::{check_header, note_open_end, read_csv, read_parquet},
    dialect::{guess, guess_owner, is_disjoint_provider, normalize},
    ndjson::{Arena, read_ndjson, read_objects},
    row::{is_null, parse_status},
};
pub use self::{
    field::{Field, UnknownField},
    mapping::{Convention, How, MappedColumn, Mapping, MappingError},
};
