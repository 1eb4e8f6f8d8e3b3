"""Kindred model bundles from Python: `kindred.bundle`, `kindred.adapters`, `kindred.legacy`."""
__version__ = "0.1.0"

from kindred import adapters, bundle

__all__ = ["adapters", "bundle", "__version__"]
