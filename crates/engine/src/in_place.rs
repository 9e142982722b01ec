//! The manifest in place: what its last edit says of this run, and whether the next change of it is another edit or a
//! new base.
//!
//! What it is not: its shares; they lie on the disk alone, memory has what they lead to.
//!
//! The invariant: edits are appended only while it is sure which base is in place.

use crate::append::Append;
use crate::edit::Edit;
use crate::edits_file::{EditsFile, LEAST};
use crate::manifest::{Head, Manifest};
use crate::publish::{Publish, PublishError};
use millrace_io::{Done, IoError, OpId, OpQueue};

/// The manifest in place.
#[derive(Debug)]
pub(crate) struct InPlace {
    pub head: Head,
    /// Bytes of its base.
    base_bytes: u64,
    /// Edits of so many bytes are worth no new base, however small the one in place is.
    least: u64,
    edits: EditsFile,
    /// The highest number that a base of this run has, or may have.
    last_base: u32,
    /// It is not known which base is in place.
    in_doubt: bool,
    /// An edit failed: a new base leaves its place alone.
    renews: bool,
    /// Bytes written so far in bases and edits.
    pub written: u64,
}

/// A change of the manifest on its way.
#[derive(Debug)]
pub(crate) enum Publication {
    Base(Publish),
    Edit(Append),
}

impl InPlace {
    /// The first base of a run was published. Where journal files are small, edits are few.
    pub fn new(published: &Publish, mut edits: EditsFile, journal_file_bytes: u64) -> InPlace {
        edits.begin(published.manifest().head.base_id(), published.header_crc());
        InPlace {
            head: published.manifest().head,
            base_bytes: published.bytes(),
            least: LEAST.min(journal_file_bytes),
            edits,
            last_base: published.manifest().head.base,
            in_doubt: false,
            renews: false,
            written: 0,
        }
    }

    /// The next checkpoint is to be a base: edits have outgrown the one in place, or cannot be appended.
    pub fn wants_base(&self) -> bool {
        self.in_doubt || self.renews || self.edits.position >= self.base_bytes.max(self.least)
    }

    /// Bytes of its base.
    pub fn base_bytes(&self) -> u64 {
        self.base_bytes
    }

    /// Nothing can be appended before another base is in place.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Begins to publish a new base.
    pub fn begin_base(&mut self, mut manifest: Manifest, queue: &mut OpQueue) -> Publication {
        self.last_base += 1;
        manifest.head.base = self.last_base;
        Publication::Base(Publish::begin(manifest, queue))
    }

    /// Begins to append an edit. `None`: not now, and perhaps not before another base is in place.
    pub fn begin_edit(&mut self, edit: Edit, queue: &mut OpQueue) -> Option<Publication> {
        if self.in_doubt {
            return None;
        }
        let append = Append::begin(edit, self.edits, queue);
        self.renews |= append.is_none();
        append.map(Publication::Edit)
    }

    /// Takes over what became of a publication that is over.
    pub fn ended(&mut self, publication: Publication, outcome: &Result<(), PublishError>) {
        self.written += publication.bytes();
        match (publication, outcome) {
            (Publication::Base(publish), Ok(())) => {
                let (base, written) = (self.last_base, self.written);
                *self =
                    InPlace { last_base: base, written, ..InPlace::new(&publish, self.edits, self.least) };
            }
            (Publication::Edit(append), Ok(())) => {
                let (edit, edits) = append.into_parts();
                (self.head, self.edits) = (edit.head(&self.head), edits);
            }
            (Publication::Base(_), Err(PublishError::Unchanged(_))) => {}
            (Publication::Base(_), Err(_)) => self.in_doubt = true,
            (Publication::Edit(_), Err(_)) => self.renews = true,
        }
    }
}

impl Publication {
    /// Does at most one slab of work.
    pub fn step(&mut self, queue: &mut OpQueue) {
        if let Publication::Base(publish) = self {
            publish.step(queue);
        }
    }

    /// True when the operation belongs to it.
    pub fn owns(&self, id: OpId) -> bool {
        match self {
            Publication::Base(publish) => publish.owns(id),
            Publication::Edit(append) => append.owns(id),
        }
    }

    /// Takes the result of one of its operations.
    pub fn complete(&mut self, id: OpId, result: Result<Done, IoError>, queue: &mut OpQueue) {
        match self {
            Publication::Base(publish) => publish.complete(id, result, queue),
            Publication::Edit(append) => append.complete(result, queue),
        }
    }

    /// `Some` when it is over.
    pub fn outcome(&self) -> Option<Result<(), PublishError>> {
        match self {
            Publication::Base(publish) => publish.outcome(),
            Publication::Edit(append) => append.outcome(),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Publication::Base(publish) => publish.bytes(),
            Publication::Edit(append) => append.bytes(),
        }
    }
}
