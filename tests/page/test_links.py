"""What a link of the page brings back: template and sites, a picture that has to be dropped again, a job that runs still; and
what is said of tokens before a trace.

    tests/page/test_links.py LOCI SOURCE [PICTURES]

Skipped (77) where there is no browser with its driver, or no page in this build."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True
from server import CONSTRAINT, IMAGE, MODEL, QUESTION, Server, picture, skip  # noqa: E402
from webdriver import Browser, browser_programs  # noqa: E402

TRACED = {"question": QUESTION, "constraint": CONSTRAINT}


def traced(browser):
    browser.wait("return document.getElementById('status').textContent.startsWith('total effect')")


def keeps_all(browser):
    """Template and sites stand in the address: its link shows the same again, numbers and all."""
    def put(name, value):
        browser.run("""const e = document.getElementById(arguments[0]);
          e.value = arguments[1];
          for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind));""", name, value)

    maps = "return [...document.querySelectorAll('#maps figcaption')].map(c => c.textContent).join()"
    assert browser.run(maps) == "mlp_out,attn_out,resid_post" and not re.search("[#&][ts]=", browser.url()), browser.url()
    before = browser.text("#clean")
    put("template", "vicuna_v1")
    put("site", "attn_out,resid_pre")
    browser.wait("return document.querySelector('.chip')?.title !== 'position 70'")
    browser.click("#trace-button")
    browser.wait(f"return document.getElementById('maps').dataset.all && ({maps.replace('return ', '')}) === 'attn_out,resid_pre'")
    traced(browser)
    link, clean, line = browser.url(), browser.text("#clean"), browser.text("#command code")
    assert "t=vicuna_v1" in link and "s=attn_out%2Cresid_pre" in link and clean != before, (link, clean)
    assert "--site attn_out,resid_pre" in line and "vicuna_v1" in line, line
    browser.open("about:blank")
    browser.open(link)
    traced(browser)
    assert browser.run(maps) == "attn_out,resid_pre" and browser.text("#clean") == clean and browser.text("#command code") == line
    assert browser.run("return [document.getElementById('template').value, document.getElementById('more').open]") == ["vicuna_v1", True]
    picture(browser, "more")
    put("template", "")
    put("site", "")
    browser.click("#trace-button")
    browser.wait(f"return document.getElementById('maps').dataset.all && ({maps.replace('return ', '')}) === 'mlp_out,attn_out,resid_post'")
    traced(browser)
    assert browser.text("#clean") == before and not re.search("[#&][ts]=", browser.url()), browser.url()


def counts(browser):
    """How many tokens are marked, and how many take their place; a swap of another number is said before it is refused."""
    said = "return document.getElementById('counts').textContent"
    for kind, word, ends in (("replace", "Paris", "Marked: 2 tokens; “Paris” in its place: "), ("swap", "Paris", "A swap needs as many."), ("mean", "", "")):
        browser.run("""document.getElementById('corrupt').value = arguments[0];
          document.getElementById('corrupt-value').value = arguments[1];
          document.getElementById('corrupt').dispatchEvent(new Event('input'));""", kind, word)
        browser.wait("return arguments[0] ? document.getElementById('counts').textContent.includes(arguments[0]) : "
                     "!document.getElementById('counts').textContent", ends)
    browser.run("document.getElementById('corrupt').value = 'replace'")
    assert browser.run(said) == ""


def finds_its_picture(browser):
    """A link whose picture the server has not: another one is said to be another, its own brings back what the link shows."""
    before, link = browser.text("#clean"), browser.url()
    server = Server("--port", "8798")
    try:
        browser.open("about:blank")
        browser.open(f"{server.origin}/{link[link.index('#'):]}&token={server.token}")
        browser.wait("return document.getElementById('status').textContent.startsWith('Drop the picture again')")
        assert browser.run("return document.getElementById('results').hidden")
        browser.type("#file", f"{MODEL}/images/thailand.png")
        browser.wait("return document.getElementById('status').textContent.startsWith('This is another picture')")
        browser.open("about:blank")
        browser.open(f"{server.origin}/{link[link.index('#'):]}")
        browser.wait("return document.getElementById('status').textContent.startsWith('Drop the picture again')")
        browser.type("#file", IMAGE)
        traced(browser)
        assert browser.text("#clean") == before and browser.run("return [...document.querySelectorAll('.chip[aria-selected=true]')].length") == 2
    finally:
        browser.open("about:blank")
        server.stop()
        browser.open(link)
        traced(browser)


def comes_back(browser, server):
    """A page that is loaded again while it computes goes on with the same job."""
    browser.run("document.getElementById('corrupt').value = 'noise'")
    browser.run("document.getElementById('corrupt-value').value = '2.5'")
    running = lambda: [j for j in server.get("/api/jobs")["jobs"] if j["what"] == "trace" and j["state"] in ("waiting", "running")]
    busy = json.loads(server.call("POST", "/api/jobs", {"what": "trace", **TRACED, "corrupt": "noise:3", "seeds": 3000})[1])["job"]
    browser.click("#trace-button")
    browser.wait("return !document.getElementById('progress-box').hidden")
    first = running()
    browser.do("POST", "/refresh", {})
    browser.wait("return !document.getElementById('progress-box')?.hidden")
    again = running()
    server.call("DELETE", f"/api/jobs/{busy}")
    traced(browser)
    assert len(first) == len(again) == 2 and [j["job"] for j in first] == [j["job"] for j in again], (first, again)
    assert "--corrupt noise:2.5" in browser.text("#command code"), browser.text("#command code")
    browser.run("document.getElementById('corrupt').value = 'replace'")
    browser.run("document.getElementById('corrupt-value').value = ''")
    browser.click("#trace-button")
    traced(browser)


def main():
    if not browser_programs():
        skip("no chromium with its driver: links of the page are not tried")
    server, browser = Server("-i", IMAGE, "-q", QUESTION, "-c", CONSTRAINT), Browser()
    try:
        browser.open(server.address)
        traced(browser)
        keeps_all(browser)
        counts(browser)
        comes_back(browser, server)
        finds_its_picture(browser)
        said = [line for line in browser.console() if "/api/jobs - Failed" not in line]  # the picture that is not there
        assert not said, said
    except BaseException:
        picture(browser, "failed-links")
        raise
    finally:
        browser.close()
        server.stop()


main()
