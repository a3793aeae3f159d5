#!/bin/sh
# Sees to a Chromium for the browser tests: the one that is there, Debian's package, or Playwright's own.
# find_chromium.sh PYTHON, where PYTHON has playwright
set -eu

system_chromium() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

playwright_chromium() {
    "$1" - <<'PYTHON' 2>/dev/null
import pathlib, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    sys.exit(not pathlib.Path(playwright.chromium.executable_path).exists())
PYTHON
}

if system_chromium >/dev/null || playwright_chromium "$1"; then
    exit 0
fi
# The fonts are for the Japanese page.
if "$(dirname "$0")/apt_install.sh" chromium fonts-noto-cjk && system_chromium >/dev/null; then
    exit 0
fi
echo "Installing Playwright's Chromium"
"$1" -m playwright install chromium || {
    echo "The browser tests need Chromium: install the package chromium, then try again." >&2
    exit 1
}
