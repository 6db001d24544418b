/* SPDX-License-Identifier: Apache-2.0 */
/* weft doctor: what on this host will get in the way. */
#include "weft/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "weft/show.h"
#include "weft/weft.h"

static const char *const severities[] = {
	[DOCTOR_NOTE] = "note",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_ERROR] = "error",
};

void doctor_say(struct doctor *d, const struct doctor_finding *f,
		const char *fmt, ...)
{
	cJSON *o = cJSON_CreateObject();
	char what[512];
	va_list ap;
	int r = 0;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	r |= json_add_str(o, "id", f->id);
	r |= json_add_str(o, "severity", severities[f->severity]);
	r |= json_add_str(o, "what", what);
	r |= json_add_str(o, "why", f->why);
	r |= json_add_str(o, "help", f->help);
	r |= json_add(d->found, NULL, o);
	d->failed |= r != 0;
	d->errors += f->severity == DOCTOR_ERROR;
}

const char *doctor_bridge(const struct doctor *d)
{
	for (size_t i = 0; i < d->n_nets; i++)
		if (*d->nets[i].facts.bridge)
			return d->nets[i].facts.bridge;
	return "weft0";
}

const struct doctor_net *doctor_needs(const struct doctor *d)
{
	for (size_t i = 0; i < d->n_nets; i++)
		if (d->nets[i].facts.forwards)
			return &d->nets[i];
	return NULL;
}

static const char *text_of(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(json_get(o, key));

	return s ? s : "";
}

static void print(const struct doctor *d)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, d->found)(void) printf(
		"%s: %s\n  %s\n  # %s\n", text_of(o, "severity"),
		text_of(o, "what"), text_of(o, "why"), text_of(o, "help"));
	if (!cJSON_GetArraySize(d->found))
		(void)puts("nothing is in the way");
}

static void look(struct doctor *d)
{
	doctor_look_at_configuration(d);
	doctor_look_at_kernel(d);
	doctor_look_at_filters(d);
	doctor_look_at_forwarding(d);
	doctor_look_at_bridges(d);
	doctor_look_at_managers(d);
}

int weft_doctor(const struct weft_args *a, struct cni_err *err)
{
	struct doctor d = { .found = cJSON_CreateArray(),
			    .types = cJSON_CreateArray() };
	int r = 0;

	d.failed = !d.found || !d.types;
	if (!d.failed)
		look(&d);
	if (d.failed)
		r = err_set(err, CNI_E_INTERNAL, ENOMEM, "doctor");
	else if (a->json)
		r = show_json(d.found, err);
	else
		print(&d);
	if (!r && d.errors)
		r = WEFT_FOUND;
	free(d.nets);
	cJSON_Delete(d.found);
	cJSON_Delete(d.types);
	return r;
}
