//! Groups of entries: what one step invalidates, however many entries there are.
//!
//! Each group has a *generation*, a random number under a key of its own. An entry carries the
//! generations of its groups as they were before its load began: its *stamps*. It counts for as
//! long as they are the current ones. So a group is invalidated by deleting its generation: the
//! next load finds none, has a new one made, and no older entry has that.
//!
//! A tag that depends on the loaded value is known only after the load, when it is too late to ask
//! what its generation was before. So each tag has a *class*, the text up to its first `:`, which
//! is known, and is invalidated along with it. A value is not stored if the class of one of its
//! tags changed while it was loaded.

mod typed;

use std::fmt::{self, Write as _};

pub use typed::{IntoTag, TagPart, TypedTag};

use sha2::{Digest, Sha256};

use crate::key::{KeyError, push_hex};
use crate::panics::guarded;

/// A set of entries, by the hash of its name: names may contain arguments, keys must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Group([u8; Group::LENGTH]);

/// Which entries of a group count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation([u8; Generation::LENGTH]);

/// What a group's generation was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) group: Group,
    pub(crate) generation: Generation,
}

/// The stamps of one entry, as they stand in its record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamps(Vec<u8>);

/// The groups that an entry is in, as far as they are known before it is loaded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    /// All entries of the function.
    pub(crate) function: Option<Group>,
    /// Tags from the arguments.
    pub(crate) tags: Vec<Group>,
    /// Classes of the tags from the value.
    pub(crate) classes: &'static [&'static str],
}

/// Between the namespace and the name of a group, in the key of its generation.
pub(crate) const GENERATION_MARK: &str = ":generation:{";

impl Group {
    pub(crate) const LENGTH: usize = 16;

    pub(crate) fn function(prefix: &str, name: &str) -> Self {
        Self::hash(b"function", &[prefix, name])
    }

    pub(crate) fn tag(tag: &str) -> Self {
        Self::hash(b"tag", &[tag])
    }

    pub(crate) fn class(class: &str) -> Self {
        Self::hash(b"class", &[class])
    }

    /// No group of entries: what is under its key is a number that no other database has.
    #[cfg(feature = "local")]
    pub(crate) fn database() -> Self {
        Self::hash(b"database", &[])
    }

    fn hash(kind: &[u8], fields: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"cached-redis group v1");
        for field in [kind].into_iter().chain(fields.iter().map(|field| field.as_bytes())) {
            hasher.update((field.len() as u64).to_le_bytes());
            hasher.update(field);
        }
        let mut group = [0; Self::LENGTH];
        group.copy_from_slice(&hasher.finalize()[..Self::LENGTH]);
        Self(group)
    }

    /// A number that hardly any other group has.
    pub(crate) fn number(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// The key of the group's generation.
    pub(crate) fn key(&self, namespace: &str) -> String {
        let mut key = String::with_capacity(namespace.len() + 46);
        key.push_str(namespace);
        key.push_str(GENERATION_MARK);
        push_hex(&mut key, &self.0);
        key.push('}');
        key
    }

    /// The group whose generation is under a key.
    pub(crate) fn from_key(key: &str) -> Option<Self> {
        let (_, digits) = key.rsplit_once(GENERATION_MARK)?;
        let digits = digits.strip_suffix('}')?;
        if digits.len() != 2 * Self::LENGTH {
            return None;
        }
        let mut group = [0; Self::LENGTH];
        for (index, byte) in group.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(group))
    }
}

/// The class of a tag: its text up to and including the first `:`, if there is one.
pub(crate) fn class_of(tag: &str) -> Option<&str> {
    tag.find(':').and_then(|colon| tag.get(..=colon))
}

impl Generation {
    pub(crate) const LENGTH: usize = 16;

    /// As the script that makes one does: a random number and the server's clock, so that a script
    /// that is executed twice makes two.
    pub(crate) fn new(random: [u8; 8], server_time: u64) -> Self {
        let mut bytes = [0; Self::LENGTH];
        bytes[..8].copy_from_slice(&random);
        bytes[8..].copy_from_slice(&server_time.to_le_bytes());
        Self(bytes)
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl Stamp {
    /// In a record.
    pub(crate) const LENGTH: usize = Group::LENGTH + Generation::LENGTH;

    fn read(bytes: &[u8]) -> Option<Self> {
        let (group, generation) = bytes.split_at_checked(Group::LENGTH)?;
        Some(Self {
            group: Group(group.try_into().ok()?),
            generation: Generation::from_slice(generation)?,
        })
    }
}

impl Stamps {
    pub(crate) fn push(&mut self, stamp: Stamp) {
        self.0.extend_from_slice(&stamp.group.0);
        self.0.extend_from_slice(&stamp.generation.0);
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Stamp> {
        stamps(&self.0)
    }

    /// What the generation of a group was.
    pub(crate) fn of(&self, group: Group) -> Option<Generation> {
        self.iter().find(|stamp| stamp.group == group).map(|stamp| stamp.generation)
    }

    /// Whether all of the others are among these.
    pub(crate) fn include(&self, others: &[u8]) -> bool {
        stamps(others).all(|stamp| self.of(stamp.group) == Some(stamp.generation))
    }

    /// Whether both name the same generation for every group that is in both.
    pub(crate) fn agree(&self, other: &[u8]) -> bool {
        stamps(other).all(|stamp| self.of(stamp.group).is_none_or(|mine| mine == stamp.generation))
    }
}

impl FromIterator<Stamp> for Stamps {
    fn from_iter<I: IntoIterator<Item = Stamp>>(all: I) -> Self {
        let mut stamps = Self::default();
        all.into_iter().for_each(|stamp| stamps.push(stamp));
        stamps
    }
}

/// The stamps in a part of a record.
pub(crate) fn stamps(bytes: &[u8]) -> impl Iterator<Item = Stamp> {
    bytes.chunks_exact(Stamp::LENGTH).filter_map(Stamp::read)
}

impl Groups {
    /// Those that a lease is stamped with.
    pub(crate) fn of_lease(&self) -> Vec<Group> {
        let classes = self.classes.iter().map(|class| Group::class(class));
        self.of_value().chain(classes).collect()
    }

    /// Whether there is a stamp of each of them, the classes apart.
    pub(crate) fn are_in(&self, all: &[u8]) -> bool {
        self.of_value().all(|group| stamps(all).any(|stamp| stamp.group == group))
    }

    /// Those that a value is stamped with, its own tags apart.
    pub(crate) fn of_value(&self) -> impl Iterator<Item = Group> {
        self.function.into_iter().chain(self.tags.iter().copied())
    }
}

/// How many groups a value may name itself. Those of the arguments have room beside them in a record.
pub(crate) const MOST_TAGS: usize = 32;

/// A tag in the making: `Tag::new().text("category:").value(Some(&category)).finish()`.
#[derive(Debug, Default)]
pub struct Tag(TagText);

/// The text of a tag, or a typed one; an error if the `Display` of one of its values failed or panicked, or the
/// `Serialize` of an argument. An entry without one of its tags would outlive an invalidation, so it is not stored.
#[derive(Clone, Debug)]
pub struct TagText(Result<Option<Name>, KeyError>);

#[derive(Clone, Debug)]
enum Name {
    Text(String),
    Typed { group: Group, class: &'static str },
}

impl TagText {
    fn of_group(group: Result<Group, KeyError>, class: &'static str) -> Self {
        Self(group.map(|group| Some(Name::Typed { group, class })))
    }

    /// `None`: one of its values is, so there is no such tag.
    pub(crate) fn group(&self) -> Result<Option<Group>, KeyError> {
        let group = |name: &Name| match name {
            Name::Text(text) => Group::tag(text),
            Name::Typed { group, .. } => *group,
        };
        self.0.as_ref().map(|name| name.as_ref().map(group)).map_err(Clone::clone)
    }

    /// With its class.
    pub(crate) fn groups(&self) -> Result<Option<(Group, Option<Group>)>, KeyError> {
        let class = |name: &Name| match name {
            Name::Text(text) => class_of(text).map(Group::class),
            // Of a text, the class ends with its only colon. This ends with a name.
            Name::Typed { class, .. } => Some(Group::class(class)),
        };
        let class = self.0.as_ref().ok().and_then(Option::as_ref).and_then(class);
        self.group().map(|group| group.map(|group| (group, class)))
    }

    fn text_mut(&mut self) -> Option<&mut String> {
        match &mut self.0 {
            Ok(Some(Name::Text(text))) => Some(text),
            _ => None,
        }
    }
}

impl Default for TagText {
    fn default() -> Self {
        String::new().into()
    }
}

impl From<String> for TagText {
    fn from(text: String) -> Self {
        Self(Ok(Some(Name::Text(text))))
    }
}

/// What a placeholder of a tag accepts: everything that implements `Display`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a tag",
    label = "not `std::fmt::Display`",
    note = "a placeholder of a tag takes what implements `Display`, or an `Option` of that: name the part that tells the groups apart, such as `{{product.id}}`"
)]
pub trait TagValue: fmt::Display {}

#[diagnostic::do_not_recommend]
impl<T: fmt::Display + ?Sized> TagValue for T {}

impl Tag {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends text as it is.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        if let Some(tag) = self.0.text_mut() {
            tag.push_str(text);
        }
        self
    }

    /// Appends a value. Without it there is no tag.
    #[must_use]
    pub fn value<T: TagValue + ?Sized>(mut self, value: Option<&T>) -> Self {
        if let Some(tag) = self.0.text_mut() {
            match value.map(|value| guarded(|| write!(tag, "{value}").is_ok())) {
                Some(Some(true)) => {}
                Some(_) => self.0 = TagText(Err(KeyError::tag())),
                None => self.0 = TagText(Ok(None)),
            }
        }
        self
    }

    /// The tag.
    #[must_use]
    pub fn finish(self) -> TagText {
        self.0
    }
}

/// What a placeholder of a tag names: `(&&Part(&value)).get()`.
#[derive(Debug)]
pub struct Part<'a, T: ?Sized>(pub &'a T);

/// Asked first: what is in an `Option`.
pub trait OptionalPart<'a> {
    /// What is written.
    type Value;
    /// It, if it is there.
    fn get(&self) -> Option<&'a Self::Value>;
}

impl<'a, T> OptionalPart<'a> for &Part<'a, Option<T>> {
    type Value = T;
    fn get(&self) -> Option<&'a T> {
        self.0.as_ref()
    }
}

impl<'a, T> OptionalPart<'a> for &Part<'a, &Option<T>> {
    type Value = T;
    fn get(&self) -> Option<&'a T> {
        self.0.as_ref()
    }
}

/// Asked last: the value itself.
pub trait PlainPart<'a> {
    /// What is written.
    type Value: ?Sized;
    /// It.
    fn get(&self) -> Option<&'a Self::Value>;
}

impl<'a, T: ?Sized> PlainPart<'a> for Part<'a, T> {
    type Value = T;
    fn get(&self) -> Option<&'a T> {
        Some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Generation, Group, Stamp, Stamps, class_of};

    fn stamp(tag: &str, generation: u64) -> Stamp {
        Stamp { group: Group::tag(tag), generation: Generation::new([0; 8], generation) }
    }

    #[test]
    fn kinds_of_groups_do_not_share_a_generation() {
        let all = [
            Group::tag("a:"),
            Group::class("a:"),
            Group::function("a", ":"),
            Group::function("a:", ""),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{one:?} stands twice");
        }
    }

    #[test]
    fn a_key_names_its_group() {
        let group = Group::tag("a");
        assert_eq!(Group::from_key(&group.key("ns")), Some(group));
        assert_eq!(Group::from_key("ns:generation:{00}"), None);
    }

    #[test]
    fn the_class_of_a_tag_ends_at_its_first_colon() {
        assert_eq!(class_of("brand:7:de"), Some("brand:"));
        assert_eq!(class_of("everything"), None);
    }

    #[test]
    fn stamps_agree_unless_one_group_has_two_generations() {
        let mine: Stamps = [stamp("a", 1), stamp("b", 1)].into_iter().collect();
        let theirs = |all: &[Stamp]| all.iter().copied().collect::<Stamps>();
        assert!(mine.agree(theirs(&[stamp("b", 1), stamp("c", 9)]).bytes()));
        assert!(!mine.agree(theirs(&[stamp("b", 2)]).bytes()));
        assert!(mine.agree(&[]));
    }
}
