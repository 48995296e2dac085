//! What is to go wrong, and what has been asked so far.

use std::collections::HashMap;

use tokio::sync::watch;

use super::Op;
use crate::error::ErrorKind;

/// What happens to a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// It fails and has no effect.
    Fail(ErrorKind),
    /// It takes effect, and then fails.
    LoseReply(ErrorKind),
    /// It waits, and takes effect after that.
    Stall,
    /// It takes effect, and then waits.
    StallReply,
}

/// What happens to the calls of each op.
#[derive(Debug, Default)]
pub(super) struct Plan {
    ops: HashMap<Op, OpPlan>,
}

#[derive(Debug, Default)]
struct OpPlan {
    /// The fault, and for how many calls more; `None` is for all.
    fault: Option<(Fault, Option<usize>)>,
    /// Stands as long as stalled calls wait for it; one receiver each.
    stall: Option<watch::Sender<()>>,
    calls: usize,
}

impl Plan {
    pub(super) fn set(&mut self, op: Op, fault: Fault, calls: Option<usize>) {
        self.ops.entry(op).or_default().fault = Some((fault, calls));
    }

    /// Counts a call, and says what happens to it.
    pub(super) fn take(&mut self, op: Op) -> Option<Fault> {
        let plan = self.ops.entry(op).or_default();
        plan.calls += 1;
        let (fault, left) = plan.fault.as_mut()?;
        let fault = *fault;
        match left {
            None => Some(fault),
            Some(0) => {
                plan.fault = None;
                None
            }
            Some(left) => {
                *left -= 1;
                Some(fault)
            }
        }
    }

    /// What a stalled call waits for: the end of this channel. `None` where the stall is over already.
    pub(super) fn wait(&mut self, op: Op) -> Option<watch::Receiver<()>> {
        let plan = self.ops.entry(op).or_default();
        let stalls = matches!(plan.fault, Some((Fault::Stall | Fault::StallReply, _)));
        stalls.then(|| plan.stall.get_or_insert_with(|| watch::channel(()).0).subscribe())
    }

    /// Ends the stall of an op, for the calls that wait and for those that come.
    pub(super) fn resume(&mut self, op: Op) {
        let plan = self.ops.entry(op).or_default();
        plan.stall = None;
        if matches!(plan.fault, Some((Fault::Stall | Fault::StallReply, _))) {
            plan.fault = None;
        }
    }

    /// Ends every fault and stall; the counts stay.
    pub(super) fn heal(&mut self) {
        for plan in self.ops.values_mut() {
            plan.fault = None;
            plan.stall = None;
        }
    }

    pub(super) fn calls(&self, op: Op) -> usize {
        self.ops.get(&op).map_or(0, |plan| plan.calls)
    }

    pub(super) fn stalled(&self, op: Op) -> usize {
        let stall = self.ops.get(&op).and_then(|plan| plan.stall.as_ref());
        stall.map_or(0, watch::Sender::receiver_count)
    }
}
