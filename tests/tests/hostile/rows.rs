//! Rows that changed behind the repository's back, and what makes it look again.

use crate::world::World;

/// No look-up leads to such a row any more, but an answer over all rows may still have it.
#[tokio::test]
async fn to_forget_a_row_that_nobody_has_any_more_forgets_the_tag_of_its_table() {
    let world = World::new().await;
    let largest = async || world.here.largest(1).await.unwrap()[0].slug.clone();
    assert_eq!(largest().await, "rome");
    world.here.cache.drain().await;
    world.sql("DELETE FROM cities WHERE id = 3").await;
    assert_eq!(largest().await, "rome", "it is cached");
    world.here.invalidate(3).await.unwrap();
    assert_eq!(largest().await, "paris");
    world.here.cache.drain().await;
    world.sql("DELETE FROM cities WHERE id = 1").await;
    assert_eq!(largest().await, "paris", "it is cached");
    assert_eq!(world.here.refresh(1).await.unwrap(), None);
    assert_eq!(largest().await, "lyon");
}
