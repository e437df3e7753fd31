#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows that root trees are made anew when their recipe changes, and that nothing stays mounted in
one. Needs root.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import root_tree

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "vm"))
import debian  # noqa: E402

# Leaves /proc mounted, and a process in it that keeps it busy.
MMDEBSTRAP = """#!/bin/sh
for tree; do :; done
mkdir -p "$tree/proc"
mount -t proc proc "$tree/proc"
cd "$tree/proc"
sleep 600 &
"""


def mount_proc(directory):
    directory.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "proc", "proc", directory], check=True)


def who_is_in(directory):
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            if (process / "cwd").resolve().is_relative_to(directory):
                yield process


def nothing_stays_mounted(cache):
    tree = root_tree.ensure(cache)
    assert (tree / "proc").is_dir()
    assert not root_tree.mounts_below(tree)
    assert not [*who_is_in(tree)]


def another_recipe_is_another_tree(cache):
    first = root_tree.ensure(cache)
    assert root_tree.ensure(cache) == first
    with mock.patch.object(root_tree, "PACKAGES", ["one-more"]):
        assert root_tree.ensure(cache) != first
    assert not first.exists()


def what_is_mounted_is_not_deleted(cache):
    first = root_tree.ensure(cache)
    mount_proc(first / "proc")
    with tempfile.TemporaryDirectory() as elsewhere:
        kept = Path(elsewhere, "kept")
        kept.touch()
        (first / "with a blank").mkdir()
        subprocess.run(["mount", "--bind", elsewhere, first / "with a blank"], check=True)
        with mock.patch.object(root_tree, "PACKAGES", ["one-more"]):
            root_tree.ensure(cache)
        assert not first.exists()
        assert kept.exists()


def another_list_of_packages_is_another_machine(cache):
    made = []

    def extract(packages, _, tree):
        made.append(packages)
        for name in "passwd", "group":
            for directory, suffix in ("etc", ""), ("usr/share/base-passwd", ".master"):
                (tree / directory).mkdir(parents=True, exist_ok=True)
                (tree / directory / (name + suffix)).touch()

    with mock.patch.object(debian, "extract", extract):
        (cache / "root-amd64").mkdir()  # as it was called once
        (cache / "root-amd64.unfinished").mkdir()
        (cache / "root-arm64-other").mkdir()
        first = debian.root_tree(cache, "amd64")
        assert debian.root_tree(cache, "amd64") == first and len(made) == 1
        with mock.patch.object(debian, "PACKAGES", ["one-more"]):
            second = debian.root_tree(cache, "amd64")
        assert made[1:] == [["one-more"]]
        assert sorted(cache.iterdir()) == [second, cache / "root-arm64-other"]


CASES = [
    nothing_stays_mounted,
    another_recipe_is_another_tree,
    what_is_mounted_is_not_deleted,
    another_list_of_packages_is_another_machine,
]


def play(case):
    with tempfile.TemporaryDirectory() as directory:
        cache, programs = Path(directory, "cache"), Path(directory, "bin")
        cache.mkdir()
        programs.mkdir()
        (programs / "mmdebstrap").write_text(MMDEBSTRAP)
        (programs / "mmdebstrap").chmod(0o755)
        path = f"{programs}:{os.environ['PATH']}"
        try:
            with mock.patch.dict(os.environ, PATH=path):
                with contextlib.redirect_stdout(None):
                    case(cache)
        except AssertionError:
            print(f"FAILED {case.__name__.replace('_', ' ')}")
            return False
        finally:
            for point in root_tree.mounts_below(cache):
                subprocess.run(["umount", "--lazy", point], check=True)
    return True


def main():
    if os.geteuid() != 0:
        print("SKIPPED, the root trees: mounting needs root")
        return 0
    if sys.argv[1:] != ["alone"]:
        os.execvp("unshare", ["unshare", "--mount", sys.executable, __file__, "alone"])
    failed = [play(case) for case in CASES].count(False)
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
