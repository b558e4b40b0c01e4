"""A store browsed: by the API, and where there is a browser on the page, by mouse and by keyboard.

    tests/page/test_store.py LOCI SOURCE [PICTURES]

Skipped (77) where there is no page or no store in this build."""
import json
import os
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True
from server import ENVIRONMENT, LOCI, MODEL, Server, picture, skip  # noqa: E402
from webdriver import Browser, browser_programs  # noqa: E402

COPIES = 600


def make_store(path):
    """Five examples measured, one of them refused, then copied until there are thousands."""
    lines = open(f"{MODEL}/data/trace.jsonl").read().splitlines()[:5]
    questions = os.path.join(os.path.dirname(path), "questions.jsonl")
    examples = [json.loads(line) for line in lines]
    for e in examples:
        if "image" in e:
            e["image"] = os.path.join(f"{MODEL}/data", e["image"])
    with open(questions, "w") as f:
        f.writelines(json.dumps(e) + "\n" for e in examples)
        f.write('{"question": "What is <b>this</b>?"}\n')
    done = subprocess.run([LOCI, "study", "run", questions, "-m", MODEL, "--store", path, "--what", "trace", "--site", "mlp_out",
                           "--corrupt", "mean"], capture_output=True, text=True, env=ENVIRONMENT)
    if "without stores" in done.stderr:
        skip(done.stderr)
    d = sqlite3.connect(path)
    with d:
        for n in range(1, COPIES):
            d.execute("INSERT INTO example (key, line, id, question, image, answers, constraints, fields) SELECT key || ?1,"
                      " line + 100 * ?1, id, question, image, answers, constraints, fields FROM example WHERE line < 100", (n,))
        d.execute("INSERT INTO result (run, example, dropped, reason, answer, right, first_right, seconds)"
                  " SELECT r.run, e.example, r.dropped, r.reason, r.answer, r.right, r.first_right, r.seconds FROM example e"
                  " JOIN example o ON o.line = e.line % 100 JOIN result r ON r.example = o.example WHERE e.line > 100")
    used, dropped = (d.execute(f"SELECT count(*) FROM result WHERE dropped IS {n} NULL").fetchone()[0] for n in ("", "NOT"))
    d.close()
    return used, dropped


class StoreServer(Server):
    def __init__(self, *args):
        super().__init__(*args, model=None)

    def asked(self, path, fields=None, token=None):
        return self.call("GET" if fields is None else "POST", path, fields, token)

    def ask(self, what, **fields):
        status, body = self.asked(f"/api/store/{what}", fields)
        assert status == 200, (what, fields, body)
        return json.loads(body)


def api(server, used, dropped):
    assert len(server.ask("runs")["runs"]) == 1
    rows = server.ask("examples", count=1000)
    assert rows["total"] == used + dropped and len(rows["rows"]) == 1000 and rows["headline"] == "total effect", rows["total"]
    assert server.ask("examples", which="dropped")["total"] == dropped
    assert server.ask("examples", which="right")["total"] + server.ask("examples", which="wrong")["total"] <= used
    assert server.ask("examples", text="COUNTRY", which="all")["total"] > 0
    for odd in ("' OR 1=1 --", "%", "_", "\";DROP TABLE run;", "\\"):
        assert server.ask("examples", text=odd)["total"] == 0, odd
    effects = [r["effect"] for r in server.ask("examples", sort="-effect", count=20)["rows"] if "effect" in r]
    assert effects and effects == sorted(effects, reverse=True)
    least = sorted(effects)[0]
    assert all(r["effect"] >= least for r in server.ask("examples", least=least)["rows"])
    late = server.ask("examples", first=used + dropped - 3)
    assert len(late["rows"]) == 3
    one = server.ask("examples", result=1)
    assert one["example"]["line"] == 1 and one["maps"][0]["site"] == "mlp_out" and len(one["maps"][0]["ie"]) == 12
    assert any(v["quantity"] == "total effect" and v["x"][0] == one["example"]["effect"] for v in one["values"])
    for fields in ({"run": 9}, {"result": 10**6}, {"sort": "line; DROP TABLE run"}, {"which": "none"}, {"count": 5000}, {"nonsense": 1},
                   {"first": -1}, {"least": "x"}):
        status, body = server.asked("/api/store/examples", fields)
        assert status == 422 and b"error" in body, (fields, status, body)
    for what, fields, field, says in (("examples", {"wich": "right"}, "wich", 'did you mean "which"?'), ("examples", {"least": "x"}, "least", "a number"),
                                      ("examples", {"sort": "lin"}, "sort", "not sorted by"), ("sql", {"sql": "DROP TABLE run"}, "sql", "")):
        error = json.loads(server.asked("/api/store/" + what, fields)[1])["error"]
        assert error["field"] == field and says in error["message"], (fields, error)
    assert server.asked("/api/store/nothing", {})[0] == 422
    assert server.asked("/api/store/examples", {}, token="0" * 64)[0] == 401
    status, csv = server.asked("/api/store/1/run.csv")
    assert status == 200 and csv.startswith(b"run,") or csv.count(b"\n") > 10, csv[:100]
    assert server.asked("/api/store/7/run.csv")[0] == 404


def selects(server):
    """SQL reads and does nothing else, within a second and a thousand rows; views of the store may be used."""
    def sql(text):
        status, body = server.asked("/api/store/sql", {"sql": text})
        return status, json.loads(body)

    status, got = sql("SELECT x, avg(value) FROM point WHERE quantity = 'total effect' GROUP BY x")
    assert status == 200 and len(got["rows"]) == 1 and isinstance(got["rows"][0][1], float), got
    wide = f"replace(replace('{'a' * 300}', 'a', '{'b' * 20}'), 'b', '{'c' * 20}')"  # 120 kB
    status, got = sql("SELECT " + ", ".join([wide] * 90) + " FROM example")  # 10.8 MB a row
    assert status == 200 and len(got["rows"]) == 1 and got["more"], len(got["rows"])
    status, got = sql("SELECT " + ", ".join(["1"] * 101))
    assert status == 422 and "too many columns" in got["error"]["message"], got
    status, got = sql("SELECT 1e999, NULL, x'00ff', 'a', 3;")
    assert got["rows"] == [[None, None, "(2 bytes)", "a", 3]] and not got["more"], got
    status, got = sql("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT 5000) SELECT x FROM r")
    assert len(got["rows"]) == 1000 and got["more"], len(got["rows"])
    status, got = sql("SELECT group_concat(question) FROM example, (SELECT 1 FROM example)")
    assert status == 422 and ("too big" in str(got) or "longer than a second" in str(got)), got
    for text, why in (("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r", "longer than a second"),
                      ("DELETE FROM run", "may only read"), ("SELECT 1; DROP TABLE run", "one SQL statement"), ("", "wants a SELECT"),
                      ("ATTACH '/etc/passwd' AS x", "may only read"), ("PRAGMA query_only = 0", "may only read"),
                      ("CREATE TEMP TABLE t (x)", "may only read"), ("SELECT load_extension('x')", "not authorized to use function"),
                      ("SELECT * FROM pragma_table_info('run')", "not authorized"), ("SELEC 1", "syntax error")):
        status, got = sql(text)
        assert status == 422 and why in got["error"]["message"], (text, got)
    assert server.asked("/api/store/examples", {"sql": "SELECT 1"})[0] == 422
    assert server.ask("examples", which="dropped")["total"] > 0  # what follows is not restricted


def rates(server, path):
    """AUROC: the share of pairs of a right and a wrong answer in which the right one has the higher number."""
    d = sqlite3.connect(path)
    with d:
        d.execute("UPDATE result SET right = result % 2 WHERE dropped IS NULL")
    pairs = d.execute("SELECT value, right FROM point WHERE quantity = 'total effect'").fetchall()
    d.close()
    won = [(x > y) + (x == y) / 2 for x, right in pairs if right for y, other in pairs if not other]
    got = next(s for s in server.ask("auroc")["scores"] if s["quantity"] == "total effect")
    assert got["right"] + got["wrong"] == len(pairs) == 5 and abs(got["auroc"]["value"] - sum(won) / len(won)) < 1e-12, got
    assert got["auroc"]["lo"] <= got["auroc"]["value"] <= got["auroc"]["hi"], got


def side_by_side(path):
    """Several stores: each has its own rows, and a link to a row of the second one opens that."""
    other = os.path.join(os.path.dirname(path), "other.db")
    d = sqlite3.connect(path)
    d.execute("VACUUM INTO ?", (other,))
    d.close()
    d = sqlite3.connect(other)
    with d:
        d.execute("UPDATE example SET question = 'Of the other one?' WHERE line = 1")
    d.close()
    server = StoreServer("--store", path, "--store", other)
    try:
        status, hello = server.asked("/api/hello")
        assert json.loads(hello)["stores"] == ["study.db", "other.db"], hello
        first, second = (server.ask("examples", store=i, result=1)["example"]["question"] for i in (0, 1))
        assert second == "Of the other one?" != first, (first, second)
        for store in (2, -1, "x"):
            assert server.asked("/api/store/runs", {"store": store})[0] == 404, store
        csv = [server.asked(f"/api/store/1/run.csv?store={i}")[0] for i in (0, 1, 2)]
        assert csv == [200, 200, 404], csv
        if browser_programs():
            browser = Browser()
            try:
                browser.open(f"{server.address}&ex=1.1.1")
                browser.wait("return document.getElementById('store-example').textContent.includes('Of the other one?')")
                assert browser.run("return document.querySelectorAll('#store-run option').length") == 2
                browser.run("document.getElementById('store-run').focus()")
                browser.press("Home")
                browser.run("document.querySelector('#aggregate-means-box summary').click()")
                browser.wait("return document.querySelector('#row-0 .question')?.textContent === arguments[0]", first)
                browser.wait("return document.querySelectorAll('#aggregate-means button').length === 2")
                assert not browser.console()
            finally:
                browser.close()
    finally:
        server.stop()


def listed(browser):
    return browser.run("return document.querySelectorAll('.store-row').length")


def whole(browser):
    """Means, AUROC and SQL of the run, opened by the keyboard."""
    for box in ("aggregate-means-box", "aggregate-auroc-box", "sql-box"):
        browser.run("document.querySelector(`#${arguments[0]} summary`).focus()", box)
        browser.press("Enter")
    browser.wait("return document.querySelectorAll('#aggregate-means svg.chart polyline').length > 3")
    browser.wait("return document.getElementById('aggregate-auroc').textContent.includes('total effect')")
    browser.run("document.getElementById('sql').focus()")
    browser.chord("Control", "Enter")
    browser.wait("return document.querySelectorAll('#sql-rows tbody tr').length === 12")
    picture(browser, "store-whole")


def focus_on(browser, name):
    """By Tab alone, from where the focus is, round the page."""
    for _ in range(80):
        browser.press("Tab")
        if browser.run("return document.activeElement.id === arguments[0] || document.activeElement.dataset.sort === arguments[0]", name):
            return
    raise AssertionError(f"Tab does not come to {name}")


def by_keyboard(browser):
    """Filters and the order of the rows without a mouse; titles stand over their columns."""
    count = browser.text("#store-count")
    focus_on(browser, "store-which")
    browser.press("Down", "Down")  # wrong answers
    browser.wait("return document.getElementById('store-count').textContent !== arguments[0]", count)
    browser.press("Home")
    browser.wait("return document.getElementById('store-count').textContent === arguments[0]", count)
    focus_on(browser, "question")  # a column's title
    browser.press("Enter")
    browser.wait("return document.querySelector('[data-sort=question]').getAttribute('aria-sort') === 'ascending'")
    focus_on(browser, "effect")
    browser.press("Enter", "Enter")
    browser.wait("return document.querySelector('[data-sort=effect]').getAttribute('aria-sort') === 'descending'")
    browser.wait("return document.querySelector('#row-0 .effect')?.textContent > '0'")
    edges = browser.run("return [...document.querySelectorAll('#store-head .effect, #row-0 .effect')].map(e => Math.round(e.getBoundingClientRect().left))")
    assert edges[0] == edges[1], f"the header stands off its column: {edges}"


def page(server, total):
    browser = Browser()
    try:
        browser.open(server.address)
        browser.wait("return document.querySelectorAll('.store-row .question').length > 5")
        assert browser.text("#store-count") == f"{total} examples"
        assert listed(browser) < 60, "rows out of sight are drawn"
        browser.run("document.getElementById('store-list').scrollTop = 1e9")
        browser.wait("return [...document.querySelectorAll('.store-row')].some(r => r.id === arguments[0] && !r.textContent.includes('…'))", f"row-{total - 1}")
        assert listed(browser) < 60
        browser.type("#store-text", "country")
        browser.wait("return document.getElementById('store-count').textContent !== arguments[0]", f"{total} examples")
        rows = browser.run("""const real = URL.createObjectURL;
          let kept;
          URL.createObjectURL = bytes => real.call(URL, kept = bytes);
          document.getElementById('store-json').click();
          return new Promise(go => {
            const look = () => kept ? kept.text().then(JSON.parse).then(go) : setTimeout(look, 20);
            look();
          }).finally(() => { URL.createObjectURL = real; });""")
        assert len(rows) == int(browser.text("#store-count").split()[0]) > 100 and all("country" in r["question"] for r in rows), len(rows)
        for _ in range(2):  # the strongest first
            browser.run("document.getElementById('store-head').children[4].click()")
        browser.wait("return document.querySelector('.store-row') && !document.querySelector('.store-row').textContent.includes('…')")
        browser.click("#row-0")
        browser.wait("return document.querySelector('#maps canvas') !== null && document.getElementById('store-example').textContent.includes('nothing is computed')")
        picture(browser, "store")
        whole(browser)
        by_keyboard(browser)
        first = browser.text("#store-example")
        link = browser.url()
        browser.run("document.getElementById('store-list').focus()")
        browser.press("Down", "Enter")
        browser.wait("return document.getElementById('store-example').textContent !== arguments[0]", first)
        fresh = Browser()
        try:
            fresh.open(f"{link}&token={server.token}")
            fresh.wait("return document.getElementById('store-example').textContent.includes('nothing is computed')")
            assert fresh.text("#store-example") == first
        finally:
            fresh.close()
        assert browser.run("return document.querySelectorAll('main b').length") == 0
        said = browser.console()
        assert not said, said
    finally:
        browser.close()


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "study.db")
        used, dropped = make_store(path)
        server = StoreServer("--store", path)
        try:
            assert server.asked("/api/jobs", {"what": "ask", "question": "x"})[0] == 404
            api(server, used, dropped)
            selects(server)
            rates(server, path)
            if browser_programs():
                page(server, used + dropped)
        finally:
            server.stop()
        side_by_side(path)


main()
