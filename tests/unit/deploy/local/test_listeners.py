import os
import socket

from deploy.local import listeners
from deploy.local.ports import Ports


def test_a_port_in_use_names_the_process_that_holds_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert [listener.pid for listener in listeners.listeners(port)] == [os.getpid()]
        assert f"process {os.getpid()} (" in str(listeners.listeners(port)[0])
        assert not listeners.is_free(port)
        assert listeners.accepts(port)
    assert listeners.listeners(port) == []
    assert listeners.is_free(port)
    assert not listeners.accepts(port)


def test_a_listener_on_every_address_of_either_family_is_seen() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        assert listeners.listeners(server.getsockname()[1])


def test_a_connection_to_a_port_elsewhere_is_not_taken_for_a_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert listeners.listeners(client.getsockname()[1]) == []


def test_a_process_that_may_not_be_looked_into_is_told_by_its_user() -> None:
    assert "user 33" in str(listeners.Listener(Ports().kafka, uid=33, pid=None))
