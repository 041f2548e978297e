"""Remote storage of results: DVC against an S3 server on this machine. Needs the dependency group `remote`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.jobs import dvc_jobs
from tests.engines.tree import make_tree

pytestmark = pytest.mark.slow
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server with an empty bucket `labels`."""
    pytest.importorskip("dvc_s3")
    server_module = pytest.importorskip("moto.server")
    import boto3

    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="labels")
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def test_results_come_back_from_a_bucket(endpoint: str, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    line = next(line for line in dvc_jobs(tree) if "stages.prepare_data" in line)
    tree.dvc("repro", "prepare_data", **CREDENTIALS)
    before = tree.artifacts()
    assert "data/train.h5" in before
    tree.dvc("remote", "add", "--default", "store", "s3://labels/scaler")
    tree.dvc("remote", "modify", "store", "endpointurl", endpoint)
    tree.dvc("push", "prepare_data", **CREDENTIALS)
    for folder in ("results", ".dvc/cache", ".scaler"):
        shutil.rmtree(tree.root / folder)
    assert tree.artifacts() == {}
    tree.dvc("pull", "prepare_data", **CREDENTIALS)
    assert tree.artifacts() == before
    assert "current: results/data/train.h5" in tree.run(*line.split())


def test_snakemakes_own_storage_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("snakemake_storage_plugin_s3")
    tree = make_tree(tmp_path / "tree")
    text = tree.snakemake("-n", "--default-storage-provider", "s3", check=False)
    assert "docs/engines.md" in text
