//! Repositories and tables as sources.

use cache_runtime::{ErrorKind, Level, PgSource, ReadAt, Trouble, WriteBehind};
use tests::{eventually, in_time};

use crate::world::{Note, World, behind, note, some, text};

#[tokio::test]
async fn what_is_acknowledged_is_seen_by_every_process_before_it_is_in_the_table_and_after() {
    let world = World::new().await;
    let (one, two) = (world.process(), world.process());
    let writer = behind(&one).build().unwrap();
    let reader = behind(&two).build().unwrap();
    assert_eq!(text(&reader, 1).await, None);
    writer.put(&1, &note(1, "a")).await.unwrap();
    assert_eq!((text(&reader, 1).await, world.text(1).await), (some("a"), None));
    writer.put(&1, &note(1, "b")).await.unwrap();
    let worker = behind(&world.process()).spawn().unwrap();
    in_time("the flush", writer.flush()).await.unwrap();
    assert_eq!((text(&reader, 1).await, world.text(1).await), (some("b"), some("b")));
    writer.delete(&1).await.unwrap();
    assert_eq!(text(&reader, 1).await, None);
    in_time("the flush", writer.flush()).await.unwrap();
    assert_eq!((text(&reader, 1).await, world.text(1).await), (None, None));
    worker.stop().await;
}

/// Whatever the tier in another process has: it was filled before, and hears of the change a moment late.
#[tokio::test]
async fn no_read_is_older_than_what_was_applied() {
    let world = World::new().await;
    let (one, two) = (world.process(), world.process());
    let writer = behind(&one).spawn().unwrap();
    let reader = behind(&two).build().unwrap();
    for round in 0..50 {
        let said = format!("round {round}");
        // As others read it, and keep it in their memory.
        two.get(1).await.unwrap();
        writer.put(&1, &note(1, &said)).await.unwrap();
        assert_eq!(text(&reader, 1).await, some(&said));
        if round % 2 == 0 {
            in_time("the flush", writer.flush()).await.unwrap();
            assert_eq!(text(&reader, 1).await, some(&said));
            let row = two.get(1).at(Level::Strong).await.unwrap().unwrap();
            assert_eq!(row.text, said);
        }
    }
}

/// The worker's transaction is one of the repository: its lists follow.
#[tokio::test]
async fn lists_of_the_repository_follow_what_was_applied() {
    let world = World::new().await;
    let notes = world.process();
    let writer = behind(&notes).spawn().unwrap();
    writer.put(&1, &note(1, "question")).await.unwrap();
    in_time("the flush", writer.flush()).await.unwrap();
    let answers =
        || async { notes.list_by_reply_to(1, ..10).at(Level::Strong).await.unwrap().len() };
    assert_eq!(answers().await, 0);
    notes.cache.drain().await;
    writer.put(&2, &Note { reply_to: Some(1), ..note(2, "answer") }).await.unwrap();
    in_time("the flush", writer.flush()).await.unwrap();
    assert_eq!(answers().await, 1);
}

#[tokio::test]
async fn a_table_without_a_repository_is_a_source_too() {
    let world = World::new().await;
    let process = world.process();
    let source = PgSource::<Note>::new(world.pool());
    let notes = WriteBehind::builder(&process.cache, "notes", source).spawn().unwrap();
    let said = async |id: i64| notes.get(&id).await.unwrap().map(|note| note.text.clone());
    assert_eq!(said(1).await, None);
    for number in 0..20 {
        notes.put(&(number % 4), &note(number % 4, &number.to_string())).await.unwrap();
    }
    notes.delete(&3).await.unwrap();
    in_time("the flush", notes.flush()).await.unwrap();
    assert_eq!((said(0).await, said(1).await, said(3).await), (some("16"), some("17"), None));
    assert_eq!((world.text(2).await, world.text(3).await), (some("18"), None));
    // What was read is cached, and goes when it is written.
    process.cache.drain().await;
    sqlx::query("UPDATE notes SET text = 'elsewhere'").execute(world.pool()).await.unwrap();
    assert_eq!(said(1).await, some("17"));
    notes.put(&1, &note(1, "again")).await.unwrap();
    in_time("the flush", notes.flush()).await.unwrap();
    assert_eq!((said(1).await, world.text(1).await), (some("again"), some("again")));
}

/// Collapsed, the answer would come before the question that it refers to.
#[tokio::test]
async fn what_depends_on_an_earlier_state_of_another_row_finds_it() {
    let world = World::new().await;
    let writer = behind(&world.process()).build().unwrap();
    writer.put(&1, &note(1, "question")).await.unwrap();
    writer.put(&2, &Note { reply_to: Some(1), ..note(2, "answer") }).await.unwrap();
    writer.put(&1, &note(1, "question, edited")).await.unwrap();
    let worker = behind(&world.process()).spawn().unwrap();
    in_time("the flush", worker.flush()).await.unwrap();
    assert_eq!(
        (world.text(1).await, world.text(2).await),
        (some("question, edited"), some("answer"))
    );
    let stats = worker.stats();
    assert_eq!((stats.applied, stats.batches, stats.dead), (3, 3, 0));
}

#[tokio::test]
async fn a_row_that_the_table_refuses_becomes_a_dead_letter_with_the_reason() {
    let world = World::new().await;
    let writer = behind(&world.process()).tries(3).spawn().unwrap();
    for (id, said) in [(1, "a"), (2, "poison"), (3, "c")] {
        writer.put(&id, &note(id, said)).await.unwrap();
    }
    in_time("the flush", writer.flush()).await.unwrap();
    assert_eq!((world.text(1).await, world.text(3).await), (some("a"), some("c")));
    assert_eq!(text(&writer, 2).await, None, "readers see the table's truth");
    let letter = writer.dead_letters(10).await.unwrap().remove(0);
    assert!(letter.reason.contains("notes_text_check") && letter.tries == 3, "{}", letter.reason);
    let alter = "ALTER TABLE notes DROP CONSTRAINT notes_text_check";
    sqlx::query(alter).execute(world.pool()).await.unwrap();
    assert!(writer.retry(&letter).await.unwrap());
    in_time("the flush", writer.flush()).await.unwrap();
    assert_eq!(text(&writer, 2).await, some("poison"));
}

#[tokio::test]
async fn a_row_under_a_key_that_is_not_its_id_is_refused() {
    let world = World::new().await;
    let writer = behind(&world.process()).tries(1).spawn().unwrap();
    let refused = writer.put(&1, &note(2, "a")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Config);
    assert!(refused.to_string().contains("a key that is not its id"), "{refused}");
    in_time("the flush", writer.flush()).await.unwrap();
    assert_eq!((world.text(1).await, world.text(2).await), (None, None));
    assert!(writer.dead_letters(10).await.unwrap().is_empty(), "it was never acknowledged");
}

/// A table of versions that was never made says nothing about a write: it waits for whoever makes it.
#[tokio::test]
async fn writes_wait_for_a_schema_that_is_missing() {
    let world = World::new().await;
    sqlx::query("ALTER TABLE cache_runtime.applied RENAME TO elsewhere")
        .execute(world.pool())
        .await
        .unwrap();
    let writer = behind(&world.process()).tries(1).spawn().unwrap();
    writer.put(&1, &note(1, "a")).await.unwrap();
    eventually("three attempts", || async { writer.stats().retried >= 3 }).await;
    assert_eq!((writer.stats().dead, writer.stats().trouble), (0, Some(Trouble::Source)));
    sqlx::query("ALTER TABLE cache_runtime.elsewhere RENAME TO applied")
        .execute(world.pool())
        .await
        .unwrap();
    in_time("the flush", writer.flush()).await.unwrap();
    assert_eq!((world.text(1).await, writer.stats().trouble), (some("a"), None));
}
