# SPDX-License-Identifier: LGPL-2.1-or-later
"""A certificate for a hub of ours, which is its own authority unless there is another one."""

import ssl
import subprocess


def make(directory, *names, days=2, subject="hub", issuer=None):
    """Files `hub.key` and `hub.crt` in `directory`; returns their paths. It expired
    long ago where `days` is negative. `issuer`: the key and the certificate of its authority."""
    key, certificate = directory / "hub.key", directory / "hub.crt"
    request = subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-subj", f"/CN={subject}",
         "-addext", f"basicConstraints=critical,CA:{'FALSE' if issuer else 'TRUE'}",
         "-addext", "subjectAltName=" + ",".join(names or ("DNS:localhost",))],
        check=True, capture_output=True).stdout
    signed = ["-CAkey", issuer[0], "-CA", issuer[1]] if issuer else ["-signkey", key]
    subprocess.run(
        ["openssl", "x509", "-req", *signed, "-out", certificate, "-days", str(days),
         "-copy_extensions", "copy"], input=request, check=True, capture_output=True)
    return key, certificate


def server_context(key, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
