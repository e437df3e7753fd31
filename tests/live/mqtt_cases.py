"""What was said in MQTT, and what it settles. The agent sends packets byte by byte as a case wants
them; real clients follow at the end."""

import signal
import time

import mqtt
from broker import Broker, subscriber
from case import BOTH, LIKELY, NOT_PROVED, QUITE_SURE, SURE, case, ended, stalled, story

INSPECTED = ("MqttInspect=yes",)
PING_PATIENCE = 1.0  # seconds that a PINGREQ goes unanswered until connwatch makes something of it


def said(*evidence):
    """Shell patterns of evidence, by their names behind `mqtt_`."""
    return tuple(f"mqtt_{pattern}" for pattern in evidence)


def open_session(stage, version=4):
    """CONNECT, CONNACK. Returns the hub's end."""
    peer = stage.connect()
    stage.agent.ask("send-bytes", mqtt.connect(version).hex())
    peer.receive(len(mqtt.connect(version)))
    answer(stage, peer, mqtt.connack(version=version))
    return peer


def say(stage, peer, packet):
    stage.agent.ask("send-bytes", packet.hex())
    peer.receive(len(packet))


def answer(stage, peer, packet):
    """The agent reads it: data that is left unread makes a RST of its close()."""
    peer.send_bytes(packet)
    left = len(packet)
    while left:
        left -= int(stage.agent.ask("receive", left))


def hub_closes(stage, peer):
    peer.close()
    stage.agent.ask("wait", "fin")
    stage.agent.ask("close")


def agent_closes(stage, peer):
    stage.agent.ask("close")
    peer.receive_end()
    peer.close()


# ---- who said goodbye

@case("local-fin", "agent-close", evidence=said("last_sent=DISCONNECT", "last_received=CONNACK"),
      settings=INSPECTED, families=BOTH)
def mqtt_goodbye_and_close(stage):
    peer = open_session(stage)
    say(stage, peer, mqtt.disconnect())
    agent_closes(stage, peer)


@case("peer-fin", "agent-close", SURE, evidence=said("disconnect_sent=normal"), settings=INSPECTED)
def mqtt_goodbye_and_the_hub_closes(stage):
    peer = open_session(stage)
    say(stage, peer, mqtt.disconnect())
    hub_closes(stage, peer)


@case("local-fin", "agent-close", evidence=said("last_sent=DISCONNECT"), settings=INSPECTED)
def mqtt_goodbye_behind_unsent_data(stage):
    """close() comes before the window lets the DISCONNECT out."""
    peer = open_session(stage)
    stage.agent.ask("send-bytes", (mqtt.publish(payload=b"p" * 400000) + mqtt.disconnect()).hex(),
                    "in-background")
    peer.receive(300000)
    stage.agent.ask("close")
    peer.receive_end()
    peer.close()


@case("local-reset", "agent-abort", evidence=said("last_sent=PUBLISH"), settings=INSPECTED)
def mqtt_reset_without_goodbye(stage):
    peer = open_session(stage)
    say(stage, peer, mqtt.publish())
    stage.agent.ask("option", "linger", 0)
    stage.agent.ask("close")
    peer.receive_end()


@case("local-reset", "agent-close", SURE, evidence=said("last_sent=DISCONNECT"), settings=INSPECTED)
def mqtt_reset_after_goodbye(stage):
    """A message that crosses the DISCONNECT is left unread."""
    peer = open_session(stage)
    peer.send_bytes(mqtt.publish())
    stage.agent.ask("wait", "input")
    stage.agent.ask("send-bytes", mqtt.disconnect().hex())
    stage.agent.ask("close")
    peer.receive_end()


@case("local-fin", "agent-close", evidence=said("last_sent=CONNECT"), settings=INSPECTED)
def mqtt_close_without_goodbye(stage):
    agent_closes(stage, open_session(stage))


# ---- what the hub says

@case("peer-fin", "session-rejected", SURE, evidence=said("connack=not-authorized"),
      settings=INSPECTED)
def mqtt_refused(stage):
    peer = stage.connect()
    say(stage, peer, mqtt.connect())
    answer(stage, peer, mqtt.connack(mqtt.NOT_AUTHORIZED))
    hub_closes(stage, peer)


@case("local-fin", "session-rejected", SURE, evidence=said("connack=not-authorized"),
      settings=INSPECTED)
def mqtt_refused_and_the_agent_closes(stage):
    peer = stage.connect()
    say(stage, peer, mqtt.connect())
    answer(stage, peer, mqtt.connack(mqtt.NOT_AUTHORIZED))
    agent_closes(stage, peer)


@case("peer-fin", "session-rejected", LIKELY, evidence=said("last_sent=CONNECT"),
      settings=INSPECTED)
def mqtt_connect_unanswered(stage):
    peer = stage.connect()
    say(stage, peer, mqtt.connect())
    hub_closes(stage, peer)


def hub_says_goodbye(stage, reason, close=hub_closes):
    peer = open_session(stage, version=5)
    say(stage, peer, mqtt.publish(version=5))
    answer(stage, peer, mqtt.disconnect(reason))
    close(stage, peer)


@case("peer-fin", "session-takeover", SURE, evidence=said("disconnect_received=session-taken-over"),
      settings=INSPECTED)
def mqtt_taken_over(stage):
    hub_says_goodbye(stage, mqtt.TAKEN_OVER)


@case("local-fin", "session-takeover", SURE, settings=INSPECTED)
def mqtt_taken_over_and_the_agent_closes(stage):
    hub_says_goodbye(stage, mqtt.TAKEN_OVER, close=agent_closes)


@case("peer-fin", "service-transient", SURE,
      evidence=said("disconnect_received=server-shutting-down"), settings=INSPECTED)
def mqtt_server_shuts_down(stage):
    hub_says_goodbye(stage, mqtt.SHUTTING_DOWN)


@case("peer-fin", "session-rejected", SURE, evidence=said("disconnect_received=quota-exceeded"),
      settings=INSPECTED)
def mqtt_quota_exceeded(stage):
    hub_says_goodbye(stage, mqtt.QUOTA_EXCEEDED)


@case("peer-fin", "peer-idle-timeout", SURE, settings=INSPECTED)
def mqtt_keep_alive_timeout(stage):
    hub_says_goodbye(stage, mqtt.KEEP_ALIVE_TIMEOUT)


@case("peer-fin", "token-expired", SURE, settings=INSPECTED)
def mqtt_maximum_connect_time(stage):
    hub_says_goodbye(stage, mqtt.MAXIMUM_CONNECT_TIME)


@case("peer-fin", "peer-close", SURE,
      evidence=said("disconnect_received=administrative-action"), settings=INSPECTED)
def mqtt_administrative_action(stage):
    hub_says_goodbye(stage, mqtt.ADMINISTRATIVE)


@case("peer-fin", "peer-close", evidence=said("last_received=PUBLISH"), settings=INSPECTED)
def mqtt_hub_closes_without_a_word(stage):
    peer = open_session(stage)
    say(stage, peer, mqtt.publish())
    answer(stage, peer, mqtt.publish())
    hub_closes(stage, peer)


# ---- an answer that does not come

@case("local-fin", "path-silent", LIKELY, evidence=said("ping_unanswered_msec=*"),
      settings=INSPECTED)
def mqtt_ping_unanswered(stage):
    """The hub's kernel acknowledges, the hub itself does not answer: the agent gives up."""
    peer = open_session(stage)
    say(stage, peer, mqtt.pingreq())
    time.sleep(PING_PATIENCE + 0.2)
    agent_closes(stage, peer)


@story(stalled("path-silent"),
       ended("local-fin", "path-silent", QUITE_SURE, evidence=said("ping_unanswered_msec=*")),
       settings=INSPECTED)
def mqtt_ping_into_a_black_hole(stage):
    open_session(stage)
    stage.lab.black_hole()
    stage.agent.ask("send-bytes", mqtt.pingreq().hex())
    stage.wait_told("stalled")
    stage.agent.ask("close")


@case("local-fin", "agent-close", evidence=said("last_received=PINGRESP"), settings=INSPECTED)
def mqtt_ping_answered(stage):
    peer = open_session(stage)
    say(stage, peer, mqtt.pingreq())
    answer(stage, peer, mqtt.pingresp())
    time.sleep(PING_PATIENCE + 0.2)
    agent_closes(stage, peer)


# ---- following the stream

@case("local-fin", "agent-close", evidence=said("last_sent=PINGREQ", "last_received=PINGRESP"),
      settings=INSPECTED)
def mqtt_byte_by_byte(stage):
    peer = stage.connect()
    for byte in mqtt.connect() + mqtt.publish(payload=bytes(200)) + mqtt.pingreq():
        say(stage, peer, bytes([byte]))
    for byte in mqtt.connack() + mqtt.publish(payload=bytes(200)) + mqtt.pingresp():
        answer(stage, peer, bytes([byte]))
    agent_closes(stage, peer)


@case("local-fin", "agent-close", evidence=said("last_sent=PINGREQ", "last_received=PINGRESP"),
      settings=INSPECTED)
def mqtt_many_packets_at_once(stage):
    peer = open_session(stage)
    say(stage, peer, 30 * mqtt.publish() + mqtt.pingreq())
    answer(stage, peer, 30 * mqtt.publish() + mqtt.pingresp())
    agent_closes(stage, peer)


@case("local-fin", "agent-close", evidence=said("last_sent=PINGREQ", "last_received=PINGRESP"),
      settings=INSPECTED)
def mqtt_payload_that_looks_like_packets(stage):
    peer = open_session(stage)
    trap = mqtt.publish(payload=20000 * mqtt.disconnect(mqtt.TAKEN_OVER))
    say(stage, peer, trap + mqtt.pingreq())
    answer(stage, peer, trap + mqtt.pingresp())
    agent_closes(stage, peer)


@case("local-fin", "agent-close", settings=INSPECTED, evidence=("mqtt=lost-track",))
def mqtt_more_packets_at_once_than_are_followed(stage):
    peer = open_session(stage)
    say(stage, peer, 1000 * mqtt.pingreq())
    agent_closes(stage, peer)


@case("local-fin", "agent-close", settings=INSPECTED, evidence=("mqtt=lost-track",))
def mqtt_against_the_rules(stage):
    peer = open_session(stage)
    say(stage, peer, b"\xff\x00")
    agent_closes(stage, peer)


@case("local-fin", "agent-close", settings=INSPECTED, evidence=("mqtt=not-seen",))
def no_mqtt_at_all(stage):
    peer = stage.connect()
    say(stage, peer, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # how TLS begins
    agent_closes(stage, peer)


@case("local-fin", "agent-close", settings=INSPECTED, found=True, evidence=("mqtt=not-seen",))
def mqtt_older_than_the_watchdog(stage):
    peer = open_session(stage)
    stage.watch()
    say(stage, peer, mqtt.pingreq())
    agent_closes(stage, peer)


# ---- real clients

@story(ended("local-fin", "agent-stopped", NOT_PROVED, evidence=said("last_sent=DISCONNECT"),
             exit=("exited", "0")), settings=INSPECTED)
def mosquitto_sub_is_stopped(stage):
    with Broker(stage.lab, stage.directory) as broker:
        stage.agent.tell("become", *subscriber())
        broker.wait_client()
        time.sleep(0.3)  # it reads the SUBACK: unread data would make a RST of the FIN
        stage.kill(signal.SIGTERM)
        stage.witness.wait_exit()
