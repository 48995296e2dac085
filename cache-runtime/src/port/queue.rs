//! The queue of a write-behind: writes that are acknowledged, and not yet in the source.

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;

use super::BoxFuture;
use crate::error::Result;
use crate::key::Key;

/// A queue of writes, from which any number of consumers take.
///
/// A write that was accepted stays until it is [acknowledged](Self::acknowledge), or has become a dead letter; one that
/// is taken by a consumer that then dies is taken by another. The newest write of each key is the key's value for every
/// reader for as long as it is here ([`pending`](Self::pending)): it neither expires nor is evicted by itself. Each method
/// is atomic.
pub trait WriteQueue: Debug + Send + Sync + 'static {
    /// Appends a write, and makes it the pending one of its key, in one step; answers with its version, which is higher
    /// than that of every write before it. Called by whoever writes: an answer is the acknowledgement.
    ///
    /// # Errors
    /// [`QueueFull`](crate::ErrorKind::QueueFull), at once, where `bound` writes and dead letters are here already;
    /// nothing has then changed. After any other error, such as a timeout, the write may be here all the same.
    fn enqueue<'a>(&'a self, write: &'a NewWrite, bound: u64) -> BoxFuture<'a, Result<u64>>;

    /// The newest write of each key that is here, in the order of the keys. Called by every read, before it asks anybody
    /// else.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn pending<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Pending>>>;

    /// Takes up to `most` writes, oldest first: those that some consumer has taken and not [touched](Self::touch) for
    /// `idle`, then those that nobody has taken. They stay this consumer's until they are acknowledged, given up, or idle.
    /// Never waits for more to come. Called by a worker whenever it has nothing else to do.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; writes may then have been taken, and come again once they are idle.
    fn take<'a>(
        &'a self,
        consumer: &'a str,
        most: usize,
        idle: Duration,
    ) -> BoxFuture<'a, Result<Vec<QueuedWrite>>>;

    /// Says that this consumer still works at the writes in these places; answers which of them are still its own. Called
    /// several times in the time after which they would count as idle.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn touch<'a>(&'a self, consumer: &'a str, places: &'a [u64])
    -> BoxFuture<'a, Result<Vec<u64>>>;

    /// Removes writes, whoever has taken them, and with each the pending value of its key where it is still this very
    /// write's. Called once they, or newer ones of their keys, are in the source, and no cache has anything older.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; the writes then come again.
    fn acknowledge<'a>(&'a self, writes: &'a [QueuedWrite]) -> BoxFuture<'a, Result<()>>;

    /// Counts one more failure of this write. The `tries`-th makes it a dead letter with this reason: it leaves the queue,
    /// and with it the pending value of its key where it is still this very write's. Called when the source has refused
    /// the write alone.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn fail<'a>(
        &'a self,
        write: &'a QueuedWrite,
        tries: u32,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<Failed>>;

    /// Gives back everything that this consumer has taken, for others to take at once, and forgets the consumer. Called
    /// by a worker before its first take, for what an earlier life under the same name has left, and when it stops.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; it is then taken by others once it is idle.
    fn leave<'a>(&'a self, consumer: &'a str) -> BoxFuture<'a, Result<()>>;

    /// How much is here.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn backlog(&self) -> BoxFuture<'_, Result<QueueBacklog>>;

    /// The place of the newest write that was ever appended; zero where there was none. Called before a flush.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn head(&self) -> BoxFuture<'_, Result<u64>>;

    /// Whether a write up to this place is here, taken by somebody or not. Called until a flush is done.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn waits(&self, head: u64) -> BoxFuture<'_, Result<bool>>;

    /// Dead letters, the oldest first, `most` of them at most.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn dead_letters(&self, most: usize) -> BoxFuture<'_, Result<Vec<DeadLetter>>>;

    /// Puts a dead letter back at the end of the queue, with the version that it had, so that it never overwrites a newer
    /// write of its key; readers see it once it is applied. Says whether it was there.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn retry<'a>(&'a self, letter: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// Removes a dead letter for good. Says whether it was there.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn discard<'a>(&'a self, letter: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// What makes an acknowledged write less safe here than one might think, each in a sentence for the log. Called once
    /// by each worker.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn caveats(&self) -> BoxFuture<'_, Result<Vec<String>>>;
}

/// A write on its way into a [`WriteQueue`].
#[derive(Clone, Debug)]
pub struct NewWrite {
    /// What it is a write of: two writes of one key have the same, two of different keys never.
    pub key: Key,
    /// The key as the source knows it, encoded.
    pub id: Bytes,
    /// The value, encoded; `None` for a delete.
    pub value: Option<Bytes>,
}

/// A write that a consumer has taken.
#[derive(Clone, PartialEq, Eq)]
pub struct QueuedWrite {
    /// Where it stands in the queue: the later, the higher.
    pub place: u64,
    /// Its version: its place, unless it was a dead letter in between.
    pub version: u64,
    /// How often it was taken, this time included.
    pub deliveries: u64,
    /// As it was given.
    pub key: Key,
    /// As it was given.
    pub id: Bytes,
    /// As it was given.
    pub value: Option<Bytes>,
}

/// Never shows the value.
impl Debug for QueuedWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueuedWrite")
            .field("place", &self.place)
            .field("version", &self.version)
            .field("deliveries", &self.deliveries)
            .field("key", &self.key)
            .field("deletes", &self.value.is_none())
            .finish_non_exhaustive()
    }
}

/// What a [`WriteQueue`] knows of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// No write of it waits: the source has its truth.
    Nothing,
    /// This value was written last, and waits.
    Value(Bytes),
    /// It was deleted last, and that waits.
    Deleted,
    /// A write of it should be here and is not: the backend has lost it. Said once.
    Lost,
}

/// What became of a write that has [failed](WriteQueue::fail).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It is still this consumer's, and has failed so often.
    Times(u32),
    /// It is a dead letter now.
    Dead,
    /// It is here no longer: another consumer has acknowledged it.
    Gone,
}

/// How much is in a [`WriteQueue`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueBacklog {
    /// Writes that are not in the source yet.
    pub waiting: u64,
    /// How long ago the oldest of them was acknowledged, or brought back from the dead letters; zero where there is none.
    pub oldest: Duration,
    /// Dead letters.
    pub dead: u64,
    /// The place that a write gets now, or a later one: microseconds of the backend's clock since 1970, as places are.
    pub now: u64,
}

impl QueueBacklog {
    /// So much of each.
    #[must_use]
    pub fn new(waiting: u64, oldest: Duration, dead: u64, now: u64) -> Self {
        Self { waiting, oldest, dead, now }
    }
}

/// A write that the source has refused too often.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// What it is called here, for [`retry`](WriteQueue::retry) and [`discard`](WriteQueue::discard).
    pub letter: String,
    /// The version that it was acknowledged with.
    pub version: u64,
    /// As it was given.
    pub key: Key,
    /// As it was given.
    pub id: Bytes,
    /// As it was given.
    pub value: Option<Bytes>,
    /// What the source said. It may quote the value.
    pub reason: String,
    /// How often it has failed.
    pub tries: u32,
    /// When it died, in Unix milliseconds.
    pub died_at: u64,
}

impl DeadLetter {
    /// A dead letter made of the write that it was.
    #[must_use]
    pub fn new(
        letter: String,
        write: QueuedWrite,
        reason: String,
        tries: u32,
        died_at: u64,
    ) -> Self {
        let QueuedWrite { version, key, id, value, .. } = write;
        Self { letter, version, key, id, value, reason, tries, died_at }
    }
}

/// Never shows the value, nor the reason, which may quote it.
impl Debug for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetter")
            .field("letter", &self.letter)
            .field("version", &self.version)
            .field("key", &self.key)
            .field("deletes", &self.value.is_none())
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}
