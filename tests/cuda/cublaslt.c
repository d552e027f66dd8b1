/* A stand-in for cuBLASLt on memory of the host, written from NVIDIA's description of its functions: matrices by columns,
   leading dimensions, stacks at strides, transposed factors, epilogues, float32 sums.  It refuses what the library does.

   What there is to see: how often it multiplied (stand_in_products), and with which compute type last.
   What can be set: the status with which functions fail. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum { R_32F = 0, R_16F = 2, R_16BF = 14 };

int stand_in_products = 0, stand_in_heuristics = 0, stand_in_compute = 0, stand_in_alive = 0;
int stand_in_create_status = SUCCESS, stand_in_heuristic_status = SUCCESS, stand_in_product_status = SUCCESS;

typedef struct { int type; uint64_t rows, columns; int64_t leading; int32_t count; int64_t stride; } Layout;
typedef struct { int compute, scale; int32_t transposed[2]; int32_t epilogue; const void *bias; } Description;
typedef struct { uint64_t workspace; uint32_t alignments[4]; } Preference;
typedef struct { uint64_t data[8]; } Algorithm;
typedef struct { Algorithm algorithm; size_t workspace; int state; float waves; int reserved[4]; } Heuristic;

static void *made(size_t size, const void *initial)
{
    stand_in_alive++;
    return memcpy(malloc(size), initial, size);
}

static int end(void *thing)
{
    stand_in_alive--;
    free(thing);
    return SUCCESS;
}

static int set(void *field, const void *value, size_t size, size_t expected)
{
    if (size != expected)
        return INVALID_VALUE;
    memcpy(field, value, size);
    return SUCCESS;
}

size_t cublasLtGetVersion(void) { return 130205; }

int cublasLtCreate(void **handle)
{
    static int context;
    *handle = &context;
    return stand_in_create_status;
}

int cublasLtMatmulDescCreate(void **out, int compute, int scale)
{
    Description start = { compute, scale, { 0, 0 }, 1, NULL };
    *out = made(sizeof start, &start);
    return SUCCESS;
}

int cublasLtMatmulDescDestroy(void *description) { return end(description); }

int cublasLtMatmulDescSetAttribute(Description *to, int attribute, const void *value, size_t size)
{
    switch (attribute) {
    case 3: return set(&to->transposed[0], value, size, 4);
    case 4: return set(&to->transposed[1], value, size, 4);
    case 7: return set(&to->epilogue, value, size, 4);
    case 8: return set(&to->bias, value, size, sizeof(void *));
    }
    return INVALID_VALUE;
}

int cublasLtMatrixLayoutCreate(void **out, int type, uint64_t rows, uint64_t columns, int64_t leading)
{
    Layout start = { type, rows, columns, leading, 1, 0 };
    *out = made(sizeof start, &start);
    return SUCCESS;
}

int cublasLtMatrixLayoutDestroy(void *layout) { return end(layout); }

int cublasLtMatrixLayoutSetAttribute(Layout *to, int attribute, const void *value, size_t size)
{
    switch (attribute) {
    case 5: return set(&to->count, value, size, 4);
    case 6: return set(&to->stride, value, size, 8);
    }
    return INVALID_VALUE;
}

int cublasLtMatmulPreferenceCreate(void **out)
{
    Preference start = { 0, { 256, 256, 256, 256 } };
    *out = made(sizeof start, &start);
    return SUCCESS;
}

int cublasLtMatmulPreferenceDestroy(void *preference) { return end(preference); }

int cublasLtMatmulPreferenceSetAttribute(Preference *to, int attribute, const void *value, size_t size)
{
    if (attribute == 1)
        return set(&to->workspace, value, size, 8);
    return attribute >= 5 && attribute <= 8 ? set(&to->alignments[attribute - 5], value, size, 4) : INVALID_VALUE;
}

/* ---- elements ---------------------------------------------------------------------------------------------------- */

static size_t bytes(int type) { return type == R_32F ? 4 : 2; }

static float element(const void *matrix, int type, int64_t at)
{
    if (type == R_32F)
        return ((const float *)matrix)[at];
    if (type == R_16F)
        return (float)((const _Float16 *)matrix)[at];
    uint32_t wide = (uint32_t)((const uint16_t *)matrix)[at] << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
}

static void put(void *matrix, int type, int64_t at, float value)
{
    if (type == R_32F) {
        ((float *)matrix)[at] = value;
    } else if (type == R_16F) {
        ((_Float16 *)matrix)[at] = (_Float16)value;
    } else {
        uint32_t wide;
        memcpy(&wide, &value, 4);
        ((uint16_t *)matrix)[at] = value != value ? 0x7fc0 : (wide + 0x7fff + (wide >> 16 & 1)) >> 16;
    }
}

static float tensor_float(float value)
{
    float wide = value * 8193.0f;
    return wide - (wide - value);
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

static int agree(const Description *how, const Layout *a, const Layout *b, const Layout *c, const Layout *d)
{
    uint64_t rows = how->transposed[0] ? a->columns : a->rows, terms = how->transposed[0] ? a->rows : a->columns;
    uint64_t columns = how->transposed[1] ? b->rows : b->columns, other = how->transposed[1] ? b->columns : b->rows;
    const Layout *all[] = { a, b, c, d };
    for (int i = 0; i < 4; i++)
        if (all[i]->leading < (int64_t)all[i]->rows || all[i]->count != d->count)
            return INVALID_VALUE;
    if (terms != other || rows != d->rows || columns != d->columns || c->rows != d->rows || c->columns != d->columns)
        return INVALID_VALUE;
    if (how->scale != R_32F || (how->compute != 68 && how->compute != 77) || (how->epilogue & 4 && !how->bias))
        return INVALID_VALUE;
    return a->type == b->type && (d->type == R_32F || d->type == a->type) ? SUCCESS : NOT_SUPPORTED;
}

int cublasLtMatmulAlgoGetHeuristic(void *handle, Description *how, Layout *a, Layout *b, Layout *c, Layout *d,
                                   Preference *preference, int wanted, Heuristic *found, int *count)
{
    int status = agree(how, a, b, c, d);
    stand_in_heuristics++;
    *count = 0;
    if (status == SUCCESS)
        status = stand_in_heuristic_status;
    if (status != SUCCESS || wanted < 1 || !handle)
        return status;
    for (int i = 0; i < 4; i++)
        if (preference->alignments[i] > 16)
            return NOT_SUPPORTED;       /* arrays begin at multiples of 16 here */
    memset(found, 0, sizeof *found);
    found->algorithm.data[0] = d->rows;
    found->workspace = preference->workspace < 1 << 20 ? preference->workspace : 1 << 20;
    *count = 1;
    return SUCCESS;
}

static float sum(const Description *how, const void *a, const Layout *la, const void *b, const Layout *lb, int64_t i,
                 int64_t j, int64_t stack)
{
    float total = 0;
    int64_t terms = how->transposed[0] ? la->rows : la->columns;
    for (int64_t k = 0; k < terms; k++) {
        int64_t in_a = how->transposed[0] ? k + i * la->leading : i + k * la->leading;
        int64_t in_b = how->transposed[1] ? j + k * lb->leading : k + j * lb->leading;
        float x = element(a, la->type, in_a + stack * la->stride), y = element(b, lb->type, in_b + stack * lb->stride);
        total += how->compute == 77 ? tensor_float(x) * tensor_float(y) : x * y;
    }
    return total;
}

int cublasLtMatmul(void *handle, Description *how, const float *alpha, const void *a, Layout *la, const void *b,
                   Layout *lb, const float *beta, const void *c, Layout *lc, void *d, Layout *ld,
                   const Algorithm *algorithm, char *workspace, size_t size, void *stream)
{
    int status = agree(how, la, lb, lc, ld);
    if (status == SUCCESS)
        status = stand_in_product_status;
    if (status != SUCCESS)
        return status;
    if (!handle || stream || c != d || *beta != 0 || algorithm->data[0] != ld->rows || !workspace)
        return INVALID_VALUE;
    memset(workspace, 0x55, size);
    for (int64_t stack = 0; stack < ld->count; stack++)
        for (uint64_t j = 0; j < ld->columns; j++)
            for (uint64_t i = 0; i < ld->rows; i++) {
                float value = *alpha * sum(how, a, la, b, lb, i, j, stack);
                if (how->epilogue & 4)
                    value += element(how->bias, ld->type, i);
                if (how->epilogue & 2)
                    value = value > 0 ? value : 0;
                put(d, ld->type, i + j * ld->leading + stack * ld->stride, value);
            }
    stand_in_products++;
    stand_in_compute = how->compute;
    return SUCCESS;
}
