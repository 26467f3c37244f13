"""Small data sets in exactly the published layouts, warts included: same files, same vertex counts, a second of motion.

Every writer fills a folder and returns it.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import soundfile
from conftest import voice

COUNTS = {"multiface": 7306, "vocaset": 5023, "vocaset-mm": 5023, "biwi": 23370, "meshtalk": 6172, "plain": 600}
MULTIFACE = ("m--20180227--0000--6795937--GHS", "m--20180510--0000--5372021--GHS")
VOCASET = ("FaceTalk_170728_03272_TA", "FaceTalk_170811_03275_TA")
SENTENCE = "SEN_a_good_morrow_to_you_my_boy"


def face(count: int) -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    """A dome of `count` vertices that looks along +Z, 0.24 m high, and its quads."""
    columns = int(np.ceil(np.sqrt(count)))
    row, column = np.divmod(np.arange(count), columns)
    u, v = 2 * column / (columns - 1) - 1, 2 * row / ((count - 1) // columns) - 1
    points = np.stack([0.08 * u, -0.12 * v, 0.09 * np.sqrt(np.clip(1.9 - u * u - v * v, 0, None) / 1.9)], axis=1)
    corners = np.arange(count - columns - 1)
    corners = corners[corners % columns < columns - 1]
    quads = [(int(i), int(i) + columns, int(i) + columns + 1, int(i) + 1) for i in corners]
    return points.astype(np.float32), quads


def region(points: np.ndarray, name: str) -> np.ndarray:
    """(V,) float32, 0 or 1."""
    y = points[:, 1]
    bands = {"mouth": (-0.09, -0.03), "upper": (0.02, 0.13), "eyelid": (0.02, 0.04)}
    low, high = bands[name]
    return ((y > low) & (y < high)).astype(np.float32)


def motion(points: np.ndarray, frames: int, fps: float) -> np.ndarray:
    """(T, V, 3) metres: the mouth opens by 8 mm and closes, three times a second."""
    drop = 0.008 * np.abs(np.sin(np.pi * 3.0 * np.arange(frames) / fps))
    moved = np.repeat(points[None], frames, axis=0)
    moved[:, :, 1] -= drop[:, None] * region(points, "mouth")
    return moved.astype(np.float32)


def write_wav(path: Path, seconds: float, rate: int, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = voice(seconds, rate)
    soundfile.write(path, np.stack([samples] * channels, axis=1), rate)


def write_obj(path: Path, points: np.ndarray, quads: list[tuple[int, int, int, int]]) -> None:
    """With texture coordinates and quads, as captures' tools write them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["# made by a test", *(f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points), "vt 0.5 0.5"]
    lines += ["f " + " ".join(f"{i + 1}/1" for i in quad) for quad in quads]
    path.write_text("\n".join(lines) + "\n")


def write_ply(path: Path, points: np.ndarray, quads: list[tuple[int, int, int, int]], binary: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "binary_little_endian" if binary else "ascii"
    triangles = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    head = (
        f"ply\nformat {kind} 1.0\ncomment a test's\nelement vertex {len(points)}\nproperty float x\nproperty float y\n"
    )
    head += f"property float z\nelement face {len(triangles)}\nproperty list uchar int vertex_indices\nend_header\n"
    if binary:
        rows = np.zeros(len(triangles), [("n", "u1"), ("i", "<i4", 3)])
        rows["n"], rows["i"] = 3, triangles
        path.write_bytes(head.encode() + points.astype("<f4").tobytes() + rows.tobytes())
    else:
        body = [" ".join(f"{value:.6f}" for value in point) for point in points]
        body += [f"3 {a} {b} {c}" for a, b, c in triangles]
        path.write_text(head + "\n".join(body) + "\n")


def write_masks(folder: Path, points: np.ndarray, pattern: str = "{}_weight_mask.npy") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("mouth", "upper", "eyelid"):
        np.save(folder / pattern.format(name), region(points, name))


def write_multiface(folder: Path, seconds: float = 1.0) -> Path:
    """Two identities, in millimetres; a list out of order that names more than was fetched; a lost frame."""
    points, quads = face(COUNTS["multiface"])
    for subject in MULTIFACE:
        lines = ["E057_Cheeks_Puffed 021897"]  # listed, not fetched
        for segment, first, frames in (("E001_Neutral_Eyes_Open", 102, 3), (SENTENCE, 23389, round(30 * seconds))):
            where = folder / subject / "tracked_mesh" / segment
            where.mkdir(parents=True)
            moving = motion(points, frames, 30.0) if segment == SENTENCE else np.repeat(points[None], frames, axis=0)
            for i, vertices in enumerate(moving):
                if segment == SENTENCE and i == 5:
                    continue
                number = f"{first + 3 * i:06d}"
                (where / f"{number}.bin").write_bytes((vertices * 1000).astype("<f4").tobytes())
                turn = np.column_stack([np.eye(3), [10.0, i, 1000.0]])
                np.savetxt(where / f"{number}_transform.txt", turn, fmt="%.6f")
                lines.append(f"{segment} {number}")
            write_obj(where / f"{first:06d}.obj", points * 1000, quads)
            (where / f"{first + 3 * frames:06d}.bin").write_bytes(b"not listed")
        (folder / subject / "frame_list.txt").write_text("\n".join([*lines[-7:], *lines[:-7]]) + "\n")
        write_wav(folder / subject / "audio" / f"{SENTENCE}.wav", seconds, 48000)
    return folder


def write_vocaset(folder: Path, seconds: float = 1.0) -> Path:
    """VOCA's own files, as Python 2 pickled: rows of a clip scattered, one frame missing; 22,000 Hz; no triangles."""
    folder.mkdir(parents=True, exist_ok=True)
    points, quads = face(COUNTS["vocaset"])
    rng = np.random.default_rng(3)
    frames = round(60 * seconds)
    blocks, index, audio = [], {}, {}
    for subject, names in zip(VOCASET, (["sentence01", "sentence02"], ["sentence20", "sentence21"]), strict=True):
        index[subject], audio[subject] = {}, {}
        for name in names:
            start = sum(map(len, blocks))
            order = rng.permutation(frames)
            blocks.append(motion(points, frames, 60.0)[order])
            rows = {int(frame): start + at for at, frame in enumerate(order) if frame != 7}
            index[subject][name] = rows
            samples = (voice(seconds, 22000) * 32767).astype(np.int16)
            audio[subject][name] = {"audio": samples, "sample_rate": 22000}
    np.save(folder / "data_verts.npy", np.concatenate(blocks))
    for name, value in (
        ("subj_seq_to_idx", index),
        ("templates", {subject: points.astype(np.float64) for subject in VOCASET}),
        ("raw_audio_fixed", audio),
    ):
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(value, protocol=2))
    write_ply(folder / "FLAME_sample.ply", points, quads, binary=False)
    return folder


def write_vocaset_mm(folder: Path, seconds: float = 1.0) -> Path:
    """MM 2023's: one pickle of all meshes, templates as binary and text .ply, masks, mean and deviation."""
    points, quads = face(COUNTS["vocaset-mm"])
    meshes: dict[str, dict[str, np.ndarray]] = {}
    for i, subject in enumerate(VOCASET):
        write_ply(folder / "templates" / f"{subject}.ply", points, quads, binary=i == 0)
        meshes[subject] = {}
        for name in ("sentence21", "sentence22"):
            meshes[subject][name] = motion(points, round(60 * seconds), 60.0)
            write_wav(folder / "audio" / subject / f"{name}.wav", seconds, 22000)
    (folder / "verts_data.pkl").write_bytes(pickle.dumps(meshes, protocol=4))
    write_masks(folder, points)
    np.save(folder / "face_axis_mean.npy", points.mean(axis=0))
    np.save(folder / "face_axis_std.npy", points.std(keepdims=True).reshape(1))
    return folder


def write_biwi(folder: Path, seconds: float = 0.8) -> Path:
    """Millimetres; emotional and neutral clips, one written flat, one on the list of faulty ones; stereo 44.1 kHz."""
    points, quads = face(COUNTS["biwi"])
    for subject, names in {"F2": ["e01", "e37", "05"], "F1": ["e12", "e38"]}.items():
        write_ply(folder / "templates" / f"{subject}.ply", points * 1000, quads, binary=True)
        for name in names:
            moving = motion(points, round(25 * seconds), 25.0) * 1000
            path = folder / "vertices" / subject / f"{name}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, moving.reshape(len(moving), -1) if name == "e37" else moving)
            write_wav(folder / "audio" / f"{subject}_{name}_cut.wav", seconds, 44100, channels=2)
    write_masks(folder, points)
    np.save(folder / "face_axis_mean.npy", points.mean(axis=0) * 1000)
    np.save(folder / "face_axis_std.npy", np.array([points.std() * 1000]))
    return folder


def write_meshtalk(folder: Path, seconds: float = 1.0) -> Path:
    """Millimetres; templates as .obj with quads and texture; mean and deviation with dimensions of 1 around them."""
    points, quads = face(COUNTS["meshtalk"])
    for subject in MULTIFACE:
        write_obj(folder / "template_regen" / f"{subject}.obj", points * 1000, quads)
        for name in (SENTENCE, "SEN_youre_boiling_milk_aint_you"):
            path = folder / "mesh_sequences" / subject / f"{name}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, motion(points, round(30 * seconds), 30.0) * 1000)
            write_wav(folder / "audio" / subject / f"{name}.wav", seconds, 16000)
    write_masks(folder, points)
    np.save(folder / "face_axis_mean.npy", points.mean(axis=0)[None] * 1000)
    np.save(folder / "face_axis_std.npy", np.array([[points.std() * 1000]]))
    return folder


def write_plain(folder: Path, seconds: float = 1.0, clips: int = 3) -> Path:
    """Our own: centimetres at 29.97 fps, with head poses."""
    points, quads = face(COUNTS["plain"])
    about = {"fps": 29.97, "unit": "cm", "test": ["anna/take0"]}
    for subject in ("anna", "ben"):
        write_obj(folder / "templates" / f"{subject}.obj", points * 100, quads)
        for clip in range(clips):
            path = folder / "meshes" / subject / f"take{clip}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            moving = motion(points, round(29.97 * seconds), 29.97) * 100
            np.save(path, moving)
            write_wav(folder / "audio" / subject / f"take{clip}.flac", seconds, 32000)
            pose = folder / "poses" / subject / f"take{clip}.npy"
            pose.parent.mkdir(parents=True, exist_ok=True)
            np.save(pose, np.repeat(np.eye(3, 4)[None], len(moving), axis=0))
    (folder / "dataset.json").write_text(json.dumps(about))
    write_masks(folder / "masks", points, "{}.npy")
    return folder


WRITERS = {
    "multiface": write_multiface,
    "vocaset": write_vocaset,
    "vocaset-mm": write_vocaset_mm,
    "biwi": write_biwi,
    "meshtalk": write_meshtalk,
    "plain": write_plain,
}
