"""Make docs/integrations and the catalogue's index: `python tools/integrations.py`.

A test compares what this would write with what is there.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "integrations"


def made() -> dict[Path, str]:
    """Every file that is made, and what is in it."""
    from tenure.catalogue import filling, pages
    from tenure.catalogue.index import INDEX, SOURCES_INDEX, Listed
    from tenure.catalogue.loading import ENTRIES, SOURCES, index_text, read, read_source
    from tenure.catalogue.source_pages import source_page
    from tenure.configuration.proposing import block, prepare
    from tenure.configuration.proposing_sources import prepare_source, source_block

    entries = [read(path) for path in sorted(ENTRIES.glob("*.yaml"))]
    files = {INDEX: index_text(entries)}
    sources = [read_source(path) for path in sorted(SOURCES.glob("*.yaml"))]
    files[SOURCES_INDEX] = index_text(sources)
    rows = sorted((Listed.of(item) for item in entries), key=lambda row: row.name.casefold())
    places = sorted((Listed.of(item) for item in sources), key=lambda row: row.name.casefold())
    files[DOCS / "README.md"] = pages.index_page(rows, places)
    for entry in entries:
        text = block(*prepare(entry, answers=filling.examples(entry)))
        files[DOCS / f"{entry.slug}.md"] = pages.page(entry, text)
    for source in sources:
        text = source_block(*prepare_source(source, answers=filling.examples(source)))
        files[DOCS / f"{source.slug}.md"] = source_page(source, text)
    return files


def main() -> None:
    files = made()
    DOCS.mkdir(parents=True, exist_ok=True)
    for path in DOCS.glob("*.md"):
        if path not in files:
            path.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    print(f"{len(files)} files")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    main()
