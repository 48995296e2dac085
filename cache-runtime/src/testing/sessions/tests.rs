//! The hand in memory keeps the contract, and so it does through a faulty cache without faults.

use std::sync::Arc;
use std::time::Duration;

use super::SessionsBackend;
use crate::backend::MemoryCache;
use crate::key::{Key, Namespace};
use crate::port::{CoherentCache, SessionSpace};
use crate::testing::{FaultyCache, ManualClock};

struct Memory {
    clock: ManualClock,
    faulty: bool,
}

impl Memory {
    fn new(faulty: bool) -> Self {
        Self { clock: ManualClock::new(), faulty }
    }
}

impl SessionsBackend for Memory {
    async fn fresh(&self) -> Arc<dyn CoherentCache> {
        let memory = Arc::new(MemoryCache::builder().clock(self.clock.shared()).build());
        if self.faulty { Arc::new(FaultyCache::over(memory)) } else { memory }
    }

    fn head(&self) -> Key {
        let name = Namespace::new("shop").expect("a name").key().text("session").value("logins");
        name.finish().expect("a key")
    }

    async fn pass(&self, _: &SessionSpace, time: Duration) {
        self.clock.advance(time);
    }
}

mod memory {
    use super::Memory;
    crate::session_suite!(Memory::new(false));
}

mod faultless {
    use super::Memory;
    crate::session_suite!(Memory::new(true));
}
