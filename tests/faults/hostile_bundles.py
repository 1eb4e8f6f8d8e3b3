"""Bundles whose checksums and digest fit and whose content no honest packer writes: {name: (file, what the refusal names)}."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import numpy as np

import sealed_file
from model_bundles import SPACE
from sealed_file import SealedFile

HUGE = [2**63 - 1, 2**63, 2**64 - 1, 2**62, 2**61 + 1]
NOT_FINITE = {"NaN": np.nan, "infinity": np.inf, "-infinity": -np.inf}
Hostile = dict[str, tuple[bytes, list[str]]]


def hostile_bundles(path: pathlib.Path) -> Hostile:
    """Of a good sealed bundle, each case with one thing wrong."""
    made: Hostile = {}

    def add(name: str, change: Callable[[SealedFile], None], *named: str, at: tuple[str, int] | None = None) -> None:
        """`at`: tensor and byte within it that the refusal must name too."""
        file = sealed_file.read(path)
        change(file)
        content = file.seal()
        where = [] if at is None else [f'"{at[0]}"', f"byte {file.file_offset(at[0]) + at[1]}"]
        made[name] = (content, [*named, *where])

    add_numbers(sealed_file.read(path), add)
    add_indices(sealed_file.read(path), add)
    add_offsets(sealed_file.read(path), add)
    add_shapes(sealed_file.read(path), add)
    add_metadata(sealed_file.read(path), add)
    return made


def setter(name: str, place: int, value: float) -> Callable[[SealedFile], None]:
    def change(file: SealedFile) -> None:
        array = file.tensors[name].array()
        array.reshape(-1)[place] = value
        file.tensors[name].put(array)

    return change


def add_numbers(good: SealedFile, add: Callable) -> None:
    """A number that is not finite, first, in the middle and last, in every tensor of numbers."""
    for name, tensor in good.tensors.items():
        array = tensor.array()
        if array.dtype.kind != "f" or name.startswith("items.attr."):
            continue
        for place in sorted({0, array.size // 2, array.size - 1}):
            for text, value in NOT_FINITE.items():
                add(f"{text} in {name} at {place}", setter(name, place, value), at=(name, place * array.itemsize))
        if name.endswith((".scales", ".bounds", ".inverse_norms")) or name in ("items.popularity", "items.prior"):
            add(f"less than 0 in {name}", setter(name, 1, -1.0), at=(name, array.itemsize))


def add_indices(good: SealedFile, add: Callable) -> None:
    """Indices past what they count, in a list and in a hash index."""
    n_items = len(good.tensors["items.ids.offsets"].array()) - 1
    for name, tensor in good.tensors.items():
        array = tensor.array()
        if array.dtype == np.uint32:
            for value in (n_items if not name.endswith(".columns") else 2**32 - 1, 2**32 - 1, 2**31):
                add(f"{value} in {name}", setter(name, array.size - 1, value), f'"{name}"')
        if name.endswith(".ids.index"):
            used = int(np.flatnonzero(array[:, 0])[0])
            add(f"row out of range in {name}", setter(name, 2 * used, int(array[used, 0]) | 0xFFFFFFFF), f'"{name}"')
            add(f"place out of range in {name}", setter(name, 2 * used + 1, (2**64 - 1)), f'"{name}"')
            add(f"no empty slot in {name}", filled(name), f'"{name}"')
    add("users.seen.values not ascending", setter("users.seen.values", 1, 0), '"users.seen.values"')
    add("items.popularity_order with an item twice", twice("items.popularity_order"), '"items.popularity_order"')


def filled(name: str) -> Callable[[SealedFile], None]:
    """Without an empty slot a look-up of what is not there would go around for ever."""

    def change(file: SealedFile) -> None:
        array = file.tensors[name].array()
        array[array[:, 0] == 0] = array[array[:, 0] != 0][0]
        file.tensors[name].put(array)

    return change


def twice(name: str) -> Callable[[SealedFile], None]:
    def change(file: SealedFile) -> None:
        array = file.tensors[name].array()
        array[1] = array[0]
        file.tensors[name].put(array)

    return change


def add_offsets(good: SealedFile, add: Callable) -> None:
    """Row offsets that fall, that start behind 0, that end elsewhere, that are below 0 or near 2⁶³."""
    for name, tensor in good.tensors.items():
        if not name.endswith(".offsets"):
            continue
        size = tensor.array().size
        for place, value in ((0, 1), (1, -1), (1, -2**63), (1, 2**63 - 1), (size // 2, 0 if size > 2 else -1),
                             (size - 1, 2**63 - 1), (size - 1, 2**62), (size - 1, -1)):
            add(f"{value} at {place} of {name}", setter(name, place, value), name.removesuffix(".offsets"))


def add_shapes(good: SealedFile, add: Callable) -> None:
    """Headers that state other shapes and offsets than are there, up to sizes whose product overflows."""

    def stating(name: str, **members: object) -> Callable[[SealedFile], None]:
        return lambda file: file.tensors[name].stated.update(members)

    items = f"space.{SPACE}.items"
    for name in (items, "items.ids.bytes", "users.seen.offsets"):
        begin, end = 0, len(good.tensors[name].data)
        shape = good.tensors[name].entry["shape"]
        for huge in HUGE:
            add(f"shape {huge} of {name}", stating(name, shape=[huge, *shape[1:]]), name)
            add(f"end {huge} of {name}", stating(name, data_offsets=[begin, huge]), name)
            add(f"begin {huge} of {name}", stating(name, data_offsets=[huge, end]), name)
            add(f"begin and end {huge} of {name}", stating(name, data_offsets=[huge, huge]), name)
        add(f"2^64 in the shape of {name}", stating(name, shape=[2**64, *shape[1:]]), "header")
        add(f"shape below 0 of {name}", stating(name, shape=[-1, *shape[1:]]), "header")
        add(f"a product of 2^64 in the shape of {name}", stating(name, shape=[2**32, 2**32]), name)
        add(f"0 rows of {name}", stating(name, shape=[0, *shape[1:]]), name)
        add(f"an unknown type of {name}", stating(name, dtype="F16"), name)
        add(f"five dimensions of {name}", stating(name, shape=[1, 1, 1, 1, *shape]), "header")
    for name, tensor in good.tensors.items():
        if len(tensor.entry["shape"]) == 2 and tensor.entry["shape"][0] > 1:
            add(f"a row less of {name}", shorter(name), name.rpartition(".")[0].removesuffix(".ids"))


def shorter(name: str) -> Callable[[SealedFile], None]:
    return lambda file: file.tensors[name].put(file.tensors[name].array()[:-1])


def add_metadata(good: SealedFile, add: Callable) -> None:
    """Spaces that do not agree with the tensors, and blends that go around."""

    def stating(key: str, value: object) -> Callable[[SealedFile], None]:
        return lambda file: file.metadata.update({key: value if isinstance(value, str) else json.dumps(value)})

    spaces = json.loads(good.metadata["kindred.spaces"])
    space = spaces[SPACE]
    for huge in HUGE:
        add(f"dim {huge}", stating("kindred.spaces", {SPACE: {**space, "dim": huge}}), "kindred.spaces")
        add(f"{huge} items counted", stating("kindred.counts", {"items": huge}), "kindred.counts")
    add("dim 0", stating("kindred.spaces", {SPACE: {**space, "dim": 0}}), "kindred.spaces")
    blend = {"dim": space["dim"], "fold_in": "blend"}
    for name, parts in (("itself", ["loop"]), ("an unknown space", ["nothing"]), ("nothing", []),
                        ("one space twice", [SPACE, SPACE])):
        listed = [{"space": part} for part in parts]
        add(f"a blend of {name}", stating("kindred.spaces", {**spaces, "loop": {**blend, "parts": listed}}), "kindred.spaces")
    around = {name: {**blend, "parts": [{"space": other}]} for name, other in (("here", "there"), ("there", "here"))}
    add("two blends of each other", stating("kindred.spaces", {**spaces, **around}), "kindred.spaces")
    add("weight without end", stating("kindred.spaces", {**spaces, "loop": {**blend, "parts": [
        {"space": SPACE, "weight": 1e300}]}}), "kindred.spaces")
    add("a default space that is not there", stating("kindred.default_space", "nowhere"), "kindred.default_space")
    add("a later format", stating("kindred.format", "2"), "kindred.format")
    add("an unknown key", stating("kindred.surprise", "1"), "kindred.surprise")
    add("spaces that are no JSON", stating("kindred.spaces", "{" * 10_000), "kindred.spaces")
    for text in ("{}", "[]", "{" * 5_000, '{"queries":[{"kind":"user"}]}', '{"queries":[{"kind":"similar","space":"' + SPACE +
                 '","item":"item-0","k":18446744073709551615,"expected":[]}]}'):
        add(f"golden queries {text[:20]}", golden(text), "golden")


def golden(text: str) -> Callable[[SealedFile], None]:
    return lambda file: file.tensors["golden.queries"].put(np.frombuffer(text.encode(), np.uint8))
