"""Clients of the scripted server, those of the tests of capture."""

from tests.capture.conftest import async_client, client, free_port, server

__all__ = ["async_client", "client", "free_port", "server"]
