//! Invalidation by pattern.

use super::Repository;
use super::config::CachedRepository;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Pattern};
use crate::port::{Keyspace, Unsupported, Walk};
use crate::postgres::Entity;

impl<R: CachedRepository> Repository<'_, R> {
    /// Makes the cache forget every entry of this repository whose key, behind `namespace:table:`, matches a
    /// [`Pattern`]: `id:=4*`, `list:country:=NO`, `call:largest:*`, `where:big*`. Says how many it removed.
    ///
    /// It is as coherent as the invalidation of a single key: a load that is under way when it begins loses its lease and
    /// fills nothing, writers' holds stay, and the tiers in all processes are emptied, this process's before it returns.
    /// A read that begins after it sees what was committed before it. It costs a walk through all keys of the server,
    /// and every process of the namespace what it kept near: for one row there is [`invalidate`](Self::invalidate), for
    /// everything that depends on something a tag.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for a pattern that is none. What keeps the cache from answering; some entries may then
    /// be gone. Where the cache cannot be reached, there is a relay, and the policy is `Outbox`, all entries of the table
    /// have been left in the outbox instead, and it is no error: 0 were removed by this call. This process reads from the
    /// database until they are delivered; another one that still reaches the cache may be served old ones until then.
    pub async fn invalidate_matching(&self, glob: &str) -> Result<u64> {
        let context = &self.core.context;
        // Looked at alone, so that an error speaks of what was given.
        Pattern::new(&context.namespace, glob)?;
        let whole = format!("{}:{glob}", Pattern::literal(R::Entity::TABLE));
        let pattern = Pattern::new(&context.namespace, &whole)?;
        let keyspace: &dyn Keyspace = context.cache.keyspace().unwrap_or(&Unsupported);
        let outcome = keyspace.delete_matching(&pattern, Walk::new()).await;
        context.forget_everything();
        match outcome {
            // Whoever delivers the outbox would fail at what the server refuses, as this call has.
            Err(error) if matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout) => {
                let left = self.leave_table(error).await;
                // What was read meanwhile out of a server that is not quite away.
                context.forget_everything();
                left.map(|()| 0)
            }
            outcome => {
                let removed = outcome?;
                self.core
                    .operations
                    .write
                    .invalidations
                    .add(usize::try_from(removed).unwrap_or(usize::MAX));
                Ok(removed)
            }
        }
    }

    /// Leaves everything under the table's name in the outbox: an entry there is a key or a prefix, and no other pattern.
    async fn leave_table(&self, error: Error) -> Result<()> {
        let prefix = self.core.context.namespace.prefix(R::Entity::TABLE);
        self.leave(&[Key::from_text(&prefix.pattern())], error).await
    }
}
