/* See symc.h.  Compile it along with a program: cc -std=c11 -O2 main.c symc.c -ldl -lpthread -lm */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE     /* memfd_create, sched_getaffinity */
#endif
#include "symc.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#define ARCHITECTURE "x86_64"
#elif defined(__aarch64__)
#include <sys/auxv.h>
#define ARCHITECTURE "aarch64"
#else
#error "symc compiles for x86-64 and 64-bit ARM"
#endif

enum { ALIGNMENT = 64, MOST_THREADS = 1024, KINDS = 5, MODULE_MARK = 0x316d7973, EXECUTOR_MARK = 0x31657973 };

/* ---- what a library says of itself: codegen/llvm_descriptor.py -------------------------------------------------- */

enum { DESCRIPTOR_VERSION = 1, HOST = -2 /* in place of the first step of an entry */ };
enum { TEAM_SLOTS = 16 };       /* where a team of version 1 points to the list of its threads: llvm_team.py */
enum { WEIGHT = 5, ARENA = 6, SLICE = 7, STATUS = 8, SEED = 9 };     /* kinds behind those of symc.h */
typedef enum entry_point { PREPARE, INFER, FORWARD, BACKWARD } entry_point;

typedef struct buffer_row {
    uint32_t kind, dtype, rank, entries, name, extents;
    int64_t bytes, offset;
} buffer_row;

typedef struct plan_row {
    const void *table;
    const buffer_row *buffers;
    int64_t count;
    const char *names;
    const int64_t *extents;
    int64_t symbols, arena_bytes, weights_bytes, entries[4][2];
} plan_row;

typedef struct descriptor {
    uint32_t version, count;
    int32_t (*run)(const void *table, void **buffers, int64_t *symbols, int64_t first, int64_t last, void *team);
    void *(*team_create)(void);
    int32_t (*team_resize)(void *team, int32_t size);
    const plan_row *plans;
} descriptor;

/* Where an array has the rows of a batch of any size: outer·N·inner elements along the axis, row n of them at
 * (i·N + n)·inner + j.  An axis below 0: the array is the same for every batch. */
typedef struct place {
    int64_t axis, outer, inner;
} place;

/* What a library for batches of any size exports as `symc_batch`: of its inputs and outputs the places, of its plans
 * sizes, which ascend, and what they cost. */
typedef struct batch_table {
    uint32_t version, count;
    const char *symbol;
    const place *inputs, *outputs;
    const int64_t *sizes, *costs;
} batch_table;

/* A run of bytes. */
typedef struct span {
    const uint8_t *data;
    size_t bytes;
} span;

/* ---- handles --------------------------------------------------------------------------------------------------- */

/* A plan with its buffers sorted: `ids[first[kind]...first[kind + 1])` are those of a kind, behind them the statuses. */
typedef struct plan_view {
    const plan_row *row;
    uint32_t *ids;
    size_t first[KINDS + 2];
    int64_t seed;               /* the buffer of the seed, or -1 */
    const struct any_batch *batch;      /* of which this is the plan, or null: it is a plan of the library */
} plan_view;

struct symc_module {
    uint32_t mark;
    atomic_int references;
    span mapped, mapped_weights;    /* files */
    void *image, *copy, *library;   /* copies of a package in memory, and of weights that lie unaligned */
    const uint8_t *weights;
    int descriptor_file;        /* of the library; the loader knows libraries by path, so it stays open */
    const descriptor *descriptor;
    const batch_table *batch;   /* or null */
    plan_view *plans;
    char level[256];
    atomic_long holder;         /* of what follows: the process one of whose threads changes it, or 0 */
    struct any_batch *batches;  /* that were asked for, which live as long as the module */
    atomic_int threads;
    _Atomic(void *) team;
    atomic_long process;        /* whose threads the team has: a child of fork has none of them */
};

/* An array of the user's: its memory within the executor's, and whether it has a value. */
typedef struct user_array {
    uint8_t *own;
    int is_set, is_bound;
} user_array;

struct symc_executor {
    uint32_t mark;
    symc_module *module;
    const plan_view *plan;
    void **buffers;
    int64_t *symbols;
    user_array *slots;              /* by the number of the buffer */
    uint8_t *block;             /* the arena, and the user's arrays */
    uint64_t random;
    int64_t seed;               /* what random operators read in this run */
    int has_run, can_go_back;
    struct symc_executor **slabs;       /* by the number of the plan, where this one is for a batch of any size */
};

/* ---- errors ---------------------------------------------------------------------------------------------------- */

static _Thread_local char last_error[1024];

static int fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    return status;
}

const char *symc_last_error(void) { return last_error; }

static int no_memory(size_t bytes) { return fail(SYMC_ERROR_MEMORY, "there is no memory for %zu bytes", bytes); }

static int check_module(const symc_module *module)
{
    if (module && module->mark == MODULE_MARK)
        return SYMC_OK;
    return fail(module ? SYMC_ERROR_VERSION : SYMC_ERROR_ARGUMENT, module ? "the handle is no module of this version of "
                "symc.c, or was closed" : "the module is a null pointer");
}

static int check_executor(const symc_executor *executor)
{
    if (executor && executor->mark == EXECUTOR_MARK)
        return SYMC_OK;
    return fail(executor ? SYMC_ERROR_VERSION : SYMC_ERROR_ARGUMENT, executor ? "the handle is no executor of this "
                "version of symc.c, or was destroyed" : "the executor is a null pointer");
}

static int check_pointer(const void *pointer, const char *name)
{
    return pointer ? SYMC_OK : fail(SYMC_ERROR_ARGUMENT, "argument '%s' is a null pointer", name);
}

/* ---- the machine ----------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
enum { EAX, EBX, ECX, EDX, NO_STATE = 0, YMM = 0x6, ZMM = 0xE6, TILES = 0x60000 };

/* Where cpuid tells a feature, and which registers the system must save for it. */
static const struct feature {
    const char *name;
    uint32_t leaf, subleaf;
    int word, bit, state;
} FEATURES[] = {
    {"pni", 1, 0, ECX, 0, NO_STATE}, {"pclmulqdq", 1, 0, ECX, 1, NO_STATE},
    {"ssse3", 1, 0, ECX, 9, NO_STATE}, {"sse4_1", 1, 0, ECX, 19, NO_STATE}, {"sse4_2", 1, 0, ECX, 20, NO_STATE},
    {"movbe", 1, 0, ECX, 22, NO_STATE}, {"popcnt", 1, 0, ECX, 23, NO_STATE}, {"fma", 1, 0, ECX, 12, YMM},
    {"avx", 1, 0, ECX, 28, YMM}, {"f16c", 1, 0, ECX, 29, YMM}, {"avx2", 7, 0, EBX, 5, YMM},
    {"bmi1", 7, 0, EBX, 3, NO_STATE}, {"bmi2", 7, 0, EBX, 8, NO_STATE}, {"abm", 0x80000001, 0, ECX, 5, NO_STATE},
    {"avx512f", 7, 0, EBX, 16, ZMM}, {"avx512dq", 7, 0, EBX, 17, ZMM}, {"avx512cd", 7, 0, EBX, 28, ZMM},
    {"avx512bw", 7, 0, EBX, 30, ZMM}, {"avx512vl", 7, 0, EBX, 31, ZMM}, {"avx512_bf16", 7, 1, EAX, 5, ZMM},
    {"amx_bf16", 7, 0, EDX, 22, TILES}, {"amx_tile", 7, 0, EDX, 24, TILES}};

/* The states of registers that the system saves, as xgetbv tells. */
static uint32_t saved_states(void)
{
    uint32_t eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx >> 27 & 1))
        return 0;
    __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return eax;
}

/* Whether the system lets this process use a state: tiles have to be asked for, once for all threads. */
static int is_permitted(uint32_t state)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    return (saved_states() & state) == state
        && (state != TILES || !syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA));
}

static int has_feature(const char *name)
{
    for (size_t i = 0; i < sizeof FEATURES / sizeof *FEATURES; i++) {
        const struct feature *feature = FEATURES + i;
        uint32_t words[4];
        if (strcmp(feature->name, name))
            continue;
        if (!__get_cpuid_count(feature->leaf, feature->subleaf, words, words + 1, words + 2, words + 3))
            return 0;
        return words[feature->word] >> feature->bit & 1 && is_permitted((uint32_t)feature->state);
    }
    return 0;
}
#else
static int has_feature(const char *name)
{
    unsigned long features = getauxval(AT_HWCAP);
    return strcmp(name, "fp") ? !strcmp(name, "asimd") && features >> 1 & 1 : (int)(features & 1);
}
#endif

#include "symc_threads.inc"
#include "symc_package.inc"
#include "symc_shapes.inc"

/* ---- code ------------------------------------------------------------------------------------------------------ */

static int write_all(int file, span image)
{
    while (image.bytes) {
        ssize_t written = write(file, image.data, image.bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return 0;
        image = (span){image.data + written, image.bytes - (size_t)written};
    }
    return 1;
}

/* Map a library through a file without a name. */
static void *map_from_memory(span image, int *file)
{
    char path[40];
#if defined(SYS_memfd_create) && !defined(SYMC_WITHOUT_MEMFD)
    *file = (int)syscall(SYS_memfd_create, "symc", 1u /* closed on exec */);
#endif
    if (*file < 0)
        return NULL;
    snprintf(path, sizeof path, "/proc/self/fd/%d", *file);
    void *library = write_all(*file, image) ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
        close(*file);
        *file = -1;
    }
    return library;
}

/* Map a library through a temporary file: where there are no files without a name, or no code is run from them. */
static void *map_from_folder(span image)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    if (snprintf(path, sizeof path, "%s/symc-XXXXXX", folder && *folder ? folder : "/tmp") >= (int)sizeof path)
        return NULL;
    int file = mkostemp(path, O_CLOEXEC);
    if (file < 0)
        return NULL;
    void *library = write_all(file, image) ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    close(file);
    unlink(path);
    return library;
}

static int map_library(symc_module *module, span image)
{
    module->library = map_from_memory(image, &module->descriptor_file);
    if (!module->library)
        module->library = map_from_folder(image);
    if (!module->library) {
        const char *problem = dlerror();
        return fail(SYMC_ERROR_MACHINE, "the system cannot load the package's library: %s",
                    problem ? problem : strerror(errno));
    }
    module->descriptor = dlsym(module->library, "symc_descriptor");
    if (!module->descriptor || module->descriptor->version != DESCRIPTOR_VERSION || !module->descriptor->count)
        return fail(SYMC_ERROR_VERSION, "the package's library %s; compile the network again with the version of symc "
                    "that this symc.c is of", module->descriptor ? "is described in another version than 1"
                    : "has no description for C");
    module->batch = dlsym(module->library, "symc_batch");
    if (module->batch && module->batch->version != DESCRIPTOR_VERSION)
        module->batch = NULL;       /* of a later version: what is compiled can be run */
    return SYMC_OK;
}

/* ---- modules --------------------------------------------------------------------------------------------------- */

static int view_plans(symc_module *module, size_t weights_bytes)
{
    uint32_t count = module->descriptor->count;
    module->plans = calloc(count, sizeof *module->plans);
    if (!module->plans)
        return no_memory(count * sizeof *module->plans);
    for (uint32_t i = 0; i < count; i++) {
        if (module->descriptor->plans[i].weights_bytes > (int64_t)weights_bytes)
            return damaged("its weights are not those of its library", "");
        int status = view_plan(module->descriptor->plans + i, module->plans + i);
        if (status)
            return status;
    }
    return SYMC_OK;
}

static int place_weights(symc_module *module, span weights)
{
    module->weights = weights.data;
    if ((uintptr_t)weights.data % ALIGNMENT == 0 || !weights.bytes)
        return SYMC_OK;
    if (posix_memalign(&module->copy, ALIGNMENT, weights.bytes))
        return no_memory(weights.bytes);
    module->weights = memcpy(module->copy, weights.data, weights.bytes);
    return SYMC_OK;
}

/* Map a file. */
static int map_file(const char *path, span *mapped)
{
    struct stat information;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &information)) {
        int problem = errno;
        if (file >= 0)
            close(file);
        return fail(SYMC_ERROR_FILE, "cannot read %s: %s", path, strerror(problem));
    }
    if (!S_ISREG(information.st_mode) || information.st_size <= 0) {
        close(file);
        return fail(SYMC_ERROR_PACKAGE, "%s is no part of a package: it is empty or no file", path);
    }
    size_t bytes = (size_t)information.st_size;
    void *mapping = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file, 0);
    int problem = errno;
    close(file);
    if (mapping == MAP_FAILED)
        return fail(SYMC_ERROR_FILE, "cannot map %s: %s", path, strerror(problem));
    *mapped = (span){mapping, bytes};
    return SYMC_OK;
}

/* Weights in a file of their own lie in the folder of the package. */
static int find_weights(symc_module *module, const char *path, package *found)
{
    if (!*found->weights_file)
        return SYMC_OK;
    if (!path)
        return fail(SYMC_ERROR_UNSUPPORTED, "the weights are in a file of their own, %s; open the package by its path",
                    found->weights_file);
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0, bytes = folder + strlen(found->weights_file) + 1;
    char *beside = malloc(bytes);
    if (!beside)
        return no_memory(bytes);
    snprintf(beside, bytes, "%.*s%s", (int)folder, path, found->weights_file);
    int status = found->weights_sums.bytes ? map_file(beside, &module->mapped_weights) : SYMC_OK;
    free(beside);
    found->weights = module->mapped_weights;
    return status;
}

/* Weights may be huge, so that their CRC-32 must do; the library, which is checked by then, may take it faster. */
static int check_weights(const symc_module *module, const package *found)
{
    int64_t (*fold)(const void *data, int64_t blocks, void *rest) = NULL;
    void *address = dlsym(module->library, "symc_fold");
    uint8_t rest[ALIGNMENT] = {0};
    span data = found->weights;
    uint32_t sum = 0;
    memcpy(&fold, &address, sizeof fold);
    if (fold && data.bytes >= sizeof rest) {
        size_t blocks = data.bytes / sizeof rest;
        fold(data.data, (int64_t)blocks, rest);
        sum = crc32_of(UINT32_MAX, (span){rest, sizeof rest});
        data = (span){data.data + blocks * sizeof rest, data.bytes % sizeof rest};
    }
    return found->weights.bytes == found->weights_sums.bytes && crc32_of(sum, data) == found->weights_sums.crc
        ? SYMC_OK : damaged("the checksum is wrong of", "the weights");
}

/* path: where the image was read, or null. */
static int load_module(symc_module *module, span image, const char *path)
{
    package found = {0};
    int threads = 1;
    int status = default_threads(&threads);
    if (status)
        return status;
    atomic_store(&module->threads, threads);
    if ((status = read_package(image, &found)) || (status = find_weights(module, path, &found))
        || (status = map_library(module, found.library)) || (status = check_weights(module, &found))
        || (status = place_weights(module, found.weights)))
        return status;
    memcpy(module->level, found.level, sizeof module->level);
    return view_plans(module, found.weights.bytes);
}

static void unmap(span mapped)
{
    if (mapped.bytes)
        munmap((void *)(uintptr_t)mapped.data, mapped.bytes);
}

static void free_module(symc_module *module)
{
    for (uint32_t i = 0; module->plans && i < module->descriptor->count; i++)
        free(module->plans[i].ids);
    void *team = atomic_load(&module->team);
    if (team && atomic_load(&module->process) == getpid()) {
        module->descriptor->team_resize(team, 1);
        free(*(void **)(void *)((char *)team + TEAM_SLOTS));
        free(team);
    }
    if (module->library)
        dlclose(module->library);
    if (module->descriptor_file >= 0)
        close(module->descriptor_file);
    unmap(module->mapped);
    unmap(module->mapped_weights);
    free_batches(module->batches);
    free(module->plans);
    free(module->copy);
    free(module->image);
    module->mark = 0;
    free(module);
}

/* A module of the image, which is a mapped file, that the module then owns, or the caller's memory. */
static int new_module(span image, const char *path, symc_module **result)
{
    symc_module *module = calloc(1, sizeof *module);
    if (!module) {
        unmap(path ? image : (span){0});
        return no_memory(sizeof *module);
    }
    module->mark = MODULE_MARK;
    module->mapped = path ? image : (span){0};
    module->descriptor_file = -1;
    atomic_store(&module->references, 1);
    int status = load_module(module, image, path);
    if (status)
        free_module(module);
    else
        *result = module;
    return status;
}

int symc_module_open(const char *path, symc_module **module)
{
    span image = {0};
    int status = check_pointer(path, "path");
    if (status || (status = check_pointer(module, "module")) || (status = map_file(path, &image)))
        return status;
    return new_module(image, path, module);
}

int symc_module_open_memory(const void *data, size_t bytes, symc_module **module)
{
    if (check_pointer(data, "data") || check_pointer(module, "module"))
        return SYMC_ERROR_ARGUMENT;
    return new_module((span){data, bytes}, NULL, module);
}

int symc_module_open_copy(const void *data, size_t bytes, symc_module **module)
{
    void *image = NULL;
    int status = check_pointer(data, "data");
    if (status || (status = check_pointer(module, "module")))
        return status;
    if (posix_memalign(&image, ALIGNMENT, bytes ? bytes : 1))
        return no_memory(bytes);
    status = symc_module_open_memory(memcpy(image, data, bytes), bytes, module);
    if (status)
        free(image);
    else
        (*module)->image = image;
    return status;
}

int symc_module_share(symc_module *module)
{
    int status = check_module(module);
    if (!status)
        atomic_fetch_add(&module->references, 1);
    return status;
}

void symc_module_close(symc_module *module)
{
    if (module && module->mark == MODULE_MARK && atomic_fetch_sub(&module->references, 1) == 1)
        free_module(module);
}

int symc_module_level(const symc_module *module, const char **level)
{
    int status = check_module(module);
    if (!status && !(status = check_pointer(level, "level")))
        *level = module->level;
    return status;
}

int symc_module_plans(const symc_module *module, size_t *count)
{
    int status = check_module(module);
    if (!status && !(status = check_pointer(count, "count")))
        *count = module->descriptor->count;
    return status;
}

#include "symc_executor.inc"
