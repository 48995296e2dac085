//! Files that the macros and the runtime each have, because a crate of macros can export nothing else.

use std::fs;
use std::path::Path;

/// In the macros, and in the runtime.
const TWINS: [(&str, &str); 2] = [
    ("grammar/duration/text.rs", "policy/duration/text.rs"),
    ("suggest.rs", "manager/config/suggest.rs"),
];

#[test]
fn a_text_means_the_same_in_an_annotation_and_in_a_configuration() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |path: String| fs::read_to_string(root.join(&path)).expect(&path);
    for (macros, runtime) in TWINS {
        let same = read(format!("cache-macros/src/{macros}"))
            == read(format!("cache-runtime/src/{runtime}"));
        assert!(
            same,
            "cache-macros/src/{macros} and cache-runtime/src/{runtime} differ: change both"
        );
    }
}
