//! The page says what the simulator says today.

use std::fs;
use std::path::Path;

#[test]
fn the_tables_of_the_page_are_what_the_simulator_prints() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scale.md");
    let page = fs::read_to_string(page).unwrap();
    for (ours, theirs) in page.lines().zip(scale::page::filled(&page).unwrap().lines()) {
        assert_eq!(ours, theirs, "run `cargo run -p scale -- write`");
    }
}
