#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which cells of the matrix rung x fault x stack are played, from the names of the cases: a table in
Markdown, for docs/CAUSES.md. `make check-docs` compares it."""

import re
from collections import defaultdict

import goodbye_cases  # noqa: F401  fills the table of cases
import more_cases  # noqa: F401  likewise
import run  # noqa: F401  likewise
from case import CASES

STACKS = ("openssl", "curl", "node", "gnutls", "go", "java", "mbedtls", "rustls")
FAMILY_IS_SAID = ("over-ipv6",)
RESOLVERS = ("glibc", "musl", "go", "c-ares", "node", "java")
TLS = re.compile(rf"(tls|x509)-(?:(1\.[23])-)?(.+?)(?:-({'|'.join(STACKS)}))?(?:-ipv6)?$")
NAME = re.compile(rf"(name)-(.+?)(?:-(over-ipv6|over-tcp|unbound|{'|'.join(RESOLVERS)}))?(?:-ipv6)?$")
ALIKE = ((r"^answered-by-ssh$", "answered-by-other"), (r"-says(?:-the-c-library)?$", "-says-the-c-library"),
         (r"-\d+-bytes-", "-some-bytes-"))


def plain(fault):
    for pattern, name in ALIKE:
        fault = re.sub(pattern, name, fault)
    return fault


def cells():
    """(rung, fault, stack) -> what of it is played: versions of TLS, families, ways."""
    found = defaultdict(set)
    for case in CASES:
        if tls := TLS.match(case.name):
            group, version, fault, stack = tls.groups()
            found[group, plain(fault), stack or "openssl"].add((version or "", case.family))
        elif name := NAME.match(case.name):
            group, fault, way = name.groups()
            resolver = way if way in RESOLVERS else "glibc"
            found[group, plain(fault), resolver].add(("" if way in (None, *RESOLVERS) else way, case.family))
    return found


def words(played):
    """"1.2, 1.3", or how the name server is asked; an asterisk where only IPv4 is played."""
    return ", ".join((way or "yes").replace("-", " ") + ("" if way in FAMILY_IS_SAID or (way, "ipv6") in played
                                                         else "*")
                     for way in sorted({way for way, _ in played}))


def rows(group, columns, found):
    faults = dict.fromkeys(fault for of, fault, _ in found if of == group)
    for fault in faults:
        yield fault, [words(found[group, fault, column]) if (group, fault, column) in found else "-"
                      for column in columns]


def write(title, group, columns, found):
    print(f"\n| {title} | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for fault, played in rows(group, columns, found):
        print(f"| {fault.replace('-', ' ')} | {' | '.join(played)} |")


def main():
    found = cells()
    write("name (`name-*`)", "name", RESOLVERS, found)
    write("TLS (`tls-*`)", "tls", STACKS, found)
    write("TLS, by the agent's libssl (`x509-*`)", "x509", ("openssl", "curl", "node"), found)


if __name__ == "__main__":
    main()
