#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Proves that each file names its license, in its first line or right after a first line that must
be first, and the right one: LICENSE tells which. REUSE.toml lists the files without such a line.

    spdx.py [--exempt]      --exempt prints these files

Prints each offender, and exits with 1 if there is one.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
USER_SPACE = "LGPL-2.1-or-later"
BPF = "GPL-2.0-only OR BSD-2-Clause"
BPF_FILES = re.compile(r"ebpf/.*|.*\.bpf\.[ch]|tests/bench/detection_floor\.h")
# The kernel's name for BPF, which it takes as compatible with the GPL (include/linux/license.h).
BPF_SECTION = 'SEC("license") = "Dual BSD/GPL";'

# REUSE-IgnoreStart: no tag of this file
LINE = re.compile(r"(?:#|;|--|/\*|<!--) SPDX-License-Identifier: (.+?)(?: \*/| -->)?$")
# REUSE-IgnoreEnd
# A shebang, zsh's completion, XML, the preamble of a manual page.
MUST_BE_FIRST = re.compile(r'#!|#compdef |<\?xml |\S+\(\d\) "')


def all_files():
    """Returns the paths of the source files; the tree may be no repository, and hold build output."""
    listed = subprocess.run([TREE / "packaging/source-files.sh"], cwd=TREE, stdout=subprocess.PIPE,
                            text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and not (TREE / name).is_symlink()]


def files():
    """Returns the files that people wrote: a source archive also has what was generated for it."""
    return [name for name in all_files() if not str(name).startswith("ebpf/skeletons/")]


def exempt():
    """An expression for the paths that REUSE.toml gives a license; its ** also matches nothing."""
    reuse = tomllib.loads((TREE / "REUSE.toml").read_text())
    patterns = ["LICENSES/**"]
    for annotation in reuse["annotations"]:
        if "SPDX-License-Identifier" in annotation:
            patterns += annotation["path"]
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return re.compile("|".join(
        "".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*\*|\*)", pattern))
        for pattern in patterns))


def license_of(text):
    """Returns the license in the SPDX line; None if the line is not where it belongs."""
    first, *rest = text.split("\n", 2)
    line = rest[0] if rest and MUST_BE_FIRST.match(first) else first
    found = LINE.fullmatch(line)
    return found and found[1]


def offences(name):
    text = (TREE / name).read_text()
    wanted = BPF if BPF_FILES.fullmatch(name) else USER_SPACE
    said = license_of(text)
    if said != wanted:
        yield f"{name}: {said or 'no SPDX line'}, wanted {wanted}"
    if name.endswith(".bpf.c") and BPF_SECTION not in text:
        yield f"{name}: wanted {BPF_SECTION}"


def main():
    without = exempt()
    names = files()
    if sys.argv[1:] == ["--exempt"]:
        print("\n".join(filter(without.fullmatch, names)))
        return 0
    checked = [name for name in names if not without.fullmatch(name)]
    found = [offence for name in checked for offence in offences(name)]
    print("\n".join([*found, f"{len(checked)} files with a license of their own, {len(found)} wrong, "
                     f"{len(names) - len(checked)} exempt"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
