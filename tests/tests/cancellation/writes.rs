//! Generated writes: each happens whole or not at all, and is seen at once where it happened.

use cache_runtime::DataSource;

use super::everywhere::{Op, Start, everywhere};

#[tokio::test]
async fn insert_may_be_dropped_anywhere() {
    let op = Op::write(
        "insert",
        |world, cast| {
            Box::pin(async move {
                let stored = world.here.cities.insert(&cast.city(4)).await.unwrap();
                assert_eq!(*stored, cast.city(4));
            })
        },
        &[|table, cast| table.put(cast.city(4))],
    );
    everywhere(op, &Start::WRITER).await;
}

#[tokio::test]
async fn an_insert_that_is_refused_may_be_dropped_anywhere() {
    let op = Op::read("insert of a slug that is taken", |world, cast| {
        Box::pin(async move {
            let mut taken = cast.city(4);
            taken.slug = cast.slug(1);
            let error = world.here.cities.insert(&taken).await.unwrap_err();
            assert!(error.as_database_error().unwrap().is_unique_violation(), "{error}");
        })
    });
    everywhere(op, &Start::WRITER).await;
}

pub(crate) const INSERT_MANY: Op = Op::write(
    "insert_many",
    |world, cast| {
        Box::pin(async move {
            let rows = [cast.city(4), cast.city(5)];
            let stored = world.here.cities.insert_many(&rows).await.unwrap();
            assert_eq!(stored.len(), 2);
            assert_eq!(*stored[1], cast.city(5));
        })
    },
    &[|table, cast| {
        table.put(cast.city(4));
        table.put(cast.city(5));
    }],
);

#[tokio::test]
async fn insert_many_may_be_dropped_anywhere() {
    everywhere(INSERT_MANY, &Start::WRITER).await;
}

pub(crate) const UPDATE: Op = Op::write(
    "update",
    |world, cast| {
        Box::pin(async move {
            let stored = world.here.cities.update(&cast.moved(1)).await.unwrap();
            assert_eq!(stored.as_deref(), Some(&cast.moved(1)));
        })
    },
    &[|table, cast| table.put(cast.moved(1))],
);

#[tokio::test]
async fn update_may_be_dropped_anywhere() {
    everywhere(UPDATE, &[Start::Warm, Start::Held, Start::Unconnected]).await;
}

#[tokio::test]
async fn an_update_of_what_is_not_there_may_be_dropped_anywhere() {
    let op = Op::read("update of no row", |world, cast| {
        Box::pin(async move {
            assert_eq!(world.here.cities.update(&cast.city(9)).await.unwrap(), None);
        })
    });
    everywhere(op, &Start::WRITER).await;
}

#[tokio::test]
async fn an_upsert_of_a_row_may_be_dropped_anywhere() {
    let op = Op::write(
        "upsert of a row that is there",
        |world, cast| {
            Box::pin(async move {
                assert_eq!(*world.here.cities.upsert(&cast.moved(2)).await.unwrap(), cast.moved(2));
            })
        },
        &[|table, cast| table.put(cast.moved(2))],
    );
    everywhere(op, &Start::WRITER).await;
}

#[tokio::test]
async fn an_upsert_of_a_new_row_may_be_dropped_anywhere() {
    let op = Op::write(
        "upsert of a new row",
        |world, cast| {
            Box::pin(async move {
                assert_eq!(*world.here.cities.upsert(&cast.city(4)).await.unwrap(), cast.city(4));
            })
        },
        &[|table, cast| table.put(cast.city(4))],
    );
    everywhere(op, &Start::WRITER).await;
}

pub(crate) const DELETE: Op = Op::write(
    "delete",
    |world, cast| {
        Box::pin(async move {
            let gone = world.here.cities.delete(cast.id(1)).await.unwrap();
            assert_eq!(gone.as_deref(), Some(&cast.city(1)));
        })
    },
    &[|table, cast| table.remove(cast.id(1))],
);

#[tokio::test]
async fn delete_may_be_dropped_anywhere() {
    everywhere(DELETE, &Start::WRITER).await;
}

#[tokio::test]
async fn delete_many_may_be_dropped_anywhere() {
    let op = Op::write(
        "delete_many",
        |world, cast| {
            Box::pin(async move {
                let ids = [1, 2, 9].map(|number| cast.id(number));
                assert_eq!(world.here.cities.delete_many(&ids).await.unwrap().len(), 2);
            })
        },
        &[|table, cast| {
            table.remove(cast.id(1));
            table.remove(cast.id(2));
        }],
    );
    everywhere(op, &Start::WRITER).await;
}

#[tokio::test]
async fn a_store_of_the_data_source_may_be_dropped_anywhere() {
    let op = Op::write(
        "DataSource::store",
        |world, cast| {
            Box::pin(async move {
                let stored = world.here.cities.store(&cast.moved(1)).await.unwrap();
                assert_eq!(stored, cast.moved(1));
            })
        },
        &[|table, cast| table.put(cast.moved(1))],
    );
    everywhere(op, &[Start::Warm]).await;
}

#[tokio::test]
async fn a_delete_of_the_data_source_may_be_dropped_anywhere() {
    let op = Op::write(
        "DataSource::delete",
        |world, cast| {
            Box::pin(async move {
                assert!(DataSource::delete(&world.here.cities, &cast.id(2)).await.unwrap());
            })
        },
        &[|table, cast| table.remove(cast.id(2))],
    );
    everywhere(op, &[Start::Warm]).await;
}
