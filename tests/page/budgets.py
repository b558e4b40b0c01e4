"""What the page costs, measured in a real browser on this machine: prints one line for each budget.

    tests/page/budgets.py LOCI SOURCE [MODEL]

Times of jobs stand beside the command's own (what its JSON says it computed), so that they say something on a busy
machine, too.  Nothing fails here: docs/BENCHMARKS.md has what was measured where."""
import gzip
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True
from webdriver import Browser, browser_programs  # noqa: E402

LOCI, SOURCE = (os.path.abspath(p) for p in sys.argv[1:3])
MODEL = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else f"{SOURCE}/models/flags"
IMAGE = f"{SOURCE}/models/flags/images/ukraine.png"
ENVIRONMENT = {**os.environ, "OMP_WAIT_POLICY": "passive", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
ASK = {"question": "What is the capital of this country?", "constraint": "this country", "corrupt": "mean"}


def say(what, value, budget):
    print(f"{what:<44} {value:>12}   budget {budget}", flush=True)


def size_of_page(origin):
    paths, seen, raw = ["/"], set(), b""
    while paths:
        path = paths.pop()
        if path in seen:
            continue
        seen.add(path)
        body = gzip.decompress(urllib.request.urlopen(urllib.request.Request(origin + path)).read())
        raw += body
        text = body.decode()
        paths += re.findall(r'(?:href|src)="(/page/[^"]+)"', text)
        paths += ["/page/" + name for name in re.findall(r"from '\./([^']+)'", text)]
    packed = sum(len(gzip.compress(gzip.decompress(urllib.request.urlopen(origin + p).read()), 9)) for p in seen)
    return len(raw), packed


def run(browser, what, fields):
    """A job, as the page asks it: milliseconds in the browser, what the server says it took, the result."""
    return browser.run("""const [what, fields] = arguments;
        return import('/page/api.js').then(async api => {
          const began = performance.now();
          let seconds = 0;
          const got = await api.run(what, fields, s => { seconds = s.seconds; });
          return [performance.now() - began, 1000 * seconds, got.value];
        })""", what, fields)


def trace_times(browser):
    """The page's own marks of a trace: answers, estimates, first cells, all, in milliseconds."""
    browser.click("#trace-button")
    browser.wait("return document.getElementById('maps').dataset.all !== undefined", seconds=600)
    return {k: float(v) for k, v in browser.run("return {...document.getElementById('maps').dataset}").items()}


def many_cells(browser):
    """A map of 20,000 cells: painted anew, and after a move of the mouse."""
    return browser.run("""return import('/page/map.js').then(map => {
      const L = 32, P = 625, grid = f => Array.from({length: L}, (_, l) => Array.from({length: P}, (_, p) => f(l, p)));
      const ie = grid((l, p) => Math.sin(l * 7 + p)), none = grid(() => null), off = grid(() => false), on = grid((l, p) => (l + p) % 3 > 0);
      document.getElementById('results').hidden = false;
      map.show({prompt: {tokens: Array.from({length: P}, (_, i) => ({text: 'token' + i}))}, clean: {p: 1}, corrupt: {p: 0},
        grids: [{site: 'mlp_out', window: 1, direction: 'denoise', groups: null, layers: [...Array(L).keys()], positions: [...Array(P).keys()],
          ie, restoration: ie, p: ie, kl: none, logit_diff: none, skipped: off, exact: on}]});
      const canvas = document.querySelector('#maps canvas'), box = canvas.getBoundingClientRect(), paint = [], hover = [];
      for (let i = 0; i < 9; i++) {
        let t = performance.now();
        map.setMetric(i % 2 ? 'ie' : 'restoration');
        canvas.getContext('2d').getImageData(0, 0, 1, 1);
        paint.push(performance.now() - t);
        t = performance.now();
        canvas.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + 9 + 18 * i, clientY: box.top + 40}));
        hover.push(performance.now() - t);
      }
      const middle = x => x.sort((a, b) => a - b)[4];
      return [middle(paint), middle(hover)];
    })""")


def processor_time(server):
    with open(f"/proc/{server.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cancel_time(browser, server, share):
    """A trace stopped at so much of its cells: milliseconds to its end, and of the processor in the second after."""
    took = browser.run("""const [about, share] = arguments;
      return import('/page/api.js').then(async api => {
      const stop = new AbortController();
      let asked = 0;
      await api.run('trace', {...about, corrupt: 'noise:3', seeds: '30', seed: String(Date.now() % 100000)}, () => {}, stop.signal, p => {
          if (asked || !(p.done >= share * p.planned)) return;
          asked = performance.now();
          stop.abort();
        }).catch(() => {});
      return performance.now() - asked;
    })""", ASK, share)
    before = processor_time(server)
    time.sleep(1)
    return took, processor_time(server) - before


def main():
    if not browser_programs():
        print("no chromium with its driver")
        sys.exit(77)
    server = subprocess.Popen([LOCI, "serve", "-m", MODEL, "--no-open"], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    address = server.stdout.readline().strip()
    browser = Browser()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    try:
        raw, packed = size_of_page(address.split("/#")[0])
        say("page, bytes", raw, "120000")
        say("page, gzipped", packed, "40000")
        browser.do("POST", "/timeouts", {"script": 120000})
        browser.open(address)
        browser.wait("return document.getElementById('model').textContent.includes('layers')")
        paints = []
        for _ in range(5):
            browser.do("POST", "/refresh", {})
            browser.wait("return document.getElementById('model').textContent.includes('layers')")
            paints.append(browser.run("return performance.getEntriesByType('paint')[0]?.startTime ?? -1"))
        say("first paint, ms", f"{statistics.median(paints):.0f}", "200")
        browser.type("#file", IMAGE)
        browser.wait("return !document.getElementById('picture').hidden")
        picture = browser.run("return new URLSearchParams(location.hash.slice(1)).get('i')")
        tokens = [run(browser, "tokens", {"question": ASK["question"] + " " * i, "picture": picture}) for i in range(1, 6)]
        say("tokens, ms (of it the command)", f"{statistics.median(t[0] for t in tokens):.0f} ({statistics.median(t[1] for t in tokens):.0f})", "5")
        browser.type("#question", ASK["question"])
        browser.wait("return document.querySelectorAll('.chip').length > 5")
        at = browser.run("return [...document.querySelectorAll('.chip')].findIndex(c => c.textContent === 'this')")
        browser.drag(f"#chip-{at}", f"#chip-{at + 1}")
        took = trace_times(browser)
        own = json.loads(subprocess.run([LOCI, "trace", "-m", MODEL, "-i", IMAGE, "-q", ASK["question"], "-c", ASK["constraint"], "--json"],
                                        capture_output=True, text=True, env=ENVIRONMENT).stdout)["cost"]["seconds"]
        say("clean and corrupted answer, ms", f"{took.get('answers', -1):.0f}", "200")
        say("estimates of all cells, ms later", f"{took.get('estimates', -1) - took.get('answers', 0):.0f}", "100")
        say("all cells, ms (loci trace: its own)", f"{took['all']:.0f} ({1000 * own:.0f})", "1000")
        clicks = []
        for layer in range(5):
            fields = {**ASK, "picture": picture, "site": "mlp_out", "layers": str(layer), "positions": "last", "window": "1"}
            clicks.append(run(browser, "ask", fields))
        say("a click on a cell, ms (of it the command)", f"{statistics.median(c[0] for c in clicks):.0f} ({statistics.median(c[1] for c in clicks):.0f})", "50")
        for share in (0.1, 0.5, 0.9):
            took, after = cancel_time(browser, server, share)
            say(f"a trace stopped at {share:.0%} is idle after, ms", f"{took:.0f}", "200")
            say("  of the processor in the second after, ms", f"{after:.0f}", "idle")
        paint, hover = many_cells(browser)
        say("20,000 cells painted, ms", f"{paint:.1f}", "16")
        say("a move over them, ms", f"{hover:.1f}", "8")
        browser.devtools("HeapProfiler.collectGarbage")
        heap = browser.run("return performance.memory?.usedJSHeapSize ?? 0")
        say("heap, MB", f"{heap / 1e6:.1f}", "60")
    finally:
        browser.close()
        server.send_signal(2)
        server.wait(timeout=20)
        time.sleep(0)


main()
