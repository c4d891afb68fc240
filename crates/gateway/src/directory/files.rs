//! The files of a directory of manifests: which they are, whether they changed, what is in them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use thiserror::Error;

use crate::manifest::Source;

/// Files of one directory: twice what the largest installation designed for keeps in files of their own.
const FILES: usize = 50_000;
/// Bytes of all files together, kept in memory while they are applied.
const BYTES: usize = 32 * 1024 * 1024;

/// Why a directory can't be read.
#[derive(Debug, Error)]
pub(super) enum Unreadable {
    /// It, or a file in it.
    #[error("{}: can't be read: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file isn't text.
    #[error("{}: is not UTF-8 text", .0.display())]
    Text(PathBuf),
    /// Something else has a manifest's name. Reading a pipe would wait for whoever writes it.
    #[error("{}: is neither a file nor a directory", .0.display())]
    NoFile(PathBuf),
    /// It has more than is read.
    #[error("{}: has more than {FILES} files or {BYTES} bytes of manifests", .0.display())]
    TooMuch(PathBuf),
}

/// What tells that a file was changed or replaced, without reading it. The time at which its inode changed
/// can't be set by a program, unlike that of its content; a swapped link leads to another inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    files: Vec<(PathBuf, [i128; 4])>,
}

/// Whether a name is a manifest's: .yaml, .yml and .json; hidden files are an editor's or Kubernetes' own.
pub fn is_manifest(path: &Path) -> bool {
    let hidden = path.file_name().and_then(OsStr::to_str).is_none_or(|name| name.starts_with('.'));
    let ending = path.extension().and_then(OsStr::to_str);
    !hidden && matches!(ending, Some("yaml" | "yml" | "json"))
}

impl Look {
    /// Looks at the files, without reading them. Directories in it aren't looked into.
    pub(super) fn at(directory: &Path) -> Result<Look, Unreadable> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Unreadable::Io { path, source }
        };
        let mut files = Vec::new();
        for entry in directory.read_dir().map_err(failed(directory))? {
            let path = entry.map_err(failed(directory))?.path();
            if !is_manifest(&path) {
                continue;
            }
            // Follows links. One that leads nowhere is trouble, and not a file that was deleted.
            let is = std::fs::metadata(&path).map_err(failed(&path))?;
            if is.is_dir() {
                continue;
            }
            if !is.is_file() {
                return Err(Unreadable::NoFile(path));
            }
            let changed = i128::from(is.ctime()) * 1_000_000_000 + i128::from(is.ctime_nsec());
            files.push((path, [is.dev().into(), is.ino().into(), is.size().into(), changed]));
            if files.len() > FILES {
                return Err(Unreadable::TooMuch(directory.to_owned()));
            }
        }
        files.sort();
        Ok(Look { files })
    }

    /// Reads the files that were looked at.
    pub(super) fn read(&self, directory: &Path) -> Result<Vec<Source>, Unreadable> {
        let mut sources = Vec::new();
        let mut room = BYTES;
        for (path, _) in &self.files {
            let mut bytes = Vec::new();
            let most = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
            let failed = |source| Unreadable::Io { path: path.clone(), source };
            open(path)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
            room = room.checked_sub(bytes.len()).ok_or_else(|| Unreadable::TooMuch(directory.to_owned()))?;
            let Ok(text) = String::from_utf8(bytes) else { return Err(Unreadable::Text(path.clone())) };
            sources.push(Source { file: path.display().to_string(), text });
        }
        Ok(sources)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.files.len()
    }
}

/// Opens a file, and nothing else: what was looked at may be another thing by now, and opening a pipe waits.
fn open(path: &Path) -> Result<File, Unreadable> {
    let failed = |source| Unreadable::Io { path: path.to_owned(), source };
    let at_once = OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, at_once, Mode::empty()).map_err(|error| failed(error.into()))?;
    let file = File::from(file);
    let is_file = file.metadata().map_err(failed)?.is_file();
    if is_file { Ok(file) } else { Err(Unreadable::NoFile(path.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_shows_also_when_size_and_time_stay() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yaml");
        std::fs::write(&file, "one").unwrap();
        let time = std::fs::metadata(&file).unwrap().modified().unwrap();
        let before = Look::at(dir.path()).unwrap();
        assert_eq!(before, Look::at(dir.path()).unwrap());
        std::fs::write(dir.path().join("b"), "two").unwrap();
        std::fs::rename(dir.path().join("b"), &file).unwrap();
        std::fs::File::open(&file).unwrap().set_modified(time).unwrap();
        assert_ne!(before, Look::at(dir.path()).unwrap());
    }

    #[test]
    fn what_is_no_manifest_is_passed_over_and_a_link_to_nothing_is_not() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.yaml", ".b.yaml", "c.md", "d.json"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        std::fs::create_dir(dir.path().join("e.yaml")).unwrap();
        let texts = Look::at(dir.path()).unwrap().read(dir.path()).unwrap();
        assert_eq!(texts.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["a.yaml", "d.json"]);
        std::os::unix::fs::symlink("nowhere", dir.path().join("f.yaml")).unwrap();
        let error = Look::at(dir.path()).unwrap_err().to_string();
        assert!(error.contains("f.yaml: can't be read"), "{error}");
        assert!(Look::at(&dir.path().join("none")).unwrap_err().to_string().contains("none: can't be read"));
    }

    #[test]
    fn a_pipe_is_refused_whether_it_is_seen_first_or_comes_later() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("a.yaml");
        std::fs::write(&pipe, "a").unwrap();
        let look = Look::at(dir.path()).unwrap();
        std::fs::remove_file(&pipe).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for error in [look.read(dir.path()).unwrap_err(), Look::at(dir.path()).unwrap_err()] {
            assert!(error.to_string().ends_with("a.yaml: is neither a file nor a directory"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_no_text_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.yaml"), [0xff]).unwrap();
        let error = Look::at(dir.path()).unwrap().read(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("a.yaml: is not UTF-8 text"), "{error}");
    }
}
