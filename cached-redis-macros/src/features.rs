//! The features of the facade that options need. It switches them on here as well.

use proc_macro2::Span;

use crate::diagnostics::Errors;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    Compression,
    Encryption,
    Local,
    MessagePack,
    Postcard,
    Zstd,
}

impl Feature {
    fn name(self) -> &'static str {
        match self {
            Self::Compression => "compression",
            Self::Encryption => "encryption",
            Self::Local => "local",
            Self::MessagePack => "messagepack",
            Self::Postcard => "postcard",
            Self::Zstd => "zstd",
        }
    }

    fn is_on(self) -> bool {
        #[cfg(test)]
        if let Some(all) = tests::ALL.get() {
            return all;
        }
        match self {
            Self::Compression => cfg!(feature = "compression"),
            Self::Encryption => cfg!(feature = "encryption"),
            Self::Local => cfg!(feature = "local"),
            Self::MessagePack => cfg!(feature = "messagepack"),
            Self::Postcard => cfg!(feature = "postcard"),
            Self::Zstd => cfg!(feature = "zstd"),
        }
    }

    /// Reports that `option`, which is at this place, needs this feature.
    pub(crate) fn require(self, option: &str, span: Span, errors: &mut Errors) {
        if !self.is_on() {
            let feature = self.name();
            errors.at(
                span,
                format!(
                    "`{option}` needs the feature `{feature}`: run `cargo add cached-redis --features {feature}`"
                ),
            );
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    thread_local! {
        /// Whether all features are on or off, whatever the tests were built with.
        pub(super) static ALL: Cell<Option<bool>> = const { Cell::new(Some(true)) };
    }

    /// Runs a test without any feature.
    pub(crate) fn without_features(test: impl FnOnce()) {
        ALL.set(Some(false));
        test();
        ALL.set(Some(true));
    }
}
