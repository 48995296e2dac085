use std::collections::{HashMap, HashSet};

use super::options::{OPTIONS, REFUSED, Spec};
use super::*;
use crate::policy::Policy;

fn from_env(variables: &[(&str, &str)]) -> Result<CacheConfig> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    environment::config(&|name| variables.get(name).map(|text| (*text).to_owned()))
}

/// The options in a text of YAML, with these variables in the environment.
#[cfg(feature = "config-yaml")]
fn from_yaml(text: &str, variables: &[(&str, &str)]) -> Result<CacheConfig> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let origin = Origin(Some("cache.yaml"));
    let root = yaml::parse(text, origin)?;
    tree::config(root, origin, &|name| variables.get(name).map(|text| (*text).to_owned()))
}

fn from_json(value: serde_json::Value) -> std::result::Result<CacheConfig, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn shown(config: &CacheConfig) -> String {
    format!("{config:?}")
}

/// The configuration in which this option alone has its sample.
fn with(spec: &Spec) -> CacheConfig {
    let mut config = CacheConfig::default();
    assert_eq!((spec.set)(&mut config, spec.sample), Ok(()), "{}", spec.path);
    config
}

#[test]
fn each_option_is_set_by_its_variable_and_by_each_of_its_paths_in_each_kind_of_file() {
    for spec in OPTIONS {
        let expected = with(spec);
        assert_ne!(expected, CacheConfig::default(), "{}: the sample says nothing", spec.path);
        let set = from_env(&[(spec.variable, &format!(" {} ", spec.sample))]).unwrap();
        assert_eq!(set, expected, "{}", spec.variable);
        for path in spec.also.iter().copied().chain([spec.path]) {
            let nested = |leaf: serde_json::Value| {
                path.rsplit('.').fold(leaf, |inner, name| serde_json::json!({ name: inner }))
            };
            assert_eq!(from_json(nested(spec.sample.into())).unwrap(), expected, "{path}");
            // JSON is YAML, too.
            #[cfg(feature = "config-yaml")]
            {
                let yaml = nested(spec.sample.into()).to_string();
                assert_eq!(CacheConfig::from_yaml_str(&yaml).unwrap(), expected, "{path}");
                let bare = yaml.replace(&format!("\"{}\"", spec.sample), spec.sample);
                assert_eq!(CacheConfig::from_yaml_str(&bare).unwrap(), expected, "{bare}");
            }
            #[cfg(feature = "config-toml")]
            {
                let toml = format!("{path} = \"{}\"", spec.sample);
                assert_eq!(CacheConfig::from_toml_str(&toml).unwrap(), expected, "{path}");
            }
        }
    }
}

#[test]
fn no_two_options_share_a_path_or_a_variable() {
    let mut names = HashSet::new();
    for spec in OPTIONS {
        assert!(names.insert(spec.variable), "{}", spec.variable);
        for path in spec.also.iter().copied().chain([spec.path]) {
            assert!(names.insert(path), "{path}");
        }
    }
    for refused in &REFUSED {
        assert!(names.insert(refused.variable), "{}", refused.variable);
        for path in refused.paths {
            assert!(names.insert(*path), "{path}");
        }
    }
}

/// Each line of a pretty `Debug` that stands at the first level: a field and its value.
fn fields(debug: &str) -> HashMap<String, String> {
    let mut fields: HashMap<String, String> = HashMap::new();
    let mut last = String::new();
    for line in debug.lines().skip(1) {
        let field = line.strip_prefix("    ").filter(|rest| !rest.starts_with([' ', ')', '}']));
        if let Some((name, value)) = field.and_then(|field| field.split_once(": ")) {
            last = name.to_owned();
            fields.insert(last.clone(), value.to_owned());
        } else if let Some(value) = fields.get_mut(&last) {
            value.push_str(line.trim());
        }
    }
    fields
}

/// Whoever gives the policy another field has to give it a row in the table: this test fails until it has one.
#[test]
fn every_field_of_the_policy_is_an_option() {
    let mut config = CacheConfig { namespace: Some("shop".to_owned()), ..CacheConfig::default() };
    for spec in OPTIONS.iter().filter(|spec| !spec.path.starts_with("redis.")) {
        (spec.set)(&mut config, spec.sample).unwrap();
    }
    let policy = config.builder().unwrap().build().unwrap().policy().clone();
    let (usual, set) =
        (fields(&format!("{:#?}", Policy::default())), fields(&format!("{policy:#?}")));
    assert!(usual.len() > 15, "{usual:?}");
    for (name, value) in usual {
        assert_ne!(
            set[&name], value,
            "`{name}` is what it was: it has no row in the table of options"
        );
    }
}

#[test]
fn every_option_of_the_server_reaches_it() {
    let mut config = CacheConfig::default();
    let names =
        ["connect_timeout", "operation_timeout", "hang_after", "max_retries", "retry_delay"];
    for spec in OPTIONS.iter().filter(|spec| names.iter().any(|name| spec.path.ends_with(name))) {
        (spec.set)(&mut config, spec.sample).unwrap();
    }
    config.max_retry_delay = Some(std::time::Duration::from_millis(150));
    config.namespace = Some("shop".to_owned());
    config.redis_host = Some("h".to_owned());
    let shown = format!("{:?}", config.builder().unwrap().server_options());
    assert_eq!(shown, "(2s, 100ms, 90ms, Retry { retries: 4, base: 15ms, longest: 150ms })");
}

#[test]
fn a_wrong_variable_is_named() {
    for (name, text, says) in [
        ("CACHE_TTL", "15x", "\"15m\""),
        ("CACHE_TTL", "600", "\"600s\""),
        ("CACHE_NEGATIVE_TTL", "-5m", "negative"),
        ("CACHE_CODEC", "jsn", "did you mean `json`?"),
        ("CACHE_COMPRESSION", "gzip", "`lz4`"),
        ("CACHE_MAX_VALUE_BYTES", "much", "whole number"),
        ("CACHE_ON_UNREACHABLE", "maybe", "`outbox`"),
        ("CACHE_LEVEL", "weak", "\"500ms\""),
        ("CACHE_MAX_LOADS", "-1", "whole number"),
        ("CACHE_ALWAYS_OUTBOX", "1", "`true`"),
        ("CACHE_JITTER", "2", "from 0 to 1"),
        ("CACHE_DRIVER", "memcached", "`memory`"),
        ("REDIS_PORT", "tcp://10.0.0.1:6379", "Kubernetes"),
        ("REDIS_PORT", "0", "65535"),
        ("REDIS_DB", "one", "whole number"),
    ] {
        let error = from_env(&[(name, text)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let message = error.to_string();
        assert!(message.starts_with(name) && message.contains(says), "{name}={text}: {message}");
    }
    let error = from_env(&[("CACHE_TTL", "15x"), ("CACHE_CODEC", "jsn")]).unwrap_err().to_string();
    assert!(error.contains("CACHE_TTL: ") && error.contains("; CACHE_CODEC: "), "{error}");
    let nowhere = CacheConfig { namespace: Some("shop".to_owned()), ..CacheConfig::default() };
    let message = nowhere.builder().unwrap_err().to_string();
    assert!(message.contains("REDIS_URL") && message.contains("redis.host"), "{message}");
    let nobody = from_env(&[("REDIS_URL", "redis://h")]).unwrap().builder().unwrap_err();
    assert!(nobody.to_string().contains("CACHE_NAMESPACE"), "{nobody}");
}

#[test]
fn an_url_in_the_environment_says_all_of_the_server() {
    let config = from_env(&[
        ("REDIS_URL", "redis://h:1/2"),
        ("REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("REDIS_HOST", "other"),
        ("REDIS_DB", ""),
        ("REDIS_PASSWORD", "p"),
    ]);
    assert_eq!(config.unwrap().url().unwrap(), "redis://:p@h:1/2");
}

#[test]
fn the_server_is_one_url_however_it_was_said() {
    for (variables, url) in [
        (&[("REDIS_HOST", "h")][..], "redis://h:6379/0"),
        (&[("REDIS_ADDR", "h:7")], "redis://h:7/0"),
        (&[("REDIS_ADDR", "h")], "redis://h:6379/0"),
        (&[("REDIS_ADDR", "[::1]:7")], "redis://[::1]:7/0"),
        (&[("REDIS_ADDR", "::1")], "redis://[::1]:6379/0"),
        (&[("REDIS_HOST", "::1"), ("REDIS_PORT", "7")], "redis://[::1]:7/0"),
        (&[("REDIS_HOST", "h"), ("REDIS_DB", "3"), ("REDIS_TLS", "true")], "rediss://h:6379/3"),
        (
            &[("REDIS_HOST", "h"), ("REDIS_USER", "a@b"), ("REDIS_PASSWORD", "p:/w#1%é")],
            "redis://a%40b:p%3A%2Fw%231%25%C3%A9@h:6379/0",
        ),
        (&[("REDIS_URL", "redis://u:p@h:1/2"), ("REDIS_PASSWORD", "x")], "redis://u:p@h:1/2"),
        (&[("REDIS_URL", "redis://h/2?a=@"), ("REDIS_PASSWORD", "x")], "redis://:x@h/2?a=@"),
    ] {
        assert_eq!(from_env(variables).unwrap().url().unwrap(), url, "{variables:?}");
    }
    for addr in ["h:x", ":7", "h:0", "h:70000"] {
        let error = from_env(&[("REDIS_ADDR", addr)]).unwrap().url().unwrap_err();
        assert!(error.to_string().contains("cache.example.com:6379"), "{error}");
    }
    let error = from_env(&[("REDIS_HOST", "redis://h")]).unwrap().url().unwrap_err();
    assert!(error.to_string().contains("is not a host"), "{error}");
}

#[test]
fn a_password_comes_back_out_of_the_url_as_it_was() {
    use redis::IntoConnectionInfo;
    for password in ["p", "p@:/?#%[] ", "pä$${", "%41", "ключ"] {
        let config = CacheConfig {
            redis_host: Some("h".to_owned()),
            redis_user: Some("u:s@r".to_owned()),
            redis_password: Some(password.into()),
            ..CacheConfig::default()
        };
        let info = config.url().unwrap().into_connection_info().unwrap();
        assert_eq!(info.redis_settings().password(), Some(password));
        assert_eq!(info.redis_settings().username(), Some("u:s@r"));
    }
}

#[test]
fn who_is_over_another_says_where_the_server_is_as_a_whole() {
    let file = || {
        from_json(serde_json::json!({
            "ttl": "1h", "codec": "json",
            "redis": {"host": "file", "port": 7, "user": "u", "password": "p", "db": 2},
        }))
        .unwrap()
    };
    for (variables, url) in [
        (&[][..], "redis://u:p@file:7/2"),
        (&[("REDIS_PASSWORD", "q")], "redis://u:q@file:7/2"),
        (&[("REDIS_HOST", "env")], "redis://u:p@env:7/2"),
        (&[("REDIS_ADDR", "env:8")], "redis://u:p@env:8/2"),
        (&[("REDIS_ADDR", "env")], "redis://u:p@env:6379/2"),
        // The file's password is not for another server.
        (&[("REDIS_URL", "redis://env")], "redis://env"),
    ] {
        let config = file().overridden_by(from_env(variables).unwrap());
        assert_eq!(config.url().unwrap(), url, "{variables:?}");
    }
    let config = file().overridden_by(from_env(&[("CACHE_TTL", "2h")]).unwrap());
    assert_eq!(config.ttl, Some(std::time::Duration::from_secs(7200).into()));
    assert_eq!(config.codec, Some(crate::policy::Codec::Json));
    let over_url = from_json(serde_json::json!({"redis": {"url": "redis://u:p@file/2"}})).unwrap();
    let config = over_url.overridden_by(from_env(&[("REDIS_HOST", "env")]).unwrap());
    assert_eq!(config.url().unwrap(), "redis://env:6379/0");
}

#[test]
fn a_struct_of_the_applications_own_may_hold_it() {
    #[derive(Debug, serde::Deserialize)]
    struct Whole {
        cache: CacheConfig,
    }
    let whole: Whole =
        serde_json::from_str(r#"{"cache": {"ttl": "5m", "max_loads": 7, "redis": null}}"#).unwrap();
    assert_eq!(whole.cache.max_loads, Some(7));
    let error = serde_json::from_str::<Whole>(r#"{"cache": {"tll": "5m"}}"#).unwrap_err();
    assert!(error.to_string().contains("did you mean `ttl`?"), "{error}");
}

#[test]
fn what_another_cache_has_and_this_one_has_not_is_refused_with_what_to_do() {
    for refused in &REFUSED {
        for path in refused.paths {
            let nested = path
                .rsplit('.')
                .fold(serde_json::json!(10), |inner, name| serde_json::json!({ name: inner }));
            let message = from_json(nested).unwrap_err();
            assert!(message.contains(path) && message.contains("remove this"), "{message}");
        }
        // In the environment it may be meant for somebody else.
        assert!(from_env(&[(refused.variable, "10")]).is_ok());
    }
}

#[cfg(feature = "config-yaml")]
mod in_yaml {
    use super::*;

    #[test]
    fn a_mistake_names_the_file_the_line_and_what_to_write() {
        for (text, says) in [
            ("\n\ntll: 5m", "cache.yaml, line 3: there is no option `tll`: did you mean `ttl`?"),
            (
                "redis:\n  prot: 1",
                "cache.yaml, line 2: there is no option `redis.prot`: did you mean `redis.port`?",
            ),
            (
                "host: h",
                "cache.yaml, line 1: there is no option `host`: did you mean `redis.host`?",
            ),
            (
                "redis:\n  ttl: 1m",
                "cache.yaml, line 2: there is no option `redis.ttl`: did you mean `ttl`?",
            ),
            (
                "cache:\n  ttl: 5m\n  codec: jsn\nother: 1",
                "cache.yaml, line 3: `codec`: there is no `jsn`: did you mean `json`?",
            ),
            (
                "ttl: 600",
                "cache.yaml, line 1: `ttl`: `600` has no unit: write \"600s\" for seconds, \"600ms\" for milliseconds",
            ),
            (
                "ttl: 1m\ndefault_ttl: 2m",
                "cache.yaml, line 2: `default_ttl` and `ttl` in line 1 are one option: keep one of the two",
            ),
            ("ttl: 1m\nttl: 2m", "cache.yaml, line 2: `ttl` is given twice"),
            ("ttl: [1m]", "cache.yaml, line 1: `ttl` takes one value, and a list stands there"),
            ("ttl: {a: b}", "cache.yaml, line 1: `ttl` takes one value, and a table stands there"),
            (
                "a: &x 1m\ncache: {ttl: *x}",
                "cache.yaml, line 2: `ttl` takes one value, and an alias stands there",
            ),
            ("redis: h", "cache.yaml, line 1: there is no option `redis`: did you mean"),
            ("- a", "cache.yaml, line 1: the configuration is no table of options"),
            (
                "redis:\n  url: redis://h\n  db: 1",
                "cache.yaml, line 3: `redis.url` says this already: remove `redis.db`, or `redis.url`",
            ),
            ("redis: {addr: 'h:1', host: h}", "`redis.addr` says this already"),
            ("ttl: 1m\n  x: : y", "cache.yaml, line 2: this is no YAML: "),
            ("ttl: 1m\n---\nttl: 2m", "a second document begins: keep one"),
            (
                "something_else_entirely: 1",
                "cache.yaml, line 1: there is no option `something_else_entirely`: there are `driver`",
            ),
        ] {
            let error = from_yaml(text, &[]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(says), "{text}\n{error}\n{says}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let error = from_yaml("tll: 5m\nredis:\n  prot: 1\nttl: 600", &[]).unwrap_err().to_string();
        for says in [
            "line 1: there is no",
            "; cache.yaml, line 3: there is no",
            "; cache.yaml, line 4: `ttl`",
        ] {
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_variable_takes_its_place_in_a_text() {
        let text = "redis:\n  host: ${HOST}.local\n  password: ${PASSWORD}\nttl: ${N}m";
        let variables = [("HOST", "cache"), ("PASSWORD", "a${b}$"), ("N", "5")];
        let config = from_yaml(text, &variables).unwrap();
        assert_eq!(config.url().unwrap(), "redis://:a%24%7Bb%7D%24@cache.local:6379/0");
        assert_eq!(config.ttl, Some(std::time::Duration::from_secs(300).into()));
        let config = from_yaml("redis: {password: 'a$${b}$c$$'}", &[]).unwrap();
        assert_eq!(config.redis_password.unwrap().expose(), "a${b}$c$$");
        for (text, says) in [
            (
                "\nredis: {password: '${PASSWORD}'}",
                "cache.yaml, line 2: `redis.password`: the variable PASSWORD is not set",
            ),
            ("redis: {password: 'hunter2${'}", "has no `}`"),
            ("redis: {password: '${hunter2!}'}", "the name of a variable"),
            ("redis: {password: '${}'}", "the name of a variable"),
        ] {
            let message = from_yaml(text, &[]).unwrap_err().to_string();
            assert!(message.contains(says), "{text}\n{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        // A variable that somebody else's part asks for is nobody's business here.
        assert!(from_yaml("cache: {ttl: 1m}\nother: ${NOT_SET}", &[]).is_ok());
    }

    #[test]
    fn a_scalar_is_what_was_written_and_nothing_is_nothing() {
        let config = from_yaml("redis: {host: h, password: 0123, user: ~}", &[]).unwrap();
        assert_eq!(config.url().unwrap(), "redis://:0123@h:6379/0");
        let config = from_yaml("redis: {host: h, password: \"\", port:}", &[]).unwrap();
        assert_eq!(config.url().unwrap(), "redis://h:6379/0");
        for nothing in ["", "# a word", "cache:", "redis:", "cache:\n  redis:"] {
            assert_eq!(from_yaml(nothing, &[]).unwrap(), CacheConfig::default(), "{nothing}");
        }
    }

    #[test]
    fn a_file_of_another_cache_is_read_but_for_what_is_not_here() {
        let text = "cache:\n  driver: redis\n  redis:\n    addr: localhost:6379\n    password: \"\"\n    db: 0\n  \
                    default_ttl: 600s\n  timeout: 5s\n  max_retries: 3\n  retry_delay: 100ms\n";
        let config = from_yaml(text, &[]).unwrap();
        assert_eq!(config.url().unwrap(), "redis://localhost:6379/0");
        assert_eq!(config.operation_timeout, Some(std::time::Duration::from_secs(5)));
        assert_eq!(config.max_retries, Some(3));
        let error = from_yaml(&format!("{text}  pool_size: 10\n"), &[]).unwrap_err();
        assert!(error.to_string().contains("line 11: `pool_size` is no option here"), "{error}");
    }

    #[test]
    fn tables_without_end_are_an_error_and_no_overflow() {
        let deep = "{a: ".repeat(100_000);
        assert_eq!(from_yaml(&deep, &[]).unwrap_err().kind(), ErrorKind::Config);
        let deep = "- ".repeat(100_000);
        assert_eq!(from_yaml(&deep, &[]).unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn a_name_is_escaped_only_once_and_has_its_version() {
        let config = from_yaml("{driver: memory, namespace: my shop, namespace_version: 2}", &[]);
        let manager = config.unwrap().build().unwrap();
        assert_eq!(manager.namespace().as_str(), "my%20shop@v2");
    }
}

#[cfg(feature = "config-toml")]
mod in_toml {
    use super::*;

    #[test]
    fn a_mistake_names_the_line_and_what_to_write() {
        for (text, says) in [
            ("\n\ntll = '5m'", "line 3: there is no option `tll`: did you mean `ttl`?"),
            (
                "[redis]\nhost = 'h'\nprot = 1",
                "line 3: there is no option `redis.prot`: did you mean `redis.port`?",
            ),
            (
                "[cache]\nttl = '5m'\n[cache.redis]\npool_size = 10\n[other]\nx = 1",
                "line 4: `redis.pool_size` is no option here: there is one connection",
            ),
            ("ttl = 600", "line 1: `ttl`: `600` has no unit"),
            (
                "max_loads = 0x10",
                "line 1: `max_loads` takes one value, and a number that is not decimal stands there",
            ),
            ("ttl = 1979-05-27", "and a date stands there"),
            ("ttl = ['1m']", "and a list stands there"),
        ] {
            let message = CacheConfig::from_toml_str(text).unwrap_err().to_string();
            assert!(message.contains(says), "{text}\n{message}\n{says}");
        }
    }

    #[test]
    fn a_mistake_in_the_form_shows_no_password() {
        for text in [
            "[redis]\npassword = hunter2",
            "[redis]\npassword = \"hunter2",
            "[redis]\npassword = 'hunter2' 'hunter2'",
            "[redis]\npassword = 'hunter2'\npassword = 'hunter2'",
            "[redis]\npassword = \"hunter2\\q\"",
        ] {
            let error = CacheConfig::from_toml_str(text).unwrap_err();
            let (message, debug) = (error.to_string(), format!("{error:?}"));
            assert!(!message.contains("hunter2") && !debug.contains("hunter2"), "{debug}");
            assert!(message.starts_with("line "), "{message}");
        }
    }
}

#[test]
fn no_secret_is_shown_anywhere() {
    let text =
        r#"{"namespace": "shop", "redis": {"host": "h", "user": "u", "password": "hunter2"}}"#;
    let config: CacheConfig = serde_json::from_str(text).unwrap();
    assert!(shown(&config).contains("Secret(…)") && !shown(&config).contains("hunter2"));
    let builder = config.clone().builder().unwrap();
    assert!(!format!("{builder:?}").contains("hunter2"));
    let manager = builder.build().unwrap();
    assert!(!format!("{manager:?}").contains("hunter2"));
    // An URL that cannot be read is not shown either.
    for url in ["redis://:hunter2@h:x", "http://:hunter2@h", "hunter2"] {
        let config = CacheConfig { redis_url: Some(url.into()), ..config.clone() };
        let error = config.build().unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(!format!("{error} {error:?} {source}").contains("hunter2"), "{error:?}");
    }
    for spec in OPTIONS.iter().filter(|spec| spec.secret) {
        assert!(!shown(&with(spec)).contains(spec.sample), "{}", spec.path);
    }
}

#[test]
fn a_file_that_is_no_configuration_says_why() {
    for (path, says) in [
        ("cache.ini", "end in .toml, .yaml or .yml"),
        ("cache", "end in .toml, .yaml or .yml"),
        ("/nowhere/cache.yaml", "/nowhere/cache.yaml: "),
        ("/nowhere/cache.toml", "/nowhere/cache.toml: "),
    ] {
        let error = CacheConfig::from_file(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn one_file_serves_another_backend_than_the_server_it_speaks_of() {
    let server = [("REDIS_URL", "redis://127.0.0.1:1"), ("CACHE_OPERATION_TIMEOUT", "100ms")];
    let here = [("CACHE_NAMESPACE", "shop"), ("CACHE_DRIVER", "memory")];
    let config = from_env(&[server, here].concat()).unwrap();
    config.clone().build().unwrap();
    let in_code =
        config.builder().unwrap().operation_timeout(std::time::Duration::from_millis(100));
    assert_eq!(in_code.build().unwrap_err().kind(), ErrorKind::Config);
}

#[cfg(feature = "tls")]
#[test]
fn certificates_without_tls_say_what_to_set_where_the_server_is_given_in_parts() {
    let parts = [("CACHE_NAMESPACE", "shop"), ("REDIS_HOST", "h"), ("REDIS_TLS_CA", "/ca.pem")];
    let error = from_env(&parts).unwrap().build().unwrap_err();
    assert!(error.to_string().contains("set redis.tls (REDIS_TLS) to true"), "{error}");
    let url =
        [("CACHE_NAMESPACE", "shop"), ("REDIS_URL", "redis://h"), ("REDIS_TLS_CA", "/ca.pem")];
    let error = from_env(&url).unwrap().build().unwrap_err();
    assert!(error.to_string().contains("begin with rediss://"), "{error}");
}

#[cfg(feature = "config-yaml")]
#[test]
fn a_slip_in_the_name_of_a_table_is_told() {
    for (text, says) in [
        ("cahce:\n  namespace: shop\n", "did you mean `cache`?"),
        ("cache:\n  redsi:\n    host: h\n", "did you mean `redis`?"),
    ] {
        let error = from_yaml(text, &[]).unwrap_err();
        assert!(error.to_string().ends_with(says), "{error}");
    }
}
