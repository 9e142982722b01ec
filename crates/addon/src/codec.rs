//! Checksums and compressions for TypeScript: bytes in, bytes out. The formats are crates/codec's.

use crate::memory::{Bytes, index};
use crate::status::Refusal;
use millrace_codec::CodecError;
use napi::bindgen_prelude::{Uint8Array, Unknown};
use napi::{Env, JsValue};
use napi_derive::napi;

/// What JavaScript catches: its `code` is a `Refusal`'s.
type Thrown = napi::Error<String>;

fn range<'call>(bytes: &Bytes<'call>, start: f64, end: f64) -> Result<&'call [u8], Refusal> {
    let range = index(start).zip(index(end)).and_then(|(start, end)| bytes.all().get(start..end));
    range.ok_or_else(|| Refusal::argument("the range lies outside its array"))
}

fn refusal(error: &CodecError) -> Refusal {
    let code = if matches!(error, CodecError::LimitExceeded { .. }) { "TOO_LARGE" } else { "COMPRESSION" };
    Refusal::new(code, error.to_string())
}

fn codec_id(codec: f64) -> Result<u8, Refusal> {
    let id = index(codec).and_then(|id| u8::try_from(id).ok());
    id.ok_or_else(|| Refusal::argument("a codec is not a small number"))
}

/// CRC-32C of `bytes[start, end)`.
#[napi(js_name = "crc32c")]
pub fn crc32c(env: Env, bytes: Unknown<'_>, start: f64, end: f64) -> Result<u32, Thrown> {
    let bytes = Bytes::of(env.raw(), bytes.raw())?;
    Ok(millrace_log::batch::crc32c(range(&bytes, start, end)?))
}

/// What `bytes[start, end)` inflates to, at most `limit` bytes.
#[napi]
pub fn inflate_records(
    env: Env,
    codec: f64,
    bytes: Unknown<'_>,
    start: f64,
    end: f64,
    limit: f64,
) -> Result<Uint8Array, Thrown> {
    let bytes = Bytes::of(env.raw(), bytes.raw())?;
    let limit = index(limit).ok_or_else(|| Refusal::argument("the limit is not a whole number"))?;
    let mut out = Vec::new();
    millrace_codec::inflate(codec_id(codec)?, range(&bytes, start, end)?, limit, &mut out)
        .map_err(|error| refusal(&error))?;
    Ok(out.into())
}

/// The compressed form of `bytes`; a negative `level` is the codec's own default.
#[napi]
pub fn deflate_records(env: Env, codec: f64, bytes: Unknown<'_>, level: i32) -> Result<Uint8Array, Thrown> {
    let bytes = Bytes::of(env.raw(), bytes.raw())?;
    let mut out = Vec::new();
    let level = (level >= 0).then_some(level);
    millrace_codec::deflate(codec_id(codec)?, bytes.all(), level, &mut out)
        .map_err(|error| refusal(&error))?;
    Ok(out.into())
}
