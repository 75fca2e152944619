"""Heads of the audit trail in a bucket of S3: an object for each day, which is never overwritten."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from audit.places import SUFFIX
from drs.objects import Bucket
from protection.gateways import asking_aws


class BucketPlace:
    """`s3://bucket/prefix`: the objects whose keys are `prefix/NAME.jsonl`; or the one that the address names."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        bucket, _, path = self._address.removeprefix("s3://").partition("/")
        self._bucket = Bucket(bucket)
        folder, slash, name = path.rpartition("/")
        self._only = name if name.endswith(SUFFIX) else ""
        self._prefix = f"{folder}{slash}" if self._only else f"{path}/" if path else ""

    def __str__(self) -> str:
        return self._address

    def names(self) -> list[str]:
        if self._only:
            return [self._only]
        with asking_aws("ListObjectsV2"):
            names = [key.removeprefix(self._prefix) for key in self._bucket.keys(self._prefix)]
        return sorted(name for name in names if name.endswith(SUFFIX) and "/" not in name)

    @contextmanager
    def reading(self, name: str) -> Iterator[Iterable[bytes]]:
        with asking_aws("GetObject"):
            content = self._bucket.read(self._prefix + name)
        yield io.BytesIO(content)

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """If there is such an object by then, that one stays: another worker was first."""
        with io.BytesIO() as file:
            yield file
            with asking_aws("PutObject"):
                self._bucket.write_once(self._prefix + name, file.getvalue())
