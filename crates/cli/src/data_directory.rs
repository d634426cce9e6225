//! Data directory: what lies where, who may read it, and who works in it right now.
//!
//! ```text
//! groma.db      metadata (when the store is SQLite)     warehouse/   tables
//! secret.key    0600                                    spill/       what queries put aside, emptied at start
//! groma.lock    held by the process that works here     uploads/     files on their way into tables
//! groma.sock    0600, how commands reach the server     basemaps/    *.pmtiles that replace the built-in one
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::RngCore;

/// A data directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirectoryError {
    #[error("cannot use the data folder {0}: {1}")]
    Unusable(PathBuf, #[source] io::Error),
    #[error("another groma process ({holder}) works in {directory}")]
    Held { directory: PathBuf, holder: String },
    #[error("the secret key file {0} is readable by others; run: chmod 600 {0}")]
    OpenKey(PathBuf),
    #[error("the secret key file {0} must hold 64 hexadecimal digits")]
    BadKey(PathBuf),
}

/// Paths below the data folder.
#[derive(Debug, Clone)]
pub(crate) struct DataDirectory {
    root: PathBuf,
}

/// Proof that this process alone works in a data folder; let go when dropped or killed.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl DataDirectory {
    /// Makes the folder, for us alone, when it is not there.
    pub(crate) fn open(root: &Path) -> Result<Self, DataDirectoryError> {
        let root = std::path::absolute(root).map_err(|error| DataDirectoryError::Unusable(root.to_owned(), error))?;
        let directory = Self { root };
        directory.make(&directory.root)?;
        Ok(directory)
    }

    fn make(&self, folder: &Path) -> Result<(), DataDirectoryError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| DataDirectoryError::Unusable(folder.to_owned(), error))
    }

    /// Makes the folders inside and empties those that outlive no process. Only under the lock.
    pub(crate) fn prepare(&self, _lock: &Lock) -> Result<(), DataDirectoryError> {
        if self.spill().exists() {
            fs::remove_dir_all(self.spill()).map_err(|error| DataDirectoryError::Unusable(self.spill(), error))?;
        }
        for folder in [self.spill(), self.warehouse(), self.uploads(), self.basemaps()] {
            self.make(&folder)?;
        }
        Ok(())
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("groma.db")
    }
    pub(crate) fn warehouse(&self) -> PathBuf {
        self.root.join("warehouse")
    }
    pub(crate) fn spill(&self) -> PathBuf {
        self.root.join("spill")
    }
    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }
    pub(crate) fn basemaps(&self) -> PathBuf {
        self.root.join("basemaps")
    }
    pub(crate) fn socket(&self) -> PathBuf {
        self.root.join("groma.sock")
    }
    fn lock_file(&self) -> PathBuf {
        self.root.join("groma.lock")
    }

    /// Takes the lock, or says who holds it.
    pub(crate) fn lock(&self) -> Result<Lock, DataDirectoryError> {
        let path = self.lock_file();
        let unusable = |error| DataDirectoryError::Unusable(path.clone(), error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(unusable)?;
                file.rewind().map_err(unusable)?;
                writeln!(file, "process {}", std::process::id()).map_err(unusable)?;
                Ok(Lock { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(unusable)?;
                Err(DataDirectoryError::Held {
                    directory: self.root.clone(),
                    holder: holder.trim().to_owned(),
                })
            }
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Reads the secret key, or makes one when `file` is unset and there is none yet.
    pub(crate) fn secret_key(&self, file: Option<&Path>) -> Result<[u8; 32], DataDirectoryError> {
        let path = file.map_or_else(|| self.root.join("secret.key"), Path::to_owned);
        let unusable = |error| DataDirectoryError::Unusable(path.clone(), error);
        if file.is_none() && !path.exists() {
            let mut key = [0_u8; 32];
            rand::rng().fill_bytes(&mut key);
            let mut made = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .map_err(unusable)?;
            let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(made, "{digits}").map_err(unusable)?;
            made.sync_all().map_err(unusable)?;
            return Ok(key);
        }
        let mode = fs::metadata(&path).map_err(unusable)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(DataDirectoryError::OpenKey(path));
        }
        let text = fs::read_to_string(&path).map_err(unusable)?;
        parse_key(text.trim()).ok_or(DataDirectoryError::BadKey(path))
    }
}

fn parse_key(text: &str) -> Option<[u8; 32]> {
    let mut key = [0_u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> (tempfile::TempDir, DataDirectory) {
        let temporary = tempfile::tempdir().expect("a folder");
        let directory = DataDirectory::open(&temporary.path().join("groma")).expect("usable");
        (temporary, directory)
    }

    #[test]
    fn two_never_work_in_one_folder_and_the_second_hears_who_does() {
        let (_keep, directory) = directory();
        let lock = directory.lock().expect("free");
        let error = directory.lock().expect_err("held").to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(lock);
        assert!(directory.lock().is_ok());
    }

    #[test]
    fn the_key_is_made_once_and_for_its_owner_alone() {
        let (_keep, directory) = directory();
        let key = directory.secret_key(None).expect("made");
        assert_eq!(directory.secret_key(None).expect("read"), key);
        let path = directory.root().join("secret.key");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(matches!(
            directory.secret_key(None),
            Err(DataDirectoryError::OpenKey(_))
        ));
    }

    #[test]
    fn what_a_dead_process_put_aside_is_gone_and_tables_stay() {
        let (_keep, directory) = directory();
        let lock = directory.lock().expect("free");
        directory.prepare(&lock).expect("made");
        fs::write(directory.spill().join("left"), "x").expect("written");
        fs::write(directory.warehouse().join("table"), "x").expect("written");
        directory.prepare(&lock).expect("made again");
        assert!(!directory.spill().join("left").exists());
        assert!(directory.warehouse().join("table").exists());
    }
}
