use std::collections::HashSet;

use serde::Serialize;

use super::*;

fn text<T: Serialize + ?Sized>(value: &T) -> String {
    let namespace = Namespace::new("n").unwrap();
    namespace.key().value(value).finish().unwrap().as_str().to_owned()
}

#[test]
fn a_value_never_passes_for_another() {
    let all = [
        text(&("a", "b")),
        text("a:b"),
        text("a"),
        text(""),
        text(" "),
        text("%20"),
        text("{a}"),
        text("*"),
        text("a\0b"),
        text("a\nb"),
        text(&None::<&str>),
        text(&Some("%N")),
        text(&Some(None::<&str>)),
        text(&Some(Some(None::<&str>))),
        text(&()),
        text(&vec!["a", "b", "c"]),
        text(&vec!["a:b", "c"]),
        text(&vec![vec!["a"], vec!["b"]]),
        text(&vec![vec!["a", "b"], vec![]]),
        text("größe"),
    ];
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "{all:#?}");
    for key in &all {
        assert!(!key.contains(['{', '}', '*', '?', ' ', '\n', '\0']), "{key}");
    }
}

#[test]
fn fixed_text_never_passes_for_a_value() {
    let namespace = Namespace::new("n").unwrap();
    let fixed = namespace.key().text("a:b").value("c").finish().unwrap();
    let value = namespace.key().text("a").value("b").value("c").finish().unwrap();
    assert_ne!(fixed, value);
}

#[test]
fn a_key_of_ten_kilobytes_stays_whole() {
    let long = "x".repeat(10_000);
    assert_eq!(text(&long).len(), "n:=".len() + 10_000);
}

#[test]
fn a_namespace_does_not_own_its_neighbours_keys() {
    let shop = Namespace::new("shop").unwrap();
    let shop_two = Namespace::new("shop:two").unwrap();
    let key = shop_two.key().text("a").finish().unwrap();
    assert!(shop_two.owns(key.as_str()));
    assert!(!shop.owns(key.as_str()));
    assert!(!shop.owns("shopping:a"));
    assert_eq!(Namespace::new("").unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_value_that_refuses_to_be_serialised_is_an_error() {
    struct Stubborn;
    impl Serialize for Stubborn {
        fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }
    let error = Namespace::new("n").unwrap().key().value(&Stubborn).finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.to_string().contains("never"));
}

#[test]
fn a_tag_is_named_by_its_text_however_it_was_put_together() {
    let namespace = Namespace::new("n").unwrap();
    let whole = namespace.tag().text("country:New Zealand").finish().unwrap();
    let parts = namespace.tag().text("country:").value("New Zealand").finish().unwrap();
    assert_eq!(whole, parts);
    assert_eq!(whole.as_str(), "n:tag:=country%3ANew%20Zealand");
}

#[test]
fn a_version_is_a_namespace_of_its_own() {
    let shop = Namespace::new("shop").unwrap();
    let (one, two) = (shop.version(1).unwrap(), shop.version(2).unwrap());
    assert_eq!(two.as_str(), "shop@v2");
    let key = two.key().text("a").finish().unwrap();
    assert!(two.owns(key.as_str()) && two.whole().covers(key.as_str()));
    for other in [shop.clone(), one, shop.version(22).unwrap()] {
        assert!(!other.owns(key.as_str()), "{other}");
        assert!(!other.whole().covers(key.as_str()), "{other}");
    }
    assert_eq!(key.namespace(), "shop@v2");
    // By its name, too, as a configuration gives it.
    assert_eq!(Namespace::new("shop@v2").unwrap(), two);
}

#[test]
fn a_namespace_that_is_a_mistake_is_refused_with_what_to_write() {
    let long = "x".repeat(Namespace::MAX_BYTES + 1);
    for (name, says) in [("", "\"shop\""), (long.as_str(), "at most 128")] {
        let error = Namespace::new(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(says), "{error}");
    }
    let two = Namespace::new("shop").unwrap().version(2).unwrap();
    let error = two.version(3).unwrap_err();
    assert!(error.to_string().contains("shop@v2"), "{error}");
    assert!(Namespace::new("shop@vienna").unwrap().version(3).is_ok());
}

#[test]
fn what_is_displayed_never_passes_for_fixed_text_or_another_part() {
    struct Odd;
    impl std::fmt::Display for Odd {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a:=b\nc*")
        }
    }
    let key = Namespace::new("n").unwrap().key().text("t").display(&Odd).finish().unwrap();
    assert_eq!(key.as_str(), "n:t:=a%3A%3Db%0Ac%2A");
}

#[test]
fn a_key_above_its_bound_is_refused_and_never_cut() {
    let key = |bytes: usize, most: usize| {
        Namespace::new("n").unwrap().key().value(&"x".repeat(bytes)).at_most(most).finish()
    };
    assert_eq!(key(10, 13).unwrap().len(), 13);
    let error = key(11, 13).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.to_string().contains("14 bytes, of 13"), "{error}");
}

#[test]
fn a_masked_key_shows_no_value() {
    let namespace = Namespace::new("n").unwrap();
    let key = namespace.key().text("a").value(&("secret", 1)).text("b").value("secret");
    let masked = key.finish().unwrap().masked().to_string();
    assert_eq!(masked, "n:a:=…");
    let fixed = namespace.key().text("a:b").finish().unwrap();
    assert_eq!(fixed.masked().to_string(), "n:a:b");
}

#[test]
fn what_a_key_is_found_by_is_no_part_of_it() {
    let key = Namespace::new("n").unwrap().key().value(&1).finish().unwrap();
    let marked = key.clone().of_row(NonZeroU64::new(7));
    assert_eq!((marked.row(), key.row()), (Some(7), None));
    assert_eq!((marked.cmp(&key), marked == key), (Ordering::Equal, true));
    assert!(HashSet::from([key]).contains(&marked));
}
