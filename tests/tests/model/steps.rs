//! The model takes the steps of the library, and nothing else under their names.

use std::collections::BTreeSet;

use cache_runtime::Step;

use super::whole;

/// What is a step of the library under another name, because more is said of it.
const OTHER_NAMES: [(&str, Step); 9] = [
    ("ReadToRenew", Step::Read),
    ("Join", Step::Read),
    ("HoldFails", Step::Hold),
    ("HoldUnanswered", Step::Hold),
    ("Renew", Step::Hold),
    ("LoseAnswer", Step::Commit),
    ("CommitWithRow", Step::Commit),
    ("ReleaseFails", Step::Release),
    ("ReleaseUnanswered", Step::Release),
];

#[test]
fn every_action_is_the_step_that_its_name_says_or_none() {
    let mut claimed = BTreeSet::new();
    for action in whole::ALL.iter().flat_map(|check| check.scope.actions()) {
        let said = format!("{action:?}");
        let name = said.split('(').next().unwrap_or_default();
        let own = Step::ALL.into_iter().find(|step| format!("{step:?}") == name);
        let other = OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, step)| *step);
        assert_eq!(action.step(), own.or(other), "{said}");
        claimed.extend(action.step());
    }
    assert_eq!(claimed, BTreeSet::from(Step::ALL), "a step that no action is");
}

#[test]
fn every_step_is_taken_in_some_model() {
    // From the last on, where the report goes from the first on: neither has to wait for the other.
    let checks = whole::ALL.iter().rev();
    let taken: BTreeSet<_> =
        checks.flat_map(|check| check.outcome().taken.iter().copied()).collect();
    assert_eq!(taken, BTreeSet::from(Step::ALL));
}
