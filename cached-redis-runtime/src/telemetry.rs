//! Events for whoever listens: `tracing`, and `log` with the feature of that name. Never a key, an argument, a
//! value or a URL. What could happen at every call is no warning: see [`Losses`](crate::loss::Losses).

macro_rules! event {
    ($level:ident, $($rest:tt)+) => {
        ::tracing::$level!(target: "cached_redis", $($rest)+)
    };
}

pub(crate) use event;
