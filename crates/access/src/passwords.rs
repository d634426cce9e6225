//! Passwords: argon2id, away from the threads that serve requests.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};

/// Shortest password, in characters.
pub const MIN_CHARACTERS: usize = 8;
/// Longest password, in bytes: hashing more would only be work for us.
pub const MAX_BYTES: usize = 1024;

/// Each hash takes 19 MiB and a core for some 20 ms: with more at once a flood of sign-ins would starve the tiles.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// A hash to check against when there is no account, so that the answer takes as long.
static HASH_OF_NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_now("nobody has this password").expect("the parameters are argon2's own"));

/// A hashed password in PHC form, with its salt and parameters.
#[derive(Clone)]
pub struct PasswordHash(pub(crate) String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Hashes a new password; refuses one that is too short or too long.
pub async fn hash(password: &str) -> Result<PasswordHash> {
    if password.chars().count() < MIN_CHARACTERS || password.len() > MAX_BYTES {
        return Err(Error::Password);
    }
    let password = password.to_owned();
    aside(move || hash_now(&password)).await?.map(PasswordHash)
}

/// True when `password` is the one behind `hash`. Without a hash it takes as long, and is false.
pub(crate) async fn verify(password: &str, hash: Option<String>) -> Result<bool> {
    if password.len() > MAX_BYTES {
        return Ok(false);
    }
    let password = password.to_owned();
    aside(move || {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| HASH_OF_NOBODY.clone());
        let parsed = phc::PasswordHash::new(&hash).map_err(|error| Error::Hashing(error.to_string()))?;
        // The parameters in the hash are used, so that old hashes stay valid when ours grow.
        Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && is_known)
    })
    .await?
}

/// Argon2id with 19 MiB, two passes, one lane: the crate's default and OWASP's recommendation.
fn hash_now(password: &str) -> Result<String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| Error::Hashing(error.to_string()))
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _turn = AT_ONCE.acquire().await.expect("the semaphore is never closed");
    spawn_blocking(work)
        .await
        .map_err(|error| Error::Hashing(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_recognised_and_its_hash_is_salted_argon2id() {
        let one = hash("correct horse").await.unwrap();
        let two = hash("correct horse").await.unwrap();
        assert_ne!(one.0, two.0);
        assert!(one.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.0);
        assert!(verify("correct horse", Some(one.0.clone())).await.unwrap());
        assert!(!verify("wrong horse", Some(one.0)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_a_password_not_even_the_right_one() {
        assert!(!verify("nobody has this password", None).await.unwrap());
    }

    #[tokio::test]
    async fn short_and_endless_passwords_are_refused() {
        for refused in ["", "1234567", "äöüäöüä", &"x".repeat(1025)] {
            assert!(
                matches!(hash(refused).await, Err(Error::Password)),
                "{} bytes",
                refused.len()
            );
        }
        assert!(hash("äöüäöüäö").await.is_ok());
        assert!(!verify(&"x".repeat(1025), None).await.unwrap());
    }
}
