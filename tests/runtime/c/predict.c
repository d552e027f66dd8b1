/* predict PACKAGE HOW: a program in the way of those written for MXNet's prediction interface. HOW is `memory` or `path`.
 * Prints each output of a network with the input `data`, given 0, 1, 2..., of shape (2, 3), and (9, 3) if it may. */
#include "symc_mxpred.h"

#include <stdio.h>

static void *read_file(const char *path, int *bytes)
{
    FILE *file = fopen(path, "rb");
    static char content[1 << 22];
    *bytes = (int)fread(content, 1, sizeof content, file);
    fclose(file);
    return content;
}

static int run(PredictorHandle predictor, mx_uint elements)
{
    mx_uint *shape = NULL, rank = 0, count = 1;
    float data[64], result[64];
    int left = 1;
    for (mx_uint i = 0; i < elements; i++)
        data[i] = (float)i;
    if (MXPredSetInput(predictor, "data", data, elements) || MXPredPartialForward(predictor, 0, &left) || left
        || MXPredGetOutputShape(predictor, 0, &shape, &rank))
        return -1;
    for (mx_uint i = 0; i < rank; i++)
        count *= shape[i];
    if (MXPredGetOutput(predictor, 0, result, count))
        return -1;
    for (mx_uint i = 0; i < count; i++)
        printf("%g ", (double)result[i]);
    printf("\n");
    return 0;
}

int main(int argc, char **argv)
{
    const char *keys[] = {"data"};
    const mx_uint begins[] = {0, 2}, extents[] = {2, 3}, others[] = {9, 3};
    int bytes = 0;
    void *content = argc == 3 ? read_file(argv[1], &bytes) : NULL;
    PredictorHandle predictors[3] = {NULL, NULL, NULL}, other = NULL;
    int is_path = argc == 3 && !strcmp(argv[2], "path");
    if (MXPredCreateMultiThread(is_path ? argv[1] : NULL, is_path ? NULL : content, bytes, 1, 0, 1, keys, begins, extents,
                                3, predictors))
        return fprintf(stderr, "%s\n", MXGetLastError()), 1;
    memset(content, 0, (size_t)bytes);
    for (int i = 0; i < 3; i++)
        if (run(predictors[i], 6))
            return fprintf(stderr, "%s\n", MXGetLastError()), 1;
    printf("%d %s\n", run(predictors[0], 5), MXGetLastError());
    if (MXPredReshape(1, keys, begins, others, predictors[0], &other))
        printf("-1 %s\n", MXGetLastError());
    else if (run(other, 27))
        return fprintf(stderr, "%s\n", MXGetLastError()), 1;
    MXPredFree(other);
    for (int i = 0; i < 3; i++)
        MXPredFree(predictors[i]);
    return 0;
}
