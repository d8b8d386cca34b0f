"""``netwright latency import``: a CSV becomes a table that predicts."""

from __future__ import annotations

from pathlib import Path

from command_line import Command, Refused

HEAD = "block,in_res,in_ch,out_ch,expand,kernel,stride,idskip,se,ms\n"
ROWS = "".join(f"MBConv,{n},16,24,4,3,2,0,0,{n / 10}\n" for n in range(8, 40, 2))


def test_a_csv_becomes_a_table(command: Command, tmp_path: Path) -> None:
    (tmp_path / "phone.csv").write_text(HEAD + ROWS)
    data = command("latency", "import", "phone.csv", "--out", "phone.json", "--json").data
    assert data == {"table": "phone.json", "parts": 16, "rows": 16}
    said = command("latency", "predict", "mnasnet_b1", "--table", "phone.json").out
    assert "phone" in said and "no whole network" in said


def test_mistakes(refused: Refused, tmp_path: Path) -> None:
    assert "There is no file" in refused("latency", "import", "no.csv", "--out", "t.json")
    (tmp_path / "t.json").write_text("x")
    assert "--force" in refused("latency", "import", "no.csv", "--out", "t.json")
