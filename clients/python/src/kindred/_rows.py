"""Ragged rows of column numbers with optional weights: what users have seen, categories of items, sparse spaces."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

import numpy as np

from kindred._ids import BundleError, id_text, shown


@dataclass
class Rows:
    """Row i has the columns values[offsets[i]:offsets[i + 1]], ascending and distinct, with weights beside them."""

    offsets: np.ndarray  # I64 [n + 1]
    values: np.ndarray  # U32 [nnz]
    weights: np.ndarray | None = None  # F32 [nnz]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> np.ndarray:
        if not 0 <= row < len(self):
            raise IndexError(row)
        return self.values[self.offsets[row]:self.offsets[row + 1]]

    def to_csr(self, columns: int) -> Any:
        """As a scipy.sparse.csr_matrix [n × columns]; 1 where there are no weights."""
        from scipy.sparse import csr_matrix

        weights = np.ones(len(self.values), np.float32) if self.weights is None else self.weights
        return csr_matrix((weights, self.values, self.offsets), shape=(len(self), columns))


def is_sparse(value: Any) -> bool:
    """Whether `value` is a scipy.sparse matrix or array, of any layout."""
    return hasattr(value, "tocsr") and hasattr(value, "shape")


def make(offsets: Any, values: Any, weights: Any, n_rows: int, n_columns: int, what: str) -> Rows:
    """Checks, sorts each row, and adds up the weights of what stands twice in a row."""
    offsets = np.asarray(offsets, np.int64)
    values = np.asarray(values)
    if offsets.ndim != 1 or len(offsets) != n_rows + 1:
        raise BundleError(f"{what}: has {max(len(np.atleast_1d(offsets)) - 1, 0)} rows, expected {n_rows}")
    if offsets[0] != 0 or offsets[-1] != len(values) or np.any(np.diff(offsets) < 0):
        raise BundleError(f"{what}: row offsets must rise from 0 to {len(values)}, the number of entries")
    if len(values) and values.dtype.kind not in "iu":
        raise BundleError(f"{what}: columns are of type {values.dtype}, expected integers")
    row_of = np.repeat(np.arange(n_rows), np.diff(offsets))
    bad = np.flatnonzero((values < 0) | (values >= n_columns)) if len(values) else []
    if len(bad):
        raise BundleError(f"{what}, row {row_of[bad[0]]}: found column {values[bad[0]]}, expected 0 to {n_columns - 1}")
    if weights is not None:
        weights = np.asarray(weights)
        if weights.shape != values.shape:
            raise BundleError(f"{what}: weights have shape {weights.shape}, expected {values.shape}, one for each entry")
        if weights.dtype.kind not in "biuf":
            raise BundleError(f"{what}: weights are of type {weights.dtype}, expected numbers")
        weights = weights.astype(np.float64)
        bad = np.flatnonzero(~(np.abs(weights) <= np.finfo(np.float32).max))
        if len(bad):
            raise BundleError(f"{what}, row {row_of[bad[0]]}: found weight {weights[bad[0]]}, expected a finite number")
    values = values.astype(np.int64)
    keys = row_of * np.int64(n_columns) + values
    if len(keys) and np.any(np.diff(keys) <= 0):
        unique, at = np.unique(keys, return_inverse=True)
        if weights is not None:
            weights = np.bincount(at, weights=weights, minlength=len(unique))
        row_of, values = unique // n_columns, unique % n_columns
        offsets = np.concatenate([[0], np.cumsum(np.bincount(row_of, minlength=n_rows))])
    return Rows(offsets.astype(np.int64), values.astype(np.uint32),
                None if weights is None else weights.astype(np.float32))


def from_sparse(matrix: Any, n_rows: int, n_columns: int, what: str, *, weighted: bool) -> Rows:
    """Of a scipy.sparse matrix; its stored entries count, zeros among them too."""
    if tuple(matrix.shape) != (n_rows, n_columns):
        raise BundleError(f"{what}: has shape {tuple(matrix.shape)}, expected ({n_rows}, {n_columns})")
    csr = matrix.tocsr()
    return make(csr.indptr, csr.indices, csr.data if weighted else None, n_rows, n_columns, what)


def from_lists(lists: Sequence[Iterable[int]], weights: Any, n_rows: int, n_columns: int, what: str) -> Rows:
    """Of a list of column numbers for each row, and weights of the same form or flat."""
    rows = [list(row) for row in lists]
    for r, row in enumerate(rows):
        for value in row:
            if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
                raise BundleError(f"{what}, row {r}: found {shown(value)}, expected the row number of an item; "
                                  "give a mapping {user id: [item ids]} to name items by id")
    if weights is not None and len(weights) == len(rows) and not np.isscalar(weights[0] if len(weights) else 0):
        parts = [list(row) for row in weights]
        for r, (row, part) in enumerate(zip(rows, parts)):
            if len(row) != len(part):
                raise BundleError(f"{what}, row {r}: has {len(part)} weights, expected {len(row)}, one for each item")
        weights = [value for part in parts for value in part]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]) if rows else np.zeros(1)
    flat = np.array([int(value) for row in rows for value in row], np.int64)
    return make(offsets, flat, None if weights is None else np.asarray(weights), n_rows, n_columns, what)


def from_ids(mapping: Mapping[Any, Any], user_ids: list[str], item_ids: list[str], what: str) -> Rows:
    """Of {user id: [item ids]} or {user id: {item id: weight}}; users that it does not have have an empty row."""
    users = {user: row for row, user in enumerate(user_ids)}
    items = {item: row for row, item in enumerate(item_ids)}
    rows: list[list[int]] = [[] for _ in user_ids]
    weights: list[list[float]] = [[] for _ in user_ids]
    weighted = bool(mapping) and all(isinstance(row, Mapping) for row in mapping.values())
    for user, row in mapping.items():
        at = users.get(id_text(user) or "")
        if at is None:
            raise BundleError(f"{what}: found user {shown(user)}, expected one of user_ids")
        for item in row:
            column = items.get(id_text(item) or "")
            if column is None:
                raise BundleError(f"{what}, user {shown(user)}: found item {shown(item)}, expected one of item_ids")
            rows[at].append(column)
            if weighted:
                weights[at].append(row[item])
    flat = [value for row in weights for value in row] if weighted else None
    return from_lists(rows, flat, len(user_ids), len(item_ids), what)
