"""Models of other libraries as bundles: each adapter returns a kindred.bundle.Bundle, whose `write(path)` makes the file.

None imports the library whose model it takes; each reads the model's public attributes.
"""
from kindred.adapters._gensim import from_gensim
from kindred.adapters._implicit import from_implicit
from kindred.adapters._pandas import from_pandas
from kindred.adapters._sklearn import from_sklearn

__all__ = ["from_gensim", "from_implicit", "from_pandas", "from_sklearn"]
