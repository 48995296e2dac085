//! TLS: whom the hand trusts, and as whom it comes.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cache_runtime::backend::{RedisCache, RedisCacheBuilder};
use cache_runtime::{Cache, CacheConfig, CoherentCache, Heard, Ttl};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tests::{RedisOptions, RedisServer};

use super::tools::{MINUTE, key, next, shop};

/// Authorities, and what they signed, in a folder that goes with the test.
struct Papers(PathBuf);

impl Papers {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("papers-{:016x}", fastrand::u64(..)));
        fs::create_dir(&folder).unwrap();
        let papers = Self(folder);
        for authority in ["ours", "other"] {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, authority);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().unwrap();
            let authority_of = CertifiedIssuer::self_signed(params, key).unwrap();
            papers.write(&format!("{authority}.pem"), &authority_of.pem());
            for (name, host) in [("server", "localhost"), ("elsewhere", "cache.example")] {
                let key = KeyPair::generate().unwrap();
                let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
                params.distinguished_name.push(DnType::CommonName, host);
                let signed = params.signed_by(&key, &authority_of).unwrap();
                papers.write(&format!("{authority}-{name}.pem"), &signed.pem());
                papers.write(&format!("{authority}-{name}.key"), &key.serialize_pem());
            }
        }
        papers
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn server(&self, name: &str, asks_for_a_certificate: bool) -> RedisServer {
        let [certificate, key, ca] =
            [format!("{name}.pem"), format!("{name}.key"), "ours.pem".to_owned()]
                .map(|name| self.file(&name));
        let asks = if asks_for_a_certificate { "yes" } else { "no" };
        RedisOptions::default()
            .tls(&certificate, &key, &ca)
            .set("tls-auth-clients", &[asks])
            .start()
    }
}

impl Drop for Papers {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn cache(server: &RedisServer, ca: &Path) -> RedisCacheBuilder {
    let url = format!("rediss://{}", server.tls_address());
    RedisCache::builder(&url).operation_timeout(MINUTE).hang_after(MINUTE).tls_ca(ca)
}

/// Why no connection came about: the error, and what is behind it.
async fn refusal(cache: RedisCacheBuilder) -> String {
    let error = cache.build().unwrap().ping().await.unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}

#[tokio::test]
async fn commands_and_invalidations_go_over_tls() {
    let papers = Papers::new();
    let server = papers.server("ours-server", false);
    let cache = cache(&server, &papers.file("ours.pem")).build().unwrap();
    let mut heard = cache.invalidations(&shop()).await.unwrap();
    cache.set(&key("a"), Bytes::from_static(b"v"), Ttl::Forever).await.unwrap();
    assert_eq!(cache.get(&key("a")).await.unwrap(), Some(Bytes::from_static(b"v")));
    heard.beat(7).await.unwrap();
    assert_eq!(next(&mut heard).await, Heard::Beat(7));
    assert!(cache.era() != 0);
}

#[tokio::test]
async fn a_server_that_an_unknown_authority_vouches_for_is_not_believed() {
    let papers = Papers::new();
    let server = papers.server("other-server", false);
    let why = refusal(cache(&server, &papers.file("ours.pem"))).await;
    assert!(why.contains("certificate"), "{why}");
    let why = refusal(RedisCache::builder(&format!("rediss://{}", server.tls_address()))).await;
    assert!(why.contains("certificate"), "the system's authorities: {why}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_not_believed() {
    let papers = Papers::new();
    let server = papers.server("ours-elsewhere", false);
    let why = refusal(cache(&server, &papers.file("ours.pem"))).await;
    assert!(why.contains("certificate"), "{why}");
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_it() {
    let papers = Papers::new();
    let server = papers.server("ours-server", true);
    let ca = papers.file("ours.pem");
    refusal(cache(&server, &ca)).await;
    let [chain, key] = ["ours-server.pem", "ours-server.key"].map(|name| papers.file(name));
    cache(&server, &ca).tls_client(&chain, &key).build().unwrap().ping().await.unwrap();
    let [chain, key] = ["other-server.pem", "other-server.key"].map(|name| papers.file(name));
    refusal(cache(&server, &ca).tls_client(&chain, &key)).await;
}

#[tokio::test]
async fn a_file_of_options_names_the_certificates() {
    let papers = Papers::new();
    let server = papers.server("ours-server", true);
    let path = |name: &str| papers.file(name).display().to_string();
    let text = format!(
        "namespace: shop\nredis:\n  addr: {}\n  tls: true\n  tls_ca: {}\n  tls_cert: {}\n  tls_key: {}\n  operation_timeout: 1m\n",
        server.tls_address(),
        path("ours.pem"),
        path("ours-server.pem"),
        path("ours-server.key"),
    );
    let cache = CacheConfig::from_yaml_str(&text).unwrap().build().unwrap();
    cache.ping().await.unwrap();
    let half = text.replace("  tls_key", "  # tls_key");
    let error = CacheConfig::from_yaml_str(&half).unwrap().build().unwrap_err();
    assert!(error.to_string().contains("REDIS_TLS_KEY"), "{error}");
    let plain = text.replace("tls: true", "tls: false");
    let error = CacheConfig::from_yaml_str(&plain).unwrap().build().unwrap_err();
    assert!(error.to_string().contains("redis.tls"), "{error}");
}
