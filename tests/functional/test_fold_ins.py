"""Every fold-in as a user of the format meets it: bundles written from NumPy as raw safetensors, served, and asked for
trained users and for events with actions and times; NumPy says what must come back."""
import itertools
import json
import pathlib

import numpy as np
import pytest
from safetensors.numpy import save_file

import bundles

ITEMS, USERS, WORDS, EMBEDDING, TRAITS = 40, 8, 25, 6, 3
ACTIONS = {"view": 0.5, "buy": 2.0}
HALF_LIFE = 10.0
DAY = 86_400
ITEM_IDS = [f"p{i}" for i in range(ITEMS)]
TOKENS = [f"view_p{i}" for i in range(30)] + [f"buy_p{i}" for i in range(20)]
CATEGORY = {i: i % 3 for i in range(32)}  # the last items have none

# (item, action, weight, day)
HISTORIES = [
    [("p1", "view", 1, 100), ("p2", "buy", 1, 100), ("p5", "view", 3, 91)],
    [("p3", "buy", 2, 40), ("p3", "view", 1, 50), ("p3", "view", 1, 49), ("p29", "buy", 1, 47), ("p35", "view", 1, 50)],
    [("p0", "view", 1, 9), ("nobody", "buy", 1, 9), ("p8", "buy", 5, 2), ("p11", "other", 1, 8)],
]


def rows_tensors(csr, matrix):
    kept = [np.flatnonzero(row) for row in matrix]
    return {f"{csr}.offsets": np.cumsum([0] + [len(k) for k in kept]).astype(np.int64),
            f"{csr}.values": np.concatenate(kept).astype(np.uint32),
            f"{csr}.weights": np.concatenate([row[k] for row, k in zip(matrix, kept)]).astype(np.float32)}


class Zoo:
    """A model with a space of every fold-in and what NumPy makes of a history in it."""

    def __init__(self):
        random = np.random.default_rng(7)
        normal = lambda *shape: random.normal(size=shape).astype(np.float32)
        self.items = {"implicit": normal(ITEMS, 5), "observed": normal(ITEMS, 4), "ridge": normal(ITEMS, 4),
                      "nnls": np.abs(normal(ITEMS, 4)), "vectors": normal(ITEMS, 5), "tokens": normal(ITEMS, EMBEDDING),
                      "traits": normal(ITEMS, TRAITS)}
        self.sources = normal(ITEMS, 5)
        self.tokens = normal(len(TOKENS), EMBEDDING)
        self.basis = np.abs(normal(TRAITS, EMBEDDING))
        self.average_profile = np.float32([0.5, 0.3, 0.2])
        self.profiles = random.dirichlet(np.ones(TRAITS), USERS).astype(np.float32)
        self.als_users = normal(USERS, 5)
        self.words = np.abs(normal(ITEMS, WORDS)) * (random.random((ITEMS, WORDS)) < 0.2)
        self.words[:, 0] += 0.1  # no item without a word
        self.similar = np.abs(normal(ITEMS, ITEMS)) * (random.random((ITEMS, ITEMS)) < 0.3)
        np.fill_diagonal(self.similar, 0)
        self.seen = (random.random((USERS, ITEMS)) < 0.2) * random.integers(1, 5, (USERS, ITEMS)).astype(np.float32)
        plain = {"actions": ACTIONS, "half_life_days": HALF_LIFE}
        self.specs = {
            "implicit": {"fold_in": "implicit", "fold_in_lambda": 0.1, "fold_in_alpha": 8, "transform": "log1p",
                         "prior_weight": 0.2, **plain},
            "observed": {"fold_in": "observed", "fold_in_lambda": 0.5, **plain},
            "ridge": {"fold_in": "ridge", "fold_in_lambda": 0.1, **plain},
            "nnls": {"fold_in": "nnls", "fold_in_lambda": 0.1, **plain},
            "vectors": {"fold_in": "mean", "metric": "cosine", "transform": "binary"},
            "tokens": {"fold_in": "mean", **plain},
            "traits": {"fold_in": "traits", "prior_weight": 0.1, **plain},
            "words": {"fold_in": "sparse", "dim": WORDS, "metric": "cosine", **plain},
            "neighbors": {"fold_in": "neighbors", "dim": ITEMS, "prior_weight": 0.5, **plain},
            "blend": {"fold_in": "blend", "dim": 5 + TRAITS + 5, "prior_weight": 0.05,
                      "parts": [{"space": "implicit"}, {"space": "traits", "weight": 0.4},
                                {"space": "vectors", "weight": 0.2}]},
        }
        for space, matrix in self.items.items():
            self.specs[space]["dim"] = matrix.shape[1]
        popularity = np.count_nonzero(self.seen, axis=0)
        self.prior = np.log1p(popularity) / np.log1p(popularity.max())
        token_category = [CATEGORY.get(int(t.split("_p")[1])) for t in TOKENS]
        self.category_vectors = [np.mean([v for v, c in zip(self.tokens, token_category) if c == k], axis=0)
                                 for k in range(3)]
        self.action_vectors = {"view": self.tokens[:30].mean(axis=0), "buy": self.tokens[30:].mean(axis=0)}

    def write(self, path):
        tensors = {f"space.{space}.items": matrix for space, matrix in self.items.items()}
        for table, ids in {"items.ids": ITEM_IDS, "users.ids": [f"u{u}" for u in range(USERS)],
                           "categories.ids": ["c0", "c1", "c2"], "actions.ids": list(ACTIONS),
                           "tokens.ids": TOKENS}.items():
            tensors.update(bundles.id_tensors(table, ids))
        tensors.update(rows_tensors("users.seen", self.seen))
        tensors.update(rows_tensors("space.words.rows", self.words))
        tensors.update(rows_tensors("space.neighbors.rows", self.similar))
        tensors["items.categories.offsets"] = np.minimum(np.arange(ITEMS + 1), len(CATEGORY)).astype(np.int64)
        tensors["items.categories.values"] = np.array(list(CATEGORY.values()), np.uint32)
        tensors |= {"space.implicit.users": self.als_users, "space.traits.users": self.profiles,
                    "space.vectors.sources": self.sources, "space.tokens.tokens": self.tokens,
                    "space.traits.tokens": self.tokens, "space.traits.basis": self.basis,
                    "space.traits.average_profile": self.average_profile}
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, str(path), {"kindred.spaces": json.dumps(self.specs), "kindred.default_space": "implicit"})
        return path

    def worth(self, space, history):
        spec = self.specs[space]
        newest = max(day for *_, day in history)
        for item, action, weight, day in history:
            weight *= spec.get("actions", {}).get(action, 1.0)
            if "half_life_days" in spec:
                weight *= 2.0 ** ((day - newest) / spec["half_life_days"])
            yield item, action, weight

    def per_item(self, space, history):
        values = np.zeros(ITEMS)
        for item, _, weight in self.worth(space, history):
            if item in ITEM_IDS:
                values[ITEM_IDS.index(item)] += weight
        return values

    def transformed(self, space, values):
        transform = self.specs[space].get("transform", "identity")
        return {"identity": values, "log1p": np.log1p(values), "binary": (values != 0) * 1.0}[transform]

    def fold(self, space, values):
        """u from one value an item."""
        spec, x, r = self.specs[space], self.items[space].astype(float), self.transformed(space, values)
        touched = np.flatnonzero(values)
        form = x.T @ x + spec.get("fold_in_lambda", 0) * np.eye(x.shape[1])
        if spec["fold_in"] == "ridge":
            return np.linalg.solve(form, x.T @ r)
        if spec["fold_in"] == "nnls":
            return nnls(np.linalg.cholesky(form).T, np.linalg.solve(np.linalg.cholesky(form), x.T @ r))
        if spec["fold_in"] == "implicit":
            c = spec["fold_in_alpha"] * r
            return np.linalg.solve(form + (x.T * c) @ x, x[touched].T @ (1 + c[touched]))
        if spec["fold_in"] == "observed":
            factors, offsets = x[touched, :-1], x[touched, -1]
            u = np.linalg.solve(factors.T @ factors + spec["fold_in_lambda"] * np.eye(factors.shape[1]),
                                factors.T @ (r[touched] - offsets))
            return np.append(u, 1.0)
        return r @ self.sources / r.sum()

    def token_mean(self, space, history):
        vectors, weights = [], []
        for item, action, weight in self.worth(space, history):
            index = ITEM_IDS.index(item) if item in ITEM_IDS else None
            if f"{action}_{item}" in TOKENS:
                vectors.append(self.tokens[TOKENS.index(f"{action}_{item}")])
            elif index in CATEGORY:
                vectors.append(self.category_vectors[CATEGORY[index]])
            elif action in ACTIONS:
                vectors.append(self.action_vectors[action])
            else:
                continue
            weights.append(weight)
        return np.average(vectors, axis=0, weights=weights)

    def profile(self, history):
        e = self.token_mean("traits", history)
        w = nnls(self.basis.T.astype(float), e - e.min() + 1e-6)
        return w / (w.sum() + 1e-6)

    def centred(self, p):
        q = p - self.average_profile
        return q / np.linalg.norm(q @ self.basis)

    def vector(self, space, history):
        if space == "traits":
            return self.centred(self.profile(history))
        if space == "tokens":
            return self.token_mean(space, history)
        return self.fold(space, self.per_item(space, history))

    def trained(self, space, user):
        if space == "implicit":
            return self.als_users[user]
        if space == "traits":
            return self.centred(self.profiles[user])
        if space == "tokens":  # what was seen has no action: each item is the mean of its tokens, else of its category
            vectors = {}
            for item in np.flatnonzero(self.seen[user]):
                own = [v for t, v in zip(TOKENS, self.tokens) if t.endswith(f"_p{item}")]
                if own or item in CATEGORY:
                    vectors[item] = np.mean(own, axis=0) if own else self.category_vectors[CATEGORY[item]]
            return np.average(list(vectors.values()), axis=0, weights=[self.seen[user][item] for item in vectors])
        return self.fold(space, self.seen[user])

    def coefficients(self, space, values):
        r = self.transformed(space, values)
        return r / np.linalg.norm(r @ self.words) if space == "words" else r

    def scores(self, space, u):
        """Of every item: u is a vector, in a space of sparse rows one weight an item, in a blend the parts' vectors."""
        spec = self.specs[space]
        if space == "neighbors":
            metric = u @ self.similar
        elif space == "words":
            metric = (u @ self.words) @ self.words.T / np.linalg.norm(self.words, axis=1)
        elif space == "blend":
            metric = np.zeros(ITEMS)
            for part, vector in zip(spec["parts"], u):
                x = self.items[part["space"]]
                norms = np.linalg.norm(x, axis=1)
                scale = norms if self.specs[part["space"]].get("metric") == "cosine" else np.sqrt(np.mean(norms**2))
                metric += part.get("weight", 1) * (x @ (vector / np.linalg.norm(vector))) / scale
        else:
            x = self.items[space]
            metric = x @ u
            if spec.get("metric") == "cosine":
                metric = metric / (np.linalg.norm(x, axis=1) * np.linalg.norm(u))
        return metric + spec.get("prior_weight", 0) * self.prior

    def history_scores(self, space, history):
        if space in ("words", "neighbors"):
            return self.scores(space, self.coefficients(space, self.per_item(space, history)))
        if space == "blend":
            return self.scores(space, [self.vector(part["space"], history) for part in self.specs[space]["parts"]])
        return self.scores(space, self.vector(space, history))

    def trained_scores(self, space, user):
        if space in ("words", "neighbors"):
            return self.scores(space, self.coefficients(space, self.seen[user]))
        if space == "blend":
            return self.scores(space, [self.trained(part["space"], user) for part in self.specs[space]["parts"]])
        return self.scores(space, self.trained(space, user))


def nnls(a, b):
    """argmin ‖a·w − b‖ over w ≥ 0, by trying every support."""
    best, least = np.zeros(a.shape[1]), np.linalg.norm(b)
    for size in range(1, a.shape[1] + 1):
        for support in map(list, itertools.combinations(range(a.shape[1]), size)):
            w = np.linalg.lstsq(a[:, support], b, rcond=None)[0]
            residual = np.linalg.norm(a[:, support] @ w - b)
            if (w >= 0).all() and residual < least:
                least, best = residual, np.zeros(a.shape[1])
                best[support] = w
    return best


ZOO = Zoo()
SPACES = list(ZOO.specs)


@pytest.fixture
def api(server, channel, stubs, tmp_path, kindred):
    """The zoo served twice: as it was written, and packed."""
    raw = ZOO.write(tmp_path / "models/raw/1/bundle.safetensors")
    packed = tmp_path / "models/packed/1/bundle.safetensors"
    packed.parent.mkdir(parents=True)
    result = kindred("pack", "--in", raw, "--out", packed, "--model", "packed", "--model-version", "1")
    assert result.returncode == 0, result.stderr
    result = kindred("verify", packed)
    assert result.returncode == 0 and "VALID" in result.stdout, result.stdout + result.stderr
    stub = stubs.Stub(channel(server(tmp_path / "models").address))
    stub.packed = pathlib.Path(packed)
    return stub


def inline(stubs, history):
    events = stubs.pb.EventList()
    for item, action, weight, day in history:
        event = events.events.add(item_id=item, action=action, weight=weight)
        event.time.seconds = day * DAY
    return stubs.pb.Subject(events=events)


def expect_top_10(response, scores, excluded=()):
    order = [int(i) for i in np.lexsort((np.arange(ITEMS), -scores)) if i not in excluded]
    assert [item.item_id for item in response.items] == [ITEM_IDS[i] for i in order[:10]]
    for item, i in zip(response.items, order):
        assert item.score == pytest.approx(scores[i], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("model", ["raw", "packed"])
def test_every_space_answers_as_numpy(api, stubs, model):
    pb = stubs.pb
    for space in SPACES:
        for history in HISTORIES:
            response = api.Recommend(pb.RecommendRequest(model=model, subject=inline(stubs, history), space=space,
                                                         include_seen=True, explain=True), timeout=10)
            assert response.source == pb.ANSWER_SOURCE_INLINE_EVENTS, space
            expect_top_10(response, ZOO.history_scores(space, history))
            for item in response.items:
                assert sum(term.value for term in item.terms) + item.prior == pytest.approx(item.score, rel=1e-4, abs=1e-5)
        for user in range(USERS):
            response = api.Recommend(pb.RecommendRequest(model=model, subject=pb.Subject(user_id=f"u{user}"), space=space),
                                     timeout=10)
            assert response.source == pb.ANSWER_SOURCE_TRAINED_VECTOR, space
            expect_top_10(response, ZOO.trained_scores(space, user), set(np.flatnonzero(ZOO.seen[user])))


def test_stored_events_count_by_action_and_age(api, stubs):
    """UpdateProfile keeps actions and times, and a stranger's next answer is that of the same events inline."""
    pb = stubs.pb
    history = HISTORIES[1]
    api.UpdateProfile(pb.UpdateProfileRequest(user_id="stranger", events=inline(stubs, history).events.events), timeout=10)
    for space in SPACES:
        response = api.Recommend(pb.RecommendRequest(model="packed", subject=pb.Subject(user_id="stranger"), space=space,
                                                     include_seen=True), timeout=10)
        assert response.source == pb.ANSWER_SOURCE_LIVE_PROFILE, space
        expect_top_10(response, ZOO.history_scores(space, history))
    profile = api.GetProfile(pb.GetProfileRequest(model="packed", user_id="stranger", space="traits"), timeout=10)
    shown = np.zeros(TRAITS)
    for trait in profile.traits:
        shown[trait.trait] = trait.weight
    np.testing.assert_allclose(shown, ZOO.profile(history), rtol=1e-4, atol=1e-6)


def test_explanations_of_sparse_rows_name_what_was_touched(api, stubs):
    pb = stubs.pb
    for space in ("words", "neighbors"):
        response = api.Recommend(pb.RecommendRequest(model="raw", subject=inline(stubs, HISTORIES[0]), space=space,
                                                     explain=True), timeout=10)
        labels = {term.label for item in response.items for term in item.terms}
        assert labels and labels <= {"p1", "p2", "p5"}


def test_inspect_says_what_each_space_is(api, kindred):
    result = kindred("inspect", api.packed)
    assert result.returncode == 0, result.stderr
    for text in ("0.4 * traits", "alpha 8", "buy counts 2", "half-life 10 days", "neighbors", "non-zeros"):
        assert text in result.stdout, result.stdout
