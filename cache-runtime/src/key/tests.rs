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
