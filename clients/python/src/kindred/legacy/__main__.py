"""python -m kindred.legacy: convert a folder, or one mapping."""
from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from kindred._ids import BundleError
from kindred.legacy._folder import convert
from kindred.legacy._mapping import read_mapping


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m kindred.legacy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    folder = commands.add_parser("convert", help="a legacy model folder → a raw bundle; executes nothing of any file")
    folder.add_argument("folder", help="with user_latent_factors.npy, item_latent_factors.npy, customer_mapping.pkl, …")
    folder.add_argument("--out", required=True, help="the bundle to write")
    folder.add_argument("--model", help="name of the model")
    folder.add_argument("--model-version", help="its version")
    folder.add_argument("--neighbors", type=int, default=100, help="similar items to keep of each (default 100)")
    mapping = commands.add_parser("mapping", help="a mapping in pickle or joblib → JSON, the ids in the order of the rows")
    mapping.add_argument("file")
    mapping.add_argument("--out", required=True, help="the JSON file to write")
    given = parser.parse_args(arguments)
    try:
        if given.command == "mapping":
            ids = read_mapping(given.file)
            temporary = Path(f"{given.out}.tmp")
            temporary.write_text(json.dumps(ids, ensure_ascii=False) + "\n", encoding="utf-8")
            os.replace(temporary, given.out)
            print(f"{given.out}: {len(ids):,} ids")
            return 0
        done = convert(given.folder, given.out, model=given.model, version=given.model_version, neighbors=given.neighbors)
        print("\n".join(done.notes))
        spaces = ", ".join(done.bundle.spaces)
        print(f"{given.out}: {len(done.bundle.item_ids):,} items, {len(done.bundle.user_ids):,} users, spaces {spaces}")
        return 0
    except (BundleError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
