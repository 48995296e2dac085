//! Runs the checker over a scope, breadth first and in one thread, so that what it finds is the shortest way there and
//! the same each time.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cache_runtime::Step;
use stateright::{Checker, HasDiscoveries, Model};

use super::defence::Defence;
use super::promise::Promise;
use super::protocol::Protocol;
use super::scope::Scope;
use super::witness::Witness;
use super::words::{Told, told};

/// What a check came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    pub(crate) took: Duration,
    pub(crate) found: Option<Counterexample>,
    pub(crate) witnessed: Vec<Witness>,
    pub(crate) taken: Vec<Step>,
}

#[derive(Debug)]
pub(crate) struct Counterexample {
    pub(crate) promise: Promise,
    pub(crate) steps: Vec<Told>,
    pub(crate) end: String,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>4}  {step}", number + 1)?;
        }
        write!(f, "      {}", self.end)
    }
}

/// A check that is made once, by whichever test asks first.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) scope: &'static Scope,
    pub(crate) without: &'static [Defence],
    /// The promise that is looked for, to see it broken; none where all of them are to hold.
    pub(crate) breaks: Option<Promise>,
    outcome: OnceLock<Outcome>,
}

impl Check {
    /// Everything is to hold.
    pub(crate) const fn holds(scope: &'static Scope, without: &'static [Defence]) -> Self {
        Self { scope, without, breaks: None, outcome: OnceLock::new() }
    }

    /// This promise is to be broken.
    pub(crate) const fn breaks(
        scope: &'static Scope,
        without: &'static [Defence],
        promise: Promise,
    ) -> Self {
        Self { scope, without, breaks: Some(promise), outcome: OnceLock::new() }
    }

    pub(crate) fn outcome(&self) -> &Outcome {
        self.outcome.get_or_init(|| self.run())
    }

    fn run(&self) -> Outcome {
        let until = match self.breaks {
            Some(promise) => HasDiscoveries::AnyOf(BTreeSet::from([promise.name()])),
            None => HasDiscoveries::AnyFailures,
        };
        let began = Instant::now();
        let protocol = Protocol::new(self.scope, self.without);
        let checker = protocol.checker().finish_when(until).spawn_bfs().join();
        let protocol = checker.model();
        let found = checker.discoveries().into_iter().filter_map(|(name, path)| {
            let promise = Promise::ALL.into_iter().find(|promise| promise.name() == name)?;
            let steps = path.into_vec();
            let end = steps.last()?.0;
            Some(Counterexample {
                promise,
                steps: told(protocol, &steps),
                end: protocol.ending(promise, &end),
            })
        });
        let found = found
            .filter(|found| self.breaks.is_none_or(|promise| promise == found.promise))
            .min_by_key(|found| found.steps.len());
        Outcome {
            states: checker.unique_state_count(),
            transitions: checker.state_count(),
            took: began.elapsed(),
            found,
            witnessed: protocol.witnessed().collect(),
            taken: protocol.taken().collect(),
        }
    }
}

/// Makes one test of each check, and a list of them all.
macro_rules! checks {
    ($judge:path; $($test:ident: $check:expr;)*) => {
        #[allow(non_upper_case_globals, reason = "a check is named like its test")]
        mod made {
            #[allow(clippy::wildcard_imports, reason = "what the checks are made of")]
            use super::*;
            $(pub(crate) static $test: Check = $check;)*
        }

        pub(crate) static ALL: &[&Check] = &[$(&made::$test),*];

        $(#[test]
        fn $test() {
            $judge(&made::$test);
        })*
    };
}
pub(crate) use checks;

/// Every promise holds in every state, and what has to happen does.
pub(crate) fn holds(check: &Check) {
    let (name, outcome) = (check.scope.name, check.outcome());
    if let Some(found) = &outcome.found {
        panic!("{name}: {} is broken\n{found}", found.promise.name());
    }
    let unseen: Vec<_> =
        check.scope.sees.iter().filter(|witness| !outcome.witnessed.contains(witness)).collect();
    assert!(unseen.is_empty(), "{name} says nothing of {unseen:?}");
}

/// The promise is broken; prints how.
pub(crate) fn breaks(check: &Check) {
    let (name, outcome) = (check.scope.name, check.outcome());
    let missing: Vec<_> = check.without.iter().map(|defence| defence.words()).collect();
    let Some(found) = &outcome.found else {
        panic!("{name} holds in {} states without: {}", outcome.states, missing.join(", "));
    };
    println!("{name}, without: {}", missing.join(", "));
    println!("{} is broken in {} steps:\n{found}", found.promise.name(), found.steps.len());
}
