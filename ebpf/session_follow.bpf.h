/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Follows what an agent and its peer say, chunk by chunk, whichever protocol it is. */
#pragma once

static __always_inline void lose_track(struct mqtt_session *session)
{
	session->state = session->state == MQTT_FOLLOWED ? MQTT_LOST : MQTT_OTHER;
}

/* Returns false if the track is lost. */
static __always_inline bool take(struct mqtt_session *session, bool sent,
				 const struct mqtt_chunk *chunk)
{
	if (session->state == MQTT_LOGIN)
		return follow_login(session, sent, chunk);
	return take_chunk(session, sent ? &session->sent : &session->received, sent, chunk);
}

/* Takes the next bytes of a session. Two processors may do so at once where the packets of a flow
 * change from one to the other: then who was first is not known. At least one of them sees it. */
static __always_inline void follow(struct mqtt_session *session, bool sent,
				   const struct mqtt_chunk *chunk)
{
	struct mqtt_stream *stream = sent ? &session->sent : &session->received;

	if (session->state == MQTT_OTHER || session->state == MQTT_LOST)
		return;
	__sync_fetch_and_add(&stream->entered, 1);
	if (sent && session->state == MQTT_AWAITED)
		begin_login(session, chunk);
	if (stream->entered != stream->left + 1 || !take(session, sent, chunk))
		lose_track(session);
	if (sent)
		follow_token(session, chunk);
	__sync_fetch_and_add(&stream->left, 1);
}
