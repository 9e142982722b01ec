//! The bytes on disk: golden images, checked against docs/format/journal.md by hand. They change only with a version.

mod support;

use millrace_io::sim::Random;
use millrace_io::{Io, OpQueue, Piece, SimHandle, SimOptions};
use millrace_journal::{
    Bulk, BulkConfig, BulkHeader, Config, Entries, Entry, FRAME_HEADER, FileHeader, FileHeaderRead,
    FrameHeader, FrameKind, Journal, NoFrame, Place, Request, Space, Start, crc32c, file_path, number_of,
};
use support::disk::Disk;

fn hex(bytes: &[u8]) -> String {
    let lines = bytes
        .chunks(16)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

/// The first file of a journal with one frame of two entries.
fn golden_file() -> Vec<u8> {
    let config = Disk::small().config;
    let sim = SimHandle::new(SimOptions::perfect(1));
    let start = Start {
        directory_id: 0x0102_0304_0506_0708,
        incarnation: 5,
        checkpoint_lsn: 0,
        durable_lsn: 0,
        clean: false,
    };
    let mut io = Io::sim(sim.clone());
    let mut journal = Journal::create(&mut io, config, start).expect("created");
    let entries = [
        Entry { kind: 1, flags: 2, group: 3, argument: 4, parts: &[b"abc", b"defgh!"], bulk: None },
        Entry { kind: 9, flags: 0, group: u64::MAX, argument: 1 << 40, parts: &[], bulk: None },
    ];
    journal.append(0, &entries, Request::DURABLE).expect("there is room");
    let mut queue = OpQueue::default();
    journal.step(0, &mut queue);
    io.submit(&mut queue);
    io.wait(None);
    sim.read(file_path(1)).expect("the file is there")
}

#[test]
fn the_file_header_has_these_bytes() {
    assert_eq!(
        hex(&golden_file()[..32]),
        "4d 52 4a 48 ed 44 9a 56 01 00 00 00 01 00 00 00\n\
         08 07 06 05 04 03 02 01 00 80 00 00 00 00 00 00"
    );
}

#[test]
fn a_frame_has_these_bytes() {
    assert_eq!(
        hex(&golden_file()[4096..4096 + 128]),
        "4d 52 4a 46 91 5b ae ec 02 01 00 00 02 00 00 00\n\
         40 00 00 00 01 00 00 00 01 00 00 00 00 00 00 00\n\
         00 00 00 00 00 00 00 00 01 00 00 00 08 07 06 05\n\
         05 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n\
         01 02 00 00 09 00 00 00 03 00 00 00 00 00 00 00\n\
         04 00 00 00 00 00 00 00 61 62 63 64 65 66 67 68\n\
         21 00 00 00 00 00 00 00 09 00 00 00 00 00 00 00\n\
         ff ff ff ff ff ff ff ff 00 00 00 00 00 01 00 00"
    );
}

#[test]
fn a_frame_of_version_1_still_opens() {
    let mut frame = golden_file()[4096..4096 + 128].to_vec();
    frame[4..9].copy_from_slice(&[0x27, 0xfa, 0xe3, 0xfb, 1]);
    let (header, crc) = FrameHeader::open(&frame).expect("a frame as version 1 wrote it");
    assert_eq!((header.lsn, header.entries, crc), (1, 2, 0xfbe3_fa27));
}

/// A journal with one frame that refers to a bulk file: the frame's payload, the bulk file.
fn golden_bulk() -> (Vec<u8>, Vec<u8>) {
    let sim = SimHandle::new(SimOptions::perfect(2));
    let bulk = BulkConfig {
        file_bytes: 64 << 10,
        first_file_bytes: 64 << 10,
        extent_bytes: 8 << 10,
        slab_bytes: 16 << 10,
        frame_bytes: 0,
        directory: "",
        path: |number| format!("{number}.bulk").into(),
    };
    let config = Config {
        file_bytes: 32 << 10,
        first_file_bytes: 32 << 10,
        max_frame_bytes: 16 << 10,
        bulk,
        ..Config::default()
    };
    let start = Start {
        directory_id: 0x0102_0304_0506_0708,
        incarnation: 5,
        checkpoint_lsn: 0,
        durable_lsn: 0,
        clean: false,
    };
    let mut io = Io::sim(sim.clone());
    let mut journal = Journal::create(&mut io, config, start).expect("created");
    let mut queue = OpQueue::default();
    let bytes = [&b"headtail"[..], &[7; 5_000]].concat();
    let append = |journal: &mut Journal| {
        let bulk = Some(Bulk { head_bytes: 4, crc_from: 2, crc: crc32c(&bytes[2..]), space: Space::Packed });
        let entry = Entry { kind: 1, flags: 0, group: 3, argument: 4, parts: &[&bytes], bulk };
        journal.append(0, &[entry], Request::DURABLE).expect("there is room").places
    };
    assert!(append(&mut journal).is_empty(), "there is no bulk file yet");
    assert!(journal.wants_bulk_file(Space::Packed, 0));
    journal.make_bulk_file(9, &mut queue);
    while journal.has_operations() || journal.durable() == 0 {
        journal.step(0, &mut queue);
        io.submit(&mut queue);
        io.wait(None);
        let mut done = Vec::new();
        io.drain(&mut done);
        for completion in done {
            journal.complete(0, &mut Some(completion), &mut queue);
        }
    }
    assert_eq!(append(&mut journal), [Some(Place { file: 9, position: 4096 })]);
    journal.step(0, &mut queue);
    io.submit(&mut queue);
    io.wait(None);
    let file = sim.read(file_path(1)).expect("the file is there");
    (file[4096 + 8192..4096 + 8192 + 160].to_vec(), sim.read("9.bulk").expect("the file is there"))
}

#[test]
fn a_reference_has_these_bytes_and_its_file_those() {
    let (frame, file) = golden_bulk();
    assert_eq!(
        hex(&frame[64..64 + 64]),
        "01 00 01 00 24 00 00 00 03 00 00 00 00 00 00 00\n\
         04 00 00 00 00 00 00 00 09 00 00 00 00 00 00 00\n\
         00 10 00 00 00 00 00 00 90 13 00 00 02 00 00 00\n\
         ea 80 cb 8b 00 00 00 00 68 65 61 64 00 00 00 00"
    );
    assert_eq!(
        hex(&file[..32]),
        "4d 52 62 75 6c 6b 30 31 01 00 00 00 d3 70 74 e3\n\
         08 07 06 05 04 03 02 01 09 00 00 00 00 00 00 00"
    );
    assert_eq!(file[4096..4096 + 8], *b"headtail");
    assert_eq!(
        BulkHeader::decode(&file),
        Some(BulkHeader { directory_id: 0x0102_0304_0506_0708, number: 9 })
    );
    let reference = Entries::new(Piece::copy_of(&frame[64..128])).next().expect("an entry").reference;
    let reference = reference.expect("a reference");
    assert!(reference.verifies(b"head", &file[4096..4096 + 5_008]));
}

#[test]
fn a_frame_is_read_back_as_it_was_written() {
    let file = golden_file();
    let (header, crc) = FrameHeader::open(&file[4096..]).expect("a frame");
    let expected = FrameHeader {
        kind: FrameKind::Data,
        flags: 0,
        entries: 2,
        payload_bytes: 24 + 16 + 24,
        file: 1,
        lap: 1,
        lsn: 1,
        durable_lsn: 0,
        directory: 0x0506_0708,
        incarnation: 5,
        previous_crc: 0,
        group: 0,
    };
    assert_eq!(header, expected);
    assert_eq!(crc, crc32c(&file[4096 + 8..4096 + header.frame_bytes()]));
    let payload = Piece::copy_of(&file[4096 + FRAME_HEADER..4096 + header.frame_bytes()]);
    assert!(Entries::well_formed(payload.bytes(), 2));
    let entries: Vec<_> = Entries::new(payload)
        .map(|entry| (entry.kind, entry.flags, entry.group, entry.argument, entry.payload.bytes().to_vec()))
        .collect();
    assert_eq!(entries, [(1, 2, 3, 4, b"abcdefgh!".to_vec()), (9, 0, u64::MAX, 1 << 40, Vec::new())]);
}

#[test]
fn a_frame_of_a_newer_version_is_told_from_damage() {
    let mut frame = golden_file()[4096..4096 + 128].to_vec();
    frame[8] = 7;
    assert_eq!(FrameHeader::open(&frame).err(), Some(NoFrame::Checksum));
    let crc = crc32c(&frame[8..]);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(FrameHeader::open(&frame).err(), Some(NoFrame::Newer { version: 7 }));
}

#[test]
fn no_bytes_make_a_decoder_panic_or_believe_a_length() {
    let golden = golden_file();
    let mut random = Random::new(3);
    for _ in 0..20_000 {
        let mut bytes = golden[4096..4096 + 128].to_vec();
        bytes.truncate(random.below(129) as usize);
        for _ in 0..random.below(4) {
            if !bytes.is_empty() {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.bits() as u8;
            }
        }
        if let Ok((header, _)) = FrameHeader::open(&bytes) {
            assert!(header.frame_bytes() <= bytes.len());
        }
        let count = random.bits() as u32;
        if Entries::well_formed(&bytes, count) {
            assert!(count as usize * 24 <= bytes.len());
        }
        assert!(Entries::new(Piece::copy_of(&bytes)).count() <= bytes.len() / 24);
        let _: FileHeaderRead = FileHeader::decode(&bytes);
    }
}

#[test]
fn only_plain_names_are_journal_files() {
    assert_eq!(file_path(1).to_str(), Some("journal/00000001"));
    assert_eq!(number_of("00000001"), Some(1));
    assert_eq!(number_of("123456789"), Some(123_456_789));
    for name in ["00000000", "1", "0000001", "+0000001", "00000001.new", "manifest", "", "99999999999"] {
        assert_eq!(number_of(name), None, "{name}");
    }
}
