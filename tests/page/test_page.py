"""The page in a real browser: what a user does, by mouse and by keyboard alone.

    tests/page/test_page.py LOCI SOURCE [PICTURES]    PICTURES: a folder for screenshots, to look at

Skipped (77) where there is no browser with its driver, or no page in this build."""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True
from server import CONSTRAINT, ENVIRONMENT, IMAGE, LOCI, MODEL, QUESTION, SOURCE, Server, picture, skip  # noqa: E402
from webdriver import Browser, browser_programs  # noqa: E402


def command(*args):
    out = subprocess.run([LOCI, *args, "-m", MODEL, "--json"], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    return json.loads(out.stdout)


def begin(browser, address):
    browser.open("about:blank")
    browser.open(address)
    browser.wait("return document.getElementById('model').textContent.includes('layers')")
    assert "token" not in browser.url(), "the token stays in the address"
    browser.open(address)  # a link in the same tab: the page is not loaded again
    browser.wait("return !location.hash.includes('token')")


def give(browser):
    browser.type("#file", IMAGE)
    browser.wait("return !document.getElementById('picture').hidden")
    browser.type("#question", QUESTION)
    browser.wait("return document.querySelectorAll('.chip').length === 8")


def chip(browser, word):
    return browser.run("return [...document.querySelectorAll('.chip')].findIndex(c => c.textContent === arguments[0])", word)


def traced(browser):
    browser.wait("return document.getElementById('status').textContent.startsWith('total effect')")


def open_tab(browser, name, ready):
    browser.click(f"#tab-{name}")
    browser.wait(f"return document.querySelector('{ready}') !== null")
    picture(browser, name)


def numbers(browser):
    """The table of the tab Numbers: [site][row][layer], as text."""
    open_tab(browser, "numbers", "#view-numbers table")
    return browser.run("""return [...document.querySelectorAll('#view-numbers table')].map(t =>
        [...t.tBodies[0].rows].map(r => [...r.cells].slice(1).map(c => c.textContent)))""")


def shown(x):
    """As the page writes a number."""
    if x is None:
        return "not defined"
    if abs(x) >= 0.0005 or x == 0:
        return f"{x:.3f}"
    mantissa, exponent = f"{x:.1e}".split("e")
    return f"{mantissa}e{int(exponent):+d}"


def alike(page, expected):
    """Numbers of a run of their own, whose last digits depend on nothing but the machine: to the page's digits, but
    for a rounding that falls the other way."""
    if page == expected:
        return True
    try:
        return abs(float(page) - float(expected)) <= 0.002 * max(1e-2, abs(float(expected)))
    except ValueError:
        return False


def asks_cells(browser):
    """A click on a cell: what the model would have answered there, as the command shown says; another one beside it."""
    browser.click("#tab-trace")
    browser.click("#maps figure:nth-child(3) canvas")
    browser.wait("return document.querySelectorAll('#restored .bars').length === 1")
    picture(browser, "cell")
    line = shlex.split(browser.text("#cell-command"))
    said = json.loads(subprocess.run([LOCI, *[IMAGE if w == "ukraine.png" else w for w in line[1:]], "--json"], capture_output=True,
                                     text=True, check=True, env=ENVIRONMENT).stdout)
    assert f"“{said['answer']}”" in browser.text("#pinned-said"), (said["answer"], browser.text("#pinned-said"))
    bars = browser.run("return [...document.querySelectorAll('#restored .bars > div span:last-child')].map(s => s.textContent)")
    assert all(alike(bar, shown(t["p"])) for bar, t in zip(bars, said["steps"][0]["top"], strict=True)), bars
    before = browser.text("#restored")
    browser.run("document.getElementById('cell-where').value = 'constraint'")
    browser.run("document.getElementById('cell-where').dispatchEvent(new Event('change'))")
    browser.wait("return document.getElementById('cell-command').textContent.includes('--positions constraint')")
    browser.run("document.getElementById('cell-where').value = ''")
    browser.run("document.getElementById('cell-where').dispatchEvent(new Event('change'))")
    browser.wait("return document.getElementById('restored').textContent === arguments[0]", before)
    browser.run("document.querySelector('#maps canvas').focus()")
    browser.press("Down", "Right")
    browser.press("Enter", shift=True)
    browser.wait("return document.querySelectorAll('#restored .bars').length === 2")
    browser.press("Escape")
    assert browser.run("return document.getElementById('pinned').hidden")


def keeps_its_question(browser):
    """What is typed after a trace is another question: the maps, their cells and the other views stay those of the first."""
    def types(text):
        browser.run("""const q = document.getElementById('question');
          q.value = arguments[0];
          q.dispatchEvent(new Event('input'));""", text)

    said = "return document.getElementById('traced').hidden ? '' : document.getElementById('traced').textContent"
    assert browser.run(said) == ""
    types("Which language is spoken in this country?")
    browser.wait(f"{said.replace('return ', 'return (')}) === 'These results are of “{QUESTION}”.'")
    browser.click("#maps figure:nth-child(3) canvas")
    browser.wait("return document.getElementById('cell-command').textContent.includes('ask')")
    line = shlex.split(browser.text("#cell-command"))
    assert line[line.index("-q") + 1] == QUESTION and line[line.index("-c") + 1] == CONSTRAINT, line
    browser.run("document.querySelector('#maps canvas').focus()")
    browser.press("Escape")
    browser.click("#tab-flow")
    browser.wait("return document.getElementById('command').textContent.includes('loci flow')")
    line = shlex.split(browser.text("#command code"))
    assert line[line.index("-q") + 1] == QUESTION, line
    browser.click("#tab-trace")
    types(QUESTION)
    browser.wait(f"{said.replace('return ', 'return (')}) === ''")
    browser.drag(f"#chip-{chip(browser, 'this')}", f"#chip-{chip(browser, 'country')}")


def streams(browser):
    """Answers come first, then estimates, then cells; a stop keeps what is done; an answer does not wait for a trace."""
    times = browser.run("return {...document.getElementById('maps').dataset}")
    order = [float(times[k]) for k in ("answers", "estimates", "cells", "all")]
    assert order == sorted(order), times
    told = browser.run("""return import('/page/api.js').then(async api => {
      const about = {question: arguments[0], constraint: 'this country', picture: new URLSearchParams(location.hash.slice(1)).get('i')};
      const stop = new AbortController(), parts = [], states = [];
      let answer = null;
      const got = await api.run('trace', {...about, corrupt: 'noise:3', seeds: '40'}, s => states.push(s.state), stop.signal, async p => {
        parts.push(p);
        if (!p.done || answer) return;
        answer = api.run('ask', {...about, corrupt: 'mean', site: 'mlp_out', layers: '1', positions: 'last'});
        answer = await answer;
        states.push('answered');
        stop.abort();
      });
      return [parts.slice(0, 3).map(p => p.clean ? 'whole' : 'cells'), states, got.value.missing, answer.value.answer, parts.filter(p => p.done).map(p => p.done)];
    })""", QUESTION)
    kinds, states, missing, answer, done = told
    assert kinds == ["whole", "whole", "cells"], kinds
    assert answer and states[-1] == "cancelled" and states.index("answered") < len(states) - 1, states
    assert missing > 0 and done == sorted(done) and len(done) > 0, (missing, done)


def goes_on(browser):
    """A trace that was stopped goes on with the cells that are there, and ends as the whole one does."""
    ends = browser.run("""return import('/page/api.js').then(async api => {
      const about = {question: arguments[0], constraint: 'this country', corrupt: 'mean', window: '3', picture: new URLSearchParams(location.hash.slice(1)).get('i')};
      const stop = new AbortController(), done = [];
      const part = await api.run('trace', about, () => {}, stop.signal, p => { if (p.done) { done.push(p.done); stop.abort(); } });
      const whole = await api.run('trace', {...about, continue: String(part.job)}, () => {}, undefined, p => { if (p.done) done.push(p.done); });
      const fresh = await api.run('trace', {...about, seed: '1'});
      const same = JSON.stringify(whole.value.grids.map(g => g.ie)) === JSON.stringify(fresh.value.grids.map(g => g.ie));
      return [part.value.missing, whole.value.missing ?? 0, same, whole.value.cost.rows < fresh.value.cost.rows, done];
    })""", QUESTION)
    missing, left, same, less, done = ends
    assert missing > 0 and left == 0 and same and done == sorted(done), ends
    if done[0] > missing:
        assert less, ends  # more than half was there


def marks(browser):
    """Several constraints: by further drags, by proposal; a click takes one away."""
    words = "return [...document.querySelectorAll('.chip[aria-selected=true]')].map(c => c.textContent)"
    at = chip(browser, "capital")
    browser.drag(f"#chip-{at}", f"#chip-{at}")
    assert browser.run(words) == ["capital", "this", "country"], browser.run(words)
    assert browser.text("#marked") == "Marked: “capital”, “this country”", browser.text("#marked")
    assert "c=3-3%2C5-6" in browser.url() or "c=3-3,5-6" in browser.url(), browser.url()
    picture(browser, "marks")
    browser.drag(f"#chip-{at}", f"#chip-{at}")
    assert browser.run(words) == ["this", "country"], browser.run(words)
    browser.run("document.getElementById('chips').focus()")
    browser.press("Escape")
    assert browser.run(words) == [] and browser.run("return document.getElementById('trace-button').disabled")
    browser.press("Home", "Space")
    browser.press("Right", "Right", "Space")
    assert len(browser.run(words)) == 2
    browser.click("#propose")
    browser.wait("return document.getElementById('marked').textContent === 'Marked: “this country”'")
    kinds = "return [...document.querySelectorAll('#kinds button')].map(b => b.textContent).join()"
    browser.wait(f"{kinds} === 'this country: visual'")
    browser.click("#kinds button")
    browser.wait(f"{kinds} === 'this country: textual'")
    assert "5-6.textual" in browser.url(), browser.url()
    browser.click("#trace-button")
    browser.wait("return document.querySelector('#command code').textContent.includes('trace')")
    traced(browser)
    assert "-c 'this country' --kind textual" in browser.text("#command code"), browser.text("#command code")
    browser.click("#kinds button")
    browser.wait(f"{kinds} === 'this country: visual'")


def exports(browser):
    """Every format of the trace, as the command writes it."""
    begins = {"json": "{", "csv": "site,", "npz": "PK", "png": "\x89PNG", "svg": "<", "pdf": "%PDF", "html": "<!"}
    offered = browser.run("return [...document.querySelectorAll('#exports button')].map(b => b.textContent.toLowerCase())")
    assert offered == list(begins), offered
    heads = browser.run("""return import('/page/api.js').then(async api => {
      const job = (await api.run('trace', JSON.parse(arguments[0]))).job, heads = {};
      for (const ending of arguments[1]) heads[ending] = [...new Uint8Array(await (await api.resultBytes(job, ending)).slice(0, 5).arrayBuffer())];
      return heads;
    })""", json.dumps({"question": QUESTION, "constraint": CONSTRAINT, "corrupt": "mean", "layers": "1-2"}), list(begins))
    for ending, begin in begins.items():
        assert "".join(map(chr, heads[ending])).startswith(begin), (ending, heads[ending])


def sees(browser):
    """The picture as the model sees it, beside the one that was given."""
    browser.click("#see")
    browser.wait("return !document.getElementById('seen').hidden && document.getElementById('picture').hidden")
    said = browser.run("return document.getElementById('seen').getAttribute('aria-label')")
    image = command("image", "-i", IMAGE)
    assert said == f"what the model sees: {image['input_width']} by {image['input_height']} pixels, 8 by 8 patches", (said, image)
    picture(browser, "seen")
    browser.click("#see")
    browser.wait("return document.getElementById('seen').hidden")


def copies_python(browser):
    """What "Copy Python" gives is the same trace, where the package can be run."""
    browser.click("#copy-python")
    code = browser.run("return document.getElementById('copy-python').dataset.text").replace('"ukraine.png"', repr(IMAGE))
    library = os.path.join(os.path.dirname(LOCI), "libloci.so")
    environment = {**ENVIRONMENT, "LOCI_LIBRARY": library, "PYTHONPATH": f"{SOURCE}/python", "PYTHONDONTWRITEBYTECODE": "1"}
    python = os.environ.get("LOCI_PYTHON", sys.executable)
    if not os.path.exists(library) or subprocess.run([python, "-c", "import ctypes, sys, numpy; ctypes.CDLL(sys.argv[1])", library], capture_output=True).returncode:
        compile(code, "page", "exec")
        return None
    done = subprocess.run([python, "-c", code + "print(result.te)"], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, (code, done.stderr)
    return float(done.stdout)


def by_mouse(browser, server):
    browser.do("POST", "/timeouts", {"script": 120000})  # for machines with much else to do
    begin(browser, server.address)
    give(browser)
    browser.click("#ask-button")
    browser.wait("return document.getElementById('status').textContent.startsWith('answer')")
    assert browser.text("#status") == "answer: Kyiv"
    browser.drag(f"#chip-{chip(browser, 'this')}", f"#chip-{chip(browser, 'country')}")
    browser.click("#trace-button")
    traced(browser)
    picture(browser, "trace")
    t = command("trace", "-i", IMAGE, "-q", QUESTION, "-c", CONSTRAINT)
    assert f"total effect {shown(t['total_effect'])}" in browser.text("#status"), browser.text("#status")
    effect = copies_python(browser)
    assert effect is None or abs(effect - t["total_effect"]) < 1e-6, (effect, t["total_effect"])
    sees(browser)
    grids = {}
    for g in t["grids"]:
        grids.setdefault(g["site"], []).extend([list(column) for column in zip(*g["ie"])])
    for site, table in zip(grids.values(), numbers(browser), strict=True):
        for row, cells in zip(site, table, strict=True):
            for x, cell in zip(row, cells, strict=True):
                assert alike(cell, shown(x)), f"the page shows {cell}, loci trace {x}"
    asks_cells(browser)
    keeps_its_question(browser)
    streams(browser)
    goes_on(browser)
    exports(browser)
    open_tab(browser, "flow", "#view-flow canvas")
    open_tab(browser, "lens", "#view-lens td")
    lens = command("lens", "-i", IMAGE, "-q", QUESTION, "-c", CONSTRAINT)
    words = browser.run("return [...document.querySelectorAll('#view-lens tbody tr')].map(r => r.cells[2].textContent)")
    assert words == [layer[0]["text"].replace("\u2581", " ").strip() for layer in lens["top"][1]], words
    open_tab(browser, "knockout", "#view-knockout polyline")
    assert len(browser.run("return [...document.querySelectorAll('#view-knockout .legend li')].map(l => l.textContent)")) == 4
    line = browser.text("#command code")
    assert line.startswith("loci knockout -m") and "-i ukraine.png" in line, line
    browser.click("#tab-trace")
    return browser.url()


def by_keyboard(browser, server):
    begin(browser, server.address)
    give(browser)  # a file is chosen in a window of the system, which no test can press keys in
    browser.press(*["Tab"] * 2)
    assert browser.run("return document.activeElement.id") == "chips", browser.run("return document.activeElement.outerHTML")
    browser.press(*["Right"] * chip(browser, "this"))
    browser.press("Right", shift=True)
    marked = browser.run("return [...document.querySelectorAll('.chip[aria-selected=true]')].map(c => c.textContent)")
    assert marked == ["this", "country"], marked
    browser.press("Enter")
    traced(browser)
    browser.run("document.querySelector('#maps canvas').focus()")
    browser.press("Down", "Right", "Right")
    said = browser.text("#cell")
    assert said.startswith("mlp_out, layer 2, position 75, country: indirect effect"), said
    assert all(name in said for name in ("corrupted", "restored", "clean", "restoration ", "KL from the clean run")), said
    browser.press("Enter")
    assert browser.text("#cell").startswith("Pinned: mlp_out, layer 2") and "cell=mlp_out.1.denoise.1.2" in browser.url()
    browser.press("]")
    assert browser.run("return [...document.querySelectorAll('#maps canvas')].indexOf(document.activeElement)") == 1
    browser.press("[", "Escape")
    assert not browser.text("#cell").startswith("Pinned")
    browser.press("?")
    assert browser.run("return document.getElementById('keys').open")
    browser.press("Escape")
    browser.run("document.getElementById('tab-trace').focus()")
    browser.press("Right", "Right")
    browser.wait("return document.querySelector('#view-lens td') !== null")


def from_link(address, token):
    """What a link shows in a profile that never saw the page, but was given the token."""
    browser = Browser()
    try:
        browser.open(f"{address}&token={token}")
        traced(browser)
        assert numbers(browser)[0][0], "no numbers"
        assert browser.text("#status") is not None
        return browser.text("#clean")
    finally:
        browser.close()


def kept_apart(layer):
    """KL of the questions that an edit should leave alone, as the commands measure it: another picture, another question."""
    asked = ("-i", IMAGE, "-q", QUESTION, "-c", CONSTRAINT, "--target", "Lima", "--layer", layer, "--steps", "60",
             "--rephrase", "Which city is the capital of this country?")
    aside = [(f"{MODEL}/images/thailand.png", QUESTION), (IMAGE, "What language do they speak in this country?")]
    found = []
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([LOCI, "edit", "solve", *asked, "-m", MODEL, "-o", f"{place}/lima.edit"], check=True,
                       capture_output=True, env=ENVIRONMENT)
        for image, question in aside:
            one = {"image": image, "question": question}
            with open(f"{place}/one.jsonl", "w") as f:
                f.write(json.dumps({**one, "target": "Lima", "unrelated": [one]}) + "\n")
            t = command("edit", "test", f"{place}/one.jsonl", "--edit", f"{place}/lima.edit")
            found += [g["metrics"]["kl"]["after"]["value"] for g in t["groups"] if g["name"] == "unrelated"]
    return found


def edits(browser):
    """A new answer: solved, tried, seen to be there, and taken back."""
    browser.click("#tab-edit")
    browser.type("#target", "Lima")
    browser.run("document.getElementById('rephrase').value = 'Which city is the capital of this country?'")
    browser.type("#other-pictures", f"{MODEL}/images/thailand.png")
    browser.wait("return document.getElementById('other-pictures-said').textContent === 'thailand.png'")
    browser.click("#edit-form button[type=submit]")
    browser.wait("return document.getElementById('status').textContent.startsWith('solved')")
    assert int(browser.run("return document.getElementById('loss').dataset.steps")) > 3, "no step was told before the end"
    assert browser.text("#status") == "solved: the model would say Lima", browser.text("#status")
    assert browser.run("return [...document.querySelectorAll('#exports button')].map(b => b.textContent).join()") == "EDIT,JSON"
    assert "loci edit apply edit.edit -m " in browser.text("#write-it code"), browser.text("#write-it")
    browser.wait("return document.querySelector('#outcome caption')?.textContent.includes('mean KL of 2 of 2 that should stay')")
    kl = browser.run("return [...document.querySelectorAll('#outcome tbody tr')].map(r => r.cells[5].textContent)")
    expected = kept_apart(browser.run("return document.getElementById('layer').value"))
    assert kl[:2] == ["", ""] and all(alike(x, shown(y)) for x, y in zip(kl[2:], expected, strict=True)), (kl, expected)
    mean = browser.text("#outcome caption").split(": ")[-1]
    assert alike(mean, shown(sum(expected) / 2)), (mean, expected)
    browser.click("#try")
    browser.wait("return document.querySelector('#outcome caption')?.textContent.includes('answered otherwise')")
    picture(browser, "edit")
    row = browser.run("return [...document.querySelector('#outcome tbody tr').cells].map(c => c.textContent)")
    assert row[1] == "Kyiv" and row[3] == "Lima (changed)", row
    kinds = browser.run("return [...document.querySelectorAll('#outcome tbody tr')].map(r => r.cells[0].textContent.split(':')[0])")
    assert kinds == ["this question", "rephrased", "thailand.png", "other question"], kinds
    assert "of 2 other pictures and questions" in browser.text("#outcome caption"), browser.text("#outcome caption")
    assert browser.run("return !document.getElementById('edited').hidden"), "nothing says that the model is edited"
    browser.click("#revert")
    browser.wait("return document.getElementById('edited').hidden")
    browser.click("#ask-button")
    browser.wait("return document.getElementById('status').textContent === 'answer: Kyiv'")


def at_a_question(browser):
    """The command line opens the page at a question: its picture is there, its constraint marked, its trace made."""
    server = Server("-i", IMAGE, "-q", QUESTION, "-c", CONSTRAINT, "--corrupt", "mean", "--window", "3")
    try:
        browser.open("about:blank")
        browser.open(server.address)
        traced(browser)
        assert browser.text("#marked") == f"Marked: “{CONSTRAINT}”" and "on=" not in browser.url(), browser.url()
        assert not browser.run("return document.getElementById('picture').hidden"), "the picture is not shown"
        assert browser.run("return document.getElementById('window').value") == "3"
        assert "--corrupt mean" in browser.text("#command code"), browser.text("#command code")
    finally:
        browser.open("about:blank")
        server.stop()


def colours(browser, theme):
    """Words can be read on every colour of both tables, lightness rises or falls throughout where numbers have one sign,
    and a cell that is 0 is as the page is."""
    browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    # the page hears of it when it draws next, and paints in the frame after that
    tables, ground = browser.run("""const frame = () => new Promise(requestAnimationFrame);
      return import('/page/paint.js').then(c => frame().then(frame).then(frame).then(() => c)).then(c => {
        const at = k => Array.from({length: 256}, (_, i) => i / 255).map(k);
        const with_ink = rgb => [rgb, c.ink(rgb)];
        const point = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
        point.drawImage(document.querySelector('#maps canvas'), -5, -40);
        const pixel = point.getImageData(0, 0, 1, 1).data;
        return [[at(x => with_ink(c.ofShare(x, 1))), at(x => with_ink(c.ofEffect(2 * x - 1, 1)))], pixel[0]];
    })""")

    def luminance(rgb):
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (x / 255 for x in rgb))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    for rising, table in zip((True, False), tables, strict=True):
        light = [luminance(rgb) for rgb, _ in table]
        for lightness, (rgb, ink) in zip(light, table, strict=True):
            beside = 0 if ink == "#000" else 1
            contrast = (max(lightness, beside) + 0.05) / (min(lightness, beside) + 0.05)
            assert contrast >= 4.5, (theme, rgb, ink, contrast)
        if rising:
            assert light == sorted(light, reverse=theme == "light"), theme
    assert (ground > 200) == (theme == "light"), (theme, ground)


def narrow(browser):
    """Nothing is lost at 320 pixels, in dark colours or with forced ones."""
    browser.devtools("Emulation.setDeviceMetricsOverride", width=320, height=800, deviceScaleFactor=1, mobile=False)
    picture(browser, "narrow")
    for tab in ("flow", "lens", "knockout", "edit", "numbers", "trace"):
        browser.click(f"#tab-{tab}")
        browser.wait("return document.getElementById(arguments[0]).firstElementChild?.checkVisibility()", f"view-{tab}")
        wide = browser.run("return document.documentElement.scrollWidth")
        assert wide <= 320, f"{tab} is {wide} wide on a screen of 320"
    browser.devtools("Emulation.setDeviceMetricsOverride", width=640, height=500, deviceScaleFactor=2, mobile=False)
    assert browser.run("return document.documentElement.scrollWidth") <= 640, "at 200 % something is out of sight"
    picture(browser, "zoomed")
    browser.devtools("Emulation.clearDeviceMetricsOverride")
    for theme in ("light", "dark"):
        colours(browser, theme)
    for name, value in (("prefers-color-scheme", "dark"), ("forced-colors", "active")):
        browser.devtools("Emulation.setEmulatedMedia", features=[{"name": name, "value": value}])
        picture(browser, value)
    browser.devtools("Emulation.setEmulatedMedia", features=[])
    for kind in ("deuteranopia", "protanopia", "tritanopia"):
        browser.devtools("Emulation.setEmulatedVisionDeficiency", type=kind)
        picture(browser, kind)
    browser.devtools("Emulation.setEmulatedVisionDeficiency", type="none")


def is_named(browser):
    """Every control has a name for those who do not see it."""
    nameless = []
    for node in browser.devtools("Accessibility.getFullAXTree")["nodes"]:
        role = node.get("role", {}).get("value")
        if not node.get("ignored") and role in ("button", "textbox", "combobox", "slider", "tab", "link", "listbox", "option"):
            if not node.get("name", {}).get("value"):
                nameless.append(role)
    assert not nameless, f"without a name: {nameless}"


def hostile(browser, server):
    """What the model and the question say is text, not markup."""
    begin(browser, server.address)
    browser.run("document.getElementById('question').value = ''")
    browser.type("#question", "<img src=x onerror=document.title=1>&amp;")
    browser.wait("return document.querySelectorAll('.chip').length > 5")
    browser.click("#ask-button")
    browser.wait("return document.getElementById('status').textContent.startsWith('answer')")
    assert browser.run("return document.title") == "loci"
    assert browser.run("return document.querySelectorAll('main img').length") == 0


def main():
    if not browser_programs():
        skip("no chromium with its driver: the page is not tried (tools/setup.sh --dev installs them)")
    if "built without the page" in subprocess.run([LOCI, "serve", "-m", MODEL, "--port", "99999"], capture_output=True,
                                                   text=True).stderr:
        skip("loci serve is not part of this build")
    server, browser = Server(), Browser()
    try:
        link = by_mouse(browser, server)
        narrow(browser)
        is_named(browser)
        clean = browser.text("#clean")
        assert from_link(link, server.address.split("token=")[1]) == clean
        by_keyboard(browser, server)
        marks(browser)
        edits(browser)
        hostile(browser, server)
        said = browser.console()
        assert not said, f"the console is not empty: {said}"
        others = [u for u in browser.requests() if not re.match(re.escape(server.origin) + "/|blob:|data:|about:", u)]
        assert not others, f"requests to other places: {others}"
        at_a_question(browser)
    except BaseException:
        picture(browser, "failed")
        raise
    finally:
        browser.close()
        server.stop()


main()
