//! How a counterexample is told: who does what, in the protocol's names.

use std::fmt;

use super::action::Action;
use super::promise::Promise;
use super::protocol::Protocol;
use super::scope::{Fault, Scope, Who};
use super::state::{Entry, Flying, PROCESSES, State};

/// One step of a counterexample.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) who: String,
    pub(crate) does: String,
    /// What came of it.
    pub(crate) so: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{:<10} {:<34} {}", self.who, self.does, self.so);
        f.write_str(line.trim_end())
    }
}

/// The steps of a path: each state with the action that is taken there.
pub(crate) fn told(protocol: &Protocol, path: &[(State, Option<Action>)]) -> Vec<Told> {
    let steps = path.iter().zip(path.iter().skip(1));
    let tell = |((before, action), (after, _)): (&(State, Option<Action>), &(State, _))| {
        let action = (*action)?;
        Some(Told { who: who(protocol, action), does: does(action), so: so(action, before, after) })
    };
    steps.filter_map(tell).collect()
}

/// The steps in one line, with each actor named where another one follows.
pub(crate) fn in_one_line(steps: &[Told]) -> String {
    let turns = steps.chunk_by(|one, other| one.who == other.who).map(|turn| {
        let does: Vec<_> = turn.iter().map(|told| told.does.as_str()).collect();
        let who = turn.first().map_or("", |told| told.who.as_str());
        format!("{who} {}", does.join(", "))
    });
    turns.collect::<Vec<_>>().join("; ")
}

pub(crate) fn in_thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    let groups = groups.into_iter().map(|group| String::from_utf8_lossy(group));
    groups.collect::<Vec<_>>().join(",")
}

/// Who is at work in a scope.
pub(crate) fn in_words(scope: &Scope) -> String {
    let mut words = Vec::new();
    for process in 0..PROCESSES {
        let mut here = Vec::new();
        let writers = scope.writers.iter().filter(|who| **who == Who::Repository(process)).count();
        let readers = scope.flights.iter().filter(|home| **home == process).count();
        here.extend((writers > 0).then(|| counted(writers, "writer")));
        here.extend((readers > 0).then(|| counted(readers, "reader")));
        here.extend((readers > 0 && scope.renews).then(|| "renewals".to_owned()));
        here.extend((readers > 0 && scope.joiner).then(|| "a joiner".to_owned()));
        here.extend(scope.tiers[process].then(|| "a tier".to_owned()));
        here.extend(scope.relays[process].then(|| "a relay".to_owned()));
        if !here.is_empty() {
            words.push(format!("process {}: {}", process + 1, here.join(", ")));
        }
    }
    let elsewhere = scope.writers.iter().filter(|who| **who == Who::Elsewhere).count();
    words.extend((elsewhere > 0).then(|| counted(elsewhere, "psql writer")));
    words.join("; ")
}

/// What may go wrong in a scope.
pub(crate) fn faults_in_words(scope: &Scope) -> String {
    let words = scope.faults.iter().map(|fault| match fault {
        Fault::Death => "death at any step",
        Fault::Rollback => "rollback",
        Fault::LostAnswer => "a commit's answer is lost",
        Fault::LateCommit => "such a commit outlives its hold",
        Fault::Flush => "Redis loses the key",
        Fault::EarlyEnd => "holds run out early",
        Fault::FailedRelease => "releases fail",
        Fault::Cut => "streams break",
        Fault::FailedHold => "holds fail",
        Fault::Outage => "processes lose Redis",
        Fault::Restart => "Redis comes back with an older state",
    });
    let words: Vec<_> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn counted(number: usize, what: &str) -> String {
    match number {
        1 => format!("a {what}"),
        2 => format!("two {what}s"),
        3 => format!("three {what}s"),
        _ => format!("{number} {what}s"),
    }
}

fn who(protocol: &Protocol, action: Action) -> String {
    use Action::*;
    match action {
        Read(flight) | ReadToRenew(flight) | Lease(flight) | Load(flight) | Fill(flight)
        | Admit(flight) | Answer(flight) | GiveUp(flight) | ReaderDies(flight) => {
            format!("reader {}", flight + 1)
        }
        Join(_) | Leave => "joiner".to_owned(),
        Hold(writer)
        | Renew(writer)
        | Forget(writer)
        | Commit(writer)
        | LoseAnswer(writer)
        | RollBack(writer)
        | Release(writer)
        | ReleaseFails(writer)
        | ReleaseUnanswered(writer)
        | HoldFails(writer)
        | HoldUnanswered(writer)
        | CommitWithRow(writer)
        | Acknowledge(writer)
        | StopWaiting(writer)
        | WriterDies(writer)
        | Change(writer)
        | CommitElsewhere(writer) => match protocol.scope.writers[writer] {
            Who::Repository(_) => format!("writer {}", writer + 1),
            Who::Elsewhere => format!("psql {}", writer + 1),
        },
        CommitArrives(writer) | CommitVanishes(writer) => format!("commit {}", writer + 1),
        HoldRunsOut(writer) | HoldRunsOutEarly(writer) => format!("hold {}", writer + 1),
        LeaseRunsOut => "the lease".to_owned(),
        ValueRunsOut => "the value".to_owned(),
        Flush | Save | Restart => "Redis".to_owned(),
        Tick => "t".to_owned(),
        Evict(process)
        | Beat(process)
        | BeatComesBack(process)
        | NoticeLoss(process)
        | Resubscribe(process)
        | Disconnect(process)
        | Reconnect(process)
        | Trust(process) => {
            format!("process {}", process + 1)
        }
        Cut(process) => format!("stream {}", process + 1),
        Take(process) | Deliver(process) | Delete(process) | RelayDies(process) => {
            format!("relay {}", process + 1)
        }
    }
}

fn does(action: Action) -> String {
    use Action::*;
    let words = match action {
        Join(flight) => return format!("Read (boards the flight of reader {})", flight + 1),
        Read(_) => "Read",
        ReadToRenew(_) => "Read (to renew)",
        Lease(_) => "Lease",
        Load(_) => "Load",
        Fill(_) => "Fill",
        Admit(_) => "Admit",
        Answer(_) => "has its answer",
        GiveUp(_) | Leave => "waits no longer",
        ReaderDies(_) | WriterDies(_) | RelayDies(_) => "dies",
        Hold(_) => "Hold",
        HoldFails(_) => "Hold (fails)",
        HoldUnanswered(_) => "Hold (unanswered)",
        Renew(_) => "Hold (renewed)",
        Forget(_) => "Forget",
        Commit(_) => "Commit",
        LoseAnswer(_) => "Commit (unanswered)",
        CommitWithRow(_) => "Commit (with the row)",
        CommitArrives(_) => "arrives",
        CommitVanishes(_) => "never arrives",
        RollBack(_) => "rolls back",
        Release(_) => "Release",
        ReleaseFails(_) => "Release (fails)",
        ReleaseUnanswered(_) => "Release (unanswered)",
        Acknowledge(_) => "is acknowledged",
        StopWaiting(_) => "is acknowledged all the same",
        Change(_) => "changes the row",
        CommitElsewhere(_) => "commits",
        HoldRunsOut(_) | LeaseRunsOut | ValueRunsOut => "runs out",
        HoldRunsOutEarly(_) => "runs out early",
        Flush => "loses the key",
        Save => "saves",
        Restart => "comes back with what it saved",
        Evict(_) => "Evict",
        Beat(_) => "sends a beat",
        BeatComesBack(_) => "hears its beat",
        Tick => "passes",
        Cut(_) => "breaks",
        NoticeLoss(_) => "closes its tier",
        Resubscribe(_) => "opens a new stream",
        Take(_) => "takes the rows",
        Deliver(_) => "Deliver",
        Delete(_) => "deletes the rows",
        Disconnect(_) => "loses Redis",
        Reconnect(_) => "reconnects",
        Trust(_) => "trusts again",
    };
    words.to_owned()
}

/// What came of a step, where it is not plain.
fn so(action: Action, before: &State, after: &State) -> String {
    match action {
        Action::Read(flight) => match after.flights[flight].phase {
            Flying::Hit(version) => format!("version {version}"),
            _ if matches!(before.entry, Entry::Hold(_)) => "a hold".to_owned(),
            _ => "no answer".to_owned(),
        },
        Action::Load(flight) => match after.flights[flight].phase {
            Flying::Loaded(version)
            | Flying::Landing(version)
            | Flying::TooEarly(version)
            | Flying::LoadedUnseen(version)
            | Flying::Renewed(version) => format!("version {version}"),
            _ => String::new(),
        },
        Action::Fill(_) => match after.entry {
            Entry::Value { version, .. } => format!("version {version}, accepted"),
            _ => "refused".to_owned(),
        },
        _ if after.committed > before.committed => format!("version {}", after.committed),
        _ => String::new(),
    }
}

impl Protocol {
    /// What is wrong at the end.
    pub(crate) fn ending(&self, promise: Promise, s: &State) -> String {
        let wrong = self.served(promise, s).find(|(version, need)| version < need);
        let Some((version, need)) = wrong else {
            let what = match s.entry {
                Entry::Value { version, .. } => format!("version {version}"),
                Entry::Hold(_) => "a hold".to_owned(),
                Entry::Lease(_) => "a lease".to_owned(),
                Entry::Absent => "nothing".to_owned(),
            };
            let committed = s.committed;
            return format!("at rest {what} stands at the key, and {committed} is committed");
        };
        let from = match promise {
            Promise::Joined => "the joiner is given",
            Promise::Bounded | Promise::OwnWrites => "a tier serves",
            Promise::Strong | Promise::Rest => "Redis serves",
        };
        format!("{from} version {version}, and {need} has to be seen")
    }
}
