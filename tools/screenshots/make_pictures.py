"""`make pictures`: the two pictures of the README, taken from the example company as it runs.

The demo is played as always, its checks included; before day two is applied the output of
`tenure plan` is kept, at its end the console's overview is opened in Chromium.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "examples" / "acme"))
# A folder that the user who runs PostgreSQL for root can pass through; made before the import, for
# the demo reads its home when it is loaded.
_SCRATCH = tempfile.TemporaryDirectory(prefix="tenure-pictures-")
os.chmod(_SCRATCH.name, 0o711)
os.environ["TENURE_DEMO_HOME"] = str(Path(_SCRATCH.name) / "demo")

from demo import Demo, clear_earlier, play  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.terminal_theme import TerminalTheme  # noqa: E402
from rich.text import Text  # noqa: E402
from servers import free_port  # noqa: E402

IMAGES = ROOT / "docs" / "images"
CHROMIUM = os.environ.get("TENURE_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
COLUMNS = 118
#: Of the output's lines, so many from its beginning and from its end are in the picture.
FIRST, LAST = 27, 3
LARGEST = 300_000
THEME = TerminalTheme(
    (23, 31, 32),
    (232, 237, 236),
    [(52, 64, 66), (240, 128, 122), (122, 208, 148), (226, 184, 104), (120, 176, 232),
     (188, 160, 240), (110, 204, 196), (214, 222, 221)],
    [(134, 150, 152), (240, 128, 122), (122, 208, 148), (226, 184, 104), (120, 176, 232),
     (188, 160, 240), (110, 204, 196), (255, 255, 255)],
)  # fmt: skip


class Photographed(Demo):
    """The demo, which keeps what `tenure plan` says on day two."""

    terminal = ""

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> None:
        if arguments == ("plan", "--all"):
            self.terminal = self._in_a_terminal("plan")
        super().run(*arguments, codes=codes)

    def _in_a_terminal(self, *arguments: str) -> str:
        """The command's output, with the colours that it has in a terminal."""
        done = subprocess.run(
            [sys.executable, "-m", "tenure", *arguments],
            env={**self.environment, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)},
            capture_output=True,
            text=True,
        )
        return f"\x1b[2m$\x1b[0m \x1b[1mtenure {' '.join(arguments)}\x1b[0m\n{done.stdout}"


def terminal(page: Page, output: str, target: Path) -> None:
    """Rich's own rendering of the output, photographed."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere)
        console.print(Text.from_ansi(_cut(output)))
    html = console.export_html(
        theme=THEME,
        inline_styles=True,
        code_format="""<!doctype html><meta charset="utf-8"><style>
            body {{ margin: 0; background: #f8faf9; }}
            pre {{ margin: 0; width: max-content; padding: 22px 26px 24px; color: {foreground};
              background: {background};
              font: 13px/1.5 "JetBrains Mono", "DejaVu Sans Mono", "Noto Sans Mono", monospace; }}
            </style><pre><code style="font-family:inherit">{code}</code></pre>""",
    )
    page.set_content(html)
    page.locator("pre").screenshot(path=target)


def _cut(output: str) -> str:
    lines = output.rstrip().splitlines()
    left_out = len(lines) - FIRST - LAST
    if left_out <= 0:
        return output.rstrip()
    says = f"\x1b[2m  ... {left_out} more lines ...\x1b[0m"
    return "\n".join([*lines[:FIRST], "", says, *lines[-LAST:]])


def overview(page: Page, link: str, target: Path) -> None:
    """The first page that an administrator sees."""
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/")
    page.screenshot(path=target)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    IMAGES.mkdir(parents=True, exist_ok=True)
    targets = (IMAGES / "plan-terminal.png", IMAGES / "console-overview.png")
    clear_earlier()
    demo = Photographed(free_port())
    try:
        demo.start()
        play(demo)
        link = demo.json("link")["link"]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page(
                viewport={"width": 1280, "height": 800}, color_scheme="light", locale="en-GB"
            )
            terminal(page, demo.terminal, targets[0])
            overview(page, link, targets[1])
            browser.close()
    finally:
        demo.stop()
        clear_earlier()
        _SCRATCH.cleanup()
    for target in targets:
        size = target.stat().st_size
        print(f"{target.relative_to(ROOT)}: {size / 1000:.0f} kB")
        if size > LARGEST:
            print(f"It is larger than {LARGEST / 1000:.0f} kB: make it smaller.")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
