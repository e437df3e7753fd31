# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of `connwatch-fleet --html`, looked at in a browser."""

import html.parser
import re
import shutil
import struct
import subprocess
import zlib

from case import Skipped, case, equal
from hub_cases import GHOST, objects, stand

BROWSERS = ["chromium-headless-shell", "chromium"]
BLUE = (0x00, 0x72, 0xb2)  # of common outages
VOID = {"meta", "line", "rect", "br", "link"}


def browse(stage, page, *words):
    """Returns the page as the browser prints it."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        raise Skipped("no Chromium here (make deps)")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--force-color-profile=srgb", f"--user-data-dir={stage.directory}/browser",
         "--window-size=1340,2400", *words, page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


class Dom(html.parser.HTMLParser):
    """The elements of the page as the browser understood it, and the text in each section."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.section = ""
        self.rows = {}
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, attrs))
        if tag == "section":
            self.section = attrs.get("id", "")
        if tag == "td" and self.elements[-2][0] == "tr":
            self.rows[self.section] = self.rows.get(self.section, 0) + 1

    def handle_data(self, data):
        self.text += data


def page_of(stage, *words):
    page = stage.directory / "page.html"
    stage.run(*words, f"--html={page}")
    return page


def pixels(path):
    """The rows of a PNG of 8 bits a sample without interlacing (RFC 2083), as bytes, and the bytes
    of a pixel."""
    data = path.read_bytes()
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, _, _, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += 12 + length
    step = {2: 3, 6: 4}[colour]
    raw, size = zlib.decompress(packed), width * step
    above = bytearray(size)
    for start in range(0, len(raw), size + 1):
        above = unfiltered(raw[start], raw[start + 1:start + 1 + size], above, step)
        yield above, step


def unfiltered(kind, line, above, step):
    """RFC 2083, section 6."""
    row = bytearray(line)
    if kind == 2:
        return bytearray((a + b) & 255 for a, b in zip(row, above))
    for i in range(len(row)) if kind else ():
        left = row[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        estimate = left + above[i] - corner
        paeth = min((left, above[i], corner), key=lambda near: abs(estimate - near))
        row[i] = (row[i] + {1: left, 3: (left + above[i]) // 2, 4: paeth}[kind]) & 255
    return row


@case
def page_tells_what_the_text_tells(stage):
    report = stage.report()
    words = ["-D", stage.journal, "--by=SITE", "--by=FIRMWARE"]
    text = stage.run(*words)
    page = page_of(stage, *words)
    dom = Dom(browse(stage, page, "--dump-dom"))
    for heading in ["Common outages", "What goes with what"]:
        counts = {int(re.search(heading + r": (\d+)", told)[1]) for told in (text, dom.text)}
        equal(len(counts), 1)
    equal(dom.rows["outages"], len(report["common_outages"]))
    equal(dom.rows["troubles"], len(report["troubles"]))
    equal(dom.rows["relations"], len(report["relations"]))
    equal(dom.rows["groups"], len(report["availability"]["groups"]))
    for trouble in report["troubles"]:
        equal(trouble["device"] in dom.text, True)


@case
def page_explains_what_the_text_explains(stage):
    words = stand(stage)
    _, summary = objects(stage.run(*words, "-o", "json"))
    page = page_of(stage, *words, "--utc")
    dom = Dom(browse(stage, page, "--dump-dom"))
    for heading, count in [("Contradictions", sum(summary["contradictions"].values())),
                           ("Unexplained", summary["unexplained"])]:
        equal(int(re.search(heading + r": (\d+)", dom.text)[1]), count)
    equal(dom.rows["symptoms"], len(summary["causes"]) + len(summary["unexplained_symptoms"]))
    equal(dom.rows["unexplained"], len(summary["why_not"]))
    causes = {one["cause"] for one in summary["causes"]} - {"agent-stopped", "token-renewal"}
    equal({one["cause"] for one in summary["to_do"]}, causes)
    equal(dom.rows["to-do"], len(causes))
    text = stage.run(*words)
    for one in summary["to_do"]:
        equal((one["advice"] in dom.text, one["advice"] in text), (True, True))
    ends = [one["ends"] for one in summary["to_do"]]
    equal(ends, sorted(ends, reverse=True))
    equal(sum(ends) + summary["expected"], summary["joined"])
    equal("(UTC)" in dom.text, True)
    equal(GHOST in dom.text, True)
    [figure] = [attrs for tag, attrs in dom.elements if tag == "figure"]
    equal((figure["role"], "timelines" in figure["aria-label"]), ("img", True))
    equal(re.findall(r"<script|<link|<img|<iframe|src=|href=|url\(|https?:", page.read_text()), [])


def look_at_page(stage, name, words):
    """Pictures of the page, and nothing sticks out: the browser says how wide it is, 360 pixels are there."""
    page = page_of(stage, *words)
    for width, size in [("narrow", "360,3000"), ("wide", "1340,3000")]:
        picture = stage.options.build / f"{name}-page-{width}.png"
        browse(stage, page, f"--window-size={size}", f"--screenshot={picture}")
    probe = page.with_name("probe.html")
    probe.write_text(re.sub("<meta http-equiv[^>]*>", "", page.read_text()).replace(
        "</body>", "<script>document.title=document.documentElement.scrollWidth</script></body>"))
    dom = browse(stage, probe, "--window-size=360,2000", "--dump-dom")
    equal(int(re.search(r"<title>(\d+)</title>", dom)[1]) <= 360, True)


@case
def pages_fit_a_phone(stage):
    stage.make_fleet()
    look_at_page(stage, "fleet", ["-D", stage.journal, "--by=SITE"])
    look_at_page(stage, "hub", ["explain", f"--hub={stage.hub_log}", "-D", stage.journal, "--by=SITE",
                                "--by=FIRMWARE"])


@case
def page_stands_alone(stage):
    """No script, and nothing that a browser would fetch."""
    text = page_of(stage, "-D", stage.journal).read_text()
    equal(re.findall(r"<script|<link|<img|<iframe|src=|href=|url\(|https?:", text), [])


@case
def page_is_painted(stage):
    """The picture stays in the build directory, to be looked at."""
    picture = stage.options.build / "fleet-page.png"
    browse(stage, page_of(stage, "-D", stage.journal), f"--screenshot={picture}")
    blue = 0
    for row, step in pixels(picture):
        blue += sum(tuple(row[i:i + 3]) == BLUE for i in range(0, len(row), step))
    equal(blue > 2000, True)


# ---- names that are not meant well

HOSTILE = '<script>document.title="owned"</script><img src=x onerror=alert(1)>"\'&amp;\x1b[31m'


def entry(number, **fields):
    fields = {"__REALTIME_TIMESTAMP": 1790812800000000 + number * 60_000_000,
              "__MONOTONIC_TIMESTAMP": 1_000_000_000 + number * 60_000_000,
              "_BOOT_ID": "0123456789abcdef0123456789abcdef", "_UID": 0,
              "_MACHINE_ID": "fedcba9876543210fedcba9876543210", "CONNWATCH_KIND": "ended",
              "CONNWATCH_CAUSE": "agent-crash", "CONNWATCH_ENDED_BY": "local-fin",
              "CONNWATCH_CONFIDENCE": "proved", "CONNWATCH_PEER_ADDRESS": "192.0.2.7",
              "CONNWATCH_PEER_PORT": 8883, "CONNWATCH_AGENT": "edge", **fields}
    return "".join(f"{name}={value}\n" for name, value in fields.items()) + "\n"


@case
def hostile_names_stay_text(stage):
    journal = stage.write_journal("hostile", "".join(
        entry(number, _HOSTNAME=HOSTILE, SITE=HOSTILE[:60], CONNWATCH_AGENT=HOSTILE[:60])
        for number in range(4)))
    words = [f"--file={journal}", "--by=SITE"]
    dom = Dom(browse(stage, page_of(stage, *words), "--dump-dom"))
    equal([tag for tag, _ in dom.elements if tag in ("script", "img")], [])
    equal([name for _, attrs in dom.elements for name in attrs if name.startswith("on")], [])
    equal('<script>document.title="owned"</script>' in dom.text, True)
    equal("\x1b" in stage.run(*words), False)
    equal("\x1b" in stage.run(*words, "-o", "json"), False)


@case
def forged_records_do_not_count(stage):
    forged = [entry(number, _HOSTNAME="device", _UID=1000) for number in range(4)]
    journal = stage.write_journal("forged", "".join(forged) + entry(5, _HOSTNAME="device"))
    equal(stage.json(f"--file={journal}")["records"]["read"], 1)
    equal(stage.json(f"--file={journal}", "--any-sender")["records"]["read"], 5)


@case
def times_limit_what_is_read(stage):
    journal = stage.write_journal("times", "".join(
        entry(number, _HOSTNAME="device") for number in (3, 1, 2, 0)))
    words = [f"--file={journal}", "--since=2026-10-01 00:01 UTC", "--until=2026-10-01 00:02 UTC"]
    equal(stage.json(*words)["records"]["read"], 2)


@case
def misuse_is_said(stage):
    for words, status, complaint in [
            (["--by=site"], 64, "not the name of a journal field"), (["agent"], 64, "'agent'"),
            (["--by=A"] * 5, 64, "no more than 4"), (["--file=/nowhere"], 66, "No such file"),
            (["-D", stage.directory / "nowhere"], 66, "no journal in it"),
            (["-D", stage.journal, "--html=/nowhere/page"], 1, "/nowhere/page"),
            (["-D", stage.journal, "--since=2027-01-01"], 66, "no such records")]:
        stage.run(*words, status=status, complaint=complaint)
