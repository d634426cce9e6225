//! `groma token create`: prints a new API access token, alone, on standard output.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::configuration::Configuration;
use crate::failure::Failure;
use crate::operator::Operator;
use crate::output;

/// API access tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Create a token and print it. It is shown this once.
    Create(Create),
}

/// What the new token may do.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// A name to find it by.
    #[arg(long)]
    name: String,
    /// The APIs that it opens: maps, sql, imports, lds.
    #[arg(long, value_delimiter = ',', default_value = "maps,sql")]
    apis: Vec<String>,
    /// What it may read: '*', a table (schema.name), or the exact text of a query. May be repeated.
    #[arg(long = "grant", required = true)]
    grants: Vec<String>,
    /// The connection that the grants are for.
    #[arg(long, default_value = "carto_dw")]
    connection: String,
    /// Pages that may use it (origins such as https://example.org). May be repeated; none means any.
    #[arg(long = "referer")]
    referers: Vec<String>,
}

impl Token {
    pub(crate) async fn run(self, configuration: &Configuration) -> Result<(), Failure> {
        let Self::Create(create) = self;
        let operator = Operator::reach(configuration).await?;
        let grants: Vec<_> = create
            .grants
            .iter()
            .map(|source| json!({"connection_name": create.connection, "source": source}))
            .collect();
        let question = json!({
            "name": create.name, "allowed_apis": create.apis, "grants": grants, "referers": create.referers,
        });
        let answer = operator.ask("/token", &question).await;
        operator.close().await;
        let answer = answer?;
        let token = answer["token"]
            .as_str()
            .ok_or_else(|| Failure::Fault("the server sent no token".to_owned()))?;
        output::data_line(token);
        Ok(())
    }
}
