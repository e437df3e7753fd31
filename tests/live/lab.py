# SPDX-License-Identifier: LGPL-2.1-or-later
"""A network of its own for every case: three network namespaces in a row.

    device 10.77.1.2 ---- 10.77.1.1 router 10.77.2.1 ---- 10.77.2.2 cloud
           fd77:1::2      fd77:1::1        fd77:2::1      fd77:2::2

The agent lives in `device`, the hub in `cloud`, and the faults of the way between them in `router`.
Time-outs are short. Nothing outside the namespaces is touched; leaving the context removes them.
"""

import contextlib
import ctypes
import itertools
import os
import re
import socket
import struct
import subprocess
from pathlib import Path

PREFIX = "connwatch"
NAMESPACES = Path("/run/netns")
CLONE_NEWNET = 0x40000000

DEVICE_ADDRESS = {"ipv4": "10.77.1.2", "ipv6": "fd77:1::2"}
CLOUD_ADDRESS = {"ipv4": "10.77.2.2", "ipv6": "fd77:2::2"}

SETTINGS = {
    "device": {
        "net/ipv4/tcp_retries2": 2,  # about 3 s with the shortest time-outs
        "net/ipv4/tcp_syn_retries": 1,  # 1 + 2 s
        "net/ipv4/tcp_syn_linear_timeouts": 0,
        "net/ipv4/tcp_orphan_retries": 2,
    },
    "router": {
        "net/ipv4/ip_forward": 1,
        "net/ipv6/conf/all/forwarding": 1,
    },
    "cloud": {},
}

WIDE, NARROW = 1500, 1300  # bytes: the links, and one that lets less through

NO_WAITING = {  # for duplicates of an address that nobody else can have (RFC 4862)
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/default/dad_transmits": 0,
}

LINKS = """\
link add name uplink netns {device} type veth peer name inside netns {router}
link add name downlink netns {cloud} type veth peer name outside netns {router}
"""

ADDRESSES = {
    "device": """\
link set lo up
link set uplink up
address add 10.77.1.2/24 dev uplink
address add fd77:1::2/64 dev uplink nodad
route add default via 10.77.1.1
route add ::/0 via fd77:1::1
""",
    "router": """\
link set lo up
link set inside up
link set outside up
address add 10.77.1.1/24 dev inside
address add 10.77.2.1/24 dev outside
address add fd77:1::1/64 dev inside nodad
address add fd77:2::1/64 dev outside nodad
""",
    "cloud": """\
link set lo up
link set downlink up
address add 10.77.2.2/24 dev downlink
address add fd77:2::2/64 dev downlink nodad
route add default via 10.77.2.1
route add ::/0 via fd77:2::1
""",
}

os.environ["PATH"] += ":/usr/sbin:/sbin"  # where ip, nft, bpftool and mosquitto are

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()


def _enter(namespace_fd):
    if _libc.setns(namespace_fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(namespace):
    """Moves the calling thread into `namespace`. Sockets and children made there stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        away = os.open(NAMESPACES / namespace, os.O_RDONLY)
        try:
            _enter(away)
        finally:
            os.close(away)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def command(*words, stdin=None):
    """Runs a program to its end and returns its output; raises with its complaint if it fails."""
    done = subprocess.run(words, input=stdin, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def forwarding(table, rule):
    """For nft(8): a table with one rule for what is forwarded; the rest goes through."""
    return (f"table inet {table} {{ chain forward {{\n"
            "type filter hook forward priority filter; policy accept;\n"
            f"{rule}\n"
            "}\n}\n")


NETLINK_NETFILTER = 12  # linux/netlink.h
CT_NEW, CT_DELETE = 0, 2  # enum cntl_msg_types; DELETE without attributes: of all entries


def conntrack_request(message, flags, family=0, attributes=b""):
    """A message of ctnetlink."""
    subsystem = 1  # NFNL_SUBSYS_CTNETLINK
    return struct.pack("=IHHIIBxxx", 20 + len(attributes), subsystem << 8 | message, flags, 1, 0,
                       family) + attributes


def attribute(number, *content):
    """One of netlink: bytes, or attributes in it."""
    content = b"".join(content)
    padding = b"\0" * (-len(content) % 4)
    return struct.pack("=HH", 4 + len(content), number) + content + padding


def conntrack_tuple(number, source, destination):
    """CTA_TUPLE_ORIG or CTA_TUPLE_REPLY of TCP; the ends are packed addresses and ports."""
    nested = 0x8000  # NLA_F_NESTED
    return attribute(
        number | nested,
        attribute(1 | nested, attribute(1, source[0]), attribute(2, destination[0])),
        attribute(2 | nested, attribute(1, b"\6"), attribute(2, source[1]),
                  attribute(3, destination[1])))


def conntrack_entry(address, port):
    """Creates an entry of a connection that was answered, which the kernel does not drop early."""
    ends = (address, port), (b"\xc0\0\2\1", b"\0\x50")
    create = 0x1 | 0x400  # NLM_F_REQUEST | NLM_F_CREATE
    return conntrack_request(
        CT_NEW, create, socket.AF_INET,
        conntrack_tuple(1, *ends) + conntrack_tuple(2, *reversed(ends))
        + attribute(3, struct.pack(">I", 0xe))  # IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED
        + attribute(7, struct.pack(">I", 600)))  # seconds


def netfilter_socket():
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)


def flush_conntrack():
    """In the namespace that the thread is in, as `conntrack -F` does."""
    with netfilter_socket() as netlink:
        netlink.send(conntrack_request(CT_DELETE, 0x1 | 0x4))  # NLM_F_REQUEST | NLM_F_ACK
        error, = struct.unpack_from("=i", netlink.recv(4096), 16)
    if error:
        raise OSError(-error, os.strerror(-error))


def fill_conntrack():
    """In the namespace that the thread is in, until there is no room for one more."""
    room = int(Path("/proc/sys/net/netfilter/nf_conntrack_max").read_text())
    port = b"\xff\xfe"  # in no other place of an entry
    with netfilter_socket() as netlink:
        for address in range(room // 256 + 1):
            entry = conntrack_entry(struct.pack(">I", 10 << 24 | address), port)
            netlink.send(b"".join(entry.replace(port, bytes((80, i))) for i in range(256)))


def is_orphaned(name):
    """True for what a test named after itself (PREFIX-PID-...) and left behind."""
    owner = re.match(rf"{PREFIX}-(\d+)-", name)
    return owner is not None and not Path("/proc", owner[1]).exists()


def sweep():
    """Removes the namespaces that a run that was killed left behind."""
    for path in NAMESPACES.glob(f"{PREFIX}-*"):
        if is_orphaned(path.name):
            _delete(path.name)


def _delete(namespace):
    subprocess.run(["ip", "netns", "delete", namespace], stderr=subprocess.DEVNULL)


class Lab:
    """The three namespaces, and the faults of the way between them."""

    def __init__(self):
        number = next(_numbers)
        for place in ADDRESSES:
            setattr(self, place, f"{PREFIX}-{os.getpid()}-{number}-{place}")

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        self._remove()

    def _build(self):
        names = self._names()
        self._ip("".join(f"netns add {name}\n" for name in names.values()))
        for place, name in names.items():
            with inside(name):
                for setting, value in {**SETTINGS[place], **NO_WAITING}.items():
                    self._write_setting(setting, value)
        self._ip(LINKS.format(**names))
        for place, name in names.items():
            with inside(name):
                self._ip(ADDRESSES[place])

    def _names(self):
        return {place: getattr(self, place) for place in ADDRESSES}

    @staticmethod
    def _ip(batch):
        command("ip", "-batch", "-", stdin=batch)

    @staticmethod
    def _write_setting(setting, value):
        path = Path("/proc/sys", setting)
        if path.exists():
            path.write_text(str(value))

    def _remove(self):
        for name in self._names().values():
            _delete(name)

    def processes(self):
        """The pids in the lab."""
        return [
            int(pid)
            for name in self._names().values()
            for pid in command("ip", "netns", "pids", name).split()
        ]

    # ---- settings

    def set(self, place, **settings):
        """Sets net.ipv4.NAME=VALUE in one place."""
        with inside(getattr(self, place)):
            for name, value in settings.items():
                self._write_setting(f"net/ipv4/{name}", value)

    # ---- faults in the middle: the router still stands, but does something to what it forwards

    def lose_packets(self, percent):
        """So many of what goes through the router, by chance; 0: no longer."""
        with inside(self.router):
            command("nft", "-f", "-", stdin=(
                "table inet loss\ndelete table inet loss\n"
                + forwarding("loss", f"numgen random mod 100 < {percent} drop")
                if percent else "delete table inet loss\n"))

    def black_hole(self):
        """Nothing gets through any more, and nobody says so."""
        self._forward("drop")

    def deaf(self):
        """The path loses packets to the device; packets from it arrive."""
        self._forward("iifname outside drop")

    def mute(self):
        """The path loses packets from the device; packets to it arrive."""
        self._forward("iifname inside drop")

    def family_lost(self, family):
        """The path swallows IPv4 or IPv6."""
        self._forward(f"meta nfproto {family} drop")

    def reset_in_the_middle(self):
        """The next TCP segment is answered with a RST, by the router."""
        self._forward("meta l4proto tcp reject with tcp reset")

    def unreachable(self, kind="host-unreachable"):
        """The path answers the device's packets with ICMP: KIND as in nft's `reject with icmpx`."""
        self._forward(f"iifname inside reject with icmpx type {kind}")

    def narrow(self, link, told, size=NARROW):
        """What goes out of the router's LINK, `inside` to the device or `outside` to the cloud, may
        have no more than SIZE bytes from now on. The router says so, or somebody drops that."""
        rules = ("table inet told { chain output {\n"
                 "type filter hook output priority filter\n"
                 "icmp type destination-unreachable drop\n"
                 "icmpv6 type packet-too-big drop\n"
                 "}\n}\n")
        with inside(self.router):
            self._ip(f"link set {link} mtu {size}")
            if not told:
                command("nft", "-f", "-", stdin=rules)

    def masquerade(self, how=""):
        """The device is a container, and the router its host: that hides it behind its address.
        HOW as in nft: `fully-random` takes another port each time."""
        self._masquerade(self.router, "outside", how)

    def masquerade_on_device(self, how=""):
        """Of what the device itself sends."""
        self._masquerade(self.device, "uplink", how)

    @staticmethod
    def _masquerade(namespace, link, how):
        with inside(namespace):
            command("nft", "-f", "-", stdin=(
                "table inet nat { chain nat {\n"
                "type nat hook postrouting priority srcnat; policy accept;\n"
                f"oifname {link} masquerade {how}\n"
                "}\n}\n"))
            flush_conntrack()  # that it can be asked: it may be a module

    def masquerade_no_more_on_device(self):
        with inside(self.device):
            command("nft", "delete table inet nat")

    def forget_translations(self, place="router"):
        """Connection tracking forgets all connections of one place, as by `conntrack -F`."""
        with inside(getattr(self, place)):
            flush_conntrack()

    def swallow_resets(self):
        """A balancer before the cloud answers nothing for a connection that it does not know."""
        with inside(self.cloud):
            command("nft", "-f", "-", stdin=(
                "table inet balancer { chain output {\n"
                "type filter hook output priority filter\n"
                "tcp flags rst drop\n"
                "}\n}\n"))

    def black_hole_before_the_hub(self):
        """The next host, behind the router, drops what comes."""
        with inside(self.cloud):
            command("nft", "-f", "-", stdin=(
                "table inet fault { chain fault {\n"
                "type filter hook prerouting priority raw\n"
                "meta l4proto tcp drop\n"
                "}\n}\n"))

    def forward(self, rule):
        """A rule for what goes through the router; NAT stays."""
        with inside(self.router):
            command("nft", "-f", "-", stdin=forwarding("forward", rule))

    def heal(self):
        with inside(self.router):
            command("nft", "flush ruleset")
            self._ip(f"link set inside mtu {WIDE}\nlink set outside mtu {WIDE}")

    def _forward(self, rule):
        with inside(self.router):
            command("nft", "-f", "-", stdin="flush ruleset\n" + forwarding("fault", rule))

    # ---- faults on the device itself

    def link_down(self):
        self._on_device("link set uplink down")

    def link_up(self):
        """With what the kernel took away when it went down: the routes, and IPv6 addresses."""
        self._on_device("link set uplink up\n"
                        "address replace fd77:1::2/64 dev uplink nodad\n"
                        "route replace default via 10.77.1.1\n"
                        "route replace ::/0 via fd77:1::1\n")

    def cable_pulled(self):
        """The device's link stays up but loses its carrier."""
        with inside(self.router):
            self._ip("link set inside down")

    def cable_plugged_in(self):
        with inside(self.router):
            self._ip("link set inside up\naddress replace fd77:1::1/64 dev inside nodad")

    def address_removed(self):
        self._on_device("address flush dev uplink")

    def address_replaced(self):
        """Removes the address, as at the end of a lease: link and routes stay."""
        self._on_device("address delete 10.77.1.2/24 dev uplink\n"
                        "address delete fd77:1::2/64 dev uplink\n"
                        "address add 10.77.1.3/24 dev uplink\n"
                        "address add fd77:1::3/64 dev uplink nodad\n"
                        "route replace default via 10.77.1.1\n"
                        "route replace ::/0 via fd77:1::1\n")

    def route_removed(self):
        self._on_device("route delete default\nroute delete ::/0")

    def route_restored(self):
        self._on_device("route replace default via 10.77.1.1\nroute replace ::/0 via fd77:1::1")

    def route_expires(self):
        """In a second; the kernel tells that half a minute later."""
        self._on_device("route replace ::/0 via fd77:1::1 expires 1")

    def route_refuses(self):
        """A route that answers `unreachable` stands in the way."""
        self._on_device("route replace unreachable default\n"
                        "route replace unreachable ::/0 metric 1")

    def next_hop_dies(self):
        """The link is fine, but nobody answers to the router's address any more, nor asks."""
        rules = "".join(
            f"table {family} fault {{ chain {hook} {{\n"
            f"type filter hook {hook} priority filter\n"
            f"{match} drop\n"
            "}\n}\n"
            for family, match in (("arp", ""), ("ip6", "icmpv6 type nd-neighbor-solicit"),
                                  ("ip6", "icmpv6 type nd-neighbor-advert"))
            for hook in ("input", "output"))
        with inside(self.router):
            command("nft", "-f", "-", stdin=rules)
        self._on_device("neighbour flush dev uplink")

    def firewall_on_device(self, rule="drop", hook="output", match="meta l4proto tcp"):
        """A rule on the device itself, in the place of the one before, at once; without a word
        unless RULE says more. HOOK may name several."""
        chains = "".join(
            f"chain {name} {{\ntype filter hook {name} priority filter\n{match} {rule}\n}}\n"
            for name in hook.split())
        with inside(self.device):
            command("nft", "-f", "-", stdin=(
                "add table inet fault\ndelete table inet fault\n"
                f"table inet fault {{\n{chains}}}\n"))

    def conntrack_full_on_device(self):
        """A rule has the device track connections, and its table has no room for one more."""
        with inside(self.device):
            command("nft", "-f", "-", stdin=(
                "table inet tracked { chain output {\n"
                "type filter hook output priority filter\n"
                "ct state new accept\n"
                "}\n}\n"))
            fill_conntrack()

    def firewall_lifted(self):
        with inside(self.device):
            command("nft", "delete table inet fault")

    def _on_device(self, batch):
        with inside(self.device):
            self._ip(batch)

    def forget_silently(self, place, port):
        """The connections to or from `port` are gone in one place, and nobody is told."""
        with inside(getattr(self, place)):
            command("nft", "-f", "-", stdin=(
                "table inet silence { chain output {\n"
                "type filter hook output priority filter\n"
                "tcp flags rst drop\n"
                "}\n}\n"))
        self.abort_connections(place, port)
        with inside(getattr(self, place)):
            command("nft", "delete table inet silence")

    def abort_connections(self, place, port):
        """SOCK_DESTROY of the connections to or from `port` in one place."""
        with inside(getattr(self, place)):
            command("ss", "-K", "-tn", f"dport = :{port} or sport = :{port}")
