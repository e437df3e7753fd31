#include "probe_mqtt.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "ebpf/mqtt.skel.h"
#include "support/cleanup.h"

struct mqtt_probe {
	struct mqtt_bpf *bpf;
};

DEFINE_CLEANUP(struct mqtt_probe *, mqtt_probe_close);

/* Maps of the same name are the same map. */
static int share_maps(const struct mqtt_bpf *bpf, const struct bpf_object *probe)
{
	struct bpf_map *map, *shared;
	int r = 0;

	bpf_object__for_each_map(map, bpf->obj)
	{
		shared = bpf_object__find_map_by_name(probe, bpf_map__name(map));
		if (shared && r == 0)
			r = bpf_map__reuse_fd(map, bpf_map__fd(shared));
	}
	return r;
}

int mqtt_probe_open(struct mqtt_probe **ret, const struct bpf_object *probe)
{
	_cleanup_(mqtt_probe_close_held) struct mqtt_probe *mqtt = calloc(1, sizeof(*mqtt));
	int r;

	if (!mqtt)
		return -ENOMEM;
	mqtt->bpf = mqtt_bpf__open();
	if (!mqtt->bpf)
		return -errno;
	r = share_maps(mqtt->bpf, probe);
	if (r >= 0)
		r = mqtt_bpf__load(mqtt->bpf);
	if (r < 0)
		return r;
	*ret = STEAL_POINTER(mqtt);
	return 0;
}

struct mqtt_probe *mqtt_probe_close(struct mqtt_probe *mqtt)
{
	if (!mqtt)
		return NULL;
	mqtt_bpf__destroy(mqtt->bpf);
	free(mqtt);
	return NULL;
}

struct bpf_program *mqtt_probe_of_sent(const struct mqtt_probe *mqtt)
{
	return mqtt->bpf->progs.mqtt_packet_sent;
}

struct bpf_program *mqtt_probe_of_received(const struct mqtt_probe *mqtt)
{
	return mqtt->bpf->progs.mqtt_packet_received;
}
