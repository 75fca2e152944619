"""S3 as moto serves it, over HTTP, for an unmodified boto3."""

from __future__ import annotations

import json
import os
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.architecture.source import ROOT

POLICY = ROOT / "deploy/aws/heads-policy.json"
POLICY_OF_REPORTS = ROOT / "deploy/aws/evidence-policy.json"
BUCKET, PREFIX = "drsorch-heads", "audit"


@dataclass
class S3:
    """A server with one bucket, which locks its objects, and the environment that leads drsorch to it."""

    url: str
    patched: pytest.MonkeyPatch

    def client(self, service: str = "s3") -> Any:
        """Who may do everything."""
        create: Any = boto3.client
        return create(
            service,
            region_name="eu-central-1",
            endpoint_url=self.url,
            aws_access_key_id="owner",
            aws_secret_access_key="secret",
        )

    def keys(self) -> list[str]:
        return [each["Key"] for each in self.client().list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    def limit(self, without: str = "", policy_of: Path = POLICY) -> None:
        """drsorch's identity now has the documented policy alone, without one action of it."""
        policy = policy_of.read_text().replace("BUCKET", BUCKET).replace("PREFIX", PREFIX)
        document = json.loads(policy)
        for statement in document["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            statement["Action"] = [action for action in actions if action != without] or ["s3:GetBucketTagging"]
        iam = self.client("iam")
        iam.create_user(UserName="drsorch")
        iam.put_user_policy(UserName="drsorch", PolicyName="heads", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName="drsorch")["AccessKey"]
        self.patched.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        self.patched.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        self._post("reset-auth", b"0")

    def unlimited(self) -> None:
        """Whoever asks may do everything, as in the beginning."""
        self._post("reset-auth", b"inf")

    def _post(self, what: str, body: bytes = b"") -> None:
        as_it_is = {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/{what}", body, as_it_is)).close()


@contextmanager
def s3() -> Iterator[S3]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patched.delenv(name)
        served = S3(f"http://{host}:{port}", patched)
        patched.setenv("AWS_ENDPOINT_URL_S3", served.url)
        patched.setenv("AWS_ACCESS_KEY_ID", "drsorch")
        patched.setenv("AWS_SECRET_ACCESS_KEY", "not-checked")
        served.client().create_bucket(
            Bucket=BUCKET,
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
            ObjectLockEnabledForBucket=True,
        )
        try:
            yield served
        finally:
            served.unlimited()
            served._post("reset")
            _stop(server, host, port)


def _stop(server: ThreadedMotoServer, host: str, port: int) -> None:
    """Its loop looks twice a second whether it is to end, and whenever somebody connects."""
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    while stopping.is_alive():
        with suppress(OSError):
            socket.create_connection((host, port), timeout=0.1).close()
        stopping.join(0.01)
    if server._server is not None:
        server._server.server_close()
