//! Reads of rows, and what a caller does to their entries.

use cache_runtime::{DataSource, Origin};

use super::everywhere::{Op, Start, everywhere};

pub(crate) const GET: Op = Op::read("get", |world, cast| {
    Box::pin(async move {
        let row = world.here.cities.get(cast.id(1)).await.unwrap();
        assert_eq!(row.as_deref(), Some(&cast.city(1)));
    })
});

#[tokio::test]
async fn get_may_be_dropped_anywhere() {
    everywhere(GET, &Start::ALL).await;
}

#[tokio::test]
async fn a_get_of_what_is_not_there_may_be_dropped_anywhere() {
    let op = Op::read("get of no row", |world, cast| {
        Box::pin(async move {
            assert_eq!(world.here.cities.get(cast.id(9)).await.unwrap(), None);
        })
    });
    everywhere(op, &Start::READER).await;
}

pub(crate) const GET_MANY: Op = Op::read("get_many", |world, cast| {
    Box::pin(async move {
        let ids = [2, 9, 1, 2, 3].map(|number| cast.id(number));
        let rows = world.here.cities.get_many(&ids).await.unwrap();
        let rows: Vec<_> = rows.into_iter().map(|row| row.map(|row| row.population)).collect();
        let population = |number| Some(cast.population(number));
        assert_eq!(rows, [population(2), None, population(1), population(2), population(3)]);
    })
});

#[tokio::test]
async fn get_many_may_be_dropped_anywhere() {
    everywhere(GET_MANY, &Start::READER).await;
}

pub(crate) const FIND_BY: Op = Op::read("find_by_slug", |world, cast| {
    Box::pin(async move {
        let row = world.here.cities.find_by_slug(&cast.slug(2)).await.unwrap();
        assert_eq!(row.as_deref(), Some(&cast.city(2)));
    })
});

#[tokio::test]
async fn find_by_may_be_dropped_anywhere() {
    everywhere(FIND_BY, &Start::READER).await;
}

pub(crate) const LIST_BY: Op = Op::read("list_by_country", |world, cast| {
    Box::pin(async move {
        let rows = world.here.cities.list_by_country(&cast.home(), 1..9).await.unwrap();
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        assert_eq!(ids, [cast.id(2), cast.id(3)]);
    })
});

#[tokio::test]
async fn list_by_may_be_dropped_anywhere() {
    everywhere(LIST_BY, &Start::READER).await;
}

#[tokio::test]
async fn warm_may_be_dropped_anywhere() {
    let op = Op::read("warm", |world, cast| {
        Box::pin(async move {
            let ids = [1, 2, 9].map(|number| cast.id(number));
            assert_eq!(world.here.cities.warm(&ids).await.unwrap(), 2);
        })
    });
    everywhere(op, &Start::READER).await;
}

pub(crate) const REFRESH: Op = Op::read("refresh", |world, cast| {
    Box::pin(async move {
        let row = world.here.cities.refresh(cast.id(1)).await.unwrap();
        assert_eq!(row.as_deref(), Some(&cast.city(1)));
    })
});

#[tokio::test]
async fn refresh_may_be_dropped_anywhere() {
    everywhere(REFRESH, &Start::READER).await;
}

#[tokio::test]
async fn explain_may_be_dropped_anywhere() {
    let op = Op::read("explain", |world, cast| {
        Box::pin(async move {
            let told = world.here.cities.explain(cast.id(1)).await;
            assert!(told.key.contains(&cast.id(1).to_string()), "{told}");
            let origins = [Origin::Process, Origin::Cache, Origin::Database];
            assert!(origins.contains(&told.origin), "{told}");
        })
    });
    everywhere(op, &[Start::Cold, Start::Warm, Start::Held]).await;
}

#[tokio::test]
async fn invalidate_may_be_dropped_anywhere() {
    let op = Op::read("invalidate", |world, cast| {
        Box::pin(async move {
            world.here.cities.invalidate(cast.id(1)).await.unwrap();
        })
    });
    everywhere(op, &Start::READER).await;
}

#[tokio::test]
async fn verify_schema_may_be_dropped_anywhere() {
    let op = Op::read("verify_schema", |world, _| {
        Box::pin(async move { world.here.cities.verify_schema().await.unwrap() })
    });
    everywhere(op, &[Start::Cold]).await;
}

#[tokio::test]
async fn a_load_of_the_data_source_may_be_dropped_anywhere() {
    let op = Op::read("DataSource::load", |world, cast| {
        Box::pin(async move {
            let cities = &world.here.cities;
            assert_eq!(cities.load(&cast.id(1)).await.unwrap(), Some(cast.city(1)));
            let rows = cities.load_many(&[cast.id(9), cast.id(2)]).await.unwrap();
            assert_eq!(rows, [None, Some(cast.city(2))]);
        })
    });
    everywhere(op, &[Start::Cold]).await;
}
