//! Every scene, over an embedded Postgres and a cache in memory.

use std::error::Error;

use cache_runtime::CacheManager;
use examples::Database;

use crate::scenes::Scene;

#[tokio::test]
async fn each_scene_does_what_its_strategy_promises() -> Result<(), Box<dyn Error>> {
    let database = Database::embedded("geonames_scenes").await?;
    sqlx::raw_sql(
        "INSERT INTO countries VALUES ('PT', 'Portugal', 'Lisbon', 92391, 10281762, 'EU', 'EUR');
         INSERT INTO cities VALUES
             (2267057, 'lisbon', 'Lisbon', 'PT', '14', 38.7, -9.1, 517802, 'Europe/Lisbon');",
    )
    .execute(database.pool())
    .await?;
    let cache = CacheManager::builder("test").memory().build()?;
    for scene in Scene::ALL {
        let before = lisbon(&database).await?;
        let stats = scene.play(&cache, database.pool()).await?;
        match scene {
            // The write takes the value out, and the first of the two reads loads it.
            Scene::CacheAside | Scene::WriteThrough => {
                assert_eq!((stats.loads, stats.renewals), (1, 0), "{scene:?}");
            }
            // One load after each of several TTLs, each waited for.
            Scene::ReadThrough => {
                assert!(stats.loads > 2 && stats.renewals == 0, "{scene:?}: {stats:?}");
            }
            // Nobody read past the queue; and when the scene is over the source has the write.
            Scene::WriteBehind => {
                assert_eq!((stats.loads, lisbon(&database).await?), (0, before + 1), "{scene:?}");
            }
            Scene::RefreshAhead | Scene::StaleWhileRevalidate => {
                assert!(stats.renewals > 0, "{scene:?}: {stats:?}");
            }
        }
    }
    database.stop().await?;
    Ok(())
}

async fn lisbon(database: &Database) -> sqlx::Result<i64> {
    let sql = "SELECT population FROM cities WHERE slug = 'lisbon'";
    sqlx::query_scalar(sql).fetch_one(database.pool()).await
}
