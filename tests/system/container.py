# SPDX-License-Identifier: LGPL-2.1-or-later
"""One boot of the root tree in a container of its own, that leaves nothing behind.

systemd-nspawn boots the tree read-only below a tmpfs, so every boot starts from the same state. It
runs in control groups of our own making: whatever happens, killing and removing these is the end
of it.
"""

import asyncio
import contextlib
import ctypes
import os
import pathlib
import signal
import uuid

PREFIX = "connwatch-test-"
CGROUP_ROOT = pathlib.Path("/sys/fs/cgroup")
PROPAGATE = pathlib.Path("/run/systemd/nspawn/propagate")  # systemd-nspawn leaves it when killed
PR_SET_PDEATHSIG = 1
REBOOTS = 133  # systemd-nspawn's exit status: whoever started it is to do so again


def hierarchies():
    """The hierarchies of systemd-nspawn's payload: cgroup v2, and systemd's v1 tree beside it."""
    if (CGROUP_ROOT / "cgroup.controllers").exists():
        return [CGROUP_ROOT]
    return [CGROUP_ROOT / "unified", CGROUP_ROOT / "systemd"]


def memory_hierarchy():
    """The v1 memory controller; None where v2 has it, and MemoryMax= works in the container."""
    path = CGROUP_ROOT / "memory"
    return path if (path / "memory.limit_in_bytes").exists() else None


async def remove_group(group):
    """Kills what is in `group` and removes it with all below."""
    kill = group / "cgroup.kill"
    if kill.exists():
        kill.write_text("1")
    while True:
        try:
            for path, _, _ in os.walk(group, topdown=False):
                os.rmdir(path)
            return
        except FileNotFoundError:
            return
        except OSError:  # busy: the dying take their time
            await asyncio.sleep(0.02)


async def sweep():
    """Removes what a run left that was itself killed."""
    for root in filter(None, [*hierarchies(), memory_hierarchy(), PROPAGATE]):
        for left in root.glob(PREFIX + "*"):
            pid = left.name.removeprefix(PREFIX).split("-")[0]
            if not pathlib.Path("/proc", pid).exists():
                await remove_group(left)


@contextlib.asynccontextmanager
async def groups(name, memory_limit):
    """Control groups for one container; yields the directories to join and the one whose members
    may use only `memory_limit` bytes together (None where the container can do that itself)."""
    join = [root / name for root in hierarchies()]
    small = memory_hierarchy() and memory_hierarchy() / name
    try:
        for group in [*join, *filter(None, [small])]:
            group.mkdir()
        if small:
            (small / "memory.limit_in_bytes").write_text(str(memory_limit))
        yield join, small
    finally:
        for group in [*join, *filter(None, [small])]:
            await remove_group(group)


def enter(join):
    """In the child, before systemd-nspawn: into its groups, and never to outlive the runner."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for group in join:
        (group / "cgroup.procs").write_text("0")


def command(tree, name, binds, environment, boot_arguments):
    return [
        "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--link-journal=no",
        "--console=read-only", "--private-network", "--volatile=overlay",
        "--machine=" + name, "--uuid=" + uuid.uuid4().hex, "--directory=" + str(tree),
        # what connwatchd's unit asks for must be there to be given
        "--capability=all", "--system-call-filter=bpf perf_event_open",
        "--bind-ro=/sys/kernel/btf",
        *(f"--bind{mode}={outside}:{inside}" for outside, inside, mode in binds),
        *(f"--setenv={key}={value}" for key, value in environment.items()),
        "--boot", "--", *boot_arguments,
    ]


async def run_boot(words, join, console):
    """From one boot to its shutdown. Returns the exit status of systemd-nspawn."""
    nspawn = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console,
        env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_NSPAWN_LOCK": "0"},
        preexec_fn=lambda: enter(join), start_new_session=True)
    try:
        return await nspawn.wait()
    finally:
        if nspawn.returncode is None:
            nspawn.kill()
            await nspawn.wait()


async def boot(tree, number, binds, environment, boot_arguments, console, timeout, memory_limit):
    """Boots `tree`, again when it reboots, and waits until it has powered itself off or `timeout`
    seconds are over. binds: (path outside, path inside, "" or "-ro"). Returns False on a
    time-out."""
    name = f"{PREFIX}{os.getpid()}-{number}"
    async with groups(name, memory_limit) as (join, small):
        if small:
            binds = [*binds, (small, "/run/small-memory", "")]
        words = command(tree, name, binds, environment, boot_arguments)
        try:
            async with asyncio.timeout(timeout):
                while await run_boot(words, join, console) == REBOOTS:
                    pass
            return True
        except TimeoutError:
            return False
        finally:
            with contextlib.suppress(FileNotFoundError):
                (PROPAGATE / name).rmdir()
