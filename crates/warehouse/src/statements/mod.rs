//! Statements that change the lake: definitions and rows.

mod alter;
mod assign;
mod columns;
mod create;
mod drop;
mod insert;
mod load;
mod publish;
mod rewrite;

use access::Actor;
use datafusion::sql::sqlparser::ast::{ObjectName, Statement};

use crate::Warehouse;
use crate::engine::Deadline;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::rows::Outcome;
use crate::sql::{Parsed, parts};

/// How often a statement starts again when somebody else changed the table at the same time.
const ATTEMPTS: usize = 10;

/// One statement under way.
#[derive(Clone, Copy)]
struct Statements<'a> {
    warehouse: &'a Warehouse,
    actor: &'a Actor,
    deadline: &'a Deadline,
}

impl Warehouse {
    /// Runs a statement that changes something; from the beginning again while it loses races.
    pub(crate) async fn change(&self, actor: &Actor, parsed: Parsed, deadline: &Deadline) -> Result<Outcome> {
        let statements = Statements {
            warehouse: self,
            actor,
            deadline,
        };
        for _ in 1..ATTEMPTS {
            match Box::pin(statements.run(parsed.clone())).await {
                Err(Error::Conflict(name)) => {
                    tracing::debug!(table = %name, "a statement starts again: the table was changed at the same time");
                }
                outcome => return outcome,
            }
        }
        Box::pin(statements.run(parsed)).await
    }
}

impl Statements<'_> {
    // Boxed: the states of all statements side by side would not fit on a thread's stack.
    async fn run(&self, parsed: Parsed) -> Result<Outcome> {
        let affected = match parsed.statement {
            Statement::Insert(insert) => Box::pin(self.insert(insert, &parsed.moments)).await?,
            Statement::Update(update) => Box::pin(self.update(update, &parsed.moments)).await?,
            Statement::Delete(delete) => Box::pin(self.delete(delete, &parsed.moments)).await?,
            Statement::Truncate(truncate) => Box::pin(self.truncate(truncate)).await?,
            Statement::CreateTable(create) => Box::pin(self.create_table(create, &parsed.moments)).await?,
            Statement::CreateView(create) => Box::pin(self.create_view(create, &parsed.moments)).await?,
            Statement::CreateSchema {
                schema_name,
                if_not_exists,
                with,
                options,
                default_collate_spec,
                clone,
            } => {
                refuse(with.is_some() || options.is_some(), "options of schemas")?;
                refuse(default_collate_spec.is_some(), "COLLATE")?;
                refuse(clone.is_some(), "CLONE")?;
                Box::pin(self.create_schema(&schema_name, if_not_exists)).await?
            }
            Statement::AlterTable(alter) => Box::pin(self.alter_table(alter)).await?,
            Statement::Drop {
                object_type,
                if_exists,
                names,
                cascade,
                temporary,
                table,
                ..
            } => {
                refuse(temporary, "TEMPORARY")?;
                refuse(table.is_some(), "DROP … ON")?;
                Box::pin(self.drop(object_type, if_exists, &names, cascade)).await?
            }
            Statement::Comment {
                object_type,
                object_name,
                comment,
                if_exists,
            } => Box::pin(self.comment(object_type, &object_name, comment, if_exists)).await?,
            other => return Err(Error::NotAllowed(format!("{other} is not available here"))),
        };
        Ok(Outcome::Done { affected })
    }
}

fn refuse(is_there: bool, clause: &str) -> Result<()> {
    if is_there {
        Err(Error::NotImplemented(clause.to_owned()))
    } else {
        Ok(())
    }
}

/// The table that a name in a statement means.
fn table_name(name: &ObjectName) -> Result<TableName> {
    TableName::from_parts(&parts(name)?).map_err(|reason| Error::InvalidName {
        name: name.to_string(),
        reason,
    })
}
