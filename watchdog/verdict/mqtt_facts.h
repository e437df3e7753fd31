/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MQTT between the two ends: the questions that rules ask about it, and the evidence of it. Each
 * question is false where MQTT was not followed. */
#pragma once

#include "record/record.h"
#include "verdict/circumstances.h"

/* Adds the last packets, the reason codes and an unanswered PINGREQ; or that MQTT could not be
 * followed although MqttInspect= asks for it. */
void mqtt_describe(const struct circumstances *given, struct tokens *tokens);

/* No CONNACK came. */
bool mqtt_connect_is_unanswered(const struct mqtt_facts *mqtt);

/* A CONNACK came, and accepted or refused the session. */
bool mqtt_session_is_accepted(const struct mqtt_facts *mqtt);
bool mqtt_session_is_refused(const struct mqtt_facts *mqtt);

/* True if the server refused the session because the client is not authorized. */
bool mqtt_is_not_authorized(const struct mqtt_facts *mqtt);

/* Who said DISCONNECT first ended the session, whoever closed the connection then. At most one of
 * the two is true. */
bool mqtt_agent_disconnected_first(const struct mqtt_facts *mqtt);
bool mqtt_peer_disconnected_first(const struct mqtt_facts *mqtt);

/* The last packet of the agent was not a DISCONNECT, and nothing it wrote is left unobserved. */
bool mqtt_agent_sent_no_disconnect(const struct mqtt_facts *mqtt);

/* A PINGREQ of the agent has waited in vain for a second or longer, and nothing else came either. A
 * client that misses the PINGRESP should close the connection (MQTT 3.1.1, 3.1.2.10). */
bool mqtt_ping_is_unanswered(const struct mqtt_facts *mqtt);

/* Packets written before the first FIN may still be observed: the agent has yet to read or to send
 * them. */
bool mqtt_more_may_come(const struct circumstances *given);

/* The cause that the code of a refusing CONNACK stands for: session-rejected or
 * service-transient. Only if mqtt_session_is_refused(). */
enum cause mqtt_cause_of_refusal(const struct mqtt_facts *mqtt);

/* The cause that the reason code of the peer's DISCONNECT stands for; CAUSE_UNKNOWN if the code
 * alone does not say. Only if mqtt_peer_disconnected_first(). */
enum cause mqtt_cause_of_disconnect(const struct mqtt_facts *mqtt);
