/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/policy_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bpf/map.h"
#include "bpf/policy_abi.h"

enum { SLOTS = 2 };

static int say(int r, const char *what, struct cni_err *err)
{
	return err_set(err, r == -ENOSPC ? CNI_E_UNAVAILABLE : CNI_E_KERNEL, -r,
		       "guard: %s the text of a policy", what);
}

static struct guard_chunk_key
key_of(uint64_t network, enum policy_source source, uint8_t slot, size_t n)
{
	return (struct guard_chunk_key){ .network = network,
					 .source = (uint8_t)source,
					 .slot = slot,
					 .n = (uint16_t)n };
}

static int read_head(const struct guard *g, uint64_t network,
		     enum policy_source source, struct guard_chunk *ret)
{
	const struct guard_chunk_key k =
		key_of(network, source, 0, GUARD_CHUNK_HEAD);

	return bpf_map_get(g->map[GUARD_TEXTS], &k, ret);
}

int policy_text_get(const struct guard *g, uint64_t network,
		    enum policy_source source, char **ret, struct cni_err *err)
{
	cleanup_free struct guard_chunk *c = malloc(sizeof(*c));
	cleanup_free char *text = NULL;
	struct guard_chunk_key k;
	size_t len, at = 0;
	uint8_t slot;
	int r;

	if (!c)
		return say(-ENOMEM, "read", err);
	r = read_head(g, network, source, c);
	if (r < 0)
		return r == -ENOENT ? 0 : say(r, "read", err);
	len = c->len;
	slot = (uint8_t)c->text[0];
	if (len > (size_t)GUARD_CHUNKS * GUARD_CHUNK_TEXT)
		return say(-EINVAL, "read", err);
	text = malloc(len + 1);
	if (!text)
		return say(-ENOMEM, "read", err);
	for (size_t n = 0; at < len; n++, at += c->len) {
		k = key_of(network, source, slot, n);
		r = bpf_map_get(g->map[GUARD_TEXTS], &k, c);
		if (!r &&
		    (!c->len || c->len > sizeof(c->text) || c->len > len - at))
			r = -EINVAL;
		if (r < 0)
			return say(r, "read", err);
		memcpy(text + at, c->text, c->len);
	}
	text[len] = '\0';
	*ret = TAKE_PTR(text);
	return 1;
}

int policy_text_exists(uint64_t network, struct cni_err *err)
{
	cleanup_free struct guard_chunk *c = malloc(sizeof(*c));
	cleanup_guard struct guard g = GUARD_NONE;
	int r;

	if (!c)
		return say(-ENOMEM, "read", err);
	r = guard_find_map(GUARD_TEXTS, &g.map[GUARD_TEXTS], err);
	if (r <= 0)
		return r;
	r = -ENOENT;
	for (int s = 0; r == -ENOENT && s < POLICY_SOURCES; s++)
		r = read_head(&g, network, (enum policy_source)s, c);
	if (r < 0)
		return r == -ENOENT ? 0 : say(r, "read", err);
	return 1;
}

/* From the last one on: whoever is killed within leaves no gap. */
static int wipe(const struct guard *g, uint64_t network,
		enum policy_source source, uint8_t slot)
{
	cleanup_free struct guard_chunk *c = malloc(sizeof(*c));
	struct guard_chunk_key k = key_of(network, source, slot, 0);
	int r = c ? 0 : -ENOMEM;

	while (!r && k.n < GUARD_CHUNKS) {
		r = bpf_map_get(g->map[GUARD_TEXTS], &k, c);
		if (!r)
			k.n++;
	}
	if (r == -ENOENT)
		r = 0;
	while (!r && k.n--)
		r = bpf_map_remove(g->map[GUARD_TEXTS], &k);
	return r;
}

static int write_chunks(const struct guard *g, uint64_t network,
			enum policy_source source, uint8_t slot,
			const char *text, struct guard_chunk *c)
{
	size_t left = strlen(text);
	int r = 0;

	for (size_t n = 0; !r && left; n++) {
		const struct guard_chunk_key k =
			key_of(network, source, slot, n);

		c->len = (uint32_t)(left < sizeof(c->text) ? left
							   : sizeof(c->text));
		memcpy(c->text, text, c->len);
		text += c->len;
		left -= c->len;
		r = bpf_map_put(g->map[GUARD_TEXTS], &k, c, BPF_ANY);
	}
	return r;
}

/* From the head's update on the other text is the one that holds. */
static int replace(const struct guard *g, uint64_t network,
		   enum policy_source source, const char *text,
		   struct guard_chunk *c)
{
	const struct guard_chunk_key head =
		key_of(network, source, 0, GUARD_CHUNK_HEAD);
	int r = read_head(g, network, source, c);
	uint8_t old, new;

	if (r < 0 && r != -ENOENT)
		return r;
	old = r ? 1 : (uint8_t)c->text[0];
	new = !old;
	r = wipe(g, network, source, new);
	if (!r)
		r = write_chunks(g, network, source, new, text, c);
	c->len = (uint32_t)strlen(text);
	c->text[0] = (char)new;
	if (!r)
		r = bpf_map_put(g->map[GUARD_TEXTS], &head, c, BPF_ANY);
	if (r < 0) {
		(void)wipe(g, network, source, new);
		return r;
	}
	return wipe(g, network, source, old);
}

int policy_text_put(const struct guard *g, uint64_t network,
		    enum policy_source source, const char *text,
		    struct cni_err *err)
{
	cleanup_free struct guard_chunk *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return say(-ENOMEM, "write", err);
	if (strlen(text) > (size_t)GUARD_CHUNKS * GUARD_CHUNK_TEXT)
		return err_say(err, CNI_E_CONFIG, E2BIG,
			       "policy: longer than %d bytes",
			       GUARD_CHUNKS * GUARD_CHUNK_TEXT);
	r = replace(g, network, source, text, c);
	return r < 0 ? say(r, "write", err) : 0;
}

int policy_text_remove(const struct guard *g, uint64_t network,
		       enum policy_source source, struct cni_err *err)
{
	const struct guard_chunk_key head =
		key_of(network, source, 0, GUARD_CHUNK_HEAD);
	int r = bpf_map_remove(g->map[GUARD_TEXTS], &head);

	if (r == -ENOENT)
		r = 0;
	for (uint8_t slot = 0; !r && slot < SLOTS; slot++)
		r = wipe(g, network, source, slot);
	return r < 0 ? say(r, "remove", err) : 0;
}
