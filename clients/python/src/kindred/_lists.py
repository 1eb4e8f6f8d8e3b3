"""Lists made before: of any users, items by rank with their scores."""
from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from kindred._ids import BundleError, id_text, shown
from kindred._rows import Rows

_WHAT = "recommendations"


def make(value: Any, user_ids: list[str], item_ids: list[str]) -> Rows:
    """Of Rows, or of {user id: list}: a list of item ids by rank (scores: 1/rank), a list of (item id, score) by rank, or
    {item id: score}, which goes by score. Users without a list have an empty row.

    BundleError, naming user and place, when a user or item is unknown, an item stands twice in a list, or a score is
    not finite or higher than the one before it.
    """
    if not user_ids:
        raise BundleError(f"{_WHAT}: given without user_ids")
    if isinstance(value, Rows):
        return checked(value, len(user_ids), len(item_ids))
    if not isinstance(value, Mapping):
        raise BundleError(f"{_WHAT}: found {shown(value)}, expected {{user id: [item ids by rank]}} or "
                          "{user id: {item id: score}}")
    users = {user: row for row, user in enumerate(user_ids)}
    items = {item: row for row, item in enumerate(item_ids)}
    lists: list[list[tuple[Any, Any]]] = [[] for _ in user_ids]
    for user, listed in value.items():
        row = users.get(id_text(user) or "")
        if row is None:
            raise BundleError(f"{_WHAT}: found user {shown(user)}, expected one of user_ids")
        if lists[row]:
            raise BundleError(f"{_WHAT}: found user {shown(user)} a second time")
        lists[row] = _pairs(user, listed)
    columns: list[int] = []
    for user, pairs in zip(user_ids, lists):
        for item, score in pairs:
            column = items.get(id_text(item) or "")
            if column is None:
                raise BundleError(f"{_WHAT}, user {shown(user)}: found item {shown(item)}, expected one of item_ids")
            if isinstance(score, bool) or not isinstance(score, (int, float, np.integer, np.floating)):
                raise BundleError(f"{_WHAT}, user {shown(user)}: found score {shown(score)}, expected a number")
            columns.append(column)
    offsets = np.concatenate([[0], np.cumsum([len(pairs) for pairs in lists])])
    scores = np.array([float(score) for pairs in lists for _, score in pairs])
    return checked(Rows(offsets, np.array(columns, np.int64), scores), len(user_ids), len(item_ids))


def _pairs(user: Any, listed: Any) -> list[tuple[Any, Any]]:
    if isinstance(listed, (str, bytes)):
        raise BundleError(f"{_WHAT}, user {shown(user)}: found one {type(listed).__name__}, expected a list of item ids")
    if isinstance(listed, Mapping):
        pairs = list(listed.items())
        try:
            return sorted(pairs, key=lambda pair: -pair[1])
        except TypeError:
            return pairs  # the check of each score names the one that is no number
    entries = list(listed)
    if entries and all(isinstance(entry, tuple) and len(entry) == 2 for entry in entries):
        return entries
    return [(item, 1 / (place + 1)) for place, item in enumerate(entries)]


def checked(rows: Rows, n_users: int, n_items: int) -> Rows:
    """The rules of docs/bundle_format.md; scores of 1/rank where there are none."""
    offsets, values = np.asarray(rows.offsets, np.int64), np.asarray(rows.values)
    if offsets.ndim != 1 or len(offsets) != n_users + 1:
        raise BundleError(f"{_WHAT}: has {max(len(np.atleast_1d(offsets)) - 1, 0)} rows, expected {n_users}, one for each user")
    if offsets[0] != 0 or offsets[-1] != len(values) or np.any(np.diff(offsets) < 0):
        raise BundleError(f"{_WHAT}: row offsets must rise from 0 to {len(values)}, the number of entries")
    if len(values) and values.dtype.kind not in "iu":
        raise BundleError(f"{_WHAT}: items are of type {values.dtype}, expected integers")
    row_of = np.repeat(np.arange(n_users), np.diff(offsets))
    bad = np.flatnonzero((values < 0) | (values >= n_items)) if len(values) else np.zeros(0, np.int64)
    if len(bad):
        raise BundleError(f"{_WHAT}, row {row_of[bad[0]]}: found item {values[bad[0]]}, expected 0 to {n_items - 1}")
    keys = row_of * np.int64(n_items) + values.astype(np.int64)
    order = np.argsort(keys, kind="stable")
    twice = np.flatnonzero(np.diff(keys[order]) == 0)
    if len(twice):
        at = order[twice[0] + 1]
        raise BundleError(f"{_WHAT}, row {row_of[at]}: found item {values[at]} a second time, expected distinct ones")
    place = np.arange(len(values)) - offsets[row_of] if len(values) else np.zeros(0)
    weights = 1 / (place + 1) if rows.weights is None else np.asarray(rows.weights)
    if weights.shape != values.shape or weights.dtype.kind not in "iuf":
        raise BundleError(f"{_WHAT}: scores are {weights.dtype} of shape {list(weights.shape)}, expected numbers of shape "
                          f"{list(values.shape)}, one for each entry")
    with np.errstate(over="ignore"):
        weights = weights.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(weights))
    if len(bad):
        raise BundleError(f"{_WHAT}, row {row_of[bad[0]]}: found score {weights[bad[0]]}, expected a finite number "
                          "(as a 32-bit float)")
    rises = np.flatnonzero((np.diff(weights) > 0) & (np.diff(row_of) == 0))
    if len(rises):
        at = rises[0] + 1
        raise BundleError(f"{_WHAT}, row {row_of[at]}: found score {weights[at]} after {weights[at - 1]}, expected scores that "
                          "never rise")
    return Rows(offsets, values.astype(np.uint32), weights)
