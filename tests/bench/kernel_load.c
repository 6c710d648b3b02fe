// SPDX-License-Identifier: Apache-2.0
// What the modules take: from the first system call to all nodes, back again, and in
// memory with all 108 devices. Prints "memory BYTES 0", "load NS 0" and "unload NS 0"
// (medians).
//   kernel_load ROUNDS DSMIL_KO DSMIL_SIM_KO
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What others give back or take meanwhile is as much as a tenth of it. */
#define MEMORY_ROUNDS 5

static void die(const char *what) {
    fprintf(stderr, "kernel_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void load_module(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
        die(path);
    close(fd);
}

static void load(char **paths) {
    int fd;

    load_module(paths[0]);
    load_module(paths[1]);
    fd = open("/dev/dsmil/806b", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die("/dev/dsmil/806b");
    close(fd);
}

static void unload(void) {
    if (syscall(SYS_delete_module, "dsmil_sim", O_NONBLOCK) ||
        syscall(SYS_delete_module, "dsmil", O_NONBLOCK))
        die("delete_module");
}

static void tell_kernel(const char *path, const char *word) {
    FILE *file = fopen(path, "w");

    if (!file || fputs(word, file) < 0 || fclose(file))
        die(path);
}

/* Every object of every slab, without the room that a slab has for more. */
static int64_t slab_bytes(void) {
    long long objects, size, bytes = 0;
    char line[512];
    glob_t caches;
    FILE *file;

    /* Objects that a processor has put by count as used. */
    if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches))
        die("/sys/kernel/slab");
    for (size_t i = 0; i < caches.gl_pathc; i++)
        tell_kernel(caches.gl_pathv[i], "1\n");
    globfree(&caches);
    file = fopen("/proc/slabinfo", "r");
    if (!file)
        die("/proc/slabinfo");
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "%*s %lld %*d %lld", &objects, &size) == 2)
            bytes += objects * size;
    fclose(file);
    return bytes;
}

/* vmalloc, where modules are too, and per-processor memory. */
static int64_t mapped_bytes(void) {
    long long value, bytes = 0;
    char name[64];
    FILE *file;

    /* With one processor there is nothing to collect, and no such file. */
    if (sysconf(_SC_NPROCESSORS_CONF) > 1)
        tell_kernel("/proc/sys/vm/stat_refresh", "1\n");
    file = fopen("/proc/meminfo", "r");
    if (!file)
        die("/proc/meminfo");
    while (fscanf(file, "%63s %lld%*[^\n]", name, &value) == 2)
        bytes += strcmp(name, "VmallocUsed:") && strcmp(name, "Percpu:") ? 0 : value * 1024;
    fclose(file);
    return bytes;
}

/*
 * What the kernel holds for itself. Free memory would not do: freed pages stay on lists
 * of the processors.
 */
static int64_t kernel_bytes(void) {
    /* What is freed after a grace period is free by then. */
    sleep(6);
    tell_kernel("/proc/sys/vm/drop_caches", "3\n");
    return slab_bytes() + mapped_bytes();
}

static int64_t median(int64_t *values, size_t count) {
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

int main(int argc, char **argv) {
    const size_t rounds = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
    int64_t *load_ns = calloc(rounds, sizeof(*load_ns)), *unload_ns = calloc(rounds, sizeof(*unload_ns));
    int64_t memory[MEMORY_ROUNDS];

    if (!rounds || !load_ns || !unload_ns) {
        fprintf(stderr, "usage: kernel_load ROUNDS DSMIL_KO DSMIL_SIM_KO\n");
        return 2;
    }
    for (size_t i = 0; i < rounds; i++) {
        const int64_t start = now_ns();

        load(argv + 2);
        load_ns[i] = now_ns() - start;

        const int64_t middle = now_ns();

        unload();
        unload_ns[i] = now_ns() - middle;
    }
    /* Not of the first load, which makes slabs and names that stay. */
    for (size_t i = 0; i < MEMORY_ROUNDS; i++) {
        const int64_t before = kernel_bytes();

        load(argv + 2);
        memory[i] = kernel_bytes() - before;
        unload();
    }
    printf("memory %lld 0\n", (long long)median(memory, MEMORY_ROUNDS));
    printf("load %lld 0\nunload %lld 0\n", (long long)median(load_ns, rounds),
           (long long)median(unload_ns, rounds));
    return 0;
}
