/* Runs networks that symc compiled, from C.  Needs a C11 compiler and libc; compile symc.c along, or link a library
 * made by `symc package --format so`.
 *
 *     symc_module *module;
 *     symc_executor *executor;
 *     if (symc_module_open("model.symc", &module) || symc_executor_create(module, &executor)) {
 *         fprintf(stderr, "%s\n", symc_last_error());
 *         return 1;
 *     }
 *     symc_set(executor, SYMC_INPUT, 0, pixels, sizeof pixels);
 *     symc_forward(executor, 0);
 *     symc_get(executor, SYMC_OUTPUT, 0, scores, sizeof scores);
 *
 * Every function but symc_last_error and the two that only free returns SYMC_OK or what is wrong.  None of them prints,
 * ends the process, handles signals or changes its locale.
 *
 * Threads: a module may be used by any number of threads at once.  An executor is used by one thread at a time; threads
 * that run at once have one executor each, and share code and weights.
 *
 * What is declared here stays: later versions add functions, kinds and codes, and change none (docs/c-interface.md). */
#ifndef SYMC_H
#define SYMC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SYMC_API
#define SYMC_API
#endif

/* Version of this interface: the first number changes if a program must change, which it is promised not to. */
#define SYMC_VERSION_MAJOR 1
#define SYMC_VERSION_MINOR 1

/* A loaded package: code, weights and descriptions. */
typedef struct symc_module symc_module;

/* Memory for one run of a module at a time: arrays for inputs, outputs and what lies between. */
typedef struct symc_executor symc_executor;

typedef enum symc_status {
    SYMC_OK = 0,
    SYMC_ERROR_ARGUMENT = 1,    /* an argument is wrong: a null pointer, an index, a size, a name */
    SYMC_ERROR_FILE = 2,        /* the system cannot read the file */
    SYMC_ERROR_PACKAGE = 3,     /* no package, or a damaged one */
    SYMC_ERROR_VERSION = 4,     /* a package, or a handle, of a version of symc that does not fit */
    SYMC_ERROR_MACHINE = 5,     /* compiled for other machines; or the system refuses to map code */
    SYMC_ERROR_MEMORY = 6,      /* not enough memory */
    SYMC_ERROR_UNSUPPORTED = 7, /* the network calls functions in Python, or was compiled without training */
    SYMC_ERROR_STATE = 8,       /* an input was not set; no forward in front of backward */
    SYMC_ERROR_DATA = 9         /* an operator cannot compute with its data, as the factor of an indefinite matrix */
} symc_status;

/* What the arrays of an executor are. */
typedef enum symc_kind {
    SYMC_INPUT = 0,
    SYMC_OUTPUT = 1,
    SYMC_GRADIENT = 2,          /* of arguments, written by symc_backward */
    SYMC_HEAD_GRADIENT = 3,     /* of outputs, read by symc_backward; losses need none */
    SYMC_STATE = 4              /* auxiliary states, as the moving averages of BatchNorm */
} symc_kind;

/* Types of elements, by MXNet's numbers.  bfloat16 and float16 are the upper half of a float and IEEE's half. */
typedef enum symc_dtype {
    SYMC_FLOAT32 = 0,
    SYMC_FLOAT64 = 1,
    SYMC_FLOAT16 = 2,
    SYMC_UINT8 = 3,
    SYMC_INT32 = 4,
    SYMC_INT8 = 5,
    SYMC_INT64 = 6,
    SYMC_BOOL = 7,
    SYMC_BFLOAT16 = 12
} symc_dtype;

/* Describes an array: elements lie in C order.  The pointers stay valid as long as the module. */
typedef struct symc_array {
    const char *name;           /* UTF-8 */
    const int64_t *shape;       /* `rank` extents */
    size_t bytes;               /* of the whole array */
    int32_t rank;
    int32_t dtype;              /* a symc_dtype */
} symc_array;

/* A shape by the name of an input. */
typedef struct symc_shape {
    const char *name;
    const int64_t *shape;
    int32_t rank;
} symc_shape;

/* What went wrong in the calling thread's last call that failed, in one or two sentences, until its next that fails.
 * Empty when none has. */
SYMC_API const char *symc_last_error(void);

/* ---- modules --------------------------------------------------------------------------------------------------- */

/* Load a package.  Its weights are mapped from the file, which may be replaced but must not be changed in place. */
SYMC_API int symc_module_open(const char *path, symc_module **module);

/* Load a package from memory, which must stay unchanged until the module is closed.  Weights are used where they lie if
 * `data` begins at a multiple of 64 bytes, and copied otherwise. */
SYMC_API int symc_module_open_memory(const void *data, size_t bytes, symc_module **module);

/* The same with a copy of the memory, which need not outlive the call. */
SYMC_API int symc_module_open_copy(const void *data, size_t bytes, symc_module **module);

/* One more owner, who closes the module once. */
SYMC_API int symc_module_share(symc_module *module);

/* Give the module up; it lives on while it has executors.  A null pointer is fine. */
SYMC_API void symc_module_close(symc_module *module);

/* The CPU level of the code in use, as "x86-64-v3". */
SYMC_API int symc_module_level(const symc_module *module, const char **level);

/* How many sets of shapes the module is compiled for. */
SYMC_API int symc_module_plans(const symc_module *module, size_t *count);

/* How many arrays of a kind the plan number `plan` has, and a description of each of them. */
SYMC_API int symc_module_count(const symc_module *module, size_t plan, symc_kind kind, size_t *count);
SYMC_API int symc_module_describe(const symc_module *module, size_t plan, symc_kind kind, size_t index,
                                  symc_array *array);

/* Threads that a run uses, the calling one included, from 1 to 1024; by default SYMC_NUM_THREADS of the environment,
 * or else the cores that the process may use.  Executors of a module share these threads; one that finds them at work
 * runs with the calling thread alone.  Results do not depend on it. */
SYMC_API int symc_module_set_threads(symc_module *module, int threads);
SYMC_API int symc_module_threads(symc_module *module, int *threads);

/* ---- executors ------------------------------------------------------------------------------------------------- */

/* Make an executor for the first plan of the module, or for the one with the given shapes of inputs; inputs that are
 * not named may have any.  A module for batches of any size takes every number of rows above 0; those that it has no
 * plan for are computed in slabs by its plans, in place where the batch is the first extent, through copies otherwise. */
SYMC_API int symc_executor_create(symc_module *module, symc_executor **executor);
SYMC_API int symc_executor_create_for(symc_module *module, const symc_shape *shapes, size_t count,
                                      symc_executor **executor);

/* A null pointer is fine. */
SYMC_API void symc_executor_destroy(symc_executor *executor);

/* Go on with other shapes of inputs, as symc_executor_create_for takes them.  Arrays of the same name and shape keep their contents, or stay bound;
 * the others are new, and pointers to them that symc_data gave are void.  When it fails nothing has changed. */
SYMC_API int symc_reshape(symc_executor *executor, const symc_shape *shapes, size_t count);

/* How many arrays of a kind there are; what they are; the index of one by its name. */
SYMC_API int symc_count(const symc_executor *executor, symc_kind kind, size_t *count);
SYMC_API int symc_describe(const symc_executor *executor, symc_kind kind, size_t index, symc_array *array);
SYMC_API int symc_find(const symc_executor *executor, symc_kind kind, const char *name, size_t *index);

/* Copy `bytes` bytes, the size of the whole array, into one of the executor's own or out of it. */
SYMC_API int symc_set(symc_executor *executor, symc_kind kind, size_t index, const void *data, size_t bytes);
SYMC_API int symc_get(const symc_executor *executor, symc_kind kind, size_t index, void *data, size_t bytes);

/* The memory of an array, to read or to write it in place.  For inputs it counts as setting them. */
SYMC_API int symc_data(symc_executor *executor, symc_kind kind, size_t index, void **data);

/* Use the caller's memory for an array from now on, aligned to its elements; a null pointer: the executor's own again.
 * Inputs are not written. */
SYMC_API int symc_bind(symc_executor *executor, symc_kind kind, size_t index, void *data, size_t bytes);

/* Compute the outputs.  is_train: as symc_backward needs it, in packages compiled for training. */
SYMC_API int symc_forward(symc_executor *executor, int is_train);

/* Compute the gradients of the last symc_forward(executor, 1). */
SYMC_API int symc_backward(symc_executor *executor);

/* Begin the sequence of random numbers anew: equal seeds give equal draws, the same as `symc.random.seed` in Python. */
SYMC_API int symc_seed(symc_executor *executor, uint64_t seed);

#ifdef __cplusplus
}
#endif
#endif
