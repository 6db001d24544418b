/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weft-cni.h - attach containers and virtual machines to CNI networks from C.
 *
 * What libcni is to Go programs: it reads network configurations, runs their
 * plugins, and remembers what they answered. cc $(pkg-config --cflags --libs
 * weft-cni); weft-cni(3) has the story, examples/attach.c the whole of it in
 * 30 lines.
 *
 * Functions return 0 or a negative errno; what failed, and why, is in the
 * struct weft_cni_error that every caller provides and only failure writes.
 * Nothing is global: different handles may be used by different threads at the
 * same time. The plugins are children of the calling process; while it ignores
 * SIGCHLD it cannot learn how they ended. They run in the calling thread's
 * network namespace: that is the host's side of an attachment.
 */
#ifndef WEFT_CNI_H
#define WEFT_CNI_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_CNI_API __attribute__((__visibility__("default")))

/* Where engines keep configurations, and where this library keeps results:
 * not in libcni's /var/lib/cni/results, or an engine's GC would remove what it
 * did not add. */
#define WEFT_CNI_CONF_DIR "/etc/cni/net.d"
#define WEFT_CNI_PLUGIN_PATH "/opt/cni/bin:/usr/lib/cni"
#define WEFT_CNI_CACHE_DIR "/var/lib/cni/weft"

/**
 * struct weft_cni - A network, loaded
 *
 * Free with weft_cni_close().
 */
struct weft_cni;

/**
 * struct weft_cni_error - What went wrong, for a person and for a program
 * @code:	CNI error code: the specification's, or the failing plugin's own;
 *		101: it is attached already
 * @msg:	What was attempted, outermost first, and why it did not work
 * @details:	Further facts, "" for none
 */
struct weft_cni_error {
	int code;
	char msg[1024];
	char details[512];
};

/**
 * struct weft_cni_guest - Who is attached, and what its plugins are told
 * @container_id: Unique; a letter or digit, then also '.', '_' and '-'
 * @netns:	Path of the network namespace. For weft_cni_check() and
 *		weft_cni_del() NULL means: as it was added
 * @ifname:	Interface in the guest; NULL: "eth0"
 * @args:	CNI_ARGS, "K=V;K=V"; NULL: none, or as it was added
 * @capability_args: A JSON object such as {"portMappings": [...]}, of which
 *		each plugin gets what it declares; NULL: none, or as added
 *
 * Initialise unused members with zero.
 */
struct weft_cni_guest {
	const char *container_id;
	const char *netns;
	const char *ifname;
	const char *args;
	const char *capability_args;
};

/**
 * weft_cni_open() - Load a network by name
 * @conf_dir:	Directory of configurations; NULL: WEFT_CNI_CONF_DIR
 * @network:	Name
 * @ret:	The network; unchanged on failure
 * @err:	Filled on failure
 *
 * Reads *.conflist in the order of their names, then *.conf and *.json. A file
 * that cannot be parsed ends the search.
 *
 * Return: 0, -ENOENT if there is no such network, or another negative errno
 */
WEFT_CNI_API int weft_cni_open(const char *conf_dir, const char *network,
			       struct weft_cni **ret,
			       struct weft_cni_error *err);

/**
 * weft_cni_parse() - Load a network from the text of a .conflist
 * @text:	JSON
 * @len:	Bytes
 * @ret:	The network; unchanged on failure
 * @err:	Filled on failure
 *
 * Return: 0 or a negative errno
 */
WEFT_CNI_API int weft_cni_parse(const char *text, size_t len,
				struct weft_cni **ret,
				struct weft_cni_error *err);

/** weft_cni_close() - Free a network; NULL is fine */
WEFT_CNI_API void weft_cni_close(struct weft_cni *net);

/**
 * weft_cni_set_plugin_path() - Where plugins are
 * @net:	Network
 * @path:	Directories, colon-separated; NULL: WEFT_CNI_PLUGIN_PATH
 *
 * Return: 0 or -ENOMEM
 */
WEFT_CNI_API int weft_cni_set_plugin_path(struct weft_cni *net,
					  const char *path);

/**
 * weft_cni_set_cache_dir() - Where results are kept, in libcni's format
 * @net:	Network
 * @dir:	Made when it is needed; NULL: WEFT_CNI_CACHE_DIR
 *
 * Return: 0 or -ENOMEM
 */
WEFT_CNI_API int weft_cni_set_cache_dir(struct weft_cni *net, const char *dir);

/** weft_cni_name() - The network's name, owned by @net */
WEFT_CNI_API const char *weft_cni_name(const struct weft_cni *net);

/** weft_cni_version() - The CNI version that its plugins are asked in */
WEFT_CNI_API const char *weft_cni_version(const struct weft_cni *net);

/**
 * weft_cni_add() - Attach a guest
 * @net:	Network
 * @guest:	Who; all that the plugins shall know
 * @ret_result:	The result as JSON, free with free(); NULL: not wanted
 * @err:	Filled on failure
 *
 * Runs every plugin's ADD in order. After a failure, and after being killed,
 * weft_cni_del() removes whatever was made; only -EEXIST needs none.
 *
 * Return: 0, -EEXIST if it is attached already, or another negative errno
 */
WEFT_CNI_API int weft_cni_add(struct weft_cni *net,
			      const struct weft_cni_guest *guest,
			      char **ret_result, struct weft_cni_error *err);

/**
 * weft_cni_check() - Is everything as weft_cni_add() left it?
 *
 * Return: 0 or a negative errno; always 0 with "disableCheck"
 */
WEFT_CNI_API int weft_cni_check(struct weft_cni *net,
				const struct weft_cni_guest *guest,
				struct weft_cni_error *err);

/**
 * weft_cni_del() - Detach a guest
 *
 * Runs every plugin's DEL, the last first, also when one fails. Safe to repeat,
 * and for a guest that was never, or only half attached.
 *
 * Return: 0, or the first failure's negative errno
 */
WEFT_CNI_API int weft_cni_del(struct weft_cni *net,
			      const struct weft_cni_guest *guest,
			      struct weft_cni_error *err);

/**
 * weft_cni_status() - Can the network take another guest?
 *
 * Return: 0 or a negative errno; always 0 before CNI 1.1.0
 */
WEFT_CNI_API int weft_cni_status(struct weft_cni *net,
				 struct weft_cni_error *err);

/**
 * weft_cni_gc() - Remove what belongs to no living guest
 * @net:	Network
 * @valid:	Those that live: container_id and ifname are looked at
 * @n:		How many; 0: none lives, everything may go
 * @err:	Filled on failure
 *
 * Detaches what the cache has and @valid has not, then asks every plugin to
 * collect. Never run it while another thread adds or removes.
 *
 * Return: 0, or the first failure's negative errno
 */
WEFT_CNI_API int weft_cni_gc(struct weft_cni *net,
			     const struct weft_cni_guest *valid, size_t n,
			     struct weft_cni_error *err);

/**
 * weft_cni_result() - What weft_cni_add() answered
 * @net:	Network
 * @guest:	container_id and ifname are looked at
 * @ret_result:	JSON, free with free(); unchanged if there is none
 *
 * Return: 0, -ENOENT if it is not attached, or -ENOMEM
 */
WEFT_CNI_API int weft_cni_result(const struct weft_cni *net,
				 const struct weft_cni_guest *guest,
				 char **ret_result);

/**
 * weft_cni_each() - Run @fn for every attachment in the cache
 * @net:	Network
 * @fn:		Gets the guest, as it was added; not 0 ends it
 * @arg:	Passed to @fn
 *
 * Return: 0, or what @fn returned that is not 0
 */
WEFT_CNI_API int weft_cni_each(const struct weft_cni *net,
			       int (*fn)(const struct weft_cni_guest *guest,
					 void *arg),
			       void *arg);

#ifdef __cplusplus
}
#endif

#endif
