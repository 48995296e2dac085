//! What the writers of a lane said, and whether the database is what follows from it.

use std::collections::{BTreeMap, HashMap};

use cache_runtime::WriteBehind;

use crate::world::{Notes, World, text};

/// A write as its writer sent it.
#[derive(Clone, Debug)]
struct Sent {
    key: i64,
    /// `None` deletes.
    text: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    sent: HashMap<String, Sent>,
    /// The versions that were acknowledged.
    acknowledged: BTreeMap<i64, Sent>,
    window: i64,
    wrong: Vec<String>,
}

impl Ledger {
    pub(super) fn hear(&mut self, said: &str) {
        let words: Vec<&str> = said.split(' ').collect();
        match words[..] {
            ["sends", name, key, delete, window] => {
                let text = (delete == "0").then(|| name.to_owned());
                let sent = Sent { key: key.parse().unwrap(), text };
                assert!(self.sent.insert(name.to_owned(), sent).is_none(), "{name} twice");
                self.window = self.window.max(window.parse().unwrap());
            }
            ["acknowledged", name, version] => {
                // It is in doubt no longer.
                let sent = self.sent.remove(name).unwrap();
                let before = self.acknowledged.insert(version.parse().unwrap(), sent);
                assert!(before.is_none(), "two writes have version {version}");
            }
            // It was not written, and is no explanation for anything.
            ["refused", name] => drop(self.sent.remove(name).unwrap()),
            ["wrong", ..] => self.wrong.push(said.to_owned()),
            _ => panic!("a process said: {said}"),
        }
    }

    /// Where the next writer goes on: at the keys of the last.
    pub(super) fn window(&self) -> i64 {
        self.window
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// Every acknowledged write is in the table, or was covered by a later one of its key; each was applied once at most,
    /// in the order of versions.
    pub(super) async fn check(&self, world: &World, survivor: &WriteBehind<Notes>) {
        assert!(self.wrong.is_empty(), "an acknowledged write was not seen: {:?}", self.wrong);
        let mut last: BTreeMap<i64, (i64, &Sent)> = BTreeMap::new();
        for (version, sent) in &self.acknowledged {
            last.insert(sent.key, (*version, sent));
        }
        let journal = self.journal(world).await;
        for (key, (version, sent)) in last {
            let applied = journal.get(&key).copied();
            assert!(
                applied.is_some_and(|applied| applied >= version),
                "key {key}: version {version} was acknowledged, the last that was applied is {applied:?}"
            );
            let there = world.text(key).await;
            if applied == Some(version) {
                assert_eq!(there, sent.text, "key {key} at version {version}");
            } else {
                assert!(self.in_doubt(key, there.as_deref()), "key {key} is {there:?}");
            }
            assert_eq!(text(survivor, key).await, there, "key {key}, as it is read");
        }
    }

    /// Whether a write that nobody heard the answer to may have left this.
    fn in_doubt(&self, key: i64, text: Option<&str>) -> bool {
        self.sent.values().any(|sent| sent.key == key && sent.text.as_deref() == text)
    }

    /// The last version that was applied to each key, after a look at all of them.
    async fn journal(&self, world: &World) -> BTreeMap<i64, i64> {
        let rows: Vec<(String, i64, Option<i64>, Option<String>)> =
            sqlx::query_as("SELECT transaction, key, version, text FROM journal ORDER BY id")
                .fetch_all(world.pool())
                .await
                .unwrap();
        let mut last: BTreeMap<i64, (i64, String, bool)> = BTreeMap::new();
        for (transaction, key, version, text) in rows {
            match version {
                Some(version) => {
                    let before = last.insert(key, (version, transaction, false));
                    let before = before.map_or(0, |(before, ..)| before);
                    assert!(version > before, "key {key}: {version} after {before}");
                }
                None => {
                    let claimed = last.get_mut(&key);
                    let (version, by, changed) = claimed.expect("a change without a version");
                    assert_eq!(*by, transaction, "key {key} was changed past its version");
                    assert!(!*changed, "key {key}: version {version} was applied twice");
                    *changed = true;
                    match self.acknowledged.get(version) {
                        Some(sent) => assert_eq!((sent.key, &sent.text), (key, &text), "{version}"),
                        None => assert!(self.in_doubt(key, text.as_deref()), "{version}: {text:?}"),
                    }
                }
            }
        }
        last.into_iter().map(|(key, (version, ..))| (key, version)).collect()
    }
}
