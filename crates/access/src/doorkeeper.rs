//! The doorkeeper: recognises who knocks, and remembers them for a few seconds, so that a tile costs no query.
//!
//! What is deleted through it is forgotten at once on this server. Other servers on the same database forget it when
//! their memory of it runs out, five seconds later at most.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use database::{Database, Id};

use crate::error::Result;
use crate::secret::{self, SecretHash};
use crate::{Actor, ApiToken, Session, SignedIn, sessions, tokens};

/// How long a token or session is believed without looking again.
const REMEMBERED: TimeDelta = TimeDelta::seconds(5);
/// How many of each are remembered; with more, the old ones are looked up again.
const CAPACITY: usize = 10_000;

/// Recognises tokens and sessions. Cheap to clone; clones share their memory.
#[derive(Clone, Debug)]
pub struct Doorkeeper {
    db: Database,
    tokens: Arc<Memory<ApiToken>>,
    sessions: Arc<Memory<SignedIn>>,
}

impl Doorkeeper {
    /// A doorkeeper who knows nobody yet.
    pub fn new(db: Database) -> Doorkeeper {
        Doorkeeper {
            db,
            tokens: Arc::default(),
            sessions: Arc::default(),
        }
    }

    /// The token with this secret if it is remembered; none when the store has to be asked.
    pub fn remembered_token(&self, secret: &str, now: DateTime<Utc>) -> Option<Arc<ApiToken>> {
        self.tokens.recall(&secret::hash(secret), now)
    }

    /// The token with this secret; none when there is none (any more).
    pub async fn token(&self, secret: &str, now: DateTime<Utc>) -> Result<Option<Arc<ApiToken>>> {
        let hash = secret::hash(secret);
        if let Some(token) = self.tokens.recall(&hash, now) {
            return Ok(Some(token));
        }
        let era = self.tokens.era();
        let token = tokens::authenticate(&self.db, secret).await?.map(Arc::new);
        if let Some(token) = &token {
            self.tokens.remember(hash, Arc::clone(token), era, now);
        }
        Ok(token)
    }

    /// Who signed in with the session that has this secret; none when it has ended.
    pub async fn session(&self, secret: &str, now: DateTime<Utc>) -> Result<Option<Arc<SignedIn>>> {
        let hash = secret::hash(secret);
        if let Some(signed_in) = self
            .sessions
            .recall(&hash, now)
            .filter(|known| known.session.expires_at > now)
        {
            return Ok(Some(signed_in));
        }
        let era = self.sessions.era();
        let signed_in = sessions::authenticate(&self.db, secret, now).await?.map(Arc::new);
        if let Some(signed_in) = &signed_in {
            self.sessions.remember(hash, Arc::clone(signed_in), era, now);
        }
        Ok(signed_in)
    }

    /// Deletes a token; from the moment this returns, this server does not let it in.
    pub async fn delete_token(&self, actor: &Actor, id: Id<ApiToken>, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        tokens::delete(&mut tx, actor, id, now).await?;
        tx.commit().await?;
        self.forget_token(id);
        Ok(())
    }

    /// Signs out; from the moment this returns, this server does not know the session.
    pub async fn sign_out(&self, secret: &str) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let ended = sessions::sign_out(&mut tx, secret).await?;
        tx.commit().await?;
        if let Some(id) = ended {
            self.forget_session(id);
        }
        Ok(())
    }

    /// Forgets a token, after the change to it was committed.
    pub fn forget_token(&self, id: Id<ApiToken>) {
        self.tokens.forget(|token| token.id == id);
    }

    /// Forgets a session, after its end was committed.
    pub fn forget_session(&self, id: Id<Session>) {
        self.sessions.forget(|signed_in| signed_in.session.id == id);
    }
}

/// What is known of each secret, by its hash.
#[derive(Debug)]
struct Memory<T> {
    known: RwLock<Known<T>>,
}

#[derive(Debug)]
struct Known<T> {
    /// Counts the times that something was forgotten. What was read from the store in an earlier era is not
    /// remembered: it may be what has just been deleted.
    era: u64,
    entries: HashMap<SecretHash, (Arc<T>, DateTime<Utc>)>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Memory {
            known: RwLock::new(Known {
                era: 0,
                entries: HashMap::new(),
            }),
        }
    }
}

impl<T> Memory<T> {
    fn recall(&self, hash: &SecretHash, now: DateTime<Utc>) -> Option<Arc<T>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (value, since) = known.entries.get(hash)?;
        (now - *since < REMEMBERED).then(|| Arc::clone(value))
    }

    fn era(&self) -> u64 {
        self.known.read().unwrap_or_else(PoisonError::into_inner).era
    }

    fn remember(&self, hash: SecretHash, value: Arc<T>, era: u64, now: DateTime<Utc>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.era != era {
            return;
        }
        if known.entries.len() >= CAPACITY {
            known.entries.retain(|_, (_, since)| now - *since < REMEMBERED);
        }
        if known.entries.len() < CAPACITY {
            known.entries.insert(hash, (value, now));
        }
    }

    fn forget(&self, is_it: impl Fn(&T) -> bool) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.era += 1;
        known.entries.retain(|_, (value, _)| !is_it(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_memory_runs_out() {
        let memory = Memory::default();
        memory.remember([1; 32], Arc::new("ada"), memory.era(), at(0));
        assert_eq!(memory.recall(&[1; 32], at(4)).as_deref(), Some(&"ada"));
        assert_eq!(memory.recall(&[1; 32], at(5)), None);
        assert_eq!(memory.recall(&[2; 32], at(0)), None);
    }

    #[test]
    fn what_was_read_before_something_was_forgotten_is_not_remembered() {
        let memory = Memory::default();
        let era = memory.era();
        memory.forget(|known: &&str| *known == "ada");
        memory.remember([1; 32], Arc::new("ada"), era, at(0));
        assert_eq!(memory.recall(&[1; 32], at(0)), None);
    }

    #[test]
    fn a_memory_stays_small() {
        let memory = Memory::default();
        for n in 0..CAPACITY + 10 {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&n.to_le_bytes());
            memory.remember(hash, Arc::new(n), memory.era(), at(0));
        }
        assert_eq!(memory.known.read().unwrap().entries.len(), CAPACITY);
        memory.remember([255; 32], Arc::new(0), memory.era(), at(60));
        assert_eq!(memory.known.read().unwrap().entries.len(), 1);
    }
}
