"""The child of the fuzz test: damages files of a pack and reads it through `Pack`.

Prints one line a mutation: what was damaged, what came of reading it, and for every
third one the codes that the check reports. A crash ends it.
"""

import sys
from pathlib import Path

import numpy as np

from dataset_tools.errors import DatasetToolsError
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack

TABLES = ("frames", "tiles", "sequences", "splits")


def mutated(data, generator):
    """Bytes with a flipped bit, a zeroed or random block, a cut, or more behind."""
    whole, data = data, bytearray(data)
    at = int(generator.integers(0, len(data)))
    kind = int(generator.integers(0, 5))
    if kind == 0:
        data[at] ^= 1 << int(generator.integers(0, 8))
    elif kind == 1:
        data[at : at + 64] = bytes(len(data[at : at + 64]))
    elif kind == 2:
        block = len(data[at : at + 16])
        data[at : at + block] = generator.bytes(block)
    elif kind == 3:
        del data[at:]
    else:
        data += generator.bytes(32)
    # A block of zeros may have been one already.
    return bytes(data) if data != whole else mutated(whole, generator)


def read(path):
    """Everything that a pack gives: rows, pictures as bytes."""
    with Pack.open(path) as pack:
        rows = [pack.table(name).to_pylist() for name in TABLES]
        pictures = [
            (kind, name, pack.picture_bytes(kind, name))
            for kind, table in (("frame", pack.frames), ("tile", pack.tiles))
            for name in table.index
        ]
        return rows, pictures, pack.encoding


def outcome(path, whole):
    """What reading a damaged pack comes to."""
    try:
        return "same" if read(path) == whole else "WRONG"
    except DatasetToolsError as error:
        return type(error).__name__


def main(path, first, count):
    whole = read(path)
    files = sorted(path.iterdir())
    for seed in range(first, first + count):
        file = files[seed % len(files)]
        data = file.read_bytes()
        file.write_bytes(mutated(data, np.random.default_rng(seed)))
        found = outcome(path, whole)
        # Checking takes longer than reading, so every third one is checked too.
        if seed % 3 == 0:
            codes = sorted({f.code for f in check_pack(path)})
            found += " " + ",".join(codes)
        sys.stdout.write(f"{seed} {file.name} {found}\n")
        sys.stdout.flush()
        file.write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
