"""Safetensors files: written whole or not at all, mapped and not copied when read."""
from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any, Mapping

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from kindred._ids import BundleError

_DTYPES = {"U8": "u1", "I8": "i1", "U32": "<u4", "I64": "<i8", "U64": "<u8", "F32": "<f4", "F64": "<f8"}


def write(path: str | os.PathLike[str], tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Makes a temporary file beside `path`, syncs it, renames it and syncs the folder; on any error `path` is as before."""
    target = Path(path)
    folder = target.parent
    if not folder.is_dir():
        raise BundleError(f"{folder}: there is no such folder")
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=folder)
    os.close(handle)
    try:
        save_file({key: np.ascontiguousarray(array) for key, array in tensors.items()}, name, dict(metadata))
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        handle = os.open(name, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class Header:
    """The header of a file: metadata and where each tensor lies. Reads nothing else."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise BundleError(f"{self.path}: not found")
        try:
            with safe_open(str(self.path), framework="np"):  # checks lengths, offsets and shapes
                pass
        except SafetensorError as error:
            raise BundleError(f"{self.path}: is not a safetensors file: {error}") from None
        with open(self.path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            self.raw = size.to_bytes(8, "little") + file.read(size)
        self.tensors: dict[str, dict[str, Any]] = json.loads(self.raw[8:])
        self.metadata: dict[str, str] = self.tensors.pop("__metadata__", {})
        for name, entry in self.tensors.items():
            if entry["dtype"] not in _DTYPES:
                raise BundleError(f"{self.path}: tensor {name!r} is {entry['dtype']}, expected one of {', '.join(_DTYPES)}")

    @property
    def sealed(self) -> bool:
        return "kindred.digest" in self.metadata or "kindred.checksums" in self.metadata

    def json(self, key: str) -> Any:
        """The JSON of a metadata key; None when it is not there."""
        if key not in self.metadata:
            return None
        try:
            return json.loads(self.metadata[key])
        except ValueError as error:
            raise BundleError(f"{self.path}: metadata {key!r} is not JSON: {error}") from None

    def arrays(self) -> dict[str, np.ndarray]:
        """Every tensor, read-only, in one mapping of the file: pages are read when they are touched."""
        data = np.memmap(self.path, np.uint8, "r", offset=0)[len(self.raw):]
        arrays = {}
        for name, entry in self.tensors.items():
            begin, end = entry["data_offsets"]
            arrays[name] = data[begin:end].view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
        return arrays

    def check_seal(self, arrays: Mapping[str, np.ndarray]) -> bool:
        """False when there is no seal or no `xxhash` to check it with; BundleError naming what differs."""
        if not self.sealed:
            return False
        try:
            import xxhash
        except ImportError:
            return False
        zeroed = re.sub(rb'(?<="kindred\.digest":"xxh128:)[0-9a-f]{32}(?=")', b"0" * 32, self.raw)
        found = "xxh128:" + xxhash.xxh3_128_hexdigest(zeroed)
        if found != self.metadata.get("kindred.digest"):
            raise BundleError(f"{self.path}: the header's digest is {found}, expected {self.metadata.get('kindred.digest')}")
        checksums = self.json("kindred.checksums") or {}
        if checksums.keys() != self.tensors.keys():
            raise BundleError(f"{self.path}: kindred.checksums does not name exactly the tensors of the file")
        for name, array in arrays.items():
            found = "xxh3:" + xxhash.xxh3_64_hexdigest(array.reshape(-1).view(np.uint8))
            if found != checksums[name]:
                raise BundleError(f"{self.path}: tensor {name!r} has checksum {found}, expected {checksums[name]}")
        return True
