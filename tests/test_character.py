"""A character of somebody's own, from glTF or OBJ: right where it is right, one clear line where it is not."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from character_helpers import mask, write_gltf, write_obj

from voxmesh.stream import character as characters
from voxmesh.stream.arkit import ARKIT_NAMES
from voxmesh.stream.bundle import Bundle, load
from voxmesh.stream.character import Pose
from voxmesh.stream.character_gltf import read_gltf
from voxmesh.stream.character_import import Imported, import_character, read
from voxmesh.stream.character_names import arkit_name, match
from voxmesh.stream.clock import FrameClock
from voxmesh.stream.errors import VoxmeshError
from voxmesh.stream.gltf import write_glb
from voxmesh.stream.topology import LANDMARKS, REGIONS

VERTICES, FACES, SHAPES = mask()


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *((name, name) for name in ARKIT_NAMES),
        *((name.upper().replace("LEFT", "_L").replace("RIGHT", "_R"), name) for name in ARKIT_NAMES),
        ("Face_M_EyeBlink_L", "eyeBlinkLeft"),
        ("blendShape1.eyeBlink.R", "eyeBlinkRight"),
        ("head:mouthSmileL", "mouthSmileLeft"),
        ("L_mouthSmile", "mouthSmileLeft"),
        ("CC_Base_Jaw_Open", "jawOpen"),
        ("browInnerUp_R", "browInnerUp"),
        ("underjawOpen", None),
        ("mouth", None),
        ("eyeBlink", None),
        ("", None),
    ],
)
def test_names_are_understood(name: str, meant: str | None) -> None:
    """Any case, side and prefix of ARKit's names, and nothing that merely ends like one."""
    assert arkit_name(name) == meant


def test_halves_add_up_and_doubles_do_not() -> None:
    """browInnerUp_L and _R are one shape; a second jawOpen is left over, as are strangers."""
    found, rest = match(["browInnerUp_L", "JawOpen", "browInnerUp_R", "x.jawOpen", "squish"])
    assert found == {"jawOpen": ("JawOpen",), "browInnerUp": ("browInnerUp_L", "browInnerUp_R")}
    assert rest == ("x.jawOpen", "squish")


def obj_folder(folder: Path, scale: float, names: dict[str, str]) -> Path:
    folder.mkdir()
    write_obj(folder / "Neutral.obj", VERTICES * scale, FACES)
    for name, file in names.items():
        write_obj(folder / file, (VERTICES + SHAPES[name]) * scale, FACES)
    return folder


@pytest.mark.parametrize(("scale", "unit"), [(1, "metres"), (100, "centimetres"), (1000, "millimetres")])
def test_a_few_obj_shapes_make_an_avatar(tmp_path: Path, shipped: Bundle, scale: float, unit: str) -> None:
    """Shapes with _L and _R names move as they were made, in metres whatever the file's unit; the others do not."""
    names = {"jawOpen": "jawOpen.obj", "eyeBlinkLeft": "Face_M_eyeBlink_L.obj", "eyeBlinkRight": "eyeBlink_R.obj"}
    folder = obj_folder(tmp_path / "obj", scale, names)
    (folder / "turntable.obj").write_text("not read")
    made = import_character(read(folder), shipped)
    topology, deltas = made.character.topology, made.character.deltas
    np.testing.assert_allclose(topology.template, VERTICES, atol=1e-6)
    np.testing.assert_array_equal(topology.faces, FACES)
    for name, delta in zip(ARKIT_NAMES, deltas, strict=True):
        np.testing.assert_allclose(delta, SHAPES[name] if name in names else 0 * VERTICES, atol=1e-6)
    text = "\n".join(made.lines)
    assert f"in {unit}" in text and "3 of 52 shapes" in text and "eyeBlinkLeft = Face_M_eyeBlink_L" in text
    assert "turntable.obj" in text and "size 140 x 180" in text and "warning" not in text


def test_marks_lie_where_the_shapes_move(tmp_path: Path, shipped: Bundle) -> None:
    """On a mask whose only features are its shapes: lips at the jaw's bump, lids and corners at theirs."""
    folder = obj_folder(tmp_path / "obj", 100, {name: f"{name}.obj" for name in SHAPES})
    topology = import_character(read(folder), shipped).character.topology
    at = {name: topology.template[vertex] for name, vertex in topology.landmarks.items()}
    assert set(at) >= set(LANDMARKS) and set(topology.regions) >= set(REGIONS)
    assert np.linalg.norm(at["lid_upper_left"][:2] - (0.031, 0.03)) < 0.016
    assert np.linalg.norm(at["lid_upper_right"][:2] - (-0.031, 0.03)) < 0.016
    assert at["mouth_left"][0] > 0.01 > -0.01 > at["mouth_right"][0]
    assert at["brow_left"][1] > at["lid_upper_left"][1] > at["nose_tip"][1] > at["lip_lower_inner"][1] > at["chin"][1]


def scene(path: Path, node: dict | None = None, **more: object) -> Path:
    """The mask as two primitives, its left and its right half: the middle's vertices are in both."""
    left = VERTICES[FACES].mean(1)[:, 0] > 0
    parts = [(VERTICES, FACES[half], SHAPES, {}) for half in (left, ~left)]
    write_gltf(path, parts, node, **more)
    return path


@pytest.mark.parametrize("suffix", [".glb", ".gltf"])
def test_primitives_are_merged_and_nodes_applied(tmp_path: Path, shipped: Bundle, suffix: str) -> None:
    """Two primitives become one mesh without doubles, turned, scaled and moved as their node says, in its colours."""
    turn = {"rotation": [0, 1, 0, 0], "scale": [0.5, 0.5, 0.5], "translation": [0, 1.6, 0.1]}  # half round, about Y
    back = {"rotation": [0, 1, 0, 0], "scale": [2, 2, 2]}
    red = {"pbrMetallicRoughness": {"baseColorFactor": [1, 0, 0, 1]}}
    path = scene(
        tmp_path / f"head{suffix}",
        None,
        nodes=[{"children": [1], **turn}, {"mesh": 0, **back}],
        materials=[red, {}],
    )
    topology = (made := import_character(read(path), shipped)).character.topology
    assert topology.vertices == len(VERTICES) and len(topology.faces) == len(FACES)
    order = np.lexsort(np.round(topology.template - (0, 1.6, 0.1), 5).T), np.lexsort(np.round(VERTICES, 5).T)
    np.testing.assert_allclose(topology.template[order[0]], VERTICES[order[1]] + (0, 1.6, 0.1), atol=1e-6)
    jaw = made.character.deltas[ARKIT_NAMES.index("jawOpen")]
    np.testing.assert_allclose(jaw[order[0]], SHAPES["jawOpen"][order[1]], atol=1e-6)
    assert topology.albedo[topology.template[:, 0] > 0.01].tolist().count([255, 0, 0]) > 200
    assert (topology.albedo[topology.template[:, 0] < -0.01] == 255).all()
    corners = topology.template[topology.faces]
    assert np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2].min() > 0  # still faces +Z


def test_a_mirrored_node_keeps_triangles_facing_out(tmp_path: Path) -> None:
    """A negative scale turns the winding, as glTF says."""
    sculpt = read(scene(tmp_path / "a.glb", {"scale": [-1, 1, 1]}))
    corners = sculpt.vertices[sculpt.faces]
    assert np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2].min() > 0


def test_a_skin_puts_the_mesh_where_its_joints_are(tmp_path: Path) -> None:
    """The mesh's own node does not count, the joint's place does: 1.5 m up and turned left."""
    joints, ones = np.zeros((len(VERTICES), 4)), np.eye(1, 4).repeat(len(VERTICES), 0)
    half = np.sqrt(0.5)
    write_gltf(
        tmp_path / "a.glb",
        [(VERTICES, FACES, SHAPES, {"JOINTS_0": joints, "WEIGHTS_0": ones})],
        nodes=[
            {"mesh": 0, "skin": 0, "translation": [9, 9, 9]},
            {"translation": [0, 1.5, 0], "rotation": [0, half, 0, half]},
        ],
        scenes=[{"nodes": [0, 1]}],
        skins=[{"joints": [1]}],
    )
    sculpt = read(tmp_path / "a.glb")
    turned = VERTICES @ np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]])
    np.testing.assert_allclose(sculpt.vertices, turned + np.array([0, 1.5, 0]), atol=1e-6)


def test_a_texture_colours_the_vertices(tmp_path: Path) -> None:
    """Each vertex has the picture's colour at its place; without a decoder there is a note and no failure."""
    from PIL import Image

    from voxmesh.viewer.texture import decode

    picture = io.BytesIO()
    Image.fromarray(np.repeat(np.uint8([[[200, 10, 10], [10, 10, 200]]]), 2, 0)).save(picture, "PNG")
    (tmp_path / "skin.png").write_bytes(picture.getvalue())
    uv = np.stack([np.where(VERTICES[:, 0] < 0, 0.25, 0.75), np.full(len(VERTICES), 0.5)], 1)
    write_gltf(
        tmp_path / "a.gltf",
        [(VERTICES, FACES, SHAPES, {"TEXCOORD_0": uv})],
        materials=[{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        textures=[{"source": 0}],
        images=[{"uri": "skin.png"}],
    )
    colours = read_gltf(tmp_path / "a.gltf", decode).colours
    assert (colours[VERTICES[:, 0] < 0] == (200, 10, 10)).all() and (colours[VERTICES[:, 0] > 0] == (10, 10, 200)).all()
    plain = read_gltf(tmp_path / "a.gltf")
    assert (plain.colours == 255).all() and any("texture" in note for note in plain.notes)


def broken_scene(folder: Path, what: str) -> Path:
    path = folder / "bad.glb"
    if what == "nan":
        write_gltf(path, [(np.where(np.arange(len(VERTICES))[:, None] == 7, np.nan, VERTICES), FACES, SHAPES, {})])
    elif what == "nan shape":
        write_gltf(path, [(VERTICES, FACES, {"jawOpen": SHAPES["jawOpen"] + np.nan}, {})])
    elif what == "no targets":
        write_gltf(path, [(VERTICES, FACES, {}, {})])
    elif what == "compressed":
        scene(path, extensionsRequired=["KHR_draco_mesh_compression"])
    elif what == "no names":
        left = [(VERTICES, FACES, SHAPES, {})]
        write_gltf(path, left, **{"meshes": []})
    elif what == "strangers":
        write_gltf(path, [(VERTICES, FACES, {"Fcl_MTH_A": SHAPES["jawOpen"]}, {})])
    elif what == "still":
        write_gltf(path, [(VERTICES, FACES, {"jawOpen": 0 * VERTICES}, {})])
    elif what == "far face":
        write_gltf(path, [(VERTICES, FACES + 60, SHAPES, {})])
    elif what == "text":
        path.write_text("hello")
    else:
        path.write_bytes(
            scene(path).read_bytes()[: {"cut": 9000, "cut early": 50, "cut late": 25000, "empty": 0}[what]]
        )
    return path


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("nan", "1 vertices of the neutral mesh are not numbers"),
        ("nan shape", "of jawOpen are not numbers"),
        ("no targets", "no morph targets"),
        ("no names", "holds no mesh"),
        ("compressed", "KHR_draco_mesh_compression"),
        ("strangers", "it has Fcl_MTH_A"),
        ("still", "move nothing"),
        ("far face", "damaged"),
        ("text", "damaged"),
        ("cut", "damaged"),
        ("cut early", "damaged"),
        ("cut late", "damaged"),
        ("empty", "damaged"),
    ],
)
def test_a_gltf_that_will_not_do_is_named(tmp_path: Path, shipped: Bundle, what: str, words: str) -> None:
    """The file, and what is wrong with it, in one error."""
    path = broken_scene(tmp_path, what)
    with pytest.raises(VoxmeshError, match=words) as caught:
        import_character(read(path), shipped)
    assert "bad.glb" in str(caught.value)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("jawOpen.obj", "v 0 0 0\nv 1 0 0\n", "jawOpen.obj has 2 vertices, neutral.obj has 576"),
        ("jawOpen.obj", "v 0 0\n", "jawOpen.obj is no OBJ file"),
        ("jawOpen.obj", "v a b c\n", "jawOpen.obj is no OBJ file"),
        ("jawOpen.obj", "", "jawOpen.obj is no OBJ file"),
        ("jawOpen.obj", "v nan 0 0\n" * 576, "jawOpen.obj: some"),
        ("neutral.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n", "neutral.obj is damaged"),
        ("neutral.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n", "neutral.obj is no OBJ"),
        ("neutral.obj", "v 0 0 0\n", "neutral.obj has no triangles"),
        ("neutral.obj", None, "neutral.obj or base.obj"),
    ],
)
def test_an_obj_that_will_not_do_is_named(tmp_path: Path, file: str, text: str | None, words: str) -> None:
    """Which of the folder's files, and why."""
    write_obj(tmp_path / "neutral.obj", VERTICES, FACES)
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(text)
    with pytest.raises(VoxmeshError, match=words):
        read(tmp_path)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, shipped: Bundle) -> tuple[Path, Imported]:
    """The shipped face, written as glTF by ourselves and imported again."""
    path = tmp_path_factory.mktemp("own") / "face.glb"
    write_glb(path, shipped.topology(0), ARKIT_NAMES, shipped.deltas, np.zeros((1, 52)), FrameClock(16000, 60, 1))
    return path, import_character(read(path), shipped)


def test_our_own_face_comes_back_as_it_was(own: tuple[Path, Imported], shipped: Bundle) -> None:
    """Every corner of every triangle, at rest and in any pose, and every landmark, to a hundredth of a millimetre."""
    character, face = own[1].character, shipped.topology(0)
    weights = np.random.default_rng(0).random(52).astype(np.float32)
    posed = face.template + np.einsum("s,svc->vc", weights, shipped.deltas)
    back = Pose(character.topology.template, character.deltas)(weights)
    np.testing.assert_allclose(back[character.topology.faces], posed[face.faces], atol=1e-5)
    for name, vertex in face.landmarks.items():
        found = character.topology.template[character.topology.landmarks[name]]
        np.testing.assert_allclose(found, face.template[vertex], atol=1e-5, err_msg=name)


def test_it_is_kept_and_may_be_corrected(tmp_path: Path, own: tuple[Path, Imported]) -> None:
    """Saved and loaded it is the same; a landmark may be given as a vertex or as a point."""
    character = own[1].character
    characters.save(character, tmp_path / "a")
    again = characters.load(tmp_path / "a")
    np.testing.assert_array_equal(again.deltas, character.deltas)
    np.testing.assert_array_equal(again.topology.template, character.topology.template)
    assert again.topology.landmarks == character.topology.landmarks and again.about == character.about
    path = tmp_path / "a" / "avatar.json"
    about = json.loads(path.read_text())
    about["landmarks"] |= {"chin": 5, "nose_tip": (character.topology.template[77] + 1e-5).tolist()}
    path.write_text(json.dumps(about))
    marks = characters.load(tmp_path / "a").topology.landmarks
    assert (marks["chin"], marks["nose_tip"]) == (5, 77)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"landmarks": {"chin": 5}}, "landmarks lack lip_upper_inner"),
        ({"landmarks": 3}, "landmarks lack"),
        ({"chin": 10**6}, "landmark chin is 1000000"),
        ({"chin": "there"}, "landmark chin is 'there'"),
        ({"format": 9}, "avatar.json is damaged"),
        (b"{", "avatar.json is damaged"),
        ("cut", "avatar.npz is damaged"),
        ("nan", "avatar.npz is damaged .some positions"),
        ("faces", "avatar.npz is damaged .a face names vertex"),
        ("object", "avatar.npz is damaged"),
        ("gone", "no avatar in"),
    ],
)
def test_a_damaged_avatar_is_named(tmp_path: Path, shipped: Bundle, damage: object, words: str) -> None:
    """Whichever file, and whatever is wrong in it; nothing is unpickled."""
    write_obj(tmp_path / "base.obj", VERTICES, FACES)
    write_obj(tmp_path / "jawOpen.obj", VERTICES + SHAPES["jawOpen"], FACES)
    folder = tmp_path / "a"
    characters.save(import_character(read(tmp_path), shipped).character, folder)
    about, arrays = folder / "avatar.json", folder / "avatar.npz"
    values = dict(np.load(arrays))
    if isinstance(damage, dict):
        text = json.loads(about.read_text())
        text["landmarks"] |= {key: value for key, value in damage.items() if key in text["landmarks"]}
        about.write_text(json.dumps(text | {key: value for key, value in damage.items() if key in text}))
    elif isinstance(damage, bytes):
        about.write_bytes(damage)
    elif damage == "cut":
        arrays.write_bytes(arrays.read_bytes()[:500])
    elif damage == "gone":
        arrays.unlink()
    else:
        values["deltas"][0, 0, 0] = np.nan if damage == "nan" else 0
        values["faces"][0, 0] = 10**6 if damage == "faces" else 0
        if damage == "object":
            values["albedo"] = np.array([print, 1], object)
        np.savez(arrays, **values)
    with pytest.raises(VoxmeshError, match=words):
        characters.load(folder)


def test_the_command_reports_and_draws(tmp_path: Path, cli: Callable) -> None:
    """`avatar import` tells the shapes, what is missing and the size, and draws the poses that prove it."""
    scene(tmp_path / "head.glb")
    result = cli("avatar", "import", "head.glb", "-o", "mine", timeout=300)  # drawn in software
    assert result.returncode == 0, result.stderr
    assert "6 of 52 shapes found" in result.stdout and "size 140 x 180 x" in result.stdout
    assert "not there, so they will not move: eyeLookDownLeft," in result.stdout
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["avatar.json", "avatar.npz", "avatar.png"]
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("mine")
    result = cli("avatar", "import", "head.glb", "-o", "notes")
    assert result.returncode == 2 and "something else" in result.stderr
    result = cli("avatar", "import", "head.fbx", "-o", "b")
    assert result.returncode == 2 and ".glb, .gltf or .vrm" in result.stderr and result.stderr.count("\n") == 1
