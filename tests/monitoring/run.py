#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What connwatchd writes for monitoring, in the programs that read it: Debian's node_exporter, and
promtool for the metrics and the alert rules.

    run.py WRITE_METRICS
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
RULES = TREE / "packaging/monitoring/connwatch-alerts.yml"
PATIENCE = 20  # seconds until node_exporter answers
FAILURES = []


def check(what, right, detail=""):
    print(f"  {what:52} {'ok' if right else 'FAIL'}")
    if not right:
        FAILURES.append(what)
        print(detail)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def scrape(directory):
    """What node_exporter makes of the files in `directory`."""
    port = free_port()
    exporter = subprocess.Popen(
        ["prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
         f"--collector.textfile.directory={directory}", f"--web.listen-address=127.0.0.1:{port}"],
        stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
                    return page.read().decode()
            except urllib.error.URLError:
                if time.monotonic() > deadline or exporter.poll() is not None:
                    raise
                time.sleep(0.05)
    finally:
        exporter.kill()
        exporter.wait()


def by_labels(line):
    """A sample, whatever the order of its labels."""
    name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
    pairs = re.findall(r'\w+="(?:[^"\\]|\\.)*"', labels or "")
    return name, frozenset(pairs), float(value)


def samples(text):
    return {by_labels(line) for line in text.splitlines() if line.startswith("connwatch_")}


def types(text):
    return set(re.findall(r"^# TYPE (connwatch_\S+ \w+)$", text, re.MULTILINE))


def node_exporter_takes_all(text):
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "connwatch.prom").write_text(text)
        page = scrape(directory)
    check("node_exporter reads the file", "\nnode_textfile_scrape_error 0\n" in page, page[:400])
    missing = samples(text) - samples(page)
    check("with each sample", not missing, "\n".join(map(str, sorted(missing, key=str)[:5])))
    check("and each type", types(text) == types(page), str(types(text) ^ types(page)))


def promtool(*words, stdin=None, cwd=None):
    return subprocess.run(["promtool", *words], input=stdin, capture_output=True, text=True,
                          cwd=cwd)


def rules_fire():
    with tempfile.TemporaryDirectory() as directory:
        for path in (RULES, Path(__file__).with_name("alerts_test.yml")):
            shutil.copy(path, directory)
        done = promtool("test", "rules", "alerts_test.yml", cwd=directory)
    check("each alert fires when it should", done.returncode == 0, done.stdout + done.stderr)


def main():
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "connwatch.prom")
        subprocess.run([sys.argv[1], str(path)], check=True)
        text = path.read_text()
    node_exporter_takes_all(text)
    done = promtool("check", "metrics", stdin=text)
    check("promtool finds nothing to say of the metrics", done.returncode == 0 and not done.stdout,
          done.stdout + done.stderr)
    rules_fire()
    print(f"{5 - len(FAILURES)} passed, {len(FAILURES)} failed, 0 skipped")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
