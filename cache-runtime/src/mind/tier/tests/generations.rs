//! Whose invalidation takes what.

use crate::mind::tier::generations::Generations;
use crate::mind::tier::identity::Identity;

/// Three keys of one counter: two are not told apart.
fn keys() -> (Generations, [Identity; 3]) {
    let key = |mark| Identity::from_parts(7, mark);
    (Generations::new(1), [key(1), key(2), key(1 << 10 | 1)])
}

#[test]
fn what_is_read_outlives_the_invalidations_of_others() {
    let (generations, [own, other, _]) = keys();
    let seen = generations.see(own);
    for _ in 0..10 {
        generations.bump(other);
        assert!(generations.is_current(&seen));
    }
}

#[test]
fn what_nobody_reads_is_lost_at_the_second_one() {
    let (generations, [own, other, _]) = keys();
    let seen = generations.see(own);
    generations.bump(other);
    generations.bump(other);
    assert!(!generations.is_current(&seen));
    assert!(!generations.is_current(&seen), "and stays so");
}

#[test]
fn its_own_invalidation_takes_it_whatever_others_do() {
    for (before, after) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (3, 1)] {
        let (generations, [own, other, _]) = keys();
        let seen = generations.see(own);
        for _ in 0..before {
            generations.bump(other);
            assert!(generations.is_current(&seen));
        }
        generations.bump(own);
        assert!(after == 1 || !generations.is_current(&seen), "{before} {after}");
        for _ in 0..after {
            generations.bump(other);
            assert!(!generations.is_current(&seen), "{before} {after}");
        }
    }
}

#[test]
fn a_key_that_cannot_be_told_from_another_goes_with_it() {
    let (generations, [own, _, alike]) = keys();
    let seen = generations.see(own);
    generations.bump(alike);
    assert!(!generations.is_current(&seen));
}

#[test]
fn what_is_seen_later_is_current() {
    let (generations, [own, other, _]) = keys();
    generations.bump(own);
    generations.bump(other);
    let seen = generations.see(own);
    assert!(generations.is_current(&seen) && generations.is_current(&seen.clone()));
}

#[test]
fn half_of_all_numbers_is_said_and_so_is_the_last() {
    let (generations, [own, other, _]) = keys();
    assert!(!generations.bump(own));
    for left in [1 << 31, 0] {
        generations.wear(own, left + 1);
        assert!(!generations.bump(other) && generations.bump(own) && !generations.bump(own));
    }
}

/// One invalidates its key again and again and says when it has; others invalidate theirs, and some look.
#[test]
fn nobody_takes_for_current_what_was_invalidated_before_it_looked() {
    use std::sync::RwLock;
    use std::sync::atomic::{AtomicBool, Ordering};
    let (generations, [own, other, _]) = keys();
    let seen = RwLock::new((generations.see(own), false));
    let (ended, current, dead) =
        (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::SeqCst) {
                generations.bump(other);
                std::thread::yield_now();
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    let seen = seen.read().unwrap();
                    let is_current = generations.is_current(&seen.0);
                    assert!(!(is_current && seen.1), "it was invalidated");
                    if is_current { &current } else { &dead }.store(true, Ordering::SeqCst);
                }
            });
        }
        let both = || current.load(Ordering::SeqCst) && dead.load(Ordering::SeqCst);
        for round in 0..1_000_000 {
            if round >= 500 && both() {
                break;
            }
            *seen.write().unwrap() = (generations.see(own), false);
            std::thread::yield_now();
            generations.bump(own);
            seen.write().unwrap().1 = true;
            std::thread::yield_now();
        }
        ended.store(true, Ordering::SeqCst);
    });
    assert!(current.into_inner() && dead.into_inner());
}
