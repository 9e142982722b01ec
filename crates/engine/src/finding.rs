//! What verification finds, and how it is told.
//!
//! What it is not: the verification (`verify.rs`).
//!
//! The invariant: damage is what may cost data; what can be built again or is harmless is never called damage.

use crate::dump_line::Line;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Harmless: the next opening deals with it.
    Note,
    /// An index or hint: it costs time, and `repair` builds it again.
    Derivable,
    /// Bytes that were durable do not verify, or are missing.
    Damage,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Derivable => "derivable",
            Severity::Damage => "damage",
        }
    }
}

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// Path below the data directory.
    pub file: String,
    /// Bytes from the start of the file.
    pub position: u64,
    pub detail: String,
}

impl Finding {
    /// As one line of JSON.
    #[must_use]
    pub fn line(&self) -> String {
        Line::of(self.severity.word())
            .text("file", &self.file)
            .number("position", self.position)
            .text("detail", &self.detail)
            .finish()
    }
}

/// What was looked at so far, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub findings: Vec<Finding>,
    pub files: u64,
    /// Bytes read of journals, segments and data files.
    pub bytes: u64,
    pub batches: u64,
    pub records: u64,
}

impl Verified {
    /// The worst that was found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    pub(crate) fn found(&mut self, severity: Severity, file: &str, position: u64, detail: &str) {
        let (file, detail) = (file.to_string(), detail.to_string());
        self.findings.push(Finding { severity, file, position, detail });
    }

    /// The counts, as one line of JSON.
    #[must_use]
    pub fn summary(&self) -> String {
        let of =
            |severity| self.findings.iter().filter(|finding| finding.severity == severity).count() as u64;
        Line::of("summary")
            .number("files", self.files)
            .number("bytes", self.bytes)
            .number("batches", self.batches)
            .number("records", self.records)
            .number("damage", of(Severity::Damage))
            .number("derivable", of(Severity::Derivable))
            .number("notes", of(Severity::Note))
            .finish()
    }
}
