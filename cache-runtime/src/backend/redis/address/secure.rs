//! TLS by rustls. The server's certificate is always checked.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use redis::RedisResult;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Certificates, Transport};
use crate::error::{Error, ErrorKind, Result};

/// How connections are encrypted, and whom they trust.
#[derive(Clone)]
pub(super) struct Tls(TlsConnector);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    pub(super) fn new(certificates: &Certificates) -> Result<Self> {
        let roots = match &certificates.ca {
            Some(file) => authorities_in(file)?,
            None => authorities_of_the_system()?,
        };
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("TLS cannot be set up").because(error))?
            .with_root_certificates(roots);
        let config = match &certificates.client {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = certificates_in(chain)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| unusable(key, "private key").because(error))?;
                config.with_client_auth_cert(chain, key).map_err(|error| {
                    wrong("the client's certificate and its key do not fit together").because(error)
                })?
            }
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    pub(super) async fn wrap(&self, host: &str, stream: TcpStream) -> RedisResult<Transport> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, "no certificate can bear this host's name")
        })?;
        Ok(Box::new(self.0.connect(name, stream).await?))
    }
}

fn authorities_in(file: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_in(file)? {
        roots.add(certificate).map_err(|error| unusable(file, "certificate").because(error))?;
    }
    Ok(roots)
}

fn authorities_of_the_system() -> Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Systems carry certificates that are old or odd; one of them is no reason to trust none.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(wrong(
            "this system has no certificates of authorities to trust: install them (ca-certificates), or name a file by tls_ca",
        ));
    }
    Ok(roots)
}

fn certificates_in(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(file, "certificate").because(error))?;
    if certificates.is_empty() {
        return Err(unusable(file, "certificate"));
    }
    Ok(certificates)
}

fn unusable(file: &Path, what: &str) -> Error {
    wrong(&format!("no {what} in PEM can be read out of {}", file.display()))
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::Config, message)
}
