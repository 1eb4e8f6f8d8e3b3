"""Old model folders (.npy matrices, pickle and joblib mappings, CSV lists) made into bundles, executing nothing of them.

    python -m kindred.legacy convert FOLDER --out bundle.safetensors
"""
from kindred.legacy._errors import LegacyError, Limits
from kindred.legacy._folder import Conversion, convert
from kindred.legacy._mapping import read_mapping
from kindred.legacy._pickle import load

__all__ = ["Conversion", "LegacyError", "Limits", "convert", "load", "read_mapping"]
