"""Who runs are for the host: each has a user id of its own, so that no two share what the kernel counts by user.

Such are pipe buffers, epoll watches, descriptors on their way through sockets and, in containers, signals that wait. An
id is claimed by an abstract socket's name: no two processes have it, and it goes with its owner however that ends.
"""

import socket
from collections.abc import Sequence


class Claim:
    """A user id that nobody else on this machine's network namespace has claimed."""

    def __init__(self, ids: Sequence[int], first: int) -> None:
        """Takes the first free one, from `first` on and around. Where all are taken, one is shared."""
        self._socket: socket.socket | None = None
        self.user_id = ids[first % len(ids)]
        for step in range(len(ids)):
            candidate = ids[(first + step) % len(ids)]
            if self._bind(candidate):
                self.user_id = candidate
                return

    def _bind(self, user_id: int) -> bool:
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0rlvr-user-{user_id}")
        except OSError:
            name.close()
            return False
        self._socket = name
        return True

    def release(self) -> None:
        """Let others have it. Can be called twice."""
        if self._socket is not None:
            self._socket.close()
