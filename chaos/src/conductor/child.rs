//! A process that somebody else waits for, and whose number may therefore be another's at any moment.

use rustix::process::Signal;

/// Held by the kernel's own handle, so that a signal reaches it or nobody.
pub(crate) struct Child {
    #[cfg(target_os = "linux")]
    handle: std::os::fd::OwnedFd,
}

impl Child {
    /// The process of this number, if it is a child of `parent`. `None` also where there are no such handles.
    #[cfg(target_os = "linux")]
    pub(crate) fn of(parent: u32, pid: i32) -> Option<Self> {
        use rustix::process::{Pid, PidfdFlags, pidfd_open};
        let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        // Looked at after the handle was taken: what it says is of this process, or of one that came later.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let found = stat.rsplit(')').next()?.split_whitespace().nth(1)?;
        (found == parent.to_string()).then_some(Self { handle })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of(_: u32, _: i32) -> Option<Self> {
        None
    }

    /// One that has ended does not mind.
    pub(crate) fn signal(&self, signal: Signal) {
        #[cfg(target_os = "linux")]
        let _ = rustix::process::pidfd_send_signal(&self.handle, signal);
        #[cfg(not(target_os = "linux"))]
        let _ = signal;
    }
}
