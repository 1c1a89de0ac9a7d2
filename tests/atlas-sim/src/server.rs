//! The server: the API on one side, `/_sim` on the other.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::Config;
use crate::auth::credentials::{Grants, Kind};
use crate::connection::{CuttableListener, Scissors};
use crate::identifier::is_object_id;
use crate::records::projects::Project;
use crate::sim::Sim;
use crate::{admin, api};

/// How long requests under way may take to finish at shutdown.
const GRACE: Duration = Duration::from_secs(5);

/// A running simulator. Dropping it stops the server at once.
#[derive(Debug)]
pub struct AtlasSim {
    address: SocketAddr,
    sim: Arc<Sim>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl AtlasSim {
    /// Starts a simulator on the loopback interface.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        config.check()?;
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, config.port));
        let listener = TcpListener::bind(wanted).await.with_context(|| {
            format!("The Atlas simulator cannot listen on {wanted}: is the port in use? Port 0 takes a free one.")
        })?;
        let address = listener.local_addr()?;
        let sim = Arc::new(Sim::new(&config));
        let router = Router::new()
            .nest("/_sim", admin::router())
            .fallback(api::serve)
            .with_state(Arc::clone(&sim))
            .into_make_service_with_connect_info::<Scissors>();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let stopped = async move {
                // A dropped sender stops the server as well.
                let _ = stopped.await;
            };
            let served = axum::serve(CuttableListener(listener), router).with_graceful_shutdown(stopped).await;
            if let Err(error) = served {
                tracing::error!(%error, "the Atlas simulator stopped");
            }
        });
        Ok(Self { address, sim, stop: Some(stop), server })
    }

    /// Where the simulator listens, such as `http://127.0.0.1:49152`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The faults that were asked for and have not hit all they were to hit, in words. A test that asks for a fault which
    /// never comes shows nothing.
    pub fn faults_left(&self) -> Vec<String> {
        self.sim.state().faults.left()
    }

    /// Adds an API key that owns every project, as `POST /_sim/credentials` does.
    pub fn add_api_key(&self, public_key: &str, private_key: &str) {
        self.sim.state().credentials.insert(
            public_key.to_owned(),
            Kind::ApiKey,
            private_key.to_owned(),
            Grants::owner_everywhere(),
        );
    }

    /// Makes up an API key that owns every project: public and private key.
    pub fn make_api_key(&self) -> (String, String) {
        let public_key = Uuid::new_v4().simple().to_string()[..8].to_owned();
        let private_key = Uuid::new_v4().to_string();
        self.add_api_key(&public_key, &private_key);
        (public_key, private_key)
    }

    /// Adds an empty project, as `POST /_sim/projects` does.
    pub fn add_project(&self, id: &str, name: &str) -> anyhow::Result<()> {
        ensure!(is_object_id(id), "{id:?} is no project id: 24 lower-case hexadecimal digits are.");
        let project = Project::new(Some(id.to_owned()), None, name.to_owned());
        let added = self.sim.state().projects.add(project);
        added.map_err(|error| anyhow!(error.detail))
    }

    /// Stops the simulator once the requests under way are answered.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may have stopped on its own.
            let _ = stop.send(());
        }
        // A connection that stays open must not keep us here: dropping self ends it.
        let _ = tokio::time::timeout(GRACE, &mut self.server).await;
    }
}

impl Drop for AtlasSim {
    fn drop(&mut self) {
        self.server.abort();
    }
}
