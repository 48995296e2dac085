//! Ids and look-up values with every character that someone may take for something else.

use std::collections::HashSet;

use cache_runtime::State;
use tests::eventually;

use super::entities::{Name, Names, Pair, Shapes};

fn odd() -> Vec<String> {
    let mut odd: Vec<String> = [
        "",
        " ",
        "  ",
        "a",
        "A",
        "a b",
        "a  b",
        "a\nb",
        "a\r\nb",
        "\n",
        "\t",
        "*",
        "a*",
        "?",
        "[a]",
        "a:b",
        "a::b",
        ":",
        "=",
        "=a",
        "a%3Ab",
        "%",
        "%%",
        "%N",
        "%U",
        "%S",
        "{}",
        "{a}",
        "{a",
        "a}",
        "\\",
        "\\n",
        "\"",
        "'",
        "''; --",
        "0",
        "00",
        "NULL",
        "é",
        "e\u{301}",
        "🦀",
        "🦀🦀",
        "👩‍🚀",
        "\u{1}",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{200b}",
        "\u{2028}",
        "\u{feff}",
        "\u{ffff}",
        "ǅ",
        "ß",
        "ss",
        "İ",
        "\u{10ffff}",
    ]
    .map(str::to_owned)
    .to_vec();
    let long = "x".repeat(10 * 1024);
    odd.extend([format!("{long}a"), format!("{long}b"), long]);
    odd
}

fn name(text: &str, number: usize) -> Name {
    Name {
        id: text.to_owned(),
        alias: text.to_owned(),
        family: Some(text.to_owned()),
        number: i64::try_from(number).unwrap(),
    }
}

async fn all_is_well(names: &Names, odd: &[String]) {
    for (number, text) in odd.iter().enumerate() {
        let number = i64::try_from(number).unwrap();
        assert_eq!(names.get(text).await.unwrap().unwrap().number, number, "{text:?}");
        assert_eq!(names.find_by_alias(text).await.unwrap().unwrap().number, number, "{text:?}");
        let listed = names.list_by_family(text, ..).await.unwrap();
        assert_eq!(listed.iter().map(|row| row.number).collect::<Vec<_>>(), [number], "{text:?}");
    }
    let rows = names.get_many(odd).await.unwrap();
    assert!(rows.iter().flatten().map(|row| &row.id).eq(odd), "{rows:?}");
}

#[tokio::test]
async fn values_with_odd_characters_work_and_never_collide() {
    let shapes = Shapes::new().await;
    let (names, odd) = (&shapes.names, odd());
    for text in &odd {
        assert_eq!(names.get(text).await.unwrap(), None);
        assert_eq!(names.find_by_alias(text).await.unwrap(), None);
        assert!(names.list_by_family(text, ..).await.unwrap().is_empty());
    }
    let rows: Vec<Name> = odd.iter().enumerate().map(|(number, text)| name(text, number)).collect();
    names.insert_many(&rows).await.unwrap();
    all_is_well(names, &odd).await;
    eventually("all are cached", || async {
        let loads = names.stats().loads;
        all_is_well(names, &odd).await;
        names.stats().loads == loads
    })
    .await;
    let mut keys = HashSet::new();
    for text in &odd {
        let explained = names.explain(text).await;
        assert_eq!(explained.state, State::Value, "{explained}");
        assert!(
            !explained
                .key
                .chars()
                .any(|character| character.is_whitespace() || character.is_control())
        );
        assert!(keys.insert(explained.key));
    }
    // Each change is seen, and only where it was made.
    for (number, text) in odd.iter().enumerate().step_by(7) {
        let changed = Name { number: -1, ..name(text, number) };
        names.update(&changed).await.unwrap();
        assert_eq!(names.find_by_alias(text).await.unwrap().unwrap().number, -1);
        names.update(&name(text, number)).await.unwrap();
    }
    all_is_well(names, &odd).await;
    assert_eq!(names.delete_many(&odd).await.unwrap().len(), odd.len());
    for text in &odd {
        assert_eq!(names.get(text).await.unwrap(), None);
        assert!(names.list_by_family(text, ..).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn arguments_of_a_cached_method_never_collide() {
    let shapes = Shapes::new().await;
    let odd: Vec<String> = odd().into_iter().filter(|text| text.len() < 100).collect();
    for round in 0..2 {
        for text in &odd {
            for other in ["", "a", ":", "=a", "b:c"] {
                let joined = shapes.names.joined(text, other).await.unwrap();
                assert_eq!(joined, format!("{text}|{other}"), "round {round}");
            }
        }
    }
}

/// A tag's name is put together without escapes: two may be one, which invalidates too much and never too little.
#[tokio::test]
async fn a_tag_of_odd_characters_is_invalidated() {
    let shapes = Shapes::new().await;
    for text in odd() {
        shapes.names.joined(&text, "x").await.unwrap();
        let tag = format!("text:{text}");
        shapes.names.cache.invalidate_tags(&[tag.as_str()]).await.unwrap();
        let loads = shapes.names.stats().loads;
        shapes.names.joined(&text, "x").await.unwrap();
        assert_eq!(shapes.names.stats().loads, loads + 1, "{text:?}");
    }
}

#[tokio::test]
async fn composite_ids_never_collide() {
    let shapes = Shapes::new().await;
    let pair = |left: &str, right| Pair {
        left: left.to_owned(),
        right,
        note: Some(format!("{left}/{right}")),
    };
    let lefts = ["", ":", "a", "a:1", "a:=1", "=1", "1", "1:1", "%N", "a:1:=1"];
    let rows: Vec<Pair> =
        lefts.iter().flat_map(|left| [1, 11, -1].map(|right| pair(left, right))).collect();
    shapes.pairs.insert_many(&rows).await.unwrap();
    for _ in 0..3 {
        for row in &rows {
            let id = (row.left.clone(), row.right);
            assert_eq!(shapes.pairs.get(&id).await.unwrap().as_deref(), Some(row));
            let note = row.note.as_deref().unwrap();
            assert_eq!(shapes.pairs.find_by_note(note).await.unwrap().as_deref(), Some(row));
            let listed = shapes.pairs.list_by_left_and_note(&row.left, note, ..).await.unwrap();
            assert_eq!(listed.len(), 1);
        }
    }
}

/// Postgres's text has no NUL: its error comes through, and nothing is cached.
#[tokio::test]
async fn a_nul_gets_the_databases_own_error() {
    let shapes = Shapes::new().await;
    let names = &shapes.names;
    let plain = sqlx::query("SELECT $1::text").bind("a\0b").fetch_one(&names.db).await.unwrap_err();
    let code = plain.as_database_error().unwrap().code().unwrap().into_owned();
    for _ in 0..2 {
        for error in [
            names.get("a\0b").await.unwrap_err(),
            names.get_many(&["a".to_owned(), "a\0b".to_owned()]).await.unwrap_err(),
            names.find_by_alias("a\0b").await.unwrap_err(),
            names.list_by_family("a\0b", ..).await.unwrap_err(),
            names.insert(&name("a\0b", 1)).await.unwrap_err(),
            names.upsert(&name("a\0b", 1)).await.unwrap_err(),
            names.update(&name("a\0b", 1)).await.unwrap_err(),
            names.delete("a\0b").await.unwrap_err(),
            names.refresh("a\0b").await.unwrap_err(),
        ] {
            let found = error.as_database_error().unwrap_or_else(|| panic!("{error:?}"));
            assert_eq!(found.code().as_deref(), Some(code.as_str()));
            assert_eq!(found.message(), plain.as_database_error().unwrap().message());
        }
    }
    assert_eq!(names.stats().fills, 0, "{}", names.stats());
    eventually("no lease stays", || async { names.explain("a\0b").await.state == State::Absent })
        .await;
    // The NUL is none to the key, and not the text that ends before it.
    names.insert(&name("a", 1)).await.unwrap();
    assert!(names.get("a").await.unwrap().is_some());
    assert_ne!(names.explain("a").await.key, names.explain("a\0b").await.key);
}
