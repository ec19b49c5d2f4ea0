"""Files that were handed in on a page: kept in the database, so that whichever machine works on
them has them, and for as short as can be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

from tenure.audit.services import actor
from tenure.infra.clock import now
from tenure.setup.models import Upload

LARGEST: Final = 64 * 1024 * 1024
KEPT: Final = timedelta(days=7)


class UploadRefused(ValueError):
    """It cannot be kept. str() says why."""


def keep(source: str, name: str, file: IO[bytes], size: int) -> Upload:
    """Keep the file in place of the last one of this source. Raises `UploadRefused`."""
    if size > LARGEST:
        raise UploadRefused(
            f"{name} has {size // 1024**2} MiB, at most {LARGEST // 1024**2} MiB are taken by a "
            "page. Put it where Tenure can read it, and name the path."
        )
    content = file.read()
    if not content.strip():
        raise UploadRefused(f"{name} is empty. Choose a file with a first line of column names.")
    row, _ = Upload.objects.update_or_create(
        source=source,
        defaults={
            "name": Path(name).name[:300],
            "size": len(content),
            "content": content,
            "uploaded_by": actor()[:200],
            "uploaded_at": now(),
        },
    )
    return row


def latest(source: str) -> Upload | None:
    """The file of this source, without its content."""
    return Upload.objects.defer("content").filter(source=source).first()


@contextmanager
def as_file(source: str) -> Iterator[Path | None]:
    """The file of this source on this machine while it is needed; None where there is none."""
    row = Upload.objects.filter(source=source).first()
    if row is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="tenure-upload-") as folder:
        path = Path(folder) / _safe(row.name)
        path.write_bytes(bytes(row.content))
        yield path


def rename(source: str, to: str) -> None:
    """The file belongs to a source of another name."""
    Upload.objects.filter(source=to).delete()
    Upload.objects.filter(source=source).update(source=to)


def forget(source: str) -> None:
    """It is not needed any more."""
    Upload.objects.filter(source=source).delete()


def tidy() -> int:
    """Files that nobody came back for. Returns how many."""
    return Upload.objects.filter(uploaded_at__lte=now() - KEPT).delete()[0]


def _safe(name: str) -> str:
    """Told in messages: what it is called, without what a file system minds."""
    plain = "".join(c if c.isalnum() or c in "._- " else "_" for c in Path(name).name)
    return plain.lstrip(".")[-120:] or "upload"
