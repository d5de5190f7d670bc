//! Tables of options. A row has all that is known about an option: how it is read, what its errors
//! say and most of its checks follow from there.

use proc_macro2::Ident;
use syn::parse::ParseStream;

use super::values::Value;

/// A row of a table.
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    /// What errors say to write.
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
    /// At most [`LONGEST`](crate::limits::LONGEST). Zero is wrong if there is a message about it.
    Length {
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

/// An option as written: its keyword, where errors about it go, and its value.
pub(crate) struct Given<T> {
    pub(crate) keyword: Ident,
    pub(crate) value: T,
}

/// The options of an attribute.
pub(crate) trait Options {
    const SPECS: &'static [Spec];

    /// Reads what follows `keyword`; `None` if there is no such option.
    fn read(&mut self, keyword: &Ident, input: ParseStream<'_>) -> Option<syn::Result<()>>;

    /// Those that were written, each with its row.
    fn given(&self) -> Vec<(&'static Spec, &dyn Value)>;

    fn names() -> impl Iterator<Item = &'static str> {
        Self::SPECS.iter().map(|spec| spec.name)
    }
}

/// Makes a table the fields of a `struct` and their parser. More fields may follow it.
macro_rules! options {
    (
        $(#[$attribute:meta])*
        struct $Options:ident { $($field:ident: $value:ty = $spec:expr,)* }
        $($(#[$doc:meta])* $more:ident: $type:ty,)*
    ) => {
        $(#[$attribute])*
        #[derive(Default)]
        pub(crate) struct $Options {
            $(pub(crate) $field: Option<$crate::parse::options::Given<$value>>,)*
            $($(#[$doc])* pub(crate) $more: $type,)*
        }

        impl $crate::parse::options::Options for $Options {
            const SPECS: &'static [$crate::parse::options::Spec] = &[$($spec),*];

            fn read(
                &mut self,
                keyword: &proc_macro2::Ident,
                input: syn::parse::ParseStream<'_>,
            ) -> Option<syn::Result<()>> {
                let mut specs = Self::SPECS.iter();
                $(
                    let spec = specs.next()?;
                    if keyword == spec.name {
                        return Some($crate::parse::options::read(&mut self.$field, spec, keyword, input));
                    }
                )*
                None
            }

            fn given(
                &self,
            ) -> Vec<(&'static $crate::parse::options::Spec, &dyn $crate::parse::values::Value)> {
                let values: [Option<&dyn $crate::parse::values::Value>; Self::SPECS.len()] =
                    [$(self.$field.as_ref().map(|given| &given.value as _)),*];
                let rows = Self::SPECS.iter().zip(values);
                rows.filter_map(|(spec, value)| Some((spec, value?))).collect()
            }
        }
    };
}
pub(crate) use options;

/// For [`options!`]: reads an option, which may be written once.
pub(crate) fn read<T: Value>(
    slot: &mut Option<Given<T>>,
    spec: &Spec,
    keyword: &Ident,
    input: ParseStream<'_>,
) -> syn::Result<()> {
    let value = T::read(input, spec, keyword)?;
    if slot.is_some() {
        let message = format!("`{keyword}` is given twice: keep one of them");
        return Err(syn::Error::new(keyword.span(), message));
    }
    *slot = Some(Given { keyword: keyword.clone(), value });
    Ok(())
}
