"""Makes the built lab pages light and whole.

mkdocs-jupyter renders an executed notebook into a page of about 680 KB: JupyterLab's whole style sheet, scripts that
call a CDN, images inside the page and without a text alternative, TeX, notes and links to .md files left as they were
written. This step keeps the code and its outputs, takes the images into files of their own, renders the text cells as
every chapter is rendered, and leaves the rest out: the site's own style sheet covers what remains, in light and dark.
On every page the theme's script is deferred, code keeps the elements that give it a colour of its own, and the style
sheets of what is not there, TeX or a reference, are left out: a browser would wait for all of them. A rule and an
element of the theme that each have the browser style a page twice more go too. And faults of the theme are mended: the
search dialog has no name, and labels in the menu have an empty tabindex.
"""

from __future__ import annotations

import base64
import json
import posixpath
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag
from markdown import Markdown
from markdown.extensions.toc import unique

from trainlab_press import colab
from trainlab_press.errors import PressError
from trainlab_press.leftovers import Leftovers

ARTICLE = re.compile(r"(<article\b[^>]*>)(.*)(</article>)", re.DOTALL)
HEAVY = re.compile(r"<(script|style)\b.*?</\1>", re.DOTALL)
EXTENSIONS = [
    "admonition",
    "attr_list",
    "footnotes",
    "tables",
    "toc",
    "pymdownx.details",
    "pymdownx.superfences",
    "trainlab_press.math",
    "trainlab_press.table_boxes",
]
SEARCH = 'data-md-component="search" role="dialog"'
BUNDLE = re.compile(r'<script src=(?="[^"]*/bundle\.[^"]*\.js">)')
"""The theme's script, for which a page need not wait: the others are deferred too, and come after it."""

NAMES = re.compile(r'<span class="(?:n|w)">(.*?)</span>', re.DOTALL)
"""Names and spaces in code, which look like the text around them."""

CODE = re.compile(r"<pre\b.*?</pre>", re.DOTALL)

SHEETS = {"katex.min.css": 'class="katex', "_mkdocstrings.css": 'class="doc '}
"""Style sheets, and what is on the pages that need them."""

SWITCHING = re.compile(r"(?<=\})[^{}]*\[data-md-color-switching\] \*[^{}]*\{[^}]*\}")
"""A rule for every element, set and taken back while a page loads: the browser styles the whole page twice more for it.
Without it, colours that fade when the pointer passes also fade when the scheme is switched."""

SCHEME = '{name:"color-scheme"}'
"""Where the theme's script makes an element that names the scheme, upon which Chromium styles the page twice more.
book.css says the same of the root. Under another name the element is without effect."""

PNG = "data:image/png;base64,"
NO_ALT = "No description has been provided for this image"


def lighten(site: Path, repository: str = "") -> None:
    """Clean every lab page of a built site in place; a second time changes nothing.

    Args:
        site: The folder that `mkdocs build` filled.
        repository: Where Colab finds the labs, as owner/name; "" where that is not known.

    Raises:
        PressError: When a lab has a broken link, a TeX error, a request to another host, or an image without a text.
    """
    for page in sorted(site.rglob("*.html")):
        before = page.read_text("utf-8")
        after = before.replace(SEARCH + ">", SEARCH + ' aria-label="Search">').replace(' tabindex="">', ">")
        if 'class="jupyter-wrapper"' in after:
            folder = page.parent.relative_to(site).as_posix()
            try:
                after = ARTICLE.sub(lambda m, p=page: m[1] + _lab(site, p, m[2], repository) + m[3], after, count=1)
            except PressError as error:
                raise PressError(f"{folder}: {error}") from None
        after = BUNDLE.sub(r"<script defer src=", after)
        after = CODE.sub(lambda code: NAMES.sub(r"\1", code[0]), after)
        for sheet, needed in SHEETS.items():
            if needed not in after:
                after = re.sub(rf'\n? *<link rel="stylesheet" href="[^"]*{re.escape(sheet)}">', "", after)
        if after != before:
            page.write_text(after, "utf-8")
    for sheet in site.glob("assets/stylesheets/palette.*.css"):
        sheet.write_text(SWITCHING.sub("", sheet.read_text("utf-8")), "utf-8")
    for script in site.glob("assets/javascripts/bundle.*.js"):
        script.write_text(script.read_text("utf-8").replace(SCHEME, '{name:"theme-scheme"}'), "utf-8")


def _lab(site: Path, page: Path, article: str, repository: str) -> str:
    """Write the content of a lab page anew from what mkdocs-jupyter rendered and the notebook beside it."""
    source = page.parent / f"{page.parent.name}.ipynb"
    if not source.is_file():
        raise PressError(f"{source.name} does not lie beside the page; set mkdocs-jupyter's include_source: true")
    notebook = json.loads(source.read_text("utf-8"))
    rendered = BeautifulSoup(HEAVY.sub("", article), "html.parser").select('[id^="cell-id="]')
    if len(rendered) != len(notebook["cells"]):
        raise PressError(f"{len(rendered)} cells on the page, {len(notebook['cells'])} in {source.name}; build again")
    lab = BeautifulSoup("", "html.parser")
    alts, ids = _alts(notebook), set()
    for html, cell in zip(rendered, notebook["cells"], strict=True):
        lab.extend(_text(cell, ids) if cell["cell_type"] == "markdown" else _code(html, alts))
    for number, img in enumerate(lab.select(".output img[src]"), 1):
        _into_file(img, page.parent / f"figure-{number}.png", late=number > 1)
    _check_hosts(lab)
    for link in lab.select("a[href]"):
        link["href"] = _address(site, page.parent.relative_to(site).as_posix(), str(link["href"]))
    if lab.h1 is None:
        raise PressError(f"{source.name} has no title; begin its first text cell with # and the title")
    lab.h1.insert_after(_ways(lab, page.parent, repository))
    return f'\n<div class="lab">\n{lab}\n</div>\n'


def _ways(lab: BeautifulSoup, folder: Path, repository: str) -> Tag:
    """The ways to take a lab along: as a notebook, as a script, to Colab. A script adds a button to copy the link."""
    name, ways = folder.name, lab.new_tag("p", attrs={"class": "download"})
    ways.append(lab.new_tag("a", href=f"{name}.ipynb", download="", string="Download the notebook"))
    if (folder.parent / f"{name}.py").is_file():
        ways.extend([" · ", lab.new_tag("a", href=f"../{name}.py", download="", string="Download the script")])
    if repository:
        ways.extend([" · ", lab.new_tag("a", href=colab.address(repository, name), string="Open in Colab")])
    return ways


def _text(cell: dict[str, Any], ids: set[str]) -> list[Any]:
    """Render a text cell as chapters are rendered; headings get the ids that the table of contents links to."""
    md = Markdown(extensions=EXTENSIONS, extension_configs={"toc": {"permalink": "#"}})
    html = md.convert("".join(cell["source"]))
    soup = BeautifulSoup(Leftovers(md).run(html), "html.parser")
    for heading in soup.select("h1[id], h2[id], h3[id], h4[id], h5[id], h6[id]"):
        heading["id"] = unique(str(heading["id"]), ids)
        for link in heading.select("a.headerlink"):
            link["href"] = f"#{heading['id']}"
            link["title"] = "Link to this section"
    return list(soup.contents)


def _code(html: Tag, alts: dict[str, str]) -> Iterator[Tag]:
    """Keep a code cell's source, in the markup that Material colours and copies, and its outputs."""
    for block in html.select(".highlight-ipynb"):
        block["class"] = "highlight"
        for pre in block.select("pre"):
            code = BeautifulSoup("<code></code>", "html.parser").code
            assert code is not None
            code.extend(list(pre.contents))
            pre.append(code)
        yield block
    for output in html.select(".jp-OutputArea-output"):
        output["class"] = "output"
        for head in output.select("table.dataframe th"):
            head["scope"] = "col" if head.find_parent("thead") else "row"
            head.attrs.pop("valign", None)
        for img in output.select("img"):
            if img.get("alt", NO_ALT) in {NO_ALT, ""}:
                img["alt"] = _alt(str(img.get("src", "")), alts)
            img.attrs.pop("class", None)
            output.attrs.pop("tabindex", None)  # nothing to scroll
        yield output


def _into_file(img: Tag, file: Path, late: bool) -> None:
    """Write an image beside the page, and say how large it is, so that nothing moves when it comes."""
    if not (source := str(img["src"])).startswith(PNG):
        return
    content = base64.b64decode("".join(source.removeprefix(PNG).split()))
    file.write_bytes(content)
    width, height = struct.unpack(">II", content[16:24])  # where every PNG has them
    img.attrs |= {"src": file.name, "width": str(width), "height": str(height)}
    if late:
        img["loading"] = "lazy"


def _alts(notebook: dict[str, Any]) -> dict[str, str]:
    """Map each image of a notebook to its text: what the output's metadata says, else the cell's."""
    found: dict[str, str] = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            for mime, data in output.get("data", {}).items():
                said = output.get("metadata", {})
                text = said.get(mime, {}).get("alt") or said.get("alt") or cell.get("metadata", {}).get("alt", "")
                if mime.startswith("image/"):
                    found["".join("".join(data).split())] = text
    return found


def _alt(src: str, alts: dict[str, str]) -> str:
    text = alts.get("".join(src.partition("base64,")[2].split()), "")
    if not text:
        raise PressError('an image has no text alternative; display it with metadata={"alt": "what it shows"}')
    return text


def _check_hosts(lab: BeautifulSoup) -> None:
    for element in lab.select("[src]"):
        if urlsplit(str(element["src"])).netloc:
            raise PressError(f"{element['src']} would be fetched from another host; keep the file in docs/assets")


def _address(site: Path, folder: str, href: str) -> str:
    """Turn a link to a source file, as in chapters, into one that holds on the built page.

    A link may start at docs/labs, where the lab is written, or at docs/live/labs, where its notebook lies.
    """
    parts = urlsplit(href)
    if parts.scheme or parts.netloc or not parts.path:
        return href
    path = re.sub(r"(^|/)index\.md$", r"\1", parts.path)
    for base in (posixpath.dirname(folder), "labs"):
        target = posixpath.normpath(posixpath.join(base, re.sub(r"\.(md|ipynb)$", "", path)))
        file = site / target
        page = file / "index.html"
        if target.startswith("..") or not (page.is_file() or file.is_file()):
            continue
        if parts.fragment and f'id="{parts.fragment}"' not in page.read_text("utf-8"):
            raise PressError(f"link {href}: that page has no #{parts.fragment}; link to one of its headings")
        address = posixpath.relpath(target, folder) + ("/" if page.is_file() else "")
        return parts._replace(path=address).geturl()
    raise PressError(f"link {href} leads nowhere; write it relative to docs/labs, such as ../optimizers.md")
