//! OTLP traces: spans of the GenAI semantic conventions, old and new attribute names.
//!
//! Only spans of inference are calls. Spans of agents, tools and workflows repeat the tokens of their
//! children, and a framework's span may wrap the SDK's for the same answer; neither is counted twice.

mod attributes;
mod spans;
mod wire;

use std::io::Read;

use self::spans::{Batch, read_batch};
use crate::{
    detect::Format,
    input::Input,
    json_rows::JsonRows,
    read::{Intake, Options, ReadError},
    sink::Position,
};

/// Largest payload, in bytes.
const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// Reads one JSON payload.
pub(crate) fn read_json<R: Read>(
    input: &mut Input<R>,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    input.skip_byte_order_mark()?;
    let payload = input.rest(PAYLOAD_BYTES_MAX)?;
    let payload_error = |reason: String| ReadError::Payload { format: Format::OtlpJson, reason };
    let text = std::str::from_utf8(payload).map_err(|_| payload_error("not UTF-8".to_owned()))?;
    let batch = wire::decode_json(text).map_err(payload_error)?;
    let mut span = 0;
    read_batch(&batch, Position { row: 0, line: 1, offset: 0 }, &mut span, options, intake)?;
    let length = payload.len();
    input.consume(length);
    Ok(())
}

/// Reads JSON payloads, one a line; a line that is none is a rejected row.
pub(crate) fn read_ndjson<R: Read>(
    input: &mut Input<R>,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let mut span = 0;
    let mut rows = JsonRows::new(input)?;
    while let Some(row) = rows.next()? {
        match row.text.and_then(wire::decode_json) {
            Ok(batch) => read_batch(&batch, row.position, &mut span, options, intake)?,
            Err(reason) => {
                span += 1;
                let position = Position { row: span, ..row.position };
                intake.reject(position, reason, row.raw)?;
            }
        }
        intake.progress(rows.offset());
    }
    Ok(())
}

/// Reads one protobuf payload.
pub(crate) fn read_protobuf<R: Read>(
    input: &mut Input<R>,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let payload = input.rest(PAYLOAD_BYTES_MAX)?;
    let batch: Batch = wire::decode_protobuf(payload)
        .map_err(|reason| ReadError::Payload { format: Format::OtlpProtobuf, reason })?;
    let mut span = 0;
    read_batch(&batch, Position { row: 0, line: 1, offset: 0 }, &mut span, options, intake)?;
    let length = payload.len();
    input.consume(length);
    Ok(())
}
