//! Jobs: a durable queue in the metadata store, its worker, and schedules.
//!
//! A job is written in the transaction of the change that needs it ([`enqueue`]), so that neither exists without the
//! other. A [`Worker`] claims it under a lease and keeps extending the lease; when a worker dies, the lease runs out
//! and another takes the job. **So a job may run twice**: a handler does its work in steps that can be repeated, or
//! makes its result visible in one transaction.

mod backoff;
mod error;
mod handler;
pub mod lease;
mod queue;
mod schedule;
mod worker;

pub use error::{Error, Result};
pub use handler::{Failure, Handler, Running};
pub use queue::{
    Cancellation, Filter, Job, JobState, JobStatus, NewJob, Progress, cancel, enqueue, get, list,
    remove_finished_before,
};
pub use schedule::{Schedule, fire_due, register};
pub use worker::Worker;
