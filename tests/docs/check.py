#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares the documents with the programs and the code, and lets other programs read them.

    check.py [--build DIR]

What can be compared from C is compared in tests/unit/documents_test.c. Ends with "N passed, N
failed"; the exit status is 1 if anything failed.
"""

import argparse
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from itertools import zip_longest
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


def pages_have_examples(_):
    return [f"{page.name}: no examples" for page in sorted((TREE / "docs").glob("*.scd"))
            if not re.search(r"^# EXAMPLES\n(?:.+\n|\n)*?```\n", page.read_text(), re.MULTILINE)]


def overview_has_each_cause(_):
    """connwatch(7) has each cause below one of its answers, and no others."""
    vocabulary = (TREE / "watchdog/base/vocabulary.c").read_text()
    there = re.findall(r'\[CAUSE_\w+\] = "([a-z-]+)"', vocabulary)
    page = (TREE / "docs/connwatch.7.scd").read_text()
    told = [cause for line in re.findall(r"^\*[a-z-]+\*(?:, \*[a-z-]+\*)*$", page, re.MULTILINE)
            for cause in re.findall(r"\*([a-z-]+)\*", line)]
    return only_in(there, told, "not in the page") + only_in(told, there, "no such cause")


def named_documents_are_installed(_):
    """What pages name below /usr/share/doc is installed there."""
    there = (TREE / "tests/install/files.expected").read_text()
    return [f"{page.name}: {name} is not installed" for page in sorted((TREE / "docs").glob("*.scd"))
            for name in re.findall(r"/(usr/share/doc/[A-Za-z0-9./-]*[A-Za-z0-9])", page.read_text())
            if f" {name}" not in there]


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


def commands_of(program):
    return re.findall(r"^  ([a-z]+) ", output_of(program, "--help"), re.MULTILINE)


def pages_commands_agree(program, page):
    """The options of all commands together, and the commands themselves."""
    commands, told = commands_of(program), options_of_page(page)
    there = {"--help", "--version"}.union(
        *(options_of_help(program, command) for command in commands))
    sections = re.findall(r"^## ([a-z]+)$", page, re.MULTILINE)
    return (only_in(there, told, "not in the page") + only_in(told, there, "not in --help") +
            only_in(commands, sections, "command not in the page") +
            only_in(sections, commands, "no such command"))


def command_options_agree(build):
    program = build / "connwatchctl"
    page = (TREE / "docs" / "connwatchctl.1.scd").read_text()
    synopsis = re.search(r"^# SYNOPSIS\n(.*?)^# ", page, re.DOTALL | re.MULTILINE)[1]
    return (pages_commands_agree(program, page) +
            only_in(commands_of(program),
                    re.findall(r"\*(?:connwatchctl )?([a-z]+)\*", synopsis),
                    "command not in the page's synopsis"))


def fleet_options_agree(build):
    return pages_commands_agree(build / "connwatch-fleet",
                                (TREE / "docs" / "connwatch-fleet.1.scd").read_text())


# Sources that a rule needs besides the probe: causes -> the name that the wiring must have for that.
NEEDS = {
    "ROW(route_monitor,": ("link-down", "address-changed", "no-route"),
    "ROW(wifi_monitor,": ("wifi-disconnected",),
    "ROW(device_monitor,": ("modem-disconnected",),
    "ROW(host_sleep,": ("host-suspend",),
    "ROW(host_clock,": ("clock-wrong",),
}


def deciding_sources():
    """The files that give verdicts."""
    for folder in ("verdict", "engine"):
        yield from (TREE / "watchdog" / folder).rglob("*.c")


def given_causes():
    """The causes that a rule gives and whose events somebody tells."""
    given = set()
    for source in deciding_sources():
        given |= set(re.findall(r"\bCAUSE_([A-Z_]+)\b", source.read_text()))
    given = {name.lower().replace("_", "-") for name in given - {"MAX"}}
    wiring = "".join(source.read_text() for source in (TREE / "watchdog" / "watch").glob("*.c"))
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
    source = (TREE / "watchdog" / "verdict" / "verdict.c").read_text()
    table = re.search(r"\brules\[\]\)\(struct deliberation \*\) = \{(.*?)\};", source, re.DOTALL)
    page = (TREE / "docs" / "ARCHITECTURE.md").read_text()
    chapter = re.search(r"<!-- rules.*?<!-- /rules -->", page, re.DOTALL)
    there = re.findall(r"\brule_\w+", table[1])
    told = re.findall(r"^\d+\. `(rule_\w+)`", chapter[0], re.MULTILINE)
    return [] if there == told else [f"verdict.c: {there}", f"docs/ARCHITECTURE.md: {told}"]


def differential_table_is_the_codes(build):
    """CAUSES.md has the table by which confidence is computed, as the code has it."""
    page = (TREE / "docs" / "CAUSES.md").read_text()
    told = re.search(r"<!-- differential.*?-->\n(.*?)<!-- /differential -->", page, re.DOTALL)
    there = output_of(build / "tests/docs/differential")
    return [] if told and told[1].strip() == there.strip() else [
        f"docs/CAUSES.md: put the output of {build.name}/tests/docs/differential between the marks"]


def sections_of_causes():
    """Each cause's section of CAUSES.md, by its name."""
    parts = re.split(r"^### `([a-z-]+)`$", (TREE / "docs" / "CAUSES.md").read_text(),
                     flags=re.MULTILINE)[1:]
    return {cause: text.partition("\n## ")[0] for cause, text in zip(parts[::2], parts[1::2])}


def best_confidences(build):
    """The best confidence that the table allows each cause that it has."""
    rows = re.findall(r"^\| `([a-z-]+)` \| `[a-z-]+` \| (.*?) \| (.*?) \|$",
                      output_of(build / "tests/docs/differential"), re.MULTILINE)
    best = {}
    for cause, kernel, circumstance in rows:
        of_row = "proved" if kernel != "-" else "likely" if circumstance != "-" else "suspected"
        best[cause] = min(best.get(cause, "proved"), of_row, key="suspected likely proved".find)
    return best


def confidences_are_the_tables(build):
    """A cause's section claims no more than the table allows, and says nothing else of it."""
    best, wrong = best_confidences(build), []
    for cause, text in sections_of_causes().items():
        if cause in best and f"- At most: `{best[cause]}`." not in text:
            wrong.append(f"docs/CAUSES.md: {cause}: At most: `{best[cause]}`.")
        if re.search(r"^- (proved|likely|suspected)\b", text, re.MULTILINE):
            wrong.append(f"docs/CAUSES.md: {cause}: its confidence is for the table to say")
    return wrong


# Names of evidence with a part that the code fills in, and the parts.
PARTS = {"%s_lost_before_msec": ("link", "wifi", "modem", "address", "route"),
         "%s_back_before_msec": ("link", "wifi", "modem", "address", "route")}


def evidence_has_words(_):
    """`connwatchctl explain` has a phrase for each name of evidence, and no others."""
    given = set()
    for source in deciding_sources():
        given |= set(re.findall(r'\b(?:tokens_add|add_task|add_error)\((?!ruled_out|[^;"]*ruled_out)[^;"]*'
                                r'"([a-z_%]+)["=]', source.read_text()))
    given.discard("%s")
    for pattern, parts in PARTS.items():
        if pattern in given:
            given.remove(pattern)
            given |= {pattern % part for part in parts}
    told = re.findall(r'^\t\{ "([a-z_]+)["=]', (TREE / "watchdog/record/account.c").read_text(),
                      re.MULTILINE)
    return (only_in(given, told, "no words for it in account.c") +
            only_in(told, given, "nobody gives this evidence"))


def matrix_is_as_played(_):
    """CAUSES.md has which cells of the matrix rung x fault x stack are played."""
    told = chapter("CAUSES.md", "cells").split("\n", 1)[1].removesuffix("<!-- /cells -->")
    return [] if told.strip() == output_of(sys.executable, TREE / "tests/live/cells.py").strip() else [
        "docs/CAUSES.md: put the output of tests/live/cells.py between the marks"]


def chapter(page, name):
    """Returns the text between <!-- NAME and <!-- /NAME --> on a page."""
    text = (TREE / "docs" / page).read_text()
    return re.search(rf"<!-- {name}\b.*?<!-- /{name} -->", text, re.DOTALL)[0]


def first_cells(page, name):
    """The names in the first cells of a table, with the rest of their rows."""
    for cell, rest in re.findall(r"^\| (`[^|]*) \|(.*)$", chapter(page, name), re.MULTILINE):
        for word in re.findall(r"`([\w-]+)`", cell):
            yield word, rest


def programs_are_listed(_):
    """INTERNALS.md has each BPF program with its hook."""
    there = set()
    for source in (TREE / "ebpf").glob("*.bpf.[ch]"):
        there |= {f"{name} ({hook})" for hook, name in re.findall(
            r'^SEC\("\??([\w/]+)"\)\n(?:\w+ )*(?:BPF_\w+\()?(\w+)', source.read_text(),
            re.MULTILINE)}
    told = {f"{name} ({hook})" for name, rest in first_cells("INTERNALS.md", "programs")
            for hook in re.findall(r"`([\w/]+)`", rest.split("|")[0])}
    names = [{row.split()[0] for row in rows} for rows in (told, there)]
    # where a row has several hooks, each program has one of them
    return (only_in(there, told, "not in docs/INTERNALS.md") +
            only_in(names[0], names[1], "there is no such program"))


def events_are_listed(_):
    """INTERNALS.md has a row for each type of event."""
    there = re.findall(r'\[EVENT_\w+\] = "([\w-]+)"',
                       (TREE / "watchdog/events/event.c").read_text())
    told = [name for name, _ in first_cells("INTERNALS.md", "events")]
    return only_in(there, told, "not in docs/INTERNALS.md") + only_in(told, there, "no such event")


def sources_are_listed(_):
    """INTERNALS.md has each source in the row of its turn."""
    table = (TREE / "watchdog/watch/source_table.c").read_text()
    there = {f"{name}: {turn}" for name, turn in re.findall(r"\bROW\((\w+), (\w+),", table)}
    told = {f"{name}: {turn}" for turn, rest in first_cells("INTERNALS.md", "sources")
            for name in re.findall(r"`(\w+)`", rest.split("|")[0])}
    return only_in(there, told, "not in docs/INTERNALS.md") + only_in(told, there, "no such row")


def constants_are_there(_):
    """Each constant that INTERNALS.md explains is in the file that it names."""
    wrong = []
    for cell in re.findall(r"^\| (`[A-Z][^|]*) \|", chapter("INTERNALS.md", "constants"),
                           re.MULTILINE):
        file = re.search(r"\(`(.*?)`\)", cell)[1]
        text = "".join(path.read_text() for path in (TREE / "watchdog").rglob(Path(file).name)
                       if str(path).endswith("/" + file))
        wrong += [f"{name}: not in {file}" for name in re.findall(r"`([A-Z_]+)`", cell)
                  if not re.search(rf"\b{name}\b", text)]
    return wrong


def metrics_are_listed(_):
    """METRICS.md has each metric in both of its tables."""
    writer = (TREE / "watchdog/effects/metrics_writer.c").read_text()
    there = set(re.findall(r'"(connwatch_\w+)', writer))
    there -= {name for name in there if f"{name}_total" in there or f"{name}_info" in there}
    page = (TREE / "docs" / "METRICS.md").read_text()
    tables = [re.findall(r"^\| `(connwatch_\w+)` \|", part, re.MULTILINE)
              for part in page.split("## The same in OpenTelemetry's words")]
    return [line for told in tables for line in
            only_in(there, told, "not in docs/METRICS.md") + only_in(told, there, "no such metric")]


def fields_are_listed(_):
    """connwatch.journal-fields(7) has each field that a record can have, and no others."""
    page = (TREE / "docs" / "connwatch.journal-fields.7.scd").read_text()
    there = set()
    for name in ("watchdog/record/record.c", "watchdog/events/socket_facts.h"):
        there |= set(re.findall(r"\bCONNWATCH_[A-Z_]+\b", (TREE / name).read_text()))
    told = set(re.findall(r"\*(CONNWATCH_[A-Z_]+)\*", page))
    return only_in(there, told, "not in the page") + only_in(told, there, "no such field")


def reasons_are_listed(_):
    """connwatch.journal-fields(7) and the sentences have each CONNWATCH_ACTION_HELD_BY."""
    page = (TREE / "docs" / "connwatch.journal-fields.7.scd").read_text()
    paragraph = re.search(r"^\*CONNWATCH_ACTION_HELD_BY\*\n(.*?)\n\n", page,
                          re.DOTALL | re.MULTILINE)[1]
    told = re.findall(r"\*([a-z-]+)\*", paragraph)
    spoken = re.findall(r'^\t\t\{ "([a-z-]+)", "', (TREE / "watchdog/record/message.c").read_text(),
                        re.MULTILINE) + ["dry-run"]  # which has a sentence of its own
    given = re.findall(r'(?:return|\?) "([a-z-]+)"',
                       (TREE / "watchdog/engine/policy/obstacles.c").read_text())
    return (only_in(given, told, "not in the page") + only_in(told, given, "nobody gives it") +
            only_in(given, spoken, "no phrase for it in message.c"))


def kernel_options_are_listed(build):
    """PACKAGING.md has the table that `connwatchctl check --kernel-config` prints."""
    told = [f"{option}: {use.replace('`', '')}" for option, use in re.findall(
        r"^\| `(CONFIG_\w+)` \| (.*?) \|", chapter("PACKAGING.md", "options"), re.MULTILINE)]
    with tempfile.NamedTemporaryFile("w") as config:
        print("CONFIG_OTHER=y", file=config, flush=True)
        said = subprocess.run([build / "connwatchctl", "check", f"--kernel-config={config.name}"],
                              capture_output=True, text=True).stdout
    there = [f"{option}: {use}" for option, use in
             re.findall(r"^  (CONFIG_\w+) +- +(.*)$", said, re.MULTILINE)]
    return (only_in(there, told, "not in docs/PACKAGING.md") +
            only_in(told, there, "connwatchctl does not print it"))


def settings_are_used(_):
    """Something outside of settings/ reads what each key sets."""
    table = (TREE / "watchdog/settings/settings.c").read_text()
    code = "".join(path.read_text() for path in (TREE / "watchdog").rglob("*.[ch]")
                   if path.parent.name != "settings")
    return [f"{key}=: nothing reads it" for key, member in
            re.findall(r'\{ "\w+", "(\w+)", &\w+, AT\((\w+)\)', table)
            if not re.search(rf"(?:->|\.){member}\b", code)]


# Causes that the lab cannot make happen on this host's kernel: unit tests have them.
NO_TRACE = {"evidence-lost", "host-suspend", "memory-pressure"}


def causes_have_a_trace(_):
    """Each cause that a rule gives is the verdict of a recorded trace."""
    traced = {line.split()[2] for expected in (TREE / "tests/traces").glob("*.expected")
              for line in expected.read_text().splitlines()}
    return only_in(given_causes() - NO_TRACE, traced, "no trace ends with it") + \
        only_in(NO_TRACE, NO_TRACE - traced, "has a trace by now")


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


# Fields whose values are words of connwatch's or systemd's vocabulary, which is English.
WORDS = "CONFIDENCE CAUSE ACTION ACTION_RESULT MODE".split()
WORDS = {f"CONNWATCH_{word}" for word in WORDS} | {"EXIT_CODE", "EXIT_STATUS"}


def translations_keep_values_apart(_):
    """A translated sentence quotes the word of a field, or names the field: NAME=@NAME@."""
    wrong = []
    for catalog in sorted((TREE / "units").glob("connwatch.*.catalog")):
        for number, line in enumerate(catalog.read_text().splitlines(), 1):
            for before, name, after in re.findall(r"(\S*)@([A-Z_]+)@(.?)", line):
                quoted = before.endswith("«") and after == "»"
                if name in WORDS and not quoted and not before.endswith(f"{name}="):
                    wrong.append(f"{catalog.name}:{number}: @{name}@ stands as a word")
    return wrong


FOLDERS = "completions debian docs ebpf packaging tests units watchdog".split()
TEXTS = ("*.md", "Makefile", "docs/*", "units/**/*", "watchdog/**/*.[ch]", "ebpf/*.[ch]",
         "tests/**/*.[ch]", "tests/**/*.py", "tests/**/*.sh", "tests/**/*.mk", "tests/system/*/*",
         "tests/vm/inside/*", "packaging/*", "debian/*", "completions/*")
LISTS = ("tests/layers.py", "tests/spdx.py", "tests/docs/check.py")  # of patterns, not of files
# A path from the root, a source file with its folder, and the name of a source file alone.
PART = r"(?:[\w.*-]|\[ch\])+"
MENTIONED = re.compile(
    r"(?<![\w./~$}-])((?:%s)(?:/%s)+|[a-z]\w*(?:/\w+)*\.(?:bpf\.)?(?:c|h|py|scd))(?![\w/$*{<])"
    % ("|".join(FOLDERS + [path.name for path in TREE.glob("watchdog/*")]), PART))
# Names with a place-holder, files that are built or made elsewhere, and headers of others.
NO_FILE = re.compile(r"NAME|\.[od]$|\.skel\.h$|^(debian/.*(/|substvars$)|tests/pack$|ebpf/skeletons"
                     r"|(arch|asm|include|kernel|linux|net|sys|arpa|netinet)/)")


def is_there(mentioned, names):
    """True if a file, a folder or a pattern of both is in the tree; a manual page by its source."""
    if "/" not in mentioned:
        return mentioned in names
    return any(next(TREE.glob(above + mentioned + suffix), None)
               for above in ("", "watchdog/", "watchdog/*/") for suffix in ("", ".c", ".scd"))


def mentioned_files_exist(_):
    """Documents and comments name no file that is not there."""
    wrong = []
    names = {path.name for path in TREE.rglob("*")
             if path.relative_to(TREE).parts[0] not in ("build", ".git")}
    for text in sorted({path for pattern in TEXTS for path in TREE.glob(pattern)
                        if path.is_file() and str(path.relative_to(TREE)) not in LISTS}):
        for number, line in enumerate(text.read_text(errors="replace").splitlines(), 1):
            if re.match(r"\s*#\s*include", line):
                continue
            for mentioned in MENTIONED.findall(line):
                mentioned = mentioned.rstrip(".")
                if not NO_FILE.search(mentioned) and not is_there(mentioned, names):
                    wrong.append(f"{text.relative_to(TREE)}:{number}: there is no {mentioned}")
    return wrong


def floors_are_as_drawn(_):
    """ARCHITECTURE.md draws the floors of tests/layers.py, and its table has each folder."""
    page = (TREE / "docs" / "ARCHITECTURE.md").read_text()
    picture = re.search(r"^floor\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[1]
    drawn = [set(re.findall(r"([a-z]+)/(?=\s|$)", re.sub(r"\(.*?\)", "", line)))
             for line in reversed(picture.splitlines())]
    spec = importlib.util.spec_from_file_location("layers", TREE / "tests" / "layers.py")
    layers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(layers)
    wrong = [f"floor {number}: drawn {sorted(a)}, in layers.py {sorted(b)}"
             for number, (a, b) in enumerate(zip_longest(drawn, layers.FLOORS, fillvalue=set()), 1)
             if a != b]
    rows = {folder for row in re.findall(r"^\| (`[a-z]+/`[^|]*) \|", page, re.MULTILINE)
            for folder in re.findall(r"`([a-z]+)/`", row)}
    pure = set(re.findall(r"^\| `([a-z]+)/` \|.*\| pure\b.*\|$", page, re.MULTILINE))
    return (wrong + only_in(layers.FLOOR, rows, "no row in the table") +
            only_in(rows, layers.FLOOR, "in the table, but no such floor") +
            only_in(pure ^ layers.PURE, set(), "pure in only one of the two"))


CHECKS = (manual_pages_are_sound, pages_have_examples, overview_has_each_cause,
          named_documents_are_installed, daemon_options_agree, command_options_agree, fleet_options_agree,
          causes_tell_what_is_given, rules_stand_in_their_order, differential_table_is_the_codes,
          matrix_is_as_played,
          confidences_are_the_tables, evidence_has_words, capabilities_are_accounted_for, catalogs_can_be_read,
          translations_keep_values_apart, mentioned_files_exist, floors_are_as_drawn,
          programs_are_listed, events_are_listed, sources_are_listed, constants_are_there,
          metrics_are_listed, fields_are_listed, reasons_are_listed, kernel_options_are_listed,
          settings_are_used, causes_have_a_trace)


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
