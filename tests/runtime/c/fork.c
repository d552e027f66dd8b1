/* fork PACKAGE CHILDREN: forks so many times while another thread changes how many threads a module has; each child
 * runs the module, with threads of its own. Prints how many failed, or had not ended after ten seconds. */
#include "symc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static symc_module *module;
static symc_executor *executor;
static atomic_int stop;

static void *change(void *nothing)
{
    for (int threads = 2; !atomic_load(&stop); threads = 5 - threads)
        symc_module_set_threads(module, threads);
    return nothing;
}

static int prepare(const char *path)
{
    symc_array input;
    if (symc_module_open(path, &module) || symc_module_set_threads(module, 2)
        || symc_executor_create(module, &executor) || symc_describe(executor, SYMC_INPUT, 0, &input))
        return 1;
    void *zeros = calloc(1, input.bytes);
    int failed = !zeros || symc_set(executor, SYMC_INPUT, 0, zeros, input.bytes) || symc_forward(executor, 0);
    free(zeros);
    return failed;
}

static int child_fails(void)
{
    int status;
    pid_t child = fork();
    if (!child) {
        alarm(10);
        _exit(symc_module_set_threads(module, 2) || symc_forward(executor, 0));
    }
    return waitpid(child, &status, 0) != child || status;
}

int main(int count, char **arguments)
{
    pthread_t changing;
    int failed = 0;
    if (count != 3 || prepare(arguments[1]) || pthread_create(&changing, NULL, change, NULL)) {
        fprintf(stderr, "%s\n", symc_last_error());
        return 1;
    }
    for (int i = atoi(arguments[2]); i > 0; i--)
        failed += child_fails();
    atomic_store(&stop, 1);
    pthread_join(changing, NULL);
    printf("%d children failed\n", failed);
    return 0;
}
