"""Frames of factors: one row an item or user, or one row a factor."""
from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from kindred._ids import BundleError, shown
from kindred._rows import Rows, make
from kindred.bundle import Bundle, Space


def from_pandas(items: Any, users: Any = None, *, seen: Any = None, item_info: Any = None, long: bool = False,
                name_column: str | None = None, category_columns: Sequence[str] = (),
                attribute_columns: Sequence[str] = (), space: str = "default", family: str = "external",
                fold_in: str = "ridge", fold_in_lambda: float = 0.0, fold_in_alpha: float | None = None,
                transform: str = "identity", metric: str = "dot", prior_weight: float = 0.0, **members: Any) -> Bundle:
    """Factors from frames.

    items, users: index = ids, a column for each factor; the columns of `users` are those of `items`, in any order. With
    long=True, a row for each factor instead: three columns id, factor, value, in this order, every pair once.
    seen: columns user, item and, if there is a third, weight; equal pairs are added up. A row of an unknown user or item
    is an error that names it.
    item_info: index = item ids (all of `items` or more); name_column, category_columns and attribute_columns say what
    of it goes into the bundle.
    """
    if long:
        items, users = _wide(items, "items"), None if users is None else _wide(users, "users")
    item_ids = list(items.index)
    columns = list(items.columns)
    made = Space(items=_factors(items, columns, "items"), family=family, fold_in=fold_in, fold_in_lambda=fold_in_lambda,
                 fold_in_alpha=fold_in_alpha, transform=transform, metric=metric, prior_weight=prior_weight)
    user_ids: list[Any] = []
    if users is not None:
        if set(users.columns) != set(columns) or len(users.columns) != len(columns):
            raise BundleError(f"users: has the columns {_some(users.columns)}, expected those of items, {_some(columns)}")
        user_ids = list(users.index)
        made.users = _factors(users, columns, "users")
    bundle = Bundle(item_ids=item_ids, user_ids=user_ids, spaces={space: made}, **members)
    if seen is not None:
        if users is None:
            bundle.user_ids = user_ids = list(dict.fromkeys(seen.iloc[:, 0]))
        bundle.seen = _seen(seen, user_ids, item_ids)
        if bundle.popularity is None:
            bundle.popularity = np.bincount(bundle.seen.values, minlength=len(item_ids)).astype(np.float32)
    if item_info is not None:
        _describe(bundle, item_info, name_column, category_columns, attribute_columns)
    elif name_column or category_columns or attribute_columns:
        raise BundleError("name_column, category_columns, attribute_columns: are columns of item_info, which was not given")
    return bundle


def _some(columns: Any) -> str:
    names = [str(column) for column in columns]
    return ", ".join(names[:6]) + (f", … ({len(names)})" if len(names) > 6 else "")


def _wide(frame: Any, what: str) -> Any:
    if len(frame.columns) != 3:
        raise BundleError(f"{what}: has the columns {_some(frame.columns)}, expected three: id, factor, value")
    identity, factor, value = frame.columns
    twice = frame.duplicated([identity, factor])
    if twice.any():
        row = frame[twice].iloc[0]
        raise BundleError(f"{what}: {shown(row[identity])} has factor {shown(row[factor])} more than once")
    wide = frame.pivot(index=identity, columns=factor, values=value)
    gaps = wide.isna()
    if gaps.to_numpy().any():
        at = np.argwhere(gaps.to_numpy())[0]
        raise BundleError(f"{what}: {shown(wide.index[at[0]])} has no value for factor {shown(wide.columns[at[1]])}")
    return wide


def _factors(frame: Any, columns: list[Any], what: str) -> np.ndarray:
    for column in columns:
        if frame[column].dtype.kind not in "biuf":
            raise BundleError(f"{what}: column {column!r} is of type {frame[column].dtype}, expected numbers; ids belong "
                              f"into the index ({what}.set_index(…))")
    array = frame[columns].to_numpy()
    bad = np.argwhere(~np.isfinite(array.astype(np.float64)))
    if len(bad):
        row, column = bad[0]
        raise BundleError(f"{what}: {shown(frame.index[row])} has {array[row, column]} in column {columns[column]!r}, "
                          "expected a finite number")
    return array


def _seen(frame: Any, user_ids: list[Any], item_ids: list[Any]) -> Rows:
    if len(frame.columns) not in (2, 3):
        raise BundleError(f"seen: has the columns {_some(frame.columns)}, expected user, item and perhaps weight")
    rows = []
    for column, ids, what in ((0, user_ids, "user"), (1, item_ids, "item")):
        row_of = {identity: row for row, identity in enumerate(ids)}
        values = frame.iloc[:, column]
        found = np.array([row_of.get(value, -1) for value in values], np.int64)
        if len(found) and found.min() < 0:
            at = int(np.argmin(found))
            raise BundleError(f"seen, row {at}: found {what} {shown(values.iloc[at])}, expected one of the {what}s' index")
        rows.append(found)
    order = np.argsort(rows[0], kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[0], minlength=len(user_ids)))])
    weights = frame.iloc[:, 2].to_numpy()[order] if len(frame.columns) == 3 else None
    return make(offsets, rows[1][order], weights, len(user_ids), len(item_ids), "seen")


def _describe(bundle: Bundle, info: Any, name: str | None, categories: Sequence[str], attributes: Sequence[str]) -> None:
    for column in [*([name] if name else []), *categories, *attributes]:
        if column not in info.columns:
            raise BundleError(f"item_info: has the columns {_some(info.columns)}, expected {column!r} among them")
    if info.index.duplicated().any():
        raise BundleError(f"item_info: has {shown(info.index[info.index.duplicated()][0])} more than once")
    rows = info.reindex(bundle.item_ids)
    missing = ~rows.index.isin(info.index)
    if missing.any():
        raise BundleError(f"item_info: has no row for item {shown(rows.index[missing][0])}")

    def present(value: Any) -> bool:
        return value is not None and value == value

    if name:
        bundle.names = [str(value) if present(value) else "" for value in rows[name]]
    if categories:
        columns = [rows[column] for column in categories]
        bundle.categories = [[str(value) for value in values if present(value)] for values in zip(*columns)]
    bundle.attributes = {**bundle.attributes, **{column: rows[column].to_numpy(dtype=float) for column in attributes}}
