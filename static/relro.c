/* SPDX-License-Identifier: Apache-2.0 */
/* What a dynamic linker does for others: after relocation, read-only. */
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* musl leaves the RELRO segment of a static-pie file writable. */
__attribute__((constructor)) static void relro_protect(void)
{
	const ElfW(Phdr) *ph = (const void *)getauxval(AT_PHDR);
	const size_t n = getauxval(AT_PHNUM);
	const uintptr_t page = getauxval(AT_PAGESZ);
	uintptr_t start, end;

	for (size_t i = 0; i < n; i++) {
		if (ph[i].p_type != PT_GNU_RELRO)
			continue;
		start = (uintptr_t)__ehdr_start + ph[i].p_vaddr;
		end = start + ph[i].p_memsz;
		start &= -page;
		end &= -page;
		if (mprotect((void *)start, end - start, PROT_READ) < 0)
			abort();
	}
}
