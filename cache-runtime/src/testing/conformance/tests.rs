use std::collections::BTreeSet;

/// Every case that is written is also run.
#[test]
fn the_suite_lists_every_case_of_every_chapter() {
    let chapters = [
        ("abandons", include_str!("abandons.rs")),
        ("basics", include_str!("basics.rs")),
        ("batches", include_str!("batches.rs")),
        ("clearing", include_str!("clearing.rs")),
        ("closing", include_str!("closing.rs")),
        ("fills", include_str!("fills.rs")),
        ("holds", include_str!("holds.rs")),
        ("leases", include_str!("leases.rs")),
        ("lifetimes", include_str!("lifetimes.rs")),
        ("limits", include_str!("limits.rs")),
        ("races", include_str!("races.rs")),
        ("live", include_str!("live.rs")),
        ("pulls", include_str!("pulls.rs")),
        ("random", include_str!("random.rs")),
        ("releases", include_str!("releases.rs")),
        ("replacements", include_str!("replacements.rs")),
        ("streams", include_str!("streams.rs")),
        ("surveys", include_str!("surveys.rs")),
        ("sweeps", include_str!("sweeps.rs")),
        ("counters", include_str!("counters.rs")),
        ("lists", include_str!("lists.rs")),
        ("sets", include_str!("sets.rs")),
        ("hashes", include_str!("hashes.rs")),
        ("types", include_str!("types.rs")),
        ("keyspace", include_str!("keyspace.rs")),
        ("pipelines", include_str!("pipelines.rs")),
        ("stats", include_str!("stats.rs")),
    ];
    let suite = include_str!("../conformance.rs");
    let declared = suite.lines().filter(|line| line.starts_with("pub mod ")).count();
    assert_eq!(declared, chapters.len(), "a chapter is missing from this test");
    for (chapter, source) in chapters {
        let start =
            suite.find(&format!("            {chapter} {{\n")).expect("the chapter is listed");
        let listed = suite[start..].lines().skip(1).map(str::trim).take_while(|line| *line != "}");
        let listed: BTreeSet<&str> = listed.collect();
        let written: BTreeSet<&str> = source
            .lines()
            .filter_map(|line| line.strip_prefix("pub async fn ")?.split('<').next())
            .collect();
        assert_eq!(listed, written, "the cases of {chapter}");
    }
}
