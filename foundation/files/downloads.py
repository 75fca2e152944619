"""Files that are written while they are sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.http import StreamingHttpResponse

from foundation.files.csv_text import MEDIA_TYPE, Cell, whole_file


def csv_download(name: str, columns: Sequence[str], rows: Iterable[Iterable[Cell]]) -> StreamingHttpResponse:
    """CSV as a file of that name. Where `rows` raises, the connection is cut: there is no last line,
    and, where HTTP shows the end of an answer, a client sees that it broke off."""
    response = StreamingHttpResponse(whole_file(columns, rows), content_type=MEDIA_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    # Not to be gathered by a proxy: the first rows are there at once.
    response["X-Accel-Buffering"] = "no"
    return response
