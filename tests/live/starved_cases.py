# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cases of an agent that hangs: because the host does not give it what it needs, or although it does."""

import contextlib
import os
import shutil
import subprocess
import time

from case import LIKELY, NOT_PROVED, SUSPECTED, Wanted, ended, story
from held_opens import HeldOpens
from session_cases import HANGING, keep_alive
from stage import MEMORY_GROUPS, PROCESSOR_GROUPS, PROCESSOR_LIMIT, PATIENCE
from supervised import Surprise


def told(cause, confidence, *evidence):
    return Wanted("stalled", None, (cause,), confidence, evidence=evidence)


def starved_until_the_hub_closes(*evidence, needs=None):
    return story(told("host-starved", LIKELY, *evidence),
                 ended("peer-fin", "host-starved", LIKELY, evidence=("stalled_before=host-starved",)),
                 settings=HANGING, needs=needs)


def hangs(*evidence, confidence=LIKELY, needs=None):
    """By its own fault, or so it seems."""
    return story(told("agent-hang", confidence, *evidence),
                 ended("peer-fin", "agent-hang", confidence), settings=HANGING, needs=needs)


# ---- what a case may need

def quotas():
    limit = PROCESSOR_GROUPS / "cgroup.subtree_control"
    if PROCESSOR_LIMIT == "cpu.max" and (not limit.exists() or "cpu" not in limit.read_text().split()):
        return "no control group can have a quota of processor time"
    return None


def throttled_memory():
    limit = MEMORY_GROUPS / "cgroup.subtree_control"
    if not limit.exists() or "memory" not in limit.read_text().split():
        return "control groups have no memory.high"
    return None


def held_opens():
    try:
        HeldOpens("/tmp").release()
    except OSError as failure:
        return f"no open can be held: {failure}"
    return None


def own_mounts():
    return None if shutil.which("nsenter") else "no nsenter"


def frozen_disks():
    if not all(map(shutil.which, ("mkfs.ext4", "fsfreeze", "losetup", "nsenter"))):
        return "no tools for file systems"
    if subprocess.run(["losetup", "--find"], capture_output=True).returncode:
        return "no loop device"
    return None


def as_agent(stage, *words):
    """Runs a command where the agent's mounts are."""
    subprocess.run(["nsenter", f"--target={stage.agent.pid}", "--mount", *map(str, words)],
                   check=True)


@contextlib.contextmanager
def mounted(stage, *words):
    """A file system of its own below the stage's directory."""
    place = stage.directory / "disk"
    place.mkdir()
    as_agent(stage, "mount", *words, place)
    try:
        yield place
    finally:
        as_agent(stage, "umount", "--lazy", place)


@contextlib.contextmanager
def frozen(stage, place):
    as_agent(stage, "fsfreeze", "--freeze", place)
    try:
        yield
    finally:
        as_agent(stage, "fsfreeze", "--unfreeze", place)


# ---- the processor

def toil(stage, peer, seconds):
    """The agent works, and the hub takes what it sends."""
    stage.agent.tell("toil")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        peer.receive()


@starved_until_the_hub_closes("short_of=cpu*", "throttled=*", "runnable=yes", needs=quotas)
def throttled_by_a_quota(stage):
    peer = stage.connect()
    toil(stage, peer, 2)
    stage.limit_processor(1)
    stage.wait_told("stalled")
    peer.shutdown()
    stage.wait_told("ended")
    peer.close()
    stage.limit_processor(0)
    stage.agent.answer()


@hangs("runnable=yes", confidence=NOT_PROVED, needs=quotas)
def loops_for_ever_under_a_quota(stage):
    peer = stage.connect()
    stage.limit_processor(5)
    keep_alive(stage, peer, 2)
    stage.agent.tell("spin")
    stage.wait_told("stalled")
    peer.close()
    stage.wait_told("ended")
    stage.agent.answer()


@hangs("runnable=yes")
def loops_for_ever(stage):
    peer = stage.connect()
    keep_alive(stage, peer, 2)
    stage.agent.tell("spin")
    stage.wait_told("stalled")
    peer.close()
    stage.wait_told("ended")
    stage.agent.answer()


# ---- locks

@hangs("system_call=futex*")
def deadlock(stage):
    peer = stage.connect()
    keep_alive(stage, peer, 2)
    stage.agent.tell("deadlock", 6)
    stage.wait_told("stalled")
    peer.close()
    stage.wait_told("ended")
    stage.agent.answer()


@hangs("uninterruptible=yes", "system_call=clone*")
def waits_for_its_child(stage):
    """As uninterruptibly as for a disk."""
    fifo = stage.directory / "fifo"
    os.mkfifo(fifo)
    peer = stage.connect()
    keep_alive(stage, peer, 2)
    stage.agent.tell("spawn", fifo)
    stage.wait_told("stalled")
    peer.close()
    stage.wait_told("ended")
    fifo.open("w").close()
    stage.agent.answer()


# ---- the disk

@starved_until_the_hub_closes("short_of=io", "uninterruptible=yes", "system_call=open*",
                              needs=held_opens)
def scanner_holds_its_file(stage):
    directory = stage.directory / "scanned"
    directory.mkdir()
    (directory / "file").touch()
    peer = stage.connect()
    keep_alive(stage, peer, 2)
    scanner = HeldOpens(directory)
    try:
        stage.agent.tell("open", directory / "file")
        if not scanner.wait(PATIENCE):
            raise Surprise("nothing was opened")
        stage.wait_told("stalled")
        peer.close()
        stage.wait_told("ended")
    finally:
        scanner.release()
    stage.agent.answer()


@starved_until_the_hub_closes("short_of=io", "uninterruptible=yes", "system_call=open*",
                              needs=frozen_disks)
def disk_is_frozen(stage):
    image = stage.directory / "image"
    with image.open("wb") as file:
        file.truncate(4 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    peer = stage.connect()
    with mounted(stage, "-o", "loop", image) as disk:
        with frozen(stage, disk):
            keep_alive(stage, peer, 2)
            stage.agent.tell("write", disk / "file")
            stage.wait_told("stalled")
            peer.close()
            stage.wait_told("ended")
        stage.agent.answer()


@hangs("short_of=disk", "disk_full=*/disk", "or=host-starved", confidence=SUSPECTED,
       needs=own_mounts)
def disk_is_full(stage):
    image = stage.directory / "image"
    image.write_bytes(b"a" * 4096)
    peer = stage.connect()
    with mounted(stage, "-t", "tmpfs", "-o", "size=4k", "disk") as disk:
        keep_alive(stage, peer, 2)
        as_agent(stage, "cp", image, disk / "rest")
        stage.agent.tell("write", disk / "file")
        stage.wait_told("stalled")
        peer.close()
        stage.wait_told("ended")
        as_agent(stage, "mount", "-o", "remount,size=1m", disk)
        stage.agent.answer()


# ---- memory

@starved_until_the_hub_closes("short_of=memory", needs=throttled_memory)
def memory_is_throttled(stage):
    peer = stage.connect()
    keep_alive(stage, peer, 2)
    stage.throttle_memory(4 << 20)
    stage.agent.tell("hoard", 64 << 20)
    stage.wait_told("stalled")
    peer.close()
    stage.wait_told("ended")
    stage.release_memory()
    stage.agent.answer()
