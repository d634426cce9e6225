//! Socket: the Unix socket in the data folder, also when the folder's path is long.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Longest path that a socket address holds (`sun_path`), less the closing zero, on Linux and macOS.
const LONGEST: usize = 103;

/// A path that fits into a socket address; keeps the folder open as long as it lives.
pub(crate) struct ShortPath {
    path: PathBuf,
    _folder: Option<File>,
}

impl ShortPath {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The path itself, or the same place through an open folder when it is too long for a socket address.
pub(crate) fn short_path(socket: &Path) -> io::Result<ShortPath> {
    if socket.as_os_str().len() <= LONGEST {
        return Ok(ShortPath {
            path: socket.to_owned(),
            _folder: None,
        });
    }
    let fault = || io::Error::new(io::ErrorKind::InvalidInput, "the path of the data folder is too long");
    let (folder, name) = (
        socket.parent().ok_or_else(fault)?,
        socket.file_name().ok_or_else(fault)?,
    );
    let folder = File::open(folder)?;
    let path = Path::new("/proc/self/fd")
        .join(folder.as_raw_fd().to_string())
        .join(name);
    Ok(ShortPath {
        path,
        _folder: Some(folder),
    })
}

/// Listens on the socket, for the owner of the data folder alone. Only under the lock of the folder.
pub(crate) fn listen(socket: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(socket) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(short_path(socket)?.path())?;
    fs::set_permissions(socket, Permissions::from_mode(0o600))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_path_works_like_a_short_one_and_is_for_its_owner_alone() {
        let temporary = tempfile::tempdir().expect("a folder");
        for name in ["short".to_owned(), "long".repeat(40)] {
            let folder = temporary.path().join(name);
            fs::create_dir(&folder).expect("made");
            let socket = folder.join("groma.sock");
            let _listener = listen(&socket).expect("listening");
            assert_eq!(
                fs::metadata(&socket).expect("there").permissions().mode() & 0o777,
                0o600
            );
            let short = short_path(&socket).expect("a path");
            assert!(tokio::net::UnixStream::connect(short.path()).await.is_ok());
        }
    }
}
