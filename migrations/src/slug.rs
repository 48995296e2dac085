//! Names as they stand in a URL: `São Paulo` is `sao-paulo`.

use std::collections::HashSet;

/// What a name of nothing but foreign letters gets; its country and id then tell it apart.
const NAMELESS: &str = "city";

/// Hands out slugs, each once.
#[derive(Debug, Default)]
pub(crate) struct Slugs {
    taken: HashSet<String>,
}

impl Slugs {
    /// Marks a slug as taken.
    pub(crate) fn take(&mut self, slug: String) {
        self.taken.insert(slug);
    }

    /// The name alone if it is free, else with the country, else with the id as well.
    ///
    /// Two cities never share an id, but a city may be named like another's slug with its id, so
    /// the id is repeated until the slug is free.
    pub(crate) fn make(&mut self, name: &str, country: &str, id: i64) -> String {
        let mut slug = fold(name);
        if self.taken.contains(&slug) {
            slug = format!("{slug}-{}", country.to_ascii_lowercase());
        }
        while self.taken.contains(&slug) {
            slug = format!("{slug}-{id}");
        }
        self.taken.insert(slug.clone());
        slug
    }
}

/// Lower-case ASCII letters and digits, with one `-` for whatever stands between them.
///
/// Letters with marks lose their marks, apostrophes vanish, letters of other scripts too. Never empty.
fn fold(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    let mut gap = false;
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            open(&mut slug, &mut gap);
            slug.push(letter);
        } else if letter.is_alphabetic() {
            let letters = ascii(letter);
            if !letters.is_empty() {
                open(&mut slug, &mut gap);
                slug.push_str(letters);
            }
        } else if !is_silent(letter) {
            gap = true;
        }
    }
    if slug.is_empty() { NAMELESS.to_owned() } else { slug }
}

/// Writes the `-` that a gap before the next letter asks for, except in front of all.
fn open(slug: &mut String, gap: &mut bool) {
    if std::mem::take(gap) && !slug.is_empty() {
        slug.push('-');
    }
}

/// Apostrophes, which join what they stand between, and combining marks.
fn is_silent(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '‘' | 'ʻ' | 'ʼ' | '`' | '\u{300}'..='\u{36f}')
}

/// A small letter of the Latin script as ASCII; of another script, nothing.
fn ascii(lower: char) -> &'static str {
    match lower {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'ạ'..='ặ' => "a",
        'æ' => "ae",
        'ḃ' | 'ḅ' | 'ḇ' => "b",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' | 'ḋ' | 'ḍ' | 'ḏ' | 'ḑ' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ə' | 'ẹ'..='ệ' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' | 'ḡ' => "g",
        'ĥ' | 'ħ' | 'ḥ' | 'ḧ' | 'ḩ' | 'ḫ' | 'ẖ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'ḯ' | 'ỉ' | 'ị' => "i",
        'ĵ' => "j",
        'ķ' | 'ḱ' | 'ḳ' | 'ḵ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ł' | 'ḷ' | 'ḻ' => "l",
        'ḿ' | 'ṁ' | 'ṃ' => "m",
        'ñ' | 'ń' | 'ņ' | 'ň' | 'ṅ' | 'ṇ' | 'ṉ' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'ơ' | 'ọ'..='ợ' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' | 'ṙ' | 'ṛ' | 'ṟ' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' | 'ṡ' | 'ṣ' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ț' | 'ṫ' | 'ṭ' | 'ṯ' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' | 'ụ'..='ự' => "u",
        'ŵ' | 'ẁ' | 'ẃ' | 'ẅ' => "w",
        'ẋ' | 'ẍ' => "x",
        'ý' | 'ÿ' | 'ỳ' | 'ỵ' | 'ỷ' | 'ỹ' => "y",
        'ź' | 'ż' | 'ž' | 'ẑ' | 'ẓ' | 'ẕ' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_folds_to_ascii() {
        for (name, slug) in [
            ("New York City", "new-york-city"),
            ("São Paulo", "sao-paulo"),
            ("Xi’an", "xian"),
            ("St. John's", "st-johns"),
            ("Đồng Hới", "dong-hoi"),
            ("İstanbul", "istanbul"),
            ("Gəncə", "gence"),
            ("Straße 17", "strasse-17"),
            ("  Águas – (velhas) ", "aguas-velhas"),
            ("Ḩamā", "hama"),
            ("Kyiv Київ", "kyiv"),
        ] {
            assert_eq!(fold(name), slug, "{name}");
        }
    }

    #[test]
    fn a_slug_is_never_empty() {
        for name in ["", "北京", "-", "’"] {
            assert_eq!(fold(name), NAMELESS, "{name}");
        }
    }

    #[test]
    fn a_slug_is_given_once() {
        let mut slugs = Slugs::default();
        slugs.take("lund".into());
        assert_eq!(slugs.make("Paris", "FR", 1), "paris");
        assert_eq!(slugs.make("Paris", "US", 2), "paris-us");
        assert_eq!(slugs.make("Paris", "US", 3), "paris-us-3");
        assert_eq!(slugs.make("Paris US 4", "US", 5), "paris-us-4");
        assert_eq!(slugs.make("Paris", "US", 4), "paris-us-4-4");
        assert_eq!(slugs.make("Lund", "SE", 6), "lund-se");
    }
}
