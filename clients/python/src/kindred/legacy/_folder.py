"""A legacy model folder → one bundle."""
from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kindred._ids import MAX_ID_BYTES, shown
from kindred.bundle import Bundle, Rows, Space
from kindred.legacy._errors import LegacyError, Limits
from kindred.legacy._inert import State
from kindred.legacy._mapping import read_csv, read_mapping
from kindred.legacy._pickle import load

_PICKLES = (".pkl", ".pickle", ".joblib")
_MAPPINGS = (".csv", ".csv.gz", ".json", *_PICKLES)
_USER_COLUMNS = ("customer_id", "user_id", "user", "customer")
_ITEM_COLUMNS = ("article_id", "item_id", "product_id", "item", "article")


@dataclass
class Conversion:
    """What came out: the bundle, and a line for each file of the folder that says what was done with it."""

    bundle: Bundle
    notes: list[str] = field(default_factory=list)


def convert(folder: str | os.PathLike[str], out: str | os.PathLike[str] | None = None, *, model: str | None = None,
            version: str | None = None, neighbors: int = 100, limits: Limits = Limits()) -> Conversion:
    """Reads the legacy set of `folder` and, when `out` is given, writes a raw bundle there (whole or not at all).

    user_latent_factors.npy and item_latent_factors.npy with customer_mapping and item_mapping become the space
    `collaborative`; item_similarity.npy the space `item_similarity` (the `neighbors` strongest of each item);
    article_similarity_matrix.npy and article_text_embeddings.npy, with article_id_to_idx, the spaces
    `content_similarity` and `content`. Either half may be missing, not both. Mappings may be pickle, joblib, JSON or CSV.

    LegacyError names the file, what was found in it and what is allowed. No code of any file is executed.
    """
    root = Path(folder)
    if not root.is_dir():
        raise LegacyError(f"{root}: there is no such folder")
    if neighbors < 1:
        raise LegacyError(f"neighbors: found {neighbors}, expected at least 1")
    notes: list[str] = []
    reader = _Reader(root, limits, notes)
    user_factors, item_factors = reader.matrix("user_latent_factors"), reader.matrix("item_latent_factors")
    spaces: dict[str, Space] = {}
    user_ids: list[str] = []
    item_ids: list[str] = []
    if (user_factors is None) != (item_factors is None):
        missing = "user_latent_factors.npy" if user_factors is None else "item_latent_factors.npy"
        raise LegacyError(f"{root}: has no {missing}, which belongs to the other matrix of factors")
    if user_factors is not None and item_factors is not None:
        if user_factors.shape[1] != item_factors.shape[1]:
            raise LegacyError(f"{root}: user_latent_factors.npy has {user_factors.shape[1]} columns and "
                              f"item_latent_factors.npy {item_factors.shape[1]}, expected the same number of factors")
        user_ids = reader.mapping("customer_mapping", len(user_factors))
        item_ids = reader.mapping("item_mapping", len(item_factors))
        spaces["collaborative"] = Space(items=item_factors, users=user_factors)
    articles = reader.articles(item_ids)
    item_ids = item_ids or articles.ids
    if not item_ids:
        raise LegacyError(f"{root}: has neither item_latent_factors.npy nor article_id_to_idx with its matrices: "
                          "nothing to make a bundle of")
    similarity = reader.matrix("item_similarity", square=True)
    if similarity is not None:
        if not spaces or len(similarity) != len(item_ids):
            raise LegacyError(f"{root / 'item_similarity.npy'}: has {len(similarity)} rows, expected those of "
                              f"item_latent_factors.npy, {len(item_ids) if spaces else 'which is missing'}")
        spaces["item_similarity"] = _neighbors(similarity, np.arange(len(item_ids)), len(item_ids), neighbors)
        notes.append(f"item_similarity.npy: the {neighbors} strongest of each item are the space item_similarity")
    articles.add_spaces(item_ids, neighbors, spaces, notes)
    lists = reader.recommendations(user_ids, item_ids)
    if lists is not None:
        user_ids = lists.add_users(user_ids, spaces)
    training = reader.content_models()
    bundle = Bundle(item_ids=item_ids, user_ids=user_ids, spaces=spaces, model=model, version=version,
                    source=root.resolve().name, training=training,
                    recommendations=lists.rows if lists is not None and user_ids else None,
                    default_space="collaborative" if "collaborative" in spaces else next(iter(spaces), None))
    if not spaces:
        raise LegacyError(f"{root}: has ids but no matrix to make a space of")
    for path in sorted(root.iterdir()):
        if path.is_file() and path.name not in reader.read and not path.name.startswith("."):
            notes.append(f"{path.name}: not of the legacy set, left alone")
    if out is not None:
        bundle.write(out)
    return Conversion(bundle, notes)


class _Reader:
    def __init__(self, root: Path, limits: Limits, notes: list[str]) -> None:
        self.root = root
        self.limits = limits
        self.notes = notes
        self.read: set[str] = set()

    def matrix(self, stem: str, *, square: bool = False) -> np.ndarray | None:
        path = self.root / f"{stem}.npy"
        if not path.exists():
            return None
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError, SyntaxError, TypeError) as error:
            raise LegacyError(f"{path}: cannot be read as a .npy matrix of numbers: {error}") from None
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf" or array.ndim != 2 or 0 in array.shape:
            found = f"shape {array.shape} and type {array.dtype}" if isinstance(array, np.ndarray) else "an archive (.npz)"
            raise LegacyError(f"{path}: found {found}, expected a matrix [rows × columns] of real numbers")
        if square and array.shape[0] != array.shape[1]:
            raise LegacyError(f"{path}: has shape {array.shape}, expected as many columns as rows")
        for begin in range(0, len(array), 4096):
            bad = np.argwhere(~np.isfinite(array[begin:begin + 4096]))
            if len(bad):
                row, column = int(bad[0][0]) + begin, int(bad[0][1])
                raise LegacyError(f"{path}: has {array[row, column]} in row {row}, column {column}, expected finite numbers")
        self.read.add(path.name)
        if not square:
            self.notes.append(f"{path.name}: {array.shape[0]:,} × {array.shape[1]:,}")
        return array

    def find(self, stem: str) -> Path | None:
        found = [path for extension in _MAPPINGS if (path := self.root / f"{stem}{extension}").exists()]
        self.read.update(path.name for path in found)
        # A pickle beside its conversion is what it was converted from.
        plain = [path for path in found if path.suffix not in _PICKLES] or found
        if len(plain) > 1:
            raise LegacyError(f"{' and '.join(str(path) for path in plain)} both exist; keep the one that counts")
        return plain[0] if plain else None

    def mapping(self, stem: str, rows: int | None) -> list[str]:
        path = self.find(stem)
        if path is None:
            raise LegacyError(f"{self.root}: has no {stem}.pkl, .joblib, .json or .csv, which says the id of each matrix row")
        ids = read_mapping(path, rows, self.limits)
        self.notes.append(f"{path.name}: {len(ids):,} ids")
        return ids

    def articles(self, item_ids: list[str]) -> "_Articles":
        similarity = self.matrix("article_similarity_matrix", square=True)
        embeddings = self.matrix("article_text_embeddings")
        matrices = [each for each in (similarity, embeddings) if each is not None]
        path = self.find("article_id_to_idx")
        if not matrices:
            if path is not None:
                self.notes.append(f"{path.name}: left out, there is no matrix of articles")
            return _Articles([], None, None)
        if path is None and len(matrices[0]) == len(item_ids):
            raise LegacyError(f"{self.root}: has no article_id_to_idx.pkl, .json or .csv, which says the id of each row of the "
                              "articles' matrices")
        ids = self.mapping("article_id_to_idx", len(matrices[0]))
        if len({len(each) for each in matrices}) > 1:
            raise LegacyError(f"{self.root}: article_similarity_matrix.npy has {len(matrices[0])} rows and "
                              f"article_text_embeddings.npy {len(matrices[1])}, expected the same articles")
        return _Articles(ids, similarity, embeddings)

    def recommendations(self, user_ids: list[str], item_ids: list[str]) -> "_Lists | None":
        """recommendations.csv, by the rules of `kindred pack --legacy` (core/packing/legacy_lists.h)."""
        path = self.root / "recommendations.csv"
        if not path.exists():
            return None
        self.read.add(path.name)
        records = iter(read_csv(path))
        header = next(records, [])
        user = next((header.index(name) for name in _USER_COLUMNS if name in header), None)
        item = next((header.index(name) for name in _ITEM_COLUMNS if name in header), None)
        if user is None or item is None:
            raise LegacyError(f"{path}: has columns {', '.join(header)[:200]}, expected one of customer_id, user_id and one of "
                              "article_id, item_id, product_id")
        numbers = [header.index(name) if name in header else None for name in ("score", "rank")]
        users, items = {name: row for row, name in enumerate(user_ids)}, {name: row for row, name in enumerate(item_ids)}
        entries: list[tuple[int, float, float, int]] = []  # user, −score, rank, item
        count = unknown_items = 0
        for record in records:
            if not record:
                continue
            count += 1
            where = f"{path}, record {count + 1}"
            if len(record) != len(header):
                raise LegacyError(f"{where}: has {len(record)} columns, expected {len(header)}")
            score, rank = (0.0 if at is None else _number(record[at], where, header[at]) for at in numbers)
            if record[item] not in items:
                unknown_items += 1
                continue
            if record[user] not in users and not 1 <= len(record[user].encode()) <= MAX_ID_BYTES:
                raise LegacyError(f"{where}: found user {shown(record[user])}, expected an id of 1 to {MAX_ID_BYTES} bytes")
            entries.append((users.setdefault(record[user], len(users)), -score, rank, items[record[item]]))
        entries.sort(key=lambda entry: entry[:3])
        lists: list[dict[int, float]] = [{} for _ in users]
        for row, score, _, column in entries:
            lists[row].setdefault(column, 1 / (len(lists[row]) + 1) if numbers[0] is None else -score)
        listed = sum(map(len, lists))
        by = "score" if numbers[0] is not None else "rank" if numbers[1] is not None else "the order of the file"
        new_users = list(users)[len(user_ids):]
        self.notes.append(f"{path.name}: {count:,} rows are lists for {sum(map(bool, lists)):,} users, by {by} ({len(new_users):,} "
                          f"users without factors, who get their list; left out: {unknown_items:,} rows of unknown items, "
                          f"{len(entries) - listed:,} of items listed already)")
        rows = Rows(np.cumsum([0, *map(len, lists)]), np.fromiter((i for row in lists for i in row), np.int64, listed),
                    np.fromiter((score for row in lists for score in row.values()), np.float64, listed))
        return _Lists(new_users, rows)

    def content_models(self) -> Any:
        """Vocabulary size and scaling of the content models, for people: a bundle has no text model."""
        about: dict[str, Any] = {}
        for stem, kind in (("tfidf_vectorizer", "TfidfVectorizer"), ("price_scaler", "StandardScaler")):
            path = next((p for extension in _PICKLES if (p := self.root / f"{stem}{extension}").exists()), None)
            if path is None:
                continue
            self.read.add(path.name)
            state = load(path, self.limits)
            if not isinstance(state, State) or not state.type.endswith(f".{kind}"):
                found = state.type if isinstance(state, State) else shown(state)
                raise LegacyError(f"{path}: found {found}, expected a {kind}")
            about[stem] = _vectorizer(path, state) if kind == "TfidfVectorizer" else _scaler(path, state)
            said = ", ".join(f"{name} {value}" for name, value in about[stem].items())
            self.notes.append(f"{path.name}: read as data ({said}); kept as a note, `kindred train content` makes content "
                              "vectors anew")
        return {"legacy": about} if about else None


def _number(text: str, where: str, column: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) <= float(np.finfo(np.float32).max) or "_" in text:
        raise LegacyError(f"{where}: found {shown(text)} as {column}, expected a number")
    return number


@dataclass
class _Lists:
    new_users: list[str]  # with a list and without factors
    rows: Rows  # of all users

    def add_users(self, user_ids: list[str], spaces: dict[str, Space]) -> list[str]:
        """All users; the rows of new ones are zeros, and the average stays that of the others."""
        factors = spaces["collaborative"].users if "collaborative" in spaces else None
        if factors is not None and self.new_users:
            spaces["collaborative"].average = np.mean(np.asarray(factors, np.float32), axis=0, dtype=np.float64)
            zeros = np.zeros((len(self.new_users), factors.shape[1]), np.float32)
            spaces["collaborative"].users = np.concatenate([np.asarray(factors, np.float32), zeros])
        return user_ids + self.new_users


def _vectorizer(path: Path, state: State) -> dict[str, Any]:
    vocabulary = state.attributes.get("vocabulary_")
    if not isinstance(vocabulary, dict):
        raise LegacyError(f"{path}: found no vocabulary_, expected a fitted TfidfVectorizer")
    transformer = state.attributes.get("_tfidf")
    weights = None
    if isinstance(transformer, State):
        weights = transformer.attributes.get("idf_")
        diagonal = transformer.attributes.get("_idf_diag")
        if weights is None and isinstance(diagonal, State):  # scikit-learn before 1.5
            weights = np.ravel(diagonal.attributes.get("data"))
    if not isinstance(weights, np.ndarray) or weights.shape != (len(vocabulary),) or weights.dtype.kind != "f":
        raise LegacyError(f"{path}: found {len(vocabulary)} terms without an idf_ of as many numbers, expected a fitted "
                          "TfidfVectorizer")
    return {"terms": len(vocabulary), "mean_idf": round(float(weights.mean()), 6)}


def _scaler(path: Path, state: State) -> dict[str, Any]:
    said = {}
    for name in ("mean_", "scale_"):
        value = state.attributes.get(name)
        if value is None:
            continue
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not np.isfinite(value).all():
            raise LegacyError(f"{path}: found {shown(value)} as {name}, expected finite numbers")
        said[name] = [float(each) for each in np.ravel(value)[:16]]
    if not said:
        raise LegacyError(f"{path}: found neither mean_ nor scale_, expected a fitted StandardScaler")
    return said


@dataclass
class _Articles:
    ids: list[str]
    similarity: np.ndarray | None
    embeddings: np.ndarray | None

    def add_spaces(self, item_ids: list[str], neighbors: int, spaces: dict[str, Space], notes: list[str]) -> None:
        if not self.ids:
            return
        row_of = {item: row for row, item in enumerate(item_ids)}
        rows = np.array([row_of.get(identity, -1) for identity in self.ids], np.int64)
        left_out = int((rows < 0).sum())
        also = f"; {left_out:,} articles that are no items of item_mapping left out" if left_out else ""
        if self.similarity is not None:
            spaces["content_similarity"] = _neighbors(self.similarity, rows, len(item_ids), neighbors)
            notes.append(f"article_similarity_matrix.npy: the {neighbors} strongest of each article are the space "
                         f"content_similarity{also}")
        if self.embeddings is not None:
            items = np.zeros((len(item_ids), self.embeddings.shape[1]), np.float32)
            items[rows[rows >= 0]] = self.embeddings[rows >= 0]
            spaces["content"] = Space(items=items, fold_in="mean", metric="cosine", family="external")
            notes.append(f"article_text_embeddings.npy: the space content{also}")


def _neighbors(similarity: np.ndarray, rows: np.ndarray, n_items: int, keep: int) -> Space:
    """Of each row its `keep` largest positive similarities to others; row i of the matrix is item rows[i], −1 none."""
    offsets = np.zeros(n_items + 1, np.int64)
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    known = rows >= 0
    for at in np.flatnonzero(known):
        values = np.where(known, similarity[at], 0).astype(np.float32)
        values[at] = 0
        best = np.argpartition(-values, min(keep, len(values)) - 1)[:keep]
        best = best[values[best] > 0]
        columns = rows[best]
        order = np.argsort(columns)
        found[int(rows[at])] = columns[order], values[best][order]
        offsets[rows[at] + 1] = len(best)
    empty: tuple[np.ndarray, np.ndarray] = np.zeros(0, np.int64), np.zeros(0, np.float32)
    parts = [found.get(item, empty) for item in range(n_items)]
    sparse = Rows(np.cumsum(offsets), np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]))
    return Space(rows=sparse, dim=n_items, fold_in="neighbors", family="external")
