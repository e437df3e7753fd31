# SPDX-License-Identifier: LGPL-2.1-or-later
"""An emulated machine: a kernel, all it needs in memory, and what it writes to its console."""

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import debian

HERE = Path(__file__).resolve().parent
TREE = HERE.parent.parent
MODULES = ["kernel/net", "kernel/lib", "kernel/crypto", "kernel/drivers/net/veth.ko*"]
RADIO_MODULES = ["kernel/drivers/net/wireless/mac80211_hwsim.ko*",
                 "kernel/drivers/net/wireless/virtual/mac80211_hwsim.ko*"]
SILENCE = 1800  # seconds without a line from the machine: it hangs

# The clock of the machine goes with the instructions it executes, one a nanosecond, and leaps when
# it is idle: no load of the host makes it slow, and waiting takes no time.
CLOCK = ["-accel", "tcg", "-icount", "shift=0,sleep=off"]
EMULATORS = {
    "amd64": ["qemu-system-x86_64", "-cpu", "Nehalem"],
    "arm64": ["qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a57"],
    "armhf": ["qemu-system-arm", "-machine", "virt,highmem=off", "-cpu", "cortex-a15"],
}
# Only the last words of a dying kernel; no detours for processors' faults that are not emulated.
KERNEL_WORDS = ["quiet", "loglevel=1", "panic=-1", "mitigations=off"]
CONSOLES = {"amd64": "ttyS0", "arm64": "ttyAMA0", "armhf": "ttyAMA0"}

# Kernels without BTF.
WITHOUT_TYPES = {"armhf"}


_running = set()  # emulators


def stop_all():
    """Ends every machine; lines() then ends, too."""
    for emulator in list(_running):
        emulator.kill()


def archive(path, *trees):
    """Writes the trees to one archive in the kernel's format; a later one's files are added."""
    with open(path, "wb") as file:
        for tree in trees:
            found = subprocess.run(["find", ".", "-print0"], cwd=tree, stdout=subprocess.PIPE,
                                   check=True)
            subprocess.run(["cpio", "--null", "--create", "--format=newc", "--quiet",
                            "--owner=+0:+0"], input=found.stdout, stdout=file, cwd=tree, check=True)
            file.seek(0, os.SEEK_END)


def copy_modules(source, tree, patterns):
    """Copies these modules of a kernel's, with their index."""
    target = tree / "lib/modules" / source.name
    for pattern in patterns:
        for path in source.glob(pattern):
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(path, copy) if path.is_dir() else shutil.copy(path, copy)
    for path in source.glob("modules.*"):
        shutil.copy(path, target)
    debian.run("depmod", "--basedir", str(tree), source.name, stderr=subprocess.DEVNULL)


def copy_tests(programs, tree):
    """The programs and their tests, as they lie in the source tree."""
    place = tree / "connwatch"
    (place / "build").mkdir(parents=True)
    shutil.copy(programs / "connwatchctl", place / "build")
    shutil.copytree(programs / "ebpf", place / "build/ebpf", ignore=lambda _, names: [
        name for name in names if not name.endswith(".bpf.o")])
    shutil.copytree(TREE / "packaging", place / "packaging", ignore=lambda _, names: [
        name for name in names if name != "btf.sh"])
    for tests in "tests/live", "tests/vm":
        shutil.copytree(TREE / tests, place / tests, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "init").symlink_to("connwatch/tests/vm/inside/init")


def add_types(types, programs, tree, release):
    """Where connwatch finds them, cut down to what it reads."""
    debian.run(str(TREE / "packaging/btf.sh"), str(types),
               str(tree / f"usr/lib/connwatch/btf/{release}.btf"),
               *map(str, sorted(programs.glob("ebpf/*.bpf.o"))))


class Machine:
    """`cgroups`: what the machine mounts: `v2`, `hybrid` or `v1`. `mode`: connwatchctl's --mode.
    `btf`: `external`: the kernel's BTF, if it has any, is hidden, and a file has it.
    `player`: the program of tests/vm/inside that plays; for it, `packages` besides debian.PACKAGES
    in the root tree `tree`, and `modules` besides MODULES of the kernel of `flavour`."""

    def __init__(self, name, suite, architecture="amd64", cgroups="v2", mode="ebpf", btf="kernel",
                 player="play.py", flavour="cloud", tree="root", packages=(), modules=()):
        self.name = name
        self.suite = suite
        self.architecture = architecture
        self.cgroups = cgroups
        self.mode = mode
        self.btf = "external" if architecture in WITHOUT_TYPES else btf
        self.player = player
        self.flavour, self.modules = flavour, modules
        self.tree, self.packages = tree, packages

    def prepare(self, cache, programs, patterns):
        """Returns the kernel's image, and an archive of all else."""
        image, modules = debian.kernel(cache, self.suite, self.architecture, self.flavour)
        root = debian.root_tree(cache, self.architecture, self.tree, self.packages)
        with tempfile.TemporaryDirectory(prefix="connwatch-") as own:
            tree = Path(own)
            tree.chmod(0o755)  # it becomes the machine's /, and the broker does not run as root
            copy_modules(modules, tree, [*MODULES, *self.modules])
            copy_tests(programs, tree)
            if self.architecture in WITHOUT_TYPES:
                types = debian.kernel_types(cache, self.suite, self.architecture, modules.name)
                add_types(types, programs, tree, modules.name)
            (tree / "connwatch/plays").write_text(" ".join(patterns))
            archive(cache / f"{self.name}.cpio", root, tree)
        return image, cache / f"{self.name}.cpio"

    def lines(self, cache, programs, patterns):
        """Boots, and yields what the machine says, line by line, until it is off."""
        image, everything = self.prepare(cache, programs, patterns)
        words = [*KERNEL_WORDS, f"console={CONSOLES[self.architecture]}",
                 f"cgroups={self.cgroups}", f"mode={self.mode}", f"btf={self.btf}",
                 f"player={self.player}"]
        emulator = subprocess.Popen(
            [*EMULATORS[self.architecture], *CLOCK, "-m", "2G", "-no-reboot", "-nodefaults",
             "-display", "none", "-serial", "stdio", "-kernel", image, "-initrd", everything,
             "-append", " ".join(words)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace")
        _running.add(emulator)
        try:
            while line := within(SILENCE, emulator.stdout.readline, emulator.kill):
                yield line.rstrip()
        finally:
            emulator.kill()
            emulator.wait()
            _running.remove(emulator)
            everything.unlink()


def within(seconds, step, otherwise):
    """Takes a step; does something else meanwhile if it takes too long."""
    timer = threading.Timer(seconds, otherwise)
    timer.start()
    try:
        return step()
    finally:
        timer.cancel()
