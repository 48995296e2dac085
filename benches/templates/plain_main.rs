
async fn cache() -> Outcome<redis::aio::MultiplexedConnection> {
    let client = redis::Client::open("redis://127.0.0.1")?;
    Ok(client.get_multiplexed_async_connection().await?)
}
