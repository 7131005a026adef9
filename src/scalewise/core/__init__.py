"""The pure core: what a study is and what follows from its results.

numpy and scipy only; no files, no threads, no widgets. Everything here is a frozen value or a function of such values.

What a study is, and how its state comes about: `spec`, `plan`, `sizes`, `results`, `streams`, then `events`, `folding`
and `study`. What follows from it, each standing on those before:

- `curves`, `cost`, `memory`, `importance`: what was measured; `prospects`: all of that for one model;
- `forecasting`, with `extrapolation` in front of it: what more rows would bring a single curve;
- `features`, `tuning`, `units`: what fewer features, other settings and other sampling units would change;
- `deciding`, with `verdict` in front of it: the answer, the ways forward, and their words;
- `experimenting`: which trial comes next, and when a study has its answer;
- `summary`: all of it at once, for the page and the report.
"""
