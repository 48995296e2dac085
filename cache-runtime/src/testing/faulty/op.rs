//! The calls of the ports, by name.

/// One method of [`Cache`](crate::Cache), [`CoherentCache`](crate::CoherentCache) or
/// [`InvalidationStream`](crate::InvalidationStream).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Op {
    /// [`Cache::get`](crate::Cache::get).
    Get,
    /// [`Cache::set`](crate::Cache::set).
    Set,
    /// [`Cache::delete`](crate::Cache::delete).
    Delete,
    /// [`Cache::exists`](crate::Cache::exists).
    Exists,
    /// [`Cache::expire`](crate::Cache::expire).
    Expire,
    /// [`Cache::ttl`](crate::Cache::ttl).
    Ttl,
    /// [`Cache::get_many`](crate::Cache::get_many).
    GetMany,
    /// [`Cache::set_many`](crate::Cache::set_many).
    SetMany,
    /// [`Cache::delete_many`](crate::Cache::delete_many).
    DeleteMany,
    /// [`Cache::ping`](crate::Cache::ping).
    Ping,
    /// [`Cache::clear`](crate::Cache::clear).
    Clear,
    /// [`Cache::close`](crate::Cache::close).
    Close,
    /// [`CoherentCache::lease`](crate::CoherentCache::lease).
    Lease,
    /// [`CoherentCache::fill`](crate::CoherentCache::fill).
    Fill,
    /// [`CoherentCache::abandon`](crate::CoherentCache::abandon).
    Abandon,
    /// [`CoherentCache::hold`](crate::CoherentCache::hold).
    Hold,
    /// [`CoherentCache::release`](crate::CoherentCache::release).
    Release,
    /// [`CoherentCache::pull`](crate::CoherentCache::pull).
    Pull,
    /// [`CoherentCache::get_live`](crate::CoherentCache::get_live).
    GetLive,
    /// [`CoherentCache::sweep`](crate::CoherentCache::sweep).
    Sweep,
    /// [`CoherentCache::invalidations`](crate::CoherentCache::invalidations).
    Invalidations,
    /// [`InvalidationStream::next`](crate::InvalidationStream::next). Stalled in either way, it takes nothing from the
    /// stream: what was announced is heard once it is resumed.
    Hear,
    /// [`InvalidationStream::beat`](crate::InvalidationStream::beat).
    Beat,
}

impl Op {
    /// Every call, in the order of the ports.
    pub const ALL: [Self; 23] = [
        Self::Get,
        Self::Set,
        Self::Delete,
        Self::Exists,
        Self::Expire,
        Self::Ttl,
        Self::GetMany,
        Self::SetMany,
        Self::DeleteMany,
        Self::Ping,
        Self::Clear,
        Self::Close,
        Self::Lease,
        Self::Fill,
        Self::Abandon,
        Self::Hold,
        Self::Release,
        Self::Pull,
        Self::GetLive,
        Self::Sweep,
        Self::Invalidations,
        Self::Hear,
        Self::Beat,
    ];
}
