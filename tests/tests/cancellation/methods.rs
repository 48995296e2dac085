//! Methods of one's own: cached, put, and such as change rows.

use super::everywhere::{Call, Op, Start, everywhere};

pub(crate) const TWICE: Op = Op::read("a cached method", |world, cast| {
    Box::pin(async move {
        assert_eq!(world.here.cities.twice(cast.0).await.unwrap(), cast.0 * 2);
    })
});

#[tokio::test]
async fn a_cached_method_may_be_dropped_anywhere() {
    everywhere(TWICE, &Start::ALL).await;
}

pub(crate) const TOTAL: Op = Op::read("a cached method with a tag", |world, cast| {
    Box::pin(async move {
        let total = world.here.cities.total(&cast.home()).await.unwrap();
        assert_eq!(total, Some((1..=3).map(|number| cast.population(number)).sum()));
        assert_eq!(world.here.cities.total(&cast.abroad()).await.unwrap(), None);
    })
});

#[tokio::test]
async fn a_cached_method_with_a_tag_may_be_dropped_anywhere() {
    everywhere(TOTAL, &Start::READER).await;
}

#[tokio::test]
async fn a_cached_method_with_the_tag_of_the_table_may_be_dropped_anywhere() {
    let op = Op::read("a cached method with the table's tag", |world, cast| {
        Box::pin(async move {
            let least = world.here.cities.least(&cast.home()).await.unwrap();
            assert_eq!(least.as_deref(), Some(&cast.city(1)));
        })
    });
    everywhere(op, &Start::READER).await;
}

#[tokio::test]
async fn a_method_that_puts_its_answer_may_be_dropped_anywhere() {
    let op = Op::read("cache_put", |world, cast| {
        Box::pin(async move {
            let total = world.here.cities.count_again(&cast.home()).await.unwrap();
            assert_eq!(total, Some((1..=3).map(|number| cast.population(number)).sum()));
        })
    });
    everywhere(op, &Start::READER).await;
}

#[tokio::test]
async fn a_method_that_puts_its_answer_and_fails_may_be_dropped_anywhere() {
    let op = Op::read("cache_put that fails", |world, cast| {
        Box::pin(async move {
            let failure = world.here.cities.count_badly(&cast.home()).await.unwrap_err();
            assert!(failure.to_string().contains("division by zero"), "{failure}");
        })
    });
    everywhere(op, &[Start::Cold, Start::Warm]).await;
}

#[tokio::test]
async fn a_method_that_changes_rows_in_a_transaction_may_be_dropped_anywhere() {
    let call: Call = |world, cast| {
        Box::pin(async move {
            let cities = &world.here.cities;
            let mut tx = cities.begin().await.unwrap();
            cities.rename(&mut tx, cast.id(1), &cast.slug(11)).await.unwrap();
            cities.measure(&mut tx, &cast.home(), 20).await.unwrap();
            tx.commit().await.unwrap();
        })
    };
    let op = Op::write(
        "#[invalidates] in a transaction",
        call,
        &[|table, cast| {
            table.row(cast.id(1)).city.slug = cast.slug(11);
            table.rows.iter_mut().for_each(|row| row.area = 20);
        }],
    );
    everywhere(op, &Start::WRITER).await;
}

pub(crate) const WIDEN: Op = Op::around(
    "#[invalidates] of a tag",
    |world, cast| Box::pin(async move { world.here.cities.widen(&cast.home(), 20).await.unwrap() }),
    &[|table, _| {
        table.rows.iter_mut().for_each(|row| row.area = 20);
    }],
);

#[tokio::test]
async fn a_method_that_changes_what_a_tag_names_may_be_dropped_anywhere() {
    everywhere(WIDEN, &Start::WRITER).await;
}

#[tokio::test]
async fn a_method_that_changes_a_row_may_be_dropped_anywhere() {
    let call: Call = |world, cast| {
        Box::pin(async move { world.here.notes.rewrite(cast.0, "new").await.unwrap() })
    };
    let op = Op::around(
        "#[invalidates] of a row",
        call,
        &[|table, _| {
            table.note = Some("new".to_owned());
        }],
    );
    everywhere(op, &Start::WRITER).await;
}
