"""Reads the append-only audit log of a Region by the layout that docs/formats.md gives, with code of its own.

An entry is `length 4 | CRC-32 4 | event`; an event is `kind 1 | version 1 | CBOR`, whose texts are searched as they stand.
"""

import struct
import zlib


def events(data_dir, space):
    """Every whole entry of the log; an entry that is damaged before the end is an error."""
    path = data_dir / "audit" / f"{space}.log"
    contents = path.read_bytes() if path.exists() else b""
    found = []
    while len(contents) >= 8:
        length, checksum = struct.unpack(">II", contents[:8])
        event, contents = contents[8 : 8 + length], contents[8 + length :]
        if len(event) < length:
            break  # A torn append, which is cut off at the next start.
        assert zlib.crc32(event) == checksum, f"entry {len(found)} of {path} is damaged"
        found.append(event)
    return found


def count(found, *texts):
    """How many events hold all these texts."""
    return sum(all(text.encode() in event for text in texts) for event in found)
