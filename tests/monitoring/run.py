#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What connwatchd writes for monitoring, in the programs that read it: Debian's node_exporter, and
promtool for the metrics, the alert rules and the queries of the dashboard. That nothing in
packaging/monitoring/ names a metric, a label or a field that there is not.

    run.py WRITE_METRICS
"""

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
KIT = TREE / "packaging/monitoring"
RULES = KIT / "connwatch-alerts.yml"
DASHBOARD = KIT / "connwatch-dashboard.json"
COLLECTORS = ("connwatch-vector.toml", "connwatch-fluent-bit.conf", "connwatch-otelcol.yaml",
              "connwatch.alloy")
PATIENCE = 20  # seconds until node_exporter answers
PASSED, FAILURES = [], []


def check(what, right, detail=""):
    (PASSED if right else FAILURES).append(what)
    print(f"  {what:52} {'ok' if right else 'FAIL'}")
    if not right:
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


def labels_of(text):
    """Metric -> the labels that it has, with those that scraping adds."""
    found = {"up": {"job", "instance"}}
    for name, pairs, _ in samples(text):
        found.setdefault(name, {"instance", "job"}).update(pair.partition("=")[0] for pair in pairs)
    return found


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
    alerts = re.findall(r"^      - alert: (\w+)$", RULES.read_text(), re.MULTILINE)
    tested = re.findall(r"^      - alertname: (\w+)$",
                        Path(__file__).with_name("alerts_test.yml").read_text(), re.MULTILINE)
    check("and each is tested", alerts and set(alerts) == set(tested),
          str(set(alerts) ^ set(tested)))


# ---- names

# Words of a query that are no labels: its keywords and functions, and the dashboard's variables.
GROUPED = re.compile(r"\b(?:by|on) ?\(([^)]*)\)")
SELECTED = re.compile(r"\b(connwatch_\w+|up)\b(\{[^}]*\})?")


def wrong_names(query, known):
    """The metrics and labels in `query` that are not in the metrics file."""
    used = set()
    for name, selector in SELECTED.findall(query):
        if name not in known:
            yield f"no metric {name}"
            continue
        used |= known[name]
        for label in re.findall(r"(\w+) ?[=!]~?", re.sub(r'"[^"]*"', "", selector)):
            if label not in known[name]:
                yield f"{name} has no label {label}"
    for group in GROUPED.findall(query):
        for label in filter(None, map(str.strip, group.split(","))):
            if label not in used:
                yield f"no label {label} in {query}"
    if not used:
        yield f"no metric at all in {query}"


def values_are_known(query, text):
    """The causes, results and the like that `query` selects are in the metrics file."""
    for label, values in re.findall(r'\b(cause|side|result|action|rung)=~?"([^"$]*)"', query):
        for value in values.split("|"):
            if f'{label}="{value}"' not in text:
                yield f"no {label} {value}"


def queries_of(panel):
    yield from (target["expr"] for target in panel["targets"])


def rules_can_be_read(queries):
    """promtool's reader of expressions takes the queries, with the dashboard's variables set."""
    rules = [{"record": f"query:{number}",
              "expr": re.sub(r"\$__\w+", "5m", query).replace("$agent", ".*").replace("$instance", ".*")}
             for number, query in enumerate(queries)]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "queries.yml")  # JSON is YAML
        path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        return promtool("check", "rules", str(path))


def alerts_name_what_there_is(text):
    known = labels_of(text)
    queries = [" ".join(lines.split()) for lines in re.findall(
        r"^        expr: (?:>-\n)?(.*?)(?=^        \w+:)", RULES.read_text(),
        re.MULTILINE | re.DOTALL)]
    wrong = [line for query in queries
             for line in (*wrong_names(query, known), *values_are_known(query, text))]
    check("alerts name metrics that exist", queries and not wrong, "\n".join(wrong))


def dashboard_names_what_there_is(text):
    dashboard = json.loads(DASHBOARD.read_text())
    known = labels_of(text)
    variables = [variable["query"] for variable in dashboard["templating"]["list"]
                 if variable["type"] == "query"]
    queries = [query for panel in dashboard["panels"] for query in queries_of(panel)]
    wrong = [line for query in [*queries, *variables]
             for line in (*wrong_names(query, known), *values_are_known(query, text))]
    check("the dashboard names metrics that exist", not wrong, "\n".join(wrong))
    shown = {name for query in queries for name, _ in SELECTED.findall(query)}
    families = {kind.split()[0] for kind in types(text)}
    missing = {family for family in families if not any(name.startswith(family) for name in shown)}
    # whether it is connected and how often it was again, other panels say
    missing -= {"connwatch_recoveries_total"}
    check("and shows each of them", not missing, str(missing))
    done = rules_can_be_read(queries)
    check("Prometheus can read its queries", done.returncode == 0, done.stdout + done.stderr)
    numbers = [panel["id"] for panel in dashboard["panels"]]
    check("no panel covers another", len(set(numbers)) == len(numbers) and not overlaps(dashboard),
          str(overlaps(dashboard)))


def overlaps(dashboard):
    """Pairs of titles of panels that lie on each other, in the grid of 24 columns."""
    places = [(panel["title"], *(panel["gridPos"][key] for key in "xywh"))
              for panel in dashboard["panels"]]
    return [(a[0], b[0]) for number, a in enumerate(places) for b in places[number + 1:]
            if a[1] < b[1] + b[3] and b[1] < a[1] + a[3] and
            a[2] < b[2] + b[4] and b[2] < a[2] + a[4]]


def collectors_name_what_there_is():
    fields = set(re.findall(r"\bCONNWATCH_[A-Z_]+\b",
                            (TREE / "watchdog/record/record.c").read_text()))
    for name in COLLECTORS:
        text = (KIT / name).read_text()
        words = re.sub(r'[\s"\[\]=:]+', "=", text)
        wrong = [match for match in ("_SYSTEMD_UNIT=connwatchd.service", "_TRANSPORT=journal")
                 if match not in words]
        wrong += set(re.findall(r"\bCONNWATCH_[A-Z_]+\b", text)) - fields
        wrong += {field for field in re.findall(r"__journal_(connwatch_\w+)", text)
                  if field.upper() not in fields}
        check(f"{name} selects records", not wrong, str(wrong))
    tomllib.loads((KIT / COLLECTORS[0]).read_text())


def written(program):
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "connwatch.prom")
        subprocess.run([program, str(path)], check=True)
        return path.read_text()


def main():
    text = written(sys.argv[1])
    node_exporter_takes_all(text)
    done = promtool("check", "metrics", stdin=text)
    check("promtool finds nothing to say of the metrics", done.returncode == 0 and not done.stdout,
          done.stdout + done.stderr)
    rules_fire()
    alerts_name_what_there_is(text)
    dashboard_names_what_there_is(text)
    collectors_name_what_there_is()
    print(f"{len(PASSED)} passed, {len(FAILURES)} failed, 0 skipped")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
