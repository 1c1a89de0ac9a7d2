//! Plain HTTP to loopback.

use anyhow::Result;

/// A client that connects directly, regardless of the proxies that the environment names.
///
/// # Errors
/// If it cannot be built.
pub fn client() -> Result<reqwest::Client> {
    // reqwest wants a TLS provider even where it never speaks TLS. It is no error if there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().no_proxy().build()?)
}
