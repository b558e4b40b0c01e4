"""Whether loci serve stays awake with a large model: the journeys by the API, the server asked all the while.

    tests/page/large.py LOCI SOURCE MODEL [SITES [TOKENS [PART...]]]    MODEL: make_checkpoint 7b DIR --dtype bf16

SITES of the traces, TOKENS of the answer, and which of ask, trace, cancels, ways and edit (all).  Prints what each took, and how
long /api/hello and the tokens of another question took meanwhile.  Nothing fails here: docs/BENCHMARKS.md has what was measured
where."""
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True
from server import Server  # noqa: E402

MODEL = os.path.abspath(sys.argv[3])
SITES = {"site": sys.argv[4]} if len(sys.argv) > 4 else {}
TOKENS = sys.argv[5] if len(sys.argv) > 5 else "20"
PARTS = sys.argv[6:]
QUESTION = "Is this movie by the director?"
ABOUT = {"question": QUESTION, "constraint": "this movie", "corrupt": "mean"}
TICKS = os.sysconf("SC_CLK_TCK")


def say(what, *numbers):
    print(f"{what:<58}", *numbers, flush=True)


class Watch:
    """Asks for /api/hello ten times a second, and for the tokens of a question as if one typed, until it is told to end."""

    def __init__(self, server, picture):
        self.hello, self.typed, self.ends = [], [], threading.Event()
        self.threads = [threading.Thread(target=self.ask_hello, args=(server,)), threading.Thread(target=self.type, args=(server, picture))]
        for t in self.threads:
            t.start()

    def ask_hello(self, server):
        while not self.ends.wait(0.1):
            began = time.monotonic()
            server.get("/api/hello")
            self.hello.append(time.monotonic() - began)

    def type(self, server, picture):
        typed = 0
        while not self.ends.wait(0.5):
            typed += 1
            began = time.monotonic()
            server.run(what="tokens", question=QUESTION + " Yes" * (typed % 40) + "!" * (typed // 40), picture=picture)
            self.typed.append(time.monotonic() - began)

    def end(self):
        self.ends.set()
        for t in self.threads:
            t.join()
        for name, times in (("hello", self.hello or [0]), ("tokens", self.typed or [0])):
            times.sort()
            say(f"  meanwhile {name}, {len(times)} times: middle, longest", f"{1000 * times[len(times) // 2]:.0f}", f"{1000 * times[-1]:.0f} ms")


class Job:
    """A job that was asked, and when it told what."""

    def __init__(self, server, **fields):
        self.server, self.began, self.parts, self.states = server, time.monotonic(), [], []
        status, body = server.call("POST", "/api/jobs", fields)
        assert status in (200, 202), (fields, status, body)
        self.id = json.loads(body)["job"]

    def follow(self, on_part=lambda job: None):
        with self.server.open("GET", f"/api/jobs/{self.id}/events") as stream:
            kind = ""
            for line in stream:
                time_now = time.monotonic() - self.began
                if line.startswith(b"event: "):
                    kind = line[7:].strip()
                elif line.startswith(b"data: "):
                    told = json.loads(line[6:])
                    (self.parts if kind == b"part" else self.states).append((time_now, told))
                    if kind == b"part":
                        print(f"    part {len(self.parts)} at {time_now:.0f} s", file=sys.stderr, flush=True)
                        on_part(self)
        self.end = self.states[-1][1]
        return self

    def result(self):
        return self.server.get(f"/api/jobs/{self.id}/result.json")


def processor_time(server):
    with open(f"/proc/{server.process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(server):
    with open(f"/proc/{server.process.pid}/status") as f:
        lines = dict(line.split(":", 1) for line in f)
    return " ".join(f"{name[3:]} {int(lines[name].split()[0]) / 1e6:.1f} GB" for name in ("VmHWM", "RssAnon") if name in lines)


def stopped(server, job):
    """From the request to the end of the job, and to a processor that rests."""
    began, used = time.monotonic(), processor_time(server)
    server.call("DELETE", f"/api/jobs/{job.id}")
    while server.get(f"/api/jobs/{job.id}")["state"] in ("waiting", "running"):
        time.sleep(0.005)
    ended = time.monotonic() - began
    after = processor_time(server)
    time.sleep(1)
    rest = processor_time(server) - after
    return f"{1000 * ended:.0f} ms, {1000 * (after - used):.0f} ms of the processor; {1000 * rest:.0f} ms of it in the second after"


def layers(server):
    return server.get("/api/hello")["model"]["layers"]


def ask(server, picture):
    job = Job(server, what="ask", question=QUESTION, picture=picture, **{"max-new": TOKENS}).follow()
    say("J1 ask: first part, all", f"{job.parts[0][0]:.1f}" if job.parts else "-", f"{job.states[-1][0]:.1f} s", job.end["state"])
    say("  tokens, seconds of the job", len(job.result()["steps"]), job.end["seconds"])


def trace(server, picture):
    clicks = []

    def click(job):
        if len(job.parts) == 4:
            began = time.monotonic()
            server.run(what="ask", picture=picture, **{**ABOUT, "site": "mlp_out", "layers": 20 % layers(server), "positions": "last", "max-new": 1})
            clicks.append(time.monotonic() - began)

    used = processor_time(server)
    job = Job(server, what="trace", picture=picture, **SITES, **ABOUT).follow(click)
    times = [t for t, _ in job.parts]
    say("J3 trace: answers, estimates, first cells, all", *(f"{t:.1f}" for t in times[:3]), f"{job.states[-1][0]:.1f} s", job.end["state"])
    say("  longest time between two parts, between two states", *(f"{max(b - a for a, b in zip(x, x[1:])):.1f} s" for x in (times, [t for t, _ in job.states])))
    say("  cells; seconds of the processor, of this job and the clicks", job.parts[-1][1].get("planned"), f"{processor_time(server) - used:.0f}")
    say("J4 a cell asked while it ran", *(f"{c:.1f} s" for c in clicks))
    began = time.monotonic()
    server.run(what="ask", picture=picture, **{**ABOUT, "site": "mlp_out", "layers": 21 % layers(server), "positions": "last"})
    say("  and when nothing else ran, its answer", f"{time.monotonic() - began:.1f} s")


def cancels(server, picture):
    """At once, in the estimates, and after the first cells."""
    for seed, (name, parts) in enumerate((("before anything is there", 0), ("in the estimates", 1), ("in the cells", 3))):
        job, said = Job(server, what="trace", picture=picture, seed=seed + 1, **{**SITES, **ABOUT, "corrupt": "noise:3"}), []

        def stop(job, said=said, parts=parts):
            if len(job.parts) == parts:
                time.sleep(0.7)  # within a walk
                said.append(stopped(server, job))

        if not parts:
            time.sleep(2)
            said.append(stopped(server, job))
        job.follow(stop)
        say(f"a trace stopped {name}: over after", *said, job.end["state"])


def ways(server, picture):
    for what in ("flow", "lens", "knockout"):
        began = time.monotonic()
        server.run(what=what, question=QUESTION, constraint="this movie", picture=picture)
        say(f"J5 {what}", f"{time.monotonic() - began:.1f} s")


def edit(server, picture):
    about = {"question": QUESTION, "constraint": "this movie", "picture": picture}
    job = Job(server, what="edit solve", target="Yes", layer=5, steps=20, **about)
    job.follow()
    say("J6 edit solve: first step, all of", f"{job.parts[0][0]:.1f}", f"{job.states[-1][0]:.1f} s", len(job.parts), "steps")
    for way in ("apply", "revert", "apply"):
        began = time.monotonic()
        status, body = server.call("POST", f"/api/jobs/{job.id}/{way}", b"")
        say(f"  {way}", f"{time.monotonic() - began:.2f} s", status)
    began = time.monotonic()
    server.run(what="ask", **{"question": QUESTION, "picture": picture, "max-new": 1})
    say("  answer of the edited model", f"{time.monotonic() - began:.1f} s")
    server.call("POST", f"/api/jobs/{job.id}/revert", b"")
    longer = Job(server, what="edit solve", target="No", layer=5, steps=20, **about)
    time.sleep(3)
    say("  a solve stopped: over after", stopped(server, longer))


def main():
    began = time.monotonic()
    server = Server(model=MODEL)
    say("address after", f"{time.monotonic() - began:.2f} s", f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    try:
        picture = server.give()
        began = time.monotonic()
        server.run(what="tokens", question=QUESTION, picture=picture)
        say("tokens, first sight of the picture", f"{time.monotonic() - began:.1f} s")
        for part in (ask, trace, cancels, ways, edit):
            if PARTS and part.__name__ not in PARTS:
                continue
            watch = Watch(server, picture)
            try:
                part(server, picture)
            finally:
                watch.end()
                say("  memory", memory(server))
    finally:
        server.stop()


main()
