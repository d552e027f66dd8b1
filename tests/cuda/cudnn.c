/* A stand-in for cuDNN's convolutions on memory of the host, written from NVIDIA's description of its functions: NCHW,
   groups, strides, pads, dilation, bias and positive part, float32 sums.

   What there is to see and to set: as in cublaslt.c. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NOT_INITIALIZED = 1001, BAD_PARAM = 2000, NOT_SUPPORTED = 3000 };
enum { FLOAT = 0, HALF = 2 };

int stand_in_products = 0, stand_in_heuristics = 0, stand_in_compute = 0, stand_in_alive = 0;
int stand_in_create_status = SUCCESS, stand_in_heuristic_status = SUCCESS, stand_in_product_status = SUCCESS;

typedef struct { int type, extents[4]; } Tensor;        /* or filter */
typedef struct { int pad[2], stride[2], dilate[2], mode, type, groups, math; } Convolution;
typedef struct { int mode, nan; } Activation;
typedef struct { int algorithm, status; float time; size_t memory; int determinism, math, reserved[3]; } Performance;

static int make(void **out, size_t size)
{
    stand_in_alive++;
    *out = calloc(1, size);
    return SUCCESS;
}

static int end(void *thing)
{
    stand_in_alive--;
    free(thing);
    return SUCCESS;
}

static int started;

size_t cudnnGetVersion(void) { return 90703; }

const char *cudnnGetErrorString(int status) { return status == NOT_SUPPORTED ? "CUDNN_STATUS_NOT_SUPPORTED" : "CUDNN_STATUS_OTHER"; }

int cudnnCreate(void **handle)
{
    static int context;
    *handle = &context;
    return stand_in_create_status;
}

int cudnnSetStream(void *handle, void *stream)
{
    started = handle && !stream;
    return SUCCESS;
}

int cudnnCreateTensorDescriptor(void **out) { return make(out, sizeof(Tensor)); }
int cudnnCreateFilterDescriptor(void **out) { return make(out, sizeof(Tensor)); }
int cudnnCreateConvolutionDescriptor(void **out) { return make(out, sizeof(Convolution)); }
int cudnnCreateActivationDescriptor(void **out) { return make(out, sizeof(Activation)); }
int cudnnDestroyTensorDescriptor(void *thing) { return end(thing); }
int cudnnDestroyFilterDescriptor(void *thing) { return end(thing); }
int cudnnDestroyConvolutionDescriptor(void *thing) { return end(thing); }
int cudnnDestroyActivationDescriptor(void *thing) { return end(thing); }

int cudnnSetTensor4dDescriptor(Tensor *to, int format, int type, int n, int c, int h, int w)
{
    *to = (Tensor){ type, { n, c, h, w } };
    return format == 0 ? SUCCESS : NOT_SUPPORTED;
}

int cudnnSetFilter4dDescriptor(Tensor *to, int type, int format, int k, int c, int h, int w)
{
    *to = (Tensor){ type, { k, c, h, w } };
    return format == 0 ? SUCCESS : NOT_SUPPORTED;
}

int cudnnSetConvolution2dDescriptor(Convolution *to, int pad_h, int pad_w, int u, int v, int dilation_h, int dilation_w,
                                    int mode, int type)
{
    *to = (Convolution){ { pad_h, pad_w }, { u, v }, { dilation_h, dilation_w }, mode, type, 1, 0 };
    return mode == 1 && type == FLOAT ? SUCCESS : NOT_SUPPORTED;
}

int cudnnSetConvolutionGroupCount(Convolution *to, int groups) { to->groups = groups; return SUCCESS; }
int cudnnSetConvolutionMathType(Convolution *to, int math) { to->math = math; return SUCCESS; }

int cudnnSetActivationDescriptor(Activation *to, int mode, int nan, double limit)
{
    *to = (Activation){ mode, nan };
    return mode == 1 && nan == 0 && limit == 0 ? SUCCESS : NOT_SUPPORTED;
}

static int agree(const Tensor *x, const Tensor *w, const Convolution *how, const Tensor *y)
{
    if (x->type != w->type || x->type != y->type || (x->type != FLOAT && x->type != HALF))
        return NOT_SUPPORTED;
    if (x->extents[1] != w->extents[1] * how->groups || y->extents[0] != x->extents[0] || y->extents[1] != w->extents[0])
        return BAD_PARAM;
    for (int i = 0; i < 2; i++) {
        int reach = how->dilate[i] * (w->extents[2 + i] - 1) + 1;
        if (y->extents[2 + i] != (x->extents[2 + i] + 2 * how->pad[i] - reach) / how->stride[i] + 1)
            return BAD_PARAM;
    }
    return SUCCESS;
}

int cudnnGetConvolutionForwardAlgorithm_v7(void *handle, Tensor *x, Tensor *w, Convolution *how, Tensor *y, int wanted,
                                           int *count, Performance *found)
{
    int status = agree(x, w, how, y);
    stand_in_heuristics++;
    *count = 0;
    if (status == SUCCESS)
        status = stand_in_heuristic_status;
    if (status != SUCCESS || wanted < 3 || !handle)
        return status;
    memset(found, 0, 3 * sizeof *found);
    found[0] = (Performance){ 4, NOT_SUPPORTED };
    found[1] = (Performance){ 7, SUCCESS, 1, (size_t)1 << 40 };     /* more memory than there is */
    found[2] = (Performance){ 1, SUCCESS, 2, 1000 };
    *count = 3;
    return SUCCESS;
}

int cudnnGetConvolutionForwardWorkspaceSize(void *handle, Tensor *x, Tensor *w, Convolution *how, Tensor *y, int algorithm,
                                            size_t *size)
{
    *size = algorithm == 1 ? 1024 : 0;
    return algorithm == 1 ? agree(x, w, how, y) : NOT_SUPPORTED;
}

static float element(const void *from, int type, int64_t at)
{
    return type == FLOAT ? ((const float *)from)[at] : (float)((const _Float16 *)from)[at];
}

static float sum(const Tensor *tx, const void *x, const Tensor *tw, const void *w, const Convolution *how, int n, int k,
                 int at_y, int at_x, int outputs)
{
    float total = 0;
    int first = k / (outputs / how->groups) * tw->extents[1];
    for (int c = 0; c < tw->extents[1]; c++)
        for (int i = 0; i < tw->extents[2]; i++)
            for (int j = 0; j < tw->extents[3]; j++) {
                int h = at_y * how->stride[0] - how->pad[0] + i * how->dilate[0];
                int v = at_x * how->stride[1] - how->pad[1] + j * how->dilate[1];
                if (h < 0 || v < 0 || h >= tx->extents[2] || v >= tx->extents[3])
                    continue;
                int64_t in = (((int64_t)n * tx->extents[1] + first + c) * tx->extents[2] + h) * tx->extents[3] + v;
                int64_t by = (((int64_t)k * tw->extents[1] + c) * tw->extents[2] + i) * tw->extents[3] + j;
                total += element(x, tx->type, in) * element(w, tw->type, by);
            }
    return total;
}

static int convolve(void *handle, const float *alpha, Tensor *tx, const void *x, Tensor *tw, const void *w,
                    Convolution *how, int algorithm, char *workspace, size_t size, const float *beta, Tensor *ty, void *y,
                    const void *bias)
{
    int status = agree(tx, tw, how, ty);
    if (status == SUCCESS)
        status = stand_in_product_status;
    if (status != SUCCESS)
        return status;
    if (!handle || !started || algorithm != 1 || !workspace || size != 1024 || *alpha != 1 || *beta != 0)
        return BAD_PARAM;
    memset(workspace, 0x55, size);
    int64_t at = 0;
    for (int n = 0; n < ty->extents[0]; n++)
        for (int k = 0; k < ty->extents[1]; k++)
            for (int i = 0; i < ty->extents[2]; i++)
                for (int j = 0; j < ty->extents[3]; j++, at++) {
                    float value = sum(tx, x, tw, w, how, n, k, i, j, ty->extents[1]);
                    if (bias) {
                        value += element(bias, ty->type, k);
                        value = value > 0 ? value : 0;
                    }
                    if (ty->type == FLOAT)
                        ((float *)y)[at] = value;
                    else
                        ((_Float16 *)y)[at] = (_Float16)value;
                }
    stand_in_products++;
    stand_in_compute = how->math;
    return SUCCESS;
}

int cudnnConvolutionForward(void *handle, const float *alpha, Tensor *tx, const void *x, Tensor *tw, const void *w,
                            Convolution *how, int algorithm, char *workspace, size_t size, const float *beta, Tensor *ty,
                            void *y)
{
    return convolve(handle, alpha, tx, x, tw, w, how, algorithm, workspace, size, beta, ty, y, NULL);
}

int cudnnConvolutionBiasActivationForward(void *handle, const float *alpha, Tensor *tx, const void *x, Tensor *tw,
                                          const void *w, Convolution *how, int algorithm, char *workspace, size_t size,
                                          const float *beta, Tensor *tz, const void *z, Tensor *tb, const void *bias,
                                          Activation *act, Tensor *ty, void *y)
{
    if (z != y || memcmp(tz, ty, sizeof *ty) || act->mode != 1 || tb->type != ty->type || tb->extents[1] != ty->extents[1]
        || tb->extents[0] * tb->extents[2] * tb->extents[3] != 1)
        return BAD_PARAM;
    return convolve(handle, alpha, tx, x, tw, w, how, algorithm, workspace, size, beta, ty, y, bias);
}
