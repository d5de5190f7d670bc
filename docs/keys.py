#!/usr/bin/env python3
"""The key encoding of cached-redis, version 1, in another language.

A reference for those who compute keys outside Rust; `docs/keys.md` is the specification.
Run it to check the test vectors: python3 docs/keys.py
"""

import hashlib
import json
import math
import pathlib
import struct

END = b"\x00"


def sized(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


def text(value: str) -> bytes:
    return sized(value.encode())


def number(tag: int, width: int, signed: bool):
    return lambda value: bytes([tag]) + int(value).to_bytes(width, "little", signed=signed)


def real(tag: int, form: str):
    def encode(value: str) -> bytes:
        value = float(value)
        # All NaN are one, and so are the two zeros.
        value = math.nan if math.isnan(value) else value + 0.0
        return bytes([tag]) + struct.pack(form, value)

    return encode


def elements(values) -> bytes:
    return b"".join(map(encode, values)) + END


def fields(pairs) -> bytes:
    return b"".join(b"\x30" + text(name) + encode(value) for name, value in pairs) + END


def entries(pairs) -> bytes:
    if len({encode(key) for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice in a map: there is no cache key")
    digests = sorted(hashlib.sha256(encode(key) + encode(value)).digest() for key, value in pairs)
    return struct.pack("<Q", len(digests)) + b"".join(digests)


def variant(tag: int, name: str, index: int, which: str) -> bytes:
    return bytes([tag]) + text(name) + struct.pack("<I", index) + text(which)


ENCODERS = {
    "some": lambda value: b"\x03" + encode(value),
    "bool": lambda value: b"\x05" if value else b"\x04",
    "u8": number(0x10, 1, False),
    "u16": number(0x11, 2, False),
    "u32": number(0x12, 4, False),
    "u64": number(0x13, 8, False),
    "u128": number(0x14, 16, False),
    "i8": number(0x18, 1, True),
    "i16": number(0x19, 2, True),
    "i32": number(0x1A, 4, True),
    "i64": number(0x1B, 8, True),
    "i128": number(0x1C, 16, True),
    "f32": real(0x20, "<f"),
    "f64": real(0x21, "<d"),
    "char": lambda value: b"\x22" + struct.pack("<I", ord(value)),
    "str": lambda value: b"\x30" + text(value),
    "bytes": lambda value: b"\x31" + sized(bytes(value)),
    "seq": lambda values: b"\x40" + elements(values),
    "tuple": lambda values: b"\x41" + elements(values),
    "tuple_struct": lambda it: b"\x42" + text(it[0]) + elements(it[1]),
    "struct": lambda it: b"\x43" + text(it[0]) + fields(it[1]),
    "map": lambda pairs: b"\x44" + entries(pairs),
    "newtype_struct": lambda it: b"\x45" + text(it[0]) + encode(it[1]),
    "unit_struct": lambda name: b"\x46" + text(name),
    "unit_variant": lambda it: variant(0x50, *it),
    "newtype_variant": lambda it: variant(0x51, *it[:3]) + encode(it[3]),
    "tuple_variant": lambda it: variant(0x52, *it[:3]) + elements(it[3]),
    "struct_variant": lambda it: variant(0x53, *it[:3]) + fields(it[3]),
}


def encode(value) -> bytes:
    if value == "unit":
        return b"\x01"
    if value == "none":
        return b"\x02"
    ((kind, content),) = value.items()
    return ENCODERS[kind](content)


def key(namespace: str, vector: dict) -> str:
    facts = ["cached-redis key v1", vector["prefix"], vector["name"], vector["scope"]]
    facts += [vector["function"], vector["shape"], *vector["generics"]]
    identity = hashlib.sha256(b"".join(map(text, facts))).digest()
    arguments = b"".join(map(encode, vector["arguments"]))
    digest = hashlib.sha256(identity + arguments).hexdigest()[:32]
    return f"{namespace}:{vector['prefix']}:{vector['name']}:{{{digest}}}"


def main() -> None:
    root = pathlib.Path(__file__).parent.parent
    vectors = json.loads((root / "cached-redis-runtime/src/key/vectors.json").read_text())
    wrong = [vector for vector in vectors if key("ns", vector) != vector["key"]]
    for vector in wrong:
        print(f"expected {vector['key']}\n     got {key('ns', vector)}\n     for {vector['arguments']}")
    print(f"{len(vectors) - len(wrong)} vectors hold, {len(wrong)} do not")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
