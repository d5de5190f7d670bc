//! Tags that are declared: `tag!(pub Crate(name: &str))`.
//!
//! Reads and writes share a type instead of a text, so that a misspelt tag does not compile. The group of a
//! typed tag is a hash of its type's name and its arguments, in the encoding of keys, which is injective. Its
//! class is its type.

use sha2::{Digest, Sha256};

use super::{Group, TagText};
use crate::key::{Identity, KeyBuilder, KeyPart};

/// Declares a tag, as a type that reads and writes share.
///
/// ```
/// # use cached_redis_runtime as cached_redis;
/// cached_redis::tag!(pub Crate(name: &str));
///
/// # async fn example(cache: cached_redis::Cache) -> Result<(), cached_redis::Error> {
/// cache.invalidate_tag(Crate("serde")).await?;
/// # Ok(())
/// # }
/// ```
///
/// In an attribute it is written like a call: `tags = [Crate(name)]` at what reads, `tag = Crate(&meta.name)` in
/// `#[invalidates(..)]`. An argument is whatever implements [`serde::Serialize`]; different arguments are
/// different tags.
///
/// A declaration may have documentation, other attributes, a visibility, and any number of arguments. Several
/// stand in one `tag!`, with `;` between them. It belongs to its module: `a::Crate` and `b::Crate` are different
/// tags, and a declaration that moves to another module is a new one, which processes of the old version do not
/// invalidate. So declare tags in a module, not in a function, and share them by `use`.
#[macro_export]
macro_rules! tag {
    ($($(#[$attr:meta])* $vis:vis $name:ident($($field:ident: $type:ty),* $(,)?));+ $(;)?) => {$(
        $(#[$attr])*
        #[derive(Clone)]
        #[must_use = "a tag does nothing by itself: `cache.invalidate_tag(…)`"]
        $vis struct $name {
            tag: $crate::private::TagText,
        }

        $(#[$attr])*
        #[allow(non_snake_case)]
        $vis fn $name($($field: $type),*) -> $name {
            $name { tag: $name::declared_with_tag($($field),*) }
        }

        #[allow(dead_code)]
        impl $name {
            /// What tells it from all other tags.
            #[doc(hidden)]
            $vis const DECLARED_WITH_TAG: &'static str =
                ::core::concat!(::core::module_path!(), "::", ::core::stringify!($name));

            /// The tag of these arguments.
            #[doc(hidden)]
            $vis fn declared_with_tag($($field: $type),*) -> $crate::private::TagText {
                #[allow(unused_mut)]
                let mut typed = $crate::private::TypedTag::new(Self::DECLARED_WITH_TAG);
                $(typed.part(&$field);)*
                typed.finish()
            }
        }

        impl $crate::private::IntoTag for $name {
            fn into_tag(self) -> $crate::private::TagText {
                self.tag
            }
        }

        impl ::core::fmt::Debug for $name {
            // Arguments are nobody's business.
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.debug_struct(::core::stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

/// What names a group of entries by hand: a text, or a tag that [`tag!`](crate::tag) has declared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tag",
    label = "neither a text nor declared with `cached_redis::tag!`",
    note = "write `\"category:7\"`, or declare a tag with `cached_redis::tag!(pub Category(id: u64))` and write `Category(7)`"
)]
pub trait IntoTag {
    #[doc(hidden)]
    fn into_tag(self) -> TagText;
}

#[diagnostic::do_not_recommend]
impl<T: AsRef<str> + ?Sized> IntoTag for &T {
    fn into_tag(self) -> TagText {
        self.as_ref().to_owned().into()
    }
}

impl IntoTag for String {
    fn into_tag(self) -> TagText {
        self.into()
    }
}

/// What an argument of a typed tag may be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a tag",
    label = "not `serde::Serialize`",
    note = "the arguments of a tag tell its groups apart: declare it with what identifies them, as in `cached_redis::tag!(Product(id: u64))`, or derive `serde::Serialize`"
)]
pub trait TagPart: KeyPart {}

#[diagnostic::do_not_recommend]
impl<T: KeyPart + ?Sized> TagPart for T {}

/// A typed tag in the making.
#[derive(Debug)]
pub struct TypedTag {
    class: &'static str,
    arguments: KeyBuilder,
}

impl TypedTag {
    /// Without arguments yet.
    #[must_use]
    pub fn new(class: &'static str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"cached-redis typed tag v1");
        hasher.update(class.as_bytes());
        let identity: Identity = hasher.finalize().into();
        Self { class, arguments: KeyBuilder::new(&Ok(identity)) }
    }

    /// Adds an argument.
    pub fn part<T: TagPart + ?Sized>(&mut self, part: &T) {
        self.arguments.part(part);
    }

    /// The tag.
    #[must_use]
    pub fn finish(self) -> TagText {
        let class = self.class;
        TagText::of_group(self.arguments.digest().map(Group), class)
    }
}

#[cfg(test)]
mod tests {
    use crate::group::Group;
    use crate::private::IntoTag;

    crate::tag! {
        Pair(first: &str, second: &str);
        /// Of another shape.
        Number(number: u64);
        Everything();
    }

    mod elsewhere {
        crate::tag!(pub(super) Number(number: u64));
    }

    fn groups(tag: impl IntoTag) -> (Group, Option<Group>) {
        tag.into_tag().groups().unwrap().unwrap()
    }

    #[test]
    fn tags_are_equal_if_their_types_and_arguments_are() {
        assert_eq!(groups(Pair("a", "b")), groups(Pair("a", "b")));
        let all = [
            groups(Pair("a:b", "c")),
            groups(Pair("a", "b:c")),
            groups(Pair("", "a:b:c")),
            groups(Number(7)),
            groups(Number(8)),
            groups(elsewhere::Number(7)),
            groups(Everything()),
            groups("a:b:c"),
            groups(Pair::DECLARED_WITH_TAG),
            groups(Number::DECLARED_WITH_TAG),
        ];
        for (index, (group, _)) in all.iter().enumerate() {
            let before = all[..index].iter();
            assert!(before.clone().all(|(other, _)| other != group), "{index} stands twice");
        }
    }

    #[test]
    fn the_class_of_a_tag_is_its_type() {
        let class = |tag: (Group, Option<Group>)| tag.1;
        assert_eq!(class(groups(Number(7))), class(groups(Number(8))));
        assert_eq!(class(groups(Number(7))), Some(Group::class(Number::DECLARED_WITH_TAG)));
        assert_ne!(class(groups(Number(7))), class(groups(elsewhere::Number(7))));
        assert_ne!(class(groups(Number(7))), class(groups(Everything())));
    }

    #[test]
    fn what_debug_shows_are_no_arguments() {
        assert_eq!(format!("{:?}", Pair("secret", "too")), "Pair { .. }");
        let text = format!("{:?}", Pair("secret", "too").into_tag());
        assert!(!text.contains("secret"), "{text}");
    }
}
