import pytest

from fewer.journey.measure.evidence import EvidenceLabel, VocabularyError, check_words
from fewer.journey.measure.figure import Figure, change, percent, times
from fewer.journey.measure.recovered import Recovery, recovered
from fewer.stats.proportion import ratio

WEAK = [EvidenceLabel.ADJUSTED_ASSOCIATION, EvidenceLabel.RAW_ASSOCIATION]
STRONG = [label for label in EvidenceLabel if label not in WEAK]


def test_ranks_run_from_strongest_to_weakest():
    assert [label.rank for label in EvidenceLabel] == [1, 2, 3, 4, 5]
    assert [label.may_say_lift for label in EvidenceLabel] == [True] * 3 + [False] * 2


@pytest.mark.parametrize(
    "text", ["a lift of 5 %", "Uplift", "the effect", "Incremental orders", "effectively", "lifted"]
)
@pytest.mark.parametrize("label", WEAK)
def test_causal_words_are_refused_to_associations(text, label):
    with pytest.raises(VocabularyError):
        check_words(text, label)


@pytest.mark.parametrize("label", STRONG)
def test_randomised_figures_may_use_them(label):
    assert check_words("a lift of 5 %", label) == "a lift of 5 %"


@pytest.mark.parametrize("text", ["shoplifting", "affected", "a forklift"])
def test_words_that_only_look_alike_pass(text):
    assert check_words(text, EvidenceLabel.RAW_ASSOCIATION) == text


def test_every_label_explains_itself_in_words_it_may_use():
    for label in EvidenceLabel:
        assert check_words(label.meaning, label).endswith(".")


@pytest.mark.parametrize(
    "numbers, truth, yes",
    [
        ((1.8, 1.2, 2.7), 2.0, True),
        ((1.8, 1.2, 2.7), 3.0, False),
        ((1.8, 1.2, 2.7), 1.0, False),
        ((1.8, 1.2, None), 9.0, True),
        ((None, 1.2, None), 9.0, False),
        ((1.8, None, None), 1.8, False),
    ],
)
def test_recovered(numbers, truth, yes):
    assert recovered(*numbers, truth) is yes


def test_recovery_has_only_two_things_to_say():
    figure = Figure(
        ratio([200], [1000], [100], [1000]).at(0), "times", "x", EvidenceLabel.RAW_ASSOCIATION
    )
    good, bad = (Recovery("a", "A", truth, figure) for truth in (2.0, 5.0))
    assert good.words == "recovered the planted effect: yes, the truth lies inside the interval"
    assert bad.words.startswith("recovered the planted effect: no, the truth lies above")
    assert good.to_json()["data"] == "simulated"
    assert "support" not in str(good.to_json())


def test_numbers_as_people_read_them():
    assert [percent(x) for x in (0.0012, 0.00099, 0.0999, 0.1, 1)] == [
        "0.12", "0.099", "9.99", "10.0", "100.0",
    ]  # fmt: skip
    assert [times(x) for x in (0.9949, 1, 9.96, 1234.5, 0.0123)] == [
        "0.99", "1.0", "10.0", "1,234", "0.012",
    ]  # fmt: skip
    assert (change(1), change(2.5), change(0.001)) == ("+0 %", "+150 %", "−100 %")


@pytest.mark.parametrize(
    "table, shown",
    [
        ((48, 310, 180, 2159), "1.9x, 1.4-2.5"),
        ((980, 10_000, 1000, 10_000), "0.98x, 0.90-1.07"),
        ((100_500, 1_000_000, 100_000, 1_000_000), "1.005x, 0.997-1.013"),
        ((3, 2000, 90, 4000), "0.067x, 0.027-0.22"),
    ],
)
def test_digits_of_a_ratio_follow_its_interval(table, shown):
    found = ratio(*([x] for x in table)).at(0)
    figure = Figure(found, "times", "x", EvidenceLabel.RAW_ASSOCIATION)
    assert f"{figure.number}, {figure.interval}" == shown
