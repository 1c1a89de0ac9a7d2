//! Simulated time: what in Atlas takes minutes may take seconds here.

use std::time::{Duration, Instant};

/// A clock that runs faster (or slower) than the wall clock.
///
/// Only the world behind the API lives by it: endpoint phases, cluster updates, propagation. Tokens, nonces
/// and rate limits are agreements with the client, whose clock is the real one.
#[derive(Debug)]
pub(crate) struct SimClock {
    started: Instant,
    scale: f64,
}

impl SimClock {
    /// A clock on which `scale` real seconds are one simulated second.
    pub(crate) fn new(scale: f64) -> Self {
        Self { started: Instant::now(), scale }
    }

    /// Simulated time since the simulator started.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed().div_f64(self.scale)
    }
}
