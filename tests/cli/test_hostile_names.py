"""Names that mean something to a terminal, a browser, Markdown or matplotlib, in every output."""

import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from skspend import TrajectoryClusterer
from skspend._utils._text import printable
from skspend.cli._files import read_aliases
from skspend.cli._segment import _show
from skspend.plotting import HierarchyDisplay, TrajectoryDisplay

NAMES = [
    '<img src=x onerror="alert(1)">',
    "</script><script>alert(1)</script>",
    "<!-- & &lt; &#124; -->",
    "[click](https://evil.example) <https://evil.example>",
    "![](https://evil.example/x.png) www.evil.example a@evil.example",
    "a|b \\| c \\\\| d",
    "`code` *bold* __bold__ ~~gone~~ # head",
    "line\nbreak\r\n\u2028| and | cells |",
    "\x1b]0;title\x07\x1b[2J\x9b31m",
    "right \u202eto left\u2066 \u200bwide",
    "=cmd|'/C calc'!A0",
    '\'; DROP TABLE "customers" --',
    "$\\frac{$ and $x^$",
    "%{x} {{ 7 * 7 }} {% raw %}",
    "n" * 10_000,
]


@pytest.fixture(scope="module")
def hostile(run, run_small, bank, bank_log, tmp_path_factory):
    """All commands on customers who spend in categories of these names: the folder and screens."""
    folder = tmp_path_factory.mktemp("hostile")
    names = dict(zip(bank_log.categories, NAMES, strict=False))
    frame = bank_log[:100].to_frame()
    frame["category"] = frame["category"].replace(names)
    frame["customer"] = "\x1b[5m" + frame["customer"].astype(str)
    frame.to_parquet(folder / "bank.parquet")
    table = bank.coefficients.rename(index=names).rename_axis("category")
    # Some have no coefficient, of which the card tells.
    table.drop(index=NAMES[::3]).to_csv(folder / "ratings.csv")
    screens = [
        run_small(
            "segment", folder / "bank.parquet", "--coefficients", folder / "ratings.csv",
            "--depth", 1, "--no-stability", "--output", folder / "out",
        )
    ]  # fmt: skip
    model = folder / "out" / "model.json"
    groups = pd.DataFrame({"who": frame["customer"].unique()})
    groups[NAMES[0]] = np.resize(NAMES, len(groups))
    groups.to_csv(folder / "groups.csv", index=False)
    screens.append(run("categories", folder / "bank.parquet", "-o", folder / "categories.csv"))
    screens.append(run("predict", model, folder / "bank.parquet", "-o", folder / "new.parquet"))
    options = ("--card", "--customer-ids", "--protected", folder / "groups.csv", "--json")
    options = (*options, "--output", folder / "page.html")
    screens.append(run("report", model, folder / "bank.parquet", *options))
    assert [done.exit_code for done in screens] == [0] * 4, [done.output for done in screens]
    return folder, screens


def test_nothing_on_the_screen_moves_the_cursor(hostile):
    for done in hostile[1]:
        assert all(sign.isprintable() or sign == "\n" for sign in done.output)


def test_a_table_to_edit_runs_no_formula_and_gives_every_name_back(hostile, tmp_path):
    table = pd.read_csv(hostile[0] / "categories.csv", dtype=str)
    assert not table["category"].str.contains(r"^[=+@-]").any()
    table.assign(use_as="books").to_csv(tmp_path / "edited.csv", index=False)
    names = {*pd.read_parquet(hostile[0] / "bank.parquet")["category"]}
    assert names >= {*NAMES}
    assert read_aliases(tmp_path / "edited.csv") == dict.fromkeys(names, "books")


def test_the_table_of_the_screen_shows_every_name(capsys):
    names = NAMES * 2
    described = pd.DataFrame({"path": names, "depth": 1, "customers": 1, "share": 0.1})
    described["strength"] = 0.5
    described["spends_more_on"] = [[name] for name in names]
    figures = {
        "customers": 1,
        "customers_active_in_all_periods": 1,
        "customers_fitted": 1,
        "periods": 1,
        "coverage": 1,
        "split_half_kappa": 0.1,
        "same_in_both_halves": 0.2,
    }
    record = {
        "figures": figures,
        "data": {"transactions": 1, "first_day": "", "last_day": "", "read_as": None},
        "stability": None,
        "previous": {"customers": 1, "same": 1.0, "new": NAMES, "gone": []},
        "parameters": {"file": None, "depth_shown": 1, "stability": False},
    }
    _show(described, record, NAMES[8], is_bundled=False)
    screen = capsys.readouterr().out
    assert all(sign.isprintable() or sign == "\n" for sign in screen)
    assert max(map(len, screen.partition("Written to")[0].splitlines())) <= 100
    letters = re.sub(r"\s", "", screen)
    for name in names[:-1]:
        assert re.sub(r"\s", "", printable(name))[:20] in letters
    widest = max(re.findall(r"n+", screen), key=len)
    assert len(widest) >= 20


def test_data_hold_the_names_as_they_are(hostile):
    folder, screens = hostile
    spend = json.loads((folder / "out" / "model.json").read_text("utf-8"))["steps"]["spend"]
    known = spend["SpendingAggregator"]["categories_"]["text"]
    assert set(NAMES) <= set(known)
    for table in ("out/segments", "new"):
        customers = pd.read_parquet(folder / f"{table}.parquet")["customer"]
        assert customers.str.startswith("\x1b[5m").all()
    assert json.loads(screens[-1].stdout)["customers"] == 100


def test_the_card_has_no_html_no_link_and_whole_tables(hostile):
    text = (hostile[0] / "page-card.md").read_text("utf-8")
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "://" not in text and "www." not in text and "@" not in text
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [part for token in tokens for part in token.children or ()]
    kinds = {token.type for token in [*tokens, *inline]}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "em_open", "code_inline"}
    rows = [token for token in tokens if token.type == "tr_open"]
    cells = [token for token in tokens if token.type in ("td_open", "th_open")]
    assert rows and cells
    read = ["".join(p.content for p in t.children) for t in tokens if t.type == "inline"]
    assert {*map(printable, NAMES[:-1]), f"{'n' * 299}…"} <= set(read)


def test_a_row_of_the_card_has_the_cells_of_its_header(hostile):
    lines = (hostile[0] / "page-card.md").read_text("utf-8").splitlines()
    table = None
    for line in lines:
        n_cells = line.count("|") if line.startswith("|") else None
        assert None in (table, n_cells) or table == n_cells, line[:200]
        table = n_cells


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.text, self.data = [("", {})], [], None

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, text):
        tag, attributes = self.found[-1]
        if attributes.get("id") == "data" and self.data is None:
            self.data = json.loads(text)
        elif tag not in ("script", "style"):
            self.text.append(text)


def test_the_page_has_no_tag_and_no_control_character_of_a_name(hostile):
    page = Tags()
    page.feed((hostile[0] / "page.html").read_text("utf-8"))
    tags = [tag for tag, _ in page.found]
    assert tags.count("script") == 3 and "img" not in tags
    assert not [name for _, attributes in page.found for name in attributes if name[:2] == "on"]
    text = "".join(page.text) + json.dumps(page.data, ensure_ascii=False)
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    for name in NAMES[:-1]:
        assert printable(name) in "".join(page.text)
    assert "n" * 400 not in text


def test_pictures_show_the_names_as_they_are():
    states = np.random.default_rng(0).normal(size=(2 * len(NAMES), 2, 1))
    tree = TrajectoryClusterer(max_depth=1, random_state=0)
    tree.fit(np.repeat([[0.0], [5.0]], 50, axis=0))
    trajectories = TrajectoryDisplay.from_predictions(states, NAMES * 2)
    displays = [HierarchyDisplay.from_estimator(tree, {1: name, 2: name}) for name in NAMES[-3:]]
    for display in (trajectories, *displays):
        display.figure_.savefig(io.BytesIO(), format="png", dpi=20)
    texts = trajectories.legend_.get_texts() + [one.texts_[1] for one in displays]
    assert len(texts) == len(NAMES) + 3
    assert all(text.get_text().isprintable() and len(text.get_text()) < 80 for text in texts)
