//! Histories by hand, good and bad. Times are in milliseconds.

use super::*;
use crate::event::{Answer, Brief, Level, NO_SHELF, Seen};

const OURS: Process = 1;
const THEIRS: Process = 2;

fn millis(time: u64) -> Moment {
    time * MILLISECOND
}

/// A run whose log is looked into after each write, from `at - 1` to `at + 1`.
struct Run {
    checker: Checker,
    tx: u64,
}

/// The write number that a version of a row has here, unless a test says otherwise.
fn op(id: u16, version: u32) -> u64 {
    u64::from(id) * 1000 + u64::from(version)
}

fn there(code: u16, shelf: u8) -> Content {
    Content::There { code, shelf }
}

fn seen(id: u16, version: u32, (code, shelf): (u16, u8)) -> Seen {
    Seen { id, version, op: op(id, version), code, shelf }
}

impl Run {
    fn new() -> Self {
        Self { checker: Checker::new(8, &["a fault".to_owned()]), tx: 100 }
    }

    /// One transaction, begun at `at - 3`, committed after `at - 1` and known by `at + 1`.
    fn commit(&mut self, at: u64, rows: &[(u16, u32, Content)]) {
        self.commit_by(at, rows, true);
    }

    fn commit_by(&mut self, at: u64, rows: &[(u16, u32, Content)], held: bool) {
        self.look(at - 1, at - 1, Vec::new());
        self.tx += 1;
        let logged = |(id, version, content): &(u16, u32, Content)| Logged {
            tx: self.tx,
            id: *id,
            version: *version,
            op: op(*id, *version),
            at: millis(at - 3),
            content: *content,
            held,
        };
        let news = rows.iter().map(logged).collect();
        self.look(at, at + 1, news);
    }

    fn look(&mut self, begin: u64, end: u64, news: Vec<Logged>) {
        self.checker.history.learn(millis(begin), millis(end), news);
    }

    fn acknowledge(&mut self, at: u64, process: Process, rows: &[(u16, u32)]) {
        let written = Written { at: millis(at), rows: rows.to_vec() };
        self.checker.take(Note::Said(process, Side::Ours, Event::Written(written)));
    }

    fn read(&mut self, (begin, end): (u64, u64), level: Level, answer: Answer) {
        self.read_by(OURS, (begin, end), level, answer);
    }

    fn read_by(
        &mut self,
        process: Process,
        (begin, end): (u64, u64),
        level: Level,
        answer: Answer,
    ) {
        let read = Read { begin: millis(begin), end: millis(end), level, answer };
        self.checker.take(Note::Said(process, Side::Ours, Event::Read(read)));
    }

    fn loss(&mut self, begin: u64, end: u64) {
        self.checker.take(Note::LossBegins(millis(begin)));
        self.checker.take(Note::LossEnds(millis(begin), millis(end)));
    }

    /// What was found wrong so far.
    fn wrong(&mut self) -> Vec<verdict::Wrong> {
        self.checker.judge_until(Moment::MAX);
        let wrong = self.checker.tally.side(Side::Ours).all().wrong;
        self.checker.tally = Tally::new(&["a fault".to_owned()]);
        wrong.into_iter().flat_map(|(wrong, count)| (0..count).map(move |_| wrong)).collect()
    }
}

fn row(seen: Seen) -> Answer {
    Answer::Rows(vec![(seen.id, Some(seen))])
}

fn no_row(id: u16) -> Answer {
    Answer::Rows(vec![(id, None)])
}

use verdict::Wrong::{Dirty, Early, Mixed, Stale, Torn};

#[test]
fn a_read_that_begins_after_an_acknowledgement_sees_the_write() {
    for (level, begin, expected) in [
        (Level::Strong, 99, vec![]),
        (Level::Strong, 121, vec![Stale]),
        (Level::Database, 121, vec![Stale]),
        (Level::Sql, 121, vec![]),
        (Level::Bounded(50), 169, vec![]),
        (Level::Bounded(50), 171, vec![Stale]),
    ] {
        let mut run = Run::new();
        run.commit(10, &[(1, 1, there(5, 2))]);
        run.commit_by(100, &[(1, 2, there(6, 3))], false);
        run.acknowledge(120, THEIRS, &[(1, 2)]);
        run.read((begin, 200), level, row(seen(1, 1, (5, 2))));
        assert_eq!(run.wrong(), expected, "{level:?} at {begin}");
        if level == Level::Sql {
            assert_eq!(run.checker.tally.lost, 0);
        }
    }
}

#[test]
fn a_control_that_is_stale_is_counted_apart() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2))]);
    run.commit(100, &[(1, 2, there(6, 3))]);
    run.read((102, 110), Level::Sql, row(seen(1, 1, (5, 2))));
    run.checker.judge_until(Moment::MAX);
    let sum = run.checker.tally.side(Side::Ours);
    assert_eq!((sum.all().wrong(), sum.control().wrong()), (0, 1));
}

#[test]
fn what_was_held_binds_from_the_moment_at_which_it_is_known_to_be_committed() {
    for (held, begin, expected) in
        [(true, 100, vec![]), (true, 102, vec![Stale]), (false, 102, vec![])]
    {
        let mut run = Run::new();
        run.commit(10, &[(1, 1, there(5, 2))]);
        run.acknowledge(11, THEIRS, &[(1, 1)]);
        run.commit_by(100, &[(1, 2, there(6, 3))], held);
        run.read((begin, 200), Level::Strong, row(seen(1, 1, (5, 2))));
        assert_eq!(run.wrong(), expected, "held {held}, at {begin}");
    }
}

#[test]
fn a_read_that_saw_it_makes_it_known_to_all_who_come_later() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2)), (2, 1, there(7, 2))]);
    // Two rows of one transaction; the look that finds them is late.
    run.look(99, 99, Vec::new());
    let news = |id, code| Logged {
        tx: 7,
        id,
        version: 2,
        op: op(id, 2),
        at: millis(90),
        content: there(code, 3),
        held: true,
    };
    run.look(100, 180, vec![news(1, 6), news(2, 8)]);
    run.read((101, 105), Level::Strong, row(seen(1, 2, (6, 3))));
    run.read((104, 110), Level::Strong, row(seen(1, 1, (5, 2))));
    assert_eq!(run.wrong(), vec![]);
    run.read((106, 111), Level::Strong, row(seen(1, 1, (5, 2))));
    run.read((106, 112), Level::Strong, row(seen(2, 1, (7, 2))));
    assert_eq!(run.wrong(), vec![Stale, Stale]);
}

#[test]
fn while_redis_loses_data_only_what_is_acknowledged_binds() {
    for (loss, acked, begin, expected) in [
        // From the write to the read.
        ((99, 101), None, 150, vec![]),
        ((110, 112), None, 150, vec![]),
        ((155, 158), None, 150, vec![]),
        // Before the write, and after the read.
        ((90, 95), None, 150, vec![Stale]),
        ((161, 165), None, 150, vec![Stale]),
        // An acknowledged write binds in any case, from then on.
        ((99, 101), Some(120), 150, vec![Stale]),
        ((99, 101), Some(155), 150, vec![]),
    ] {
        let mut run = Run::new();
        run.commit(10, &[(1, 1, there(5, 2))]);
        run.loss(loss.0, loss.1);
        run.commit(100, &[(1, 2, there(6, 3))]);
        if let Some(at) = acked {
            run.acknowledge(at, THEIRS, &[(1, 2)]);
        }
        run.read((begin, 160), Level::Strong, row(seen(1, 1, (5, 2))));
        assert_eq!(run.wrong(), expected, "loss {loss:?}, acknowledged {acked:?}");
    }
}

#[test]
fn a_loss_that_is_forgotten_still_excuses_what_began_before_it() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2))]);
    run.loss(99, 101);
    run.commit(100, &[(1, 2, there(6, 3))]);
    run.checker.losses.forget(millis(5000));
    run.read((6000, 6001), Level::Strong, row(seen(1, 1, (5, 2))));
    assert_eq!(run.wrong(), vec![]);
}

#[test]
fn a_process_sees_its_own_acknowledged_writes_whatever_the_level() {
    for (writer, expected) in [(THEIRS, vec![]), (OURS, vec![Stale])] {
        let mut run = Run::new();
        run.commit(10, &[(1, 1, there(5, 2))]);
        run.commit(100, &[(1, 2, there(6, 3))]);
        run.acknowledge(120, writer, &[(1, 2)]);
        run.read((130, 140), Level::Bounded(1000), row(seen(1, 1, (5, 2))));
        assert_eq!(run.wrong(), expected, "written by {writer}");
    }
}

#[test]
fn what_was_never_committed_is_dirty() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2))]);
    // Rolled back; later the number was given to another write.
    let rolled_back = Seen { op: 999, ..seen(1, 2, (6, 3)) };
    run.read((50, 60), Level::Strong, row(rolled_back));
    assert_eq!(run.wrong(), vec![Dirty]);
    run.commit(100, &[(1, 2, there(6, 3))]);
    run.read((105, 110), Level::Strong, row(rolled_back));
    assert_eq!(run.wrong(), vec![Dirty]);
    // Overwritten by its own transaction.
    run.commit(200, &[(1, 3, there(7, 3)), (1, 4, there(8, 3))]);
    run.read((205, 210), Level::Strong, row(seen(1, 3, (7, 3))));
    run.read((205, 210), Level::Strong, row(seen(1, 4, (8, 3))));
    assert_eq!(run.wrong(), vec![Dirty]);
}

#[test]
fn what_is_committed_only_after_the_read_is_early() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2))]);
    run.commit(100, &[(1, 2, there(6, 3))]);
    run.read((80, 98), Level::Strong, row(seen(1, 2, (6, 3))));
    assert_eq!(run.wrong(), vec![Early]);
    run.read((80, 99), Level::Strong, row(seen(1, 2, (6, 3))));
    assert_eq!(run.wrong(), vec![]);
}

#[test]
fn columns_that_are_anothers_are_torn() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2))]);
    run.read((50, 60), Level::Strong, row(seen(1, 1, (5, 3))));
    run.read((50, 60), Level::Strong, Answer::Rows(vec![(2, Some(seen(1, 1, (5, 2))))]));
    let other = Answer::Find { code: 4, found: Some(seen(1, 1, (5, 2))) };
    run.read((50, 60), Level::Strong, other);
    assert_eq!(run.wrong(), vec![Torn, Torn, Torn]);
}

#[test]
fn no_such_row_is_an_answer_like_any_other() {
    let mut run = Run::new();
    run.read((5, 6), Level::Strong, no_row(1));
    run.commit(10, &[(1, 1, there(5, 2))]);
    run.read((5, 20), Level::Strong, no_row(1));
    assert_eq!(run.wrong(), vec![]);
    run.read((15, 20), Level::Strong, no_row(1));
    assert_eq!(run.wrong(), vec![Stale]);
    run.commit(100, &[(1, 2, Content::Absent)]);
    run.commit(110, &[(1, 3, there(5, 2))]);
    run.read((50, 90), Level::Strong, no_row(1));
    assert_eq!(run.wrong(), vec![Stale]);
    run.read((102, 105), Level::Strong, no_row(1));
    run.read((105, 130), Level::Strong, no_row(1));
    assert_eq!(run.wrong(), vec![]);
    run.read((112, 130), Level::Strong, no_row(1));
    assert_eq!(run.wrong(), vec![Stale]);
}

#[test]
fn a_look_up_of_nothing_means_that_no_row_bore_the_code() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2)), (2, 1, there(6, 2))]);
    let nothing = |code| Answer::Find { code, found: None };
    run.read((15, 20), Level::Strong, nothing(7));
    assert_eq!(run.wrong(), vec![]);
    run.read((15, 20), Level::Strong, nothing(6));
    assert_eq!(run.wrong(), vec![Stale]);
    run.commit(100, &[(2, 2, there(7, 2))]);
    run.read((98, 120), Level::Strong, nothing(6));
    run.read((98, 120), Level::Strong, nothing(7));
    assert_eq!(run.wrong(), vec![]);
    run.read((105, 120), Level::Strong, nothing(7));
    assert_eq!(run.wrong(), vec![Stale]);
    run.read((105, 120), Level::Strong, Answer::Find { code: 6, found: Some(seen(2, 1, (6, 2))) });
    assert_eq!(run.wrong(), vec![Stale]);
}

fn list(shelf: u8, rows: &[Seen]) -> Answer {
    Answer::List { shelf, rows: rows.to_vec() }
}

#[test]
fn a_list_has_every_row_that_is_on_the_shelf_and_no_other() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2)), (2, 1, there(6, 2)), (3, 1, there(7, NO_SHELF))]);
    let (one, two) = (seen(1, 1, (5, 2)), seen(2, 1, (6, 2)));
    run.read((15, 20), Level::Strong, list(2, &[one, two]));
    run.read((15, 20), Level::Strong, list(3, &[]));
    assert_eq!(run.wrong(), vec![]);
    run.read((15, 20), Level::Strong, list(2, &[one]));
    assert_eq!(run.wrong(), vec![Stale]);
    run.read((15, 20), Level::Strong, list(2, &[two, one]));
    assert_eq!(run.wrong(), vec![Torn]);
    run.read((15, 20), Level::Strong, list(3, &[one]));
    assert_eq!(run.wrong(), vec![Torn]);
    // One has moved away; its old state is no answer any more.
    run.commit(100, &[(2, 2, there(6, 3))]);
    run.read((105, 110), Level::Strong, list(2, &[one, two]));
    assert_eq!(run.wrong(), vec![Stale]);
    run.read((105, 110), Level::Strong, list(2, &[one]));
    run.read((105, 110), Level::Strong, list(3, &[seen(2, 2, (6, 3))]));
    assert_eq!(run.wrong(), vec![]);
}

#[test]
fn the_ids_of_a_list_are_those_of_one_moment_and_its_rows_need_not_be() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2)), (2, 1, there(6, 3))]);
    run.commit(100, &[(1, 2, there(5, 3))]);
    run.commit(200, &[(2, 2, there(6, 2))]);
    // One left the shelf long before the other came.
    let both = [seen(1, 1, (5, 2)), seen(2, 2, (6, 2))];
    run.read((50, 300), Level::Strong, list(2, &both));
    assert_eq!(run.wrong(), vec![Mixed]);
    run.read((50, 300), Level::Strong, list(2, &[]));
    assert_eq!(run.wrong(), vec![]);
    // Changes of rows that stay on the shelf may be seen apart.
    run.commit(400, &[(2, 3, there(7, 2)), (1, 3, there(8, 2))]);
    run.commit(500, &[(1, 4, there(9, 2))]);
    run.commit(600, &[(2, 4, there(7, 2))]);
    run.read((450, 700), Level::Strong, list(2, &[seen(1, 3, (8, 2)), seen(2, 4, (7, 2))]));
    assert_eq!(run.wrong(), vec![]);
}

/// The answer is that of a moment long ago. Row 2 has changed since then, and the change was none to this shelf; row 3 has
/// come to it, and nobody had to know yet. At no moment after the change of row 2 was the answer the database's.
#[test]
fn the_moment_of_a_list_may_be_older_than_what_it_must_not_miss() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2)), (2, 1, there(6, 3)), (3, 1, there(7, 4))]);
    run.commit_by(50, &[(3, 2, there(7, 2))], false);
    run.commit(60, &[(2, 2, there(6, 4))]);
    run.read((100, 110), Level::Strong, list(2, &[seen(1, 1, (5, 2))]));
    run.read((100, 110), Level::Strong, snapshot(Some(2), &[(1, 1)]));
    assert_eq!(run.wrong(), vec![]);
    run.acknowledge(115, THEIRS, &[(3, 2)]);
    run.read((120, 130), Level::Strong, list(2, &[seen(1, 1, (5, 2))]));
    assert_eq!(run.wrong(), vec![Stale]);
}

fn snapshot(shelf: Option<u8>, rows: &[(u16, u32)]) -> Answer {
    let brief =
        |(id, version): &(u16, u32)| Brief { id: *id, version: *version, op: op(*id, *version) };
    Answer::Snapshot { shelf, rows: rows.iter().map(brief).collect() }
}

#[test]
fn a_snapshot_is_that_of_one_moment() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2)), (2, 1, there(6, 2))]);
    run.commit(100, &[(1, 2, there(7, 2))]);
    run.commit(200, &[(2, 2, there(8, 2))]);
    for shelf in [Some(2), None] {
        run.read((50, 300), Level::Strong, snapshot(shelf, &[(1, 1), (2, 1)]));
        run.read((50, 300), Level::Strong, snapshot(shelf, &[(1, 2), (2, 1)]));
        run.read((50, 300), Level::Strong, snapshot(shelf, &[(1, 2), (2, 2)]));
        assert_eq!(run.wrong(), vec![]);
        run.read((50, 300), Level::Strong, snapshot(shelf, &[(1, 1), (2, 2)]));
        assert_eq!(run.wrong(), vec![Mixed]);
        run.read((105, 300), Level::Strong, snapshot(shelf, &[(1, 1), (2, 1)]));
        run.read((50, 300), Level::Strong, snapshot(shelf, &[(1, 1)]));
        assert_eq!(run.wrong(), vec![Stale, Stale]);
    }
    run.read((50, 300), Level::Strong, snapshot(Some(3), &[(1, 1)]));
    assert_eq!(run.wrong(), vec![Torn]);
}

#[test]
fn an_acknowledged_write_that_is_not_in_the_database_is_lost() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2))]);
    run.acknowledge(20, OURS, &[(1, 1)]);
    run.checker.judge_until(Moment::MAX);
    assert_eq!(run.checker.tally.lost, 0);
    run.acknowledge(30, OURS, &[(1, 2)]);
    run.checker.judge_until(Moment::MAX);
    assert_eq!(run.checker.tally.lost, 1);
}

#[test]
fn what_is_forgotten_is_still_known_to_be_old() {
    let mut run = Run::new();
    for version in 1..50 {
        run.commit(u64::from(version) * 10, &[(1, version, there(5, 2))]);
        run.acknowledge(u64::from(version) * 10 + 5, OURS, &[(1, version)]);
    }
    assert_eq!(run.wrong(), vec![]);
    let before = run.checker.history.states();
    run.checker.history.forget(millis(450));
    assert!(run.checker.history.states() < before - 40);
    run.read((460, 470), Level::Strong, row(seen(1, 3, (5, 2))));
    assert_eq!(run.wrong(), vec![Stale]);
    run.read((460, 475), Level::Strong, row(seen(1, 46, (5, 2))));
    assert_eq!(run.wrong(), vec![]);
}

#[test]
fn an_event_waits_for_a_look_into_the_log_that_was_sent_after_it() {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2))]);
    run.read((50, 60), Level::Strong, row(seen(1, 2, (6, 3))));
    let news = Logged {
        tx: 7,
        id: 1,
        version: 2,
        op: op(1, 2),
        at: millis(40),
        content: there(6, 3),
        held: true,
    };
    run.checker.take(Note::Look(millis(59), millis(60), vec![]));
    assert_eq!(run.checker.tally.side(Side::Ours).all().answers, 0);
    run.checker.take(Note::Look(millis(61), millis(62), vec![news]));
    run.checker.take(Note::Look(millis(200), millis(201), vec![]));
    assert_eq!(run.checker.tally.side(Side::Ours).all().answers, 1);
    // The look at 59 did not find it, and the one at 61 did: it may have been there at 60.
    assert_eq!(run.wrong(), vec![]);
}

#[test]
fn a_write_that_outlived_its_hold_is_an_open_case_and_an_acknowledged_one_of_plain_sql_is_not() {
    for (held, acked, expected) in
        [(true, false, (0, 1)), (false, false, (0, 0)), (false, true, (1, 0))]
    {
        let mut run = Run::new();
        run.commit(10, &[(1, 1, there(5, 2))]);
        // Begun at 47 ms, and known to be committed three seconds later.
        run.look(49, 49, Vec::new());
        let late = Logged {
            tx: 7,
            id: 1,
            version: 2,
            op: op(1, 2),
            at: millis(47),
            content: there(6, 3),
            held,
        };
        run.look(3050, 3051, vec![late]);
        if acked {
            run.acknowledge(3100, THEIRS, &[(1, 2)]);
        }
        run.read((4000, 4001), Level::Strong, row(seen(1, 1, (5, 2))));
        run.checker.judge_until(Moment::MAX);
        let reads = run.checker.tally.side(Side::Ours).all();
        assert_eq!((reads.wrong(), reads.open), expected, "held {held}, acknowledged {acked}");
    }
}

/// Row 1 is moved from shelf 2 to shelf 3 by plain SQL, which is never delivered, and on by a repository.
fn moved_on(third: Content) -> Run {
    let mut run = Run::new();
    run.commit(10, &[(1, 1, there(5, 2))]);
    run.acknowledge(20, THEIRS, &[(1, 1)]);
    run.commit_by(50, &[(1, 2, there(6, 3))], false);
    run.commit(100, &[(1, 3, third)]);
    run.acknowledge(120, THEIRS, &[(1, 3)]);
    run
}

#[test]
fn a_write_that_touches_another_key_does_not_deliver_the_one_before_it() {
    let mut run = moved_on(there(6, 4));
    run.read((200, 210), Level::Strong, snapshot(Some(2), &[(1, 1)]));
    run.read((200, 210), Level::Strong, snapshot(Some(3), &[]));
    run.read((200, 210), Level::Strong, snapshot(Some(4), &[(1, 3)]));
    run.read((200, 210), Level::Strong, Answer::Find { code: 6, found: None });
    assert_eq!(run.wrong(), vec![]);

    let mut run = moved_on(there(7, 3));
    run.read((200, 210), Level::Strong, Answer::List { shelf: 3, rows: vec![] });
    assert_eq!(run.wrong(), vec![]);
}

#[test]
fn a_write_that_touches_the_key_of_an_answer_delivers_all_before_it() {
    for (third, answer) in [
        (there(6, 4), row(seen(1, 1, (5, 2)))),
        (there(6, 4), snapshot(Some(3), &[(1, 2)])),
        (there(6, 4), snapshot(Some(4), &[])),
        (there(6, 4), Answer::List { shelf: 4, rows: vec![] }),
        (there(6, 4), Answer::List { shelf: 2, rows: vec![seen(1, 1, (5, 2))] }),
        (there(7, 4), Answer::Find { code: 7, found: None }),
        (there(6, 2), snapshot(Some(2), &[(1, 1)])),
        (there(7, 3), snapshot(Some(3), &[])),
    ] {
        let mut run = moved_on(third);
        run.read((200, 210), Level::Strong, answer);
        assert_eq!(run.wrong(), vec![Stale], "{third:?}");
    }
}

#[test]
fn the_delivery_of_a_write_counts_whatever_came_after_it() {
    let mut run = moved_on(there(6, 4));
    run.acknowledge(130, THEIRS, &[(1, 2)]);
    run.read((200, 210), Level::Strong, snapshot(Some(2), &[(1, 1)]));
    run.read((200, 210), Level::Strong, Answer::Find { code: 6, found: None });
    assert_eq!(run.wrong(), vec![Stale, Stale]);
    let mut run = moved_on(there(6, 4));
    run.read((200, 210), Level::Database, snapshot(Some(2), &[(1, 1)]));
    assert_eq!(run.wrong(), vec![Stale], "the database has no keys");
}
