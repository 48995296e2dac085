//! The calls of the ports, by name.

/// One method of [`Cache`](crate::Cache), of the small ports beside it, of [`CoherentCache`](crate::CoherentCache) or of
/// [`InvalidationStream`](crate::InvalidationStream).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Op {
    /// [`Cache::get`](crate::Cache::get).
    Get,
    /// [`Cache::set`](crate::Cache::set).
    Set,
    /// [`Cache::set_if_absent`](crate::Cache::set_if_absent).
    SetIfAbsent,
    /// [`Cache::take`](crate::Cache::take).
    Take,
    /// [`Cache::delete`](crate::Cache::delete).
    Delete,
    /// [`Cache::exists`](crate::Cache::exists).
    Exists,
    /// [`Cache::expire`](crate::Cache::expire).
    Expire,
    /// [`Cache::persist`](crate::Cache::persist).
    Persist,
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
    /// [`Counters::increment_by`](crate::Counters::increment_by).
    IncrementBy,
    /// [`Lists::list_push_front`](crate::Lists::list_push_front).
    ListPushFront,
    /// [`Lists::list_push_back`](crate::Lists::list_push_back).
    ListPushBack,
    /// [`Lists::list_pop_front`](crate::Lists::list_pop_front).
    ListPopFront,
    /// [`Lists::list_pop_back`](crate::Lists::list_pop_back).
    ListPopBack,
    /// [`Lists::list_length`](crate::Lists::list_length).
    ListLength,
    /// [`Lists::list_range`](crate::Lists::list_range).
    ListRange,
    /// [`Lists::list_trim`](crate::Lists::list_trim).
    ListTrim,
    /// [`Sets::set_add`](crate::Sets::set_add).
    SetAdd,
    /// [`Sets::set_remove`](crate::Sets::set_remove).
    SetRemove,
    /// [`Sets::set_members`](crate::Sets::set_members).
    SetMembers,
    /// [`Sets::set_is_member`](crate::Sets::set_is_member).
    SetIsMember,
    /// [`Sets::set_cardinality`](crate::Sets::set_cardinality).
    SetCardinality,
    /// [`Hashes::hash_set`](crate::Hashes::hash_set).
    HashSet,
    /// [`Hashes::hash_get`](crate::Hashes::hash_get).
    HashGet,
    /// [`Hashes::hash_get_all`](crate::Hashes::hash_get_all).
    HashGetAll,
    /// [`Hashes::hash_delete`](crate::Hashes::hash_delete).
    HashDelete,
    /// [`Hashes::hash_length`](crate::Hashes::hash_length).
    HashLength,
    /// [`Hashes::hash_increment_by`](crate::Hashes::hash_increment_by).
    HashIncrementBy,
    /// [`Keyspace::keys_matching`](crate::Keyspace::keys_matching).
    KeysMatching,
    /// [`Keyspace::delete_matching`](crate::Keyspace::delete_matching).
    DeleteMatching,
    /// [`Pipelines::run_commands`](crate::Pipelines::run_commands).
    RunCommands,
    /// [`SessionBackend::session_create`](crate::SessionBackend::session_create).
    SessionCreate,
    /// [`SessionBackend::session_read`](crate::SessionBackend::session_read).
    SessionRead,
    /// [`SessionBackend::session_write`](crate::SessionBackend::session_write).
    SessionWrite,
    /// [`SessionBackend::session_rotate`](crate::SessionBackend::session_rotate).
    SessionRotate,
    /// [`SessionBackend::session_destroy`](crate::SessionBackend::session_destroy).
    SessionDestroy,
    /// [`SessionBackend::session_destroy_listed`](crate::SessionBackend::session_destroy_listed).
    SessionDestroyListed,
    /// [`SessionBackend::session_destroy_all`](crate::SessionBackend::session_destroy_all).
    SessionDestroyAll,
    /// [`SessionBackend::session_list`](crate::SessionBackend::session_list).
    SessionList,
    /// [`SessionBackend::session_destroy_everyone`](crate::SessionBackend::session_destroy_everyone).
    SessionDestroyEveryone,
    /// [`Watched::backend_stats`](crate::Watched::backend_stats).
    BackendStats,
    /// [`RateLimits::decide`](crate::RateLimits::decide).
    Decide,
    /// [`RateLimits::peek`](crate::RateLimits::peek).
    PeekLimits,
    /// [`RateLimits::reset`](crate::RateLimits::reset).
    ResetLimits,
    /// [`RateLimits::take_seat`](crate::RateLimits::take_seat).
    TakeSeat,
    /// [`RateLimits::peek_seats`](crate::RateLimits::peek_seats).
    PeekSeats,
    /// [`RateLimits::leave_seat`](crate::RateLimits::leave_seat).
    LeaveSeat,
    /// [`CoherentCache::lease`](crate::CoherentCache::lease).
    Lease,
    /// [`CoherentCache::fill`](crate::CoherentCache::fill).
    Fill,
    /// [`CoherentCache::replace`](crate::CoherentCache::replace).
    Replace,
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
    /// [`CoherentCache::survey`](crate::CoherentCache::survey).
    Survey,
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
    pub const ALL: [Self; 66] = [
        Self::Get,
        Self::Set,
        Self::SetIfAbsent,
        Self::Take,
        Self::Delete,
        Self::Exists,
        Self::Expire,
        Self::Persist,
        Self::Ttl,
        Self::GetMany,
        Self::SetMany,
        Self::DeleteMany,
        Self::Ping,
        Self::Clear,
        Self::Close,
        Self::IncrementBy,
        Self::ListPushFront,
        Self::ListPushBack,
        Self::ListPopFront,
        Self::ListPopBack,
        Self::ListLength,
        Self::ListRange,
        Self::ListTrim,
        Self::SetAdd,
        Self::SetRemove,
        Self::SetMembers,
        Self::SetIsMember,
        Self::SetCardinality,
        Self::HashSet,
        Self::HashGet,
        Self::HashGetAll,
        Self::HashDelete,
        Self::HashLength,
        Self::HashIncrementBy,
        Self::KeysMatching,
        Self::DeleteMatching,
        Self::RunCommands,
        Self::SessionCreate,
        Self::SessionRead,
        Self::SessionWrite,
        Self::SessionRotate,
        Self::SessionDestroy,
        Self::SessionDestroyListed,
        Self::SessionDestroyAll,
        Self::SessionList,
        Self::SessionDestroyEveryone,
        Self::BackendStats,
        Self::Decide,
        Self::PeekLimits,
        Self::ResetLimits,
        Self::TakeSeat,
        Self::PeekSeats,
        Self::LeaveSeat,
        Self::Lease,
        Self::Fill,
        Self::Replace,
        Self::Abandon,
        Self::Hold,
        Self::Release,
        Self::Pull,
        Self::GetLive,
        Self::Sweep,
        Self::Survey,
        Self::Invalidations,
        Self::Hear,
        Self::Beat,
    ];
}
