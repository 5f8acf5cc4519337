"""The built site, in headless Chromium: ``SKSPEND_DOCS_HTML`` names its folder."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

SITE = os.environ.get("SKSPEND_DOCS_HTML")
PAGES = [
    "index",
    "tutorial",
    "howto/index",
    "gallery/index",
    "reference/index",
    "reference/command",
    "reference/generated/skspend.LSTMStateExtractor",
    "reference/generated/skspend.inspection.explain_trajectories",
    "ideas/index",
    "study/index",
    "study/claims",
    "comparison",
    "data",
    "scale",
    "measured",
    "contributing",
    "changelog",
    "deprecation",
]
SCREENS = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}

pytestmark = pytest.mark.skipif(SITE is None, reason="SKSPEND_DOCS_HTML names no built site")


def _every_page():
    site = Path(SITE).resolve()
    return sorted(set(site.rglob("*.html")) - set(site.glob("_static/**/*.html")))


def _find_violations(page, rules=None):
    """What breaks all rules, or those named."""
    # By default axe reads style sheets once more, which Chromium refuses where pages are files.
    options = {"resultTypes": ["violations"], "preload": False}
    if rules is not None:
        options["runOnly"] = {"type": "rule", "values": rules}
    found = Axe().run(page, options=options)
    return [
        f"{rule['id']}: {rule['nodes'][0]['html'][:200]} and {len(rule['nodes']) - 1} more"
        for rule in found.response["violations"]
        if rule["impact"] in ("serious", "critical")
    ]


@pytest.fixture
def look(chromium):
    """Open a page; what it logs as an error, or asks of a network, is put into a list."""
    contexts = []

    def look(path, screen="desktop", scheme="light"):
        context = chromium.new_context(viewport=SCREENS[screen], color_scheme=scheme)
        contexts.append(context)
        page, problems = context.new_page(), []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console", lambda said: problems.append(said.text) if said.type == "error" else None
        )
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:", "blob:")) or problems.append(request.url)
            ),
        )
        page.goto(path.as_uri())
        return page, problems

    yield look
    for context in contexts:
        context.close()


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_quiet_fits_and_is_accessible(look, name, screen):
    path = Path(SITE).resolve() / f"{name}.html"
    # The scheme changes nothing but colours.
    for scheme, rules in (("light", None), ("dark", ["color-contrast", "link-in-text-block"])):
        page, problems = look(path, screen, scheme)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= SCREENS[screen]["width"], f"{scheme}: {width} pixels"
        violations = _find_violations(page, rules)
        assert not violations, f"{scheme}: {violations}"
        assert not problems, f"{scheme}: {problems}"


def test_every_page_is_quiet_and_fits_on_a_phone(look):
    page, problems = look(Path(SITE).resolve() / "index.html", "phone")
    paths = _every_page()
    assert len(paths) > len(PAGES)
    for path in paths:
        page.goto(path.as_uri())
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= SCREENS["phone"]["width"], f"{path.name}: {width} pixels"
        assert not problems, f"{path.name}: {problems}"


def test_formulas_are_drawn(look):
    page, _ = look(
        Path(SITE).resolve() / "reference/generated/skspend.inspection.explain_trajectories.html"
    )
    formula = page.locator("math").first
    assert "h" in formula.text_content()
    assert formula.bounding_box()["width"] > 5


def test_search_finds_an_estimator_without_a_network(look):
    page, problems = look(Path(SITE).resolve() / "search.html")
    page.goto(f"{(Path(SITE).resolve() / 'search.html').as_uri()}?q=TrajectoryClusterer")
    page.wait_for_selector("#search-results a[href*='TrajectoryClusterer']", timeout=10_000)
    assert not problems


def test_each_example_of_the_gallery_ends_in_a_picture(look):
    examples = sorted((Path(SITE).resolve() / "gallery").glob("plot_*.html"))
    assert examples
    for path in examples:
        page, problems = look(path)
        images = page.locator("article img")
        widths = images.evaluate_all("images => images.map(image => image.naturalWidth)")
        assert widths and min(widths) > 0, path.name
        assert not _find_violations(page), path.name
        assert not problems, path.name
