//! The invalidations of a namespace, on a connection of their own.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, RedisResult, Value, cmd};
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::RedisCache;
use super::address::Address;
use super::announcement::{self, channel};
use super::dial::{Driver, refusal_of_a_replica};
use super::failure::translate;
use super::identity::Identity;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Namespace;
use crate::port::{BoxFuture, Heard, InvalidationStream};

/// So many messages may wait to be heard: a second of a busy application.
const MOST_MESSAGES: usize = 4_096;
/// And so many bytes. The server has a limit of its own (`client-output-buffer-limit pubsub`), and cuts who exceeds it.
const MOST_BYTES: usize = 16 << 20;

pub(super) struct Stream {
    cache: RedisCache,
    namespace: Namespace,
    /// The channel that only this stream listens to.
    beats: String,
    inbox: Arc<Inbox>,
    messages: Receiver<Message>,
    /// Why nothing more will be heard.
    lost: Option<Error>,
    /// The connection ends with its last handle.
    _connection: (MultiplexedConnection, Driver),
}

/// What came in, not yet read.
#[derive(Debug, PartialEq, Eq)]
enum Message {
    Said(Vec<u8>),
    Beat(Vec<u8>),
}

/// The end at which messages come in. It never waits: the connection's own task calls it.
struct Inbox {
    beats: String,
    /// `None` once something was lost: what comes after a gap must not pass for what came before.
    sender: Mutex<Option<Sender<Message>>>,
    bytes: AtomicUsize,
}

impl Inbox {
    fn receive(&self, push: PushInfo) {
        let data: Result<[Value; 2], _> = push.data.try_into();
        let message = match (push.kind, data) {
            // The answer to a subscription, which its caller gets as well.
            (PushKind::Subscribe, _) => return,
            (PushKind::Message, Ok([Value::BulkString(channel), Value::BulkString(payload)])) => {
                if channel == self.beats.as_bytes() {
                    Some(Message::Beat(payload))
                } else {
                    Some(Message::Said(payload))
                }
            }
            // The connection is over, the server has ended a subscription, or nobody knows what this is.
            _ => None,
        };
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if !message.is_some_and(|message| self.take(sender.as_ref(), message)) {
            *sender = None;
        }
    }

    /// Whether there was room.
    fn take(&self, sender: Option<&Sender<Message>>, message: Message) -> bool {
        let bytes = self.bytes.fetch_add(message.len(), Ordering::Relaxed) + message.len();
        bytes <= MOST_BYTES && sender.is_some_and(|sender| sender.try_send(message).is_ok())
    }
}

impl Message {
    fn len(&self) -> usize {
        match self {
            Self::Said(payload) | Self::Beat(payload) => payload.len(),
        }
    }
}

impl Stream {
    /// Subscribes; once it has answered, everything that is announced is heard.
    pub(super) async fn open(cache: &RedisCache, namespace: &Namespace) -> Result<Self> {
        let link = &cache.link;
        link.open()?;
        let beats = format!("{}:!beat:{:016x}", namespace.as_str(), fastrand::u64(..));
        let (sender, messages) = mpsc::channel(MOST_MESSAGES);
        let inbox = Arc::new(Inbox {
            beats: beats.clone(),
            sender: Mutex::new(Some(sender)),
            bytes: AtomicUsize::new(0),
        });
        let subscribing =
            subscribe(link.address(), [channel(namespace.as_str()), beats.clone()], &inbox);
        let connection = match tokio::time::timeout(link.connect_timeout(), subscribing).await {
            Ok(subscribed) => subscribed.map_err(|error| translate(link.place(), error))?,
            Err(_) => {
                let message = format!("Redis at {} let the subscription time out", link.place());
                return Err(Error::new(ErrorKind::Timeout, message));
            }
        };
        Ok(Self {
            cache: cache.clone(),
            namespace: namespace.clone(),
            beats,
            inbox,
            messages,
            lost: None,
            _connection: connection,
        })
    }

    async fn hear(&mut self) -> Result<Heard> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        let message = tokio::select! {
            biased;
            () = self.cache.link.until_closed() => {
                self.cache.link.open()?;
                None
            }
            message = self.messages.recv() => message,
        };
        // Nothing is waited for from here on, so nothing that was received can be dropped.
        let heard = match message {
            None => Err("the stream of invalidations broke, or was read too slowly"),
            Some(message) => {
                self.inbox.bytes.fetch_sub(message.len(), Ordering::Relaxed);
                let heard = match message {
                    Message::Said(payload) => announcement::read(&self.namespace, &payload),
                    Message::Beat(number) => number_of(&number).map(Heard::Beat),
                };
                heard
                    .ok_or("the stream of invalidations said what this version does not understand")
            }
        };
        heard.map_err(|reason| self.lose(reason))
    }

    fn lose(&mut self, reason: &str) -> Error {
        let place = self.cache.link.place();
        let error = Error::new(ErrorKind::Unreachable, format!("{reason} (Redis at {place})"));
        self.lost = Some(error.clone());
        error
    }
}

/// The protocol's third version, because a connection that subscribes in the second can ask for nothing else, and so
/// could not be asked whether it leads to a replica.
async fn subscribe(
    address: &Address,
    channels: [String; 2],
    inbox: &Arc<Inbox>,
) -> RedisResult<(MultiplexedConnection, Driver)> {
    let settings = address.settings().clone().set_protocol(ProtocolVersion::RESP3);
    let inbox = Arc::clone(inbox);
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_push_sender(
        move |push: PushInfo| -> Result<(), ()> {
            inbox.receive(push);
            Ok(())
        },
    );
    let stream = address.reach().await?;
    let (mut connection, driver) =
        MultiplexedConnection::new_with_config(&settings, stream, config).await?;
    let driver = Driver::spawn(driver);
    if Identity::ask(connection.clone()).await?.0.replica {
        return Err(refusal_of_a_replica());
    }
    connection.subscribe(&channels[..]).await?;
    Ok((connection, driver))
}

fn number_of(payload: &[u8]) -> Option<u64> {
    str::from_utf8(payload).ok()?.parse().ok()
}

impl InvalidationStream for Stream {
    fn next(&mut self) -> BoxFuture<'_, Result<Heard>> {
        Box::pin(self.hear())
    }

    /// The beat goes over the connection that commands go over: it comes back only if both lead to one server.
    fn beat(&mut self, number: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if let Some(lost) = &self.lost {
                return Err(lost.clone());
            }
            let publish = || cmd("PUBLISH").arg(&self.beats).arg(number).to_owned();
            let listeners: u64 = self.cache.one(publish).await?;
            if listeners == 0 {
                return Err(self.lose("the stream of invalidations is not on the cache's server"));
            }
            Ok(())
        })
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("server", self.cache.link.place())
            .field("namespace", &self.namespace)
            .field("waiting", &self.messages.len())
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
