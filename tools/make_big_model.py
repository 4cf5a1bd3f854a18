#!/usr/bin/env python3
"""Writes a stack of linear layers past the 2 GiB of one message, its weights in external data, to measure memory with.

Only Python's standard library is used: the few messages are encoded here (ONNX IR specification, onnx.proto). The data files are
sparse: only the first and the last row of each weight are written, the rest are zeros that take no room on the disk; read into
memory they are pages as any others.
"""
import argparse
import os
import random
import struct


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def node(op, reads, write):
    return b''.join(field(1, r) for r in reads) + field(2, write) + field(3, write) + field(4, op)


def info(name, kind, dims):
    shape = b''.join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', help='the .onnx file')
    parser.add_argument('--gigabytes', type=float, default=3.0, help='the size of the weights')
    parser.add_argument('--width', type=int, default=4096)
    parser.add_argument('--type', choices=['float32', 'float16'], default='float32')
    parser.add_argument('--files', type=int, default=1, help='how many data files the weights lie in')
    args = parser.parse_args()
    kind, size, code = (1, 4, 'f') if args.type == 'float32' else (10, 2, 'e')
    each = args.width * args.width * size
    layers = max(1, round(args.gigabytes * 1e9 / each))
    rng = random.Random(1)
    graph, value = b'', 'x'
    name = os.path.basename(args.out)
    folder = os.path.dirname(os.path.abspath(args.out))
    for i in range(layers):
        file = f'{name}.{i % args.files}.data'
        path = os.path.join(folder, file)
        offset = os.path.getsize(path) if i >= args.files else 0
        with open(path, 'r+b' if i >= args.files else 'wb') as data:
            for row in (0, args.width - 1):
                data.seek(offset + row * args.width * size)
                data.write(struct.pack(f'<{args.width}{code}', *(rng.uniform(-1, 1) / args.width ** .5 for _ in range(args.width))))
        entries = {'location': file, 'offset': str(offset), 'length': str(each)}
        external = b''.join(field(13, field(1, k) + field(2, v)) for k, v in entries.items())
        graph += field(5, field(1, args.width) * 2 + field(2, kind) + field(8, f'layer{i}.weight') + external + field(14, 1))
        graph += field(1, node('MatMul', [value, f'layer{i}.weight'], f'product{i}')) + field(1, node('Relu', [f'product{i}'], f'layer{i}'))
        value = f'layer{i}'
    head = struct.pack(f'<{args.width * 10}{code}', *(rng.uniform(-1, 1) / args.width ** .5 for _ in range(args.width * 10)))
    graph += field(5, field(1, args.width) + field(1, 10) + field(2, kind) + field(8, 'head.weight') + field(9, head))
    graph += field(1, node('MatMul', [value, 'head.weight'], 'scores')) + field(2, 'big')
    graph += field(11, info('x', kind, ['batch', args.width])) + field(12, info('scores', kind, ['batch', 10]))
    with open(args.out, 'wb') as model:
        model.write(field(1, 8) + field(2, 'make_big_model') + field(7, graph) + field(8, field(1, '') + field(2, 17)))
    print(layers * each)


main()
