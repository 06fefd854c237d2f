"""What mkdocs does beside its own work: pages from outside of docs, links to them, the diagram.

GitHub shows ``docs`` as it lies there. On the site README, CONTRIBUTING, SECURITY and CHANGELOG are
pages of the folder ``project``, so that no link leads out of it, and the diagram of the
architecture is the picture that ``make pages`` draws of it: a browser would have to load mermaid
from a CDN.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files


ROOT = Path(__file__).resolve().parents[1]
FOLDER = "project"
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
FILES = ("config.json", "LICENSE")
"""Files that pages link to, taken along as they are."""
INDEX = {"docs/README.md": "docs/index.md"}
"""GitHub's list of pages; the site has its navigation."""
DIAGRAM = re.compile(r"```mermaid\n.*?```", re.DOTALL)
PICTURE = """![The packages and which of them import which](pictures/architecture.svg)

*Thin lines: imports to which another way of arrows leads as well.*"""
COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
"""Marks of what is generated; a table right behind one would not be seen as a table."""
LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)]*)?\))")


def on_files(files: Files, config: Any) -> Files:
    """Add what lies outside of docs."""
    for name in PAGES:
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, f"{FOLDER}/{name.lower()}", content=text))
    for name in FILES:
        path = str(ROOT / name)
        files.append(File.generated(config, f"{FOLDER}/{name}", abs_src_path=path))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links as they are on the site, and the picture in place of the diagram."""
    return linked(COMMENT.sub("\n", DIAGRAM.sub(PICTURE, markdown)), page.file.src_uri)


def linked(markdown: str, page: str) -> str:
    """A page's text with its links to files of the repository made links of the site.

    :param page: its path on the site, e.g. ``project/readme.md``
    """
    here = posixpath.dirname(repository_path(page))

    def site(found: re.Match[str]) -> str:
        before, target, after = found.groups()
        if "://" in target or target.startswith("mailto:"):
            return found.group()
        there = posixpath.normpath(posixpath.join(here, target))
        name = site_path(INDEX.get(there, there))
        return f"{before}{posixpath.relpath(name, posixpath.dirname(page) or '.')}{after}"

    return LINK.sub(site, markdown)


def repository_path(page: str) -> str:
    """Path in the repository of a page of the site."""
    folder, _, name = page.rpartition("/")
    return name.replace(".md", "").upper() + ".md" if folder == FOLDER else f"docs/{page}"


def site_path(path: str) -> str:
    """Path on the site of a file of the repository; unchanged where the site has none."""
    if path in PAGES:
        return f"{FOLDER}/{path.lower()}"
    if path in FILES:
        return f"{FOLDER}/{path}"
    return path.removeprefix("docs/")
