"""Odd requests to loci serve: wrong methods, paths, lengths, doubled headers, bodies, bytes; hosts and origins of others.

    tests/page/odd_requests.py LOCI SOURCE [COUNT [SEED]]

Fails if the server ends, or if anything of /api is given without the token.  Prints what was answered how often.
Skipped (77) where there is no page in this build."""
import collections
import os
import random
import signal
import socket
import subprocess
import sys
import time

LOCI, SOURCE = sys.argv[1:3]
COUNT = int(sys.argv[3]) if len(sys.argv) > 3 else 300
random.seed(int(sys.argv[4]) if len(sys.argv) > 4 else 1)

PATHS = ["/", "/api/hello", "/api/jobs", "/api/pictures", "/page/app.js", "/api/jobs/1", "/api/jobs/1/events", "/api/jobs/-1",
         "/api/../", "/%2e%2e/", "/\0", "//", "*", "http://evil/", "/api/jobs/99999999999999", "/api/jobs/1/apply"]
METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "get", "G\0T", "X" * 50, ""]
VERSIONS = ["HTTP/1.1"] * 6 + ["HTTP/1.0", "HTTP/2.0", "HTTP/9", ""]
HEADERS = [b"Host: 127.0.0.1", b"Host: evil", b"Host: ", b"Host: 127.0.0.1\r\nHost: 127.0.0.1", b"Content-Length: 5",
           b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: 0x10",
           b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Origin: null", b"Origin: http://127.0.0.1",
           b"Sec-Fetch-Site: cross-site", b"A:" + b"b" * 5000, b"\x00: x", b" folded", b"Expect: 100-continue",
           b"Connection: upgrade\r\nUpgrade: websocket", b"Authorization: Bearer x", b"Range: bytes=0-1"]
BODIES = [b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b"what=ask&question=x", b"%00"]


def odd_request(port):
    line = f"{random.choice(METHODS)} {random.choice(PATHS)} {random.choice(VERSIONS)}".encode()
    headers = random.choices(HEADERS, k=random.randrange(5))
    if random.random() < 0.6:
        headers.append(b"Host: 127.0.0.1:%d" % port)
    data = b"\r\n".join([line, *headers, b"Connection: close", b"", random.choice(BODIES)])
    if random.random() < 0.1:
        data = random.randbytes(random.randrange(400))
    if random.random() < 0.1:
        data = data[: random.randrange(len(data) + 1)]
    return data


def answer(port, data):
    """What comes back; None where we left before."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.settimeout(0.5)  # for an answer that never ends
        try:
            s.sendall(data)
            if random.random() < 0.2:
                return None
            s.shutdown(socket.SHUT_WR)
            while piece := s.recv(65536):
                got += piece
        except OSError:
            pass
    return got


def crowd(port, count):
    """Many connections at once, some that send a byte at a time: those beyond the limit are turned away, nothing ends."""
    held = []
    for i in range(count):
        try:
            s = socket.create_connection(("127.0.0.1", port), timeout=5)
            s.setblocking(False)
            s.send(b"GET /api/hello HTTP/1.1\r\nHost: 127.0.0.1\r\n"[: 1 + i % 40])
            held.append(s)
        except OSError:
            pass
    for _ in range(3):
        for s in held:
            try:
                s.send(b"x")
            except OSError:
                pass
        time.sleep(0.05)
    for s in held:
        s.close()
    end = time.monotonic() + 20
    while not (answer(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n") or b"").startswith(b"HTTP/1.1 200"):
        assert time.monotonic() < end, "after the crowd nobody is answered"


def resident(process):
    with open(f"/proc/{process.pid}/status") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def main():
    server = subprocess.Popen([LOCI, "serve", "-m", f"{SOURCE}/models/flags", "--no-open"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_WAIT_POLICY": "passive"})
    address = server.stdout.readline()
    if not address:
        print(server.stderr.read())
        sys.exit(77)
    port = int(address.split(":")[2].split("/")[0])
    counts = collections.Counter()
    for _ in range(COUNT):
        data = odd_request(port)
        got = answer(port, data)
        counts["left" if got is None else got[9:12].decode() or "hung up"] += 1
        to_api = data.split(b" ", 2)[1:2] and data.split(b" ", 2)[1].startswith(b"/api/")
        assert not (to_api and got and got[9:10] == b"2"), f"given without the token: {data[:200]}"
        assert server.poll() is None, f"the server ended at {data[:200]}"
    before = resident(server)
    crowd(port, 1000)
    crowd(port, 1000)
    assert server.poll() is None
    counts["kB more after two crowds of 1,000"] = resident(server) - before
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=20) == 0
    print(dict(counts))


main()
