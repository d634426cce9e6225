//! Uploads: files that wait in the data folder between being sent and becoming a table.
//!
//! `uploads/{person}/{upload}/{file name}`: a person finds their own files and no others.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use axum::body::{Body, BodyDataStream};
use axum::http::StatusCode;
use futures::StreamExt;
use tokio::fs;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::problem::Problem;

/// What nobody imported for this long is removed.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// Longest file name that is kept, in characters; the end matters, it has the extension.
const LONGEST_NAME: usize = 100;

/// The folder of uploads.
#[derive(Debug, Clone)]
pub(crate) struct Uploads {
    folder: PathBuf,
    limit_bytes: u64,
}

impl Uploads {
    pub(crate) fn new(folder: PathBuf, limit_bytes: u64) -> Self {
        Self { folder, limit_bytes }
    }

    /// Streams a body to disk. What arrived is removed when the rest does not, or is too much.
    pub(crate) async fn receive(&self, person: Uuid, file_name: &str, body: Body) -> Result<(Uuid, PathBuf), Problem> {
        self.sweep(SystemTime::now()).await;
        let upload = Uuid::now_v7();
        let folder = self.folder.join(person.to_string()).join(upload.to_string());
        let path = folder.join(safe_name(file_name));
        fs::create_dir_all(&folder)
            .await
            .map_err(|error| Problem::internal(&error))?;
        match self.write(&path, body.into_data_stream()).await {
            Ok(()) => Ok((upload, path)),
            Err(problem) => {
                // What is left of it would be swept tomorrow anyway.
                let _ = fs::remove_dir_all(&folder).await;
                Err(problem)
            }
        }
    }

    async fn write(&self, path: &Path, mut body: BodyDataStream) -> Result<(), Problem> {
        let mut file = fs::File::create(path).await.map_err(|error| disk(&error))?;
        let mut received: u64 = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| Problem::bad_request("The upload ended before it was complete."))?;
            received += chunk.len() as u64;
            if received > self.limit_bytes {
                return Err(Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!(
                        "The file is larger than {} MB, the limit of this server.",
                        self.limit_bytes / 1_048_576
                    ),
                ));
            }
            file.write_all(&chunk).await.map_err(|error| disk(&error))?;
        }
        if received == 0 {
            return Err(Problem::bad_request("The file is empty."));
        }
        file.flush().await.map_err(|error| disk(&error))
    }

    /// The file of an upload, if the person has it.
    pub(crate) async fn find(&self, person: Uuid, upload: &str) -> Result<PathBuf, Problem> {
        let gone = || Problem::not_found("There is no such upload; send the file again.");
        let upload: Uuid = upload.parse().map_err(|_| gone())?;
        let folder = self.folder.join(person.to_string()).join(upload.to_string());
        let mut entries = fs::read_dir(folder).await.map_err(|_| gone())?;
        let entry = entries.next_entry().await.map_err(|_| gone())?.ok_or_else(gone)?;
        Ok(entry.path())
    }

    /// Removes what was forgotten.
    async fn sweep(&self, now: SystemTime) {
        let Ok(mut people) = fs::read_dir(&self.folder).await else {
            return;
        };
        while let Ok(Some(person)) = people.next_entry().await {
            let Ok(mut uploads) = fs::read_dir(person.path()).await else {
                continue;
            };
            while let Ok(Some(upload)) = uploads.next_entry().await {
                let changed = upload.metadata().await.and_then(|metadata| metadata.modified());
                let is_old = changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age > KEPT_FOR));
                if is_old && let Err(error) = fs::remove_dir_all(upload.path()).await {
                    tracing::warn!(%error, "a forgotten upload cannot be removed");
                }
            }
        }
    }
}

fn disk(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::StorageFull => Problem::new(StatusCode::INSUFFICIENT_STORAGE, "The server's disk is full."),
        _ => Problem::internal(error),
    }
}

/// The last part of a name, without what file systems or shells trip over.
fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: Vec<char> = last
        .chars()
        .map(|character| {
            if character.is_control() || matches!(character, ':' | '*' | '?' | '"' | '<' | '>' | '|') {
                '_'
            } else {
                character
            }
        })
        .collect();
    let start = kept.len().saturating_sub(LONGEST_NAME);
    let name: String = kept[start..].iter().collect();
    let name = name.trim_start_matches('.').trim();
    if name.is_empty() {
        "upload".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_its_folder() {
        for (sent, expected) in [
            ("cities.csv", "cities.csv"),
            ("../../etc/passwd", "passwd"),
            ("C:\\data\\roads.geojson", "roads.geojson"),
            ("..", "upload"),
            ("", "upload"),
            ("a\0b.csv", "a_b.csv"),
        ] {
            assert_eq!(safe_name(sent), expected);
        }
        assert!(safe_name(&format!("{}.csv", "x".repeat(500))).ends_with(".csv"));
    }

    #[tokio::test]
    async fn a_person_finds_their_own_file_and_nobody_elses() {
        let folder = tempfile::tempdir().expect("a folder");
        let uploads = Uploads::new(folder.path().to_owned(), 10);
        let (ada, grace) = (Uuid::now_v7(), Uuid::now_v7());
        let (upload, path) = uploads
            .receive(ada, "a.csv", Body::from("a,b"))
            .await
            .expect("received");
        assert_eq!(uploads.find(ada, &upload.to_string()).await.expect("there"), path);
        assert!(uploads.find(grace, &upload.to_string()).await.is_err());
        assert!(uploads.find(ada, "../..").await.is_err());
    }

    #[tokio::test]
    async fn what_is_too_long_or_empty_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let uploads = Uploads::new(folder.path().to_owned(), 3);
        let person = Uuid::now_v7();
        let problem = uploads
            .receive(person, "a.csv", Body::from("1234"))
            .await
            .expect_err("too long");
        assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(uploads.receive(person, "a.csv", Body::empty()).await.is_err());
        let left = std::fs::read_dir(folder.path().join(person.to_string()))
            .expect("a folder")
            .count();
        assert_eq!(left, 0);
    }
}
