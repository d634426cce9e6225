//! Who asks.

use std::sync::Arc;

use database::Id;
use serde::{Deserialize, Serialize};

use crate::{ApiSet, ApiToken, Grant, Organisation, Person, Session};

/// Who asks. It may travel in a job's payload, so that the job acts for the same one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "actor", rename_all = "snake_case")]
pub enum Actor {
    /// A person who signed in.
    Person {
        id: Id<Person>,
        organisation: Id<Organisation>,
        session: Id<Session>,
    },
    /// An application with an API access token.
    Token {
        id: Id<ApiToken>,
        organisation: Id<Organisation>,
        owner: Option<Id<Person>>,
        apis: ApiSet,
        grants: Arc<[Grant]>,
    },
    /// A command on the machine itself: whoever may run it owns the data directory anyway.
    Operator { organisation: Id<Organisation> },
    /// Nobody we know.
    Anonymous,
}

impl Actor {
    /// Whose things it works with.
    pub fn organisation(&self) -> Option<Id<Organisation>> {
        match self {
            Actor::Person { organisation, .. }
            | Actor::Token { organisation, .. }
            | Actor::Operator { organisation } => Some(*organisation),
            Actor::Anonymous => None,
        }
    }

    /// The person who acts. A token is not its owner.
    pub fn person(&self) -> Option<Id<Person>> {
        match self {
            Actor::Person { id, .. } => Some(*id),
            Actor::Token { .. } | Actor::Operator { .. } | Actor::Anonymous => None,
        }
    }

    /// What the activity log calls this kind of actor.
    pub fn kind(&self) -> &'static str {
        match self {
            Actor::Person { .. } => "person",
            Actor::Token { .. } => "token",
            Actor::Operator { .. } => "operator",
            Actor::Anonymous => "anonymous",
        }
    }

    /// The person's or token's id.
    pub fn uuid(&self) -> Option<uuid::Uuid> {
        match self {
            Actor::Person { id, .. } => Some(id.uuid()),
            Actor::Token { id, .. } => Some(id.uuid()),
            Actor::Operator { .. } | Actor::Anonymous => None,
        }
    }
}
