//! Which certificate authorities are trusted.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use plugin_config::Destination;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::authorities::Authorities;

/// Why no trust store could be made.
#[derive(Debug, Clone)]
pub(crate) struct TrustError(String);

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TrustError {}

/// TLS as a client of `destination`: trusts the system's authorities (or those of `SSL_CERT_FILE`
/// and `SSL_CERT_DIR`), those of `AWS_CA_BUNDLE`, and those of the config's `ca_file`.
pub(crate) fn tls(destination: &Destination) -> Result<Arc<ClientConfig>, TrustError> {
    let mut roots = RootCertStore::empty();
    if let Some(bundle) = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) {
        add_file(&mut roots, Path::new(&bundle), "AWS_CA_BUNDLE")?;
    }
    if let Some(file) = &destination.ca_file {
        add_file(&mut roots, file, "ca_file")?;
    }
    let failed = |error: rustls::Error| TrustError(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let authorities = Authorities::beside(roots, provider.clone()).map_err(failed)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(authorities))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Adds every certificate of the PEM file that `setting` names.
fn add_file(roots: &mut RootCertStore, file: &Path, setting: &str) -> Result<(), TrustError> {
    let failed = |why: String| TrustError(format!("{setting} '{}': {why}", file.display()));
    let certificates = CertificateDer::pem_file_iter(file).map_err(|e| failed(e.to_string()))?;
    let before = roots.len();
    for certificate in certificates {
        let certificate = certificate.map_err(|e| failed(e.to_string()))?;
        roots.add(certificate).map_err(|e| failed(e.to_string()))?;
    }
    if roots.len() == before {
        return Err(failed("no certificate in PEM form in it".to_owned()));
    }
    Ok(())
}
