//! Where an engine lies, for tests that run on every driver: a simulated machine, or a folder with threads or a ring.
//!
//! The invariant: a folder goes with its place, and a fork of a place is another one.

use millrace_io::{DriverChoice, Io, Limits, SimHandle};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static FOLDERS: AtomicU64 = AtomicU64::new(0);

pub enum Place {
    Sim(SimHandle),
    Folder { root: PathBuf, driver: DriverChoice },
}

fn fresh(name: &str) -> PathBuf {
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let name = format!("{name}-{}-{number}", std::process::id());
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&root);
    root
}

impl Place {
    pub fn sim(seed: u64) -> Place {
        Place::Sim(crate::support::machine(seed))
    }

    pub fn pool(name: &str) -> Place {
        Place::Folder { root: fresh(name), driver: DriverChoice::Pool }
    }

    /// `None`: this machine has none.
    pub fn ring(name: &str) -> Option<Place> {
        let place = Place::Folder { root: fresh(name), driver: DriverChoice::Ring };
        let Place::Folder { root, driver } = &place else { return None };
        Io::open(root, *driver, Limits::default()).is_ok().then_some(place)
    }

    pub fn io(&self) -> Io {
        match self {
            Place::Sim(machine) => Io::sim(machine.clone()),
            Place::Folder { root, driver } => {
                Io::open(root, *driver, Limits::default()).expect("the driver opens")
            }
        }
    }

    /// A place that holds the same, nothing being open here.
    pub fn fork(&self) -> Place {
        match self {
            Place::Sim(machine) => Place::Sim(machine.fork(1)),
            Place::Folder { root, driver } => {
                let to = fresh("fork");
                copy(root, &to);
                Place::Folder { root: to, driver: *driver }
            }
        }
    }

    /// Whether the same work is done in the same turns each time.
    pub fn is_simulated(&self) -> bool {
        matches!(self, Place::Sim(_))
    }

    /// Files with large values, as paths below the data directory.
    pub fn large_files(&self) -> Vec<String> {
        let files = match self {
            Place::Sim(machine) => machine.files(),
            Place::Folder { root, .. } => below(root, root),
        };
        files.into_iter().filter(|path| path.ends_with(".large")).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Place::Folder { root, .. } = self {
            let _ = std::fs::remove_dir_all(root);
        }
    }
}

fn below(root: &Path, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("listed") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            found.extend(below(root, &path));
        } else {
            let path = path.strip_prefix(root).expect("it lies there");
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("created");
    for entry in std::fs::read_dir(from).expect("listed") {
        let entry = entry.expect("listed");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).expect("copied");
        }
    }
}
