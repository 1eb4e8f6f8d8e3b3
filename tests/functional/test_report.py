"""`kindred report`: one page from a real training, whole in itself, and readable where it is printed."""
import json
import os
import re
import shutil
import struct
import subprocess
import zlib

import pytest

COLUMNS = ["--user-column", "household_id", "--item-column", "product_id", "--value-column", "quantity"]
EPOCH = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
CHROMIUM = shutil.which("chromium")


def done(result):
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def parts(kindred, sample_data, tmp_path_factory):
    """Splits, an NMF with names, evaluations on validation and test, a cold-start curve, and a tuning."""
    folder = tmp_path_factory.mktemp("report")
    events = sample_data / "transactions.csv.gz"
    train, valid, test = (folder / f"{name}.csv" for name in ("train", "valid", "test"))
    done(kindred("split", events, *COLUMNS, "--valid-quantile", "0.8", "--out-train", train, "--out-valid", valid,
                 "--out-test", test, "--quiet"))
    common = ["--interactions", train, "--min-item-users", "10", "--quiet"]
    done(kindred("train", "nmf", *common, "--items", sample_data / "products.csv.gz", "--item-id-column", "product_id",
                 "--item-name-column", "name", "--category-columns", "department,product_category", "--factors", "12",
                 "--iterations", "15", "--model", "groceries", "--out", folder / "nmf.safetensors", timeout=240))

    def evaluate(bundle, test_file, *flags):
        return done(kindred("evaluate", "--bundle", bundle, "--train", train, "--test", test_file, "--sample-users", "200",
                            "--json", "--quiet", *flags, timeout=240))

    ks = ["-k", "1,5,10,20,50"]
    for name, file in (("valid", valid), ("test", test)):
        (folder / f"{name}.json").write_text(evaluate(folder / "nmf.safetensors", file, *ks))

    cold = {name: folder / f"cold-{name}.csv" for name in ("train", "history", "test")}
    done(kindred("split", events, *COLUMNS, "--kind", "users", "--min-items", "20", "--out-train", cold["train"],
                 "--out-history", cold["history"], "--out-test", cold["test"], "--quiet"))
    bundle, reference = folder / "cold.safetensors", folder / "reference.safetensors"
    als = ["--factors", "16", "--iterations", "5", "--quiet"]
    done(kindred("train", "als", "--interactions", cold["train"], *als, "--out", bundle, timeout=240))
    done(kindred("train", "als", "--interactions", cold["train"], "--interactions", cold["history"], *als, "--out",
                 reference, timeout=240))
    (folder / "cold.json").write_text(done(
        kindred("evaluate", "--bundle", bundle, "--reference", reference, "--train", cold["train"], "--history",
                cold["history"], "--test", cold["test"], "--cold-start", "1,3,5,10", "-k", "10", "--json", "--quiet")))

    done(kindred("tune", "als", *common, "--valid", valid, "--folder", folder / "als.tune", "--grid", "factors=4,8,16",
                 "--grid", "alpha=1,40", "--iterations", "3", "--sample-users", "200", "--no-retrain", timeout=240))
    # As if there had been a test, and a run with a reason that is no text for a page.
    tune = json.loads((folder / "als.tune" / "tune.json").read_text())
    tune["test"] = json.loads((folder / "test.json").read_text())
    tune["runs"].append({"parameters": {"factors": "9999", "alpha": "1"}, "status": "skipped",
                         "why": "<script>more factors than users</script>", "seconds": 0, "valid": None})
    (folder / "als.tune" / "tune.json").write_text(json.dumps(tune))
    return folder


@pytest.fixture(scope="module")
def page(kindred, parts):
    """The report on all of it."""
    args = ["--bundle", parts / "nmf.safetensors", "--evaluation", f"validation={parts / 'valid.json'}", "--evaluation",
            f"held out={parts / 'test.json'}", "--evaluation", f"new users={parts / 'cold.json'}", "--tune",
            parts / "als.tune", "--train", parts / "train.csv", "--valid", parts / "valid.csv", "--test",
            parts / "test.csv", "--title", "<script>alert('title')</script>", "--quiet"]
    done(kindred("report", *args, "--out", parts / "report.html", env=EPOCH))
    done(kindred("report", *args, "--out", parts / "again.html", env=EPOCH))
    html = (parts / "report.html").read_text(encoding="utf-8")
    assert html == (parts / "again.html").read_text(encoding="utf-8"), "the same input gives the same bytes"
    return html


def test_nothing_comes_from_outside(page):
    for pattern in (r"https?:", r"\bsrc\s*=", r"@import", r"url\(", r"<(script|link|iframe|img|object|embed|base)\b", r"\bon\w+\s*="):
        assert not re.search(pattern, page, re.I), pattern
    assert all(reference.startswith("#") for reference in re.findall(r'href="([^"]*)"', page))
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert "&lt;script&gt;alert(&#39;title&#39;)&lt;/script&gt;" in page


def test_every_part_is_there(page, parts):
    for heading in ("Summary", "Tuning", "Validation against test", "Ranking", "Cold start", "Coverage and concentration",
                    "Predicted values and baselines", "Model check", "Traits"):
        assert f"<h2>{heading}</h2>" in page
    assert 'class="missing"' not in page, "nothing is missing"
    # Every plot has a title and a description, and every figure of the test's NDCG stands in a table.
    plots = re.findall(r'<svg viewBox="[^"]*" role="img".*?</svg>', page, re.S)
    assert len(plots) >= 12
    assert all("<title>" in plot and "<desc>" in plot for plot in plots)
    for at in json.loads((parts / "test.json").read_text())["rankings"][0]["at"]:
        assert f"{at['ndcg']:.4f} ± " in page
    cold = json.loads((parts / "cold.json").read_text())["cold_start"]
    assert f"{100 * cold[-1]['share_of_reference']['ndcg@10']:.1f} %" in page
    assert page.count('<article class="card">') == 12
    names = re.findall(r'<article class="card">.*?<span>(.*?)</span>', page, re.S)
    assert all(re.search("[A-Za-z]", name) for name in names), "items by their names"
    assert "space.collaborative.users" in page and "ln(1 + value)" in page


def test_figures_of_the_model_check(page, parts):
    rows = [line.split(",")[:2] for line in (parts / "train.csv").read_text().splitlines()[1:]]
    users, items = {row[0] for row in rows}, {row[1] for row in rows}
    pairs = {tuple(row) for row in rows}
    for figure in (len(users), len(items), len(rows), len(pairs)):
        assert f">{figure:,}<" in page
    assert f"{100 * (1 - len(pairs) / (len(users) * len(items))):.2f} %" in page


def test_parts_alone_and_what_is_missing(kindred, parts, tmp_path):
    for flags, there in ((["--bundle", parts / "nmf.safetensors"], 'class="card"'),
                         (["--evaluation", parts / "test.json"], "NDCG per K"),
                         (["--tune", parts / "als.tune"], "against factors"),
                         (["--train", parts / "train.csv"], "Distinct pairs")):
        done(kindred("report", *flags, "--out", tmp_path / "r.html", "--quiet"))
        html = (tmp_path / "r.html").read_text(encoding="utf-8")
        assert there in html
        assert 'class="missing"' in html and "kindred report" in html


def test_errors_say_what_to_do(kindred, parts, tmp_path):
    out = tmp_path / "r.html"
    nothing = kindred("report", "--out", out)
    assert nothing.returncode == 2 and "--bundle" in nothing.stderr
    gone = kindred("report", "--evaluation", tmp_path / "gone.json", "--out", out)
    assert gone.returncode == 2 and "gone.json" in gone.stderr
    (tmp_path / "bad.json").write_text("{}")
    bad = kindred("report", "--evaluation", f"x={tmp_path / 'bad.json'}", "--out", out)
    assert bad.returncode == 1 and "bad.json" in bad.stderr and "kindred evaluate --json" in bad.stderr
    twice = kindred("report", "--evaluation", parts / "test.json", "--evaluation", parts / "test.json", "--out", out)
    assert twice.returncode == 1 and "LABEL=FILE" in twice.stderr
    tune = kindred("report", "--tune", tmp_path, "--out", out)
    assert tune.returncode == 2 and "tune.json" in tune.stderr
    bundle = parts / "nmf.safetensors"
    before = bundle.read_bytes()
    over = kindred("report", "--bundle", bundle, "--out", bundle)
    assert over.returncode == 2 and "is an input" in over.stderr and bundle.read_bytes() == before
    nowhere = kindred("report", "--bundle", bundle, "--out", tmp_path / "no" / "folder" / "r.html")
    assert nowhere.returncode == 2 and "no/folder" in nowhere.stderr
    assert not out.exists()


def pixels(png: bytes):
    """Width, height and rows of pixels (bytes each) of an 8-bit PNG without interlacing."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    data, at, header = b"", 8, None
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + length]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            data += body
        at += 12 + length
    width, height, depth, colour, _, _, interlace = header
    assert depth == 8 and interlace == 0
    size = {2: 3, 6: 4}[colour]
    raw, stride, rows = zlib.decompress(data), width * size, []
    previous = bytearray(stride)
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride) if kind else ():
            left, up = (line[i - size] if i >= size else 0), previous[i]
            corner = previous[i - size] if i >= size else 0
            if kind == 1:
                line[i] = line[i] + left & 255
            elif kind == 2:
                line[i] = line[i] + up & 255
            elif kind == 3:
                line[i] = line[i] + (left + up) // 2 & 255
            else:
                guess = left + up - corner
                nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
                line[i] = line[i] + nearest & 255
        rows.append(line)
        previous = line
    return width, height, size, rows


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: scripts/install_packages.sh test installs it")
@pytest.mark.parametrize("width,height,paper", [(1200, 2000, False), (500, 2400, False), (720, 3600, True)],
                         ids=["desktop", "phone", "paper"])
def test_printed_by_a_browser(page, parts, tmp_path, width, height, paper):
    html = tmp_path / "report.html"
    # What is set on paper, 720 pixels being the width of A4 without its margins.
    html.write_text(page.replace("@media print", "@media screen") if paper else page, encoding="utf-8")
    png = tmp_path / "report.png"
    result = subprocess.run([CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                             f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},{height}",
                             f"--screenshot={png}", html.as_uri()],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert png.is_file(), result.stderr[-2000:]
    found_width, found_height, size, rows = pixels(png.read_bytes())
    assert (found_width, found_height) == (width, height)
    counts = {}
    for row in rows:
        for i in range(0, len(row), size):
            colour = bytes(row[i:i + 3])
            counts[colour] = counts.get(colour, 0) + 1
    blank = max(counts, key=counts.get)
    assert counts[blank] < 0.98 * width * height, "blank"
    # The first two colours of the plots, as the style sheet has them for light paper.
    for name in ("--s0", "--s1"):
        colour = bytes.fromhex(re.search(name + ":#([0-9a-f]{6})", page)[1])
        assert counts.get(colour, 0) > 300, f"{name} is hardly to be seen"
    # Nothing sticks out to the right: the last columns are empty.
    assert all(bytes(row[-size * 8:][i:i + 3]) == blank for row in rows for i in range(0, size * 8, size))
