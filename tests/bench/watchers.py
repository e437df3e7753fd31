# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that watch, and what the kernel tells of them."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

CGROUPS = next(path for path in map(pathlib.Path, ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"])
               if (path / "cgroup.procs").exists())
MEMORY_V1 = pathlib.Path("/sys/fs/cgroup/memory")
BPF_STATISTICS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
PATIENCE = 30
LOAD_PROCESSOR, WATCH_PROCESSOR = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))

PEERS = {"tcplife": ["/usr/sbin/tcplife"], "tcpstates": ["/usr/sbin/tcpstates"]}


def pinned(processor):
    return lambda: os.sched_setaffinity(0, {processor})


def wait_until(happened, what):
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {PATIENCE} s")
        time.sleep(0.01)


@contextlib.contextmanager
def control_group(root, purpose):
    """A control group below `root` that is ours alone. What is in it must have ended by the end."""
    path = root / f"connwatch-bench-{os.getpid()}-{purpose}"
    path.mkdir()
    try:
        yield path
    finally:
        def is_gone():
            with contextlib.suppress(OSError):
                path.rmdir()
            return not path.exists()
        wait_until(is_gone, f"{path} is empty")


class Watcher:
    """A program that waits for events; it is ready when it does. Runs where the load does not."""

    def __init__(self, words, output=subprocess.DEVNULL, environment=None, join=None):
        def prepare():
            pinned(WATCH_PROCESSOR)()
            if join:
                (join / "cgroup.procs").write_text("0")
        self._complaints = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=self._complaints,
            env={**os.environ, **(environment or {})}, preexec_fn=prepare)
        try:
            wait_until(self._waits, f"{words[0]} waits for events")
        except RuntimeError:
            self.process.kill()
            raise

    def _waits(self):
        if self.process.poll() is not None:
            self._complaints.seek(0)
            raise RuntimeError(f"{self.process.args[0]}: {self._complaints.read().decode()}")
        return "poll" in self._file("wchan").read_text()

    def _file(self, name):
        return pathlib.Path("/proc", str(self.process.pid), name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        self._complaints.close()

    # ---- what it costs

    def _programs(self):
        """The ids of its BPF programs."""
        ids = set()
        for fd in self._file("fdinfo").iterdir():
            ids.update(int(line.split()[1]) for line in fd.read_text().splitlines()
                       if line.startswith("prog_id:"))
        return ids

    def has_host_lens(self):
        """Connections of the whole host run its programs."""
        for fd in self._file("fdinfo").iterdir():
            with contextlib.suppress(OSError):
                if re.search(r"^tp_name:\s+inet_sock_set_state$", fd.read_text(), re.MULTILINE):
                    return True
        return False

    def wait_for_group_lens(self):
        wait_until(lambda: not self.has_host_lens(), "the host's lens is gone")

    def kernel_time(self):
        """{program: (nanoseconds, runs)}, since it was loaded, while BPF statistics are on."""
        wanted = self._programs()
        shown = subprocess.run(["bpftool", "--json", "prog", "show"], stdout=subprocess.PIPE,
                               check=True).stdout
        return {program["name"]: (program.get("run_time_ns", 0), program.get("run_cnt", 0))
                for program in json.loads(shown) if program["id"] in wanted}

    def memory(self):
        """{"Rss", "Pss", "Anonymous", "mapped" (BPF maps, which are the kernel's): bytes}."""
        fields = dict(line.split(":") for line in
                      self._file("smaps_rollup").read_text().splitlines()[1:])
        memory = {name: int(fields[name].split()[0]) * 1024
                  for name in ["Rss", "Pss", "Anonymous"]}
        return {**memory, "mapped": self._mapped_maps()}

    def _mapped_maps(self):
        sizes = re.findall(r"^\S+-\S+ .* (?:anon_inode:)?\[?bpf-map\]?\n(?:.*\n)*?Rss: +(\d+) kB",
                           self._file("smaps").read_text(), re.MULTILINE)
        return sum(map(int, sizes)) * 1024

    def busy_seconds(self):
        user, system = self._file("stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def wait_idle(self):
        """Until it has done nothing for a while."""
        busy = -1
        while busy != (now := self.busy_seconds()):
            busy = now
            time.sleep(2)

    def wake_ups(self):
        """Returns how many times the watcher slept and was woken."""
        for line in self._file("status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                return int(line.split()[1])
        raise RuntimeError("no count of context switches")


@contextlib.contextmanager
def bpf_statistics():
    before = BPF_STATISTICS.read_text()
    BPF_STATISTICS.write_text("1")
    try:
        yield
    finally:
        BPF_STATISTICS.write_text(before)
