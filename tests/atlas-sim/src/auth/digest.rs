//! HTTP digest (RFC 7616) as Atlas plays it: MD5, `qop="auth"`, an empty domain, nonces that live briefly.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use uuid::Uuid;

/// The realm of every challenge. Recorded answer.
pub(crate) const REALM: &str = "MMS Public API";

/// The value of `WWW-Authenticate`. Recorded answer.
pub(crate) fn challenge(nonce: &str, stale: bool) -> String {
    format!(r#"Digest realm="{REALM}", domain="", nonce="{nonce}", algorithm=MD5, qop="auth", stale={stale}"#)
}

/// An `Authorization: Digest` header, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DigestHeader {
    pub(crate) username: String,
    pub(crate) nonce: String,
    pub(crate) uri: String,
    pub(crate) response: String,
    /// How often this nonce was used, this request included.
    pub(crate) count: u32,
    count_text: String,
    client_nonce: String,
}

impl DigestHeader {
    /// Reads the header; `None` when it is not a digest for this realm with MD5 and `qop=auth`.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let fields = parse_fields(value.strip_prefix("Digest ")?);
        let field = |name: &str| fields.get(name).cloned();
        let is_absent_or =
            |name: &str, expected: &str| fields.get(name).is_none_or(|value| value.eq_ignore_ascii_case(expected));
        if field("realm")? != REALM || field("qop")? != "auth" || !is_absent_or("algorithm", "MD5") {
            return None;
        }
        let count_text = field("nc")?;
        Some(Self {
            username: field("username")?,
            nonce: field("nonce")?,
            uri: field("uri")?,
            response: field("response")?,
            count: u32::from_str_radix(&count_text, 16).ok()?,
            count_text,
            client_nonce: field("cnonce")?,
        })
    }

    /// The response that proves knowledge of the private key.
    pub(crate) fn expected_response(&self, method: &str, private_key: &str) -> String {
        self.response_in(REALM, method, private_key)
    }

    fn response_in(&self, realm: &str, method: &str, private_key: &str) -> String {
        let user = md5_hex(&format!("{}:{realm}:{private_key}", self.username));
        let request = md5_hex(&format!("{method}:{}", self.uri));
        md5_hex(&format!("{user}:{}:{}:{}:auth:{request}", self.nonce, self.count_text, self.client_nonce))
    }
}

/// Splits `name=value, name="quoted, value"`.
fn parse_fields(mut rest: &str) -> HashMap<String, String> {
    let mut fields = HashMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        fields.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        rest = after.trim_start().trim_start_matches(',');
    }
    fields
}

fn md5_hex(text: &str) -> String {
    format!("{:x}", Md5::digest(text))
}

/// Whether a nonce may be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    Accepted,
    /// Unknown, too old, or this count was seen before.
    Stale,
}

/// The nonces handed out.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    issued: HashMap<String, Nonce>,
}

#[derive(Debug)]
struct Nonce {
    issued: Instant,
    counts: HashSet<u32>,
}

impl Nonces {
    /// A new nonce of 32 base64 characters.
    pub(crate) fn issue(&mut self, now: Instant) -> String {
        let bytes: Vec<u8> =
            [Uuid::new_v4(), Uuid::new_v4()].iter().flat_map(|uuid| uuid.as_bytes().iter().copied()).take(24).collect();
        let nonce = STANDARD.encode(bytes);
        let fresh = Nonce { issued: now, counts: HashSet::new() };
        self.issued.insert(nonce.clone(), fresh);
        nonce
    }

    /// Uses a nonce for the `count`-th time. Counts may arrive out of order, as concurrent requests do, but
    /// each only once.
    pub(crate) fn spend(&mut self, nonce: &str, count: u32, lifetime: Duration, now: Instant) -> Spent {
        self.issued.retain(|_, nonce| now.saturating_duration_since(nonce.issued) < lifetime);
        let known = self.issued.get_mut(nonce);
        if count > 0 && known.is_some_and(|known| known.counts.insert(count)) { Spent::Accepted } else { Spent::Stale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = concat!(
        r#"Digest username="publickey", realm="MMS Public API", nonce="abc","#,
        r#" uri="/api/atlas/v2/groups?a=1,2", qop=auth, nc=0000000a, cnonce="xyz", response="0","#,
        r#" algorithm=MD5"#,
    );

    fn parsed(header: &str) -> Option<DigestHeader> {
        DigestHeader::parse(header)
    }

    #[test]
    fn a_header_is_taken_apart_commas_in_quotes_included() {
        let digest = parsed(HEADER).expect("a digest");
        assert_eq!(digest.username, "publickey");
        assert_eq!(digest.uri, "/api/atlas/v2/groups?a=1,2");
        assert_eq!(digest.count, 10);
    }

    #[test]
    fn other_realms_algorithms_and_schemes_are_refused() {
        for (from, to) in [
            ("MMS Public API", "elsewhere"),
            ("algorithm=MD5", "algorithm=SHA-256"),
            ("qop=auth", "qop=auth-int"),
            ("nc=0000000a", "nc=zz"),
            ("Digest ", "Basic "),
        ] {
            assert_eq!(parsed(&HEADER.replace(from, to)), None, "{to}");
        }
    }

    #[test]
    fn the_response_is_that_of_the_rfc() {
        // RFC 7616 §3.9.1, the response for MD5.
        let digest = DigestHeader {
            username: "Mufasa".to_owned(),
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v".to_owned(),
            uri: "/dir/index.html".to_owned(),
            response: String::new(),
            count: 1,
            count_text: "00000001".to_owned(),
            client_nonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ".to_owned(),
        };
        let response = digest.response_in("http-auth@example.org", "GET", "Circle of Life");
        assert_eq!(response, "8ca523f5e9506fed4657c9700eebdbec");
    }

    #[test]
    fn method_key_and_count_all_matter() {
        let digest = parsed(HEADER).expect("a digest");
        let later = parsed(&HEADER.replace("0000000a", "0000000b")).expect("a digest");
        let right = digest.expected_response("GET", "privatekey");
        assert_ne!(right, digest.expected_response("POST", "privatekey"));
        assert_ne!(right, digest.expected_response("GET", "another"));
        assert_ne!(right, later.expected_response("GET", "privatekey"));
    }

    #[test]
    fn a_nonce_is_good_for_many_counts_each_once_until_it_is_old() {
        let start = Instant::now();
        let lifetime = Duration::from_secs(30);
        let mut nonces = Nonces::default();
        let nonce = nonces.issue(start);
        assert_eq!(nonce.len(), 32);
        // (count, seconds since it was issued, verdict)
        let table = [
            (1, 0, Spent::Accepted),
            (3, 1, Spent::Accepted),
            (2, 1, Spent::Accepted),
            (2, 2, Spent::Stale),
            (0, 2, Spent::Stale),
            (4, 29, Spent::Accepted),
            (5, 30, Spent::Stale),
        ];
        for (count, seconds, expected) in table {
            let now = start + Duration::from_secs(seconds);
            assert_eq!(nonces.spend(&nonce, count, lifetime, now), expected, "nc {count} at {seconds} s");
        }
        assert_eq!(nonces.spend("unknown", 1, lifetime, start), Spent::Stale);
    }
}
