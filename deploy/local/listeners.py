"""Who listens on a port of this machine, read from /proc; no tool that may be missing is called."""

import http.client
import socket
from dataclasses import dataclass

from deploy.local import proc

_LISTENING = "0A"


@dataclass(frozen=True)
class Listener:
    """A process that listens; `pid` is None when it belongs to another user and Linux does not say."""

    port: int
    uid: int
    pid: int | None

    def __str__(self) -> str:
        if self.pid is None:
            return f"a process of user {self.uid}, which only that user or root can name"
        return f"process {self.pid} ({proc.command(self.pid)[:100]})"


def listeners(port: int) -> list[Listener]:
    """Return every process that listens on `port` at any local address; empty when the port is free."""
    sockets = {
        fields[9]: int(fields[7])
        for table in ("tcp", "tcp6")
        for fields in _rows(table)
        if fields[3] == _LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port
    }
    if not sockets:
        return []
    owners = _owners(set(sockets))
    named = [Listener(port, uid, pid) for inode, uid in sockets.items() for pid in owners.get(inode, ())]
    return named or [Listener(port, uid, None) for uid in sockets.values()]


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Return whether something takes connections on this port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def answers_ready(port: int) -> bool:
    """Return whether the service at this port says that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _rows(table: str) -> list[list[str]]:
    try:
        lines = (proc.PROC / "net" / table).read_text().splitlines()
    except OSError:
        return []
    return [line.split() for line in lines[1:]]


def _owners(inodes: set[str]) -> dict[str, list[int]]:
    """Return which processes hold these sockets open, as far as this user may look."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, list[int]] = {}
    for pid in proc.numbers():
        for target in proc.open_files(pid) & wanted.keys():
            found.setdefault(wanted[target], []).append(pid)
    return found
