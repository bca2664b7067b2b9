"""What follows a heading far down a page stands in a box, which a browser can lay out later."""

from markdown import Markdown

from trainlab_press.passages import FAR

LONG = "x" * FAR


def converted(text: str) -> str:
    return Markdown(extensions=["footnotes", "toc", "trainlab_press.passages"]).convert(text)


def test_what_stands_before_a_far_heading_and_headings_stay_outside() -> None:
    html = converted(f"# Title\n\n## One\n\na\n\n{LONG}\n\nb\n\n## Two\n\nc\n\nd\n\n### Three\n\ne")
    assert html == (
        f'<h1 id="title">Title</h1>\n<h2 id="one">One</h2>\n<p>a</p>\n<p>{LONG}</p>\n<p>b</p>\n'
        '<h2 id="two">Two</h2>\n<div class="passage"><p>c</p>\n<p>d</p>\n</div>\n'
        '<h3 id="three">Three</h3>\n<div class="passage"><p>e</p>\n</div>'
    )


def test_no_box_is_empty_and_notes_have_theirs() -> None:
    html = converted(f"a[^1]\n\n{LONG}\n\n## One\n\n## Two\n\n[^1]: kept")
    assert html.count('class="passage"') == 1
    assert html.index("Two") < html.index('class="passage"') < html.index("kept")


def test_a_short_page_stays_as_it_was() -> None:
    text = f"# Title\n\n## One\n\na\n\n> ### b\n\n{LONG}"
    assert converted(text) == Markdown(extensions=["toc"]).convert(text)
