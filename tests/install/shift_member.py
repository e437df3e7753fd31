#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes BTF in which one member lies elsewhere: the types of another build of a kernel.

    shift_member.py FROM TO STRUCT MEMBER BYTES
"""

import struct
import sys
from pathlib import Path

HEADER = struct.Struct("<HBBIIIII")  # magic, version, flags, header, types: offset, size; strings
TYPE = struct.Struct("<III")  # name, kind and count, size or type
MEMBER = struct.Struct("<III")  # name, type, offset in bits
# bytes behind a type, by its kind; in a pair: for each of its parts
BEHIND = {1: 4, 3: 12, 4: (12,), 5: (12,), 6: (8,), 13: (8,), 14: 4, 15: (12,), 17: 4, 19: (12,)}
STRUCT = 4


def name_at(strings, offset):
    return strings[offset:strings.index(b"\0", offset)].decode()


def shift(data, wanted, member, count):
    """Returns true if the member was there."""
    _, _, _, size, types, types_size, names, names_size = HEADER.unpack_from(data)
    strings = bytes(data[size + names:size + names + names_size])
    at, end = size + types, size + types + types_size
    while at < end:
        name, info, _ = TYPE.unpack_from(data, at)
        kind, parts = info >> 24 & 31, info & 0xffff
        at += TYPE.size
        behind = BEHIND.get(kind, 0)
        for part in range(at, at + parts * 12, 12) if kind == STRUCT and name_at(strings, name) == wanted else ():
            part_name, part_type, offset = MEMBER.unpack_from(data, part)
            if name_at(strings, part_name) == member:
                MEMBER.pack_into(data, part, part_name, part_type, offset + count * 8)
                return True
        at += behind[0] * parts if isinstance(behind, tuple) else behind
    return False


def main():
    source, target, wanted, member, count = sys.argv[1:]
    data = bytearray(Path(source).read_bytes())
    if not shift(data, wanted, member, int(count)):
        sys.exit(f"{source}: no {wanted}.{member}")
    Path(target).write_bytes(data)


if __name__ == "__main__":
    main()
