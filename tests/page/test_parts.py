"""What loci serve is given by its options, and what the page makes of it: models to open, folders to read the page from and to
save in, room for kept runs, edits from files, panels that stand alone, the brush of a flow, streams that are cut.

    tests/page/test_parts.py LOCI SOURCE [PICTURES]

By the API first, then where there is a browser on the page.  Skipped (77) where there is no page in this build."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True
from server import CONSTRAINT, ENVIRONMENT, IMAGE, LOCI, MODEL, QUESTION, SOURCE, Server, picture  # noqa: E402
from webdriver import Browser, browser_programs  # noqa: E402


def refused(*args, says):
    done = subprocess.run([LOCI, "serve", "--no-open", *args], capture_output=True, text=True, env=ENVIRONMENT, timeout=30)
    assert done.returncode in (1, 2) and says in done.stderr, (args, done.returncode, done.stderr)


def edit_file(place):
    """An edit, and beside it a model that has it: another one to open."""
    path = f"{place}/lima.edit"
    os.mkdir(f"{place}/models")
    subprocess.run([LOCI, "edit", "solve", "-m", MODEL, "-i", IMAGE, "-q", QUESTION, "-c", CONSTRAINT, "--target", "Lima", "--steps", "60",
                    "--layer", "2", "-o", path], check=True, capture_output=True, env=ENVIRONMENT)
    subprocess.run([LOCI, "edit", "apply", path, "-m", MODEL, "--out", f"{place}/models/lima"], check=True, capture_output=True, env=ENVIRONMENT)
    os.symlink(MODEL, f"{place}/models/flags")
    with open(path, "rb") as f:
        return f.read()


# ---------------------------------------------------------------- by the API

def models(place):
    """Those of -m, --root and LOCI_MODELS, each once; another one is opened where no job runs; nothing of the one before stays."""
    os.makedirs(f"{place}/roots/org/broken")
    os.makedirs(f"{place}/roots/empty")
    os.makedirs(f"{place}/more")
    os.symlink(f"{place}/models/lima", f"{place}/roots/org/lima")
    os.symlink(MODEL, f"{place}/more/again")
    os.symlink(place, f"{place}/roots/round")  # a folder in itself ends somewhere
    for name in ("config.json", "model.safetensors"):
        with open(f"{place}/roots/org/broken/{name}", "w") as f:
            f.write("{}")
    server = Server("--root", f"{place}/roots", environment={**ENVIRONMENT, "LOCI_MODELS": f"{place}/none::{place}/more"})
    try:
        told = server.get("/api/hello")
        assert told["models"] == ["flags", "org/broken", "org/lima"] and told["model"]["id"] == 1, told
        ask = {"what": "ask", "question": QUESTION, "picture": server.give(), "edition": str(told["edition"])}
        job, answer = server.run(**ask)
        for path, status in (("/api/models/4/open", 404), ("/api/models/0/open", 404), ("/api/models/x/open", 404),
                             ("/api/models/2/open", 422), ("/api/models/999999999/open", 404)):
            got = server.call("POST", path, b"")
            assert got[0] == status, (path, got)
        assert server.call("GET", "/api/models/3/open")[0] == 404
        assert server.call("POST", "/api/models/3/open", b"", token="0" * 64)[0] == 401
        assert server.get("/api/hello")["model"]["id"] == 1, "a model that cannot be opened took the place of one that was"
        _, busy = server.call("POST", "/api/jobs", {"what": "trace", "question": QUESTION, "constraint": CONSTRAINT, "corrupt": "noise:3", "seeds": "3000"})
        busy = json.loads(busy)["job"]
        got = server.call("POST", "/api/models/3/open", b"")
        assert got[0] == 409 and b"in use" in got[1], got
        server.call("DELETE", f"/api/jobs/{busy}")
        server.call("GET", f"/api/jobs/{busy}/events")
        status, body = server.call("POST", "/api/models/3/open", b"")
        assert status == 200 and json.loads(body)["model"]["id"] == 3, body
        assert server.call("GET", f"/api/jobs/{job}")[0] == 404, "a job of the model before is there"
        got = server.call("POST", "/api/jobs", ask)
        assert got[0] == 409 and b"another one" in got[1], got
        ask["edition"] = str(json.loads(body)["edition"])
        assert server.run(**ask)[1]["answer"] == "Lima" != answer["answer"], "the first model answers still"
        assert server.call("POST", "/api/models/1/open", b"")[0] == 200
        del ask["edition"]
        assert server.run(**ask)[1]["steps"] == answer["steps"], "the first one answers otherwise after all"
    finally:
        server.stop()
    refused("-m", MODEL, "--root", f"{place}/nowhere", says="nowhere")
    refused("--store", "x.db", "--root", place, says="--root")


def folders(place):
    """--page: the files as they are there, those of the program's names alone; --save-to: new files with names of loci's own."""
    shutil.copytree(f"{SOURCE}/page", f"{place}/page")
    with open(f"{place}/page/secret.txt", "w") as f:
        f.write("secret")
    os.mkdir(f"{place}/saved")
    server = Server("--page", f"{place}/page", "--save-to", f"{place}/saved")
    try:
        with open(f"{place}/page/app.css", "a") as f:
            f.write("/* changed */")
        assert server.call("GET", "/page/app.css")[1].endswith(b"/* changed */")
        for path in ("/page/secret.txt", "/page/../saved", "/page/nothing.js"):
            assert server.call("GET", path)[0] in (400, 404), path
        os.remove(f"{place}/page/work.js")
        assert server.call("GET", "/page/work.js")[0] == 404
        assert server.get("/api/hello")["save_to"] == f"{place}/saved"
        job, result = server.run(what="lens", question=QUESTION, constraint=CONSTRAINT)
        with open(f"{place}/saved/lens-2.csv", "w") as f:
            f.write("mine")
        os.symlink(f"{place}/elsewhere", f"{place}/saved/lens-1.json")
        names = [json.loads(server.call("POST", f"/api/jobs/{job}/save.{e}", b"")[1])["saved"] for e in ("csv", "csv", "json", "png")]
        assert names == ["lens-1.csv", "lens-3.csv", "lens-2.json", "lens-1.png"], names
        assert open(f"{place}/saved/lens-2.csv").read() == "mine" and not os.path.exists(f"{place}/elsewhere"), "something is written over"
        assert json.load(open(f"{place}/saved/lens-2.json"))["top"] == result["top"]
        for bad in ("save.x/../../y", "save.", "save.exe", "save.png.png", "save.%2e", "save.json/"):
            status, body = server.call("POST", f"/api/jobs/{job}/{bad}", b"")
            assert status in (400, 404, 507), (bad, status, body)
        assert server.call("POST", f"/api/jobs/{job}/save.csv", b"", token="1" * 64)[0] == 401
        assert server.call("POST", "/api/jobs/999/save.csv", b"")[0] == 404
        assert sorted(os.listdir(f"{place}/saved")) == ["lens-1.csv", "lens-1.json", "lens-1.png", "lens-2.csv", "lens-2.json", "lens-3.csv"]
        os.rename(f"{place}/saved", f"{place}/moved")
        os.mkdir(f"{place}/saved")
        assert server.call("POST", f"/api/jobs/{job}/save.csv", b"")[0] == 200
        assert os.listdir(f"{place}/saved") == [], "the folder is another one by its name"
    finally:
        server.stop()
    server = Server()
    try:
        job, _ = server.run(what="ask", question=QUESTION)
        got = server.call("POST", f"/api/jobs/{job}/save.json", b"")
        assert got[0] == 404 and b"--save-to" in got[1], got
        marked = urllib.request.urlopen(server.origin + "/page/app.js").headers["ETag"]
        assert server.call("GET", "/page/app.js", headers=[("If-None-Match", marked)]) == (304, b""), marked
        assert server.call("GET", "/page/app.js", headers=[("If-None-Match", '"other"')])[0] == 200
    finally:
        server.stop()
    refused("-m", MODEL, "--save-to", f"{place}/nowhere", says="nowhere")
    refused("-m", MODEL, "--page", place, says="index.html")


def keeps():
    """Room for kept runs: with it a second question to a prompt computes less, and answers the same; without, all of it."""
    rows = {}
    for size in ("1G", "1K"):
        server = Server("--keep", size)
        try:
            asked = {"what": "trace", "question": QUESTION, "constraint": CONSTRAINT, "corrupt": "mean", "site": "mlp_out"}
            server.run(**asked, layers="0-3")
            _, second = server.run(**asked, layers="4-7")
            rows[size] = (second["cost"]["rows"], [g["ie"] for g in second["grids"]])
        finally:
            server.stop()
    assert rows["1G"][0] < rows["1K"][0], rows
    assert rows["1G"][1] == rows["1K"][1], "kept runs change numbers"
    refused("-m", MODEL, "--keep", "lots", says="--keep")


def edits(edit):
    """An .edit from a file is applied, written and tested as one that was solved here; what is none is refused in a sentence."""
    server = Server()
    try:
        status, body = server.call("POST", "/api/edits", edit)
        assert status == 200, body
        job = json.loads(body)["job"]
        told = server.get(f"/api/jobs/{job}/result.json")
        assert told["question"] == QUESTION and told["target"]["text"] == "Lima" and "proc" not in json.dumps(told), told
        assert server.call("GET", f"/api/jobs/{job}/result.edit")[1] == edit, "it comes out as it went in"
        ask = {"what": "ask", "question": QUESTION, "picture": server.give()}
        before = server.run(**ask)[1]
        tested = server.run(**{"what": "edit test", "edit": job, "question": QUESTION})[1]
        assert tested["groups"], tested
        assert server.call("POST", f"/api/jobs/{job}/apply", b"")[0] == 200
        assert server.run(**ask)[1]["answer"] == "Lima"
        assert server.get("/api/hello")["edited"] == job
        assert server.call("POST", f"/api/jobs/{job}/revert", b"")[0] == 200
        assert server.run(**ask)[1]["steps"] == before["steps"]
        assert [j["job"] for j in server.get("/api/jobs")["jobs"]] == sorted(j["job"] for j in server.get("/api/jobs")["jobs"])
        for bad in (b"", b"x" * 100, edit[:-1], edit[: len(edit) // 2], edit.replace(b'"layer"', b'"lbyer"'), b"\xff" * 8 + edit[8:]):
            status, body = server.call("POST", "/api/edits", bad)
            assert status == 422 and b"the edit" in body and b"/proc" not in body, (bad[:40], status, body)
        assert server.call("POST", "/api/edits", b"x", headers=[("Content-Length", str((1 << 20) + 1))])[0] == 413
        assert server.call("POST", "/api/edits", edit, token="2" * 64)[0] == 401
    finally:
        server.stop()


def follows():
    """A stream goes on behind the parts that are known; all jobs have their states; several stores stand side by side."""
    server = Server()
    try:
        asked = {"what": "trace", "question": QUESTION, "constraint": CONSTRAINT, "corrupt": "noise:3", "seeds": "20"}
        job = json.loads(server.call("POST", "/api/jobs", asked)[1])["job"]
        streams = {}

        def read(after):
            streams[after] = server.call("GET", f"/api/jobs/{job}/events?after={after}")[1].split(b"\n\n")

        readers = [threading.Thread(target=read, args=(after,)) for after in (0, 2)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        parts = {after: [e for e in events if e.startswith(b"event: part")] for after, events in streams.items()}
        assert len(parts[0]) > 3 and parts[0][2:] == parts[2], {k: len(v) for k, v in parts.items()}
    finally:
        server.stop()


# ---------------------------------------------------------------- on the page

def traced(browser):
    browser.wait("return document.getElementById('status').textContent.startsWith('total effect')")


def seen(browser, selector):
    return browser.run("return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility()).length", selector)


def opens_models(browser, server):
    """Another model by the list of the header; its link opens it again, and an older one says what is missing."""
    assert browser.run("return [...document.getElementById('models').options].map(o => o.text).join()") == "flags,lima"
    assert browser.run("return new URLSearchParams(location.hash.slice(1)).get('m')") == "flags"
    before = browser.text("#clean")
    browser.run("document.getElementById('models').focus()")
    browser.press("Down")
    browser.wait("return document.getElementById('model').textContent.startsWith('lima')")
    browser.wait("return location.hash.includes('m=lima')")
    link = browser.url()
    browser.wait("return document.getElementById('clean').textContent.includes('Lima')")
    browser.run("history.back()")
    browser.wait("return document.getElementById('model').textContent.startsWith('flags')")
    browser.wait("return document.getElementById('clean').textContent === arguments[0]", before)
    browser.open(link)
    browser.wait("return document.getElementById('model').textContent.startsWith('lima')")
    browser.wait("return document.getElementById('clean').textContent.includes('Lima') && document.getElementById('stop').hidden")
    browser.run("location.hash = location.hash.replace('m=lima', 'm=gone')")
    browser.wait("return document.getElementById('status').textContent.includes('not among those')")
    browser.run("history.back()")
    browser.click("#models option:first-child")
    browser.wait("return document.getElementById('model').textContent.startsWith('flags')")


def stands_alone(browser):
    """Any panel alone, by its button or its link; Escape brings the rest back; a map is twice as large, and its cells are where
    the mouse points."""
    everything = seen(browser, "main section, figure")
    browser.run("document.querySelector('figure[data-panel=attn_out] .expand').focus()")
    browser.press("Enter")
    assert seen(browser, "figure") == 1 and seen(browser, "#question") == 0 and seen(browser, "#status") == 1
    assert "x=attn_out" in browser.url(), browser.url()
    assert browser.run("return document.activeElement.ariaPressed") == "true"
    wide, inner = browser.run("const c = document.querySelector('.alone canvas'); return [c.getBoundingClientRect().width, c.width]")
    assert abs(wide / inner - 2) < 0.1, (wide, inner)
    at = browser.run("""const c = document.querySelector('.alone canvas'), b = c.getBoundingClientRect();
      c.dispatchEvent(new PointerEvent('pointermove', {clientX: b.left + b.width * 5.5 / 12, clientY: b.top + 4, bubbles: true}));
      return document.getElementById('cell').textContent""")
    assert at.startswith("attn_out, layer 5"), at
    picture(browser, "alone")
    link = browser.url()
    browser.run("document.querySelector('.alone .expand').focus()")
    browser.press("Escape")
    assert seen(browser, "main section, figure") == everything and "x=" not in browser.url()
    for name in ("answers", "question", "results"):
        browser.click(f"[data-panel={name}] > .expand")
        assert seen(browser, "main > section") == 1, name
        browser.click(f"[data-panel={name}] > .expand")
        assert seen(browser, "main section, figure") == everything, name
    browser.open("about:blank")
    browser.open(link)
    traced(browser)
    browser.wait("return document.querySelector('.alone')?.dataset.panel === 'attn_out'")
    browser.press("Escape")
    assert seen(browser, "main section, figure") == everything


def brushes(browser):
    """A patch pointed at in the picture, in the profile or by the keyboard is seen in all of them, with its number."""
    browser.click("#tab-flow")
    browser.wait("return document.querySelector('#view-flow canvas') !== null")
    said = "return document.querySelector('#flow-patch + output').textContent"
    assert browser.run(said) == "" and browser.run("return document.querySelectorAll('#view-flow .mark').length") == 0
    browser.run("""const c = document.querySelector('#view-flow canvas'), b = c.getBoundingClientRect();
      c.dispatchEvent(new PointerEvent('pointermove', {clientX: b.left + b.width * 2.5 / 8, clientY: b.top + b.height * 5.5 / 8}));""")
    assert browser.run(said).startswith("row 6, column 3: "), browser.run(said)
    assert browser.run("return document.getElementById('flow-patch').value") == str(5 * 8 + 2)
    shown = browser.run("return document.querySelectorAll('#view-flow .mark').length")
    assert shown == 1 and "b=42" in browser.url(), (shown, browser.url())
    picture(browser, "brushed")
    browser.run("document.getElementById('flow-patch').focus()")
    browser.press("Right")
    assert browser.run(said).startswith("row 6, column 4: "), browser.run(said)
    browser.run("""const s = document.querySelector('#view-flow svg.chart'), b = s.getBoundingClientRect();
      s.dispatchEvent(new PointerEvent('pointermove', {clientX: b.left + b.width * 62 / 530, clientY: b.top + 20, bubbles: true}));""")
    assert browser.run(said).startswith("row 1, column 1: "), browser.run(said)
    told = json.loads(subprocess.run([LOCI, "flow", "-m", MODEL, "-i", IMAGE, "-q", QUESTION, "-c", CONSTRAINT, "--json"], capture_output=True,
                                     text=True, check=True, env=ENVIRONMENT).stdout)
    image, last = told["prompt"]["image"], told["constraints"][-1]
    layer = int(browser.run("return document.getElementById('flow-layer').value"))
    first = told["contribution"][layer][told["to"].index(last["first"] + last["count"] - 1)][image["first"]]
    assert abs(float(browser.run(said).split(": ")[1]) - first) <= max(0.0006, 0.06 * first), (browser.run(said), first)
    browser.click("#tab-trace")


def opens_edits(browser, place):
    """An .edit from a file: tried, seen to hold, and taken back."""
    browser.click("#tab-edit")
    browser.type("#edit-file", f"{place}/lima.edit")
    browser.wait("return document.getElementById('status').textContent.startsWith('opened lima.edit: layer 2')")
    browser.wait("return !document.getElementById('try').disabled")
    browser.click("#try")
    browser.wait("return !document.getElementById('edited').hidden && document.querySelector('#outcome caption')?.textContent.includes('answered otherwise')")
    row = browser.run("return [...document.querySelector('#outcome tbody tr').cells].map(c => c.textContent)")
    assert row[1] == "Kyiv" and row[3] == "Lima (changed)", row
    browser.click("#revert")
    browser.wait("return document.getElementById('edited').hidden")
    browser.type("#edit-file", IMAGE)
    browser.wait("return document.getElementById('status').textContent.startsWith('the edit')")
    browser.click("#tab-trace")


def saves(browser, place):
    """Exports into the folder of --save-to, and into the browser's own where that is not chosen."""
    browser.run("document.getElementById('into').focus()")
    browser.press("Space")
    browser.run("document.querySelectorAll('#exports button')[1].focus()")
    browser.press("Enter")
    browser.wait("return document.getElementById('status').textContent.startsWith('saved trace-1.csv in')")
    assert open(f"{place}/out/trace-1.csv").readline().startswith("site,")
    browser.click("#into")


def two_tabs(browser, server):
    """What another tab changes is said, and nothing of it is shown as if it were this one's."""
    def put(model):
        end = time.monotonic() + 60
        while (got := server.call("POST", f"/api/models/{model}/open", b""))[0] == 409:  # what the page asked runs still
            assert time.monotonic() < end, got
            time.sleep(0.1)
        assert got[0] == 200, got

    put(2)
    browser.click("#ask-button")
    browser.wait("return document.getElementById('status').textContent.includes('another one by now')")
    put(1)


def cut(browser, server):
    """A stream that is cut goes on; a server that is killed is said to be gone, and the console stays empty."""
    ends = browser.run("""return import('/page/api.js').then(async api => {
      await api.hello();
      const real = window.fetch, heard = [];
      let cuts = 2;
      window.fetch = async (path, o) => {
        const answer = await real(path, o);
        if (!path.includes('/events') || cuts-- <= 0) return answer;
        heard.push(path);
        let told = 0;
        return new Response(answer.body.pipeThrough(new TransformStream({transform(chunk, c) {
          c.enqueue(chunk);
          if (++told === 2) c.error(new Error('cut'));
        }})));
      };
      const parts = [];
      const got = await api.run('trace', {question: arguments[0], constraint: 'this country', corrupt: 'noise:3', seeds: "20", seed: "5"}, () => {}, undefined, p => parts.push(p.done ?? 0));
      window.fetch = real;
      return [heard.length, parts, got.value.missing ?? 0];
    })""", QUESTION)
    assert ends[0] == 2 and ends[2] == 0 and ends[1] == sorted(ends[1]) and len(set(ends[1][2:])) == len(ends[1][2:]), ends
    server.process.kill()
    server.process.wait()
    browser.click("#ask-button")
    browser.wait("return document.getElementById('status').textContent.includes('does not answer')")


def page(place):
    os.mkdir(f"{place}/out")
    server = Server("-i", IMAGE, "-q", QUESTION, "-c", CONSTRAINT, "--root", f"{place}/models", "--save-to", f"{place}/out")
    browser = Browser()
    try:
        browser.do("POST", "/timeouts", {"script": 120000})
        browser.open(server.address)
        traced(browser)
        stands_alone(browser)
        brushes(browser)
        saves(browser, place)
        opens_edits(browser, place)
        opens_models(browser, server)
        said = [line for line in browser.console() if "/api/edits" not in line]  # the picture that is no edit
        assert not said, said
        two_tabs(browser, server)
        cut(browser, server)
    except BaseException:
        picture(browser, "failed-parts")
        raise
    finally:
        browser.close()
        if server.process.poll() is None:
            server.process.kill()


def main():
    with tempfile.TemporaryDirectory() as place:
        edit = edit_file(place)
        models(place)
        folders(place)
        keeps()
        edits(edit)
        follows()
        if browser_programs():
            page(place)


main()
