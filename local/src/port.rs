//! Ports of this machine.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

/// Makes sure that nobody listens on a port yet. `option` is how to choose another.
///
/// # Errors
/// If somebody does.
pub fn require_free(port: u16, option: &str) -> Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map(drop)
        .with_context(|| format!("port {port} is in use: stop what listens there, or choose another with {option}"))
}

/// A port that is free at this moment.
///
/// # Errors
/// If there is none.
pub fn any_free() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
