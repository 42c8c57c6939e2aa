from __future__ import annotations

import os

import pytest

from addispatch.domain.errors import ConfigError, StoreError
from addispatch.http.sockets import bind_tcp, bind_unix


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_impossible_address_is_a_clear_error(host):
    with pytest.raises(ConfigError, match=f"cannot listen on {host}"):
        bind_tcp(host, 0)


def test_a_socket_path_that_cannot_be_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigError, match="too long for a unix socket"):
        bind_unix(tmp_path / ("x" * 120))
    with pytest.raises(StoreError, match="No such file"):
        bind_unix(tmp_path / "no" / "a.sock")
    file = tmp_path / "file"
    file.write_text("precious")
    with pytest.raises(StoreError, match="it is no socket"):
        bind_unix(file)
    assert file.read_text() == "precious"


def test_two_daemons_on_the_same_data_are_no_mistake_of_the_configuration(tmp_path):
    with bind_unix(tmp_path / "a.sock"), pytest.raises(StoreError, match=r"another addispatch is running on .*: stop"):
        bind_unix(tmp_path / "a.sock")


def test_binding_leaves_the_umask_alone(tmp_path):
    before = os.umask(0o022)
    try:
        bind_unix(tmp_path / "a.sock").close()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
