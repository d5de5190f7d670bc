//! Which node has which slots, as a node says.

use redis::Value;

use crate::bucket::SLOTS;

/// Where a node is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::store::redis) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    pub(super) fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// As it stands in MOVED and ASK: `host:port`. Without a host, it is that of the node which says so.
    fn read(text: &str, said_by: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some(Self::new(known_or(host, said_by), port_of(port.parse().ok()?)?))
    }
}

/// A node that does not know its own name says `?`, or nothing: then it is where it was asked.
fn known_or<'a>(host: &'a str, said_by: &'a Address) -> &'a str {
    match host {
        "" | "?" => &said_by.host,
        host => host,
    }
}

fn port_of(number: i64) -> Option<u16> {
    u16::try_from(number).ok().filter(|port| *port != 0)
}

/// What is said in MOVED and ASK behind the code: a slot, and where it is.
pub(super) fn redirect(details: &str, said_by: &Address) -> Option<(u16, Address)> {
    let mut words = details.split_ascii_whitespace();
    let slot = words.next()?.parse().ok().filter(|slot| usize::from(*slot) < SLOTS)?;
    Some((slot, Address::read(words.next()?, said_by)?))
}

/// The primaries with their slots, and all addresses that were named.
#[derive(Default)]
pub(super) struct SlotMap {
    ranges: Vec<(u16, u16, Address)>,
    pub(super) named: Vec<Address>,
}

impl SlotMap {
    /// The answer to `CLUSTER SLOTS`; `None` if it is none. What makes no sense in it is left out.
    pub(super) fn read(answer: &Value, said_by: &Address) -> Option<Self> {
        let Value::Array(ranges) = answer else { return None };
        let mut map = Self::default();
        for range in ranges {
            let Value::Array(parts) = range else { continue };
            let [Value::Int(from), Value::Int(to), nodes @ ..] = &parts[..] else { continue };
            let nodes: Vec<_> = nodes.iter().map(|node| node_of(node, said_by)).collect();
            for node in nodes.iter().flatten() {
                if !map.named.contains(node) {
                    map.named.push(node.clone());
                }
            }
            let slot = |number: &i64| u16::try_from(*number).ok().filter(is_slot);
            // The primary comes first.
            if let (Some(from), Some(to), Some(Some(primary))) =
                (slot(from), slot(to), nodes.into_iter().next())
                && from <= to
            {
                map.ranges.push((from, to, primary));
            }
        }
        Some(map)
    }

    /// The primary that has a slot.
    pub(super) fn primary(&self, slot: u16) -> Option<&Address> {
        let has = |(from, to, _): &&(u16, u16, Address)| (*from..=*to).contains(&slot);
        self.ranges.iter().find(has).map(|(_, _, address)| address)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

fn is_slot(slot: &u16) -> bool {
    usize::from(*slot) < SLOTS
}

fn node_of(node: &Value, said_by: &Address) -> Option<Address> {
    let Value::Array(parts) = node else { return None };
    let [host, Value::Int(port), ..] = &parts[..] else { return None };
    let host = match host {
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        Value::Nil => "",
        _ => return None,
    };
    Some(Address::new(known_or(host, said_by), port_of(*port)?))
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::{Address, SlotMap, redirect};

    fn here() -> Address {
        Address::new("10.0.0.9", 7000)
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn node(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), text("id"), Value::Array(Vec::new())])
    }

    fn range(from: i64, to: i64, nodes: Vec<Value>) -> Value {
        let mut parts = vec![Value::Int(from), Value::Int(to)];
        parts.extend(nodes);
        Value::Array(parts)
    }

    fn primary(map: &SlotMap, slot: u16) -> Option<String> {
        map.primary(slot).map(|address| format!("{}|{}", address.host, address.port))
    }

    #[test]
    fn the_first_node_of_a_range_is_its_primary() {
        let replica = node(text("replica.internal"), 7003);
        let answer = Value::Array(vec![
            range(0, 8191, vec![node(text("10.0.0.1"), 7001), replica]),
            range(8192, 8192, vec![node(text("::1"), 7002)]),
            range(8193, 16383, vec![node(Value::Nil, 7000)]),
        ]);
        let map = SlotMap::read(&answer, &here()).expect("a map");
        assert_eq!(primary(&map, 0).as_deref(), Some("10.0.0.1|7001"));
        assert_eq!(primary(&map, 8191).as_deref(), Some("10.0.0.1|7001"));
        assert_eq!(primary(&map, 8192).as_deref(), Some("::1|7002"));
        assert_eq!(primary(&map, 16383).as_deref(), Some("10.0.0.9|7000"));
        assert_eq!(map.named.len(), 4);
    }

    #[test]
    fn what_makes_no_sense_is_left_out_and_the_rest_counts() {
        let good = node(text("a"), 1);
        let answer = Value::Array(vec![
            Value::Nil,
            Value::Array(Vec::new()),
            range(0, 9, Vec::new()),
            range(9, 0, vec![good.clone()]),
            range(-1, 9, vec![good.clone()]),
            range(10, 16384, vec![good.clone()]),
            range(20, 29, vec![node(text("a"), 0)]),
            range(30, 39, vec![node(text("a"), 65536)]),
            range(40, 49, vec![node(Value::BulkString(vec![0xff]), 1)]),
            range(50, 59, vec![Value::Int(7), good.clone()]),
            range(60, 69, vec![node(text("?"), 1)]),
            range(70, 79, vec![good]),
        ]);
        let map = SlotMap::read(&answer, &here()).expect("a map");
        for slot in [0, 5, 15, 25, 35, 45, 55] {
            assert_eq!(primary(&map, slot), None, "{slot}");
        }
        assert_eq!(primary(&map, 65).as_deref(), Some("10.0.0.9|1"));
        assert_eq!(primary(&map, 75).as_deref(), Some("a|1"));
        assert!(SlotMap::read(&text("OK"), &here()).is_none());
        assert!(SlotMap::read(&Value::Array(Vec::new()), &here()).expect("a map").is_empty());
    }

    #[test]
    fn a_redirection_names_a_slot_and_a_node() {
        let read = |details| {
            redirect(details, &here())
                .map(|(slot, address)| (slot, format!("{}|{}", address.host, address.port)))
        };
        let expected = |slot, address: &str| Some((slot, address.to_owned()));
        assert_eq!(read("3999 127.0.0.1:6381"), expected(3999, "127.0.0.1|6381"));
        assert_eq!(read("3999 ::1:6381"), expected(3999, "::1|6381"));
        assert_eq!(read("3999 [::1]:6381"), expected(3999, "::1|6381"));
        assert_eq!(read("3999 node.internal:6381"), expected(3999, "node.internal|6381"));
        assert_eq!(read("3999 :6381"), expected(3999, "10.0.0.9|6381"));
        assert_eq!(read("3999 ?:6381"), expected(3999, "10.0.0.9|6381"));
        for odd in ["", "3999", "16384 a:1", "-1 a:1", "x a:1", "1 a", "1 a:0", "1 a:65536"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
