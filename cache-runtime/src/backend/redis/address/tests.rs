use super::*;

fn parse(url: &str) -> Result<Address> {
    Address::new(url, &Certificates::default())
}

fn place(url: &str) -> String {
    parse(url).unwrap().place().to_string()
}

#[test]
fn an_address_is_shown_without_its_secrets() {
    assert_eq!(place("redis://u:p@h"), "h:6379/0");
    assert_eq!(place("valkey://h:7/3"), "h:7/3");
    assert_eq!(place("redis://[::1]:7"), "::1:7/0");
    assert_eq!(
        place("redis+sentinel://u:p@a,b:1,[::1],[::2]:5/main/2?sentinel_password=q"),
        "main by the Sentinels at a:26379,b:1,::1:26379,::2:5/2"
    );
    #[cfg(unix)]
    assert_eq!(place("redis+unix:///run/redis.sock"), "/run/redis.sock/0");
    #[cfg(unix)]
    assert_eq!(place("unix:///run/redis.sock"), "/run/redis.sock/0");
}

#[test]
fn each_of_sentinels_and_primary_has_a_login_of_its_own() {
    let address =
        parse("redis+sentinel://u:p%40@a/main/4?sentinel_user=s&sentinel_password=t%2F").unwrap();
    let settings = address.settings();
    assert_eq!((settings.username(), settings.password()), (Some("u"), Some("p@")));
    assert_eq!(settings.db(), 4);
    let Route::Sentinels(sentinels) = address.route else { panic!("{:?}", address.route) };
    assert_eq!(sentinels.settings.username(), Some("s"));
    assert_eq!(sentinels.settings.password(), Some("t/"));
    let plain = parse("redis+sentinel://u:p@a/main").unwrap();
    let Route::Sentinels(sentinels) = plain.route else { panic!("{:?}", plain.route) };
    assert_eq!(sentinels.settings.password(), None, "a password is not for somebody else");
}

#[test]
fn a_wrong_url_is_told_what_to_write_and_not_shown() {
    for (url, says) in [
        ("hunter2", "redis+sentinel://"),
        ("http://:hunter2@h", "redis+sentinel://"),
        ("redis://:hunter2@h:x", "redis+sentinel://"),
        ("redis+sentinel://:hunter2@a,b", "names no service"),
        ("redis+sentinel://:hunter2@a,,b/main", "redis+sentinel://"),
        ("redis+sentinel://:hunter2@a:x/main", "redis+sentinel://"),
        ("redis+sentinel://a/main?password=hunter2", "sentinel_password"),
        ("redis+sentinel://a/main/hunter2", "redis+sentinel://"),
        ("rediss://:hunter2@h/#insecure", "tls_ca"),
    ] {
        let error = parse(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(error.to_string().contains(says), "{url}: {error}");
        assert!(!format!("{error:?} {source}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn certificates_without_tls_are_a_mistake() {
    let certificates = Certificates { ca: Some("ca.pem".into()), client: None };
    let error = Address::new("redis://h", &certificates).unwrap_err();
    assert!(error.to_string().contains("rediss://"), "{error}");
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_the_feature_tls_is_refused_with_its_name() {
    let error = parse("rediss://h").unwrap_err();
    assert!(error.to_string().contains("feature `tls`"), "{error}");
}

#[cfg(feature = "tls")]
#[test]
fn a_file_that_is_no_certificate_is_named() {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for path in ["/nowhere/ca.pem", own] {
        let certificates = Certificates { ca: Some(path.into()), client: None };
        let error = Address::new("rediss://h", &certificates).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(path), "{error}");
    }
    let error = Certificates { ca: None, client: Some((own.into(), own.into())) };
    let error = Address::new("rediss://h", &error).unwrap_err();
    assert!(error.to_string().contains("no certificate"), "{error}");
}
