#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The watched agent: one TCP connection, and every way to treat it badly, on command.

    agent.py [--control PATH] [--socket FD] [COMMAND]...

Runs the COMMANDs, then those that come line by line from the unix socket PATH or from standard
input, and answers each with "ok ..." or "error ERRNO". The end of the commands ends it with 0.

    agent.py 'socket ipv4' 'option keepalive 1 1 2' 'connect 127.0.0.1 8883' 'wait input' crash
"""

import argparse
import array
import contextlib
import ctypes
import errno
import fcntl
import os
import resource
import select
import signal
import socket
import struct
import sys
import tempfile
import termios
import threading
import time

FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6, "mapped": socket.AF_INET6}
_libc = ctypes.CDLL(None, use_errno=True)

IP_RECVERR = 11
HEAD_START = 0.25  # seconds, of the first address (RFC 8305, 5)
CLONE_NEWNS = 0x20000  # clone(2)
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18  # mount(2)
RETRANSMITS_OFFSET = 2  # of tcpi_retransmits in struct tcp_info (linux/tcp.h)
QUIET_OFFSETS = (44, 52, 56)  # of tcpi_last_data_sent, tcpi_last_data_recv and tcpi_last_ack_recv
PROBES_OFFSET = 3  # of tcpi_probes
OUT_OF_ORDER_OFFSET = 224  # of tcpi_rcv_ooopack, there since 5.4
SEND_WINDOW_OFFSET = 228  # of tcpi_snd_wnd, there since 5.4


class Agent:
    """A method a command: its name without `do_`, the dashes as underscores."""

    def __init__(self, control_path, connection):
        self.control_path = control_path
        self.connection = connection
        self.aside = []  # other connections, which stay open
        self.parcel = None  # a socket pair to the forked child: sockets travel over it
        self.channel = []  # the files that commands come from

    # ---- making the connection

    def do_socket(self, family, kind="tcp"):
        protocol = socket.IPPROTO_MPTCP if kind == "mptcp" else 0
        self.connection = socket.socket(FAMILIES[family], socket.SOCK_STREAM, protocol)

    def do_option(self, name, *values):
        numbers = [int(value) for value in values]
        for level, option, value in OPTIONS[name](*numbers):
            self.connection.setsockopt(level, option, value)

    def do_connect(self, host, port):
        self.connection.connect((host, int(port)))
        return self.connection.getsockname()[1]

    def do_connect_in_turn(self, name, port):
        """To the addresses of a name, one after the other; returns the family that it took."""
        self.connection = socket.create_connection((name, int(port)))
        return self._family()

    def do_connect_happily(self, name, port):
        """To the addresses of a name in quick succession (RFC 8305), as asyncio does it."""
        import asyncio  # few cases need it
        asyncio.run(self._connect_happily(name, int(port)))
        return self._family()

    async def _connect_happily(self, name, port):
        import asyncio
        _, writer = await asyncio.open_connection(name, port, happy_eyeballs_delay=HEAD_START)
        self.connection = writer.get_extra_info("socket")._sock.dup()
        self.connection.setblocking(True)
        writer.close()

    def _family(self):
        return "ipv6" if self.connection.family == socket.AF_INET6 else "ipv4"

    def do_tls(self, authorities):
        """Goes on with TLS, as from the system's libssl."""
        import ssl  # few cases need it
        context = ssl.create_default_context(cafile=authorities)
        context.check_hostname = False
        self.connection = context.wrap_socket(self.connection)

    def do_connect_without_waiting(self, host, port):
        self.connection.setblocking(False)
        error = self.connection.connect_ex((host, int(port)))
        if error != errno.EINPROGRESS:
            raise OSError(error, "connect")
        return self.connection.getsockname()[1]

    def do_connect_with_data(self, host, port):
        """TCP Fast Open: from the second time on the data goes with the SYN (RFC 7413)."""
        self.connection.sendto(b"a", socket.MSG_FASTOPEN, (host, int(port)))
        return self.connection.getsockname()[1]

    def do_visit(self, count, family, host, port):
        """Many short connections; returns their ports."""
        ports = []
        for _ in range(int(count)):
            with socket.socket(FAMILIES[family], socket.SOCK_STREAM) as connection:
                connection.connect((host, int(port)))
                connection.sendall(b"a")
                ports.append(str(connection.getsockname()[1]))
        return ",".join(ports)

    def do_put_aside(self):
        """Keeps the connection open; the next one is made beside it."""
        self.aside.append(self.connection)

    def do_take_up(self, number):
        """Goes on with a connection that was put aside: the NUMBER-th, from 0."""
        self.connection = self.aside[int(number)]

    # ---- using it

    def do_send(self, size="1"):
        self.connection.sendall(b"a" * int(size))

    def do_send_bytes(self, digits, how="now"):
        """Sends what the hexadecimal digits say, `in-background` as the peer takes it."""
        data = bytes.fromhex(digits)
        if how == "in-background":
            threading.Thread(target=self.connection.sendall, args=(data,)).start()
        else:
            self.connection.sendall(data)

    def do_send_after_silence(self, seconds):
        """Sends when nothing has come or gone for so long. The kernel knows since when."""
        quiet = min(self.tcp_info("I", offset) for offset in QUIET_OFFSETS) / 1000
        if quiet > float(seconds):
            raise OSError(errno.ETIME, "it has been silent for longer")
        time.sleep(float(seconds) - quiet)
        self.do_send(10)

    def do_receive(self, size="65536"):
        return len(self.connection.recv(int(size)))

    def do_fill(self):
        """Sends until the peer offers a window of zero."""
        self.connection.setblocking(False)
        while self.tcp_info("I", SEND_WINDOW_OFFSET) > 0:
            try:
                self.connection.send(b"a" * 65536)
            except BlockingIOError:
                self.poll(select.POLLOUT, timeout_msec=10)
        self.connection.setblocking(True)

    def tcp_info(self, kind, offset):
        info = self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return struct.unpack_from(kind, info, offset)[0]

    def do_wait(self, what):
        """Waits, without reading, for `input`, the peer's `fin` or an `error`; returns which."""
        self.poll({"input": select.POLLIN, "fin": select.POLLRDHUP, "error": 0}[what])
        error = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return errno.errorcode[error] if error else what

    def do_wait_retransmission(self, times="1"):
        """Waits until a SYN or data had to be sent again so many times in a row."""
        while self.tcp_info("B", RETRANSMITS_OFFSET) < int(times):
            time.sleep(0.01)

    def do_wait_healed(self):
        """Waits until what was sent again is acknowledged."""
        while self.tcp_info("B", RETRANSMITS_OFFSET) > 0:
            time.sleep(0.01)

    def do_wait_hole(self):
        """Waits until something has come behind something that is missing."""
        while self.tcp_info("I", OUT_OF_ORDER_OFFSET) == 0:
            time.sleep(0.01)

    def do_wait_probe(self):
        """Waits until the peer was asked for a sign of life."""
        while self.tcp_info("B", PROBES_OFFSET) == 0:
            time.sleep(0.01)

    def poll(self, events, timeout_msec=None):
        poll = select.poll()
        poll.register(self.connection, events)
        poll.poll(timeout_msec)

    def do_unread(self):
        count = array.array("i", [0])
        fcntl.ioctl(self.connection, termios.FIONREAD, count)
        return count[0]

    def do_shutdown(self, how="write"):
        self.connection.shutdown({"write": socket.SHUT_WR, "both": socket.SHUT_RDWR}[how])

    def do_close(self):
        self.connection.close()

    def do_disconnect(self):
        """connect() to AF_UNSPEC, which Python's socket module has no word for."""
        address = struct.pack("H14x", socket.AF_UNSPEC)
        if _libc.connect(self.connection.fileno(), address, len(address)) != 0:
            raise OSError(ctypes.get_errno(), "connect")

    # ---- ending the process; none of these closes the connection itself

    def do_exit(self, status="0"):
        os._exit(int(status))

    def do_crash(self):
        ctypes.string_at(0)

    def do_abort(self):
        os.abort()

    def do_hog(self):
        """Takes memory until somebody objects."""
        hoard = []
        while True:
            hoard.append(b"\x01" * (1 << 20))

    # ---- doing nothing, for one reason or another

    def do_toil(self):
        """Works for each byte that it sends, until the peer closes."""
        with contextlib.suppress(ConnectionError):
            while True:
                end = time.thread_time() + 0.05
                while time.thread_time() < end:
                    pass
                self.connection.sendall(b"a")

    def do_spin(self):
        """Loops for nothing, until the peer closes."""
        poll = select.poll()
        poll.register(self.connection, select.POLLRDHUP)
        while not poll.poll(0):
            pass

    def do_deadlock(self, seconds):
        lock = threading.Lock()
        lock.acquire()
        lock.acquire(timeout=float(seconds))

    def do_open(self, path):
        with open(path, "wb"):
            pass

    def do_write(self, path):
        """Tries until there is room for it."""
        with open(path, "wb", buffering=0) as file:
            while True:
                try:
                    return file.write(b"a" * (1 << 16))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                time.sleep(0.05)

    def do_spawn(self, fifo):
        """Its child waits before it becomes another program, and with it the agent (vfork(2))."""
        child = os.posix_spawn("/bin/true", ["true"], {},
                               file_actions=[(os.POSIX_SPAWN_OPEN, 0, fifo, os.O_RDONLY, 0)])
        os.waitpid(child, 0)

    def do_hoard(self, size):
        """Takes so much memory, and keeps it."""
        self.hoard = bytearray(int(size))
        for at in range(0, int(size), 4096):
            self.hoard[at] = 1

    def do_limit_core(self, size):
        limit = resource.RLIM_INFINITY if size == "unlimited" else int(size)
        resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))

    def do_directory(self, path):
        os.chdir(path)

    def do_on_sigterm(self, what):
        """`close`, or `say-goodbye` and wait for the peer's FIN before closing; then exit."""
        def stop(*_):
            if what == "say-goodbye":
                self.do_send()
                self.do_wait("fin")
            self.connection.close()
            os._exit(0)
        signal.signal(signal.SIGTERM, stop)

    def do_handle_all(self):
        """A handler for each signal that can have one, as Go's runtime has."""
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, lambda *_: None)

    def do_connect_to_itself(self, listens="127.0.0.1", connects="127.0.0.1"):
        """A pair over the loopback interface, by which event loops wake their own threads."""
        family = socket.AF_INET6 if ":" in listens else socket.AF_INET
        with socket.create_server((listens, 0), family=family,
                                  dualstack_ipv6=listens == "::") as listener:
            port = listener.getsockname()[1]
            self.pair = [socket.create_connection((connects, port)), listener.accept()[0]]

    # ---- other holders of the connection

    def do_thread(self, *words):
        """Has another thread run a command."""
        threading.Thread(target=self.run, args=(" ".join(words),)).start()

    def do_fork(self):
        """The child shares the connection and takes commands of its own."""
        ours, childs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        child = os.fork()
        self.parcel = ours if child else childs
        if child == 0:
            for file in self.channel:
                file.close()
            self.obey()
            os._exit(0)
        return child

    def do_give(self):
        """Sends the connection's file to the forked child (SCM_RIGHTS); ours stays open."""
        socket.send_fds(self.parcel, [b"."], [self.connection.fileno()])

    def do_take(self):
        descriptor = socket.recv_fds(self.parcel, 1, 1)[1][0]
        self.connection = socket.socket(fileno=descriptor)

    def do_exec(self, fate):
        """Starts over as a new program that keeps (`keep`) or loses (`cloexec`) the connection."""
        words = [sys.executable, os.path.abspath(__file__), "--control", self.control_path]
        if fate == "keep":
            self.connection.set_inheritable(True)
            words += ["--socket", str(self.connection.fileno())]
        os.execv(words[0], words)

    def do_become(self, *words):
        """Becomes another program."""
        os.execvp(words[0], words)

    # ---- looking up names

    def do_name_server(self, address, *options):
        """A resolv.conf(5) of its own."""
        self._replace("/etc/resolv.conf", f"nameserver {address}\n",
                      *(f"options {option}\n" for option in options))

    def do_hosts(self, addresses, *names):
        """A hosts(5) of its own: ADDRESS[,ADDRESS...] of each name."""
        self._replace("/etc/hosts", *(f"{address} {' '.join(names)}\n"
                                      for address in addresses.split(",")))

    def _replace(self, path, *lines):
        """In a mount namespace of its own."""
        if _libc.unshare(CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        self._mount(None, "/", MS_REC | MS_PRIVATE)
        with tempfile.NamedTemporaryFile("w", delete=False) as ours:
            ours.writelines(lines)
        self._mount(ours.name, path, MS_BIND)
        os.unlink(ours.name)

    @staticmethod
    def _mount(source, target, flags):
        if _libc.mount(source and source.encode(), target.encode(), None, flags, None) != 0:
            raise OSError(ctypes.get_errno(), "mount")

    def do_resolve(self, name):
        try:
            socket.getaddrinfo(name, None)
        except socket.gaierror:
            return "not-found"
        return "found"

    # ---- obeying

    def run(self, line):
        name, *words = line.split()
        try:
            answer = getattr(self, "do_" + name.replace("-", "_"))(*words)
        except OSError as error:
            return f"error {errno.errorcode[error.errno]}"
        return "ok" if answer is None else f"ok {answer}"

    def obey(self):
        """Takes commands from a new control connection until it ends."""
        if self.control_path is None:
            commands, answers = sys.stdin, sys.stdout
        else:
            control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            control.connect(self.control_path)
            commands, answers = control.makefile("r"), control.makefile("w")
            self.channel = [commands, answers, control]
            print(os.getpid(), file=answers, flush=True)
        for line in commands:
            print(self.run(line), file=answers, flush=True)


def keepalive(idle, interval, count):
    """Yields options of tcp(7): `count` probes begin after `idle` s and come every `interval` s."""
    yield socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
    yield socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle
    yield socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval
    yield socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count


def user_timeout(milliseconds):
    yield socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds


def linger(seconds):
    yield socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, seconds)


def report_icmp():
    yield socket.IPPROTO_IP, IP_RECVERR, 1


OPTIONS = {
    "keepalive": keepalive,
    "user-timeout": user_timeout,
    "linger": linger,
    "report-icmp": report_icmp,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--control", metavar="PATH")
    parser.add_argument("--socket", metavar="FD", type=int)
    parser.add_argument("commands", metavar="COMMAND", nargs="*")
    options = parser.parse_args()
    connection = None if options.socket is None else socket.socket(fileno=options.socket)
    agent = Agent(options.control, connection)
    for line in options.commands:
        agent.run(line)
    agent.obey()


if __name__ == "__main__":
    main()
