"""Times one competitor on one network in this process; prints one JSON line.  Started by inference.py.

usage: python measure.py COMPETITOR PREFIX THREADS SECONDS      (symc, mxnet or onnxruntime)
"""

import json
import os
import sys
import time

competitor, prefix, threads, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
cores = sorted(os.sched_getaffinity(0))[-threads:]
os.sched_setaffinity(0, cores)
os.environ["OMP_NUM_THREADS"] = os.environ["SYMC_NUM_THREADS"] = str(threads)

import numpy as np  # noqa: E402  (reads OMP_NUM_THREADS)


def symc_runner(data):
    import symc

    module = symc.compile(prefix + "-symbol.json", prefix + "-0000.params", shapes={"data": data.shape})
    return lambda: module.forward(data=data)[0].asnumpy()


def mxnet_runner(data):
    import mxnet as mx

    symbol, arguments, states = mx.model.load_checkpoint(prefix, 0)
    executor = symbol.bind(mx.cpu(), dict(arguments, data=mx.nd.array(data)), aux_states=states, grad_req="null")
    return lambda: executor.forward(is_train=False)[0].asnumpy()


def onnxruntime_runner(data):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(prefix + ".onnx", options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: data})[0]


def main():
    recorded = np.load(prefix + "-io.npz")
    makers = {"symc": symc_runner, "mxnet": mxnet_runner, "onnxruntime": onnxruntime_runner}
    run = makers[competitor](recorded["data"])
    difference = np.abs(run() - recorded["out0"]).max() / np.abs(recorded["out0"]).max()
    for _ in range(3):
        run()
    times = []
    start = time.perf_counter()
    while time.perf_counter() - start < seconds or len(times) < 5:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    times.sort()
    print(json.dumps({"minimum_ms": 1e3 * times[0], "median_ms": 1e3 * times[len(times) // 2], "runs": len(times),
                      "difference": float(difference)}))


main()
