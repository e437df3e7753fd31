/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of the hubs for how a connection ended. */
#pragma once

#include "hub/hub.h"

/* What a code of Azure IoT Hub means: "404104". */
enum hub_symptom hub_code_azure(const char *code);
/* What AWS IoT Core's disconnectReason means. */
enum hub_symptom hub_code_aws(const char *reason);
/* What EMQX's reason means. */
enum hub_symptom hub_code_emqx(const char *reason);

/* Reads the words of RabbitMQ, behind time, level and process; `event->time` is set. */
enum hub_reading hub_read_rabbitmq(const char *text, struct hub_event *event);

/* Ends the reading of a line: its device is named by the `length` bytes at `id`. */
enum hub_reading hub_take_device(struct hub_event *event, const char *id, size_t length);

uint64_t hub_hash(uint64_t hash, const void *bytes, size_t size);
#define HUB_HASH UINT64_C(0xcbf29ce484222325)
