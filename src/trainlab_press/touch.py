"""The interactive figure below a live one: its element, which a script of the same name draws from a file of data."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from trainlab_press.elements import add
from trainlab_press.errors import PressError, did_you_mean
from trainlab_press.press import Press

SCRIPTS = "docs/assets/touch"
SHARED = "parts"
"""The script that all figures use."""

WAIT = "The interactive figure comes here. It needs JavaScript; the picture above shows the same runs. "


def append(press: Press, parent: ET.Element, name: str) -> None:
    """Append the live figure of an experiment and, below it, its interactive one.

    The figure is what a reader without JavaScript has. The link to the data is an ordinary one, so that MkDocs checks
    it and makes it an address; the script takes the address from there.

    Args:
        press: Of the running conversion.
        parent: Where both go.
        name: The experiment's.

    Raises:
        PressError: The experiment has no interactive figure, or the figure no script.
    """
    picture = add(add(parent, "p"), "img", src=f"fig:{name}", alt="")
    picture.text = None
    try:
        figure = press.live.touch(name)["figure"]
    except PressError as error:
        raise PressError(f"!touch {name}: {error}") from None
    known = [script.stem for script in (press.root / SCRIPTS).glob("*.js") if script.stem != SHARED]
    if not re.fullmatch(r"[a-z]+", str(figure)) or figure not in known:
        hint = did_you_mean(str(figure), known) or f"; there are {', '.join(sorted(known)) or 'none'}"
        raise PressError(f"!touch {name}: there is no {SCRIPTS}/{figure}.js{hint}")
    element = add(parent, f"touch-{figure}", class_="touch", id=f"touch-{name}", data_name=name)
    wait = add(element, "p", WAIT, class_="touch-wait")
    add(wait, "a", "The data of the interactive figure", href=press.href(f"touch/{name}.json"), class_="touch-data")
