"""Objects of one S3 bucket, written once. The calls are made by `drs.aws`, as drsorch's own identity."""

from __future__ import annotations

from collections.abc import Iterator

from drs import failures
from drs.aws import client_for
from drs.errors import Rejected
from drs.port import Endpoint

#: What S3 answers to a conditional write if there is such an object; and if another is being written at that moment:
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_IS_THERE = "PreconditionFailed"


class Bucket:
    """Every method raises a `drs.errors.DrsError` and nothing else, and may take as long as a call: up to 45 s."""

    def __init__(self, name: str) -> None:
        self._endpoint = Endpoint(region="", bucket=name)
        self._name = name

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin so, in their order."""
        params = {"Bucket": self._name, "Prefix": prefix}
        while True:
            answer = client_for(self._endpoint).ask("s3", "ListObjectsV2", params)
            yield from (str(item["Key"]) for item in answer.get("Contents") or ())
            token = answer.get("NextContinuationToken")
            if not token or token == params.get("ContinuationToken"):
                return
            params["ContinuationToken"] = token

    def read(self, key: str) -> bytes:
        body = client_for(self._endpoint).ask("s3", "GetObject", {"Bucket": self._name, "Key": key})["Body"]
        return bytes(body)

    def write_once(self, key: str, body: bytes) -> bool:
        """Create the object. False if there is one with this key already, which stays as it is.

        The checksum is what a bucket with Object Lock asks for.
        """
        params = {
            "Bucket": self._name, "Key": key, "Body": body, "IfNoneMatch": "*", "ChecksumAlgorithm": "SHA256",
            "ContentType": "application/jsonl",
        }  # fmt: skip
        try:
            answer = client_for(self._endpoint).ask("s3", "PutObject", params)
        except Rejected as refusal:
            if refusal.code == _IS_THERE:
                return False
            raise
        if not answer.get("ETag"):  # a proxy's page, not S3's answer
            raise failures.without_answer(self._endpoint, "PutObject", "returned an unreadable answer.")
        return True
