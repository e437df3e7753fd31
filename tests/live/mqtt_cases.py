# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was said in MQTT, and what it settles. Most cases play twice: plain, and over TLS, where the
agent's own libssl is looked at. The agent sends packets as a case wants them; real clients follow at
the end."""

import base64
import contextlib
import functools
import json
import os
import signal
import sys
import time
from pathlib import Path
from secrets import token_hex

import certificate
import mqtt
from broker import Broker, subscriber
from case import (ANY, LIKELY, NOT_PROVED, QUITE_SURE, SURE, SUSPECTED, case, ended, in_doubt,
                  recovered, stalled, story, table)
from hub import PATIENCE
from leak import places_with
from mqtt_hub import ADDRESS, PORT, MqttHub
from supervised import Surprise

INSPECTED = ("MqttInspect=yes",)
NO_UPROBES = "MQTT over TLS is not looked at"
PAHO = (*INSPECTED, f"Peer=*:{PORT}")  # it has another connection, to itself
PING_PATIENCE = 1.0  # seconds that a PINGREQ goes unanswered until connwatch makes something of it


def said(*patterns):
    """Shell patterns of evidence, by what follows on `mqtt_`."""
    return tuple(f"mqtt_{pattern}" for pattern in patterns)


def uprobes_of(pid):
    """Returns the number of perf events with uprobes of a watchdog, and that of links."""
    events = links = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            events += "perf_event" in os.readlink(link)
            links += "probe_multi" in Path(f"/proc/{pid}/fdinfo/{link.name}").read_text()
    return events, links


def libraries_of(pid):
    """Returns the number of files of libssl with uprobes of a watchdog, once for each process: five links
    each; or nine perf events, for four functions and their returns, and SSL_free(). Libcrypto has one,
    which comes later."""
    events, links = uprobes_of(pid)
    return events // 9 + links // 5


def wait_for_uprobes(stage, libraries=1):
    """connwatch has the agent's libssl in view. They take the kernel long where other tests close
    theirs at the same time. Where there are none, connwatch says so before the agent begins."""
    if not stage.looks_into_mqtt or stage.witness.complains_of(NO_UPROBES):
        return
    deadline = time.monotonic() + PATIENCE
    while libraries_of(stage.witness.process.pid) < libraries:
        if time.monotonic() > deadline:
            raise Surprise("connwatch has no uprobes in the agent")
        time.sleep(0.02)


class Session:
    """The two ends of one connection."""

    def __init__(self, stage, secure, libraries=1):
        """TLS begins when so many libraries are looked at."""
        self.stage, self.secure, self.libraries = stage, secure, libraries
        if secure:
            wait_for_uprobes(stage)
        self.peer = stage.connect()
        if secure:
            wait_for_uprobes(stage, libraries)
            self._start_tls()

    def again(self):
        """The agent connects anew, in the same way."""
        self.__init__(self.stage, self.secure, self.libraries)

    def _start_tls(self):
        key, authority = certificate.make(self.stage.directory)
        self.stage.agent.tell("tls", authority)
        self.peer.start_tls(certificate.server_context(key, authority))
        self.stage.agent.answer()

    def begin(self, version=4):
        """CONNECT, CONNACK."""
        self.say(mqtt.connect(version))
        self.hear(mqtt.connack(version=version))
        return self

    def send(self, packet):
        self.stage.agent.ask("send-bytes", packet.hex())

    def say(self, packet):
        """The agent sends it, the hub takes it."""
        self.send(packet)
        self.peer.receive(len(packet))

    def hear(self, packet):
        """The hub sends it, the agent reads it: what is left unread makes a RST of its close()."""
        self.peer.send_bytes(packet)
        self.read(len(packet))

    def read(self, size):
        while size > 0:
            size -= int(self.stage.agent.ask("receive", size))

    def hub_closes(self):
        self.stage.hub_closes(self.peer)

    def agent_closes(self):
        self.stage.agent.ask("close")
        self.peer.receive_end()
        self.peer.close()


def both_ways(*wanted, **options):
    """Adds a case that gets a Session, plain and over TLS."""
    def add(play):
        @functools.wraps(play)
        def plain(stage):
            play(Session(stage, secure=False))

        @functools.wraps(play)
        def secure(stage):
            play(Session(stage, secure=True))
        secure.__name__ += "_over_tls"
        for way in (plain, secure):
            story(*wanted, **{"settings": INSPECTED, **options})(way)
        return play
    return add


# ---- when a session is up

@both_ways(ended("peer-fin", "peer-close", ANY),
           ended("peer-fin", "session-rejected", SURE,
                 evidence=("mqtt_connack=identifier-rejected", "rung=login")),
           recovered(evidence=("tcp_msec=*", "login_msec=*")), ended("local-fin", "agent-close"))
def mqtt_connected_once_the_login_is_accepted(session):
    session.begin().hub_closes()
    session.again()
    session.say(mqtt.connect())
    session.hear(mqtt.connack(mqtt.IDENTIFIER_REJECTED))
    session.hub_closes()
    session.again()
    session.begin().agent_closes()


@both_ways(in_doubt("peer-fin", "peer-close"), recovered(), in_doubt("local-fin", "agent-close"))
def mqtt_other_protocols_need_no_login(session):
    for close in (session.hub_closes, session.agent_closes):
        session.say(b"HELO device\r\n")
        session.hear(b"250 hub\r\n")
        close()
        if close == session.hub_closes:
            session.again()


# ---- when its token ends

TOKENS = (*INSPECTED, "TokenInspect=yes")
LIFE = 3  # seconds


def shared_access(ends, secret="c2VjcmV0"):
    return f"SharedAccessSignature sr=hub%2Fdevices%2Fdevice&sig={secret}%3D&se={ends}&skn=policy"


def web_token(ends, secret="c2VjcmV0"):
    parts = ({"alg": "RS256", "typ": "JWT"}, {"aud": "hub", "iat": ends - 60, "exp": ends, "jti": secret})
    coded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
             for part in parts)
    return ".".join((*coded, secret))


def log_in(session, token, code=0):
    session.say(mqtt.connect(user="device", password=token))
    session.hear(mqtt.connack(code))


def expires():
    return both_ways(stalled("token-expired", SUSPECTED),
                     ended("peer-fin", "token-expired", SURE, evidence=("token_over_sec=*",)),
                     settings=TOKENS)


@table(
    ("mqtt-token-of-shared-access-expires", expires(), shared_access),
    ("mqtt-web-token-expires", expires(), web_token),
)
def token_expires(session, kind):
    ends = int(time.time()) + LIFE
    log_in(session, kind(ends))
    time.sleep(ends - time.time() + 0.5)
    session.hub_closes()


@both_ways(ended("peer-fin", "peer-close", QUITE_SURE), settings=TOKENS)
def mqtt_closed_before_the_token_expires(session):
    log_in(session, shared_access(int(time.time()) + 3600))
    session.hub_closes()


@both_ways(ended("peer-fin", "token-expired", QUITE_SURE, evidence=("token_over_sec=*",)),
           settings=TOKENS)
def mqtt_refused_with_a_token_that_has_expired(session):
    log_in(session, web_token(int(time.time()) - 60), mqtt.NOT_AUTHORIZED)
    session.hub_closes()


@both_ways(ended("local-fin", "agent-close"), ended("local-fin", "agent-close"), settings=TOKENS)
def mqtt_tokens_stay_where_they_are(session):
    """But for the time of their end, in no record, trace, map or page of memory of connwatch."""
    ends = int(time.time()) + 3600
    for kind in (shared_access, web_token):
        secret = token_hex(12)
        token = kind(ends, secret)
        log_in(session, token)
        places = places_with(session.stage, secret.encode(), token.encode()[40:60])
        if places:
            raise Surprise(f"a part of a token is in {', '.join(places)}")
        session.agent_closes()
        if kind == shared_access:
            session.again()


# ---- who said goodbye

@both_ways(ended("local-fin", "agent-close",
                 evidence=said("last_sent=DISCONNECT", "last_received=CONNACK")),
           families=("ipv4", "ipv6"))
def mqtt_goodbye_and_close(session):
    session.begin().say(mqtt.disconnect())
    session.agent_closes()


@both_ways(ended("peer-fin", "agent-close", SURE, evidence=said("disconnect_sent=normal")))
def mqtt_goodbye_and_the_hub_closes(session):
    session.begin().say(mqtt.disconnect())
    session.hub_closes()


@case("local-fin", "agent-close", evidence=said("last_sent=DISCONNECT"), settings=INSPECTED)
def mqtt_goodbye_behind_unsent_data(stage):
    """close() comes before the window lets the DISCONNECT out."""
    session = Session(stage, secure=False).begin()
    data = mqtt.publish(payload=b"p" * 400000) + mqtt.disconnect()
    stage.agent.ask("send-bytes", data.hex(), "in-background")
    session.peer.receive(300000)
    session.agent_closes()


@both_ways(ended("local-reset", "agent-abort", evidence=said("last_sent=PUBLISH")))
def mqtt_reset_without_goodbye(session):
    session.begin().say(mqtt.publish())
    session.stage.agent.ask("option", "linger", 0)
    session.stage.agent.ask("close")
    session.peer.receive_end()


@both_ways(ended("local-reset", "agent-close", SURE, evidence=said("last_sent=DISCONNECT")))
def mqtt_reset_after_goodbye(session):
    """A message that crosses the DISCONNECT is left unread."""
    session.begin().peer.send_bytes(mqtt.publish())
    session.stage.agent.ask("wait", "input")
    session.send(mqtt.disconnect())
    session.stage.agent.ask("close")
    session.peer.receive_end()


@both_ways(ended("local-fin", "agent-close", evidence=said("last_sent=CONNECT")))
def mqtt_close_without_goodbye(session):
    session.begin().agent_closes()


@both_ways(ended("local-fin", "agent-crash", exit=("killed", "KILL"),
                 evidence=said("last_sent=PUBLISH")), status=128 + signal.SIGKILL)
def mqtt_killed(session):
    session.begin().say(mqtt.publish())
    session.stage.kill(signal.SIGKILL)
    session.stage.agent.wait_end()


# ---- what the hub says

def refused(ended_by):
    return both_ways(ended(ended_by, "session-rejected", SURE,
                           evidence=said("connack=not-authorized")))


@table(
    ("mqtt-refused", refused("peer-fin"), Session.hub_closes),
    ("mqtt-refused-and-the-agent-closes", refused("local-fin"), Session.agent_closes),
)
def hears_refusal(session, close):
    session.say(mqtt.connect())
    session.hear(mqtt.connack(mqtt.NOT_AUTHORIZED))
    close(session)


TOKEN_IS_OVER = ended(None, "token-expired", LIKELY, evidence=("refused_after=the-peers-close",))


@both_ways(ended("peer-fin", "peer-close", ANY), TOKEN_IS_OVER,
           ended("peer-fin", "token-expired", LIKELY, evidence=("refused_after=a-refusal",)))
def mqtt_refused_after_the_hubs_close(session):
    session.begin().hub_closes()
    for _ in range(2):
        session.again()
        hears_refusal(session, Session.hub_closes)


@case("peer-fin", "session-rejected", SUSPECTED, evidence=said("last_sent=CONNECT"),
      settings=INSPECTED)
def mqtt_connect_unanswered(stage):
    session = Session(stage, secure=False)
    session.say(mqtt.connect())
    session.hub_closes()


def goodbye(cause, word=None):
    """Before the hub closes it says why."""
    evidence = said(f"disconnect_received={word}") if word else ()
    return both_ways(ended("peer-fin", cause, SURE, evidence=evidence))


@table(
    ("mqtt-taken-over", goodbye("session-takeover", "session-taken-over"), mqtt.TAKEN_OVER),
    ("mqtt-taken-over-and-the-agent-closes",
     both_ways(ended("local-fin", "session-takeover", SURE)), mqtt.TAKEN_OVER,
     Session.agent_closes),
    ("mqtt-server-shuts-down", goodbye("service-transient", "server-shutting-down"),
     mqtt.SHUTTING_DOWN),
    ("mqtt-quota-exceeded", goodbye("session-rejected", "quota-exceeded"), mqtt.QUOTA_EXCEEDED),
    ("mqtt-keep-alive-timeout", goodbye("peer-idle-timeout"), mqtt.KEEP_ALIVE_TIMEOUT),
    ("mqtt-maximum-connect-time", goodbye("token-expired"), mqtt.MAXIMUM_CONNECT_TIME),
    ("mqtt-administrative-action", goodbye("peer-close", "administrative-action"),
     mqtt.ADMINISTRATIVE),
)
def hears_goodbye(session, reason, close=Session.hub_closes):
    session.begin(version=5).say(mqtt.publish(version=5))
    session.hear(mqtt.disconnect(reason))
    close(session)


@goodbye("session-takeover", "session-taken-over")
def mqtt_taken_over_and_read_late(session):
    """The hub has closed when the agent reads why."""
    session.begin(version=5).say(mqtt.publish(version=5))
    word = mqtt.disconnect(mqtt.TAKEN_OVER)
    session.peer.send_bytes(word)
    session.peer.close()
    session.stage.agent.ask("wait", "fin")
    time.sleep(0.2)
    session.read(len(word))
    session.stage.agent.ask("close")


@both_ways(ended("peer-fin", "peer-close", evidence=said("last_received=PUBLISH")))
def mqtt_hub_closes_without_a_word(session):
    session.begin().say(mqtt.publish())
    session.hear(mqtt.publish())
    session.hub_closes()


# ---- an answer that does not come

@both_ways(ended("local-fin", "path-silent", LIKELY, evidence=said("ping_unanswered_msec=*")))
def mqtt_ping_unanswered(session):
    """The hub's kernel acknowledges, the hub itself does not answer: the agent gives up."""
    session.begin().say(mqtt.pingreq())
    time.sleep(PING_PATIENCE + 0.2)
    session.agent_closes()


@both_ways(stalled("path-silent"),
           ended("local-fin", "path-silent", QUITE_SURE, evidence=said("ping_unanswered_msec=*")))
def mqtt_ping_into_a_black_hole(session):
    session.begin()
    session.stage.lab.black_hole()
    session.send(mqtt.pingreq())
    session.stage.wait_told("stalled")
    session.stage.agent.ask("close")


@both_ways(ended("local-fin", "agent-close", evidence=said("last_received=PINGRESP")))
def mqtt_ping_answered(session):
    session.begin().say(mqtt.pingreq())
    session.hear(mqtt.pingresp())
    time.sleep(PING_PATIENCE + 0.2)
    session.agent_closes()


# ---- following the stream

FOLLOWED = ended("local-fin", "agent-close",
                 evidence=said("last_sent=PINGREQ", "last_received=PINGRESP"))
# the hub had just said something, which may have been a request to close
LOST = ended("local-fin", "agent-close", SUSPECTED, evidence=("mqtt=lost-track", "or=peer-close"))
NOT_SEEN = ended("local-fin", "agent-close", SUSPECTED, evidence=("mqtt=not-seen", "or=peer-close"))


@both_ways(FOLLOWED)
def mqtt_byte_by_byte(session):
    for byte in mqtt.connect() + mqtt.publish(payload=bytes(200)) + mqtt.pingreq():
        session.say(bytes([byte]))
    for byte in mqtt.connack() + mqtt.publish(payload=bytes(200)) + mqtt.pingresp():
        session.hear(bytes([byte]))
    session.agent_closes()


@both_ways(FOLLOWED)
def mqtt_many_packets_at_once(session):
    session.begin().say(30 * mqtt.publish() + mqtt.pingreq())
    session.hear(30 * mqtt.publish() + mqtt.pingresp())
    session.agent_closes()


@both_ways(FOLLOWED)
def mqtt_payload_that_looks_like_packets(session):
    trap = mqtt.publish(payload=20000 * mqtt.disconnect(mqtt.TAKEN_OVER))
    session.begin().say(trap + mqtt.pingreq())
    session.hear(trap + mqtt.pingresp())
    session.agent_closes()


@story(ended("local-fin", "agent-close", ANY), settings=INSPECTED)
def mqtt_over_a_lossy_way(stage):
    """Much comes again, and in another order: what is told is right, or that the track is lost."""
    session = Session(stage, secure=False).begin()
    stage.lab.lose_packets(percent=8)
    for size in range(500, 6000, 500):
        long = mqtt.publish(payload=bytes(size))
        session.say(long + mqtt.pingreq())
        session.hear(long + mqtt.pingresp())
    stage.lab.lose_packets(percent=0)
    session.agent_closes()
    stage.wait_told("ended")
    told = {token for record in stage.witness.of_kind("ended")
            for token in record["CONNWATCH_EVIDENCE"] if "msec" not in token}
    right = {"mqtt_last_sent=PINGREQ", "mqtt_last_received=PINGRESP"}
    if stage.looks_into_mqtt and not right <= told and "mqtt=lost-track" not in told:
        raise Surprise(f"wrong in MQTT: {told}")


@both_ways(LOST)
def mqtt_more_packets_at_once_than_are_followed(session):
    session.begin().say(1000 * mqtt.pingreq())
    session.agent_closes()


@both_ways(LOST)
def mqtt_against_the_rules(session):
    session.begin().say(b"\xff\x00")
    session.agent_closes()


@both_ways(NOT_SEEN)
def mqtt_is_not_what_it_speaks(session):
    session.say(b"GET / HTTP/1.1\r\n\r\n")
    session.hear(b"HTTP/1.1 404 Not Found\r\n\r\n")
    session.agent_closes()


@story(ended("local-fin", "agent-close", QUITE_SURE, evidence=("mqtt=not-seen",)),
       settings=INSPECTED, found=True)
def mqtt_older_than_the_watchdog(stage):
    session = Session(stage, secure=False).begin()
    time.sleep(1.2)  # or the hub may have asked for it, with what it said last
    stage.watch()
    session.say(mqtt.pingreq())
    session.agent_closes()


# ---- what may not leave the agent

@both_ways(ended("local-fin", "agent-close", evidence=said("last_sent=DISCONNECT")))
def mqtt_secrets_stay_where_they_are(session):
    """In no record, trace, map or page of memory of connwatch: not what was said, only that."""
    client, user, password, topic, payload = (token_hex(12) for _ in range(5))
    message = mqtt.publish(topic, payload.encode())
    session.say(mqtt.connect(client=client, user=user, password=password))
    session.hear(mqtt.connack())
    session.say(message)
    session.hear(message)
    secrets = [secret.encode() for secret in (client, user, password, topic, payload)]
    leaks = places_with(session.stage, *secrets)
    session.say(mqtt.disconnect())
    session.agent_closes()
    session.stage.wait_told("ended")
    leaks += places_with(session.stage, *secrets)
    if leaks:
        raise Surprise(f"a secret is in {', '.join(leaks)}")


# ---- real clients

NOT_AUTHORISED = 5  # the exit status of mosquitto_sub: the CONNACK's code


@story(ended("peer-fin", "peer-close", ANY), TOKEN_IS_OVER, settings=INSPECTED,
       status=NOT_AUTHORISED)
def mosquitto_no_longer_accepts_a_login(stage):
    """The broker checks who is there when its configuration changes."""
    with Broker(stage.lab, stage.directory) as broker:
        stage.agent.tell("become", *subscriber("-i", "device"))
        broker.wait_client()
        broker.refuse_strangers()
        stage.witness.wait_exit()


def mosquitto_sub(hub, *options):
    return ["mosquitto_sub", "-h", ADDRESS, "-p", str(PORT), "--cafile", str(hub.authority),
            "-i", "device", "-t", "t", *options]


def paho(hub, keepalive=60):
    return [sys.executable, str(Path(__file__).with_name("paho_client.py")), ADDRESS, str(PORT),
            str(hub.authority), str(keepalive)]


@contextlib.contextmanager
def at_work(stage, client, **options):
    """The agent becomes a real client of a hub. Gives the hub and the client's session there."""
    with MqttHub(stage.lab, stage.directory, lambda: wait_for_uprobes(stage)) as hub:
        stage.agent.tell("become", *client(hub, **options))
        session = hub.wait_session()
        session.wait_settled()
        yield hub, session


@case("local-fin", "agent-stopped", NOT_PROVED, evidence=said("disconnect_sent=normal"),
      settings=INSPECTED)
def mosquitto_sub_over_tls_is_stopped(stage):
    with at_work(stage, mosquitto_sub):
        stage.kill(signal.SIGTERM)
        stage.witness.wait_exit()


@case("local-fin", "agent-crash", exit=("killed", "KILL"), evidence=said("last_sent=SUBSCRIBE"),
      settings=INSPECTED, status=128 + signal.SIGKILL)
def mosquitto_sub_over_tls_is_killed(stage):
    with at_work(stage, mosquitto_sub):
        stage.kill(signal.SIGKILL)
        stage.witness.wait_exit()


@case("local-fin", "agent-stopped", LIKELY, evidence=said("disconnect_sent=normal"),
      settings=PAHO, status=128 + signal.SIGKILL)
def paho_over_tls_says_goodbye(stage):
    with at_work(stage, paho):
        stage.kill(signal.SIGTERM)
        stage.wait_told("ended")
        stage.kill(signal.SIGKILL)


@case("local-fin", "path-silent", LIKELY, evidence=said("ping_unanswered_msec=*"),
      settings=PAHO, status=128 + signal.SIGKILL)
def paho_over_tls_misses_a_pingresp(stage):
    with at_work(stage, paho, keepalive=2) as (hub, _):
        hub.answers_pings = False
        stage.wait_told("ended", PATIENCE)
        stage.kill(signal.SIGKILL)


@case("peer-fin", "peer-close", evidence=said("last_received=SUBACK"), settings=PAHO,
      status=128 + signal.SIGKILL)
def paho_over_tls_is_closed_by_the_hub(stage):
    with at_work(stage, paho) as (_, session):
        session.close()
        stage.wait_told("ended")
        stage.kill(signal.SIGKILL)
