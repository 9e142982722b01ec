//! Rows of KV reads and pages of scans: the questions in them, and where the answers go. Layouts:
//! ts/io/native-types.ts.
//!
//! The one invariant: as in plan.rs, a row is copied once, checked, and only the copy is used; a value that does not fit
//! into what is left of the destination is not begun.

use crate::kv_effect::store_of;
use crate::memory::{Bytes, Doubles, whole};
use crate::plan::{Buffers, unsigned};
use crate::status::Refusal;
use millrace_engine::{Code, KvItem, KvPage, KvRead};

/// Doubles of a row.
pub(crate) const STRIDE: usize = 10;
const TOKEN: usize = 6;
const ANSWERS: usize = 5;
/// Bytes of a scan's entry before its key.
const ENTRY_HEAD: usize = 24;

/// The question in a `kvGet` row.
pub(crate) struct Ask<'call> {
    pub(crate) store: u32,
    pub(crate) snapshot: u64,
    pub(crate) key: &'call [u8],
}

impl<'call> Ask<'call> {
    pub(crate) fn of(
        rows: &Doubles<'_>,
        number: usize,
        buffers: &Buffers<'call>,
    ) -> Result<Ask<'call>, Refusal> {
        let [store, snapshot, buffer, start, end] = rows.row::<5>(number * STRIDE);
        Ok(Ask {
            store: store_of(store)?,
            snapshot: snapshot_of(snapshot)?,
            key: buffers.range(buffer, start, end)?,
        })
    }
}

/// The token in a `kvTake` row.
pub(crate) fn token_of(rows: &Doubles<'_>, number: usize) -> Result<u64, Refusal> {
    let [token] = rows.row::<1>(number * STRIDE + TOKEN);
    whole(token).ok_or_else(|| Refusal::argument("a token is not a whole number"))
}

/// A snapshot's number.
pub(crate) fn snapshot_of(value: f64) -> Result<u64, Refusal> {
    whole(value).ok_or_else(|| Refusal::argument("a snapshot is not a whole number"))
}

/// Why a read answers no value now.
pub(crate) fn code_of(read: &KvRead) -> Code {
    match read {
        KvRead::Ready(_) => Code::Ok,
        KvRead::Absent => Code::Absent,
        KvRead::Pending(_) => Code::Pending,
        KvRead::Damaged => Code::Damaged,
        KvRead::UnknownStore => Code::UnknownStore,
        KvRead::Busy => Code::Busy,
    }
}

/// Writes the answer of row `number`, its value behind the `used` bytes of the destination; answers what is used then.
/// None: there is no room for it, and the row says how much it takes.
pub(crate) fn put_read(
    rows: &mut Doubles<'_>,
    number: usize,
    read: &KvRead,
    destination: &mut Bytes<'_>,
    used: usize,
) -> Option<usize> {
    let code = f64::from(code_of(read) as u8);
    let (values, end) = match read {
        KvRead::Ready(found) => {
            let bytes = found.value.bytes();
            let tail = [unsigned(bytes.len() as u64), unsigned(found.sequence), unsigned(found.expires_ms)];
            if destination.len() - used < bytes.len() {
                let code = f64::from(Code::NoRoom as u8);
                rows.put(number * STRIDE + ANSWERS, &[code, 0.0, tail[0], tail[1], tail[2]]);
                return None;
            }
            destination.put(used, bytes);
            ([code, unsigned(used as u64), tail[0], tail[1], tail[2]], used + bytes.len())
        }
        KvRead::Pending(token) => ([code, unsigned(*token), 0.0, 0.0, 0.0], used),
        _ => ([code, 0.0, 0.0, 0.0, 0.0], used),
    };
    rows.put(number * STRIDE + ANSWERS, &values);
    Some(end)
}

/// A page that is being packed.
pub(crate) struct Packing<'page, 'call> {
    destination: &'page mut Bytes<'call>,
    used: usize,
    entries: u64,
    /// Bytes of the entry that found no room.
    refused: usize,
}

impl<'page, 'call> Packing<'page, 'call> {
    pub(crate) fn new(destination: &'page mut Bytes<'call>) -> Self {
        Packing { destination, used: 0, entries: 0, refused: 0 }
    }

    /// Packs one entry; false when there is no room for it.
    pub(crate) fn take(&mut self, item: &KvItem<'_>) -> bool {
        let bytes = ENTRY_HEAD + item.key.len() + item.value.len();
        let lengths = u32::try_from(item.key.len()).ok().zip(u32::try_from(item.value.len()).ok());
        let Some((key_length, value_length)) = lengths else { return false };
        if self.destination.len() - self.used < bytes {
            self.refused = bytes;
            return false;
        }
        let mut head = [0; ENTRY_HEAD];
        head[..4].copy_from_slice(&key_length.to_le_bytes());
        head[4..8].copy_from_slice(&value_length.to_le_bytes());
        head[8..16].copy_from_slice(&unsigned(item.sequence).to_le_bytes());
        head[16..].copy_from_slice(&unsigned(item.expires_ms).to_le_bytes());
        self.destination.put(self.used, &head);
        self.destination.put(self.used + ENTRY_HEAD, item.key);
        self.destination.put(self.used + ENTRY_HEAD + item.key.len(), item.value);
        self.used += bytes;
        self.entries += 1;
        true
    }

    /// The answer: code, entries, bytes, token, more.
    pub(crate) fn answer(&self, page: KvPage) -> [f64; 5] {
        let found = |code: Code, more: f64| {
            [f64::from(code as u8), unsigned(self.entries), unsigned(self.used as u64), 0.0, more]
        };
        match page {
            KvPage::More if self.entries == 0 && self.refused > 0 => {
                [f64::from(Code::NoRoom as u8), 0.0, unsigned(self.refused as u64), 0.0, 1.0]
            }
            KvPage::End => found(Code::Ok, 0.0),
            KvPage::More => found(Code::Ok, 1.0),
            // What lies before the damage is handed out; the page behind it begins with the damage.
            KvPage::Damaged if self.entries > 0 => found(Code::Ok, 1.0),
            KvPage::Damaged => found(Code::Damaged, 0.0),
            KvPage::UnknownStore => found(Code::UnknownStore, 0.0),
            KvPage::Pending(token) => [f64::from(Code::Pending as u8), 0.0, 0.0, unsigned(token), 0.0],
        }
    }
}
