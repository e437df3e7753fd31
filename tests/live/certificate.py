# SPDX-License-Identifier: LGPL-2.1-or-later
"""A certificate for a hub of ours, which is its own authority unless there is another one."""

import ssl
import subprocess
import time

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
RSA = ("-newkey", "rsa:2048")


def make(directory, *names, days=2, subject="hub", issuer=None, key_options=EC):
    """Files `hub.key` and `hub.crt` in `directory`; returns their paths. It expired
    long ago where `days` is negative. `key_options` are those of openssl-req(1). `issuer`: the key and the certificate of its authority."""
    key, certificate = directory / "hub.key", directory / "hub.crt"
    request = subprocess.run(
        ["openssl", "req", "-new", *key_options, "-nodes", "-keyout", key, "-subj", f"/CN={subject}",
         "-addext", f"basicConstraints=critical,CA:{'FALSE' if issuer else 'TRUE'}",
         "-addext", "subjectAltName=" + ",".join(names or ("DNS:localhost",))],
        check=True, capture_output=True).stdout
    signed = ["-CAkey", issuer[0], "-CA", issuer[1]] if issuer else ["-signkey", key]
    subprocess.run(
        ["openssl", "x509", "-req", *signed, "-out", certificate, "-days", str(days),
         "-copy_extensions", "copy"], input=request, check=True, capture_output=True)
    return key, certificate


def make_early(directory, name):
    """Likewise, its own authority, and valid from tomorrow on."""
    key, certificate = make(directory, name)
    settings = directory / "ca.cnf"
    settings.write_text("[ca]\ndefault_ca = ours\n[ours]\npolicy = any\ndefault_md = sha256\n"
                        f"serial = {directory / 'serial'}\ndatabase = {directory / 'issued'}\nnew_certs_dir = {directory}\n"
                        "copy_extensions = copy\n[any]\ncommonName = supplied\n")
    (directory / "issued").touch()
    request = directory / "hub.request"
    subprocess.run(["openssl", "x509", "-x509toreq", "-in", certificate, "-signkey", key, "-out", request,
                    "-copy_extensions", "copyall"], check=True, capture_output=True)
    begin, end = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400)) for days in (1, 3))
    subprocess.run(["openssl", "ca", "-batch", "-config", settings, "-selfsign", "-rand_serial", "-notext",
                    "-startdate", begin, "-enddate", end, "-keyfile", key, "-in", request, "-out", certificate],
                   check=True, capture_output=True)
    return key, certificate


def dates(path):
    """From when until when a certificate is valid, in seconds since 1970, as OpenSSL has it."""
    text = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-dates"], check=True,
                          capture_output=True, text=True).stdout
    return tuple(ssl.cert_time_to_seconds(line.partition("=")[2]) for line in text.splitlines())


def server_context(key, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
