//! Configuration from outside: files, the environment, a struct of the application's own.

mod deserialize;
mod environment;
#[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "there is no server to reach"))]
mod options;
#[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "there is no server to reach"))]
mod place;
mod read;
mod secret;
mod suggest;
#[cfg(feature = "config-toml")]
mod toml;
mod tree;
#[cfg(feature = "config-yaml")]
mod yaml;

use std::path::Path;

pub use self::options::{CacheConfig, Driver};
pub use self::secret::Secret;
use self::tree::Origin;
use super::{CacheManager, CacheManagerBuilder};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Namespace;
use crate::policy::Retry;

impl CacheConfig {
    /// The options in a file, by the end of its name: `.toml` (with the feature `config-toml`), `.yaml` or `.yml`
    /// (`config-yaml`). The environment has no say, but where the file asks for a variable by `${NAME}`.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config), which names the file, the line and the option, and what to write instead; never
    /// the value of a secret.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let shown = path.display().to_string();
        let wrong = |what: String| Error::new(ErrorKind::Config, format!("{shown}: {what}"));
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        let parse = parser(kind).map_err(wrong)?;
        let text = std::fs::read_to_string(path)
            .map_err(|error| wrong("the file cannot be read".to_owned()).because(error))?;
        let origin = Origin(Some(&shown));
        tree::config(parse(&text, origin)?, origin, &variable)
    }

    /// The options in a text of TOML.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    #[cfg(feature = "config-toml")]
    pub fn from_toml_str(text: &str) -> Result<Self> {
        tree::config(toml::parse(text, Origin(None))?, Origin(None), &variable)
    }

    /// The options in a text of YAML.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    #[cfg(feature = "config-yaml")]
    pub fn from_yaml_str(text: &str) -> Result<Self> {
        tree::config(yaml::parse(text, Origin(None))?, Origin(None), &variable)
    }

    /// The options in the environment. An empty variable is one that is not set.
    ///
    /// `REDIS_URL` says all of the server, so where it is set, `REDIS_ADDR`, `REDIS_HOST`, `REDIS_PORT`, `REDIS_DB` and
    /// `REDIS_TLS` do not count; and where `REDIS_ADDR` is, `REDIS_HOST` and `REDIS_PORT` do not. Unlike in a file this
    /// is no mistake: Kubernetes and others set variables of these names by themselves.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config), which names the variable, and never the value of a secret.
    pub fn from_env() -> Result<Self> {
        environment::warn_of_slips(std::env::vars_os());
        environment::config(&variable)
    }

    /// A builder with these options, for what only code can say.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) where there is no namespace, or no server for the driver `redis`; or where the
    /// driver needs a feature that is off.
    pub fn builder(self) -> Result<CacheManagerBuilder> {
        let wrong = |message: &str| Error::new(ErrorKind::Config, message);
        let name = self.namespace.as_deref().ok_or_else(|| {
            wrong("there is no namespace: set CACHE_NAMESPACE, or namespace, to the application's name")
        })?;
        let namespace = match self.namespace_version {
            Some(version) => Namespace::new(name)?.version(version)?,
            None => Namespace::new(name)?,
        };
        let builder = CacheManagerBuilder::within(namespace);
        let builder = match self.driver.unwrap_or_default() {
            #[cfg(feature = "redis")]
            Driver::Redis => builder.redis(&self.url()?),
            #[cfg(not(feature = "redis"))]
            Driver::Redis => {
                return Err(wrong("the driver `redis` needs the feature `redis` of cache-runtime"));
            }
            #[cfg(feature = "memory")]
            Driver::Memory => builder.memory(),
            #[cfg(not(feature = "memory"))]
            Driver::Memory => {
                return Err(wrong(
                    "the driver `memory` needs the feature `memory` of cache-runtime",
                ));
            }
            Driver::None => builder.backend(std::sync::Arc::new(crate::backend::NullCache::new())),
        };
        let is_redis = self.driver.unwrap_or_default() == Driver::Redis;
        let builder = self.with_certificates(builder)?;
        let certificates = [&self.redis_tls_ca, &self.redis_tls_cert, &self.redis_tls_key]
            .iter()
            .any(|file| file.is_some());
        // Where the server is one URL, that says it, and the backend asks for it.
        if is_redis && certificates && self.redis_url.is_none() && self.redis_tls != Some(true) {
            return Err(wrong(
                "there are certificates, and no TLS is asked for: set redis.tls (REDIS_TLS) to true",
            ));
        }
        let builder = self.applied_to(builder);
        Ok(if is_redis { builder } else { builder.whatever_the_server() })
    }

    #[cfg(feature = "tls")]
    fn with_certificates(&self, mut builder: CacheManagerBuilder) -> Result<CacheManagerBuilder> {
        if let Some(file) = &self.redis_tls_ca {
            builder = builder.tls_ca(file);
        }
        match (&self.redis_tls_cert, &self.redis_tls_key) {
            (Some(cert), Some(key)) => Ok(builder.tls_client(cert, key)),
            (None, None) => Ok(builder),
            _ => Err(Error::new(
                ErrorKind::Config,
                "a client's certificate and its key go together: set both of REDIS_TLS_CERT (redis.tls_cert) and \
                 REDIS_TLS_KEY (redis.tls_key)",
            )),
        }
    }

    #[cfg(not(feature = "tls"))]
    fn with_certificates(&self, builder: CacheManagerBuilder) -> Result<CacheManagerBuilder> {
        let any = self.redis_tls_ca.as_ref().or(self.redis_tls_cert.as_ref());
        if any.or(self.redis_tls_key.as_ref()).is_some() {
            return Err(Error::new(
                ErrorKind::Config,
                "certificates for Redis need the feature `tls` of cache-runtime: turn it on in Cargo.toml",
            ));
        }
        Ok(builder)
    }

    /// Everything but namespace and server. Taken apart, so that no option can be forgotten.
    fn applied_to(self, mut builder: CacheManagerBuilder) -> CacheManagerBuilder {
        let Self {
            driver: _,
            namespace: _,
            namespace_version: _,
            redis_url: _,
            redis_addr: _,
            redis_host: _,
            redis_port: _,
            redis_user: _,
            redis_password: _,
            redis_db: _,
            redis_tls: _,
            redis_tls_ca: _,
            redis_tls_cert: _,
            redis_tls_key: _,
            ttl,
            negative_ttl,
            jitter,
            codec,
            compression,
            compress_above,
            max_value_bytes,
            max_unpacked_bytes,
            level,
            lease_ttl,
            lease_wait,
            hold_ttl,
            on_unreachable,
            always_outbox,
            debug,
            tier_entries,
            tier_bytes,
            max_loads,
            max_waiting_loads,
            stale_on_error,
            soft_timeout,
            refresh_ahead,
            stale_while_revalidate,
            connect_timeout,
            operation_timeout,
            hang_after,
            max_retries,
            retry_delay,
            max_retry_delay,
        } = self;
        macro_rules! set {
            ($($option:ident)*) => {
                $(if let Some(value) = $option {
                    builder = builder.$option(value);
                })*
            };
        }
        set!(ttl negative_ttl jitter codec compression compress_above max_value_bytes max_unpacked_bytes);
        set!(level lease_ttl lease_wait hold_ttl on_unreachable always_outbox stale_on_error soft_timeout);
        set!(refresh_ahead stale_while_revalidate debug);
        set!(connect_timeout operation_timeout hang_after);
        let policy = builder.policy();
        let tier =
            (tier_entries.unwrap_or(policy.tier_entries), tier_bytes.unwrap_or(policy.tier_bytes));
        let loads = (
            max_loads.unwrap_or(policy.max_loads),
            max_waiting_loads.unwrap_or(policy.max_waiting_loads),
        );
        let mut retry = Retry::new(max_retries.unwrap_or(Retry::default().retries()));
        if let Some(pause) = retry_delay {
            retry = retry.base(pause);
        }
        if let Some(pause) = max_retry_delay {
            retry = retry.longest(pause);
        }
        builder.tier(tier.0, tier.1).max_loads(loads.0, loads.1).retry(retry)
    }

    /// The manager.
    ///
    /// # Errors
    /// Those of [`builder`](Self::builder) and of [`CacheManagerBuilder::build`].
    pub fn build(self) -> Result<CacheManager> {
        self.builder()?.build()
    }
}

/// One error that tells each of these mistakes; none where there is none.
fn all_at_once(mut mistakes: Vec<Error>) -> Result<()> {
    if mistakes.len() < 2 {
        return mistakes.pop().map_or(Ok(()), Err);
    }
    let told: Vec<String> = mistakes.iter().map(Error::to_string).collect();
    Err(Error::new(ErrorKind::Config, told.join("; ")))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

type Parse = fn(&str, Origin<'_>) -> Result<tree::Node>;

fn parser(kind: &str) -> std::result::Result<Parse, String> {
    match kind {
        #[cfg(feature = "config-toml")]
        "toml" => Ok(toml::parse),
        #[cfg(not(feature = "config-toml"))]
        "toml" => Err(needs("config-toml")),
        #[cfg(feature = "config-yaml")]
        "yaml" | "yml" => Ok(yaml::parse),
        #[cfg(not(feature = "config-yaml"))]
        "yaml" | "yml" => Err(needs("config-yaml")),
        _ => {
            let what =
                "a configuration is TOML or YAML: let the file's name end in .toml, .yaml or .yml";
            Err(what.to_owned())
        }
    }
}

#[cfg(not(all(feature = "config-toml", feature = "config-yaml")))]
fn needs(feature: &str) -> String {
    format!("this needs the feature `{feature}` of cache-runtime: turn it on in Cargo.toml")
}

#[cfg(all(test, feature = "redis", feature = "memory"))]
mod tests;
