//! Many commands in one go.

mod queue;

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use super::BoxFuture;
use super::command::{Action, Command, FromReply, Reply, read};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;

/// A backend that takes many commands in one go.
pub trait Pipelines: Debug + Send + Sync + 'static {
    /// Does each command, in their order; each is answered, or fails, on its own. It is no transaction: others'
    /// commands may come in between, and one that fails does not stop those behind it.
    ///
    /// A server gets 500 commands in one round trip.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering at all; some of the commands may then have been done.
    fn run_commands<'a>(
        &'a self,
        commands: &'a [Command],
    ) -> BoxFuture<'a, Result<Vec<Result<Reply>>>>;

    /// Does what a [`Pipeline`] has queued, in one go.
    ///
    /// # Errors
    /// Those of [`run_commands`](Self::run_commands); that of a single command is given where its reply is
    /// [taken](Replies::take).
    fn run<'a>(&'a self, pipeline: Pipeline) -> BoxFuture<'a, Result<Replies>> {
        Box::pin(async move {
            let replies = self.run_commands(&pipeline.commands).await?;
            if replies.len() != pipeline.commands.len() {
                let (sent, heard) = (pipeline.commands.len(), replies.len());
                let message = format!("the backend answered {sent} commands with {heard} replies");
                return Err(Error::new(ErrorKind::Backend, message));
            }
            let replies = replies.into_iter().map(Some).collect();
            Ok(Replies { number: pipeline.number, replies })
        })
    }
}

/// Commands that wait to be sent together.
///
/// Each method queues a command, and gives a handle that its reply is taken by, typed.
///
/// ```
/// # async fn example() -> cache_runtime::Result<()> {
/// use std::time::Duration;
/// use bytes::Bytes;
/// use cache_runtime::{CacheManager, Pipeline, Ttl};
///
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let views = cache.key().text("views").value(&5).finish()?;
/// let name = cache.key().text("name").value(&5).finish()?;
/// cache.backend().set(&name, Bytes::from("tea"), Ttl::Forever).await?;
///
/// let mut pipeline = Pipeline::new();
/// let counted = pipeline.increment_by(&views, 1);
/// pipeline.expire(&views, Duration::from_secs(3600));
/// let called = pipeline.get(&name);
/// let refused = pipeline.increment_by(&name, 1);
///
/// let mut replies = cache.run(pipeline).await?;
/// assert_eq!(replies.take(counted)?, 1);
/// assert_eq!(replies.take(called)?, Some(Bytes::from("tea")));
/// assert_eq!(replies.take(refused).unwrap_err().kind(), cache_runtime::ErrorKind::NotANumber);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
#[must_use = "nothing is sent before it is run"]
pub struct Pipeline {
    /// No two pipelines of a process have the same.
    number: u64,
    commands: Vec<Command>,
}

/// The handle of a command that was queued, by which its reply is [taken](Replies::take).
pub struct Queued<T> {
    number: u64,
    place: usize,
    answers: PhantomData<fn() -> T>,
}

/// The replies to a [`Pipeline`], each to be taken once.
pub struct Replies {
    number: u64,
    replies: Vec<Option<Result<Reply>>>,
}

impl Replies {
    /// The reply to one command, or why it failed.
    ///
    /// # Errors
    /// Those of the method that the command was queued by, and [`Config`](ErrorKind::Config) for the handle of another
    /// pipeline.
    pub fn take<T: FromReply>(&mut self, queued: Queued<T>) -> Result<T> {
        let own = queued.number == self.number;
        let reply = own.then(|| self.replies.get_mut(queued.place).and_then(Option::take));
        let unknown = || {
            let message =
                "this handle is of another pipeline than these replies: take each from its own";
            Error::new(ErrorKind::Config, message)
        };
        read(reply.flatten().ok_or_else(unknown)??)
    }

    /// Whether all commands did what they should, those whose replies were taken left out.
    ///
    /// # Errors
    /// That of the first one that failed.
    pub fn check(&self) -> Result<()> {
        let failed = |reply: &Option<Result<Reply>>| reply.as_ref()?.as_ref().err().cloned();
        self.replies.iter().find_map(failed).map_or(Ok(()), Err)
    }

    /// How many commands were sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.replies.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }
}

impl Pipeline {
    /// A pipeline without commands.
    pub fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self { number: NUMBER.fetch_add(1, Ordering::Relaxed), commands: Vec::new() }
    }

    /// What is queued, in order.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// How many commands are queued.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The type is the one that the action is replied to with.
    fn queue<T: FromReply>(&mut self, key: &Key, action: Action) -> Queued<T> {
        let place = self.commands.len();
        self.commands.push(Command { key: key.clone(), action });
        Queued { number: self.number, place, answers: PhantomData }
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        Self::new()
    }
}

/// Never shows a value.
impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("commands", &self.commands).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Queued<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Never shows a value.
impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("replies", &self.replies).finish_non_exhaustive()
    }
}
