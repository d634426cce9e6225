//! Why access was refused, in words for the person who can do something about it.

/// Result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why access was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or the actor may not know that it does.
    #[error("there is no such {0}, or you may not see it")]
    NotFound(&'static str),
    /// The actor may know it, but not do this.
    #[error("you may not do this: {0}")]
    Forbidden(&'static str),
    /// Unknown e-mail address or wrong password; which of the two is not said.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The claim link was used, has expired or was never ours.
    #[error("this link is not valid any more; start the server again to get a new one")]
    ClaimLink,
    #[error("this installation already has its organisation; sign in instead")]
    AlreadySetUp,
    #[error(
        "there is no organisation yet; open the link that the server printed when it started, or set GROMA_ADMIN_EMAIL and GROMA_ADMIN_PASSWORD"
    )]
    NotSetUp,
    #[error("`{0}` is not an e-mail address")]
    Email(String),
    #[error("{0} must not be empty")]
    Empty(&'static str),
    #[error("a password has at least 8 characters and at most 1024 bytes")]
    Password,
    #[error("{email} already has an account")]
    EmailTaken { email: String },
    #[error("you already have a token called `{name}`; choose another name or delete that one")]
    TokenNameTaken { name: String },
    #[error("`{0}` is not an API; the APIs are sql, maps, imports and lds")]
    UnknownApi(String),
    #[error("`{text}` is not a referer: {reason}; give an origin such as https://maps.example.com")]
    Referer { text: String, reason: String },
    #[error("a password could not be hashed: {0}")]
    Hashing(String),
    #[error(transparent)]
    Database(#[from] database::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Error::Database(error.into())
    }
}
