//! Whether an argument may be a transaction, by the name of its type: `in_transaction = "bypass"` on a generic
//! parameter.
//!
//! The crate knows no database library, so it has no trait to ask. A name that is not known counts as a transaction:
//! then the call is not cached, which costs a load and is counted as a bypass.

use std::any::type_name;

/// What is in no transaction: pools, and clients that lend a transaction as another type.
const POOLS: [&str; 5] = ["Pool", "DatabaseConnection", "Client", "ClientWrapper", "Object"];

const POINTERS: [&str; 3] = ["Arc", "Box", "Rc"];

/// Whether this may be a transaction, or a connection that is in one.
pub fn may_be_transaction<T: ?Sized>(_: &T) -> bool {
    !is_pool(type_name::<T>())
}

/// Whether there is one.
pub fn is_given_transaction<T>(handle: &Option<T>) -> bool {
    handle.as_ref().is_some_and(may_be_transaction)
}

fn is_pool(name: &str) -> bool {
    let name = name.trim_start_matches('&').trim_start_matches("mut ");
    let (path, arguments) = name.split_once('<').unwrap_or((name, ""));
    // The last argument of a pointer ends with the pointer's own bracket.
    let last = path.rsplit("::").next().unwrap_or_default().trim_end_matches('>');
    POOLS.contains(&last) || POINTERS.contains(&last) && is_pool(arguments)
}

#[cfg(test)]
mod tests {
    use super::is_pool;

    #[test]
    fn pools_are_told_from_whatever_else_there_is() {
        for (name, expected) in [
            ("&sqlx_core::pool::Pool<sqlx_postgres::database::Postgres>", true),
            ("sqlx_core::pool::Pool<sqlx_sqlite::database::Sqlite>", true),
            ("&mut sqlx_sqlite::connection::SqliteConnection", false),
            ("&mut sqlx_core::transaction::Transaction<sqlx_postgres::Postgres>", false),
            ("sea_orm::database::db_connection::DatabaseConnection", true),
            ("sea_orm::database::transaction::DatabaseTransaction", false),
            ("dyn sea_orm::database::connection::ConnectionTrait", false),
            ("tokio_postgres::client::Client", true),
            ("tokio_postgres::transaction::Transaction", false),
            ("alloc::sync::Arc<sea_orm::database::db_connection::DatabaseConnection>", true),
            ("&alloc::boxed::Box<dyn sea_orm::ConnectionTrait>", false),
            ("shop::TracedExecutor<sqlx_core::pool::Pool<sqlx_postgres::Postgres>>", false),
            ("", false),
        ] {
            assert_eq!(is_pool(name), expected, "{name}");
        }
    }
}
