//! `tracing` events behind the feature of that name. Never a key, an argument, a value or a URL.

#[cfg(feature = "tracing")]
macro_rules! event {
    ($level:ident, $($rest:tt)+) => {
        ::tracing::$level!(target: "cached_redis", $($rest)+)
    };
}

#[cfg(not(feature = "tracing"))]
macro_rules! event {
    ($level:ident, $($name:ident = $value:expr,)* $message:literal) => {{
        $(let _ = &$value;)*
    }};
}

pub(crate) use event;
