"""loci serve by its API: where it listens, what it logs, what an error says, and what a trace that is stopped keeps.

    tests/page/test_api.py LOCI SOURCE

Skipped (77) where there is no page in this build."""
import http.client
import json
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True
from server import CONSTRAINT, QUESTION, Server  # noqa: E402

ASKED = {"question": QUESTION, "constraint": CONSTRAINT}


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


def logs():
    """A line for each request where --log says so, without what was asked, the token, or bytes that nobody checked."""
    server = Server("--log")
    server.get("/api/hello")
    server.run(what="tokens", question="secret words")
    assert server.call("GET", "/api/hello?token=" + server.token, token="0" * 64)[0] == 401
    with socket.create_connection(("127.0.0.1", int(server.origin.rsplit(":", 1)[1]))) as s:
        s.sendall(b"G\x1b[31mT /\x1b[2J HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n")
        while s.recv(4096):
            pass
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=20) == 0
    lines = server.process.stderr.read().splitlines()
    # each stands there once its answer has gone, so their order is that of threads
    assert {"200 GET /api/hello", "202 POST /api/jobs", "401 GET /api/hello", "400 - -"} <= set(lines), lines
    said = "\n".join(lines)
    assert "secret" not in said and server.token not in said and "\x1b" not in said and "?" not in said, lines


# ---------------------------------------------------------------- errors

def errors():
    """Each has a code, a sentence, the field it is about, and for an unknown one the field that was probably meant."""
    server = Server()
    trace = {"what": "trace", **ASKED}
    try:
        for form, field, says in (
                ({}, "what", "is missing"),
                ({"what": "tace", **ASKED}, "what", 'did you mean "trace"?'),
                ({"what": "edit aply", **ASKED}, "what", "nothing the page computes"),
                ({**trace, "windw": 3}, "windw", 'trace takes no "windw" here; did you mean "window"?'),
                ({**trace, "pictur": "p0"}, "pictur", 'did you mean "picture"?'),
                ({**trace, "contine": 3}, "contine", 'did you mean "continue"?'),
                ({**trace, "thread": 3}, "thread", 'trace takes no "thread" here'),
                ({"what": "trace"}, "question", 'trace needs "question"'),
                ({"what": "image"}, "picture", 'image needs "picture"'),
                ({"what": "edit test", "question": QUESTION}, "edit", 'edit test needs "edit"'),
                ({**trace, "picture": "p0123456789abcdef"}, "picture", "drop it again"),
                ({**trace, "window": [1, 3]}, "window", "given twice"),
                ({**trace, "edition": [0, 0]}, "edition", "given twice"),
                ({**trace, "continue": "x"}, "continue", "the number of a job"),
                ({**trace, "corrupt": "image:/etc/passwd"}, "corrupt", "opens no files"),
                ({**trace, "question": "x" * 8193}, "question", "longer than 8192 bytes"),
                ({"what": "edit test", "question": "x" * 8193, "edit": 1}, "question", "longer than 8192 bytes"),
                ({**trace, "constraint": [CONSTRAINT] * 9}, "constraint", "more than 8 constraints"),
                ({**trace, "edition": 7}, "edition", "another one by now")):
            status, body = server.call("POST", "/api/jobs", form)
            error = json.loads(body)["error"]
            assert status in (409, 422) and set(error) == {"code", "message", "field"}, (form, status, error)
            assert error["field"] == field and says in error["message"], (form, error)
            assert "did you mean" in says or "did you mean" not in error["message"], (form, error)
        for form, field in (({**trace, "window": "three"}, "window"), ({**trace, "layers": "99"}, "layers"),
                            ({"what": "ask", **ASKED, "max-new": "0"}, "max-new")):
            job = json.loads(server.call("POST", "/api/jobs", form)[1])["job"]
            server.call("GET", f"/api/jobs/{job}/events")
            state = server.get(f"/api/jobs/{job}")
            assert state["state"] == "failed" and state["error"]["field"] == field, (form, state)
            assert state["error"]["code"] == "bad request" and state["error"]["message"], state
        status, body = server.call("POST", "/api/propose", {"question": QUESTION, "picture": "x"})
        assert status == 422 and json.loads(body)["error"]["field"] == "picture", body
        for method, path, body in (("GET", "/api/nothing", None), ("GET", "/api/jobs/99", None), ("POST", "/api/jobs", b"what"),
                                   ("POST", "/api/pictures", b"none"), ("PUT", "/api/jobs", b"")):
            status, said = server.call(method, path, body)
            error = json.loads(said)["error"]
            assert status >= 400 and error["code"] and error["message"] and error["field"] is None, (path, status, error)
    finally:
        server.stop()


# ---------------------------------------------------------------- what a stopped trace keeps

NUMBERS = ("p", "logp", "logit_diff", "kl", "ie", "restoration")


def cells(trace):
    """The exact ones, all where it is whole: (grid, layer, column) -> its numbers, as they were written."""
    return {(i, layer, column): [g[name][layer][column] for name in NUMBERS]
            for i, g in enumerate(trace["grids"]) for layer, row in enumerate(g.get("exact", g["skipped"]))
            for column, exact in enumerate(row) if exact or "exact" not in g}


def follow(server, job, on_part):
    """Its states and its parts, in the order in which they come."""
    with server.open("GET", f"/api/jobs/{job}/events") as stream:
        kind, last = "", None
        for line in stream:
            if line.startswith(b"event: "):
                kind = line[7:].strip()
            elif line.startswith(b"data: "):
                last = json.loads(line[6:])
                if kind == b"part":
                    on_part(last)
    return last


def stopped_at(server, asked, share):
    """A trace that is stopped as soon as so many of its cells are there; None: it ended before the request came."""
    job, told = json.loads(server.call("POST", "/api/jobs", asked)[1])["job"], []

    def stop(part):
        if "done" not in part or part["done"] < share * part["planned"]:
            return
        if not told:
            assert server.call("DELETE", f"/api/jobs/{job}")[0] == 202
        told.append(part)

    state = follow(server, job, stop)
    if state["state"] == "done":
        return None
    assert state["state"] == "cancelled" and state["partial"] and len(told) == 1, (state, len(told))
    return job, told[0], server.get(f"/api/jobs/{job}/result.json")


def keeps():
    """Stopped at 10, 50 and 90 %: the cells that are there are the whole run's, bit for bit, and no other one comes."""
    server = Server()
    try:
        for share in (0.1, 0.5, 0.9):
            for seeds in (3, 12, 50, 200, 800):  # as long as it takes for the request to come in time
                asked = {"what": "trace", **ASKED, "corrupt": "noise:3", "site": "mlp_out", "seeds": seeds}
                if caught := stopped_at(server, asked, share):
                    break
            assert caught, f"never stopped at {share}"
            job, told, part = caught
            whole = server.run(**asked, edition=0)[1]  # another form, so that it is another job
            kept, every = cells(part), cells(whole)
            skipped = sum(sum(map(sum, g["skipped"])) for g in part["grids"])
            assert part["missing"] == told["planned"] - told["done"] > 0 == whole.get("missing", 0), (share, part["missing"], told["planned"], told["done"])
            assert len(kept) - skipped == told["done"] and len(every) - skipped == told["planned"], (share, len(kept), len(every), skipped, told["planned"], told["done"])
            assert all(every[at] == numbers for at, numbers in kept.items()), f"what was kept at {share} is not the whole run's"
            assert server.run(what="ask", **ASKED)[1]["answer"], "nothing is answered after it"
            more = []
            assert follow(server, job, more.append)["state"] == "cancelled" and not more, more
            assert server.get(f"/api/jobs/{job}/result.json") == part, "cells came after the stop"
    finally:
        server.stop()


listens()
logs()
errors()
keeps()
