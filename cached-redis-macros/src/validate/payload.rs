//! How values are stored.

use crate::diagnostics::Errors;
use crate::features::Feature;
use crate::model::Payload;
use crate::parse::payload::{Codec, Compress, Encrypt};
use crate::parse::redis_cached::Options;

/// What takes a feature that is not switched on.
pub(super) fn check(options: &Options, errors: &mut Errors) {
    if let Some(Codec::Ours(name, feature)) = options.codec.as_ref().map(|given| &given.value) {
        feature.require(&format!("codec = {name}"), name.span(), errors);
    }
    match options.compress.as_ref().map(|given| &given.value) {
        Some(Compress::Lz4(span)) => Feature::Compression.require("compress", *span, errors),
        Some(Compress::Zstd(span)) => Feature::Zstd.require("compress = zstd", *span, errors),
        Some(Compress::Off) | None => {}
    }
    if let Some(Encrypt::On(span)) = options.encrypt.as_ref().map(|given| &given.value) {
        Feature::Encryption.require("encrypt", *span, errors);
    }
}

pub(super) fn payload(options: &mut Options) -> Payload {
    Payload {
        codec: options.codec.take().map(|given| given.value),
        compress: options.compress.take().map(|given| given.value),
        encrypt: options.encrypt.take().map(|given| given.value),
        max_value: options.max_value.take().map(|given| given.value),
    }
}
