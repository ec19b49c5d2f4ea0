"""Opening the reader of a source: its settings and secrets resolved, its tokens kept fresh. The one
place that does it; whoever reads a source, looks at it or writes to it comes here."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from tenure.catalogue.filling import complete_source
from tenure.connectors.base import TokenSource
from tenure.readers.base import Reader, ReaderConfig, ReaderError
from tenure.readers.push import PushReader
from tenure.readers.registry import PUSH, UPLOAD, open_reader
from tenure.readers.upload import UploadReader
from tenure.sources.authorizing import party
from tenure.sources.models import Source, Upload
from tenure.sources.pushed_rows import stored_rows
from tenure.vault.authorizing import KeptTokens
from tenure.vault.services import resolve, resolve_all


def open_source(
    source: Source,
    *,
    file: Path | None = None,
    columns: Sequence[str] = (),
    tokens: TokenSource | None = None,
) -> Reader:
    """The source's reader. `file` is read instead of what the settings name; `columns` are those
    that the mapping reads, for people who are pushed: what was pushed has no others. `tokens` are
    those of a source that is not stored, which has none of its own.

    Raises `ReaderError`: settings, secrets or references that are wrong, each by its name.
    """
    try:
        settings = complete_source(
            source.catalogue_entry, source.reader, resolve_all(source.settings)
        )
        secrets = {name: resolve(text) for name, text in source.secrets.items()}
    except LookupError as error:
        raise ReaderError(f"{source.name} cannot be opened: {error}") from error
    if source.reader == PUSH:
        return PushReader(
            ReaderConfig(settings, file=file),
            columns=columns,
            stored=lambda: stored_rows(source, columns),
        )
    if source.reader == UPLOAD:
        return _uploaded(source, ReaderConfig(settings, file=file))
    return open_reader(
        source.reader,
        settings,
        secrets=secrets,
        tokens=tokens or (KeptTokens(party(source)) if source.oauth else None),
        file=file,
    )


def _uploaded(source: Source, config: ReaderConfig) -> UploadReader:
    """What was uploaded last, as a reader. By its slug: one that is being set up is not stored."""
    row = Upload.objects.filter(source__slug=source.slug).defer("records").first()

    def records() -> Sequence[Any] | None:
        found = Upload.objects.filter(source__slug=source.slug).first()
        return None if found is None else orjson.loads(zlib.decompress(found.records))

    return UploadReader(config, stored=records, partial=row is not None and not row.complete)
