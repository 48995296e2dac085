//! Transactions that go away whole, with the call that was dropped.

use cache_runtime::CacheTransaction;

use super::everywhere::{Call, Op, Start, everywhere};

#[tokio::test]
async fn a_transaction_that_is_committed_may_be_dropped_anywhere() {
    let call: Call = |world, cast| {
        Box::pin(async move {
            let cities = &world.here.cities;
            let mut tx = cities.begin().await.unwrap();
            cities.within(&mut tx).update(&cast.moved(1)).await.unwrap();
            cities.within(&mut tx).delete(cast.id(2)).await.unwrap();
            tx.commit().await.unwrap();
        })
    };
    let op = Op::write(
        "begin, update, delete, commit",
        call,
        &[|table, cast| {
            table.put(cast.moved(1));
            table.remove(cast.id(2));
        }],
    );
    everywhere(op, &Start::WRITER).await;
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_may_be_dropped_anywhere() {
    let op = Op::read("begin_with, update, rollback", |world, cast| {
        Box::pin(async move {
            let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ";
            let mut tx = CacheTransaction::begin_with(&world.here.db, begin).await.unwrap();
            world.here.cities.within(&mut tx).update(&cast.moved(1)).await.unwrap();
            tx.rollback().await.unwrap();
        })
    });
    everywhere(op, &[Start::Cold, Start::Unconnected]).await;
}

#[tokio::test]
async fn a_transaction_that_is_left_may_be_dropped_anywhere() {
    let op = Op::read("begin, insert, and no more", |world, cast| {
        Box::pin(async move {
            let mut tx = world.here.cache.begin(&world.here.db).await.unwrap();
            world.here.cities.within(&mut tx).insert(&cast.city(4)).await.unwrap();
        })
    });
    everywhere(op, &[Start::Warm]).await;
}

pub(crate) const SAVEPOINTS: Op = Op::write(
    "savepoints",
    |world, cast| {
        Box::pin(async move {
            let cities = &world.here.cities;
            let mut tx = cities.begin().await.unwrap();
            let mut kept = tx.savepoint().await.unwrap();
            cities.within(&mut kept).update(&cast.moved(1)).await.unwrap();
            let mut inner = kept.savepoint().await.unwrap();
            cities.within(&mut inner).delete(cast.id(3)).await.unwrap();
            inner.rollback().await.unwrap();
            kept.commit().await.unwrap();
            let mut left = tx.savepoint().await.unwrap();
            cities.within(&mut left).delete(cast.id(2)).await.unwrap();
            drop(left);
            tx.commit().await.unwrap();
        })
    },
    &[|table, cast| table.put(cast.moved(1))],
);

#[tokio::test]
async fn a_transaction_with_savepoints_may_be_dropped_anywhere() {
    everywhere(SAVEPOINTS, &Start::WRITER).await;
}

#[tokio::test]
async fn a_transaction_with_statements_of_its_own_may_be_dropped_anywhere() {
    let call: Call = |world, cast| {
        Box::pin(async move {
            let cities = &world.here.cities;
            let mut tx = cities.begin().await.unwrap();
            sqlx::query("UPDATE cities SET extra = 7 WHERE id = $1")
                .bind(cast.id(3))
                .execute(tx.connection())
                .await
                .unwrap();
            cities.within(&mut tx).insert(&cast.city(4)).await.unwrap();
            let count: i64 = sqlx::query_scalar("SELECT count(*) FROM cities WHERE country = $1")
                .bind(cast.home())
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            assert_eq!(count, 4);
            tx.commit().await.unwrap();
        })
    };
    let op = Op::write(
        "plain statements",
        call,
        &[|table, cast| {
            table.row(cast.id(3)).extra = 7;
            table.put(cast.city(4));
        }],
    );
    everywhere(op, &[Start::Warm]).await;
}

#[tokio::test]
async fn the_reads_of_a_transaction_may_be_dropped_anywhere() {
    let op = Op::read("reads in a transaction", |world, cast| {
        Box::pin(async move {
            let mut tx = world.here.cities.begin().await.unwrap();
            let mut within = world.here.cities.within(&mut tx);
            let row = within.get(cast.id(1)).await.unwrap();
            assert_eq!(row.as_deref(), Some(&cast.city(1)));
            let row = within.get_for_update(cast.id(2)).await.unwrap();
            assert_eq!(row.as_deref(), Some(&cast.city(2)));
            let rows = within.get_many(&[cast.id(9), cast.id(3)]).await.unwrap();
            assert_eq!(rows[1].as_deref(), Some(&cast.city(3)));
            let row = within.find_by_slug(&cast.slug(1)).await.unwrap();
            assert_eq!(row.as_deref(), Some(&cast.city(1)));
            assert_eq!(within.list_by_country(&cast.home(), ..2).await.unwrap().len(), 2);
            tx.rollback().await.unwrap();
        })
    });
    everywhere(op, &[Start::Warm]).await;
}

#[tokio::test]
async fn every_write_of_a_transaction_may_be_dropped_anywhere() {
    let call: Call = |world, cast| {
        Box::pin(async move {
            let mut tx = world.here.cities.begin().await.unwrap();
            let mut within = world.here.cities.within(&mut tx);
            within.insert(&cast.city(4)).await.unwrap();
            within.insert_many(&[cast.city(5)]).await.unwrap();
            within.upsert(&cast.moved(1)).await.unwrap();
            assert_eq!(within.delete_many(&[cast.id(2), cast.id(9)]).await.unwrap().len(), 1);
            world.here.cities.rename(&mut tx, cast.id(3), &cast.slug(12)).await.unwrap();
            tx.commit().await.unwrap();
        })
    };
    let op = Op::write(
        "every write in a transaction",
        call,
        &[|table, cast| {
            table.put(cast.city(4));
            table.put(cast.city(5));
            table.put(cast.moved(1));
            table.remove(cast.id(2));
            table.row(cast.id(3)).city.slug = cast.slug(12);
        }],
    );
    everywhere(op, &[Start::Warm]).await;
}
