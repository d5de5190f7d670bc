//! Tables of options: a row for each, from which follows how it is read, what its errors say and
//! most of its checks.

use proc_macro2::Ident;
use syn::parse::ParseStream;

use super::spec::Spec;
use super::values::Value;

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

    /// The keywords of those that were written.
    fn keywords(&self) -> Vec<(&'static Spec, &Ident)>;

    /// Takes what was not written from others.
    fn fill(&mut self, others: Self);

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
            const SPECS: &'static [$crate::parse::spec::Spec] = &[$($spec),*];

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
            ) -> Vec<(&'static $crate::parse::spec::Spec, &dyn $crate::parse::values::Value)> {
                let values: [Option<&dyn $crate::parse::values::Value>; Self::SPECS.len()] =
                    [$(self.$field.as_ref().map(|given| &given.value as _)),*];
                let rows = Self::SPECS.iter().zip(values);
                rows.filter_map(|(spec, value)| Some((spec, value?))).collect()
            }

            fn keywords(&self) -> Vec<(&'static $crate::parse::spec::Spec, &proc_macro2::Ident)> {
                let keywords: [Option<&proc_macro2::Ident>; Self::SPECS.len()] =
                    [$(self.$field.as_ref().map(|given| &given.keyword)),*];
                let rows = Self::SPECS.iter().zip(keywords);
                rows.filter_map(|(spec, keyword)| Some((spec, keyword?))).collect()
            }

            fn fill(&mut self, others: Self) {
                $(if self.$field.is_none() { self.$field = others.$field; })*
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
