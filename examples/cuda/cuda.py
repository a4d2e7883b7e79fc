#!/usr/bin/env python3
"""Runs two kernels on each NVIDIA GPU that it sees, checks their results, and prints what the card reached.

It needs the driver's own library and nothing else: no CUDA toolkit, no Python package.
"""

import argparse
import array
import ctypes
import random
import sys
import time
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_size_t, c_uint, c_uint64, c_void_p
from pathlib import Path

# As in kernels.ptx.
THREADS = 256  # in a block
SUMS = 8  # in a thread of multiply_add
STEPS = 16  # in a round of it
COPIED = 16 * 1024  # bytes, by a block of copy

ROUNDS = 16384  # tens of milliseconds on any card; the sums stay below 2^24, where floats count exactly
MEASURED_S = 0.8  # for each kernel: a card that idled takes a while to reach its clock

# What is used of the driver, by the names that the library exports. A device is an int, a pointer on it a uint64;
# contexts, modules, kernels, streams and events are pointers to what only the driver knows.
FUNCTIONS = {
    "cuInit": [c_uint],
    "cuDriverGetVersion": [POINTER(c_int)],
    "cuDeviceGetCount": [POINTER(c_int)],
    "cuDeviceGet": [POINTER(c_int), c_int],
    "cuDeviceGetName": [c_char_p, c_int, c_int],
    "cuDeviceTotalMem_v2": [POINTER(c_size_t), c_int],
    "cuDeviceGetAttribute": [POINTER(c_int), c_int, c_int],
    "cuDevicePrimaryCtxRetain": [POINTER(c_void_p), c_int],
    "cuDevicePrimaryCtxRelease_v2": [c_int],
    "cuCtxSetCurrent": [c_void_p],
    "cuModuleLoadDataEx": [POINTER(c_void_p), c_char_p, c_uint, POINTER(c_int), POINTER(c_void_p)],
    "cuModuleGetFunction": [POINTER(c_void_p), c_void_p, c_char_p],
    "cuOccupancyMaxActiveBlocksPerMultiprocessor": [POINTER(c_int), c_void_p, c_int, c_size_t],
    "cuMemAlloc_v2": [POINTER(c_uint64), c_size_t],
    "cuMemFree_v2": [c_uint64],
    "cuMemsetD8_v2": [c_uint64, ctypes.c_ubyte, c_size_t],
    "cuMemcpyHtoD_v2": [c_uint64, c_void_p, c_size_t],
    "cuMemcpyDtoH_v2": [c_void_p, c_uint64, c_size_t],
    "cuLaunchKernel": [c_void_p, *[c_uint] * 7, c_void_p, POINTER(c_void_p), POINTER(c_void_p)],
    "cuEventCreate": [POINTER(c_void_p), c_uint],
    "cuEventRecord": [c_void_p, c_void_p],
    "cuEventSynchronize": [c_void_p],
    "cuEventElapsedTime": [POINTER(c_float), c_void_p, c_void_p],
    "cuEventDestroy_v2": [c_void_p],
    "cuGetErrorName": [c_int, POINTER(c_char_p)],
    "cuGetErrorString": [c_int, POINTER(c_char_p)],
}

# CUdevice_attribute, CUjit_option
CLOCK_KHZ, PROCESSORS, CAPABILITY_MAJOR, CAPABILITY_MINOR = 13, 16, 75, 76
ERROR_LOG, ERROR_LOG_BYTES = 5, 6

RENT_A_GPU = "rent a GPU with where: cuda>=11.0"
HINTS = {
    "CUDA_ERROR_OUT_OF_MEMORY": "take a smaller buffer: --buffer 64",
    "CUDA_ERROR_NO_DEVICE": f"the container was given no GPU: {RENT_A_GPU}",
    "CUDA_ERROR_STUB_LIBRARY": "the image brings a libcuda.so.1 of its own that hides the driver's: take another image",
    "CUDA_ERROR_DEVICE_UNAVAILABLE": "another process holds the card: end it, or rent another machine",
    "CUDA_ERROR_ECC_UNCORRECTABLE": "the card's memory is faulty: rent another machine",
    "CUDA_ERROR_INVALID_PTX": "kernels.ptx has a mistake",
    "CUDA_ERROR_UNSUPPORTED_PTX_VERSION": "the driver is older than kernels.ptx: rent a machine with a newer one",
    "CUDA_ERROR_JIT_COMPILER_NOT_FOUND": "the container lacks the driver's compiler, libnvidia-ptxjitcompiler.so.1:"
                                         " rent another machine",
    "CUDA_ERROR_SYSTEM_NOT_READY": "the machine's fabric manager does not run: rent another machine",
    "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH": "the driver was updated under the running machine: rent another one",
    "CUDA_ERROR_UNKNOWN": "often /dev/nvidia-uvm is missing in the container: rent another machine",
}


class Failure(Exception):
    """What went wrong, for whoever reads the job's output."""


class Cuda:
    """The functions of the driver's library; one that does not succeed raises a Failure with its name and reason."""

    def __init__(self):
        try:
            self.library = ctypes.CDLL("libcuda.so.1")
        except OSError as error:
            raise Failure(f"{error}\nthis machine has no NVIDIA driver in the container: {RENT_A_GPU}") from None
        for name, types in FUNCTIONS.items():
            try:
                function = getattr(self.library, name)
            except AttributeError:
                raise Failure(f"the driver has no {name}, it is too old: {RENT_A_GPU}") from None
            function.argtypes, function.restype = types, c_int
            setattr(self, name, self.checked(name, function))
        self.cuInit(0)

    def checked(self, name, function):
        def call(*args):
            code = function(*args)
            if code != 0:
                raise Failure(self.reason(name, code))

        return call

    def reason(self, function, code):
        name, text = c_char_p(), c_char_p()
        # Both leave null for a code that the driver does not know.
        self.library.cuGetErrorName(code, byref(name))
        self.library.cuGetErrorString(code, byref(text))
        named = name.value.decode() if name.value else f"error {code}"
        described = f" ({text.value.decode()})" if text.value else ""
        hint = f"\n{HINTS[named]}" if named in HINTS else ""
        return f"{function}: {named}{described}{hint}"

    def attribute(self, device, which):
        value = c_int()
        self.cuDeviceGetAttribute(byref(value), which, device)
        return value.value

    def allocate(self, size):
        pointer = c_uint64()
        self.cuMemAlloc_v2(byref(pointer), size)
        return pointer.value

    def compile(self, ptx):
        module, log = c_void_p(), ctypes.create_string_buffer(4096)
        options = (c_int * 2)(ERROR_LOG, ERROR_LOG_BYTES)
        values = (c_void_p * 2)(ctypes.addressof(log), len(log))
        try:
            self.cuModuleLoadDataEx(byref(module), ptx, 2, options, values)
        except Failure as failure:
            raise Failure(f"{failure}\n{log.value.decode(errors='replace')}".rstrip()) from None
        return module

    def kernel(self, module, name):
        function = c_void_p()
        self.cuModuleGetFunction(byref(function), module, name)
        return function

    def launch(self, kernel, blocks, *params):
        """The driver takes where each parameter lies, and each must be of the size that the kernel declares."""
        places = (c_void_p * len(params))(*map(ctypes.addressof, params))
        self.cuLaunchKernel(kernel, blocks, 1, 1, THREADS, 1, 1, 0, None, places, None)

    def best_s(self, launch):
        """Seconds of the fastest launch; the first ones warm the card up."""
        start, end, took_ms = c_void_p(), c_void_p(), c_float()
        self.cuEventCreate(byref(start), 0)
        self.cuEventCreate(byref(end), 0)
        best, runs, until = float("inf"), 0, time.monotonic() + MEASURED_S
        while runs < 3 or time.monotonic() < until:
            launch()  # keeps the card busy while what is measured is queued, or it would wait for this program
            self.cuEventRecord(start, None)
            launch()
            self.cuEventRecord(end, None)
            self.cuEventSynchronize(end)
            self.cuEventElapsedTime(byref(took_ms), start, end)
            best, runs = min(best, took_ms.value / 1000), runs + 1
        self.cuEventDestroy_v2(start)
        self.cuEventDestroy_v2(end)
        return best


def say(what, text):
    print(f"{what:<12}{text}", flush=True)


def measure_arithmetic(cuda, kernel, processors):
    """All blocks that the card can hold at once, so that all of it works from the first step to the last."""
    held = c_int()
    cuda.cuOccupancyMaxActiveBlocksPerMultiprocessor(byref(held), kernel, THREADS, 0)
    blocks = processors * held.value
    results = array.array("f", bytes(4 * THREADS * blocks))
    size = len(results) * results.itemsize
    out = cuda.allocate(size)
    cuda.cuMemsetD8_v2(out, 0, size)
    params = (c_uint64(out), c_uint(ROUNDS), c_float(1), c_float(1))
    seconds = cuda.best_s(lambda: cuda.launch(kernel, blocks, *params))
    cuda.cuMemcpyDtoH_v2(results.buffer_info()[0], out, size)
    cuda.cuMemFree_v2(out)

    starts = sum(range(SUMS))
    expected = array.array("f", (SUMS * (thread + ROUNDS * STEPS) + starts for thread in range(THREADS)))
    if results != expected * blocks:
        at = next(i for i, result in enumerate(results) if result != expected[i % THREADS])
        raise Failure(f"wrong result: thread {at:,} has {results[at]:.0f}, not {expected[at % THREADS]:.0f}")
    operations = 2 * SUMS * STEPS * ROUNDS * len(results)  # a multiplication and an addition
    say("fp32", f"{operations / seconds / 1e12:.2f} TFLOP/s, all {len(results):,} results right")


def measure_memory(cuda, kernel, size):
    """Random bytes of an odd length, again and again: then each block copies others than its neighbours."""
    pattern = random.Random(1356).randbytes(2**22 - 1)
    pieces = [(offset, min(len(pattern), size - offset)) for offset in range(0, size, len(pattern))]
    source, out = cuda.allocate(size), cuda.allocate(size)
    for offset, length in pieces:
        cuda.cuMemcpyHtoD_v2(source + offset, pattern, length)
    cuda.cuMemsetD8_v2(out, 0, size)
    params = (c_uint64(out), c_uint64(source))
    seconds = cuda.best_s(lambda: cuda.launch(kernel, size // COPIED, *params))

    came = ctypes.create_string_buffer(len(pattern))
    for offset, length in pieces:
        cuda.cuMemcpyDtoH_v2(came, out + offset, length)
        if ctypes.string_at(came, length) != pattern[:length]:
            raise Failure(f"wrong copy: not what it should be within {length:,} bytes from byte {offset:,}")
    cuda.cuMemFree_v2(source)
    cuda.cuMemFree_v2(out)
    say("copy", f"{2 * size / seconds / 1e9:.1f} GB/s, read and written; all {size >> 20} MiB right")


def measure(cuda, number, ptx, buffer_size):
    device, name, memory = c_int(), ctypes.create_string_buffer(256), c_size_t()
    cuda.cuDeviceGet(byref(device), number)
    cuda.cuDeviceGetName(name, len(name), device)
    cuda.cuDeviceTotalMem_v2(byref(memory), device)
    processors, clock = cuda.attribute(device, PROCESSORS), cuda.attribute(device, CLOCK_KHZ)
    capability = f"{cuda.attribute(device, CAPABILITY_MAJOR)}.{cuda.attribute(device, CAPABILITY_MINOR)}"
    say("card", name.value.decode())
    say("memory", f"{memory.value / 1e9:.1f} GB")
    say("processors", f"{processors} of compute capability {capability}, up to {clock / 1e6:.2f} GHz")

    context = c_void_p()
    cuda.cuDevicePrimaryCtxRetain(byref(context), device)
    try:
        cuda.cuCtxSetCurrent(context)
        module = cuda.compile(ptx)
        measure_arithmetic(cuda, cuda.kernel(module, b"multiply_add"), processors)
        measure_memory(cuda, cuda.kernel(module, b"copy"), buffer_size)
    finally:
        # All that a failure left on the card goes with the context. Whatever this says, the failure matters more.
        cuda.library.cuDevicePrimaryCtxRelease_v2(device)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--buffer", type=int, default=512, metavar="MIB",
                        help="that much is copied; it takes twice of it, and less than a card's cache says nothing")
    args = parser.parse_args()
    if args.buffer < 1:
        parser.error("--buffer is at least 1")

    ptx = (Path(__file__).parent / "kernels.ptx").read_bytes()
    failures = 0
    try:
        cuda = Cuda()
        version, count = c_int(), c_int()
        cuda.cuDriverGetVersion(byref(version))
        say("driver", f"CUDA {version.value // 1000}.{version.value % 1000 // 10}")
        cuda.cuDeviceGetCount(byref(count))
        if count.value == 0:
            raise Failure(HINTS["CUDA_ERROR_NO_DEVICE"])
    except Failure as failure:
        sys.exit(f"cuda.py: {failure}")
    for number in range(count.value):
        print(flush=True)
        try:
            measure(cuda, number, ptx, args.buffer << 20)
        except Failure as failure:
            print(f"cuda.py: {failure}", file=sys.stderr, flush=True)
            failures += 1
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
