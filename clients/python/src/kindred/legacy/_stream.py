"""The bytes of a pickle or joblib file, decompressed as they are asked for and never past a limit."""
from __future__ import annotations

import bz2
import lzma
import zlib
from pathlib import Path
from typing import Any

from kindred.legacy._errors import LegacyError, Limits

_CHUNK = 1 << 16
_LZMA_MEMORY = 256 << 20  # of the decoder; xz -9 asks for 65 MB


def _decoder(head: bytes, path: Path) -> Any:
    if head[:1] == b"\x78" or head[:2] == b"\x1f\x8b":
        return zlib.decompressobj(wbits=47)  # zlib or gzip, told by the header
    if head[:3] == b"BZh":
        return bz2.BZ2Decompressor()
    if head[:6] == b"\xfd7zXZ\x00" or head[:3] == b"\x5d\x00\x00":
        return lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)
    if head[:4] == b"\x04\x22\x4d\x18":
        raise LegacyError(f"{path}: is compressed by LZ4; write it with joblib.dump(…, compress='zlib') or unpacked")
    if head[:2] == b"ZF":
        raise LegacyError(f"{path}: is of a joblib older than 0.10; write it anew with joblib.dump")
    return None


class Stream:
    """Reads forward; every short read is a LegacyError that says where the file ends."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.place = 0  # bytes consumed, after decompression
        self._limit = limits.max_bytes
        self._file = open(path, "rb")
        head = self._file.read(8)
        self._file.seek(0)
        self._buffer = b""
        self._at = 0
        try:
            self._decoder = _decoder(head, path)
        except LegacyError:
            self._file.close()
            raise

    def close(self) -> None:
        self._file.close()

    def _more(self) -> bytes:
        """The next bytes; empty at the end. Never more than a chunk, whatever the compression ratio."""
        if self._decoder is None:
            return self._file.read(_CHUNK)
        decoder = self._decoder
        try:
            if isinstance(decoder, (bz2.BZ2Decompressor, lzma.LZMADecompressor)):
                while not decoder.eof:
                    data = self._file.read(_CHUNK) if decoder.needs_input else b""
                    if decoder.needs_input and not data:
                        break
                    if out := decoder.decompress(data, max_length=_CHUNK):
                        return out
                if decoder.eof:
                    return b""
            else:
                while not decoder.eof:
                    data = decoder.unconsumed_tail or self._file.read(_CHUNK)
                    if not data:
                        break
                    if out := decoder.decompress(data, _CHUNK):
                        return out
                if decoder.eof:
                    return b""
        except (OSError, EOFError, lzma.LZMAError, zlib.error, MemoryError) as error:
            raise LegacyError(f"{self.path}: cannot be decompressed past byte {self.place}: {error}") from None
        raise LegacyError(f"{self.path}: the compressed data ends in the middle, after {self.place} bytes; "
                          "the file is truncated")

    def read(self, size: int, what: str) -> bytes:
        """Exactly `size` bytes."""
        if size <= len(self._buffer) - self._at:
            data = self._buffer[self._at:self._at + size]
            self._at += size
            self.place += size
            return data
        if self.place + size > self._limit:
            raise LegacyError(f"{self.path}: {what} at byte {self.place} takes {size:,} bytes, and the file is limited to "
                              f"{self._limit:,} after decompression (Limits.max_bytes)")
        parts = [self._buffer[self._at:]]
        have = len(parts[0])
        while have < size:
            chunk = self._more()
            if not chunk:
                raise LegacyError(f"{self.path}: ends at byte {self.place + have}, in the middle of {what}, which takes "
                                  f"{size:,} bytes from byte {self.place}; the file is truncated or not a pickle")
            parts.append(chunk)
            have += len(chunk)
        last = parts[-1]
        self._buffer, self._at = last, len(last) - (have - size)
        parts[-1] = last[:self._at]
        self.place += size
        return b"".join(parts)

    def line(self, what: str, limit: int = 1 << 26) -> bytes:
        """Up to the next newline, without it."""
        parts: list[bytes] = []
        have = 0
        while True:
            end = self._buffer.find(b"\n", self._at)
            if end >= 0:
                parts.append(self.read(end + 1 - self._at, what)[:-1])
                return b"".join(parts)
            # The rest of the buffer, and one byte of the next.
            parts.append(self.read(max(1, len(self._buffer) - self._at), what))
            have += len(parts[-1])
            if parts[-1][-1:] == b"\n":
                return b"".join(parts)[:-1]
            if have > limit:
                raise LegacyError(f"{self.path}: {what} before byte {self.place} is longer than {limit:,} bytes")
