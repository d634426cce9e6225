//! `groma demo`: loads the demo tables that are inside the program.

use clap::Args;
use serde_json::json;

use crate::configuration::Configuration;
use crate::failure::Failure;
use crate::operator::Operator;
use crate::output;

/// Load the demo tables that are not there yet.
#[derive(Debug, Args)]
pub(crate) struct Demo {}

impl Demo {
    pub(crate) async fn run(self, configuration: &Configuration) -> Result<(), Failure> {
        let operator = Operator::reach(configuration).await?;
        let loaded = load(&operator).await;
        operator.close().await;
        loaded
    }
}

/// Loads what is not there yet: a second time takes no time.
pub(crate) async fn load(operator: &Operator) -> Result<(), Failure> {
    let mut made = 0;
    operator
        .ask_for_lines("/demo", &json!({}), |line| {
            let loaded = &line["loaded"];
            if loaded["is_new"] == true {
                made += 1;
                let (table, rows) = (
                    loaded["table"].as_str().unwrap_or_default(),
                    loaded["rows"].as_u64().unwrap_or(0),
                );
                output::say(&format!("{table}: {rows} rows"));
            }
            Ok(())
        })
        .await?;
    if made == 0 {
        output::say("the demo tables are there");
    }
    Ok(())
}
