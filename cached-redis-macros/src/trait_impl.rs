//! Whether a method stands in a trait's `impl`: for a diagnostic only.
//!
//! A method's attribute sees the method and nothing around it. In a trait's `impl` without the
//! block form its helpers would be no members of the trait, and the compiler says so three times
//! without saying what to write. So this looks into the source file. Whatever cannot be found out
//! for certain (code made by a macro, an editor's unsaved text, another macro's attribute around
//! the method) counts as no, which leaves it to the compiler.

use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemImpl};

use crate::signature::Function;

/// Takes the place of the method's name, so that it is found again in the parsed file: the spans
/// of a text that a macro parses do not tell places.
const MARK: &str = "__cached_redis_is_here";

/// Whether `function` stands directly in the `impl` of a trait that has no attribute that could
/// apply its methods'.
pub(crate) fn is_around(function: &Function) -> bool {
    // Only inherited visibility can be in a trait's `impl`. Unit tests have no compiler to ask.
    if !matches!(function.vis, syn::Visibility::Inherited) || !proc_macro::is_available() {
        return false;
    }
    let ident = &function.sig.ident;
    let place = ident.span().unwrap();
    let text = place.local_file().and_then(|file| std::fs::read_to_string(file).ok());
    text.is_some_and(|text| holds(&text, place.line(), place.column(), &ident.to_string()))
}

/// Whether the name at this place (both count from 1) is that of a method in a trait's `impl`.
fn holds(text: &str, line: usize, column: usize, name: &str) -> bool {
    let Some(start) = offset(text, line, column) else { return false };
    let (before, rest) = text.split_at(start);
    let Some(after) = rest.strip_prefix(name) else { return false };
    // Parsing takes time, and nearly all methods are in an `impl` that obviously is no trait's.
    if !may_be_in_trait_impl(before) {
        return false;
    }
    let Ok(file) = syn::parse_file(&format!("{before}{MARK}{after}")) else { return false };
    let mut search = Search(false);
    search.visit_file(&file);
    search.0
}

fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let mut lines = text.split_inclusive('\n');
    let skipped: usize = lines.by_ref().take(line.checked_sub(1)?).map(str::len).sum();
    let (within, _) = lines.next()?.char_indices().nth(column.checked_sub(1)?)?;
    Some(skipped + within)
}

/// Whether the last line before the method that begins an `impl` and is indented less says `for`,
/// or goes on in further lines.
fn may_be_in_trait_impl(before: &str) -> bool {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let mut lines = before.lines().rev();
    let Some(own) = lines.next().map(indentation) else { return false };
    let begins = |line: &&str| {
        indentation(line) < own
            && ["impl", "unsafe impl"].iter().any(|i| line.trim_start().starts_with(i))
    };
    lines.find(begins).is_some_and(|line| line.contains(" for ") || !line.contains('{'))
}

struct Search(bool);

impl Visit<'_> for Search {
    fn visit_item(&mut self, item: &Item) {
        let attrs = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            _ => return,
        };
        // What another macro makes of an item, nobody knows.
        if attrs.iter().all(is_inert) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_impl(&mut self, block: &ItemImpl) {
        let is_marked = |item: &ImplItem| matches!(item, ImplItem::Fn(f) if f.sig.ident == MARK);
        if block.trait_.is_some() && block.items.iter().any(is_marked) {
            self.0 = true;
        }
        visit::visit_item_impl(self, block);
    }
}

/// Attributes that leave an item what it is. `cfg_attr` could be anything.
fn is_inert(attr: &Attribute) -> bool {
    ["allow", "automatically_derived", "cfg", "deny", "doc", "expect", "forbid", "test", "warn"]
        .iter()
        .any(|name| attr.path().is_ident(name))
}

#[cfg(test)]
mod tests {
    use super::holds;

    /// Asks about the `fn` after `@`.
    fn ask(marked: &str) -> bool {
        let (before, _) = marked.split_once('@').expect("no `@`");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        holds(&marked.replacen('@', "", 1), line, column, "find")
    }

    #[test]
    fn methods_of_a_trait_without_the_block_form_are_found() {
        for text in [
            "impl Find for Repo {\n    async fn @find(&self) {}\n}",
            "/// Doc.\n#[allow(unused)]\nimpl Find for Repo {\n    async fn @find(&self) {}\n}",
            "impl<T> Find<T>\n    for Repo\n{\n    async fn @find(&self) {}\n}",
            "mod m {\n    impl Find for Repo {\n        fn other() {}\n        async fn @find() {}\n    }\n}",
            "fn main() {\n    impl Find for Repo {\n        /* ä */ async fn @find(&self) {}\n    }\n}",
            "#![allow(x)]\r\nimpl Find for Repo {\r\n    async fn @find(&self) {}\r\n}\r\n",
        ] {
            assert!(ask(text), "{text}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for text in [
            // Not a trait's, or with an attribute that knows better.
            "async fn @find() {}",
            "impl Repo {\n    async fn @find(&self) {}\n}",
            "impl Find for Repo {}\nimpl Repo {\n    async fn @find(&self) {}\n}",
            "impl<F: for<'a> Fn(&'a u8)> Repo<F> {\n    async fn @find(&self) {}\n}",
            "impl Find for Repo {\n    fn other() {\n        async fn @find() {}\n    }\n}",
            "impl Find for Repo {\n    fn a() {\n        impl Repo {\n            fn @find() {}\n        }\n    }\n}",
            "trait Find {\n    async fn @find(&self) {}\n}",
            "#[redis_cached]\nimpl Find for Repo {\n    async fn @find(&self) {}\n}",
            "#[async_trait]\nimpl Find for Repo {\n    async fn @find(&self) {}\n}",
            "#[cfg_attr(x, y)]\nimpl Find for Repo {\n    async fn @find(&self) {}\n}",
            "#[other]\nmod m {\n    impl Find for Repo {\n        fn @find(&self) {}\n    }\n}",
            // Not code, or not code yet.
            "made! {\n    impl Find for Repo {\n        async fn @find(&self) {}\n    }\n}",
            "/*\nimpl Find for Repo {\n    async fn @find(&self) {}\n}\n*/",
            "const X: &str = \"\nimpl Find for Repo {\n    async fn @find(&self) {}\n}\";",
            "impl Find for Repo {\n    async fn @find(&self) {\n",
            // Another text than the compiler's.
            "impl Find for Repo {\n    async fn @found(&self) {}\n}",
        ] {
            assert!(!ask(text), "{text}");
        }
        assert!(!holds("", 1, 1, "find"));
        assert!(!holds("fn find() {}", 0, 0, "find"));
        assert!(!holds("fn find() {}", 9, 9, "find"));
    }
}
