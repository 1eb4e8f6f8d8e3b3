#!/usr/bin/env python3
"""Writes the Parquet files of trainer/data's tests; they are kept, this says what is in them (needs pyarrow)."""
import datetime
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).resolve().parent
DAY = datetime.datetime(2017, 1, 7, 23, 15, 32, 125000)
BIG = 2**63 + 1


def write(name, **columns):
    pq.write_table(pa.table(columns), HERE / f"{name}.parquet", row_group_size=2)


# One column of every kind that an id, value or time may have; the third row has nulls.
write("types",
      user_id=pa.array([11, 12, None, 11], pa.int64()),
      user_float=pa.array([11.0, 12.0, None, 11.0], pa.float64()),
      user_unsigned=pa.array([BIG, 12, 13, BIG], pa.uint64()),
      item_id=pa.array(["a", "b,\"ü\"", "a", "c"]).dictionary_encode(),
      item_large=pa.array(["a", "b", "a", "c"], pa.large_string()),
      rating=pa.array([1.5, 2.0, 3.0, 4.0], pa.float32()),
      decimal=pa.array([1, 2, 3, 4], pa.decimal128(10, 2)),
      timestamp=pa.array([DAY] * 4, pa.timestamp("ns")),
      in_ms=pa.array([DAY] * 4, pa.timestamp("ms", tz="Europe/Berlin")),
      in_s=pa.array([DAY] * 4, pa.timestamp("us")).cast(pa.timestamp("s"), safe=False),
      day=pa.array([DAY.date()] * 4, pa.date32()),
      kind=pa.array(["view", "buy", "view", None]))
write("wrong_types",
      user_id=pa.array([["u"], ["v"]], pa.list_(pa.string())),
      user=pa.array(["u", "v"]),
      item_id=pa.array(["a", "b"]),
      half=pa.array([1.5, 2.0]),
      words=pa.array(["1", "many"]),
      not_finite=pa.array([1.0, float("nan")]),
      timestamp=pa.array([1483831000, 1483831001]))
write("no_rows", user_id=pa.array([], pa.string()), item_id=pa.array([], pa.string()))
