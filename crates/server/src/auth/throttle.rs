//! Throttle: how often somebody may try to sign in, per address and per account.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::problem::Problem;

/// Attempts that one account takes at once before it asks for patience; then one every twelve seconds.
const PER_ACCOUNT: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
/// Attempts from one address (an office may share one); then one every two seconds.
const PER_ADDRESS: NonZeroU32 = NonZeroU32::new(60).expect("sixty is not zero");

/// Counts attempts. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Throttle {
    accounts: Arc<DefaultKeyedRateLimiter<String>>,
    addresses: Arc<DefaultKeyedRateLimiter<IpAddr>>,
}

impl Default for Throttle {
    fn default() -> Self {
        let per_minute = |per_minute: u32, burst: NonZeroU32| {
            let rate = NonZeroU32::new(per_minute).expect("a rate is not zero");
            Quota::per_minute(rate).allow_burst(burst)
        };
        Self {
            accounts: Arc::new(RateLimiter::keyed(per_minute(5, PER_ACCOUNT))),
            addresses: Arc::new(RateLimiter::keyed(per_minute(30, PER_ADDRESS))),
        }
    }
}

impl Throttle {
    /// Counts one attempt on an account (its e-mail, any case) from an address.
    pub(crate) fn attempt(&self, email: &str, address: Option<IpAddr>) -> Result<(), Problem> {
        let clock = DefaultClock::default();
        self.forget_the_quiet();
        if let Some(address) = address
            && let Err(refused) = self.addresses.check_key(&address)
        {
            return Err(too_often(refused.wait_time_from(clock.now())));
        }
        self.accounts
            .check_key(&email.trim().to_lowercase())
            .map_err(|refused| too_often(refused.wait_time_from(clock.now())))
    }

    /// Keeps the memory of the counters small when many names are tried.
    fn forget_the_quiet(&self) {
        const MANY: usize = 10_000;
        if self.accounts.len() > MANY {
            self.accounts.retain_recent();
        }
        if self.addresses.len() > MANY {
            self.addresses.retain_recent();
        }
    }
}

fn too_often(wait: std::time::Duration) -> Problem {
    let seconds = wait.as_secs() + 1;
    Problem::too_many(
        format!("Too many attempts to sign in. Try again in {seconds} seconds."),
        seconds,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_guessed_at_ten_times_and_no_more() {
        let throttle = Throttle::default();
        for _ in 0..PER_ACCOUNT.get() {
            assert!(throttle.attempt("Ada@example.org", None).is_ok());
        }
        let problem = throttle.attempt("ada@EXAMPLE.org ", None).expect_err("too many");
        assert_eq!(problem.status().as_u16(), 429);
        assert!(
            problem.body()["retry_after"]
                .as_u64()
                .is_some_and(|seconds| seconds > 0)
        );
        assert!(throttle.attempt("grace@example.org", None).is_ok());
    }

    #[test]
    fn an_address_cannot_try_every_account() {
        let throttle = Throttle::default();
        let address = Some("192.0.2.1".parse().expect("an address"));
        let refused = (0..PER_ADDRESS.get() + 1)
            .filter(|attempt| throttle.attempt(&format!("p{attempt}@example.org"), address).is_err())
            .count();
        assert_eq!(refused, 1);
    }
}
