"""A certificate for a hub of ours, which is its own authority."""

import ssl
import subprocess


def make(directory, *names):
    """Files `hub.key` and `hub.crt` in `directory`; returns their paths."""
    key, certificate = directory / "hub.key", directory / "hub.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=hub",
         "-addext", "subjectAltName=" + ",".join(names or ("DNS:localhost",))],
        check=True, capture_output=True)
    return key, certificate


def server_context(key, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
