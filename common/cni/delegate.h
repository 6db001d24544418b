/* SPDX-License-Identifier: Apache-2.0 */
/* delegate.h - call another plugin with our own request. */
#ifndef WEFT_CNI_DELEGATE_H
#define WEFT_CNI_DELEGATE_H

#include "cni/plugin.h"

/**
 * cni_delegate_add() - ADD by another plugin
 * @call:	Our request: its environment and bytes are the delegate's too
 * @type:	The delegate's name
 * @ret:	Its result, zeroed before; free it in any case
 * @err:	The delegate's own error, unchanged (CNI spec section 4)
 *
 * A plugin of this program is called as a function; any other is looked up in
 * CNI_PATH and executed, with 3 minutes and 1 MiB of output at most. A failed
 * executable gets a DEL before this returns, as the specification demands;
 * our own undo what they did themselves.
 *
 * Return: 0 or a negative errno
 */
int cni_delegate_add(const struct cni_call *call, const char *type,
		     struct cni_result *ret, struct cni_err *err);

/**
 * cni_delegate() - DEL, CHECK, GC or STATUS by another plugin
 * @verb:	Which; need not be the verb of @call (rollback)
 *
 * Return: 0 or a negative errno
 */
int cni_delegate(const struct cni_call *call, enum cni_command verb,
		 const char *type, struct cni_err *err);

#endif
