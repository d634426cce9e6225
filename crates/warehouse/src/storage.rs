//! Where data files stand: a folder of this machine or an S3-compatible bucket.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt};
use url::Url;

use crate::error::{Error, Result};

/// The store of the data files and the place of the lake in it.
#[derive(Clone)]
pub(crate) struct Storage {
    store: Arc<dyn ObjectStore>,
    url: ObjectStoreUrl,
    /// As the catalog's metadata says it; ends in a slash.
    data_path: String,
    /// Key of the lake inside the store; empty for a folder.
    prefix: Path,
    /// The folder, when it is one.
    folder: Option<PathBuf>,
}

impl Storage {
    /// Opens an absolute folder (made when missing) or `s3://bucket/prefix`. The bucket's address and keys come from
    /// the usual `AWS_*` variables.
    pub(crate) fn open(address: &str) -> Result<Self> {
        if address.starts_with("s3://") {
            Self::open_bucket(address)
        } else {
            Self::open_folder(FilePath::new(address))
        }
    }

    fn open_folder(folder: &FilePath) -> Result<Self> {
        if !folder.is_absolute() {
            return Err(Error::Invalid(format!(
                "the storage folder must be an absolute path or s3://bucket/prefix, not '{}'",
                folder.display()
            )));
        }
        std::fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let text = folder
            .to_str()
            .ok_or_else(|| Error::Invalid(format!("the storage folder '{}' is not valid UTF-8", folder.display())))?;
        Ok(Storage {
            store: Arc::new(LocalFileSystem::new_with_prefix(&folder)?),
            url: ObjectStoreUrl::parse("groma-data://folder").map_err(|error| Error::Internal(error.to_string()))?,
            data_path: with_slash(text),
            prefix: Path::default(),
            folder: Some(folder),
        })
    }

    fn open_bucket(address: &str) -> Result<Self> {
        let url = Url::parse(address).map_err(|error| Error::Invalid(format!("storage '{address}': {error}")))?;
        let bucket = url
            .host_str()
            .ok_or_else(|| Error::Invalid(format!("storage '{address}' names no bucket; give s3://bucket/prefix")))?;
        let is_plain_http = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
            .iter()
            .any(|name| std::env::var(name).is_ok_and(|endpoint| endpoint.starts_with("http://")));
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_client_options(ClientOptions::new().with_allow_http(is_plain_http))
            .build()?;
        Ok(Storage {
            store: Arc::new(store),
            url: ObjectStoreUrl::parse(format!("s3://{bucket}")).map_err(|error| Error::Internal(error.to_string()))?,
            data_path: with_slash(address),
            prefix: Path::from(url.path()),
            folder: None,
        })
    }

    /// The object store itself; keys are those of [`Storage::key`].
    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// What the engine registers the store under.
    pub(crate) fn url(&self) -> &ObjectStoreUrl {
        &self.url
    }

    /// What stands as `data_path` in the catalog: absolute, with a slash at its end.
    pub(crate) fn data_path(&self) -> &str {
        &self.data_path
    }

    /// The key of an object from its path relative to `data_path`.
    pub(crate) fn key(&self, relative: &str) -> Result<Path> {
        let inside = Path::parse(relative.trim_matches('/'))
            .map_err(|error| Error::Damaged(format!("the catalog names the file '{relative}': {error}")))?;
        Ok(self.prefix.parts().chain(inside.parts()).collect())
    }

    /// The path relative to `data_path` of a file that the catalog names absolutely. Files outside are refused: the
    /// catalog must not be a way to read this machine.
    pub(crate) fn relative<'a>(&self, absolute: &'a str) -> Result<&'a str> {
        absolute.strip_prefix(&self.data_path).ok_or_else(|| {
            Error::NotAllowed(format!(
                "the catalog names the file '{absolute}', which is outside the warehouse's storage '{}'",
                self.data_path
            ))
        })
    }

    /// Makes a finished file outlive a power cut. A bucket does so by itself.
    pub(crate) async fn make_durable(&self, relative: &str) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let file = folder.join(relative);
        tokio::task::spawn_blocking(move || -> std::io::Result<()> {
            std::fs::File::open(&file)?.sync_all()?;
            match file.parent() {
                Some(directory) => std::fs::File::open(directory)?.sync_all(),
                None => Ok(()),
            }
        })
        .await
        .map_err(|error| Error::Internal(error.to_string()))??;
        Ok(())
    }

    /// Removes an object; one that is not there is no error.
    pub(crate) async fn remove(&self, relative: &str) -> Result<()> {
        let key = self.key(relative)?;
        match self.store.delete(&key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(folder) = &self.folder {
            remove_staged_parts(&folder.join(relative));
        }
        Ok(())
    }
}

/// An interrupted upload to a folder leaves `name.parquet#1` beside the place of its file.
fn remove_staged_parts(file: &FilePath) {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name().and_then(|name| name.to_str())) else {
        return;
    };
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let is_part = entry
            .file_name()
            .to_str()
            .is_some_and(|entry_name| entry_name.strip_prefix(name).is_some_and(|rest| rest.starts_with('#')));
        if is_part && let Err(error) = std::fs::remove_file(entry.path()) {
            tracing::warn!(file = %entry.path().display(), %error, "an interrupted upload could not be removed");
        }
    }
}

fn with_slash(text: &str) -> String {
    if text.ends_with('/') {
        text.to_owned()
    } else {
        format!("{text}/")
    }
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Storage")
            .field("data_path", &self.data_path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_absolutely_and_keys_are_inside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("lake");
        let storage = Storage::open(path.to_str().unwrap()).unwrap();
        assert_eq!(storage.data_path(), format!("{}/", path.display()));
        assert_eq!(
            storage.key("public/t/b=1/x.parquet").unwrap().as_ref(),
            "public/t/b=1/x.parquet"
        );
        assert!(storage.key("public/../../etc/passwd").is_err());
        assert!(storage.relative("/etc/passwd").is_err());
        assert_eq!(
            storage
                .relative(&format!("{}public/t/x.parquet", storage.data_path()))
                .unwrap(),
            "public/t/x.parquet"
        );
        assert!(Storage::open("relative/folder").is_err());
    }
}
