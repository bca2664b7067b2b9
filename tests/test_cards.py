"""The pictures that pages are shared with."""

import io
from pathlib import Path

import pytest
from PIL import Image

from trainlab_press.cards import HEIGHT, WIDTH, Card, Cards, first_figure

ASSETS = Path(__file__).parents[1] / "docs" / "assets"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10" style="fill: {}"/></svg>'
)
FIGURE = SVG.format("var(--fig-2, #c14a00)")
ORANGE = (0xC1, 0x4A, 0x00)


def near(color: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 12 for a, b in zip(color, other, strict=True))


def pixels(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def test_a_card_has_the_size_and_shows_the_figure_in_its_own_colour(tmp_path: Path) -> None:
    png = Cards(ASSETS, tmp_path).draw(Card("Optimizers", "Fourteen of them.", FIGURE))
    image = pixels(png)
    assert image.size == (WIDTH, HEIGHT) == (1200, 630)
    assert len(png) < 60_000
    assert near(image.getpixel((830, 310)), ORANGE)  # pyright: ignore[reportArgumentType]
    assert near(image.getpixel((1190, 10)), (255, 255, 255))  # pyright: ignore[reportArgumentType]


def test_the_title_is_in_the_picture(tmp_path: Path) -> None:
    cards = Cards(ASSETS, tmp_path)
    one, other, none = (cards.draw(Card(title, "")) for title in ("Optimizers", "Schedules", ""))
    dark = [sum(image.histogram()[:100]) for image in map(pixels, (one, other, none))]
    assert dark[0] != dark[1]
    assert min(dark[:2]) > dark[2] + 3000


def test_a_long_title_is_broken_into_lines_that_stay_beside_the_figure(tmp_path: Path) -> None:
    cards = Cards(ASSETS, tmp_path)
    image = pixels(cards.draw(Card("Vanishing and exploding gradients", "", FIGURE)))
    assert near(image.getpixel((500, 180)), (255, 255, 255))  # pyright: ignore[reportArgumentType]


def test_the_same_card_is_the_same_bytes_and_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = Card("Optimizers", "Fourteen of them.", FIGURE)
    first = Cards(ASSETS, tmp_path / "a").draw(card)
    assert Cards(ASSETS, tmp_path / "b").draw(card) == first
    monkeypatch.setattr(Cards, "_pixels", lambda self, card: pytest.fail("drawn again"))
    assert Cards(ASSETS, tmp_path / "a").draw(card) == first
    with pytest.raises(pytest.fail.Exception):
        Cards(ASSETS, tmp_path / "a").draw(Card("Optimizers", "Fifteen of them.", FIGURE))


def test_the_first_figure_of_a_page_is_found(tmp_path: Path) -> None:
    words = FIGURE.replace("<rect", "<title>a</title><desc>b</desc><rect", 1)
    other = SVG.format("#000000")
    page = f'<svg id="icon"></svg><figure class="live" id="fig-a"><div>{words}</div></figure>'
    page += f'<figure class="live" id="fig-b"><div>{other}</div></figure>'
    assert first_figure(page, tmp_path) == FIGURE
    assert first_figure("<p>none</p>", tmp_path) == ""


def test_the_first_image_of_a_lab_is_found_and_drawn(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), ORANGE).save(tmp_path / "figure-1.png")
    shown = '<img alt="x" src="figure-1.png"/>'
    page = f'<div class="output"><pre>1</pre></div><div class="output">{shown}</div>'
    image = pixels(Cards(ASSETS, tmp_path).draw(Card("A lab", "", first_figure(page, tmp_path))))
    assert near(image.getpixel((830, 310)), ORANGE)  # pyright: ignore[reportArgumentType]
