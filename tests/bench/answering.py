"""A server on loopback that answers every request with one and the same body, after a wait.

`python answering.py MILLISECONDS` reads the body as a line, prints its port, and ends with its input.
"""

from __future__ import annotations

import socket
import sys
import threading
from time import sleep

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


def serve(connection: socket.socket, answer: bytes, wait_s: float) -> None:
    """Answer the requests of one connection, which are told apart by their length."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader = connection.makefile("rb")
    while line := reader.readline():
        length = 0
        while line.strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            line = reader.readline()
        reader.read(length)
        sleep(wait_s)
        connection.sendall(answer)


def main(wait_s: float) -> None:
    """Serve until nobody is there to be served."""
    body = sys.stdin.buffer.readline().strip()
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=serve, args=(connection, HEAD % len(body) + body, wait_s), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main(int(sys.argv[1]) / 1e3)
