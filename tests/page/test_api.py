"""loci serve by its API: where it listens.

    tests/page/test_api.py LOCI SOURCE

Skipped (77) where there is no page in this build."""
import http.client
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True
from server import Server  # noqa: E402

# ---------------------------------------------------------------- where it listens

def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        return False
    return True


def listens():
    """On both addresses of this machine, on one port: nobody else can have it on either, and it is on no other address."""
    server = Server()
    try:
        port = int(server.origin.rsplit(":", 1)[1])
        for address, host in (("127.0.0.1", "127.0.0.1"), *([("::1", "[::1]")] if has_ipv6() else [])):
            for token, wanted in ((server.token, 200), ("0" * 64, 401)):
                asked = http.client.HTTPConnection(address, port, timeout=20)
                asked.request("GET", "/api/hello", headers={"Host": f"{host}:{port}", "Authorization": f"Bearer {token}",
                                                            "Origin": f"http://{host}:{port}"})
                answer = asked.getresponse()
                assert answer.status == wanted and answer.read(), (address, answer.status)
                asked.close()
        others = {a[4][0] for a in socket.getaddrinfo(socket.gethostname(), port, type=socket.SOCK_STREAM)} - {"127.0.0.1", "::1"}
        for address in others | {"127.0.0.2"}:
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
                s.settimeout(5)
                assert s.connect_ex((address, port)) != 0, f"it listens on {address}"
    finally:
        server.stop()
    if not has_ipv6():
        return
    with socket.socket(socket.AF_INET6) as taken:  # by somebody, on ::1 alone
        taken.bind(("::1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        try:
            Server("--port", str(port)).stop()
        except AssertionError as e:
            assert f"no port from {port} to {port} is free" in str(e), e
        else:
            raise AssertionError("at localhost somebody else may answer in the page's place")


listens()
