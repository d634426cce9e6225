//! Who may do what: organisations, people, tokens and grants, sign-in, activity.

use database::Id;

/// An organisation: whose people and things these are.
#[derive(Debug)]
pub struct Organisation;

/// Who asks.
#[derive(Debug, Clone)]
pub enum Actor {
    /// A command on the machine itself.
    Operator { organisation: Id<Organisation> },
    /// Nobody we know.
    Anonymous,
}
