extern "C" __global__ void __launch_bounds__(256) k9d55aa189e49e75aab9f3d68_0(const float* __restrict__ input0_pointer, const float* __restrict__ input1_pointer, float* input2_pointer, float* output0_pointer);
extern "C" __global__ void __launch_bounds__(256) k9d55aa189e49e75aab9f3d68_0(const float* __restrict__ input0_pointer, const float* __restrict__ input1_pointer, float* input2_pointer, float* output0_pointer) {
  if (((((int)blockIdx.x) * 256) + ((int)threadIdx.x)) < 16) {
    int j1 = ((int)threadIdx.x);
    int n2 = (j1 & 7);
    int m3 = (j1 >> 3);
    float v16_ptr[1];
    v16_ptr[0] = input1_pointer[((n2 * 6) + 5)];
    float v15_ptr[1];
    v15_ptr[0] = input0_pointer[((m3 * 6) + 5)];
    float v14_ptr[1];
    v14_ptr[0] = input1_pointer[((n2 * 6) + 4)];
    float v13_ptr[1];
    v13_ptr[0] = input0_pointer[((m3 * 6) + 4)];
    float v11_ptr[1];
    v11_ptr[0] = input1_pointer[((n2 * 6) + 3)];
    float v10_ptr[1];
    v10_ptr[0] = input0_pointer[((m3 * 6) + 3)];
    float v9_ptr[1];
    v9_ptr[0] = input1_pointer[((n2 * 6) + 2)];
    float v8_ptr[1];
    v8_ptr[0] = input0_pointer[((m3 * 6) + 2)];
    float v7_ptr[1];
    v7_ptr[0] = input1_pointer[((n2 * 6) + 1)];
    float v6_ptr[1];
    v6_ptr[0] = input0_pointer[((m3 * 6) + 1)];
    float v5_ptr[1];
    v5_ptr[0] = input1_pointer[(n2 * 6)];
    float v4_ptr[1];
    v4_ptr[0] = input0_pointer[(m3 * 6)];
    float v12_ptr[1];
    v12_ptr[0] = ((((v4_ptr[0] * v5_ptr[0]) + (v6_ptr[0] * v7_ptr[0])) + (v8_ptr[0] * v9_ptr[0])) + (v10_ptr[0] * v11_ptr[0]));
    float v17_ptr[1];
    v17_ptr[0] = ((v12_ptr[0] + (v13_ptr[0] * v14_ptr[0])) + (v15_ptr[0] * v16_ptr[0]));
    float v18_ptr[1];
    v18_ptr[0] = input2_pointer[n2];
    float v19_ptr[1];
    v19_ptr[0] = (v17_ptr[0] + v18_ptr[0]);
    float v20_ptr[1];
    v20_ptr[0] = tanhf(v19_ptr[0]);
    output0_pointer[((m3 * 8) + n2)] = v20_ptr[0];
  }
}

extern "C" __global__ void __launch_bounds__(256) k47eec7200e36bfdcacfa1b52_0(const float* __restrict__ input0_pointer, const float* __restrict__ input1_pointer, float* input2_pointer, float* output0_pointer);
extern "C" __global__ void __launch_bounds__(256) k47eec7200e36bfdcacfa1b52_0(const float* __restrict__ input0_pointer, const float* __restrict__ input1_pointer, float* input2_pointer, float* output0_pointer) {
  if (((((int)blockIdx.x) * 256) + ((int)threadIdx.x)) < 6) {
    int j1 = ((int)threadIdx.x);
    int n2 = (j1 % 3);
    int m3 = (j1 / 3);
    float v21_ptr[1];
    v21_ptr[0] = input1_pointer[((n2 * 8) + 7)];
    float v20_ptr[1];
    v20_ptr[0] = input0_pointer[((m3 * 8) + 7)];
    float v18_ptr[1];
    v18_ptr[0] = input1_pointer[((n2 * 8) + 6)];
    float v17_ptr[1];
    v17_ptr[0] = input0_pointer[((m3 * 8) + 6)];
    float v16_ptr[1];
    v16_ptr[0] = input1_pointer[((n2 * 8) + 5)];
    float v15_ptr[1];
    v15_ptr[0] = input0_pointer[((m3 * 8) + 5)];
    float v14_ptr[1];
    v14_ptr[0] = input1_pointer[((n2 * 8) + 4)];
    float v13_ptr[1];
    v13_ptr[0] = input0_pointer[((m3 * 8) + 4)];
    float v11_ptr[1];
    v11_ptr[0] = input1_pointer[((n2 * 8) + 3)];
    float v10_ptr[1];
    v10_ptr[0] = input0_pointer[((m3 * 8) + 3)];
    float v9_ptr[1];
    v9_ptr[0] = input1_pointer[((n2 * 8) + 2)];
    float v8_ptr[1];
    v8_ptr[0] = input0_pointer[((m3 * 8) + 2)];
    float v7_ptr[1];
    v7_ptr[0] = input1_pointer[((n2 * 8) + 1)];
    float v6_ptr[1];
    v6_ptr[0] = input0_pointer[((m3 * 8) + 1)];
    float v5_ptr[1];
    v5_ptr[0] = input1_pointer[(n2 * 8)];
    float v4_ptr[1];
    v4_ptr[0] = input0_pointer[(m3 * 8)];
    float v12_ptr[1];
    v12_ptr[0] = ((((v4_ptr[0] * v5_ptr[0]) + (v6_ptr[0] * v7_ptr[0])) + (v8_ptr[0] * v9_ptr[0])) + (v10_ptr[0] * v11_ptr[0]));
    float v19_ptr[1];
    v19_ptr[0] = (((v12_ptr[0] + (v13_ptr[0] * v14_ptr[0])) + (v15_ptr[0] * v16_ptr[0])) + (v17_ptr[0] * v18_ptr[0]));
    float v22_ptr[1];
    v22_ptr[0] = (v19_ptr[0] + (v20_ptr[0] * v21_ptr[0]));
    float v23_ptr[1];
    v23_ptr[0] = input2_pointer[n2];
    float v24_ptr[1];
    v24_ptr[0] = (v22_ptr[0] + v23_ptr[0]);
    output0_pointer[((m3 * 3) + n2)] = v24_ptr[0];
  }
}

extern "C" __global__ void __launch_bounds__(256) kdba31f38d734efe31298ad87_0(float* input0_pointer, float* output0_pointer);
extern "C" __global__ void __launch_bounds__(256) kdba31f38d734efe31298ad87_0(float* input0_pointer, float* output0_pointer) {
  int q1 = (((int)threadIdx.x) >> 5);
  int l2 = (((int)threadIdx.x) & 31);
  int row3 = min(q1, 1);
  float v4_ptr[1];
  if (l2 < 3) {
    int s5 = l2;
    float v6_ptr[1];
    v6_ptr[0] = input0_pointer[((row3 * 3) + s5)];
    v4_ptr[0] = v6_ptr[0];
  }
  float v7_ptr[1];
  float v8_ptr[1];
  v8_ptr[0] = -CUDART_INF_F;
  v7_ptr[0] = v8_ptr[0];
  if (l2 < 3) {
    int s9 = l2;
    float v10_ptr[1];
    v10_ptr[0] = v4_ptr[0];
    float v11_ptr[1];
    v11_ptr[0] = v7_ptr[0];
    float v12_ptr[1];
    v12_ptr[0] = (((v10_ptr[0] > v11_ptr[0]) || !(v10_ptr[0] == v10_ptr[0])) ? v10_ptr[0] : v11_ptr[0]);
    v7_ptr[0] = v12_ptr[0];
  }
  float v13_ptr[1];
  v13_ptr[0] = v7_ptr[0];
  float v14_ptr[1];
  v14_ptr[0] = __shfl_xor_sync((uint)4294967295, v13_ptr[0], 16);
  float v15_ptr[1];
  v15_ptr[0] = (((v14_ptr[0] > v13_ptr[0]) || !(v14_ptr[0] == v14_ptr[0])) ? v14_ptr[0] : v13_ptr[0]);
  v7_ptr[0] = v15_ptr[0];
  float v16_ptr[1];
  v16_ptr[0] = v7_ptr[0];
  float v17_ptr[1];
  v17_ptr[0] = __shfl_xor_sync((uint)4294967295, v16_ptr[0], 8);
  float v18_ptr[1];
  v18_ptr[0] = (((v17_ptr[0] > v16_ptr[0]) || !(v17_ptr[0] == v17_ptr[0])) ? v17_ptr[0] : v16_ptr[0]);
  v7_ptr[0] = v18_ptr[0];
  float v19_ptr[1];
  v19_ptr[0] = v7_ptr[0];
  float v20_ptr[1];
  v20_ptr[0] = __shfl_xor_sync((uint)4294967295, v19_ptr[0], 4);
  float v21_ptr[1];
  v21_ptr[0] = (((v20_ptr[0] > v19_ptr[0]) || !(v20_ptr[0] == v20_ptr[0])) ? v20_ptr[0] : v19_ptr[0]);
  v7_ptr[0] = v21_ptr[0];
  float v22_ptr[1];
  v22_ptr[0] = v7_ptr[0];
  float v23_ptr[1];
  v23_ptr[0] = __shfl_xor_sync((uint)4294967295, v22_ptr[0], 2);
  float v24_ptr[1];
  v24_ptr[0] = (((v23_ptr[0] > v22_ptr[0]) || !(v23_ptr[0] == v23_ptr[0])) ? v23_ptr[0] : v22_ptr[0]);
  v7_ptr[0] = v24_ptr[0];
  float v25_ptr[1];
  v25_ptr[0] = v7_ptr[0];
  float v26_ptr[1];
  v26_ptr[0] = __shfl_xor_sync((uint)4294967295, v25_ptr[0], 1);
  float v27_ptr[1];
  v27_ptr[0] = (((v26_ptr[0] > v25_ptr[0]) || !(v26_ptr[0] == v26_ptr[0])) ? v26_ptr[0] : v25_ptr[0]);
  v7_ptr[0] = v27_ptr[0];
  float v28_ptr[1];
  v28_ptr[0] = v7_ptr[0];
  float v29_ptr[1];
  v29_ptr[0] = v28_ptr[0];
  float v30_ptr[1];
  float v31_ptr[1];
  v31_ptr[0] = 0x0p+0f/*0.000000e+00*/;
  v30_ptr[0] = v31_ptr[0];
  if (l2 < 3) {
    int s32 = l2;
    float v33_ptr[1];
    v33_ptr[0] = v4_ptr[0];
    float v35_ptr[1];
    v35_ptr[0] = v30_ptr[0];
    float v34_ptr[1];
    v34_ptr[0] = expf((v33_ptr[0] - v29_ptr[0]));
    float v36_ptr[1];
    v36_ptr[0] = (v35_ptr[0] + v34_ptr[0]);
    v30_ptr[0] = v36_ptr[0];
  }
  float v37_ptr[1];
  v37_ptr[0] = v30_ptr[0];
  float v38_ptr[1];
  v38_ptr[0] = __shfl_xor_sync((uint)4294967295, v37_ptr[0], 16);
  float v39_ptr[1];
  v39_ptr[0] = (v37_ptr[0] + v38_ptr[0]);
  v30_ptr[0] = v39_ptr[0];
  float v40_ptr[1];
  v40_ptr[0] = v30_ptr[0];
  float v41_ptr[1];
  v41_ptr[0] = __shfl_xor_sync((uint)4294967295, v40_ptr[0], 8);
  float v42_ptr[1];
  v42_ptr[0] = (v40_ptr[0] + v41_ptr[0]);
  v30_ptr[0] = v42_ptr[0];
  float v43_ptr[1];
  v43_ptr[0] = v30_ptr[0];
  float v44_ptr[1];
  v44_ptr[0] = __shfl_xor_sync((uint)4294967295, v43_ptr[0], 4);
  float v45_ptr[1];
  v45_ptr[0] = (v43_ptr[0] + v44_ptr[0]);
  v30_ptr[0] = v45_ptr[0];
  float v46_ptr[1];
  v46_ptr[0] = v30_ptr[0];
  float v47_ptr[1];
  v47_ptr[0] = __shfl_xor_sync((uint)4294967295, v46_ptr[0], 2);
  float v48_ptr[1];
  v48_ptr[0] = (v46_ptr[0] + v47_ptr[0]);
  v30_ptr[0] = v48_ptr[0];
  float v49_ptr[1];
  v49_ptr[0] = v30_ptr[0];
  float v50_ptr[1];
  v50_ptr[0] = __shfl_xor_sync((uint)4294967295, v49_ptr[0], 1);
  float v51_ptr[1];
  v51_ptr[0] = (v49_ptr[0] + v50_ptr[0]);
  v30_ptr[0] = v51_ptr[0];
  float v52_ptr[1];
  v52_ptr[0] = v30_ptr[0];
  float v53_ptr[1];
  v53_ptr[0] = v52_ptr[0];
  if (l2 < 3) {
    if (((((int)blockIdx.x) * 8) + q1) < 2) {
      int s54 = l2;
      float v55_ptr[1];
      v55_ptr[0] = v4_ptr[0];
      float v57_ptr[1];
      v57_ptr[0] = (0x1p+0f/*1.000000e+00*/ / v53_ptr[0]);
      float v56_ptr[1];
      v56_ptr[0] = expf((v55_ptr[0] - v29_ptr[0]));
      float v58_ptr[1];
      v58_ptr[0] = (v56_ptr[0] * v57_ptr[0]);
      output0_pointer[((row3 * 3) + s54)] = v58_ptr[0];
    }
  }
}

