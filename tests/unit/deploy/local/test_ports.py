import socket

import pytest

from deploy.local.ports import REPLICAS_MAX, SERVICES, Ports


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


def test_the_processes_of_every_service_have_ports_of_their_own_whatever_the_offset() -> None:
    for ports in (Ports(), Ports.moved(100), Ports.free()):
        several = [ports.process(service, number) for service in SERVICES for number in range(1, REPLICAS_MAX + 1)]
        assert len({*ports.as_dict().values(), *several}) == len(several) + len(ports.as_dict()) - 1
        assert ports.process("ingest", 1) == ports.processes
    assert not {*Ports().all()} & {*Ports.moved(100).all()}, "the offset that is told makes room for a second stack"
