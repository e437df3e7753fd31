# SPDX-License-Identifier: LGPL-2.1-or-later
"""Logins that are not MQTT's: how a hub refuses in AMQP and in WebSocket. Each plays plain and over
TLS, where the agent's own libssl is looked at."""

import struct
from secrets import token_hex

import amqp
from case import ANY, LIKELY, SURE, ended, table
from leak import places_with
from mqtt_cases import both_ways
from supervised import Surprise

GET = b"GET /mqtt HTTP/1.1\r\nHost: hub.test\r\nUpgrade: websocket\r\n\r\n"
SWITCHING = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
MASK = b"\1\2\3\4"


def answered(status):
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()


def message(size):
    """A frame of WebSocket from the hub."""
    head = struct.pack(">BB", 0x82, size) if size < 126 else struct.pack(">BBH", 0x82, 126, size)
    return head + b"m" * size


def closed(code):
    return struct.pack(">BBH", 0x88, 2, code)


# ---- AMQP

def begin_sasl(session, name="device", password="secret"):
    session.say(amqp.SASL_HEADER)
    session.hear(amqp.SASL_HEADER + amqp.mechanisms())
    session.say(amqp.plain_login(name, password))


def begin_amqp(session, **login):
    begin_sasl(session, **login)
    session.hear(amqp.outcome(0))
    session.say(amqp.HEADER + amqp.opened("device"))
    session.hear(amqp.HEADER)
    session.hear(amqp.opened("hub") + amqp.HEARTBEAT)


def refusal(cause, *evidence):
    return both_ways(ended(None, cause, SURE, evidence=evidence))


@table(
    ("amqp-login-refused", refusal("session-rejected", "sasl_outcome=1-auth"), 1),
    ("amqp-login-fails-for-now", refusal("service-transient", "sasl_outcome=4-sys-temp"), 4),
)
def login_is_refused(session, code):
    begin_sasl(session)
    session.hear(amqp.outcome(code))
    session.hub_closes()


@table(
    ("amqp-not-authorized",
     refusal("session-rejected", "amqp_error=amqp:unauthorized-access"),
     "amqp:unauthorized-access", amqp.short_list),
    ("amqp-not-authorized-in-long-lists",
     refusal("session-rejected", "amqp_error=amqp:unauthorized-access"),
     "amqp:unauthorized-access", amqp.long_list),
    ("amqp-internal-error", refusal("service-transient", "amqp_error=amqp:internal-error"),
     "amqp:internal-error", amqp.long_list),
    ("amqp-forced", refusal("peer-close", "amqp_error=amqp:connection:forced"),
     "amqp:connection:forced", amqp.short_list),
    ("amqp-error-of-the-hubs-own", refusal("peer-close", "amqp_error=other"),
     "com.example:no-coffee", amqp.short_list),
)
def amqp_closes_with_an_error(session, condition, lists):
    begin_amqp(session)
    session.hear(amqp.close(condition, "the hub's own words", lists))
    session.hub_closes()


@both_ways(ended("local-fin", "session-rejected", SURE,
                 evidence=("amqp_error=amqp:not-allowed",)))
def amqp_not_allowed_and_the_agent_closes(session):
    begin_amqp(session)
    session.hear(amqp.close("amqp:not-allowed"))
    session.say(amqp.close())
    session.agent_closes()


@both_ways(ended("peer-fin", "peer-close", ANY))
def amqp_closes_without_an_error(session):
    begin_amqp(session)
    session.hear(amqp.close())
    session.hub_closes()


@both_ways(ended("peer-fin", "session-rejected", SURE))
def amqp_secrets_stay_where_they_are(session):
    name, password, words = (token_hex(12) for _ in range(3))
    begin_amqp(session, name=name, password=password)
    session.hear(amqp.close("amqp:unauthorized-access", words))
    secrets = [secret.encode() for secret in (name, password, words)]
    leaks = places_with(session.stage, *secrets)
    session.hub_closes()
    session.stage.wait_told("ended")
    leaks += places_with(session.stage, *secrets)
    if leaks:
        raise Surprise(f"a secret is in {', '.join(leaks)}")


# ---- WebSocket

@table(
    ("websocket-forbidden", refusal("session-rejected", "http_status=403-Forbidden"),
     "403 Forbidden"),
    ("websocket-unauthorized", refusal("session-rejected", "http_status=401-Unauthorized"),
     "401 Who are you?"),
    ("websocket-unavailable",
     refusal("service-transient", "http_status=503-Service-Unavailable"), "503 Later"),
    ("websocket-behind-a-proxy",
     refusal("session-rejected", "http_status=407-Proxy-Authentication-Required"), "407 Who?"),
)
def upgrade_is_refused(session, status):
    session.say(GET)
    session.hear(answered(status))
    session.hub_closes()


@table(
    ("websocket-policy-violation",
     refusal("session-rejected", "websocket_close=1008-policy-violation"), 1008),
    ("websocket-restarts", refusal("service-transient", "websocket_close=1012-service-restart"),
     1012),
    ("websocket-code-of-the-hubs-own", refusal("peer-close", "websocket_close=4711"), 4711),
)
def websocket_closes(session, code):
    session.say(GET)
    session.hear(SWITCHING)
    session.say(b"\x82\x82" + MASK + b"am")
    session.hear(message(5) + message(300))
    session.hear(message(125))
    session.hear(closed(code))
    session.hub_closes()


TOKEN_IS_OVER = (ended("peer-fin", "peer-close", ANY),
                 ended("peer-fin", "token-expired", LIKELY,
                       evidence=("refused_after=the-peers-close",)))


@both_ways(*TOKEN_IS_OVER)
def websocket_unauthorized_after_the_hubs_close(session):
    session.say(GET)
    session.hear(SWITCHING)
    session.hub_closes()
    session.again()
    upgrade_is_refused(session, "401 Unauthorized")


@both_ways(*TOKEN_IS_OVER)
def amqp_login_refused_after_the_hubs_close(session):
    begin_amqp(session)
    session.hub_closes()
    session.again()
    login_is_refused(session, 1)


def no_reason():
    return both_ways(ended("peer-fin", "peer-close", ANY))


@no_reason()
def websocket_close_is_answered(session):
    """The agent's close comes first: the hub repeats its code."""
    session.say(GET)
    session.hear(SWITCHING)
    session.say(b"\x88\x82" + MASK + b"am")
    session.hear(closed(1001))
    session.hub_closes()


@no_reason()
def http_goes_on_after_a_status(session):
    """An agent that speaks plain HTTP, and misses a page."""
    session.say(GET)
    session.hear(answered("404 Not Found"))
    session.say(GET)
    session.hear(answered("200 OK"))
    session.hub_closes()
