//! Every diagnostic, as a user sees it.

#[test]
fn every_mistake_is_reported_where_it_is_with_what_to_write_instead() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/entity/*.rs");
    cases.compile_fail("tests/ui/repository/*.rs");
    cases.compile_fail("tests/ui/methods/*.rs");
    cases.compile_fail("tests/ui/rate_limit/*.rs");
    cases.compile_fail("tests/ui/session/*.rs");
}
