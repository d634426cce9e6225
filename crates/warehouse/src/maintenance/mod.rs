//! What keeps tables fast and the storage tidy: compaction, expiry of old snapshots, removal of files nobody needs.
//!
//! - **Compaction** ([`compact`]) merges small files, rows and deletions in the catalog, and files that others wrote,
//!   into laid-out ones. It is asked for in the transaction of the insert that makes it worthwhile.
//! - **Expiry** ([`expire`]) forgets snapshots older than [`SNAPSHOTS_KEPT`], but never the newest: time travel
//!   reaches that far back. Their files are put on the list of files to remove and removed after [`FILES_KEPT`], so
//!   that queries which are still reading end in peace.
//! - **Sweep** removes what interrupted writers left behind.

mod compact;
mod expire;
mod jobs;

use chrono::TimeDelta;

pub use compact::CompactReport;
pub use jobs::MAINTENANCE_SCHEDULE;

pub(crate) use compact::Effort;
pub(crate) use jobs::compact_job;

/// How far back time travel reaches.
pub const SNAPSHOTS_KEPT: TimeDelta = TimeDelta::days(30);
/// How long files stay that no snapshot names any more.
pub const FILES_KEPT: TimeDelta = TimeDelta::days(1);

/// Files of fewer rows count as small.
pub(crate) const SMALL_FILE_ROWS: u64 = 131_072;
/// So many small files of one table ask for a compaction.
pub(crate) const SMALL_FILES_ALLOWED: i64 = 32;
