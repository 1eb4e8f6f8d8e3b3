"""Each adapter against its library: the served top 10 is the library's own, and so is the fold-in of new users.

The libraries are those of the bench environment: scripts/python_env.sh bench tests/bench/requirements.txt.
"""
import csv
import gzip
import pathlib

import numpy as np
import pytest

from kindred import adapters, bundle
from kindred.bundle import BundleError

REPO = pathlib.Path(__file__).resolve().parent.parent.parent.parent
HOW = "is not installed: scripts/python_env.sh bench tests/bench/requirements.txt"


def library(name):
    return pytest.importorskip(name, reason=f"{name} {HOW}")


@pytest.fixture(scope="module")
def groceries():
    """(users, items, R): the 300 most active households of the sample and what 40 or more of them buy, as counts."""
    sparse = library("scipy.sparse")
    with gzip.open(REPO / "tests/data/completejourney/transactions.csv.gz", "rt", newline="") as file:
        pairs = [(row["household_id"], row["product_id"]) for row in csv.DictReader(file)]
    users = sorted({user for user, _ in pairs})
    items = sorted({item for _, item in pairs})
    user_of, item_of = {u: i for i, u in enumerate(users)}, {p: i for i, p in enumerate(items)}
    counts = sparse.coo_matrix((np.ones(len(pairs), np.float32), ([user_of[u] for u, _ in pairs], [item_of[p] for _, p in pairs])),
                               shape=(len(users), len(items))).tocsr()
    rows = np.argsort(-np.diff(counts.indptr), kind="stable")[:300]
    counts = counts[rows]
    columns = np.flatnonzero(np.bincount(counts.indices, minlength=len(items)) >= 40)
    counts = counts[:, columns]
    counts.sort_indices()
    assert counts.shape[1] >= 50
    return [users[row] for row in rows], [items[column] for column in columns], counts


@pytest.fixture
def written(tmp_path, kindred_cli, serve):
    """written(made) → ask, after `kindred verify`."""

    def run(made):
        path = tmp_path / "check.safetensors"
        made.write(path)
        result = kindred_cli("verify", path)
        said = result.stdout + result.stderr
        assert result.returncode == 0 and result.stdout.startswith("VALID"), said
        return serve(made.write)

    return run


def served(ask, *arguments):
    items = ask("recommend", "-k", "10", *arguments)["items"]
    return [item["item_id"] for item in items], np.array([item["score"] for item in items])


def same_ranking(found, scores, expected, expected_scores, tolerance=2e-4):
    """Equal lists, but for items whose scores are closer to each other than the arithmetic is exact."""
    expected_scores = np.asarray(expected_scores, float)
    scale = max(1e-9, np.abs(expected_scores).max())
    np.testing.assert_allclose(scores, expected_scores, atol=tolerance * scale)
    of = dict(zip(expected, expected_scores))
    for at, (item, want) in enumerate(zip(found, expected)):
        if item != want:
            close = of.get(item, expected_scores[-1])
            assert abs(close - expected_scores[at]) <= 2 * tolerance * scale, (found, expected)


def events(counts, items, user):
    arguments = []
    for column, value in zip(counts[user].indices, counts[user].data):
        arguments += ["--event", f"{items[column]}:{value:g}"]
    return arguments


def top(scores, seen, items, n=10):
    scores = np.array(scores, float)
    scores[seen] = -np.inf
    best = np.argsort(-scores, kind="stable")[:n]
    return [items[i] for i in best], scores[best]


def binary(counts):
    ones = counts.copy()
    ones.data[:] = 1
    return ones


@pytest.mark.parametrize("weights, alpha", [("counts", 8.0), ("ones", 20.0), ("ones", 1.0)])
def test_implicit_als(groceries, written, weights, alpha):
    als = library("implicit.als")
    users, items, counts = groceries
    matrix = counts if weights == "counts" else binary(counts)
    model = als.AlternatingLeastSquares(factors=16, regularization=0.3, alpha=alpha, iterations=5, random_state=1, use_gpu=False,
                                        num_threads=1)
    model.fit(matrix, show_progress=False)
    made = adapters.from_implicit(model, users, items, matrix, model="mine", version="1")
    space = made.spaces["als"]
    # What the space says to solve: equal to `implicit`'s for one value, and close for counts.
    x = model.item_factors.astype(float)
    kept = 0
    for user in range(40):
        row = matrix[user]
        value = np.ones(len(row.data)) if space.transform == "binary" else row.data
        confidence = 1 + space.fold_in_alpha * value
        a = x.T @ x + space.fold_in_lambda * np.eye(16) + (x[row.indices].T * (confidence - 1)) @ x[row.indices]
        folded = np.linalg.solve(a, confidence @ x[row.indices])
        own = model.recalculate_user(user, row)
        if weights == "ones":
            np.testing.assert_allclose(folded, own, atol=2e-3)
        kept += len(set(top(x @ folded, row.indices, items)[0]) & set(top(x @ own, row.indices, items)[0]))
    assert kept >= (398 if weights == "ones" else 380), f"{kept} of 400 recommendations are the library's"
    ask = written(made)
    for user in (0, 17, 250):
        ids, scores = model.recommend(user, matrix[user], N=10)
        same_ranking(*served(ask, "--user", users[user]), [items[i] for i in ids], scores)
    for user in (0, 17, 250):
        if weights == "counts":
            break
        ids, scores = model.recommend(user, matrix[user], N=10, recalculate_user=True)
        same_ranking(*served(ask, *events(matrix, items, user)), [items[i] for i in ids], scores, 2e-3)


@pytest.mark.parametrize("kind", ["bpr", "lmf"])
def test_implicit_with_biases(groceries, written, kind):
    library("implicit")
    import implicit.bpr
    import implicit.lmf
    users, items, counts = groceries
    factory = (implicit.bpr.BayesianPersonalizedRanking if kind == "bpr" else implicit.lmf.LogisticMatrixFactorization)
    options = {"use_gpu": False} if kind == "bpr" else {}
    model = factory(factors=8, iterations=30, random_state=1, num_threads=1, **options)
    model.fit(counts, show_progress=False)
    made = adapters.from_implicit(model, users, items, counts)
    space = made.spaces[kind]
    assert np.all(np.asarray(space.users)[:, -1] == 1), "a user's last number multiplies the item's offset"
    np.testing.assert_allclose(np.asarray(space.users) @ np.asarray(space.items).T, model.user_factors @ model.item_factors.T,
                               rtol=1e-5, atol=1e-5)
    ask = written(made)
    for user in (0, 17, 250):
        ids, scores = model.recommend(user, counts[user], N=10)
        same_ranking(*served(ask, "--user", users[user]), [items[i] for i in ids], scores)
    for user in (0, 17, 250):
        # The fold-in: offsets aside, ridge over the history.
        x, b = np.asarray(space.items, float)[:, :-1], np.asarray(space.items, float)[:, -1]
        row = counts[user]
        u = np.linalg.solve(x[row.indices].T @ x[row.indices] + np.eye(x.shape[1]), x[row.indices].T @ (row.data - b[row.indices]))
        same_ranking(*served(ask, *events(counts, items, user)), *top(x @ u + b, row.indices, items))


@pytest.mark.parametrize("name", ["CosineRecommender", "TFIDFRecommender", "BM25Recommender"])
def test_implicit_item_item(groceries, written, name):
    nearest = library("implicit.nearest_neighbours")
    users, items, counts = groceries
    model = getattr(nearest, name)(K=20, num_threads=1)
    model.fit(counts, show_progress=False)
    made = adapters.from_implicit(model, users, items, counts)
    (space,) = made.spaces.values()
    for user in range(20):
        expected, scores = model.recommend(user, counts[user], N=10)
        ours = np.asarray((counts[user] @ space.rows).todense()).ravel()
        found = top(ours, counts[user].indices, list(range(len(items))), len(expected))
        same_ranking(found[0], found[1], list(expected), scores, 1e-5)
    ask = written(made)
    for user in (0, 17, 250):
        expected, scores = model.recommend(user, counts[user], N=10)
        same_ranking(*served(ask, *events(counts, items, user)), [items[i] for i in expected], scores)
        same_ranking(*served(ask, "--user", users[user]), [items[i] for i in expected], scores)


@pytest.mark.parametrize("kind", ["svd", "nmf", "nmf_penalized"])
def test_sklearn(groceries, written, kind):
    decomposition = library("sklearn.decomposition")
    users, items, counts = groceries
    if kind == "svd":
        model = decomposition.TruncatedSVD(12, algorithm="arpack", random_state=1)
    else:
        penalty = {"alpha_W": 0.002, "alpha_H": 0.0} if kind == "nmf_penalized" else {}
        model = decomposition.NMF(8, init="nndsvda", random_state=1, max_iter=2000, tol=1e-7, **penalty)
    trained = model.fit_transform(counts)
    made = adapters.from_sklearn(model, users, items, counts, users=trained)
    (space,) = made.spaces.values()
    assert space.fold_in_lambda == pytest.approx(0.002 * len(items) if kind == "nmf_penalized" else 0)
    ask = written(made)
    for user in (0, 17, 250):
        own = trained[user] @ model.components_
        same_ranking(*served(ask, "--user", users[user]), *top(own, counts[user].indices, items), 1e-4)
        folded = model.transform(counts[user])[0] @ model.components_
        same_ranking(*served(ask, *events(counts, items, user)), *top(folded, counts[user].indices, items), 2e-3)
    assert np.allclose(adapters.from_sklearn(model, users, items, counts).spaces[space.family].users, model.transform(counts))


def test_sklearn_refuses_what_it_cannot_fold_in(groceries):
    decomposition = library("sklearn.decomposition")
    users, items, counts = groceries
    with pytest.raises(BundleError, match="beta_loss is 'kullback-leibler'"):
        adapters.from_sklearn(decomposition.NMF(2, solver="mu", beta_loss="kullback-leibler", max_iter=1, init="random").fit(
            counts.toarray() + 1e-3), users, items)
    with pytest.raises(BundleError, match="l1_ratio"):
        adapters.from_sklearn(decomposition.NMF(2, alpha_W=0.1, l1_ratio=0.5, max_iter=3).fit(counts), users, items)
    with pytest.raises(BundleError, match="fit it first"):
        adapters.from_sklearn(decomposition.NMF(2), users, items)
    with pytest.raises(BundleError, match="expected a TruncatedSVD"):
        adapters.from_sklearn(object(), users, items)


@pytest.fixture(scope="module")
def word2vec(groceries):
    models = library("gensim.models")
    users, items, counts = groceries
    sentences = [[items[i] for i in counts[user].indices] for user in range(len(users))]
    model = models.Word2Vec(sentences, vector_size=16, window=5, min_count=1, sg=1, negative=5, epochs=5, seed=1, workers=1)
    return model, dict(zip(users, sentences))


def test_gensim_cosine(word2vec, written):
    model, histories = word2vec
    made = adapters.from_gensim(model, histories)
    assert made.popularity.sum() == sum(map(len, histories.values()))
    ask = written(made)
    for user in list(histories)[:3]:
        history = histories[user]
        expected, scores = zip(*model.wv.most_similar(positive=history, topn=10))
        for arguments in (["--user", user], [part for item in history for part in ("--event", item)]):
            same_ranking(*served(ask, *arguments), list(expected), scores, 1e-5)
    expected, scores = zip(*model.wv.most_similar(history[0], topn=10))
    answer = ask("similar", "--item", history[0], "-k", "10")["items"]
    same_ranking([item["item_id"] for item in answer], [item["score"] for item in answer], list(expected), scores, 1e-5)
    assert adapters.from_gensim(model.wv).item_ids == made.item_ids


def test_gensim_output_vectors(word2vec, written):
    model, histories = word2vec
    made = adapters.from_gensim(model, scoring="output")
    user, history = next(iter(histories.items()))
    words = dict(model.predict_output_word(history[:3], topn=len(model.wv)))
    rows = {item: row for row, item in enumerate(made.item_ids)}
    space = made.spaces["item2vec"]
    scores = np.asarray(space.items) @ np.asarray(space.sources)[[rows[item] for item in history[:3]]].mean(axis=0)
    ranked = sorted(words, key=lambda word: -words[word])
    ours = [made.item_ids[i] for i in np.argsort(-scores)]
    assert ours[:10] == ranked[:10]
    ask = written(made)
    seen = [rows[item] for item in history[:3]]
    same_ranking(*served(ask, *[part for item in history[:3] for part in ("--event", item)]), *top(scores, seen, made.item_ids))
    with pytest.raises(BundleError, match="whole Word2Vec model"):
        adapters.from_gensim(model.wv, scoring="output")
    with pytest.raises(BundleError, match="expected a Word2Vec"):
        adapters.from_gensim({})


def test_pandas(tmp_path, kindred_cli, serve):
    pandas = library("pandas")
    rng = np.random.default_rng(5)
    items = pandas.DataFrame(rng.normal(size=(40, 3)), index=[f"i{n}" for n in range(40)], columns=["x", "y", "z"])
    users = pandas.DataFrame(rng.normal(size=(5, 3)), index=range(5), columns=["x", "y", "z"])[["z", "x", "y"]]
    seen = pandas.DataFrame({"user": [0, 0, 3, 0], "item": ["i1", "i2", "i3", "i1"], "weight": [1, 2, 3, 4.5]})
    info = pandas.DataFrame({"name": ["Thing", None] * 20, "shop": ["a", "b", "c", None] * 10, "price": [1, np.nan] * 20},
                            index=items.index[::-1])
    made = adapters.from_pandas(items, users, seen=seen, item_info=info, name_column="name", category_columns=["shop"],
                                attribute_columns=["price"])
    path = tmp_path / "b.safetensors"
    made.write(path)
    read = bundle.read(path)
    assert read.user_ids == ["0", "1", "2", "3", "4"] and read.names[0] == "" and read.names[1] == "Thing"
    assert read.categories[0] == [] and read.categories[1] == ["c"]
    assert list(read.seen[0]) == [1, 2] and list(read.popularity[:4]) == [0, 1, 1, 1]
    np.testing.assert_array_equal(read.attributes["price"][:2], [np.nan, 1])
    np.testing.assert_allclose(read.spaces["default"].users, users[["x", "y", "z"]].to_numpy(), rtol=1e-6)

    ask = serve(adapters.from_pandas(items, users).write)
    expected = (items @ users.loc[3]).nlargest(10)
    same_ranking(*served(ask, "--user", "3"), list(expected.index), expected.to_numpy(), 1e-5)

    long = items.rename_axis("id").reset_index().melt("id")
    np.testing.assert_array_equal(
        np.asarray(adapters.from_pandas(long, long=True).spaces["default"].items), items.sort_index().to_numpy())
    for wrong, says in [
        (lambda: adapters.from_pandas(long[1:], long=True), "'i0' has no value for factor 'x'"),
        (lambda: adapters.from_pandas(pandas.concat([long, long[:1]]), long=True), "'i0' has factor 'x' more than once"),
        (lambda: adapters.from_pandas(items, users.drop(columns="x")), "users: has the columns z, y, expected those of items"),
        (lambda: adapters.from_pandas(items.reset_index()), "column 'index' is of type"),
        (lambda: adapters.from_pandas(items.assign(x=[np.nan] + [1] * 39)), "'i0' has nan in column 'x'"),
        (lambda: adapters.from_pandas(items, users, seen=seen.assign(item="gone")), "seen, row 0: found item 'gone'"),
        (lambda: adapters.from_pandas(items, item_info=info[1:], name_column="name"), "item_info: has no row for item 'i39'"),
        (lambda: adapters.from_pandas(items, item_info=info, name_column="title"), "expected 'title' among them"),
    ]:
        with pytest.raises(BundleError, match=says):
            wrong()


def test_legacy_files_of_the_real_libraries(tmp_path, groceries):
    """What joblib, scikit-learn and scipy write is read without any of them."""
    joblib = library("joblib")
    from kindred.legacy import load, read_mapping
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import StandardScaler
    from kindred.legacy import convert
    users, items, counts = groceries
    mapping = {item: row for row, item in enumerate(items)}
    for compress in (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)):
        path = tmp_path / "m.joblib"
        joblib.dump(mapping, path, compress=compress)
        assert read_mapping(path, len(items)) == items, compress
        joblib.dump({"c": np.arange(6.0).reshape(2, 3), "f": np.asfortranarray(np.arange(6).reshape(2, 3)),
                     "o": np.array(items[:3], object), "s": np.float32(2)}, path, compress=compress)
        read = load(path)
        np.testing.assert_array_equal(read["c"], np.arange(6.0).reshape(2, 3))
        np.testing.assert_array_equal(read["f"], np.arange(6).reshape(2, 3))
        assert read["o"] == items[:3] and read["s"] == 2
    joblib.dump(counts, tmp_path / "csr.joblib")
    state = load(tmp_path / "csr.joblib").attributes
    np.testing.assert_array_equal(state["indptr"], counts.indptr)
    np.testing.assert_array_equal(state["data"], counts.data)

    root = tmp_path / "legacy"
    root.mkdir()
    np.save(root / "user_latent_factors.npy", np.ones((len(users), 2)))
    np.save(root / "item_latent_factors.npy", np.ones((len(items), 2)))
    joblib.dump({user: row for row, user in enumerate(users)}, root / "customer_mapping.pkl")
    joblib.dump(mapping, root / "item_mapping.pkl", compress=True)
    texts = [f"red green word{i % 7}" for i in range(50)]
    vectorizer = TfidfVectorizer(stop_words="english").fit(texts)
    joblib.dump(vectorizer, root / "tfidf_vectorizer.pkl")
    joblib.dump(StandardScaler().fit(np.arange(10.0).reshape(-1, 1)), root / "price_scaler.pkl")
    done = convert(root)
    assert done.bundle.training["legacy"]["tfidf_vectorizer"] == {
        "terms": 9, "mean_idf": round(float(vectorizer.idf_.mean()), 6)}
    assert done.bundle.training["legacy"]["price_scaler"]["mean_"] == [4.5]
