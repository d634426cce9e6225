//! Grants: what people write into a token, in the one form that is compared on every request.
//!
//! A connection goes by the name that stays when an organisation renames it, a table by `schema.table`
//! however it was quoted, a query by its exact text.

use access::{EVERY_CONNECTION, Grant, GrantedSource, Organisation};
use database::Id;
use maps::{DatasetGrant, DatasetSource};
use warehouse::TableName;

use crate::auth;
use crate::problem::Problem;
use crate::state::Groma;

/// A grant whose connection exists and whose table has a table's name.
pub(crate) async fn checked(
    groma: &Groma,
    organisation: Id<Organisation>,
    connection: &str,
    source: &str,
) -> Result<Grant, Problem> {
    let connection = match connection {
        EVERY_CONNECTION => EVERY_CONNECTION.to_owned(),
        name => auth::canonical(&groma.rooms().connections.resolve(organisation, name).await?).to_owned(),
    };
    let source = match GrantedSource::from_text(source) {
        GrantedSource::Table(name) => GrantedSource::Table(TableName::parse(&name)?.to_string()),
        source @ (GrantedSource::Everything | GrantedSource::Query(_)) => source,
    };
    Ok(Grant { connection, source })
}

/// The grant that a map's token has for one of its datasets.
pub(crate) fn of_dataset(dataset: &DatasetGrant) -> Grant {
    let source = match &dataset.source {
        // What is no table's name grants nothing, whatever it is.
        DatasetSource::Table(name) => {
            GrantedSource::Table(TableName::parse(name).map_or_else(|_| name.clone(), |name| name.to_string()))
        }
        DatasetSource::Query(text) => GrantedSource::Query(text.trim().to_owned()),
    };
    // There is one connection, and every name that a dataset can have for it means this one.
    Grant {
        connection: connections::FIXED_NAME.to_owned(),
        source,
    }
}
