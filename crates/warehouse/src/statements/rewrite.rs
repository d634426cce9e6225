//! UPDATE, DELETE and TRUNCATE: the files that hold affected rows, and only those, are written anew.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use access::activity::ActivityKind;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::Column as ColumnName;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, when};
use datafusion::physical_plan::execute_stream;
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    Assignment, AssignmentTarget, CaseWhen, Delete, Expr as SqlExpr, FromTable, GroupByExpr, Query, SelectItem,
    SetExpr, Statement, TableFactor, TableWithJoins, Truncate, Update,
};
use serde_json::json;

use super::alter::{column_named, default_expression};
use super::assign::{assigned, default_value};
use super::insert::writable;
use super::publish::Line;
use super::{Statements, refuse, table_name};
use crate::Sql;
use crate::catalog::LakeTable;
use crate::commit::{Change, Reason, Replacement};
use crate::engine::error_from_engine;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::provider::{FILE, Files, INLINED, Reading, TableSource};
use crate::query::plan;
use crate::sql::{AsOf, identifier, parts};
use crate::writer::Target;

/// The schema under which a statement reads the table that it changes.
const TARGET_SCHEMA: &str = "\u{2}target";
/// Whether a row is to be updated.
const HIT: &str = "\u{2}hit";

/// What happens to the rows of the affected files.
enum Rewrite<'a> {
    Delete,
    Update(&'a [Assignment]),
}

impl Statements<'_> {
    pub(super) async fn update(&self, update: Update, moments: &[AsOf]) -> Result<u64> {
        refuse(
            update.from.is_some() || !update.table.joins.is_empty(),
            "UPDATE … FROM; use a subquery in SET",
        )?;
        refuse(update.returning.is_some() || update.output.is_some(), "RETURNING")?;
        refuse(
            update.or.is_some() || update.limit.is_some() || !update.order_by.is_empty(),
            "ORDER BY and LIMIT in UPDATE",
        )?;
        self.rewrite(
            &update.table,
            update.selection.as_ref(),
            Rewrite::Update(&update.assignments),
            moments,
        )
        .await
    }

    pub(super) async fn delete(&self, delete: Delete, moments: &[AsOf]) -> Result<u64> {
        refuse(
            delete.using.is_some() || !delete.tables.is_empty(),
            "DELETE … USING; use a subquery in WHERE",
        )?;
        refuse(delete.returning.is_some() || delete.output.is_some(), "RETURNING")?;
        refuse(
            delete.limit.is_some() || !delete.order_by.is_empty(),
            "ORDER BY and LIMIT in DELETE",
        )?;
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        let [table] = tables.as_slice() else {
            return Err(Error::NotImplemented("DELETE from several tables".to_owned()));
        };
        refuse(!table.joins.is_empty(), "DELETE … JOIN; use a subquery in WHERE")?;
        self.rewrite(table, delete.selection.as_ref(), Rewrite::Delete, moments)
            .await
    }

    pub(super) async fn truncate(&self, truncate: Truncate) -> Result<u64> {
        refuse(
            truncate.partitions.is_some() || truncate.on_cluster.is_some(),
            "PARTITION",
        )?;
        let mut rows = 0;
        for target in &truncate.table_names {
            let name = table_name(&target.name)?;
            let lake = self.warehouse.newest_lake().await?;
            if truncate.if_exists && lake.table(&name.schema, &name.table).is_none() {
                continue;
            }
            let table = writable(&lake, &name)?.clone();
            let _turn = self.warehouse.turn_of(table.id).await;
            rows += self.empty(&name, &table, lake.snapshot).await?;
        }
        Ok(rows)
    }

    /// Removes all rows.
    async fn empty(&self, name: &TableName, table: &LakeTable, snapshot: i64) -> Result<u64> {
        let contents = self.warehouse.catalog().contents(snapshot, table).await?;
        if contents.files.is_empty() && contents.inlined.is_none() {
            return Ok(0);
        }
        let mut change = Change::on(snapshot);
        let replacement = Replacement {
            removed_files: contents.files.iter().map(|file| file.id).collect(),
            removes_inlined: contents.inlined.is_some(),
            added: Vec::new(),
        };
        change.replace(table.id, Reason::RowsChanged, replacement);
        self.publish(&change, name, changed(name, "delete", table.rows)).await?;
        Ok(table.rows)
    }

    async fn rewrite(
        &self,
        target: &TableWithJoins,
        condition: Option<&SqlExpr>,
        what: Rewrite<'_>,
        moments: &[AsOf],
    ) -> Result<u64> {
        let TableFactor::Table { name, alias, .. } = &target.relation else {
            return Err(Error::Invalid("UPDATE and DELETE name one table".to_owned()));
        };
        let name = table_name(name)?;
        let id = writable(&*self.warehouse.newest_lake().await?, &name)?.id;
        // Statements of this server that rewrite the same table take turns: nobody's work is for nothing.
        let _turn = self
            .deadline
            .within(async { Ok(self.warehouse.turn_of(id).await) })
            .await?;
        let reading = self.warehouse.reading(moments).await?;
        let table = writable(reading.lake(), &name)?.clone();
        let snapshot = reading.lake().snapshot;
        let alias = alias
            .as_ref()
            .map_or_else(|| table.name.clone(), |alias| crate::sql::written(&alias.name));
        let work = Work {
            statements: self,
            reading: &reading,
            table: &table,
            alias,
            condition,
            snapshot,
        };
        if let (Rewrite::Delete, None) = (&what, condition) {
            return self.empty(&name, &table, snapshot).await;
        }
        let hits = self.deadline.within(work.hits()).await?;
        let affected: u64 = hits.values().sum();
        if affected == 0 {
            // Mistakes in SET must not depend on the rows there are.
            self.deadline
                .within(async { work.rewritten(&what, HashSet::new()).await.map(|_| ()) })
                .await?;
            return Ok(0);
        }
        let mut rewritten: HashSet<i64> = hits.keys().copied().collect();
        if let Rewrite::Delete = what {
            for file in work.emptied(&hits).await? {
                rewritten.remove(&file);
            }
        }
        let state = reading.session();
        let written = self
            .deadline
            .within(async {
                if rewritten.is_empty() {
                    return Ok(None);
                }
                let plan = work.rewritten(&what, rewritten).await?;
                let physical = state.create_physical_plan(&plan).await.map_err(error_from_engine)?;
                let rows = execute_stream(physical, state.task_ctx()).map_err(error_from_engine)?;
                let target = Target {
                    folder: table.path.clone(),
                    columns: table.columns.clone(),
                };
                self.warehouse.writer().write(target, rows, None).await.map(Some)
            })
            .await?;
        let mut change = Change::on(snapshot);
        let replacement = Replacement {
            removed_files: hits.keys().copied().filter(|file| *file != INLINED).collect(),
            removes_inlined: hits.contains_key(&INLINED),
            added: written
                .as_ref()
                .map(|written| written.files.clone())
                .unwrap_or_default(),
        };
        change.replace(table.id, Reason::RowsChanged, replacement);
        let verb = match what {
            Rewrite::Delete => "delete",
            Rewrite::Update(_) => "update",
        };
        self.publish(&change, &name, changed(&name, verb, affected)).await?;
        Ok(affected)
    }
}

fn changed(name: &TableName, verb: &str, rows: u64) -> Line {
    Line::table(
        ActivityKind::TableChanged,
        name,
        json!({ "change": verb, "rows": rows }),
    )
}

struct Work<'a> {
    statements: &'a Statements<'a>,
    reading: &'a Arc<Reading>,
    table: &'a Arc<LakeTable>,
    /// What the statement calls the table.
    alias: String,
    condition: Option<&'a SqlExpr>,
    snapshot: i64,
}

impl Work<'_> {
    /// File → how many of its rows the condition holds for.
    async fn hits(&self) -> Result<HashMap<i64, u64>> {
        self.put(Files::AllNamed);
        let file = SqlExpr::Identifier(identifier(FILE));
        let count = crate::sql::parse_expression(&Sql::new("count(*)"))?;
        let mut query = self.query(vec![
            SelectItem::UnnamedExpr(file.clone()),
            SelectItem::UnnamedExpr(count),
        ])?;
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.selection = self.condition.cloned();
            select.group_by = GroupByExpr::Expressions(vec![file], Vec::new());
        }
        let state = self.reading.session();
        let plan = plan(self.reading, &state, Statement::Query(Box::new(query))).await?;
        let batches = crate::engine::collect(&state, &plan, self.statements.deadline).await?;
        let mut hits = HashMap::new();
        for batch in batches {
            let files = batch.column(0).as_primitive::<Int64Type>();
            let counts = batch.column(1).as_primitive::<Int64Type>();
            for (file, count) in files.values().iter().zip(counts.values()) {
                hits.insert(*file, u64::try_from(*count).unwrap_or(0));
            }
        }
        Ok(hits)
    }

    /// Files of which every row that is left is hit.
    async fn emptied(&self, hits: &HashMap<i64, u64>) -> Result<Vec<i64>> {
        let catalog = self.statements.warehouse.catalog();
        let contents = catalog.contents(self.snapshot, self.table).await?;
        let mut emptied = Vec::new();
        for file in contents.files.iter() {
            if let Some(hit) = hits.get(&file.id) {
                let deleted = catalog.deleted_positions(self.snapshot, self.table, file).await?;
                if *hit + deleted.len() as u64 == file.rows {
                    emptied.push(file.id);
                }
            }
        }
        if let (Some(hit), Some(rows)) = (hits.get(&INLINED), &contents.inlined)
            && *hit == rows.num_rows() as u64
        {
            emptied.push(INLINED);
        }
        Ok(emptied)
    }

    /// The rows that take the place of those in `files`.
    async fn rewritten(&self, what: &Rewrite<'_>, files: HashSet<i64>) -> Result<LogicalPlan> {
        self.put(Files::Some(files));
        match what {
            Rewrite::Delete => self.without_hits().await,
            Rewrite::Update(assignments) => self.with_assignments(assignments).await,
        }
    }

    async fn without_hits(&self) -> Result<LogicalPlan> {
        let mut query = self.query(vec![SelectItem::Wildcard(Default::default())])?;
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.selection = self
                .condition
                .map(|condition| SqlExpr::IsNotTrue(Box::new(SqlExpr::Nested(Box::new(condition.clone())))));
        }
        let state = self.reading.session();
        let plan = plan(self.reading, &state, Statement::Query(Box::new(query))).await?;
        let columns = self.old_values(&plan)?;
        project(plan, columns)
    }

    async fn with_assignments(&self, assignments: &[Assignment]) -> Result<LogicalPlan> {
        let mut items = vec![SelectItem::Wildcard(Default::default())];
        if let Some(condition) = self.condition {
            items.push(SelectItem::ExprWithAlias {
                expr: condition.clone(),
                alias: identifier(HIT),
            });
        }
        let mut changed: HashMap<i64, Option<String>> = HashMap::new();
        for (index, assignment) in assignments.iter().enumerate() {
            let AssignmentTarget::ColumnName(target) = &assignment.target else {
                return Err(Error::NotImplemented(
                    "SET (a, b) = …; assign one column after the other".to_owned(),
                ));
            };
            let column = column_named(self.table, &parts(target)?.pop().unwrap_or_default())?;
            let value = match &assignment.value {
                SqlExpr::Identifier(word)
                    if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("default") =>
                {
                    default_expression(column)?
                }
                value => Some(value.clone()),
            };
            let alias = value.is_some().then(|| format!("\u{2}{index}"));
            if changed.insert(column.id, alias.clone()).is_some() {
                return Err(Error::Invalid(format!("The column {} is set twice", column.name)));
            }
            if let (Some(value), Some(alias)) = (value, alias) {
                items.push(SelectItem::ExprWithAlias {
                    expr: self.if_hit(value),
                    alias: identifier(&alias),
                });
            }
        }
        let query = self.query(items)?;
        let state = self.reading.session();
        let plan = plan(self.reading, &state, Statement::Query(Box::new(query))).await?;
        let schema = plan.schema().clone();
        let mut columns = self.old_values(&plan)?;
        for (column, old) in self.table.columns.iter().zip(&mut columns) {
            let Some(alias) = changed.get(&column.id) else { continue };
            let new = match alias {
                Some(alias) => assigned(&state, Expr::Column(ColumnName::from_name(alias)), &schema, column)?,
                None => default_value(column)?,
            };
            *old = match self.condition {
                Some(_) => when(Expr::Column(ColumnName::from_name(HIT)), new)
                    .otherwise(old.clone())
                    .map_err(error_from_engine)?
                    .alias(&column.name),
                None => new.alias(&column.name),
            };
        }
        project(plan, columns)
    }

    /// Values are computed for the rows that are hit and no others: `SET a = 1 / a WHERE a <> 0`.
    fn if_hit(&self, value: SqlExpr) -> SqlExpr {
        match self.condition {
            None => value,
            Some(condition) => SqlExpr::Case {
                case_token: AttachedToken::empty(),
                end_token: AttachedToken::empty(),
                operand: None,
                conditions: vec![CaseWhen {
                    condition: condition.clone(),
                    result: value,
                }],
                else_result: None,
            },
        }
    }

    fn old_values(&self, plan: &LogicalPlan) -> Result<Vec<Expr>> {
        self.table
            .columns
            .iter()
            .map(|column| {
                let (qualifier, field) = plan
                    .schema()
                    .qualified_field_with_unqualified_name(&column.name)
                    .map_err(error_from_engine)?;
                Ok(Expr::Column(ColumnName::from((qualifier, field))))
            })
            .collect()
    }

    /// Makes the name in `query` mean these files of the table.
    fn put(&self, files: Files) {
        let source = TableSource::new(
            self.statements.warehouse.catalog().clone(),
            self.snapshot,
            self.table.clone(),
            files,
        );
        self.reading
            .put(TableName::new(TARGET_SCHEMA, &self.table.name), Arc::new(source));
    }

    /// `SELECT … FROM` the table, under the name that the statement gives it.
    fn query(&self, projection: Vec<SelectItem>) -> Result<Query> {
        let target = TableName::new(TARGET_SCHEMA, &self.table.name);
        let text = format!("SELECT 1 FROM {} AS {}", target.to_sql(), crate::quote(&self.alias));
        let Statement::Query(mut query) = crate::sql::parse(&Sql::new(text))?.statement else {
            return Err(Error::Internal("a query that is none".to_owned()));
        };
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.projection = projection;
        }
        Ok(*query)
    }
}

fn project(plan: LogicalPlan, columns: Vec<Expr>) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan)
        .project(columns)
        .and_then(LogicalPlanBuilder::build)
        .map_err(error_from_engine)
}
