"""No digit that states a result is typed into a page; and the checker that says so finds what it should."""

import re

import pytest

import statements
from statements import Allowance, Statement

BAD = [
    "After tuning, Adam has 71.2 % and SGD 72.0 %.",
    "The accuracy rises by 3 percentage points.",
    "A stack of 32 is 7.5 times as fast as the plain loop.",
    "Stacking made it 20 times faster.",
    "It is ten times slower, and needs 4× the memory.",
    "A tenfold gain.",
    "Momentum needs twice as many updates as SGD.",
    "With dropout, half of the units are dead.",
    "A third of the runs diverged.",
    "Adam is faster than SGD here.",
    "The final loss is 0.31.",
    "The run ended at a training loss of about 2.",
    "Its test accuracy reached 0.87 in the end.",
    "One step takes 35 µs.",
    "The sweep took three minutes on two cores.",
    "The store grew to 12 MB.",
    "Of the seeds, 7 of 10 runs failed.",
    "Tuned on this network, SGD chose 0.3.",
    "The variance was multiplied by 0.98 on average.",
]

GOOD = [
    "A batch has 128 examples, and the network two hidden layers of 64 units.",
    "The runs use a rate of 0.05 and 500 updates.",
    "At 2 × 32 the network is small.",
    "With a 95 % interval, or a 95 % bootstrap interval.",
    "The loss after 100 updates is in the table.",
    "The accuracy at rate 0.1 is drawn as a line.",
    "If a gradient stays the same, the sum grows to ten times c.",
    "In 1998, LeCun et al. 2015 and others wrote about errors.",
    "The second half is measured, and one run in each half.",
    "They may train one stack twice.",
    "It was tried three times.",
    "Fashion-MNIST has 70,000 images of 28 by 28 pixels.",
    "Python 3.11 or newer.",
    "The loss of each example is a number.",
]


def found(text: str, page: str = "docs/page.md") -> list[str]:
    return [statement.text for statement in statements.statements(page, text)]


def test_no_page_states_a_result_without_a_live_number() -> None:
    pages = [page.relative_to(statements.ROOT).as_posix() for page in statements.pages()]
    said = [s for page in pages for s in statements.statements(page, (statements.ROOT / page).read_text("utf-8"))]
    stray, unused = statements.unlisted(said, statements.allowances())
    remedy = "write {=experiment.key}, or say in statements.toml why it is no result"
    assert not stray, f"{remedy}:\n" + "\n".join(map(str, stray))
    assert not unused, f"statements.toml allows what no page says any more: {unused}"


def test_every_page_is_read() -> None:
    names = {page.relative_to(statements.ROOT).as_posix() for page in statements.pages()}
    assert {"README.md", "docs/index.md", "docs/optimizers.md", "docs/labs/optimizers.py"} <= names
    assert "src/trainlab/experiments/optimizer_race.py" in names
    assert not [name for name in names if name.startswith("docs/live/")]


def test_every_allowance_has_a_reason() -> None:
    assert all(len(allowed.reason.split()) >= 3 and allowed.text for allowed in statements.allowances())


@pytest.mark.parametrize("sentence", BAD)
def test_a_typed_result_is_found(sentence: str) -> None:
    assert found(sentence) == [sentence]


@pytest.mark.parametrize("sentence", GOOD)
def test_a_setting_is_no_result(sentence: str) -> None:
    assert found(sentence) == []


def test_a_live_number_may_state_a_result() -> None:
    assert found("Adam has {=race.adam:.1f}&nbsp;% and takes {=race.time:.0f} seconds, twice as long as SGD.") == []
    assert found("Adam is {=race.gain:.1f} times faster, with a loss of {=race.loss:.2f} at rate 0.1.") == []


def test_a_live_number_excuses_no_typed_one_beside_it() -> None:
    assert len(found("Adam has {=race.adam:.1f} % and SGD 72.0 %.")) == 1
    assert len(found("It is {=race.gain:.1f} times faster, and 3.5 times faster in a stack.")) == 1


def test_a_live_number_in_code_is_none() -> None:
    assert len(found("The accuracy is 0.71, not `{=race.adam}`.")) == 1


def test_only_the_sentence_that_states_it_is_shown() -> None:
    text = "A batch has 128 examples. **Adam** ends\nat 71 % [here](x.md). SGD has {=race.sgd:.0f} %."
    assert found(text) == ["Adam ends at 71 % here."]


def test_the_line_is_that_of_the_paragraph() -> None:
    first, second = statements.statements(
        "docs/page.md", "# Title\n\nIt takes\n5 seconds.\n\n- one\n- half of the runs\n"
    )
    assert (first.line, second.line) == (3, 7)
    assert str(second) == "docs/page.md:7: a factor in words: half of the runs"


def test_code_formulas_and_directives_are_no_prose() -> None:
    fenced = "```text\naccuracy 71 %\n```\n\n    ```python\n    # 71 %\n    ```\n"
    other = '$$\nx = 71 %\n$$\n\n$$ 71 % $$\n\n!claim race/a-71-%\n\n--8<-- "71 %"\n\n`71 %` and $71 %$\n'
    assert found(fenced) == found(other) == []
    assert found(fenced + "\nIt has 71 %.\n") == ["It has 71 %."]
    assert found(other + "\nIt has 71 %.\n") == ["It has 71 %."]


def test_a_table_of_results_is_found_by_its_header() -> None:
    table = "| name | rate | test accuracy |\n|---|---|---|\n| SGD | 0.3 | 0.72 |\n| Adam | 0.01 | {=race.adam} |\n"
    assert found(table) == ["test accuracy | 0.72"]
    assert found(table + "\n| rate | batch |\n|---|---|\n| 0.1 | 128 |\n") == ["test accuracy | 0.72"]


def test_of_a_lab_only_the_text_counts() -> None:
    lab = "# %% [markdown]\n# It takes\n# 5 seconds.\n\n# %%\nprint('71 %')  # 71 %\n# 72 %\n"
    assert found(lab, "docs/labs/lab.py") == ["It takes 5 seconds."]


def test_of_an_experiment_the_caption_counts() -> None:
    assert found('"""Which?\n\nAdam has 71 %.\n"""\n\nx = "72 %"\n', "src/trainlab/experiments/one.py") == [
        "Adam has 71 %."
    ]


def test_an_allowance_is_for_one_page_and_must_be_used() -> None:
    one = Statement("docs/a.md", 1, "It has 71 %.", "a percentage")
    here, elsewhere = (Allowance(page, "has 71", "a cited figure of the paper") for page in ("docs/a.md", "docs/b.md"))
    assert statements.unlisted([one], [here]) == ([], [])
    assert statements.unlisted([one], [elsewhere]) == ([one], [elsewhere])


def test_typed_in_place_of_live_numbers_the_results_of_the_chapter_are_found() -> None:
    """Against the real prose: with every live number typed, each percentage, time and factor must be found."""
    text = (statements.ROOT / "docs" / "optimizers.md").read_text("utf-8")
    typed = found(re.sub(r"\{=[^{}]*\}", "12.3", text), "docs/optimizers.md")
    wanted = re.findall(r"\}(?:&nbsp;| )(?:%|points|times)", text)
    assert len(wanted) > 20
    assert sum(len(re.findall(r"12\.3 (?:%|points|times)", sentence)) for sentence in typed) >= len(wanted)
