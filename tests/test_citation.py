"""CITATION.cff is valid, and says of the package what pyproject.toml says.

cff-1.2.0.schema.json is the schema of the Citation File Format (Druskat et al., CC BY 4.0), with other line breaks.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((ROOT / "tests" / "cff-1.2.0.schema.json").read_text())


def citation() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text())


def test_the_citation_is_valid() -> None:
    jsonschema.validate(citation(), SCHEMA, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("change", [{"type": "book"}, {"authors": []}, {"licence": "MIT"}])
def test_a_wrong_citation_is_not(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**citation(), **change}, SCHEMA)


def test_it_agrees_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (citation()["version"], citation()["license"]) == (project["version"], project["license"])
    assert set(project["keywords"]) <= set(citation()["keywords"])
