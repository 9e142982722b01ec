//! How a client takes compacted batches apart, written anew for the tests.

#![allow(dead_code, reason = "each test file uses its own part")]

/// One record a reader has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub offset: u64,
    pub key: Vec<u8>,
    /// `None`: a tombstone.
    pub value: Option<Vec<u8>>,
    pub timestamp: i64,
}

/// One batch.
#[derive(Clone, Debug)]
pub struct Batch {
    pub base: u64,
    /// Offset behind the last one.
    pub end: u64,
    pub length: usize,
    pub transactional: bool,
    pub control: bool,
    pub producer: i64,
    pub sequence: i32,
    pub records: Vec<Seen>,
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], String> {
    bytes.get(at..at + N).and_then(|part| part.try_into().ok()).ok_or_else(|| format!("no field at {at}"))
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn varint(&mut self) -> Result<i64, String> {
        let (mut raw, mut shift) = (0_u64, 0);
        loop {
            let (byte, rest) = self.0.split_first().ok_or("a varint ends early")?;
            self.0 = rest;
            raw |= u64::from(byte & 127) << shift;
            shift += 7;
            if byte & 128 == 0 {
                return Ok((raw >> 1) as i64 ^ -((raw & 1) as i64));
            }
        }
    }

    fn field(&mut self) -> Result<Option<&'a [u8]>, String> {
        let length = self.varint()?;
        if length < 0 {
            return Ok(None);
        }
        let (field, rest) = self.0.split_at_checked(length as usize).ok_or("a field ends early")?;
        self.0 = rest;
        Ok(Some(field))
    }
}

/// Reads one whole batch.
pub fn decode(bytes: &[u8]) -> Result<Batch, String> {
    let attributes = i16::from_be_bytes(number(bytes, 21)?);
    let base = u64::from_be_bytes(number(bytes, 0)?);
    let length = 12 + u32::from_be_bytes(number(bytes, 8)?) as usize;
    let delta = u64::from(u32::from_be_bytes(number(bytes, 23)?));
    let base_timestamp = i64::from_be_bytes(number(bytes, 27)?);
    let count = u32::from_be_bytes(number(bytes, 57)?);
    let mut section = Vec::new();
    let codec = (attributes & 7) as u8;
    let stored = bytes.get(61..length).ok_or("a batch ends early")?;
    millrace_codec::inflate(codec, stored, 1 << 24, &mut section).map_err(|error| error.to_string())?;
    let mut cursor = Cursor(&section);
    let mut records = Vec::new();
    for _ in 0..count {
        let body = cursor.varint()? as usize;
        let before = cursor.0.len();
        cursor.0 = &cursor.0[1..];
        let timestamp = base_timestamp + cursor.varint()?;
        let offset = base + cursor.varint()? as u64;
        let key = cursor.field()?.unwrap_or_default().to_vec();
        let value = cursor.field()?.map(<[u8]>::to_vec);
        if cursor.varint()? != 0 || before - cursor.0.len() != body {
            return Err("a record has another length than it says".to_string());
        }
        records.push(Seen { offset, key, value, timestamp });
    }
    if !cursor.0.is_empty() || records.iter().any(|record| record.offset > base + delta) {
        return Err("records and batch do not end together".to_string());
    }
    Ok(Batch {
        base,
        end: base + delta + 1,
        length,
        transactional: attributes & 0x10 != 0,
        control: attributes & 0x20 != 0,
        producer: i64::from_be_bytes(number(bytes, 43)?),
        sequence: i32::from_be_bytes(number(bytes, 53)?),
        records,
    })
}
