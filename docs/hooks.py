"""MkDocs hooks: links out of docs/ lead to copies of the files, so that the site holds all that it names.

A page links to `../instances/reference/bank-assistant.yaml`, which is right in the repository's browser. On the site
that file is a page `repository/instances/reference/bank-assistant.yaml.md` with its text, and a folder is a list of its
files. Nothing is fetched from a forge, and a link to a file that does not exist fails the build.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

FOLDER = "repository"
"""Folder of the site with the copies."""
MOST_CHARACTERS = 200_000
"""Longer files are cut in their copy, which says so."""
_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)#\s]+)")
_FENCED = re.compile(r"^( *)(```+).*?^\1\2", re.MULTILINE | re.DOTALL)
_LANGUAGES = {
    ".csv": "text", ".json": "json", ".md": "md", ".py": "python", ".toml": "toml", ".txt": "text", ".yaml": "yaml",
}  # fmt: skip
"""Kinds of files that are copied from a folder, with the language of their highlighting."""
_UNSEARCHED = "---\nsearch: {exclude: true}\n---\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a copy of every file of the repository that a page, the navigation or a copy leads to."""
    root = Path(config.docs_dir).parent
    pages = {file.src_uri: file.content_string for file in files.documentation_pages()}
    for name in _in_navigation(config.nav):
        if name.startswith(f"{FOLDER}/"):
            pages[name] = ""
    waiting = [target for uri, text in pages.items() for target in [uri, *targets(text, uri, root)]]
    copied: set[str] = set()
    while waiting:
        uri = waiting.pop()
        path = repository_path(uri, root)
        inside = uri.startswith(f"{FOLDER}/") and not path.startswith("..")
        if uri in copied or not inside or not (root / path).exists():
            continue
        copied.add(uri)
        content = copy_of(root, path)
        files.append(File.generated(config, uri, content=content))
        waiting += targets(content, uri, root)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links out of docs/ lead to the copies."""
    return rewritten(markdown, page.file.src_uri, Path(config.docs_dir).parent)


def rewritten(markdown: str, uri: str, root: Path) -> str:
    """The text with links to pages of the site in place of links to files of the repository; code stays as it is."""
    parts, position = [], 0
    for code in _FENCED.finditer(markdown):
        parts += [_links_rewritten(markdown[position : code.start()], uri, root), code[0]]
        position = code.end()
    return "".join([*parts, _links_rewritten(markdown[position:], uri, root)])


def targets(markdown: str, uri: str, root: Path) -> list[str]:
    """Pages of the site that a page links to."""
    return [site_path(uri, link, root) for link in _LINK.findall(_FENCED.sub("", markdown))]


def site_path(uri: str, link: str, root: Path) -> str:
    """Where a link of a page leads on the site: to a page of docs/ itself, or to a copy."""
    here = repository_path(uri, root)
    folder = here if (root / here).is_dir() else posixpath.dirname(here)
    path = posixpath.normpath(posixpath.join(folder, link))
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    suffix = "/index.md" if (root / path).is_dir() else "" if path.endswith(".md") else ".md"
    return f"{FOLDER}/{path}{suffix}"


def repository_path(uri: str, root: Path) -> str:
    """The file or folder of the repository from which a page of the site comes."""
    if not uri.startswith(f"{FOLDER}/"):
        return f"docs/{uri}"
    path = uri.removeprefix(f"{FOLDER}/").removesuffix("/index.md")
    return path if (root / path).exists() else path.removesuffix(".md")


def copy_of(root: Path, path: str) -> str:
    """The page for a file or folder of the repository."""
    target = root / path
    if target.is_dir():
        return f"{_UNSEARCHED}# {path}\n\n" + "\n".join(_entries(target)) + "\n"
    text = target.read_text(encoding="utf-8")
    if target.suffix == ".md":
        return text
    whole = len(text) <= MOST_CHARACTERS
    cut = "" if whole else f"\nCut after {MOST_CHARACTERS:,} characters; the whole file is in the repository.\n"
    language = _LANGUAGES.get(target.suffix, "text")
    return f"{_UNSEARCHED}# {path}\n\n````{language}\n{text[:MOST_CHARACTERS].rstrip()}\n````\n{cut}"


def _entries(folder: Path) -> Iterator[str]:
    """Lines of the list of a folder; what is no text is named without a link."""
    for entry in sorted(folder.iterdir()):
        if entry.name[0] in "._":
            continue
        linked = entry.is_dir() or entry.suffix in _LANGUAGES
        yield f"- [{entry.name}]({entry.name})" if linked else f"- {entry.name}"


def _links_rewritten(markdown: str, uri: str, root: Path) -> str:
    here = posixpath.dirname(uri) or "."
    return _LINK.sub(lambda match: posixpath.relpath(site_path(uri, match[1], root), here), markdown)


def _in_navigation(entries: Any) -> Iterator[str]:
    """Every page that the navigation names."""
    if isinstance(entries, str):
        yield entries
    elif entries is not None:
        for entry in entries.values() if isinstance(entries, dict) else entries:
            yield from _in_navigation(entry)
