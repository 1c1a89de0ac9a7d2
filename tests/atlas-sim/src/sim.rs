//! Everything the simulator knows, behind one lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Config;
use crate::auth::credentials::Credentials;
use crate::auth::digest::Nonces;
use crate::auth::tokens::Tokens;
use crate::aws::Aws;
use crate::behaviour::Behaviour;
use crate::clock::SimClock;
use crate::error::ApiError;
use crate::faults::Faults;
use crate::moment::Moment;
use crate::propagation::Propagation;
use crate::rate_limit::Buckets;
use crate::records::projects::{Project, Projects};
use crate::request_log::RequestLog;

/// What changes while the simulator runs.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) projects: Projects,
    pub(crate) credentials: Credentials,
    pub(crate) nonces: Nonces,
    pub(crate) tokens: Tokens,
    pub(crate) buckets: Buckets,
    pub(crate) propagation: Propagation,
    pub(crate) behaviour: Behaviour,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
}

/// The simulator.
#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) aws: Aws,
    pub(crate) clock: SimClock,
    pub(crate) atlas_account: String,
    state: Mutex<State>,
}

impl Sim {
    /// An empty world.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            aws: Aws::new(config.aws_endpoint.clone(), config.aws_region.clone(), config.atlas_account.clone()),
            clock: SimClock::new(config.time_scale),
            atlas_account: config.atlas_account.clone(),
            state: Mutex::default(),
        }
    }

    /// The state, locked. Never hold it over an await: AWS is asked without it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a project as it is now.
    pub(crate) fn project<T>(
        &self,
        id: &str,
        look: impl FnOnce(&mut Project) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.project_at(id, |project, _| look(project))
    }

    /// Looks at a project as it is now, where what Atlas still goes by matters too.
    pub(crate) fn project_at<T>(
        &self,
        id: &str,
        look: impl FnOnce(&mut Project, Moment) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let mut state = self.state();
        let phases = state.behaviour.endpoint_seconds;
        let moment = Moment { now: self.clock.now(), lags: state.behaviour.lags };
        let project = state.projects.get(id)?;
        project.advance(moment.now, phases);
        look(project, moment)
    }
}
