//! E-mail addresses, as the names of accounts.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::Error;

/// An e-mail address in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the @.
    pub fn local_part(&self) -> &str {
        self.0.split('@').next().unwrap_or(&self.0)
    }
}

impl FromStr for Email {
    type Err = Error;

    /// Only what could never be delivered is refused; whether it is theirs only a letter can tell.
    fn from_str(text: &str) -> Result<Self, Error> {
        let email = text.trim().to_lowercase();
        let is_plausible = email.len() <= 254
            && !email.chars().any(|c| c.is_whitespace() || c.is_control())
            && email.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty()
                    && !domain.is_empty()
                    && !domain.contains('@')
                    && !domain.starts_with('.')
                    && !domain.ends_with('.')
            });
        if is_plausible {
            Ok(Email(email))
        } else {
            Err(Error::Email(text.chars().take(254).collect()))
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(
            text.parse::<Email>().ok().as_ref().map(Email::as_str),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn addresses_are_read_in_lower_case_and_nonsense_is_refused() {
        check(" Ada@Example.ORG ", Some("ada@example.org"));
        check("admin@localhost", Some("admin@localhost"));
        check("ada", None);
        check("@example.org", None);
        check("ada@", None);
        check("ada@b@c", None);
        check("ada lovelace@example.org", None);
        check("ada@.org", None);
        check(&format!("{}@example.org", "a".repeat(250)), None);
    }
}
