"""The diagram of the modules: from the table in architecture.md and the imports of the source."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from trainlab_press import ranks
from trainlab_press.errors import PressError

ROOT = Path(__file__).parents[1]
TABLE = "| rank | module | job |\n|---|---|---|\n| 0 | `types` | a |\n| 1 | `optimizers/*` | b |\n| 2 | `loop` | c |\n"
SOURCES = {
    "__init__": "",
    "types": "import math\n",
    "optimizers/__init__": "from trainlab.optimizers.adam import Adam\n",
    "optimizers/adam": "from trainlab.types import State\n",
    "loop": "from trainlab import types\n\n\ndef f():\n    from trainlab.optimizers import Adam\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "architecture.md").write_text(TABLE)
    for name, text in SOURCES.items():
        file = tmp_path / "src" / "trainlab" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_imports_are_counted_between_modules_and_ranks(checkout: Path) -> None:
    read = ranks.read(checkout)
    assert read.of == {"types": 0, "optimizers": 1, "loop": 2}
    assert dict(read.imports) == {("optimizers", "types"): 1, ("loop", "types"): 1, ("loop", "optimizers"): 1}
    assert dict(read.between()) == {(1, 0): 1, (2, 0): 1, (2, 1): 1}
    assert read.words().startswith(
        "3 imports, each from a higher rank to a lower one. Imported by most modules: types (2)"
    )


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("src/trainlab/stack.py", "", "differ in stack"),
        ("docs/architecture.md", f"{TABLE}| 3 | `gone` | d |\n", "differ in gone"),
        ("src/trainlab/types.py", "from trainlab.loop import f\n", r"types \(rank 0\) imports loop \(rank 2\)"),
    ],
)
def test_a_table_that_is_not_true_is_an_error(checkout: Path, file: str, text: str, said: str) -> None:
    (checkout / file).write_text(text)
    with pytest.raises(PressError, match=said):
        ranks.read(checkout)


def test_the_diagram_names_every_module_and_stays_within_its_frame() -> None:
    read = ranks.read(ROOT)
    drawn = ranks.svg(read)
    root = ET.fromstring(drawn)
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    names = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(names) == {*read.of, *map(str, read.of.values())}
    boxes = [
        [float(box.attrib[key]) for key in ("x", "y", "width", "height")]
        for box in root.iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert len(boxes) == len(read.of)
    assert all(left <= x and x + w <= width and top <= y and y + h <= height for x, y, w, h in boxes)
    for number, (x, y, w, h) in enumerate(boxes):
        assert all(x + w <= a or a + c <= x or y + h <= b or b + d <= y for a, b, c, d in boxes[number + 1 :])
    assert len(re.findall("<path", drawn)) == len(read.between())
    assert drawn == ranks.svg(ranks.read(ROOT))


def test_the_table_has_the_ranks_that_the_layering_is_held_to() -> None:
    from test_layering import RANKS

    assert ranks.read(ROOT).of == RANKS
