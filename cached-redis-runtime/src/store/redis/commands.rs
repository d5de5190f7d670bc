//! Commands, and what they answer.

use std::time::Duration;

use redis::{Cmd, Pipeline, Value};

use super::scripts::Script;
use crate::error::{Error, ErrorKind};

/// Reads a key, and has the next change of it reported. Two answers.
pub(super) fn tracked_get(pipeline: &mut Pipeline, key: &str) {
    pipeline.cmd("CLIENT").arg("CACHING").arg("YES").cmd("GET").arg(key);
}

pub(super) fn by_digest(script: &Script, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
    evaluation("EVALSHA", &script.digest, keys, arguments)
}

pub(super) fn by_text(script: &Script, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
    evaluation("EVAL", &script.code, keys, arguments)
}

pub(super) fn evaluation(
    name: &'static str,
    script: &str,
    keys: &[&str],
    arguments: &[&[u8]],
) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(keys.len());
    for key in keys {
        command.arg(*key);
    }
    for argument in arguments {
        command.arg(*argument);
    }
    command
}

/// Whole milliseconds as text: PX takes nothing else, and refuses 0.
pub(super) fn millis(duration: Duration) -> String {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1).to_string()
}

/// As [`millis`], with 0 for none.
pub(super) fn millis_or_none(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "0".to_owned(), millis)
}

pub(super) fn integer(value: Value) -> Result<i64, Error> {
    match value {
        Value::Int(number) => Ok(number),
        _ => Err(Error::protocol()),
    }
}

/// Errors that say something about the state of the server or of the connection, and nothing about the
/// command: the same command may succeed later. All others (`NOPERM`, `CROSSSLOT`, `ERR unknown command`)
/// are about the command itself.
const TRANSIENT: [&str; 15] = [
    "ASK",
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOREPLICAS",
    NO_SCRIPT,
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "UNBLOCKED",
    "WRONGPASS",
];

/// The server does not know a script by its digest.
pub(super) const NO_SCRIPT: &str = "NOSCRIPT";
const WRONG_TYPE: &str = "WRONGTYPE";

pub(super) fn is_no_script(error: &Error) -> bool {
    is_server_error(error, NO_SCRIPT)
}

pub(super) fn is_wrong_type(error: &Error) -> bool {
    is_server_error(error, WRONG_TYPE)
}

/// The server does not have the slot of a key, and has executed nothing.
pub(super) fn is_moved(error: &Error) -> bool {
    is_server_error(error, "MOVED")
}

/// The slot of a key is on its way to another node, and the key is not here any more.
pub(super) fn is_ask(error: &Error) -> bool {
    is_server_error(error, "ASK")
}

fn is_server_error(error: &Error, code: &str) -> bool {
    error.kind() == ErrorKind::Server && error.to_string().ends_with(code)
}

/// Whether the server turned an operation down, as opposed to not answering it.
pub(super) fn server_error(code: &str) -> Error {
    let message = format!("the cache server answered with the error {code}");
    let error = Error::new(ErrorKind::Server, message);
    if TRANSIENT.contains(&code) { error } else { error.lasting() }
}

/// Of a script: Redis before 7 reports what failed inside it as part of the message of an `ERR`.
pub(super) fn script_error(code: &str, details: Option<&str>) -> Error {
    let is_inside =
        |inside: &&&str| details.is_some_and(|text| text.contains(&format!("-{inside} ")));
    server_error(TRANSIENT.iter().find(is_inside).copied().unwrap_or(code))
}

#[cfg(test)]
mod tests {
    use super::{millis, script_error, server_error};
    use std::time::Duration;

    #[test]
    fn what_the_server_refuses_for_now_is_told_from_what_it_refuses_for_good() {
        for (code, is_lasting) in [
            ("NOPERM", true),
            ("ERR", true),
            ("CROSSSLOT", true),
            ("LOADING", false),
            ("READONLY", false),
            ("OOM", false),
        ] {
            assert_eq!(server_error(code).is_lasting(), is_lasting, "{code}");
            assert_eq!(script_error(code, None).is_lasting(), is_lasting, "{code}");
        }
        let inside = "Error running script (call to f_1): @user_script:2: @user_script: 2: ";
        let read_only = format!("{inside}-READONLY You can't write against a read only replica.");
        assert!(!script_error("ERR", Some(&read_only)).is_lasting());
        let no_right = format!("{inside}-NOPERM this user may not");
        assert!(script_error("ERR", Some(&no_right)).is_lasting());
    }

    #[test]
    fn milliseconds_are_never_zero() {
        assert_eq!(millis(Duration::from_millis(1500)), "1500");
        assert_eq!(millis(Duration::from_micros(1)), "1");
    }
}
