/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules: what the peer said in MQTT, AMQP or WebSocket, or failed to say. */
#pragma once

#include "verdict/evidence.h"

/* The peer gave its reason: it refused the session (CONNACK) or said DISCONNECT before the agent
 * did. SILENT where MQTT was not followed. Never WAIT. */
enum ruling rule_mqtt_reason(struct deliberation *on);

/* The peer gave its reason in AMQP, HTTP or WebSocket: login_facts.h. SILENT where none was seen.
 * Never WAIT. */
enum ruling rule_login_reason(struct deliberation *on);

/* The peer ended the connection instead of answering the CONNECT: session-rejected, suspected. Some
 * hubs refuse like that, and a balancer without a server behind it does the same. The caller knows
 * that the peer ended the connection. Never WAIT. */
enum ruling rule_unanswered_connect(struct deliberation *on);
