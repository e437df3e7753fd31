#include "probe_packets.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "support/cleanup.h"

/* A control group whose packets are looked at as long as it is there. */
struct packet_watch {
	LIST_ENTRY(packet_watch) next;
	uint32_t agent;
	uint64_t id;                          /* of the group that `links` are for */
	struct bpf_link *links[PACKET_LOOKS]; /* NULL: it is not there, or is not looked at so */
	char path[];
};

struct packet_watches {
	LIST_HEAD(, packet_watch) all;
	struct look {
		struct bpf_program *program; /* NULL: nobody looks */
		const bool *agents;          /* NULL: all of them */
	} looks[PACKET_LOOKS];
};

struct packet_watches *packet_watches_new(void)
{
	return calloc(1, sizeof(struct packet_watches));
}

static void detach(struct packet_watch *watch, enum packet_look look)
{
	bpf_link__destroy(watch->links[look]);
	watch->links[look] = NULL;
}

static void forget(struct packet_watch *watch)
{
	for (int look = 0; look < PACKET_LOOKS; look++)
		detach(watch, look);
	LIST_REMOVE(watch, next);
	free(watch);
}

struct packet_watches *packet_watches_free(struct packet_watches *watches)
{
	struct packet_watch *watch;

	while (watches && (watch = LIST_FIRST(&watches->all)))
		forget(watch);
	free(watches);
	return NULL;
}

static void attach(const struct look *look, struct packet_watch *watch, enum packet_look number,
		   int group)
{
	bool wanted = look->program && (!look->agents || look->agents[watch->agent]);

	if (!wanted)
		detach(watch, number);
	else if (!watch->links[number])
		watch->links[number] = bpf_program__attach_cgroup(look->program, group);
}

/* Looks whether the group is there, and is still the same one: a unit's is made anew each time. */
static void look_for(struct packet_watches *watches, struct packet_watch *watch)
{
	_cleanup_close_ int group = open(watch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	if (group < 0 || fstat(group, &status) < 0)
		return;
	for (int look = 0; look < PACKET_LOOKS; look++) {
		if (watch->id != status.st_ino)
			detach(watch, look);
		attach(&watches->looks[look], watch, look, group);
	}
	watch->id = status.st_ino;
}

void packet_watches_look_again(struct packet_watches *watches)
{
	struct packet_watch *watch;

	LIST_FOREACH(watch, &watches->all, next)
	look_for(watches, watch);
}

void packet_watches_use(struct packet_watches *watches, enum packet_look look,
			struct bpf_program *program, const bool *agents)
{
	watches->looks[look] = (struct look){ program, agents };
	packet_watches_look_again(watches);
}

static struct packet_watch *find(struct packet_watches *watches, const char *path, uint32_t agent)
{
	struct packet_watch *watch;

	LIST_FOREACH(watch, &watches->all, next)
	if (watch->agent == agent && strcmp(watch->path, path) == 0)
		break;
	return watch;
}

void packet_watches_add(struct packet_watches *watches, const char *path, uint32_t agent)
{
	struct packet_watch *watch = find(watches, path, agent);

	if (!watch) {
		watch = calloc(1, sizeof(*watch) + strlen(path) + 1);
		if (!watch)
			return;
		watch->agent = agent;
		strcpy(watch->path, path);
		LIST_INSERT_HEAD(&watches->all, watch, next);
	}
	look_for(watches, watch);
}

void packet_watches_remove(struct packet_watches *watches, const char *path, uint32_t agent)
{
	struct packet_watch *watch = find(watches, path, agent);

	if (watch)
		forget(watch);
}

void packet_watches_remove_agent(struct packet_watches *watches, uint32_t agent)
{
	struct packet_watch *watch, *next;

	for (watch = LIST_FIRST(&watches->all); watch; watch = next) {
		next = LIST_NEXT(watch, next);
		if (watch->agent == agent)
			forget(watch);
	}
}
