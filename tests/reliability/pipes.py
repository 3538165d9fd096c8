"""A stand-in for ssh where no sshd is: a program that passes its input and output to a port, and who serves that port.

    GIT_SSH_COMMAND="python pipes.py PORT"

promptvc starts it as it would start ssh. The other end runs git's own programs, as sshd would.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping

_SERVICES = ("git-upload-pack", "git-receive-pack")


def dial(port: int, command: str) -> int:
    """Be the program: say which command and which protocol, then pass everything on until the other side ends."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(f"{os.environ.get('GIT_PROTOCOL', '')}\n{command}\n".encode())
        watched: list[int | socket.socket] = [0, line]
        while True:
            ready, _, _ = select.select(watched, [], [])
            try:
                if line in ready:
                    data = line.recv(65536)
                    if not data:
                        return 0
                    rest = memoryview(data)
                    while rest:
                        rest = rest[os.write(1, rest) :]
                if 0 in ready:
                    data = os.read(0, 65536)
                    if data:
                        line.sendall(data)
                    else:
                        watched.remove(0)
                        line.shutdown(socket.SHUT_WR)
            except OSError as error:
                print(f"Connection to 127.0.0.1 closed by remote host: {error}", file=sys.stderr)
                return 255


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    rbufsize = 0

    def handle(self) -> None:
        version, command = (self.rfile.readline().decode().strip() for _ in range(2))
        try:
            words = shlex.split(command)
        except ValueError:  # cut off within it
            return
        if len(words) != 2 or words[0] not in _SERVICES:
            return
        environment = {**self.server.environment, **({"GIT_PROTOCOL": version} if version else {})}
        with contextlib.suppress(OSError):
            handle = self.connection.fileno()
            subprocess.run(
                ["git", words[0].removeprefix("git-"), words[1]],
                stdin=handle,
                stdout=handle,
                stderr=subprocess.DEVNULL,
                env=environment,
                check=False,
            )


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.environment = environment


@contextlib.contextmanager
def pipe_server(environment: Mapping[str, str]) -> Iterator[int]:
    """Serve every repository of this machine; gives the port."""
    with _Server(environment) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    sys.exit(dial(int(sys.argv[1]), sys.argv[-1]))
