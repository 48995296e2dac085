#[path = "../city.rs"]
mod city;
use city::*;

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "geo.rivers")]
struct River {
    #[entity(id)]
    id: i64,
    country: String,
}

#[cached_repository(entity = City, tags("country:{country}"))]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Cities {
    #[cached(key = "slip:{country}", tags("citys", "contry:{country}"))]
    async fn slip(&self, country: &str) -> sqlx::Result<i64> {
        Ok(country.len() as i64)
    }

    #[cache_put(key = "put", tags("Cities"))]
    async fn put(&self) -> sqlx::Result<i64> {
        Ok(1)
    }

    #[invalidates(tags("city"))]
    async fn change(&self) -> sqlx::Result<()> {
        Ok(())
    }

    /// Another repository's tag is nothing to complain of, nor is one like one's own that stands beside it.
    #[cached(key = "fine:{name}", tags("cities", "citis", "geo.rivers", "name:{name}", "country:NO"))]
    async fn fine(&self, name: &str) -> sqlx::Result<i64> {
        Ok(name.len() as i64)
    }
}

#[cached_repository(entity = River)]
struct Rivers {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Rivers {
    #[cached(key = "all", tags("rivers"))]
    async fn all(&self) -> sqlx::Result<i64> {
        Ok(1)
    }
}

fn main() {}
