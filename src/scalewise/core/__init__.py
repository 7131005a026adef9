"""The pure core: what a study is and what follows from its results.

numpy and scipy only; no files, no threads, no widgets. Everything here is a frozen value or a function of such values.
"""
