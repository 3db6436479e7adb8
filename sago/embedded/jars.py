"""The jars of real Kafka and Cassandra: brought once by Maven into the user's cache, checked at every start.

What Maven is asked for stands in `poms/<name>.xml`; the jars we tested with, and their sha256, in
`poms/<name>.sha256`. Only those are run, whatever else Maven brings.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from sago.embedded.processes import Step, quietly
from sago.errors import ConfigError

JarsName = Literal["kafka", "cassandra"]
VERSIONS: dict[JarsName, str] = {"kafka": "3.9.1", "cassandra": "5.0.4"}
POMS = Path(__file__).resolve().parent / "poms"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
"""Named in full: a prefix is looked up in the net first, and its failure hides the cause."""
OLDEST_JAVA = 17
MAVEN_WITHIN = 900.0
"""Seconds; a slow line brings 66 MB of jars in a few minutes."""


def missing() -> str | None:
    """None when the servers can be run here, else one line that says what is missing and how to mend it."""
    try:
        java_binary()
    except ConfigError as error:
        return str(error)
    if all(jars_folder(name).is_dir() for name in VERSIONS) or shutil.which("mvn"):
        return None
    return "no Maven: install it (Debian: apt-get install maven), its `mvn` fetches the servers' jars once"


def java_binary() -> Path:
    """The `java` of JAVA_HOME, else of PATH; raises ConfigError when there is none, or it is too old."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home, "bin", "java")) if home else shutil.which("java")
    mend = f"install JDK {OLDEST_JAVA} (Debian: apt-get install openjdk-{OLDEST_JAVA}-jdk-headless) or set JAVA_HOME"
    if found is None:
        raise ConfigError(f"no Java on PATH: {mend}")
    try:
        told = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError(f"{found}: is no Java that runs: {mend}") from error
    version = re.search(r'version "(?:1\.)?(\d+)', told)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise ConfigError(f"{found}: is Java {version[1] if version else 'of unknown age'}: {mend}")
    return Path(found)


def resolve(name: JarsName, on_step: Step = quietly) -> list[Path]:
    """The class path of a server. The first time Maven fetches it, which takes as long as the line needs.

    Raises ConfigError: Maven is missing or fails (with its reason), or a jar is not the one we know (with its name).
    """
    folder, sums = jars_folder(name), known_sums(name)
    if not folder.is_dir():
        with _locked(folder):
            if not folder.is_dir():  # another process may have filled it while we waited
                on_step(f"{name} {VERSIONS[name]} from Maven")
                _fill(name, folder, sums)
    check_sums(folder, sums)
    return [folder / jar for jar in sums]


def jars_folder(name: JarsName) -> Path:
    """Where its jars lie; the folder is there only when it is full."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "sago" / "jars" / f"{name}-{VERSIONS[name]}"


def known_sums(name: JarsName) -> dict[str, str]:
    """Jar → sha256, of those we tested with; the file is as `sha256sum` writes it."""
    lines = (POMS / f"{name}.sha256").read_text(encoding="ascii").splitlines()
    return {jar: digest for digest, jar in (line.split() for line in lines)}


def check_sums(folder: Path, sums: dict[str, str]) -> None:
    """Raises ConfigError naming the first jar that is missing or not the one we know."""
    for jar, known in sums.items():
        path = folder / jar
        try:
            with path.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}; delete the folder, and it is fetched again") from error
        if found != known:
            raise ConfigError(
                f"{path}: not the jar Sago knows (sha256 {found[:12]}…, not {known[:12]}…): delete its folder, and it"
                " is fetched again; where it comes back the same, do not trust the repository Maven asks"
            )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time fills a folder; the lock goes with its holder, however that ends."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f"{folder.name}.lock").open("w")
    except OSError as error:
        raise ConfigError(f"{folder.parent}: cannot be written ({error.strerror}); set XDG_CACHE_HOME") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fill(name: JarsName, folder: Path, sums: dict[str, str]) -> None:
    """Fetch beside the folder, check, then rename: a run that was cut off leaves no half-filled folder behind."""
    for stale in folder.parent.glob(f"{folder.name}.half-*"):
        shutil.rmtree(stale, ignore_errors=True)
    half = Path(tempfile.mkdtemp(prefix=f"{folder.name}.half-", dir=folder.parent))
    try:
        _run_maven(name, half)
        check_sums(half, sums)
        half.chmod(0o755)
        half.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _run_maven(name: JarsName, target: Path) -> None:
    """With the machine's own settings: its mirrors and its repository under ~/.m2 serve us, too."""
    maven = shutil.which("mvn")
    if maven is None:
        raise ConfigError(missing() or "no Maven on PATH")
    command = [maven, "-q", "-B", "-Dstyle.color=never", "-f", str(POMS / f"{name}.xml")]
    command += [COPY, "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=MAVEN_WITHIN, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{name}: Maven could not fetch its jars: {error}") from error
    if done.returncode:
        raise ConfigError(f"{name}: Maven could not fetch its jars: {_reason(done.stdout + done.stderr)}")


def _reason(output: str) -> str:
    """Maven's first error line, which holds the cause, without its help links."""
    errors = [line.partition("[ERROR]")[2].strip() for line in output.splitlines() if "[ERROR]" in line]
    told = next(filter(None, errors), "it gave no reason")
    return told.partition(" -> [Help")[0].strip()
