"""Take the pictures of docs/howto/report.md: what answers each question about the households.

    skspend segment && python tools/report_pictures.py skspend-output/model.json

The script needs the extra "test", and Chromium (its path is in SKSPEND_CHROMIUM)."""

import os
import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from skspend import SegmentReport
from skspend.cli._files import read_stability
from skspend.datasets import load_complete_journey
from skspend.segmentation import SegmentModel

COLORS = 256
FOLDER = Path(__file__).parent.parent / "docs" / "images" / "report"
SEGMENT = "agreeableness+"
PICTURES = {
    "1-what": ["header"],
    "2-largest": ["#segments .beside > div:first-child"],
    "3-spending": ["#name", "#who", "Spends more"],
    "4-who": ["Traits"],
    "4-typical": ["Typical"],
    "5-other-fit": ["How sure"],
    "6-stay": [".tiles"],
    "7-moves": ["Where customers"],
    "8-change": ["How it changed"],
    "9-name": ["#verdict", "#never"],
    "10-groups": ["Protected groups:"],
    "11-use": ["#use .note"],
    "12-trust": ["#metrics"],
}
"""For each picture what is on it: selectors, or the beginnings of headings in a segment's page."""
BOX = """parts => {
    const found = parts.flatMap((part) => {
        const heading = [...document.querySelectorAll("#about h4")].find((h4) => h4.textContent.startsWith(part));
        if (!heading) return [document.querySelector(part)];
        const section = [heading];
        while (section.at(-1).nextElementSibling?.matches(":not(h4)")) section.push(section.at(-1).nextElementSibling);
        return section;
    });
    const boxes = found.map((element) => element.getBoundingClientRect());
    const [x, y] = [Math.min(...boxes.map((b) => b.left)), Math.min(...boxes.map((b) => b.top))];
    const [right, bottom] = [Math.max(...boxes.map((b) => b.right)), Math.max(...boxes.map((b) => b.bottom))];
    return { x: x - 8, y: y + scrollY - 8, width: right - x + 16, height: bottom - y + 16 };
}"""  # noqa: E501


def main():
    path = sys.argv[1]
    model, households = SegmentModel.load(path), load_complete_journey()
    report = SegmentReport.from_estimator(
        model.pipeline,
        households.data,
        names=model.names,
        protected=households.demographics[["age"]],
        **read_stability(path),
    )
    node = next(number for number, name in model.names.items() if name == SEGMENT)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_path = Path(folder) / "report.html"
        report.save(page_path)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("SKSPEND_CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox"],
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{page_path.as_uri()}#segment-{node}")
        save(page.screenshot(), "first-screen")
        page.add_style_tag(content="#detail { max-height: none !important; position: static }")
        for name, parts in PICTURES.items():
            save(page.screenshot(full_page=True, clip=page.evaluate(BOX, parts)), name)
        browser.close()


def save(png, name):
    # Text has few colours, and is smaller without loss.
    picture = Image.open(BytesIO(png)).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    picture.convert("RGB").save(FOLDER / f"{name}.webp", lossless=True, method=6)


if __name__ == "__main__":
    main()
