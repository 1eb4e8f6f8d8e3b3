"""The data sets: where they are, how the product reads them, and the recipes chosen for them.

Every setting was chosen on validation events (the newest fifth of each user's training events), never on test.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

from product import SHARED, largest_prior

# The cut of the protocol: users with at least 5 distinct items, at the 0.8 quantile of their own times.
CUT = ("--kind", "user_quantile", "--quantile", 0.8, "--min-items", 5)
# One moment for all: nobody's training events are later than anybody's test events.
GLOBAL_CUT = ("--kind", "time", "--test-fraction", 0.2)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """input flags: of `kindred split`. keys: of `kindred train --config` for the files that the split writes."""

    name: str
    path: pathlib.Path
    flags: tuple[object, ...]
    keys: dict[str, Any]
    als: dict[str, Any]
    als_all_alike: dict[str, Any]  # the best without a half-life
    item2vec: dict[str, Any]
    item_cosine: dict[str, Any]
    traits: dict[str, Any]
    traits_beta: float  # of log(1 + popularity)
    hybrid: dict[str, float]
    popularity: float  # the protocol's figures, to see that we measure the same thing
    test_users: int
    least_als: float
    least_best: float
    least_traits: float | None

    def traits_recipe(self, train: pathlib.Path) -> dict[str, Any]:
        return {"family": "traits", **self.traits, "prior_weight": round(self.traits_beta * largest_prior(train), 4)}


ONLINE_RETAIL = Dataset(
    name="online_retail",
    path=SHARED / "online-retail" / "online_retail.csv.gz",
    flags=("--user-column", "CustomerID", "--item-column", "StockCode", "--value-column", "none", "--time-column",
           "InvoiceDate", "--session-column", "InvoiceNo", "--keep", "Quantity>0", "--keep", "CustomerID!="),
    keys={"session_column": "session"},
    als={"family": "als", "factors": 128, "regularization": 30, "alpha": 5, "half_life_days": 14, "iterations": 10,
         "prior_weight": 0},
    als_all_alike={"family": "als", "factors": 64, "regularization": 10, "alpha": 0.5, "iterations": 10,
                   "prior_weight": 0},
    item2vec={"family": "item2vec", "factors": 64, "window": 5, "epochs": 10, "sessions": "column",
              "half_life_days": 14, "prior_weight": 0},
    item_cosine={"family": "item_cosine", "half_life_days": 7, "shrinkage": 0, "asymmetry": 0.5,
                 "prior_weight": 0},
    traits={"traits": 48, "half_life_days": 14},
    traits_beta=0.2,
    hybrid={"als": 1, "item2vec": 0.5},
    popularity=0.0232, test_users=1272, least_als=0.062, least_best=0.065, least_traits=0.048,
)

DESKDROP = Dataset(
    name="deskdrop",
    path=SHARED / "deskdrop" / "interactions.csv.gz",
    flags=("--user-column", "personId", "--item-column", "contentId", "--value-column", "none", "--time-column",
           "timestamp", "--action-column", "eventType", "--session-column", "sessionId"),
    keys={"session_column": "session"},
    als={"family": "als", "factors": 64, "regularization": 10, "alpha": 20, "half_life_days": 4, "iterations": 10,
         "prior_weight": 0},
    als_all_alike={"family": "als", "factors": 64, "regularization": 10, "alpha": 10, "iterations": 10,
                   "prior_weight": 0},
    item2vec={"family": "item2vec", "factors": 64, "window": 20, "epochs": 20, "sessions": "user",
              "half_life_days": 14, "prior_weight": 0},
    item_cosine={"family": "item_cosine", "half_life_days": 1, "shrinkage": 10, "asymmetry": 0.7,
                 "prior_weight": 0},
    traits={"traits": 48, "half_life_days": 4},
    traits_beta=0.05,
    hybrid={"als": 1, "item2vec": 0.5},
    popularity=0.0243, test_users=1100, least_als=0.043, least_best=0.065, least_traits=None,
)
