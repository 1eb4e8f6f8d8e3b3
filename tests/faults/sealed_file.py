"""A sealed bundle in pieces: changed at will and sealed again, as docs/bundle_format.md says, so that checksums fit."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import struct
from typing import Any

import numpy as np
import xxhash

DTYPES = {"U8": np.uint8, "I8": np.int8, "U32": np.uint32, "I64": np.int64, "U64": np.uint64, "F32": np.float32,
          "F64": np.float64}
NO_DIGEST = "xxh128:" + "0" * 32


@dataclasses.dataclass
class Tensor:
    """`entry`: of the header, without offsets. `stated`: members that the header says instead of what is so."""

    entry: dict[str, Any]
    data: bytes
    stated: dict[str, Any] = dataclasses.field(default_factory=dict)

    def array(self) -> np.ndarray:
        """A copy to change; `put` takes it back."""
        return np.frombuffer(self.data, DTYPES[self.entry["dtype"]]).reshape(self.entry["shape"]).copy()

    def put(self, array: np.ndarray) -> None:
        self.entry["shape"], self.data = list(array.shape), array.tobytes()


class SealedFile:
    """`tensors` in the order of their bytes, and `metadata`: text by key. `file_offset(name)` is of the last `seal`."""

    def __init__(self, content: bytes):
        size = header_size(content)
        header = json.loads(content[8:size])
        self.metadata: dict[str, str] = header.pop("__metadata__")
        self.tensors: dict[str, Tensor] = {}
        for name, entry in sorted(header.items(), key=lambda pair: pair[1]["data_offsets"]):
            begin, end = entry.pop("data_offsets")
            self.tensors[name] = Tensor(entry, content[size + begin:size + end])
        self._offsets: dict[str, int] = {}

    def file_offset(self, name: str) -> int:
        return self._offsets[name]

    def seal(self) -> bytes:
        """The whole file, with checksums of the tensors and a digest over the header that fit what it is now."""
        header: dict[str, Any] = {"__metadata__": self.metadata}
        begin, checksums = 0, {}
        for name, tensor in self.tensors.items():
            end = begin + len(tensor.data)
            header[name] = {**tensor.entry, "data_offsets": [begin, end], **tensor.stated}
            checksums[name], self._offsets[name] = "xxh3:" + xxhash.xxh3_64_hexdigest(tensor.data), begin
            begin = end
        self.metadata |= {"kindred.checksums": json.dumps(checksums, separators=(",", ":")), "kindred.digest": NO_DIGEST}
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-(8 + len(text)) % 64)
        head = struct.pack("<Q", len(text)) + text
        digest = xxhash.xxh3_128_hexdigest(head).encode()
        head = re.sub(rb'(?<="kindred\.digest":"xxh128:)0{32}(?=")', digest, head)
        self._offsets = {name: len(head) + offset for name, offset in self._offsets.items()}
        return head + b"".join(tensor.data for tensor in self.tensors.values())


def header_size(content: bytes) -> int:
    """Bytes before the tensors."""
    return 8 + struct.unpack("<Q", content[:8])[0]


def ranges(content: bytes) -> dict[str, tuple[int, int]]:
    """Where in the file each tensor is."""
    size = header_size(content)
    header = json.loads(content[8:size])
    header.pop("__metadata__")
    return {name: (size + entry["data_offsets"][0], size + entry["data_offsets"][1]) for name, entry in header.items()}


def read(path: pathlib.Path) -> SealedFile:
    return SealedFile(path.read_bytes())
