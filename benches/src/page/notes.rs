//! What is to be said of rows: `docs/benchmarks/notes.md`.

/// Paragraphs, each with the beginnings of the names that it is about.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<(Vec<String>, String)>);

impl Notes {
    /// Each heading of the second level names the beginnings of rows, with ` | ` between several; its text is theirs.
    pub(crate) fn parse(text: &str) -> Self {
        let mut notes: Vec<(Vec<String>, String)> = Vec::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                let names = heading.split(" | ").map(|name| name.trim().to_owned());
                notes.push((names.collect(), String::new()));
            } else if let Some((_, note)) = notes.last_mut() {
                note.push_str(line);
                note.push('\n');
            }
        }
        for (_, note) in &mut notes {
            *note = note.trim().to_owned();
        }
        Self(notes)
    }

    /// That of the longest beginning that fits.
    pub(crate) fn of(&self, name: &str) -> Option<&str> {
        let fitting = self.0.iter().flat_map(|(names, note)| {
            let fits = names.iter().filter(|beginning| name.starts_with(beginning.as_str()));
            fits.map(move |beginning| (beginning.len(), note.as_str()))
        });
        fitting.max_by_key(|(length, _)| *length).map(|(_, note)| note).filter(|it| !it.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_says_it() {
        let notes =
            Notes::parse("About.\n\n## hit | miss\n\nA.\nB.\n\n## hit in Redis\n\nC.\n## x\n");
        assert_eq!(notes.of("hit in the process"), Some("A.\nB."));
        assert_eq!(notes.of("miss"), Some("A.\nB."));
        assert_eq!(notes.of("hit in Redis, 8 callers"), Some("C."));
        assert_eq!(notes.of("update"), None);
        assert_eq!(notes.of("x"), None, "an empty note is none");
    }
}
