//! Changing the lake: a [`Change`] gathers steps on a base snapshot and publishes them as one new snapshot.
//!
//! Committing is one short write transaction: the newest snapshot is read again, each step is checked against what
//! others published since the base, the rows of the catalog are written, and whatever belongs to the change (its
//! activity line, its jobs) is written beside them. Either all of it is there afterwards or nothing.
//!
//! What commutes does not conflict: appends to the same table, an append and a deletion, changes of different tables.
//! What does not is told to the caller as [`Error::Conflict`], who starts again from the newest snapshot.

mod check;
mod publish;
mod statistics;
mod steps;
mod tags;

use futures::future::BoxFuture;

use database::Transaction;
use uuid::Uuid;

use crate::catalog::{Catalog, GeometryStatistics, LakeTable};
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::table::{Column, KeyRange};

/// How often a commit is tried again when another program published a snapshot at the same moment.
const ATTEMPTS: u32 = 20;

/// A change of the lake that is being put together.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    base: i64,
    steps: Vec<Step>,
    new_schemas: usize,
    new_tables: usize,
}

/// A schema that is there, or one that this change makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SchemaRef {
    Existing(i64),
    New(usize),
}

/// A table that is there, or one that this change makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableRef {
    Existing(i64),
    New(usize),
}

/// What a tag is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tagged {
    Table(TableRef),
    View(i64),
    /// A top-level column of a table.
    Column(TableRef, i64),
}

/// A table to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewTable {
    pub(crate) schema: SchemaRef,
    pub(crate) name: String,
    /// The files that are written before the commit carry the columns' numbers as field ids.
    pub(crate) columns: Vec<Column>,
    uuid: Uuid,
    /// Where its files stand, inside its schema's folder; ends in a slash.
    pub(crate) folder: String,
}

impl NewTable {
    /// A table with these columns, which it numbers.
    pub(crate) fn new(schema: SchemaRef, name: impl Into<String>, mut columns: Vec<Column>) -> Self {
        let name = name.into();
        let uuid = Uuid::now_v7();
        number_columns(&mut columns, 1);
        NewTable {
            schema,
            folder: folder_of(&name, uuid),
            name,
            columns,
            uuid,
        }
    }
}

/// A data file that stands in the storage, registered as pending, ready to become part of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewFile {
    /// Relative to the lake's data path.
    pub(crate) path: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) footer_bytes: u64,
    pub(crate) columns: Vec<FileColumn>,
    pub(crate) keys: Option<FileKeys>,
}

/// Statistics of a column without inner columns, as the catalog keeps them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileColumn {
    pub(crate) id: i64,
    pub(crate) type_name: String,
    pub(crate) bytes: u64,
    /// Values that are not null.
    pub(crate) values: u64,
    pub(crate) nulls: u64,
    pub(crate) min: Option<String>,
    pub(crate) max: Option<String>,
    /// For floats: whether there is a NaN, which min and max leave out.
    pub(crate) has_nan: Option<bool>,
    pub(crate) geometry: Option<GeometryStatistics>,
}

/// Ranges of the hidden key columns of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileKeys {
    /// The geometry column that the keys were made from.
    pub(crate) column: i64,
    pub(crate) range: KeyRange,
    /// `[west, south, east, north]` around all geometries, degrees.
    pub(crate) bounds: Option<[f64; 4]>,
    /// The same for files whose rows were sorted and thinned together.
    pub(crate) election: Uuid,
}

/// Files and inlined rows that give way to new files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replacement {
    /// Ids of data files whose rows, without the deleted ones, the new files hold, changed or not.
    pub(crate) removed_files: Vec<i64>,
    /// The new files also hold the rows that the catalog held at the base snapshot.
    pub(crate) removes_inlined: bool,
    pub(crate) added: Vec<NewFile>,
}

/// Why files are replaced: says how the snapshot is described to other readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// UPDATE or DELETE: rows differ afterwards.
    RowsChanged,
    /// Compaction: the same rows, laid out better.
    SameRows,
}

#[derive(Debug, Clone)]
enum Step {
    CreateSchema {
        name: String,
    },
    DropSchema {
        id: i64,
    },
    CreateTable(NewTable),
    DropTable {
        id: i64,
    },
    RenameTable {
        id: i64,
        name: String,
    },
    AddColumn {
        table: i64,
        column: Column,
    },
    /// The column as it shall be: name, type, nullability, defaults.
    AlterColumn {
        table: i64,
        column: Column,
    },
    DropColumn {
        table: i64,
        column: i64,
    },
    CreateView {
        schema: SchemaRef,
        name: String,
        sql: String,
        column_aliases: String,
    },
    DropView {
        id: i64,
    },
    Tag {
        on: Tagged,
        key: String,
        value: Option<String>,
    },
    Append {
        table: TableRef,
        files: Vec<NewFile>,
    },
    Replace {
        table: i64,
        reason: Reason,
        replacement: Replacement,
    },
}

/// What a commit made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Committed {
    pub(crate) snapshot: i64,
}

/// Writes what belongs to a change into its transaction: the activity line, jobs. May be called again when the
/// commit is tried again.
pub(crate) type Beside<'a> =
    &'a (dyn for<'t> Fn(&'t mut Transaction, &'t Committed) -> BoxFuture<'t, Result<()>> + Send + Sync);

impl Change {
    /// An empty change on what `base` shows.
    pub(crate) fn on(base: i64) -> Self {
        Change {
            base,
            steps: Vec::new(),
            new_schemas: 0,
            new_tables: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(crate) fn create_schema(&mut self, name: impl Into<String>) -> SchemaRef {
        self.steps.push(Step::CreateSchema { name: name.into() });
        self.new_schemas += 1;
        SchemaRef::New(self.new_schemas - 1)
    }

    /// The schema must be empty at the commit: drop its tables and views first, in the same change if need be.
    pub(crate) fn drop_schema(&mut self, id: i64) {
        self.steps.push(Step::DropSchema { id });
    }

    pub(crate) fn create_table(&mut self, table: NewTable) -> TableRef {
        self.steps.push(Step::CreateTable(table));
        self.new_tables += 1;
        TableRef::New(self.new_tables - 1)
    }

    pub(crate) fn drop_table(&mut self, id: i64) {
        self.steps.push(Step::DropTable { id });
    }

    pub(crate) fn rename_table(&mut self, id: i64, name: impl Into<String>) {
        self.steps.push(Step::RenameTable { id, name: name.into() });
    }

    /// Adds a column, with its inner columns, behind the others. Its numbers are given at the commit. Rows that are
    /// there read its `initial_default`.
    pub(crate) fn add_column(&mut self, table: i64, column: Column) {
        self.steps.push(Step::AddColumn { table, column });
    }

    /// Makes a top-level column what `column` says (by its id): name, type (widening only; the caller checks),
    /// nullability, default. Inner columns stay.
    pub(crate) fn alter_column(&mut self, table: i64, column: Column) {
        self.steps.push(Step::AlterColumn { table, column });
    }

    pub(crate) fn drop_column(&mut self, table: i64, column: i64) {
        self.steps.push(Step::DropColumn { table, column });
    }

    /// `sql` is in DuckDB's dialect with `{DUCKLAKE_CATALOG}` for the lake's name; `column_aliases` is `"a","b"` or
    /// empty.
    pub(crate) fn create_view(
        &mut self,
        schema: SchemaRef,
        name: impl Into<String>,
        sql: impl Into<String>,
        column_aliases: impl Into<String>,
    ) {
        self.steps.push(Step::CreateView {
            schema,
            name: name.into(),
            sql: sql.into(),
            column_aliases: column_aliases.into(),
        });
    }

    pub(crate) fn drop_view(&mut self, id: i64) {
        self.steps.push(Step::DropView { id });
    }

    /// Sets a tag, such as `comment`, or takes it away.
    pub(crate) fn tag(&mut self, on: Tagged, key: impl Into<String>, value: Option<String>) {
        self.steps.push(Step::Tag {
            on,
            key: key.into(),
            value,
        });
    }

    pub(crate) fn append(&mut self, table: TableRef, files: Vec<NewFile>) {
        self.steps.push(Step::Append { table, files });
    }

    /// Puts new files in the place of files and inlined rows. Conflicts when anything touched those since the base.
    pub(crate) fn replace(&mut self, table: i64, reason: Reason, replacement: Replacement) {
        self.steps.push(Step::Replace {
            table,
            reason,
            replacement,
        });
    }

    /// Publishes the change. `name` is the table that a conflict is reported for.
    pub(crate) async fn commit(&self, catalog: &Catalog, name: &TableName, beside: Beside<'_>) -> Result<Committed> {
        let _turn = catalog.commit_turn().await;
        let mut attempt = 1;
        loop {
            match publish::publish(self, catalog, name, beside).await {
                Err(Error::Busy) if attempt < ATTEMPTS => attempt += 1,
                Err(Error::Busy) => return Err(Error::Conflict(name.clone())),
                outcome => return outcome,
            }
        }
    }

    /// Paths of all files that the change adds.
    fn added_paths(&self) -> Vec<&str> {
        self.steps
            .iter()
            .flat_map(|step| match step {
                Step::Append { files, .. } => files.as_slice(),
                Step::Replace { replacement, .. } => replacement.added.as_slice(),
                Step::CreateSchema { .. }
                | Step::DropSchema { .. }
                | Step::CreateTable(_)
                | Step::DropTable { .. }
                | Step::RenameTable { .. }
                | Step::AddColumn { .. }
                | Step::AlterColumn { .. }
                | Step::DropColumn { .. }
                | Step::CreateView { .. }
                | Step::DropView { .. }
                | Step::Tag { .. } => &[],
            })
            .map(|file| file.path.as_str())
            .collect()
    }
}

/// Numbers columns from `first` on, outer before inner, and says the next free number. DuckLake numbers the columns of
/// each table by themselves, from 1.
fn number_columns(columns: &mut [Column], first: i64) -> i64 {
    let mut next = first;
    for column in columns {
        column.id = next;
        next = number_columns(&mut column.children, next + 1);
    }
    next
}

/// Nothing to write beside a change.
pub(crate) fn nothing<'t>(_: &'t mut Transaction, _: &'t Committed) -> BoxFuture<'t, Result<()>> {
    Box::pin(async { Ok(()) })
}

/// The name of a table for messages.
pub(crate) fn name_of(table: &LakeTable) -> TableName {
    TableName {
        schema: table.schema.clone(),
        table: table.name.clone(),
    }
}

/// The folder of a schema's or table's files: its name where that is plain, as DuckDB does it.
fn folder_of(name: &str, otherwise: Uuid) -> String {
    let is_plain = !name.is_empty()
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'));
    if is_plain {
        format!("{name}/")
    } else {
        format!("{otherwise}/")
    }
}
