//! Whose word is taken for who a server is.

use std::env;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_native_certs::{CertificateResult, load_certs_from_paths};

/// Verifies a server by the authorities in files, and where these do not know it, by those in the
/// system's directories as well. The directories have hundreds of files, which mostly repeat what is in
/// the system's one file: to read them took a third of the CPU time of a small call.
#[derive(Debug)]
pub(super) struct Authorities {
    in_files: Arc<WebPkiServerVerifier>,
    roots: RootCertStore,
    directories: Vec<PathBuf>,
    /// Those of `roots` and of `directories`.
    all: OnceLock<Result<Arc<WebPkiServerVerifier>, Error>>,
    provider: Arc<CryptoProvider>,
}

impl Authorities {
    /// Those of the system, which are where `SSL_CERT_FILE` and `SSL_CERT_DIR` say, or else where its
    /// OpenSSL looks, beside `roots`.
    ///
    /// # Errors
    /// Where there are none at all.
    pub(super) fn beside(
        mut roots: RootCertStore,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let (file, mut directories) = system();
        if let Some(file) = file {
            add(&mut roots, load_certs_from_paths(Some(&file), None));
        }
        if roots.is_empty() {
            add_directories(&mut roots, &std::mem::take(&mut directories));
        }
        Ok(Self {
            in_files: verifier(roots.clone(), &provider)?,
            roots,
            directories,
            all: OnceLock::new(),
            provider,
        })
    }

    fn all(&self) -> Result<&WebPkiServerVerifier, Error> {
        let all = self.all.get_or_init(|| {
            let mut roots = self.roots.clone();
            add_directories(&mut roots, &self.directories);
            verifier(roots, &self.provider)
        });
        all.as_deref().map_err(Clone::clone)
    }
}

/// The file and the directories of the system's authorities.
fn system() -> (Option<PathBuf>, Vec<PathBuf>) {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let file = set("SSL_CERT_FILE").map(PathBuf::from);
    let directories = set("SSL_CERT_DIR");
    if file.is_none() && directories.is_none() {
        let found = openssl_probe::probe();
        return (found.cert_file, found.cert_dir);
    }
    let directories = directories.unwrap_or_default();
    (file, env::split_paths(&directories).collect())
}

fn add_directories(roots: &mut RootCertStore, directories: &[PathBuf]) {
    for directory in directories {
        add(roots, load_certs_from_paths(None, Some(directory)));
    }
}

fn add(roots: &mut RootCertStore, found: CertificateResult) {
    for error in &found.errors {
        log::warn!("a certificate of the system's trust store was left out: {error}");
    }
    // Old authorities with encodings of their own are common in a system's store, and harmless.
    roots.add_parsable_certificates(found.certs);
}

fn verifier(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| Error::General(error.to_string()))
}

impl ServerCertVerifier for Authorities {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        match verify(&self.in_files) {
            Err(_) if !self.directories.is_empty() => verify(self.all()?),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.in_files
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.in_files
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.in_files.supported_verify_schemes()
    }
}
