/* SPDX-License-Identifier: Apache-2.0 */
/* What a dynamic linker does for others: after relocation, read-only. */
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* Where the kernel mapped the file; the linker defines it. */
extern char image[] __asm__("__ehdr_start")
	__attribute__((visibility("hidden")));

/* musl leaves the RELRO segment of a static-pie file writable. */
__attribute__((constructor)) static void relro_protect(void)
{
	const ElfW(Ehdr) *eh = (const void *)image;
	const ElfW(Phdr) *ph = (const void *)(image + eh->e_phoff);
	const size_t page = getauxval(AT_PAGESZ);
	size_t start, end;

	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type != PT_GNU_RELRO)
			continue;
		start = ph[i].p_vaddr & -page;
		end = (ph[i].p_vaddr + ph[i].p_memsz) & -page;
		if (mprotect(image + start, end - start, PROT_READ) < 0)
			abort();
	}
}
