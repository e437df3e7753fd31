/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub/hub_code.h"

#include <string.h>

#include "base/names.h"
#include "base/text.h"

static const char *const hub_format_names[] = {
	[HUB_FORMAT_AZURE] = "azure",         [HUB_FORMAT_AWS] = "aws",
	[HUB_FORMAT_MOSQUITTO] = "mosquitto", [HUB_FORMAT_EMQX] = "emqx",
	[HUB_FORMAT_RABBITMQ] = "rabbitmq",
};
DEFINE_NAMES(hub_format);

static const char *const hub_symptom_names[] = {
	[HUB_CONNECT] = "connect",
	[HUB_CLEAN] = "clean-disconnect",
	[HUB_CLOSED] = "closed-remotely",
	[HUB_KEEP_ALIVE] = "keep-alive",
	[HUB_NOT_AUTHORIZED] = "not-authorized",
	[HUB_TAKEN_OVER] = "taken-over",
	[HUB_THROTTLED] = "throttled",
	[HUB_SERVER_ERROR] = "server-error",
	[HUB_PROTOCOL_ERROR] = "protocol-error",
	[HUB_ENDED_BY_HUB] = "ended-by-hub",
	[HUB_OTHER] = "other",
};
DEFINE_NAMES(hub_symptom);

struct word {
	const char *text;
	enum hub_symptom symptom;
};

static enum hub_symptom find(const struct word *words, const char *text)
{
	for (; words->text; words++)
		if (strcmp(words->text, text) == 0)
			return words->symptom;
	return HUB_OTHER;
}

enum hub_symptom hub_code_azure(const char *code)
{
	/* learn.microsoft.com: Azure IoT Hub error codes. The first three digits are HTTP's. */
	static const struct word words[] = {
		{ "404104", HUB_CLOSED },     { "401003", HUB_NOT_AUTHORIZED },
		{ "400027", HUB_TAKEN_OVER }, { "409002", HUB_TAKEN_OVER },
		{ "403002", HUB_THROTTLED },  { NULL, HUB_OTHER },
	};

	if (strncmp(code, "500", 3) == 0 || strncmp(code, "503", 3) == 0 ||
	    strncmp(code, "504", 3) == 0)
		return HUB_SERVER_ERROR;
	if (strncmp(code, "429", 3) == 0)
		return HUB_THROTTLED;
	if (strncmp(code, "401", 3) == 0)
		return HUB_NOT_AUTHORIZED;
	return find(words, code);
}

enum hub_symptom hub_code_aws(const char *reason)
{
	/* docs.aws.amazon.com: AWS IoT, lifecycle events */
	static const struct word words[] = {
		{ "AUTH_ERROR", HUB_NOT_AUTHORIZED },
		{ "CLIENT_INITIATED_DISCONNECT", HUB_CLEAN },
		{ "CLIENT_ERROR", HUB_PROTOCOL_ERROR },
		{ "CONNECTION_LOST", HUB_CLOSED },
		{ "DUPLICATE_CLIENTID", HUB_TAKEN_OVER },
		{ "DUPLICATE_CLIENT_ID", HUB_TAKEN_OVER },
		{ "FORBIDDEN_ACCESS", HUB_NOT_AUTHORIZED },
		{ "MQTT_KEEP_ALIVE_TIMEOUT", HUB_KEEP_ALIVE },
		{ "SERVER_ERROR", HUB_SERVER_ERROR },
		{ "SERVER_INITIATED_DISCONNECT", HUB_ENDED_BY_HUB },
		{ "API_INITIATED_DISCONNECT", HUB_ENDED_BY_HUB },
		{ "THROTTLED", HUB_THROTTLED },
		{ "WEBSOCKET_TTL_EXPIRATION", HUB_ENDED_BY_HUB },
		{ "CUSTOMAUTH_TTL_EXPIRATION", HUB_ENDED_BY_HUB },
		{ NULL, HUB_OTHER },
	};

	return find(words, reason);
}

enum hub_symptom hub_code_emqx(const char *reason)
{
	/* docs.emqx.com: rule events, client.disconnected */
	static const struct word words[] = {
		{ "normal", HUB_CLEAN },
		{ "kicked", HUB_ENDED_BY_HUB },
		{ "keepalive_timeout", HUB_KEEP_ALIVE },
		{ "not_authorized", HUB_NOT_AUTHORIZED },
		{ "tcp_closed", HUB_CLOSED },
		{ "ssl_closed", HUB_CLOSED },
		{ "discarded", HUB_TAKEN_OVER },
		{ "takenover", HUB_TAKEN_OVER },
		{ "takeovered", HUB_TAKEN_OVER },
		{ "internal_error", HUB_SERVER_ERROR },
		{ NULL, HUB_OTHER },
	};

	return find(words, reason);
}

/* FNV-1a, 64 bits. */
uint64_t hub_hash(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash;
}

enum hub_reading hub_take_device(struct hub_event *event, const char *id, size_t length)
{
	if (length == 0 || length >= sizeof(event->device))
		return HUB_MALFORMED;
	memcpy(event->device, id, length);
	event->device[length] = '\0';
	text_make_printable(event->device);
	return HUB_EVENT;
}
