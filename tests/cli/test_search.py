"""The main job on the command line: what it leaves, what it refuses, how it goes on."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from command_line import QUICK, SMALL, Command, Refused, draw_photos
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.cli.display import Display
from netwright.config import read_toml
from netwright.events import Event
from netwright.ledger import Progress
from netwright.run_folder import RunFolder
from netwright.store import read_store


def test_it_leaves_a_network_that_fits_and_what_it_was_compared_with(finished: Path) -> None:
    run = RunFolder(finished)
    result = run.read_result()
    best = Architecture.from_json(run.best.read_text())
    assert cost(best).macs <= 100_000
    assert result["best"]["arch_id"] == best.id and run.weights.is_file()
    roles = [row["role"] for row in result["finals"]]
    assert roles[0] == "search 1"
    assert roles[-4:] == ["random", "most params", "mobilenet_v2", "efficientnet_b0"]
    assert all(row["macs"] <= 100_000 for row in result["finals"])
    settings = read_toml(run.config)
    assert settings["max_macs"] == 100_000 and settings["objective"] == "naswot"
    with read_store(run.trials) as store:
        assert len(store) == result["search"]["trials"] >= 1


def test_json_is_one_object_on_stdout(command: Command, photos: Path) -> None:
    answer = command("search", photos, *QUICK, "--json")
    assert answer.code == 0
    assert answer.data["run"] == "runs/photos-1" and Path("runs/photos-1/best.json").is_file()
    assert "Searching ..." in answer.err
    assert command("search", photos, *QUICK, "--json").data["run"] == "runs/photos-2"


def test_the_table_and_what_to_type_next(command: Command, photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "a [bold] run"  # neither the shell nor rich may take it for more than a name
    answer = command("search", photos, *QUICK, "--out", run)
    assert answer.code == 0
    assert "val accuracy" in answer.out and "most params" in answer.out
    assert f"netwright show '{run}'" in answer.out
    assert f"netwright train {photos} '{run}' --epochs 100" in answer.out
    assert str(run) in answer.err


def test_what_to_type_next_keeps_the_split_and_the_device(command: Command, photos: Path) -> None:
    answer = command("search", photos, *QUICK, "--seed", "7", "--no-flip", "--out", "run")
    assert f"netwright train {photos} run --epochs 100 --seed 7 --no-flip" in answer.out


def test_so_many_candidates_are_looked_at(command: Command, photos: Path) -> None:
    words = ("search", photos, *SMALL, "--minutes", "0.03", "--trials", "1", "--out", "run")
    answer = command(*words, "--json")
    assert answer.data["search"]["trials"] == 1 and "at most 1 candidates" in answer.err
    assert read_toml(Path("run/run.toml"))["trials"] == 1


def test_the_plan_is_printed_and_nothing_is_done(command: Command, photos: Path) -> None:
    words = ("search", photos, "--max-macs", "100k", "--minutes", "9", "--plan")
    answer = command(*words)
    assert answer.out.startswith("Plan for 9m 00s on ") and "chosen by predictor" in answer.out
    data = command(*words, "--json").data
    assert data["objective"] == "val_loss" and data["trainings"] > 20
    assert command(*words[:4], "--minutes", "0.01", "--plan", "--json").data["too_short"]
    assert not Path("runs").exists()


def test_too_little_time_to_train_is_said_and_kept(command: Command, photos: Path) -> None:
    answer = command("search", photos, "--max-macs", "100k", "--minutes", "0.01", "--out", "run")
    assert answer.code == 0 and "no training, as there is no time" in answer.err
    settings = read_toml(Path("run/run.toml"))
    assert (settings["objective"], settings["strategy"]) == ("params", "evolution")
    assert command("search", "--resume", "--out", "run", "--minutes", "0.02").code == 0


def test_limits_of_a_deployment_hold_for_every_candidate(command: Command, photos: Path) -> None:
    limits = ("--ops", "lite", "--channel-multiple", "16", "--max-memory", "64kB:int8")
    words = ("search", photos, "--minutes", "0.01", "--max-macs", "200k", *limits, "--out", "run")
    assert command(*words).code == 0
    settings = read_toml(Path("run/run.toml"))
    assert settings["space"] == "mobile+lite+c16" and settings["max_memory_bytes"] == 256_000
    best = Architecture.from_json(Path("run/best.json").read_text())
    norms = [node for node in best.nodes if node.op.kind == "batch_norm"]
    assert norms and all(node.shape[0] % 16 == 0 for node in norms)
    assert command("search", "--resume", "--out", "run", "--minutes", "0.02").code == 0


def test_mixed_sizes_and_colours_are_handled(command: Command, tmp_path: Path) -> None:
    root = draw_photos(tmp_path / "mixed", {"rgb": 6})
    draw_photos(root, {"grey": 6}, side=12, mode="L")
    draw_photos(root, {"alpha": 6}, side=20, mode="RGBA")
    draw_photos(root, {"palette": 6}, side=9, mode="P")
    answer = command("search", root, *QUICK, "--resolution", "8", "--json")
    assert answer.code == 0
    assert answer.data["data"]["channels"] == 3


WRONG = [
    ([], "Say which images to search on"),
    (["nowhere/at/all"], "There is no file or folder 'nowhere/at/all'"),
    (["cifar1"], "Did you mean 'CIFAR10'?"),
    (["@", "--space", "mobil"], "No space is called 'mobil'. Did you mean 'mobile'?"),
    (["@", "--strategy", "evolutoin"], "Did you mean 'evolution'?"),
    (["@", "--objective", "zicco"], "No objective is called 'zicco'. Did you mean 'zico'?"),
    (["@", "--max-macs", "1k"], "they range from"),
    (["@", "--max-params", "10"], "try --max-params"),
    (["@", "--max-memory", "10"], "try --max-memory"),
    (["@", "--max-macs", "banana"], "'banana' is not a count; write it like 20M"),
    (["@", "--max-macs", "-5"], "'-5' is not a count"),
    (["@", "--max-params", "0"], "'0' is not a count above zero"),
    (["@", "--max-memory", "1MB:int3"], "'int3' is not a type that activations have"),
    (["@", "--ops", "light"], "No limit of a space is called 'light'. Did you mean 'lite'?"),
    (["@", "--space", "nasbench201", "--ops", "lite"], "cannot be limited to lite"),
    (["@", "--minutes", "0"], "'minutes': input should be greater than 0"),
    (["@", "--minutes", "nan"], "'minutes': input should be a finite number"),
    (["@", "--minutes", "inf"], "'minutes': input should be a finite number"),
    (["@", "--minutes", "ten"], 'unable to convert "ten"'),
    (["@", "--seed", "-1"], "'seed': input should be greater than or equal to 0"),
    (["@", "--trials", "0"], "'trials': input should be greater than or equal to 1"),
    (["@", "--workers", "0"], "'workers': input should be greater than or equal to 1"),
    (["@", "--resolution", "4"], "'resolution': input should be greater than or equal to 8"),
    (["@", "--resolution", "99999"], "must lie between 4 and 2048"),
    (["@", "--device", "tpu"], "'device': input should be 'cpu', 'cuda' or 'mps'"),
    (["@", "--bogus"], "Unknown option"),
    (["@", "--resum"], "Did you mean --resume? See `netwright search --help`."),
    (["@", "extra"], "'extra' is more than was expected; see `netwright search --help`."),
    (["@", "--max-macs"], "requires an argument"),
    (["@", "--store", "oracle://a/b"], "not in 'oracle'"),
    (["--resume"], "Say which run to resume: --resume --out RUN."),
    (["--resume", "--out", "nope"], "nope is not the folder of a run"),
    (["--config", "nope.toml"], "cannot be read (No such file or directory)"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(w) or "-" for w, _ in WRONG])
def test_a_mistake_is_one_sentence(
    refused: Refused, photos: Path, words: list[str], said: str
) -> None:
    assert said in refused("search", *(photos if w == "@" else w for w in words))


def test_no_cuda_is_said_in_words(
    refused: Refused, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    said = refused("search", photos, *QUICK, "--device", "cuda")
    assert "torch sees no CUDA device" in said and "--device cpu" in said


def test_images_that_cannot_be_used_are_named(refused: Refused, tmp_path: Path) -> None:
    draw_photos(tmp_path / "one", {"only": 5})
    assert "one has 1 class, 'only'" in refused("search", "one")
    draw_photos(tmp_path / "empty", {"full": 5, "hollow": 0})
    assert "Class folder empty/hollow has no images" in refused("search", "empty")
    draw_photos(tmp_path / "single", {"a": 1, "b": 1})
    assert "Class 'a' has 1 image in train" in refused("search", "single")
    draw_photos(tmp_path / "few", {"a": 2, "b": 2})
    assert "few has 2 training images; a search needs at least 4" in refused("search", "few")
    broken = draw_photos(tmp_path / "broken", {"a": 8, "b": 8}) / "a" / "003.png"
    whole = broken.read_bytes()
    broken.write_bytes(b"no picture")
    assert "broken/a/003.png cannot be read as an image" in refused("search", "broken")
    broken.write_bytes(whole[:60])  # the header is good: found when it is decoded
    said = refused("search", "broken", *QUICK)
    assert "broken/a/003.png cannot be read as an image (image file is truncated)" in said


@pytest.mark.parametrize("text", ["data = \n", "\udcff", 'data = "x"\nminutes = "ten"\n'])
def test_a_run_file_that_makes_no_sense_is_refused(
    refused: Refused, tmp_path: Path, text: str
) -> None:
    (tmp_path / "run.toml").write_bytes(text.encode(errors="surrogateescape"))
    assert "TOML" in (said := refused("search", "--config", "run.toml")) or "'minutes'" in said


def test_a_run_file_gives_settings_and_typed_words_win(
    command: Command, photos: Path, tmp_path: Path
) -> None:
    text = f'data = "{photos}"\nobjective = "naswot"\nmax_macs = 100000\nminutes = 5.0\nseed = 4\n'
    (tmp_path / "mine.toml").write_text(text)
    answer = command("search", "--config", "mine.toml", "--minutes", "0.02", "--json")
    assert answer.code == 0 and answer.data["seed"] == 4
    assert read_toml(Path(answer.data["run"]) / "run.toml")["minutes"] == 0.02


def test_a_place_that_cannot_be_written_is_refused(
    refused: Refused, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in ("file", "file/run"):
        said = refused("search", photos, *QUICK, "--out", place)
        assert f"The run folder {place} cannot be written" in said and "--out" in said
    assert (tmp_path / "file").read_text() == "in the way"


def test_an_empty_folder_that_was_there_stays_and_stays_empty(
    refused: Refused, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    refused("search", photos, *QUICK, "--out", "mine", "--store", "oracle://a/b")


def test_a_run_is_not_begun_twice(refused: Refused, photos: Path, finished: Path) -> None:
    said = refused("search", photos, *QUICK, "--out", finished)
    assert f"{finished} already holds a search; add --resume" in said


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> RunFolder:
    """A finished run that may be changed; its database is one file."""
    with closing(sqlite3.connect(finished / "trials.db")) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    skip = shutil.ignore_patterns("*-shm", "*-wal", "*.lock")
    return RunFolder(Path(shutil.copytree(finished, tmp_path / "copy", ignore=skip)))


OTHER = [
    (["--space", "mnasnet"], "a search with space mobile, not mnasnet"),
    (["--strategy", "uniform"], "a search with strategy evolution, not uniform"),
    (["--objective", "zico"], "a search with objective naswot, not zico"),
    (["--seed", "3"], "a search with seed 0, not 3"),
    (["--max-macs", "90k"], "a search with max_macs 100000, not 90000"),
    (["--max-params", "1M"], "a search with max_params not set, not 1000000"),
    (["--resolution", "12"], "with other choices, resolution or classes"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), OTHER, ids=[w[0] for w, _ in OTHER])
def test_only_the_same_search_is_resumed(
    refused: Refused, copy: RunFolder, words: list[str], said: str
) -> None:
    before = copy.config.read_text()
    assert said in refused("search", "--resume", "--out", copy.path, *words)
    assert copy.config.read_text() == before


def test_other_images_do_not_resume_it(refused: Refused, copy: RunFolder, tmp_path: Path) -> None:
    draw_photos(tmp_path / "photos", {"red": 9, "green": 9, "blue": 9})
    said = refused("search", "photos", "--resume", "--out", copy.path)
    assert "24 images of photos" in said or "21 images of photos" in said


def test_a_store_of_a_newer_schema_is_refused(refused: Refused, copy: RunFolder) -> None:
    with closing(sqlite3.connect(copy.trials)) as db, db:
        db.execute("update meta set value = '99' where name = 'netwright_schema'")
    said = refused("search", "--resume", "--out", copy.path)
    assert "written by a newer netwright (schema 99" in said


@pytest.mark.parametrize("keep", [0, 1])
def test_a_damaged_store_is_refused(refused: Refused, copy: RunFolder, keep: int) -> None:
    whole = copy.trials.read_bytes()
    copy.trials.write_bytes(whole[: 4096 * keep] + b"\xfe" * 4096 * 3)
    assert "not a store of trials, or it is damaged" in refused(
        "search", "--resume", "--out", copy.path
    )


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_damaged_plan_is_refused(refused: Refused, copy: RunFolder, text: str) -> None:
    (copy.finals / "plan.json").write_text(text)
    said = refused("search", "--resume", "--out", copy.path)
    assert "plan.json is damaged" in said and "remove it" in said


def test_a_damaged_checkpoint_is_refused(refused: Refused, copy: RunFolder) -> None:
    path = sorted(copy.finals.glob("*.checkpoint.safetensors"))[0]
    path.write_bytes(b"zz")
    parts = next(copy.finals.glob("parts-*.json"))
    parts.write_text(json.dumps(json.loads(parts.read_text()) | {"parts": []}))  # as if killed
    said = refused("search", "--resume", "--out", copy.path)
    assert str(path) in said and "remove it to start anew" in said


def test_a_finished_run_resumed_is_the_same_run(command: Command, copy: RunFolder) -> None:
    before = copy.read_result()
    with read_store(copy.trials) as store:
        trials = list(store)
    answer = command("search", "--resume", "--out", copy.path, "--json")
    assert answer.code == 0
    with read_store(copy.trials) as store:
        assert list(store)[: len(trials)] == trials
    assert answer.data["best"] == before["best"]
    for now, then in zip(answer.data["finals"], before["finals"], strict=True):
        assert {**now, "train_seconds": 0} == {**then, "train_seconds": 0}


def test_more_minutes_search_on_and_train_anew(command: Command, copy: RunFolder) -> None:
    before = copy.read_result()["search"]["trials"]
    answer = command("search", "--resume", "--out", copy.path, "--minutes", "0.05", "--json")
    assert answer.code == 0 and answer.data["search"]["trials"] >= before
    plan = copy.read_json(copy.finals / "plan.json", ("seconds",))
    assert plan["seconds"] == pytest.approx(3)
    assert read_toml(copy.config)["minutes"] == 0.05


def test_ctrl_c_says_how_to_go_on_and_loses_nothing(
    command: Command, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = Display.__call__

    def interrupted(self: Display, event: Event) -> None:
        show(self, event)
        if isinstance(event, Progress) and event.trials >= 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Display, "__call__", interrupted)
        answer = command("search", photos, *SMALL, "--minutes", "1", "--out", "my run")
    assert answer.code == 130 and answer.out == "" and "Traceback" not in answer.err
    assert "netwright search --resume --out 'my run'" in answer.err
    with read_store("my run/trials.db") as store:
        kept = list(store)
    assert len(kept) >= 2
    words = ("search", "--resume", "--out", "my run", "--minutes", "0.02", "--json")
    assert command(*words).code == 0
    with read_store("my run/trials.db") as store:
        assert list(store)[: len(kept)] == kept


def test_a_folder_without_its_run_file_is_resumed_by_saying_the_settings(
    command: Command, copy: RunFolder, photos: Path
) -> None:
    copy.config.unlink()
    answer = command("search", "--resume", "--out", copy.path)
    assert answer.code == 2 and "Say which images" in answer.err
    words = ("search", photos, *QUICK, "--resume", "--out", copy.path)
    assert command(*words).code == 0
    assert copy.config.is_file()


def test_a_full_disk_is_one_sentence(
    command: Command, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: RunFolder, path: Path, data: Any) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(RunFolder, "write_json", full)
    answer = command("search", photos, *QUICK, "--out", "run")
    assert answer.code == 2 and "No space left on device" in answer.err.splitlines()[-1]


def test_weights_and_a_teacher_are_for_all_who_are_trained(
    command: Command, photos: Path, finished: Path, tmp_path: Path
) -> None:
    relative = tmp_path / "relative"
    relative.mkdir()
    plan = json.loads((finished / "finals" / "plan.json").read_text())
    rival = next(row["network"] for row in plan["finalists"] if row["role"] == "mobilenet_v2")
    (relative / "best.json").write_text(rival)
    (weights,) = (finished / "finals").glob(f"{Architecture.from_json(rival).id}-*.weights.*")
    shutil.copy(weights, relative / "weights.safetensors")
    run, words = tmp_path / "run", ("--inherit", relative, "--teacher", finished)
    answer = command("search", photos, *QUICK, *words, "--out", run)
    assert answer.code == 0 and f"They learned from {finished}" in answer.out
    result = RunFolder(run).read_result()
    assert result["support"] == {"inherit": str(relative), "teacher": str(finished)}
    shares = {row["role"]: row["inherited"] for row in result["finals"]}
    assert shares["mobilenet_v2"] > 0.5 and min(shares.values()) >= 0.0
    other = command("search", photos, *QUICK, "--inherit", "lite0", "--resume", "--out", run)
    assert other.code == 2 and "holds a search with inherit" in other.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--inherit", "nothing"), "No timm model is called 'nothing'"),
        (("--teacher", "nowhere"), "holds no trained network to learn from"),
    ],
)
def test_support_that_is_not_there_is_named_before_the_search(
    refused: Refused, photos: Path, words: tuple[str, str], said: str
) -> None:
    assert said in refused("search", photos, *QUICK, *words)
