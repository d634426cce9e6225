//! Who may do what: organisations, people, sign-in, tokens and grants, assets and sharing, the activity log.
//!
//! Functions that change something take a [`database::Transaction`] and write their activity line in it, so that
//! neither exists without the other. Time is passed in. Passwords are hashed before a transaction begins.

pub mod activity;
mod actor;
pub mod assets;
pub mod bookmarks;
mod doorkeeper;
mod email;
mod error;
mod grants;
pub mod organisations;
pub mod passwords;
pub mod people;
mod referers;
mod secret;
pub mod sessions;
pub mod tokens;

pub use activity::{ActivityKind, Target, TargetKind};
pub use actor::Actor;
pub use assets::{Action, Asset, AssetKind, Sharing};
pub use doorkeeper::Doorkeeper;
pub use email::Email;
pub use error::{Error, Result};
pub use grants::{Api, ApiSet, EVERY_CONNECTION, Grant, GrantedSource};
pub use organisations::{NewOrganisation, NewOwner, Organisation};
pub use passwords::PasswordHash;
pub use people::Person;
pub use referers::Referer;
pub use secret::Secret;
pub use sessions::{Session, SignedIn};
pub use tokens::{ApiToken, NewToken};
