import base64
import hashlib
import re
from pathlib import Path

import pytest

from trainlab_press.errors import PressError
from trainlab_press.policy import policy, secure, with_policy

PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>T</title>
<script>let a = "</" + "b>";\r\nrun(a && 1)</script></head>
<body><p>text</p><pre>&lt;script&gt;shown()&lt;/script&gt;</pre>
<script id="__config" type="application/json">{"base": "."}</script>
<script src="bundle.js"></script><script type="module">go()</script>
</body></html>
"""


def rules(text: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (rule.split() for rule in text.split("; "))}


def digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def test_each_inline_script_is_allowed_by_its_hash_and_data_is_not_counted() -> None:
    allowed = rules(policy(PAGE))["script-src"]
    assert allowed == ["'self'", digest('let a = "</" + "b>";\nrun(a && 1)'), digest("go()")]


def test_everything_else_comes_from_the_site_itself() -> None:
    found = rules(policy(PAGE))
    assert found["default-src"] == ["'none'"]
    assert [name for name, values in found.items() if "'unsafe-inline'" in values] == ["style-src"]
    outside = [value for values in found.values() for value in values if not value.startswith("'") and value != "data:"]
    assert outside == []


def test_the_policy_stands_before_the_first_script_and_only_once() -> None:
    once = with_policy(PAGE)
    assert once.index("Content-Security-Policy") < once.index("<script")
    assert with_policy(once) == once
    assert re.sub(r"\n *<meta http-equiv[^>]*>", "", once) == PAGE


def test_every_page_of_a_site_gets_one(tmp_path: Path) -> None:
    for name in ("index.html", "a/index.html", "404.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(PAGE, encoding="utf-8")
    secure(tmp_path)
    assert all("Content-Security-Policy" in page.read_text("utf-8") for page in tmp_path.rglob("*.html"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<p>text</p>", '<p onclick="go()">text</p>', r"<p onclick=...> is an inline handler"),
        ('<meta charset="utf-8">', "", r'no <meta charset="utf-8">'),
    ],
)
def test_what_no_policy_can_serve_is_refused_with_its_page(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "index.html").write_text(PAGE.replace(old, new), encoding="utf-8")
    with pytest.raises(PressError, match=r"index.html: " + re.escape(message)):
        secure(tmp_path)
