//! UPDATE, DELETE and TRUNCATE: the files that hold affected rows, and only those, are written anew.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use access::activity::ActivityKind;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::Column as ColumnName;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, when};
use datafusion::physical_plan::execute_stream;
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    Assignment, AssignmentTarget, CaseWhen, Delete, Expr as SqlExpr, FromTable, GroupByExpr, Query, SelectItem,
    SetExpr, Statement, TableFactor, TableWithJoins, Truncate, Update, UpdateTableFromKind, visit_expressions,
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
use crate::provider::{FILE, Files, INLINED, ROW, Reading, TableSource};
use crate::query::plan;
use crate::sql::{AsOf, identifier, parts};
use crate::writer::Target;

/// The schema under which a statement reads the table that it changes.
const TARGET_SCHEMA: &str = "\u{2}target";
/// Which row the condition found.
const FOUND_FILE: &str = "\u{2}file";
const FOUND_ROW: &str = "\u{2}row";
/// Whether a row is to be updated.
const HIT: &str = "\u{2}hit";

/// What happens to the rows of the affected files.
#[derive(Clone, Copy)]
enum Rewrite<'a> {
    Delete,
    Update(&'a [Assignment]),
}

impl Statements<'_> {
    pub(super) async fn update(&self, update: Update, moments: &[AsOf]) -> Result<u64> {
        refuse(!update.table.joins.is_empty(), "UPDATE … JOIN; use UPDATE … FROM")?;
        refuse(update.returning.is_some() || update.output.is_some(), "RETURNING")?;
        refuse(
            update.or.is_some() || update.limit.is_some() || !update.order_by.is_empty(),
            "ORDER BY and LIMIT in UPDATE",
        )?;
        let from = match &update.from {
            Some(UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables)) => tables.as_slice(),
            None => &[],
        };
        let what = Rewrite::Update(&update.assignments);
        self.rewrite(&update.table, from, update.selection.as_ref(), what, moments)
            .await
    }

    pub(super) async fn delete(&self, delete: Delete, moments: &[AsOf]) -> Result<u64> {
        refuse(!delete.tables.is_empty(), "DELETE of several tables")?;
        refuse(delete.returning.is_some() || delete.output.is_some(), "RETURNING")?;
        refuse(
            delete.limit.is_some() || !delete.order_by.is_empty(),
            "ORDER BY and LIMIT in DELETE",
        )?;
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        let [table] = tables.as_slice() else {
            return Err(Error::NotImplemented("DELETE from several tables".to_owned()));
        };
        refuse(!table.joins.is_empty(), "DELETE … JOIN; use DELETE … USING")?;
        let using = delete.using.as_deref().unwrap_or_default();
        self.rewrite(table, using, delete.selection.as_ref(), Rewrite::Delete, moments)
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
        from: &[TableWithJoins],
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
        let is_plain = from.is_empty() && !has_subquery(condition, what);
        let work = Work {
            statements: self,
            reading: &reading,
            table: &table,
            alias,
            from,
            condition,
            snapshot,
            is_plain,
        };
        if let (Rewrite::Delete, None, true) = (what, condition, is_plain) {
            return self.empty(&name, &table, snapshot).await;
        }
        let hits = self.deadline.within(work.hits(what)).await?;
        let affected: u64 = hits.values().sum();
        if affected == 0 {
            // Mistakes in SET must not depend on the rows there are.
            self.deadline
                .within(async { work.rewritten(what, HashSet::new()).await.map(|_| ()) })
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
                let plan = work.rewritten(what, rewritten).await?;
                let physical = state.create_physical_plan(&plan).await.map_err(error_from_engine)?;
                let rows = execute_stream(physical, state.task_ctx()).map_err(error_from_engine)?;
                let target = Target {
                    folder: table.path.clone(),
                    columns: table.columns.clone(),
                };
                Box::pin(Box::pin(self.warehouse.writer().write(target, rows, None)))
                    .await
                    .map(Some)
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

/// Whether another query stands in the condition or the new values.
fn has_subquery(condition: Option<&SqlExpr>, what: Rewrite<'_>) -> bool {
    let values = match what {
        Rewrite::Update(assignments) => assignments,
        Rewrite::Delete => &[],
    };
    let found = condition
        .into_iter()
        .chain(values.iter().map(|assignment| &assignment.value))
        .try_for_each(|expression| {
            visit_expressions(expression, |inner| match inner {
                SqlExpr::Subquery(_) | SqlExpr::InSubquery { .. } | SqlExpr::Exists { .. } => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
        });
    found.is_break()
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
    /// Other tables whose rows meet those of the table.
    from: &'a [TableWithJoins],
    condition: Option<&'a SqlExpr>,
    snapshot: i64,
    /// Each row tells by itself whether it is affected: no other tables, no subqueries.
    is_plain: bool,
}

impl Work<'_> {
    /// File → how many of its rows the condition holds for.
    async fn hits(&self, what: Rewrite<'_>) -> Result<HashMap<i64, u64>> {
        self.put(if self.is_plain {
            Files::AllNamed
        } else {
            Files::AllNumbered
        });
        let file = SqlExpr::Identifier(identifier(FILE));
        let mut items = vec![SelectItem::UnnamedExpr(file.clone())];
        let counts: &[&str] = if self.is_plain {
            &["count(*)"]
        } else {
            &["count(DISTINCT _row)", "count(*)"]
        };
        for count in counts {
            items.push(SelectItem::UnnamedExpr(crate::sql::parse_expression(&Sql::new(
                *count,
            ))?));
        }
        let mut query = self.query(items, self.from)?;
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.selection = self.condition.cloned();
            select.group_by = GroupByExpr::Expressions(vec![file], Vec::new());
        }
        let state = self.reading.session();
        let plan = plan(self.reading, &state, Statement::Query(Box::new(query))).await?;
        let batches = crate::engine::collect(&state, &plan, self.statements.deadline).await?;
        let mut hits = HashMap::new();
        for batch in batches {
            let column = |index: usize| batch.column(index).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let count = column(1).value(row);
                if let (Rewrite::Update(_), false) = (what, self.is_plain)
                    && column(2).value(row) > count
                {
                    return Err(Error::Invalid(
                        "UPDATE … FROM finds several rows for one row of the table: make the condition unique"
                            .to_owned(),
                    ));
                }
                hits.insert(column(0).value(row), u64::try_from(count).unwrap_or(0));
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
    async fn rewritten(&self, what: Rewrite<'_>, files: HashSet<i64>) -> Result<LogicalPlan> {
        self.put(if self.is_plain {
            Files::Some(files)
        } else {
            Files::SomeNumbered(files)
        });
        match (what, self.is_plain) {
            (Rewrite::Delete, true) => self.without_hits().await,
            (Rewrite::Update(assignments), true) => self.with_assignments(assignments).await,
            (Rewrite::Delete, false) => self.without_matches().await,
            (Rewrite::Update(assignments), false) => self.with_matches(assignments).await,
        }
    }

    /// All rows but those that the condition finds.
    async fn without_matches(&self) -> Result<LogicalPlan> {
        let all = self.all_rows().await?;
        let found = self.matches(Vec::new()).await?;
        let left = LogicalPlanBuilder::from(all)
            .join(
                found,
                JoinType::LeftAnti,
                (vec![FILE, ROW], vec![FOUND_FILE, FOUND_ROW]),
                None,
            )
            .and_then(LogicalPlanBuilder::build)
            .map_err(error_from_engine)?;
        let columns = self.old_values(&left)?;
        project(left, columns)
    }

    /// All rows, those that the condition finds with their new values.
    async fn with_matches(&self, assignments: &[Assignment]) -> Result<LogicalPlan> {
        let (changed, values) = self.assignments(assignments)?;
        let all = self.all_rows().await?;
        let found = self.matches(values).await?;
        let joined = LogicalPlanBuilder::from(all)
            .join(
                found,
                JoinType::Left,
                (vec![FILE, ROW], vec![FOUND_FILE, FOUND_ROW]),
                None,
            )
            .and_then(LogicalPlanBuilder::build)
            .map_err(error_from_engine)?;
        let is_found = Expr::Column(ColumnName::from_name(FOUND_FILE)).is_not_null();
        self.assign(joined, &changed, Some(is_found))
    }

    async fn all_rows(&self) -> Result<LogicalPlan> {
        let query = self.query(vec![SelectItem::Wildcard(Default::default())], &[])?;
        let state = self.reading.session();
        plan(self.reading, &state, Statement::Query(Box::new(query))).await
    }

    /// Which rows the condition finds, with the values that others take from.
    async fn matches(&self, values: Vec<SelectItem>) -> Result<LogicalPlan> {
        let mut items: Vec<SelectItem> = [(FILE, FOUND_FILE), (ROW, FOUND_ROW)]
            .into_iter()
            .map(|(name, alias)| SelectItem::ExprWithAlias {
                expr: SqlExpr::Identifier(identifier(name)),
                alias: identifier(alias),
            })
            .collect();
        items.extend(values);
        let mut query = self.query(items, self.from)?;
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.selection = self.condition.cloned();
        }
        let state = self.reading.session();
        plan(self.reading, &state, Statement::Query(Box::new(query))).await
    }

    async fn without_hits(&self) -> Result<LogicalPlan> {
        let mut query = self.query(vec![SelectItem::Wildcard(Default::default())], &[])?;
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
        let (changed, values) = self.assignments(assignments)?;
        for value in values {
            items.push(match value {
                SelectItem::ExprWithAlias { expr, alias } => SelectItem::ExprWithAlias {
                    expr: self.if_hit(expr),
                    alias,
                },
                other => other,
            });
        }
        let query = self.query(items, &[])?;
        let state = self.reading.session();
        let plan = plan(self.reading, &state, Statement::Query(Box::new(query))).await?;
        let is_hit = self.condition.map(|_| Expr::Column(ColumnName::from_name(HIT)));
        self.assign(plan, &changed, is_hit)
    }

    /// Column → the alias of its new value, nothing for its plain default; and the values under their aliases.
    fn assignments(&self, assignments: &[Assignment]) -> Result<(HashMap<i64, Option<String>>, Vec<SelectItem>)> {
        let mut changed: HashMap<i64, Option<String>> = HashMap::new();
        let mut values = Vec::new();
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
            if let (Some(expr), Some(alias)) = (value, alias) {
                values.push(SelectItem::ExprWithAlias {
                    expr,
                    alias: identifier(&alias),
                });
            }
        }
        Ok((changed, values))
    }

    /// The table's columns with their new values, where `is_hit` holds.
    fn assign(
        &self,
        plan: LogicalPlan,
        changed: &HashMap<i64, Option<String>>,
        is_hit: Option<Expr>,
    ) -> Result<LogicalPlan> {
        let state = self.reading.session();
        let schema = plan.schema().clone();
        let mut columns = self.old_values(&plan)?;
        for (column, old) in self.table.columns.iter().zip(&mut columns) {
            let Some(alias) = changed.get(&column.id) else { continue };
            let new = match alias {
                Some(alias) => assigned(&state, Expr::Column(ColumnName::from_name(alias)), &schema, column)?,
                None => default_value(column)?,
            };
            let value = match &is_hit {
                Some(is_hit) => when(is_hit.clone(), new)
                    .otherwise(old.clone())
                    .map_err(error_from_engine)?,
                None => new,
            };
            *old = value.alias(&column.name);
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

    /// `SELECT … FROM` the table, under the name that the statement gives it, and other tables.
    fn query(&self, projection: Vec<SelectItem>, others: &[TableWithJoins]) -> Result<Query> {
        let target = TableName::new(TARGET_SCHEMA, &self.table.name);
        let text = format!("SELECT 1 FROM {} AS {}", target.to_sql(), crate::quote(&self.alias));
        let Statement::Query(mut query) = crate::sql::parse(&Sql::new(text))?.statement else {
            return Err(Error::Internal("a query that is none".to_owned()));
        };
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.projection = projection;
            select.from.extend(others.iter().cloned());
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
