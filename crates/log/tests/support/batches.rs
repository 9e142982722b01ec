//! Builds Kafka record batches the way a client does, independently of the code under test.

#![allow(dead_code, reason = "each test file uses its own part")]

/// One record: timestamp delta, key, value.
pub struct TestRecord<'a> {
    pub timestamp_delta: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
}

/// A batch in the making; all fields as a client may set them.
pub struct TestBatch<'a> {
    pub attributes: i16,
    pub base_timestamp: i64,
    /// `None`: the true one.
    pub max_timestamp: Option<i64>,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub records: Vec<TestRecord<'a>>,
}

impl<'a> TestBatch<'a> {
    /// A batch without producer whose records are these values, a millisecond apart.
    pub fn of(values: &[&'a [u8]]) -> TestBatch<'a> {
        let record = |(index, value): (usize, &&'a [u8])| TestRecord {
            timestamp_delta: index as i64,
            key: None,
            value: Some(*value),
        };
        TestBatch {
            attributes: 0,
            base_timestamp: 1_000,
            max_timestamp: None,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            records: values.iter().enumerate().map(record).collect(),
        }
    }

    /// The same with a producer.
    pub fn by(mut self, id: i64, epoch: i16, sequence: i32) -> TestBatch<'a> {
        (self.producer_id, self.producer_epoch, self.base_sequence) = (id, epoch, sequence);
        self
    }

    /// The same with another first timestamp.
    pub fn at(mut self, base_timestamp: i64) -> TestBatch<'a> {
        self.base_timestamp = base_timestamp;
        self
    }

    /// The records as they lie in the batch, uncompressed.
    pub fn section(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, record) in self.records.iter().enumerate() {
            let mut body = vec![0];
            varint(&mut body, record.timestamp_delta);
            varint(&mut body, index as i64);
            for field in [record.key, record.value] {
                match field {
                    None => varint(&mut body, -1),
                    Some(bytes) => {
                        varint(&mut body, bytes.len() as i64);
                        body.extend_from_slice(bytes);
                    }
                }
            }
            varint(&mut body, 0);
            varint(&mut out, body.len() as i64);
            out.extend_from_slice(&body);
        }
        out
    }

    /// The batch on the wire.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with(&self.section())
    }

    /// The batch on the wire around another record section (compressed, or wrong).
    pub fn encode_with(&self, section: &[u8]) -> Vec<u8> {
        let count = self.records.len() as i32;
        let largest = self.records.iter().map(|record| record.timestamp_delta).max().unwrap_or(0);
        let mut body = Vec::new();
        body.extend_from_slice(&self.attributes.to_be_bytes());
        body.extend_from_slice(&(count - 1).to_be_bytes());
        body.extend_from_slice(&self.base_timestamp.to_be_bytes());
        body.extend_from_slice(&self.max_timestamp.unwrap_or(self.base_timestamp + largest).to_be_bytes());
        body.extend_from_slice(&self.producer_id.to_be_bytes());
        body.extend_from_slice(&self.producer_epoch.to_be_bytes());
        body.extend_from_slice(&self.base_sequence.to_be_bytes());
        body.extend_from_slice(&count.to_be_bytes());
        body.extend_from_slice(section);
        let mut out = vec![0; 8];
        out.extend_from_slice(&(body.len() as i32 + 9).to_be_bytes());
        out.extend_from_slice(&(-1i32).to_be_bytes());
        out.push(2);
        out.extend_from_slice(&castagnoli(&body).to_be_bytes());
        out.extend_from_slice(&body);
        out
    }
}

fn varint(out: &mut Vec<u8>, value: i64) {
    let mut raw = ((value << 1) ^ (value >> 63)) as u64;
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// CRC-32C byte by byte: not the implementation under test.
pub fn castagnoli(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize])
}

/// Makes the CRC of a tampered batch right again.
pub fn repair_crc(batch: &mut [u8]) {
    let crc = castagnoli(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}
