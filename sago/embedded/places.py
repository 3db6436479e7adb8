"""Where the processes that serve people listen: the API and Flower, on their own port or a free one."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sago.config import Settings
from sago.embedded.servers import free_port
from sago.errors import ConfigError
from sago.serving_sections import ApiSettings, FlowerSettings

_PREFERRED = {"api": ApiSettings().port, "flower": FlowerSettings().port}


@dataclass(frozen=True)
class Place:
    """One address to listen on."""

    name: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """What a browser opens."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """How the process is told."""
        section = f"SAGO_{self.name.upper()}__"
        return {f"{section}HOST": self.host, f"{section}PORT": str(self.port)}


def find_places(settings: Settings, names: Collection[str], note: Callable[[str], None]) -> dict[str, Place]:
    """A place for each of `names` that serves people; a free port where the usual one is taken, with a note.

    A port that was set on purpose is not replaced: ConfigError when it is taken.
    """
    places: dict[str, Place] = {}
    for name, section in (("api", settings.api), ("flower", settings.flower)):
        if name not in names:
            continue
        others = {place.port for place in places.values()}
        port = section.port
        if port in others or not _free(name, section.host, port):
            port = _another(name, section, note)
        places[name] = Place(name, section.host, port)
    return places


def _another(name: str, section: ApiSettings | FlowerSettings, note: Callable[[str], None]) -> int:
    variable = f"SAGO_{name.upper()}__PORT"
    if variable in os.environ or section.port != _PREFERRED[name]:
        raise ConfigError(
            f"{name}: port {section.port} of {section.host} is in use: "
            f"stop what listens there, or set {name}.port ({variable}) to another"
        )
    port = free_port(section.host)
    note(f"{name}: port {section.port} is in use by another program, so it listens on {port}")
    return port


def _free(name: str, host: str, port: int) -> bool:
    """Whether we could listen there; raises ConfigError where that is not for want of another port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
            trial.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise ConfigError(f"{name}: cannot listen on {host}:{port} ({error.strerror}): mend {name}.host") from error
    return True


def listens(address: str) -> bool:
    """Whether somebody takes connections at `http://host:port`."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1.0).close()
    except OSError:
        return False
    return True
