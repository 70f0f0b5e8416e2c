"""A mirror on loopback: serves a folder with ranges, counts what it sends, and can be cut.

serve.py FOLDER RECORD [CUT]: prints its address; after CUT bytes every connection breaks and none is taken for the
next three seconds. RECORD holds the number of bytes sent so far and of requests that went on in the middle of a file."""

import http.server
import os
import pathlib
import re
import socket
import socketserver
import sys
import threading
import time

FOLDER, RECORD = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
PIECE = 64 << 10


class Mirror(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """What all connections share."""

    daemon_threads = True
    sent = resumed = 0
    cut_at = int(sys.argv[3]) if len(sys.argv) > 3 else None
    down_until = 0.0
    lock = threading.Lock()

    def count(self, n_bytes, n_resumed=0):
        """Counts bytes; True if the connection must break."""
        with self.lock:
            self.sent += n_bytes
            self.resumed += n_resumed
            if self.cut_at is not None and self.sent >= self.cut_at:
                self.cut_at, self.down_until = None, time.monotonic() + 3
            partial = RECORD.with_suffix(".partial")
            partial.write_text(f"{self.sent} {self.resumed}\n")
            os.replace(partial, RECORD)
            return time.monotonic() < self.down_until

    def handle_error(self, request, address):
        """A client that went away is no error of the mirror."""


class Request(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = FOLDER / self.path.lstrip("/").replace("%2B", "+").replace("%2b", "+")
        if self.server.count(0):
            return self.broken()
        if ".." in self.path or not path.is_file():
            return self.send_error(404)
        size = path.stat().st_size
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        if start > 0 and self.server.count(0, 1):
            return self.broken()
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.send_header("ETag", f'"{size:x}"')
        self.end_headers()
        with path.open("rb") as file:
            file.seek(start)
            while piece := file.read(PIECE):
                self.wfile.write(piece)
                if self.server.count(len(piece)):
                    return self.broken()

    def broken(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        """Says nothing."""


if __name__ == "__main__":
    server = Mirror(("127.0.0.1", 0), Request)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
