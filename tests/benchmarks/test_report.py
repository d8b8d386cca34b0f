"""README and docs/benchmarks.md say what the committed results say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import record
import report


def committed() -> list[report.Record]:
    """The results that are committed; all that are there where git cannot tell."""
    words = ["git", "ls-files", "--error-unmatch", "."]
    told = subprocess.run(words, cwd=record.RESULTS, capture_output=True, text=True, check=False)
    names = {Path(line).stem for line in told.stdout.split()}
    return [r for r in report.records() if told.returncode or r["name"] in names]


def test_the_readme_is_what_the_results_say() -> None:
    """Run ``python benchmarks/report.py`` after a benchmark, and commit what it changes."""
    readme = report.README.read_text(encoding="utf-8")
    assert report.with_table(readme, report.table(committed())) == readme


def test_the_page_is_what_the_results_say() -> None:
    assert report.PAGE.read_text(encoding="utf-8") == report.page(committed())


def test_every_result_has_its_script() -> None:
    for found in committed():
        assert (record.HERE / f"{found['name']}.py").is_file(), found["name"]
        assert found["commit"] and found["machine"] and found["measured"]


def made(folder: Path, *, rows: int) -> list[report.Record]:
    results = {f"part {i}": record.measured([1.0, 2.0], "s", headline=i < rows) for i in range(3)}
    record.write("a.py", claim="Fast", seeds=[0], results=results, out=folder / "a.json")
    return report.records(folder)


def test_one_row_per_claim(tmp_path: Path) -> None:
    assert report.table([]) == ""
    *_, row = report.table(made(tmp_path, rows=1)).splitlines()
    assert row == "| Fast | 1.50 ± 0.71 s | `python benchmarks/a.py` |"
    *_, row = report.table(made(tmp_path, rows=2)).splitlines()
    assert "part 0: 1.50 ± 0.71 s<br>part 1: 1.50 ± 0.71 s" in row and "part 2" not in row


def test_the_page_has_everything(tmp_path: Path) -> None:
    page = report.page(made(tmp_path, rows=1))
    assert all(f"| part {i} | 1.50 ± 0.71 s | 1 | 2 | 2 |" in page for i in range(3))
    assert "## a\n" in page and "seeds 0." in page
    rows = {(): "none", (3,): "3", (0, 1): "0, 1", (0, 1, 2): "0 to 2", (0, 2, 3): "0, 2, 3"}
    for seeds, said in rows.items():
        assert f"seeds {said}." in report.page([{**made(tmp_path, rows=1)[0], "seeds": seeds}])


def test_the_table_goes_between_its_markers() -> None:
    text = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    new = report.with_table(text, "| new |\n")
    assert new == f"before\n{report.BEGIN}\n| new |\n{report.END}\nafter\n"
    assert report.with_table(new, "| new |\n") == new
    for broken in ("", report.BEGIN, report.END):
        with pytest.raises(ValueError, match="to put the table between"):
            report.with_table(broken, "")
