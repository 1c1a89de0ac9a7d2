//! Access tokens of service accounts: how many live at once, how many are minted in a minute.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::rate_limit::{Limit, Take, TokenBucket};

/// A token was not minted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// As many live tokens as an account may have.
    TooMany,
    /// Too many requests for tokens in a minute.
    TooFast,
}

/// What limits the minting of tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) lifetime: Duration,
    pub(crate) max_live: usize,
    pub(crate) mints_per_minute: u32,
}

#[derive(Debug)]
struct Token {
    client_id: String,
    expires: Instant,
}

/// Every token that may still be alive.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    tokens: HashMap<String, Token>,
    mints: HashMap<String, TokenBucket>,
}

impl Tokens {
    /// Mints a token.
    pub(crate) fn mint(&mut self, client_id: &str, rules: Rules, now: Instant) -> Result<String, Refusal> {
        let limit = Limit { capacity: rules.mints_per_minute, refill_per_minute: rules.mints_per_minute };
        let bucket = self.mints.entry(client_id.to_owned()).or_insert_with(|| TokenBucket::full(limit, now));
        if let Take::Refused { .. } = bucket.take(limit, now) {
            return Err(Refusal::TooFast);
        }
        self.tokens.retain(|_, token| token.expires > now);
        let live = self.tokens.values().filter(|token| token.client_id == client_id).count();
        if live >= rules.max_live {
            return Err(Refusal::TooMany);
        }
        let text = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let token = Token { client_id: client_id.to_owned(), expires: now + rules.lifetime };
        self.tokens.insert(text.clone(), token);
        Ok(text)
    }

    /// Whose token this is, if it is alive.
    pub(crate) fn owner(&self, token: &str, now: Instant) -> Option<String> {
        self.tokens.get(token).filter(|token| token.expires > now).map(|token| token.client_id.clone())
    }

    /// Ends a token of that account. One that is not there is no error (RFC 7009).
    pub(crate) fn revoke(&mut self, client_id: &str, token: &str) {
        if self.tokens.get(token).is_some_and(|token| token.client_id == client_id) {
            self.tokens.remove(token);
        }
    }

    /// Ends every token of an account.
    pub(crate) fn expire_all(&mut self, client_id: &str) {
        self.tokens.retain(|_, token| token.client_id != client_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { lifetime: Duration::from_hours(1), max_live: 2, mints_per_minute: 60 };

    #[test]
    fn an_expired_or_revoked_token_makes_room_for_another() -> Result<(), Refusal> {
        let start = Instant::now();
        let mut tokens = Tokens::default();
        let first = tokens.mint("a", RULES, start)?;
        tokens.mint("a", RULES, start)?;
        assert_eq!(tokens.mint("a", RULES, start), Err(Refusal::TooMany));
        tokens.mint("b", RULES, start)?;

        tokens.revoke("a", &first);
        assert_eq!(tokens.owner(&first, start), None);
        tokens.mint("a", RULES, start)?;

        tokens.mint("a", RULES, start + RULES.lifetime)?;
        Ok(())
    }

    #[test]
    fn a_token_cannot_be_revoked_by_another_account() -> Result<(), Refusal> {
        let now = Instant::now();
        let mut tokens = Tokens::default();
        let token = tokens.mint("a", RULES, now)?;
        tokens.revoke("b", &token);
        assert_eq!(tokens.owner(&token, now), Some("a".to_owned()));
        tokens.expire_all("a");
        assert_eq!(tokens.owner(&token, now), None);
        Ok(())
    }

    #[test]
    fn minting_too_fast_is_refused_before_tokens_are_counted() {
        let now = Instant::now();
        let rules = Rules { mints_per_minute: 0, ..RULES };
        assert_eq!(Tokens::default().mint("a", rules, now), Err(Refusal::TooFast));
    }
}
