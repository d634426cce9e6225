//! The token of a public map: reads its published sources, and is given to every visitor.
//!
//! Its secret is not kept anywhere: it follows from the map's id and the installation's key (HMAC, RFC 2104),
//! so that the same document can be handed out again and again.

use access::{Api, Asset, NewToken, Secret, tokens};
use chrono::{DateTime, Utc};
use database::{Id, Transaction};
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::{Content, Grants, Map, Maps, asset_id};

/// The key of the installation.
#[derive(Clone)]
pub(crate) struct Key(pub(crate) [u8; 32]);

impl Maps {
    /// Gives the map a token for exactly these sources; says which token it replaced.
    pub(crate) async fn renew_token(
        &self,
        tx: &mut Transaction,
        asset: &Asset,
        shown: &Content,
        grants: Grants<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<Id<access::ApiToken>>> {
        let replaced = tokens::remove_for_asset(tx, asset.id).await?;
        let secret = self.token_secret(crate::map_id(asset.id));
        let token = NewToken {
            name: format!("map {}", asset.id),
            apis: [Api::Maps, Api::Sql].into_iter().collect(),
            grants: shown.grants().iter().map(grants).collect(),
            referers: Vec::new(),
        };
        tokens::set_for_asset(tx, asset, &secret, token, now).await?;
        Ok(replaced)
    }

    /// The secret of the token that a public map has.
    pub(crate) fn token_secret(&self, map: Id<Map>) -> Secret {
        let message = format!("token of the public map {}", asset_id(map));
        Secret::from_text(format!(
            "{}{}",
            tokens::PREFIX,
            hex::encode(hmac_sha256(&self.key.0, message.as_bytes()))
        ))
    }
}

/// HMAC-SHA256 with a key shorter than a block (RFC 2104).
fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let padded = |pad: u8| {
        let mut block = [pad; BLOCK];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 has no key of 32 bytes; a shorter one filled up with zeros is the same key.
    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        let mut key = [0; 32];
        key[..20].copy_from_slice(&[0x0b; 20]);
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(hex::encode(hmac_sha256(&key, b"Hi There")), expected);
    }
}
