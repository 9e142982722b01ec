//! Bytes of segment and index files at the positions docs/format names. A failure here is a format change.

use millrace_log::index::Sparse;
use millrace_log::range::Range;
use millrace_log::segment::{
    FormatError, INDEX_HEADER, IndexHeader, Kind, SHARED_HEADER, TRAILER, Trailer, check_shared_header,
    index_header, index_path, number_of, path, shared_footer, shared_header, shared_table,
};

const ID: [u8; 16] = *b"0123456789abcdef";

fn range(file: u64) -> Range {
    Range {
        file,
        base: 5,
        end: 9,
        position: 4096,
        length: 300,
        max_timestamp: 77,
        crc: 0xdead_beef,
        largest: 120,
        sparse_position: 0,
        sparse_count: 0,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_header_of_a_shared_segment_is_as_documented() {
    let header = shared_header(&ID, 0x1234);
    assert_eq!(header.len(), SHARED_HEADER);
    assert_eq!(&header[..8], b"MRshared");
    assert_eq!(hex(&header[8..12]), "01000000");
    assert_eq!(&header[12..28], &ID);
    assert_eq!(hex(&header[28..36]), "3412000000000000");
    assert!(header[36..4092].iter().all(|byte| *byte == 0));
    assert_eq!(hex(&header[4092..]), "4473a40e");
    assert_eq!(check_shared_header(&header, &ID, 0x1234), Ok(()));
    assert_eq!(check_shared_header(&header, &ID, 0x1235), Err(FormatError::Invalid));
}

#[test]
fn the_footer_of_a_shared_segment_is_as_documented_and_ends_at_a_block() {
    let footer = shared_footer(&ID, 3, 5_000, &[(7, range(3)), (9, range(3))]);
    assert_eq!((5_000 + footer.len()) % 4096, 0);
    let trailer = &footer[footer.len() - TRAILER..];
    assert_eq!(&trailer[..8], b"MRtrailr");
    assert_eq!(hex(&trailer[36..52]), "8813000000000000".to_owned() + "9800000000000000");
    let decoded = Trailer::decode(trailer).expect("whole");
    assert_eq!((decoded.file, decoded.position, decoded.length), (3, 5_000, 152));
    let table = &footer[..decoded.length as usize];
    assert_eq!(shared_table(table, &decoded), Ok(vec![(7, range(3)), (9, range(3))]));
    assert_eq!(
        hex(&table[..76]),
        "07000000000000000300000000000000050000000000000009000000000000000010000000000000\
         2c010000000000004d00000000000000efbeadde78000000000000000000000000000000"
    );
    let mut bad = trailer.to_vec();
    bad[40] ^= 1;
    assert_eq!(Trailer::decode(&bad), Err(FormatError::Invalid));
    bad[8] = 2;
    assert_eq!(Trailer::decode(&bad), Err(FormatError::Newer(2)));
}

#[test]
fn an_index_file_is_as_documented() {
    let mut file = index_header(&ID, 3, 7, 2);
    assert_eq!(file.len(), INDEX_HEADER);
    assert_eq!(&file[..8], b"MRindex1");
    assert_eq!(hex(&file[28..48]), "0300000000000000070000000000000002000000");
    assert_eq!(
        IndexHeader::decode(&file).map(|header| (header.file, header.partition, header.entries)),
        Ok((3, 7, 2))
    );
    let mut sparse = Sparse::default();
    sparse.add(5, 4_096, 70, 100);
    sparse.add(7, 4_246, 77, 100);
    sparse.encode(3, 7, 5, &mut file);
    assert_eq!(
        hex(&file[INDEX_HEADER..]),
        "050000000000000000100000000000004600000000000000\
         070000000000000096100000000000004d00000000000000cb2c7ab7"
    );
    assert_eq!(Sparse::decode(&file[INDEX_HEADER..], 7, &range(3)), Some(sparse));
}

#[test]
fn names_lead_to_numbers_and_back() {
    assert_eq!(path(0x2a, Kind::Own).to_str(), Some("segments/000000000000002a.log"));
    assert_eq!(path(0x2a, Kind::Shared).to_str(), Some("segments/000000000000002a.shared"));
    assert_eq!(index_path(0x2a).to_str(), Some("segments/000000000000002a.index"));
    for name in ["000000000000002a.log", "000000000000002a.index", "000000000000002a.shared"] {
        assert_eq!(number_of(name), Some(0x2a));
    }
    for name in ["2a.log", "000000000000002a.txt", "notes", "zzzzzzzzzzzzzzzz.log", ""] {
        assert_eq!(number_of(name), None, "{name}");
    }
}
