//! What the names in capitals in the scripts stand for. Each is taken from the type that it describes, so that no number
//! of a layout is written down twice.
//!
//! Lua counts bytes from 1 and Redis from 0, so a field has several names: `SOFT_AT` is for commands, `SOFT_FROM` and
//! `SOFT_TO` are for `string.sub`.

use std::collections::HashMap;
use std::ops::Range;

use super::{GRANT, GRANT_OVER_SEEN, HIT, NO_STORE, NOTHING, WAIT, name_of};
use crate::group::{GENERATION_MARK, Generation, Group, Stamp, Stamps};
use crate::lease::{Intent, LeaseId, Nonce};
use crate::record::layout::{
    CODEC, HEADER, IS_WRITE, KIND, LEASE, MAGIC, REFRESH, RESERVED, SCHEMA, SEAL, SOFT, STATE,
    WORD, WORDS,
};
use crate::record::{self, Codec, Kind, Seal, State};

pub(super) struct Constants(HashMap<String, String>);

impl Constants {
    pub(super) fn new() -> Self {
        let mut all = Self(HashMap::new());
        all.layout();
        all.number("NONCE_LENGTH", Nonce::LENGTH);
        all.number("GROUP_LENGTH", Group::LENGTH);
        all.number("GENERATION_LENGTH", Generation::LENGTH);
        all.number("STAMP_LENGTH", Stamp::LENGTH);
        all.text("GENERATION_MARK", GENERATION_MARK.as_bytes());
        // A fence in the list of a key: its id, and when it ends.
        all.number("FENCE_ID_LENGTH", Nonce::LENGTH);
        all.number("FENCE_LENGTH", Nonce::LENGTH + size_of::<u64>());
        for (name, code) in [
            ("GRANT", GRANT),
            ("GRANT_OVER_SEEN", GRANT_OVER_SEEN),
            ("WAIT", WAIT),
            ("HIT", HIT),
            ("NO_STORE", NO_STORE),
            ("NOTHING", NOTHING),
        ] {
            all.define(name, code.to_string());
        }
        let replace = Intent::Replace(LeaseId::NONE);
        for intent in [Intent::Read, replace, Intent::Reload, Intent::Refresh, Intent::Write] {
            let name = name_of(intent);
            all.text(&format!("INTENT_{}", name.to_ascii_uppercase()), name.as_bytes());
        }
        all
    }

    fn layout(&mut self) {
        self.number("HEADER_LENGTH", HEADER);
        self.number("WORD", WORD);
        self.field("MAGIC", 0..MAGIC.len());
        self.text("MAGIC", MAGIC);
        for (name, at) in [
            ("STATE", STATE),
            ("KIND", KIND),
            ("CODEC", CODEC),
            ("SEAL", SEAL),
            ("WORDS", WORDS),
            ("IS_WRITE", IS_WRITE),
        ] {
            self.field(name, at..at + 1);
        }
        self.field("SCHEMA", SCHEMA);
        self.field("LEASE", LEASE);
        self.field("SOFT", SOFT);
        self.field("REFRESH", REFRESH);
        self.text("RESERVED_ZEROS", &vec![0; RESERVED.len()]);
        self.field("RESERVED", RESERVED);
        self.text("STATES", &State::ALL.map(State::byte));
        self.text("STATE_LEASE", &[State::Lease.byte()]);
        self.text("STATE_VALUE", &[State::Value.byte()]);
        self.text("STATE_STALE", &[State::Stale.byte()]);
        self.number("KINDS", Kind::ALL.len());
        self.number("CODECS", Codec::OURS.len());
        self.number("FIRST_OWN_CODEC", usize::from(Codec::FIRST_OWN));
        self.text("SEALS", &Seal::bytes());
        self.text("NO_LEASE", LeaseId::NONE.bytes());
        // Records of leases, but for what tells one from another.
        let blank = |is_write| record::lease(&LeaseId::NONE, 0, &Stamps::default(), is_write);
        self.text("LEASE_OF_LOAD", &blank(false));
        self.text("LEASE_OF_WRITE", &blank(true));
    }

    fn field(&mut self, name: &str, bytes: Range<usize>) {
        self.number(&format!("{name}_AT"), bytes.start);
        self.number(&format!("{name}_FROM"), bytes.start + 1);
        self.number(&format!("{name}_TO"), bytes.end);
    }

    fn number(&mut self, name: &str, number: usize) {
        self.define(name, number.to_string());
    }

    fn text(&mut self, name: &str, bytes: &[u8]) {
        self.define(name, quoted(bytes));
    }

    fn define(&mut self, name: &str, lua: String) {
        let before = self.0.insert(name.to_owned(), lua);
        debug_assert!(before.is_none(), "{name} stands for two things");
    }

    /// The code of a script: without comments, and with what its names stand for.
    pub(super) fn fill_in(&self, script: &str) -> String {
        let mut code = String::with_capacity(script.len());
        for line in script.lines().filter(|line| !line.trim_start().starts_with("--")) {
            let mut rest = line;
            while !rest.is_empty() {
                let word = rest.find(|character| !is_of_word(character)).unwrap_or(rest.len());
                let (word, others) = rest.split_at(word);
                code.push_str(self.0.get(word).map_or(word, String::as_str));
                let next = others.find(is_of_word).unwrap_or(others.len());
                let (between, words) = others.split_at(next);
                code.push_str(between);
                rest = words;
            }
            code.push('\n');
        }
        code
    }
}

fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Bytes as a string of Lua.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("'");
    for byte in bytes {
        match byte {
            b'\'' | b'\\' => text.push_str(&format!("\\{byte}")),
            b' '..=b'~' => text.push(char::from(*byte)),
            // Three digits, for a digit may come next.
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::super::Scripts;
    use super::{Constants, is_of_word, quoted};

    /// Each file, as it is written.
    fn files() -> Vec<(String, String)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/redis/scripts");
        let mut files = Vec::new();
        for folder in [folder.to_owned(), format!("{folder}/parts")] {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.extension().is_some_and(|extension| extension == "lua") {
                    let script = std::fs::read_to_string(&path).expect("text");
                    files.push((path.display().to_string(), script));
                }
            }
        }
        assert!(files.len() > 12, "the scripts and their parts");
        files
    }

    /// Lines of code, apart from what stands between quotes in it.
    fn code_and_strings(script: &str) -> (String, Vec<String>) {
        let lines = script.lines().filter(|line| !line.trim_start().starts_with("--"));
        let (mut code, mut strings) = (String::new(), Vec::new());
        for line in lines {
            for (index, part) in line.split('\'').enumerate() {
                match index % 2 {
                    0 => code.push_str(part),
                    _ => strings.push(part.to_owned()),
                }
            }
            code.push('\n');
        }
        (code, strings)
    }

    fn words(code: &str) -> impl Iterator<Item = &str> {
        code.split(|character| !is_of_word(character)).filter(|word| !word.is_empty())
    }

    #[test]
    fn every_name_stands_for_something() {
        let constants = Constants::new();
        for (file, script) in files() {
            let (code, strings) = code_and_strings(&script);
            let is_name = |word: &&str| {
                word.starts_with(|first: char| first.is_ascii_uppercase())
                    && !word.contains(|character: char| character.is_ascii_lowercase())
            };
            for name in words(&code).filter(is_name) {
                let is_known = constants.0.contains_key(name) || ["KEYS", "ARGV"].contains(&name);
                assert!(is_known, "{name} in {file}");
            }
            for string in &strings {
                let mut words = words(string);
                assert!(words.all(|word| !constants.0.contains_key(word)), "'{string}' in {file}");
            }
        }
        for script in Scripts::new().all() {
            let (code, _) = code_and_strings(&script.code.replace("\\'", ""));
            let left = words(&code).find(|word| constants.0.contains_key(*word));
            assert_eq!(left, None, "{}", script.code);
        }
    }

    #[test]
    fn no_file_knows_the_layout_by_heart() {
        // Nothing, the first and the next byte, and what is not of the layout: milliseconds in a second.
        let known = ["0", "1", "1000", "1000000"];
        for (file, script) in files() {
            let (code, strings) = code_and_strings(&script);
            let of_array = |at: usize| {
                let before = code[..at].trim_end_matches(|c: char| c.is_ascii_digit());
                ["KEYS[", "ARGV[", "time["].iter().any(|array| before.ends_with(array))
            };
            for number in words(&code).filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            {
                let at = number.as_ptr() as usize - code.as_ptr() as usize;
                assert!(known.contains(&number) || of_array(at), "{number} in {file}");
            }
            for string in strings {
                let is_bytes = string.contains('\\') || string.contains("CR") || string.len() == 1;
                let is_other = [".", "}", "0"].contains(&&*string);
                assert!(!is_bytes || is_other, "'{string}' in {file}");
            }
        }
    }

    #[test]
    fn names_are_filled_in_and_comments_left_out() {
        let constants = Constants::new();
        let script = "-- SOFT_AT\n  f(SOFT_AT, SOFT_ATS, 'x', STATE_LEASE)\n";
        assert_eq!(constants.fill_in(script), "  f(40, SOFT_ATS, 'x', 'L')\n");
        assert_eq!(quoted(b"C'\\\x01\xff1"), "'C\\39\\92\\001\\2551'");
    }
}
