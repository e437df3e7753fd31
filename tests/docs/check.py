#!/usr/bin/python3
"""Compares the documents with the programs and the code, and lets other programs read them.

    check.py [--build DIR]

What can be compared from C is compared in tests/unit/documents_test.c. Ends with "N passed, N
failed"; the exit status is 1 if anything failed.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])(?![\w-])")


def output_of(*words, **options):
    return subprocess.run(words, capture_output=True, text=True, check=True, **options).stdout


def only_in(a, b, what):
    return [f"{word}: {what}" for word in sorted(set(a) - set(b))]


# ---- checks: each returns a list of sentences about what is wrong


def manual_pages_are_sound(build):
    """Every page passes mandoc's lint, and refers to pages of ours that there are."""
    wrong = []
    pages = sorted((build / "docs").glob("connwatch*.[1-8]"))
    names = {page.name for page in pages}
    for page in pages:
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page],
                              capture_output=True, text=True)
        wrong += (lint.stdout + lint.stderr).splitlines()
        source = (TREE / "docs" / f"{page.name}.scd").read_text()
        for name, section in re.findall(r"\*(connwatch[\w.-]*)\*\((\d)\)", source):
            if f"{name}.{section}" not in names:
                wrong.append(f"{page.name}: there is no page {name}({section})")
    return wrong if pages else ["there are no pages"]


def options_of_help(program, *command):
    text = output_of(program, *command, "--help")
    return set(OPTION.findall(text.replace("[OPTIONS...] -- ", "")))


def options_of_page(page):
    """The options that stand in bold."""
    return {option for bold in re.findall(r"\*([^*\n]+)\*", page)
            for option in OPTION.findall(bold)}


def daemon_options_agree(build):
    page = (TREE / "docs" / "connwatchd.8.scd").read_text()
    there, told = options_of_help(build / "connwatchd"), options_of_page(page)
    return only_in(there, told, "not in the page") + only_in(told, there, "not in --help")


def command_options_agree(build):
    """The options of all commands together, and the commands themselves."""
    program = build / "connwatchctl"
    page = (TREE / "docs" / "connwatchctl.1.scd").read_text()
    commands = re.findall(r"^  ([a-z]+) ", output_of(program, "--help"), re.MULTILINE)
    there = {"--help", "--version"}.union(
        *(options_of_help(program, command) for command in commands))
    told = options_of_page(page)
    sections = re.findall(r"^## ([a-z]+)$", page, re.MULTILINE)
    return (only_in(there, told, "not in the page") + only_in(told, there, "not in --help") +
            only_in(commands, sections, "command not in the page") +
            only_in(sections, commands, "no such command"))


# What a rule needs besides the probe: causes -> what the wiring must name for that.
NEEDS = {
    "route_monitor_drain": ("link-down", "address-changed", "no-route"),
    "EVENT_SUSPENDED": ("host-suspend",),
}


def given_causes():
    """The causes that a rule gives and whose events somebody tells."""
    given = set()
    for pattern in ("verdict*.c", "engine*.c"):
        for source in (TREE / "watchdog" / "core").glob(pattern):
            given |= set(re.findall(r"\bCAUSE_([A-Z_]+)\b", source.read_text()))
    given = {name.lower().replace("_", "-") for name in given}
    wiring = "".join(source.read_text() for source in (TREE / "watchdog").glob("*.c"))
    for need, causes in NEEDS.items():
        if need not in wiring:
            given -= set(causes)
    return given


def causes_tell_what_is_given(_):
    """CAUSES.md says of a cause that it is not given yet, exactly if that is so."""
    given = given_causes()
    sections = re.split(r"^### `([a-z-]+)`$", (TREE / "docs" / "CAUSES.md").read_text(),
                        flags=re.MULTILINE)[1:]
    wrong = []
    for cause, text in zip(sections[::2], sections[1::2]):
        marked = "**Not given yet.**" in text
        if marked and cause in given:
            wrong.append(f"docs/CAUSES.md: {cause} is given by now")
        if not marked and cause not in given:
            wrong.append(f"docs/CAUSES.md: {cause} is not given yet, but is not marked so")
    return wrong


def rules_stand_in_their_order(_):
    source = (TREE / "watchdog" / "core" / "verdict.c").read_text()
    table = re.search(r"\brules\[\]\)\(struct deliberation \*\) = \{(.*?)\};", source, re.DOTALL)
    page = (TREE / "docs" / "ARCHITECTURE.md").read_text()
    chapter = re.search(r"<!-- rules.*?<!-- /rules -->", page, re.DOTALL)
    there = re.findall(r"\brule_\w+", table[1])
    told = re.findall(r"^\d+\. `(rule_\w+)`", chapter[0], re.MULTILINE)
    return [] if there == told else [f"verdict.c: {there}", f"docs/ARCHITECTURE.md: {told}"]


# What the names of evidence that are put together from two parts come to.
PARTS = {"%s_lost_before_msec": ("link", "address", "route"),
         "%s_back_before_msec": ("link", "address", "route")}


def evidence_has_words(_):
    """`connwatchctl explain` has a phrase for each name of evidence, and no others."""
    core = TREE / "watchdog" / "core"
    given = set()
    for source in [*core.glob("verdict*.c"), *core.glob("engine*.c")]:
        given |= set(re.findall(r'\b(?:tokens_add|add_task)\((?!ruled_out|[^;"]*ruled_out)[^;"]*'
                                r'"([a-z_%]+)["=]', source.read_text()))
    given.discard("%s")
    for pattern, parts in PARTS.items():
        if pattern in given:
            given.remove(pattern)
            given |= {pattern % part for part in parts}
    told = re.findall(r'^\t\{ "([a-z_]+)",', (core / "account.c").read_text(), re.MULTILINE)
    return (only_in(given, told, "no words for it in account.c") +
            only_in(told, given, "nobody gives this evidence"))


def capabilities_are_accounted_for(_):
    """SECURITY.md has a row for each capability of the units, as the system test that drops them."""
    page = (TREE / "docs" / "SECURITY.md").read_text()
    chapter = re.search(r"<!-- capabilities.*?<!-- /capabilities -->", page, re.DOTALL)
    told = re.findall(r"^\| `([\w-]+)` \| `(CAP_\w+)` \|", chapter[0], re.MULTILINE)
    dropped = [tuple(line.split()[:2]) for line in
               (TREE / "tests/system/inside/capabilities").read_text().splitlines()]
    given = [(unit.stem, name) for unit in (TREE / "units").glob("*.service")
             for line in re.findall("^CapabilityBoundingSet=(.*)", unit.read_text(), re.MULTILINE)
             for name in line.split()]
    words = [{" ".join(row) for row in rows} for rows in (told, dropped, given)]
    return (only_in(words[2], words[0], "not in docs/SECURITY.md") +
            only_in(words[2], words[1], "not in tests/system/inside/capabilities") +
            only_in(words[0] | words[1], words[2], "no unit has it"))


def catalogs_can_be_read(_):
    """journald's own reader takes every entry of each catalog. The system's stays untouched."""
    wrong = []
    for catalog in sorted((TREE / "units").glob("*.catalog")):
        count = len(re.findall(r"^-- [0-9a-f]{32}$", catalog.read_text(), re.MULTILINE))
        with tempfile.TemporaryDirectory() as root:
            folder = Path(root, "usr/lib/systemd/catalog")
            folder.mkdir(parents=True)
            Path(root, "var/lib/systemd/catalog").mkdir(parents=True)
            shutil.copy(catalog, folder / "connwatch.catalog")  # without a language: listed always
            said = subprocess.run(["journalctl", f"--root={root}", "--update-catalog"],
                                  capture_output=True, text=True)
            wrong += said.stderr.splitlines()
            listed = output_of("journalctl", f"--root={root}", "--list-catalog").splitlines()
        if said.returncode or len(listed) != count:
            wrong.append(f"{catalog.name}: {len(listed)} entries read of {count}")
    return wrong


CHECKS = (manual_pages_are_sound, daemon_options_agree, command_options_agree,
          causes_tell_what_is_given, rules_stand_in_their_order, evidence_has_words,
          capabilities_are_accounted_for, catalogs_can_be_read)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", type=Path, default=TREE / "build")
    build = parser.parse_args().build.resolve()
    failed = 0
    for check in CHECKS:
        wrong = check(build)
        failed += bool(wrong)
        print(f"  {check.__name__.replace('_', ' '):36} {'FAIL' if wrong else 'ok'}")
        for line in wrong:
            print(f"      {line}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
