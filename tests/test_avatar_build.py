"""Building the avatar: the same every time, in a process that knows nothing else."""

import hashlib
import subprocess
import sys

from voxmesh.model.avatar.build import build_avatar

_DIGEST = """
import hashlib, sys
from voxmesh.model.avatar.build import build_avatar
a = build_avatar(5)
t = a.topology
arrays = (t.template, t.faces, t.albedo, t.occlusion, t.gloss, a.deltas)
heavy = [m for m in ("torch", "open3d", "trimesh") if m in sys.modules]
print(hashlib.sha256(b"".join(x.tobytes() for x in arrays)).hexdigest(), *heavy)
"""


def test_deterministic_and_light():
    """A second process builds the same bytes, without torch, Open3D or trimesh."""
    avatar = build_avatar(5)
    t = avatar.topology
    arrays = (t.template, t.faces, t.albedo, t.occlusion, t.gloss, avatar.deltas)
    here = hashlib.sha256(b"".join(x.tobytes() for x in arrays)).hexdigest()
    there = subprocess.run([sys.executable, "-c", _DIGEST], capture_output=True, text=True, check=True).stdout.split()
    assert there == [here]


def test_cached():
    """Asking again costs nothing."""
    assert build_avatar(0) is build_avatar(0)
