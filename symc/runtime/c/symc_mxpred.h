/* MXNet's prediction interface (c_predict_api.h) over packages of symc, for programs that were written for it.
 *
 * Replace the include by this file, compile symc.c along instead of linking libmxnet, and give MXPredCreate a package
 * where it had a network and its parameters, which come compiled. What differs:
 *   - param_bytes, param_size: the contents of a package (what symc compile wrote), of which a copy is made;
 *     symbol_json_str is not read then. With param_bytes NULL, symbol_json_str is the path of the package.
 *   - Shapes of inputs must be among those that the package is compiled for; here as in MXPredReshape.
 *   - dev_type and dev_id are not read: there are no devices but the CPU.
 *   - Data are floats in and out, as before; inputs and outputs of other types are converted.
 *   - MXPredPartialForward computes all at its first step: compiled layers are fused and cannot be stopped at.
 *   - MXNDList functions, which read .nd files of means, and profiling functions are not here.
 * Functions return 0, or -1 and MXGetLastError says what is wrong. A predictor is used by one thread at a time. */
#ifndef SYMC_MXPRED_H
#define SYMC_MXPRED_H

#include "symc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned int mx_uint;
typedef float mx_float;
typedef void *PredictorHandle;

/* What a PredictorHandle points to. */
typedef struct symc_predictor {
    symc_module *module;
    symc_executor *executor;
    size_t *outputs;            /* those asked for */
    mx_uint count;
    mx_uint shape[32];          /* what MXPredGetOutputShape points to */
} symc_predictor;

static inline const char *MXGetLastError(void) { return symc_last_error(); }

/* ---- elements --------------------------------------------------------------------------------------------------- */

static inline float symc_mxpred_from_half(uint16_t half)
{
    int exponent = half >> 10 & 31, sign = half >> 15;
    float fraction = (float)(half & 1023), value;
    if (exponent == 31)
        value = fraction != 0 ? NAN : INFINITY;
    else
        value = exponent ? ldexpf(fraction + 1024, exponent - 25) : ldexpf(fraction, -24);
    return sign ? -value : value;
}

/* Rounds to the nearest, ties to even. */
static inline uint16_t symc_mxpred_to_half(float value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    float size = fabsf(value);
    int exponent;
    if (isnan(value))
        return 0x7E00;
    if (size >= 65520)
        return sign | 0x7C00;
    frexpf(size, &exponent);
    if (exponent < -13 || size == 0)
        return (uint16_t)(sign | (uint16_t)lrintf(ldexpf(size, 24)));
    return (uint16_t)(sign | (uint16_t)(((exponent + 13) << 10) + (int)lrintf(ldexpf(size, 11 - exponent))));
}

static inline uint16_t symc_mxpred_to_bfloat16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return isnan(value) ? 0x7FC0 : (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static inline float symc_mxpred_from_bfloat16(uint16_t value)
{
    uint32_t bits = (uint32_t)value << 16;
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

static inline void symc_mxpred_write(void *data, int32_t dtype, size_t i, float value)
{
    switch (dtype) {
    case SYMC_FLOAT32: ((float *)data)[i] = value; break;
    case SYMC_FLOAT64: ((double *)data)[i] = value; break;
    case SYMC_FLOAT16: ((uint16_t *)data)[i] = symc_mxpred_to_half(value); break;
    case SYMC_BFLOAT16: ((uint16_t *)data)[i] = symc_mxpred_to_bfloat16(value); break;
    case SYMC_UINT8: ((uint8_t *)data)[i] = (uint8_t)value; break;
    case SYMC_INT8: ((int8_t *)data)[i] = (int8_t)value; break;
    case SYMC_INT32: ((int32_t *)data)[i] = (int32_t)value; break;
    case SYMC_INT64: ((int64_t *)data)[i] = (int64_t)value; break;
    case SYMC_BOOL: ((uint8_t *)data)[i] = value != 0; break;
    }
}

static inline float symc_mxpred_read(const void *data, int32_t dtype, size_t i)
{
    switch (dtype) {
    case SYMC_FLOAT32: return ((const float *)data)[i];
    case SYMC_FLOAT64: return (float)((const double *)data)[i];
    case SYMC_FLOAT16: return symc_mxpred_from_half(((const uint16_t *)data)[i]);
    case SYMC_BFLOAT16: return symc_mxpred_from_bfloat16(((const uint16_t *)data)[i]);
    case SYMC_INT8: return (float)((const int8_t *)data)[i];
    case SYMC_INT32: return (float)((const int32_t *)data)[i];
    case SYMC_INT64: return (float)((const int64_t *)data)[i];
    default: return (float)((const uint8_t *)data)[i];
    }
}

/* Bytes of `count` elements of an array: those of the whole array if the count is right. */
static inline size_t symc_mxpred_bytes(const symc_array *array, mx_uint count)
{
    size_t elements = 1;
    for (int32_t i = 0; i < array->rank; i++)
        elements *= (size_t)array->shape[i];
    return count == elements ? array->bytes : count * (elements ? array->bytes / elements : 1);
}

/* ---- predictors ------------------------------------------------------------------------------------------------- */

static inline int MXPredFree(PredictorHandle handle)
{
    symc_predictor *predictor = (symc_predictor *)handle;
    if (!predictor)
        return 0;
    symc_executor_destroy(predictor->executor);
    symc_module_close(predictor->module);
    free(predictor->outputs);
    free(predictor);
    return 0;
}

/* An executor for the shapes, which MXNet gives one behind the other. */
static inline int symc_mxpred_bind(symc_predictor *made, mx_uint count, const char **keys, const mx_uint *begins,
                                   const mx_uint *extents)
{
    symc_shape *shapes = (symc_shape *)calloc(count + (size_t)1, sizeof *shapes);
    int64_t *wide = (int64_t *)calloc((count ? begins[count] : 0) + (size_t)1, sizeof *wide);
    int status = -1;
    if (shapes && wide) {
        for (mx_uint i = 0; i < count; i++) {
            for (mx_uint k = begins[i]; k < begins[i + 1]; k++)
                wide[k] = extents[k];
            shapes[i].name = keys[i];
            shapes[i].shape = wide + begins[i];
            shapes[i].rank = (int32_t)(begins[i + 1] - begins[i]);
        }
        status = symc_executor_create_for(made->module, shapes, count, &made->executor) ? -1 : 0;
    }
    free(shapes);
    free(wide);
    return status;
}

/* The outputs asked for by name, or all of them. */
static inline int symc_mxpred_choose(symc_predictor *made, mx_uint count, const char **keys)
{
    size_t all = 0;
    if (symc_count(made->executor, SYMC_OUTPUT, &all))
        return -1;
    made->count = keys ? count : (mx_uint)all;
    made->outputs = (size_t *)calloc(made->count + (size_t)1, sizeof *made->outputs);
    if (!made->outputs)
        return -1;
    for (mx_uint i = 0; i < made->count; i++) {
        made->outputs[i] = i;
        if (keys && symc_find(made->executor, SYMC_OUTPUT, keys[i], made->outputs + i))
            return -1;
    }
    return 0;
}

static inline int MXPredCreatePartialOut(const char *symbol_json_str, const void *param_bytes, int param_size,
                                         int dev_type, int dev_id, mx_uint num_input_nodes, const char **input_keys,
                                         const mx_uint *input_shape_indptr, const mx_uint *input_shape_data,
                                         mx_uint num_output_nodes, const char **output_keys, PredictorHandle *out)
{
    symc_predictor *made = (symc_predictor *)calloc(1, sizeof *made);
    (void)dev_type;
    (void)dev_id;
    if (!made)
        return -1;
    if ((param_bytes ? symc_module_open_copy(param_bytes, (size_t)param_size, &made->module)
                     : symc_module_open(symbol_json_str, &made->module))
        || symc_mxpred_bind(made, num_input_nodes, input_keys, input_shape_indptr, input_shape_data)
        || symc_mxpred_choose(made, num_output_nodes, output_keys)) {
        MXPredFree(made);
        return -1;
    }
    *out = made;
    return 0;
}

static inline int MXPredCreate(const char *symbol_json_str, const void *param_bytes, int param_size, int dev_type,
                               int dev_id, mx_uint num_input_nodes, const char **input_keys,
                               const mx_uint *input_shape_indptr, const mx_uint *input_shape_data,
                               PredictorHandle *out)
{
    return MXPredCreatePartialOut(symbol_json_str, param_bytes, param_size, dev_type, dev_id, num_input_nodes,
                                  input_keys, input_shape_indptr, input_shape_data, 0, NULL, out);
}

/* A second predictor, for other shapes, over the same weights and with the same outputs; both are freed in the end. */
static inline int MXPredReshape(mx_uint num_input_nodes, const char **input_keys, const mx_uint *input_shape_indptr,
                                const mx_uint *input_shape_data, PredictorHandle handle, PredictorHandle *out)
{
    symc_predictor *from = (symc_predictor *)handle, *made = (symc_predictor *)calloc(1, sizeof *made);
    if (!made)
        return -1;
    made->module = symc_module_share(from->module) ? NULL : from->module;
    made->outputs = (size_t *)calloc(from->count + (size_t)1, sizeof *made->outputs);
    if (!made->outputs || symc_mxpred_bind(made, num_input_nodes, input_keys, input_shape_indptr, input_shape_data)) {
        MXPredFree(made);
        return -1;
    }
    made->count = from->count;
    memcpy(made->outputs, from->outputs, from->count * sizeof *made->outputs);
    *out = made;
    return 0;
}

/* As many predictors as threads, over the same weights; `out` has room for them. */
static inline int MXPredCreateMultiThread(const char *symbol_json_str, const void *param_bytes, int param_size,
                                          int dev_type, int dev_id, mx_uint num_input_nodes, const char **input_keys,
                                          const mx_uint *input_shape_indptr, const mx_uint *input_shape_data,
                                          int num_threads, PredictorHandle *out)
{
    if (MXPredCreate(symbol_json_str, param_bytes, param_size, dev_type, dev_id, num_input_nodes, input_keys,
                     input_shape_indptr, input_shape_data, out))
        return -1;
    for (int i = 1; i < num_threads; i++) {
        if (!MXPredReshape(num_input_nodes, input_keys, input_shape_indptr, input_shape_data, out[0], out + i))
            continue;
        while (i--)
            MXPredFree(out[i]);
        return -1;
    }
    return 0;
}

/* The array of an output that was asked for; a wrong index is found by symc_describe. */
static inline size_t symc_mxpred_output(const symc_predictor *predictor, mx_uint index)
{
    return index < predictor->count ? predictor->outputs[index] : (size_t)-1;
}

/* shape_data stays valid until the next call with this predictor. */
static inline int MXPredGetOutputShape(PredictorHandle handle, mx_uint index, mx_uint **shape_data,
                                       mx_uint *shape_ndim)
{
    symc_predictor *predictor = (symc_predictor *)handle;
    symc_array array;
    if (symc_describe(predictor->executor, SYMC_OUTPUT, symc_mxpred_output(predictor, index), &array))
        return -1;
    for (int32_t i = 0; i < array.rank && i < 32; i++)
        predictor->shape[i] = (mx_uint)array.shape[i];
    *shape_data = predictor->shape;
    *shape_ndim = (mx_uint)array.rank;
    return 0;
}

static inline int MXPredSetInput(PredictorHandle handle, const char *key, const mx_float *data, mx_uint size)
{
    symc_predictor *predictor = (symc_predictor *)handle;
    size_t index = 0;
    symc_array array;
    void *memory = NULL;
    if (symc_find(predictor->executor, SYMC_INPUT, key, &index)
        || symc_describe(predictor->executor, SYMC_INPUT, index, &array))
        return -1;
    size_t bytes = symc_mxpred_bytes(&array, size);
    if (array.dtype == SYMC_FLOAT32 || bytes != array.bytes)    /* which is refused there */
        return symc_set(predictor->executor, SYMC_INPUT, index, data, bytes) ? -1 : 0;
    if (symc_data(predictor->executor, SYMC_INPUT, index, &memory))
        return -1;
    for (size_t i = 0; i < size; i++)
        symc_mxpred_write(memory, array.dtype, i, data[i]);
    return 0;
}

static inline int MXPredForward(PredictorHandle handle)
{
    return symc_forward(((symc_predictor *)handle)->executor, 0) ? -1 : 0;
}

static inline int MXPredPartialForward(PredictorHandle handle, int step, int *step_left)
{
    *step_left = 0;
    return step ? 0 : MXPredForward(handle);
}

static inline int MXPredGetOutput(PredictorHandle handle, mx_uint index, mx_float *data, mx_uint size)
{
    symc_predictor *predictor = (symc_predictor *)handle;
    size_t number = symc_mxpred_output(predictor, index);
    symc_array array;
    void *memory = NULL;
    if (symc_describe(predictor->executor, SYMC_OUTPUT, number, &array))
        return -1;
    size_t bytes = symc_mxpred_bytes(&array, size);
    if (array.dtype == SYMC_FLOAT32 || bytes != array.bytes)
        return symc_get(predictor->executor, SYMC_OUTPUT, number, data, bytes) ? -1 : 0;
    if (symc_data(predictor->executor, SYMC_OUTPUT, number, &memory))
        return -1;
    for (size_t i = 0; i < size; i++)
        data[i] = symc_mxpred_read(memory, array.dtype, i);
    return 0;
}

#ifdef __cplusplus
}
#endif
#endif
