//! The program that counts what is allocated; that of the table starts it.

use std::alloc::System;
use std::error::Error;

use benches::counted::Counts;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    benches::counted::count(std::env::args().skip(1), counts).await
}

fn counts() -> Counts {
    let stats = ALLOCATOR.stats();
    let bytes = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Counts {
        allocations: (stats.allocations + stats.reallocations) as u64,
        live: bytes(stats.bytes_allocated) - bytes(stats.bytes_deallocated),
    }
}
