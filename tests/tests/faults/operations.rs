//! Every generated method, on entities of every shape.

use std::sync::Arc;

use cache_runtime::{Origin, State};
use tests::eventually;

use super::entities::{Gadget, GadgetId, Kind, Link, Name, Pair, Shapes};

/// All reads and writes of a repository, each checked against what the one before it left.
macro_rules! every_operation {
    ($repository:expr, $id:ident, one: $one:expr, changed: $changed:expr, others: $others:expr, nobody: $nobody:expr) => {{
        let repository = &$repository;
        repository.verify_schema().await.unwrap();
        assert!(repository.get($nobody).await.unwrap().is_none());
        let one = repository.insert(&$one).await.unwrap();
        let $id = one.clone();
        let id = &$id;
        assert!(repository.insert_many(&[]).await.unwrap().is_empty());
        let others = repository.insert_many(&$others).await.unwrap();
        assert_eq!(others.len(), $others.len());
        for _ in 0..3 {
            assert_eq!(repository.get(key!(id)).await.unwrap().as_ref(), Some(&one));
            assert!(repository.get($nobody).await.unwrap().is_none());
        }
        eventually("the row is cached", || async {
            repository.get(key!(id)).await.unwrap();
            repository.explain(key!(id)).await.state == State::Value
        })
        .await;
        assert_eq!(repository.explain(key!(id)).await.origin, Origin::Cache);
        let changed = repository.update(&$changed(&one)).await.unwrap().expect("it is there");
        assert_eq!(repository.get(key!(id)).await.unwrap().as_ref(), Some(&changed));
        assert_eq!(repository.refresh(key!(id)).await.unwrap().as_ref(), Some(&changed));
        let again = repository.upsert(&one).await.unwrap();
        assert_eq!(again, one);
        assert_eq!(repository.get(key!(id)).await.unwrap().as_ref(), Some(&one));
        repository.invalidate(key!(id)).await.unwrap();
        assert_eq!(repository.explain(key!(id)).await.state, State::Absent);
        assert_eq!(repository.get(key!(id)).await.unwrap().as_ref(), Some(&one));

        let mut tx = repository.begin().await.unwrap();
        {
            let mut within = repository.within(&mut tx);
            let deleted = within.delete(key!(id)).await.unwrap();
            assert_eq!(deleted.as_ref(), Some(&one));
            assert!(within.get(key!(id)).await.unwrap().is_none());
            assert!(within.update(&one).await.unwrap().is_none());
            assert!(within.delete(key!(id)).await.unwrap().is_none());
        }
        tx.rollback().await.unwrap();
        assert_eq!(repository.delete(key!(id)).await.unwrap().as_ref(), Some(&one));
        assert!(repository.get(key!(id)).await.unwrap().is_none());
        assert!(repository.delete(key!(id)).await.unwrap().is_none());
        assert!(repository.update(&one).await.unwrap().is_none());
        assert!(repository.stats().hits > 0);
        others
    }};
}

#[tokio::test]
async fn a_text_id_works_everywhere() {
    macro_rules! key {
        ($row:expr) => {
            &$row.id
        };
    }
    let shapes = Shapes::new().await;
    let name = |id: &str, alias: &str, number| Name {
        id: id.to_owned(),
        alias: alias.to_owned(),
        family: Some("f".to_owned()),
        number,
    };
    let others = every_operation!(
        shapes.names, row,
        one: name("a", "x", 1),
        changed: |row: &Arc<Name>| Name { family: None, ..(**row).clone() },
        others: [name("b", "y", 2), name("c", "z", 3)],
        nobody: "nobody"
    );
    let names = &shapes.names;
    let ids = ["c".to_owned(), "nobody".to_owned(), "b".to_owned(), "c".to_owned()];
    for _ in 0..2 {
        let rows = names.get_many(&ids).await.unwrap();
        let expected = [Some(&others[1]), None, Some(&others[0]), Some(&others[1])];
        assert!(rows.iter().map(Option::as_ref).eq(expected), "{rows:?}");
        assert_eq!(names.list_by_family("f", ..).await.unwrap(), others);
        assert_eq!(names.find_by_alias("y").await.unwrap().as_ref(), Some(&others[0]));
    }
    assert_eq!(names.warm(&ids).await.unwrap(), 3);
    assert_eq!(names.upsert(&name("d", "w", 4)).await.unwrap().number, 4);
    assert_eq!(names.list_by_family("f", ..).await.unwrap().len(), 3);
    assert_eq!(names.delete_many(&ids).await.unwrap().len(), 2);
    assert_eq!(names.list_by_family("f", ..).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_composite_id_works_everywhere() {
    macro_rules! key {
        ($row:expr) => {
            &($row.left.clone(), $row.right)
        };
    }
    let shapes = Shapes::new().await;
    let pair = |left: &str, right, note: &str| Pair {
        left: left.to_owned(),
        right,
        note: Some(note.to_owned()),
    };
    let others = every_operation!(
        shapes.pairs, row,
        one: pair("a", 1, "x"),
        changed: |row: &Arc<Pair>| Pair { note: None, ..(**row).clone() },
        others: [pair("a", 2, "y"), pair("a:2", 2, "z"), pair("a", 22, "w")],
        nobody: &("a".to_owned(), 9)
    );
    let pairs = &shapes.pairs;
    let ids: Vec<_> = others.iter().rev().map(|row| (row.left.clone(), row.right)).collect();
    for _ in 0..2 {
        let rows = pairs.get_many(&ids).await.unwrap();
        assert!(rows.iter().flatten().eq(others.iter().rev()), "{rows:?}");
        assert_eq!(pairs.find_by_note("y").await.unwrap().as_ref(), Some(&others[0]));
        let listed = pairs.list_by_left("a", ..).await.unwrap();
        assert_eq!(listed, [others[0].clone(), others[2].clone()]);
        assert_eq!(pairs.list_by_left_and_note("a", "w", ..).await.unwrap(), [others[2].clone()]);
    }
    assert_eq!(pairs.delete_many(&ids).await.unwrap().len(), 3);
    assert!(pairs.list_by_left("a", ..).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_row_that_is_nothing_but_its_id_works_everywhere() {
    macro_rules! key {
        ($row:expr) => {
            ($row.a, $row.b)
        };
    }
    let shapes = Shapes::new().await;
    let others = every_operation!(
        shapes.links, row,
        one: Link { a: 1, b: 2 },
        changed: |row: &Arc<Link>| (**row).clone(),
        others: [Link { a: 1, b: 3 }, Link { a: 11, b: 3 }],
        nobody: (9, 9)
    );
    let links = &shapes.links;
    for _ in 0..2 {
        assert_eq!(links.list_by_a(1, ..).await.unwrap(), others[..1]);
        assert_eq!(links.list_by_b(3, ..).await.unwrap(), others);
        assert_eq!(links.get_many(&[(11, 3), (1, 3)]).await.unwrap()[1].as_ref(), Some(&others[0]));
    }
    assert_eq!(links.delete_many(&[(11, 3), (1, 3)]).await.unwrap().len(), 2);
    assert!(links.list_by_b(3, ..).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_database_makes_comes_back() {
    macro_rules! key {
        ($row:expr) => {
            &$row.id
        };
    }
    let shapes = Shapes::new().await;
    let gadget = |name: &str, kind, size| Gadget {
        id: GadgetId(0),
        name: name.to_owned(),
        r#type: kind,
        size,
        parts: vec!["a".to_owned(), String::new()],
        weight: Some(0.1),
        created_at: String::new(),
    };
    let others = every_operation!(
        shapes.gadgets, row,
        one: gadget("one", Kind::Small, Some(1)),
        changed: |row: &Arc<Gadget>| Gadget { size: None, weight: None, parts: Vec::new(), ..(**row).clone() },
        others: [gadget("two", Kind::Small, Some(2)), gadget("three", Kind::Large, None), gadget("four", Kind::Large, None)],
        nobody: &GadgetId(-1)
    );
    assert!(others.iter().all(|row| row.id.0 > 0 && !row.created_at.is_empty()), "{others:?}");
    let gadgets = &shapes.gadgets;
    for _ in 0..2 {
        assert_eq!(gadgets.find_by_name("two").await.unwrap().as_ref(), Some(&others[0]));
        let found = gadgets.find_by_type_and_size(&Kind::Small, 2).await.unwrap();
        assert_eq!(found.as_ref(), Some(&others[0]));
        assert_eq!(gadgets.list_by_type(&Kind::Large, ..).await.unwrap(), others[1..]);
        assert_eq!(gadgets.list_by_size(2, ..).await.unwrap(), others[..1]);
        let rows = gadgets.get_many(&[others[2].id, GadgetId(-1), others[0].id]).await.unwrap();
        assert_eq!(rows[0].as_ref(), Some(&others[2]));
        assert_eq!(rows[2].as_ref(), Some(&others[0]));
    }
    // What the caller says of it counts for nothing.
    let moved =
        Gadget { created_at: "never".to_owned(), r#type: Kind::Large, ..(*others[0]).clone() };
    let stored = gadgets.update(&moved).await.unwrap().unwrap();
    assert_eq!(stored.created_at, others[0].created_at);
    assert_eq!(gadgets.find_by_type_and_size(&Kind::Small, 2).await.unwrap(), None);
    assert_eq!(gadgets.list_by_type(&Kind::Large, ..).await.unwrap().len(), 3);
    // A row that is not there gets an id of the database's.
    let new = gadgets
        .upsert(&Gadget { name: "new".to_owned(), ..gadget("", Kind::Small, Some(9)) })
        .await
        .unwrap();
    assert!(new.id.0 > 0);
    assert_eq!(gadgets.get(&new.id).await.unwrap().as_ref(), Some(&new));
}
