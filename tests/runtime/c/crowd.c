/* crowd PACKAGE THREADS RUNS: so many threads, each with its own executor, run a package with one float input and output
 * so many times, each time on other numbers, and compare with what one thread computed before. Prints wrong results,
 * nanoseconds a call, and how much resident memory grew. */
#include "symc.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KINDS_OF_DATA = 8, MOST = 64 };

static symc_module *module;
static long runs;
static size_t input_bytes, output_bytes;
static float *inputs[KINDS_OF_DATA], *outputs[KINDS_OF_DATA];

static int compute(symc_executor *executor, int kind, float *output)
{
    return symc_set(executor, SYMC_INPUT, 0, inputs[kind], input_bytes) || symc_forward(executor, 0)
        || symc_get(executor, SYMC_OUTPUT, 0, output, output_bytes);
}

static void *work(void *number)
{
    symc_executor *executor;
    float *output = malloc(output_bytes);
    long wrong = 0;
    if (!output || symc_executor_create(module, &executor))
        return (void *)runs;
    for (long i = 0; i < runs; i++) {
        int kind = (int)((i + (long)(size_t)number) % KINDS_OF_DATA);
        wrong += compute(executor, kind, output) || memcmp(output, outputs[kind], output_bytes);
    }
    symc_executor_destroy(executor);
    free(output);
    return (void *)wrong;
}

static long resident_kilobytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2)
        return -1;
    fclose(file);
    return resident * 4;
}

static int prepare(const char *path)
{
    symc_executor *executor;
    symc_array input, output;
    if (symc_module_open(path, &module) || symc_executor_create(module, &executor)
        || symc_describe(executor, SYMC_INPUT, 0, &input) || symc_describe(executor, SYMC_OUTPUT, 0, &output))
        return 1;
    input_bytes = input.bytes;
    output_bytes = output.bytes;
    for (int kind = 0; kind < KINDS_OF_DATA; kind++) {
        inputs[kind] = malloc(input_bytes);
        outputs[kind] = malloc(output_bytes);
        for (size_t i = 0; i < input_bytes / sizeof(float); i++)
            inputs[kind][i] = (float)((i * 7 + (size_t)kind * 13) % 31) / 31;
        if (compute(executor, kind, outputs[kind]))
            return 1;
    }
    symc_executor_destroy(executor);
    return 0;
}

static long crowd(int threads)
{
    pthread_t ids[MOST];
    long wrong = 0;
    void *result;
    for (int i = 0; i < threads; i++)
        pthread_create(ids + i, NULL, work, (void *)(size_t)i);
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], &result);
        wrong += (long)result;
    }
    return wrong;
}

int main(int argc, char **argv)
{
    struct timespec start, end;
    if (argc != 4 || atoi(argv[2]) > MOST || prepare(argv[1]))
        return fprintf(stderr, "%s\n", symc_last_error()), 2;
    int threads = atoi(argv[2]);
    runs = 100;
    long wrong = crowd(threads), before = resident_kilobytes();
    runs = atol(argv[3]);
    timespec_get(&start, TIME_UTC);
    wrong += crowd(threads);
    timespec_get(&end, TIME_UTC);
    double seconds = (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    printf("%ld wrong results, %.0f ns a call, %ld KiB resident before, %ld KiB after\n", wrong,
           1e9 * seconds / (double)runs / threads, before, resident_kilobytes());
    symc_module_close(module);
    return wrong != 0;
}
