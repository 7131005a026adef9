"""Ranks of columns, made so that their products are rank correlations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["unit_ranks"]

Floats = NDArray[np.float64]


def unit_ranks(columns: Floats) -> Floats:
    """Return ranks in each column with mean 0 and length 1; 0 where missing, and throughout where nothing varies.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
        NaN where missing.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        The product of two columns is Spearman's correlation where neither has gaps.
    """
    from scipy.stats import rankdata  # not for whoever ranks nothing: it takes long to import

    gaps = np.isnan(columns)
    ranks = rankdata(np.where(gaps, np.inf, columns), axis=0)
    centred = np.where(gaps, 0.0, ranks - (1 + (~gaps).sum(axis=0)) / 2)
    return np.asarray(centred / np.maximum(np.sqrt(np.square(centred).sum(axis=0)), 1e-12))
