//! A certificate authority made for one run, and the server certificate that it signs.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// Why a certificate could not be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library does not take the certificate.
    #[error("cannot serve with the certificate made for this run")]
    Server(#[from] rustls::Error),
}

/// A certificate authority for one run and a server certificate for `localhost`, `127.0.0.1`, and `0.0.0.0`: by
/// that, what asks the environment's proxies for every other address reaches this host all the same.
///
/// The server's certificate is a leaf without `CA:TRUE`: rustls refuses a server that shows the
/// certificate of an authority (`CaUsedAsEndEntity`).
#[derive(Clone)]
pub struct Authority {
    ca_pem: String,
    chain_pem: String,
    key_pem: String,
    acceptor: TlsAcceptor,
}

impl Authority {
    /// Makes a new authority and a server certificate, each with a key of its own.
    ///
    /// # Errors
    /// When the certificates cannot be made or the TLS library refuses them.
    pub fn generate() -> Result<Self, Error> {
        let ca = CertifiedIssuer::self_signed(authority_params()?, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let leaf = leaf_params()?.signed_by(&key, &ca)?;
        Self::serving(&[&leaf, ca.as_ref()], &key)
    }

    /// Makes an authority whose server shows the authority's own certificate, as tutorials have it.
    ///
    /// # Errors
    /// When the certificate cannot be made or the TLS library refuses it.
    pub fn shown_itself() -> Result<Self, Error> {
        let mut params = leaf_params()?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let own = params.self_signed(&key)?;
        Self::serving(&[&own], &key)
    }

    /// The last certificate of the chain is the authority's; the key belongs to the first one.
    fn serving(chain: &[&Certificate], key: &KeyPair) -> Result<Self, Error> {
        let pem =
            |certificates: &[&Certificate]| certificates.iter().map(|one| one.pem()).collect();
        let der: Vec<CertificateDer<'static>> = chain.iter().map(|one| one.der().clone()).collect();
        let key_pem = key.serialize_pem();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(der, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            ca_pem: pem(&chain[chain.len().saturating_sub(1)..]),
            chain_pem: pem(chain),
            key_pem,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// The authority's certificate as PEM, for the client's `ca_file`.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Writes the authority's certificate to `path` as PEM.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_ca(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, &self.ca_pem)
    }

    /// Writes `ca.pem`, and `public.crt` and `private.key` for a server of another make, to `dir`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_all(&self, dir: &Path) -> io::Result<()> {
        self.write_ca(&dir.join("ca.pem"))?;
        std::fs::write(dir.join("public.crt"), &self.chain_pem)?;
        std::fs::write(dir.join("private.key"), &self.key_pem)
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

fn authority_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "s3-testserver authority of one run");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    for address in [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED] {
        params
            .subject_alt_names
            .push(SanType::IpAddress(address.into()));
    }
    params
        .distinguished_name
        .push(DnType::CommonName, "s3-testserver");
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}
