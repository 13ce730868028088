import os
import socket
import subprocess
import sys

import pytest

from deploy.local.ports import REPLICAS_MAX, SERVICES, Ports, free_port


def test_an_offset_moves_every_port_alike() -> None:
    moved, default = Ports.from_environment({"CONCORD_PORT_OFFSET": "100"}).as_dict(), Ports().as_dict()
    assert moved == {name: port + 100 for name, port in default.items()}


def test_without_an_offset_the_ports_are_those_of_the_documentation() -> None:
    assert Ports.from_environment({}) == Ports()
    assert (Ports().kafka, Ports().mongodb, Ports().ingest, Ports().metrics) == (19092, 37017, 18001, 18005)


@pytest.mark.parametrize("offset", ["-18000", "40000", "many"])
def test_an_offset_that_cannot_be_is_refused_with_a_cure(offset: str) -> None:
    with pytest.raises(ValueError, match=r"use -17000 to 28000|whole number"):
        Ports.from_environment({"CONCORD_PORT_OFFSET": offset})


def test_free_ports_are_distinct_and_can_be_listened_on() -> None:
    ports = list(Ports.free().as_dict().values())
    assert len(set(ports)) == len(ports)
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_no_two_callers_are_given_the_same_port_though_neither_listens_yet() -> None:
    drawn = """
from deploy.local.ports import Ports, free_port
print(*(port for _ in range(8) for port in (*Ports.free().all(), free_port())), flush=True)
input()
"""
    others = [
        subprocess.Popen([sys.executable, "-c", drawn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        given = [int(port) for other in others if other.stdout for port in other.stdout.readline().split()]
        given += [port for _ in range(8) for port in (*Ports.free().all(), free_port())]
    finally:
        for other in others:
            other.communicate("\n")
    assert len(given) == len(set(given)) == 24 * (len(Ports().all()) + 1)


def test_all_rows_can_be_given_and_again_when_who_was_given_them_has_ended() -> None:
    drawn = f"""
from deploy.local import ports
ports._FREE_FROM, ports._FREE_TO, ports._TAKEN = 11_000, 11_400, "test-{os.getpid()}-{{}}"
try:
    while True:
        print(ports.Ports.free().kafka, flush=True)
except OSError as error:
    print(error)
"""
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-c", drawn], check=True, capture_output=True, text=True)
        assert sorted(ended.stdout.splitlines()) == [
            *("11000", "11092", "11184", "11276"),
            "none of 4 rows of 92 ports is free between 11000 and 11400",
        ]


def test_the_processes_of_every_service_have_ports_of_their_own_whatever_the_offset() -> None:
    for ports in (Ports(), Ports.moved(100), Ports.free()):
        several = [ports.process(service, number) for service in SERVICES for number in range(1, REPLICAS_MAX + 1)]
        assert len({*ports.as_dict().values(), *several}) == len(several) + len(ports.as_dict()) - 1
        assert ports.process("ingest", 1) == ports.processes
    assert not {*Ports().all()} & {*Ports.moved(100).all()}, "the offset that is told makes room for a second stack"
