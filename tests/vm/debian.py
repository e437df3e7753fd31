# SPDX-License-Identifier: LGPL-2.1-or-later
"""The parts of the machines, from this machine's own Debian mirror: root trees and kernels.

Nothing is installed: packages are unpacked below a cache directory, whatever their architecture.
"""

import hashlib
import re
import shutil
import subprocess
import threading
from pathlib import Path

# Packages of the programs that the cases run.
PACKAGES = """
    base-passwd python3 dash coreutils mount kmod procps iproute2 nftables bpftool
    mosquitto mosquitto-clients python3-paho-mqtt openssl libbpf1 libelf1 zlib1g libsystemd0
    libnl-3-200 libnl-route-3-200 libmnl0 libssl3
    dnsmasq-base unbound curl util-linux gnutls-bin tealdeer
    python3-qpid-proton python3-uamqp python3-websockets
""".split()

# Packages that another architecture's programs are built against. The machine's own need none.
BUILD_PACKAGES = """
    libc6-dev libbpf-dev libelf-dev zlib1g-dev libsystemd-dev libnl-3-dev libnl-route-3-dev
    libmnl-dev libssl-dev
""".split()

UNUSED = ["usr/share", "usr/lib/*/perl*"]

KERNEL = re.compile(r"^linux-(image|binary|modules)-\d")

_making = threading.Lock()  # what several machines need is made once


def run(*words, **options):
    return subprocess.run(words, check=True, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, **options).stdout


def own_suite():
    """Programs that are built here find their libraries there."""
    release = Path("/etc/os-release").read_text()
    return re.search(r"^VERSION_CODENAME=(\S+)$", release, re.MULTILINE)[1]


def own_architecture():
    return run("dpkg", "--print-architecture").strip()


def own_mirror():
    """Returns the mirror of this machine's main packages."""
    targets = run("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)",
                  "Created-By: Packages")
    for line in targets.splitlines():
        release, component, address = line.split()
        if (release, component) == (own_suite(), "main"):
            return address
    raise RuntimeError("apt has no lists of this machine's own suite: apt-get update")


def complete(cache, name, make, recipe=()):
    """Returns a directory below `cache`; `make` fills it if there is none of this name and recipe
    yet. Those of other recipes go, and what was not finished."""
    made_of = hashlib.sha256(" ".join(recipe).encode()).hexdigest()[:12] if recipe else None
    directory = cache / "-".join(filter(None, (name, made_of)))
    with _making:
        if not directory.exists():
            for stale in cache.glob(f"{name}*/"):
                shutil.rmtree(stale)
            print(f"making {directory} (once)", flush=True)
            unfinished = directory.with_name(directory.name + ".unfinished")
            unfinished.mkdir(parents=True)
            make(unfinished)
            unfinished.rename(directory)
    return directory


def extract(packages, architecture, tree):
    """Unpacks packages, and all that they depend on. Those of another architecture come from the main
    suite alone: mirrors of the others may lag behind for it."""
    sources = [] if architecture == own_architecture() else [f"deb {own_mirror()} {own_suite()} main"]
    run("mmdebstrap", "--quiet", "--variant=extract", f"--architectures={architecture}",
        "--include=" + ",".join(packages), own_suite(), str(tree), *sources)


def root_tree(cache, architecture, name="root", more=()):
    """A tree that programs run in, without having been booted or configured. `more`: packages that
    it has besides, under another name."""
    packages = [*PACKAGES, *more]

    def make(tree):
        extract(packages, architecture, tree)
        for name in "passwd", "group":
            shutil.copy(tree / f"usr/share/base-passwd/{name}.master", tree / "etc" / name)
        for pattern in UNUSED:
            for path in tree.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return complete(cache, f"{name}-{architecture}", make, [own_suite(), *packages, *UNUSED])


def build_tree(cache, architecture):
    """A tree that programs are built against."""
    def make(tree):
        extract(BUILD_PACKAGES, architecture, tree)
    return complete(cache, f"build-{architecture}", make, [own_suite(), *BUILD_PACKAGES])


def kernel(cache, suite, architecture, flavour="cloud"):
    """The image and the modules directory of the suite's newest kernel: that for clouds, or with
    the flavour "generic" that for any machine, which has more modules. 32-bit Arm has one for all."""
    kind = f"{flavour}-{architecture}".removeprefix("generic-")
    if architecture == "armhf":
        kind = "armmp"

    def make(tree):
        apt = Apt(tree, suite, architecture)
        for package in apt.download(f"linux-image-{kind}"):
            run("dpkg", "-x", str(package), str(tree))
            package.unlink()
        shutil.rmtree(apt.state)
    name = "kernel" if flavour == "cloud" else f"{flavour}-kernel"
    tree = complete(cache, f"{name}-{suite}-{architecture}", make)
    modules, = [*tree.glob("lib/modules/*"), *tree.glob("usr/lib/modules/*")]
    image, = [*tree.glob("boot/vmlinuz-*"), *modules.glob("vmlinuz")]
    return image, modules


def kernel_types(cache, suite, architecture, release):
    """The BTF of a kernel that was built without, from its debug information."""
    def make(tree):
        apt = Apt(tree, suite, architecture)
        package, = apt.download(f"linux-image-{release}-dbg")
        run("dpkg", "-x", str(package), str(tree))
        package.unlink()
        run("pahole", f"--btf_encode_detached={tree}/btf",
            str(tree / f"usr/lib/debug/boot/vmlinux-{release}"))
        shutil.rmtree(apt.state)
        shutil.rmtree(tree / "usr")
    return complete(cache, f"types-{release}", make) / "btf"


class Apt:
    """apt with lists of its own: another suite, another architecture."""

    def __init__(self, directory, suite, architecture):
        self.directory = directory
        self.state = directory / "apt"
        (self.state / "lists/partial").mkdir(parents=True)
        (self.state / "status").touch()
        sources = self.state / "sources.list"
        sources.write_text(f"deb [arch={architecture}] {own_mirror()} {suite} main\n")
        settings = {
            "Dir::State": self.state, "Dir::State::status": self.state / "status",
            "Dir::Cache": self.state, "Dir::Etc::sourcelist": sources, "Dir::Etc::sourceparts": "-",
            "APT::Architecture": architecture, "APT::Architectures": architecture,
        }
        self.options = [f"-o{name}={value}" for name, value in settings.items()]
        run("apt-get", *self.options, "--quiet=2", "update")

    def download(self, package):
        """The files of the kernel packages that `package` leads to."""
        names = run("apt-cache", *self.options, "depends", "--recurse", "--important", package)
        wanted = {name for name in names.split() if KERNEL.match(name)}
        run("apt-get", *self.options, "--quiet=2", "-oAPT::Sandbox::User=root", "download", *wanted,
            cwd=self.directory)
        return list(self.directory.glob("*.deb"))
