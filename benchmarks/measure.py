"""Times one system on one network in this process, a slice at a time, when it is told to.  Started by compare.py.

usage: python measure.py SYSTEM TASK PREFIX THREADS      (TASK: inference, bf16: in that precision, training, or on a
GPU cuda-PRECISION)

Prints a line of JSON when it is ready: the system's version, how far its result is from what MXNet recorded (of
training: the size of all gradients), and the memory of this process with its imports alone.  For each line read after
that, SECONDS, it runs the network so long and prints the milliseconds of each run, and the most memory ever taken.
Runs under Python 3.8, too.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import zlib
from typing import Any, Callable

WARMUP = 0.2        # part of a slice at whose beginning runs do not count: other processes had the caches
LEAST_RUNS = 2

system, task, prefix, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
precision = task.partition("cuda-")[2]      # on a GPU, else ''
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
os.environ["OMP_NUM_THREADS"] = os.environ["SYMC_NUM_THREADS"] = str(threads)
here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [place for place in sys.path if place != here]    # `cuda` is NVIDIA's, not the file here
answers = os.fdopen(os.dup(1), "w")     # libraries may print, but not there
os.dup2(2, 1)

import numpy as np  # noqa: E402  (reads OMP_NUM_THREADS)

Run = Callable[[], Any]


def symc_inference(symc: Any, data: np.ndarray, package: str = ".symc") -> Run:
    """A package, as it is deployed."""
    module = symc.runtime.load(prefix + package)
    return lambda: module.forward(data=data)[0].asnumpy()


def mxnet_inference(mxnet: Any, data: np.ndarray) -> Run:
    symbol, arguments, states = mxnet.model.load_checkpoint(prefix, 0)
    executor = symbol.bind(mxnet.cpu(), dict(arguments, data=mxnet.nd.array(data)), aux_states=states,
                           grad_req="null")
    return lambda: executor.forward(is_train=False)[0].asnumpy()


def onnxruntime_inference(onnxruntime: Any, data: np.ndarray) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(prefix + ".onnx", options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: data})[0]


def openvino_inference(openvino: Any, data: np.ndarray, precision: str = "f32") -> Run:
    """In float32, as the others; precision: '' for its own choice."""
    core = openvino.Core()
    options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    if precision:
        options["INFERENCE_PRECISION_HINT"] = precision
    request = core.compile_model(core.read_model(prefix + ".onnx"), "CPU", options).create_infer_request()

    def run() -> Any:
        request.infer([data])
        return request.get_output_tensor(0).data
    return run


def torch_inference(onnx2torch: Any, data: np.ndarray) -> Run:
    """Eagerly, images with their channels last, which is torch's faster way."""
    import torch

    torch.set_num_threads(threads)
    module, value = onnx2torch.convert(prefix + ".onnx").eval(), torch.from_numpy(data)
    if value.ndim == 4:
        module, value = (each.to(memory_format=torch.channels_last) for each in (module, value))

    def run() -> Any:
        with torch.inference_mode():
            return module(value).numpy()
    return run


# ---- in bfloat16 -----------------------------------------------------------------------------------------------------


def symc_in_bfloat16(symc: Any, data: np.ndarray) -> Run:
    return symc_inference(symc, data, "-bf16.symc")


def openvino_in_bfloat16(openvino: Any, data: np.ndarray) -> Run:
    """By its default, which is bfloat16 on CPUs that multiply it."""
    return openvino_inference(openvino, data, precision="")


# ---- on a GPU: inputs and outputs stay there ------------------------------------------------------------------------


def symc_on_gpu(symc: Any, data: np.ndarray) -> Run:
    module = symc.runtime.load(f"{prefix}-{precision}.symc", target="cuda")
    gpu = symc.runtime.context.gpu()
    given = symc.runtime.ndarray.array(data, gpu)

    def run() -> Any:
        with gpu:
            return module.forward(data=given)[0]
    return run


def torch_on_gpu(onnx2torch: Any, data: np.ndarray, compiled: bool = False) -> Run:
    """Eagerly, images with their channels last; compiled: by torch.compile, with CUDA graphs."""
    import torch

    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    dtype = torch.float16 if precision == "fp16" else torch.float32
    module = onnx2torch.convert(prefix + ".onnx").eval().to("cuda", dtype)
    value = torch.from_numpy(data).to("cuda", dtype)
    if value.ndim == 4:
        module, value = (each.to(memory_format=torch.channels_last) for each in (module, value))
    called = torch.compile(module, mode="reduce-overhead") if compiled else module

    def run() -> Any:
        with torch.inference_mode():
            result = called(value)
        torch.cuda.synchronize()
        return result
    return run


def torch_compiled_on_gpu(onnx2torch: Any, data: np.ndarray) -> Run:
    return torch_on_gpu(onnx2torch, data, compiled=True)


def onnxruntime_on_gpu(onnxruntime: Any, data: np.ndarray) -> Run:
    """In float32, with tf32 where asked for: its session takes no other precision than the file's."""
    assert precision != "fp16", "the file is of float32"
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()      # of NVIDIA's packages, which are on no path of the linker
    session = onnxruntime.InferenceSession(prefix + ".onnx", providers=[
        ("CUDAExecutionProvider", {"use_tf32": int(precision == "tf32"), "cudnn_conv_algo_search": "EXHAUSTIVE"})])
    assert session.get_providers()[0] == "CUDAExecutionProvider", "this onnxruntime is for CPUs"
    binding = session.io_binding()
    binding.bind_ortvalue_input(session.get_inputs()[0].name, onnxruntime.OrtValue.ortvalue_from_numpy(data, "cuda", 0))
    binding.bind_output(session.get_outputs()[0].name, "cuda")

    def run() -> Any:
        session.run_with_iobinding(binding)
        return binding.get_outputs()[0]
    return run


def on_host(result: Any) -> np.ndarray:
    """What a run gave, wherever that lies, in float32."""
    if hasattr(result, "cpu"):
        return result.float().cpu().numpy()
    for method in ("asnumpy", "numpy"):
        if hasattr(result, method):
            result = getattr(result, method)()
    return np.asarray(result, np.float32)


ON_GPU = {"symc": ("symc.runtime", symc_on_gpu), "torch": ("onnx2torch", torch_on_gpu),
          "torch_compiled": ("onnx2torch", torch_compiled_on_gpu),
          "onnxruntime": ("onnxruntime", onnxruntime_on_gpu)}
INFERENCE = {"symc": ("symc.runtime", symc_inference), "mxnet": ("mxnet", mxnet_inference),
             "onnxruntime": ("onnxruntime", onnxruntime_inference), "openvino": ("openvino", openvino_inference),
             "torch": ("onnx2torch", torch_inference)}
IN_BFLOAT16 = {"symc": ("symc.runtime", symc_in_bfloat16), "openvino": ("openvino", openvino_in_bfloat16)}


def prepare_inference() -> tuple[Run, dict[str, float]]:
    """What runs the network, how far it is from MXNet, and the memory in front of loading it."""
    module_name, make = (ON_GPU if precision else IN_BFLOAT16 if task == "bf16" else INFERENCE)[system]
    importlib.import_module(module_name)
    recorded = np.load(prefix + "-io.npz")
    taken = peak_memory()
    run = make(sys.modules[module_name.partition(".")[0]], recorded["data"])
    found, right = on_host(run()), recorded["out0"]
    return run, {"difference": float(np.abs(found - right).max() / np.abs(right).max()), "imports_kib": taken}


def prepare_training() -> tuple[Run, dict[str, float]]:
    """A step: forward, backward, gradients of all parameters written.  The same program for MXNet and symc."""
    mx = importlib.import_module(system)
    recorded = dict(np.load(prefix + "-io.npz"))
    taken = peak_memory()
    symbol = mx.sym.load(prefix + "-symbol.json")
    requests = {name: "null" if name in recorded else "write" for name in symbol.list_arguments()}
    executor = symbol.simple_bind(mx.cpu(), grad_req=requests, **{name: a.shape for name, a in recorded.items()})
    for name, array in executor.arg_dict.items():
        array[:] = recorded[name] if name in recorded else drawn(name, array.shape)

    def step() -> None:
        executor.forward(is_train=True)
        executor.backward()
        mx.nd.waitall()
    step()
    gradients = [executor.grad_dict[name].asnumpy() for name, request in requests.items() if request == "write"]
    return step, {"gradients": float(sum(np.abs(g.astype(np.float64)).sum() for g in gradients)), "imports_kib": taken}


def drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.RandomState(zlib.crc32(name.encode()) % 2 ** 31).normal(0, 0.05, shape).astype("float32")


def peak_memory() -> int:
    """The most that this process ever had in memory, in KiB."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def version() -> str:
    module = sys.modules["torch" if system.startswith("torch") else system]
    return module.__version__.partition("-")[0]


def timed(run: Run, seconds: float) -> list[float]:
    """Milliseconds of each run of a slice."""
    begin = time.perf_counter()
    times: list[float] = []
    end = begin + seconds
    run()
    while time.perf_counter() < begin + WARMUP * seconds:
        run()
    while time.perf_counter() < end or len(times) < LEAST_RUNS:
        begin = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - begin))
    return times


def answer(record: dict[str, Any]) -> None:
    print(json.dumps(record), file=answers, flush=True)


def main() -> None:
    run, facts = prepare_training() if task == "training" else prepare_inference()
    answer(dict(facts, version=version()))
    for line in sys.stdin:
        answer({"times": timed(run, float(line)), "peak_kib": peak_memory()})


main()
