"""The root tree of the test container: Debian with systemd and a broker, built once and cached."""

import fcntl
import hashlib
import pathlib
import shutil
import subprocess

PACKAGES = """
    systemd systemd-sysv dbus procps iproute2 nftables jq mosquitto mosquitto-clients
    systemd-journal-remote stunnel4 openssl curl
    libbpf1 libelf1 libnl-3-200 libnl-route-3-200 libmnl0 libsystemd0
""".split()

# What would only run beside the tests.
MASKED = """
    mosquitto.service systemd-logind.service console-getty.service getty.target
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
    e2scrub_reap.service systemd-tmpfiles-clean.timer systemd-update-utmp.service
    systemd-update-utmp-runlevel.service systemd-user-sessions.service
""".split()


def suite():
    """The machine's own suite, so that programs built here find their libraries there."""
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value.strip('"')
    raise RuntimeError("/etc/os-release has no VERSION_CODENAME")


def ensure(cache):
    """Returns the path of the tree below `cache`, building it (some 30 s) if it is not there."""
    recipe = " ".join([suite(), *PACKAGES, *MASKED])
    tree = cache / ("root-" + hashlib.sha256(recipe.encode()).hexdigest()[:12])
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.exists():
            for stale in cache.glob("root-*/"):
                shutil.rmtree(stale)
            build(tree)
    return tree


def build(tree):
    print(f"building {tree} (once)", flush=True)
    unfinished = tree.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    with open(tree.with_suffix(".log"), "w") as log:
        subprocess.run(
            ["mmdebstrap", "--variant=minbase", "--include=" + ",".join(PACKAGES),
             "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
             "--dpkgopt=path-exclude=/usr/share/man/*",
             f"--customize-hook=systemctl --root=\"$1\" mask {' '.join(MASKED)}",
             suite(), str(unfinished)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=True)
    unfinished.rename(tree)
