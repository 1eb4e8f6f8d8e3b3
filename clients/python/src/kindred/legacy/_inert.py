"""What stands in for the objects of a pickle: names and plain data. Nothing here runs code of the file or imports for it."""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# (module, name) → what the reader makes of it. Anything else is refused. Modules moved over the versions of a library.
_NUMPY_CORE = ("numpy.core", "numpy._core")
ALLOWED: dict[tuple[str, str], str] = {
    ("collections", "OrderedDict"): "dict",
    ("collections", "defaultdict"): "defaultdict",
    ("builtins", "set"): "set", ("__builtin__", "set"): "set",
    ("builtins", "frozenset"): "set", ("__builtin__", "frozenset"): "set",
    ("builtins", "bytes"): "bytes", ("__builtin__", "bytes"): "bytes",
    ("_codecs", "encode"): "encode",
    ("copyreg", "_reconstructor"): "reconstructor", ("copy_reg", "_reconstructor"): "reconstructor",
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    **{(f"{core}.multiarray", "_reconstruct"): "array" for core in _NUMPY_CORE},
    **{(f"{core}.multiarray", "scalar"): "scalar" for core in _NUMPY_CORE},
    **{(f"{core}.numeric", "_frombuffer"): "frombuffer" for core in _NUMPY_CORE},
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): "joblib",
    ("sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper"): "joblib",
    **{(module, "csr_matrix"): "state" for module in ("scipy.sparse.csr", "scipy.sparse._csr", "scipy.sparse")},
    **{(module, "csr_array"): "state" for module in ("scipy.sparse._csr", "scipy.sparse._arrays", "scipy.sparse")},
    **{(module, "dia_matrix"): "state" for module in ("scipy.sparse.dia", "scipy.sparse._dia", "scipy.sparse")},
    **{("sklearn.feature_extraction.text", name): "state"
       for name in ("TfidfVectorizer", "TfidfTransformer", "CountVectorizer")},
    **{(module, "StandardScaler"): "state" for module in ("sklearn.preprocessing.data", "sklearn.preprocessing._data")},
    # Types that stand in the state of the above as values; they are never called.
    **{(module, name): "type" for module in ("builtins", "__builtin__")
       for name in ("int", "long", "float", "str", "unicode", "list", "dict", "bool", "object")},
    **{("numpy", name): "type" for name in ("float64", "float32", "int64", "int32", "bool_", "str_")},
}
ALLOWED_IN_WORDS = ("dict, list, tuple, set, str, bytes, int, float, bool, None, OrderedDict, defaultdict, NumPy arrays and "
                    "scalars, scipy.sparse csr matrices, and the state of TfidfVectorizer and StandardScaler")


@dataclass(frozen=True)
class Name:
    """A class or function that the file names: a label, not the thing."""

    module: str
    name: str
    use: str  # of ALLOWED

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass
class State:
    """An object of an allowed class: its attributes, as data."""

    type: str
    attributes: dict[str, Any] = field(default_factory=dict)


_DTYPE = re.compile(r"[<>|=]?([biufSUO])(\d{0,9})\Z")


@dataclass
class DType:
    """A NumPy type under construction: code such as f8, and byte order."""

    code: str
    order: str = "="

    def numpy(self) -> np.dtype[Any] | None:
        """None for Python objects."""
        return None if self.code.startswith("O") else np.dtype(("" if self.order == "|" else self.order) + self.code)


def as_text(value: Any) -> Any:
    """Python 2 wrote names as bytes."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def parse_dtype(code: Any) -> DType | None:
    """The types of plain data: bool, integers, floats, fixed-size text, objects; None for all others."""
    code = as_text(code)
    match = _DTYPE.match(code) if isinstance(code, str) else None
    if match is None or (match[1] in "SU" and not 0 < int(match[2] or 0) <= 4096):
        return None
    order = code[0] if code[0] in "<>" else "="
    try:
        made = DType(match[1] + match[2], order)
        made.numpy()
        return made
    except TypeError:
        return None


@dataclass
class Array:
    """A NumPy array under construction; `value` once its bytes have come."""

    value: Any = None


def make_array(shape: Any, dtype: DType, fortran: bool, raw: Any) -> Any:
    """An ndarray, or a list for a vector of Python objects. ValueError, saying what, when the parts do not fit."""
    if not isinstance(shape, tuple) or len(shape) > 4 or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        raise ValueError("an array whose shape is not a tuple of at most 4 sizes")
    count = 1
    for extent in shape:
        count *= extent
    kind = dtype.numpy()
    if kind is None:
        if not isinstance(raw, list) or len(shape) != 1 or len(raw) != count:
            raise ValueError("an array of Python objects that is not a vector with all its values")
        return raw
    if isinstance(raw, str):  # protocol 0 of Python 2
        raw = raw.encode("latin-1")
    if not isinstance(raw, (bytes, bytearray)) or len(raw) != count * kind.itemsize:
        have = len(raw) if isinstance(raw, (bytes, bytearray)) else 0
        raise ValueError(f"an array of shape {shape} and type {kind} with {have:,} bytes of data, "
                         f"expected {count * kind.itemsize:,}")
    array = np.frombuffer(raw, kind) if count else np.empty(0, kind)
    return array.reshape(shape, order="F" if fortran else "C")
