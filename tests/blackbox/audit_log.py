"""Reads the audit log by the layout that docs/audit-log.md and docs/formats.md give, with code of its own.

An entry of a bundle is `length 2 | event`; an event is `kind 1 | version 1 | CBOR`, whose texts are searched as they stand.
"""

import struct

ENTRIES_PER_BUNDLE = 256


def events(data_dir):
    """Every entry that the checkpoint speaks of."""
    folder = data_dir / "audit"
    while True:
        try:
            size = int((folder / "checkpoint").read_text().split("\n")[1])
            return [event for index in range(-(-size // ENTRIES_PER_BUNDLE)) for event in bundle(folder, index, size)]
        except FileNotFoundError:
            if not (folder / "checkpoint").exists():
                return []
            # The partial bundle was replaced by a wider one meanwhile.


def bundle(folder, index, size):
    width = min(size - index * ENTRIES_PER_BUNDLE, ENTRIES_PER_BUNDLE)
    path = folder / "tile" / "entries" / path_of(index)
    full = width == ENTRIES_PER_BUNDLE or path.is_file()
    contents = path.read_bytes() if full else (path.with_name(path.name + ".p") / str(width)).read_bytes()
    found = []
    while contents and len(found) < width:
        (length,) = struct.unpack(">H", contents[:2])
        found.append(contents[2 : 2 + length])
        contents = contents[2 + length :]
    assert len(found) == width, f"bundle {index} has {len(found)} entries of {width}"
    return found


def path_of(index):
    """Groups of three digits, all but the last behind an x."""
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return "/".join(groups)


def count(found, *texts):
    """How many events hold all these texts."""
    return sum(all(text.encode() in event for text in texts) for event in found)
