"""Mappings between ids and matrix rows, from pickle, joblib, JSON or CSV, in either direction.

The rules are those of `kindred pack --legacy` (core/packing/mapping.h): {"<id>": row, …}, {row: "<id>", …} or
["<id of row 0>", …]; which side has the rows is told by the numbers.
"""
from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import zlib
from pathlib import Path
from typing import Any, Iterable

import numpy as np

from kindred._ids import MAX_ID_BYTES, shown
from kindred.legacy._errors import LegacyError, Limits
from kindred.legacy._pickle import load

_ROW_NAMES = ("index", "idx", "row", "position")
_ROW = re.compile(r"[0-9]{1,19}\Z")
Pair = tuple  # (first, second, where)


def read_mapping(path: str | os.PathLike[str], rows: int | None = None, limits: Limits = Limits()) -> list[str]:
    """The id of each matrix row. `rows`: how many the matrix has; None: as many as the file has entries.

    LegacyError naming file and entry when a row is missing, out of range or given twice, an id is given twice, empty or
    too long, and when the direction cannot be told.
    """
    path = Path(path)
    if not path.is_file():
        raise LegacyError(f"{path}: not found")
    if path.name.endswith((".csv", ".csv.gz")):
        return _from_csv(path, rows)
    if path.suffix == ".json":
        return _from_data(path, _load_json(path), rows)
    return _from_data(path, load(path, limits), rows)


def _load_json(path: Path) -> Any:
    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            keys = [key for key, _ in pairs]
            raise LegacyError(f"{path}: key {shown(next(key for key in keys if keys.count(key) > 1))} stands twice")
        return made

    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=distinct)
    except (ValueError, RecursionError) as error:
        if isinstance(error, LegacyError):
            raise
        raise LegacyError(f"{path}: is not valid JSON: {error}") from None


def _entry(value: Any) -> str | None:
    """An id or row number as text; None when it is neither."""
    if isinstance(value, bytes):  # Python 2
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _from_data(path: Path, data: Any, rows: int | None) -> list[str]:
    if isinstance(data, np.ndarray):
        if data.ndim != 1 or data.dtype.kind not in "iuSU":
            raise LegacyError(f"{path}: found an array of shape {data.shape} and type {data.dtype}, expected a vector of ids")
        data = data.tolist()
    if isinstance(data, (list, tuple)) and 1 <= len(data) <= 2 and all(isinstance(each, dict) for each in data):
        return _both_ways(path, list(enumerate(data)), rows)
    if isinstance(data, (list, tuple)):
        pairs = []
        for row, value in enumerate(data):
            if (text := _entry(value)) is None:
                raise LegacyError(f"{path}: entry {row} is {shown(value)}, expected an id")
            pairs.append((str(row), text, f"entry {row}"))
        return _place(path, pairs, 0, rows)
    if not isinstance(data, dict):
        raise LegacyError(f"{path}: found {shown(data)}, expected {{id: row, …}}, {{row: id, …}} or [id, …]")
    if 1 <= len(data) <= 2 and all(isinstance(each, dict) for each in data.values()):
        return _both_ways(path, [(shown(key), value) for key, value in data.items()], rows)
    pairs = []
    numbers = True
    for key, value in data.items():
        key_text, value_text = _entry(key), _entry(value)
        if key_text is None or value_text is None:
            raise LegacyError(f"{path}, key {shown(key)}: found {shown(key if key_text is None else value)}, expected an id "
                              "or a row number, as text or integer")
        numbers = numbers and isinstance(value, int)
        pairs.append((key_text, value_text, f"key {shown(key)}"))
    key_rows, value_rows = _is_rows(pairs, 0), _is_rows(pairs, 1)
    if key_rows and value_rows and numbers and all(isinstance(key, (str, bytes)) for key in data):
        key_rows = all(first == second for first, second, _ in pairs)  # text keys are ids when values are integers
    if key_rows and value_rows and numbers and any(first != second for first, second, _ in pairs):
        raise LegacyError(f"{path}: keys and values both number the rows 0 to n − 1, so it cannot be told which are the ids; "
                          "write the ids as a list in the order of the rows instead")
    if not numbers and (key_rows or _all_numbers(pairs, 0)):
        return _place(path, pairs, 0, rows)
    return _place(path, pairs, 0 if key_rows and not value_rows else 1, rows)


def _both_ways(path: Path, parts: list[tuple[Any, dict[Any, Any]]], rows: int | None) -> list[str]:
    """{'id_to_row': {…}, 'row_to_id': {…}}: the two must say the same."""
    read = [_from_data(path, part, rows) for _, part in parts]
    for name, other in zip(parts[1:], read[1:]):
        if other != read[0]:
            raise LegacyError(f"{path}: its mappings {parts[0][0]} and {name[0]} disagree, expected one the inverse of the other")
    return read[0]


def _is_rows(pairs: list[Pair], side: int) -> bool:
    """Whether one side of all pairs is exactly 0 … n−1 in some order."""
    met = bytearray(len(pairs))
    for pair in pairs:
        if not _ROW.match(pair[side]) or (row := int(pair[side])) >= len(met) or met[row]:
            return False
        met[row] = 1
    return True


def _all_numbers(pairs: list[Pair], side: int) -> bool:
    return all(_ROW.match(pair[side]) for pair in pairs)


def _place(path: Path, pairs: list[Pair], row_side: int, rows: int | None) -> list[str]:
    rows = len(pairs) if rows is None else rows
    ids: list[str | None] = [None] * rows
    seen: set[str] = set()
    for pair in pairs:
        row_text, identity, where = pair[row_side], pair[1 - row_side], f"{path}, {pair[2]}"
        if not _ROW.match(row_text) or int(row_text) >= rows:
            raise LegacyError(f"{where}: found row {shown(row_text)}, expected a number below {rows}, the rows of the matrix")
        row = int(row_text)
        if ids[row] is not None:
            raise LegacyError(f"{where}: row {row} is given a second time")
        if not identity:
            raise LegacyError(f"{where}: row {row} has an empty id")
        try:
            size = len(identity.encode())
        except UnicodeEncodeError:
            raise LegacyError(f"{where}: the id {shown(identity)} cannot be written as UTF-8") from None
        if size > MAX_ID_BYTES:
            raise LegacyError(f"{where}: the id {shown(identity)} has {size} bytes, expected at most {MAX_ID_BYTES}")
        if identity in seen:
            raise LegacyError(f"{where}: the id {shown(identity)} is given a second time")
        seen.add(identity)
        ids[row] = identity
    if len(pairs) != rows:
        raise LegacyError(f"{path}: has {len(pairs)} entries, expected {rows}, the rows of the matrix; "
                          f"row {ids.index(None)} has no id")
    return ids  # type: ignore[return-value]


def read_csv(path: Path) -> Iterable[list[str]]:
    """The records of a CSV file, gzipped or not; LegacyError when it cannot be read."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as raw:
            yield from csv.reader(io.TextIOWrapper(raw, encoding="utf-8-sig", newline=""), strict=True)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise LegacyError(f"{path}: cannot be read as CSV in UTF-8: {error}") from None


def _from_csv(path: Path, rows: int | None) -> list[str]:
    records = [(record, line) for line, record in enumerate(read_csv(path), 1) if record]
    if not records:
        raise LegacyError(f"{path}: is empty, expected two columns: ids and row numbers")
    for record, line in records:
        if len(record) != 2:
            raise LegacyError(f"{path}, line {line}: has {len(record)} columns, expected two: ids and row numbers")
    header = records[0][0]
    headless = any(_ROW.match(name) for name in header)
    pairs = [(record[0], record[1], f"line {line}") for record, line in (records if headless else records[1:])]
    named = [not headless and any(name.lower() == word or name.lower().endswith(f"_{word}") for word in _ROW_NAMES)
             for name in header]
    if named[0] != named[1]:
        return _place(path, pairs, 0 if named[0] else 1, rows)
    first, second = _is_rows(pairs, 0), _is_rows(pairs, 1)
    if first and second and any(pair[0] != pair[1] for pair in pairs):
        raise LegacyError(f"{path}: both columns number the rows 0 to n − 1, so it cannot be told which one holds the ids; "
                          "name the column with row numbers 'index' in the header")
    if first == second:
        first = _all_numbers(pairs, 0) and not _all_numbers(pairs, 1)
    return _place(path, pairs, 0 if first else 1, rows)
