//! Lets somebody watch an import and stop it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// Told how many bytes of how many were worked on. A file is read twice, so the total is twice its size.
pub type ImportProgress = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// How often progress is told.
const PAUSE: Duration = Duration::from_millis(200);

/// One reading of a file.
pub(crate) struct Watch {
    progress: Option<ImportProgress>,
    cancel: CancellationToken,
    /// Bytes worked on before this reading began.
    before: u64,
    total: u64,
    told: Instant,
}

impl Watch {
    /// The first or second reading of a file of `length` bytes.
    pub(crate) fn of_reading(
        number: u64,
        length: u64,
        progress: Option<ImportProgress>,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            progress,
            cancel,
            before: (number - 1) * length,
            total: 2 * length,
            told: Instant::now(),
        }
    }

    /// A reading that nobody watches.
    pub(crate) fn nobody() -> Self {
        Self::of_reading(1, 0, None, CancellationToken::new())
    }

    /// Says that `bytes` of the file were read; an error when the import shall stop.
    pub(crate) fn at(&mut self, bytes: u64) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if self.told.elapsed() >= PAUSE
            && let Some(progress) = &self.progress
        {
            self.told = Instant::now();
            progress((self.before + bytes).min(self.total), self.total);
        }
        Ok(())
    }
}

/// The length of a file; an error when it is more than an import may take.
pub(crate) fn length_within_limit(path: &Path, limit: u64) -> Result<u64> {
    let length = std::fs::metadata(path).map_err(|e| Error::unreadable(path, e))?.len();
    if length > limit {
        return Err(Error::TooLarge {
            what: crate::error::file_name(path),
            limit_megabytes: limit / 1_000_000,
        });
    }
    Ok(length)
}
