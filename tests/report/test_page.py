"""The page of a report, in headless Chromium: what it answers, and that it agrees with frames."""

import io
import re
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sklearn.cluster import KMeans
from sklearn.pipeline import Pipeline

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
from skspend.datasets import make_spending
from skspend.report import SegmentReport
from skspend.report._glossary import GLOSSARY
from skspend.report._words import (
    check_name,
    describe_segment,
    figure,
    percent,
    tell_moves,
    tell_tiles,
    tell_verdict,
)

HOSTILE = "<script>window.hacked = true</script>"
DASH = "\N{EN DASH}"
FORMULA = "=cmd|'/C calc'!A0"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def report():
    """Of customers with secret names, who spend on a category that would rather be code."""
    bank = make_spending(1000, 3, 24, random_state=0)
    renamed = {"electronics": HOSTILE, "travel": FORMULA}
    panel = bank.data.rename(
        columns=lambda name: name.replace("electronics", HOSTILE).replace("travel", FORMULA)
    )
    panel.index = [f"secret{number:05}" for number in range(len(panel))]
    scorer = BigFivePersonalityScorer(bank.coefficients.rename(index=renamed))
    pipeline = Pipeline(
        [
            (
                "states",
                LSTMStateExtractor(4, n_networks=2, scorer=scorer, epochs=8, random_state=0),
            ),
            ("segment", TrajectoryClusterer(max_depth=2, random_state=0)),
        ]
    )
    transfer = {
        "label": ["default", "default"],
        "size": 100,
        "model": ["pretrained", HOSTILE],
        "mse": [0.081, 0.0852],
        "mse_interval": [0.001, 0.002],
        "r2": [0.062, -0.2],
        "r2_interval": [0.01, float("nan")],
    }
    some = panel.iloc[:300]
    tree = pipeline.fit(panel)["segment"].tree_
    top = {"ari": 0.5, "low": 0.4, "high": 0.6, "same": 0.7, "fits": 4, "held_out": 60}
    nodes = tree[["depth"]].iloc[1:].rename_axis("node").reset_index()
    nodes = nodes.assign(held_out=60, jaccard=0.6, low=0.4, high=0.8)
    return SegmentReport.from_estimator(
        pipeline,
        some,
        stability=pd.DataFrame([top], index=["top"]),
        node_stability=nodes.query("depth == 1"),
        protected=pd.Series(["north", HOSTILE] * 150, index=some.index, name="region"),
        transfer=pd.DataFrame(transfer),
    )


@pytest.fixture(scope="module")
def file(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    report.save(path)
    return path


@contextmanager
def browsing(chromium, file):
    """Open pages; at the end, no error was logged and nothing was requested from a network."""
    problems, pages = [], []

    def open_page(address="", **options):
        page = chromium.new_page(**({"viewport": DESKTOP} | options))
        pages.append(page)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console", lambda message: message.type == "error" and problems.append(message.text)
        )
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:", "blob:")) or problems.append(request.url)
            ),
        )
        page.goto(f"{file.as_uri()}{address}")
        page.wait_for_function("document.getElementById('name').textContent !== ''")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert not problems


@pytest.fixture
def open_page(chromium, file):
    with browsing(chromium, file) as open_page:
        yield open_page


@pytest.fixture(scope="module")
def shared_page(chromium, file):
    with browsing(chromium, file) as open_page:
        yield open_page()


@pytest.fixture
def page(shared_page):
    """One page for several tests, each of which begins with everybody."""
    choose(shared_page, 0)
    shared_page.evaluate("scrollTo(0, 0)")
    return shared_page


def rows_of(page, table):
    """The text of each cell, also of what is folded away."""
    return page.locator(f"#{table} tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim()))"
    )


def expect_chosen(page, node):
    page.wait_for_function("node => chosen === node", arg=int(node), timeout=5000)


def choose(page, node):
    page.evaluate("node => { location.hash = `segment-${node}`; }", int(node))
    expect_chosen(page, node)


def download(page, table):
    """The CSV file of a table, as a spreadsheet gets it."""
    button = page.locator(f"button.csv[aria-label='Download the table {table} as CSV']").first
    with page.expect_download() as download:
        button.click()
    with open(download.value.path(), encoding="utf-8-sig") as file:
        return pd.read_csv(io.StringIO(file.read()), keep_default_na=False)


def test_the_first_screen_says_what_to_make_of_the_segments(page, report):
    """What it is, six figures, one sentence, what it must not be used for: in this order."""
    tiles = tell_tiles(report)
    asked = ["Customers placed", "Segments", "Spending that the names rest on"]
    asked += [f"Would {others} give the same?" for others in ("another fit", "other purchases")]
    asked.append("Do customers stay?")
    assert page.locator(".tiles dt").all_inner_texts() == [tile["asks"] for tile in tiles] == asked
    metrics = report.metrics.set_index("metric")["value"]
    top = report.segments[report.segments["depth"] == 1]
    shown = page.locator(".tiles strong").all_inner_texts()
    names = ("coverage", "same segment", "same in both halves", "stay")
    assert shown == ["300", f"{len(top)}", *(percent(metrics[name]) for name in names)]
    assert percent(metrics["stay without a network"]) in page.locator(".tiles").inner_text()
    assert page.locator("#verdict").inner_text() == tell_verdict(report)
    parts = [page.locator(part) for part in ("h1", ".tiles", "#verdict", "#never", "#tree")]
    boxes = [part.bounding_box() for part in parts]
    ends = [box["y"] + box["height"] for box in boxes]
    assert all(end <= below["y"] for end, below in zip(ends, boxes[1:], strict=False))
    assert boxes[-1]["y"] < DESKTOP["height"] / 2
    page.locator("#never a").click()
    expect(page.locator("#use .note")).to_be_in_viewport()


ANSWERS = {
    "What is this": (None, ".lead"),
    "Which segment is the largest": (None, "#tree"),
    "What does a segment spend": ("row", "#spending"),
    "Who is in it": ("row", "#who, #traits, #typical"),
    "Would another fit find it": (None, ".tiles, #tree [data-sort='again']"),
    "Do its customers stay": (None, ".tiles, #tree [data-sort='stay']"),
    "Where did its customers come from": ("row", "h4:has-text('Where customers come from and go')"),
    "Does it grow or shrink": ("row", "h4:has-text('How it changed')"),
    "How much does its name mean": (None, "#verdict"),
    "Does it hold more of one protected": ("row", "#groups-here"),
    "May I use it for credit": ("#never a", "#never, #use .note"),
    "Does the model still fit": ("#contents a[href='#trust']", "#metrics"),
}
"""For each question of ``docs/howto/report.md``, what is clicked, and where the answer is."""


def test_every_question_of_the_guide_is_answered_within_one_click(page, report):
    guide = Path(__file__).parents[2] / "docs" / "howto" / "report.md"
    asked = re.findall(r"^\| +\d+ \| (.+?) \|", guide.read_text(encoding="utf-8"), re.MULTILINE)
    for question, (start, (click, answer)) in zip(asked, ANSWERS.items(), strict=True):
        assert question.startswith(start)
        choose(page, 0)
        if click is not None:
            page.locator("#tree .open" if click == "row" else click).first.click()
        if click == "row":
            page.wait_for_function("chosen !== 0")
        found = page.locator(answer)
        assert found.count() == answer.count(", ") + 1
        texts = found.all_inner_texts()
        assert all(texts) and all(map(str.strip, texts))


def test_the_table_has_every_segment_of_the_frame(page, report):
    nodes = report.history[report.history["period"] == 2].set_index("node")["rate"]
    rows = rows_of(page, "tree")
    for cells, row in zip(rows, report.segments.itertuples(), strict=True):
        assert cells[0] == report.names[row.node]
        assert cells[1].split() == [f"{row.customers:,}", *percent(row.share).split()]
        sides = row.spends_more_on, row.spends_less_on
        assert cells[2:4] == [", ".join(side) or DASH for side in sides]
        assert cells[4].split() == (["0.60fair"] if row.depth == 1 else [])
        assert cells[5] == percent(nodes[row.node])


def test_a_click_on_a_row_opens_the_segment_beside_the_table_in_view(page, report):
    first = report.segments.iloc[0]
    page.locator(f"#tree tr[data-node='{first['node']}']").click()
    expect_chosen(page, first["node"])
    assert page.evaluate("scrollY") == 0
    name, who = page.locator("#name").bounding_box(), page.locator("#who").bounding_box()
    table = page.locator("#tree").bounding_box()
    assert name["x"] > table["x"] + table["width"]
    assert who["y"] + who["height"] < DESKTOP["height"]
    assert page.locator("#who").inner_text() == describe_segment(report, first["node"])
    # Parts, the way back, and the back button of the browser.
    page.locator(".parts button").first.click()
    expect_chosen(page, report.segments.iloc[1]["node"])
    page.locator("#way button").last.click()
    expect_chosen(page, first["node"])
    page.go_back()
    expect_chosen(page, report.segments.iloc[1]["node"])


def test_a_click_on_the_tree_chooses_and_again_goes_up(page, report):
    top = report.segments.query("depth == 1").iloc[0]
    box = page.locator(f"#icicle g[data-tip^='{top['path']}:']")
    box.click()
    expect_chosen(page, top["node"])
    box.click()
    expect_chosen(page, 0)


def test_the_table_sorts_folds_and_finds(open_page, report):
    page = open_page()
    visible = page.locator("#tree tbody tr:visible")
    top = report.segments.query("depth == 1")
    assert visible.count() == len(top)
    page.locator("#tree button.fold").first.click()
    parts = report.segments[report.segments["parent"] == top["node"].iloc[0]]
    assert visible.count() == len(top) + len(parts)
    page.locator("[data-level='2']").click()
    assert visible.count() == len(report.segments)
    page.locator("[data-level='1']").click()
    page.locator("[data-sort='name'] button").click()
    names = page.locator("#tree tbody tr:visible .open").all_inner_texts()
    assert names == sorted(names) and len(names) == len(top)
    assert page.locator("[data-sort='name']").get_attribute("aria-sort") == "ascending"
    page.locator("#search").fill("SCRIPT window")
    found = report.segments.apply(
        lambda row: HOSTILE in [*row["spends_more_on"], *row["spends_less_on"]], axis=1
    )
    assert visible.count() == found.sum() > 0
    assert page.locator("#found").inner_text() == f"{found.sum()} found"


@pytest.mark.slow
def test_the_keyboard_alone_reaches_everything(open_page, report):
    page = open_page()
    page.locator("[data-level='2']").focus()
    page.keyboard.press("Enter")
    reached = set()
    for _ in range(400):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.closest('tr')?.dataset.node ?? ''"))
        if page.evaluate("document.activeElement.matches('#tree .open')"):
            node = page.evaluate("document.activeElement.closest('tr').dataset.node")
            page.keyboard.press("Enter")
            expect_chosen(page, node)
        if page.evaluate("document.activeElement.id === 'turn'"):
            break
    assert reached >= set(map(str, report.segments["node"]))
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    before = page.evaluate("view.yaw")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("view.yaw") != before


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_numbers_of_a_segment_are_those_of_the_frames(page, report, whole):
    segments = report.segments if whole else report.segments.iloc[:2]
    for segment in segments.itertuples():
        choose(page, segment.node)
        about = page.locator("#about").inner_text()
        for said in (check_name(report, segment.node), *tell_moves(report, segment.node)):
            assert said in about
        assert f"strength {segment.strength:.2f}:" in " ".join(about.split())
        expect_numbers(page, report, segment.node)


def expect_numbers(page, report, node):
    traits = report.traits.query("node == @node")
    for shown, row in zip(rows_of(page, "traits"), traits.itertuples(), strict=True):
        sides = f"{percent(row.above)}, {percent(row.below)}"
        median, low, high = (f"{value:.2f}" for value in (row.median, row.low, row.high))
        assert shown == [row.trait, "", median, f"{low} to {high}", sides]

    categories = report.categories.query("node == @node").set_index("category")
    for name, _, share, others, effect in rows_of(page, "spending"):
        row = categories.loc[name]
        assert effect == f"{row['effect']:.2f}" and abs(row["effect"]) > 0.2
        assert (share, others) == (percent(row["share"]), percent(row["others"]))
    sides = (categories["effect"] > 0.2).sum(), (categories["effect"] < -0.2).sum()
    assert len(rows_of(page, "spending")) == sum(min(8, side) for side in sides)

    history = report.history.query("node == @node")
    for shown, row in zip(rows_of(page, "history"), history.itertuples(), strict=True):
        assert shown[:3] == [f"{row.period}", f"{row.customers:,}", percent(row.share)]
        if row.customers:
            stayed = f"{row.stayed:,} ({percent(row.rate)})"
            assert shown[3:] == [stayed, f"{percent(row.low)} to {percent(row.high)}"]

    moves = report.moves.query("origin == @node or target == @node")
    assert moves["inside"].nunique() == 1
    names = report.names | {-1: "elsewhere"}
    for shown, row in zip(rows_of(page, "moves"), moves.itertuples(), strict=True):
        assert shown[:2] == [names[row.origin], names[row.target]]
        assert shown[2:] == [f"{row.start}", f"{row.end}", f"{row.customers:,}"]

    typical = report.exemplars.query("node == @node")
    for shown, row in zip(rows_of(page, "typical"), typical.itertuples(), strict=True):
        assert shown[:3] == [f"no. {row.rank}", row.type, f"{row.strength:.2f}"]
        assert shown[3:] == [f"{row.active_periods}", ", ".join(row.spends_on)]

    is_top = report.segments.set_index("node").loc[node, "depth"] == 1
    rates = report.fairness[(report.fairness["segment"] == report.names[node]) & is_top]
    for shown, row in zip(rows_of(page, "groups-here"), rates.itertuples(), strict=True):
        assert shown[:2] == ["region", row.group]
        assert shown[2] == f"{percent(row.rate)} ({row.members})"
        assert shown[4] == percent(row.overall)


def test_the_figures_of_the_model_fairness_and_transfer_are_those_of_the_frames(page, report):
    for shown, row in zip(rows_of(page, "metrics"), report.metrics.itertuples(), strict=True):
        assert shown[1] == figure(row.value, row.metric)
        assert shown[3] == row.grade
        assert shown[4].casefold() == f"{row.meaning}.".casefold()
    for shown, row in zip(rows_of(page, "coverage"), report.coverage.itertuples(), strict=False):
        assert shown == [row.category, percent(row.share), "yes" if row.has_coefficient else "no"]
    shown_rates = rows_of(page, "fairness")
    for shown, row in zip(shown_rates, report.fairness.itertuples(), strict=True):
        assert shown[:3] == ["region", row.segment, row.group]
        assert shown[3] == f"{row.members:,} of {row.customers:,}"
        assert shown[4] == percent(row.rate)
    first = rows_of(page, "transfer-table")[0]
    assert first == ["default", "100", "pretrained", "0.062 ± 0.010", "0.081 ± 0.001"]


def test_sentences_about_a_segment_are_true(report):
    customers = report.customers_
    for node in report.segments["node"]:
        inside = customers.members(node)
        said = describe_segment(report, node)
        assert said.startswith(f"{inside.sum():,} customer")
        who = r"of whom ([\d.]+).% score (above|below) the median customer on (\w+)"
        if found := re.search(who, said):
            share, side, trait = found.groups()
            scores = customers.scores[trait]
            sign = 1 if side == "above" else -1
            true = (sign * (scores[inside] - scores.median()) > 0).mean()
            assert float(share) == pytest.approx(100 * true, abs=0.05)
        for more, name in re.findall(r"(more|less) on (.+?) \(", said):
            shares = customers.shares[:, :, customers.categories.index(name)].mean(axis=1)
            assert (shares[inside].mean() > shares[~inside].mean()) == (more == "more")
        now, then = tell_moves(report, node)
        both = (inside & customers.members(node, 0)).sum()
        assert f"Of the {inside.sum():,} who are here now, {both:,} (" in now
        assert f"{both:,} (" in then or "Nobody" in then


def test_text_of_the_data_is_shown_and_not_run(page, report, file):
    ranks = report.categories.groupby("node")["effect"].rank(ascending=False)
    is_hostile = (report.categories["category"] == HOSTILE) & (report.categories["node"] > 0)
    node = report.categories.loc[ranks[is_hostile].idxmin(), "node"]
    choose(page, node)
    assert page.evaluate("window.hacked") is None
    assert HOSTILE in {row[0] for row in rows_of(page, "spending")}
    assert any(HOSTILE in row[2] for row in rows_of(page, "fairness"))
    assert HOSTILE not in file.read_text(encoding="utf-8")


def test_every_table_is_a_file_that_runs_no_formula(page, report):
    coverage = download(page, "categories")
    assert coverage.columns.tolist() == ["Category", "Share of all spending", "Coefficient"]
    written = coverage["Category"]
    assert f"'{FORMULA}" in written.tolist()
    assert not written.str.match(r"\s*[=+@-]").any()
    np.testing.assert_allclose(
        coverage["Share of all spending"], report.coverage["share"][: len(coverage)], rtol=1e-6
    )
    segments = download(page, "segments").set_index("Segment")
    for row in report.segments.itertuples():
        assert int(segments.loc[row.path, "Customers"]) == row.customers
    node = report.segments["node"].iloc[0]
    choose(page, node)
    history = report.history.query("node == @node")
    assert download(page, "history")["Customers"].tolist() == history["customers"].tolist()
    tables = page.locator("table").count()
    assert page.locator("button.csv").count() == tables


def test_every_term_is_explained_where_it_stands(page):
    used = page.locator("a.term")
    assert used.count() > 5
    tips = set(used.evaluate_all("terms => terms.map(term => term.dataset.tip)"))
    assert tips <= set(GLOSSARY.values())
    for link in used.evaluate_all("terms => terms.map(term => term.hash)"):
        assert page.locator(link).count() == 1
    used.first.focus()
    assert page.locator("#tip").inner_text() in GLOSSARY.values()
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_contents_follow_the_scroll(page):
    is_here = "title => document.querySelector('#contents [aria-current]').innerText === title"
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(is_here, arg="Summary")
    for title in ("Trust", "Use", "Segments"):
        page.locator("#contents a", has_text=title).click()
        page.wait_for_function(is_here, arg=title)
    shown = page.locator("h1, h2, h3:visible, h4:visible").all_inner_texts()
    assert len(shown) == len(set(shown))


def test_single_customers_and_three_dimensions_are_drawn_on_demand(open_page, report):
    page = open_page()
    top = report.segments.query("depth == 1")
    assert page.locator("#panels svg").count() == len(top)
    means = page.locator("#panels polyline").count()
    page.locator("#single").check()
    drawn = page.locator("#panels polyline").count() - means
    assert drawn == 300
    assert page.locator("canvas").count() == 0
    page.locator("#turn").click()
    assert page.locator("#space canvas").bounding_box()["height"] > 300


def test_nothing_is_drawn_outside_its_panel(page):
    outside = page.evaluate(
        """() => [...document.querySelectorAll("#panels svg")].filter((svg) => {
          const { width, height } = svg.viewBox.baseVal;
          return [...svg.querySelectorAll("polyline")].some((line) => [...line.points].some(
            ({ x, y }) => x < 0 || y < 0 || x > width || y > height));
        }).length"""
    )
    assert outside == 0


@pytest.mark.slow
def test_a_notebook_shows_the_page_and_keeps_its_scripts_to_itself(chromium, report):
    notebook = chromium.new_page(viewport=DESKTOP)
    notebook.set_content(f"<p>notebook</p>{report._repr_html_()}")
    shown = notebook.frame_locator("iframe")
    frame = notebook.frames[1]
    shown.locator("#tree .open").first.click()
    frame.wait_for_function("chosen !== 0")
    assert shown.locator("#name").text_content() != "everybody"
    shown.locator(".skip").evaluate("link => link.click()")
    assert shown.locator("#icicle g").count()
    assert (
        frame.evaluate("""
        try { parent.document.body.innerHTML } catch (error) { error.name }
    """)
        == "SecurityError"
    )
    notebook.close()


def test_customers_are_named_only_if_asked(report, file, tmp_path):
    assert "secret0" not in file.read_text(encoding="utf-8")
    report.save(tmp_path / "named.html", customer_ids=True)
    named = (tmp_path / "named.html").read_text(encoding="utf-8")
    assert set(re.findall(r"secret\d+", named)) == set(report.exemplars["customer"])


@pytest.mark.slow
def test_light_and_dark_follow_the_system_and_the_button(open_page):
    def is_dark(page):
        red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        return int(red) < 100

    page = open_page(color_scheme="dark")
    assert is_dark(page)
    page.locator("#theme").click()
    assert not is_dark(page)
    assert not is_dark(open_page(color_scheme="light"))


@pytest.mark.slow
def test_print_is_light_and_short(open_page, report, tmp_path):
    page = open_page(f"#segment-{report.segments['node'].iloc[0]}", color_scheme="dark")
    page.evaluate("""
        window.seen = [];
        const root = document.documentElement;
        addEventListener("beforeprint", () => window.seen.push(root.dataset.theme));
    """)
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert page.evaluate("window.seen") == ["light"]
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    pages = re.findall(rb"/Type\s*/Page\b(?!s)", (tmp_path / "report.pdf").read_bytes())
    assert 1 < len(pages) <= 8


@pytest.mark.slow
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(open_page, report, viewport, scheme):
    """No violation of a rule of accessibility, before and after a click; nothing too wide."""
    page = open_page(viewport=viewport, color_scheme=scheme)
    for click in (False, True):
        if click:
            page.locator("#tree .open").first.click()
            page.wait_for_function("chosen !== 0")
            # On a phone the segment is below the table, and the click leads there.
            expect(page.locator("#name")).to_be_in_viewport(ratio=1)
            page.locator("#turn").click()
            for summary in page.locator("summary").all():
                summary.click()
        found = Axe().run(page).response["violations"]
        assert [rule["id"] for rule in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_a_single_segment_has_a_page_that_is_right_for_it(chromium, report, tmp_path):
    """No table of nothing, no empty frame, no figure about leaving a segment."""
    pipeline = report.pipeline
    whole = TrajectoryClusterer(max_depth=1, min_share=0.5, random_state=0)
    whole.fit(report.customers_.trajectories)
    assert len(whole.tree_) == 1
    one = Pipeline([pipeline.steps[0], ("segment", whole)])
    SegmentReport.from_estimator(one, report.customers_.panel).save(tmp_path / "one.html")
    with browsing(chromium, tmp_path / "one.html") as open_page:
        page = open_page()
        assert page.locator(".tiles strong").all_inner_texts()[1] == "1"
        assert "do not divide" in page.locator("#verdict").inner_text()
        assert page.locator("#tree, #icicle, #search").count() == 0
        assert len(rows_of(page, "spending")) == 8
        shown = {row[0] for row in rows_of(page, "metrics")}
        assert not any("stay" in name or "clear" in name for name in shown)
        figures = page.locator("main svg")
        assert all(svg.locator("*").count() > 1 for svg in figures.all())


def test_segments_without_traits_have_a_page_about_spending(chromium, tmp_path):
    """No empty table of traits, no word about coefficients; colours tell the segments apart."""
    bank = make_spending(400, 3, 12, random_state=0)
    states = LSTMStateExtractor(2, objective="reconstruct", n_networks=1, epochs=3, random_state=0)
    clusterer = TrajectoryClusterer(clusterer=KMeans(3, random_state=0), max_depth=1)
    pipeline = Pipeline([("states", states), ("segment", clusterer)])
    report = SegmentReport.from_estimator(pipeline.fit(bank.data), bank.data)
    report.save(tmp_path / "plain.html")
    assert "coefficient" not in report.model_card().render().casefold()
    with browsing(chromium, tmp_path / "plain.html") as open_page:
        page = open_page()
        page.locator("#tree .open").first.click()
        page.wait_for_function("chosen !== 0")
        assert page.locator(".tiles strong").all_inner_texts()[2] == "all"
        assert page.locator("#traits").count() == 0
        assert "coefficient" not in page.locator("main").inner_text().casefold()
        dots = page.locator("#tree .dot").evaluate_all("all => all.map((dot) => dot.style.cssText)")
        assert len(set(dots)) == len(dots) == 3


@pytest.mark.slow
def test_many_customers_make_a_small_file_in_which_few_are_drawn(chromium, tmp_path):
    """How fast the page is then, benchmarks/report.py measures."""
    bank = make_spending(26_000, 6, 97, random_state=0)
    scorer = BigFivePersonalityScorer(bank.coefficients)
    states = LSTMStateExtractor(n_networks=2, scorer=scorer, epochs=10, random_state=0)
    steps = [("states", states), ("segment", TrajectoryClusterer(max_depth=3, random_state=0))]
    report = SegmentReport.from_estimator(Pipeline(steps).fit(bank.data[:4000]), bank.data)
    path = tmp_path / "report.html"
    report.save(path)
    assert path.stat().st_size < 6e6
    with browsing(chromium, path) as open_page:
        drawn = open_page().evaluate("data.views[0].paths.flatMap((path) => path.lines).length")
    assert drawn == 400
