"""A real Slurm of one node, with pretended GPUs, for tests: Debian's slurm-wlm and munge, as root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scaler.artifacts.writing import write_file

SYSTEM = Path("/etc/slurm/slurm.conf")  # jobs look for it there: Snakemake's plugin clears what the environment says
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
SECONDS_TO_START = 60
GPUS = 6
CONFIG = """\
ClusterName=test
SlurmctldHost={host}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={controller}
SlurmdPort={node}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MinJobAge=600
SlurmdParameters=config_overrides
MpiDefault=none
GresTypes=gpu
NodeName={host} CPUs={cpus} RealMemory=1000000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def is_possible() -> bool:
    """Whether all programs are installed, this is root, as the daemons must be, and no other Slurm is set up here."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return is_root and SYSTEM.parent.is_dir() and not SYSTEM.exists() and all(map(_program, PROGRAMS))


@contextmanager
def running_slurm(folder: Path) -> Iterator[dict[str, str]]:
    """A cluster that lives as long as the block.

    Yields:
        The environment variables that commands need to find it.
    """
    environment = {"SLURM_CONF": str(folder / "slurm.conf")}
    daemons = []
    try:
        SYSTEM.symlink_to(folder / "slurm.conf")
        for command in _commands(folder):  # which writes the configuration
            with (folder / f"{Path(command[0]).name}.out").open("w") as log:
                daemons.append(
                    subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log, cwd=folder)
                )
            time.sleep(0.5)
        _wait_until_idle(folder, environment)
        yield environment
    finally:
        SYSTEM.unlink()
        for daemon in reversed(daemons):
            daemon.terminate()
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(10)
            daemon.kill()
            daemon.wait()


def _commands(folder: Path) -> list[list[str]]:
    """Write the configuration; the daemons in the foreground, in the order of their start."""
    host = socket.gethostname().split(".")[0]
    for name in ("state", "spool", "key"):
        (folder / name).mkdir(parents=True)
    controller, node = _free_ports()
    values = {"host": host, "folder": folder, "controller": controller, "node": node, "cpus": 32, "gpus": GPUS}
    # The node pretends to have cores, memory and GPUs: only the number of jobs at a time matters here.
    write_file(folder / "slurm.conf", CONFIG.format(**values).encode())
    write_file(folder / "gres.conf", f"Name=gpu File={folder}/gpu[0-{GPUS - 1}]\n".encode())
    for number in range(GPUS):
        (folder / f"gpu{number}").touch()
    key = folder / "key" / "munge.key"
    write_file(key, os.urandom(1024))
    key.chmod(0o400)
    (folder / "key").chmod(0o700)
    return [
        [
            _program("munged"),
            "--foreground",
            "--force",  # the folder above may be one that all may write to
            f"--key-file={key}",
            f"--socket={folder}/munge.socket",
            f"--pid-file={folder}/munged.pid",
            f"--log-file={folder}/munged.log",
            f"--seed-file={folder}/munged.seed",
        ],
        [_program("slurmctld"), "-D", "-f", str(folder / "slurm.conf")],
        [_program("slurmd"), "-D", "-f", str(folder / "slurm.conf"), "-N", host],
    ]


def _wait_until_idle(folder: Path, environment: dict[str, str]) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        command = ["sinfo", "--noheader", "--format=%T"]
        found = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
        if found.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    logs = "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in sorted(folder.glob("*.[lo][ou][gt]")))
    raise RuntimeError(f"Slurm did not start within {SECONDS_TO_START} s: {found.stdout} {found.stderr}\n{logs}")


def _program(name: str) -> str:
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])) or ""


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("", 0))
        other.bind(("", 0))
        return one.getsockname()[1], other.getsockname()[1]
