"""Where tables come from, and how samples of them are drawn, settled and laid out for workers.

``sources`` opens tables, ``profile`` settles what each column is, ``screening`` finds the best of very many columns,
``prepare`` puts them together with the target, ``sampling`` decides which rows belong to which sample, and ``store``
lays samples where workers read them.
"""
