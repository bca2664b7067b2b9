"""Claims judged for the press: what claims.json says, what fails the build, what no cheat gets past."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checkout import SMALL, Book, book, edited
from trainlab import experiments
from trainlab_press.claim_table import WIDTH, table
from trainlab_press.verdicts import pilot, plain

RATIO = edited(
    SMALL,
    ("from trainlab.claims import Claim, by_seed", "from trainlab.claims import Claim, steps_ratio, by_seed"),
    (
        "compare=falls",
        'compare=steps_ratio("train_loss", 0.001, {"optimizer": "SGD"}, {"optimizer": "Adam"}, falling=True)',
    ),
)
ALL = "train([run for one in OPTIMIZERS for run in grid(replace(BASE, optimizer=one), seed=range(10))], every=4)"
TUNED = edited(
    SMALL,
    ("from trainlab.stats import", "from trainlab.tuning import tune\nfrom trainlab.stats import"),
    (
        f"    return {ALL}",
        "    tune(train, {'SGD': BASE}, [0.01, 0.1, 1.0], seeds=range(1000, 1003))\n    return " + ALL,
    ),
)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Book]:
    """A book without experiments yet."""
    with book(tmp_path) as made:
        yield made


def test_record_says_what_the_interval_is_held_against(one: Book) -> None:
    one.write("one")
    assert one.publish("one").problems == []
    [claim] = one.json("claims")
    assert (claim["null"], claim["region"]) == (0, [0, None])
    assert (claim["kind"], claim["censored"], claim["figure"], claim["why"]) == (
        "statistic of its own",
        None,
        "one",
        "",
    )


def test_record_of_a_theory_band_has_no_null(one: Book) -> None:
    band = edited(
        SMALL,
        ("import Claim, by_seed", "import Claim, by_seed, within"),
        ("compare=falls", "compare=within(lambda runs: by_seed(runs, 'test_accuracy', optimizer='SGD'), 1.5)"),
    )
    one.write("one", band)
    assert one.publish("one").problems == []
    [claim] = one.json("claims")
    assert (claim["kind"], claim["null"], claim["region"]) == ("theory band", None, [-1.5, 1.5])


def test_a_target_that_nobody_reaches_fails_the_build_with_its_interval(one: Book) -> None:
    one.write("one", RATIO)
    [problem] = one.publish("one").problems
    assert problem == (
        "claim one/loss-falls: the statistic is not a number: nan [0, inf], n = 10, 20 runs never there; "
        "take one that these runs have, such as a target that half of them reach"
    )
    [claim] = one.json("claims")
    assert (claim["estimate"], claim["low"], claim["high"], claim["censored"]) == (None, 0, None, 20)
    assert (claim["verdict"], claim["null"], claim["kind"]) == ("null", 1, "ratio of steps to a target")
    assert one.publish("one", smoke=True).problems == []


# Seeds that chose hyperparameters


def test_reporting_on_fresh_seeds_is_fine(one: Book) -> None:
    one.write("one", TUNED)
    assert [line for line in one.publish("one").problems if "seed" in line] == []


@pytest.mark.parametrize("reported", ["range(1000, 1010)", "range(991, 1001)", "[*range(9), 1002]"])
def test_training_the_reported_runs_on_a_tuning_seed_fails(one: Book, reported: str) -> None:
    """By hand, past `Tuned.fresh`, which would have refused."""
    one.write("one", edited(TUNED, ("seed=range(10)", f"seed={reported}")))
    with pytest.raises(
        ValueError, match=r"^seeds \[.*100\d\] chose hyperparameters, so no claim may rest on them"
    ) as bad:
        one.publish("one")
    assert "\n" not in str(bad.value)
    assert bad.value.__notes__ == ["experiment one"]
    assert not one.project.live.exists()


def test_an_experiment_without_claims_may_show_its_trials(one: Book) -> None:
    start, _, _ = TUNED.partition("CLAIMS = [")
    one.write("one", edited(start, ("seed=range(10)", "seed=range(1000, 1003)")) + "CLAIMS = []\n")
    assert [line for line in one.publish("one").problems if "seed" in line] == []


# Drafts


def test_pilot_judges_other_seeds(one: Book) -> None:
    one.write("one")
    [drafted] = pilot(one.project, "one", one.trainer(pilot=True))
    assert not one.project.live.exists()
    one.publish("one")
    [claim] = one.json("claims")
    assert drafted["n"] == claim["n"] == 10
    assert drafted["estimate"] != claim["estimate"]
    direct = edited(SMALL, ("seed=range(10)", "seed=range(500, 510)"), ("CLAIMS = [", "CLAIMS = []\nDRAFTS = ["))
    one.write("two", direct)
    module = experiments.load("two")
    assert module.falls(module.measure(one.trainer())).value == drafted["estimate"]


def test_pilot_quotes_its_own_numbers_and_marks_those_that_are_not_there(one: Book) -> None:
    quoting = edited(
        SMALL,
        ("Training lowers", "To {=one.sgd:.6f}, {=one.never or none}, {=one.sdg} and {= two.sgd:.1f }, it lowers"),
        ('expect="holds"', 'expect="null", why="Adam ends at {=one.adam:.6f}."'),
    )
    one.write("one", quoting)
    assert len(one.publish("one").problems) == 2  # the verdict and the number sdg
    reported = one.json("one")["numbers"]
    [drafted] = pilot(one.project, "one", one.trainer(pilot=True))
    numbers = re.fullmatch(
        r"To (\d\.\d{6}), none, \[no number yet: one\.sdg\] and \[no number yet: two\.sgd:\.1f\], it lowers the "
        r"training loss\.; Adam ends at (\d\.\d{6})\.",
        f"{drafted['text']}; {drafted['why']}",
    )
    assert numbers is not None
    assert set(numbers.groups()).isdisjoint(f"{value:.6f}" for value in reported.values() if value)
    one.write("two", edited(SMALL, ("Training", "Before")))
    one.publish("two")
    [drafted] = pilot(one.project, "one", one.trainer(pilot=True))
    assert f" and {one.json('two')['numbers']['sgd']:.1f}, it lowers" in drafted["text"]


def test_pilot_never_trains_the_reported_seeds(one: Book) -> None:
    one.write("one")
    with pytest.raises(ValueError, match="make it with pilot=True"):
        pilot(one.project, "one", one.trainer())


# Numbers in sentences


def test_a_sentence_may_quote_its_experiment(one: Book) -> None:
    one.write("one", edited(SMALL, ("Training lowers", "Training with {=one.sgd:.3f} and {=one.never or none} lowers")))
    assert one.publish("one").problems == []
    [claim] = one.json("claims")
    expected = f"Training with {one.json('one')['numbers']['sgd']:.3f} and none lowers the training loss."
    assert plain(one.project, claim["text"]) == expected


@pytest.mark.parametrize("number", ["{=one.sdg}", "{=one.never}", "{=one.sgd:.1z}", "{=sgd}"])
def test_a_number_that_its_experiment_lacks_is_a_problem(one: Book, number: str) -> None:
    one.write("one", edited(SMALL, ("Training lowers", f"Training with {number} lowers")))
    [problem] = one.publish("one").problems
    assert problem.startswith(f"claim one/loss-falls: {number}")
    assert "\n" not in problem


def test_numbers_of_other_experiments_may_come_later(one: Book) -> None:
    one.write("one", edited(SMALL, ("Training lowers", "Training with {=two.sgd:.3f} lowers")))
    assert one.publish("one").problems == []


# The table


def claim(**parts: Any) -> dict[str, Any]:
    whole = {
        "id": "one/a-beats-b",
        "text": "A beats B.",
        "why": "",
        "statistic": "A minus B",
        "kind": "paired difference",
        "region": [0.0, None],
        "estimate": 1.23456,
        "low": 0.5,
        "high": 2.0,
        "n": 10,
        "censored": None,
        "expected": "holds",
        "verdict": "holds",
    }
    return whole | parts


LONG = claim(
    id="an_experiment_with_a_very_long_name/and-a-claim-whose-name-is-longer-than-anybody-likes",
    text="A sentence that goes on for longer than a line of a terminal is wide, as some authors write them. " * 2,
    verdict="null",
    estimate=-123456.7,
    low=-1e6,
    high=1e6,
)


def test_table_puts_mismatches_first_and_marks_them() -> None:
    lines = table([claim(), claim(id="one/b", verdict="null"), claim(id="two/c", expected="null")], str).splitlines()
    assert [line.strip() for line in lines if line.strip().startswith(("one/", "two/"))] == [
        *("one/b", "two/c", "one/a-beats-b")
    ]
    assert [line[:2] for line in lines if line.endswith("   10")] == ["!!", "!!", "  "]
    assert [line.strip() for line in lines if "The book says" in line] == [
        *("The book says: Holds.", "The book says: No difference seen.")
    ]


def test_table_is_aligned_and_fits_the_terminal() -> None:
    lines = table([claim(), LONG, claim(n=1000)], str).splitlines()
    assert max(len(line) for line in lines) <= WIDTH
    rows = [found for line in lines if (found := re.search(r"  \S+\d to -?\d\S+ +(\d+)$", line))]
    assert [row[1] for row in rows] == ["10", "10", "1000"]
    assert {row.start() for row in rows} == {lines[0].index("  95 % interval")}
    assert {row.end() for row in rows} == {len(lines[0])}
    assert "A sentence" in lines[4]
    assert lines[4].startswith("   ")


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"verdict": "null"}, ["No difference seen", "lies above 0."]),
        ({"verdict": "null", "region": [-0.05, 0.05]}, ["Undecided", "lies within ±0.05."]),
        ({"verdict": "null", "region": [1.2, None]}, ["Undecided", "lies above 1.2."]),
        ({"verdict": "null", "region": [None, 2.0]}, ["Undecided", "lies below 2."]),
        ({"verdict": "null", "region": [1.0, None], "kind": "ratio of steps to a target"}, ["No difference seen"]),
        ({"verdict": "null", "region": [1.0, None]}, ["Undecided"]),
        ({"verdict": "null", "region": [0.0, None], "kind": "ratio of steps to a target"}, ["Undecided"]),
        ({"verdict": "null", "region": [0.5, None], "kind": "probability of superiority"}, ["No difference seen"]),
        ({"region": [-0.1, 0.2]}, ["lies between -0.1 and 0.2."]),
        ({"region": [None, 0.0]}, ["lies below 0."]),
        ({"estimate": None, "low": 2.5, "high": None}, [" not finite  2.5 or more "]),
        ({"censored": 3, "kind": "ratio"}, ["A minus B. Kind: ratio. ", "0. 3 runs never reached the target.\n"]),
        ({"censored": 0, "kind": "ratio"}, ["A minus B. Kind: ratio. ", " lies above 0.\n"]),
        ({"why": "Nobody knows."}, ["Why: Nobody knows."]),
        ({"estimate": 12345.6, "low": 1e4, "high": 2e4}, [" 12,346  10,000 to 20,000 "]),
    ],
)
def test_table_says_it_in_words(parts: dict[str, Any], words: list[str]) -> None:
    text = re.sub(r"\n {3}(?=\S)", " ", table([claim(**parts)], str)) + "\n"  # lines that were wrapped, as one
    assert [word for word in words if word not in text] == []


def test_table_reads_claims_of_before() -> None:
    """Of a claims.json that was written before there were kinds and reasons."""
    old = {key: value for key, value in claim().items() if key not in {"why", "kind", "region", "censored"}}
    assert "   A minus B." in table([old], str).splitlines()
