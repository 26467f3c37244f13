"""Films: read back what was written, picture for picture and sample for sample."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from viewer_helpers import ball

from voxmesh.stream.errors import VoxmeshError
from voxmesh.viewer.clip import load_clip
from voxmesh.viewer.commands import render, sheet
from voxmesh.viewer.sound import read_sound
from voxmesh.viewer.video import write_video

FPS = Fraction(30)


def click_at(sample: int, length: int, rate: int = 16000) -> np.ndarray:
    """(length,) float32: silence, and 30 ms of tone from `sample` on."""
    sound = np.zeros(length, np.float32)
    tone = np.arange(int(0.03 * rate))
    sound[sample : sample + len(tone)] = 0.7 * np.sin(2 * np.pi * 1000 * tone / rate)
    return sound


def read_back(path: Path) -> tuple[list[np.ndarray], Fraction, np.ndarray, float, int]:
    """Pictures, frame rate, sound, the time at which the sound starts (s), and its rate."""
    with av.open(str(path)) as file:
        pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
        rate = file.streams.video[0].average_rate
        if not file.streams.audio:
            return pictures, rate, np.zeros(0), 0.0, 0
        file.seek(0)
        blocks = list(file.decode(audio=0))
        sound = np.concatenate([block.to_ndarray()[0] for block in blocks])
        return pictures, rate, sound, float(blocks[0].pts * blocks[0].time_base), blocks[0].sample_rate


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """One second of a ball that grows, from its half on white; it depicts samples from 0 on."""
    topology = ball()
    grow = 0.5 + np.arange(30)[:, None, None] / 60
    path = tmp_path / "clip.npz"
    np.savez(
        path,
        vertices=(topology.template * grow).astype(np.float32),
        faces=topology.faces,
        audio_sample=np.arange(30) * 16000 // 30,
        fps_num=30,
        fps_den=1,
        sample_rate=16000,
        template=topology.template,
        albedo=topology.albedo,
        occlusion=topology.occlusion,
        gloss=topology.gloss,
        landmark_names=np.array(["nose_tip"]),
        landmark_vertices=np.array([3]),
    )
    return path


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(25), Fraction(30000, 1001)])
def test_a_film_has_its_pictures_at_their_rate(tmp_path: Path, fps: Fraction) -> None:
    """Every picture comes back, in order, at the exact rate, in its colours."""
    pictures = [np.full((48, 64, 3), (40 + 6 * k, 128, 200 - 6 * k), np.uint8) for k in range(20)]
    assert write_video(tmp_path / "film.mp4", iter(pictures), fps) == 20
    back, rate, *_ = read_back(tmp_path / "film.mp4")
    assert len(back) == 20 and rate == fps
    for sent, got in zip(pictures, back, strict=True):
        assert np.abs(got.astype(int) - sent).max() <= 8


def test_the_sound_starts_with_the_first_picture(tmp_path: Path) -> None:
    """A white picture and a click at the same moment are still together, and the sound is as long as the pictures."""
    pictures = [np.full((64, 64, 3), 255 if k == 30 else 0, np.uint8) for k in range(60)]
    path = tmp_path / "film.mp4"
    write_video(path, pictures, FPS, click_at(16000, 48000), 16000)
    back, _, sound, start_s, rate = read_back(path)
    assert [int(picture.mean()) > 200 for picture in back].index(True) == 30
    heard_s = start_s + int(np.argmax(np.abs(sound) > 0.2)) / rate
    assert heard_s == pytest.approx(1.0, abs=0.005)
    assert start_s + len(sound) / rate == pytest.approx(2.0, abs=0.1)


def test_a_film_plays_before_it_is_all_there(tmp_path: Path) -> None:
    """The index (moov) comes before the data (mdat)."""
    path = tmp_path / "film.mp4"
    write_video(path, [np.zeros((32, 32, 3), np.uint8)] * 5, FPS)
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """No picture, an odd size, a rate AAC lacks and a missing folder are told apart."""
    picture = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(VoxmeshError, match="no picture"):
        write_video(tmp_path / "a.mp4", [], FPS)
    with pytest.raises(VoxmeshError, match="31 x 32"):
        write_video(tmp_path / "a.mp4", [picture[:, :31]], FPS)
    with pytest.raises(VoxmeshError, match="12345 Hz"):
        write_video(tmp_path / "a.mp4", [picture], FPS, np.zeros(10, np.float32), 12345)
    with pytest.raises(VoxmeshError, match="cannot write"):
        write_video(tmp_path / "no" / "a.mp4", [picture], FPS)


def test_sound_of_any_rate_is_read(tmp_path: Path) -> None:
    """Stereo becomes one channel, and a rate that AAC lacks becomes 48 kHz with its length kept."""
    path = tmp_path / "a.wav"
    for rate, expected in ((44100, 44100), (37800, 48000)):
        tone = click_at(rate // 2, rate, rate)
        soundfile.write(path, np.stack([tone, tone], 1), rate)
        sound, got = read_sound(path)
        assert got == expected and len(sound) == pytest.approx(expected, abs=100)
        assert int(np.argmax(np.abs(sound) > 0.2)) / got == pytest.approx(0.5, abs=0.002)
    with pytest.raises(VoxmeshError, match=r"no\.wav"):
        read_sound(tmp_path / "no.wav")
    path.write_bytes(b"nothing that sounds")
    with pytest.raises(VoxmeshError, match=r"a\.wav"):
        read_sound(path)


def test_render_draws_a_film_with_its_sound(clip: Path, tmp_path: Path) -> None:
    """`render` draws each frame, and a cut takes the sound that belongs to it."""
    soundfile.write(tmp_path / "a.wav", click_at(12000, 16000), 16000)
    film = tmp_path / "film.mp4"
    arguments = [str(clip), "-o", str(film), "--audio", str(tmp_path / "a.wav"), "--size", "64", "--start", "0.5"]
    CliRunner().invoke(render, arguments, catch_exceptions=False)
    pictures, rate, sound, start_s, hz = read_back(film)
    assert len(pictures) == 15 and rate == 30
    assert start_s + int(np.argmax(np.abs(sound) > 0.2)) / hz == pytest.approx(0.25, abs=0.005)
    # The ball grows: the last picture shows more of it than the first.
    covered = [(picture[..., 0] > picture[..., 2].astype(int) + 20).sum() for picture in pictures]
    assert covered[-1] > 1.3 * covered[0] > 0


def test_render_and_sheet_draw_pictures(clip: Path, tmp_path: Path) -> None:
    """A PNG is the frame at --start; a strip or a sheet holds as many as asked for."""
    from PIL import Image

    one, strip, grid = (tmp_path / f"{name}.png" for name in ("one", "strip", "grid"))
    for command, arguments in (
        (render, ["-o", str(one), "--size", "80x90", "--start", "0.5"]),
        (render, ["-o", str(strip), "--size", "60x90", "--strip", "4"]),
        (sheet, ["-o", str(grid), "--size", "60x90", "--frames", "5", "--columns", "3"]),
    ):
        CliRunner().invoke(command, [str(clip), *arguments], catch_exceptions=False)
    assert [Image.open(path).size for path in (one, strip, grid)] == [(80, 90), (240, 90), (180, 180)]
    assert np.asarray(Image.open(one)).std() > 10


def test_clips_that_are_none_are_refused(clip: Path, tmp_path: Path) -> None:
    """A missing file, a file of another kind, one that lacks arrays, and a cut past the end say so."""
    other = tmp_path / "other.npz"
    with pytest.raises(VoxmeshError, match="no file"):
        load_clip(other)
    other.write_bytes(b"not a zip")
    with pytest.raises(VoxmeshError, match="not a clip"):
        load_clip(other)
    np.savez(other, vertices=np.zeros((1, 4, 3)), faces=np.zeros((1, 3), int))
    with pytest.raises(VoxmeshError, match="lacks audio_sample, fps_num"):
        load_clip(other)
    with pytest.raises(VoxmeshError, match=r"1\.00 s long"):
        load_clip(clip).cut(1.0)
    assert len(load_clip(clip).cut(0.5, 0.2).vertices) == 6


def test_a_sheet_shows_what_the_face_does_at_phones(clip: Path, tmp_path: Path) -> None:
    """With --phones a sheet has the frame in the middle of each phone, or of the first of each that is picked."""
    (tmp_path / "p.json").write_text('[["P", 0.0, 0.2], ["AA1", 0.4, 0.6], ["P", 0.8, 0.9], ["S", 5.0, 5.1]]')
    shared = [str(clip), "--phones", str(tmp_path / "p.json"), "--size", "64x86", "-o"]
    for name, more, cells in (("all.png", [], 3), ("some.png", ["--pick", "aa,p"], 2)):
        CliRunner().invoke(sheet, [*shared, str(tmp_path / name), *more], catch_exceptions=False)
        assert picture_size(tmp_path / name) == (64 * cells, 86)
    with pytest.raises(VoxmeshError, match=r"has no S in this part.*it has"):
        CliRunner().invoke(sheet, [*shared, str(tmp_path / "no.png"), "--pick", "s"], catch_exceptions=False)
    with pytest.raises(VoxmeshError, match="--phones"):
        CliRunner().invoke(sheet, [str(clip), "-o", str(tmp_path / "no.png"), "--pick", "s"], catch_exceptions=False)


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture."""
    with av.open(str(path)) as file:
        return file.streams.video[0].width, file.streams.video[0].height
