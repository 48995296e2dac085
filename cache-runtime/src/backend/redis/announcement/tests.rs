use super::*;

fn namespace() -> Namespace {
    Namespace::new("shop").expect("a name")
}

fn key(namespace: &str, name: &str) -> Key {
    let namespace = Namespace::new(namespace).expect("a name");
    namespace.key().text("users").value(name).finish().expect("a key")
}

/// The payload of the only command, and its channel.
fn only(commands: &[Cmd]) -> (String, Vec<u8>) {
    assert_eq!(commands.len(), 1, "one namespace is one message");
    let words: Vec<Vec<u8>> = commands[0]
        .args_iter()
        .filter_map(|word| match word {
            redis::Arg::Simple(word) => Some(word.to_vec()),
            _ => None,
        })
        .collect();
    assert_eq!(words[0], b"PUBLISH");
    (String::from_utf8(words[1].clone()).expect("a channel"), words[2].clone())
}

#[test]
fn what_was_said_is_what_is_read() {
    let keys = [key("shop", "a"), key("shop", "ü:{}"), key("shop", "")];
    let (channel, payload) = only(&of_keys(&keys));
    assert_eq!(channel, "shop:!invalidations");
    assert_eq!(read(&namespace(), &payload), Some(Heard::Keys(keys.to_vec())));
    let (channel, payload) = only(&[of_everything("shop")]);
    assert_eq!(channel, "shop:!invalidations");
    assert_eq!(read(&namespace(), &payload), Some(Heard::Everything));
}

#[test]
fn no_keys_are_no_message() {
    assert!(of_keys(&[]).is_empty());
}

#[test]
fn each_namespace_has_a_message_of_its_own() {
    let keys = [key("shop", "a"), key("other", "b"), key("shop", "c")];
    let commands = of_keys(&keys);
    assert_eq!(commands.len(), 2);
    let (_, payload) = only(&commands[..1]);
    let own = vec![keys[0].clone(), keys[2].clone()];
    assert_eq!(read(&namespace(), &payload), Some(Heard::Keys(own)));
}

#[test]
fn the_format_stays_as_it_is() {
    let (_, payload) = only(&of_keys(&[key("shop", "a")]));
    assert_eq!(payload, b"\x01K\x0D\0\0\0shop:users:=a");
}

#[test]
fn what_is_not_understood_is_not_guessed_at() {
    let (_, whole) = only(&of_keys(&[key("shop", "a"), key("shop", "b")]));
    for cut in (0..whole.len()).filter(|cut| *cut != 2 + 4 + 13) {
        assert_eq!(read(&namespace(), &whole[..cut]), None, "cut at {cut}");
    }
    let longer = [&whole[..], b"x"].concat();
    assert_eq!(read(&namespace(), &longer), None);
    let (_, foreign) = only(&of_keys(&[key("shop2", "a")]));
    assert_eq!(read(&namespace(), &foreign), None, "a key of another namespace");
    for odd in
        [&b"\x02K\x0D\0\0\0shop:users:=a"[..], b"\x01X", b"\x01E ", b"\x01K\x02\0\0\0\xFF\xFE"]
    {
        assert_eq!(read(&namespace(), odd), None, "{odd:?}");
    }
}
