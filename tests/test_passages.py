"""What follows a heading stands in a box, which a browser can lay out later."""

from markdown import Markdown


def converted(text: str) -> str:
    return Markdown(extensions=["footnotes", "toc", "trainlab_press.passages"]).convert(text)


def test_what_stands_before_the_first_heading_and_headings_stay_outside() -> None:
    html = converted("# Title\n\nfirst\n\n## One\n\na\n\nb\n\n### Two\n\nc")
    assert html == (
        '<h1 id="title">Title</h1>\n<p>first</p>\n'
        '<h2 id="one">One</h2>\n<div class="passage"><p>a</p>\n<p>b</p>\n</div>\n'
        '<h3 id="two">Two</h3>\n<div class="passage"><p>c</p>\n</div>'
    )


def test_no_box_is_empty_and_notes_have_theirs() -> None:
    html = converted("a[^1]\n\n## One\n\n## Two\n\n[^1]: kept")
    assert html.count('class="passage"') == 1
    assert html.index("Two") < html.index('class="passage"') < html.index("kept")


def test_a_page_without_headings_stays_as_it_was() -> None:
    assert converted("# Title\n\na\n\n> ### b") == Markdown(extensions=["toc"]).convert("# Title\n\na\n\n> ### b")
