"""Write, read and describe model bundles (docs/bundle_format.md).

    kindred.bundle.write("bundle.safetensors", items=items, item_ids=ids)   # a raw bundle, ready to serve or to pack
    kindred.bundle.info("bundle.safetensors")                              # reads the header only
    kindred.bundle.read("bundle.safetensors").spaces["default"].items      # mapped, not copied
"""
from __future__ import annotations

import datetime
import json
import os
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Sequence

import numpy as np

from kindred import _file, _ids, _lists, _rows
from kindred._ids import BundleError
from kindred._rows import Rows
from kindred._space import Sizes, Space, finite_rows, matrix, tensors_and_spec, text

__all__ = ["Bundle", "BundleError", "Info", "Rows", "Space", "info", "read", "write"]

_ATTRIBUTE_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_VECTOR_PARTS = ("items", "users", "average", "sources", "tokens", "basis", "average_profile", "category_vectors",
                 "action_vectors")
_SPEC_MEMBERS = ("family", "fold_in", "fold_in_lambda", "fold_in_alpha", "transform", "metric", "prior_weight", "actions",
                 "half_life_days", "parts")


@dataclass
class Bundle:
    """Everything that a bundle file has, but for what Kindred derives from it.

    item_ids, user_ids: strings or integers, 1 to 1024 bytes of UTF-8, distinct; row numbers below are places in them.
    seen: what each user has, left out of answers: scipy.sparse [n_users × n_items], a list of item rows for each user,
    or {user id: [item ids]} / {user id: {item id: weight}}. seen_weights: one for each entry of `seen`, in the form of
    the lists or flat; True takes the values of a sparse `seen`.
    recommendations: lists made before, for users who have nothing else to be answered by: {user id: [item ids by rank]},
    {user id: [(item id, score), …] by rank} or {user id: {item id: score}}; finite scores that never rise, distinct items.
    categories: one name, a list of names or None for each item. attributes: {name: [n_items] numbers, NaN = unknown}.
    popularity, prior: [n_items], finite and ≥ 0.
    """

    item_ids: Sequence[Any]
    spaces: dict[str, Space] = field(default_factory=dict)
    user_ids: Sequence[Any] = ()
    seen: Any = None
    seen_weights: Any = None
    recommendations: Any = None
    names: Sequence[str] | None = None
    categories: Sequence[Any] | None = None
    category_ids: Sequence[str] | None = None  # their order, when something (category_vectors) depends on it
    attributes: Mapping[str, Any] = field(default_factory=dict)
    popularity: Any = None
    prior: Any = None
    token_ids: Sequence[str] = ()
    action_ids: Sequence[str] = ()
    default_space: str | None = None
    model: str | None = None
    version: str | None = None
    source: str | None = None
    created_at: str | None = None  # RFC 3339 in UTC; None: now
    training: Any = None  # any JSON, for people
    sealed: bool = False  # whether the file that this was read from is packed by Kindred
    verified: bool = False  # … and its checksums were compared

    def write(self, path: str | os.PathLike[str]) -> None:
        """Checks everything and writes a raw bundle; a file at `path` is replaced only by a whole one.

        BundleError, naming the argument and the place in it, when something does not fit. OSError from the disk.
        """
        tensors, metadata = self._content()
        _file.write(path, tensors, metadata)

    def _content(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        item_ids = _ids.id_list(self.item_ids, "item_ids")
        user_ids = _ids.id_list(self.user_ids, "user_ids")
        token_ids = _ids.id_list(self.token_ids, "token_ids")
        action_ids = _ids.id_list(self.action_ids, "action_ids")
        n_items, n_users = len(item_ids), len(user_ids)
        if n_items == 0:
            raise BundleError("item_ids: is empty, expected at least one item")
        tensors: dict[str, np.ndarray] = {}

        def put_ids(table: str, ids: list[str]) -> None:
            tensors[f"{table}.bytes"], tensors[f"{table}.offsets"] = _ids.encode(ids)

        put_ids("items.ids", item_ids)
        for table, ids in (("users.ids", user_ids), ("tokens.ids", token_ids), ("actions.ids", action_ids)):
            if ids:
                put_ids(table, ids)
        if self.names is not None:
            names = _ids.id_list(["" if name is None else name for name in self.names], "names", names=True)
            if len(names) != n_items:
                raise BundleError(f"names: has {len(names)} entries, expected {n_items}, one for each item")
            put_ids("items.names", names)
        category_ids = self._put_categories(n_items, tensors)
        if category_ids:
            put_ids("categories.ids", category_ids)
        self._put_seen(user_ids, item_ids, tensors)
        if self.recommendations is not None:
            lists = _lists.make(self.recommendations, user_ids, item_ids)
            for part in ("offsets", "values", "weights"):
                tensors[f"users.recommendations.{part}"] = getattr(lists, part)
        for name, values in (("popularity", self.popularity), ("prior", self.prior)):
            if values is not None:
                tensors[f"items.{name}"] = array = matrix(values, (n_items,), name)
                finite_rows(array, name, low=0)
        for name, values in self.attributes.items():
            if not 1 <= len(name) <= 64 or not _ATTRIBUTE_CHARACTERS.issuperset(name):
                raise BundleError(f"attributes: found the name {name!r}, expected 1 to 64 of A-Z a-z 0-9 _ . -")
            array = np.asarray(values)
            if array.dtype.kind not in "biuf" or array.shape != (n_items,):
                raise BundleError(f"attributes[{name!r}]: is {array.dtype} of shape {list(array.shape)}, expected "
                                  f"numbers of shape [{n_items}], NaN for unknown")
            tensors[f"items.attr.{name}"] = array = np.ascontiguousarray(array, np.float32)
            finite_rows(array, f"attributes[{name!r}]", nan=True)

        sizes = Sizes(n_items, n_users, len(category_ids), len(token_ids), len(action_ids))
        metadata = self._put_spaces(sizes, tensors)
        return tensors, metadata

    def _put_categories(self, n_items: int, tensors: dict[str, np.ndarray]) -> list[str]:
        known = _ids.id_list(self.category_ids or (), "category_ids")
        if self.categories is None:
            return known
        if len(self.categories) != n_items:
            raise BundleError(f"categories: has {len(self.categories)} entries, expected {n_items}, one for each item")
        rows: dict[str, int] = {category: row for row, category in enumerate(known)}
        lists: list[list[int]] = []
        for item, value in enumerate(self.categories):
            of_item = [] if value is None or value != value else [value] if _ids.id_text(value) is not None else list(value)
            lists.append([])
            for category in of_item:
                (name,) = _ids.id_list([category], f"categories[{item}]")
                lists[-1].append(rows.setdefault(name, len(rows)))
        csr = _rows.from_lists(lists, None, n_items, max(1, len(rows)), "categories")
        if rows:
            tensors["items.categories.offsets"], tensors["items.categories.values"] = csr.offsets, csr.values
        return list(rows)

    def _put_seen(self, user_ids: list[str], item_ids: list[str], tensors: dict[str, np.ndarray]) -> None:
        if self.seen is None:
            if self.seen_weights is not None:
                raise BundleError("seen_weights: given without `seen`")
            return
        shape = len(user_ids), len(item_ids)
        if not user_ids:
            raise BundleError("seen: given without user_ids")
        weights = None if self.seen_weights is True or self.seen_weights is False else self.seen_weights
        if isinstance(self.seen, Rows):
            if self.seen_weights is True or self.seen_weights is None:
                weights = self.seen.weights
            rows = _rows.make(self.seen.offsets, self.seen.values, weights, *shape, "seen")
        elif _rows.is_sparse(self.seen):
            csr = self.seen.tocsr()
            if tuple(csr.shape) != shape:
                raise BundleError(f"seen: has shape {tuple(csr.shape)}, expected {shape}, users × items")
            rows = _rows.make(csr.indptr, csr.indices, csr.data if self.seen_weights is True else weights, *shape, "seen")
        elif isinstance(self.seen, Mapping):
            if weights is not None:
                raise BundleError("seen_weights: give them in `seen` itself, as {user id: {item id: weight}}")
            rows = _rows.from_ids(self.seen, user_ids, item_ids, "seen")
        else:
            rows = _rows.from_lists(self.seen, weights, *shape, "seen")
        tensors["users.seen.offsets"], tensors["users.seen.values"] = rows.offsets, rows.values
        if rows.weights is not None:
            tensors["users.seen.weights"] = rows.weights

    def _put_spaces(self, sizes: Sizes, tensors: dict[str, np.ndarray]) -> dict[str, str]:
        if not self.spaces:
            raise BundleError("there is no space, expected `items` or at least one entry in `spaces`")
        specs: dict[str, Any] = {}
        for name, space in self.spaces.items():
            of_space, specs[name] = tensors_and_spec(name, space, sizes)
            tensors.update(of_space)
        for name, spec in specs.items():
            if spec["fold_in"] != "blend":
                continue
            for part in spec.get("parts", ()):
                if part["space"] not in specs or specs[part["space"]]["fold_in"] == "blend":
                    raise BundleError(f"space {name!r}, parts: found {part['space']!r}, expected another, unblended space")
                spec["dim"] += specs[part["space"]]["dim"]
        default = self.default_space or ("default" if "default" in specs else next(iter(specs)))
        if default not in specs:
            raise BundleError(f"default_space: found {default!r}, expected one of {', '.join(specs)}")
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata = {"kindred.format": "1", "kindred.spaces": json.dumps(specs, allow_nan=False),
                    "kindred.default_space": default, "kindred.created_at": text(self.created_at or now, "created_at", 64)}
        for key in ("model", "version", "source"):
            value = getattr(self, key)
            if value is not None:
                metadata[f"kindred.{key}"] = text(value, key, 256)
        if self.training is not None:
            metadata["kindred.training"] = json.dumps(self.training, allow_nan=False)
        return metadata


def write(path: str | os.PathLike[str], *, item_ids: Iterable[Any], items: Any = None, users: Any = None,
          user_ids: Iterable[Any] = (), space: str = "default", fold_in: str = "ridge", fold_in_lambda: float = 0.0,
          fold_in_alpha: float | None = None, transform: str = "identity", metric: str = "dot",
          prior_weight: float = 0.0, family: str = "external", average: Any = None,
          actions: Mapping[str, float] | None = None, half_life_days: float = 0.0,
          spaces: Mapping[str, Space] | None = None, seen: Any = None, seen_weights: Any = None,
          recommendations: Any = None,
          names: Sequence[str] | None = None, categories: Sequence[Any] | None = None,
          attributes: Mapping[str, Any] | None = None, popularity: Any = None, prior: Any = None,
          default_space: str | None = None, model: str | None = None, version: str | None = None,
          source: str | None = None, created_at: str | None = None, training: Any = None) -> None:
    """Writes a raw bundle of your factors: `items` [n_items × d] and, if you have them, `users` [n_users × d].

    `items` … `half_life_days` describe one space, called `space`; `spaces` adds more (or all of them). The other
    arguments are members of Bundle; errors are those of Bundle.write.
    """
    every: dict[str, Space] = {}
    if items is not None:
        every[space] = Space(items=items, users=users, family=family, fold_in=fold_in, fold_in_lambda=fold_in_lambda,
                             fold_in_alpha=fold_in_alpha, transform=transform, metric=metric, prior_weight=prior_weight,
                             actions=actions or {}, half_life_days=half_life_days, average=average)
    elif users is not None:
        raise BundleError("users: given without `items`")
    for name, each in (spaces or {}).items():
        if name in every:
            raise BundleError(f"spaces: has {name!r}, which is also the name of the space of `items`; set `space`")
        every[name] = each
    Bundle(item_ids=_ids.as_sequence(item_ids), spaces=every, user_ids=_ids.as_sequence(user_ids), seen=seen,
           seen_weights=seen_weights, recommendations=recommendations, names=names, categories=categories,
           attributes=attributes or {}, popularity=popularity, prior=prior,
           default_space=default_space, model=model, version=version, source=source, created_at=created_at,
           training=training).write(path)


@dataclass
class Info:
    """What the header of a bundle says."""

    path: str
    sealed: bool
    model: str
    version: str
    source: str
    created_at: str
    digest: str
    users: int
    items: int
    categories: int
    interactions: int
    recommendations: int
    default_space: str
    spaces: dict[str, dict[str, Any]]
    training: Any
    tensors: dict[str, tuple[str, tuple[int, ...]]]  # name → (dtype, shape)
    size_bytes: int


def info(path: str | os.PathLike[str]) -> Info:
    """Describes a bundle by its header, whatever its size; BundleError when `path` is not one."""
    return _info(_file.Header(path))


def _info(header: _file.Header) -> Info:
    shapes = {name: (entry["dtype"], tuple(entry["shape"])) for name, entry in header.tensors.items()}
    if header.metadata.get("kindred.format", "1") != "1":
        raise BundleError(f"{header.path}: is of format {header.metadata['kindred.format']!r}, expected 1")

    def rows(name: str, less: int) -> int:
        return max(0, shapes[name][1][0] - less) if name in shapes and len(shapes[name][1]) == 1 else 0

    spaces = header.json("kindred.spaces")
    if spaces is None:
        spaces = {name[6:-6]: {"family": "external", "dim": shape[-1]} for name, (_, shape) in shapes.items()
                  if name.startswith("space.") and name.endswith(".items")}
    n_items = rows("items.ids.offsets", 1)
    if n_items == 0 or not spaces:
        raise BundleError(f"{header.path}: has no {'items.ids.offsets' if n_items == 0 else 'space'}, so it is not a bundle")
    default = "default" if "default" in spaces else min(spaces)
    text_of = header.metadata.get
    return Info(path=str(header.path), sealed=header.sealed, model=text_of("kindred.model", ""),
                version=text_of("kindred.version", ""), source=text_of("kindred.source", ""),
                created_at=text_of("kindred.created_at", ""), digest=text_of("kindred.digest", ""),
                users=rows("users.ids.offsets", 1), items=n_items, categories=rows("categories.ids.offsets", 1),
                interactions=rows("users.seen.values", 0), recommendations=rows("users.recommendations.values", 0),
                default_space=text_of("kindred.default_space", default),
                spaces=spaces, training=header.json("kindred.training"), tensors=shapes,
                size_bytes=header.path.stat().st_size)


def read(path: str | os.PathLike[str], *, verify: bool = True) -> Bundle:
    """A bundle's content, its matrices mapped from the file (read-only) and not copied.

    The seal of a packed bundle is compared when `xxhash` is installed, unless verify=False; `verified` says whether it
    was. BundleError when the file is not a bundle or is damaged.
    """
    header = _file.Header(path)
    about = _info(header)
    arrays = header.arrays()
    verified = verify and header.check_seal(arrays)

    def ids(table: str) -> list[str]:
        if f"{table}.offsets" not in arrays or f"{table}.bytes" not in arrays:
            return []
        return _ids.decode(arrays[f"{table}.bytes"], arrays[f"{table}.offsets"], table)

    def ragged(prefix: str) -> Rows | None:
        if f"{prefix}.offsets" not in arrays:
            return None
        return Rows(arrays[f"{prefix}.offsets"], arrays[f"{prefix}.values"], arrays.get(f"{prefix}.weights"))

    spaces: dict[str, Space] = {}
    for name, spec in about.spaces.items():
        space = Space(**{member: spec[member] for member in _SPEC_MEMBERS if member in spec}, dim=int(spec["dim"]))
        space.rows = ragged(f"space.{name}.rows")
        for part in _VECTOR_PARTS:
            if spec.get("fold_in") == "blend" and part == "items":
                continue  # derived
            setattr(space, part, arrays.get(f"space.{name}.{part}"))
        spaces[name] = space
    category_ids = ids("categories.ids")
    of_items = ragged("items.categories")
    return Bundle(
        item_ids=ids("items.ids"), spaces=spaces, user_ids=ids("users.ids"), seen=ragged("users.seen"),
        recommendations=ragged("users.recommendations"),
        names=ids("items.names") or None, category_ids=category_ids or None,
        categories=None if of_items is None else [[category_ids[c] for c in row] for row in of_items],
        attributes={name[len("items.attr."):]: array for name, array in arrays.items() if name.startswith("items.attr.")},
        popularity=arrays.get("items.popularity"), prior=arrays.get("items.prior"), token_ids=ids("tokens.ids"),
        action_ids=ids("actions.ids"), default_space=about.default_space, model=about.model or None,
        version=about.version or None, source=about.source or None, created_at=about.created_at or None,
        training=about.training, sealed=about.sealed, verified=verified)
