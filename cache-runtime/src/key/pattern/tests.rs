use super::*;

fn shop() -> Namespace {
    Namespace::new("shop").expect("a name")
}

fn matches(glob: &str, rest: &str) -> bool {
    let pattern = Pattern::new(&shop(), glob).expect("a pattern");
    pattern.matches(&Key::from_text(&format!("shop:{rest}")))
}

#[test]
fn a_glob_matches_as_redis_does() {
    for (glob, yes, no) in [
        ("*", vec!["", "a", "a:b"], vec![]),
        ("a", vec!["a"], vec!["", "b", "aa"]),
        ("a*", vec!["a", "ab", "a:b"], vec!["", "ba"]),
        ("*a", vec!["a", "ba", "aa"], vec!["ab", ""]),
        ("a*b*c", vec!["abc", "axbxc", "abbcc", "abcbc"], vec!["ab", "acb", "abcd"]),
        ("**", vec!["", "abc"], vec![]),
        ("?", vec!["a"], vec!["", "ab", "é"]),
        ("??", vec!["ab", "é"], vec!["a"]),
        ("[abc]x", vec!["ax", "cx"], vec!["dx", "x"]),
        ("[^a]", vec!["b", "^"], vec!["a", ""]),
        ("[a-c]", vec!["a", "b", "c"], vec!["d", "-"]),
        ("[c-a]", vec!["a", "b", "c"], vec!["d", "-"]),
        ("[-a]", vec!["-", "a"], vec!["b"]),
        ("[a-ce]", vec!["b", "e"], vec!["d"]),
        ("[a-c-e]", vec!["b", "-", "e"], vec!["d"]),
        (r"[\]]", vec!["]"], vec!["\\"]),
        (r"[\^a]", vec!["^", "a"], vec!["b"]),
        (r"[a\-z]", vec!["a", "-", "z"], vec!["m"]),
        ("[^^]", vec!["a"], vec!["^"]),
        ("[*?]", vec!["*", "?"], vec!["a"]),
        (r"\*", vec!["*"], vec!["a", "\\*"]),
        (r"\a", vec!["a"], vec!["\\a"]),
        ("a]", vec!["a]"], vec!["a"]),
        ("日*", vec!["日本", "日"], vec!["本"]),
    ] {
        for text in yes {
            assert!(matches(glob, text), "{glob} matches {text:?}");
        }
        for text in no {
            assert!(!matches(glob, text), "{glob} does not match {text:?}");
        }
    }
}

#[test]
fn no_glob_reaches_another_namespace() {
    for glob in ["*", "?*", "[^x]*", "**"] {
        let pattern = Pattern::new(&shop(), glob).expect("a pattern");
        for other in ["shop2:a", "shop", "sho:a", "xshop:a", "shop%3Aa:b"] {
            assert!(!pattern.matches(&Key::from_text(other)), "{glob} and {other}");
        }
        assert_eq!(pattern.namespace(), "shop");
    }
    let starred = Namespace::new("sh*p?[a]").expect("a name");
    let pattern = Pattern::new(&starred, "*").expect("a pattern");
    assert_eq!(pattern.as_str(), "sh%2Ap%3F%5Ba%5D:*", "the name itself has nothing special");
}

#[test]
fn a_glob_that_is_no_glob_is_refused_with_its_place() {
    for (glob, says) in [
        ("", "is empty"),
        ("a[", "(byte 1)"),
        ("[abc", "is not closed"),
        ("[a-", "is not closed"),
        (r"[a\", "is not closed"),
        (r"[a\]", "is not closed"),
        ("[]", "nothing in them"),
        ("[^]", "nothing in them"),
        ("[a-]", "range without an end"),
        (r"[a-\]]", "range without an end"),
        (r"a\", "ends with a backslash"),
        ("[é]", "beyond ASCII"),
        ("[a-é]", "beyond ASCII"),
        (r"[\é]", "beyond ASCII"),
        ("*****************", "more than 16"),
    ] {
        let error = Pattern::new(&shop(), glob).expect_err(glob);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(says), "{glob}: {error}");
    }
    assert!(Pattern::new(&shop(), "****************").is_ok());
}

#[test]
fn a_literal_matches_itself_alone() {
    for text in ["a*b", "a?b", "[a]", r"a\b", "a b", "a:b", "é", "^", "-"] {
        let glob = format!("users:={}", Pattern::literal(text));
        let pattern = Pattern::new(&shop(), &glob).expect("a pattern");
        let key = |value: &str| shop().key().text("users").value(value).finish().expect("a key");
        assert!(pattern.matches(&key(text)), "{text}");
        assert!(!pattern.matches(&key("axb")), "{text}");
    }
}

#[test]
fn a_glob_of_many_stars_takes_no_time() {
    let pattern = Pattern::new(&shop(), "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b").expect("a pattern");
    let key = Key::from_text(&format!("shop:{}", "a".repeat(100_000)));
    let began = std::time::Instant::now();
    assert!(!pattern.matches(&key));
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}
