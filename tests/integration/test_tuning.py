"""Tuning, from the shell and from Python, end to end."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from scalewise.cli import main
from scalewise.errors import InputError
from scalewise.options import StudyOptions
from scalewise.study import Study


def table(n_rows=2_000, n_columns=100):
    """A little of every column, under much noise: the recipe of the linear model, hardly regularised, is too sure."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_columns))
    y = np.where(X @ np.full(n_columns, 0.07) + rng.normal(size=n_rows) > 0, "yes", "no")
    return pd.DataFrame({**{f"c{k}": X[:, k] for k in range(X.shape[1])}, "y": y})


OPTIONS = StudyOptions("y", metric="neg_log_loss", models=("dummy", "linear"), max_fraction=0.5, repeats=3)
SHELL = "--target y --metric neg_log_loss --models dummy,linear --max-fraction 0.5 --repeats 3 --engine inline --quiet"


def tune_way(content):
    return next(way for way in content["verdict"]["ways"] if way["action"] == "tune")


def test_settings_that_follow_the_noise_less_gain_and_are_told(tmp_path, capsys):
    path, out = tmp_path / "table.parquet", tmp_path / "out.json"
    table().to_parquet(path)
    assert main([*f"run {path} {SHELL} --json {out}".split(), "--tune"]) == 0
    content = json.loads(out.read_text())
    found = content["tuning"]
    assert found["model"] == "linear"
    assert found["n_better"] >= 1
    assert 0 < found["settings"]["C"] < 1
    assert found["gain"] > 0.005
    assert found["low"] <= found["gain"] <= found["high"]
    assert tune_way(content)["gain"] == pytest.approx(found["gain"])
    told = capsys.readouterr().out
    assert found["sentence"] in told
    assert "Tune" in told
    assert f'Its learning curve: --models "dummy,linear,{found["tuned"]}"' in told


def test_the_tuned_model_goes_on_with_a_curve_of_its_own_and_can_be_taken_out():
    frame = table()
    with Study(frame, "y", options=OPTIONS, engine="inline") as study:
        with pytest.raises(InputError, match="No study has been started that a model could be added to"):
            study.add("forest")
        study.run().wait().tune().wait()
        tuned = study.report()["tuning"]["tuned"]
        with pytest.raises(InputError, match="no setting 'CC'"):
            study.add("linear(CC=1)")
        study.add(tuned).wait()
        curves = study.curves()
        own = curves[curves.model == tuned]
        assert len(own) > 3
        ends = curves.sort_values("n_rows").groupby("model").score.last()
        assert ends[tuned] > ends["linear"]
        assert study.report()["verdict"]["model"].startswith("Linear (C=")
        assert "Tuning" not in study.verdict.sentence
        assert not any(way["action"] == "tune" for way in study.report()["verdict"]["ways"])
        fitted = study.model(tuned)
        assert fitted.estimator[-1].C < 1
        assert len(fitted.predict(frame)) == len(frame)


def test_unasked_it_has_a_price_alone(tmp_path, capsys):
    path, out = tmp_path / "table.parquet", tmp_path / "out.json"
    table().to_parquet(path)
    assert main(f"run {path} {SHELL} --json {out}".split()) == 0
    content = json.loads(out.read_text())
    assert content["tuning"] is None
    assert tune_way(content)["gain"] is None
    assert tune_way(content)["minutes"] > 0
    assert "not known" in capsys.readouterr().out


def test_only_models_that_look_at_features_are_tuned(tmp_path, capsys):
    path, out = tmp_path / "table.parquet", tmp_path / "out.json"
    table(400, 5).to_parquet(path)
    words = f"run {path} --target y --models dummy --repeats 2 --engine inline --quiet --tune --json {out}"
    assert main(words.split()) == 0
    assert json.loads(out.read_text())["tuning"] is None
    assert "nothing was tuned: no fit of a model that has settings is finished." in capsys.readouterr().err
    assert main(words.replace("dummy", "linear(C=0.1)").split()) == 0
    assert "nothing was tuned: linear(C=0.1) has settings of its own already." in capsys.readouterr().err


def test_where_nothing_was_tuned_for_want_of_time_that_is_said(tmp_path, capsys):
    path = tmp_path / "table.parquet"
    table().to_parquet(path)
    main([*f"run {path} {SHELL} --everything --budget 0.002".split(), "--tune"])
    told = capsys.readouterr()
    assert "The budget of time" in told.out
    assert "nothing was tuned: no time was left for it. Give more minutes with --budget." in told.err


def test_it_is_resumed_from_the_journal_and_goes_on_after_a_stop(tmp_path):
    with Study(table(), "y", options=OPTIONS, engine="inline", journal=tmp_path / "journal.sqlite") as study:
        study.run().wait().tune().wait()
        first = study.report()["tuning"]
        study.tune().stop()
        study.tune("linear").wait()
        assert study.report()["tuning"] == first
    with Study(table(), "y", options=OPTIONS, engine="inline", journal=tmp_path / "journal.sqlite") as study:
        study.run().wait().tune().wait()
        assert study.report()["tuning"] == first
        assert study.report()["trials"]["fitted"] == 0


def test_what_cannot_be_tuned_is_refused(tmp_path):
    with Study(table(400, 5), "y", options=OPTIONS, engine="inline") as study:
        with pytest.raises(InputError, match="No study has been started whose models could be tuned"):
            study.tune()
        study.run().wait()
        with pytest.raises(InputError, match="Models that have: linear"):
            study.tune("dummy")
        with pytest.raises(InputError, match=r"linear\(C=0\.1\) has settings of its own already\. Tune linear"):
            study.tune("linear( C=.1 )")
        with pytest.raises(InputError, match="Models that have: linear"):
            study.tune("forest")
