# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agents that a play can have: programs in several languages, most of them not ours."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

import certificate
from relay import ADDRESS, ADDRESS6, BACKEND_PORT, PORT

HERE = Path(__file__).resolve().parent / "agents"
PYTHON = "/usr/bin/python3"

ENDS = {"close", "abort", "exit", "close-exit", "abort-exit", "give-up", "give-up-exit"}
HELPERS = {"helper-crash", "helper-idle"}
OF_C = {"send", "send-large", "flood", "crash", "trap", "hang", "open", "fault", "half-close",
        "fin-abort", "close-writing", "exec", "exec-close", "reload", "run-out-of-time", *ENDS,
        *HELPERS}  # what agent.c can do


@dataclass(frozen=True)
class Program:
    name: str
    words: Callable           # build -> what to start
    server: Optional[str] = None   # what stands behind the relay; None: the relay itself
    commands: frozenset = frozenset()
    passes: frozenset = frozenset()  # signals that it handles and goes on
    protocol: str = "plain"
    parent: bool = False      # a process of the agent above it hands a stop on
    farewell: bool = False    # a stop makes it say goodbye in its protocol first
    namespace: bool = False   # the parent is the first process of a pid namespace
    gives_up: str = "retransmit-timeout"  # the kernel, by which timer, on what was sent
    watches: str = ""         # the timer by which the kernel asks for a peer that says nothing
    crash: str = "agent-crash"  # what its `crash` is: a runtime may make an exit of a fault
    ipv6: str = ADDRESS6      # how it takes an address of IPv6; "": not at all
    tools: tuple = ()         # what must be installed

    @property
    def secure(self):
        """It speaks TLS."""
        return self.server in ("mosquitto-tls", "tls")

    def start(self, build, ipv6):
        """The words that start it."""
        return [word.replace(ADDRESS, self.ipv6) if ipv6 else word for word in self.words(build)]

    def missing(self, build):
        """What it lacks, in words; None if nothing. A tool is a program, a module of Python
        (module/NAME), or something below the directory of the build (build/PATH)."""
        for tool in self.tools:
            kind, _, name = tool.partition("/")
            if not (name in MODULES if kind == "module" else
                    (build / name).exists() if kind == "build" else shutil.which(tool)):
                return f"{tool} is missing"
        return None


def modules(*names):
    """Those of `names` that the system's Python has."""
    probe = "import importlib.util, sys; print(*filter(importlib.util.find_spec, sys.argv[1:]))"
    return set(subprocess.run([PYTHON, "-c", probe, *names], capture_output=True, text=True,
                              check=True).stdout.split())


MODULES = modules("paho", "websockets")
TOLD = frozenset({"HUP", "USR1", "INT"})
SUB = ["mosquitto_sub", "-h", ADDRESS, "-p", str(PORT), "-t", "t", "-i", "sub", "-k", "30"]


def told(*words, more=()):
    """A program of tests/truth/agents that takes commands."""
    return lambda build: [*(str(build / w[6:]) if w.startswith("build/") else w for w in words),
                          ADDRESS, str(PORT), "FIFO", *more]


PROGRAMS = {program.name: program for program in (
    Program("c", told("build/truth/agent"), commands=frozenset(OF_C), passes=TOLD,
            tools=("build/truth/agent",)),
    Program("worker", told("build/truth/agent", more=("worker",)),
            commands=frozenset(OF_C - {"open"}),  # what hangs is looked at in the one that opened it
           
            passes=TOLD, parent=True, tools=("build/truth/agent",)),
    Program("given", told("build/truth/agent", more=("given",)),
            commands=frozenset(OF_C - {"open"}),
           
            passes=TOLD, parent=True, tools=("build/truth/agent",)),
    Program("two-hubs", told("build/truth/agent", more=("two",)),
            commands=frozenset(OF_C - {"exec"}) | {"two"}, passes=TOLD,
            tools=("build/truth/agent",)),
    Program("keep-alive", told("build/truth/agent", more=("keep-alive",)),
            commands=frozenset(OF_C), passes=TOLD, watches="keepalive-timeout",
            tools=("build/truth/agent",)),
    Program("user-timeout", told("build/truth/agent", more=("user-timeout",)),
            commands=frozenset(OF_C - {"send-large"}), passes=TOLD, gives_up="user-timeout",
            watches="user-timeout", tools=("build/truth/agent",)),
    Program("paho", told(PYTHON, str(HERE / "paho_agent.py")), "mosquitto",
            commands=frozenset({"send", "send-large", "crash", "trap", "goodbye", *ENDS, *HELPERS}),
            passes=TOLD, protocol="mqtt", farewell=True, tools=("mosquitto", "module/paho")),
    Program("node", told("node", str(HERE / "node_agent.js")), "mosquitto",
            commands=frozenset({"send", "trap", "hang", "open", "goodbye", *ENDS, *HELPERS}),
            passes=frozenset({"HUP", "USR2", "INT"}), protocol="mqtt", farewell=True,
            ipv6=f"[{ADDRESS6}]", tools=("node", "build/sdk/node_modules/mqtt", "mosquitto")),
    Program("go", told("build/truth/goagent"), "mosquitto",
            commands=frozenset({"send", "crash", "trap", "fault", "goodbye", *ENDS, *HELPERS}),
            passes=TOLD, protocol="mqtt", farewell=True, crash="agent-exit", ipv6="",
            tools=("build/truth/goagent", "mosquitto")),
    Program("go-tls", told("build/truth/goagent", more=("AUTHORITY",)), "mosquitto-tls",
            commands=frozenset({"send", "crash", "trap", "fault", "goodbye", *ENDS, *HELPERS}),
            passes=TOLD, protocol="mqtt", farewell=True, crash="agent-exit", ipv6="",
            tools=("build/truth/goagent", "mosquitto")),
    Program("tls", told(PYTHON, str(HERE / "tls_agent.py"), more=("AUTHORITY",)), "tls",
            commands=frozenset({"send", "send-large", "crash", "trap", "goodbye", *ENDS}), passes=TOLD,
            protocol="tls"),
    Program("java", lambda build: ["java", "-Xmx64m", "-XX:+UseSerialGC", "-cp",
                                   str(build / "truth"), "Agent", ADDRESS, str(PORT), "FIFO"],
            commands=frozenset({"send", "fault", *ENDS, *HELPERS}),
            passes=frozenset({"QUIT"}), tools=("java", "build/truth/Agent.class")),
    Program("mosquitto_sub", lambda _: SUB, "mosquitto", protocol="mqtt", farewell=True,
            tools=("mosquitto_sub", "mosquitto")),
    Program("shell", lambda _: ["sh", str(HERE / "trap.sh"), *SUB], "mosquitto",
            protocol="mqtt", parent=True, farewell=True, tools=("mosquitto_sub", "mosquitto")),
    Program("tini", lambda _: ["tini", "-s", "--", *SUB], "mosquitto", protocol="mqtt",
            parent=True, farewell=True, tools=("tini", "mosquitto_sub", "mosquitto")),
    Program("container", lambda _: ["unshare", "--pid", "--fork", "--kill-child", "tini", "-s",
                                    "--", "sh", "-c", "\"$@\" & wait", "sh", *SUB],
            "mosquitto", protocol="mqtt", namespace=True,
            tools=("tini", "mosquitto_sub", "mosquitto")),
    Program("redis", lambda _: ["redis-cli", "-h", ADDRESS, "-p", str(PORT), "SUBSCRIBE", "t"],
            "redis", protocol="redis", tools=("redis-cli", "redis-server")),
    Program("curl", lambda _: ["curl", "-sN", "-o", "/dev/null", f"http://{ADDRESS}:{PORT}/"],
            "http", protocol="http", ipv6=f"[{ADDRESS6}]", tools=("curl",)),
    Program("websocket", lambda _: [PYTHON, str(HERE / "websocket_agent.py"), ADDRESS, str(PORT)],
            "websocket", protocol="websocket", ipv6=f"[{ADDRESS6}]", tools=("module/websockets",)),
)}

HTTP = """
import socket, threading, time
def serve(client):
    client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\n\\r\\n")
    while True:
        client.sendall(b"tick\\n"); time.sleep(0.5)
listener = socket.create_server(("127.0.0.1", %d))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
""" % BACKEND_PORT

SERVERS = {
    "mosquitto": lambda directory: ["mosquitto", "-c", mosquitto_settings(directory)],
    "mosquitto-tls": lambda directory: ["mosquitto", "-c", mosquitto_settings(directory, True)],
    "tls": lambda directory: [PYTHON, str(HERE / "tls_hub.py"), "127.0.0.1", str(BACKEND_PORT),
                              *certificate.make(directory, f"IP:{ADDRESS}", f"IP:{ADDRESS6}")],
    "redis": lambda directory: ["redis-server", "--bind", "127.0.0.1", "--port",
                                str(BACKEND_PORT), "--save", "", "--dir", str(directory)],
    "http": lambda directory: [PYTHON, "-c", HTTP],
    "websocket": lambda directory: [PYTHON, str(HERE / "websocket_hub.py"), "127.0.0.1",
                                    str(BACKEND_PORT)],
}


def mosquitto_settings(directory, secure=False):
    path = directory / "mosquitto.conf"
    lines = [f"listener {BACKEND_PORT} 127.0.0.1", "allow_anonymous true", "user root"]
    if secure:
        key, own = certificate.make(directory, f"IP:{ADDRESS}", f"IP:{ADDRESS6}")
        lines += [f"keyfile {key}", f"certfile {own}"]
    path.write_text("\n".join((*lines, "")))
    return str(path)


def prepare(build):
    """Builds the agents that need it. What cannot be built is missing, and said by missing()."""
    place = build / "truth"
    place.mkdir(parents=True, exist_ok=True)
    for tool, words, environment in (
            ("gcc", ["gcc", "-O1", "-pthread", "-o", place / "agent", HERE / "agent.c"], {}),
            ("go", ["go", "build", "-o", place / "goagent", HERE / "agent.go"],
             {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(place / "go")}),
            ("javac", ["javac", "-d", place, HERE / "Agent.java"], {})):
        if not shutil.which(tool):
            continue
        done = subprocess.run(words, env={**os.environ, **environment}, capture_output=True,
                              text=True)
        if done.returncode:
            sys.exit(f"{tool}: {done.stderr.strip()}")
