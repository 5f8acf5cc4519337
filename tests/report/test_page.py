"""The page of a report, in headless Chromium: it draws, drills down, and agrees with the frames."""

import re
from contextlib import contextmanager

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from sklearn.pipeline import Pipeline

from skspend import BigFivePersonalityScorer, LSTMStateExtractor, TrajectoryClusterer
from skspend.datasets import make_spending
from skspend.report import SegmentReport

HOSTILE = "<script>window.hacked = true</script>"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def report():
    """Of customers with secret names, who spend on a category that would rather be code."""
    bank = make_spending(1000, 3, 24, random_state=0)
    renamed = {"electronics": HOSTILE}
    panel = bank.data.rename(columns=lambda name: name.replace("electronics", HOSTILE))
    panel.index = [f"secret{number:05}" for number in range(len(panel))]
    scorer = BigFivePersonalityScorer(bank.coefficients.rename(index=renamed))
    pipeline = Pipeline(
        [
            ("states", LSTMStateExtractor(4, n_networks=2, scorer=scorer, random_state=0)),
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
    # The browser draws a line for each customer, without a graphics card.
    some = panel.iloc[:300]
    return SegmentReport.from_estimator(
        pipeline.fit(panel),
        some,
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
        page.wait_for_selector("#icicle .slice")
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
    shared_page.evaluate("location.hash = 'segment-0'")
    expect_chosen(shared_page, "everybody")
    return shared_page


def rows_of(page, table):
    lines = page.locator(f"#{table} tbody tr").all()
    # Also of what is folded away.
    return [
        [cell.text_content().strip() for cell in line.locator("th, td").all()] for line in lines
    ]


def expect_chosen(page, path):
    page.wait_for_function(
        "path => document.getElementById('name').textContent === path", arg=path, timeout=5000
    )


def percent(value):
    return f"{100 * value:.1f} %"


def round_half(text, value, digits=2):
    """JavaScript and Python round a half differently; both are within half of the last digit."""
    return abs(float(text) - value) <= 0.5001 * 10**-digits


def test_every_chart_is_drawn(page):
    for chart in page.locator(".chart").all():
        assert chart.locator(".main-svg").count(), chart.get_attribute("id")
        assert chart.bounding_box()["height"] > 100
    assert page.locator("#space canvas").count()


@pytest.mark.parametrize("node", [0, 1])
def test_every_customer_ends_inside_the_axes(page, node):
    """Also where components of several networks exceed the states of one, between -1 and 1."""
    page.evaluate(f"location.hash = 'segment-{node}'")
    page.wait_for_timeout(500)
    outside = page.evaluate(
        """() => {
          const { data, _fullLayout } = document.getElementById("projections");
          const isOut = (values, { range: [low, high] }) =>
            values.some((value) => value !== null && (value < low || value > high));
          const ends = data.filter((trace) => trace.mode === "markers");
          return ends.filter((trace) => ["x", "y"].some((way) =>
            isOut(trace[way], _fullLayout[`${way}axis${(trace[`${way}axis`] ?? way).slice(1)}`])
          )).length;
        }"""
    )
    assert outside == 0


def test_a_click_on_the_icicle_drills_down_and_up_again(page, report):
    top = report.segments.query("depth == 1").iloc[0]
    page.locator("#icicle .slice", has_text=top["path"]).first.click()
    expect_chosen(page, top["path"])
    parts = report.segments[report.segments["parent"] == top["node"]]
    assert page.locator("#parts button").count() == len(parts) > 1
    # Again, and it goes up.
    page.locator("#icicle .slice", has_text=top["path"]).first.click()
    expect_chosen(page, "everybody")


def test_parts_and_the_way_back_are_buttons(page, report):
    first = report.segments.iloc[0]
    page.locator("#parts button").first.click()
    expect_chosen(page, first["path"])
    page.locator("#parts button").first.click()
    expect_chosen(page, report.segments.iloc[1]["path"])
    page.locator("#way button").last.click()
    expect_chosen(page, first["path"])
    page.go_back()
    page.go_back()
    expect_chosen(page, first["path"])


@pytest.mark.slow
def test_the_keyboard_reaches_every_segment(open_page, report):
    page = open_page()
    page.locator("#tree [tabindex='0']").focus()
    for path in report.segments["path"]:
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect_chosen(page, path)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    above = report.segments["path"].iloc[-1].rpartition(" > ")[0]
    expect_chosen(page, above or "everybody")
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    expect_chosen(page, "everybody")


@pytest.mark.slow
def test_the_numbers_are_those_of_the_frames(open_page, report):
    page = open_page()
    for segment in report.segments.itertuples():
        page.evaluate("node => { location.hash = `segment-${node}`; }", segment.node)
        expect_chosen(page, segment.path)
        summary = page.locator("#summary").inner_text()
        assert summary.startswith(f"{segment.customers:,} customers, {percent(segment.share)}")
        assert round_half(re.search(r"strength ([\d.]+):", summary)[1], segment.strength)

        traits = report.traits.query("node == @segment.node")
        for shown, row in zip(rows_of(page, "traits-table"), traits.itertuples(), strict=True):
            assert shown[0] == row.trait
            low, high = shown[2].split(" to ")
            for text, value in ((shown[1], row.median), (low, row.low), (high, row.high)):
                assert round_half(text, value)

        categories = report.categories.query("node == @segment.node").set_index("category")
        for name, effect, share, others in rows_of(page, "categories-table"):
            row = categories.loc[name]
            assert round_half(effect, row["effect"])
            assert abs(row["effect"]) > 0.2
            assert (share, others) == (percent(row["share"]), percent(row["others"]))
        sides = (categories["effect"] > 0.2).sum(), (categories["effect"] < -0.2).sum()
        assert len(rows_of(page, "categories-table")) == sum(min(8, side) for side in sides)

        history = report.history.query("node == @segment.node")
        for shown, row in zip(rows_of(page, "history-table"), history.itertuples(), strict=True):
            assert shown[:3] == [f"{row.period}", f"{row.customers:,}", percent(row.share)]
            if row.customers:
                assert shown[3:] == [
                    percent(row.rate),
                    f"{percent(row.low)} to {percent(row.high)}",
                ]

        exemplars = report.exemplars.query("node == @segment.node")
        for shown, row in zip(rows_of(page, "exemplars"), exemplars.itertuples(), strict=True):
            assert shown[:2] == [f"no. {row.rank}", row.type]
            assert shown[3:] == [f"{row.active_periods}", ", ".join(row.spends_on)]


def test_the_figures_of_the_model_fairness_and_transfer_are_those_of_the_frames(page, report):
    for row in report.metrics.itertuples():
        shown = page.locator(f"[data-metric='{row.metric}']").inner_text()
        if shown.endswith(" %"):
            assert round_half(shown.removesuffix(" %"), 100 * row.value, 1)
        else:
            assert round_half(shown, row.value, 0 if row.value >= 10 else 3)
    shown_rates = rows_of(page, "fairness-table")
    for shown, row in zip(shown_rates, report.fairness.itertuples(), strict=True):
        assert shown[:3] == ["region", row.segment, row.group]
        assert shown[3] == f"{row.members:,} of {row.customers:,}"
        assert shown[4] == f"{row.rate:.1%}"
    first = rows_of(page, "transfer-table")[0]
    assert first == ["default", "100", "pretrained", ".062 ± .010", ".081 ± .001"]


def test_text_of_the_data_is_shown_and_not_run(page, report, file):
    ranks = report.categories.groupby("node")["effect"].rank(ascending=False)
    is_hostile = report.categories["category"] == HOSTILE
    node = report.categories.loc[ranks[is_hostile].idxmin(), "node"]
    page.evaluate("node => { location.hash = `segment-${node}`; }", int(node))
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert HOSTILE in {row[0] for row in rows_of(page, "categories-table")}
    assert any(HOSTILE in row[2] for row in rows_of(page, "fairness-table"))
    assert "<script>window" in page.locator("#categories").inner_text()
    assert HOSTILE not in file.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_notebook_shows_the_page_and_keeps_its_scripts_to_itself(chromium, report):
    notebook = chromium.new_page(viewport=DESKTOP)
    notebook.set_content(f"<p>notebook</p>{report._repr_html_()}")
    shown = notebook.frame_locator("iframe")
    shown.locator("#icicle .slice").first.wait_for()
    shown.locator("#parts button").first.click()
    assert shown.locator("#name").text_content() != "everybody"
    shown.locator(".skip").evaluate("link => link.click()")
    assert shown.locator("#icicle .slice").count()
    frame = notebook.frames[1]
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
def test_print_is_light_and_as_wide_as_the_paper(open_page, tmp_path):
    page = open_page(color_scheme="dark")
    page.evaluate("""
        window.seen = [];
        addEventListener("beforeprint", () => window.seen.push(
            document.documentElement.dataset.theme,
            document.getElementById("traits").clientWidth,
        ));
    """)
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert page.evaluate("window.seen") == ["light", pytest.approx(660, abs=30)]
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.slow
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(open_page, report, viewport, scheme):
    """No serious violation of the accessibility rules, and no page wider than the screen."""
    page = open_page(viewport=viewport, color_scheme=scheme)
    for address in ("", f"segment-{report.segments['node'].iloc[0]}"):
        page.evaluate("address => { location.hash = address; }", address)
        page.wait_for_timeout(300)
        for summary in page.locator("summary").all():
            summary.click()
        found = Axe().run(page).response["violations"]
        assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


@pytest.mark.slow
def test_many_customers_stay_fluid():
    """Of 26,000 customers a sample is drawn, of every segment, and the file stays small."""
    bank = make_spending(26_000, 6, 97, random_state=0)
    scorer = BigFivePersonalityScorer(bank.coefficients)
    states = LSTMStateExtractor(n_networks=2, scorer=scorer, epochs=10, random_state=0)
    steps = [("states", states), ("segment", TrajectoryClusterer(max_depth=3, random_state=0))]
    report = SegmentReport.from_estimator(Pipeline(steps).fit(bank.data[:4000]), bank.data)
    page = report.to_html()
    assert len(page.encode()) < 12e6
    lines = re.search(r'"lines": \{"leaf": \[([\d, ]+)\]', page)[1].split(", ")
    leaves = report.segments.query("label >= 0 and customers > 0")["node"]
    assert len(lines) == 1000
    assert set(map(int, lines)) == set(leaves)
    assert len(leaves) > 5
