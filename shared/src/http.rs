//! The one HTTP client: reqwest over rustls with ring, for Atlas and for the AWS SDKs alike.
//!
//! One client means one TLS stack to load and to trust, which is most of a cold start. The roots of the web are
//! compiled in; a private certificate authority can be added as a PEM file.

mod sdk;

use std::{path::Path, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

pub use sdk::SdkHttpClient;

use crate::error::{Error, ErrorName, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Atlas validates the key while it answers a PATCH, and is known to take up to 60 seconds before it gives up on a
/// write.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(65);

/// Builds the client. `extra_roots` is a PEM file of certificate authorities to trust besides those of the web.
///
/// # Errors
/// `Deployment.Invalid` if the file cannot be read or holds no certificate.
pub fn client(extra_roots: Option<&Path>) -> Result<reqwest::Client> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    if let Some(path) = extra_roots {
        add_roots(&mut roots, path)
            .map_err(|reason| Error::new(ErrorName::DeploymentInvalid, format!("{}: {reason}", path.display())))?;
    }
    let internal = |error: &dyn std::error::Error| Error::new(ErrorName::Internal, format!("no HTTP client: {error}"));
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| internal(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        // A redirect of an API call would carry credentials to a place nobody has checked.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("atlas-cmk/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| internal(&error))
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> std::result::Result<(), String> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| format!("cannot read the file of additional certificate authorities: {error}"))?;
    if certificates.is_empty() {
        return Err("holds no certificate".to_owned());
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|error| format!("holds an unusable certificate: {error}"))?;
    }
    Ok(())
}
