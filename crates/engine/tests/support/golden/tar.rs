//! Archives of small directories: ustar inside gzip, so that `tar tzvf` shows them.
//!
//! What it is not: a tar for anything else. Names are short, files are regular, owners are nobody.

use std::collections::BTreeMap;

const BLOCK: usize = 512;
const GZIP: u8 = 1;
/// The most an archive may inflate to.
const LIMIT: usize = 16 << 20;

/// Files of a directory by their paths.
pub type Files = BTreeMap<String, Vec<u8>>;

fn octal(field: &mut [u8], number: usize) {
    let digits = format!("{number:0width$o}", width = field.len() - 1);
    field[..digits.len()].copy_from_slice(digits.as_bytes());
}

fn header(name: &str, size: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..name.len()].copy_from_slice(name.as_bytes());
    octal(&mut block[100..108], 0o600);
    octal(&mut block[108..116], 0);
    octal(&mut block[116..124], 0);
    octal(&mut block[124..136], size);
    octal(&mut block[136..148], 0);
    block[148..156].fill(b' ');
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: usize = block.iter().map(|byte| usize::from(*byte)).sum();
    octal(&mut block[148..155], sum);
    block
}

/// An archive of these files, in order of their names.
pub fn pack(files: &Files) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, bytes) in files {
        assert!(name.len() < 100, "{name} is too long");
        tar.extend_from_slice(&header(name, bytes.len()));
        tar.extend_from_slice(bytes);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    let mut out = Vec::new();
    millrace_codec::deflate(GZIP, &tar, Some(9), &mut out).expect("it is compressed");
    out
}

/// The files of an archive.
pub fn unpack(archive: &[u8]) -> Files {
    let mut tar = Vec::new();
    millrace_codec::inflate(GZIP, archive, LIMIT, &mut tar).expect("an archive");
    let mut files = Files::new();
    let mut rest = &tar[..];
    while rest.first().is_some_and(|byte| *byte != 0) {
        let (head, after) = rest.split_at(BLOCK);
        let text = |range: std::ops::Range<usize>| {
            let field = head[range].split(|byte| *byte == 0).next().unwrap_or_default();
            String::from_utf8(field.to_vec()).expect("text")
        };
        let size = usize::from_str_radix(&text(124..136), 8).expect("a size");
        files.insert(text(0..100), after[..size].to_vec());
        rest = &after[size.next_multiple_of(BLOCK)..];
    }
    files
}
