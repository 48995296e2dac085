//! Tagged answers: their own small model, and its rules taken out.

#[path = "tags/world.rs"]
mod world;

use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use stateright::{Checker, HasDiscoveries, Model, Property};

use self::world::{Act, Rule, Tagged, World};
use super::words::{Told, in_one_line, in_thousands};

impl Model for Tagged {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![World::default()]
    }

    fn actions(&self, _: &World, actions: &mut Vec<Act>) {
        actions.extend(Act::all());
    }

    fn next_state(&self, world: &World, act: Act) -> Option<World> {
        self.next(world, act)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("Strong", Self::holds)]
    }
}

fn told(act: Act) -> Told {
    let (who, does) = match act {
        Act::Read(number) => (format!("reader {}", number + 1), "Read"),
        Act::Lease(number) => (format!("reader {}", number + 1), "Lease"),
        Act::TakeStamp(number) => (format!("reader {}", number + 1), "Lease (the stamp)"),
        Act::Load(number) => (format!("reader {}", number + 1), "Load"),
        Act::Fill(number) => (format!("reader {}", number + 1), "Fill"),
        Act::HasReply(number) => (format!("reader {}", number + 1), "has its answer"),
        Act::ReaderDies(number) => (format!("reader {}", number + 1), "dies"),
        Act::Join(_) => ("joiner".to_owned(), "Read"),
        Act::Hold(number) => (format!("writer {}", number + 1), "Hold"),
        Act::Commit(number) => (format!("writer {}", number + 1), "Commit"),
        Act::Release(number) => (format!("writer {}", number + 1), "Release"),
        Act::WriterDies(number) => (format!("writer {}", number + 1), "dies"),
        Act::HoldEnds(number) => (format!("hold {}", number + 1), "runs out"),
        Act::AnswerEnds => ("the answer".to_owned(), "runs out"),
        Act::StampEnds => ("the stamp".to_owned(), "runs out"),
    };
    Told { who, does: does.to_owned(), so: String::new() }
}

/// One check, made by whichever test asks first.
struct Check {
    without: Option<Rule>,
    loses: bool,
    outcome: OnceLock<Outcome>,
}

struct Outcome {
    states: usize,
    /// The shortest way to an old answer.
    found: Option<Vec<Told>>,
}

impl Check {
    const fn new(without: Option<Rule>, loses: bool) -> Self {
        Self { without, loses, outcome: OnceLock::new() }
    }

    fn outcome(&self) -> &Outcome {
        self.outcome.get_or_init(|| {
            let model = Tagged::new(self.without, self.loses).checker();
            let checker = model.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
            assert!(checker.model().hits.load(Ordering::Relaxed) > 0, "nobody hits");
            let path = checker.discovery("Strong").map(|path| path.into_actions());
            let found = path.map(|acts| acts.into_iter().map(told).collect());
            Outcome { states: checker.unique_state_count(), found }
        })
    }

    fn holds(&self) {
        assert_eq!(self.outcome().found, None);
    }

    fn breaks(&self) {
        let found = self.outcome().found.as_ref().expect("an answer is old");
        println!("without: {}", self.what());
        found.iter().for_each(|step| println!("      {step}"));
    }

    fn what(&self) -> &'static str {
        match (self.without, self.loses) {
            (None, false) => "tagged answer",
            (None, true) => "tagged answer, loss",
            (Some(rule), _) => rule.words(),
        }
    }

    /// What the documentation says of it.
    fn line(&self) -> String {
        let Outcome { states, found } = self.outcome();
        match found {
            None => format!("| {} | {} |", self.what(), in_thousands(*states)),
            Some(steps) => {
                format!("| {} | {} | {} |", self.what(), steps.len(), in_one_line(steps))
            }
        }
    }
}

static WHOLE: Check = Check::new(None, false);
static WHOLE_WITH_LOSS: Check = Check::new(None, true);
static ANOTHER_STAMP: Check = Check::new(Some(Rule::StampComparedAtHit), false);
static HELD_TAG: Check = Check::new(Some(Rule::HeldTagIsAMiss), false);
static LATE_STAMP: Check = Check::new(Some(Rule::StampBeforeLoad), false);
static TAGGED_FILL: Check = Check::new(Some(Rule::TaggedFillProvesNothing), false);

pub(crate) fn lines() -> Vec<String> {
    let all = [&WHOLE, &WHOLE_WITH_LOSS, &ANOTHER_STAMP, &HELD_TAG, &LATE_STAMP, &TAGGED_FILL];
    all.map(Check::line).into()
}

#[test]
fn a_tagged_answer_while_writers_and_readers_die() {
    WHOLE.holds();
}

#[test]
fn a_tagged_answer_while_redis_loses_data() {
    WHOLE_WITH_LOSS.holds();
}

#[test]
fn an_answer_under_another_stamp() {
    ANOTHER_STAMP.breaks();
}

#[test]
fn an_answer_under_a_held_tag() {
    HELD_TAG.breaks();
}

#[test]
fn a_stamp_that_is_taken_after_the_load() {
    LATE_STAMP.breaks();
}

#[test]
fn a_joiner_of_a_tagged_fill() {
    TAGGED_FILL.breaks();
}
