"""The error of the converter, and what it lets a file cost."""
from __future__ import annotations

from dataclasses import dataclass

from kindred._ids import BundleError


class LegacyError(BundleError):
    """A legacy file that cannot be converted; the message names the file, what was found and what is allowed."""


@dataclass(frozen=True)
class Limits:
    """Bounds on one pickle: past them it is refused, so that a small hostile file cannot exhaust the machine.

    A mapping of n ids takes about 4n operations and, packed, 30n bytes: the defaults carry 10 million ids.
    """

    max_bytes: int = 2 << 30  # of the file after decompression
    max_operations: int = 50_000_000
    max_containers: int = 1_000_000  # lists, tuples, dicts
    max_nesting: int = 4  # pickles inside of pickles, as joblib writes arrays of objects
