"""Contexts compare by value, nest, and refuse unknown devices."""

import pickle
import threading

import pytest

from symc.errors import MXNetError
from symc.runtime.context import Context, cpu, cpu_pinned, current_context, gpu, gpu_memory_info, num_gpus


def test_value_and_text():
    assert cpu() == cpu(0) == Context("cpu") == Context(cpu()) and hash(cpu()) == hash(cpu(0))
    assert cpu() != cpu(1) and cpu() != gpu() and cpu() != "cpu(0)"
    assert [str(cpu(2)), repr(gpu(1)), str(cpu_pinned())] == ["cpu(2)", "gpu(1)", "cpu_pinned(0)"]
    assert (cpu().device_type, cpu().device_typeid, gpu().device_typeid) == ("cpu", 1, 2)


def test_with_statement_nests_and_is_per_thread():
    seen = []
    with cpu(1):
        with cpu(2):
            assert current_context() == cpu(2)
            thread = threading.Thread(target=lambda: seen.append(current_context()))
            thread.start()
            thread.join()
        assert current_context() == cpu(1)
    assert current_context() == cpu(0) and seen == [cpu(0)]


def test_unknown_device():
    with pytest.raises(KeyError, match="no device type 'tpu', only cpu, gpu"):
        Context("tpu")


def test_there_is_no_gpu_of_this_number():
    assert num_gpus() <= 7 and gpu(7).empty_cache() is None
    with pytest.raises(MXNetError, match=r"no gpu\(7\)"):
        gpu_memory_info(7)


def test_pickling():
    assert pickle.loads(pickle.dumps(cpu(1))) == cpu(1)


def test_the_older_name_of_the_current_context():
    with cpu(3):
        assert Context.default_ctx == cpu(3)
        Context.default_ctx = cpu(4)
        assert current_context() == cpu(4)
    assert Context.default_ctx == cpu(0)
