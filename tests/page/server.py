"""loci serve for a test of the page, what it asks about, and where a picture of the page goes.

A test is called with LOCI SOURCE [PICTURES] and ends with 77, skipped, where this build or machine lacks what it needs."""
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

LOCI, SOURCE = (os.path.abspath(p) for p in sys.argv[1:3])
PICTURES = sys.argv[3] if len(sys.argv) > 3 else None
MODEL, IMAGE = f"{SOURCE}/models/flags", f"{SOURCE}/models/flags/images/ukraine.png"
QUESTION, CONSTRAINT = "What is the capital of this country?", "this country"
ENVIRONMENT = {**os.environ, "OMP_WAIT_POLICY": "passive", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
ENVIRONMENT.pop("LOCI_MODELS", None)


def skip(why):
    print(why)
    sys.exit(77)


def picture(browser, name):
    if PICTURES:
        browser.screenshot(f"{PICTURES}/{name}.png")


class Server:
    """Of a model, or of none (None) where a store is all that is looked at."""

    def __init__(self, *args, model=MODEL, environment=ENVIRONMENT):
        opens = ["-m", model] if model else []
        if "LOCI_PAGE" in environment:  # its files as they are there, for whoever works on them
            opens += ["--page", environment["LOCI_PAGE"]]
        self.process = subprocess.Popen([LOCI, "serve", *opens, "--no-open", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env=environment)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            why = self.process.stderr.read()
            if "without the page" in why or "without stores" in why:
                skip(why)
            raise AssertionError(why)
        self.origin, self.token = self.address.split("&")[0].split("/#token=")

    def open(self, method, path, body=None, token=None, headers=()):
        """The answer as it comes, or an HTTPError."""
        body = urllib.parse.urlencode(body, doseq=True).encode() if isinstance(body, dict) else body
        request = urllib.request.Request(self.origin + path, body, {"Authorization": f"Bearer {token or self.token}", **dict(headers)},
                                         method=method)
        return urllib.request.urlopen(request, timeout=60)

    def call(self, method, path, body=None, token=None, headers=()):
        try:
            with self.open(method, path, body, token, headers) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()

    def get(self, path, **more):
        status, body = self.call("GET", path, **more)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def run(self, **fields):
        """A job's number and its result, when it has ended."""
        status, body = self.call("POST", "/api/jobs", fields)
        assert status in (200, 202), (fields, status, body)
        job = json.loads(body)["job"]
        self.call("GET", f"/api/jobs/{job}/events")
        state = self.get(f"/api/jobs/{job}")
        assert state["state"] == "done", state
        return job, self.get(f"/api/jobs/{job}/result.json")

    def give(self):
        with open(IMAGE, "rb") as f:
            return json.loads(self.call("POST", "/api/pictures", f.read())[1])["picture"]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        code, errors = self.process.wait(timeout=20), self.process.stderr.read()
        assert code == 0 and not errors, f"loci serve ends with {code}: {errors}"
