"""What the stage gives for slides: pictures as PNG and SVG, light and dark, and a film that plays."""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

_WAIT = 40_000
_SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def opened(open_page, app_url) -> Page:
    page = open_page(
        f"{app_url}/?num_units=5&seed=1&sequence=sine&time_steps=12&input_size=3&t=4&unit=2", alone=True
    )
    expect(page.locator(".st-key-kernel .gtitle")).to_contain_text("kernel [8, 20]", timeout=_WAIT)
    page.locator(".lv-take summary").click()
    return page


def _take(page: Page, button: str, folder: Path, theme: str = "light") -> tuple[str, bytes]:
    page.locator(".lv-take select").select_option(theme)
    with page.expect_download(timeout=60_000) as download:
        page.locator(".lv-take").get_by_role("button", name=button).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    expect(page.locator(".lv-take [role=status]")).to_have_text(f"Saved: {path.name}")
    return path.name, path.read_bytes()


@pytest.mark.parametrize(("theme", "background"), [("light", 255), ("dark", 14)])
def test_a_picture_has_a_slides_size_and_the_theme_that_was_picked(opened, tmp_path, theme, background):
    name, made = _take(opened, "Picture (.png)", tmp_path, theme)
    assert name.startswith("BasicLSTMCell-num_units-5-input_size-3-") and name.endswith(f"-t-4-{theme}.png")
    assert "seed-1" in name and "12-steps" in name
    assert struct.unpack(">II", made[16:24]) == (1920, 1080)
    colours = opened.evaluate(
        """async (bytes) => {
          const image = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
          const pen = new OffscreenCanvas(1920, 1080).getContext("2d");
          pen.drawImage(image, 0, 0);
          const data = new Uint32Array(pen.getImageData(0, 0, 1920, 1080).data.buffer);
          return [data[5] & 255, new Set(data).size, ...[[60, 150], [1300, 150], [60, 800]].map(([x, y]) =>
            new Set(new Uint32Array(pen.getImageData(x, y, 500, 250).data.buffer)).size)];
        }""",
        list(made),
    )
    assert colours[0] == background
    assert min(colours[1:]) > 20  # kernel, cell and strips are all there


def test_a_picture_as_svg_keeps_words_as_words_and_needs_nothing_from_elsewhere(opened, tmp_path):
    name, made = _take(opened, "Picture (.svg)", tmp_path)
    assert name.endswith("-t-4-light.svg")
    root = ElementTree.fromstring(made)
    assert (root.get("width"), root.get("height")) == ("1920", "1080")
    words = " ".join("".join(each.itertext()) for each in root.iter(f"{_SVG}text"))
    assert "num_units 5 → kernel [3 + 5, 4 × 5]" in words and "forget gate" in words
    sizes = [float(re.sub("px", "", each.get("font-size") or "0")) for each in root.iter(f"{_SVG}text")]
    assert min(sizes) >= 18 and len(sizes) > 60
    families = {each.get("font-family") for each in root.iter(f"{_SVG}text")}
    assert all(family and family.startswith("Arial, Helvetica") for family in families)
    images = [each.get("href") or "" for each in root.iter(f"{_SVG}image")]
    assert len(images) > 15 and all(each.startswith("data:image/png;base64,") for each in images)
    assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)|url\(|<script|class=", made)


def test_a_film_of_all_steps_plays_and_shows_one_after_the_other(opened, tmp_path):
    opened.locator(".lstmviz-player select").select_option("5")
    name, made = _take(opened, "Film of all steps", tmp_path)
    assert name.endswith("-unit-2-light.webm")
    assert made[:4] == b"\x1a\x45\xdf\xa3"  # EBML, as WebM begins
    found = opened.evaluate(
        """async (bytes) => {
          const video = document.createElement("video");
          video.muted = true;
          video.src = URL.createObjectURL(new Blob([new Uint8Array(bytes)], {type: "video/webm"}));
          await new Promise((resolve, reject) => {
            video.onloadeddata = resolve;
            video.onerror = () => reject(video.error.message);
          });
          const canvas = new OffscreenCanvas(1920, 1080), pen = canvas.getContext("2d");
          const seen = new Set();
          const look = () => {
            pen.drawImage(video, 0, 0);
            const row = pen.getImageData(180, 700, 1500, 8).data;
            let at = 0, most = -1;
            for (let x = 0; x < 1500; x++) { const red = row[4 * x] - row[4 * x + 1]; if (red > most) [at, most] = [x, red]; }
            seen.add(at);
          };
          video.ontimeupdate = look;
          await video.play();
          await new Promise((resolve) => (video.onended = resolve));
          look();
          return {wide: video.videoWidth, high: video.videoHeight, seconds: video.currentTime, seen: seen.size};
        }""",
        list(made),
    )
    assert (found["wide"], found["high"]) == (1920, 1080)
    assert 12 / 5 + 0.6 <= found["seconds"] < 30  # the last step stays for a moment
    assert found["seen"] >= 3  # the cursor moves


def test_a_film_can_be_stopped_and_gives_what_there_is(opened):
    opened.locator(".lstmviz-player select").select_option("1")
    with opened.expect_download(timeout=60_000) as download:
        opened.locator(".lv-take").get_by_role("button", name="Film of all steps").click()
        opened.wait_for_timeout(1500)
        opened.locator(".lv-take").get_by_role("button", name="Stop").click()
    assert download.value.suggested_filename.endswith(".webm")
    expect(opened.locator(".lv-take").get_by_role("button", name="Stop")).to_have_count(0)


def test_escape_closes_what_is_offered(opened):
    opened.locator(".lv-take select").focus()
    opened.keyboard.press("Escape")
    expect(opened.locator(".lv-take > div")).to_be_hidden()
    assert opened.evaluate("document.activeElement.tagName") == "SUMMARY"
