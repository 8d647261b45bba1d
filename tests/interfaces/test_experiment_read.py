"""A finished test in one file, through the command: split, people left out, figures, words."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from fewer.journey.measure.trial.roles import Asked
from fewer.project.reading_trial import read_trial
from interfaces.conftest import fewer_in

MOBILE_GAME = {  # a published test of where a game's gate stands: players, back after 1, 7 days
    "gate_30": (44_700, 20_034, 8_502),
    "gate_40": (45_489, 20_119, 8_279),
}


def write(path, *rows):
    path.write_text("\n".join(rows) + "\n")
    return path


def rows(arms):
    """One row a person: the first so many of each arm did it."""
    for arm, (people, *did) in arms.items():
        for i in range(people):
            yield f"{arm}-{i},{arm}," + ",".join(str(i < many) for many in did)


def read(*arguments):
    found = fewer_in(Path())("experiment", "read", *map(str, arguments), project=None)
    return found.status, found.out, found.err


def in_json(*arguments):
    code, out, err = read(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_published_test_and_its_doubtful_split(tmp_path):
    head = "userid,version,retention_1,retention_7"
    path = write(tmp_path / "game.csv", head, *rows(MOBILE_GAME))
    found = in_json(path)
    assert found["gates"][0]["p"] == pytest.approx(0.0086, abs=5e-5)
    assert not found["broken"]
    assert "0.0086" in found["gates"][0]["words"]
    first, second = found["results"]
    assert first["level"]["value"] == pytest.approx(0.442283, abs=1e-6)
    assert first["level_control"]["value"] == pytest.approx(0.448188, abs=1e-6)
    assert first["verdict"] == "can't tell"
    assert second["difference"]["value"] == pytest.approx(-0.008201, abs=1e-6)
    assert second["p"] == pytest.approx(0.0016, abs=1e-4)
    assert second["verdict"] == "less"


def test_a_broken_split_withholds_every_figure(tmp_path):
    arms = {"control": (5_000, 500), "treatment": (4_600, 480)}
    path = write(tmp_path / "t.csv", "id,group,converted", *rows(arms))
    found = in_json(path)
    assert found["broken"]
    assert [one["verdict"] for one in found["results"]] == ["withheld"]
    code, out, _ = read(path)
    assert code == 0
    assert "No figure is shown" in out
    assert "10.0 %" not in out
    assert not in_json(path, "--split", "control=50", "--split", "treatment=46")["broken"]


def test_people_in_two_arms_are_in_none(tmp_path):
    path = write(
        tmp_path / "t.csv", "user_id,group,converted",
        *rows({"control": (300, 30), "treatment": (300, 40)}),
        "control-0,treatment,True", "control-1,control,False", ",control,True", "x,,True",
    )  # fmt: skip
    found = in_json(path)
    assert found["left_out"] == {
        "rows without an arm": 1,
        "rows without a person": 1,
        "people in two arms": 1,
    }
    assert found["people"] == 599
    assert found["people_with_several_rows"] == 1
    assert found["results"][0]["level_control"]["value"] == pytest.approx(29 / 299)


def test_what_people_saw(tmp_path):
    lines = [
        f"{arm}{i},{arm},{'new' if (arm == 'treatment') == (i >= 20) else 'old'}_page,{i % 10 == 0}"
        for arm in ("control", "treatment")
        for i in range(1000)
    ]
    path = write(tmp_path / "t.csv", "user_id,group,landing_page,converted", *lines)
    found = in_json(path)
    assert found["people"] == 2000
    assert "98.0% of rows and not in 40" in found["warnings"][0]
    left = in_json(path, "--saw", "landing_page")
    assert left["left_out"] == {"people who saw another arm's version": 40}
    assert [gate["stage"] for gate in left["gates"]] == ["assigned", "analysed"]
    assert sum(left["gates"][1]["sizes"].values()) == 1960


def test_values_missing_in_one_arm_only_withhold_that_outcome(tmp_path):
    chance = np.random.default_rng(1)
    lines = [
        f"{i},{arm},{'' if arm == 'b' and chance.random() < 0.2 else i % 7},{i % 5 == 0}"
        for arm in ("a", "b")
        for i in (range(4000) if arm == "a" else range(4000, 8000))
    ]
    found = in_json(write(tmp_path / "t.csv", "id,arm,amount,opened", *lines))
    verdicts = {one["metric"]: one["verdict"] for one in found["results"]}
    assert verdicts == {"amount": "withheld", "opened": "can't tell"}
    assert not found["broken"]


def test_amounts_before_takes_noise_away_and_caps(tmp_path):
    chance = np.random.default_rng(5)
    before = chance.gamma(2.0, 20.0, 4000)
    arm = chance.integers(0, 2, 4000)
    spent = before + chance.gamma(1.0, 10.0, 4000) + 3.0 * arm
    spent[0] = 90_000.0
    lines = [f"{i},{'ab'[arm[i]]},{before[i]:.3f},{spent[i]:.3f}" for i in range(4000)]
    path = write(tmp_path / "t.csv", "id,arm,before,spent", *lines)
    plain = in_json(path)["results"][0]
    assert "one person holds" in plain["notes"][0]
    found = in_json(path, "--before", "before", "--cap", "99.9")["results"][0]
    assert found["noise_removed"] > 0.8
    e = found["adjusted"]
    assert e["lower"] < 3.0 < e["upper"]
    assert e["upper"] - e["lower"] < 2.0
    assert found["verdict"] == "more"


def test_arms_that_differed_before_are_told(tmp_path):
    lines = [f"{i},{'ab'[i % 2]},{i % 3 + i % 2},{i % 10 == 0}" for i in range(3000)]
    path = write(tmp_path / "t.csv", "id,arm,past,opened", *lines)
    assert (
        "past was different before the test in 'b'"
        in in_json(path, "--before", "past")["warnings"][0]
    )


def test_associations_have_no_words_for_a_change(tmp_path):
    path = write(tmp_path / "t.csv", "id,arm,opened", *rows({"a": (900, 90), "b": (300, 60)}))
    code, out, _ = read(path, "--not-random")
    assert code == 0
    assert "association" in out
    assert not any(word in out.lower() for word in ("lift", "effect", "incremental", "changed."))
    assert in_json(path, "--not-random")["gates"] == []  # sizes of chosen groups mean nothing


@pytest.mark.parametrize("form", ["semicolons.csv", "rows.csv.gz", "rows.parquet"])
def test_forms_of_files(tmp_path, form):
    plain = write(tmp_path / "t.csv", "id,arm,opened", *rows({"a": (500, 50), "b": (500, 70)}))
    path = tmp_path / form
    if form.endswith(".gz"):
        path.write_bytes(gzip.compress(plain.read_bytes()))
    elif form.endswith(".parquet"):
        pyarrow.parquet.write_table(pyarrow.csv.read_csv(plain), path)
    else:
        path.write_text(plain.read_text().replace(",", ";"))
    assert read_trial(path).results == read_trial(plain).results


def test_a_picture(tmp_path):
    path = write(tmp_path / "t.csv", "id,arm,opened", *rows({"a": (500, 50), "b": (500, 70)}))
    picture = tmp_path / "t.svg"
    assert read(path, "--picture", picture)[0] == 0
    assert "opened: b" in picture.read_text()


@pytest.mark.parametrize(
    "text,options,words",
    [
        ("", (), "t.csv"),
        ("id,arm,opened\n", (), "has no rows"),
        ("id,arm,opened\na,x,1\nsecret@example.com,y,1,9,9\n", (), "t.csv:3 can't be read"),
        ("id,arm,opened\na,x,1\nb,y,0\n", ("--arm", "am"), "Did you mean 'arm'"),
        ("id,arm,opened\na,x,1\nb,x,0\n", ("--arm", "arm"), "1 different values"),
        ("id,arm,opened\na,x,1\nb,y,0\n", ("--split", "x"), "ARM=SHARE"),
    ],
)
def test_mistakes(tmp_path, text, options, words):
    path = tmp_path / "t.csv"
    path.write_text(text)
    code, _, err = read(path, *options)
    assert code in (1, 2, 5)
    assert words in " ".join(err.split())
    assert "secret" not in err


def test_no_file():
    code, _, err = read("nowhere.csv")
    assert code == 1
    assert "There is no file nowhere.csv" in err


def test_nobody_is_named(tmp_path):
    path = write(
        tmp_path / "t.csv", "email,arm,opened",
        *(f"someone{i}@example.com,{'ab'[i % 2]},{i % 9 == 0}" for i in range(400)),
    )  # fmt: skip
    code, out, err = read(path)
    assert code == 0
    assert "@example.com" not in out + err + json.dumps(in_json(path))


def test_through_python(tmp_path):
    path = write(tmp_path / "t.csv", "id,arm,opened", *rows({"a": (500, 50), "b": (500, 90)}))
    found = read_trial(path, Asked(control="b"))
    assert found.results[0].said == "less"


@pytest.mark.slow
def test_verdicts_under_no_difference(tmp_path):
    """Of tests without a difference in four outcomes, at most 5 % name one, chance allowed for."""
    chance, named, tests = np.random.default_rng(17), 0, 120
    for _ in range(tests):
        arm = chance.integers(0, 2, 800)
        did = chance.random((800, 3)) < 0.06
        spent = np.where(did[:, 0], chance.lognormal(3, 1, 800), 0)
        path = tmp_path / "t.csv"
        columns = zip(arm, *did.T.astype(int), spent, strict=True)
        lines = [f"{i}," + ",".join(map(str, row)) for i, row in enumerate(columns)]
        write(path, "id,arm,opened,clicked,ordered,revenue", *lines)
        named += any(one.said in ("more", "less") for one in read_trial(path).results)
    assert named <= 0.05 * tests + 3 * (0.05 * 0.95 * tests) ** 0.5
