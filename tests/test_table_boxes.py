"""Each table of a page stands in a box that scrolls, which the theme's script leaves alone."""

from markdown import Markdown

TABLE = "before\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\nafter"


def converted(text: str) -> str:
    return Markdown(extensions=["admonition", "attr_list", "tables", "trainlab_press.table_boxes"]).convert(text)


def test_a_table_stands_in_a_box_between_what_stood_around_it() -> None:
    html = converted(TABLE)
    assert html.startswith('<p>before</p>\n<div class="wide">')
    assert html.endswith("</div>\n<p>after</p>")
    assert html.count('<div class="wide">') == html.count('<table class="plain">') == html.count("<table") == 1


def test_a_table_in_a_note_has_its_box_there() -> None:
    html = converted("!!! note\n\n" + "\n".join(f"    {line}" for line in TABLE.splitlines()))
    assert html.startswith('<div class="admonition note">')
    assert html.count('<div class="wide">') == 1
    assert html.endswith("</div>\n<p>after</p>\n</div>")


def test_a_page_without_tables_stays_as_it_was() -> None:
    assert converted("before\n\nafter") == "<p>before</p>\n<p>after</p>"
