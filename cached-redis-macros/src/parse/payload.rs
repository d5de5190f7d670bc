//! How values are stored: `codec`, `compress`, `encrypt`.

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Lit, Path, Token};

use super::spec::Spec;
use super::ungroup;
use super::values::{Value, value};
use crate::features::Feature;

/// `codec = …`
pub(crate) enum Codec {
    Json,
    /// One of ours, by the name of its type, behind a feature.
    Ours(Ident, Feature),
    /// A type of the user.
    Own(Path),
}

/// `compress`, `compress = …`
pub(crate) enum Compress {
    /// Also where the cache does.
    Off,
    Lz4(Span),
    Zstd(Span),
}

/// `encrypt`, `encrypt = false`
pub(crate) enum Encrypt {
    /// Also where the cache does.
    Off,
    On(Span),
}

/// By how people write them, without regard to case.
const CODECS: [(&str, &str); 5] = [
    ("json", "Json"),
    ("messagepack", "MessagePack"),
    ("msgpack", "MessagePack"),
    ("rmp", "MessagePack"),
    ("postcard", "Postcard"),
];

const KNOWN_CODECS: &str = "the codecs are `Json`, `MessagePack`, `Postcard` and the path of a type that implements \
                            `cached_redis::Codec`";

impl Value for Codec {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        let expr = value(input, spec, keyword)?;
        match ungroup(&expr) {
            Expr::Path(path) if path.qself.is_none() => codec(&path.path),
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                let message = match meant(&text.value()) {
                    Some(name) => format!("`codec` takes a type: write `codec = {name}`"),
                    None => format!("`codec` takes a type: {KNOWN_CODECS}"),
                };
                Err(syn::Error::new(text.span(), message))
            }
            other => {
                let message = format!("`codec` takes a type: {KNOWN_CODECS}");
                Err(syn::Error::new_spanned(other, message))
            }
        }
    }
}

fn meant(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace(['_', '-'], "");
    CODECS.iter().find(|(known, _)| *known == name).map(|(_, codec)| *codec)
}

fn codec(path: &Path) -> syn::Result<Codec> {
    let Some(ident) = path.get_ident() else { return Ok(Codec::Own(path.clone())) };
    let name = ident.to_string();
    match (meant(&name), name.as_str()) {
        (_, "Json") => Ok(Codec::Json),
        (_, "MessagePack") => Ok(Codec::Ours(ident.clone(), Feature::MessagePack)),
        (_, "Postcard") => Ok(Codec::Ours(ident.clone(), Feature::Postcard)),
        (Some(codec), _) => {
            let message = format!("there is no codec `{name}`: write `codec = {codec}`");
            Err(syn::Error::new(ident.span(), message))
        }
        // Types are not written like this.
        (None, _) if name.starts_with(char::is_lowercase) => {
            let message = format!("there is no codec `{name}`: {KNOWN_CODECS}");
            Err(syn::Error::new(ident.span(), message))
        }
        (None, _) => Ok(Codec::Own(path.clone())),
    }
}

/// Whether a keyword stands alone.
fn is_alone(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

impl Value for Compress {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        if is_alone(input) {
            return Ok(Self::Lz4(keyword.span()));
        }
        let expr = value(input, spec, keyword)?;
        let span = expr.span();
        let word = match ungroup(&expr) {
            Expr::Lit(ExprLit { lit: Lit::Bool(on), .. }) => {
                return Ok(if on.value { Self::Lz4(span) } else { Self::Off });
            }
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value(),
            Expr::Path(path) => path.path.get_ident().map(Ident::to_string).unwrap_or_default(),
            _ => String::new(),
        };
        match word.as_str() {
            "lz4" => Ok(Self::Lz4(span)),
            "zstd" => Ok(Self::Zstd(span)),
            _ => Err(syn::Error::new_spanned(
                expr,
                "`compress` knows `lz4` and `zstd`: write `compress` (which is LZ4), `compress = zstd`, or \
                 `compress = false` where the cache compresses",
            )),
        }
    }
}

impl Value for Encrypt {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        if is_alone(input) {
            return Ok(Self::On(keyword.span()));
        }
        let expr = value(input, spec, keyword)?;
        match ungroup(&expr) {
            Expr::Lit(ExprLit { lit: Lit::Bool(on), .. }) if on.value => Ok(Self::On(expr.span())),
            Expr::Lit(ExprLit { lit: Lit::Bool(_), .. }) => Ok(Self::Off),
            _ => Err(syn::Error::new_spanned(
                expr,
                "`encrypt` takes no key, which is given to the cache (`.encryption(..)` on its builder): write \
                 `encrypt`, or `encrypt = false` where the cache encrypts",
            )),
        }
    }
}
