"""Ids of users and items: Python strings and integers ↔ the byte and offset tensors of an id table."""
from __future__ import annotations

from typing import Any, Iterable, Sequence

import numpy as np

MAX_ID_BYTES = 1024


class BundleError(ValueError):
    """What was given cannot be a bundle, or a file is not one: the message says where, what was found and expected."""


def shown(value: Any) -> str:
    """`value` for a message: its type and, for a scalar, the beginning of its text."""
    if isinstance(value, (str, bytes, int, float, bool, type(None), np.generic)):
        text = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "an integer of more than 64 bits"
        return text if len(text) <= 60 else text[:57] + "..."
    return f"a value of type {type(value).__name__}"


def id_text(value: Any) -> str | None:
    """The id that `value` stands for: a string as it is, an integer in decimal; None when it is neither."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_)):
        return str(int(value))
    return None


def as_sequence(ids: Iterable[Any]) -> Sequence[Any]:
    """`ids` as something with a length; a single string is left for id_list to refuse."""
    return ids if isinstance(ids, (str, bytes)) else list(ids)


def id_list(ids: Iterable[Any], what: str, *, names: bool = False) -> list[str]:
    """Checks ids (or, with `names`, display names, which may be empty and repeat) and returns them as strings."""
    if isinstance(ids, (str, bytes)):
        raise BundleError(f"{what}: found one {type(ids).__name__}, expected a sequence of ids")
    checked: list[str] = []
    rows: dict[str, int] = {}
    for row, value in enumerate(ids):
        text = id_text(value)
        if text is None:
            raise BundleError(f"{what}[{row}]: found {shown(value)}, expected a string or an integer")
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise BundleError(f"{what}[{row}]: found {shown(text)}, which cannot be written as UTF-8") from None
        if size > MAX_ID_BYTES or (size == 0 and not names):
            low = 0 if names else 1
            raise BundleError(f"{what}[{row}]: found {size} bytes of UTF-8, expected {low} to {MAX_ID_BYTES}")
        if not names:
            first = rows.setdefault(text, row)
            if first != row:
                raise BundleError(f"{what}[{row}]: found {shown(text)} again, which is {what}[{first}]; "
                                  "expected distinct ids")
        checked.append(text)
    return checked


def encode(ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """ids → (bytes U8, offsets I64 [n + 1]). REQUIRES: id_list checked them."""
    encoded = [text.encode() for text in ids]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(each) for each in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def decode(data: np.ndarray, offsets: np.ndarray, what: str) -> list[str]:
    """The inverse of encode."""
    ends = offsets.tolist()
    raw = data.tobytes()
    if not ends or ends[0] != 0 or ends[-1] != len(raw) or any(a > b for a, b in zip(ends, ends[1:])):
        raise BundleError(f"{what}.offsets: expected a rise from 0 to {len(raw)}, the bytes of {what}.bytes")
    try:
        return [raw[begin:end].decode() for begin, end in zip(ends, ends[1:])]
    except UnicodeDecodeError as error:
        raise BundleError(f"{what}.bytes: {error}") from None
