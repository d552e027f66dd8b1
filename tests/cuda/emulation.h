// CUDA for the host: what kernels of `codegen/tir_cuda.py` use of it, one block after the other.
//
// Kernels without barriers run thread by thread.  In others each thread of a block is a fibre, which runs to its next
// barrier; all threads of a block must come to the same one.  `emulation_order` says in which direction threads take
// turns: results that depend on it are races.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <utility>

#define __global__
#define __device__
#define __launch_bounds__(count)
#define __shared__ static
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;

#define CUDART_INF_F INFINITY
#define CUDART_NAN_F NAN
#define CUDART_INF ((double)INFINITY)
#define CUDART_NAN ((double)NAN)

inline double __longlong_as_double(int64_t bits) { double x; memcpy(&x, &bits, sizeof x); return x; }

// As CUDA has them: of floats, the one that is no NaN.
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }

struct half {
  _Float16 value;
  half() {}
  half(float x) : value((_Float16)x) {}
  operator float() const { return (float)value; }
};

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };
struct alignas(16) int4 { int x, y, z, w; };
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }

struct Index { int x; };
static Index blockIdx, threadIdx;
extern "C" { int emulation_order = 1; int emulation_diverged = 0; }

namespace emulation {

constexpr int MOST = 1024, STACK = 64 * 1024;
struct Fibre { ucontext_t context; int barrier; bool done; };
static Fibre fibres[MOST];
static char *stacks;
static ucontext_t scheduler;
static uint64_t exchanged[MOST];
static void (*body)(void **);
static void **arguments;

inline void reach(int barrier) {
  int self = threadIdx.x;
  fibres[self].barrier = barrier;
  swapcontext(&fibres[self].context, &scheduler);
}

inline void enter() {
  int self = threadIdx.x;
  body(arguments);
  fibres[self].done = true;
  swapcontext(&fibres[self].context, &scheduler);
}

inline void run_together(int threads) {
  if (!stacks) stacks = (char *)malloc((size_t)MOST * STACK);
  for (int t = 0; t < threads; ++t) {
    Fibre &fibre = fibres[t];
    fibre.done = false;
    getcontext(&fibre.context);
    fibre.context.uc_stack.ss_sp = stacks + (size_t)t * STACK;
    fibre.context.uc_stack.ss_size = STACK;
    fibre.context.uc_link = &scheduler;
    makecontext(&fibre.context, enter, 0);
  }
  for (int left = threads; left;) {
    int finished = 0, first = -1;
    for (int i = 0; i < threads; ++i) {
      threadIdx.x = emulation_order > 0 ? i : threads - 1 - i;
      swapcontext(&scheduler, &fibres[threadIdx.x].context);
      Fibre &fibre = fibres[threadIdx.x];
      if (fibre.done) { ++finished; continue; }
      if (first < 0) first = fibre.barrier;
      if (first != fibre.barrier) emulation_diverged = 1;
    }
    if (finished && finished < left) { emulation_diverged = 1; return; }
    left -= finished;
  }
}

template <bool TOGETHER> void run(void (*kernel)(void **), int blocks, int threads, void **pointers) {
  body = kernel;
  arguments = pointers;
  for (int b = 0; b < blocks; ++b) {
    blockIdx.x = b;
    if (TOGETHER) { run_together(threads); continue; }
    for (int t = 0; t < threads; ++t) {
      threadIdx.x = emulation_order > 0 ? t : threads - 1 - t;
      kernel(pointers);
    }
  }
}

template <class... A, size_t... I> void call(void (*kernel)(A *...), void **p, std::index_sequence<I...>) {
  kernel((A *)p[I]...);
}

template <class... A> void call(void (*kernel)(A *...), void **p) { call(kernel, p, std::index_sequence_for<A...>()); }

}  // namespace emulation

#define __syncthreads() emulation::reach(__COUNTER__)

template <class T> T __shfl_sync(unsigned, T value, int lane) {
  memcpy(&emulation::exchanged[threadIdx.x], &value, sizeof(T));
  emulation::reach(-1);
  memcpy(&value, &emulation::exchanged[(threadIdx.x & ~31) | lane], sizeof(T));
  emulation::reach(-2);
  return value;
}

template <class T> T __shfl_xor_sync(unsigned mask, T value, int distance) {
  return __shfl_sync(mask, value, (threadIdx.x & 31) ^ distance);
}

// Words of all threads at once, in place of many shuffles.
namespace emulation { static int words[MOST][6]; }
#define SYMC_SHARE(left, right) \
  memcpy(emulation::words[threadIdx.x], left, 16); \
  memcpy(emulation::words[threadIdx.x] + 4, right, 8); \
  emulation::reach(-3)
#define SYMC_SHARED() emulation::reach(-4)
#define SYMC_LEFT(i, lane) emulation::words[(threadIdx.x & ~31) | (lane)][i]
#define SYMC_RIGHT(i, lane) emulation::words[(threadIdx.x & ~31) | (lane)][4 + (i)]

template <class T> T atomicAdd(T *place, T value) { T old = *place; *place += value; return old; }
inline unsigned atomicCAS(unsigned *place, unsigned expected, unsigned value) {
  unsigned old = *place;
  if (old == expected) *place = value;
  return old;
}

inline float __int_as_float(int x) { float y; memcpy(&y, &x, 4); return y; }
inline int __float_as_int(float x) { int y; memcpy(&y, &x, 4); return y; }
