#!/usr/bin/env python3
"""Renders a scene by path tracing on the best OpenCL device there is, and writes a PNG."""

import argparse
import random
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy
import pyopencl


def pick_device():
    """A GPU if the container was given one, else whatever computes."""
    devices = [d for p in pyopencl.get_platforms() for d in p.get_devices()]
    if not devices:
        sys.exit("no OpenCL device: the image needs an OpenCL driver (pocl-opencl-icd for CPUs)")
    return max(devices, key=lambda d: (bool(d.type & pyopencl.device_type.GPU), d.max_compute_units))


def scene():
    """Rows of three float4: centre and radius; colour and kind; extra (roughness)."""
    rng = random.Random(1356)  # the first Hanseatic diet
    rows = [
        (-1.75, 0.85, 0.35, 0.85, 0.92, 0.62, 0.36, 1, 0.03, 0, 0, 0),
        (0.0, 1.0, 0.0, 1.0, 0.99, 0.99, 0.99, 2, 0, 0, 0, 0),
        (1.8, 0.8, 0.5, 0.8, 0.75, 0.12, 0.14, 0, 0, 0, 0, 0),
        (2.6, 6.2, -2.0, 1.7, 6.5, 5.6, 4.6, 3, 0, 0, 0, 0),
    ]
    placed = [(r[0], r[2], r[3]) for r in rows[:3]]
    while len(rows) < 44:
        radius = rng.uniform(0.1, 0.26)
        x, z = rng.uniform(-4.6, 4.6), rng.uniform(-2.6, 5.5)
        if any((x - a) ** 2 + (z - b) ** 2 < (radius + c + 0.05) ** 2 for a, b, c in placed):
            continue
        placed.append((x, z, radius))
        kind = rng.choice([0, 0, 0, 1, 1, 2])
        hue = [rng.uniform(0.15, 0.95) for _ in range(3)] if kind != 2 else [0.97, 0.99, 0.98]
        rows.append((x, radius, z, radius, *hue, kind, rng.uniform(0, 0.25), 0, 0, 0))
    return numpy.array(rows, dtype=numpy.float32)


def write_png(path, pixels):
    height, width, _ = pixels.shape
    raw = b"".join(b"\0" + pixels[y].tobytes() for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 6))
                     + chunk(b"IEND", b""))


def tone_map(linear):
    """The ACES curve as fitted by Narkowicz (2016), then sRGB's gamma."""
    x = linear * 0.8
    x = numpy.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)
    return (numpy.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055) * 255 + 0.5).astype(numpy.uint8)


def show_progress(done, total, started):
    width = 32
    filled = done * width // total
    elapsed = time.monotonic() - started
    text = f"rendering [{'#' * filled}{'.' * (width - filled)}] {100 * done // total:3d}%  {elapsed:5.1f} s"
    print("\r" + text if sys.stdout.isatty() else text, end="" if sys.stdout.isatty() else "\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=960)
    parser.add_argument("--height", type=int, default=540)
    parser.add_argument("--samples", type=int, default=48, help="a pixel")
    parser.add_argument("--out", type=Path, default=Path("out.png"))
    args = parser.parse_args()

    device = pick_device()
    print(f"device: {device.name.strip()} ({pyopencl.device_type.to_string(device.type)})", flush=True)
    context = pyopencl.Context([device])
    queue = pyopencl.CommandQueue(context)
    program = pyopencl.Program(context, (Path(__file__).parent / "tracer.cl").read_text()).build()
    spheres = scene()
    flags = pyopencl.mem_flags
    scene_buffer = pyopencl.Buffer(context, flags.READ_ONLY | flags.COPY_HOST_PTR, hostbuf=spheres)
    total = numpy.zeros((args.height, args.width, 4), dtype=numpy.float32)
    sum_buffer = pyopencl.Buffer(context, flags.READ_WRITE | flags.COPY_HOST_PTR, hostbuf=total)

    kernel = program.sample
    started, shown = time.monotonic(), -1
    for sample in range(args.samples):
        kernel(queue, (args.width, args.height), None, sum_buffer, scene_buffer, numpy.int32(len(spheres)),
               numpy.int32(args.width), numpy.int32(args.height), numpy.uint32(sample))
        queue.finish()
        step = (sample + 1) * 20 // args.samples
        if step != shown:
            shown = step
            show_progress(sample + 1, args.samples, started)
    pyopencl.enqueue_copy(queue, total, sum_buffer).wait()

    write_png(args.out, tone_map(total[..., :3] / total[..., 3:]))
    rays = args.width * args.height * args.samples
    print(f"\nwrote {args.out}: {args.width}x{args.height}, {rays / (time.monotonic() - started) / 1e6:.1f} M paths/s",
          flush=True)


if __name__ == "__main__":
    main()
