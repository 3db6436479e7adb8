"""The cache of jars: filled whole or not at all, once, by a Maven that may fail; what is missing is one line."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sago.embedded import jars
from sago.errors import ConfigError

SUMS = {"a.jar": hashlib.sha256(b"a").hexdigest(), "b.jar": hashlib.sha256(b"b").hexdigest()}
PUT_JARS = """
for argument; do case $argument in -DoutputDirectory=*) target=${argument#*=};; esac; done
echo called >> "$XDG_CACHE_HOME/calls"
printf a > "$target/a.jar"; sleep 0.2; printf b > "$target/b.jar"; printf c > "$target/unknown.jar"
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, a PATH on which only what a test puts there is found, and sums of two small jars."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.defpath}")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(jars, "known_sums", lambda _name: SUMS)
    return tmp_path


def program(cache: Path, name: str, body: str) -> None:
    path = cache / "bin" / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="ascii")
    path.chmod(0o755)


def test_the_class_path_is_the_jars_we_know_and_maven_runs_once(cache: Path) -> None:
    program(cache, "mvn", PUT_JARS)
    with ThreadPoolExecutor(2) as two:
        found = list(two.map(lambda _: jars.resolve("kafka"), range(2)))
    folder = jars.jars_folder("kafka")
    assert found == [[folder / "a.jar", folder / "b.jar"]] * 2
    assert (cache / "calls").read_text(encoding="ascii") == "called\n"


def test_a_fill_that_was_cut_off_is_begun_again(cache: Path) -> None:
    program(cache, "mvn", PUT_JARS)
    half = jars.jars_folder("kafka").with_name("kafka-3.9.1.half-killed")
    half.mkdir(parents=True)
    assert len(jars.resolve("kafka")) == 2
    assert not half.exists()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "echo '[INFO] x'; echo '[ERROR] Could not transfer a:b:1: refused -> [Help 1]'; exit 1",
            r"^kafka: Maven could not fetch its jars: Could not transfer a:b:1: refused$",
        ),
        ("exit 1", "it gave no reason"),
        ("exit 0", r"a\.jar: No such file"),
        (PUT_JARS + 'printf x > "$target/b.jar"', r"b\.jar: not the jar Sago knows"),
    ],
)
def test_a_failed_fill_leaves_nothing_behind(cache: Path, body: str, told: str) -> None:
    program(cache, "mvn", body)
    with pytest.raises(ConfigError, match=told):
        jars.resolve("kafka")
    assert [path.name for path in jars.jars_folder("kafka").parent.iterdir()] == ["kafka-3.9.1.lock"]


@pytest.mark.parametrize(
    ("version", "accepted"), [("1.8.0_412", False), ("11.0.2", False), ("17", True), ("21.0.3", True), ("25-ea", True)]
)
def test_java_must_be_17_or_newer(cache: Path, version: str, accepted: bool) -> None:
    program(cache, "java", f"echo 'openjdk version \"{version}\" 2025-01-01' >&2")
    program(cache, "mvn", "exit 1")
    told = jars.missing()
    assert (told is None) is accepted
    assert accepted or "install JDK 17" in str(told)


def test_without_maven_a_full_cache_is_enough(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(cache, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    monkeypatch.setenv("PATH", str(cache / "bin"))
    monkeypatch.setattr(jars, "java_binary", lambda: cache)
    assert str(jars.missing()).startswith("no Maven: install it")
    with pytest.raises(ConfigError, match="no Maven: install it"):
        jars.resolve("kafka")
    for name in jars.VERSIONS:
        jars.jars_folder(name).mkdir(parents=True)
    assert jars.missing() is None


def test_without_java_one_line_says_how_to_mend_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(cache / "bin"))
    assert str(jars.missing()).startswith("no Java on PATH: install JDK 17")
    monkeypatch.setenv("JAVA_HOME", str(cache))
    assert "java: is no Java that runs: install JDK 17" in str(jars.missing())


def test_the_committed_sums_hold_both_servers() -> None:
    assert "kafka_2.13-3.9.1.jar" in jars.known_sums("kafka")
    assert "cassandra-all-5.0.4.jar" in jars.known_sums("cassandra")
    digests = [digest for name in jars.VERSIONS for digest in jars.known_sums(name).values()]
    assert all(len(digest) == 64 for digest in digests)
