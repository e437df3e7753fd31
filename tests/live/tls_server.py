# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hub that speaks TLS: OpenSSL's s_server in the cloud's namespace; and what may stand in its
place."""

import contextlib
import subprocess
import time

import certificate
from hub import PORT
from lab import inside
from supervised import Surprise

PATIENCE = 5  # seconds until it listens


class TlsServer:
    """`options` are those of openssl-s_server(1); `days` is how long its certificate is valid, `issued`
    that this is not its own authority, `early` that it is yet to be valid."""

    def __init__(self, stage, *options, days=2, name="hub.test", port=PORT, issued=False,
                 key_options=certificate.EC, early=False):
        issuer = self._issuer(stage, key_options) if issued else None
        if early:
            key, own = certificate.make_early(stage.directory, f"DNS:{name}")
        else:
            key, own = certificate.make(stage.directory, f"DNS:{name}", days=days, issuer=issuer,
                                        key_options=key_options)
        self.certificate = own
        self.authority = issuer[1] if issuer else own
        self._port = port
        self._words = ["openssl", "s_server", "-accept", str(port), "-key", key, "-cert", own,
                       "-rev", *(("-cert_chain", issuer[1]) if issuer else ()), *options]
        self._namespace = stage.lab.cloud
        self._process = None

    @staticmethod
    def _issuer(stage, key_options):
        directory = stage.directory / "issuer"
        directory.mkdir()
        return certificate.make(directory, subject="issuer" * 10, key_options=key_options)

    def __enter__(self):
        with inside(self._namespace):
            self._process = subprocess.Popen(self._words, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self._wait_until_it_listens()
        return self

    def _wait_until_it_listens(self):
        deadline = time.monotonic() + PATIENCE
        while not subprocess.run(["ss", "-Hltn", f"sport = :{self._port}"], capture_output=True,
                                 check=True).stdout:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Surprise("s_server does not listen")
            time.sleep(0.02)

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
