use super::*;

fn inbox() -> (Inbox, Receiver<Message>) {
    let (sender, messages) = mpsc::channel(MOST_MESSAGES);
    let sender = Mutex::new(Some(sender));
    (Inbox { beats: "shop:!beat:1".into(), sender, bytes: AtomicUsize::new(0) }, messages)
}

fn said(channel: &str, payload: &[u8]) -> PushInfo {
    let data = vec![Value::BulkString(channel.into()), Value::BulkString(payload.into())];
    PushInfo { kind: PushKind::Message, data }
}

#[tokio::test]
async fn messages_come_out_in_the_order_in_which_they_came_in() {
    let (inbox, mut messages) = inbox();
    inbox.receive(said("shop:!invalidations", b"a"));
    inbox.receive(said("shop:!beat:1", b"7"));
    inbox.receive(said("shop:!invalidations", b"b"));
    assert_eq!(messages.recv().await, Some(Message::Said(b"a".into())));
    assert_eq!(messages.recv().await, Some(Message::Beat(b"7".into())));
    assert_eq!(messages.recv().await, Some(Message::Said(b"b".into())));
}

#[tokio::test]
async fn one_message_too_many_ends_the_stream_behind_what_there_was_room_for() {
    let (inbox, mut messages) = inbox();
    for _ in 0..=MOST_MESSAGES {
        inbox.receive(said("shop:!invalidations", b"a"));
    }
    for _ in 0..MOST_MESSAGES {
        assert!(messages.recv().await.is_some());
        // Room again, but there is a gap now.
        inbox.receive(said("shop:!invalidations", b"late"));
    }
    assert_eq!(messages.recv().await, None);
}

#[tokio::test]
async fn too_many_bytes_end_the_stream() {
    let (inbox, mut messages) = inbox();
    let megabyte = vec![0; 1 << 20];
    for _ in 0..=MOST_BYTES >> 20 {
        inbox.receive(said("shop:!invalidations", &megabyte));
    }
    for _ in 0..MOST_BYTES >> 20 {
        assert!(messages.recv().await.is_some());
    }
    assert_eq!(messages.recv().await, None);
}

#[tokio::test]
async fn whatever_is_no_message_ends_the_stream() {
    let odd = |kind| PushInfo { kind, data: Vec::new() };
    for push in [
        odd(PushKind::Disconnection),
        odd(PushKind::Unsubscribe),
        odd(PushKind::Message),
        odd(PushKind::Other("news".into())),
    ] {
        let (inbox, mut messages) = inbox();
        inbox.receive(odd(PushKind::Subscribe));
        inbox.receive(said("shop:!invalidations", b"a"));
        let shown = format!("{push:?}");
        inbox.receive(push);
        assert!(messages.recv().await.is_some());
        assert_eq!(messages.recv().await, None, "{shown}");
    }
}
