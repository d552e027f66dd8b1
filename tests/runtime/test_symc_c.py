"""symc.c: the same results as from Python, whoever calls it and however wrongly."""

import ctypes
import json
import random
import subprocess
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

import symc
from symc.codegen.lowered import Options
from symc.codegen.package import LEVELS
from symc.runtime import load
from symc.runtime.machine import this_machine
from tests.c_programs import GRADIENT, INPUT, OUTPUT, SANITIZED, SOURCES, STATE, Failed, Library, Shape, shapes_of

PROGRAMS = Path(__file__).parent / "c"
ARGUMENT, FILE, PACKAGE, VERSION, MACHINE, MEMORY, UNSUPPORTED, STATUS, DATA = range(1, 10)


@pytest.fixture(scope="module")
def trainable(compiled):
    """A network with a loss, a state, and random numbers."""
    net = symc.sym.FullyConnected(symc.sym.Variable("data"), num_hidden=6, name="fc1")
    net = symc.sym.Dropout(symc.sym.BatchNorm(net, fix_gamma=False, name="bn"), p=0.5)
    net = symc.sym.SoftmaxOutput(symc.sym.FullyConnected(net, num_hidden=3, name="fc2"), name="softmax")
    draw = np.random.RandomState(0)
    shapes, _, states = net.infer_shape(data=(4, 5))
    params = {name: draw.randn(*shape).astype("f") for name, shape in zip(net.list_arguments(), shapes, strict=True)
              if name not in ("data", "softmax_label")}
    params |= {name: np.ones(shape, "f") for name, shape in zip(net.list_auxiliary_states(), states, strict=True)}
    return compiled(net, params, {"data": (4, 5)}, train=True)


def values(described, seed=0):
    draw = np.random.RandomState(seed)
    return {item.name: draw.rand(*item.shape).astype(item.dtype) for item in described}


def test_inference(symc_c, package_path):
    executor = symc_c.open(package_path).executor()
    data = np.arange(1000, dtype=np.float32)
    np.testing.assert_array_equal(executor.forward(data=data)[0], 3 * data)
    assert executor.arrays(INPUT) == {"data": (0, np.dtype("f"), (1000,))}


def test_training_draws_and_updates_as_in_python(symc_c, trainable):
    module, executor = load(trainable), symc_c.open(trainable).executor()
    inputs = {"data": np.random.RandomState(1).rand(4, 5).astype("f"), "softmax_label": np.array([0, 1, 2, 0], "f")}
    symc.random.seed(7)
    executor.call("symc_seed", ctypes.c_uint64(7))
    for _ in range(3):
        expected = module.forward(True, **inputs)
        module.backward()
        found = executor.forward(True, **inputs)
        executor.call("symc_backward")
        np.testing.assert_array_equal(found[0], expected[0].asnumpy())
    for name, gradient in module.gradients.items():
        np.testing.assert_array_equal(executor.get(GRADIENT, name), gradient.asnumpy())
    moving = executor.get(STATE, "bn_moving_mean")
    number = next(n for n in module.plan.of_kind("state") if module.plan.buffers[n].name == "bn_moving_mean")
    np.testing.assert_array_equal(moving, module.program.array(number))
    assert not np.array_equal(moving, np.ones(6))


def test_knows_the_features_of_all_levels(symc_c, package_path):
    """Each alone as the need of a package: known and here, or refused by name."""
    here, source = this_machine().features, (SOURCES / "symc.c").read_text()
    for feature in sorted({name for level in LEVELS if "x86" in level for name in LEVELS[level]} | {"pni"}):
        assert f'{{"{feature}", ' in source
        with_need = with_manifest(package_path, lambda data, name=feature: _padded(data, name))
        assert status_of(symc_c, with_need) == (0 if feature in here else MACHINE), feature


def _padded(manifest, feature):
    """The manifest with a feature needed, its spaces taken away to leave its length as it is."""
    changed = json.loads(manifest)
    changed["targets"][0]["features"] = [feature]
    return json.dumps(changed).encode().ljust(len(manifest))


def test_loops_and_elements_of_other_types(symc_c, compiled):
    data = symc.sym.Variable("data")
    steps, _ = symc.sym.contrib.foreach(lambda x, s: (x + s, x + s), data, symc.sym.zeros((3,), dtype="float64"))
    path = compiled(symc.sym.Group([steps, symc.sym.argmax(data, axis=1)]), {}, {"data": (5, 3)},
                    dtypes={"data": "float64"})
    inputs = values(load(path).inputs)
    for found, expected in zip(symc_c.open(path).executor().forward(**inputs), load(path).forward(**inputs),
                               strict=True):
        np.testing.assert_array_equal(found, expected.asnumpy())


def test_operators_that_fail_say_so(symc_c, compiled):
    path = compiled(symc.sym.linalg.potrf(symc.sym.Variable("data"), name="factor"), {}, {"data": (2, 2)})
    executor = symc_c.open(path).executor()
    with pytest.raises(Failed, match="factor") as failed:
        executor.forward(data=-np.eye(2))
    assert failed.value.status == DATA
    np.testing.assert_array_equal(executor.forward(data=np.eye(2))[0], np.eye(2))


def test_threads(symc_c, package_path):
    module, count = symc_c.open(package_path), ctypes.c_int()
    data = np.arange(1000, dtype=np.float32)
    for threads in (1, 3, 2, 1):
        symc_c.call("symc_module_set_threads", module.handle, threads)
        symc_c.call("symc_module_threads", module.handle, ctypes.byref(count))
        assert count.value == threads
        np.testing.assert_array_equal(module.executor().forward(data=data)[0], 3 * data)
    for threads in (0, -1, 1025):
        with pytest.raises(Failed, match="expected 1 to 1024"):
            symc_c.call("symc_module_set_threads", module.handle, threads)


def test_bound_memory(symc_c, package_path):
    executor = symc_c.open(package_path).executor()
    data, result = np.ones(1000, np.float32), np.zeros(1001, np.float32)
    for kind, array in ((INPUT, data), (OUTPUT, result[1:])):
        executor.call("symc_bind", kind, ctypes.c_size_t(0), array.ctypes.data_as(ctypes.c_void_p),
                      ctypes.c_size_t(4000))
    executor.call("symc_forward", 0)
    np.testing.assert_array_equal(result[1:], 2 + np.arange(1000))
    with pytest.raises(Failed, match="not aligned"):
        executor.call("symc_bind", INPUT, ctypes.c_size_t(0), ctypes.c_void_p(data.ctypes.data + 1),
                      ctypes.c_size_t(4000))
    executor.call("symc_bind", INPUT, ctypes.c_size_t(0), None, ctypes.c_size_t(4000))
    with pytest.raises(Failed, match="input 'data' was not set"):
        executor.call("symc_forward", 0)


@pytest.mark.parametrize("name, arguments, status, message", [
    ("symc_forward", (0,), STATUS, "input 'data' was not set"),
    ("symc_forward", (1,), UNSUPPORTED, "compile it with --train"),
    ("symc_backward", (), UNSUPPORTED, "without training"),
    ("symc_get", (OUTPUT, 0, b"x" * 4000, 4000), STATUS, "call symc_forward first"),
    ("symc_set", (INPUT, 0, b"x", 1), ARGUMENT, "input 'data' has 1 bytes, expected 4000"),
    ("symc_set", (INPUT, 0, None, 4000), ARGUMENT, "argument 'data' is a null pointer"),
    ("symc_set", (INPUT, 5, b"x", 1), ARGUMENT, "there is no input 5, there are 1"),
    ("symc_set", (9, 0, b"x", 1), ARGUMENT, "there is no kind 9"),
    ("symc_set", (GRADIENT, 0, b"x", 1), ARGUMENT, "there is no gradient 0, there are 0"),
    ("symc_find", (INPUT, b"image", ctypes.byref(ctypes.c_size_t())), ARGUMENT, "there is no input 'image'"),
    ("symc_describe", (INPUT, 0, None), ARGUMENT, "argument 'array' is a null pointer"),
    ("symc_reshape", (shapes_of({"data": (3, 4)}), 1), ARGUMENT, r"of shape \(3, 4\); it has \(1000\)"),
    ("symc_reshape", (shapes_of({"image": (3, 4)}), 1), ARGUMENT, "there is no input 'image'"),
    ("symc_reshape", ((Shape * 1)(), 1), ARGUMENT, "argument 'name' is a null pointer"),
])
def test_wrong_use(symc_c, package_path, name, arguments, status, message):
    executor = symc_c.open(package_path).executor()
    sized = [ctypes.c_size_t(value) if isinstance(value, int) and name in ("symc_set", "symc_get", "symc_reshape",
                                                                            "symc_describe") else value
             for value in arguments]
    with pytest.raises(Failed, match=message) as failed:
        executor.call(name, *sized)
    assert failed.value.status == status


def test_wrong_handles(symc_c, package_path):
    module = symc_c.open(package_path)
    for handle, status in ((None, ARGUMENT), (module.handle, VERSION)):
        with pytest.raises(Failed) as failed:
            symc_c.call("symc_forward", handle, 0)
        assert failed.value.status == status
    symc_c.handle.symc_module_close(None)
    symc_c.handle.symc_executor_destroy(None)


def test_modules_live_as_long_as_their_executors(symc_c, package_path):
    module = symc_c.open(package_path)
    executor = module.executor()
    del module
    np.testing.assert_array_equal(executor.forward(data=np.zeros(1000))[0], np.arange(1000))


# ---- files that are no sound packages ------------------------------------------------------------------------------


def status_of(symc_c, image):
    try:
        symc_c.open(bytes(image))
    except Failed as failed:
        assert str(failed)
        return failed.status
    return 0


def test_files_that_are_none(symc_c, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("PK is not all that it takes")
    for name, status in (("nowhere", FILE), ("empty", PACKAGE), ("text", PACKAGE), (".", PACKAGE)):
        with pytest.raises(Failed) as failed:
            symc_c.open(tmp_path / name)
        assert failed.value.status == status


def test_cut_packages_are_refused(symc_c, package_path):
    image = package_path.read_bytes()
    choose = random.Random(0)
    for length in (0, 1, 21, 22, 23, len(image) - 1, *(choose.randrange(len(image)) for _ in range(40))):
        assert status_of(symc_c, image[:length]) == PACKAGE


@pytest.mark.parametrize("name", ["manifest.json", "lib-x86-64.so", "weights.bin"])
def test_a_flipped_bit_is_found_in_what_is_read(symc_c, package_path, name):
    image = bytearray(package_path.read_bytes())
    with zipfile.ZipFile(package_path) as archive:
        size, start = archive.getinfo(name).file_size, bytes(image).index(archive.read(name))
    choose = random.Random(name)
    for _ in range(50):
        place, bit = start + choose.randrange(size), 1 << choose.randrange(8)
        image[place] ^= bit
        assert status_of(symc_c, image) == PACKAGE
        image[place] ^= bit
    assert status_of(symc_c, image) == 0


def with_manifest(package_path, change):
    """The package with its manifest's bytes changed, of the same length, and their checksum made right."""
    image = package_path.read_bytes()
    with zipfile.ZipFile(package_path) as archive:
        manifest = archive.read("manifest.json")
    changed = change(manifest)
    assert len(changed) == len(manifest)
    old, new = (zlib.crc32(data).to_bytes(4, "little") for data in (manifest, changed))
    return image.replace(manifest, changed).replace(old, new)


@pytest.mark.parametrize("old, new, status", [
    (b'"format": 1,', b'"format": 2,', VERSION), (b'"format": 1,', b'"format":-1,', PACKAGE),
    (b'"x86_64"', b'"x86_99"', MACHINE), (b'"linux"', b'"macos"', MACHINE),
    (b'"targets": [', b'"targets": 1', PACKAGE), (b'"format": 1,', b'"format": 1 ', PACKAGE),
    (b'"lib-x86-64.so"', b'"lib-x86-65.so"', PACKAGE), (b'{', b'[', PACKAGE),
    (b'"features": []', b'"features": {}', MACHINE),
])
def test_wrong_manifests(symc_c, package_path, old, new, status):
    assert status_of(symc_c, with_manifest(package_path, lambda data: data.replace(old, new, 1))) == status


def test_deep_nesting_is_refused(symc_c, package_path):
    def nest(manifest):
        return b'{"format": 1, "x": ' + b"[" * (len(manifest) - 19)
    assert status_of(symc_c, with_manifest(package_path, nest)) == PACKAGE


def test_code_from_a_temporary_file(build_c, package_path, tmp_path, monkeypatch):
    """Where the system has no files without a name."""
    library = Library(build_c(SOURCES / "symc.c", options=["-O0", "-shared", "-fPIC", "-DSYMC_WITHOUT_MEMFD"]))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    data = np.arange(1000, dtype=np.float32)
    np.testing.assert_array_equal(library.open(package_path).executor().forward(data=data)[0], 3 * data)
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    assert status_of(library, package_path.read_bytes()) == MACHINE


def test_wrong_environment(symc_c, package_path, monkeypatch):
    for text in ("0", "many", "", "5000"):
        with monkeypatch.context() as patch:
            # ctypes shares the process's environment
            patch.setenv("SYMC_NUM_THREADS", text)
            with pytest.raises(Failed, match="SYMC_NUM_THREADS"):
                symc_c.open(package_path)


def test_sanitizers_find_nothing_in_damaged_packages(build_c, sanitized_symc, package_path):
    program = build_c(sanitized_symc, PROGRAMS / "fuzz.c", options=SANITIZED)
    done = subprocess.run([program, package_path, "500", "1"], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "500 damaged packages" in done.stdout


def test_sixteen_threads(build_c, symc_c, package_path):
    program = build_c(PROGRAMS / "crowd.c", symc_c.path)
    done = subprocess.run([program, package_path, "16", "200"], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 wrong results" in done.stdout


def test_a_fork_while_another_thread_changes_the_team(build_c, symc_c, package_path):
    program = build_c(PROGRAMS / "fork.c", symc_c.path, options=("-D_GNU_SOURCE",))
    done = subprocess.run([program, package_path, "20"], capture_output=True, text=True, timeout=250)
    assert done.stdout == "0 children failed\n", done.stdout + done.stderr


def test_programs_written_for_mxnets_prediction_interface(build_c, sanitized_symc, compiled):
    path = compiled(symc.sym.Variable("data") * 2, {}, {"data": (2, 3)})
    program = build_c(sanitized_symc, PROGRAMS / "predict.c", options=SANITIZED)
    for how in ("memory", "path"):
        done = subprocess.run([program, path, how], capture_output=True, text=True, timeout=100)
        assert done.stdout.splitlines() == [
            *["0 2 4 6 8 10 "] * 3, "-1 input 'data' has 20 bytes, expected 24",
            "-1 the package is not compiled for input 'data' of shape (9, 3); it has (2, 3); compile it with this "
            "shape too"], done.stdout + done.stderr
    turned = compiled(symc.sym.transpose(symc.sym.Variable("data") * 2), {}, {"data": ("N", 3)},
                      options=Options(slabs=(2, 4)))
    done = subprocess.run([program, turned, "path"], capture_output=True, text=True)
    shown = " ".join(map(str, (2 * np.arange(27)).reshape(9, 3).T.ravel()))
    assert done.stdout.splitlines()[-1] == f"{shown} ", done.stdout + done.stderr
    half = compiled(symc.sym.Variable("data") * 2, {}, {"data": (2, 3)}, dtypes={"data": "float16"})
    assert subprocess.run([program, half, "path"], capture_output=True, text=True).stdout.startswith("0 2 4 6 8 10 \n")


def test_the_example(build_c, symc_c, compiled, tmp_path):
    data = symc.sym.Variable("data")
    path = compiled(symc.sym.mean(data, axis=(2, 3)), {}, {"data": (1, 3, 4, 5)})
    program = build_c(SOURCES.parents[2] / "examples" / "c" / "main.c", symc_c.path)
    pixels = np.random.RandomState(0).randint(0, 256, (4, 5, 3)).astype(np.uint8)
    (tmp_path / "x.ppm").write_bytes(b"P6 # pixels\n5 4\n255\n" + pixels.tobytes())
    means = ((pixels.astype("f") - 128) / 2).mean((0, 1))
    np.save(tmp_path / "x.npy", ((pixels.astype("f") - 128) / 2).transpose(2, 0, 1)[None])
    for arguments in (["x.ppm", "128", "2"], ["x.npy"]):
        done = subprocess.run([program, path, *arguments], cwd=tmp_path, capture_output=True, text=True)
        shown = [line.split() for line in done.stdout.splitlines()]
        assert [int(index) for index, _ in shown] == np.argsort(-means).tolist(), done.stderr
        np.testing.assert_allclose([float(value) for _, value in shown], np.sort(means)[::-1], rtol=1e-4)
    np.save(tmp_path / "y.npy", np.zeros((1, 3, 4, 6), "f"))
    for name, message in (("y.npy", "expected float32"), ("none", "cannot be opened")):
        done = subprocess.run([program, path, name], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 1 and message in done.stderr
