#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Proves the floors of docs/ARCHITECTURE.md: who includes whom, that the pure floors are pure, that
no two files need each other, and that the engine's files are the ladder of docs/INTERNALS.md. And
that functions of the probe that the verifier takes one by one go without pointers (docs/KERNEL.md).

    layers.py OBJECT...     the objects of every floor, as built below watchdog/

Prints each offender as FILE:LINE or OBJECT, and exits with 1 if there is one.
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')

VERIFIED_ALONE = re.compile(r"^__noinline (.*?)\b(\w+)\(([^)]*)\)$", re.MULTILINE)

# Each folder may include itself and what stands on a floor below its own. docs/ARCHITECTURE.md has
# the same table; tests/docs/check.py compares the two.
FLOORS = [
    {"ebpf", "support", "base"},
    {"settings", "namespace", "process"},
    {"events"},
    {"record"},
    {"effects", "sources", "verdict", "past"},
    {"check", "engine", "fleet", "hub"},
    {"watch"},
    {"daemon", "cli"},
    {"collector"},
]
FLOOR = {folder: number for number, floor in enumerate(FLOORS, 1) for folder in floor}
PURE = {"base", "settings", "events", "record", "verdict", "engine", "past", "fleet", "hub"}

# Macros alone: a floor of its own, below all others.
EVERYWHERE = {"base/cleanup.h"}

# Files that may include ebpf/: the decoder, and the source that loads the probe.
SEES_EBPF = re.compile(r"^watchdog/(events/decode\.c|sources/probe\w*\.[ch])$")

# All of the C library that the pure floors may include. What they call of it is checked by symbol.
PURE_HEADERS = set("""arpa/inet.h errno.h inttypes.h limits.h link.h math.h netinet/in.h signal.h stdarg.h
    stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h sys/queue.h sys/socket.h""".split())

# Functions of the C library that depend on nothing but their arguments.
PURE_FUNCTIONS = set("""inet_ntop inet_pton memchr memcmp memcpy memmove memset qsort snprintf
    stpcpy strchr strchrnul strcmp strcpy strcspn strerror strlen strncmp strncpy
    strnlen strpbrk strrchr strspn strstr strtoul strtoull vsnprintf __errno_location
    ceil fmax lgamma_r log log10 sqrt""".split())

# The only pure files that may allocate, and only on behalf of engine_new(), fleet_new() and join_new().
MAY_ALLOCATE = {"engine/engine.o", "fleet/fleet.o", "hub/join.o", "base/keyed_table.o", "base/deadline.o"}

# Symbols of the sanitizers, the stack guard and the profiler: the compiler puts them in.
COMPILERS = re.compile(r"^(__(asan|ubsan|sanitizer|gcov|llvm|stack_chk)_|_GLOBAL_OFFSET_TABLE_)")


def folder_of(path):
    """ebpf, or the folder right below watchdog/."""
    parts = Path(path).parts
    return parts[1] if parts[0] == "watchdog" else parts[0]


def library(header):
    """The library that a header in angle brackets belongs to; None for the C library's."""
    match = re.match(r"(bpf|CUnit|libmnl|netlink|openssl|systemd)/", header)
    return match and match[1]


def quoted_is_allowed(path, header):
    here, there = folder_of(path), header.split("/")[0]
    if there not in FLOOR or "/" not in header:
        return False
    if header in EVERYWHERE:
        return here != "ebpf"
    if there == "ebpf":
        return here == "ebpf" or bool(SEES_EBPF.match(path))
    if here == there:
        # the files of the probe are one source, and so is NAME_PART with NAME; other sources share
        # nothing but their shape
        return (here != "sources" or own_header(path, header) or "/probe" in path
                or is_part_of(header, path) or is_part_of(path, header) or header == "sources/source.h")
    return FLOOR[there] < FLOOR[here]


def is_part_of(path, whole):
    return Path(path).stem.startswith(f"{Path(whole).stem}_")


def own_header(path, header):
    return Path(path).stem == Path(header).stem


def system_is_allowed(path, header):
    here = folder_of(path)
    if here == "ebpf":
        return bool(re.match(r"(bpf|linux)/|std(bool|def|int)\.h$", header))
    if here in PURE:
        return header in PURE_HEADERS
    if here in ("support", "namespace", "process"):
        return library(header) is None
    return True


def wrong_includes():
    libraries = defaultdict(set)
    for source in sorted([*TREE.glob("watchdog/**/*.[ch]"), *TREE.glob("ebpf/*.[ch]")]):
        path = str(source.relative_to(TREE))
        for number, line in enumerate(source.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quoted, header = match[1] == '"', match[2]
            if library(header) and not quoted:
                libraries[path].add(library(header))
            allowed = quoted_is_allowed if quoted else system_is_allowed
            if not allowed(path, header):
                yield f"{path}:{number}: {folder_of(path)} may not include {header}"
    for path, names in libraries.items():
        # what wires things together needs the loop's library and one more
        if len(names) > 1 and folder_of(path) not in ("watch", "daemon", "cli", "collector"):
            yield f"{path}: more than one library: {', '.join(sorted(names))}"


def wrong_functions():
    for source in sorted(TREE.glob("ebpf/*.[ch]")):
        text = source.read_text()
        for match in VERIFIED_ALONE.finditer(text):
            if "*" in match[1] + match[3]:
                number = text.count("\n", 0, match.start()) + 1
                yield f"{source.relative_to(TREE)}:{number}: {match[2]}() may take and return numbers alone"


def symbols(objects, *options):
    """(object below watchdog/, symbol) of each."""
    said = subprocess.run(["nm", "-A", *options, *objects], capture_output=True, text=True,
                          check=True).stdout
    for line in said.splitlines():
        yield (re.match(r"(?:.*/)?watchdog/([^:]+\.o):", line)[1], line.split()[-1])


def plain(symbol):
    """Without what _FORTIFY_SOURCE and the C23 number readers make of a name."""
    symbol = re.sub(r"^__isoc\d+_", "", symbol)
    return re.sub(r"^__(.*)_chk$", r"\1", symbol)


def impure(defined, undefined):
    ours = {symbol for name, symbol in defined if name.split("/")[0] in PURE}
    for name, symbol in undefined:
        if name.split("/")[0] not in PURE:
            continue
        if symbol in ours or plain(symbol) in PURE_FUNCTIONS or COMPILERS.match(symbol):
            continue
        if symbol in ("calloc", "free") and name in MAY_ALLOCATE:
            continue
        yield f"{name}: the pure floors may not use {symbol}"


def circles(needs):
    """The strongly connected parts of the graph that have more than one file (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(name):
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in needs[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            part = stack[stack.index(name):]
            del stack[stack.index(name):]
            if len(part) > 1:
                found.append(sorted(part))

    for name in list(needs):
        if name not in index:
            visit(name)
    return found


def ladder():
    """The objects of the engine, in the order in which docs/INTERNALS.md lists them."""
    page = (TREE / "docs" / "INTERNALS.md").read_text()
    table = page.split("<!-- ladder:")[1].split("<!-- /ladder -->")[0]
    first_cells = re.findall(r"^\| (`[^|]+) \|", table, re.M)
    return [f"engine/{name}.o" for cell in first_cells
            for name in re.findall(r"`([\w/]+)\.(?:c|\[ch\])`", cell)]


def wrong_rungs(names, needs):
    rung = {name: number for number, name in enumerate(ladder())}
    for name in sorted(names):
        if name.startswith("engine/") and name not in rung:
            yield f"{name}: not in the ladder of docs/INTERNALS.md"
    for name in rung:
        for other in sorted(needs[name]):
            if rung.get(other, -1) > rung[name]:
                yield f"{name}: may not call {other}, which is below it in docs/INTERNALS.md"


def wrong_symbols(objects):
    defined = list(symbols(objects, "--defined-only", "--extern-only"))
    undefined = list(symbols(objects, "--undefined-only"))
    yield from impure(defined, undefined)
    home = {symbol: name for name, symbol in defined}
    needs = defaultdict(set)
    for name, symbol in undefined:
        if home.get(symbol, name) != name:
            needs[name].add(home[symbol])
    yield from wrong_rungs(set(home.values()), needs)
    for part in circles(defaultdict(set, needs)):
        yield "need each other: " + ", ".join(part)
        for name in part:
            for other in sorted(needs[name].intersection(part)):
                taken = sorted(s for n, s in undefined if n == name and home.get(s) == other)
                yield f"    {name} -> {other}: {', '.join(taken)}"


def main():
    objects = sys.argv[1:]
    if not objects:
        print(__doc__, file=sys.stderr)
        return 2
    wrong = [*wrong_includes(), *wrong_functions(), *wrong_symbols(objects)]
    for line in wrong:
        print(line)
    if not wrong:
        print("  layers are as docs/ARCHITECTURE.md has them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
