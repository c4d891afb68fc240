//! The files that a credential was read from, and whether they are still what was read.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What tells one state of a file from another: device and inode (Kubernetes and cert-manager swap links),
/// size, and when it changed. None where there is no such file.
type Stamp = Option<[i128; 4]>;

/// How files were at one moment.
#[derive(Debug)]
pub struct Stamps(Vec<Stamp>);

/// Files with their stamps. They are looked at with every request, which costs about a microsecond each.
#[derive(Debug, Default)]
pub struct Files {
    paths: Vec<PathBuf>,
    seen: Mutex<Vec<Stamp>>,
}

impl Files {
    /// Adds a file as it is now; call this before it is read.
    pub fn look_at(&mut self, path: &Path) {
        self.seen.get_mut().unwrap_or_else(PoisonError::into_inner).push(stamp(path));
        self.paths.push(path.to_owned());
    }

    /// Whether nothing changed since.
    pub fn are_as_seen(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.paths.iter().zip(seen.iter()).all(|(path, seen)| stamp(path) == *seen)
    }

    /// How they are now.
    pub fn now(&self) -> Stamps {
        Stamps(self.paths.iter().map(|path| stamp(path)).collect())
    }

    /// Takes what was found as what was read.
    pub fn took(&self, found: Stamps) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = found.0;
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    let changed = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    Some([i128::from(metadata.dev()), i128::from(metadata.ino()), i128::from(metadata.len()), changed])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_a_swap_and_an_end_are_seen_once_each() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "one").unwrap();
        let mut files = Files::default();
        files.look_at(&path);
        assert!(files.are_as_seen());
        let other = directory.path().join("other");
        std::fs::write(&other, "two").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(!files.are_as_seen());
        files.took(files.now());
        assert!(files.are_as_seen());
        std::fs::write(&path, "three").unwrap();
        assert!(!files.are_as_seen());
        files.took(files.now());
        std::fs::remove_file(&path).unwrap();
        assert!(!files.are_as_seen());
    }
}
