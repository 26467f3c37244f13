"""The ablations: features of another look-ahead, which clips a setting hears, and each tool from end to end."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from conftest import small_config, voice
from PIL import Image

import latents
import lookahead
import recipe
import short_measures
from chart import Panel, Series, draw_chart, ticks
from voxmesh.model import prepare as preparing
from voxmesh.model.avatar.build import build_avatar
from voxmesh.model.checkpoint import Run
from voxmesh.model.lookahead import at_lookahead
from voxmesh.model.prepare import fit_basis
from voxmesh.model.store import Store, build_store
from voxmesh.model.talker.dataset import frames_of, write_dataset
from voxmesh.model.train_audio import train_audio
from voxmesh.model.trainer import Training
from voxmesh.stream.features import FeatureConfig, log_mel

CONFIG = small_config(heads=4)
SHORT = ("--steps", "2", "--batch", "2", "--frames", "32", "--device", "cpu", "--threads", "1", "--valid-clips", "2")


def sounds() -> list[np.ndarray]:
    """Two clips at 16 kHz: 0.2 s of next to nothing first, as the talker's have, then a voice."""
    hiss = np.random.default_rng(0).normal(0, 1e-4, 3200).astype(np.float32)
    return [np.concatenate([hiss, voice(seconds, 16000)]) for seconds in (2.0, 2.5)]


def store_of(clips: list[np.ndarray], features: FeatureConfig) -> Store:
    """Their features; curves and phones that tell each frame from every other."""
    lengths = [frames_of(len(clip)) for clip in clips]
    ends = np.cumsum(lengths)
    rows = np.concatenate([log_mel(clip, features) for clip in clips])
    curves = np.repeat(np.arange(ends[-1], dtype=np.float32)[:, None], 52, axis=1)
    spans = np.stack([ends - lengths, ends], axis=1)
    return Store(
        rows[None].astype(np.float16),
        curves,
        np.arange(ends[-1]) % 40,
        spans,
        np.zeros((len(clips), 5), np.float32),
        curves,
    )


@pytest.mark.parametrize("frames", lookahead.FRAMES)
def test_shifted_features_are_those_of_the_other_look_ahead(frames: int) -> None:
    """Rows of a 100 ms store, paired with other frames, are what `log_mel` makes at 0 to 200 ms.

    Windows end on the same sample or one beside it; running means began at most 100 ms of near silence apart.
    """
    features, clips = FeatureConfig(), sounds()
    wanted = replace(features, lookahead_samples=features.clock.sample(frames))
    fresh = np.concatenate([log_mel(clip, wanted) for clip in clips])
    shifted = at_lookahead(store_of(clips, features), frames - 6, -6, 6)
    rows = np.concatenate([np.arange(clip.start, clip.stop) for clip in shifted.clips()])
    got, depicted = np.float32(shifted.features[0, rows]), shifted.curves[rows, 0].astype(int)
    away = np.abs(got - fresh[depicted])
    assert np.median(away) < 0.002 and np.quantile(away, 0.99) < 0.1, (np.median(away), np.quantile(away, 0.99))
    a_frame_off = np.abs(got - fresh[depicted - 1])
    assert away.mean() < 0.02 * a_frame_off.mean()
    np.testing.assert_array_equal(shifted.phones[rows], depicted % 40)


def test_every_look_ahead_learns_from_the_same_frames() -> None:
    """The same draw gives each look-ahead crops of the same frames, inside one clip each."""
    store = store_of(sounds(), FeatureConfig())
    seen = []
    for frames in lookahead.FRAMES:
        shifted = at_lookahead(store, frames - 6, -6, 6)
        _, rows = shifted.crops(np.random.default_rng(3), 64, 90, 0.5)
        clip = np.searchsorted(store.spans[:, 1], rows, side="right")
        assert (clip == clip[:, :1]).all()
        seen.append(shifted.curves[rows, 0])
        assert (np.diff(seen[-1]) == 1).all()
    assert all(np.array_equal(seen[0], other) for other in seen[1:])


def test_a_setting_hears_the_clips_it_says() -> None:
    """Voices and speechless clips are left out by the setting that says so, and by no other."""
    voices = ["flite:rms"] * 4 + [f"espeak:en+{i}" for i in range(10)] + ["none", "espeak:en+0", "people:cs:small"]

    def heard(**off: bool) -> set[str]:
        kept = recipe.chosen(voices, replace(recipe.Ingredients(), **off))
        return {name for name, keep in zip(voices, kept, strict=True) if keep}

    assert heard() == set(voices) == heard(sound_augmented=False, phones_named=False)
    assert heard(people=False) == set(voices) - {"people:cs:small"}
    assert heard(recorded_voices=False) == set(voices) - {"flite:rms", "people:cs:small"}
    assert heard(speechless_clips=False) == set(voices) - {"none"}
    few = heard(many_voices=False)
    assert {"none", "flite:rms", "espeak:en+0"} < few and len(few) == recipe.FEW + 1


def test_without_the_running_mean_a_gain_stays() -> None:
    """Twice the amplitude is 1.39 in log power, for good."""
    features = recipe.without_running_mean(FeatureConfig())
    samples = 0.3 * voice(1.0, 16000)
    quiet, loud = log_mel(samples, features), log_mel(2 * samples, features)
    inside = (np.abs(quiet) < 4.0) & (quiet > -4.0)
    np.testing.assert_allclose((loud - quiet)[inside], 2 * np.log(2.0), atol=0.05)


def test_ticks_are_round_and_reach_around() -> None:
    """Every range is covered by a few even steps."""
    for low, high in ((0.0, 200.0), (0.812, 0.871), (3.3, 3.3), (-2.0, 7.0)):
        marks = ticks(low, high)
        assert marks[0] <= low + 1e-9 and marks[-1] >= high - 1e-9 and 2 <= len(marks) <= 8, marks
        np.testing.assert_allclose(np.diff(marks), marks[1] - marks[0])


def test_a_chart_shows_every_line(tmp_path: Path) -> None:
    """Each line leaves its colour in the picture, where its points are."""
    lines = [Series("falls", [(0, 3.0), (100, 1.0)]), Series("rises", [(0, 1.0), (100, 2.0)])]
    draw_chart([Panel("one", "ms", lines), Panel("two", "ms", lines[:1])], tmp_path / "chart.png")
    pixels = np.asarray(Image.open(tmp_path / "chart.png")).astype(int)
    left, right = np.split(pixels, 2, axis=1)

    def count(panel: np.ndarray, colour: tuple[int, int, int]) -> int:
        return int((np.abs(panel - colour).max(2) < 8).sum())

    assert min(count(left, (31, 111, 235)), count(left, (219, 109, 40)), count(right, (31, 111, 235))) > 1000
    assert count(right, (219, 109, 40)) == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips to train on, two to validate on, a recording, and a prepared run with an audio stage, all tiny."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("ablations")
    write_dataset(folder / "train", 6, 1, "train")
    write_dataset(folder / "valid", 2, 3, "valid")
    (folder / "real").mkdir()
    soundfile.write(folder / "real" / "buzz.wav", voice(2.0, 22050), 22050)
    (folder / "real" / "buzz.phones.json").write_text('[["P", 0.4, 0.5], ["AA", 0.5, 0.8], ["IY", 0.9, 1.1]]')
    run = Run(folder / "run")
    run.create(CONFIG)
    store = build_store(run.folder / "features", folder / "train", CONFIG.features, variants=2, seed=0, workers=1)
    face, to_coefficients = fit_basis(CONFIG, [avatar(0)], store.curves)
    run.save_arrays("rig", to_coefficients=to_coefficients)
    run.save("face", face)
    return folder


avatar = cache(build_avatar)


@pytest.mark.parametrize("tool", ["lookahead", "recipe", "latents"])
def test_a_tool_tells_its_figures_and_repeats_nothing(
    tool: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps of a setting end in a table and a JSON line; run again, nothing is trained and the line is equal."""
    for module in (preparing, short_measures):
        monkeypatch.setattr(module, "build_avatar", avatar)
    folders = ("--data", place / "train", "--valid", place / "valid", "--real", place / "real")
    arguments = [*folders, "--prepared", place / "run", "--work", tmp_path, *SHORT]
    if tool == "lookahead":
        arguments += ["-o", tmp_path / "curve.png"]
    if tool == "latents":
        monkeypatch.setattr(latents, "SIZES", ((2, 4), latents.CHOSEN))
        training = Training(steps=2, batch=2, frames=32, warmup_steps=1)
        train_audio(Run(place / "run"), training)
        arguments += ["--audio", place / "run", "--live-clips", "1"]
    main = {"lookahead": lookahead.main, "recipe": recipe.main, "latents": latents.main}[tool]

    def once() -> tuple[dict, dict[str, int]]:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        weights = {str(path): path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
        return json.loads(result.stdout.splitlines()[-1]), weights

    first, trained = once()
    again, after = once()
    assert again == first and after == trained
    settings = first["lookahead_ms" if tool == "lookahead" else tool]
    expected = {"lookahead": ["0", "33", "67", "100", "200"], "recipe": list(recipe.SETTINGS)}
    assert list(settings) == expected.get(tool, [
        "2x4", "12x64", "12x64, temperature 0", "12x64, temperature 0.5", "12x64, temperature 1",
            "12x64, nothing swapped",
    ])  # fmt: skip
    for found in settings.values():
        error = found["live"]["lip_error_mm"] if tool == "latents" else found["noisy"]["mouth_rms_mm"]
        assert 0.1 < error < 30.0
    if tool == "lookahead":
        assert (tmp_path / "curve.png").is_file()
        assert len({found["clean"]["mouth_rms_mm"] for found in settings.values()}) == 5
    other = CliRunner().invoke(main, [*map(str, arguments), "--steps", "3"])
    assert other.exit_code == 2 and "steps 2 then, 3 now" in other.stderr
