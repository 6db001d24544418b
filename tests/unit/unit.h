/* SPDX-License-Identifier: Apache-2.0 */
/* unit.h - cmocka, whose header needs these before it. */
#ifndef WEFT_TESTS_UNIT_UNIT_H
#define WEFT_TESTS_UNIT_UNIT_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
