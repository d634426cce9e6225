//! Publishing a change with its line in the activity log, in one transaction.

use access::Actor;
use access::activity::{self, ActivityKind, Target, TargetKind};
use database::Transaction;
use futures::future::BoxFuture;
use serde_json::Value;

use super::Statements;
use crate::commit::{Change, Committed};
use crate::error::{Error, Result};
use crate::name::TableName;

/// What the activity log says of a change.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) kind: ActivityKind,
    pub(super) target: Target,
    pub(super) details: Value,
}

impl Line {
    pub(super) fn table(kind: ActivityKind, name: &TableName, details: Value) -> Self {
        Line {
            kind,
            target: Target::table(name),
            details,
        }
    }

    pub(super) fn schema(kind: ActivityKind, name: &str) -> Self {
        Line {
            kind,
            target: Target::new(TargetKind::Schema, name, name),
            details: Value::Null,
        }
    }
}

impl Statements<'_> {
    /// Commits the change and its line. `name` is what a conflict is reported for.
    pub(super) async fn publish(&self, change: &Change, name: &TableName, line: Line) -> Result<Committed> {
        let beside = line_of(self.actor.clone(), line);
        self.deadline
            .within(change.commit(self.warehouse.catalog(), name, &beside))
            .await
    }
}

/// Writes the line into the transaction of a change, each time that its commit is tried.
fn line_of(
    actor: Actor,
    line: Line,
) -> impl for<'t> Fn(&'t mut Transaction, &'t Committed) -> BoxFuture<'t, Result<()>> + Send + Sync {
    move |tx, _committed| {
        let (actor, line) = (actor.clone(), line.clone());
        Box::pin(async move {
            activity::record(tx, &actor, line.kind, line.target, line.details, database::now())
                .await
                .map_err(|error| Error::Database(error.to_string()))
        })
    }
}
