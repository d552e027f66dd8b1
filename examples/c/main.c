/* Classifies a picture or an array with a compiled network, with nothing but a C compiler and libc.
 *
 *     symc compile resnet18-symbol.json --params resnet18-0000.params --shape data=1,3,224,224 -o resnet18.symc
 *     cc -std=c11 -O2 -I symc/runtime/c examples/c/main.c symc/runtime/c/symc.c -o main -ldl -lpthread -lm
 *     ./main resnet18.symc cat.ppm [MEAN STD]
 *
 * The picture is a binary .ppm of the network's height and width, whose pixels become (pixel - MEAN) / STD, by default
 * (pixel - 0) / 1; the array is an .npy file of float32 of the input's shape.  Prints the five largest outputs. */
#include "symc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    return 1;
}

/* A number in the head of a picture, behind spaces and remarks. */
static long read_number(FILE *file)
{
    long number = -1;
    int c = getc(file);
    while (isspace(c) || c == '#') {
        while (c == '#' && c != EOF && (c = getc(file)) != '\n')
            c = c == EOF ? EOF : '#';
        c = getc(file);
    }
    for (; isdigit(c) && number < 100000; c = getc(file))
        number = (number < 0 ? 0 : number) * 10 + (c - '0');
    return number;
}

/* Pixels of a picture, red, green and blue one after the other, as planes of floats. */
static int read_picture(FILE *file, const symc_array *input, float mean, float std, float *data)
{
    if (input->rank != 4 || input->shape[0] != 1 || input->shape[1] != 3)
        return fail(input->name, "this input takes no picture");
    long width = read_number(file), height = read_number(file), most = read_number(file);
    if (width != input->shape[3] || height != input->shape[2] || most != 255) {
        fprintf(stderr, "the picture has %ld x %ld pixels up to %ld, expected %lld x %lld up to 255\n", width, height,
                most, (long long)input->shape[3], (long long)input->shape[2]);
        return 1;
    }
    size_t pixels = (size_t)width * (size_t)height;
    for (size_t i = 0; i < 3 * pixels; i++) {
        int value = getc(file);
        if (value == EOF)
            return fail("picture", "it is cut off");
        data[i % 3 * pixels + i / 3] = ((float)value - mean) / std;
    }
    return 0;
}

/* An .npy file, whose head must be what NumPy writes for an array like the input. */
static int read_array(FILE *file, const symc_array *input, float *data)
{
    char head[65536] = "", shape[512] = "'shape': (";
    unsigned char start[4];     /* what is left of the magic string and version, and the length of the head */
    if (fseek(file, 6, SEEK_SET) || fread(start, 1, 4, file) != 4 || start[0] != 1)
        return fail("array", "not an .npy file of version 1");
    size_t bytes = start[2] | (size_t)start[3] << 8;
    if (fread(head, 1, bytes, file) != bytes)
        return fail("array", "it is cut off");
    for (int32_t i = 0; i < input->rank; i++)
        snprintf(shape + strlen(shape), sizeof shape - strlen(shape), i ? ", %lld" : "%lld",
                 (long long)input->shape[i]);
    strncat(shape, input->rank == 1 ? ",)" : ")", sizeof shape - strlen(shape) - 1);
    if (!strstr(head, "'<f4'") || !strstr(head, "'fortran_order': False") || !strstr(head, shape))
        return fail("array", "expected float32 in C order, of the input's shape");
    return fread(data, 1, input->bytes, file) == input->bytes ? 0 : fail("array", "it is cut off");
}

static int read_input(const char *path, const symc_array *input, float mean, float std, float *data)
{
    FILE *file = fopen(path, "rb");
    char magic[2] = "";
    if (!file)
        return fail(path, "cannot be opened");
    int status = fread(magic, 1, 2, file) != 2 ? fail(path, "is empty")
        : memcmp(magic, "P6", 2) ? read_array(file, input, data) : read_picture(file, input, mean, std, data);
    fclose(file);
    return status;
}

static void print_largest(const float *scores, size_t count)
{
    char *is_shown = calloc(count + 1, 1);
    for (int place = 0; is_shown && place < 5 && (size_t)place < count; place++) {
        size_t best = count;
        for (size_t i = 0; i < count; i++)
            if (!is_shown[i] && (best == count || scores[i] > scores[best]))
                best = i;
        is_shown[best] = 1;
        printf("%zu %.6g\n", best, scores[best]);
    }
    free(is_shown);
}

static int classify(symc_executor *executor, const char *path, float mean, float std)
{
    symc_array input, output;
    void *data, *scores;
    if (symc_describe(executor, SYMC_INPUT, 0, &input) || symc_data(executor, SYMC_INPUT, 0, &data)
        || symc_describe(executor, SYMC_OUTPUT, 0, &output) || symc_data(executor, SYMC_OUTPUT, 0, &scores))
        return fail("network", symc_last_error());
    if (input.dtype != SYMC_FLOAT32 || output.dtype != SYMC_FLOAT32)
        return fail("network", "its input and output are not float32");
    if (read_input(path, &input, mean, std, data))
        return 1;
    if (symc_forward(executor, 0))
        return fail("forward", symc_last_error());
    print_largest(scores, output.bytes / sizeof(float));
    return 0;
}

int main(int argc, char **argv)
{
    symc_module *module = NULL;
    symc_executor *executor = NULL;
    if (argc != 3 && argc != 5)
        return fail("usage", "main PACKAGE PICTURE.ppm|ARRAY.npy [MEAN STD]");
    if (symc_module_open(argv[1], &module) || symc_executor_create(module, &executor)) {
        symc_module_close(module);
        return fail(argv[1], symc_last_error());
    }
    int status = classify(executor, argv[2], argc == 5 ? strtof(argv[3], NULL) : 0,
                          argc == 5 ? strtof(argv[4], NULL) : 1);
    symc_executor_destroy(executor);
    symc_module_close(module);
    return status;
}
