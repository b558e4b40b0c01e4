"""A browser by the W3C WebDriver protocol: as much of it as the tests of the page need, on the standard library."""
import base64
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Control": "\ue009", "Shift": "\ue008", "Escape": "\ue00c", "Left": "\ue012", "Up": "\ue013", "Right": "\ue014",
        "Down": "\ue015", "Space": " ", "Tab": "\ue004", "Home": "\ue011", "End": "\ue010", "PageDown": "\ue00f"}


def browser_programs():
    """(driver, browser), or None where one of them is missing."""
    driver = shutil.which("chromedriver")
    browser = next((b for n in ("chromium-headless-shell", "chromium", "google-chrome") if (b := shutil.which(n))), None)
    return (driver, browser) if driver and browser else None


class Browser:
    def __init__(self, width=1280, height=1000):
        driver, browser = browser_programs()
        self.driver = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       text=True, start_new_session=True)
        port = None
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                port = int(line.strip().rstrip(".").split()[-1])
                break
        self.base = f"http://127.0.0.1:{port}"
        args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--window-size={width},{height}"]
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"binary": browser, "args": args},
                  "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.session = ""
        self.session = "/session/" + self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else b"{}" if method == "POST" else None
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=180) as answer:  # longer than any script may take
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise AssertionError(json.load(e)["value"]["message"].split("\n")[0]) from None

    def do(self, method, path, body=None):
        return self.call(method, self.session + path, body)

    def open(self, url):
        self.do("POST", "/url", {"url": url})

    def url(self):
        return self.do("GET", "/url")

    def find(self, selector):
        return self.do("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def click(self, selector):
        self.do("POST", f"/element/{self.find(selector)}/click", {})

    def type(self, selector, text):
        self.do("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def run(self, script, *args):
        return self.do("POST", "/execute/sync", {"script": script, "args": list(args)})

    def press(self, *keys, shift=False):
        """Keys one after another on what has the focus, named as in KEYS or as they are."""
        down = lambda k: [{"type": "keyDown", "value": k}, {"type": "keyUp", "value": k}]
        acts = [a for k in keys for a in down(KEYS.get(k, k))]
        if shift:
            acts = [{"type": "keyDown", "value": KEYS["Shift"]}, *acts, {"type": "keyUp", "value": KEYS["Shift"]}]
        self.do("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": acts}]})

    def chord(self, held, key):
        acts = [{"type": "keyDown", "value": KEYS[held]}, {"type": "keyDown", "value": KEYS[key]},
                {"type": "keyUp", "value": KEYS[key]}, {"type": "keyUp", "value": KEYS[held]}]
        self.do("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": acts}]})

    def drag(self, start, end):
        """The mouse, from the middle of one element to that of another."""
        at = lambda s: {"type": "pointerMove", "duration": 30, "origin": {ELEMENT: self.find(s)}, "x": 0, "y": 0}
        acts = [at(start), {"type": "pointerDown", "button": 0}, at(end), {"type": "pointerUp", "button": 0}]
        self.do("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": acts}]})

    def wait(self, script, *args, seconds=120):
        end = time.monotonic() + seconds
        while not (value := self.run(script, *args)):
            if time.monotonic() > end:
                raise AssertionError(f"never true: {script}")
            time.sleep(0.05)
        return value

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.do("GET", "/screenshot")))

    def devtools(self, command, **params):
        return self.do("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def console(self):
        return [e["message"] for e in self.do("POST", "/se/log", {"type": "browser"})]

    def requests(self):
        events = [json.loads(e["message"])["message"] for e in self.do("POST", "/se/log", {"type": "performance"})]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def close(self):
        try:
            if self.session:
                self.do("DELETE", "")
        finally:
            os.killpg(self.driver.pid, signal.SIGKILL)  # the browser, too, which outlives its driver
            self.driver.wait()
