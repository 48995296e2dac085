//! Prints the side-by-side table, and writes it to `target/bench/report.json`.

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    benches::run(std::env::args().skip(1)).await
}
