# SPDX-License-Identifier: LGPL-2.1-or-later
"""An emulated machine with a disk, whose power can be cut: what it had not written is lost."""

import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import debian
import machine

sys.path.append(str(machine.TREE / "tests/system"))

import root_tree  # noqa: E402

SILENCE = 2400  # seconds without a line from the machine: it hangs
DISK_MIB = 1024

# Installed beside those of tests/system: a machine has its own devices.
PACKAGES = ("kmod", "udev", "hostapd", "wpasupplicant", "iw")
DISK_MODULES = ["kernel/fs/ext4", "kernel/fs/jbd2", "kernel/fs/mbcache.ko*", "kernel/lib/crc*",
                "kernel/lib/libcrc*", "kernel/crypto/crc*", "kernel/drivers/virtio",
                "kernel/drivers/block/virtio_blk.ko*"]
MODULES = [*machine.MODULES, "kernel/drivers/input/evdev.ko*", "kernel/drivers/acpi/button.ko*",
           "kernel/drivers/watchdog/watchdog.ko*", "kernel/drivers/watchdog/i6300esb.ko*",
           *machine.RADIO_MODULES]

# All that the kernel needs before it has its disk.
FIRST_PROCESS = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
for module in virtio_pci virtio_blk ext4; do
    /bin/busybox modprobe $module
done
until [ -b /dev/vda ]; do /bin/busybox usleep 10000; done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox umount /proc
exec /bin/busybox switch_root /root /sbin/init
"""

# The clock of the machine goes with the instructions that it executes; when it is idle, it waits.
EMULATOR = ["qemu-system-x86_64", "-cpu", "Nehalem", "-accel", "tcg", "-icount", "shift=0", "-m", "1G",
            "-nodefaults", "-display", "none", "-serial", "stdio"]
WORDS = "quiet loglevel=1 panic=1 mitigations=off console=ttyS0 systemd.show_status=no"


def make_starter(cache, modules):
    """An archive that finds the disk and goes on from there."""
    def make(tree):
        debian.extract(["busybox-static"], "amd64", tree / "packages")
        for name in "bin", "dev", "proc", "root", "sbin":
            (tree / name).mkdir()
        (tree / "sbin/modprobe").symlink_to("../bin/busybox")
        shutil.copy(next((tree / "packages").glob("**/bin/busybox")), tree / "bin/busybox")
        shutil.rmtree(tree / "packages")
        (tree / "init").write_text(FIRST_PROCESS)
        (tree / "init").chmod(0o755)
    with tempfile.TemporaryDirectory(prefix="connwatch-") as own:
        machine.copy_modules(modules, Path(own), DISK_MODULES)
        machine.archive(cache / "starter.cpio",
                        debian.complete(cache, "starter", make, [FIRST_PROCESS, "modprobe"]), Path(own))
    return cache / "starter.cpio"


def make_disk(cache, modules, add):
    """A disk with a Debian that boots. add(TREE) adds what it has besides."""
    source = root_tree.ensure(cache, "disk", PACKAGES)
    with tempfile.TemporaryDirectory(prefix="connwatch-", dir=cache) as own:
        tree = Path(own) / "tree"
        subprocess.run(["cp", "--archive", source, tree], check=True)
        (tree / "var/log/journal").mkdir(exist_ok=True)
        machine.copy_modules(modules, tree, MODULES)
        add(tree)
        path = cache / "disk.image"
        path.unlink(missing_ok=True)
        debian.run("mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(path), f"{DISK_MIB}M",
                   stderr=subprocess.STDOUT)
    return path


class Silent(Exception):
    pass


class Lines:
    """What comes line by line, while something comes."""

    def __init__(self, stream):
        self.descriptor, self.rest = stream.fileno(), b""

    def __iter__(self):
        while True:
            line, found, rest = self.rest.partition(b"\n")
            if found:
                self.rest = rest
                yield line.decode(errors="replace").rstrip()
                continue
            if not select.select([self.descriptor], [], [], SILENCE)[0]:
                raise Silent(f"nothing for {SILENCE} s")
            more = os.read(self.descriptor, 65536)
            if not more:
                return
            self.rest += more


class Host:
    """One machine of which nothing is left but its disk when its power is off. `image`, `starter`:
    its kernel and that one's archive. `devices`: options of the emulator besides."""

    def __init__(self, image, starter, disk, devices=()):
        self.buttons = disk.with_name("buttons")
        self.words = [*EMULATOR, "-kernel", image, "-initrd", starter,
                      "-drive", f"file={disk},format=raw,if=virtio,cache=writeback",
                      "-monitor", f"unix:{self.buttons},server=on,wait=off", *devices]

    def press_power_key(self):
        """While the machine runs. The monitor says again what it has heard."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self.buttons))
            monitor.sendall(b"system_powerdown\n")
            while (said := monitor.recv(4096)) and b"system_powerdown" not in said:
                pass

    def run(self, play, clock):
        """Boots at the time `clock` (of its battery; seconds since 1970), and yields what it says line
        by line until its power is off. The generator's close() cuts its power."""
        begin = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(clock))
        emulator = subprocess.Popen(
            [*self.words, "-append", f"{WORDS} play={play}", "-rtc", f"base={begin},clock=vm"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            yield from Lines(emulator.stdout)
        finally:
            emulator.kill()
            emulator.wait()
