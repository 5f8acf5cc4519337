"""The cost of the report: seconds to measure and write, megabytes, and response times of the page.

    python benchmarks/report.py [CUSTOMERS]

The bank is synthetic and has 26,000 customers by default. The page is opened in headless Chromium
(its path is in SKSPEND_CHROMIUM). The script needs the extra "test"."""

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright
from sklearn.pipeline import make_pipeline

from skspend import (
    BigFivePersonalityScorer,
    LSTMStateExtractor,
    SegmentReport,
    TrajectoryClusterer,
)
from skspend.datasets import make_spending

CHOOSE = """address => new Promise(done => {
    const started = performance.now();
    location.hash = address;
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - started)));
})"""
"""Milliseconds until the second frame after a segment was chosen is drawn."""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def main():
    n_customers = int(sys.argv[1]) if len(sys.argv) > 1 else 26_000
    bank = make_spending(n_customers, random_state=0)
    states = LSTMStateExtractor(scorer=BigFivePersonalityScorer(bank.coefficients), random_state=0)
    started = time.perf_counter()
    pipeline = make_pipeline(states, TrajectoryClusterer(random_state=0)).fit(bank.data)
    fitted = time.perf_counter() - started
    started = time.perf_counter()
    report = SegmentReport.from_estimator(pipeline, bank.data)
    measured = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        started = time.perf_counter()
        report.save(path)
        written = time.perf_counter() - started
        size = path.stat().st_size / 1e6
        painted, chosen = look(path, report)
    print(f"{n_customers:,} customers, {len(report.segments)} segments")
    print(f"fit {fitted:.1f} s, measure {measured:.1f} s, write {written:.2f} s, {size:.1f} MB")
    print(f"first paint {painted:.0f} ms")
    print(f"to choose everybody {chosen[0]:.0f} ms, a segment {chosen[1]:.0f} ms (median)")


def look(path, report):
    """Milliseconds to the first paint of the page, and to choose everybody and a segment."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("SKSPEND_CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox"],
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_selector("#icicle svg")
        page.wait_for_function(PAINTED)
        painted = page.evaluate(PAINTED)
        each = [page.evaluate(CHOOSE, f"segment-{node}") for node in report.segments["node"][:20]]
        everybody = page.evaluate(CHOOSE, "segment-0")
        browser.close()
    return painted, (everybody, statistics.median(each))


if __name__ == "__main__":
    main()
