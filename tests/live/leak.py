# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks for a secret in all that connwatch holds and writes."""

import json
import os
import re
import subprocess
from pathlib import Path

from supervised import Surprise


def memory_of(pid):
    """Yields the readable memory of a process, piece by piece: its ring buffer is in there too."""
    with open(f"/proc/{pid}/maps") as ranges, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in ranges:
            start, end, mode = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if "r" not in mode:
                continue
            try:
                yield line.rstrip(), os.pread(memory.fileno(), int(end, 16) - int(start, 16),
                                              int(start, 16))
            except (OSError, OverflowError):  # of the kernel's own: [vvar], [vsyscall]
                continue


def maps_of(pid):
    """The content of its BPF maps, as bytes."""
    numbers = set()
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        found = re.search(r"^map_id:\t(\d+)$", info.read_text(), re.MULTILINE)
        numbers |= {found[1]} if found else set()
    for number in sorted(numbers):
        said = subprocess.run(["bpftool", "-j", "map", "dump", "id", number],
                              capture_output=True, text=True)
        yield f"BPF map {number}", bytes_of(said.stdout)


def bytes_of(dump):
    """Bytes are there as an array of hexadecimal strings; the rest is of no interest."""
    try:
        entries = json.loads(dump)
    except ValueError:  # a map that cannot be listed: what it held is in a record by then
        return b""
    found = bytearray()
    for entry in entries if isinstance(entries, list) else []:
        for part in ("key", "value"):
            digits = entry.get(part) if isinstance(entry, dict) else None
            if isinstance(digits, list):
                found += bytes(int(digit, 16) for digit in digits if isinstance(digit, str))
    return bytes(found)


def places_with(stage, *secrets):
    """Returns the places that contain one of the secrets. Raises Surprise if the search itself finds
    nothing: the name of the agent's program is known to be there."""
    if stage.bare:
        return []
    witness = stage.witness
    pid = witness.process.pid
    texts = [("the records", json.dumps(witness.records).encode()),
             ("standard output", "\n".join(witness.noise).encode()),
             ("standard error", "\n".join(witness.complaints()).encode()),
             ("the trace", stage.trace.read_bytes())]
    searched = [*texts, *memory_of(pid), *maps_of(pid)]
    known = [name for name, content in searched if b"python3" in content]
    if "the trace" not in known or len(known) < 3:
        raise Surprise(f"the search is blind: it found only {known}")
    return [name for name, content in searched if any(secret in content for secret in secrets)]
