"""What is expected of a platform, and what follows; subjects that need a look."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fewer.journey.activate.forecast import Asked, Choice, Parent, forecast
from fewer.journey.activate.matching import MOST_WEIGHT, guess, learned
from fewer.journey.activate.sensitive import SUBJECTS, find, subjects_in


def asked(sendable, minimum=100, *, type_="meta", **more):
    share = more.pop("share", guess(type_, ("email",)))
    return Asked("hot", "there", type_, sendable, sendable, {}, minimum, share, **more)


class TestMatching:
    def test_limits_hold_as_often_as_they_say(self):
        share, dice = guess("meta", ("email",)), np.random.default_rng(1)
        drawn = dice.binomial(700, dice.beta(share.a, share.b, 20_000))
        low, high = share.matched(700)
        assert np.mean((drawn >= low) & (drawn <= high)) == pytest.approx(0.9, abs=0.01)
        assert np.mean(drawn >= 300) == pytest.approx(share.reaches(700, 300), abs=0.01)

    def test_receipts_move_it_and_old_ones_fade(self):
        share = guess("snap", ("email",))
        for _ in range(30):
            share = learned(share, [(2_000, 200)])
        assert share.mean == pytest.approx(0.1, abs=0.01)
        assert share.a + share.b == pytest.approx(MOST_WEIGHT)
        assert learned(share, [(2_000, 1_400)] * 5).mean > 0.6

    def test_nonsense_is_left_out(self):
        share = guess("snap", ("email",))
        assert learned(share, [(0, 0), (10, 11)]).mean == share.mean

    @pytest.mark.parametrize("platform", ["meta", "google", "linkedin", "tiktok", "anything"])
    def test_guesses_are_wide_and_have_a_source(self, platform):
        share = guess(platform, ("email",))
        low, high = stats.beta.ppf([0.05, 0.95], share.a, share.b)
        assert high - low > 0.3
        assert "http" in share.source


class TestChoice:
    def test_send(self):
        assert forecast(asked(900)).choice is Choice.SEND

    def test_roll_up_into_the_smallest_that_will_do(self):
        found = forecast(
            asked(120, parents=[
                Parent("wide", 5_000, 1.0), Parent("fits", 800, 0.95), Parent("other", 700, 0.5),
            ])
        )  # fmt: skip
        assert (found.choice, found.instead) == (Choice.ROLL_UP, "fits")

    def test_wait_where_people_come(self):
        found = forecast(asked(150, weekly=60.0))
        assert found.choice is Choice.WAIT
        assert 1 <= found.weeks <= 12

    def test_seed_or_exclusion(self):
        assert forecast(asked(190)).choice is Choice.SEED
        assert forecast(asked(50)).choice is Choice.EXCLUDE_ONLY
        assert forecast(asked(0)).choice is Choice.EXCLUDE_ONLY

    def test_the_sentence_has_the_figures(self):
        found = forecast(asked(500, 1_000, type_="tiktok"))
        assert "1,000 needed" in found.words
        assert "500 matched expected" in found.words
        assert found.to_json()["chance"] == 0.0


class TestSensitive:
    @pytest.mark.parametrize(
        "text,subjects",
        [
            ("BEERS/ALES", ["alcohol"]),
            ("CIGARETTES", ["tobacco"]),
            ("FEMININE HYGIENE", ["health"]),
            ("Diabetes readers", ["health"]),
            ("Rotwein & Weißwein", []),
            ("Wein > Rotwein", ["alcohol"]),
            ("Santé et beauté", ["health"]),
            ("Debt advice", ["finance"]),
            ("Kids' nappies", ["children"]),
            ("Engine parts", []),
            ("Rumours", []),
            ("Ginger tea", []),
            ("Tablet computers", []),
            ("Pale blue shirts", []),
            ("Saw pricing in the last week", []),
        ],
    )
    def test_words(self, text, subjects):
        assert subjects_in(text) == subjects

    def test_each_once_with_its_place(self):
        found = find([("name", "Beer lovers"), ("item category", "Beer"), ("name", "Beer lovers")])
        assert [f.words for f in found] == [
            "alcohol in name 'Beer lovers'", "alcohol in item category 'Beer'",
        ]  # fmt: skip

    def test_every_subject_has_a_source(self):
        assert all(one.sources for one in SUBJECTS)
        assert len({one.id for one in SUBJECTS}) == len(SUBJECTS)
