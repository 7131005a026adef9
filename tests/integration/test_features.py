"""Fewer features, from the shell and from Python, end to end."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from scalewise.cli import main
from scalewise.core.spec import LeftOut
from scalewise.errors import InputError
from scalewise.options import StudyOptions
from scalewise.study import Study


def table(n_rows=1_200):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 7))
    y = np.where(3 * X[:, 0] + 2 * X[:, 1] + 0.3 * rng.normal(size=n_rows) > 0, "yes", "no")
    columns = {name: X[:, k] for k, name in enumerate("abcdefg")}
    return pd.DataFrame({**columns, "twin": X[:, 0] + 0.01 * rng.normal(size=n_rows), "y": y})


OPTIONS = StudyOptions("y", models=("dummy", "linear"), max_fraction=0.5, repeats=2)


def test_the_shell_finds_how_few_would_do(tmp_path, capsys):
    path, out = tmp_path / "table.parquet", tmp_path / "out.json"
    table().to_parquet(path)
    words = f"run {path} --target y --models dummy,linear --max-fraction 0.5 --repeats 2 --engine inline --quiet"
    assert main([*words.split(), "--importances", "--keep-k", "auto", "--json", str(out)]) == 0
    features = json.loads(out.read_text())["features"]
    assert set(features["keep"]) <= {"a", "b", "twin"}
    assert {"b"} < set(features["keep"])
    assert features["bytes_kept"] < features["bytes_now"]
    assert [point["k"] for point in features["curve"]] == [1, 2, 3, 5, 8]
    found = {row["feature"]: row for row in features["importances"]}
    assert found["a"]["group"] == found["twin"]["group"] == 1
    assert found["a"]["importance"] == found["twin"]["importance"] > features["noise_line"] > found["g"]["importance"]
    told = capsys.readouterr().out
    assert "lost without each feature (linear" in told
    assert "keep 2 features" in told


def test_importances_alone_try_no_fewer_features(tmp_path):
    path, out = tmp_path / "table.parquet", tmp_path / "out.json"
    table().to_parquet(path)
    words = f"run {path} --target y --models linear --max-fraction 0.2 --repeats 1 --engine inline --quiet --json {out}"
    assert main([*words.split(), "--importances"]) == 0
    features = json.loads(out.read_text())["features"]
    assert features["noise_line"] > 0
    assert features["curve"] == features["keep"] == []


@pytest.mark.parametrize(("asked", "words"), [("8", "Give 1 to 7"), ("some", "'some' is neither"), ("0", "neither")])
def test_a_number_that_cannot_be_kept_is_a_mistake_in_one_line(tmp_path, capsys, asked, words):
    path = tmp_path / "table.parquet"
    table().to_parquet(path)
    words_in = ["run", str(path), "--target", "y", "--engine", "inline", "--quiet", "--keep-k", asked]
    try:
        status = main(words_in)
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert words in capsys.readouterr().err


def test_from_python_as_frames():
    with Study(table(), "y", options=OPTIONS, engine="inline") as study:
        with pytest.raises(InputError, match="No study has been started"):
            study.features()
        assert study.run().wait().feature_curve().empty
        study.features(keep=3).wait()
        curve, importances = study.feature_curve(), study.importances()
        assert study.report()["features"]["keep"] == curve.query("k == 3")["features"].iloc[0]
    assert curve["k"].tolist() == [1, 2, 3, 8]
    assert curve["loss"].iloc[0] > curve["loss"].iloc[2] - 0.01
    assert importances.set_index("feature").loc["twin", "group"] == 1
    assert importances["noise_line"].nunique() == 1


def test_a_study_of_the_kept_columns_fits_nothing_that_did_not_change(tmp_path):
    journal = tmp_path / "journal.sqlite"
    with Study(table(), "y", options=OPTIONS, engine="inline", journal=journal) as study:
        study.run().wait().features(keep=2).wait()
        curve = study.summary.features
        fitted = set(study.state.records)
        kept = {trial.repeat: r.kept for trial, r in study.state.records.items() if trial.keep == 2}
        score = {trial.repeat: r.score for trial, r in study.state.records.items() if trial.keep == 2}
    out = tuple(LeftOut(name, "left out") for name in set("abcdefg") | {"twin"} if name not in kept[0])
    narrow = StudyOptions(**{**{f: getattr(OPTIONS, f) for f in OPTIONS.__slots__}, "exclude": out})
    with Study(table(), "y", options=narrow, engine="inline", journal=journal) as study:
        state = study.run().wait().state
        assert {feature.name for feature in state.data.features} == set(kept[0])
        shared = {trial for trial in state.resumed if trial.model == "linear"}
        same = [repeat for repeat, names in kept.items() if set(names) == set(kept[0])]
        assert {(trial.n_rows, trial.repeat) for trial in shared} == {(curve.n_rows, repeat) for repeat in same}
        assert all(state.records[trial].score == score[trial.repeat] for trial in shared)
        dummies = {trial for trial in state.records if trial.model == "dummy"}
        assert dummies & fitted
        assert dummies & fitted <= state.resumed


def test_a_search_comes_back_from_the_journal(tmp_path):
    for _ in range(2):
        with Study(table(), "y", options=OPTIONS, engine="inline", journal=tmp_path / "journal.sqlite") as study:
            state = study.run().wait().features().wait().state
            curve = study.feature_curve()
    assert len(state.resumed) == len(state.records)
    assert len(curve) == 5
