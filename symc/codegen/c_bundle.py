"""A package as C sources, and as a shared library built of them.

The package lies in both as it is, as constant data (`.incbin`), and symc.c reads it there: so there is one loader with
one set of checks, all CPU levels are inside, and weights are used where the system mapped them.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from symc.codegen.c_header import SOURCES, model_header
from symc.errors import SymcError
from symc.runtime.package import Package

LIBRARY_SOURCES = ("symc.h", "symc.c", "symc_threads.inc", "symc_package.inc", "symc_shapes.inc",
                   "symc_executor.inc")
# Exports nothing but what the header declares; calls within the library stay there, whatever else a process has loaded.
LIBRARY_OPTIONS = ("-std=c11", "-O2", "-fPIC", "-shared", "-s", "-fvisibility=hidden",
                   '-DSYMC_API=__attribute__((visibility("default")))', "-Wl,-Bsymbolic", "-Wl,--build-id=none")

GLUE = """#include "NAME.h"

extern const unsigned char NAME_package[], NAME_package_end[];

int NAME_open(symc_module **module)
{
    return symc_module_open_memory(NAME_package, (size_t)(NAME_package_end - NAME_package), module);
}
"""

DATA = """/* The package, where the system maps it; its weights begin at a page. */
    .section .rodata
    .balign 4096
    .globl NAME_package
    .hidden NAME_package
NAME_package:
    .incbin "NAME.symc"
    .globl NAME_package_end
    .hidden NAME_package_end
NAME_package_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
"""

MAKEFILE = """# Builds ./main, which runs the network NAME; needs a C compiler and make alone.
CFLAGS ?= -O2
OBJECTS = main.o NAME.o NAME_data.o symc.o

main: $(OBJECTS)
\t$(CC) $(LDFLAGS) $(OBJECTS) -o $@ -ldl -lpthread -lm

%.o: %.c NAME.h symc.h
\t$(CC) -std=c11 $(CFLAGS) -c $< -o $@

symc.o: symc_threads.inc symc_package.inc symc_shapes.inc symc_executor.inc

NAME_data.o: NAME_data.S NAME.symc
\t$(CC) -c $< -o $@

clean:
\trm -f main $(OBJECTS)

.PHONY: clean
"""

MAIN = """/* main [FILE...]: runs the network NAME on files of raw elements, one for each input in their order; zeros
 * where there is no file.  Prints the first elements of each output of floats. */
#include "NAME.h"

#include <stdio.h>
#include <string.h>

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\\n", what, symc_last_error());
    return 1;
}

/* Fill an input from a file, or with zeros. */
static int fill(symc_executor *executor, size_t index, const char *path)
{
    symc_array array;
    void *data;
    if (symc_describe(executor, SYMC_INPUT, index, &array) || symc_data(executor, SYMC_INPUT, index, &data))
        return fail("input");
    memset(data, 0, array.bytes);
    if (!path)
        return 0;
    FILE *file = fopen(path, "rb");
    size_t bytes = file ? fread(data, 1, array.bytes, file) : 0;
    if (file)
        fclose(file);
    if (bytes != array.bytes)
        fprintf(stderr, "%s: %zu bytes, input %s has %zu\\n", path, bytes, array.name, array.bytes);
    return bytes != array.bytes;
}

static void print(const symc_array *array, const float *data)
{
    printf("%s (", array->name);
    for (int32_t i = 0; i < array->rank; i++)
        printf(i ? ", %lld" : "%lld", (long long)array->shape[i]);
    printf(")");
    for (size_t i = 0; array->dtype == SYMC_FLOAT32 && i < array->bytes / sizeof *data && i < 10; i++)
        printf(" %.7g", data[i]);
    printf("\\n");
}

int main(int argc, char **argv)
{
    symc_module *module;
    symc_executor *executor;
    size_t inputs = 0, outputs = 0;
    if (NAME_open(&module) || symc_executor_create(module, &executor)
        || symc_count(executor, SYMC_INPUT, &inputs) || symc_count(executor, SYMC_OUTPUT, &outputs))
        return fail("NAME");
    for (size_t i = 0; i < inputs; i++)
        if (fill(executor, i, (int)i + 1 < argc ? argv[i + 1] : NULL))
            return 1;
    if (symc_forward(executor, 0))
        return fail("forward");
    for (size_t i = 0; i < outputs; i++) {
        symc_array array;
        void *data;
        if (symc_describe(executor, SYMC_OUTPUT, i, &array) || symc_data(executor, SYMC_OUTPUT, i, &data))
            return fail("output");
        print(&array, data);
    }
    symc_executor_destroy(executor);
    symc_module_close(module);
    return 0;
}
"""


def bundle(package: Package, name: str) -> dict[str, bytes]:
    """Files by name: sources, package, Makefile and a program, which `make` builds with a C compiler alone."""
    files = _files(package, name, is_whole=False) | {"symc_mxpred.h": (SOURCES / "symc_mxpred.h").read_bytes()}
    return files | {"main.c": _named(MAIN, name), "Makefile": _named(MAKEFILE, name)}


def archive(files: Mapping[str, bytes], folder: str) -> bytes:
    """The files in a .tar.gz, below a folder; equal files give equal bytes."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream, \
            tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            information = tarfile.TarInfo(f"{folder}/{name}")
            information.size, information.mode = len(files[name]), 0o644
            tar.addfile(information, io.BytesIO(files[name]))
    return packed.getvalue()


def shared_library(package: Package, name: str) -> tuple[bytes, bytes]:
    """A shared library with everything inside, and its header.  SymcError: no C compiler for the package, or it fails.
    """
    compiler = _compiler(package)
    files = _files(package, name, is_whole=True)
    with tempfile.TemporaryDirectory(prefix="symc-") as folder:
        for file, content in files.items():
            (Path(folder) / file).write_bytes(content)
        command = [*compiler, *LIBRARY_OPTIONS, f"-Wl,-soname,lib{name}.so", f"{name}.c", "symc.c", f"{name}_data.S",
                   "-o", "library", "-ldl", "-lpthread", "-lm"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise SymcError(f"the C compiler {compiler[0]} fails: {done.stderr.strip()[:2000]}",
                            f"the command was: {' '.join(command)}")
        return (Path(folder) / "library").read_bytes(), files[f"{name}.h"]


def _files(package: Package, name: str, is_whole: bool) -> dict[str, bytes]:
    """What both formats consist of."""
    if "member" not in package.manifest["weights"]:
        raise SymcError(f"package {package.path} has its weights in another file, "
                        f"{package.manifest['weights']['file']}", "compile it with its weights inside")
    sources = {source: (SOURCES / source).read_bytes() for source in LIBRARY_SOURCES}
    return sources | {f"{name}.h": model_header(package, name, is_whole).encode(), f"{name}.c": _named(GLUE, name),
                      f"{name}_data.S": _named(DATA, name), f"{name}.symc": Path(package.path).read_bytes()}


def _named(template: str, name: str) -> bytes:
    return template.replace("NAME", name).encode()


def _compiler(package: Package) -> list[str]:
    """The command of $CC, by default cc, which must compile for one of the package's architectures."""
    command = (os.environ.get("CC") or "cc").split()
    architectures = sorted({target.platform[0] for target in package.targets})
    if not command or not shutil.which(command[0]):
        raise SymcError(f"a shared library needs a C compiler, and there is no {' '.join(command)} on this machine",
                        "install gcc or clang, or name one in CC; formats c and wheel need none")
    told = subprocess.run([*command, "-dumpmachine"], capture_output=True, text=True).stdout.strip()
    machine = told.split("-")[0].replace("amd64", "x86_64").replace("arm64", "aarch64")
    if told and machine not in architectures:
        raise SymcError(f"the C compiler {command[0]} compiles for {machine}, the package is for "
                        f"{' and '.join(architectures)}", "name a cross compiler in CC")
    return command
