use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::program::Program;
use crate::error::Error;
use crate::process::find_in;

/// The user's cache of downloaded and built programs. A program is moved into it when it is complete, so
/// what is there is whole.
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(super) fn new(folder: &Path) -> Self {
        // Absolute, because builds run in another folder. The error is for an empty path, which then stays
        // one.
        Self { folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()) }
    }

    /// The program, if it is there.
    pub(super) fn find(&self, program: Program) -> Option<PathBuf> {
        find_in([&self.home(program)], program.name())
    }

    /// A file next to where the program will be, to write it to at first. `Cache::keep` moves it.
    pub(super) fn scratch(&self, program: Program) -> Result<PathBuf, Error> {
        let home = self.home(program);
        fs::create_dir_all(&home).map_err(Error::file("created", &home))?;
        Ok(home.join(format!(".{program}.incomplete")))
    }

    /// Moves a complete program to its place.
    pub(super) fn keep(&self, program: Program, scratch: &Path) -> Result<PathBuf, Error> {
        use std::os::unix::fs::PermissionsExt;
        let path = self.home(program).join(program.name());
        fs::set_permissions(scratch, fs::Permissions::from_mode(0o755))
            .and_then(|()| fs::rename(scratch, &path))
            .map_err(Error::file("moved into the cache", &path))?;
        Ok(path)
    }

    /// The folder that a program's build may use, and the file for what the build says.
    pub(super) fn build_folder(&self, program: Program) -> Result<(PathBuf, PathBuf), Error> {
        let folder = self.home(program).join("build");
        fs::create_dir_all(&folder).map_err(Error::file("created", &folder))?;
        let log = folder.join(format!("{program}.log"));
        Ok((folder, log))
    }

    /// Waits until no other process changes the cache. The lock goes with the returned file, or with this
    /// process.
    pub(super) fn lock(&self, progress: &mut dyn FnMut(&str)) -> Result<File, Error> {
        fs::create_dir_all(&self.folder).map_err(Error::file("created", &self.folder))?;
        let path = self.folder.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::file("opened", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress("waiting for another process that is getting the control plane's programs");
                file.lock().map_err(Error::file("locked", &path))?;
            }
            Err(TryLockError::Error(source)) => {
                return Err(Error::File { action: "locked", path, source });
            }
        }
        Ok(file)
    }

    fn home(&self, program: Program) -> PathBuf {
        self.folder.join(program.module().folder())
    }
}
