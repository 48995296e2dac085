//! A small service.

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let db = sqlx::PgPool::connect_lazy("postgres://127.0.0.1/service")?;
    let cache = cache().await?;
    let router = axum::Router::new();
    // routers
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, router).await?)
}
