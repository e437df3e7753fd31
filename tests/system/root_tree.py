# SPDX-License-Identifier: LGPL-2.1-or-later
"""The root tree of the test container: Debian with systemd and a broker, built once and cached."""

import fcntl
import hashlib
import pathlib
import shutil
import subprocess

PACKAGES = """
    systemd systemd-sysv dbus procps iproute2 nftables jq mosquitto mosquitto-clients
    systemd-journal-remote nginx-light openssl curl dnsmasq-base systemd-resolved libnss-resolve nscd network-manager
    libbpf1 libelf1 libnl-3-200 libnl-route-3-200 libmnl0 libsystemd0
""".split()

# Units that would only run beside the tests.
MASKED = """
    mosquitto.service nginx.service systemd-logind.service console-getty.service getty.target
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
    e2scrub_reap.service systemd-tmpfiles-clean.timer systemd-update-utmp.service
    systemd-update-utmp-runlevel.service systemd-user-sessions.service
    systemd-resolved.service nscd.service NetworkManager.service NetworkManager-wait-online.service
""".split()

# Packages changed how names are looked up; a case that wants it says so.
OWN_NAMES = ("cd \"$1/etc\" && rm -f nscd.conf && "
             "sed -i 's/ resolve \\[!UNAVAIL=return\\]//' nsswitch.conf")


def suite():
    """The machine's own suite, so that programs built here find their libraries there."""
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value.strip('"')
    raise RuntimeError("/etc/os-release has no VERSION_CODENAME")


# Namespaces in which the mounts of mmdebstrap below the tree end with it, and so do the processes that
# packages leave in the tree and that keep those mounts busy: unshare(1).
ALONE = ["unshare", "--mount-proc", "--pid", "--fork", "--kill-child"]


def mounts_below(path):
    """The last one first: proc(5), /proc/PID/mountinfo."""
    points = [pathlib.Path(line.split()[4].encode().decode("unicode_escape"))
              for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in reversed(points) if point.is_relative_to(path.resolve())]


def remove(tree):
    """With nothing mounted below it, so that no other file system loses what is in it."""
    for point in mounts_below(tree):
        subprocess.run(["umount", "--lazy", point], check=True)
    shutil.rmtree(tree)


def ensure(cache, name="root", more=()):
    """Returns the path of the tree below `cache`, building it (some 30 s) if it is not there. `more`:
    packages that it has besides, under another name."""
    packages = [*PACKAGES, *more]
    recipe = " ".join([suite(), *packages, *MASKED, OWN_NAMES])
    tree = cache / (f"{name}-" + hashlib.sha256(recipe.encode()).hexdigest()[:12])
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.exists():
            for stale in cache.glob(f"{name}-*/"):
                remove(stale)
            build(tree, packages)
    return tree


def build(tree, packages):
    print(f"building {tree} (once)", flush=True)
    unfinished = tree.with_suffix(".unfinished")
    with open(tree.with_suffix(".log"), "w") as log:
        subprocess.run(
            [*ALONE, "mmdebstrap", "--variant=minbase", "--include=" + ",".join(packages),
             "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
             "--dpkgopt=path-exclude=/usr/share/man/*",
             f"--customize-hook=systemctl --root=\"$1\" mask {' '.join(MASKED)}",
             f"--customize-hook={OWN_NAMES}",
             suite(), str(unfinished)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=True)
    unfinished.rename(tree)
