#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests `connwatchctl check` against hubs on loopback that are broken one way each.

    tests/commands/check_way.py CONNWATCHCTL

Runs in a network namespace of its own. Ends with "N passed, N failed".
"""

import contextlib
import datetime
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from email.utils import format_datetime

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)  # for the whole days not to change under our feet
END = NOW + 30 * DAY + HOUR
LAST_DAY = f"to {END:%Y-%m-%d %H:%M} UTC, 30 days left"  # the certificate's, as `validity` tells it
CA_CONFIG = """
[ca]
default_ca = hubs
[hubs]
database = {directory}/index
serial = {directory}/serial
new_certs_dir = {directory}
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
rand_serial = yes
[any]
commonName = supplied
"""


class Authority:
    """Issues certificates, good and bad."""

    def __init__(self, directory):
        self.directory = directory
        self.file = directory / "ca.pem"
        (directory / "index").touch()
        (directory / "config").write_text(CA_CONFIG.format(directory=directory))
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Test authority",
                     "-keyout", directory / "ca.key", "-out", self.file, "-days", "30")

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def issue(self, name, alternatives, begin=NOW - DAY, end=END):
        """Returns the path of a file with a certificate and its key."""
        key, request, whole = (self.directory / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                     "-addext", f"subjectAltName={alternatives}", "-keyout", key, "-out", request)
        self.openssl("ca", "-batch", "-notext", "-config", self.directory / "config",
                     "-cert", self.file, "-keyfile", self.directory / "ca.key",
                     "-startdate", begin.strftime("%Y%m%d%H%M%SZ"),
                     "-enddate", end.strftime("%Y%m%d%H%M%SZ"), "-in", request, "-out", whole)
        with open(whole, "a") as file:
            file.write(key.read_text())
        return whole


@contextlib.contextmanager
def listening(serve, port=0):
    """A server that hands each connection to serve(); yields its port."""
    listener = socket.create_server(("127.0.0.1", port))

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                serve(connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def tls(certificate, answer=None, client_authority=None, version=ssl.TLSVersion.TLSv1_3):
    """A serve() that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.maximum_version = version
    if client_authority:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority)

    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as session:
            request = session.recv(4096)
            if request and answer:
                session.sendall(answer)

    return serve


def dated(date):
    return f"HTTP/1.1 200 OK\r\nDate: {format_datetime(date, usegmt=True)}\r\n\r\n".encode()


class Checks:
    def __init__(self, connwatchctl, authority):
        self.connwatchctl = connwatchctl
        self.authority = authority
        self.passed = self.failed = 0

    def check(self, title, target, *options, fails_at=None, **expected):
        """expected: step=(result, pattern)."""
        run = subprocess.run([self.connwatchctl, "check", "-o", "json", "--root=/nonexistent",
                              *map(str, options), target],
                             stdout=subprocess.PIPE, text=True, timeout=30)
        steps = [json.loads(line) for line in run.stdout.splitlines()]
        verdict = steps.pop()
        by_name = {step["step"]: step for step in steps}
        wrong = []
        if verdict.get("fails_at") != fails_at:
            wrong.append(f"fails at {verdict.get('fails_at')}, expected was {fails_at}")
        if run.returncode != (1 if fails_at else 0):
            wrong.append(f"exit status {run.returncode}")
        for name, (result, pattern) in expected.items():
            step = by_name.get(name)
            if not step or step["result"] != result or not re.search(pattern, step["text"]):
                wrong.append(f"{name} is not {result} with '{pattern}'")
        if wrong:
            self.failed += 1
            print(f"FAILED  {title}: {'; '.join(wrong)}\n{run.stdout}")
        else:
            self.passed += 1
            print(f"passed  {title}")

    def trusted(self, title, port, host="localhost", **expected):
        self.check(title, f"{host}:{port}", f"--ca={self.authority.file}", **expected)

    def certificates(self):
        issue = self.authority.issue
        good = issue("good", "DNS:localhost,IP:127.0.0.1")
        with listening(tls(good)) as port:
            self.trusted("a good hub", port, dns=("ok", "localhost is 127.0.0.1"),
                         route=("ok", "by lo, from 127.0.0.1"), tcp=("ok", "round trip"),
                         tls=("ok", "TLSv1.3"), name=("ok", "localhost"),
                         chain=("ok", "Test authority"), validity=("ok", LAST_DAY),
                         clock=("skipped", "within the certificate's validity"))
            self.trusted("a good hub, by its address", port, host="127.0.0.1",
                         dns=("skipped", "is an address"), name=("ok", "localhost"))
            self.check("an authority that is not ours", f"localhost:{port}", fails_at="chain",
                       chain=("failed", "certificate"), name=("ok", "localhost"))
            self.check("no such file of authorities", f"localhost:{port}", "--ca=/nonexistent",
                       fails_at="tls", tls=("failed", "cannot read the authorities"))
            self.check("TLS is not wanted", f"localhost:{port}", "--no-tls",
                       tls=("skipped", "not asked for"))
        with listening(tls(good, version=ssl.TLSVersion.TLSv1_2)) as port:
            self.trusted("a good hub, TLS 1.2", port, tls=("ok", "TLSv1.2"),
                         validity=("ok", LAST_DAY))
        with listening(tls(issue("expired", "DNS:localhost", NOW - 9 * DAY, NOW - DAY))) as port:
            self.trusted("expired", port, fails_at="validity", name=("ok", "localhost"),
                         chain=("ok", ""), validity=("failed", "expired"))
        with listening(tls(issue("soon", "DNS:localhost", end=NOW + 3 * DAY + HOUR))) as port:
            self.trusted("expires soon", port, validity=("warning", "3 days left"))
        with listening(tls(issue("later", "DNS:localhost", NOW + 2 * DAY))) as port:
            self.trusted("not valid yet", port, fails_at="validity",
                         validity=("failed", "clock .* likely wrong"))
        with listening(tls(issue("other", "DNS:other.example"))) as port:
            self.trusted("another name", port, fails_at="name",
                         name=("failed", "for other.example, not for localhost"), chain=("ok", ""))
        # in 1.2 it is refused within the handshake
        for version, told in ((ssl.TLSVersion.TLSv1_2, ("warning", "insists on a client certificate")),
                              (ssl.TLSVersion.TLSv1_3, ("ok", "TLSv1.3.*asks for a client"))):
            with listening(tls(good, None, self.authority.file, version)) as port:
                self.trusted(f"a client certificate is wanted, {version.name}", port, tls=told,
                             validity=("ok", LAST_DAY))

    def clocks(self):
        good = self.authority.issue("https", "DNS:localhost")
        with listening(tls(good, dated(datetime.datetime.now(datetime.timezone.utc))), 443):
            self.trusted("the clock is right", 443, clock=("ok", "this host is"))
        with listening(tls(good, dated(NOW - DAY)), 443):
            self.trusted("the clock is a day off", 443, fails_at="clock",
                         clock=("failed", r"this host is 864\d\d s ahead of the server"))
        with listening(tls(good, b"HTTP/1.1 200 OK\r\n\r\n"), 443):
            self.trusted("no date", 443, clock=("skipped", "told no date"))

    def ways(self):
        with listening(lambda connection: connection.recv(1)) as port:
            self.check("a hub without TLS", f"localhost:{port}", "--no-tls")
        with listening(lambda connection: connection.sendall(b"no TLS here\r\n")) as port:
            self.check("no TLS there", f"localhost:{port}", fails_at="tls",
                       tls=("failed", "wrong version number"))
        with listening(lambda connection: [connection.recv(4096) for _ in range(2)]) as port:
            self.check("silence instead of TLS", f"localhost:{port}", fails_at="tls",
                       tls=("failed", "no answer"))
        self.check("nobody listens", "localhost:7", fails_at="tcp", tcp=("failed", "refused"))
        self.check("no such name", "nonesuch.invalid", fails_at="dns", dns=("failed", "nonesuch"))
        self.check("no route", "192.0.2.7:8883", fails_at="route", route=("failed", "unreachable"))
        subprocess.run(["nft", "add table inet hole; add chain inet hole input { type filter hook "
                        "input priority filter; }; add rule inet hole input tcp dport 9 drop"],
                       check=True)
        self.check("a black hole", "localhost:9", fails_at="tcp", tcp=("failed", "packets are lost"))


def main():
    connwatchctl = pathlib.Path(sys.argv[1]).resolve()
    if "CONNWATCH_NAMESPACE" not in os.environ:
        if os.geteuid() != 0:
            print("SKIPPED, all of check_way: not root\n0 passed, 0 failed")
            return 0
        environment = {**os.environ, "CONNWATCH_NAMESPACE": "1"}
        os.execvpe("unshare", ["unshare", "--net", sys.executable, __file__, str(connwatchctl)],
                   environment)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as directory:
        checks = Checks(connwatchctl, Authority(pathlib.Path(directory)))
        checks.certificates()
        checks.clocks()
        checks.ways()
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
