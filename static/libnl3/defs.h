/* SPDX-License-Identifier: Apache-2.0 */
/* What libnl-3's ./configure would have found out about musl. */
#ifndef WEFT_LIBNL3_DEFS_H
#define WEFT_LIBNL3_DEFS_H

#define SYSCONFDIR "/etc/libnl"
#define _NL_SYSCONFDIR_LIBNL SYSCONFDIR
#define HAVE_STRERROR_L 1
#define HAVE_DECL___BUILTIN_CPU_INIT 0

#endif
