//! What is known about an option.

/// A row of a table.
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    /// What errors say to write, within backticks; some options can be written in two ways.
    pub(crate) example: &'static str,
    /// What other crates call it.
    pub(crate) aliases: &'static [&'static str],
    pub(crate) evaluated: Evaluated,
    pub(crate) limits: Limits,
}

/// Who evaluates the expressions of an option.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Evaluated {
    /// Nobody, or whoever has loaded a value.
    Later,
    /// The function, before its body.
    ByCalls,
    /// The function and its helpers.
    ByHelpersToo,
}

/// What the macro checks of values that it knows.
pub(crate) enum Limits {
    None,
    /// At most [`MAX_DURATION`](crate::limits::MAX_DURATION). Zero is wrong if there is a message about it.
    Duration {
        if_zero: Option<&'static str>,
    },
    Number {
        most: f64,
        if_zero: Option<&'static str>,
        if_more: &'static str,
        /// It is negative, or no number.
        if_none: &'static str,
    },
    /// A part of keys: neither empty nor with characters that mean something there.
    KeyPart,
}

impl Spec {
    pub(crate) const fn new(name: &'static str, example: &'static str) -> Self {
        Self { name, example, aliases: &[], evaluated: Evaluated::Later, limits: Limits::None }
    }

    pub(crate) const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    pub(crate) const fn evaluated(self, evaluated: Evaluated) -> Self {
        Self { evaluated, ..self }
    }

    pub(crate) const fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}

/// All attributes have this one.
pub(crate) const CRATE: Spec = Spec::new("crate", "crate = my_crate::cached_redis");
